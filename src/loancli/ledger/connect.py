"""Open the ledger file: settings read back, schema checked, one way to write (BEGIN IMMEDIATE).

The settings and their reasons: docs/decisions/0003-books.md. sqlite-utils is imported only when a migration is to run.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loancli.core.errors import BusyError, InputError, LedgerError, NotFoundError

APPLICATION_ID = 0x4C4F4143  # "LOAC"
SCHEMA = 4
# SHA-256 over the schema's rows, per schema number: shows a dropped trigger at every open (tests/ledger/test_connect.py).
DIGESTS = {4: "1bcdd899caa878812adb72ed0a60caf4d70147541214d4be6cdcfc2ffdd2a8cf"}

_SETTINGS = {
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE walks round the delete guards
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
    "temp_store": 2,
    "synchronous": 2,  # FULL: with NORMAL an acknowledged payment was lost in most power-cut images
    "busy_timeout": 10_000,
}

Connection = sqlite3.Connection


def create(path: Path, *, opened_on: str, accounts: dict[str, tuple[str, str]]) -> None:
    """A new ledger whose first business day is `opened_on`. Raises InputError if the file exists."""
    if path.exists():
        raise InputError(f"{path}: exists already; a ledger is never overwritten")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        connection = _connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _migrate(connection)
        with writing(connection):
            connection.execute("INSERT INTO setting VALUES ('opened_on', ?)", (opened_on,))
            rows = [(code, kind, meaning) for code, (kind, meaning) in accounts.items()]
            connection.executemany("INSERT INTO account (code, kind, meaning) VALUES (?, ?, ?)", rows)
        connection.close()
    except BaseException:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        raise


def open_ledger(path: Path) -> Connection:
    """The ledger at `path`, checked. Raises NotFoundError, LedgerError (foreign, newer, damaged, changed schema) or BusyError."""
    if not path.is_file():
        raise NotFoundError(f"{path}: no ledger here; make one with: loancli --ledger {path} init")
    try:
        connection = _connect(path)
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application_id != APPLICATION_ID:
            raise LedgerError(f"{path}: this is a SQLite file of another program, not a loancli ledger")
        if version > SCHEMA:
            raise LedgerError(
                f"{path}: written by a newer loancli (schema {version}, this one knows {SCHEMA}); upgrade loancli"
            )
        if version < SCHEMA:
            _migrate(connection)
        if schema_digest(connection) != DIGESTS[SCHEMA]:
            raise LedgerError(
                f"{path}: the schema was changed by another program (a guard is missing); restore a backup"
            )
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise BusyError(f"{path}: another command is writing; try again") from error
        raise LedgerError(f"{path}: cannot be read as a ledger ({error})") from error
    return connection


def _connect(path: Path) -> Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    for name, value in _SETTINGS.items():
        connection.execute(f"PRAGMA {name} = {value}")
    return connection


def _migrate(connection: Connection) -> None:
    from sqlite_utils import Database

    from loancli.ledger.migrations import migrations

    with writing(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA:
            migrations.apply(Database(connection))
            connection.execute(f"PRAGMA user_version = {SCHEMA}")


def schema_digest(connection: Connection) -> str:
    """SHA-256 over the schema's statements, in a fixed order."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """One transaction, all or nothing. Takes the write lock first, so that what is checked inside still holds when it is written.

    Raises BusyError when another process holds the lock for longer than the time-out.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise BusyError("another command is writing to the ledger; try again") from error
        raise
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def trial(connection: Connection) -> Iterator[None]:
    """The same path as `writing`, rolled back at the end: what --dry-run does."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
