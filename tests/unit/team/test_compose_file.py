"""docker-compose.yaml: what each service may use and do, in which order they start, and where secrets are."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import ckpt_ops
from ckpt_ops.worker import END_SECONDS
from team import env_file, gcs_volume, stopping
from team.secret_strength import SECRETS
from team.stack import PING, WORKERS

PROJECT = Path(__file__).parents[3]
FILE, OVERRIDE = PROJECT / "docker-compose.yaml", PROJECT / "docker-compose.override.yaml"
TEXT = "\n".join(
    line.partition(" # ")[0] for line in FILE.read_text().splitlines() if line.lstrip()[:1] != "#"
)
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]

ENDING = {"preflight", "tools"}  # they run once and end
STAYING = sorted(SERVICES.keys() - ENDING)
OURS = sorted(name for name, service in SERVICES.items() if "CKPT_OPS_IMAGE" in service["image"])
AIRFLOW = sorted({*OURS} - {"gcs"} - ENDING)
TASKS = (*WORKERS, "tools")  # the code of pipelines, run for whoever wrote them
CONTROL_PLANE = ("preflight", "api-server", "scheduler", "dag-processor", "triggerer")

# its name, then how: "" as it is, ":?" or refuse, ":-" or a default, ":+" something else where it is set
FILLED_IN = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?(?=((?:[^{}]|\{[^{}]*\})*)\})")
WHOLE = re.compile(r"\$\{[^{}]*\}")


def filled_in() -> dict[str, set[str]]:
    """By variable, how it is filled in."""
    found: dict[str, set[str]] = {}
    for name, how, _ in FILLED_IN.findall(TEXT):
        found.setdefault(name, set()).add(how)
    return found


def command_of(name: str) -> list[str]:
    command = SERVICES[name].get("command", [])
    return shlex.split(command) if isinstance(command, str) else command


def test_both_files_are_what_the_compose_specification_allows() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, FILE, OVERRIDE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class TestEveryService:
    @pytest.mark.parametrize("name", SERVICES)
    def test_has_bounds(self, name: str) -> None:
        limits = SERVICES[name]["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= limits.keys()
        assert limits["pids"] > 0

    @pytest.mark.parametrize("name", SERVICES)
    def test_gains_no_right_that_it_did_not_start_with(self, name: str) -> None:
        service = SERVICES[name]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["cap_drop"] == ["ALL"]
        assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & service.keys()

    @pytest.mark.parametrize("name", OURS)
    def test_of_our_image_is_not_root_and_has_no_capability(self, name: str) -> None:
        assert SERVICES[name]["user"] == "50000:0"
        assert "cap_add" not in SERVICES[name]

    @pytest.mark.parametrize("name", sorted(SERVICES.keys() - {*OURS}))
    def test_of_another_image_has_no_more_than_it_needs_to_stop_being_root(self, name: str) -> None:
        assert {*SERVICES[name]["cap_add"]} <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}

    @pytest.mark.parametrize("name", sorted(SERVICES.keys() - {*OURS}))
    def test_of_another_image_names_its_debian(self, name: str) -> None:
        """Another one sorts text otherwise, and PostgreSQL's indexes with it."""
        assert re.search(r":\d[\d.]*-(bookworm|trixie)$", SERVICES[name]["image"])

    @pytest.mark.parametrize("name", SERVICES)
    def test_fills_no_disk_with_its_log(self, name: str) -> None:
        assert {"max-size", "max-file"} <= SERVICES[name]["logging"]["options"].keys()

    @pytest.mark.parametrize("name", SERVICES)
    def test_gets_nothing_of_this_machine_but_the_credentials(self, name: str) -> None:
        """Neither a folder of the host nor the engine's socket."""
        sources = {volume.rpartition("}")[0] + "}" for volume in SERVICES[name]["volumes"] if "$" in volume}
        named = {volume.partition(":")[0] for volume in SERVICES[name]["volumes"] if "$" not in volume}
        assert sources <= {"${GOOGLE_CREDENTIALS_FILE:-/dev/null}"}
        assert named <= yaml.safe_load(FILE.read_text())["volumes"].keys()
        assert all(volume.endswith(":ro") for volume in SERVICES[name]["volumes"] if "$" in volume)

    @pytest.mark.parametrize("name", STAYING)
    def test_that_stays_comes_back_after_it_died_or_the_machine_started(self, name: str) -> None:
        assert SERVICES[name]["restart"] == "unless-stopped"

    @pytest.mark.parametrize("name", STAYING)
    def test_that_stays_is_asked_how_it_is(self, name: str) -> None:
        check = SERVICES[name]["healthcheck"]
        assert {"test", "interval", "timeout", "retries", "start_period"} <= check.keys()
        assert "disable" not in check

    @pytest.mark.parametrize("name", sorted(ENDING))
    def test_that_ends_is_not_started_again(self, name: str) -> None:
        assert SERVICES[name]["restart"] == "no"


def test_the_ui_alone_can_be_reached_and_from_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server": ["${CKPT_OPS_UI_BIND:-127.0.0.1}:${CKPT_OPS_UI_PORT:-8080}:8080"]}


def test_the_image_is_named_after_the_version() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {
        "${CKPT_OPS_IMAGE:-ckpt-ops:" + ckpt_ops.__version__ + "}"
    }


def test_objects_are_where_backups_look_for_them() -> None:
    assert SERVICES["gcs"]["volumes"] == [f"gcs:{gcs_volume.VOLUME}"]
    command = command_of("gcs")
    assert command[command.index("--root") + 1] == f"{gcs_volume.VOLUME}/objects"


def test_what_tasks_log_is_read_from_the_disk_they_all_share() -> None:
    """To ask a worker for a log takes the key that signs tokens, which no worker has."""
    mounts = {SERVICES[name]["volumes"][0] for name in AIRFLOW}
    assert mounts == {"airflow-logs:/opt/airflow/logs"}
    serving = {name for name in AIRFLOW if {"scheduler", "triggerer", "worker"} & {*command_of(name)}}
    assert serving == {"scheduler", "triggerer", *WORKERS}
    assert [name for name in serving if "--skip-serve-logs" not in command_of(name)] == []


class TestWhoKnowsWhat:
    @pytest.mark.parametrize("name", TASKS)
    def test_what_runs_tasks_reaches_neither_the_database_nor_a_key(self, name: str) -> None:
        """Neither by a variable's name nor in its value: a task may print its environment."""
        text = yaml.safe_dump(SERVICES[name], width=10_000)
        assert re.findall(r"POSTGRES|FERNET|JWT|API_SECRET|API__SECRET|SQL_ALCHEMY|postgres", text) == []
        secret = {name for secret in SECRETS if (name := secret.name) in text}
        assert secret == {"REDIS_PASSWORD", "CKPT_OPS_GCS_SECRET"}, (
            "where Celery's messages and the objects are"
        )

    @pytest.mark.parametrize("name", CONTROL_PLANE)
    def test_what_decides_has_all_of_it_and_the_same_as_the_others(self, name: str) -> None:
        """A token that one signs, another has to take; a mapping of its own would hide the shared one."""
        shared = yaml.safe_load(FILE.read_text())["x-control-plane"]
        assert shared.items() <= SERVICES[name]["environment"].items()
        filled = {found for found, _, _ in FILLED_IN.findall(yaml.safe_dump(shared, width=10_000))}
        assert {secret.name for secret in SECRETS} - {"AIRFLOW_ADMIN_PASSWORD"} <= filled

    @pytest.mark.parametrize("name", [*TASKS, *CONTROL_PLANE])
    def test_all_say_the_same_of_tasks(self, name: str) -> None:
        """Of queues too: the dag-processor writes them into the DAG, and the worker reads its file again."""
        shared = yaml.safe_load(FILE.read_text())["x-airflow"]["environment"]
        assert shared.items() <= SERVICES[name]["environment"].items()

    def test_each_service_is_one_of_them_or_none_of_airflows(self) -> None:
        assert sorted([*TASKS, *CONTROL_PLANE, "gcs"]) == OURS

    def test_results_of_celery_do_not_lie_among_its_messages(self) -> None:
        environment = SERVICES["worker"]["environment"]
        broker, results = (
            environment[f"AIRFLOW__CELERY__{name}"] for name in ("BROKER_URL", "RESULT_BACKEND")
        )
        assert broker.rpartition("/")[0] == results.rpartition("/")[0]
        assert broker != results


class TestSecrets:
    def test_what_is_filled_in_is_filled_in_in_one_way(self) -> None:
        """`$NAME`, without braces, would escape what is said of secrets here."""
        assert re.findall(r"(?<!\$)\$(?![{$])", TEXT) == []
        assert len(FILLED_IN.findall(TEXT)) == len(re.findall(r"(?<!\$)\$\{", TEXT))

    @pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
    def test_none_has_a_default(self, secret: Any) -> None:
        found = filled_in()[secret.name]
        assert found <= {"", ":?"}
        assert ":?" in found, "without it, nothing would say that it is missing"

    @pytest.mark.parametrize("name", SERVICES)
    def test_none_stands_here(self, name: str) -> None:
        environment = SERVICES[name].get("environment", {})
        secret = re.compile(r"PASSWORD|SECRET|_KEY$|TOKEN|AUTH$")
        literal = {
            key
            for key, value in environment.items()
            if secret.search(key) and (not WHOLE.fullmatch(value) or ":-" in value)
        }
        assert literal == set()
        passwords = re.findall(r"://[^/\s]*?:([^/\s]*)@", yaml.safe_dump(SERVICES[name], width=10_000))
        assert all(WHOLE.fullmatch(each) for each in passwords)

    def test_each_is_looked_at_before_anything_starts(self) -> None:
        """`preflight` gets all of them by their own names."""
        environment = SERVICES["preflight"]["environment"]
        names = {secret.name: set(FILLED_IN.findall(environment[secret.name])[0][:1]) for secret in SECRETS}
        assert names == {secret.name: {secret.name} for secret in SECRETS}

    def test_the_first_password_of_the_admin_is_given_to_nobody_else(self) -> None:
        have = [name for name, each in SERVICES.items() if "ADMIN_PASSWORD" in yaml.safe_dump(each)]
        assert have == ["preflight"]

    def test_the_server_of_buckets_gets_its_own_alone(self) -> None:
        given = FILLED_IN.findall(yaml.safe_dump(SERVICES["gcs"]["environment"]))
        assert [name for name, _, _ in given] == ["CKPT_OPS_GCS_SECRET"]


class TestVariables:
    def test_what_has_no_default_is_written_by_make_env(self, tmp_path: Path) -> None:
        needed = {name for name, how in filled_in().items() if how & {"", ":?", "?"}}
        assert needed <= {*env_file.complete(tmp_path / ".env")}

    def test_what_make_env_writes_is_read_here_or_by_compose_itself(self, tmp_path: Path) -> None:
        composes = {"COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME", "COMPOSE_FILE"}
        assert {*env_file.complete(tmp_path / ".env")} - composes <= filled_in().keys()

    @pytest.mark.usefixtures("no_variable_of_this_machine")
    def test_what_has_a_default_here_has_the_same_there(self, tmp_path: Path) -> None:
        env_file.complete(tmp_path / ".env")
        there = env_file.read(tmp_path / ".env")
        differ = {
            name: (default, there[name])
            for name, how, default in FILLED_IN.findall(TEXT)
            # their defaults stand for "none": no file, no server of buckets
            if how == ":-" and name in there and default not in ("", "/dev/null") and default != there[name]
        }
        assert differ == {}

    @pytest.mark.usefixtures("no_variable_of_this_machine")
    def test_the_local_buckets_are_where_their_server_listens(self, tmp_path: Path) -> None:
        env_file.complete(tmp_path / ".env")
        there = env_file.read(tmp_path / ".env")
        assert there["COMPOSE_PROFILES"].split(",") == SERVICES["gcs"]["profiles"]
        command = command_of("gcs")
        host, port = (command[command.index(option) + 1] for option in ("--host", "--port"))
        assert there["STORAGE_EMULATOR_HOST"] == f"http://{host}:{port}"
        given = SERVICES["worker"]["environment"]["STORAGE_EMULATOR_HOST"]
        assert given.endswith(f"@{host}:{port}}}")
        assert given.startswith("${STORAGE_EMULATOR_HOST:+"), "empty stays empty: Google's buckets"


class TestOrder:
    @pytest.mark.parametrize("name", AIRFLOW)
    def test_nothing_starts_before_preflight_was_content(self, name: str) -> None:
        """Said of each by itself: what waits for another service only, starts with that one's last state."""
        assert SERVICES[name]["depends_on"]["preflight"] == {"condition": "service_completed_successfully"}

    def test_preflight_waits_for_what_it_looks_at(self) -> None:
        waits = SERVICES["preflight"]["depends_on"]
        assert {name: each["condition"] for name, each in waits.items()} == dict.fromkeys(
            ("postgres", "redis", "gcs"), "service_healthy"
        )
        assert waits["gcs"]["required"] is False, "with buckets of Google's there is none"

    @pytest.mark.parametrize("name", ["scheduler", "triggerer", *WORKERS])
    def test_what_runs_tasks_waits_for_whom_tasks_report_to(self, name: str) -> None:
        assert SERVICES[name]["depends_on"]["api-server"] == {"condition": "service_healthy"}


class TestQueues:
    def queue(self, name: str) -> str:
        command = command_of(name)
        return command[command.index("--queues") + 1]

    def test_trainings_have_a_worker_of_their_own_and_all_else_another(self) -> None:
        training = SERVICES["training-worker"]["environment"]["AIRFLOW__CKPT_OPS__TRAINING_QUEUE"]
        assert self.queue("training-worker") == training
        assert self.queue("worker") == "default"
        workers = [name for name in SERVICES if "worker" in command_of(name) and "celery" in command_of(name)]
        assert sorted(workers) == sorted(WORKERS)

    @pytest.mark.parametrize("name", WORKERS)
    def test_a_worker_is_asked_as_make_up_team_asks_it(self, name: str) -> None:
        test = " ".join(SERVICES[name]["healthcheck"]["test"])
        assert PING.partition(" --timeout")[0] in test
        assert '--destination "celery@$$HOSTNAME"' in test

    def test_a_training_has_the_time_to_save_when_its_worker_is_stopped(self) -> None:
        service = SERVICES["training-worker"]
        asked = json.loads(service["environment"]["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])
        assert asked == {"imports": [stopping.__name__]}
        assert int(service["stop_grace_period"].removesuffix("s")) > END_SECONDS


class TestDevelopment:
    def test_the_code_of_this_folder_stands_in_the_place_of_the_images(self) -> None:
        """In every service that has it, and read only."""
        services = yaml.safe_load(OVERRIDE.read_text())["services"]
        assert sorted(services) == OURS
        folders = re.findall(r"^COPY [^\n]* (\w+) \1$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
        wanted = [f"./{folder}:/opt/airflow/{folder}:ro" for folder in folders]
        assert folders
        assert all(service == {"volumes": wanted} for service in services.values())

    @pytest.mark.usefixtures("no_variable_of_this_machine")
    def test_it_is_not_on_by_itself(self, tmp_path: Path) -> None:
        """Compose would take the second file by its name, were it not told which one to take."""
        env_file.complete(tmp_path / ".env")
        assert env_file.read(tmp_path / ".env")["COMPOSE_FILE"] == FILE.name
