"""A ledger of an earlier schema is brought up when it is opened, with the same books."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date

import pytest
from ledger_maker import (
    CHECKOUT,
    DAY,
    OPENED_ON,
    alipay,
    balance,
    close,
    dump,
    faults,
    new_ledger,
    open_loan,
    paid,
    repayment,
    revenue_rows,
    sent_back,
    take,
)
from older_ledgers import NAMES, WITH_STATEMENTS, as_schema

from loancli.core.entry import Entry, Leg
from loancli.core.errors import LedgerError
from loancli.ledger import connect, journal, receipts
from loancli.ledger.connect import (
    DIGESTS,
    SCHEMA,
    Connection,
    open_ledger,
    schema_digest,
    writing,
)
from loancli.ledger.journal import balances

DUE = date(2026, 2, 5)


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


def test_each_schema_has_its_migration_and_its_digest():
    assert len(NAMES) == SCHEMA
    assert [*DIGESTS] == [*range(1, SCHEMA + 1)]


@pytest.mark.parametrize("version", range(WITH_STATEMENTS, SCHEMA + 1))
def test_a_ledger_of_an_earlier_schema_has_the_same_books_afterwards(books, tmp_path, version):
    as_schema(version, books, tmp_path / "old.db")
    with closing(open_ledger(tmp_path / "old.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert faults(db) == []
        for table in ("event", "entry", "posting", "position", "instalment", "day", "loan", "txn_status", "borrower"):
            assert dump(db)[table] == dump(books)[table]
        assert revenue_rows(db) == revenue_rows(books)
        assert receipts.listing(db) == receipts.listing(books)
        assert balance(db, "suspense") == balance(books, "suspense") == -777
        assert balances(db) == balances(books)


@pytest.mark.parametrize("version", range(1, WITH_STATEMENTS))
def test_a_ledger_from_before_statements_has_the_same_books_afterwards(tmp_path, version):
    """Schema 1 had the journal alone, schema 2 loans: what could be booked then is booked so afterwards."""
    made = new_ledger(tmp_path, is_durable=False)
    if version > 1:
        open_loan(made)
    with writing(made):
        legs = (Leg(debit="clearing:bank", credit="income:interest", amount_fen=4_200),)
        entry = Entry(key="by hand", loan_id="", kind="movement", cause="old", value_on=OPENED_ON, legs=legs)
        journal.book(made, [entry], booked_on=OPENED_ON)
    close(made, OPENED_ON + DAY)
    as_schema(version, made, tmp_path / "old.db")
    with closing(open_ledger(tmp_path / "old.db")) as db:
        assert faults(db) == faults(made) == []
        assert balances(db) == balances(made)
        assert dump(db, without=("applied_at",)) == dump(made, without=("applied_at",))


DIES = """
import os, sys
from pathlib import Path
from loancli.ledger import connect
steps = int(sys.argv[2])
migrate = connect._migrate
def dying(db):
    def step(statement):
        global steps
        steps -= 1
        if steps < 0:
            os._exit(9)
    db.set_trace_callback(step)
    migrate(db)
connect._migrate = dying
connect.open_ledger(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("steps", [0, 1, 9, 17, 25, 33])
def test_a_migration_that_is_killed_is_done_the_next_time(books, tmp_path, steps):
    path = tmp_path / "old.db"
    as_schema(4, books, path)
    died = subprocess.run([sys.executable, "-c", DIES, path, str(steps)], env={"PYTHONPATH": str(CHECKOUT / "src")})
    assert died.returncode == 9
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (4,)
        assert schema_digest(db) == DIGESTS[4]
    with closing(open_ledger(path)) as db:
        assert faults(db) == []
        assert receipts.listing(db) == receipts.listing(books)


def test_an_older_ledger_that_another_program_changed_is_refused_untouched(books, tmp_path):
    path = tmp_path / "old.db"
    as_schema(4, books, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER entry_stays")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="schema was changed"):
        open_ledger(path)
    assert path.read_bytes() == before


def test_an_older_ledger_that_cannot_be_written_is_told(books, tmp_path, monkeypatch):
    path = tmp_path / "old.db"
    as_schema(4, books, path)
    monkeypatch.setattr(connect.os, "access", lambda *_: False)
    with pytest.raises(LedgerError, match=r"older loancli \(schema 4\).*copy it into a folder"):
        open_ledger(path)


def test_rows_that_arrive_again_after_the_migration_count_once(books, tmp_path):
    as_schema(4, books, tmp_path / "old.db")
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
