"""The secret of a GCS API server other than Google's, as credentials of Google's libraries.

They send it in a header. In the address, where Google's client would accept it too, errors would show it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError

from ckpt_ops.store.endpoint import Endpoint


class EndpointCredentials(AnonymousCredentials):  # type: ignore[misc]  # google-auth has no types
    """Sends the secret that an endpoint requires, if any.

    Args:
        endpoint: with its secret.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def before_request(self, request: Any, method: str, url: str, headers: MutableMapping[str, str]) -> None:
        """Called by google-auth with the headers of each request."""
        headers.update(self._endpoint.headers)

    def refresh(self, request: Any) -> None:
        """Called by google-auth when the server refuses a request as unauthorized.

        Raises:
            RefreshError: always, as there is no other secret.
        """
        raise RefreshError(
            f"{self._endpoint.url} requires its secret: for the platform on one machine, "
            '`eval "$(python -m ckpt_ops.embedded env)"` gives it to a shell'
        )
