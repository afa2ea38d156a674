"""A ledger copied whole while others write to it, and what shows that a copy holds these books."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from loancli.core.errors import RefusedError
from loancli.ledger import journal
from loancli.ledger.connect import Connection, connect, reading, writing

_CHAINS = ("event", "entry", "file", "verdict")
_NOTHING = bytes(32)
SEAL = "backup_sha"  # a setting that only a backup has


def heads(db: Connection) -> dict[str, str]:
    """The last link of every chain, by table, in hex: ledgers with the same heads hold the same books."""
    stored = _tables(db)  # an older schema has not all
    found = {table: journal.head(db, table) for table in _CHAINS if table in stored}
    day = db.execute("SELECT sha FROM day ORDER BY day DESC LIMIT 1").fetchone()
    return {table: sha.hex() for table, sha in {**found, "day": day[0] if day else _NOTHING}.items()}


def copy(db: Connection, path: Path) -> dict[str, str]:
    """Copy the ledger as it stands at one moment into an empty file; returns the heads of that moment.

    Writers go on meanwhile. A plain copy of the file would miss what its -wal holds, or tear it (RELIABILITY §1.7).
    Raises RefusedError if the file cannot be written.
    """
    with reading(db):
        found = heads(db)
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as made:
                db.backup(made)
        except sqlite3.OperationalError as error:
            raise RefusedError(f"{path.parent}: cannot be written ({error}); no file was made") from error
    return found


def seal(db: Connection) -> None:
    """Note a digest of every row, and leave the file complete without others beside it, wherever it is taken.

    The chains do not cover everything, such as names and notes; what a disk does to them in years would go unseen.
    """
    with writing(db):
        db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (SEAL, _content_sha(db)))
    db.execute("PRAGMA journal_mode = DELETE")


def is_as_sealed(path: Path) -> bool:
    """Is every row as it was when the backup was made? Also of a file without a seal. Raises sqlite3.DatabaseError."""
    with closing(connect(path, as_fixed=True)) as db:
        row = db.execute("SELECT value FROM setting WHERE name = ?", (SEAL,)).fetchone()
        return row is None or bool(row[0] == _content_sha(db))


def unseal(db: Connection) -> None:
    """Make a ledger to work with of a backup."""
    with writing(db):
        db.execute("DELETE FROM setting WHERE name = ?", (SEAL,))


def _content_sha(db: Connection) -> str:
    """SHA-256 over every row of every table but the seal, each table in the order of its key."""
    digest = hashlib.sha256()
    for table in _tables(db):
        keys = sorted((row[5], row[1]) for row in db.execute(f"PRAGMA table_info({table})") if row[5])
        order = ", ".join(name for _, name in keys) or "rowid"
        where = f"name <> '{SEAL}'" if table == "setting" else "true"
        rows = db.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}")
        digest.update(table.encode())
        with _as_bytes(db):
            for row in rows:
                digest.update(repr(row).encode())
    return digest.hexdigest()


@contextmanager
def _as_bytes(db: Connection) -> Iterator[None]:
    """Texts as they are stored: one that a disk damaged may be none any more."""
    db.text_factory = bytes
    try:
        yield
    finally:
        db.text_factory = str


def _tables(db: Connection) -> list[str]:
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'")
    return sorted(row[0] for row in rows)


def size_bytes(db: Connection) -> int:
    """How long the file is with all that belongs into it."""
    pages, page = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page)


def holds_all_of(db: Connection, path: Path) -> bool:
    """Is the file an earlier moment of this ledger: are its chains, and its borrowers, a part of what is here?"""
    with closing(connect(path, as_fixed=True)) as old:
        for table, sha in heads(old).items():
            link = bytes.fromhex(sha)
            if link != _NOTHING and not db.execute(f"SELECT 1 FROM {table} WHERE sha = ?", (link,)).fetchone():
                return False
        asked = "SELECT borrower_id FROM borrower"
        return {*old.execute(asked)} <= {*db.execute(asked)} and _opened_on(old) == _opened_on(db)


def _opened_on(db: Connection) -> str:
    return str(db.execute("SELECT value FROM setting WHERE name = 'opened_on'").fetchone()[0])
