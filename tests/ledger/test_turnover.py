"""Balances of any day, by the day that was booked on or the day it is for, are those of a scan of all postings."""

import sqlite3
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import DAY, OPENED_ON, execute, new_ledger

from loancli.core.entry import DayBy, Entry, Leg
from loancli.ledger import checks, derived, journal
from loancli.ledger.connect import Connection, writing
from loancli.servicing.bookings import ACCOUNTS

CODES = list(ACCOUNTS)
LEG = st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.integers(1, 10**14)).filter(
    lambda leg: leg[0] != leg[1]
)
# The entries of some days one after the other; each is for a day before or after.
BATCHES = st.lists(
    st.lists(st.tuples(st.integers(-3, 2), st.lists(LEG, min_size=1, max_size=3)), max_size=3), min_size=1, max_size=5
)


def book(db: Connection, batches: list) -> None:
    """Each batch in a transaction of its own, a day after the one before."""
    for number, batch in enumerate(batches):
        on = OPENED_ON + number * DAY
        entries = [
            Entry(
                key=f"{number}/{place}",
                loan_id="",
                kind="test",
                cause="test",
                value_on=on + later * DAY,
                legs=tuple(Leg(debit=debit, credit=credit, amount_fen=fen) for debit, credit, fen in legs),
            )
            for place, (later, legs) in enumerate(batch)
        ]
        with writing(db):
            journal.book(db, entries, booked_on=on)


def scanned(db: Connection, day: date, column: str) -> dict[str, tuple[int, int]]:
    """Debits and credits by account, from the postings alone."""
    found = {}
    for code in CODES:
        sums = [
            db.execute(
                f"SELECT coalesce(sum(amount_fen), 0) FROM posting JOIN entry ON entry.id = entry_id"
                f" JOIN account ON account.id = {side} WHERE code = ? AND {column} <= ?",
                (code, day.isoformat()),
            ).fetchone()[0]
            for side in ("debit", "credit")
        ]
        found[code] = (sums[0], sums[1])
    return found


@given(BATCHES)
@settings(max_examples=40)
def test_balances_of_any_day_are_those_of_a_scan(tmp_path_factory, batches):
    db = new_ledger(tmp_path_factory.mktemp("turnover"), is_durable=False)
    book(db, batches)
    for by, column in ((DayBy.BOOKING, "booked_on"), (DayBy.VALUE, "value_on")):
        for later in range(-4, len(batches) + 3):
            day = OPENED_ON + later * DAY
            rows = journal.balances(db, day, by)
            assert {row["account"]: (row["debits_fen"], row["credits_fen"]) for row in rows} == scanned(db, day, column)
            assert sum(row["balance_fen"] for row in rows) == 0
        assert journal.balances(db, by=by) == journal.balances(db, date.max, by)
    assert checks.answers(db, derived.differing("turnover")) == []
    before = db.execute("SELECT * FROM turnover").fetchall()
    with writing(db):
        derived.sum_again(db, "turnover")
    assert db.execute("SELECT * FROM turnover").fetchall() == before
    db.close()


@pytest.fixture
def db(tmp_path) -> Connection:
    made = new_ledger(tmp_path, is_durable=False)
    book(made, [[(0, [("loan:principal", "clearing:bank", 500)])], [], [(-1, [("clearing:bank", "suspense", 70)])]])
    return made


def test_what_is_booked_late_is_in_the_balance_of_its_value_day_and_not_in_that_of_the_booking_day(db):
    def bank_fen(later: int, by: DayBy) -> int:
        rows = journal.balances(db, OPENED_ON + later * DAY, by)
        return next(row["balance_fen"] for row in rows if row["account"] == "clearing:bank")

    assert [bank_fen(later, DayBy.BOOKING) for later in (-1, 0, 1, 2)] == [0, -500, -500, -430]
    assert [bank_fen(later, DayBy.VALUE) for later in (-1, 0, 1, 2)] == [0, -500, -430, -430]


def test_a_row_that_differs_is_told_by_its_account_and_both_figures(db):
    of_bank = "account clearing:bank, day 2026-01-05"
    execute(db, "UPDATE turnover SET debit_fen = 7 WHERE credit_fen = 500 AND day_by = 'value'")
    assert checks.answers(db, derived.differing("turnover")) == [
        f"what computed, day_by value, {of_bank}, debit_fen 0, credit_fen 500",
        f"what stored, day_by value, {of_bank}, debit_fen 7, credit_fen 500",
    ]


def test_a_booking_that_is_refused_leaves_no_turnover(db):
    before = db.execute("SELECT * FROM turnover").fetchall()
    leg = Leg(debit="clearing:bank", credit="income:fee", amount_fen=9)
    twice = [Entry(key="x", loan_id="", kind="test", cause="test", value_on=OPENED_ON, legs=(leg,))] * 2
    with pytest.raises(sqlite3.IntegrityError), writing(db):
        journal.book(db, twice, booked_on=OPENED_ON + 3 * DAY)
    assert db.execute("SELECT * FROM turnover").fetchall() == before


def test_the_balance_of_a_day_reads_the_days_and_not_the_postings(db):
    for by in DayBy:
        read: list[str] = []
        db.set_trace_callback(read.append)
        journal.balances(db, OPENED_ON, by)
        db.set_trace_callback(None)
        [statement] = read
        plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert "turnover" in plan or "SEARCH t" in plan
        assert "posting" not in plan
        assert "entry" not in plan
