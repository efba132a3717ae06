"""Bytes to and from Google Cloud Storage, over its JSON API and one pool of connections.

google-cloud-storage assembles every upload in memory around a multipart boundary and hashes it in
Python; for 4 MiB chunks that costs several times the processor time of the transfer itself.
A media upload is one POST whose body is the buffer as it lies in memory, so nothing is copied.

Both directions are checked end to end: an upload's reply carries the crc32c of what the service stored, a
download's headers that of what it sent. Credentials, their renewal and the pool are google-auth's
`AuthorizedSession`; errors are google-api-core's, so one retry policy covers this and the library.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

_POOL = 16
_OCTETS = "application/octet-stream"


class MediaClient:
    """Whole-object uploads and ranged downloads in `bucket`. Safe to use from several threads.

    Args:
        endpoint: scheme and host of the JSON API.
        credentials: google-auth's; anonymous ones for a server on this machine.
        timeout: seconds of silence after which a request counts as lost.
    """

    def __init__(self, *, endpoint: str, bucket: str, credentials: Any, timeout: float) -> None:
        from google.auth.transport.requests import AuthorizedSession
        from requests.adapters import HTTPAdapter

        self._session = AuthorizedSession(credentials)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_POOL))
        self._uploads = f"{endpoint}/upload/storage/v1/b/{bucket}/o"
        self._downloads = f"{endpoint}/download/storage/v1/b/{bucket}/o"
        self._timeout = timeout

    def upload(self, name: str, data: bytes | memoryview) -> None:
        """Write the object. Nobody sees a part of it.

        Raises:
            GoogleAPICallError: the service's answer, or `ServiceUnavailable` when it stored other bytes.
            requests.RequestException: there was no answer.
        """
        reply = self._session.post(
            self._uploads,
            params={"uploadType": "media", "name": name, "fields": "crc32c"},
            data=data if len(data) else b"",
            headers={"Content-Type": _OCTETS},
            timeout=self._timeout,
        )
        _raise_for(reply)
        _check(name, "stored", data, reply.json().get("crc32c", ""))

    def download(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        """The object, or `length` bytes of it from `start` on. Raises as `upload` does."""
        from urllib3.exceptions import HTTPError

        headers = {"Accept-Encoding": "identity"}
        if length is not None:
            headers["Range"] = f"bytes={start}-{start + length - 1}"
        with self._session.get(
            f"{self._downloads}/{quote(name, safe='')}",
            params={"alt": "media"},
            headers=headers,
            stream=True,
            timeout=self._timeout,
        ) as reply:
            _raise_for(reply)
            try:
                data: bytes = reply.raw.read(decode_content=False)
            except HTTPError as error:
                raise ConnectionError(f"the download of {name} broke off: {error}") from error
        if length is None:
            _check(name, "sent", data, _crc32c_of(reply.headers.get("X-Goog-Hash", "")))
        return data


def _raise_for(reply: Any) -> None:
    from google.api_core.exceptions import from_http_response

    if reply.status_code >= 400:
        raise from_http_response(reply)


def _check(name: str, what: str, data: bytes | memoryview, reported: str) -> None:
    import google_crc32c
    import numpy as np  # costs as much as all else that `ckpt-ops status` of a local store imports
    from google.api_core.exceptions import ServiceUnavailable

    # the library takes bytes and arrays, but no memoryview; an array over one copies nothing
    found = google_crc32c.value(np.frombuffer(memoryview(data).toreadonly(), np.uint8))
    encoded = base64.b64encode(found.to_bytes(4, "big")).decode()
    if reported and reported != encoded:
        raise ServiceUnavailable(f"{name}: the service {what} bytes with crc32c {reported}, not {encoded}")


def _crc32c_of(header: str) -> str:
    """The crc32c in `X-Goog-Hash: crc32c=..., md5=...`, or "" where it is not given."""
    parts = (part.strip().partition("=") for part in header.split(","))
    return next((value for kind, _, value in parts if kind == "crc32c"), "")
