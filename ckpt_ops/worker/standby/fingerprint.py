"""What a standby has to have in common with the process that a job would get otherwise.

A standby was started before: with the code, the libraries and the environment of that time. The fingerprint
is of all that an import may read. Whoever takes one makes the fingerprint of now, so what changed since is
noticed.
"""

from __future__ import annotations

import hashlib
import os
import resource
import site
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ckpt_ops.worker.standby.imports import Imports

_PACKAGE = Path(__file__).parents[2]

VARYING = ("AIRFLOW_CTX_", "_AIRFLOW_", "__AIRFLOW_")
"""What the names of a task's own variables begin with: none is read by an import."""
_VARYING = frozenset(
    {"CKPT_OPS_ACTOR", "CKPT_OPS_RUN", "CKPT_OPS_STANDBY", "PYTEST_CURRENT_TEST"}
    | {"_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "TERM", "WINDOWID"}
)
_NAMESPACES = ("mnt", "net", "pid", "user", "uts")


def fingerprint(imports: Imports, environment: Mapping[str, str]) -> str:
    """The fingerprint of an interpreter that this process would start with `environment` now; 64 digits."""
    found = hashlib.sha256()
    for part in (
        imports.text,
        sys.executable,
        sys.version,
        *_variables(environment),
        *_limits(),
        *_files(_PACKAGE),
        *_installed(environment),
        *_keras_settings(environment),
    ):
        found.update(part.encode(errors="surrogateescape") + b"\0")
    return found.hexdigest()


def _variables(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(environment.items()):
        if name not in _VARYING and not name.startswith(VARYING):
            yield f"{name}={value}"


def _limits() -> Iterator[str]:
    """What the kernel lets it do and see: user, limits, processors, control group, namespaces."""
    yield f"{os.getuid()} {os.getgid()} {sorted(os.getgroups())} {sorted(os.sched_getaffinity(0))}"
    for name in sorted(name for name in vars(resource) if name.startswith("RLIMIT_")):
        with suppress(OSError, ValueError):
            yield f"{name} {resource.getrlimit(getattr(resource, name))}"
    with suppress(OSError):
        yield Path("/proc/self/cgroup").read_text()
    for name in _NAMESPACES:
        with suppress(OSError):
            yield str(Path(f"/proc/self/ns/{name}").readlink())


def _files(folder: Path) -> Iterator[str]:
    """The Python files below `folder`, each with its size and when it was written."""
    for entry in sorted(_entries(folder), key=lambda one: one.name):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _files(Path(entry.path))
        elif entry.name.endswith(".py"):
            with suppress(OSError):  # gone meanwhile, or a link to nowhere
                there = entry.stat()
                yield f"{entry.path} {there.st_size} {there.st_mtime_ns}"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as found:
        return list(found)
    return []


def _keras_settings(environment: Mapping[str, str]) -> Iterator[str]:
    """The file from which Keras takes its float type, epsilon and image format when it is imported."""
    home = environment.get("KERAS_HOME") or str(Path.home() / ".keras")
    with suppress(OSError):
        yield (Path(home) / "keras.json").read_text(errors="replace")


def _installed(environment: Mapping[str, str]) -> Iterator[str]:
    """Which distributions there are, at which versions: the names of their folders, and when they came."""
    paths = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    for folder in (*site.getsitepackages(), site.getusersitepackages(), *paths):
        with suppress(OSError):
            for entry in sorted(os.scandir(folder), key=lambda one: one.name):
                if entry.name.endswith((".dist-info", ".egg-link", ".pth")):
                    yield f"{entry.path} {entry.stat().st_mtime_ns}"
