"""What Airflow loads as a plugin, in each of its processes: so it imports next to nothing.

An installed package is found by its entry point in `airflow.plugins`. Where only its code is there and it is
not installed, `plugins/ckpt_ops_plugin.py` gives the same class to Airflow.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class CkptOpsPlugin(AirflowPlugin):
    """The pages of `ckpt_ops_airflow`, the tab on a DAG that shows one, and the notes on its runs."""

    name = "ckpt_ops"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """One app, made when it is asked for, which only the api-server does: it imports FastAPI."""
        from ckpt_ops_airflow.links import PREFIX
        from ckpt_ops_airflow.model_pages import model_pages
        from ckpt_ops_airflow.pages import protected_app
        from ckpt_ops_airflow.slice_pages import slice_pages
        from ckpt_ops_airflow.version_pages import version_pages

        app = protected_app(slice_pages(), model_pages(), version_pages())
        return [{"app": app, "url_prefix": PREFIX, "name": "ckpt-ops"}]

    @property
    def listeners(self) -> list[Any]:  # type: ignore[override]  # Airflow only reads it
        """Notes on runs that have ended; see `run_notes`."""
        from ckpt_ops_airflow import run_notes

        return [run_notes]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """The tab "Backfill plan". It is on every DAG; the page says so where there is no model."""
        from ckpt_ops_airflow.links import on_this_host

        return [
            {
                "name": "Backfill plan",
                "href": on_this_host("models/{DAG_ID}/plan"),
                "destination": "dag",
                "url_route": "backfill-plan",
            }
        ]
