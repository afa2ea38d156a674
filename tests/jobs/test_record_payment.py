"""A repayment that a person tells counts as one that an export shows, once, whatever an export shows later."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    alipay,
    balance,
    borrower,
    close,
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
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.place_payment import rematch
from loancli.jobs.record_payment import TellPayment, record_payment
from loancli.jobs.reverse_payment import reverse_payment
from loancli.ledger import receipts
from loancli.ledger.connect import writing

LOAN = "LN000001"
DUE = date(2026, 2, 5)
LEVEL = 106_619
TODAY = DUE + 10 * DAY


def made(folder, name: str = "books.db", *, today: date = TODAY):
    db = new_ledger(folder, name=name, is_durable=False)
    open_loan(db, channel="wechat")
    close(db, today - DAY)
    return db


@pytest.fixture
def books(tmp_path):
    """A loan whose first instalment fell due ten days ago."""
    db = made(tmp_path)
    yield db
    db.close()


def tell(db, amount_fen: int = LEVEL, on: date = DUE, *, today: date = TODAY, **more):
    told = {"loan_id": LOAN, "channel": "bank", "reference": "R1"} | more
    with writing(db):
        return record_payment(db, TellPayment(amount_fen=amount_fen, on=on, **told), stamp=stamp(today))


def moved(db, on: str) -> dict[tuple[str, ...], int]:
    """What the payments moved: by value date and account, the one that took the money under one name."""
    found: dict[tuple[str, ...], int] = {}
    for (_, cause, value_on, account), fen in net_entries(db).items():
        if not cause.startswith("accrual"):
            place = (value_on, "here" if account == on else account)
            found[place] = found.get(place, 0) + fen
    return {place: fen for place, fen in found.items() if fen}


@settings(max_examples=12)
@given(
    days=st.integers(0, 40),
    amount_fen=st.one_of(st.just(LEVEL), st.integers(1, 1_500_000)),
    channel=st.sampled_from(receipts.CHANNELS_BY_HAND),
)
def test_it_counts_as_one_that_an_export_shows(tmp_path_factory, days, amount_fen, channel):
    folder, on = tmp_path_factory.mktemp("same"), date(2026, 1, 5) + days * DAY
    told, shown = made(folder, "told.db"), made(folder, "shown.db")
    payment_id, effect = tell(told, amount_fen, on, channel=channel)
    take(shown, alipay([repayment(on, amount_fen, "P1", note=LOAN)]), on=TODAY)
    assert moved(told, f"clearing:{channel}") == moved(shown, "clearing:alipay")
    assert balance(told, f"clearing:{channel}") == amount_fen
    assert effect.after.position.principal_outstanding_fen == outstanding(told) == outstanding(shown)
    assert [(row["payment_id"], row["loan_id"]) for row in receipts.listing(told)] == [(payment_id, LOAN)]
    assert faults(told) == []
    for db in (told, shown):
        close(db, TODAY + 30 * DAY)
    assert moved(told, f"clearing:{channel}") == moved(shown, "clearing:alipay")


@pytest.mark.parametrize("reference", ["R1", ""])
def test_the_same_again_is_nothing_new(books, reference):
    first, _ = tell(books, reference=reference)
    once = dump(books)
    assert tell(books, reference=reference) == (first, None)
    assert tell(books, reference=reference, today=TODAY + 5 * DAY) == (first, None)
    assert dump(books) == once


@pytest.mark.parametrize(
    "other",
    [{"amount_fen": LEVEL + 1}, {"on": DUE + DAY}, {"channel": "cash"}, {"loan_id": "LN000002"}],
    ids=lambda each: next(iter(each)),
)
def test_other_facts_under_its_number_are_refused(books, other):
    open_loan(books, "LN000002")
    tell(books)
    once = dump(books)
    with pytest.raises(RefusedError, match=r"R1 is that of payment 1: 1,066.19 of 2026-02-05 on loan LN000001 \(bank"):
        tell(books, **{"is_another": True} | other)
    assert dump(books) == once


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"on": TODAY + DAY}, "is after 2026-02-15; record it when"),
        ({"on": date(2026, 1, 4)}, "is not paid out on 2026-01-04"),
        ({"loan_id": "LN000009"}, "there is no loan"),
    ],
)
def test_what_cannot_have_been_paid_is_refused(books, asked, told):
    with pytest.raises((RefusedError, NotFoundError), match=told):
        tell(books, **asked)


# the same money in an export


@pytest.mark.parametrize(
    "shown",
    [
        repayment(DUE, LEVEL, "P1", note=LOAN),
        repayment(DUE, LEVEL, "P1", party="借款人B1"),
        repayment(DUE + DAY, LEVEL - 1, "R1", note=LOAN),
        repayment(DUE + DAY, LEVEL, "P1", note=LOAN, order="R1"),
    ],
    ids=["by the loan's number", "by payer and amount", "under the number", "under the order number"],
)
def test_an_export_that_shows_it_later_waits_and_counts_once_the_telling_is_taken_back(books, shown):
    payment_id, _ = tell(books)
    once = outstanding(books)
    take(books, alipay([shown]), on=TODAY)
    assert placings(books)[shown.number] == ("suspense", None)
    assert {row["reason"] for row in receipts.listing(books, state="suspense")} == {"told_by_hand"}
    assert outstanding(books) == once
    with writing(books):
        assert rematch(books, stamp=stamp(TODAY)) == []
        reverse_payment(books, payment_id, on=DUE, reason="in the export", stamp=stamp(TODAY))
        assert len(rematch(books, stamp=stamp(TODAY))) == 1
    assert placings(books)[shown.number] == ("placed", LOAN)
    assert faults(books) == []


@pytest.mark.parametrize(
    "shown", [repayment(DUE, LEVEL + 1, "P1", note=LOAN), repayment(DUE + DAY, LEVEL, "P1", note=LOAN)]
)
def test_another_payment_in_an_export_is_placed(books, shown):
    tell(books)
    take(books, alipay([shown]), on=TODAY)
    assert placings(books)["P1"] == ("placed", LOAN)


def test_what_an_export_showed_before_is_refused_unless_it_is_another(books):
    take(books, alipay([repayment(DUE, LEVEL, "P1", note=LOAN)]), on=TODAY)
    with pytest.raises(RefusedError, match="payment 1 of the same day and amount is on loan LN000001 already"):
        tell(books)
    with pytest.raises(RefusedError, match="P1 is payment 1, which an export shows"):
        tell(books, reference="P1", is_another=True)
    tell(books, is_another=True)
    assert [row["loan_id"] for row in receipts.listing(books)] == [LOAN, LOAN]
    assert faults(books) == []


def test_what_waits_over_its_amount_may_be_it(books):
    take(books, alipay([repayment(DUE, LEVEL, "P1", party="陌生人")]), on=TODAY)
    with pytest.raises(RefusedError, match="place it: loancli payment match 1 LN000001"):
        tell(books)
    tell(books, is_another=True)
    assert placings(books)["P1"] == ("suspense", None)


# taken back


def test_it_is_taken_back_and_placed_again_as_any_payment(books):
    open_loan(books, "LN000002")
    before = net_entries(books)
    payment_id, _ = tell(books)
    with writing(books):
        reverse_payment(books, payment_id, on=DUE, reason="slip", stamp=stamp(TODAY))
    assert net_entries(books) == before
    with pytest.raises(RefusedError, match="was taken back; place it again: loancli payment match 1 LN000001"):
        tell(books)
    place_by_hand(books, "", "LN000002", on=TODAY)
    assert outstanding(books) == 1_200_000 > outstanding(books, "LN000002")
    assert faults(books) == []


def test_numbers_that_begin_alike_are_of_several_payments(books):
    for number in ("R_1", "R_2", "R"):
        tell(books, 1_000, reference=number, is_another=True)
    assert len(receipts.listing(books, state="placed")) == 3
    assert faults(books) == []


def test_borrowers_of_several_loans_pay_the_one_that_is_named(books):
    from loancli.ledger import borrowers

    with writing(books):
        borrowers.add(books, [borrower("B2")])
    open_loan(books, "LN000002", borrower_id="B2")
    tell(books, loan_id="LN000002", reference="A", on=TODAY)
    tell(books, reference="B", on=TODAY)
    assert [row["loan_id"] for row in receipts.listing(books)] == ["LN000002", LOAN]
