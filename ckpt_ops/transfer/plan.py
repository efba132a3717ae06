"""Plans what becomes of each variable when training goes on from a parent of another structure.

A pure function: two structures and the settings go in, a `Transfer` comes out. `carrying` carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ckpt_ops.checkpoints.layer_state import differences
from ckpt_ops.transfer.axes import Axes, Axis, Unknown, axes_of
from ckpt_ops.transfer.evolve import IN_PLACE, Evolve, Placed, matches
from ckpt_ops.transfer.layers import layers_of
from ckpt_ops.transfer.matching import Matched, Slot, is_weight, match
from ckpt_ops.transfer.moves import AxisMove, Move, Transfer, Variable
from ckpt_ops.transfer.structure import Spec, Structure, shown


def plan_transfer(
    before: Structure, after: Structure, evolve: Evolve, *, ignored: Callable[[str], bool]
) -> Transfer:
    """Plan what becomes of the variables of `before` in a model of structure `after`.

    Args:
        ignored: whether today's `build_model()` alone decides the variable of this name in a checkpoint: the
            learning rate.
    """
    matched = match(before, after, evolve)
    planner = _Planner(before, after, evolve, matched)
    variables = [planner.variable(name) for name in after.variables if not ignored(name)]
    variables += [planner.gone(name) for name in matched.gone if not ignored(name)]
    changed = differences(before.state, after.state) if before.state else {}
    planner.check_names()
    planner.check_claims()
    planner.check_state(changed)
    return Transfer(
        variables=tuple(variables),
        changed=changed,
        objections=tuple(dict.fromkeys(planner.objections)),
        next=planner.next(),
    )


class _Planner:
    """Plans between two structures, and collects the objections."""

    def __init__(self, before: Structure, after: Structure, evolve: Evolve, matched: Matched) -> None:
        self._before, self._after, self._evolve, self._matched = before, after, evolve, matched
        self._axes = _axes_of_both(before, after, evolve)
        self._names = {shown(name): name for name in after.variables}
        self._moves: dict[str, Variable] = {}
        self._drop: list[str] = []
        self._place: list[str] = []
        self._rename: dict[str, str] = {}
        self._change: list[str] = []
        self.objections: list[str] = []

    # --- one variable ---------------------------------------------------------------------------

    def variable(self, name: str) -> Variable:
        """What becomes of today's variable `name`."""
        if name not in self._moves:
            self._moves[name] = self._planned(name)
        return self._moves[name]

    def _planned(self, name: str) -> Variable:
        source, spec = self._matched.pairs[name], self._after.variables[name]
        slot = self._matched.slots.get(name)
        like = self._average_of(slot)
        if source is None:
            move = Move.NEW if is_weight(name) else Move.RESET
            return Variable(name=name, move=move, after=spec, like=like)
        was = self._before.variables[source]
        found = Variable(
            name=name, move=self._named(name, source), source=source, before=was, after=spec, like=like
        )
        if not _castable(was.dtype, spec.dtype) or len(was.shape) != len(spec.shape):
            if is_weight(name):
                self._loses(source, f"it was {was}, and is {spec}")
            move = Move.NEW if is_weight(name) else Move.RESET
            return Variable(name=name, move=move, source=source, before=was, after=spec, like=like)
        if slot is not None and self._lost_its_shape(slot, was, spec):
            return Variable(name=name, move=Move.RESET, source=source, before=was, after=spec, like=like)
        axes = self._along(name, source, was, spec, slot)
        if axes is None:
            return found
        return self._with_axes(found, axes)

    def gone(self, source: str) -> Variable:
        """What becomes of a variable of the parent that matches nothing of today."""
        spec = self._before.variables[source]
        if not is_weight(source):
            return Variable(name=source, move=Move.RESET, source=source, before=spec)
        self._loses(source, "build_model() makes no variable of this name")
        for name, other in self._matched.pairs.items():
            alike = name.rpartition("/")[2] == source.rpartition("/")[2]
            if other is None and alike and self._after.variables[name] == spec:
                old, new = (shown(one).rpartition("/")[0] or shown(one) for one in (source, name))
                self._rename.setdefault(old, new)
        return Variable(name=source, move=Move.DROPPED, source=source, before=spec)

    def _named(self, name: str, source: str) -> Move:
        same = name == source or not is_weight(name)  # a slot is found by what it follows
        return Move.CARRIED if same else Move.RENAMED

    def _with_axes(self, found: Variable, axes: tuple[AxisMove, ...]) -> Variable:
        name, move = found.name, found.move
        if any(not axis.kept and axis.before for axis in axes):
            if not is_weight(name):
                return replace(found, move=Move.RESET)
            self._place.append(shown(name))
            self._loses(found.source, f"it reads other inputs than before: {_inputs(axes)}")
            return replace(found, move=Move.NEW)
        if not self._rows_go(name, axes) and any(axis.kept < axis.before for axis in axes):
            if is_weight(name):
                lost = ", ".join(
                    f"{axis.before - axis.kept} of {axis.before} positions on axis {at}"
                    for at, axis in enumerate(axes)
                    if axis.kept < axis.before
                )
                self._loses(found.source, f"{lost}; it was {found.before}, and is {found.after}")
            move = Move.CUT
        elif any(axis.before < axis.after for axis in axes):
            move = Move.GROWN
        elif any(axis.moved or axis.kept < axis.after for axis in axes):
            move = Move.MAPPED
        else:
            return found
        reads = self._axes[1].reads.get(self._axes[1].name_of(shown(name)))
        grows = reads is not None and axes[reads].kept < axes[reads].after
        zero_along = reads if grows and self._evolve.zero_new_inputs else None
        return replace(found, move=move, axes=axes, zero_along=zero_along)

    def _rows_go(self, name: str, axes: Sequence[AxisMove]) -> bool:
        """Whether nothing is lost but rows that a vocabulary took back."""
        slot = self._matched.slots.get(name)
        table = shown(name) if slot is None else slot.follows
        return self._axes[1].name_of(table) in self._axes[1].rows_go and all(
            axis.kept == axis.before for axis in axes[1:]
        )

    def _average_of(self, slot: Slot | None) -> str:
        """The variable that a moving average starts as: Keras would start a late one at zero."""
        return self._followed(slot) if slot is not None and slot.name == "average" else ""

    def _lost_its_shape(self, slot: Slot, was: Spec, spec: Spec) -> bool:
        """Whether what a slot follows has changed, and the slot has another shape (as Adafactor's have)."""
        name = self._followed(slot)
        variable = self.variable(name) if name else None
        if variable is None or not variable.axes or variable.before is None or variable.after is None:
            return False
        return (was.shape, spec.shape) != (variable.before.shape, variable.after.shape)

    def _followed(self, slot: Slot) -> str:
        """Today's name of the variable that a slot follows; "" for none."""
        return self._names.get(slot.follows, "")

    # --- axes -----------------------------------------------------------------------------------

    def _along(
        self, name: str, source: str, was: Spec, spec: Spec, slot: Slot | None
    ) -> tuple[AxisMove, ...] | None:
        """How the axes match; None if the values are taken as they are."""
        if slot is not None:  # it has the shape of what it follows, or one of its own
            follows = self._followed(slot)
            axes = self.variable(follows).axes if follows else ()
            return axes or (None if was.shape == spec.shape else _in_place(was, spec))
        placed = self._evolve.place_of(shown(name))
        if placed is not None:
            return self._as_placed(name, placed, was, spec)
        olds, news = (
            axes.labels.get(axes.name_of(shown(one)), ())
            for axes, one in zip(self._axes, (source, name), strict=True)
        )
        if not (_fit(olds, was) and _fit(news, spec)):
            if was.shape == spec.shape:
                return None
            self._place.append(shown(name))
            self.objections.append(
                f"{shown(name)} was {was} and is {spec}, and nothing is known of what its positions stand for"
            )
            return _in_place(was, spec)
        self._check_unknown(name, olds, news)
        axes = tuple(_axis(old, new) for old, new in zip(olds, news, strict=True))
        if was.shape == spec.shape and not any(axis.moved or axis.kept < axis.before for axis in axes):
            return None
        return axes

    def _as_placed(self, name: str, placed: Placed | str, was: Spec, spec: Spec) -> tuple[AxisMove, ...]:
        axes = list(_in_place(was, spec))
        if isinstance(placed, Placed):
            fits = placed.axis < len(axes) and len(placed.at) == spec.shape[placed.axis]
            if (
                not fits
                or max((one for one in placed.at if one is not None), default=0) >= was.shape[placed.axis]
            ):
                self.objections.append(
                    f"Evolve.placed says {placed} for {shown(name)}, which does not fit: it was {was}, "
                    f"and is {spec}"
                )
                return tuple(axes)
            axes[placed.axis] = AxisMove(
                before=was.shape[placed.axis],
                after=spec.shape[placed.axis],
                at=tuple(-1 if one is None else one for one in placed.at),
            )
        return tuple(axes)

    def _check_unknown(self, name: str, olds: Sequence[Axis], news: Sequence[Axis]) -> None:
        """Object to a layer of an unknown class with other inputs: its places may mean other things."""
        for layer in sorted({one.layer for one in chain(*news) if isinstance(one, Unknown)}):
            was, now = (axes.inputs.get(layer, ()) for axes in self._axes)
            if now[: len(was)] != was:
                self._place.append(shown(name))
                self.objections.append(
                    f"{shown(name)} reads the layer {layer}, whose inputs are different, and nothing is "
                    "known of how that layer arranges them"
                )

    # --- what speaks against it -----------------------------------------------------------------

    def _loses(self, source: str, why: str) -> None:
        if not self._evolve.may_drop(shown(source)):
            self._drop.append(shown(source))
            self.objections.append(f"{shown(source)} would lose trained values: {why}")

    def check_names(self) -> None:
        """Numbered names from Keras say nothing if there are more or fewer layers of a class than before."""
        olds, news = _counted(self._before), _counted(self._after)
        for kind in sorted(olds.keys() & news.keys()):
            told = [name for name in olds[kind] if name in self._evolve.renamed]
            if olds[kind] == news[kind] or len(told) == len(olds[kind]):
                continue
            self._rename |= {name: name for name in olds[kind] if name not in told}
            self.objections.append(
                f"Keras named the {kind} layers {', '.join(olds[kind])}, and now {', '.join(news[kind])}: "
                "it cannot be told which is which"
            )

    def check_claims(self) -> None:
        """Object to a name that `renamed` gives to one variable of the parent while another has it."""
        claimed: dict[str, str] = {}
        for source in filter(is_weight, self._before.variables):
            today = self._evolve.name_today(shown(source))
            if today in claimed:
                self.objections.append(
                    f"{claimed[today]} and {shown(source)} of the parent would both become {today}"
                )
            claimed[today] = shown(source)

    def check_state(self, changed: Mapping[str, str]) -> None:
        """Object to changes of what layers hold beside variables: it shapes predictions, as weights do."""
        followed = self._axes[0].followed & self._axes[1].followed
        there = _layers(self._before) & _layers(self._after)
        for place, message in changed.items():
            layers = set(place.split("/")[:-1])
            comes_or_goes = message.endswith(" only") and layers and not layers & there
            if layers & followed or comes_or_goes or matches(place, self._evolve.changed):
                continue
            self._change.append(place)
            self.objections.append(f"{place} is not what it was: {message}")

    def next(self) -> str:
        """What to write so that there are no objections."""
        ways = []
        if self._rename:
            said = ", ".join(f'"{old}": "{new}"' for old, new in self._rename.items())
            ways.append(f"renamed={{{said}}} (the parent's name: today's) if they are the same layer")
        if self._place:
            said = f'placed={{"{self._place[0]}": "{IN_PLACE}"}}'
            ways.append(f"{said} if each position still means the same")
        if self._drop:
            ways.append(f"drop={_tuple(self._drop)} if these values may be lost")
        if self._change:
            ways.append(f"changed={_tuple(self._change)} if predictions may change with it")
        undo = "or undo the change of build_model()"
        if not ways:
            return f"correct evolve=Evolve(...) in the pipeline, {undo}"
        return f"set evolve=Evolve(...) in the pipeline, with {'; '.join(ways)}; {undo}"


def _axes_of_both(before: Structure, after: Structure, evolve: Evolve) -> tuple[Axes, Axes]:
    """The axes of both models; none where the layers are the same: nothing can have moved between them.

    That is how almost every training begins, and labels of a large picture take seconds to make.
    """
    same = _layers_written(before) == _layers_written(after) and before.values == after.values
    if same and not evolve.renamed:
        return Axes(), Axes()
    return (
        axes_of(before.config, values=before.values, called=evolve.layer_today),
        axes_of(after.config, values=after.values),
    )


def _layers_written(structure: Structure) -> object:
    """Its layers as Keras writes them, without how the model is compiled."""
    return (structure.config or {}).get("config")


def _tuple(names: Sequence[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in dict.fromkeys(names))
    return f"({listed},)" if len(set(names)) == 1 else f"({listed})"


def _inputs(axes: Sequence[AxisMove]) -> str:
    return ", ".join(f"all {axis.before} of axis {at}" for at, axis in enumerate(axes) if not axis.kept)


def _castable(old: str, new: str) -> bool:
    floats = ("float16", "bfloat16", "float32", "float64")
    return old == new or (old in floats and new in floats)


def _fit(labels: Sequence[Axis], spec: Spec) -> bool:
    """Whether each position of each axis has one label, and no label occurs twice on an axis."""
    if not labels or len(labels) != len(spec.shape):
        return False
    return all(
        len(axis) == size and (isinstance(axis, range) or len(set(axis)) == size)
        for axis, size in zip(labels, spec.shape, strict=True)
    )


def _in_place(was: Spec, spec: Spec) -> tuple[AxisMove, ...]:
    return tuple(AxisMove(before=old, after=new) for old, new in zip(was.shape, spec.shape, strict=True))


def _axis(old: Axis, new: Axis) -> AxisMove:
    if isinstance(old, range) and isinstance(new, range):
        return AxisMove(before=len(old), after=len(new))
    places = {label: place for place, label in enumerate(old)}
    at = tuple(places.get(label, -1) for label in new)
    stays = all(one == place for place, one in enumerate(at[: len(old)])) and set(at[len(old) :]) <= {-1}
    return AxisMove(before=len(old), after=len(new), at=None if stays else at)


def _layers(structure: Structure) -> set[str]:
    return {layer.name for layer in layers_of(structure.config)} if structure.config else set()


def _counted(structure: Structure) -> dict[str, list[str]]:
    """The layers with variables that Keras named, by class."""
    if structure.config is None:
        return {}
    owners = set(chain(*(shown(name).split("/")[:-1] for name in structure.variables if is_weight(name))))
    found: dict[str, list[str]] = {}
    for layer in layers_of(structure.config):
        if layer.named_by_keras and layer.name in owners:
            found.setdefault(layer.kind, []).append(layer.name)
    return found
