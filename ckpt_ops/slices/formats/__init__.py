"""How the bytes of one file become record batches: Parquet, CSV, JSON lines, each also gzipped."""

from ckpt_ops.slices.formats.choosing import ENDINGS, Format, format_of
from ckpt_ops.slices.formats.delimited import Csv
from ckpt_ops.slices.formats.jsonlines import JsonLines
from ckpt_ops.slices.formats.parquet import Parquet

__all__ = ["ENDINGS", "Csv", "Format", "JsonLines", "Parquet", "format_of"]
