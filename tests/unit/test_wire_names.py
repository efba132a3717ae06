"""What is stored has names of its own: none changes by accident, and code may call things otherwise."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, EnumType
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops import evaluation, policies, training, transfer, vocabularies
from ckpt_ops.candidates.progress_document import ProgressDocument
from ckpt_ops.checkpoints import SaveRequest, What
from ckpt_ops.checkpoints import manifest as checkpoint
from ckpt_ops.checkpoints.placement import Placement
from ckpt_ops.checkpoints.requests import Answer
from ckpt_ops.documents import read_as
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Basis, Evaluation, PastSlice, ServableCheck, Verdict
from ckpt_ops.forget import purge_plan
from ckpt_ops.intake import found
from ckpt_ops.lineage import encoding, snapshot
from ckpt_ops.lineage.candidate_log import Commit
from ckpt_ops.lineage.encoding import decode, encode
from ckpt_ops.lineage.records import Again, Record, SliceDiscarded, SliceRef
from ckpt_ops.lineage.state import LineageState, SliceState, SliceStatus, VersionState, VersionStatus
from ckpt_ops.pipeline import given
from ckpt_ops.pipeline.code.kept import Functions
from ckpt_ops.serving.formats import Format
from ckpt_ops.slices import manifest as slice_manifest
from ckpt_ops.slices import parts, unread
from ckpt_ops.store.named import Written
from ckpt_ops.training import Latest, Reservoir, Schedules, StopReason
from ckpt_ops.transfer import document as transfer_document
from ckpt_ops.transfer.moves import Move
from ckpt_ops.validation import in_parts, merging, verdict
from ckpt_ops.validation.custom import KINDS
from ckpt_ops.values import describe
from ckpt_ops.views import description, sizes
from ckpt_ops.vocabularies import document as vocabulary_document
from ckpt_ops.wire_names import as_stored, wire, wire_name, wire_names
from ckpt_ops.worker import Phase

GOLDEN = Path(__file__).parents[1] / "golden" / "wire-names.txt"


def settings() -> Iterator[type]:
    """Whatever a pipeline is described with that has a name in ids."""
    for package in (training, transfer, vocabularies, policies, evaluation):
        for name in package.__all__:
            kind = getattr(package, name)
            if isinstance(kind, type) and wire_name(kind) and kind not in IN_DOCUMENTS["evaluation"].values():
                yield kind


IN_DOCUMENTS: dict[str, dict[str, type]] = {
    "in records": {"slice": SliceRef, "written": Written, "again": Again},
    "in a version's log": {"CheckpointCommitted": Commit},
    f"checkpoint manifest, schema {checkpoint.SCHEMA}": {
        "manifest": checkpoint.Manifest,
        "segment": checkpoint.Segment,
        "tensor": checkpoint.TensorEntry,
        "delta": checkpoint.RowDelta,
        "placement": Placement,
    },
    f"snapshot, schema {snapshot.SCHEMA} (goes up when a name changes)": {
        "state": LineageState,
        "slice": SliceState,
        "version": VersionState,
        "slice's status": SliceStatus,
        "version's status": VersionStatus,
    },
    "save request": {"request": SaveRequest, "what": What, "answer": Answer},
    "progress of a training, schema 1": {"report": ProgressDocument, "phase": Phase},
    f"slice, format {slice_manifest.FORMAT}": {
        "slice": slice_manifest.SliceManifest,
        "column": slice_manifest.Column,
        "file": slice_manifest.DataFile,
        "derived": slice_manifest.Derived,
        "unread": unread.UnreadFile,
    },
    f"part of a slice, format {parts.FORMAT}": {"receipt": parts.Receipt},
    f"rows that do not parse, format {unread._DOCUMENT.schema}": {"row": unread.UnreadRow},
    f"verdict on a slice, format {verdict._DOCUMENT.schema}": {
        "verdict": verdict.Validation,
        "reason": verdict.Reason,
        "outcome": verdict.Outcome,
        "kind": verdict.Kind,
        "severity": verdict.Severity,
    },
    f"what was found in a part, format {found._FOUND.schema}": {
        "part": found.KeptPart,
        "tally": merging.Tally,
        "beforehand": in_parts.Beforehand,
    },
    "evaluation": {
        "evaluation": Evaluation,
        "verdict": Verdict,
        "past slice": PastSlice,
        "basis": Basis,
        "export": ServableCheck,
        "latency": evaluation.Latency,
        "stopped by": StopReason,
    },
    f"plan of a purge, format {purge_plan._DOCUMENT.schema}": {
        "plan": purge_plan.PurgePlan,
        "revision": purge_plan.Revision,
        "object": purge_plan.PurgeTarget,
    },
    "code of a version": {"functions": Functions},
    "conversion": {"format": Format},
    f"vocabularies of a version, schema {vocabulary_document._DOCUMENT.schema}": {
        "document": vocabulary_document.VocabularyDocument,
        "vocabulary": vocabulary_document.StoredVocabulary,
    },
    f"adapted values of a version, schema {given._DOCUMENT.schema}": {
        "document": given.AdaptedDocument,
        "value": given.StoredValue,
    },
    f"description of a pipeline, schema {description.DESCRIPTION.schema}": {
        "description": description.Description
    },
    f"size in the store, schema {sizes.SIZE.schema}": {"size": sizes.Size},
    f"transfer, schema {transfer_document._DOCUMENT.schema}": {
        "transfer": transfer_document.TransferDocument,
        "variable": transfer_document.TransferredVariable,
        "axis": transfer_document.AxisRuns,
        "agreement": transfer_document.Agreement,
        "move": Move,
    },
}


def in_text(name: str, kind: type, *, by_value: bool = False) -> str:
    """A line for a class: enum members by value where documents hold that, by name where ids do."""
    if isinstance(kind, EnumType) and by_value:
        return f"  {name}: {' | '.join(str(member.value) for member in kind)}"
    return f"  {name}: {' '.join(wire_names(kind).values())}".rstrip()


def listed() -> str:
    """All of them, as the file has them."""
    lines = ["settings in candidate ids"]
    lines += sorted(in_text(wire_name(kind) or "", kind) for kind in settings())
    lines += ["records"]
    lines += [in_text(name, kind) for name, kind in sorted(encoding._TYPES.items())]
    for document, classes in IN_DOCUMENTS.items():
        lines += [document, *(in_text(name, kind, by_value=True) for name, kind in classes.items())]
    lines += ["metrics", f"  {' '.join(sorted(evaluation.METRICS))}"]
    lines += ["expectations of our own", *(f"  {name}" for name in sorted(KINDS))]
    return "\n".join(lines) + "\n"


def test_every_name_that_is_stored_is_the_one_in_the_list() -> None:
    """A line that is missing here was renamed: give it its stored name (`wire_names`). New ones are added."""
    assert listed().splitlines() == GOLDEN.read_text().splitlines()


def test_no_two_settings_have_the_same_name() -> None:
    names = [wire_name(kind) for kind in settings()]
    assert len(names) == len(set(names))


def renamed(kind: Any) -> Any:
    """The class under another name in another module of ours, as a refactoring leaves it."""
    if isinstance(kind, EnumType):
        there = Enum("Renamed", {name: member.value for name, member in kind.__members__.items()})
    else:
        fields = [(one.name, one.type, one) for one in dataclasses.fields(kind)]
        there = dataclasses.make_dataclass("Renamed", fields, frozen=True)
    there.__module__ = "ckpt_ops.somewhere_else"
    return wire(wire_name(kind) or "")(there)


@pytest.mark.parametrize(
    ("kind", "values"), [(Reservoir, {"share": 4.0}), (Latest, {"share": 0.2, "by": "day"})]
)
def test_a_class_that_is_called_otherwise_is_the_same_setting(kind: Any, values: dict[str, Any]) -> None:
    assert describe(renamed(kind)(**values)) == describe(kind(**values))


def test_an_enum_that_is_called_otherwise_is_the_same_setting() -> None:
    assert describe(renamed(Schedules).OVER_LIFE) == describe(Schedules.OVER_LIFE)


def test_a_field_and_a_member_may_be_called_otherwise() -> None:
    @wire("Reservoir", proportion="share")
    @dataclass(frozen=True)
    class EvenDraw:
        proportion: float

    @wire("Schedules", LIFELONG="OVER_LIFE")
    class Begin(Enum):
        LIFELONG = "over_life"

    assert describe(EvenDraw(4.0)) == describe(Reservoir(share=4.0))
    assert describe(Begin.LIFELONG) == describe(Schedules.OVER_LIFE)
    assert as_stored([EvenDraw(4.0)]) == [{"share": 4.0}]
    assert read_as(EvenDraw, {"share": 4.0}) == EvenDraw(4.0)
    with pytest.raises(ValueError, match="lacks 'share'"):
        read_as(EvenDraw, {})


def test_a_record_that_is_called_otherwise_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SliceDiscarded` becomes `GivenUp`, its `slice` becomes `revision_of` and its `reason` a `message`."""

    @wire("unused", revision_of="slice", message="reason")
    @dataclass(frozen=True, kw_only=True)
    class GivenUp:
        message: str
        actor: str
        run: str
        time: str
        nonce: str
        revision_of: SliceRef

    about = {"actor": "a", "run": "r", "time": "t", "nonce": "n"}
    ref = SliceRef(key="2013-01-06", revision="c0de", rows=3)
    then: Record = SliceDiscarded(slice=ref, reason="lost", **about)
    now: Any = GivenUp(revision_of=ref, message="lost", **about)
    stored = encode(then)

    monkeypatch.setitem(encoding._TYPES, "SliceDiscarded", GivenUp)
    monkeypatch.setitem(encoding._NAMES, GivenUp, "SliceDiscarded")

    assert encode(now) == stored
    assert decode(stored) == now
    assert json.loads(stored)["type"] == "SliceDiscarded"


def test_a_class_of_ours_without_a_name_enters_no_id() -> None:
    @dataclass(frozen=True)
    class Unnamed:
        inside: int = 1

    users = describe(Unnamed())
    assert users == {"Unnamed": {"inside": 1}}, "of a pipeline's own code, the class's name stands"
    Unnamed.__module__ = "ckpt_ops.training.unnamed"
    with pytest.raises(BadInput, match="by @wire") as raised:
        describe({"replay": Unnamed()}, at="pipeline")
    assert raised.value.field == "pipeline['replay']"


def test_a_subclass_is_other_settings() -> None:
    class Mine(Reservoir):
        """Of a pipeline's own code; draws otherwise."""

    assert describe(Mine(share=1.0)) == {"Mine": {"share": 1}}


def test_a_stored_name_of_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="Reservoir has no shar"):
        wire("Reservoir", shar="share")(Reservoir)
