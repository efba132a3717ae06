"""Text in whole lines, a block at a time: UTF-8 checked, lines counted, a line without an end refused.

Readers of columns get whole rows only, so an error about a row can name its line, and no queue of blocks
builds up ahead of a slow consumer: Arrow's own streaming readers hold 32 blocks.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ckpt_ops.slices.formats.raw import RawFile

MAX_LINE = 4 * 2**20
"""Bytes of a line, or of a row of several lines."""

_BLOCK = 2**20
_BOM = codecs.BOM_UTF8
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Whole lines in UTF-8, each with its end. `line` is the number of the first one, from 1."""

    line: int
    data: bytes


def blocks(
    file: RawFile, stream: BinaryIO, *, encoding: str = "utf-8", quote: str | None = None
) -> Iterator[Block]:
    """The text of `stream`, without a byte order mark.

    Args:
        quote: a line end between two of these ends no row, and is never where blocks are cut.

    Raises:
        SliceUnreadable: a byte that is not of the encoding; a line, or a quoted value, without an end.
    """
    mark = quote.encode() if quote else None
    rest, line = b"", 1
    for text in _utf8(file, stream, encoding):
        rest += text
        end = end_of_rows(rest, mark)
        if not end and len(rest) > MAX_LINE:
            raise file.bad(_endless(line, quote))
        if not end:
            continue
        yield Block(line=line, data=rest[:end])
        line += rest.count(b"\n", 0, end)
        rest = rest[end:]
    if mark and rest.count(mark) % 2:
        raise file.bad(f"has an odd number of quotes ({quote}) from line {line:,} on: one is not closed")
    if rest:
        yield Block(line=line, data=rest if rest.endswith(b"\n") else rest + b"\n")


def end_of_rows(data: bytes, quote: bytes | None) -> int:
    """Where the last whole row ends: at a line end with an even number of quotes before it. 0: nowhere."""
    end = data.rfind(b"\n") + 1
    while quote and end and data.count(quote, 0, end) % 2:
        end = data.rfind(b"\n", 0, data.rfind(quote, 0, end)) + 1
    return end


def _endless(line: int, quote: str | None) -> str:
    if quote is None:
        return f"has a line of more than {MAX_LINE:,} bytes, line {line:,}"
    return f"has a row of more than {MAX_LINE:,} bytes from line {line:,} on: a quote ({quote}) is not closed"


def _utf8(file: RawFile, stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    as_it_is = codecs.lookup(encoding).name == "utf-8"
    at, line = 0, 1
    while True:
        data = stream.read(_BLOCK)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            if at == 0 and data.startswith(_GZIP_MAGIC):
                raise file.bad("is gzip: end the template in .gz") from error
            line += error.object.count(b"\n", 0, error.start)
            raise file.bad(
                f"is not {error.encoding}: byte 0x{error.object[error.start]:02x} at "
                f"{at - pending + error.start:,}, in line {line:,} ({error.reason}); write it "
                "in one encoding, or, for CSV, set encoding= of the source's format"
            ) from error
        if not data and not text:
            return
        out = data if as_it_is else text.encode()
        yield out.removeprefix(_BOM) if at == 0 else out
        at += len(data)
        line += out.count(b"\n")
