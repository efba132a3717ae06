"""Model registries, such as MLflow's: they are told which versions were promoted, and which is in production.

The log decides; a registry follows it. `register` compares the two and makes the registry match, so it may
run late, again, or after a rollback, and a registry that does not answer delays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.registries.entry import Entry
    from ckpt_ops.registries.mlflow import MLflow
    from ckpt_ops.registries.register import Registration, register
    from ckpt_ops.registries.registry import Found, Registry

__all__ = ["Entry", "Found", "MLflow", "Registration", "Registry", "register"]

on_first_use(
    __name__,
    {
        "ckpt_ops.registries.entry": "Entry",
        "ckpt_ops.registries.mlflow": "MLflow",
        "ckpt_ops.registries.register": "Registration register",
        "ckpt_ops.registries.registry": "Found Registry",
    },
)
