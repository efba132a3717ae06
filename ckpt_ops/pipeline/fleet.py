"""A fleet: one description, many models, such as one for each shop, region or carrier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from ckpt_ops.errors import BadInput, MemberNotDescribed
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.naming import LONGEST, file_of, is_folder, is_member, member_name, member_of
from ckpt_ops.short_errors import in_short


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of a fleet, as `Fleet.describe` is given it.

    Attributes:
        fleet: the fleet's name.
        key: which member, as in `Fleet.members`: "AA".
    """

    fleet: str
    key: str

    @property
    def name(self) -> str:
        """The name of its pipeline, model and DAG: "flights_by_carrier.AA"."""
        return member_name(self.fleet, self.key)


@dataclass(frozen=True, kw_only=True)
class Described:
    """A fleet, described member by member, each by its name.

    Attributes:
        pipelines: of the members that could be described, in the fleet's order.
        failed: of the others, why not.
    """

    pipelines: Mapping[str, Intake]
    failed: Mapping[str, MemberNotDescribed]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Many models from one description. Each member has a model, a log and a DAG of its own.

    Attributes:
        name: of the fleet, and of its folder.
        members: what tells its models apart, in the order in which they are shown: letters, digits, '_' and
            '-'. Write them into `pipeline.py`: in any other file of the folder they would be part of the
            code of all models, and one more member would change every candidate.
        describe: from a member to its `Pipeline` or `Intake`, which has the member's name and decides in what
            members differ. It is called once for each member when a DAG file is parsed, so it must be cheap.
    """

    name: str
    members: Sequence[str]
    describe: Callable[[Member], Intake]
    _keys: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)
    _known: dict[str, Intake] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not is_folder(self.name) or len(self.name) > LONGEST - 2:
            allowed = f"at most {LONGEST - 2} lower-case letters, digits and '_', beginning with a letter"
            raise BadInput("name", self.name, allowed)
        if not isinstance(self.members, list | tuple) or not self.members:
            raise BadInput("members", self.members, 'a tuple of one or more, in an order that stays: ("AA",)')
        object.__setattr__(self, "members", tuple(self.members))
        if not callable(self.describe):
            raise BadInput("describe", self.describe, "a function from a Member to its Pipeline or Intake")
        for key in self.members:
            self._check(key)
        object.__setattr__(self, "_keys", frozenset(self.members))
        # a store in a directory may not tell "aa" from "AA"
        folded = Counter(key.casefold() for key in self.members)
        if twice := [key for key in self.members if folded[key.casefold()] > 1]:
            raise BadInput("members", ", ".join(twice), "each member once, in whatever case it is written")

    def _check(self, key: object) -> None:
        longest = LONGEST - len(self.name) - 1
        if not isinstance(key, str) or not is_member(key) or len(key) > longest:
            raise BadInput(
                "members",
                key,
                f"text of 1 to {longest} letters, digits, '_' and '-', beginning with a letter or digit",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its members' pipelines, in order. Describes none of them."""
        return tuple(member_name(self.name, key) for key in self.members)

    def has(self, key: str) -> bool:
        """Whether there is such a member."""
        return key in self._keys

    def pipeline(self, key: str) -> Intake:
        """The description of one member, the same each time.

        Raises:
            BadInput: there is no such member.
            MemberNotDescribed: `describe` raised, or what it returned is not the description of this member.
        """
        if not self.has(key):
            raise BadInput("member", key, f"a member of the fleet {self.name}: see {file_of(self.name)}")
        if key not in self._known:
            self._known[key] = self._described(Member(fleet=self.name, key=key))
        return self._known[key]

    def described(self) -> Described:
        """All members. One that cannot be described stops none of the others."""
        found, failed = dict[str, Intake](), dict[str, MemberNotDescribed]()
        for key, name in zip(self.members, self.names, strict=True):
            try:
                found[name] = self.pipeline(key)
            except MemberNotDescribed as error:
                failed[name] = error
        return Described(pipelines=found, failed=failed)

    def holds(self, intake: Intake) -> bool:
        """Whether this very description is that of one of the members."""
        return self._known.get(member_of(intake.name) or "") is intake

    def _described(self, member: Member) -> Intake:
        try:
            found = self.describe(member)
        except Exception as error:
            raise _not_described(member, f"describe() raised {in_short(error)}") from error
        if not isinstance(found, Intake):
            raise _not_described(
                member, f"describe() returned a {type(found).__name__}, not a Pipeline or an Intake"
            )
        if found.name != member.name:
            raise _not_described(member, f"describe() named it {found.name!r}: pass name=member.name")
        return found


def fleet_in(module: ModuleType) -> Fleet | None:
    """The fleet that a folder's `pipeline.py` describes; None: it describes one pipeline.

    Raises:
        BadInput: it has several, one with another name than the folder, or a pipeline of the folder's name
            beside it.
    """
    folder = module.__name__.partition(".")[0]
    found = list({id(one): one for one in vars(module).values() if isinstance(one, Fleet)}.values())
    if not found:
        return None
    beside = [one for one in vars(module).values() if isinstance(one, Intake) and one.name == folder]
    if len(found) > 1 or found[0].name != folder or beside:
        names = ", ".join([*(one.name for one in found), *(one.name for one in beside)])
        raise BadInput(
            file_of(folder), names, f"one Fleet, with name={folder!r}, or one Pipeline or Intake of this name"
        )
    return found[0]


def _not_described(member: Member, why: str) -> MemberNotDescribed:
    return MemberNotDescribed(
        f"{member.name} is not described: {why}",
        safe="the other members go on; this one's versions stay, and its champion serves on",
        next=f"fix describe() in {file_of(member.fleet)} for {member.key!r}; "
        f"ckpt-ops status {member.fleet} shows which are described",
    )
