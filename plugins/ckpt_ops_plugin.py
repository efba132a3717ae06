"""What Airflow loads as a plugin, in each of its processes: so it imports next to nothing."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class CkptOpsPlugin(AirflowPlugin):
    """The pages of `ckpt_ops_airflow.slice_pages`, below Airflow's own address."""

    name = "ckpt_ops"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """One app, made when it is asked for, which only the api-server does: it imports FastAPI."""
        from ckpt_ops_airflow.links import PREFIX
        from ckpt_ops_airflow.slice_pages import slice_pages

        return [{"app": slice_pages(), "url_prefix": PREFIX, "name": "ckpt-ops"}]
