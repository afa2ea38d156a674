"""Waiting money that is nobody's repayment leaves suspense with a reason, and may always come back."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    alipay,
    balance,
    close,
    faults,
    new_ledger,
    open_loan,
    place_by_hand,
    placings,
    repayment,
    stamp,
    take,
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.dismiss_payments import dismiss_payments, take_up_again
from loancli.jobs.place_payment import rematch
from loancli.jobs.reverse_payment import reverse_payment
from loancli.ledger import dismissals, receipts
from loancli.ledger.connect import Connection, writing

LOAN = "LN000001"
DUE = date(2026, 2, 5)
FEN = {"W1": 500, "W2": 7_000, "W3": 90_000}
ROWS = [repayment(DUE, fen, number, party="陌生人") for number, fen in FEN.items()]


def made(folder) -> Connection:
    """A loan, and three payments of a stranger that wait."""
    db = new_ledger(folder, is_durable=False)
    open_loan(db)
    close(db, DUE)
    take(db, alipay(ROWS))
    return db


@pytest.fixture
def books(tmp_path):
    db = made(tmp_path)
    yield db
    db.close()


def number_of(db, name: str) -> int:
    return next(row["payment_id"] for row in receipts.listing(db) if row["external_id"] == name)


def dismiss(db, *names: str, why: str = "a refund of the shop", on: date = DUE + DAY):
    with writing(db):
        return dismiss_payments(db, [number_of(db, name) for name in names], reason=why, stamp=stamp(on))


def undo(db, *names: str, on: date = DUE + DAY):
    with writing(db):
        return take_up_again(db, [number_of(db, name) for name in names], reason="slip", stamp=stamp(on))


def state(db, name: str) -> str:
    return placings(db)[name][0]


def test_it_waits_no_more_and_says_who_and_why(books):
    assert dismiss(books, "W1", "W2").new == [1, 2]
    assert [row["external_id"] for row in receipts.listing(books, state="suspense")] == ["W3"]
    assert balance(books, "suspense") == -FEN["W3"]
    [row] = [row for row in receipts.listing(books) if row["external_id"] == "W1"]
    assert (row["state"], row["reason"]) == ("dismissed", "by test: a refund of the shop")
    assert dismissals.last(books, 1).why == "a refund of the shop"
    assert dismiss(books, "W1").same == [1]
    with writing(books):
        assert rematch(books, stamp=stamp(DUE + DAY)) == []
    assert faults(books) == []


def test_the_same_export_and_a_larger_one_leave_it_there(books):
    dismiss(books, *FEN)
    take(books, alipay([*ROWS, repayment(DUE + DAY, 1, "W4", party="陌生人")]))
    assert {name: state(books, name) for name in FEN} == dict.fromkeys(FEN, "dismissed")
    assert state(books, "W4") == "suspense"
    assert faults(books) == []


def test_it_waits_again_for_what_it_waited_for(books):
    before = receipts.listing(books)
    for _ in range(2):
        dismiss(books, "W2")
        assert undo(books, "W2").new == [2]
        assert receipts.listing(books) == before
    assert undo(books, "W2").same == [2]
    assert balance(books, "suspense") == -sum(FEN.values())
    assert faults(books) == []


def test_a_person_may_place_it_after_all(books):
    dismiss(books, "W3")
    place_by_hand(books, "W3", LOAN, on=DUE + DAY)
    assert placings(books)["W3"] == ("placed", LOAN)
    with pytest.raises(RefusedError, match="payment 3 does not wait, it is placed"):
        dismiss(books, "W3")
    with pytest.raises(RefusedError, match="payment 3 is not dismissed, it is placed"):
        undo(books, "W3")
    assert faults(books) == []


def test_of_several_all_are_dismissed_or_none(books):
    place_by_hand(books, "W3", LOAN, on=DUE + DAY)
    with pytest.raises(RefusedError, match="does not wait"):
        dismiss(books, "W1", "W3")
    assert state(books, "W1") == "suspense"
    with writing(books), pytest.raises(NotFoundError, match="no payment 99"):
        dismiss_payments(books, [99], reason="x", stamp=stamp(DUE))


def test_what_is_ruled_to_be_a_payment_that_stands_gives_way_to_it(books):
    from loancli.jobs.place_receipts import Placing
    from loancli.ledger import transactions

    dismiss(books, "W1")
    with writing(books):
        placing = Placing(books, stamp(DUE))
        placing.give_way(transactions.one(books, 1), receipts.find(books, [1])[1])
        placing.finish()
    assert state(books, "W1") == "double"


STEPS = st.lists(
    st.tuples(st.sampled_from(list(FEN)), st.sampled_from(["dismiss", "undo", "place", "reverse"])), max_size=12
)


@settings(max_examples=15)
@given(steps=STEPS)
def test_whatever_is_done_no_money_is_lost(tmp_path_factory, steps):
    """What waits is in suspense, what is placed on the loan, and what is dismissed or went back in neither."""
    db = made(tmp_path_factory.mktemp("steps"))
    for name, step in steps:
        try:
            if step == "dismiss":
                dismiss(db, name)
            elif step == "undo":
                undo(db, name)
            elif step == "place":
                place_by_hand(db, name, LOAN, on=DUE + DAY)
            else:
                with writing(db):
                    reverse_payment(db, number_of(db, name), on=DUE, reason="x", stamp=stamp(DUE + DAY))
        except RefusedError:
            continue
    close(db, DUE + 2 * DAY)
    found = {name: state(db, name) for name in FEN}
    waiting = sum(fen for name, fen in FEN.items() if found[name] == "suspense")
    placed = sum(fen for name, fen in FEN.items() if found[name] == "placed")
    assert (-balance(db, "suspense"), balance(db, "clearing:alipay")) == (waiting, waiting + placed)
    assert faults(db) == []
    db.close()
