"""The borrower's choice for a surplus is booked from the day of the payment, and goes with the payment or a void."""

from datetime import date

import pytest
from ledger_maker import (
    CALENDAR,
    DAY,
    OPENED_ON,
    alipay,
    balance,
    close,
    dump,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    outstanding,
    place_by_hand,
    repayment,
    sent_back,
    stamp,
    take,
    take_back,
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.choose_surplus import work_out_surplus
from loancli.jobs.record_event import put_in_force
from loancli.ledger import receipts
from loancli.ledger.connect import writing

LOAN = "LN000001"
DUE = date(2026, 2, 5)
DUE_FEN = 106_619  # what the first instalment of 12,000.00 asks for
TODAY = DUE + 10 * DAY


@pytest.fixture
def books(tmp_path):
    """A loan whose first instalment was paid on its day, with 3,000.00 more; ten days are closed since."""
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, DUE - DAY)
    db_paid = repayment(DUE, DUE_FEN + 300_000, "P1", note=LOAN)
    take(db, alipay([db_paid]))
    close(db, TODAY - DAY)
    yield db
    db.close()


def choose(db, choice: str, number: str = "P1", *, loan_id: str | None = None, today: date = TODAY):
    [payment_id] = [row["payment_id"] for row in receipts.listing(db) if row["external_id"] == number]
    with writing(db):
        _, effect = work_out_surplus(db, payment_id, choice, loan_id=loan_id, calendar=CALENDAR, stamp=stamp(today))
        if effect is not None:
            put_in_force(db, effect, stamp=stamp(today))
    return effect


def asked(db) -> list[int]:
    sql = "SELECT principal_fen + interest_fen FROM instalment WHERE NOT is_due ORDER BY number"
    return [row[0] for row in db.execute(sql)]


def test_without_a_choice_the_money_waits(books):
    assert balance(books, "borrower:credit") == -300_000
    assert choose(books, "next").after.position.credit_fen == 300_000
    assert faults(books) == []


@pytest.mark.parametrize("choice", ["shorter", "smaller"])
def test_principal_is_repaid_from_the_day_of_the_payment_and_closed_days_stay(books, choice):
    before, days = asked(books), books.execute("SELECT * FROM day").fetchall()
    principal_fen = outstanding(books)
    effect = choose(books, choice)
    assert outstanding(books) == principal_fen - 300_000
    assert books.execute("SELECT * FROM day").fetchall() == days
    value_days = {entry.value_on for entry in effect.entries if "payment" in entry.cause}
    assert value_days == {DUE}
    after = asked(books)
    if choice == "shorter":
        assert len(after) < len(before)
        assert after[:-1] == before[: len(after) - 1]
    else:
        assert len(after) == len(before)
        assert all(now < then for now, then in zip(after, before, strict=True))
    assert faults(books) == []


def test_the_same_choice_again_is_nothing_new_and_another_is_refused(books):
    choose(books, "shorter")
    before = dump(books)
    assert choose(books, "shorter") is None
    with pytest.raises(RefusedError, match="'shorter' was chosen already; void that first: surplus/payment/"):
        choose(books, "smaller")
    assert dump(books) == before


def test_a_voided_choice_takes_its_plan_with_it_and_makes_room_for_another(books):
    before = net_entries(books), asked(books)
    effect = choose(books, "shorter")
    assert [event.kind.value for event in effect.events] == ["surplus_chosen", "plan_changed"]
    take_back(books, LOAN, effect.events[0].key, today=TODAY)
    assert (net_entries(books), asked(books)) == before
    assert choose(books, "smaller").events[0].key.endswith("#2")
    assert faults(books) == []


def test_a_bounced_payment_takes_the_choice_and_its_plan_with_it(tmp_path):
    chosen, plain = (new_ledger(tmp_path, name=f"{name}.db", is_durable=False) for name in ("chosen", "plain"))
    row = repayment(DUE, DUE_FEN + 300_000, "P1", note=LOAN)
    for db in (chosen, plain):
        open_loan(db)
        close(db, DUE)
        take(db, alipay([row]))
    choose(chosen, "smaller", today=DUE + DAY)
    for db in (chosen, plain):
        take(db, alipay([sent_back(row, DUE + 3 * DAY)]))
        close(db, TODAY)
        assert faults(db) == []
    assert asked(chosen) == asked(plain)
    assert {key: fen for key, fen in net_entries(chosen).items() if "accrual" not in key[1]} == {
        key: fen for key, fen in net_entries(plain).items() if "accrual" not in key[1]
    }


def test_a_payment_without_a_surplus_has_nothing_to_choose(books):
    take(books, alipay([repayment(TODAY, 1_000, "P2", note=LOAN), repayment(TODAY, 2_000, "P3", party="陌生人")]))
    with pytest.raises(RefusedError, match="only money on a loan has a surplus"):
        choose(books, "shorter", "P3")
    with pytest.raises(RefusedError, match="is on LN000001, not on LN000009"):
        choose(books, "shorter", "P2", loan_id="LN000009")
    with writing(books), pytest.raises(NotFoundError, match="there is no payment 999"):
        work_out_surplus(books, 999, "next", loan_id=None, calendar=CALENDAR, stamp=stamp(TODAY))
    late = DUE + 40 * DAY
    close(books, late - DAY)
    take(books, alipay([repayment(late, 1_000, "P4", note=LOAN)]))
    with pytest.raises(RefusedError, match="nothing of it is beyond what was due on"):
        choose(books, "shorter", "P4", today=late)


def test_of_a_split_payment_the_loan_is_said(books):
    open_loan(books, "LN000002", start_on=OPENED_ON)
    take(books, alipay([repayment(TODAY, 600_000, "P5", party="陌生人")]))
    place_by_hand(books, "P5", (LOAN, 200_000), ("LN000002", 400_000), on=TODAY)
    with pytest.raises(RefusedError, match="split over LN000001 \\+ LN000002; say which: --loan LOAN"):
        choose(books, "smaller", "P5")
    choose(books, "smaller", "P5", loan_id=LOAN)
    assert faults(books) == []
