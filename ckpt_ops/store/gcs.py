"""Google Cloud Storage as a store, through google-cloud-storage.

`put_if_absent` is `if_generation_match=0`, sent as **one multipart upload**: on the real service any
upload honours the precondition, on the server of the embedded platform only this kind does. That is
why contested objects are limited to what the client sends in one request.

Every verb is idempotent here, the conditional one because it is settled by reading back, so all of
them are retried on 429, 5xx and broken connections until `deadline` seconds have passed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from ckpt_ops.errors import (
    BadInput,
    BucketNotFound,
    CkptOpsError,
    CommitStateUnknown,
    ObjectNotFound,
    StoreForbidden,
    StoreUnavailable,
)
from ckpt_ops.store.base import Entry, check_name, check_prefix, check_range

MULTIPART_LIMIT = 8 * 1024 * 1024
_REQUEST_TIMEOUT = 60.0


class GcsStore:
    """Objects in `bucket` below `prefix`.

    Args:
        bucket: name of an existing bucket.
        prefix: put before every name; empty for the bucket's root.
        deadline: seconds a verb goes on trying (CKPT_OPS_STORE_DEADLINE, default 90).
    """

    def __init__(self, *, bucket: str, prefix: str = "", deadline: float | None = None) -> None:
        self.bucket, self.prefix = bucket, prefix
        self.deadline = _deadline_from_environment() if deadline is None else deadline

    @property
    def url(self) -> str:
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    def get(self, name: str) -> bytes:
        with self._errors(name):
            data: bytes = self._blob(name).download_as_bytes(retry=self._retry, timeout=_REQUEST_TIMEOUT)
            return data

    def get_range(self, name: str, start: int, length: int) -> bytes:
        from google.api_core.exceptions import RequestRangeNotSatisfiable

        check_range(start, length)
        try:
            with self._errors(name):
                data: bytes = self._blob(name).download_as_bytes(
                    start=start, end=start + length - 1, retry=self._retry, timeout=_REQUEST_TIMEOUT
                )
                return data
        except RequestRangeNotSatisfiable:
            return b""  # the object ends before `start`

    def put(self, name: str, data: bytes) -> None:
        with self._errors(name):
            self._blob(name).upload_from_string(
                data, content_type="application/octet-stream", retry=self._retry, timeout=_REQUEST_TIMEOUT
            )

    def put_if_absent(self, name: str, data: bytes) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        if len(data) >= MULTIPART_LIMIT:
            raise BadInput("size of a contested object", len(data), f"fewer than {MULTIPART_LIMIT} bytes")
        try:
            with self._errors(name):
                self._blob(name).upload_from_string(
                    data,
                    content_type="application/json",
                    if_generation_match=0,
                    retry=self._retry,
                    timeout=_REQUEST_TIMEOUT,
                )
        except PreconditionFailed:
            # Taken: by another, or by an earlier try of this very call whose reply was lost.
            return self._settle(name, data)
        except StoreUnavailable:
            return self._settle(name, data)
        return True

    def list(self, prefix: str) -> Iterator[Entry]:
        check_prefix(prefix)
        with self._errors(prefix):
            blobs = self._client.list_blobs(
                self.bucket,
                prefix=self._full(prefix) if prefix else f"{self.prefix}/".lstrip("/"),
                fields="items(name,size,generation,crc32c),nextPageToken",
                retry=self._retry,
                timeout=_REQUEST_TIMEOUT,
            )
            cut = len(self.prefix) + 1 if self.prefix else 0
            for blob in blobs:
                fingerprint = f"{blob.generation}-{blob.crc32c}"
                yield Entry(name=blob.name[cut:], size=int(blob.size or 0), fingerprint=fingerprint)

    def delete(self, name: str) -> None:
        try:
            with self._errors(name):
                self._blob(name).delete(retry=self._retry, timeout=_REQUEST_TIMEOUT)
        except ObjectNotFound:
            return

    def _settle(self, name: str, data: bytes) -> bool:
        """Whose bytes stand under the name decides who won: entries of a log are unique to their writer."""
        try:
            return self.get(name) == data
        except CkptOpsError as error:
            raise CommitStateUnknown(
                f"no reply to the conditional write of {self.url}/{name}; reading back failed: {error.what}",
                safe="the object holds either these bytes or another writer's, whole",
                next="run the same command again: it reads first and goes on from what it finds",
            ) from error

    @cached_property
    def _client(self) -> Any:
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage

        try:
            return storage.Client()
        except DefaultCredentialsError as error:
            raise StoreForbidden(
                f"no Google credentials for {self.url}",
                safe="nothing was read or written",
                next="gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS, "
                "or STORAGE_EMULATOR_HOST for a local server",
            ) from error

    @cached_property
    def _retry(self) -> Any:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(self.deadline).with_delay(initial=0.1, maximum=5.0, multiplier=1.6)

    def _full(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _blob(self, name: str) -> Any:
        return self._client.bucket(self.bucket).blob(self._full(check_name(name)))

    @contextmanager
    def _errors(self, name: str, *, looking: bool = False) -> Iterator[None]:
        """Translate the client's errors into ours, once; `looking`: leave NotFound as it is."""
        import requests
        from google.api_core import exceptions as api
        from google.auth import exceptions as auth

        where = f"{self.url}/{name}"
        try:
            yield
        except api.NotFound as error:
            if looking:
                raise
            if self._bucket_is_missing(name):
                raise BucketNotFound(
                    f"the bucket {self.bucket} does not exist",
                    safe="nothing was read or written",
                    next=f"gcloud storage buckets create gs://{self.bucket}, or correct the bucket's name",
                ) from error
            raise ObjectNotFound(f"no object {where}") from error
        except (api.Forbidden, api.Unauthorized, auth.RefreshError) as error:
            raise StoreForbidden(
                f"access to {where} was refused: {error}",
                safe="no object was changed",
                next=f"grant roles/storage.objectUser on gs://{self.bucket}, or renew the credentials",
            ) from error
        except (api.RetryError, api.ServerError, api.TooManyRequests) as error:
            raise self._unavailable(where, error.__cause__ or error) from error
        except (requests.RequestException, ConnectionError, auth.TransportError) as error:
            raise self._unavailable(where, error) from error

    def _unavailable(self, where: str, error: BaseException) -> StoreUnavailable:
        endpoint = os.environ.get("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")
        return StoreUnavailable(
            f"the store at {endpoint} gave no good answer for {where} within {self.deadline:g} s: {error}",
            safe="nothing is half-written; what was committed before is kept",
            next="try again when the store answers; CKPT_OPS_STORE_DEADLINE sets how many seconds to wait",
        )

    def _bucket_is_missing(self, name: str) -> bool:
        """Asked by a listing: roles/storage.objectUser may list objects, but not look at the bucket."""
        from google.api_core import exceptions as api

        try:
            with self._errors(name, looking=True):
                found = self._client.list_blobs(
                    self.bucket,
                    prefix=self._full(name),
                    max_results=1,
                    fields="items(name)",
                    retry=self._retry,
                    timeout=_REQUEST_TIMEOUT,
                )
                next(iter(found), None)
        except api.NotFound:
            return True
        except StoreForbidden:
            return False
        return False


def _deadline_from_environment() -> float:
    value = os.environ.get("CKPT_OPS_STORE_DEADLINE", "90")
    try:
        deadline = float(value)
    except ValueError:
        deadline = -1.0
    if deadline <= 0:
        raise BadInput("CKPT_OPS_STORE_DEADLINE", value, "a positive number of seconds")
    return deadline
