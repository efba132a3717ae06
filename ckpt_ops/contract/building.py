"""A source is built on every parse of a DAG file, and its `repr` is logged: cheap, and without secrets."""

from __future__ import annotations

import dataclasses
import pickle
import re
import sys
import time
from typing import Any

from ckpt_ops.contract.check import Broken
from ckpt_ops.slices import SliceSource

MOST_SECONDS = 0.2
MOST_BYTES = 256 * 1024
_REPEATS = 3
_CONNECTS = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "sqlite3.connect")
_IN_A_URL = re.compile(r"://[^/\s:@'\"]*:[^/\s@'\"]+@")
_WORDS = r"(?i)(password|passwd|secret|token|api_?key)"
_SECRET, _SHOWN = re.compile(_WORDS), re.compile(_WORDS + r"\w*['\"]?\s*[=:]\s*['\"][^'\"]")
_INSTEAD = "name an Airflow connection instead, or read it from the environment in the methods"

_seen: list[str] | None = None
_hooked = False


def built_cheaply(source: SliceSource) -> str:
    """Build it again, if it is a dataclass: no connection, hardly any time, and a small pickle."""
    try:
        pickled = pickle.dumps(source)
    except Exception as error:
        raise Broken(
            f"it cannot be pickled ({error}): it holds something open; connect in the methods, "
            "not in the constructor"
        ) from error
    if len(pickled) > MOST_BYTES:
        raise Broken(
            f"it is {len(pickled):,} bytes when pickled, at most {MOST_BYTES:,} are allowed: it holds data; "
            "read it in the methods, not in the constructor"
        )
    if not dataclasses.is_dataclass(source):
        return f"{len(pickled):,} bytes when pickled; not built again, as it is not a dataclass"
    seconds, connects = _build_again(source)
    if connects:
        raise Broken(
            f"building it calls {', '.join(sorted(set(connects)))}; connect in the methods, "
            "not in the constructor"
        )
    if seconds > MOST_SECONDS:
        raise Broken(
            f"building it takes {seconds:.1f} s of CPU time, at most {MOST_SECONDS} s are allowed: "
            "a DAG file builds it on every parse"
        )
    return f"no connection is made, {len(pickled):,} bytes when pickled"


def shows_no_secret(source: SliceSource) -> str:
    """Neither its `repr` nor its pickle holds what looks like a password."""
    shown = {"repr": repr(source), "pickle": pickle.dumps(source, protocol=0).decode("latin-1")}
    for where, text in shown.items():
        if _IN_A_URL.search(text):
            raise Broken(f"its {where} holds a URL with a password; {_INSTEAD}")
    kept = [name for name, value in getattr(source, "__dict__", {}).items() if _SECRET.search(name) and value]
    named = _SHOWN.search(shown["repr"])
    if kept or named:
        what = kept[0] if kept else named[1] if named else ""
        raise Broken(f"it keeps a {what}; {_INSTEAD}")
    return "neither its repr nor its pickle shows a password"


def _build_again(source: Any) -> tuple[float, list[str]]:
    """Seconds of CPU time, the least of three; and the calls that connect."""
    global _seen
    _hook()
    seconds, _seen = [], []
    try:
        for _ in range(_REPEATS):
            began = time.process_time()
            dataclasses.replace(source)
            seconds.append(time.process_time() - began)
        return min(seconds), _seen
    finally:
        _seen = None


def _hook() -> None:
    """Python's own audit events see every connection, whatever library makes it. A hook stays for good."""
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_note)


def _note(event: str, _: tuple[Any, ...]) -> None:
    if _seen is not None and event in _CONNECTS:
        _seen.append(event)
