"""A ledger's books as an earlier schema wrote them, made by the migrations up to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from loancli.ledger import journal, statements
from loancli.ledger.connect import APPLICATION_ID, Connection
from loancli.ledger.migrations import migrations

NAMES = [migration.name for migration in migrations.pending(Database(memory=True))]
BEFORE_RECEIPT_PARTS = 5  # the first schema in which a receipt has parts, and a file the digest of today
WITH_STATEMENTS = 3  # the first in which there is anything that borrowers or the lender imported
# Their columns were others once, or a chain goes through them row by row.
_BY_HAND = {"account", "entry", "posting", "file", "receipt", "receipt_part", "_sqlite_migrations"}


def as_schema(version: int, books: Connection, path: Path) -> None:
    """The same books as an earlier schema wrote them: its tables and columns, its digests, one loan a receipt."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrations.apply(Database(db), stop_before=NAMES[version : version + 1])
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("BEGIN")
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        later = _accounts_after(version)
        accounts = [row for row in books.execute("SELECT * FROM account").fetchall() if row[1] not in later]
        assert [row[0] for row in accounts] == [*range(1, len(accounts) + 1)], "entries' digests cover these numbers"
        db.executemany("INSERT INTO account VALUES (?,?,?,?)", accounts)
        for entry in books.execute("SELECT * FROM entry ORDER BY id").fetchall():
            db.execute(f"INSERT INTO entry VALUES ({','.join('?' * len(entry))})", entry)
            legs = books.execute("SELECT * FROM posting WHERE entry_id = ? ORDER BY leg", entry[:1]).fetchall()
            db.executemany("INSERT INTO posting VALUES (?,?,?,?,?)", legs)
        for table in sorted(tables - _BY_HAND):
            _copy(books, db, table)
        if version >= BEFORE_RECEIPT_PARTS:
            for table in ("file", "receipt", "receipt_part"):
                _copy(books, db, table)
        elif version >= WITH_STATEMENTS:
            _copy_receipts(books, db)
            _copy_files(books, db)
        db.execute("COMMIT")


def _accounts_after(version: int) -> set[str]:
    """The accounts that later migrations add to a ledger that has some."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrations.apply(Database(db), stop_before=NAMES[version : version + 1])
        db.execute("INSERT INTO account (code, kind, meaning) VALUES ('any', 'asset', '')")
        migrations.apply(Database(db))
        return {code for (code,) in db.execute("SELECT code FROM account")} - {"any"}


def _copy_receipts(books: Connection, db: sqlite3.Connection) -> None:
    rows = books.execute(
        "SELECT r.txn_id, r.state, p.loan_id, p.event_key, r.reason, r.candidates"
        " FROM receipt r LEFT JOIN receipt_part p ON p.txn_id = r.txn_id"
    )
    db.executemany("INSERT INTO receipt VALUES (?,?,?,?,?,?)", rows.fetchall())


def _copy_files(books: Connection, db: sqlite3.Connection) -> None:
    """With the digests that were made before there were columns for merchant bills."""
    previous = bytes(32)
    for row in books.execute("SELECT * FROM file ORDER BY id").fetchall():
        digest = statements.FirstDigest()
        rows = books.execute(f"SELECT {statements.STORED} FROM txn WHERE file_id = ? ORDER BY id", row[:1]).fetchall()
        if rows:
            digest.add_rows(rows)
        for status in books.execute("SELECT * FROM txn_status WHERE file_id = ? ORDER BY txn_id, line", row[:1]):
            digest.add_status(status)
        values = [*row[1:14], digest.value(), *row[15:18]]
        texts = [value.hex() if isinstance(value, bytes) else value for value in values]
        sha = journal.chained(previous, row[0], *texts)
        db.execute(f"INSERT INTO file VALUES ({','.join('?' * 20)})", (row[0], *values, previous, sha))
        previous = sha


def _copy(books: Connection, db: sqlite3.Connection, table: str) -> None:
    columns = ", ".join(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
    rows = books.execute(f"SELECT {columns} FROM {table}").fetchall()
    marks = ",".join("?" * (columns.count(",") + 1))
    db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
