"""The two checksums that Google keeps of an object, as it writes them."""

from __future__ import annotations

import base64
import hashlib

import google_crc32c


class Checksums:
    """The checksums of bytes that come in parts."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c: int = 0

    def update(self, data: bytes) -> None:
        """Add the next part."""
        self._md5.update(data)
        self._crc32c = google_crc32c.extend(self._crc32c, data)

    @property
    def md5(self) -> str:
        """Of what has come so far, in base64."""
        return base64.b64encode(self._md5.digest()).decode()

    @property
    def crc32c(self) -> str:
        """Of what has come so far, big-endian in base64."""
        return base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()
