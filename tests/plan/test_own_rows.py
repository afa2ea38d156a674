"""plan/own_rows and custom plans: rows are taken as agreed, or refused with row and column; interest by the terms."""

import contextlib
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import CALENDAR, product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM, DayCount
from loancli.plan.build import build
from loancli.plan.cost import of_plan
from loancli.plan.due_days import years_of
from loancli.plan.own_rows import read_own_rows
from loancli.plan.product import Frequency, Kind
from loancli.plan.rows import OwnRow

START = date(2026, 1, 15)
CUSTOM = product(kind=Kind.CUSTOM, day_count=DayCount.ACT_360)


def read(*lines):
    header, *rows = (line.split(",") for line in lines)
    return read_own_rows(header, enumerate(rows, start=2), "rows.csv")


def refused(*lines):
    with pytest.raises(InputError) as error:
        read(*lines)
    return str(error.value).split("\n")


# --- the file ---


def test_days_and_principal_are_read():
    assert read("number,due_on,principal", "1,2026-03-31,0", '2,2026-06-30,"8000.5"'.replace('"', "")) == [
        OwnRow(due_on=date(2026, 3, 31)),
        OwnRow(due_on=date(2026, 6, 30), principal_fen=800_050),
    ]


def test_shares_on_the_product_s_own_days_are_read():
    assert read("share , number", "12.5％,1", " 87.5 % ,2") == [OwnRow(share_ppm=125_000), OwnRow(share_ppm=875_000)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        pytest.param(
            ("number,principle", "1,5"), "rows.csv:1: column 'principle'; allowed: number, due_on", id="unknown"
        ),
        pytest.param(("number,share,share", "1,5%,5%"), "rows.csv:1: column 'share'; allowed", id="a column twice"),
        pytest.param(("number,principal,share", "1,5,5%"), "rows.csv:1: the columns are", id="both"),
        pytest.param(("number,due_on", "1,2026-03-31"), "rows.csv:1: the columns are", id="neither"),
        pytest.param(("principal", "5"), "rows.csv:1: the columns are number", id="no number"),
        pytest.param(("number,principal",), "rows.csv: there are no rows", id="no rows"),
        pytest.param(("number,principal", "2,5"), "rows.csv:2:number: '2' is not 1", id="number"),
        pytest.param(("number,principal", "1,5", "1,5"), "rows.csv:3:number: '1' is not 2", id="number twice"),
        pytest.param(("number,principal", "1,5,6"), "rows.csv:2: 3 cells; the first row has 2", id="cells"),
        pytest.param(("number,principal", "1,-5"), "rows.csv:2:principal: '-5' is not an amount", id="below 0"),
        pytest.param(("number,principal", "1,0.005"), "rows.csv:2:principal: '0.005' is not", id="half a fen"),
        pytest.param(("number,share", "1,100"), "rows.csv:2:share: '100' is not a share", id="no percent sign"),
        pytest.param(("number,share", "1,50%", "2,49.9999%"), "rows.csv: share: they sum to 99.9999%", id="sum"),
        pytest.param(("number,due_on,share", "1,,100%"), "rows.csv:2:due_on: '' is not a day", id="no day"),
        pytest.param(
            ("number,due_on,principal", "1,2026-03-31,5", "2,2026-03-31,5"),
            "rows.csv:3:due_on: 2026-03-31 is not after 2026-03-31",
            id="the same day",
        ),
        pytest.param(
            ("number,principal", *(f"{number},1" for number in range(1, 603))),
            "rows.csv:602:number: a plan has at most 600",
            id="601 rows",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_row_and_column(lines, told):
    assert refused(*lines)[0].startswith(told)


def test_every_problem_comes_at_once():
    found = refused("number,due_on,principal", "2,31/3/2026,x", "2,2026-04-30,5", "x,2026-04-01,5")
    assert [line.split(": ")[0] for line in found] == [
        "rows.csv:2:number",
        "rows.csv:2:due_on",
        "rows.csv:2:principal",
        "rows.csv:4:number",
        "rows.csv:4:due_on",
    ]


# --- the plan ---


def test_a_custom_plan_pays_what_was_agreed_and_interest_by_the_day():
    """20,000.00 at 12 %: 75, 91 and 184 days, 6.67 a day on all of it, then on 12,000.00 4.00 a day."""
    rows = read("number,due_on,principal", "1,2026-03-31,0", "2,2026-06-30,8000", "3,2026-12-31,12000")
    plan = build(CUSTOM, 2_000_000, START, calendar=CALENDAR, own_rows=rows)
    assert [(row.due_on, row.principal_fen, row.interest_fen) for row in plan.rows] == [
        (date(2026, 3, 31), 0, 50_000),
        (date(2026, 6, 30), 800_000, rounded(Fraction(2_000_000 * 12 * 91, 36_000))),
        (date(2026, 12, 31), 1_200_000, 400 * 184),
    ]
    assert [row.reason for row in plan.rows] == ["interest_only", "agreed:800000", "agreed:1200000"]
    assert 11.8 < of_plan(plan).simple_percent < 12.2  # days over 365, not over 360, and no interest on interest


def test_a_day_that_was_agreed_is_moved_as_the_terms_say():
    """31 January 2026 is a Saturday."""
    rows = [OwnRow(due_on=date(2026, 1, 31), share_ppm=PPM)]
    for roll, due_on in ((Roll.NONE, date(2026, 1, 31)), (Roll.FOLLOWING, date(2026, 2, 2))):
        terms = product(kind=Kind.CUSTOM, day_count=DayCount.ACT_360, roll=roll)
        (row,) = build(terms, 100_000, START, calendar=CALENDAR, own_rows=rows).rows
        assert (row.to_on, row.due_on) == (date(2026, 1, 31), due_on)


def test_equal_parts_of_its_own_are_equal_principal():
    rows = [OwnRow(principal_fen=833_333)] * 11 + [OwnRow(principal_fen=833_337)]
    own = build(product(kind=Kind.CUSTOM), 10_000_000, START, calendar=CALENDAR, own_rows=rows)
    equal = build(product(kind=Kind.EQUAL_PRINCIPAL), 10_000_000, START, calendar=CALENDAR)
    assert [(row.due_on, row.principal_fen, row.interest_fen) for row in own.rows] == [
        (row.due_on, row.principal_fen, row.interest_fen) for row in equal.rows
    ]


SHARES = st.lists(st.integers(0, 100_000), max_size=9).map(lambda parts: [*parts, PPM - sum(parts)])


@given(
    SHARES,
    st.one_of(st.integers(1, 100), st.integers(100, 10**12)),
    st.sampled_from(list(Rounding)),
    st.sampled_from([Frequency(days=7), Frequency(half_monthly=True), Frequency(months=1), Frequency(months=3)]),
    st.sampled_from([count for count in DayCount if count is not DayCount.EQUAL_MONTHS]),
    st.lists(st.integers(1, 400), min_size=10, max_size=10),
    st.booleans(),
)
def test_shares_repay_all_and_interest_is_the_exact_fraction_rounded_once(
    shares, principal_fen, rounding, frequency, day_count, gaps, own_days
):
    terms = product(kind=Kind.CUSTOM, rounding=rounding, frequency=frequency, day_count=day_count)
    days = [START + timedelta(days=sum(gaps[: index + 1])) if own_days else None for index in range(len(shares))]
    rows = [OwnRow(due_on=on, share_ppm=share) for on, share in zip(days, shares, strict=True)]
    if principal_fen < 100:  # too little to share; nothing may be left for the last
        with contextlib.suppress(InputError):
            build(terms, principal_fen, START, calendar=CALENDAR, own_rows=rows)
        return
    plan = build(terms, principal_fen, START, calendar=CALENDAR, own_rows=rows)
    balance_fen = principal_fen
    for row, share_ppm in zip(plan.rows, shares, strict=True):
        exact = Fraction(balance_fen * terms.annual_rate_ppm, PPM) * years_of(terms, row)
        assert row.interest_fen == rounded(exact, rounding)
        assert abs(row.principal_fen - Fraction(principal_fen * share_ppm, PPM)) <= len(shares)
        balance_fen -= row.principal_fen
    assert balance_fen == 0


@pytest.mark.parametrize("count", [1, 600])
def test_from_1_fen_to_10_billion_yuan_in_1_to_600_rows(count):
    for principal_fen in (1, 10**12):
        rows = [OwnRow()] * (count - 1) + [OwnRow(principal_fen=principal_fen)]
        plan = build(CUSTOM, principal_fen, START, calendar=CALENDAR, own_rows=rows)
        assert len(plan.rows) == count
        assert plan.rows[-1].principal_fen == principal_fen


ALL = [OwnRow(principal_fen=100_000)]
ON = [OwnRow(due_on=date(2026, 3, 1), principal_fen=100_000)]


@pytest.mark.parametrize(
    ("terms", "rows", "asked", "told"),
    [
        pytest.param(product(), ALL, {}, "rows: plain is of kind equal_instalments; only custom", id="another kind"),
        pytest.param(CUSTOM, [], {}, "rows: plain has no rows until they are agreed", id="no rows"),
        pytest.param(CUSTOM, ALL, {"periods": 2}, "periods: 2 is not the number of rows, 1", id="periods"),
        pytest.param(
            CUSTOM, ON, {"first_due_on": date(2026, 3, 2)}, "first_due_on: 2026-03-02 is not the day", id="first day"
        ),
        pytest.param(
            CUSTOM,
            [OwnRow(due_on=START, principal_fen=100_000)],
            {},
            "rows: the first is due on 2026-01-15, not after the payout",
            id="before the payout",
        ),
        pytest.param(product(kind=Kind.CUSTOM), ON, {}, "day_count: equal_months", id="twelfths of own days"),
        pytest.param(CUSTOM, [OwnRow(principal_fen=99_999)], {}, "rows: they repay 999.99 yuan, not", id="too little"),
        pytest.param(
            CUSTOM, [*ALL, OwnRow()], {}, "rows: nothing is left for the last one", id="a last row of nothing"
        ),
        pytest.param(
            product(kind=Kind.CUSTOM, periods_min=2), ALL, {}, "periods: 1 is not allowed", id="too few for the product"
        ),
    ],
)
def test_rows_that_do_not_go_with_the_terms_are_refused(terms, rows, asked, told):
    with pytest.raises(InputError) as error:
        build(terms, 100_000, START, calendar=CALENDAR, own_rows=rows, **asked)
    assert str(error.value).startswith(told)


def test_a_first_day_and_a_number_of_periods_that_agree_with_the_rows_are_no_contradiction():
    plan = build(CUSTOM, 100_000, START, calendar=CALENDAR, own_rows=ON, periods=1, first_due_on=date(2026, 3, 1))
    assert plan == build(CUSTOM, 100_000, START, calendar=CALENDAR, own_rows=ON)
