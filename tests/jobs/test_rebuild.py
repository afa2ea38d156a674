"""`ledger rebuild`: copies become what events, entries and rows give; what differed is told, nothing else changes."""

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    close,
    dump,
    execute,
    faults,
    new_ledger,
    open_loan,
    paid,
    repayment,
    sent_back,
    take,
    tampered,
)

from loancli.core.errors import LedgerError
from loancli.jobs.rebuild import rebuild
from loancli.ledger import derived
from loancli.ledger.connect import Connection, attempt, open_ledger, trial, writing

FEBRUARY = date(2026, 2, 5)  # an instalment falls due
TODAY = date(2026, 2, 10)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Two loans: one stands on the day of its last moment, one was paid on the open day; revenue with a refund."""
    folder = tmp_path_factory.mktemp("rebuild")
    db = new_ledger(folder, is_durable=False)
    open_loan(db)
    open_loan(db, "LN000002", borrower_id="B2")
    receipt = paid(OPENED_ON, 9_000)
    take(db, alipay([receipt, sent_back(receipt, OPENED_ON + DAY, 4_000), paid(OPENED_ON, 700)]), borrower_id="B1")
    again = paid(OPENED_ON, 9_000, receipt.number, note="again")
    take(db, alipay([again]), borrower_id="B1", name="again.csv")
    take(db, alipay([repayment(FEBRUARY - DAY, 50_000, note="LN000001")]))
    close(db, TODAY - DAY)
    take(db, alipay([repayment(TODAY, 106_619, note="LN000002")]))
    assert faults(db) == []
    db.close()
    return folder / "books.db"


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


@pytest.fixture
def db(path) -> Connection:
    return open_ledger(path)


def rebuilt(db: Connection) -> dict[str, list[str]]:
    """The tables in which anything differed, and what was told."""
    with writing(db):
        found = rebuild(db)
    assert [each.table for each in found] == list(derived.TABLES)
    return {each.table: each.differed for each in found if each.differed}


def test_of_sound_books_nothing_differs_and_nothing_is_written(db):
    before, version = dump(db), db.execute("PRAGMA data_version").fetchone()
    changes = db.total_changes
    assert rebuilt(db) == {}
    assert db.total_changes - changes == len(before["ruling"])  # made again beside the books
    assert dump(db) == before
    assert db.execute("PRAGMA data_version").fetchone() == version


ONE_MORE = "SELECT loan_id, 13, due_on, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, NULL, '' FROM instalment"
DAMAGE = {
    "a position": ("UPDATE position SET credit_fen = 7, status = 'settled' WHERE loan_id = 'LN000001'", "position", 2),
    "a product": ("UPDATE position SET product_code = 'x' WHERE loan_id = 'LN000002'", "position", 1),
    "an instalment": ("UPDATE instalment SET paid_fee_fen = 3 WHERE (loan_id, number) = ('LN000002', 4)",
                      "instalment", 1),
    "no instalments": ("DELETE FROM instalment", "instalment", 24),
    "an instalment more": (f"INSERT INTO instalment {ONE_MORE} WHERE (loan_id, number) = ('LN000001', 12)",
                           "instalment", 1),
    "revenue": ("UPDATE daily_revenue SET amount_fen = amount_fen + 1 WHERE revenue_class = 'sure'",
                "daily_revenue", 2),
    "no revenue": ("DELETE FROM daily_revenue", "daily_revenue", 2),
    "turnover": ("UPDATE turnover SET day = '2026-01-09' WHERE debit_fen = 50000 AND day_by = 'value'",
                 "turnover", 4),
    "no turnover": ("DELETE FROM turnover", "turnover", None),
    "a ruling": ("INSERT INTO ruling VALUES (3, 'round_trip', 'excluded', NULL)", "ruling", 1),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_copy_is_told_and_becomes_what_it_was(db, damage):
    sql, table, count = DAMAGE[damage]
    before = dump(db)
    execute(db, sql)
    damaged = dump(db)
    assert [name for name in before if before[name] != damaged[name]] == [table]
    found = rebuilt(db)
    assert {name: len(told) for name, told in found.items()} == {table: count or len(before[table])}
    assert dump(db) == before
    assert faults(db) == []
    assert rebuilt(db) == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(derived.TABLES), st.integers(0, 99), st.integers(0, 20), st.sampled_from([0, 1, 7, "x"])
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=60)
def test_whatever_is_changed_in_copies_becomes_what_it_was(made, changes):
    """Some columns of some rows get other values, or (past the last column) the row goes."""
    by_day = ("since_on", "accrued_micro_fen", "penalty_accrued_fen")  # other, where the day of a position is lost
    with closing(open_ledger(made)) as db, trial(db):
        before, standing = dump(db), dump(db, without=by_day)
        for table, row, column, value in changes:
            keys = [found[1] for found in db.execute(f"PRAGMA table_info({table})") if found[5]]
            names = [found[1] for found in db.execute(f"PRAGMA table_info({table})")]
            found = db.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall()
            if not found:
                continue
            where = " AND ".join(f"{key} = ?" for key in keys)
            what = f"UPDATE {table} SET {names[column]} = ?" if column < len(names) else f"DELETE FROM {table}"
            with suppress(sqlite3.IntegrityError), attempt(db):
                values = [value] if column < len(names) else []
                db.execute(f"{what} WHERE {where}", [*values, *found[row % len(found)]])
        damaged = dump(db)
        told = {each.table for each in rebuild(db) if each.differed}
        assert told == {table for table in before if before[table] != damaged[table]}
        assert dump(db, without=by_day) == standing
        assert faults(db) == []


LOST = {
    "another day": ["UPDATE position SET since_on = '2026-01-09'"],
    "no day": ["UPDATE position SET since_on = 'x'"],
    "a day to come": ["UPDATE position SET since_on = '9999-12-31', principal_outstanding_fen = 1"],
    "no positions": ["DELETE FROM position"],
    "nothing": [f"DELETE FROM {table}" for table in derived.TABLES],
}


@pytest.mark.parametrize("damage", LOST)
def test_where_the_day_of_a_position_is_lost_the_books_go_on_as_if_it_were_not(db, damage, made, tmp_path):
    execute(db, *LOST[damage])
    assert "position" in rebuilt(db)
    assert faults(db) == []
    unhurt = open_ledger(Path(shutil.copy(made, tmp_path / "unhurt.db")))
    by_day = ("since_on", "accrued_micro_fen", "penalty_accrued_fen")
    assert dump(db, without=by_day) == dump(unhurt, without=by_day)
    for books in (db, unhurt):
        close(books, TODAY + 60 * DAY)
    assert dump(db) == dump(unhurt)


def test_what_differed_is_told_column_by_column(db):
    execute(
        db,
        "UPDATE position SET credit_fen = 7 WHERE loan_id = 'LN000001'",
        "UPDATE instalment SET is_due = 0 WHERE (loan_id, number) = ('LN000001', 1)",
        "DELETE FROM instalment WHERE (loan_id, number) = ('LN000001', 2)",
    )
    assert rebuilt(db) == {
        "position": ["loan LN000001: credit_fen is 7, should be 0"],
        "instalment": [
            "loan LN000001: instalment 1: is_due is 0, should be 1",
            "loan LN000001: instalment 2: is not stored",
        ],
    }


def test_an_older_copy_of_a_position_becomes_the_one_of_which_the_entries_are(path):
    db = open_ledger(path)
    then = db.execute("SELECT * FROM position WHERE loan_id = 'LN000002'").fetchone()
    before = dump(db)
    take(db, alipay([repayment(TODAY, 5_000, note="LN000002")]))
    after = dump(db)
    assert before["position"] != after["position"]
    execute(
        db,
        "DELETE FROM position WHERE loan_id = 'LN000002'",
        f"INSERT INTO position VALUES ({', '.join('NULL' if each is None else repr(each) for each in then)})",
    )
    assert any("positions computed again" in fault for fault in faults(db))
    assert "position" in rebuilt(db)
    assert dump(db) == after


def test_a_missing_position_stands_on_the_day_of_its_entries_though_more_falls_due_on_the_open_day(tmp_path):
    # On the open day an instalment falls due that only the close will book.
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, FEBRUARY - DAY)
    before = dump(db)
    execute(db, "DELETE FROM position", "DELETE FROM instalment")
    assert set(rebuilt(db)) == {"position", "instalment"}
    assert faults(db) == []
    after = dump(db)
    assert {table: after[table] for table in after if table != "position"} == {
        table: before[table] for table in before if table != "position"
    }
    close(db, FEBRUARY + 40 * DAY)
    assert faults(db) == []


def test_a_missing_position_leaves_to_the_close_of_the_open_day_what_happens_on_it_without_an_entry(tmp_path):
    # Grace ends on the open day, from which penalty accrues.
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, FEBRUARY)
    before = dump(db)
    execute(db, "DELETE FROM position")
    assert set(rebuilt(db)) == {"position"}
    assert dump(db) == before


SOURCES = {
    "an event": "UPDATE event SET payload = '{}' WHERE id = 2",
    "a posting": "UPDATE posting SET amount_fen = amount_fen + 1 WHERE entry_id = 1",
    "a statement row": "UPDATE txn SET amount_fen = 1 WHERE id = 1",
    "a plan": "UPDATE plan_row SET interest_fen = 0 WHERE number = 3",
    "a loan that is gone": "DELETE FROM loan WHERE loan_id = 'LN000001'",
}


@pytest.mark.parametrize("source", SOURCES)
def test_from_what_is_not_as_it_was_written_nothing_is_rebuilt(path, source):
    db = tampered(path, f"UPDATE position SET credit_fen = 7; {SOURCES[source]}")
    before = dump(db)
    with pytest.raises(LedgerError, match="nothing was rebuilt from that"):
        rebuilt(db)
    assert dump(db) == before
    assert not db.in_transaction


def test_copies_of_a_loan_that_is_not_there_go(path):
    before = dump(open_ledger(path))
    db = tampered(path, "INSERT INTO position SELECT 'LN999999', status, since_on, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0,"
                        " NULL, 0, 0, 0, product_code FROM position WHERE loan_id = 'LN000001'")  # fmt: skip
    assert rebuilt(db) == {"position": ["loan LN999999: there is no such loan"]}
    assert dump(db) == before
