"""What Airflow loads as a plugin, in each of its processes: so it imports next to nothing.

An installed package is found by its entry point in `airflow.plugins`. Where only its code is there and it is
not installed, `plugins/ckpt_ops_plugin.py` gives the same class to Airflow.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

_VIEWS = (
    ("Models", "", "nav", "models"),
    ("Model", "models/{DAG_ID}", "dag", "model"),
    ("Backfill plan", "models/{DAG_ID}/plan", "dag", "backfill-plan"),
    ("Slice", "models/{DAG_ID}/runs/{RUN_ID}", "dag_run", "slice"),
)
"""Name, path below ours, where Airflow shows it, and how Airflow's own address names it."""


class CkptOpsPlugin(AirflowPlugin):
    """The pages of `ckpt_ops_airflow`, where Airflow's UI shows them, and the notes on runs."""

    name = "ckpt_ops"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """One app, made when it is asked for, which only the api-server does: it imports FastAPI."""
        from ckpt_ops_airflow.all_pages import all_pages
        from ckpt_ops_airflow.links import PREFIX

        return [{"app": all_pages(), "url_prefix": PREFIX, "name": "ckpt-ops"}]

    @property
    def listeners(self) -> list[Any]:  # type: ignore[override]  # Airflow only reads it
        """Notes on runs that have ended; see `run_notes`."""
        from ckpt_ops_airflow import run_notes

        return [run_notes]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow only reads it
        """ "Models" in the navigation, and tabs. These are on every DAG; ours say where there is no model."""
        from ckpt_ops_airflow.links import on_this_host

        icon = {"icon": on_this_host("icon/light"), "icon_dark_mode": on_this_host("icon/dark")}
        return [
            {
                "name": name,
                "href": on_this_host(path),
                "destination": destination,
                "url_route": route,
                "nav_top_level": destination == "nav",
                **icon,
            }
            for name, path, destination, route in _VIEWS
        ]
