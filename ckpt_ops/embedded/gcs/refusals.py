"""The server's refusals, in the form that Google's clients read."""

from __future__ import annotations

import json


class Refused(Exception):
    """A request that is not carried out; nothing was changed.

    Args:
        status: of HTTP.
        reason: Google's name for it, such as `conditionNotMet`.
        message: for a person.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def body(self) -> bytes:
        """As JSON."""
        details = {"domain": "global", "reason": self.reason, "message": self.message}
        error = {"code": self.status, "message": self.message, "errors": [details]}
        return json.dumps({"error": error}).encode()


def invalid(message: str) -> Refused:
    """The request itself is wrong."""
    return Refused(400, "invalid", message)


def missing(what: str) -> Refused:
    """There is no such bucket or object."""
    return Refused(404, "notFound", f"no {what}")


def not_met(condition: str) -> Refused:
    """A precondition does not hold."""
    return Refused(
        412, "conditionNotMet", f"At least one of the pre-conditions you specified did not hold: {condition}"
    )


def unsupported(what: str) -> Refused:
    """Google's service can do it, this one can't."""
    return Refused(
        501,
        "notImplemented",
        f"the server on this machine does not support {what}; Google Cloud Storage does",
    )
