"""outlook/season: weights from a borrower's own revenue, and the plans that are made with them."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terms import CALENDAR, product

from loancli.core.days import months_after
from loancli.core.errors import InputError
from loancli.outlook.history import History
from loancli.outlook.season import WEIGHT_MAX, WEIGHT_MIN, season_weights, with_season
from loancli.plan.build import build
from loancli.plan.product import Frequency, Kind
from loancli.plan.product_json import from_json, to_json

MONTHLY = Frequency(months=1)
PARTS = (40, 20, 60, 80, 100, 120, 220, 180, 140, 100, 80, 60)  # January … December, 100 on average
BY_SEASON = product(kind=Kind.BIG_SMALL_MONTHS, weights_by_season=True)


def years(parts=PARTS, count=2, first_on=date(2024, 1, 1), fen=10_000):
    months = [months_after(first_on, number).month for number in range(12 * count)]
    return History(first_on=first_on, months_fen=tuple(fen * parts[month - 1] for month in months))


def test_a_due_month_weighs_what_the_month_before_it_earns():
    assert season_weights(years(), MONTHLY) == (60, 40, 20, 60, 80, 100, 120, 220, 180, 140, 100, 80)
    assert season_weights(years(first_on=date(2023, 9, 1)), MONTHLY) == season_weights(years(), MONTHLY)


def test_a_quarter_weighs_what_its_three_months_earn_and_a_week_what_its_own_month_does():
    quarters = season_weights(years(), Frequency(months=3))
    assert quarters[3] == 40  # April, from January to March
    assert quarters[9] == 180  # October, from July to September
    assert season_weights(years(), Frequency(days=7)) == PARTS


def test_a_month_that_was_seen_once_is_half_believed_and_a_feast_is_limited():
    assert season_weights(years(count=1), MONTHLY)[7] == 160
    feast = season_weights(years((0,) * 11 + (1200,)), MONTHLY)
    assert feast == (WEIGHT_MAX, *(WEIGHT_MIN,) * 11)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 10**9), min_size=12, max_size=40).filter(any), st.integers(1, 12), st.integers(2, 1000))
def test_weights_are_whole_and_limited_and_the_same_for_a_shop_of_another_size(months, first, times):
    history = History(first_on=date(2023, first, 1), months_fen=tuple(months))
    weights = season_weights(history, MONTHLY)
    assert len(weights) == 12
    assert all(WEIGHT_MIN <= weight <= WEIGHT_MAX for weight in weights)
    larger = History(first_on=date(2023, first, 1), months_fen=tuple(times * fen for fen in months))
    assert all(abs(a - b) <= 1 for a, b in zip(weights, season_weights(larger, MONTHLY), strict=True))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(10_000, 10**9), st.integers(0, 11))
def test_a_loan_is_signed_with_numbers_and_repaid_whole(periods, principal_fen, later):
    terms = with_season(BY_SEASON, years())
    assert from_json(to_json(terms)) == terms
    assert "weights_by_season" not in to_json(terms)
    plan = build(terms, principal_fen, months_after(date(2026, 1, 10), later), calendar=CALENDAR, periods=periods)
    assert sum(row.principal_fen for row in plan.rows) == principal_fen
    assert all(row.reason.startswith(("weight:", "last:", "interest_only")) for row in plan.rows)


def test_without_a_revenue_there_is_no_plan():
    with pytest.raises(InputError, match=r"^weights: plain takes them from a borrower's revenue"):
        build(BY_SEASON, 10_000, date(2026, 1, 10), calendar=CALENDAR)


def test_less_than_a_year_shows_no_season():
    short = History(first_on=date(2025, 1, 1), months_fen=(1,) * 11)
    with pytest.raises(InputError, match=r"^weights: a season needs 12 whole months of revenue, and 11 are known"):
        with_season(BY_SEASON, short)
