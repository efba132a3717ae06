"""Slices come in through Airflow: several parts side by side, waited for, their reports seen by who may."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow_process import eventually, in_a_fresh_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.slices import list_slices, read_slice
from ckpt_ops.store import Store, open_store

pytestmark = pytest.mark.slow

NO_STORE = """
import json, os
from ckpt_ops_airflow import slice_pages
slice_pages.slice_pages()
del os.environ["CKPT_OPS_STORE"]
unset = slice_pages.report("incoming", "2020-01-01-04")
os.environ["CKPT_OPS_STORE"], os.environ["CKPT_OPS_STORE_DEADLINE"] = "gs://ckpt-ops/store", "0.5"
down = slice_pages.report("incoming", "2020-01-01-04")
print(json.dumps([[page.status_code, page.body.decode()] for page in (unset, down)]))
"""


class Runs:
    """Runs of `incoming` on the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.home = platform, platform.settings.home
        eventually(
            lambda: {"incoming"} & {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]}
        )

    def start(self, key: str) -> str:
        """The path in the REST API of a run for the slice."""
        end = datetime.strptime(key, "%Y-%m-%d-%H").replace(tzinfo=UTC) + timedelta(hours=1)
        body = {"logical_date": end.isoformat()}
        run = self.platform.api("POST", "dags/incoming/dagRuns", body)
        return f"dags/incoming/dagRuns/{quote(run['dag_run_id'])}"

    def ended(self, run: str) -> str:
        """The run's state, once it has ended."""

        def state() -> str | None:
            found: str = self.platform.api("GET", run)["state"]
            return found if found not in ("queued", "running") else None

        found: str = eventually(state, seconds=150)
        return found

    def tasks(self, run: str) -> dict[str, list[str]]:
        """By task, the state of each of its instances."""
        found: dict[str, list[str]] = {}
        for task in self.platform.api("GET", f"{run}/taskInstances")["task_instances"]:
            found.setdefault(task["task_id"], []).append(task["state"])
        return found

    def reads(self) -> list[tuple[str, int]]:
        """What was read so far, as `key/file`, and by which process."""
        path = self.home / "incoming-reads.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(name, int(pid)) for name, pid in map(str.split, lines)]


@pytest.fixture(scope="module")
def runs(platform: Platform) -> Runs:
    return Runs(platform)


@pytest.fixture(scope="module")
def store(platform: Platform) -> Store:
    return open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")


@pytest.fixture(scope="module")
def landing(platform: Platform) -> Store:
    return open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")


DISTURBED, WAITED_FOR = "2020-01-01-04", "2020-01-01-05"


@pytest.fixture(scope="module")
def waiting(runs: Runs) -> str:
    """A run whose slice has not landed."""
    return runs.start(WAITED_FOR)


@pytest.fixture(scope="module")
def disturbed(runs: Runs, landing: Store, waiting: str) -> str:
    """A run that has ended well, though of four files one's read was killed and another's did not end."""
    for at, name in enumerate("abcd"):
        landing.put(f"incoming/{DISTURBED}/{name}.csv", b"n\n%d\n" % at)
    for name in "cd":
        (runs.home / f"incoming-hang-{name}.csv").touch()
    run = runs.start(DISTURBED)
    pid = eventually(lambda: dict(runs.reads()).get(f"{DISTURBED}/c.csv"), seconds=150)
    os.kill(pid, signal.SIGKILL)
    assert runs.ended(run) == "success", runs.tasks(run)
    return run


class TestSeveralParts:
    def test_reads_that_were_killed_or_timed_out_are_tried_again_and_the_slice_is_whole(
        self, runs: Runs, disturbed: str, store: Store
    ) -> None:
        assert runs.tasks(disturbed) == {
            "list_parts": ["success"],
            "pull_part": ["success", "success"],
            "pull": ["success"],
            "validate": ["success"],
        }
        (slice_,) = list_slices(store, "numbers", DISTURBED)
        assert read_slice(store, slice_)["n"].to_pylist() == [0, 1, 2, 3]

    def test_what_was_pulled_before_is_not_read_again(self, runs: Runs, disturbed: str) -> None:
        read = Counter(name for name, _ in runs.reads() if name.startswith(DISTURBED))
        times = {"a": 1, "b": 1, "c": 2, "d": 2}
        assert read == {f"{DISTURBED}/{name}.csv": count for name, count in times.items()}


class TestWaiting:
    def test_a_run_waits_in_the_triggerer_until_its_slice_lands(
        self, runs: Runs, waiting: str, landing: Store, store: Store
    ) -> None:
        eventually(lambda: runs.tasks(waiting).get("list_parts") == ["deferred"])
        landing.put(f"incoming/{WAITED_FOR}/a.csv", b"n\n7\n")
        assert runs.ended(waiting) == "success"
        assert {state for states in runs.tasks(waiting).values() for state in states} == {"success"}
        assert [slice_.rows for slice_ in list_slices(store, "numbers", WAITED_FOR)] == [1]


def get(url: str, headers: Mapping[str, str]) -> tuple[int, str, Mapping[str, str]]:
    """Status, text and headers of the answer."""
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=30)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, reply.read().decode(), reply.headers


class TestPages:
    @pytest.fixture
    def pages(self, platform: Platform, disturbed: str) -> str:
        return f"{platform.ui_url}/ckpt-ops/slices/incoming/{DISTURBED}"

    @pytest.fixture
    def user(self, platform: Platform) -> dict[str, str]:
        return {"Authorization": f"Bearer {platform.token()}"}

    def test_the_validate_task_links_to_the_pages_on_what_it_judged(
        self, platform: Platform, disturbed: str, user: dict[str, str]
    ) -> None:
        links = platform.api("GET", f"{disturbed}/taskInstances/validate/links")["extra_links"]
        assert sorted(links) == ["Data Docs", "Slice report"]
        status, report, _ = get(links["Slice report"], user)
        assert (status, f"numbers {DISTURBED}" in report) == (200, True)
        status, docs, _ = get(links["Data Docs"], user)
        assert (status, "Successful Expectations" in docs) == (200, True)

    @pytest.mark.parametrize("page", ["report", "data-docs"])
    def test_nobody_sees_a_page_without_a_login(self, pages: str, page: str) -> None:
        status, text, _ = get(f"{pages}/{page}", {})
        assert (status, "numbers" in text, "Log in to Airflow" in text) == (401, False, True)
        status, text, _ = get(f"{pages}/{page}", {"Authorization": "Bearer forged"})
        assert (status, "numbers" in text) == (403, False)

    def test_the_cookie_of_a_browser_that_is_logged_in_will_do(self, platform: Platform, pages: str) -> None:
        assert get(f"{pages}/report", {"Cookie": f"_token={platform.token()}"})[0] == 200

    def test_no_page_may_run_or_load_anything(self, pages: str, user: dict[str, str]) -> None:
        for page in (f"{pages}/report", f"{pages}/report?revision=none"):
            policy = get(page, user)[2]["Content-Security-Policy"]
            assert policy.startswith("default-src 'none';")
            assert "script-src" not in policy

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            (f"incoming/{DISTURBED}/report?revision={'0' * 16}", 404),
            ("incoming/2020-01-01-23/report", 404),
            ("nobody/2020-01-01-04/report", 404),
            ("incoming/<script>/report", 400),
            ("incoming/..%2f..%2fetc/report", 404),
            (f"incoming/{DISTURBED}/report?revision=../<script>", 400),
        ],
    )
    def test_what_is_not_there_is_said_so_in_escaped_words(
        self, platform: Platform, user: dict[str, str], path: str, status: int
    ) -> None:
        url = f"{platform.ui_url}/ckpt-ops/slices/" + path.replace("<script>", "%3Cscript%3E")
        found, text, _ = get(url, user)
        assert found == status
        assert "<script>" not in text

    def test_a_store_that_does_not_answer_is_a_page_too(
        self, tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
    ) -> None:
        unset, down = in_a_fresh_process(NO_STORE, settings_in(tmp_path), clean_environment)
        assert (unset[0], "Next: set CKPT_OPS_STORE" in unset[1]) == (503, True)
        assert (down[0], "gave no good answer" in down[1]) == (503, True)
