"""What `airflow providers list` and `airflow config list` show of the installed package."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """As Airflow's schema of provider metadata wants it.

    The plugin is not in it: its entry point has loaded it already, and a second one of its name is an error.
    """
    return {
        "package-name": "ckpt-ops",
        "name": "ckpt_ops",
        "description": "Keeps TensorFlow models fresh: a DAG per model trains and promotes.",
        "config": {
            "ckpt_ops": {
                "description": "Settings of ckpt_ops.",
                "options": {
                    "training_queue": {
                        "description": "The queue of tasks that load TensorFlow. Empty: the default queue.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "training",
                        "default": "",
                    }
                },
            }
        },
    }
