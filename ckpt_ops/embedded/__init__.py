"""The whole platform on one machine, without Docker.

A GCS API server, PostgreSQL and Airflow's four processes, all on 127.0.0.1, all state under one
directory (`CKPT_OPS_HOME`). `python -m ckpt_ops.embedded up` starts it; `down` stops exactly what
was started. Airflow runs in processes of its own: nothing here imports it.
"""
