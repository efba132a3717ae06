"""`embedded.json` in the platform's home: how to reach what runs, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ckpt_ops.documents import DocumentKind
from ckpt_ops.embedded.private_files import write_private
from ckpt_ops.embedded.settings import LANDING, STORE, USER
from ckpt_ops.errors import Corrupt

_DOCUMENT = DocumentKind(what="state of a platform", implicit=True, indent=2, sort_keys=False, newline=True)


@dataclass(frozen=True, kw_only=True)
class State:
    """What a running platform says about itself.

    Args:
        store, landing: where pipelines keep and find objects.
        gcs_endpoint: for STORAGE_EMULATOR_HOST.
        ui_url, user, password_file: Airflow's UI and REST API, and who may log in.
        database: SQLAlchemy addresses of Airflow's metadata, by driver.
        supervisor: pid of the process that owns all others.
        pids: pid per component.
        ready: whether every component was healthy at the end of the start.
    """

    gcs_endpoint: str
    ui_url: str
    password_file: str
    supervisor: int
    store: str = STORE
    landing: str = LANDING
    user: str = USER
    database: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    ready: bool = False

    def write(self, home: Path) -> None:
        """Replace the home's `embedded.json` in one step."""
        write_private(path(home), _DOCUMENT.encode(self))

    @classmethod
    def read(cls, home: Path) -> State | None:
        """The home's state, or None if there is none that can be read."""
        try:
            return _DOCUMENT.read(cls, path(home).read_bytes(), name=str(path(home)))
        except (OSError, Corrupt):
            return None


def path(home: Path) -> Path:
    """Where the state of the platform in `home` is written."""
    return home / "embedded.json"
