"""A ledger of an earlier schema is brought up when it is opened, with the same books."""

import sqlite3
from contextlib import closing
from datetime import date

import pytest
from ledger_maker import (
    DAY,
    alipay,
    balance,
    close,
    dump,
    faults,
    file_of,
    new_ledger,
    open_loan,
    paid,
    repayment,
    revenue_rows,
    sent_back,
    take,
)
from sqlite_utils import Database

from loancli.ledger import journal, receipts, statements
from loancli.ledger.connect import APPLICATION_ID, Connection, open_ledger
from loancli.ledger.migrations import migrations

DUE = date(2026, 2, 5)
# Tables of schema 4 that are as they were then, parents first.
UNCHANGED = (
    "setting",
    "borrower",
    "alias",
    "terms",
    "loan",
    "plan_row",
    "event",
    "position",
    "instalment",
    "txn_status",
)
ENDS = ("txn", "day", "hold", "promise", "campaign_run", "outbox", "refusal")


@pytest.fixture
def books(tmp_path) -> Connection:
    """A loan with payments that were placed, wait, and bounced; a borrower's revenue; closed days."""
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    bounced = repayment(DUE, 500, "N3", note="LN000001")
    rows = [repayment(DUE, 106_619, "N1", note="LN000001"), repayment(DUE, 777, "N2", party="陌生人"), bounced]
    take(db, alipay([*rows, sent_back(bounced, DUE)], period=(DUE, DUE)))
    receipt = paid(DUE, 8_800, "R1")
    take(db, alipay([receipt, paid(DUE, 1_200, "R2")], period=(DUE, DUE)), borrower_id="B1", name="revenue.csv")
    take(db, alipay([receipt._replace(status="退款成功")]), borrower_id="B1", name="later.csv")
    close(db, DUE + DAY)
    return db


def _as_schema_4(books: Connection, path) -> None:
    """The same books as schema 4 wrote them: its columns, its digests of rows, one loan a receipt."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrations.apply(Database(db), stop_before="m005_one_movement_once")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 4")
        db.execute("BEGIN")
        db.execute("PRAGMA defer_foreign_keys = 1")
        later = {"expense:channel_fee", "expense:waived", "expense:coupon", "expense:written_off", "income:recovered"}
        ids = {}
        for number, code, kind, meaning in books.execute("SELECT * FROM account").fetchall():
            if code not in later:
                ids[number] = db.execute(
                    "INSERT INTO account (code, kind, meaning) VALUES (?,?,?)", (code, kind, meaning)
                ).lastrowid
        assert [*ids] == [*ids.values()], "the chain of entries covers the numbers of accounts"
        for table in UNCHANGED:
            _copy(books, db, table)
        for entry in books.execute("SELECT * FROM entry ORDER BY id").fetchall():
            db.execute(f"INSERT INTO entry VALUES ({','.join('?' * len(entry))})", entry)
            legs = books.execute("SELECT * FROM posting WHERE entry_id = ? ORDER BY leg", entry[:1]).fetchall()
            db.executemany("INSERT INTO posting VALUES (?,?,?,?,?)", legs)
        for table in ENDS:
            _copy(books, db, table)
        _copy(books, db, "daily_revenue")
        db.execute("ATTACH ? AS now", (str(file_of(books)),))
        db.execute(
            "INSERT INTO receipt SELECT r.txn_id, r.state, p.loan_id, p.event_key, r.reason, r.candidates"
            " FROM now.receipt r LEFT JOIN now.receipt_part p ON p.txn_id = r.txn_id"
        )
        previous = bytes(32)
        for row in books.execute("SELECT * FROM file ORDER BY id").fetchall():
            digest = statements.FirstDigest()
            rows = books.execute(
                f"SELECT {statements.STORED} FROM txn WHERE file_id = ? ORDER BY id", row[:1]
            ).fetchall()
            if rows:
                digest.add_rows(rows)
            for status in books.execute("SELECT * FROM txn_status WHERE file_id = ? ORDER BY txn_id, line", row[:1]):
                digest.add_status(status)
            values = [*row[1:14], digest.value(), *row[15:18]]
            texts = [value.hex() if isinstance(value, bytes) else value for value in values]
            sha = journal.chained(previous, row[0], *texts)
            db.execute(f"INSERT INTO file VALUES ({','.join('?' * 20)})", (row[0], *values, previous, sha))
            previous = sha
        db.execute("COMMIT")


def _copy(books: Connection, db: sqlite3.Connection, table: str) -> None:
    columns = ", ".join(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
    rows = books.execute(f"SELECT {columns} FROM {table}").fetchall()
    marks = ",".join("?" * (columns.count(",") + 1))
    db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def test_a_ledger_of_schema_4_has_the_same_books_afterwards(books, tmp_path):
    _as_schema_4(books, tmp_path / "old.db")
    with closing(open_ledger(tmp_path / "old.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (6,)
        assert faults(db) == []
        for table in ("event", "entry", "posting", "position", "instalment", "day", "loan", "txn_status"):
            assert dump(db)[table] == dump(books)[table]
        assert revenue_rows(db) == revenue_rows(books)
        assert receipts.listing(db) == receipts.listing(books)
        assert balance(db, "suspense") == balance(books, "suspense") == -777


def test_rows_that_arrive_again_after_the_migration_count_once(books, tmp_path):
    _as_schema_4(books, tmp_path / "old.db")
    with closing(open_ledger(tmp_path / "old.db")) as db:
        before = revenue_rows(db)
        again = [paid(DUE, 8_800, "R1"), paid(DUE, 1_200, "R2"), paid(DUE, 50, "R3")]
        report = take(db, alipay(again, period=(DUE, DUE)), borrower_id="B1", name="again.csv")
        assert report.new_count == 1
        assert faults(db) == []
        assert revenue_rows(db) != before
        take(db, alipay([repayment(DUE, 106_619, "N1", note="LN000001")]), name="again-lender.csv")
        assert faults(db) == []
        assert balance(db, "clearing:alipay") == balance(books, "clearing:alipay")
