"""How Airflow is configured here, and the commands that start its processes.

Comments say why settings differ from Airflow's defaults.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Mapping

from ckpt_ops.embedded import gcs_server
from ckpt_ops.embedded.process import Command, ComponentFailed, Stopping, last_lines, private_log
from ckpt_ops.embedded.secret_files import Secrets, load_or_create, passwords
from ckpt_ops.embedded.settings import HOST, LANDING, STORE, USER, Settings

API_SERVER = "api-server"
SCHEDULER = "scheduler"
DAG_PROCESSOR = "dag-processor"
TRIGGERER = "triggerer"

DAG_BUNDLE = "dags-folder"
"""What Airflow calls the bundle that is its folder of DAGs."""

STOPPING = {SCHEDULER: Stopping.WITH_TASKS, TRIGGERER: Stopping.TWICE}


def airflow_environment(
    settings: Settings,
    secrets: Secrets | None = None,
    *,
    database: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The variables that make any Airflow process, or `dag.test()`, part of this platform.

    Args:
        settings: with its ports resolved.
        secrets: shared by all of the platform's processes; those in its home by default.
        database: SQLAlchemy addresses by driver, `psycopg2` and `asyncpg`; without them Airflow uses
            SQLite in AIRFLOW_HOME, which will do for `dag.test()` only.
        environ: what the user has set; the process's own by default. An `AIRFLOW__X__Y` in it
            (or its `_CMD` or `_SECRET`) wins over the one here; so do CKPT_OPS_STORE and
            CKPT_OPS_LANDING, GX_ANALYTICS_ENABLED and TF_CPP_MIN_LOG_LEVEL.

    Returns:
        Only the variables to set: a child's environment is `{**os.environ, **returned}`.
    """
    environ = os.environ if environ is None else environ
    options = _options(settings, load_or_create(settings) if secrets is None else secrets)
    if database is not None:
        options["DATABASE__SQL_ALCHEMY_CONN"] = database["psycopg2"]
        options["DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = database["asyncpg"]
    defaults = {
        "CKPT_OPS_STORE": STORE,
        "CKPT_OPS_LANDING": LANDING,
        "GX_ANALYTICS_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    defaults |= {f"AIRFLOW__{option}": value for option, value in options.items()}
    variables = {}
    for name, value in defaults.items():
        if name in environ:
            variables[name] = environ[name]
        elif not {f"{name}_CMD", f"{name}_SECRET"} & environ.keys():
            variables[name] = value
    path = [str(settings.project), str(settings.plugins_dir)]
    path += [
        entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in path
    ]
    return variables | {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "CKPT_OPS_HOME": str(settings.home),
        "STORAGE_EMULATOR_HOST": gcs_server.endpoint(settings.home, settings.gcs_port),
        "PYTHONPATH": os.pathsep.join(path),
    }


def _options(settings: Settings, secrets: Secrets) -> dict[str, str]:
    return {
        # LocalExecutor, and the scheduler rests while nothing runs: a sixth of a core otherwise
        "CORE__EXECUTOR": "ckpt_ops_airflow.resting.RestingExecutor",
        "CORE__DAGS_FOLDER": str(settings.dags_dir),
        "CORE__PLUGINS_FOLDER": str(settings.plugins_dir),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__PARALLELISM": "4",  # the default, 32 workers forked ahead, takes 2 GB
        "CORE__FERNET_KEY": secrets.fernet_key,
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default may ask a name server, slowly
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords(settings)),
        "CORE__EXECUTION_API_SERVER_URL": f"{settings.ui_url}/execution/",
        "API__HOST": HOST,
        "API__PORT": str(settings.ui_port),
        "API__BASE_URL": settings.ui_url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.api_secret_key,
        "API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",  # six empty tasks: 1.2 s instead of 6-11
        # a task whose worker was killed is retried after half a minute, not after five
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",  # a new DAG file shows within seconds
        # A DAG file that was edited is parsed at once, whatever this says; when something that it imports was
        # edited, the supervisor asks for it (`edited.py`). So this is only for what no file shows.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "TRIGGERER__CAPACITY": "100",
    }


def command(name: str, settings: Settings, environment: Mapping[str, str]) -> Command:
    """How to start one of Airflow's processes in this platform."""
    arguments = [name]
    if name in {SCHEDULER, TRIGGERER}:
        # one machine: the api-server reads the logs from disk, so nothing listens on all interfaces
        arguments.append("--skip-serve-logs")
    return Command(
        name=name,
        argv=(sys.executable, "-m", "airflow", *arguments),
        environment=environment,
        cwd=settings.project,
        log=settings.logs / f"{name}.log",
        record=settings.run_dir / f"{name}.json",
        stop_seconds=25.0 if name == SCHEDULER else 15.0,
        stopping=STOPPING.get(name, Stopping.ALONE),
    )


def file_token(path: str, secret: str) -> str:
    """By what Airflow's REST API names a file that makes a DAG.

    Args:
        path: relative to the folder of DAGs.
        secret: Airflow's `[api] secret_key`.
    """
    from itsdangerous import URLSafeSerializer

    token = URLSafeSerializer(secret).dumps({"bundle_name": DAG_BUNDLE, "relative_fileloc": path})
    return token if isinstance(token, str) else token.decode()


def migrate(settings: Settings, environment: Mapping[str, str]) -> None:
    """Bring the database's tables to the installed Airflow's version, if they are not there yet.

    Raises:
        ComponentFailed: the migration failed; with its last lines.
    """
    log = settings.logs / "migrate.log"
    log.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "airflow", "db", "migrate"]
    with private_log(log) as output:
        done = subprocess.run(
            argv,
            env=dict(environment),
            cwd=settings.project,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        ending = "\n".join(f"    {line}" for line in last_lines(log))
        raise ComponentFailed(
            f"`airflow db migrate` ended with exit code {done.returncode}. {log} ends with:\n{ending}",
            safe="objects were not touched; PostgreSQL undoes an unfinished migration",
            next=f"read {log}",
        )


def version() -> str:
    """The installed Airflow's version, read without importing it."""
    return importlib.metadata.version("apache-airflow-core")
