"""Google's BigQuery client: who asks, how long, and what its errors mean."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ckpt_ops.errors import UNTOUCHED, BadInput, SourceRefused, SourceUnavailable, first_line
from ckpt_ops.extras import require
from ckpt_ops.slices.again import TRIED_AGAIN
from ckpt_ops.slices.connections import connection

EMULATOR = "BIGQUERY_EMULATOR_HOST"
_SCOPE = "https://www.googleapis.com/auth/bigquery"
# a 403 that is not about rights
_FOR_NOW = {"rateLimitExceeded", "jobRateLimitExceeded"}


def client(project: str, name: str) -> Any:
    """A client that bills `project`.

    Args:
        name: of an Airflow connection of the type Google Cloud, whose extra holds `keyfile_dict` or
            `key_path`; "" for Application Default Credentials. An emulator gets anonymous credentials.
    """
    require("bigquery", what="reading from BigQuery")
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    if os.environ.get(EMULATOR):
        return bigquery.Client(project=project, credentials=AnonymousCredentials())
    return bigquery.Client(project=project, credentials=_credentials(name) if name else None)


def _credentials(name: str) -> Any:
    from google.oauth2.service_account import Credentials

    extra = {
        key.removeprefix("extra__google_cloud_platform__"): value
        for key, value in connection(name).extra.items()
    }
    try:
        if keyfile := extra.get("keyfile_dict"):
            info = json.loads(keyfile) if isinstance(keyfile, str) else keyfile
            return Credentials.from_service_account_info(info, scopes=[_SCOPE])
        if path := extra.get("key_path"):
            return Credentials.from_service_account_file(path, scopes=[_SCOPE])
    except (ValueError, TypeError, OSError):  # without the cause: it may quote the key
        pass
    raise BadInput(
        "connection",
        name,
        "a Google Cloud connection with a service account's key in keyfile_dict or key_path",
        next="fix it in Airflow (Admin, Connections), or give none for Application Default Credentials",
    )


def retry(timeout: float) -> Any:
    """For requests that fail for now: up to a minute."""
    from google.cloud import bigquery

    return bigquery.DEFAULT_RETRY.with_timeout(min(timeout, 60.0))


@contextmanager
def errors(source: str, table: str) -> Iterator[None]:
    """Raises `SourceUnavailable` and `SourceRefused` for what Google's client raises."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    later = (
        exceptions.ServerError,
        exceptions.TooManyRequests,
        exceptions.RetryError,
        requests.ConnectionError,
        requests.Timeout,
        TransportError,
        TimeoutError,
    )
    try:
        yield
    except later as error:
        raise _unavailable(source, error) from error
    except exceptions.ClientError as error:
        if any(one.get("reason") in _FOR_NOW for one in error.errors):
            raise _unavailable(source, error) from error
        raise _refused(source, table, error) from error
    except GoogleAuthError as error:
        raise _refused(source, table, error) from error


def _unavailable(source: str, error: Exception) -> SourceUnavailable:
    return SourceUnavailable(
        f"BigQuery does not answer source {source!r}: {first_line(error)[:300]}",
        safe=UNTOUCHED,
        next=f"no action is needed: {TRIED_AGAIN}",
    )


def _refused(source: str, table: str, error: Exception) -> SourceRefused:
    return SourceRefused(
        f"BigQuery refuses source {source!r}, table {table}: {first_line(error)[:300]}",
        safe=UNTOUCHED,
        next="fix the rights of the credentials, the names in the source, or maximum_bytes_billed",
    )
