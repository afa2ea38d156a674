"""core/rates: years as exact fractions, quotes as whole millionths."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.core.money import rounded
from loancli.core.rates import DayCount, Period, interest_exact, percent, rate_ppm_of, year_fraction

NAMES = {
    "act/act": DayCount.ACT_ACT,
    "act/365F": DayCount.ACT_365F,
    "act/360": DayCount.ACT_360,
    "30/360 ISDA": DayCount.THIRTY_360,
}
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
BY_DAYS = [DayCount.ACT_360, DayCount.ACT_365F, DayCount.ACT_ACT]


# The eu-int cases of day_count.json measure time for the European APR: whole months back from the payment, which no
# contract here does. The conventions of hs-daycount that we do not offer are left out.
@pytest.mark.parametrize("case_id", ["hs-daycount-1", "hs-daycount-3"])
@pytest.mark.parametrize("name", list(NAMES))
def test_published_year_fractions(case_id, name):
    case = shelf.cases("truth/day_count.json").get(case_id)
    if case is None:
        pytest.skip("the reference shelf has no truth/day_count.json here")
    days = [date.fromisoformat(case["inputs"][end]) for end in ("from", "to")]
    expected = sum(Fraction(part) for part in case["expected"][name].split("+"))
    assert year_fraction(NAMES[name], *days) == expected


@pytest.mark.parametrize(
    ("from_on", "to_on", "days"),
    [
        pytest.param(date(2026, 1, 31), date(2026, 2, 28), 28, id="31 counts as 30, 28 February stays"),
        pytest.param(date(2026, 2, 28), date(2026, 3, 31), 33, id="31 stays where the start is before the 30th"),
        pytest.param(date(2026, 1, 30), date(2026, 3, 31), 60, id="31 counts as 30 after a 30th"),
        pytest.param(date(2026, 1, 1), date(2027, 1, 1), 360, id="a year"),
    ],
)
def test_thirty_360_is_the_bond_basis(from_on, to_on, days):
    assert year_fraction(DayCount.THIRTY_360, from_on, to_on) == Fraction(days, 360)


def test_equal_months_counts_inside_a_period_by_its_days():
    february = Period(date(2026, 2, 1), date(2026, 3, 1), 1)
    whole = year_fraction(DayCount.EQUAL_MONTHS, *february[:2], february)
    half = year_fraction(DayCount.EQUAL_MONTHS, date(2026, 2, 1), date(2026, 2, 15), february)
    assert (whole, half) == (Fraction(1, 12), Fraction(1, 24))


@given(st.lists(DAYS, min_size=3, max_size=3).map(sorted), st.sampled_from(BY_DAYS))
def test_days_counted_apart_or_together_are_the_same(days, day_count):
    first, middle, last = days
    whole = year_fraction(day_count, first, last)
    assert year_fraction(day_count, first, middle) + year_fraction(day_count, middle, last) == whole


@given(DAYS, st.integers(0, 3000), st.sampled_from(BY_DAYS))
def test_a_longer_time_is_never_less(from_on, days, day_count):
    to_on = from_on + timedelta(days=days)
    longer = year_fraction(day_count, from_on, to_on + timedelta(days=1))
    assert longer > year_fraction(day_count, from_on, to_on) >= 0


@pytest.mark.parametrize(("basis", "day_count"), [("basis_360", DayCount.ACT_360), ("basis_365", DayCount.ACT_365F)])
def test_int_01_the_first_day_counts_the_last_does_not(basis, day_count):
    case = shelf.cases("domain/cases.json").get("INT-01")
    if case is None:
        pytest.skip("the reference shelf has no domain/cases.json here")
    days = [date.fromisoformat(case["given"][end]) for end in ("from", "to")]
    assert (days[1] - days[0]).days == case["expect"]["days"]
    exact = interest_exact(5_000_000, rate_ppm_of("9.6%"), year_fraction(day_count, *days))
    assert rounded(exact) == int(Fraction(case["expect"][basis]) * 100)


def test_int_02_interest_in_segments_is_rounded_once():
    """The case rounds each segment to 0.001, as deposits do, and gets 1144.04. Ours is rounded once (DESIGN §2)."""
    case = shelf.cases("domain/cases.json").get("INT-02")
    if case is None:
        pytest.skip("the reference shelf has no domain/cases.json here")
    exact = sum(
        interest_exact(10_003_700, rate_ppm_of(segment["rate_percent"] + "%"), Fraction(segment["days"], 360))
        for segment in case["given"]["segments"]
    )
    assert rounded(exact) == int(Fraction(case["expect"]["not"]["no_rounding_until_the_end"]) * 100)


@pytest.mark.parametrize(
    ("text", "ppm"),
    [
        ("14.6%", 146_000),
        ("14.6％", 146_000),
        (" 3.85 % ", 38_500),
        ("0%", 0),
        ("1.2% /month", 144_000),
        ("1.2%月", 144_000),
        ("5bp /day", 180_000),
        ("0.05% /day", 180_000),
        ("0.5‰/日", 180_000),
        ("999ppm", 999),
        ("12% /年", 120_000),
    ],
)
def test_quotes_become_whole_millionths_a_year(text, ppm):
    assert rate_ppm_of(text) == ppm


def test_a_quote_in_ppm_may_be_long():
    assert rate_ppm_of("146000ppm") == 146_000


@pytest.mark.parametrize("text", ["", "14.6", "%", "-1%", "14,6%", "1.2% /week", "14.6 percent", "1e1%", "١٤%"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(InputError, match="is not a rate"):
        rate_ppm_of(text)


def test_a_quote_that_is_no_whole_millionth_is_refused_not_rounded():
    with pytest.raises(InputError, match="fewer decimals"):
        rate_ppm_of("0.000003% /month")


@pytest.mark.parametrize(
    ("ppm", "text"), [(146_000, "14.6%"), (120_000, "12%"), (1, "0.0001%"), (0, "0%"), (-5_000, "-0.5%")]
)
def test_rates_are_shown_in_percent(ppm, text):
    assert percent(ppm) == text


@given(st.integers(0, 9_999_999))
def test_a_shown_rate_reads_back(ppm):
    assert rate_ppm_of(percent(ppm)) == ppm
