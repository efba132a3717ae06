"""Where the tasks that load TensorFlow wait for a worker."""

from __future__ import annotations

from airflow.sdk.configuration import conf


def training_queue() -> str:
    """The queue of `[ckpt_ops] training_queue`, else Airflow's default one.

    Executors without queues, such as LocalExecutor, ignore it.
    """
    return str(conf.get("ckpt_ops", "training_queue", fallback="") or conf.get("operators", "default_queue"))
