"""Whether a person has to approve a version before it goes into production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from ckpt_ops import checks
from ckpt_ops.errors import BadInput

_LONGEST_TITLE = 200


class Otherwise(Enum):
    """What becomes of a version when nobody has answered in time."""

    REJECT = "reject"
    PROMOTE = "promote"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A version that the gates let pass waits for a person.

    Attributes:
        within: how long; counted from the moment at which a person is asked.
        otherwise: what becomes of it when nobody has answered by then.
        title: heads the question; by default it asks whether to promote the version.
    """

    within: timedelta = timedelta(hours=24)
    otherwise: Otherwise = Otherwise.REJECT
    title: str = ""

    def __post_init__(self) -> None:
        checks.duration("within", self.within, allowed="more than no time, such as timedelta(hours=24)")
        checks.member("otherwise", self.otherwise, Otherwise)
        if (
            not isinstance(self.title, str)
            or not self.title.isprintable()
            or len(self.title) > _LONGEST_TITLE
        ):
            raise BadInput("title", self.title, f"one line of at most {_LONGEST_TITLE} characters")
