"""plan/kinds: what each kind repays, and why."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import CALENDAR, product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.plan import kinds, solve
from loancli.plan.build import build
from loancli.plan.due_days import period_of, years_of
from loancli.plan.product import Balloon, Kind, Step
from loancli.plan.rows import Reason, reason_of

START = date(2026, 1, 15)


def parts(plan):
    return [(row.principal_fen, row.interest_fen) for row in plan.rows]


def test_a_single_payment_pays_simple_interest_for_the_whole_term():
    terms = product(kind=Kind.SINGLE_PAYMENT, day_count=DayCount.ACT_360, periods=3)
    (row,) = build(terms, 10_000_000, START, calendar=CALENDAR).rows
    assert (row.due_on, row.principal_fen) == (date(2026, 4, 15), 10_000_000)
    assert row.interest_fen == 10_000_000 * 120_000 * 90 // (PPM * 360)
    assert reason_of(row.reason) == (Reason.SINGLE, (90,))


def test_a_single_payment_of_equal_months_is_a_twelfth_a_month_and_parts_by_days_add_up():
    terms = product(kind=Kind.SINGLE_PAYMENT, periods=3)
    (row,) = build(terms, 10_000_000, START, calendar=CALENDAR).rows
    assert row.interest_fen == 300_000
    period, middle = period_of(terms, row), date(2026, 3, 1)
    halves = [(row.from_on, middle), (middle, row.to_on)]
    assert sum(year_fraction(terms.day_count, *half, period) for half in halves) == Fraction(3, 12)


def test_a_single_payment_may_name_its_day():
    terms = product(kind=Kind.SINGLE_PAYMENT, day_count=DayCount.ACT_365F, periods=3)
    (row,) = build(terms, 10_000_000, START, first_due_on=date(2026, 3, 1), calendar=CALENDAR).rows
    assert (row.to_on - row.from_on).days == 45
    assert row.interest_fen == rounded(Fraction(10_000_000 * 120_000 * 45, PPM * 365))


def test_a_single_payment_in_the_month_of_payout_is_a_part_of_a_month():
    terms = product(kind=Kind.SINGLE_PAYMENT)
    (row,) = build(terms, 10_000_000, START, first_due_on=date(2026, 1, 30), calendar=CALENDAR).rows
    assert years_of(terms, row) == Fraction(15, 31 * 12)


def test_big_and_small_months_follow_the_agreed_month_though_the_due_day_moves():
    """31 January 2026 is a Saturday: due on 2 February, but still the instalment of January."""
    weights = (100, *[10] * 11)
    terms = product(kind=Kind.BIG_SMALL_MONTHS, weights=weights, roll=Roll.FOLLOWING)
    plan = build(terms, 10_000_000, date(2025, 12, 31), calendar=CALENDAR)
    assert plan.rows[0].due_on == date(2026, 2, 2)
    assert reason_of(plan.rows[0].reason)[1][0] == 100


def test_a_month_of_weight_0_pays_its_interest_only():
    weights = (1, 0, *[1] * 10)
    plan = build(product(kind=Kind.BIG_SMALL_MONTHS, weights=weights), 10_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].reason == "interest_only"
    assert (plan.rows[0].principal_fen, plan.rows[0].interest_fen) == (0, 100_000)
    assert all(row.principal_fen > 0 for row in plan.rows[1:])


def test_weight_0_for_the_last_instalment_is_refused():
    weights = (0, *[1] * 11)
    terms = product(kind=Kind.BIG_SMALL_MONTHS, weights=weights)
    with pytest.raises(InputError, match=r"weights: the last instalment .* has weight 0"):
        build(terms, 10_000_000, START, calendar=CALENDAR)


def test_long_months_of_a_long_loan_pay_interest_only_and_the_balance_never_grows():
    """600 months at 14.4 % on actual days: in months of 31 days the level is less than the interest."""
    terms = product(annual_rate_ppm=144_000, day_count=DayCount.ACT_360, periods=600)
    plan = build(terms, 1_000_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].reason == "interest_only"
    assert reason_of(plan.rows[1].reason)[0] is Reason.LEVEL


def test_a_revenue_plan_shows_the_level_as_an_outlook():
    plan = build(revenue_product(), 10_000_000, START, calendar=CALENDAR)
    ordinary = build(product(), 10_000_000, START, calendar=CALENDAR)
    assert parts(plan) == parts(ordinary)
    assert plan.rows[0].reason == "outlook:888488"


def test_flat_interest_does_not_hide_a_part_that_rounding_took():
    """23.00 in 12 whole yuan, rounded down, leave 12.00; flat interest in the last instalment changes nothing."""
    terms = product(kind=Kind.FLAT, annual_rate_ppm=240_000, rounding=Rounding.DOWN, instalment_unit_fen=100)
    with pytest.raises(InputError, match=r"instalment_unit: 12 instalments of 1\.00 would leave 12\.00"):
        build(terms, 2_300, START, calendar=CALENDAR)


def test_a_balloon_is_the_rest_of_equal_instalments_over_more_periods():
    """The level of 360 months for 12, and the balance that the longer plan has after 12 months with the last one."""
    long = build(product(periods=360), 10_000_000, START, calendar=CALENDAR)
    terms = product(kind=Kind.BALLOON, periods_max=120, balloon=Balloon(periods=360))
    plan = build(terms, 10_000_000, START, calendar=CALENDAR)
    assert parts(plan)[:-1] == parts(long)[:11]
    left_fen = sum(row.principal_fen for row in long.rows[11:])
    assert (plan.rows[-1].principal_fen, plan.rows[-1].interest_fen) == (left_fen, long.rows[11].interest_fen)
    assert plan.rows[0].reason == "level:102861"
    assert plan.rows[-1].reason == f"balloon:{left_fen}:102861"


@pytest.mark.parametrize("balloon", [Balloon(residual_ppm=300_000), Balloon(residual_fen=3_000_000)])
def test_a_residual_is_left_beside_the_last_instalment(balloon):
    """Textbook: 100,000 at 1 % a month in 12, 30,000 left: 70,000 repaid by 6,219.42, and 300.00 on what stays."""
    plan = build(product(kind=Kind.BALLOON, balloon=balloon), 10_000_000, START, calendar=CALENDAR)
    ordinary = build(product(), 7_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].due_fen == ordinary.rows[0].due_fen + 30_000 == 651_942
    assert abs(plan.rows[-1].due_fen - 3_000_000 - 651_942) <= 12


def test_a_residual_beyond_the_principal_is_refused():
    terms = product(kind=Kind.BALLOON, balloon=Balloon(residual_ppm=999_999))
    with pytest.raises(InputError, match=r"balloon\.residual: 1\.00 of 1\.00 yuan would leave nothing"):
        build(terms, 100, START, calendar=CALENDAR)


def test_steps_of_a_percentage_follow_from_the_first_instalment():
    """10 % more every 4 months: what they are worth on the day of payout, at 1 % a month, is what was lent."""
    plan = build(product(kind=Kind.STEPPED, step=Step(every=4, by_ppm=100_000)), 10_000_000, START, calendar=CALENDAR)
    dues_fen = [row.due_fen for row in plan.rows]
    first_fen = dues_fen[0]
    assert dues_fen[:4] == [first_fen] * 4
    assert dues_fen[4:8] == [rounded(Fraction(first_fen * 11, 10))] * 4
    assert dues_fen[8:11] == [rounded(Fraction(first_fen * 121, 100))] * 3
    worth = sum(due_fen / Fraction(101, 100) ** number for number, due_fen in enumerate(dues_fen, start=1))
    assert abs(worth - 10_000_000) < 12
    assert plan.rows[5].reason == f"step:2:{dues_fen[5]}:{first_fen}"


def test_steps_down_by_an_amount():
    plan = build(product(kind=Kind.STEPPED, step=Step(every=3, by_fen=-50_000)), 10_000_000, START, calendar=CALENDAR)
    dues_fen = [row.due_fen for row in plan.rows]
    assert [before - after for before, after in zip(dues_fen[:-1:3], dues_fen[3:-1:3], strict=False)] == [50_000] * 3
    assert abs(dues_fen[-1] - dues_fen[-2]) <= 12
    worth = sum(due_fen / Fraction(101, 100) ** number for number, due_fen in enumerate(dues_fen, start=1))
    assert abs(worth - 10_000_000) < 12


def test_steps_so_steep_that_the_first_instalments_pay_interest_only():
    terms = product(kind=Kind.STEPPED, step=Step(every=12, by_ppm=1_000_000), annual_rate_ppm=240_000)
    plan = build(terms, 10_000_000, START, periods=120, calendar=CALENDAR)
    assert plan.rows[0].reason == "interest_only"
    assert (plan.rows[0].principal_fen, plan.rows[0].interest_fen) == (0, 200_000)
    balances = [10_000_000 - sum(row.principal_fen for row in plan.rows[:n]) for n in range(120)]
    assert balances == sorted(balances, reverse=True)


@pytest.mark.parametrize("by_fen", [-500_000, 500_000])
def test_a_step_that_leaves_an_instalment_of_nothing_is_refused(by_fen):
    terms = product(kind=Kind.STEPPED, step=Step(every=3, by_fen=by_fen))
    with pytest.raises(InputError, match=r"step\.by: instalment \d+ would be -[\d,.]+ yuan"):
        build(terms, 1_000_000, START, calendar=CALENDAR)


# --- rounding ---


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.sampled_from(list(Rounding)), st.sampled_from([1, 10, 100]))
def test_the_whole_number_rounding_is_the_one_of_core(over, under, mode, unit_fen):
    terms = product(rounding=mode, instalment_unit_fen=unit_fen)
    assert solve.TO_WHOLE[mode](over, under) == rounded(Fraction(over, under), mode)
    assert kinds._to_unit(terms, over, under) == rounded(Fraction(over, under), mode, unit_fen)


@pytest.mark.parametrize("mode", list(Rounding))
def test_exact_ties_of_interest_go_where_the_mode_says(mode):
    """20,550.00 at 15.40 % is 263.725 a month: the tie that 28 decimal digits get wrong (LIBRARIES §2, divide last)."""
    terms = product(annual_rate_ppm=154_000, rounding=mode, kind=Kind.INTEREST_FIRST)
    plan = build(terms, 2_055_000, START, calendar=CALENDAR)
    expected = {Rounding.HALF_UP: 26_373, Rounding.HALF_EVEN: 26_372, Rounding.UP: 26_373, Rounding.DOWN: 26_372}
    assert plan.rows[0].interest_fen == expected[mode]


@given(
    st.integers(10_000, 10**8),
    st.integers(2, 12),
    st.sampled_from([6_000_000, 1_200_000, 600_000]),  # a half, a tenth, a twentieth a month: ties are everywhere
    st.sampled_from(list(Rounding)),
    st.sampled_from([Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.FLAT]),
)
def test_ties_go_where_the_mode_says_in_every_row(principal_fen, count, rate_ppm, mode, kind):
    terms = product(annual_rate_ppm=rate_ppm, rounding=mode, kind=kind)
    balance_fen = principal_fen
    for row in build(terms, principal_fen, START, periods=count, calendar=CALENDAR).rows:
        base_fen = principal_fen if kind is Kind.FLAT else balance_fen
        assert row.interest_fen == rounded(Fraction(base_fen * rate_ppm, 12 * PPM), mode)
        balance_fen -= row.principal_fen
