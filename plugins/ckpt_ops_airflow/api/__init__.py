"""The pages' data as JSON, and what a person may do from them, below `/ckpt-ops/api/`.

Every route takes Airflow's user; those with `{dag_id}` in their path also the permission to read that DAG's
task logs, which show the same: values of the data. What changes something needs the permission to trigger a
run of the DAG, and a token of this login (`csrf`). A refusal is JSON: `what`, `safe`, `next`.

Only the api-server imports this.
"""
