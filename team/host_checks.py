"""What the host can see before anything is stopped or started: secrets, credentials, engine, port."""

from __future__ import annotations

import errno
from pathlib import Path

from ckpt_ops.embedded import ports
from ckpt_ops.errors import BadInput, TerminalError
from team import secret_strength
from team.stack import Stack


def require_startable(stack: Stack) -> None:
    """Refuse to start a stack with a weak secret, without its credentials or an engine, or on a taken port.

    Raises:
        TerminalError: naming what is wrong.
    """
    secret_strength.require_strong(stack.variables)
    _require_credentials(stack)
    stack.require_engine()
    _require_port(stack)


def _require_credentials(stack: Stack) -> None:
    """The engine would make a directory in place of a missing file."""
    value = stack.variables.get("GOOGLE_CREDENTIALS_FILE", "")
    try:
        good = not value or (value.startswith("/") and Path(value).is_file())
    except OSError:  # a folder on the way that this user may not enter
        good = False
    if not good:
        raise BadInput(
            "GOOGLE_CREDENTIALS_FILE",
            value,
            "the absolute path of a file, or empty",
            next="correct it in .env (docs/how-to/deploy.md, `Against a real bucket`)",
        )


def _require_port(stack: Stack) -> None:
    why = ports.why_not(stack.port, stack.bind)
    if why == errno.EADDRINUSE and not stack.runs("api-server"):
        raise TerminalError(
            f"CKPT_OPS_UI_PORT={stack.port}: something else listens on that port of {stack.bind}",
            safe="nothing was started",
            next=f"stop it (`ss -ltnp 'sport = :{stack.port}'` names it), or set another port in .env; "
            "the platform of `make up` is stopped by `make down`",
        )
    if why == errno.EADDRNOTAVAIL:
        raise BadInput(
            "CKPT_OPS_UI_BIND",
            stack.bind,
            "an address of this machine, such as 127.0.0.1",
            next="correct it in .env; `ip -brief address` lists them",
        )
    # other reasons, such as a port below 1024, do not stop the engine, which may do more
