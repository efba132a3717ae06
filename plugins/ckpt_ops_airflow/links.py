"""Addresses below Airflow's own, and the buttons on a validate task that open some (see `slice_pages`).

Airflow asks a link for its address in the task's own process, at the task's end, and keeps the answer:
so nothing of this runs in the api-server, and no plugin has to register it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/ckpt-ops"

T = TypeVar("T")


def in_the_ui(path: str) -> str:
    """The full address of a path, such as `dags/flight_delay`, below Airflow's own."""
    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="/"))
    return urljoin(base.rstrip("/") + "/", path.lstrip("/"))


def on_this_host(path: str) -> str:
    """The address of one of our own pages, under whichever host name the browser knows Airflow."""
    return f"{urlsplit(in_the_ui(PREFIX)).path}/{path}"


class SliceReportLink(BaseOperatorLink):
    """Why the slice was accepted or quarantined."""

    name = "Slice report"
    page = "report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page on the revision that this run evaluated; "" when it evaluated none."""
        from ckpt_ops.pipeline.step_results import Validated

        result = _result(Validated, ti_key)
        if result is None:
            return ""
        slice_ = f"{quote(operator.dag_id)}/{quote(result.key)}"
        return in_the_ui(f"{PREFIX}/slices/{slice_}/{self.page}?revision={quote(result.revision)}")


class DataDocsLink(SliceReportLink):
    """Great Expectations' own page."""

    name = "Data Docs"
    page = "data-docs"


class EvaluationLink(BaseOperatorLink):
    """The gates' verdicts on the version, with curves and segments."""

    name = "Evaluation"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """The page on the version that this run evaluated; "" when it evaluated none."""
        from ckpt_ops.pipeline.step_results import Evaluated

        result = _result(Evaluated, ti_key)
        if result is None or not result.report:
            return ""
        model = quote(operator.pipeline.name)  # the DAG of a rebase has a different name
        return in_the_ui(f"{PREFIX}/models/{model}/versions/{result.version}/evaluation")


def _result(kind: type[T], ti_key: TaskInstanceKey) -> T | None:
    """What the task has returned. Raises `Corrupt` when that is no `kind`."""
    from airflow.sdk.execution_time.xcom import XCom

    from ckpt_ops.pipeline.result_json import from_json

    value = XCom.get_value(ti_key=ti_key, key="return_value")
    return from_json(kind, value, of=f"task {ti_key.task_id}") if value else None
