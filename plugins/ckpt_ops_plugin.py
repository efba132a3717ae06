"""The plugin for an Airflow whose plugins folder this is, unless the installed package provides it.

Airflow loads this folder first and then the entry points, and takes a second plugin of one name for an import
error. So where the package is installed, be it as a wheel or editable, there is no plugin in here.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution


def _is_installed() -> bool:
    try:
        found = distribution("ckpt-ops").entry_points
    except PackageNotFoundError:
        return False
    return bool(found.select(group="airflow.plugins", name="ckpt_ops"))


if not _is_installed():
    from ckpt_ops_airflow.plugin import CkptOpsPlugin

    __all__ = ["CkptOpsPlugin"]
