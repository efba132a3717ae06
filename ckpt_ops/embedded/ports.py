"""TCP ports on 127.0.0.1: refuse a busy one by name, choose a free one for 0."""

from __future__ import annotations

import socket
from dataclasses import replace

from ckpt_ops.embedded.settings import GCS_PORT_VARIABLE, HOST, UI_PORT_VARIABLE, Settings
from ckpt_ops.errors import BadInput


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    return why_not(port, HOST) is None


def why_not(port: int, host: str) -> int | None:
    """The number of the error that keeps a server from listening there; None if one could."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            # as servers do: a port in TIME_WAIT counts as free, one that listens does not
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:  # also of the first line: a machine may be without IPv6
        return error.errno
    return None


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int, variable: str) -> None:
    """Refuse a busy port.

    Raises:
        BadInput: something listens on it; the message names the port, its variable and the way out.
    """
    if not is_free(port):
        raise BadInput(
            variable,
            port,
            f"a free port; something already listens on {HOST}:{port}",
            next=f"stop what listens there (`ss -ltnp 'sport = :{port}'` names it), "
            f"or set {variable} to another port (0 chooses a free one)",
        )


def resolve(settings: Settings) -> Settings:
    """The same settings with a free port in place of each 0.

    Raises:
        BadInput: a port given by number is busy.
    """
    gcs_port, ui_port = settings.gcs_port, settings.ui_port
    if gcs_port:
        require_free(gcs_port, GCS_PORT_VARIABLE)
    if ui_port:
        require_free(ui_port, UI_PORT_VARIABLE)
    gcs_port = gcs_port or free_port()
    while not ui_port or ui_port == gcs_port:
        ui_port = free_port()
    return replace(settings, gcs_port=gcs_port, ui_port=ui_port)
