"""Text in lines: UTF-8 checked, lines counted, and no line without an end held for ever."""

from __future__ import annotations

import codecs
import io
from typing import IO

from ckpt_ops.slices.formats.raw import RawFile

MAX_LINE = 4 * 2**20
BLOCK = 8 * 2**20
"""What a reader is given at a time: more than a line may be, so that each line fits in."""


class Lines(io.RawIOBase):
    """The bytes of a text file as they are, refused where they are no text.

    Args:
        encoding: of the file; what is read from here is UTF-8.
    """

    def __init__(self, file: RawFile, stream: IO[bytes], *, encoding: str = "utf-8") -> None:
        self._file, self._stream = file, stream
        self._encoding = codecs.lookup(encoding).name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""
        self._line, self._in_line, self._at = 1, 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._left:
            data = self._stream.read(min(len(view), BLOCK))
            self._left = self._text(data)
            if not data:
                break
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _text(self, data: bytes) -> bytes:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            self._count(error.object[: error.start])
            raise self._file.bad(
                f"is not {self._encoding}: byte 0x{error.object[error.start]:02x} at "
                f"{self._at - pending + error.start:,}, in line {self._line:,} ({error.reason}); write it "
                "in one encoding, or give the source's format another"
            ) from error
        self._count(data)
        self._at += len(data)
        return data if self._encoding == "utf-8" else text.encode()

    def _count(self, data: bytes) -> None:
        for at, piece in enumerate(data.split(b"\n")):
            if at:
                self._line, self._in_line = self._line + 1, 0
            self._in_line += len(piece)
            if self._in_line > MAX_LINE:
                raise self._file.bad(f"has a line of more than {MAX_LINE:,} bytes, line {self._line:,}")
