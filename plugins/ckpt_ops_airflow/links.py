"""Links from a validation task in Airflow's UI to the pages on its slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

URL_PREFIX = "/ckpt-ops"


class SliceReport(BaseOperatorLink):
    """To the verdict in words."""

    name = "Slice report"
    page = "report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Made by the task at its end; "" when it judged nothing."""
        from airflow.configuration import conf

        result = operator.result
        if result is None:
            return ""
        base = conf.get("api", "base_url", fallback="").rstrip("/")
        key, revision = quote(result["key"]), quote(result["revision"])
        return f"{base}{URL_PREFIX}/slices/{operator.pipeline.name}/{key}/{revision}/{self.page}"


class SliceDataDocs(SliceReport):
    """To Great Expectations' own page."""

    name = "Data Docs"
    page = "data-docs"
