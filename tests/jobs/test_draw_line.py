"""Draws on a line are booked once, refused whole, and stand in the books of every day as in the life of the loan."""

from datetime import date

import pytest
from ledger_maker import (
    DAY,
    OPENED_ON,
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
    repayment,
    sent_back,
    take,
)
from terms import AGEING, line_product, product

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.list_loans import loans_on
from loancli.ledger import loans, portfolio
from loancli.ledger.loan_list import Wanted

LOAN = "LN000001"
LINE = line_product(code="line", annual_rate_ppm=144_000)


@pytest.fixture
def books(tmp_path):
    """A ledger with a line of 12,000.00 of which nothing is drawn."""
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=LINE)
    yield db
    db.close()


def status(db):
    return db.execute("SELECT status, next_moment_on FROM position WHERE loan_id = ?", (LOAN,)).fetchone()


def pay(db, on, amount_fen):
    row = repayment(on, amount_fen, note=LOAN)
    assert take(db, alipay([row])).placed.placed_count == 1
    return row


def test_a_line_is_signed_without_a_payout_and_waits_for_its_last_day(books):
    assert status(books) == ("open", "2027-01-05")
    assert balance(books, "loan:principal") == balance(books, "clearing:bank") == 0
    close(books, OPENED_ON + 40 * DAY)
    assert books.execute("SELECT count(*) FROM entry").fetchone()[0] == 0
    assert portfolio.feature_rows(books, OPENED_ON + 41 * DAY, due_min_fen=1) == []
    assert faults(books) == []


def test_what_is_paid_out_on_signing_is_the_first_draw(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=LINE, first_draw_fen=500_000)
    assert outstanding(db) == 500_000
    assert faults(db) == []


def test_a_line_that_is_signed_again_with_another_first_draw_is_refused(books):
    open_loan(books, terms=LINE)
    before = dump(books)
    with pytest.raises(RefusedError, match=r"with 0\.00 paid out at once; for more: loancli loan draw LN000001"):
        open_loan(books, terms=LINE, first_draw_fen=500_000)
    assert dump(books) == before


@pytest.mark.parametrize("first_draw_fen", [9_999, 1_200_001])
def test_a_first_draw_against_the_terms_signs_nothing(tmp_path, first_draw_fen):
    db = new_ledger(tmp_path, is_durable=False)
    with pytest.raises(RefusedError, match="draw"):
        open_loan(db, terms=LINE, first_draw_fen=first_draw_fen)
    assert loans.loan_ids(db) == []


def test_a_draw_is_booked_once_however_often_it_is_told(books):
    assert draw(books, OPENED_ON, 300_000)
    before = dump(books)
    assert not draw(books, OPENED_ON, 300_000)
    assert dump(books) == before
    assert outstanding(books) == 300_000
    assert balance(books, "clearing:bank") == -300_000


def test_a_reference_tells_a_second_draw_of_the_same_day_and_amount(books):
    assert draw(books, OPENED_ON, 300_000)
    assert draw(books, OPENED_ON, 300_000, reference="2")
    assert not draw(books, OPENED_ON, 300_000, reference="2")
    assert outstanding(books) == 600_000
    with pytest.raises(RefusedError, match="recorded already, with other content"):
        draw(books, OPENED_ON, 400_000, reference="2")


@pytest.mark.parametrize(
    ("on", "amount_fen", "message"),
    [
        pytest.param(OPENED_ON, 1_200_001, "more than is free", id="above the limit"),
        pytest.param(OPENED_ON, 9_999, "too little", id="too little"),
        pytest.param(OPENED_ON - DAY, 300_000, "drawn from", id="before it is signed"),
    ],
)
def test_a_draw_that_is_refused_changes_nothing(books, on, amount_fen, message):
    before = dump(books)
    with pytest.raises(RefusedError, match=message):
        draw(books, on, amount_fen, today=OPENED_ON)
    assert dump(books) == before


def test_a_draw_is_recorded_when_it_is_paid_out_not_before(books):
    with pytest.raises(RefusedError, match="once it is paid out"):
        draw(books, OPENED_ON + DAY, 300_000, today=OPENED_ON)


def test_other_loans_are_not_drawn(books):
    open_loan(books, "LN000002", terms=product())
    with pytest.raises(RefusedError, match="no credit line"):
        draw(books, OPENED_ON, 300_000, "LN000002")
    with pytest.raises(NotFoundError):
        draw(books, OPENED_ON, 300_000, "LN000009")


def test_a_whole_life_in_the_books_day_by_day(books):
    draw(books, OPENED_ON, 600_000)
    close(books, date(2026, 1, 14))
    draw(books, date(2026, 1, 15), 600_000)
    assert balance(books, "loan:interest_accrued") == 240 * 10  # ten days of 6,000.00 at 14.4 %
    close(books, date(2026, 2, 4))
    assert balance(books, "loan:interest_accrued") == 240 * 10 + 480 * 21
    (row,) = portfolio.feature_rows(books, date(2026, 2, 5), due_min_fen=1)
    assert (row["next_due_on"], row["next_due_fen"], row["due_fen"]) == ("2026-02-05", 12_480, 0)
    assert (row["outstanding_fen"], row["ahead_30d_fen"]) == (1_200_000, 12_480 + 480 * 28)
    close(books, date(2026, 2, 5))
    assert balance(books, "loan:interest_due") == 12_480
    with pytest.raises(RefusedError, match="past due"):
        draw(books, date(2026, 2, 6), 100_000)
    pay(books, date(2026, 2, 6), 12_480 + 480 + 600_000)  # what is due, a day since, and half of the principal
    assert outstanding(books) == 600_000
    draw(books, date(2026, 2, 6), 600_000)
    assert outstanding(books) == 1_200_000
    assert faults(books) == []


def test_repaid_in_full_a_line_is_open_again_and_accrues_nothing(books):
    draw(books, OPENED_ON, 600_000)
    close(books, OPENED_ON + 9 * DAY)
    pay(books, OPENED_ON + 10 * DAY, 602_400)
    assert status(books) == ("open", "2027-01-05")
    close(books, OPENED_ON + 60 * DAY)
    assert balance(books, "loan:interest_accrued") == 0
    assert portfolio.feature_rows(books, OPENED_ON + 61 * DAY, due_min_fen=1) == []
    assert [row["status"] for row in loans_on(books, date(2027, 1, 5), Wanted(), AGEING)[0]] == ["settled"]
    assert faults(books) == []


def test_a_draw_told_late_books_what_it_would_have_in_time(tmp_path):
    in_time, late = (new_ledger(tmp_path, name=f"{name}.db", is_durable=False) for name in ("in_time", "late"))
    for db in (in_time, late):
        open_loan(db, terms=LINE)
    draw(in_time, OPENED_ON, 300_000)
    draw(in_time, OPENED_ON + 5 * DAY, 400_000, today=OPENED_ON + 5 * DAY)
    for db in (in_time, late):
        close(db, OPENED_ON + 40 * DAY)
    for days, amount_fen in ((5, 400_000), (0, 300_000)):
        draw(late, OPENED_ON + days * DAY, amount_fen, today=OPENED_ON + 41 * DAY)
    for db in (in_time, late):
        close(db, OPENED_ON + 45 * DAY)
        assert faults(db) == []
    accruals = [key for key in net_entries(late) if "accrual" in key[1]]
    assert accruals
    lines = [{key: fen for key, fen in net_entries(db).items() if "accrual" not in key[1]} for db in (in_time, late)]
    assert lines[0] == lines[1]
    assert balance(in_time, "loan:interest_accrued") == balance(late, "loan:interest_accrued")


def test_a_repayment_that_bounces_after_a_new_draw_leaves_sound_books_and_no_free_limit(books):
    draw(books, OPENED_ON, 1_200_000)
    close(books, OPENED_ON + 2 * DAY)
    paid = pay(books, OPENED_ON + 3 * DAY, 1_000_000)
    draw(books, OPENED_ON + 3 * DAY, 900_000)
    take(books, alipay([sent_back(paid, OPENED_ON + 3 * DAY)]))
    assert outstanding(books) == 2_100_000
    assert faults(books) == []
    with pytest.raises(RefusedError, match=r"more than is free on 2026-01-08, 0\.00"):
        draw(books, OPENED_ON + 3 * DAY, 10_000)
