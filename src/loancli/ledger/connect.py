"""Open the ledger file: settings read back, schema checked, one way to write (BEGIN IMMEDIATE).

The settings and their reasons: docs/decisions/0003-books.md. sqlite-utils is imported only when a migration is to run.
"""

import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loancli.core.errors import BusyError, LedgerError, NotFoundError
from loancli.ledger.whole import check_free, made_whole

APPLICATION_ID = 0x4C4F4143  # "LOAC"
SCHEMA = 9
# SHA-256 over the schema's rows, per schema number: shows a dropped trigger at every open, before a migration too.
DIGESTS = {
    1: "6aeaefc7d9bf6a366d3c0697ec3ab2b93e8063e36403b5df6ba792e14c2d81a8",
    2: "da6b62facb1deead2418cdedc4b0c7c0641b22b6648a4b6c29a25e9b027ec2b3",
    3: "fbdac1391c4b4d25842949e362bdaf20468e2aafe40d90919e18111440a6088e",
    4: "6c18823d7956373c6124481cdc5547601a8a2395bb1399ffae119218ab9b3c30",
    5: "9efe0797c2e03fa775ab9ba3da9250338f0c1b9aed13bf32809ef96624408869",
    6: "d05144c5d3cdc95b30075c7d751a86d76cc864d9f9ce840ae52775a3b871a09b",
    7: "d05144c5d3cdc95b30075c7d751a86d76cc864d9f9ce840ae52775a3b871a09b",  # other accounts, the same schema
    8: "3c77b440ece127ffcc72008236896a5f3b2a3842138bece492a2ec06278793d9",
    9: "22fc51dbdab21d01e74c059a34f2dcb802b81d6fe3a40dec9e110f85663f8d9a",
}

_SETTINGS = {
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE walks round the delete guards
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
    "temp_store": 2,
    "cache_size": -65_536,  # at most so many KiB: a link lies anywhere in the index of its chain
    "synchronous": 2,  # FULL: with NORMAL an acknowledged payment was lost in most power-cut images
    "busy_timeout": 10_000,
}

Connection = sqlite3.Connection
_TAKEN = "a ledger is never overwritten"

# The head of a SQLite file (sqlite.org/fileformat.html, 1.3): page size (1 stands for 65,536), change counter, size in
# pages, user_version, application_id, and the change counter for which that size is valid.
_MAGIC = b"SQLite format 3\0"
_HEAD_BYTES = 100
_HEAD = struct.Struct(">16x H 6x I I 28x I 4x I 20x I 4x")

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
    check_free(path, taken=_TAKEN)
    with made_whole(path, taken=_TAKEN) as made:
        _fill(made, opened_on, accounts)


def _fill(path: Path, opened_on: str, accounts: dict[str, tuple[str, str]]) -> None:
    connection = connect(path)
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


def open_ledger(path: Path) -> Connection:
    """The ledger at `path`, checked; for reading only where its folder cannot be written.

    Raises NotFoundError, LedgerError (foreign, newer, damaged, changed schema) or BusyError.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no ledger here; make one with: loancli --ledger {path} init")
    if head := head_fault(path):
        _refuse(path, *head)
    connection = None
    try:
        connection = connect(path)
        _check(connection, path)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if (
            not isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError)
            or getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_MACHINE
        ):
            raise
        if "locked" in str(error):
            raise BusyError(f"{path}: another command is writing; try again") from error
        raise LedgerError(
            f"{path}: cannot be read as a ledger ({error}); see what is wrong with: loancli --ledger {path} doctor"
        ) from error
    return connection


def _check(connection: Connection, path: Path) -> None:
    """Ours, not newer, and as we left it; an older one is brought up. What is not ours is not written to."""
    with reading(connection):  # of one moment: another process may just bring it up
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        digest = schema_digest(connection)
    if version > SCHEMA:  # as the -wal says
        _refuse(path, "newer", {"schema": version})
    if digest == DIGESTS.get(version) and version < SCHEMA:
        if is_fixed(path):
            raise LedgerError(
                f"{path}: written by an older loancli (schema {version}); to bring it up, copy it into a folder that"
                " can be written"
            )
        _migrate(connection)
        version, digest = SCHEMA, schema_digest(connection)
    if digest != DIGESTS.get(version):
        raise LedgerError(
            f"{path}: the schema was changed by another program (a guard is missing); see what with: loancli --ledger"
            f" {path} doctor; then restore a backup"
        )
    if not is_fixed(path) and connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")  # another program set another


def _refuse(path: Path, code: str, values: Mapping[str, object]) -> None:
    told = {
        "empty": f"{path}: is empty, as a copy that was broken off leaves it; see: loancli --ledger {path} doctor",
        "not_sqlite": f"{path}: is not a database of SQLite; see: loancli --ledger {path} doctor",
        "truncated": f"{path}: its end is missing ({values.get('bytes')} of {values.get('whole')} bytes); see: loancli"
        f" --ledger {path} doctor",
        "foreign": f"{path}: this is a SQLite file of another program, not a loancli ledger",
        "newer": f"{path}: written by a newer loancli (schema {values.get('schema')}, this one knows {SCHEMA}); upgrade"
        " loancli",
    }
    raise LedgerError(told[code])


def head_fault(path: Path) -> tuple[str, dict[str, object]] | None:
    """Why a file is no ledger that can be opened, by its length and its first bytes: a code, and the values of it.

    Read without SQLite, which would put files of its own beside one that is damaged or not ours.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    size = path.stat().st_size
    if not head:
        return "empty", {}
    if not head.startswith(_MAGIC):
        return "not_sqlite", {}
    if len(head) < _HEAD_BYTES:
        return "truncated", {"bytes": size, "whole": _HEAD_BYTES}
    page, changes, pages, version, application_id, valid_for = _HEAD.unpack(head)
    if application_id != APPLICATION_ID:
        return "foreign", {}
    if version > SCHEMA:
        return "newer", {"schema": version, "known": SCHEMA}
    whole = pages * (65_536 if page == 1 else page)
    if changes == valid_for and size < whole and not has_wal(path):
        return "truncated", {"bytes": size, "whole": whole}
    return None


def has_wal(path: Path) -> bool:
    """Is a part of the ledger still in the -wal beside it?"""
    wal = Path(f"{path}-wal")
    return wal.exists() and wal.stat().st_size > 0


def is_fixed(path: Path) -> bool:
    """The file or its folder cannot be written: it is read as it stands, without the files that SQLite puts beside it.

    A file with a -wal beside it is not read so: its newest part would be missing.
    """
    is_open = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    return not is_open and not has_wal(path)


def connect(path: Path, *, as_fixed: bool = False) -> Connection:
    """A connection with our settings, to a file whose content is not checked. Raises LedgerError, sqlite3.Error.

    `as_fixed`: nobody writes to the file, so it is read as it stands and nothing is put beside it.
    """
    way = "mode=ro&immutable=1" if as_fixed or is_fixed(path) else "mode=rw"
    address = f"{path.absolute().as_uri()}?{way}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=10)
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


def schema_rows(connection: Connection) -> list[tuple[str, str, str]]:
    """Type, name and statement of everything in the schema, in a fixed order."""
    return connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name").fetchall()


def schema_digest(connection: Connection) -> str:
    """SHA-256 over the schema's statements."""
    return hashlib.sha256(repr(schema_rows(connection)).encode()).hexdigest()


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
        if connection.in_transaction:  # a full disk ends the whole of it by itself
            connection.execute("ROLLBACK TO attempt")
        raise
    finally:
        if connection.in_transaction:
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
