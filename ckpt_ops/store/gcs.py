"""Google Cloud Storage as a store.

`gcs_media` transfers whole objects; google-cloud-storage does what is conditional or administrative.
`put_if_absent` is `if_generation_match=0`, sent as **one multipart upload**, so that each try is one
request. That is why contested objects are limited to what the client sends in one upload.

Every verb is idempotent, the conditional one because reading back settles it, so all of them are
retried on 429, 5xx and broken connections until `deadline` seconds have passed.
"""

from __future__ import annotations

import os
import random
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
from ckpt_ops.store.endpoint import Endpoint
from ckpt_ops.store.gcs_media import MediaClient

MULTIPART_LIMIT = 8 * 1024 * 1024
_REQUEST_TIMEOUT = 60.0
_GOOGLE = "https://storage.googleapis.com"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)


class GcsStore:
    """Objects in `bucket` below `prefix`.

    Args:
        bucket: name of an existing bucket.
        prefix: put before every name; empty for the bucket's root.
        deadline: seconds a verb goes on trying (CKPT_OPS_STORE_DEADLINE, default 90).
        endpoint: another server of the same API, such as "http://127.0.0.1:4443"; by default
            STORAGE_EMULATOR_HOST, else Google's. One with http:// is asked without Google's credentials;
            "http://USER:SECRET@HOST:PORT" for one that requires its own.
    """

    def __init__(
        self, *, bucket: str, prefix: str = "", deadline: float | None = None, endpoint: str | None = None
    ) -> None:
        self.bucket, self.prefix = bucket, prefix
        self._own_endpoint = Endpoint.keep(endpoint) if endpoint else None
        self.deadline = _deadline_from_environment() if deadline is None else deadline

    @property
    def url(self) -> str:
        asked = f"?endpoint={self._own_endpoint}" if self._own_endpoint else ""
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/") + asked

    def get(self, name: str) -> bytes:
        full = self._full(check_name(name))
        with self._errors(name):
            data: bytes = self._retry(self._media.download)(full)
            return data

    def get_range(self, name: str, start: int, length: int) -> bytes:
        from google.api_core.exceptions import RequestRangeNotSatisfiable

        check_range(start, length)
        full = self._full(check_name(name))
        try:
            with self._errors(name):
                data: bytes = self._retry(self._media.download)(full, start=start, length=length)
                return data
        except RequestRangeNotSatisfiable:
            return b""  # the object ends before `start`

    def put(self, name: str, data: bytes | memoryview) -> None:
        full = self._full(check_name(name))
        with self._errors(name):
            self._retry(self._media.upload)(full, data)

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

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        with self._errors(prefix):
            blobs = self._client.list_blobs(
                self.bucket,
                prefix=self._full(prefix) if prefix else f"{self.prefix}/".lstrip("/"),
                start_offset=self._full(start) if start else None,
                fields="items(name,size,generation,crc32c,updated),nextPageToken",
                retry=self._retry,
                timeout=_REQUEST_TIMEOUT,
            )
            cut = len(self.prefix) + 1 if self.prefix else 0
            for blob in blobs:
                yield Entry(
                    name=blob.name[cut:],
                    size=int(blob.size or 0),
                    fingerprint=f"{blob.generation}-{blob.crc32c}",
                    updated=blob.updated.timestamp(),
                )

    def delete(self, name: str) -> None:
        try:
            with self._errors(name):
                self._blob(name).delete(retry=self._retry, timeout=_REQUEST_TIMEOUT)
        except ObjectNotFound:
            return

    def delete_unchanged(self, entry: Entry) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        generation = int(entry.fingerprint.partition("-")[0])
        settings = {"if_generation_match": generation, "retry": self._retry, "timeout": _REQUEST_TIMEOUT}
        try:
            with self._errors(entry.name):
                self._blob(entry.name).delete(**settings)
        except (PreconditionFailed, ObjectNotFound):
            return False
        return True

    def _settle(self, name: str, data: bytes) -> bool:
        """Find out who won by reading whose bytes are under the name: a log entry is unique to its writer."""
        try:
            return self.get(name) == data
        except CkptOpsError as error:
            raise CommitStateUnknown(
                f"no reply to the conditional write of {self.url}/{name}; reading back failed: {error.what}",
                safe="the object holds either these bytes or another writer's, whole",
                next="run the same command again: it reads first and goes on from what it finds",
            ) from error

    @cached_property
    def _endpoint(self) -> Endpoint:
        """Read once, as Google's client does."""
        return Endpoint.parse(self._own_endpoint or os.environ.get("STORAGE_EMULATOR_HOST") or _GOOGLE)

    @property
    def _is_local(self) -> bool:
        return self._endpoint.url != _GOOGLE

    @cached_property
    def _credentials(self) -> tuple[Any, str | None]:
        """The server's own over http://, Application Default Credentials otherwise; and their project."""
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        from ckpt_ops.store.gcs_credentials import EndpointCredentials

        _use_own_random()
        if self._endpoint.url.startswith("http://"):
            return EndpointCredentials(self._endpoint), None
        try:
            credentials, project = google.auth.default(scopes=_SCOPES)
            return credentials, project
        except DefaultCredentialsError as error:
            raise StoreForbidden(
                f"no Google credentials for {self.url}",
                safe="nothing was read or written",
                next="gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS, "
                "or STORAGE_EMULATOR_HOST for a local server",
            ) from error

    @cached_property
    def _client(self) -> Any:
        from google.cloud import storage

        credentials, project = self._credentials
        options = {"api_endpoint": self._endpoint.url} if self._is_local else None
        return storage.Client(credentials=credentials, project=project, client_options=options)

    @cached_property
    def _media(self) -> MediaClient:
        return MediaClient(
            endpoint=self._endpoint.url,
            bucket=self.bucket,
            credentials=self._credentials[0],
            timeout=_REQUEST_TIMEOUT,
        )

    @cached_property
    def _retry(self) -> Any:
        from google.auth.exceptions import RefreshError
        from google.cloud.storage.retry import DEFAULT_RETRY

        passes = DEFAULT_RETRY._predicate  # it has no public name

        def may_pass(error: Exception) -> bool:
            return bool(error.retryable if isinstance(error, RefreshError) else passes(error))

        retry = DEFAULT_RETRY.with_predicate(may_pass).with_timeout(self.deadline)
        return retry.with_delay(initial=0.1, maximum=5.0, multiplier=1.6)

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
            if getattr(error, "retryable", False):  # the token service failed, not the credentials
                raise self._unavailable(where, error) from error
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
        return StoreUnavailable(
            f"the store at {self._endpoint.url} gave no good answer for {where} "
            f"within {self.deadline:g} s: {error}",
            safe="nothing is half-written; what was committed before is kept",
            next="try again when the store answers; CKPT_OPS_STORE_DEADLINE sets how many seconds to wait",
        )

    def _bucket_is_missing(self, name: str) -> bool:
        """Checked by a listing: roles/storage.objectUser may list objects, but not look at the bucket."""
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


def _use_own_random() -> None:
    """Give Google's libraries their own generator for the jitter of retries and for multipart boundaries.

    They retry in threads that nobody waits for. If these drew from Python's shared generator while Keras
    draws the seeds of a model's initial weights from it, the weights would depend on the network.
    """
    from google.api_core.retry import retry_base
    from google.auth import _exponential_backoff
    from google.cloud.storage._media import _upload

    for module in (retry_base, _exponential_backoff, _upload):
        if module.random is random:
            module.random = random.Random()


def _deadline_from_environment() -> float:
    value = os.environ.get("CKPT_OPS_STORE_DEADLINE", "90")
    try:
        deadline = float(value)
    except ValueError:
        deadline = -1.0
    if deadline <= 0:
        raise BadInput("CKPT_OPS_STORE_DEADLINE", value, "a positive number of seconds")
    return deadline
