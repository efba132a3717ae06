"""The code that made a version, kept with it: one archive per state of the code, named by its hash.

Without it, nobody could tell what the version predicts once the folder has changed. An archive holds
`about.json` and every file of `Code` below `dags/`, uncompressed and without a time or a name of a user: the
same code has the same bytes on every machine, and is kept once.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import blake3

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import Corrupt
from ckpt_ops.pipeline.code.files import LIMIT
from ckpt_ops.pipeline.code.own import Code
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.store.base import check_name
from ckpt_ops.store.content import code_name, digest_in

_ABOUT, _BELOW = "about.json", "dags/"
_SAFE = "nothing of it was run"
_DOCUMENT = DocumentKind(what="archive of a model's code", implicit=True, indent=None, safe=_SAFE)


@dataclass(frozen=True, kw_only=True)
class Functions:
    """The functions that are called, as `Pipeline` names them; `inputs` may be ""."""

    model: str
    examples: str
    inputs: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """Code as an archive holds it; `files` by their names below a dags folder."""

    functions: Functions
    files: Mapping[str, bytes]

    def unpack(self, folder: Path) -> None:
        """Write the files below `folder`, which is empty."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def keep_code(store: Store, pipeline: Pipeline, code: Code) -> str:
    """Write the archive; returns its object name. The same code gives the same object."""
    functions = Functions(model=pipeline.model, examples=pipeline.examples, inputs=pipeline.inputs)
    data = _packed(functions, code.files)
    name = code_name(pipeline.name, blake3.blake3(data).hexdigest())
    store.put(name, data)
    return name


def read_code(store: Store, name: str) -> Kept:
    """What `keep_code` wrote.

    Raises:
        ObjectNotFound: it is gone.
        Corrupt: its bytes do not have the hash in its name, or are no such archive.
    """
    data = store.get(name)
    if blake3.blake3(data).hexdigest() != digest_in(name):
        raise _corrupt(f"{store.url}/{name} is not what was kept: its bytes have a different hash")
    try:
        return _unpacked(data, f"{store.url}/{name}")
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(f"{store.url}/{name} is no archive of a model's code: {error}") from error


def _packed(functions: Functions, files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        about = _DOCUMENT.encode(functions)
        for name, data in [(_ABOUT, about), *((f"{_BELOW}{name}", files[name]) for name in sorted(files))]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _unpacked(data: bytes, name: str) -> Kept:
    """Plain files with plain names, at most `LIMIT` bytes of them: nothing else was ever written."""
    found, total = dict[str, bytes](), 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            total += member.size
            if content is None or total > LIMIT + 2**16:
                raise ValueError(f"{member.name!r} is no plain file, or too large")
            found[check_name(member.name)] = content.read()
    functions = _DOCUMENT.read(Functions, found.pop(_ABOUT), name=name)
    strange = [name for name in found if not name.startswith(_BELOW)]
    if strange:
        raise ValueError(f"{strange[0]!r} is not below {_BELOW}")
    files = {name.removeprefix(_BELOW): content for name, content in found.items()}
    return Kept(functions=functions, files=files)


def _corrupt(what: str) -> Corrupt:
    return Corrupt(
        what,
        safe=_SAFE,
        next="restore the object from a replica, or from the bucket's versions",
    )
