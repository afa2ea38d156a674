"""plan/fixed_fee: a fee earned at the plan's effective rate, against published schedules; the curve; the fee trap."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st
from shelf import fen
from terms import CALENDAR, SCHEDULES, product, revenue_product

from loancli.core.errors import InputError
from loancli.core.money import Rounding
from loancli.core.rates import DayCount
from loancli.plan.adjust import changed
from loancli.plan.build import build
from loancli.plan.ceilings import Outcome, check_ceiling, read_ceilings
from loancli.plan.changes import change_of
from loancli.plan.cost import of_fastest, of_plan
from loancli.plan.fixed_fee import RATE_SCALE, curve_of, earned, fee_fen, periodic_rate
from loancli.plan.product import Base, Bound, FixedFee, Frequency, MinimumProgress
from loancli.plan.product_file import read_product

TRUTH = shelf.cases("truth/revenue_plans.json")
need = partial(shelf.need, TRUTH)
DAILY, WEEKLY, MONTHLY = Frequency(days=1), Frequency(days=7), Frequency(months=1)
ONE = Fraction(1)
CEILINGS = read_ceilings(
    (SCHEDULES / "policies" / "ceilings.toml").read_text(encoding="utf-8"),
    (SCHEDULES / "policies" / "lpr.csv").read_text(encoding="utf-8"),
)


def terms(fee: FixedFee = FixedFee(amount_fen=100_000), frequency: Frequency = DAILY, **changes):  # noqa: B008
    plain = {"annual_rate_ppm": 0, "day_count": DayCount.ACT_365F}
    return product(**plain, fixed_fee=fee, frequency=frequency, **changes)


def plan_of(case, frequency=DAILY, instalment=None):
    inputs = case["inputs"]
    return build(
        terms(FixedFee(amount_fen=fen(inputs["fee"])), frequency),
        fen(inputs["net_advance"]),
        date.fromisoformat(inputs.get("start", "2026-01-01")),
        calendar=CALENDAR,
        instalment_fen=fen(instalment or inputs["daily_expected"]),
    )


def running(plan):
    """After each row: the balance, the fee earned with it, and the fee left."""
    balance_fen, left_fen = plan.principal_fen, plan.interest_fen
    found = []
    for row in plan.rows:
        balance_fen -= row.principal_fen
        left_fen -= row.interest_fen
        found.append((balance_fen, row.interest_fen, left_fen))
    return found


# --- published schedules ---


def test_wcl_450_50_every_balance_to_the_fen():
    """Balances are published exactly. There each row's fee is rounded by itself, so that balance and fee left are up to
    a fen more or less than what is owed; ours is rounded on the running total, so that the two always add up to it."""
    case = need("wcl-450-50")
    expected = case["expected"]
    plan = plan_of(case)
    found = running(plan)
    assert [balance for balance, _, _ in found] == list(map(fen, expected["balances"]))
    assert all(abs(fee - fen(told)) <= 1 for (_, fee, _), told in zip(found, expected["fee_earned"], strict=True))
    assert all(abs(left - fen(told)) <= 1 for (_, _, left), told in zip(found, expected["fee_left"], strict=True))
    assert [balance + left for balance, _, left in found] == [50_000 - 5_000 * number for number in range(1, 11)]
    rate = Fraction(periodic_rate(45_000, [5_000] * 10, [ONE] * 10), RATE_SCALE)
    factors = [round(float(1 / (1 + rate) ** number), 8) for number in range(1, 11)]
    assert factors == pytest.approx([float(each) for each in expected["discount_factors"]], abs=1e-8)


def test_wcl_9000_1000_daily():
    case = need("wcl-9000-1000")
    expected = case["expected"]
    plan = plan_of(case)
    found = running(plan)
    assert len(plan.rows) == expected["days"]
    for row in expected["rows"]:
        balance, fee, left = found[row["day"] - 1]
        assert balance == fen(row["balance"])
        assert abs(fee - fen(row["fee_earned"])) <= 1
        assert abs(left - fen(row["fee_left"])) <= 2  # theirs has the roundings of all rows before, ours has none
        assert balance + left == 1_000_000 - 5_000 * row["day"]
    rate = periodic_rate(900_000, [5_000] * 200, [ONE] * 200)
    assert abs(Fraction(rate, RATE_SCALE) - Fraction(expected["daily_rate"])) < Fraction(1, 10**14)


@pytest.mark.parametrize(
    ("case_id", "frequency", "count", "last_fen"),
    [("wcl-weekly", WEEKLY, 29, 20_000), ("wcl-monthly", MONTHLY, 7, 100_000)],
)
def test_the_same_advance_collected_weekly_and_monthly(case_id, frequency, count, last_fen):
    case = need(case_id)
    plan = plan_of(case, frequency, case["expected"]["payment"])
    assert (len(plan.rows), plan.rows[-1].due_fen) == (count, last_fen)
    found = running(plan)
    for row in case["expected"]["rows"]:
        balance, _, left = found[row["n"] - 1]
        assert plan.rows[row["n"] - 1].due_on == date.fromisoformat(row["due"])
        assert (balance, left) == (fen(row["balance"]), fen(row["fee_left"]))


def test_the_rhythm_changes_what_the_same_fee_costs_a_year():
    """The fixed-fee trap: 1,000 on 9,000 costs 46.85 % collected daily, 45.15 % weekly, 39.50 % monthly.

    These count 360 days a year; the notice counts 365 (PRC-01), which is 47.63 % daily.
    """
    costs = {}
    for name, frequency, instalment_fen, periods in (
        ("daily", DAILY, 5_000, 360),
        ("weekly", WEEKLY, 35_000, 360 / 7),
        ("monthly", MONTHLY, 150_000, 12),
    ):
        plan = build(terms(frequency=frequency), 900_000, date(2026, 1, 1), calendar=CALENDAR,
                     instalment_fen=instalment_fen)  # fmt: skip
        costs[name] = round(100 * ((1 + of_plan(plan).periodic_irr) ** periods - 1), 2)
        if name == "daily":
            assert round(of_plan(plan).compound_percent, 2) == 47.63
    assert costs == {"daily": 46.85, "weekly": 45.15, "monthly": 39.50}


def test_wcl_share_17_as_many_days_as_it_needs():
    case = need("wcl-share-17")
    plan = plan_of(case, instalment=case["expected"]["daily_expected"])
    assert len(plan.rows) == case["expected"]["days"]
    assert plan.rows[-1].due_fen == fen(case["expected"]["last_payment"])


def test_wcl_too_slow_is_refused_by_the_term():
    """Ours is refused at the product's longest term, long before the published limit of 100,000 days."""
    case = need("wcl-too-slow")
    with pytest.raises(
        InputError, match=r"instalment: 0.09 on 10,000.00 yuan needs 111112 instalments; plain has 1 to"
    ):
        plan_of(case)


def test_wcl_due_31st():
    case = need("wcl-due-31st")
    for start, due in (
        (case["inputs"]["start"], case["expected"]["due"]),
        (case["expected"]["leap_anchor"]["start"], case["expected"]["leap_anchor"]["due"]),
    ):
        plan = build(terms(frequency=MONTHLY), 900_000, date.fromisoformat(start), calendar=CALENDAR, periods=len(due))
        assert [row.due_on.isoformat() for row in plan.rows] == due


def rows_after_change(principal_fen, fee_left_fen, payments_fen):
    """(balance, fee earned, fee left) of a fresh plan for what is left."""
    fees = earned(principal_fen, payments_fen, [ONE] * len(payments_fen), Rounding.HALF_UP)
    found = []
    for payment_fen, fee in zip(payments_fen, fees, strict=True):
        principal_fen -= payment_fen - fee
        fee_left_fen -= fee
        found.append((principal_fen, fee, fee_left_fen))
    assert found[-1][0] == found[-1][2] == 0
    return found


def told_rows(rows):
    return {row["n"]: (fen(row["balance"]), fen(row["fee_earned"]), fen(row["fee_left"])) for row in rows}


def test_wcl_rate_halved_from_the_first_day():
    case = need("wcl-rate-halved-day2")
    found = rows_after_change(900_000, 100_000, [2_500] * 400)
    assert {number: found[number - 1] for number in (1, 2)} == told_rows(case["expected"]["rows"])
    assert len(found) == case["expected"]["last"]["n"]


def test_wcl_rate_halved_and_back():
    """A changed share is a fresh plan for what is left, principal and fee: the published rows after each change."""
    case = need("wcl-rate-halved-and-back")["expected"]
    first = running(plan_of(need("wcl-9000-1000")))
    after_first = told_rows(case["after_first_change"]["rows"])
    assert first[2] == after_first[3]

    left_fen = 985_000
    halved = rows_after_change(first[2][0], first[2][2], [2_500] * (left_fen // 2_500))
    assert {3 + number: halved[number - 1] for number in (1, 2)} == {n: after_first[n] for n in (4, 5)}
    assert 3 + len(halved) == case["after_first_change"]["last"]["n"]

    after_second = told_rows(case["after_second_change"]["rows"])
    balance, _, fee_left = halved[4]
    assert (balance, fee_left) == (after_second[8][0], after_second[8][2])
    back = rows_after_change(balance, fee_left, [5_000] * 194 + [2_500])
    assert 8 + len(back) == 203
    for number in (9, 10, 202, 203):
        found, told = back[number - 9], after_second[number]
        assert found[0] == told[0]
        assert abs(found[1] - told[1]) <= 1  # rounded on the running total, as above
        assert abs(found[2] - told[2]) <= 1


def test_a_change_after_signing_spreads_what_is_left_of_principal_and_fee():
    """The share halved after three days, as a change of the plan: the published rows, and the same fee in all."""
    published = told_rows(need("wcl-rate-halved-and-back")["expected"]["after_first_change"]["rows"])
    plan = build(terms(), 900_000, date(2026, 1, 1), calendar=CALENDAR, instalment_fen=5_000)
    halved = changed(plan, change_of("respread 394"), date(2026, 1, 4), calendar=CALENDAR)
    found = running(halved)
    assert {number: found[number - 1] for number in (3, 4, 5)} == published
    assert (len(halved.rows), halved.interest_fen) == (397, 100_000)


@pytest.mark.parametrize("text", ["extend 20", "respread 10", "defer 2", "share 20%"])
def test_no_change_makes_more_or_less_of_the_fee(text):
    share = {"floor": None, "cap": None}
    plain = {"annual_rate_ppm": 0, "day_count": DayCount.ACT_365F}
    product_ = revenue_product(**plain, fixed_fee=FixedFee(principal_ppm=100_000), frequency=WEEKLY, share=share)
    plan = build(product_, 900_000, date(2026, 1, 1), calendar=CALENDAR, periods=40)
    other = changed(plan, change_of(text), date(2026, 3, 1), calendar=CALENDAR)
    assert (other.interest_fen, sum(row.principal_fen for row in other.rows)) == (90_000, 900_000)
    assert other.rows[:8] == plan.rows[:8]


@pytest.mark.parametrize("text", ["prepay 1000 shorter", "breathe 2 interest", "restructure equal-instalments"])
def test_a_change_that_goes_by_interest_is_refused(text):
    plan = build(terms(), 900_000, date(2026, 1, 1), calendar=CALENDAR, periods=200)
    with pytest.raises(InputError, match="has a fixed fee, which is owed whatever is paid ahead"):
        changed(plan, change_of(text), date(2026, 1, 9), calendar=CALENDAR)


def test_a_loan_with_a_rate_is_not_restructured_to_a_fee():
    plan = build(product(), 900_000, date(2026, 1, 1), calendar=CALENDAR)
    with pytest.raises(InputError, match="restructure: plain has a fixed fee, which is agreed with a new loan"):
        changed(plan, change_of("restructure fee"), date(2026, 2, 9), calendar=CALENDAR, products={"fee": terms()})


def test_a_rate_does_not_come_beside_a_fee():
    plan = build(terms(), 900_000, date(2026, 1, 1), calendar=CALENDAR, periods=200)
    with pytest.raises(InputError, match="annual_rate: a fixed fee is the whole price"):
        changed(plan, change_of("rate 12%"), date(2026, 1, 9), calendar=CALENDAR)


def test_wcl_three_decimals_in_thousandths():
    """Yuan have two decimals; a thousandth stands for the fen here."""
    case = need("wcl-three-decimals")
    a_day = 100_000_000 * 17 // 100 // case["inputs"]["day_count"]
    assert a_day == int(Fraction(case["expected"]["daily_expected"]) * 1000)
    plan = build(
        terms(FixedFee(amount_fen=1_000_000)), 9_000_000, date(2026, 1, 1), calendar=CALENDAR, instalment_fen=a_day
    )
    assert len(plan.rows) == case["expected"]["payments"]
    assert running(plan)[0][0] == int(Fraction(case["expected"]["first_expected_balance"]) * 1000)
    curve = curve_of(plan.product, plan.rows)
    paid = [int(Fraction(each) * 1000) for each in case["inputs"]["actual"]]
    assert curve.total_fen - sum(paid) == int(Fraction(case["expected"]["left_after_three"]) * 1000)
    assert curve.part(6, 6) == curve.fee_fen - curve.earned(sum(paid))


# --- laws ---

ROUNDINGS = st.sampled_from(Rounding)


@st.composite
def schedules(draw: st.DrawFn):
    """Payments that are worth more than was lent, the first period longer or shorter."""
    payments_fen = draw(st.lists(st.integers(1, 100_000), min_size=1, max_size=12))
    total_fen = sum(payments_fen)
    principal_fen = draw(st.integers(-(-total_fen // 2), total_fen))
    first = draw(st.sampled_from([ONE, Fraction(1, 30), Fraction(34, 30), Fraction(3)]))
    return principal_fen, payments_fen, [first] + [ONE] * (len(payments_fen) - 1)


@given(schedules(), ROUNDINGS)
def test_the_fee_is_earned_to_the_fen_and_principal_is_last(schedule, mode):
    principal_fen, payments_fen, periods = schedule
    found = earned(principal_fen, payments_fen, periods, mode)
    assert sum(found) == sum(payments_fen) - principal_fen
    assert all(0 <= fee <= payment for fee, payment in zip(found, payments_fen, strict=True))
    left_fen = principal_fen
    for fee, payment in zip(found, payments_fen, strict=True):
        assert left_fen > 0  # while anything is owed
        left_fen -= payment - fee
    assert left_fen == 0


@given(schedules())
def test_the_rate_is_the_greatest_at_which_the_payments_are_worth_the_principal(schedule):
    principal_fen, payments_fen, periods = schedule
    found = periodic_rate(principal_fen, payments_fen, periods)

    def worth(rate):
        value = Fraction(0)
        for payment_fen, each in zip(reversed(payments_fen), reversed(periods), strict=True):
            value = (value + payment_fen) / (1 + each * Fraction(rate, RATE_SCALE))
        return value

    assert worth(found) >= principal_fen - Fraction(1, 10**12)
    assert worth(found + 2) < principal_fen


@st.composite
def plans(draw: st.DrawFn):
    fee = draw(
        st.sampled_from([FixedFee(amount_fen=1), FixedFee(principal_ppm=130_000), FixedFee(principal_ppm=10**6)])
    )
    frequency = draw(st.sampled_from([DAILY, WEEKLY, Frequency(half_monthly=True), MONTHLY]))
    mode = draw(ROUNDINGS)
    try:
        return build(
            terms(fee, frequency, rounding=mode), draw(st.integers(1_000, 10_000_000)), date(2026, 1, 31),
            calendar=CALENDAR, periods=draw(st.integers(1, 20)),
            first_due_on=draw(st.sampled_from([None, date(2026, 2, 5), date(2026, 2, 28)])),
        )  # fmt: skip
    except InputError:  # the first day is too far for days
        return build(terms(fee, frequency, rounding=mode), 999_999, date(2026, 1, 31), calendar=CALENDAR, periods=7)


@given(plans(), st.lists(st.integers(1, 3_000_000), max_size=12))
def test_whatever_falls_due_when_the_fee_is_the_same_in_all(plan, amounts):  # wcl-invariants
    curve = curve_of(plan.product, plan.rows)
    assert (curve.total_fen, curve.fee_fen) == (plan.principal_fen + plan.interest_fen, fee_of(plan))
    left_fen, fee_left_fen, principal_left_fen = curve.total_fen, curve.fee_fen, plan.principal_fen
    for amount_fen in [*amounts, curve.total_fen]:
        due_fen = min(amount_fen, left_fen)
        part_fen = curve.part(left_fen, due_fen)
        assert 0 <= part_fen <= due_fen
        left_fen, fee_left_fen, principal_left_fen = (
            left_fen - due_fen, fee_left_fen - part_fen, principal_left_fen - (due_fen - part_fen),
        )  # fmt: skip
        assert fee_left_fen + principal_left_fen == left_fen
        assert (principal_left_fen == 0) == (left_fen == 0)
        assert fee_left_fen >= 0
    assert left_fen == fee_left_fen == 0


def fee_of(plan):
    return fee_fen(plan.product, plan.principal_fen)


@given(plans())
def test_on_the_plan_the_curve_is_the_rows(plan):
    curve = curve_of(plan.product, plan.rows)
    left_fen = curve.total_fen
    for row in plan.rows:
        assert curve.part(left_fen, row.due_fen) == row.interest_fen
        left_fen -= row.due_fen


@pytest.mark.parametrize("mode", Rounding)
def test_the_last_fen_is_principal_however_great_the_fee_and_however_it_is_rounded(mode):
    """Half of each fen is fee here: rounded down, the principal would be gone a fen before the end."""
    plan = build(terms(FixedFee(principal_ppm=10**6), rounding=mode), 3, date(2026, 1, 1), calendar=CALENDAR, periods=1)
    curve = curve_of(plan.product, plan.rows)
    assert curve.total_fen == 6
    for asked_fen in range(6):
        assert asked_fen - curve.earned(asked_fen) < 3
    assert curve.earned(5) == curve.fee_fen == 3


def test_a_loan_without_a_fixed_fee_has_none():
    assert fee_fen(product(), 1_000_000) == 0


# --- plans ---


def test_a_part_of_the_principal_is_rounded_once():
    plan = build(terms(FixedFee(principal_ppm=52_632)), 950_000, date(2026, 1, 1), calendar=CALENDAR, periods=360)
    assert plan.interest_fen == 50_000


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({}, {"instalment_fen": 0}, r"instalment: 0.00 on 10,000.00 yuan would never repay it"),
        ({}, {"instalment_fen": 5_000, "periods": 200}, r"instalment: the number of periods follows"),
        ({"fixed_fee": None}, {"instalment_fen": 5_000}, r"instalment: plain has no fixed fee"),
        ({"instalment_unit_fen": 10_000_000}, {"periods": 12}, r"instalment_unit: 12 instalments of"),
    ],
)
def test_what_cannot_be_a_plan_is_refused(changes, words, message):
    with pytest.raises(InputError, match=message):
        build(replace(terms(), **changes), 900_000, date(2026, 1, 1), calendar=CALENDAR, **words)


def test_a_first_period_of_three_takes_no_more_fee_than_it_pays():
    """A fee as great as the principal, with a first period of three: its interest would be more than the instalment."""
    plan = build(terms(FixedFee(principal_ppm=10**6), WEEKLY), 3_000, date(2026, 1, 1), calendar=CALENDAR, periods=3,
                 first_due_on=date(2026, 1, 31))  # fmt: skip
    assert [row.due_fen for row in plan.rows] == [2_000] * 3
    assert plan.rows[0].principal_fen == 0
    assert plan.interest_fen == 3_000


# --- cost ---


def capped(fee_ppm: int, cap: Bound | None, **share):
    share = {"floor": None, "cap": cap, **share}
    return revenue_product(
        annual_rate_ppm=0,
        day_count=DayCount.ACT_365F,
        fixed_fee=FixedFee(principal_ppm=fee_ppm),
        frequency=WEEKLY,
        share=share,
    )


def test_the_fastest_path_is_dearer_and_is_what_the_ceiling_holds():
    start = date(2026, 1, 5)
    cap = Bound(base=Base.LEVEL, value=1_500_000)
    plan = build(capped(80_000, cap), 1_000_000, start, calendar=CALENDAR, periods=40)
    expected, fastest = of_plan(plan), of_fastest(plan)
    assert expected.simple_percent < 24 < fastest.simple_percent
    verdict = check_ceiling(plan, CEILINGS, signed_on=start)
    assert verdict.outcome is Outcome.REFUSED
    assert "80.00" not in verdict.sentence
    assert "800.00 fixed fee and 0.00 fees" in verdict.sentence
    assert "fastest path" in verdict.sentence
    cheaper = build(capped(40_000, cap), 1_000_000, start, calendar=CALENDAR, periods=40)
    assert check_ceiling(cheaper, CEILINGS, signed_on=start).outcome is Outcome.OK
    slower = build(capped(80_000, Bound(base=Base.LEVEL, value=1_000_000)), 1_000_000, start, calendar=CALENDAR,
                   periods=40)  # fmt: skip
    assert of_fastest(slower).simple_percent == pytest.approx(expected.simple_percent, abs=0.01)


def test_without_a_cap_all_may_fall_due_at_once_with_the_whole_fee():
    plan = build(capped(100_000, None), 1_000_000, date(2026, 1, 5), calendar=CALENDAR, periods=40)
    assert of_fastest(plan).simple_percent == pytest.approx(10 * 365 / 7)


def test_a_minimum_above_the_cap_is_on_the_fastest_path():
    low = Bound(base=Base.YUAN, value=10_000)
    minimum = MinimumProgress(windows=4, total_over=1, total_under=5)
    lazy = build(capped(50_000, low), 1_000_000, date(2026, 1, 5), calendar=CALENDAR, periods=40)
    held = build(
        capped(50_000, low, minimum_progress=minimum), 1_000_000, date(2026, 1, 5), calendar=CALENDAR, periods=40
    )
    assert of_fastest(held).simple_percent > 1.5 * of_fastest(lazy).simple_percent


@pytest.mark.parametrize("code", ["stripe-capital", "square-loans", "shopify-capital", "paypal-working-capital"])
def test_the_published_mechanics_could_not_be_signed_here(code):
    """No cap: one day of great sales would repay all, with the whole fee."""
    text = (SCHEDULES / "products" / f"{code}.toml").read_text(encoding="utf-8")
    plan = build(read_product(text, f"{code}.toml"), 1_000_000, date(2026, 1, 5), calendar=CALENDAR)
    assert of_plan(plan).simple_percent < 40
    assert check_ceiling(plan, CEILINGS, signed_on=date(2026, 1, 5)).outcome is Outcome.REFUSED
