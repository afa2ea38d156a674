"""plan/due_days: when a plan falls due, stubs, moved days, and days out of reach."""

from datetime import date
from fractions import Fraction

import pytest
from terms import CALENDAR, product

from loancli.core.days import Calendar, Roll
from loancli.core.errors import InputError
from loancli.core.money import rounded
from loancli.core.rates import PPM, DayCount
from loancli.plan.build import build
from loancli.plan.due_days import due_dates, period_of, years_of
from loancli.plan.product import Frequency, Kind

START = date(2026, 1, 15)


def dues_of(terms, start_on, count, first_due_on=None):
    return due_dates(terms, start_on=start_on, first_due_on=first_due_on, periods=count, calendar=CALENDAR)


def test_a_first_day_one_step_after_the_start_is_no_stub_and_remembers_the_start():
    dues = dues_of(product(), date(2026, 1, 31), 3, first_due_on=date(2026, 2, 28))
    assert [due.due_on for due in dues] == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


def test_a_stub_counts_its_days_against_the_regular_period_that_ends_with_it():
    """Paid out on 1 April, first due on 5 May: 34 days where the regular period has 30."""
    terms = product()
    plan = build(terms, 10_000_000, date(2024, 4, 1), first_due_on=date(2024, 5, 5), calendar=CALENDAR)
    assert years_of(terms, plan.rows[0]) == Fraction(34, 30 * 12)
    assert period_of(terms, plan.rows[0]) == (date(2024, 4, 5), date(2024, 5, 5), 1)
    assert years_of(terms, plan.rows[1]) == Fraction(1, 12)
    assert plan.rows[0].interest_fen == rounded(Fraction(10_000_000 * 34, 3000))
    assert plan.rows[1].interest_fen == rounded(Fraction(10_000_000 - plan.rows[0].principal_fen, 100))
    assert [row.due_on.day for row in plan.rows] == [5] * 12


@pytest.mark.parametrize(
    "first_due_on",
    [
        pytest.param(START, id="on the day of payout"),
        pytest.param(date(2026, 1, 14), id="before it"),
        pytest.param(date(2036, 2, 15), id="ten years later"),
    ],
)
def test_a_first_day_out_of_reach_is_refused(first_due_on):
    with pytest.raises(InputError, match=r"first_due_on: .* is not allowed"):
        dues_of(product(), START, 3, first_due_on=first_due_on)


@pytest.mark.parametrize(
    ("terms", "last_on"),
    [
        pytest.param(product(), date(2026, 4, 15), id="three months"),
        pytest.param(
            product(frequency=Frequency(days=1), day_count=DayCount.ACT_360), date(2026, 2, 15), id="31 days of one"
        ),
        pytest.param(product(kind=Kind.SINGLE_PAYMENT, periods_max=6), date(2026, 7, 15), id="the longest term, once"),
    ],
)
def test_the_first_due_day_may_be_so_far_away_and_no_further(terms, last_on):
    assert dues_of(terms, START, 1, first_due_on=last_on)[0].due_on == last_on
    with pytest.raises(InputError, match=f"up to {last_on}"):
        dues_of(terms, START, 1, first_due_on=date.fromordinal(last_on.toordinal() + 1))


def test_a_moved_due_day_leaves_the_interest_period_unless_agreed():
    """2026-02-16 lies in the Spring Festival: the due day goes to the 24th."""
    for moved, to_on in ((False, date(2026, 2, 16)), (True, date(2026, 2, 24))):
        terms = product(roll=Roll.FOLLOWING, roll_interest=moved, day_count=DayCount.ACT_360)
        first, second = build(terms, 10_000_000, date(2026, 1, 16), calendar=CALENDAR).rows[:2]
        assert (first.to_on, first.due_on) == (to_on, date(2026, 2, 24))
        assert second.from_on == to_on
        days = (to_on - date(2026, 1, 16)).days
        assert first.interest_fen == rounded(Fraction(10_000_000 * 120_000 * days, PPM * 360))


def test_due_days_that_would_meet_are_refused():
    terms = product(frequency=Frequency(days=3), day_count=DayCount.ACT_360, roll=Roll.FOLLOWING)
    with pytest.raises(InputError, match="roll: due day 2026-02-18 would move to 2026-02-24"):
        dues_of(terms, date(2026, 2, 12), 4)


def test_a_plan_beyond_the_calendar_s_last_year_is_refused():
    with pytest.raises(InputError, match="beyond the year 9999"):
        dues_of(product(frequency=Frequency(months=3)), date(9900, 1, 1), 600)


def test_every_frequency_steps_from_the_first_day():
    expected = {
        Frequency(days=7): [date(2026, 1, 22), date(2026, 1, 29), date(2026, 2, 5)],
        Frequency(days=10): [date(2026, 1, 25), date(2026, 2, 4), date(2026, 2, 14)],
        Frequency(half_monthly=True): [date(2026, 1, 30), date(2026, 2, 15), date(2026, 3, 2)],
        Frequency(months=1): [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15)],
        Frequency(months=3): [date(2026, 4, 15), date(2026, 7, 15), date(2026, 10, 15)],
    }
    for frequency, days in expected.items():
        terms = product(frequency=frequency, day_count=DayCount.ACT_360)
        assert [due.due_on for due in dues_of(terms, START, 3)] == days


def test_an_empty_calendar_still_knows_weekends():
    bare = Calendar(off=frozenset(), make_up=frozenset(), known_from=START, known_until=START)
    terms = product(roll=Roll.FOLLOWING)
    assert due_dates(terms, start_on=START, first_due_on=None, periods=1, calendar=bare)[0].due_on == date(2026, 2, 16)
