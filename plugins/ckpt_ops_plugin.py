"""What Airflow loads from this folder. Every Airflow process does, so it imports next to nothing."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from ckpt_ops_airflow.links import URL_PREFIX


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The app of `pages`, imported when it is asked for: only the api-server ever is."""
    from ckpt_ops_airflow.pages import app

    await app(scope, receive, send)


class CkptOpsPlugin(AirflowPlugin):
    """Pages on slices beside Airflow's own."""

    name = "ckpt_ops"
    fastapi_apps = [{"app": pages, "url_prefix": URL_PREFIX, "name": "ckpt_ops"}]  # noqa: RUF012
