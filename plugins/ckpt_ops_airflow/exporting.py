"""The DAG that writes a version in another format when a person asks for it: one task, `export`.

Nothing is trained, and production stays as it is. What was written before is found, so a run may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.step_results import ExportedVersion
from ckpt_ops.runs import messages
from ckpt_ops_airflow.asked_for import AskedFor, dag_asked_for, why_param
from ckpt_ops_airflow.factory import check_described
from ckpt_ops_airflow.operators import TensorFlowOperator
from ckpt_ops_airflow.pods import give
from ckpt_ops_airflow.results import EXPORT

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store
    from ckpt_ops_airflow.resources import Resources

SUFFIX = "_export"

FORMATS = ("saved-model", "keras", "tf-checkpoint", "safetensors", "tflite", "onnx")
"""As `ckpt_ops.serving.on_request.FORMATS`, which takes longer to import than a DAG file may."""

PARAMS: dict[str, Any] = {
    "version": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Version",
        description="Its number. Empty: the version that is in production when the run starts.",
    ),
    "format": Param(
        FORMATS[0],
        enum=list(FORMATS),
        title="Format",
        description="saved-model, keras, tf-checkpoint, safetensors: a checkpoint for other libraries. "
        "tflite, onnx: for other runtimes, kept only if it predicts the same.",
    ),
    "step": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Step",
        description="Of the checkpoint that is exported. Empty: the last one. A conversion is of the last.",
    ),
    "tolerance": Param(
        1e-4,
        type="number",
        minimum=0,
        title="Tolerance",
        description="Of a conversion: the largest difference that a prediction may have.",
    ),
    "why": why_param("The log keeps it."),
}


def export_dag(
    pipeline: Pipeline,
    *,
    retries: int = 1,
    retry_delay: timedelta = timedelta(seconds=10),
    export_timeout: timedelta | None = None,
    tags: tuple[str, ...] = (),
    resources: Mapping[str, Resources] | None = None,
) -> DAG:
    """The DAG `{pipeline.name}_export`. It has no schedule: it is triggered, from the page of a version.

    Args:
        pipeline: whose model.
        retries: of the task, where it fails for now, such as a process that was killed.
        retry_delay: between tries.
        export_timeout: ends a try that runs longer.
        tags: besides "ckpt-ops" and "export".
        resources: what tasks need where Kubernetes runs them, by task id, or by "*" for all without an entry
            (docs/how-to/kubernetes.md).

    Raises:
        BadInput: a pipeline, or a source's name, that is described twice; a task of `resources` that is none.
        ExtraMissing: `resources` need the extra "kubernetes".
    """
    check_described(pipeline)
    with dag_asked_for(
        f"{pipeline.name}{SUFFIX}",
        description=f"Writes a version of {pipeline.name} in another format; trains nothing",
        params=PARAMS,
        retries=retries,
        retry_delay=retry_delay,
        tags=("export", *tags),
    ) as dag:
        ExportOperator(task_id=EXPORT, pipeline=pipeline, execution_timeout=export_timeout)
    give(dag, resources)
    return dag


class ExportOperator(AskedFor[ExportedVersion], TensorFlowOperator[ExportedVersion]):
    """Exports or converts the version that the run's parameters name."""

    def step(self, store: Store, context: Context) -> ExportedVersion:
        """Write it, in a process of its own, unless that is done. Raises as `runs.export.export`."""
        from ckpt_ops.runs.export import export

        params = context["params"]
        why = self.reason(context)
        version = params["version"] or self._in_production(store, context)
        if version is None:
            raise BadInput("version", None, f"the number of a version of {self.pipeline.name}")
        return export(
            self.pipeline,
            store,
            version,
            params["format"],
            why=why,
            step=params["step"],
            tolerance=params["tolerance"],
            report=self.report,
        )

    def _in_production(self, store: Store, context: Context) -> int | None:
        """As of the run's start: each try exports the same, whatever is promoted meanwhile."""
        from ckpt_ops.lineage import ModelLog
        from ckpt_ops.lineage.production import head_at

        run = context["dag_run"]
        return head_at(ModelLog(store, self.pipeline.name).state(), run.start_date or run.run_after)

    def message(self, result: ExportedVersion) -> list[str]:
        """Where it is, and how large."""
        return messages.exported(result)

    def report(self, line: str) -> None:
        """A line of the process that writes it."""
        self.log.info("%s", line)
