"""JSON documents that outlive the code which wrote them: checkpoints' manifests, log entries, reports, state.

Three things are the same for all of them: the bytes (`DocumentKind.encode`, the same for the same values on
every machine), the schema number (older ones are upgraded, newer ones refused), and the reading of bytes that
anybody may have written (`parse`, `read_as`).
"""

from ckpt_ops.documents.kinds import DocumentKind, reading
from ckpt_ops.documents.parsing import BadDocument, parse
from ckpt_ops.documents.typed import read_as

__all__ = ["BadDocument", "DocumentKind", "parse", "read_as", "reading"]
