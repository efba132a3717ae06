"""Which models of a fleet `ckpt-ops status` shows, and what its description says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ckpt_ops.cli.many import models_meant
from ckpt_ops.cli.views import View
from ckpt_ops.fleets.choosing import is_pattern
from ckpt_ops.pipeline.naming import member_of
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store
from ckpt_ops.views import StoreViews, plain
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.status import StatusView

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Fleet


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What was asked for.

    Attributes:
        there: names of models that have a log.
        waiting: members of the fleet that are described, and that no run has begun yet.
        failed: by name, why a member of the fleet is not described; by the fleet's name, why none is.
    """

    there: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def meant(store: Store, asked: str) -> Meant | None:
    """The models of a fleet or a pattern; None: it is one model's name.

    Of a fleet whose folder is at hand, the description is asked, too, which runs its code.

    Raises:
        BadInput: no model fits a pattern.
    """
    found = models_meant(store, asked)
    if is_pattern(asked):
        return Meant(there=tuple(found or ()))
    if found is None and member_of(asked) is not None:
        return None  # a member's name
    fleet, problem = _fleet(asked)
    if fleet is None and found is None and not problem:
        return None
    there = tuple(found or ())
    if fleet is None:
        return Meant(there=there, failed=((asked, problem),) if problem else ())
    described = fleet.described()
    return Meant(
        there=there,
        waiting=tuple(name for name in described.pipelines if name not in set(there)),
        failed=tuple((name, error.what) for name, error in described.failed.items()),
    )


def _fleet(name: str) -> tuple[Fleet | None, str]:
    """The fleet, if there is one; and why its code could not be run."""
    from ckpt_ops.pipeline.loading import find_fleet

    try:
        return find_fleet(name), ""
    except Exception as error:  # noqa: BLE001 - the code of a user; what its models have learned is shown
        return None, f"{name}/pipeline.py: {in_short(error)}"


def views_of_fleet(shown: StoreViews, asked: Meant) -> list[View]:
    """As `status` shows models; `not_described` says why a member is not described, or is None."""
    failed, there = dict(asked.failed), set(asked.there)
    found: list[View] = plain(shown.statuses(asked.there))
    for name in (*asked.waiting, *(name for name in failed if name not in there)):
        found.append(plain(StatusView(model=name, metrics={}, summary=Summary(model=name))))
    return [{**view, "not_described": failed.get(view["model"])} for view in found]
