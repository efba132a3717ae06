"""Keep a TensorFlow model fresh: slices in, checkpoints and promoted versions out.

Import from here what a pipeline, a source, a model and their tests need; each name loads its module when it
is first used. A pipeline is one frozen description. This one finds a slice where data lands:

>>> import tempfile, datetime as dt, pyarrow as pa, pyarrow.parquet
>>> from ckpt_ops import AtMost, Budget, Files, Pipeline
>>> houses = pa.table({"rooms": [2, 3], "price": [1.5, 2.25]})
>>> pa.parquet.write_table(houses, f"{(landing := tempfile.mkdtemp())}/2026-01-02.parquet")
>>> prices = Pipeline(
...     name="prices",
...     source=Files(name="houses", schema=houses.schema, template="{key}.parquet", url=f"file://{landing}"),
...     expectations="expectations.json",
...     model="prices.model:build_model",
...     budget=Budget(max_steps=200, max_seconds=60),
...     gates=[AtMost("rmse", 0.5)],
... )
>>> [key] = prices.source.keys(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 8))
>>> key, pa.Table.from_batches(prices.source.read(key)).to_pydict()
('2026-01-02', {'rooms': [2, 3], 'price': [1.5, 2.25]})

`ckpt_ops_airflow` makes the DAG from it. A name that several packages use has one meaning here, that of the
author of a pipeline: `Rows` is the policy, `Files` the source, `Slices` a number of them,
`EvaluatedRows` and `Verdict` what a gate gets and returns, `Period` the length of a source's slices.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_ops.checkpoints import (
        Anchors,
        Automatic,
        Checkpointer,
        Doubling,
        EverySeconds,
        EverySteps,
        EveryVersions,
        FirstOf,
        Intermediate,
        Keep,
        SaveTrigger,
        SinceSave,
        checkpointing,
        model_variables,
    )
    from ckpt_ops.column_times import Since, Until
    from ckpt_ops.contract import check_source, drop_last_row
    from ckpt_ops.errors import (
        BadInput,
        BucketNotFound,
        CkptOpsError,
        Corrupt,
        ExtraMissing,
        Fenced,
        IncompatibleCheckpoint,
        ModelCodeError,
        ObjectNotFound,
        SliceChanging,
        SliceEmpty,
        SliceMissing,
        SliceUnreadable,
        SourceRefused,
        SourceUnavailable,
        StoreForbidden,
        StoreUnavailable,
        TerminalError,
        TransferRefused,
        TransientError,
    )
    from ckpt_ops.evaluation import (
        AtLeast,
        AtMost,
        Calibrated,
        Difference,
        EvaluatedRows,
        FairAcross,
        FairRates,
        Floor,
        Gate,
        LatencyAtMost,
        Metric,
        NoForgetting,
        NoSegmentWorse,
        NoSuspectSlice,
        NotWorseThan,
        Servable,
        SizeAtMost,
        Unclear,
        UndefinedMetric,
        Verdict,
        metric_named,
        paired_bootstrap,
    )
    from ckpt_ops.pipeline import (
        Append,
        Approval,
        EmptySlices,
        Fleet,
        Intake,
        Member,
        Otherwise,
        Pipeline,
        SameContent,
        Shadow,
        Slices,
    )
    from ckpt_ops.policies import (
        Age,
        AllOf,
        Always,
        AnyOf,
        ColumnDrift,
        Cooldown,
        CostBudget,
        Decision,
        Drift,
        DriftNeed,
        Every,
        Facts,
        MetricDrop,
        NeedsDrift,
        Policy,
        Rows,
    )
    from ckpt_ops.registries import MLflow, Registry
    from ckpt_ops.slices import (
        BigQueryTable,
        Files,
        HttpPages,
        PartedSource,
        Period,
        PostgresTable,
        RowsWhere,
        SliceSource,
        key_time,
    )
    from ckpt_ops.slices.connections import Connection, connection
    from ckpt_ops.slices.declared import columns_of
    from ckpt_ops.slices.formats import Csv, JsonLines, Parquet
    from ckpt_ops.slices.sources.paging import (
        Answer,
        Cursor,
        LinkHeader,
        NextLink,
        Offset,
        OnePage,
        PageNumber,
        Paging,
    )
    from ckpt_ops.store import Store, open_store
    from ckpt_ops.training import (
        Budget,
        Examples,
        Latest,
        Lists,
        Mirrored,
        NoReplay,
        Numerics,
        Replay,
        Reservoir,
        Schedules,
        StopEarly,
        TailAverage,
        TrainableModule,
        Workers,
    )
    from ckpt_ops.training.lazy_adam import LazyAdam
    from ckpt_ops.transfer import Evolve, History, Placed
    from ckpt_ops.validation import TableRows, load_suite, parse_suite, validate
    from ckpt_ops.validation.custom import MemoryReference
    from ckpt_ops.vocabularies import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Age",
    "AllOf",
    "Always",
    "Anchors",
    "Answer",
    "AnyOf",
    "Append",
    "Approval",
    "AtLeast",
    "AtMost",
    "Automatic",
    "BadInput",
    "BigQueryTable",
    "BucketNotFound",
    "Budget",
    "Calibrated",
    "Checkpointer",
    "CkptOpsError",
    "ColumnDrift",
    "Connection",
    "Cooldown",
    "Corrupt",
    "CostBudget",
    "Csv",
    "Cursor",
    "Decision",
    "Difference",
    "Doubling",
    "Drift",
    "DriftNeed",
    "EmptySlices",
    "EvaluatedRows",
    "Every",
    "EverySeconds",
    "EverySteps",
    "EveryVersions",
    "Evolve",
    "Examples",
    "ExtraMissing",
    "Facts",
    "FairAcross",
    "FairRates",
    "Fenced",
    "Files",
    "FirstOf",
    "Fleet",
    "Floor",
    "Gate",
    "History",
    "HttpPages",
    "IncompatibleCheckpoint",
    "Intake",
    "Intermediate",
    "JsonLines",
    "Keep",
    "LatencyAtMost",
    "Latest",
    "LazyAdam",
    "LinkHeader",
    "Lists",
    "MLflow",
    "Member",
    "MemoryReference",
    "Metric",
    "MetricDrop",
    "Mirrored",
    "ModelCodeError",
    "NeedsDrift",
    "NextLink",
    "NoForgetting",
    "NoReplay",
    "NoSegmentWorse",
    "NoSuspectSlice",
    "NotWorseThan",
    "Numerics",
    "ObjectNotFound",
    "Offset",
    "OnePage",
    "Otherwise",
    "PageNumber",
    "Paging",
    "Parquet",
    "PartedSource",
    "Period",
    "Pipeline",
    "Placed",
    "Policy",
    "PostgresTable",
    "Registry",
    "Replay",
    "Reservoir",
    "Rows",
    "RowsWhere",
    "SameContent",
    "SaveTrigger",
    "Schedules",
    "Servable",
    "Shadow",
    "Since",
    "SinceSave",
    "SizeAtMost",
    "SliceChanging",
    "SliceEmpty",
    "SliceMissing",
    "SliceSource",
    "SliceUnreadable",
    "Slices",
    "SourceRefused",
    "SourceUnavailable",
    "StopEarly",
    "Store",
    "StoreForbidden",
    "StoreUnavailable",
    "TableRows",
    "TailAverage",
    "TerminalError",
    "TrainableModule",
    "TransferRefused",
    "TransientError",
    "Unclear",
    "UndefinedMetric",
    "Until",
    "Verdict",
    "Vocabulary",
    "Workers",
    "check_source",
    "checkpointing",
    "columns_of",
    "connection",
    "drop_last_row",
    "key_time",
    "load_suite",
    "metric_named",
    "model_variables",
    "open_store",
    "paired_bootstrap",
    "parse_suite",
    "validate",
]

_TABLE = {
    "ckpt_ops.checkpoints": (
        "Anchors Automatic Checkpointer Doubling EverySeconds EverySteps EveryVersions FirstOf "
        "Intermediate Keep SaveTrigger SinceSave checkpointing model_variables"
    ),
    "ckpt_ops.column_times": "Since Until",
    "ckpt_ops.contract": "check_source drop_last_row",
    "ckpt_ops.errors": (
        "BadInput BucketNotFound CkptOpsError Corrupt ExtraMissing Fenced IncompatibleCheckpoint "
        "ModelCodeError ObjectNotFound SliceChanging SliceEmpty SliceMissing SliceUnreadable SourceRefused "
        "SourceUnavailable StoreForbidden StoreUnavailable TerminalError TransferRefused TransientError"
    ),
    "ckpt_ops.evaluation": (
        "AtLeast AtMost Calibrated Difference FairAcross FairRates EvaluatedRows Floor Gate "
        "LatencyAtMost Metric NoForgetting NoSegmentWorse NoSuspectSlice NotWorseThan Servable SizeAtMost "
        "Unclear UndefinedMetric Verdict metric_named paired_bootstrap"
    ),
    "ckpt_ops.pipeline": (
        "Append Approval EmptySlices Fleet Intake Member Otherwise Pipeline SameContent Shadow Slices"
    ),
    "ckpt_ops.policies": (
        "Age AllOf Always AnyOf ColumnDrift Cooldown CostBudget Decision Drift DriftNeed Every Facts "
        "MetricDrop NeedsDrift Policy Rows"
    ),
    "ckpt_ops.registries": "MLflow Registry",
    "ckpt_ops.slices": (
        "BigQueryTable Files HttpPages PartedSource Period PostgresTable RowsWhere SliceSource key_time"
    ),
    "ckpt_ops.slices.connections": "Connection connection",
    "ckpt_ops.slices.declared": "columns_of",
    "ckpt_ops.slices.formats": "Csv JsonLines Parquet",
    "ckpt_ops.slices.sources.paging": "Answer Cursor LinkHeader NextLink Offset OnePage PageNumber Paging",
    "ckpt_ops.store": "Store open_store",
    "ckpt_ops.training": (
        "Budget Examples Latest Lists Mirrored NoReplay Numerics Replay Reservoir Schedules StopEarly "
        "TailAverage TrainableModule Workers"
    ),
    "ckpt_ops.training.lazy_adam": "LazyAdam",
    "ckpt_ops.transfer": "Evolve History Placed",
    "ckpt_ops.validation": "TableRows load_suite parse_suite validate",
    "ckpt_ops.validation.custom": "MemoryReference",
    "ckpt_ops.vocabularies": "Vocabulary",
}
"""By module, the names that come from it; the imports above tell type checkers the same."""

_HOMES = {name: module for module, names in _TABLE.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker that saw it would take any misspelt name for `Any`

    def __getattr__(name: str) -> Any:
        """The object of that name, whose module is imported on first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
