"""The files of a folder of code, and those that must not be kept with a model.

What is kept travels: into the store, into its replicas, to whoever may read a model. So what looks like a
secret is refused, and so is a link that leads elsewhere: nobody meant to give away what is there.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from ckpt_ops.errors import BadInput

LIMIT = 32 * 2**20
"""Bytes of all files together."""

_SECRET_NAMES = (
    *(".env", ".env.*", "*.env", ".netrc", ".pgpass", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*credentials*.json", "*service_account*.json"),
)
_SECRETS = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|\"type\"\s*:\s*\"service_account\"")
_TAKE_IT_OUT = "take it out of the folder: secrets belong in Airflow's connections, or in the environment"


class Files:
    """Files below `root`, each read once, by their names there.

    Every method raises `BadInput` for what must not be kept, naming the file and what to do.

    Attributes:
        read: what was read so far.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.read = root, dict[str, bytes]()
        self._bytes = 0
        self._folders: dict[Path, set[str]] = {}

    def below(self, folder: Path) -> set[str]:
        """The names of every file in it. Compiled and hidden files are no part of the code."""
        if folder not in self._folders:
            found: set[str] = set()
            for path in sorted(folder.iterdir()):
                self._check_name(path)
                if path.name.startswith(".") or path.name == "__pycache__" or path.suffix == ".pyc":
                    continue
                self._check_link(path)
                if path.is_dir():
                    found |= self.below(path)
                elif path.is_file():
                    found.add(self.file(path))
            self._folders[folder] = found
        return self._folders[folder]

    def file(self, path: Path) -> str:
        """The name of a file."""
        name = self._name(path)
        if name not in self.read:
            self._check_name(path)
            self._check_link(path)
            self._bytes += path.stat().st_size
            if self._bytes > LIMIT:
                raise BadInput(
                    "code",
                    name,
                    f"at most {LIMIT // 2**20} MB in all files of the pipeline's folder and of what it "
                    "imports: they are kept with each version",
                    next="move data out of the folder, and read it from its new place",
                )
            self.read[name] = path.read_bytes()
            if _SECRETS.search(self.read[name]):
                allowed = "no private key and no service account's key: the file is kept with each version"
                raise BadInput("code", name, allowed, next=_TAKE_IT_OUT)
        return name

    def _check_name(self, path: Path) -> None:
        if not path.is_dir() and any(fnmatch(path.name.lower(), pattern) for pattern in _SECRET_NAMES):
            allowed = "no file with a name that secrets have: the folder is kept with each version"
            raise BadInput("code", self._name(path), allowed, next=_TAKE_IT_OUT)

    def _check_link(self, path: Path) -> None:
        if not path.is_symlink():
            return
        name, real = self._name(path), path.resolve()
        if not real.exists():
            raise BadInput("code", name, "a file; this link leads nowhere", next="remove the link")
        top = self.root / Path(name).parts[0]  # may itself be a link, made for all that is there
        if not any(real.is_relative_to(one.resolve()) for one in (self.root, top)):
            raise BadInput(
                "code",
                name,
                f"no link that leads out of {self.root}: what is there would be kept with each version",
                next="put the file itself into the folder",
            )
        if path.parent.resolve().is_relative_to(real):
            raise BadInput("code", name, "no link to a folder that the link is in", next="remove the link")

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        if not name.isprintable():
            raise BadInput("code", name, "a file name of printable characters", next="rename the file")
        return name
