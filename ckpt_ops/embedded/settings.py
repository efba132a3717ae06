"""Where the embedded platform keeps its state and which ports it opens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.errors import BadInput

HOST = "127.0.0.1"
STORE = "gs://ckpt-ops/store"
LANDING = "gs://ckpt-ops-landing"
USER = "admin"

GCS_PORT_VARIABLE = "CKPT_OPS_GCS_PORT"
UI_PORT_VARIABLE = "CKPT_OPS_UI_PORT"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that tells one embedded platform from another.

    Args:
        project: the directory that holds `dags/` and `plugins/`; on the tasks' PYTHONPATH.
        home: all state: database, objects, logs, secrets. Removing it resets the platform.
        dags_dir: the folder that Airflow's dag-processor reads.
        plugins_dir: Airflow's plugins folder; also on the tasks' PYTHONPATH.
        gcs_port: TCP port of the GCS API server; 0 means "choose a free one at start".
        ui_port: TCP port of Airflow's api-server and UI; 0 means "choose a free one at start".
    """

    project: Path
    home: Path
    dags_dir: Path
    plugins_dir: Path
    gcs_port: int = 4443
    ui_port: int = 8080

    def __post_init__(self) -> None:
        for field in ("project", "home", "dags_dir", "plugins_dir"):
            path: Path = getattr(self, field)
            if not path.is_absolute():
                raise BadInput(field, str(path), "an absolute path")
        for field in ("gcs_port", "ui_port"):
            port: int = getattr(self, field)
            if not 0 <= port <= 65535:
                raise BadInput(field, port, "0 (choose a free one) or a port from 1 to 65535")
        if self.gcs_port and self.gcs_port == self.ui_port:
            raise BadInput("ui_port", self.ui_port, f"a port different from gcs_port={self.gcs_port}")

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, home: Path | None = None, cwd: Path | None = None
    ) -> Settings:
        """Settings from CKPT_OPS_HOME, CKPT_OPS_GCS_PORT and CKPT_OPS_UI_PORT.

        Args:
            environ: the variables to read; the process's own by default.
            home: wins over CKPT_OPS_HOME.
            cwd: where the search for the project starts; it is `cwd` or its nearest parent with `dags/`.

        Raises:
            BadInput: a variable holds something that is not a port, or not a usable directory.
        """
        environ = os.environ if environ is None else environ
        project = find_project((cwd or Path.cwd()).resolve())
        given = str(home) if home is not None else environ.get("CKPT_OPS_HOME", "").strip()
        chosen = Path(given).expanduser() if given else project / ".ckpt_ops"
        chosen = chosen if chosen.is_absolute() else (cwd or Path.cwd()) / chosen
        if chosen.exists() and not chosen.is_dir():
            raise BadInput("CKPT_OPS_HOME", str(chosen), "a directory, or a path that does not exist yet")
        gcs_port = port_from(environ, GCS_PORT_VARIABLE, default=4443)
        ui_port = port_from(environ, UI_PORT_VARIABLE, default=8080)
        if gcs_port and gcs_port == ui_port:
            raise BadInput(UI_PORT_VARIABLE, ui_port, f"a port different from {GCS_PORT_VARIABLE}={gcs_port}")
        return cls(
            project=project,
            home=chosen.resolve(),
            dags_dir=project / "dags",
            plugins_dir=project / "plugins",
            gcs_port=gcs_port,
            ui_port=ui_port,
        )

    @property
    def ui_url(self) -> str:
        """Where Airflow's UI and REST API answer."""
        return f"http://{HOST}:{self.ui_port}"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME; task logs are in its `logs/`."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per process of the platform."""
        return self.home / "logs"

    @property
    def run_dir(self) -> Path:
        """One record per running process, and the lock that lets one supervisor run."""
        return self.home / "run"


def find_project(start: Path) -> Path:
    """The nearest of `start` and its parents that holds `dags/`; `start` itself when none does."""
    return next((path for path in (start, *start.parents) if (path / "dags").is_dir()), start)


def port_from(environ: Mapping[str, str], variable: str, *, default: int) -> int:
    """The port that `variable` names, or `default` when it is unset or empty."""
    text = environ.get(variable, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise BadInput(
            variable,
            text,
            "0 (choose a free one) or a port from 1 to 65535",
            next=f"export {variable}={default}, or unset it",
        )
    return int(text)
