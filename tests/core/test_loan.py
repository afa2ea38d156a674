"""core/loan: a row that is none does not get into the books."""

from datetime import date

import pytest

from loancli.core.loan import LoanRecord, Row

ROW = Row(1, date(2026, 1, 15), date(2026, 2, 15), date(2026, 2, 24), 100, 2)


def record(*rows):
    return LoanRecord(
        loan_id="L1",
        borrower_id="B1",
        product_code="plain",
        terms_json="{}",
        principal_fen=100,
        signed_on=date(2026, 1, 15),
        maturity_number=1,
        rows=rows,
    )


def test_a_row_is_what_it_was_made_of_and_what_is_due_on_it():
    assert ROW.checked() == ROW
    assert record(ROW).rows[0].due_fen == 102


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"to_on": date(2026, 1, 15)},
        {"principal_fen": -1},
        {"interest_fen": -1},
        {"fee_fen": -1},
    ],
)
def test_a_row_that_is_none_is_kept_out(change):
    with pytest.raises(AssertionError):
        record(ROW, ROW._replace(**change))
