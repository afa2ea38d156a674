"""A ledger copied whole while others write to it, and what shows that a copy holds these books."""

import sqlite3
from contextlib import closing
from pathlib import Path

from loancli.core.errors import RefusedError
from loancli.ledger import journal
from loancli.ledger.connect import Connection, connect, reading

_CHAINS = ("event", "entry", "file", "verdict")
_NOTHING = bytes(32)


def heads(db: Connection) -> dict[str, str]:
    """The last link of every chain, by table, in hex: ledgers with the same heads hold the same books."""
    stored = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    found = {table: journal.head(db, table) for table in _CHAINS if table in stored}  # an older schema has not all
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


def rest(db: Connection) -> None:
    """Leave the file so that it is complete without others beside it, wherever it is taken."""
    db.execute("PRAGMA journal_mode = DELETE")


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
