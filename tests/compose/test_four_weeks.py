"""Four weeks through the stack, its parts killed one by one; then a backup, a loss, and a fifth week."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from team_stack import FIFTH, WEEKS, Team
from training import commits, until, weights

from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.store import LocalStore, Store

NAME = "four_weeks"

# who dies while which version is being trained; two may die in the same training, one after the other
KILLS = {"training-worker": 1, "scheduler": 2, "redis": 3, "api-server": 3, "gcs": 4, "postgres": 4}

STOP_AFTER = "scheduler"  # in the same training


@pytest.fixture(scope="module")
def reference(alone: Callable[..., LocalStore]) -> LocalStore:
    """What five weeks come to when nothing is killed, without Airflow."""
    return alone(NAME, *WEEKS, FIFTH)


@pytest.fixture(scope="module")
def store(stores: tuple[Store, Store]) -> Store:
    return stores[0]


def state(store: Store) -> LineageState:
    return ModelLog(store, NAME).state()


def trained(store: Store) -> set[int]:
    return {number for number, version in state(store).versions.items() if version.trained is not None}


def consumed(store: Store) -> dict[int, tuple[Any, ...]]:
    """By version, the hash of every tensor, optimizer and seeds included."""
    return {version: weights(store, version, model=NAME) for version in sorted(state(store).versions)}


def backfill(team: Team, first: str, last: str) -> None:
    until("the DAG is there", lambda: NAME in _dags(team), seconds=60)
    # a backfill counts as running for up to half a minute after its last run, and another is refused
    until("no backfill of it runs", lambda: all(_completed(team)), seconds=120)
    days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
    team.api("POST", "backfills", {"dag_id": NAME, "max_active_runs": 4, **days})


def runs(team: Team) -> dict[str, str]:
    """State by week."""
    found = team.api("GET", f"dags/{NAME}/dagRuns")["dag_runs"]
    return {run["logical_date"][:10]: run["state"] for run in found}


def ended(team: Team, count: int) -> dict[str, str]:
    def all_of_them() -> dict[str, str] | None:
        found = runs(team)
        return found if len(found) == count and not {"queued", "running"} & set(found.values()) else None

    return until(f"{count} runs have ended", all_of_them, seconds=600)


def _dags(team: Team) -> set[str]:
    return {dag["dag_id"] for dag in team.api("GET", "dags")["dags"]}


def _completed(team: Team) -> list[bool]:
    """Of each backfill."""
    found = team.api("GET", f"backfills?dag_id={NAME}")["backfills"]
    return [bool(each["completed_at"]) for each in found]


def _stop_a_training(team: Team, store: Store, version: int) -> None:
    """Stop the training worker as `make down-team` and an update do, and start it again."""
    assert version not in trained(store), "too late to stop its training"
    team.stack.compose("stop", "training-worker", quiet=True)
    folders = team.settings.home.glob(f"logs/training/{NAME}-v{version}-*")
    answers = [json.loads((folder / "answer.json").read_text()) for folder in folders]
    saved = commits(store, version, model=NAME)
    print(f"stopped training-worker after {saved} commits of version {version}", flush=True)
    assert "TrainingInterrupted" in [answer["error"]["type"] for answer in answers], answers
    team.stack.compose("start", "training-worker", quiet=True)


class TestFourWeeks:
    def test_every_run_ends_as_without_the_kills_and_nothing_is_consumed_twice(
        self, team: Team, store: Store, reference: LocalStore
    ) -> None:
        backfill(team, WEEKS[0], WEEKS[-1])
        for service, version in KILLS.items():
            until(
                f"training of version {version}",
                lambda v=version: commits(store, v, model=NAME) >= 3,
                seconds=300,
            )
            before, died = commits(store, version, model=NAME), team.init_of(service)
            assert version not in trained(store), f"too late to kill {service}"
            team.kill(service)
            print(f"killed {service} after {before} commits of version {version}", flush=True)
            until(f"{service} is back", lambda s=service, d=died: _is_back(team, s, d), seconds=120)
            until(
                f"it goes on after {service}",
                lambda v=version, b=before: commits(store, v, model=NAME) > b or v in trained(store),
                seconds=300,
            )

            if service == STOP_AFTER:
                _stop_a_training(team, store, version)

        assert ended(team, len(WEEKS)) == dict.fromkeys(WEEKS, "success")
        assert CandidateLog(store, NAME, 1).progress().attempts > 1, "the killed training was not resumed"
        found = state(store)
        assert found.head == len(WEEKS)
        assert list(found.consumed) == list(WEEKS)
        assert [found.consumed_by(key) for key in WEEKS] == sorted(found.versions)
        expected = consumed(reference)
        assert consumed(store) == {version: expected[version] for version in found.versions}
        for version in found.versions:
            steps = [commit.step for commit in CandidateLog(store, NAME, version).progress().commits]
            assert steps == sorted(set(steps)), f"a step of version {version} was committed twice"

    def test_light_tasks_and_trainings_ran_on_workers_of_their_own(self, team: Team) -> None:
        tasks = team.api("GET", f"dags/{NAME}/dagRuns/~/taskInstances?limit=100")["task_instances"]
        queues = {task["task_id"]: task["queue"] for task in tasks}
        assert {name for name, queue in queues.items() if queue == "training"} == {"train", "evaluate"}
        hosts = {task["queue"]: set() for task in tasks}
        for task in tasks:
            hosts[task["queue"]].add(task["hostname"])
        assert hosts["training"].isdisjoint(hosts["default"])


class TestBackup:
    @pytest.fixture(scope="class")
    @staticmethod
    def backup(team: Team, store: Store) -> str:
        """The name of a backup of the four weeks, and of a connection."""
        connection = {"connection_id": "kept", "conn_type": "http", "host": "h", "password": "not-plain"}
        team.api("POST", "connections", connection)
        done = team.command("backup")
        assert done.returncode == 0, done.stdout + done.stderr
        (folder,) = (team.folder / "backups").iterdir()
        return folder.name

    def test_a_changed_backup_is_refused_and_nothing_is_touched(self, team: Team, backup: str) -> None:
        dump = team.folder / "backups" / backup / "airflow.dump"
        content = dump.read_bytes()
        dump.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = team.command("restore", backup)
        dump.write_bytes(content)
        assert done.returncode == 1
        assert "airflow.dump is not what was saved" in done.stderr
        assert runs(team) == dict.fromkeys(WEEKS, "success")

    def test_what_came_after_it_is_gone_and_the_next_week_goes_on_from_it(
        self, team: Team, store: Store, backup: str, reference: LocalStore
    ) -> None:
        backfill(team, FIFTH, FIFTH)
        assert ended(team, 5)[FIFTH] == "success"
        assert state(store).head == 5

        done = team.command("restore", backup)
        assert done.returncode == 0, done.stdout + done.stderr
        assert runs(team) == dict.fromkeys(WEEKS, "success")
        assert state(store).head == 4
        expected = consumed(reference)
        assert consumed(store) == {version: expected[version] for version in range(1, 5)}
        said = team.stack.exec("scheduler", "airflow", "connections", "get", "kept", "-o", "json")
        assert "not-plain" in said, "the restored connection can be decrypted"

        backfill(team, FIFTH, FIFTH)
        assert ended(team, 5) == dict.fromkeys((*WEEKS, FIFTH), "success")
        assert consumed(store) == expected


def _is_back(team: Team, service: str, died: int) -> bool:
    return team.init_of(service) not in (0, died)
