"""The app with every page and route of ours."""

from __future__ import annotations

from fastapi import FastAPI

from ckpt_ops_airflow.api.changing import action_routes
from ckpt_ops_airflow.api.exports import export_routes
from ckpt_ops_airflow.api.plan import plan_routes
from ckpt_ops_airflow.api.reading import routes_for_all, routes_of_models
from ckpt_ops_airflow.api.shell import shell_routes
from ckpt_ops_airflow.model_pages import model_pages
from ckpt_ops_airflow.pages import protected_app
from ckpt_ops_airflow.slice_pages import slice_pages
from ckpt_ops_airflow.version_pages import version_pages


def all_pages() -> FastAPI:
    """It is made once in each api-server, which alone imports this: no page waits for its imports."""
    return protected_app(
        for_all=(shell_routes(),),
        of_dags=(slice_pages(), model_pages(), version_pages()),
        api=(routes_for_all(), routes_of_models(), plan_routes(), export_routes(), action_routes()),
    )
