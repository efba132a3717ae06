"""A read-only snapshot of a PostgreSQL database, in which no wait is endless.

`statement_timeout` is kept by the server, so it bounds nothing once the server itself is frozen or the
line to it is dead: the driver would wait for ever. So each wait is also bounded from this side, by
shutting the socket.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.errors import UNTOUCHED, SliceUnreadable, SourceRefused, SourceUnavailable, first_line
from ckpt_ops.extras import require
from ckpt_ops.slices.again import TRIED_AGAIN
from ckpt_ops.slices.connections import Connection, connection

# what libpq is given of a connection's extra, beside address, user and password
_EXTRA = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "service")
# a refused login has no code, only a text
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf",
    "is not permitted to log in",
    "permission denied",
)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds: until a connection is there, and for one statement or one batch of rows."""

    connect: int
    statement: int

    @property
    def longest(self) -> int:
        """After which this side gives up: the server's own error comes first when it can send one."""
        return self.connect + self.statement


@dataclass(kw_only=True)
class Snapshot:
    """What one transaction sees."""

    opened: Any
    patience: Patience
    gave_up: threading.Event = field(default_factory=threading.Event)

    def rows(self, statement: Any, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query that has few."""
        with self.opened.cursor() as cursor, self._bounded():
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def columns(self, statement: Any) -> dict[str, int]:
        """The columns of a query, with the OID of each one's type."""
        with self.opened.cursor() as cursor, self._bounded():
            cursor.execute(statement)
            return {column.name: column.type_code for column in cursor.description}

    def batches(self, statement: Any, values: Sequence[Any], *, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query that may have many, through a cursor of the server's."""
        with self.opened.cursor(name="ckpt_ops") as cursor:
            with self._bounded():
                cursor.execute(statement, values)
            while True:
                with self._bounded():
                    found = cursor.fetchmany(size)
                if not found:
                    return
                yield found

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        timer = threading.Timer(self.patience.longest, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self.gave_up.set()
        # a socket of our own for the same line: libpq keeps, and closes, its descriptor
        with suppress(Exception), socket.socket(fileno=os.dup(self.opened.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


@contextmanager
def snapshot(source: str, to: str, patience: Patience) -> Iterator[Snapshot]:
    """Connect by the Airflow connection `to`, read in one REPEATABLE READ transaction, disconnect.

    Args:
        source: its name, for messages.

    Raises:
        SourceUnavailable: no connection, no answer in time, or the server went away.
        SourceRefused: login, rights, or a name that is not there.
        SliceUnreadable: the server cannot make the rows, or Python cannot hold a value.
        ExtraMissing: there is no psycopg2.
    """
    require("postgres", what=f"reading {source} from PostgreSQL")
    import psycopg2
    from psycopg2 import errors

    where = connection(to)
    found: Snapshot | None = None
    try:
        opened = psycopg2.connect(**_arguments(where, patience))
        try:
            opened.set_session(isolation_level="REPEATABLE READ", readonly=True)
            found = Snapshot(opened=opened, patience=patience)
            yield found
        finally:
            opened.close()
    except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise _refused(source, where, error) from error
    except psycopg2.OperationalError as error:
        if any(message in str(error) for message in _REFUSALS):
            raise _refused(source, where, error) from error
        raise _unavailable(source, where, found, error) from error
    except psycopg2.Error as error:
        if found is not None and found.gave_up.is_set():
            raise _unavailable(source, where, found, error) from error
        raise SliceUnreadable(
            f"PostgreSQL could not give source {source!r} its rows: {first_line(error)}",
            safe=UNTOUCHED,
            next="fix the table or the source's settings",
        ) from error


def _arguments(where: Connection, patience: Patience) -> dict[str, Any]:
    extra = {name: where.extra[name] for name in _EXTRA if where.extra.get(name)}
    address = {
        "host": where.host,
        "port": where.port,
        "user": where.login,
        "password": where.password,
        "dbname": where.schema,
    }
    return {
        **extra,
        **{name: value for name, value in address.items() if value},
        "connect_timeout": patience.connect,
        "options": f"-c statement_timeout={1000 * patience.statement} -c timezone=UTC",
    }


def _refused(source: str, where: Connection, error: Exception) -> SourceRefused:
    return SourceRefused(
        f"PostgreSQL refuses source {source!r} at {where}: {first_line(error)}",
        safe=UNTOUCHED,
        next=f"fix the connection {where.id!r}, its user's rights, or the names in the source",
    )


def _unavailable(
    source: str, where: Connection, found: Snapshot | None, error: Exception
) -> SourceUnavailable:
    silent = found is not None and found.gave_up.is_set()
    why = f"no reply for {found.patience.longest} s" if found and silent else first_line(error)
    return SourceUnavailable(
        f"PostgreSQL does not answer source {source!r} at {where}: {why}",
        safe=UNTOUCHED,
        next=f"no action is needed: {TRIED_AGAIN}",
    )
