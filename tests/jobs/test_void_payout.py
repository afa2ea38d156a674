"""A payout that never was is voided: the loan is cancelled, and the books are as if nothing had been paid out."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    alipay,
    balance,
    close,
    draw,
    dump,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    outstanding,
    place_by_hand,
    placings,
    repayment,
    stamp,
    take,
    take_back,
)
from terms import AGEING, line_product, product, revenue_product

from loancli.core.errors import RefusedError
from loancli.jobs.reverse_payment import reverse_payment
from loancli.jobs.track_loan import track_loan
from loancli.ledger import loans, receipts
from loancli.ledger.connect import writing

LOAN, PAYOUT = "LN000001", "payout/LN000001"
OPENED = date(2026, 1, 5)
DUE = date(2026, 2, 5)
LEVEL = 106_619
TERMS = {"equal instalments": product(), "by revenue": revenue_product()}


def standing(db, loan_id: str = LOAN) -> str:
    return db.execute("SELECT status FROM position WHERE loan_id = ?", (loan_id,)).fetchone()[0]


def without_accruals(db) -> dict[tuple[str, ...], int]:
    return {key: fen for key, fen in net_entries(db).items() if not key[1].startswith("accrual")}


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@settings(max_examples=5)
@given(days=st.integers(0, 70), more_days=st.integers(1, 70))
def test_a_void_leaves_nothing_and_its_void_brings_all_back(tmp_path_factory, terms, days, more_days):
    folder = tmp_path_factory.mktemp("void")
    db, quiet = (new_ledger(folder, name=f"{name}.db", is_durable=False) for name in ("void", "quiet"))
    today = OPENED + days * DAY
    later = today + more_days * DAY
    for each in (db, quiet):
        open_loan(each, terms=terms, start_on=OPENED)
        if days:
            close(each, today - DAY)
    take_back(db, LOAN, PAYOUT, today=today)
    assert (standing(db), without_accruals(db), outstanding(db)) == ("cancelled", {}, 0)
    assert faults(db) == []
    for each in (db, quiet):
        close(each, later - DAY)
    assert without_accruals(db) == {}
    take_back(db, LOAN, f"void/{PAYOUT}", today=later)
    for each in (db, quiet):
        close(each, later)
    assert without_accruals(db) == without_accruals(quiet)
    assert dump(db)["instalment"] == dump(quiet)["instalment"]
    assert (standing(db), outstanding(db)) == (standing(quiet), outstanding(quiet))
    assert faults(db) == []
    db.close()
    quiet.close()


@pytest.fixture
def books(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, DUE + DAY)
    yield db
    db.close()


def test_what_rests_on_it_is_taken_back_first(books):
    take(books, alipay([repayment(DUE, LEVEL, "P1", note=LOAN)]))
    today = DUE + 5 * DAY
    with pytest.raises(RefusedError, match="rests on the payout; first take it back: loancli payment reverse"):
        take_back(books, LOAN, PAYOUT, today=today)
    with writing(books):
        reverse_payment(books, 1, on=DUE + 2 * DAY, reason="bounced", stamp=stamp(today))
    take_back(books, LOAN, PAYOUT, today=today)
    assert standing(books) == "cancelled"
    assert balance(books, "clearing:bank") == balance(books, "clearing:alipay") == 0
    assert faults(books) == []


@pytest.mark.parametrize("more", [{"note": LOAN}, {"party": "借款人B1"}], ids=["by number", "by payer and amount"])
def test_money_for_a_cancelled_loan_waits_and_is_credit_where_a_person_places_it(books, more):
    take_back(books, LOAN, PAYOUT, today=DUE + 2 * DAY)
    assert loans.cancelled(books) == {LOAN}
    take(books, alipay([repayment(DUE, LEVEL, "P1", **more)]))
    assert placings(books)["P1"] == ("suspense", None)
    place_by_hand(books, "P1", LOAN, on=DUE + 2 * DAY)
    assert balance(books, "borrower:credit") == -LEVEL
    assert receipts.listing(books)[0]["loan_id"] == LOAN
    assert (standing(books), faults(books)) == ("cancelled", [])


def test_a_cancelled_loan_has_no_class_and_nothing_ahead(books):
    take_back(books, LOAN, PAYOUT, today=DUE + 2 * DAY)
    found = track_loan(books, LOAN, DUE + 2 * DAY, AGEING)
    assert (found.track.stage.value, found.track.standing.asset_class, found.track.steps) == ("cancelled", None, ())
    assert (found.track.ended_on, found.track.last_paid_on) == (None, None)


def test_a_draw_is_voided_alone(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=line_product(annual_rate_ppm=144_000), first_draw_fen=300_000, start_on=OPENED)
    draw(db, OPENED + DAY, 200_000, reference="D2")
    close(db, DUE + DAY)
    take_back(db, LOAN, f"draw/{LOAN}/D2", today=DUE + 2 * DAY)
    assert outstanding(db) == 300_000
    take_back(db, LOAN, PAYOUT, today=DUE + 2 * DAY)
    assert (standing(db), without_accruals(db)) == ("open", {})
    assert faults(db) == []
    db.close()
