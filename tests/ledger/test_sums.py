"""Each question on sums and days finds the fault that it is there for, and names it; sound books answer none."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    close,
    execute,
    faults,
    new_ledger,
    open_loan,
    repayment,
    take,
    tampered,
)

from loancli.core.entry import Entry, Leg
from loancli.core.event import Event, EventKind
from loancli.ledger import checks, days, journal, sums
from loancli.ledger.connect import Connection, open_ledger, writing

FEBRUARY = date(2026, 2, 5)  # the first instalment falls due


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A loan with a payment, and money that waits; closed up to the day before its first instalment falls due."""
    folder = tmp_path_factory.mktemp("sums")
    db = new_ledger(folder, is_durable=False)
    open_loan(db)
    take(db, alipay([repayment(OPENED_ON, 5_000, note="LN000001"), repayment(OPENED_ON, 300, party="陌生人")]))
    close(db, FEBRUARY - DAY)
    assert faults(db) == []
    db.close()
    return folder / "books.db"


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


@pytest.fixture
def db(path) -> Connection:
    return open_ledger(path)


def book(db: Connection, debit: str, credit: str, fen: int, *, cause: str = "odd", on: date = FEBRUARY) -> None:
    """An entry of the loan that no event asked for, in the chain as every other."""
    leg = Leg(debit=debit, credit=credit, amount_fen=fen)
    entry = Entry(key=f"odd/{fen}/{on}", loan_id="LN000001", kind="odd", cause=cause, value_on=on, legs=(leg,))
    with writing(db):
        journal.book(db, [entry], booked_on=FEBRUARY)


def answers(db: Connection) -> dict[str, list[str]]:
    """The questions of `sums` that are not answered by nothing."""
    return {name: found for name in sums.SQL if (found := checks.answers(db, sums.SQL[name]))}


def test_sound_books_answer_nothing(db):
    assert answers(db) == {}
    assert sums.SQL.keys() <= checks.SQL.keys()


def test_a_leg_that_moves_less_than_nothing_is_found(path):
    db = tampered(path, "PRAGMA ignore_check_constraints = ON; UPDATE posting SET amount_fen = -amount_fen")
    found = answers(db)["entries balance: every leg moves an amount from account to account"]
    assert found[0] == "key LN000001/disbursed:payout/LN000001/2026-01-05/1, leg 0, amount_fen -1200000"


def test_a_leg_on_one_account_is_found(path):
    db = tampered(path, "PRAGMA ignore_check_constraints = ON; UPDATE posting SET debit = credit WHERE entry_id = 1")
    assert len(answers(db)["entries balance: every leg moves an amount from account to account"]) == 1


def test_turnover_that_is_not_that_of_the_entries_is_found(db):
    execute(db, "UPDATE turnover SET credit_fen = credit_fen + 1 WHERE credit_fen = 5000 AND day_by = 'value'")
    found = answers(db)["what moved by day = the entries"]
    assert [told.partition(",")[0] for told in found] == ["what computed", "what stored"]
    assert "account borrower:credit" in found[0]


@pytest.mark.parametrize(
    ("account", "column"),
    [
        ("loan:principal", "principal_outstanding_fen"),
        ("loan:interest_due", "interest_due_fen"),
        ("loan:fee_due", "fee_due_fen"),
        ("loan:penalty_due", "penalty_due_fen"),
        ("borrower:credit", "credit_fen"),
    ],
)
def test_a_sub_ledger_that_is_not_the_general_ledger_is_found_account_by_account(db, account, column):
    execute(db, f"UPDATE position SET {column} = {column} + 1")
    [told] = answers(db)["sub-ledger = general ledger"]
    assert told.startswith(f"account {account}, booked_fen ")


def test_a_position_of_a_loan_without_an_entry_is_found(db):
    open_loan(db, "LN000002", start_on=FEBRUARY + DAY)
    assert answers(db) == {}
    execute(db, "UPDATE position SET principal_outstanding_fen = 1 WHERE loan_id = 'LN000002'")
    assert answers(db)["sub-ledger = general ledger"] == [
        "account loan:principal, booked_fen 1200000, loans_fen 1200001"
    ]


def test_an_entry_on_no_loan_is_found_where_only_loans_have_a_part(db):
    leg = Leg(debit="loan:principal", credit="clearing:bank", amount_fen=9)
    with writing(db):
        entry = Entry(key="odd", loan_id="", kind="odd", cause="odd", value_on=FEBRUARY, legs=(leg,))
        journal.book(db, [entry], booked_on=FEBRUARY)
    assert list(answers(db)) == ["sub-ledger = general ledger"]


NEVER_BELOW = "no principal was ever below zero"


def test_principal_below_zero_is_found_on_its_day(db):
    book(db, "clearing:bank", "loan:principal", 1_200_001)
    assert answers(db)[NEVER_BELOW] == [
        "loan_id LN000001, day_is booked, day 2026-02-05, principal_fen -1",
        "loan_id LN000001, day_is of value, day 2026-02-05, principal_fen -1",
    ]


def test_principal_that_was_below_zero_only_as_of_a_day_of_value_is_found(db):
    book(db, "loan:principal", "clearing:bank", 70)
    book(db, "clearing:bank", "loan:principal", 70, on=OPENED_ON - DAY)
    assert answers(db) == {NEVER_BELOW: ["loan_id LN000001, day_is of value, day 2026-01-04, principal_fen -70"]}


WHOLE = "every payment is in the books, and whole"


def recorded(db: Connection, *, on: date, kind: EventKind = EventKind.PAYMENT_RECEIVED, **payload: object) -> None:
    payload = payload or {"amount_fen": 100, "channel": "bank", "txn_key": ""}
    event = Event(
        key=f"cash/{kind.value}", loan_id="LN000001", kind=kind, effective_on=on, payload=payload, actor="test"
    )
    with writing(db):
        journal.record(db, [event], recorded_at="2026-02-05T09:00:00+08:00")


def test_a_payment_that_is_booked_in_part_is_found(db):
    recorded(db, on=FEBRUARY)
    assert answers(db) == {}  # of the open day: its close will book it
    book(db, "clearing:bank", "borrower:credit", 60, cause="payment:cash/payment_received")
    assert answers(db)[WHOLE] == ["key cash/payment_received, paid_fen 100, booked_fen 60"]
    book(db, "clearing:bank", "borrower:credit", 40, cause="payment:cash/payment_received")
    assert WHOLE not in answers(db)
    book(db, "clearing:bank", "borrower:credit", 1, cause="payment:cash/payment_received")
    assert answers(db)[WHOLE] == ["key cash/payment_received, paid_fen 100, booked_fen 101"]


def test_a_payment_of_a_closed_day_that_nobody_booked_is_found_unless_it_was_taken_back(db):
    recorded(db, on=OPENED_ON)
    assert answers(db) == {WHOLE: ["key cash/payment_received, paid_fen 100, booked_fen 0"]}
    recorded(db, on=FEBRUARY, kind=EventKind.PAYMENT_REVERSED, payment_key="cash/payment_received")
    assert answers(db) == {}


SAID = "what closed days say is what the books had"


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        ({"outstanding_fen": 1_200_000}, "account loan:interest_accrued, said_fen None"),
        ({"outstanding_fen": 1_199_999}, "account loan:principal, said_fen 1199999, booked_fen 1200000"),
        ({"accrued_fen": 5}, "account loan:interest_accrued, said_fen 5"),
        ({}, "account loan:principal, said_fen None, booked_fen 1200000"),
    ],
)
def test_a_line_of_a_closed_day_that_is_not_what_the_books_had_is_found(db, totals, told):
    with writing(db):
        days.close(db, FEBRUARY, totals, closed_at="2026-02-06T00:10:00+08:00", actor="test")
    assert [answer for answer in answers(db)[SAID] if told in answer and answer.startswith("day 2026-02-05, ")]


def test_a_line_that_cannot_be_read_is_found(path):
    assert answers(tampered(path, "UPDATE day SET totals = 'x' WHERE day = '2026-01-06'"))[SAID]


WAITS = "no loan waits for a day that is closed"


def test_a_loan_that_a_close_left_out_is_found(db):
    outstanding = {"outstanding_fen": 1_200_000, "accrued_fen": 0}
    with writing(db):
        days.close(db, FEBRUARY, outstanding, closed_at="2026-02-06T00:10:00+08:00", actor="test")
    [told] = answers(db)[WAITS]
    assert told.startswith("loan_id LN000001, since_on 2026-01-05, next_moment_on 2026-02-05")


def test_a_position_of_a_day_that_has_not_come_is_found(db):
    execute(db, "UPDATE position SET since_on = '2026-02-06'")
    assert len(answers(db)[WAITS]) == 1
