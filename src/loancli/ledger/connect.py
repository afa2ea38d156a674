"""Open the ledger file: settings read back, schema checked, one way to write (BEGIN IMMEDIATE).

The settings and their reasons: docs/decisions/0003-books.md. sqlite-utils is imported only when a migration is to run.
"""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loancli.core.errors import BusyError, InputError, LedgerError, NotFoundError

APPLICATION_ID = 0x4C4F4143  # "LOAC"
SCHEMA = 6
# SHA-256 over the schema's rows, per schema number: shows a dropped trigger at every open.
DIGESTS = {6: "9efe0797c2e03fa775ab9ba3da9250338f0c1b9aed13bf32809ef96624408869"}

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

# The disk or its permissions, not the ledger: told as they are.
_OF_THE_MACHINE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def create(path: Path, *, opened_on: str, accounts: dict[str, tuple[str, str]]) -> None:
    """A new ledger whose first business day is `opened_on`. Raises InputError if the file exists."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.exists() or path.is_symlink():
        raise _exists(path)
    # Made beside its place (mode 0600) and put there when it is whole, so that a crash leaves no half ledger.
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    os.close(handle)
    try:
        _fill(Path(made), opened_on, accounts)
        _put(made, path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{made}{suffix}").unlink(missing_ok=True)


def _fill(path: Path, opened_on: str, accounts: dict[str, tuple[str, str]]) -> None:
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _migrate(connection)
        with writing(connection):
            connection.execute("INSERT INTO setting VALUES ('opened_on', ?)", (opened_on,))
            rows = [(code, kind, meaning) for code, (kind, meaning) in accounts.items()]
            connection.executemany("INSERT INTO account (code, kind, meaning) VALUES (?, ?, ?)", rows)
    finally:
        connection.close()


def _put(made: str, path: Path) -> None:
    """Give the file its name, unless another has it: a link never overwrites."""
    try:
        try:
            os.link(made, path)
        except FileExistsError:
            raise
        except OSError:  # this file system has no links: take the name first
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            Path(made).replace(path)
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> InputError:
    return InputError(f"{path}: exists already; a ledger is never overwritten")


def open_ledger(path: Path) -> Connection:
    """The ledger at `path`, checked.

    Raises NotFoundError, LedgerError (foreign, newer, damaged, changed schema) or BusyError.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no ledger here; make one with: loancli --ledger {path} init")
    connection = None
    try:
        connection = _connect(path)
        _check(connection, path)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if (
            not isinstance(error, sqlite3.DatabaseError)
            or getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_MACHINE
        ):
            raise
        if "locked" in str(error):
            raise BusyError(f"{path}: another command is writing; try again") from error
        raise LedgerError(f"{path}: cannot be read as a ledger ({error})") from error
    return connection


def _check(connection: Connection, path: Path) -> None:
    """Ours, not newer, and as we left it; an older one is brought up. What is not ours is not written to."""
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
        raise LedgerError(f"{path}: the schema was changed by another program (a guard is missing); restore a backup")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):  # another program set it
        connection.execute("PRAGMA journal_mode = WAL")


def _connect(path: Path) -> Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    for name, value in _SETTINGS.items():
        connection.execute(f"PRAGMA {name} = {value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()
        if found not in {(value,), None}:  # None: this SQLite was built without it
            connection.close()
            raise LedgerError(f"{path}: this SQLite does not keep the setting {name} = {value}; it says {found[0]}")
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
    """One transaction, all or nothing. Takes the write lock first, so that what is checked inside still holds.

    Raises BusyError when another process holds the lock for longer than the time-out.
    """
    _begin(connection)
    try:
        yield
        connection.commit()  # may fail as well: a full disk, a deferred foreign key
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def attempt(connection: Connection) -> Iterator[None]:
    """A part of a transaction that may fail alone: then it is as if it had not begun, and the error goes on."""
    connection.execute("SAVEPOINT attempt")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO attempt")
        raise
    finally:
        connection.execute("RELEASE attempt")


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """One moment of the books: what others write meanwhile is not seen. Inside a transaction, that one's moment."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


@contextmanager
def trial(connection: Connection) -> Iterator[None]:
    """The same path as `writing`, rolled back at the end: what --dry-run does. Raises BusyError."""
    _begin(connection)
    try:
        yield
    finally:
        connection.rollback()


def _begin(connection: Connection) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise BusyError("another command is writing to the ledger; try again") from error
        raise
