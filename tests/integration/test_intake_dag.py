"""An intake on the real platform: waiting, parts side by side, hangs and kills, pages behind the login."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE
from ckpt_ops.lineage import ModelLog
from ckpt_ops.slices import load_manifest, read_slice
from ckpt_ops.store import Store, open_store

pytestmark = pytest.mark.slow


def eventually(check: Callable[[], Any], *, seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.3)
    return found


@pytest.fixture
def landing(platform: Platform) -> Store:
    return open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")


@pytest.fixture
def store(platform: Platform) -> Store:
    return open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")


def started(platform: Platform, day: str) -> str:
    """The id of a new run for the day's slice."""
    eventually(lambda: any(d["dag_id"] == "days" for d in platform.api("GET", "dags?tags=ckpt-ops")["dags"]))
    end = f"{day[:-2]}{int(day[-2:]) + 1:02}"
    body = {
        "logical_date": f"{day}T00:00:00Z",
        "data_interval_start": f"{day}T00:00:00Z",
        "data_interval_end": f"{end}T00:00:00Z",
    }
    run: str = platform.api("POST", "dags/days/dagRuns", body)["dag_run_id"]
    return run


def tasks(platform: Platform, run: str) -> dict[str, list[tuple[str, int]]]:
    """By task, the state and the tries of each of its instances."""
    found: dict[str, list[tuple[str, int]]] = {}
    for each in platform.api("GET", f"dags/days/dagRuns/{quote(run)}/taskInstances")["task_instances"]:
        found.setdefault(each["task_id"], []).append((each["state"], each["try_number"]))
    return found


def state(platform: Platform, run: str) -> str:
    return str(platform.api("GET", f"dags/days/dagRuns/{quote(run)}")["state"])


def test_a_run_waits_for_its_slice_and_its_report_opens_behind_the_login(
    platform: Platform, landing: Store, store: Store
) -> None:
    run = started(platform, "2013-01-07")
    eventually(
        lambda: (
            tasks(platform, run).get("list_parts") and tasks(platform, run)["list_parts"][0][0] == "deferred"
        )
    )
    landing.put("days/2013-01-07/a.csv", b"n\n1\n-2\n")
    landing.put("days/2013-01-07/b.csv", b"n\n3\n")
    assert (
        eventually(lambda: state(platform, run) in ("success", "failed") and state(platform, run))
        == "success"
    )
    entry = ModelLog(store, "days").state().slices["2013-01-07"]
    accepted = load_manifest(store, "days", "2013-01-07", entry.ref.revision)
    assert read_slice(store, accepted)["n"].to_pylist() == [1, 3]

    where = f"dags/days/dagRuns/{quote(run)}/taskInstances/validate/links"
    links = platform.api("GET", where)["extra_links"]
    assert links.keys() == {"Slice report", "Data Docs"}
    for name, words in (("Slice report", "accepted, bad rows set aside"), ("Data Docs", "Expectation Suite")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(links[name], timeout=30)
        assert refused.value.code == 401
        page = opened(platform, links[name])
        assert words in page[1]
        assert "default-src 'none'" in page[0]["Content-Security-Policy"]
        cookie = urllib.request.Request(links[name], headers={"Cookie": f"_token={platform.token()}"})
        assert urllib.request.urlopen(cookie, timeout=30).status == 200, "as a browser that is logged in asks"
    newest = links["Slice report"].replace(entry.ref.revision, "newest")
    assert opened(platform, newest)[1] == opened(platform, links["Slice report"])[1]
    for wrong in (newest.replace("2013-01-07", "2013-01-09"), newest.replace("newest", "..%2f..%2fx")):
        with pytest.raises(urllib.error.HTTPError) as missing:
            opened(platform, wrong)
        assert missing.value.code == 404


def opened(platform: Platform, url: str) -> tuple[Any, str]:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {platform.token()}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return answer.headers, answer.read().decode()


def test_a_file_that_hangs_and_a_reader_that_is_killed_cost_a_retry_of_their_own(
    platform: Platform, landing: Store, store: Store
) -> None:
    for at, name in enumerate(("a.csv", "b-hangs.csv", "c-killed.csv", "d.csv")):
        landing.put(f"days/2013-01-08/{name}", b"n\n%d\n" % at)
    run = started(platform, "2013-01-08")
    says_who = platform.settings.home / "days-2013-01-08-c-killed.csv"
    eventually(lambda: says_who.exists() and says_who.read_text())
    os.kill(int(says_who.read_text()), signal.SIGKILL)
    assert (
        eventually(lambda: state(platform, run) in ("success", "failed") and state(platform, run))
        == "success"
    )
    assert sorted(tries for _, tries in tasks(platform, run)["pull_parts"]) == [1, 1, 2, 2]
    entry = ModelLog(store, "days").state().slices["2013-01-08"]
    manifest = load_manifest(store, "days", "2013-01-08", entry.ref.revision)
    assert read_slice(store, manifest)["n"].to_pylist() == [0, 1, 2, 3]
