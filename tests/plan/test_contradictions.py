"""Terms that contradict each other only for a certain loan: refused with the key, never a strange plan."""

from datetime import date

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from terms import CALENDAR, product, revenue_product

from loancli.core.errors import InputError
from loancli.core.rates import DayCount
from loancli.plan.build import build
from loancli.plan.cost import fastest
from loancli.plan.flexible import check_bounds
from loancli.plan.product import Base, Bound, Kind
from loancli.plan.rows import OwnRow

START = date(2026, 1, 15)


def yuan_of(amount):
    return Bound(base=Base.YUAN, value=100 * amount)


def level_of(percent):
    return Bound(base=Base.LEVEL, value=10_000 * percent)


@pytest.mark.parametrize(
    ("cap", "told"),
    [
        (yuan_of(1_000), r"revenue\.cap: 1,000\.00 yuan is not above the first instalment's interest, 1,000\.00"),
        (level_of(11), r"revenue\.cap: 977\.34 yuan is not above the first instalment's interest, 1,000\.00"),
    ],
)
def test_a_cap_that_interest_alone_reaches_is_refused(cap, told):
    plan = build(revenue_product(share={"cap": cap}), 10_000_000, START, calendar=CALENDAR)
    with pytest.raises(InputError, match=told):
        check_bounds(plan)


def test_a_cap_just_above_the_interest_repays_a_little():
    terms = revenue_product(share={"cap": yuan_of(1_001)})
    plan = build(terms, 10_000_000, START, calendar=CALENDAR)
    check_bounds(plan)
    assert fastest(plan)[0].principal_fen == 100


def test_one_instalment_is_all_that_is_owed_whatever_the_cap():
    terms = revenue_product(share={"cap": yuan_of(1)})
    check_bounds(build(terms, 10_000_000, START, periods=1, calendar=CALENDAR))


@pytest.mark.parametrize(
    ("floor", "principal_fen", "is_refused"),
    [
        (yuan_of(300), 100_000, True),
        (yuan_of(300), 1_000_000, False),
        (level_of(200), 100_000, False),
        (None, 1, False),
    ],
)
def test_a_floor_above_the_cap_from_the_start_is_refused(floor, principal_fen, is_refused):
    """300 yuan at least, and at most twice the level: no such loan of 1,000 yuan, but one of 10,000."""
    terms = revenue_product(share={"floor": floor, "cap": level_of(200)}, annual_rate_ppm=0)
    plan = build(terms, principal_fen, START, periods=1 if principal_fen == 1 else 12, calendar=CALENDAR)
    if is_refused:
        with pytest.raises(InputError, match=r"revenue\.floor: 300\.00 yuan is above the cap of the first instalment"):
            check_bounds(plan)
    else:
        check_bounds(plan)


def test_a_plan_without_a_share_has_no_bounds():
    check_bounds(build(product(), 10_000_000, START, calendar=CALENDAR))


@settings(max_examples=40)
@given(st.integers(1, 240_000), st.integers(2, 60), st.integers(100_000, 10**9), st.integers(1, 400))
def test_whatever_the_cap_the_fastest_path_repays_all_or_there_is_no_plan(rate_ppm, count, principal_fen, percent):
    terms = revenue_product(share={"cap": level_of(percent)}, annual_rate_ppm=rate_ppm)
    plan = build(terms, principal_fen, START, periods=count, calendar=CALENDAR)
    try:
        check_bounds(plan)
    except InputError:
        reject()
    path = fastest(plan)
    assert sum(each.principal_fen for each in path) == principal_fen
    assert min(each.principal_fen for each in path) >= 0


@pytest.mark.parametrize(("year", "is_refused"), [(2076, False), (2077, True), (9999, True)])
def test_an_agreed_day_beyond_all_terms_is_a_slip_of_the_pen(year, is_refused):
    rows = [OwnRow(due_on=date(year, 1, 15), principal_fen=100)]
    terms = product(kind=Kind.CUSTOM, day_count=DayCount.ACT_360)
    if is_refused:
        with pytest.raises(InputError, match=rf"rows: the last is due on {year}-01-15, more than 50 years after"):
            build(terms, 100, START, own_rows=rows, calendar=CALENDAR)
    else:
        assert build(terms, 100, START, own_rows=rows, calendar=CALENDAR).rows[0].due_on.year == year
