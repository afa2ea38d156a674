"""plan/batch: a mixed portfolio in one go, each loan as `build` makes it; and the table it is read from."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import CALENDAR, product

from loancli.core.days import Roll
from loancli.core.errors import InputError, NotFoundError
from loancli.plan import batch as batch_module
from loancli.plan.batch import Asked, plan_all, problem_of, read_batch
from loancli.plan.build import build
from loancli.plan.product import Fee, Kind

FEE = Fee(name="fee", principal_ppm=10_000)
PRODUCTS = {
    "level": product(roll=Roll.FOLLOWING, fees=(FEE,)),
    "flat": product(kind=Kind.FLAT, principal_min_fen=100_000),
    "short": product(kind=Kind.INTEREST_FIRST, periods_max=6, periods=3),
    "custom": product(kind=Kind.CUSTOM),
}


def product_of(code):
    if code not in PRODUCTS:
        raise NotFoundError(f"there is no product '{code}'; known: {', '.join(PRODUCTS)}")
    return PRODUCTS[code]


def alone(loan):
    """The rows that `build` makes, or why it makes none."""
    terms, principal_fen, start_on, periods, first_due_on = loan
    try:
        return build(terms, principal_fen, start_on, calendar=CALENDAR, periods=periods, first_due_on=first_due_on).rows
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("few", [1, batch_module.FEW])
@given(
    asked=st.lists(
        st.builds(
            Asked,
            product=st.sampled_from(list(PRODUCTS.values())),
            principal_fen=st.integers(1, 10_000_000),
            start_on=st.dates(date(2026, 1, 28), date(2026, 2, 2)),
            periods=st.sampled_from([None, 3, 12]),
            first_due_on=st.sampled_from([None, date(2026, 2, 20)]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_loan_of_a_portfolio_is_planned_or_told_why_not_in_the_order_asked(asked, few):
    """Whether a group is large enough for columns or goes the exact way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_module, "FEW", few)
        batch = plan_all(asked, CALENDAR)
    for loan, place in zip(asked, batch.places, strict=True):
        rows = alone(loan)
        if isinstance(rows, str) or isinstance(place, str):
            assert place == rows
            continue
        plans = batch.groups[place.group]
        told = [
            [column[index, place.lane] for column in (plans.principal_fen, plans.interest_fen, plans.fee_fen)]
            for index in range(len(plans.dues))
        ]
        assert told == [[row.principal_fen, row.interest_fen, row.fee_fen] for row in rows]
        assert [due.due_on for due in plans.dues] == [row.due_on for row in rows]


def test_loans_of_the_same_terms_and_days_share_a_group():
    loans = [Asked(PRODUCTS["level"], 10_000 * number, date(2026, 1, 15)) for number in range(1, 6)]
    batch = plan_all([*loans, Asked(PRODUCTS["level"], 10_000, date(2026, 1, 16))], CALENDAR)
    assert [each.principal_fen.shape for each in batch.groups] == [(12, 5), (12, 1)]


def read(text):
    rows = [line.split(",") for line in text.splitlines()]
    return read_batch(rows[0], enumerate(rows[1:], start=2), "loans.csv", product_of)


def test_a_table_is_read_with_days_of_workbooks_and_cells_that_are_empty():
    wanted, problems = read(
        "id,product,principal,start,periods,first_due\n"
        "A 1,level,1234.50,2026-01-15,24,2026-03-01\n"
        ",flat,5000,2026-01-15 00:00:00,,"
    )
    assert problems == []
    assert [(each.line, each.loan_id, each.asked[1:]) for each in wanted] == [
        (2, "A 1", (123_450, date(2026, 1, 15), 24, date(2026, 3, 1))),
        (3, "3", (500_000, date(2026, 1, 15), None, None)),
    ]
    assert wanted[1].asked.product is PRODUCTS["flat"]


def test_what_is_wrong_with_a_row_is_told_by_row_and_column_and_the_others_are_read():
    wanted, problems = read(
        "product,principal,start,periods,first_due\n"
        "nothing,5000,2026-01-15,,\n"
        "level,5e3,2026-13-15,twelve,soon\n"
        "level,5000\n"
        "level,5000,2026-01-15,-3,\n"
        "flat,5000,2026-01-15,,"
    )
    assert [each.line for each in wanted] == [6]
    assert [(problem.row, problem.column) for problem in problems] == [
        (2, "product"),
        (3, "principal"),
        (3, "start"),
        (3, "periods"),
        (3, "first_due"),
        (4, None),
        (5, "periods"),
    ]
    assert "known: level, flat" in problems[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product,principal\nlevel,5000", "loans.csv:1: column 'start' is missing"),
        ("product,principal,start,rate\nlevel,5000,2026-01-15,3", "loans.csv:1: column 'rate'; allowed: id, product"),
        ("product,principal,start,start\nlevel,5000,2026-01-15,3", "loans.csv:1: column 'start'; allowed"),
        ("product,principal,start", "loans.csv: there are no rows"),
    ],
)
def test_a_table_that_is_none_is_refused_as_a_whole(text, message):
    with pytest.raises(InputError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("loan", "place"),
    [
        (Asked(PRODUCTS["flat"], 5_000, date(2026, 1, 15)), "loans.csv:2:principal: 50.00 yuan is not allowed"),
        (Asked(PRODUCTS["short"], 5_000, date(2026, 1, 15), 7), "loans.csv:2:periods: 7 is not allowed"),
        (
            Asked(PRODUCTS["level"], 5_000, date(2026, 1, 15), None, date(2027, 1, 1)),
            "loans.csv:2:first_due: 2027-01-01 is not allowed",
        ),
        (Asked(PRODUCTS["custom"], 5_000, date(2026, 1, 15)), "loans.csv:2: rows: plain has no rows until"),
    ],
)
def test_a_loan_without_a_plan_is_told_at_the_column_that_is_to_be_changed(loan, place):
    wanted, _ = read("product,principal,start\nlevel,5000,2026-01-15")
    (reason,) = plan_all([loan], CALENDAR).places
    assert str(problem_of(wanted[0], reason, "loans.csv")).startswith(place)
