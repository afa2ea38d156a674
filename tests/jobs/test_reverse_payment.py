"""A person takes back a payment that bounced: it counts until that day, and may be placed again."""

from datetime import date

import pytest
from ledger_maker import (
    DAY,
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
    placings,
    repayment,
    sent_back,
    stamp,
    take,
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.reverse_payment import reverse_payment
from loancli.ledger import receipts
from loancli.ledger.connect import writing

LOAN = "LN000001"
DUE = date(2026, 2, 5)
LEVEL = 106_619
TODAY = DUE + 10 * DAY
PAID = repayment(DUE, LEVEL, "P1", note=LOAN)


@pytest.fixture
def books(tmp_path):
    """A loan whose first instalment was paid on its day; ten days are closed since."""
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, DUE - DAY)
    take(db, alipay([PAID]))
    close(db, TODAY - DAY)
    yield db
    db.close()


def reverse(db, number: str = "P1", on: date = DUE + 3 * DAY):
    [payment_id] = [row["payment_id"] for row in receipts.listing(db) if row["external_id"] == number]
    with writing(db):
        return reverse_payment(db, payment_id, on=on, reason="bounced", stamp=stamp(TODAY))


def test_by_hand_a_payment_goes_as_it_does_by_an_export(books, tmp_path):
    by_export = new_ledger(tmp_path, name="export.db", is_durable=False)
    open_loan(by_export)
    close(by_export, DUE - DAY)
    take(by_export, alipay([PAID]))
    close(by_export, TODAY - DAY)
    take(by_export, alipay([sent_back(PAID, DUE + 3 * DAY)]), on=TODAY)
    [effect] = reverse(books)
    assert effect.after.position.due_fen >= LEVEL
    assert net_entries(books) == net_entries(by_export)
    assert placings(books)["P1"] == ("reversed", LOAN)
    assert faults(books) == []
    take(books, alipay([PAID, sent_back(PAID, DUE + 3 * DAY)]))  # the export shows it later: nothing new
    assert net_entries(books) == net_entries(by_export)
    assert faults(books) == []


def test_what_is_taken_back_is_not_taken_back_twice_and_may_be_placed_again(books):
    before = net_entries(books)
    reverse(books)
    once = dump(books)
    assert reverse(books) is None
    assert dump(books) == once
    place_by_hand(books, "P1", LOAN, on=TODAY)
    assert outstanding(books) < 1_200_000
    assert {key[0::4]: fen for key, fen in net_entries(books).items()} == {
        key[0::4]: fen for key, fen in before.items()
    }
    reverse(books, on=TODAY)
    assert outstanding(books) == 1_200_000
    assert faults(books) == []


def test_what_an_export_took_back_is_not_placed_by_hand(books):
    take(books, alipay([sent_back(PAID, DUE + 3 * DAY)]))
    with pytest.raises(RefusedError, match="is reversed on loan LN000001"):
        place_by_hand(books, "P1", LOAN, on=TODAY)


def test_a_waiting_payment_and_a_split_one_are_taken_back_whole(books):
    open_loan(books, "LN000002")
    rows = [repayment(TODAY, 500, "W", party="陌生人"), repayment(TODAY, 300_000, "S", party="陌生人")]
    take(books, alipay(rows))
    place_by_hand(books, "S", (LOAN, 100_000), ("LN000002", 200_000), on=TODAY)
    assert reverse(books, "W", TODAY) == []
    assert [effect.after.contract.loan_id for effect in reverse(books, "S", TODAY)] == [LOAN, "LN000002"]
    assert balance(books, "suspense") == 0
    assert balance(books, "clearing:alipay") == LEVEL
    assert faults(books) == []


@pytest.mark.parametrize("on", [DUE - DAY, TODAY + DAY])
def test_a_day_before_the_payment_or_to_come_is_refused(books, on):
    with pytest.raises(RefusedError, match="is not between 2026-02-05, when it was paid, and 2026-02-15"):
        reverse(books, on=on)
    with writing(books), pytest.raises(NotFoundError, match="no payment 99"):
        reverse_payment(books, 99, on=DUE, reason="x", stamp=stamp(TODAY))
