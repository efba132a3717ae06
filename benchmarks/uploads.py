"""How fast objects of 4 MiB reach the GCS server: our store, Google's client, and a bare HTTP client.

Each client uploads the same bytes from four threads, whole objects in single requests. MB/s is by
wall clock; CPU is the uploading process' own (user and system), not the server's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.places import BUCKET

OBJECT_BYTES = 4 * 1024 * 1024
_THREADS = 4
_WARMUPS = 8
Put = Callable[[str, bytes], None]


def measure_uploads(client: str, *, objects: int) -> dict[str, float]:
    put = CLIENTS[client]()
    draw = np.random.default_rng(1)
    payload = [draw.bytes(OBJECT_BYTES) for _ in range(objects)]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda i: put(f"warm/{i}", payload[i % objects]), range(_WARMUPS)))
        wall, cpu = time.perf_counter(), time.process_time()
        list(pool.map(lambda i: put(f"objects/{i}", payload[i]), range(objects)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = objects * OBJECT_BYTES
    return {"seconds": wall, "mb_per_s": size / 1e6 / wall, "cpu_s": cpu, "cpu_s_per_gb": cpu / (size / 1e9)}


def _ours() -> Put:
    from ckpt_ops.store import GcsStore

    return GcsStore(bucket=BUCKET, prefix="ours").put


def _google() -> Put:
    from google.cloud import storage

    bucket = storage.Client().bucket(BUCKET)

    def put(name: str, data: bytes) -> None:
        bucket.blob(f"google/{name}").upload_from_string(data, content_type="application/octet-stream")

    return put


def _urllib3() -> Put:
    import urllib3

    pool: Any = urllib3.PoolManager(maxsize=_THREADS)
    url = f"{os.environ['STORAGE_EMULATOR_HOST']}/upload/storage/v1/b/{BUCKET}/o"

    def put(name: str, data: bytes) -> None:
        reply = pool.request(
            "POST",
            f"{url}?uploadType=media&name=raw/{name}",
            body=data,
            headers={"Content-Type": "application/octet-stream"},
        )
        if reply.status != 200:
            raise OSError(f"the server answered {reply.status}: {reply.data[:200]!r}")

    return put


CLIENTS: dict[str, Callable[[], Put]] = {"ckpt_ops": _ours, "google": _google, "urllib3": _urllib3}
CLIENT_TITLES = {"ckpt_ops": "ckpt_ops GcsStore", "google": "google-cloud-storage", "urllib3": "raw urllib3"}
