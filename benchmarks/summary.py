"""From raw measurements to medians, ratios to the best peer, and goals. Nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.cases import CASES
from benchmarks.engines import ENGINES, OURS

PER_SAVE = ("block", "stall", "commit", "bytes", "objects", "step")
PER_PROCESS = ("restore", "first_step", "peak_rss_mb")


@dataclass(frozen=True, kw_only=True)
class Row:
    """An engine in a case at a store.

    Attributes:
        values: by metric, each measured value: seconds, bytes or counts.
        failures: why some rounds gave none.
        rounds: how many were tried.
    """

    case: str
    store: str
    engine: str
    values: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0

    def median(self, metric: str) -> float | None:
        values = self.values.get(metric)
        return statistics.median(values) if values else None


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A client of the GCS server; `values` by metric."""

    client: str
    values: dict[str, list[float]]
    failures: list[str]

    def median(self, metric: str) -> float | None:
        values = self.values.get(metric)
        return statistics.median(values) if values else None


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What was promised and what came of it.

    Attributes:
        measured: in `unit`; None when this run did not measure it.
        absolute: a goal for the full sizes only; at another scale it is shown, not evaluated.
    """

    text: str
    unit: str
    target: float
    measured: float | None
    absolute: bool
    scale: float

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.absolute and self.scale != 1.0:
            return f"not evaluated at scale {self.scale:g}"
        return "met" if self.measured <= self.target else "not met"


@dataclass(frozen=True, kw_only=True)
class Summary:
    scale: float
    rows: Sequence[Row]
    uploads: Sequence[Upload]

    def row(self, case: str, store: str, engine: str) -> Row | None:
        return next(
            (row for row in self.rows if (row.case, row.store, row.engine) == (case, store, engine)), None
        )

    def of(self, case: str, store: str) -> list[Row]:
        return [row for row in self.rows if (row.case, row.store) == (case, store)]

    def best_peer(self, case: str, store: str, metric: str) -> float | None:
        """The lowest median among the others."""
        medians = (row.median(metric) for row in self.of(case, store) if row.engine != OURS)
        return min((each for each in medians if each is not None), default=None)

    def goals(self) -> list[Goal]:
        """The goals of checkpoints, in the order of the design."""

        def ours(case: str, metric: str) -> float | None:
            row = self.row(case, "disk", OURS)
            return row.median(metric) if row else None

        def tf(case: str) -> float | None:
            row = self.row(case, "disk", "tf_sync")
            return row.median("first_step") if row else None

        def upload(client: str) -> float | None:
            return next((each.median("seconds") for each in self.uploads if each.client == client), None)

        wanted = [
            ("save call blocks, MLP", "ms", 3.0, _times(ours("mlp", "block"), 1e3), True),
            (
                "total stall, MLP, to the best peer",
                "x",
                1.0,
                ratio(ours("mlp", "stall"), self.best_peer("mlp", "disk", "stall")),
                False,
            ),
            (
                "total stall, embedding, 1 % of rows",
                "ms",
                70.0,
                _times(ours("embedding_1", "stall"), 1e3),
                True,
            ),
            ("bytes per save, 1 % of rows", "MB", 10.6, _times(ours("embedding_1", "bytes"), 1e-6), True),
            ("bytes per save, 10 % of rows", "MB", 94.0, _times(ours("embedding_10", "bytes"), 1e-6), True),
            *(
                (
                    f"restore to first step, {case}, to tf.train sync",
                    "x",
                    1.0,
                    ratio(ours(case, "first_step"), tf(case)),
                    False,
                )
                for case in CASES
            ),
            ("upload time to raw urllib3's", "x", 1.2, ratio(upload("ckpt_ops"), upload("urllib3")), False),
        ]
        return [
            Goal(text=text, unit=unit, target=target, measured=measured, absolute=absolute, scale=self.scale)
            for text, unit, target, measured, absolute in wanted
        ]

    def as_json(self) -> dict[str, Any]:
        """Medians and goals, to stand beside the raw numbers."""
        medians = [
            {
                "case": row.case,
                "store": row.store,
                "engine": row.engine,
                "failures": row.failures,
                "medians": {metric: row.median(metric) for metric in (*PER_SAVE, *PER_PROCESS)},
            }
            for row in self.rows
        ]
        return {
            "medians": medians,
            "goals": [asdict(goal) | {"verdict": goal.verdict} for goal in self.goals()],
        }


def summarize(cells: Sequence[dict[str, Any]], uploads: Sequence[dict[str, Any]], *, scale: float) -> Summary:
    """Medians are over all saves of all rounds."""
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for cell in cells:
        rows.setdefault((cell["case"], cell["store"], cell["engine"]), []).append(cell)
    order = {name: place for place, name in enumerate(ENGINES)}
    clients: dict[str, list[dict[str, Any]]] = {}
    for each in uploads:
        clients.setdefault(each["client"], []).append(each)
    return Summary(
        scale=scale,
        rows=[
            Row(
                case=case,
                store=store,
                engine=engine,
                values={
                    **{
                        name: [save[name] for each in found for save in each.get("saves", ())]
                        for name in PER_SAVE
                    },
                    **{name: [each[name] for each in found if name in each] for name in PER_PROCESS},
                },
                failures=[each["failure"] for each in found if "failure" in each],
                rounds=len(found),
            )
            for (case, store, engine), found in sorted(rows.items(), key=lambda item: order[item[0][2]])
        ],
        uploads=[
            Upload(
                client=client,
                values={
                    name: [each[name] for each in found if name in each]
                    for name in ("seconds", "mb_per_s", "cpu_s", "cpu_s_per_gb")
                },
                failures=[each["failure"] for each in found if "failure" in each],
            )
            for client, found in sorted(clients.items())
        ],
    )


def ratio(value: float | None, to: float | None) -> float | None:
    """None where there is nothing to compare with. Less than a millisecond of noise is no divisor."""
    return None if value is None or to is None or to < 1e-3 else value / to


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
