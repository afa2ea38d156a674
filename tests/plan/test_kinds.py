"""plan/kinds: published schedules to the fen, an oracle in fractions, and the laws every plan keeps."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
import shelf
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from shelf import fen, need
from terms import CALENDAR, FREQUENCIES, product, revenue_product

from loancli.core.days import Calendar, Roll, months_after
from loancli.core.errors import InputError
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.plan import kinds, solve
from loancli.plan.due_days import due_dates, period_of, years_of
from loancli.plan.kinds import build, level_exact
from loancli.plan.product import Balloon, BreathingSpace, CreditLine, Fee, Frequency, Kind, Pays, PrincipalBack, Step
from loancli.plan.rows import Reason, reason_of

START = date(2026, 1, 15)
SCHEDULES = shelf.cases("truth/schedules.json")
DOMAIN = shelf.cases("domain/cases.json")


def parts(plan):
    return [(row.principal_fen, row.interest_fen) for row in plan.rows]


# --- published schedules ---


def test_sch_01_equal_instalments():
    case = need(DOMAIN, "SCH-01")["expect"]
    plan = build(product(), 10_000_000, START, calendar=CALENDAR)
    first, last = plan.rows[0], plan.rows[-1]
    assert [row.due_fen for row in plan.rows[:-1]] == [fen(case["instalment"])] * 11
    for row, told in ((first, case["first"]), (last, case["last"])):
        found = (row.number, row.interest_fen, row.principal_fen, row.due_fen)
        assert found == (told["n"], fen(told["interest"]), fen(told["principal"]), fen(told["total"]))
    assert plan.interest_fen == fen(case["interest_sum"])


def test_sch_02_equal_principal():
    case = need(DOMAIN, "SCH-02")["expect"]
    plan = build(product(kind=Kind.EQUAL_PRINCIPAL), 10_000_000, START, calendar=CALENDAR)
    for row, told in ((plan.rows[0], case["first"]), (plan.rows[-1], case["last"])):
        found = (row.number, row.interest_fen, row.principal_fen, row.due_fen)
        assert found == (told["n"], fen(told["interest"]), fen(told["principal"]), fen(told["total"]))
    assert plan.rows[1].due_fen == fen(case["second_total"])
    assert reason_of(plan.rows[-1].reason) == (Reason.LAST, (833_333 + 8_333,))
    assert plan.interest_fen == fen(case["interest_sum"])


def test_apr_03_the_schedule_with_a_monthly_fee():
    case = need(DOMAIN, "APR-03")["expect"]
    fee = Fee(name="担保费", amount_fen=50_000, due_with="every")
    plan = build(product(annual_rate_ppm=90_000, fees=(fee,)), 10_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].due_fen - plan.rows[0].fee_fen == fen(case["schedule_instalment"])
    assert plan.rows[-1].due_fen - plan.rows[-1].fee_fen == fen(case["schedule_last_instalment"])
    assert [row.fee_fen for row in plan.rows] == [50_000] * 12


def thirty_360(rate_ppm, count, **changes):
    terms = {"day_count": DayCount.THIRTY_360, "rounding": Rounding.HALF_EVEN}
    return product(annual_rate_ppm=rate_ppm, periods=count, **terms | changes)


# case id → (terms, principal in fen, start)
BY_ROWS = {
    "fin-emi-15678-365act": (thirty_360(156_780, 6, day_count=DayCount.ACT_365F), 10_000, date(2024, 1, 1)),
    "fin-emi-94822-30360": (thirty_360(94_822, 6), 10_000, date(2024, 1, 1)),
    "fin-emi-actact-leap": (thirty_360(94_822, 6, day_count=DayCount.ACT_ACT), 10_000, date(2023, 12, 12)),
    "fin-emi-zero-rate": (thirty_360(0, 4, day_count=DayCount.ACT_ACT), 100_000, date(2024, 1, 1)),
    "fin-rs02-annuity-whole": (product(periods=18, instalment_unit_fen=100), 500_000, date(2022, 11, 1)),
    "fin-rs04-equal-principal": (product(kind=Kind.EQUAL_PRINCIPAL, periods=18), 500_000, date(2022, 11, 1)),
    "fin-rs05-grace3": (
        product(
            periods=18,
            instalment_unit_fen=100,
            breathing_space=BreathingSpace(
                pays=Pays(interest=True), extends=False, periods_max=3, a_year_max=1, at_start=3
            ),
        ),
        500_000,
        date(2022, 11, 1),
    ),
    "fin-rs01-flat": (product(kind=Kind.FLAT, periods=18, instalment_unit_fen=100), 500_000, date(2022, 11, 1)),
    "fin-zero-whole-units": (
        product(kind=Kind.FLAT, annual_rate_ppm=0, periods=6, instalment_unit_fen=100),
        100_000,
        date(2023, 9, 1),
    ),
    "fin-base-100-7": (thirty_360(70_000, 6), 10_000, date(2024, 1, 1)),
    "fin-31st-30360": (product(day_count=DayCount.EQUAL_MONTHS, periods=3), 1_000_000, date(2025, 1, 31)),
}


@pytest.mark.parametrize("case_id", list(BY_ROWS))
def test_published_rows(case_id):
    terms, principal_fen, start_on = BY_ROWS[case_id]
    expected = need(SCHEDULES, case_id)["expected"]
    rows = expected["rows"] if "rows" in expected else expected["snapshots"][0]["rows"]
    plan = build(terms, principal_fen, start_on, calendar=CALENDAR)
    assert parts(plan) == [(fen(row["principal"]), fen(row["interest"])) for row in rows]
    balances_fen = [principal_fen - sum(row.principal_fen for row in plan.rows[:n]) for n in range(1, len(rows) + 1)]
    if "balance" in rows[0]:
        assert balances_fen == [fen(row["balance"]) for row in rows]
    if case_id not in {"fin-emi-actact-leap", "fin-31st-30360"}:  # the one prints wrong days, the other none
        assert [row.due_on.isoformat() for row in plan.rows] == [row["due"] for row in rows]


def test_curo_1_arrears_all_but_the_last_row():
    """The source takes the last fen out of the interest, so that all instalments are equal; ours does not."""
    rows = need(SCHEDULES, "curo-1-arrears")["expected"]["rows"]
    plan = build(product(annual_rate_ppm=82_500, periods=6), 1_000_000, date(2026, 1, 5), calendar=CALENDAR)
    told = [(fen(row["principal"]), fen(row["interest"])) for row in rows]
    assert parts(plan)[:-1] == told[:-1]
    assert parts(plan)[-1] == (told[-1][0], told[-1][1] + 1)  # 11.6555 is 11.66


def test_fin_rate_factors_365():
    case = need(SCHEDULES, "fin-rate-factors-365")
    days = [date.fromisoformat(day) for day in case["inputs"]["periods_from"]]
    rate = Fraction(94_822, PPM)
    for from_on, to_on, printed in zip(days, days[1:], case["expected"]["rate_factors"], strict=False):
        exact = rate * year_fraction(DayCount.ACT_365F, from_on, to_on)
        assert abs(exact - Fraction(printed)) <= Fraction(1, 2 * 10**12)


def test_fin_emi_12m_7():
    case = need(SCHEDULES, "fin-emi-12m-7")["expected"]
    plan = build(thirty_360(70_000, 12), 10_000, date(2024, 1, 1), calendar=CALENDAR)
    assert {row.due_fen for row in plan.rows[:-1]} == {fen(case["payment_1_to_11"])}


def test_fin_bullet_8m_interest_first():
    case = need(SCHEDULES, "fin-bullet-8m")["expected"]
    terms = thirty_360(300_000, 8, kind=Kind.INTEREST_FIRST)
    plan = build(terms, 10_000, date(2024, 1, 1), calendar=CALENDAR)
    assert [row.due_fen for row in plan.rows] == [fen(case["interest_each"])] * 7 + [fen(case["last_payment"])]
    assert plan.interest_fen == fen(case["total_interest"])


def test_fin_semimonthly_15_last_from_the_last_day():
    """The case is paid out on the 5th; its days are ours for a loan paid out on the last day of the month before."""
    case = need(SCHEDULES, "fin-semimonthly-15-last")["expected"]
    terms = product(frequency=Frequency(half_monthly=True), day_count=DayCount.ACT_365F)
    dues = due_dates(terms, start_on=date(2022, 12, 31), first_due_on=None, periods=8, calendar=CALENDAR)
    assert [due.due_on.isoformat() for due in dues] == case["due"]


def test_wcl_due_31st_remembers_the_day():
    case = need(shelf.cases("truth/revenue_plans.json"), "wcl-due-31st")["expected"]
    for start_on, days in ((date(2026, 1, 31), case["due"]), (date(2028, 1, 29), case["leap_anchor"]["due"])):
        dues = due_dates(product(), start_on=start_on, first_due_on=None, periods=len(days), calendar=CALENDAR)
        assert [due.due_on.isoformat() for due in dues] == days


def test_frappe_280000_20m_rounded_up_to_a_yuan():
    """The source shows its rows rounded to the unit; ours stay in fen, within the case's tolerance of 1."""
    expected = need(SCHEDULES, "frappe-280000-20m")["expected"]
    terms = product(annual_rate_ppm=84_000, periods=20, instalment_unit_fen=100)
    plan = build(terms, 28_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].due_fen == fen(expected["payment"])
    for told in expected["rows_rounded_to_unit"]:
        row = plan.rows[told["n"] - 1]
        assert abs(row.principal_fen - fen(told["principal"])) <= 100
        assert abs(row.interest_fen - fen(told["interest"])) <= 100


def test_frappe_500000_12m_level():
    expected = need(SCHEDULES, "frappe-500000-12m")["expected"]
    terms = product(annual_rate_ppm=250_000, instalment_unit_fen=100, rounding=Rounding.UP)
    plan = build(terms, 50_000_000, date(2024, 4, 1), calendar=CALENDAR)
    assert plan.rows[0].due_fen == fen(expected["payment"])


def test_frappe_issue_1452_a_unit_rounded_up_leaves_a_small_last_instalment():
    """The source says that 11 instalments of 13 are enough; exactly it is 11.03, so that the twelfth is 0.45."""
    expected = need(SCHEDULES, "frappe-issue-1452")["expected"]
    terms = product(annual_rate_ppm=200_000, rounding=Rounding.UP, instalment_unit_fen=100)
    exact = level_exact(terms, 13_000, dues_of(terms, START, 12))
    assert int(exact) == fen(expected["exact_payment"])
    plan = build(terms, 13_000, START, calendar=CALENDAR)
    assert [row.due_fen for row in plan.rows] == [fen(expected["rounded_up_payment"])] * 11 + [45]


def test_a_unit_that_ends_the_plan_early_is_refused():
    terms = product(annual_rate_ppm=200_000, rounding=Rounding.UP, instalment_unit_fen=100)
    with pytest.raises(InputError, match=r"instalment_unit: 24 instalments of 7\.00 would leave 0\.00"):
        build(terms, 13_000, START, periods=24, calendar=CALENDAR)


def test_cn_loan_1m_49_360():
    expected = need(SCHEDULES, "cn-loan-1m-49-360-equal-payment")["expected"]
    plan = build(product(annual_rate_ppm=49_000, periods=360), 100_000_000, START, calendar=CALENDAR)
    assert plan.rows[0].due_fen == fen(expected["payment"])
    # The source rounds nothing but what it prints, so that 360 roundings differ by some fen: its total is not ours.
    assert abs(plan.interest_fen - fen(expected["total_interest"])) <= 360
    assert plan.rows[0].interest_fen == fen(expected["first_row"]["interest"])
    assert abs(plan.rows[0].principal_fen - fen(expected["first_row"]["principal"])) <= 1


def test_curo_5_stepped_big_and_small_months():
    case = need(SCHEDULES, "curo-5-stepped")
    weights = tuple(int(Fraction(weight) * 10) for weight in case["inputs"]["weights"])
    terms = product(kind=Kind.BIG_SMALL_MONTHS, weights=weights, weights_per="period", annual_rate_ppm=70_000)
    plan = build(terms, 1_000_000, date(2026, 1, 5), calendar=CALENDAR)
    told_fen = [fen(text) for text in case["expected"]["payments"]]
    assert [row.due_fen for row in plan.rows[:-1]] == told_fen[:-1]
    assert plan.rows[-1].due_fen == told_fen[-1] + 3  # the source rounds no interest in between; ours each period's
    assert reason_of(plan.rows[4].reason) == (Reason.WEIGHT, (6, 10, 128_889))


def test_hs_flat_fee_is_flat_interest():
    """The source calls it a fee of 1 % of the original principal in each period; here it is flat interest of 12 %."""
    case = need(SCHEDULES, "hs-flat-fee")
    expected = case["expected"]
    plan = build(product(kind=Kind.FLAT), fen(case["inputs"]["principal"]), START, calendar=CALENDAR)
    assert parts(plan)[:-1] == [(fen(expected["principal_1"]), fen(expected["fee_1"]))] * 11
    assert 100_000 - plan.rows[0].principal_fen == fen(expected["balance_after_1"])


def test_np_table_2500_and_np_pmt_1():
    """Printed without rounding in between: within a fen of our rows."""
    cases = shelf.cases("truth/tvm.json")
    table = need(cases, "np-table-2500")["expected"]["rows_unrounded_to_cents"]
    plan = build(product(annual_rate_ppm=82_400), 250_000, START, calendar=CALENDAR)
    for row, told in zip(plan.rows, table, strict=True):
        assert abs(row.interest_fen - fen(told["interest"])) <= 1
        assert abs(row.principal_fen - fen(told["principal"])) <= 2
    printed = -Fraction(need(cases, "np-pmt-1")["expected"]["value"])
    terms = product(annual_rate_ppm=80_000, periods=60)
    assert abs(level_exact(terms, 1_500_000, dues_of(terms, START, 60)) - 100 * printed) < Fraction(1, 1000)


# --- laws ---


def dues_of(terms, start_on, count, first_due_on=None):
    return due_dates(terms, start_on=start_on, first_due_on=first_due_on, periods=count, calendar=CALENDAR)


ORDINARY = [kind for kind in Kind if kind not in {Kind.REVENUE_SHARE, Kind.CUSTOM}]  # test_own_rows has custom plans
BALLOONS = st.one_of(
    st.builds(Balloon, periods=st.integers(49, 120)),
    st.builds(Balloon, residual_ppm=st.integers(1, 999_999)),
    st.builds(Balloon, residual_fen=st.integers(1, 100_000)),
)
STEPS = st.one_of(
    st.builds(Step, every=st.integers(1, 24), by_ppm=st.integers(-500_000, 500_000)),
    st.builds(Step, every=st.integers(1, 24), by_fen=st.integers(-5_000, 5_000)),
)
LINES = st.builds(
    CreditLine,
    principal=st.sampled_from(PrincipalBack),
    share_ppm=st.integers(1, 999_999),
    draw_min_fen=st.just(1),
    no_draws_last_periods=st.just(0),
    revolving=st.booleans(),
)
WEIGHTS = st.lists(st.integers(0, 100), min_size=12, max_size=12).map(tuple)


@st.composite
def loans(draw, kinds_drawn=tuple(ORDINARY)):
    """Terms and a principal, from the whole space of terms."""
    kind = draw(st.sampled_from(kinds_drawn))
    frequency = draw(st.sampled_from(FREQUENCIES))
    counts = [count for count in DayCount if frequency.months or count is not DayCount.EQUAL_MONTHS]
    day_count = draw(st.sampled_from(counts))
    terms = product(
        kind=kind,
        frequency=frequency,
        day_count=day_count,
        annual_rate_ppm=draw(st.integers(0, 240_000)),
        roll=draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING, Roll.MODIFIED_FOLLOWING])),
        roll_interest=draw(st.booleans()) and day_count is not DayCount.EQUAL_MONTHS,
        rounding=draw(st.sampled_from(list(Rounding))),
        instalment_unit_fen=draw(st.sampled_from([1, 10, 100])),
        weights=draw(WEIGHTS) if kind is Kind.BIG_SMALL_MONTHS else (),
        balloon=draw(BALLOONS) if kind is Kind.BALLOON else None,
        step=draw(STEPS) if kind is Kind.STEPPED else None,
        line=draw(LINES) if kind is Kind.CREDIT_LINE else None,
    )
    principal_fen = draw(st.one_of(st.integers(1, 10**12), st.integers(100_000, 50_000_000)))
    start_on = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    stub_days = draw(st.one_of(st.none(), st.integers(1, 31)))
    first_due_on = start_on + timedelta(days=stub_days) if stub_days else None
    return terms, principal_fen, start_on, draw(st.integers(1, 48)), first_due_on


def plan_of(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        return build(terms, principal_fen, start_on, periods=count, first_due_on=first_due_on, calendar=CALENDAR)
    except InputError:
        return None  # exact or refused


@settings(max_examples=300)
@given(loans())
def test_a_plan_repays_its_principal_and_its_days_go_on(loan):
    plan = plan_of(loan)
    assume(plan is not None)
    terms, principal_fen, start_on, _, _ = loan
    assert sum(row.principal_fen for row in plan.rows) == principal_fen
    assert [row.number for row in plan.rows] == list(range(1, len(plan.rows) + 1))
    assert plan.rows[0].from_on == start_on
    for before, after in zip(plan.rows, plan.rows[1:], strict=False):
        assert before.to_on == after.from_on
        assert before.due_on < after.due_on
    for row in plan.rows:
        assert terms.roll is Roll.NONE or CALENDAR.is_working_day(row.due_on)
        assert row.to_on == row.due_on or not terms.roll_interest


@settings(max_examples=300)
@given(loans())
def test_interest_is_the_exact_fraction_rounded_once(loan):
    """The oracle: fractions all the way, and core.money.rounded() alone rounds."""
    plan = plan_of(loan)
    assume(plan is not None)
    terms, balance_fen, _, _, _ = loan
    for row in plan.rows:
        base_fen = plan.principal_fen if terms.kind is Kind.FLAT else balance_fen
        exact = Fraction(base_fen * terms.annual_rate_ppm, PPM) * years_of(terms, row)
        assert row.interest_fen == rounded(exact, terms.rounding)
        balance_fen -= row.principal_fen


@settings(max_examples=200)
@given(loans(kinds_drawn=(Kind.EQUAL_INSTALMENTS,)))
def test_the_level_is_the_solution_in_fractions(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        dues = dues_of(terms, start_on, count, first_due_on)
    except InputError:
        reject()
    level = level_exact(terms, principal_fen, dues)
    balance = Fraction(principal_fen)
    for due in dues:
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        # Interest is always due in full; in the last period whatever the level leaves must be nothing.
        balance -= level - interest if due is dues[-1] else max(level - interest, 0)
    assert balance == 0


@settings(max_examples=200)
@given(loans(kinds_drawn=(Kind.BIG_SMALL_MONTHS,)))
def test_the_base_of_weights_closes_the_plan_though_the_balance_never_grows(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        dues = dues_of(terms, start_on, count, first_due_on)
    except InputError:
        reject()
    weights = [terms.weights[due.agreed_on.month - 1] for due in dues]
    assume(weights[-1])
    base = Fraction(*solve.weighted_base(principal_fen, kinds.factors_of(terms, dues), weights))
    balance = Fraction(principal_fen)
    for due, weight in zip(dues, weights, strict=True):
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        part = weight * base - interest
        balance -= part if due is dues[-1] else max(part, 0)
    assert balance == 0


@settings(max_examples=100)
@given(loans(kinds_drawn=(Kind.STEPPED, Kind.BALLOON)))
def test_steps_and_balloons_close_in_fractions_though_the_balance_never_grows(loan):
    """What is solved for: with no rounding at all the last instalment is as the others, and the residual is left."""
    terms, principal_fen, start_on, count, first_due_on = loan
    reach = max(count, terms.balloon.periods) if terms.balloon else count
    try:
        dues = dues_of(terms, start_on, reach, first_due_on)
    except InputError:
        reject()
    residual_fen, weights, extras_fen = 0, [1] * reach, [0] * reach
    if terms.balloon:
        residual_fen = principal_fen * terms.balloon.residual_ppm // PPM
    else:
        ratio = PPM + terms.step.by_ppm
        steps = [index // terms.step.every for index in range(count)]
        weights = [ratio**number * PPM ** (steps[-1] - number) for number in steps]
        extras_fen = [terms.step.by_fen * number for number in steps]
    factors = kinds.factors_of(terms, dues)
    base = Fraction(*solve.solved(solve.Sought(principal_fen, factors, weights, extras_fen, residual_fen)))
    balance = Fraction(principal_fen)
    for due, weight, extra_fen in zip(dues, weights, extras_fen, strict=True):
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        part = weight * base + extra_fen - interest
        balance -= part if due is dues[-1] else max(part, 0)
    assert balance == residual_fen


@settings(max_examples=200)
@given(loans())
def test_all_but_the_last_instalment_are_what_their_reason_says(loan):
    plan = plan_of(loan)
    assume(plan is not None)
    left_fen = plan.principal_fen
    for row in plan.rows[:-1]:
        code, values = reason_of(row.reason)
        if code is Reason.PART_IN_USE:
            assert row.principal_fen == rounded(Fraction(left_fen * values[0], PPM), plan.product.rounding)
        left_fen -= row.principal_fen
        if code is Reason.LEVEL:
            assert row.due_fen == values[0]
        elif code is Reason.STEP:
            number, instalment_fen, first_fen = values
            step = plan.product.step
            exact = first_fen * Fraction(PPM + step.by_ppm, PPM) ** (number - 1) + step.by_fen * (number - 1)
            assert number == (row.number - 1) // step.every + 1
            assert row.due_fen == instalment_fen
            assert row.due_fen == rounded(exact, plan.product.rounding, plan.product.instalment_unit_fen)
        elif code is Reason.FLAT:
            assert (row.principal_fen, plan.principal_fen) == values
        elif code is Reason.EQUAL_PART:
            assert row.principal_fen == values[0]
        elif code is Reason.WEIGHT:
            weight, biggest, big_fen = values
            unit_fen = plan.product.instalment_unit_fen
            assert row.due_fen == rounded(Fraction(big_fen * weight, biggest), plan.product.rounding, unit_fen)
        elif code not in {Reason.PART_IN_USE, Reason.LEVEL_IN_USE}:  # of the level, equal plans have the same rows
            assert code is Reason.INTEREST_ONLY
            assert row.principal_fen == 0
    code, values = reason_of(plan.rows[-1].reason)
    if code is Reason.BALLOON:
        assert plan.rows[-1].principal_fen == values[0]
        assert all(row.due_fen == values[1] for row in plan.rows[:-1] if row.principal_fen)
    if code is Reason.LAST and len(plan.rows) > 1:
        assert 0 < plan.rows[-1].due_fen <= 2 * values[0]


@settings(max_examples=100)
@given(loans(kinds_drawn=(Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_FIRST)))
def test_more_principal_is_never_less_interest(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    assume(principal_fen < 10**12)
    smaller, bigger = plan_of(loan), plan_of((terms, principal_fen + 1, start_on, count, first_due_on))
    assume(smaller is not None and bigger is not None)
    # A fen can tip the rounding of a level by one unit, and so the interest of each later row by less than that.
    assert bigger.interest_fen >= smaller.interest_fen - terms.instalment_unit_fen * count


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


# --- days ---


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


# --- kinds ---


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


def test_fees_come_on_top_with_the_first_or_every_instalment():
    fees = (
        Fee(name="手续费", principal_ppm=5_000, due_with="first"),
        Fee(name="账户费", amount_fen=200, due_with="every"),
    )
    plan = build(product(fees=fees), 1_000_100, START, calendar=CALENDAR)
    assert [row.fee_fen for row in plan.rows[:3]] == [5_001 + 200, 200, 200]  # 5000.5 fen, half up
    assert plan.fee_fen == 5_001 + 12 * 200
    assert sum(row.principal_fen for row in plan.rows) == 1_000_100


# --- refused ---


@pytest.mark.parametrize(
    ("principal_fen", "count", "message"),
    [
        pytest.param(99, 12, "principal: 0.99 yuan is not allowed; plain lends 1.00 to 2.00 yuan", id="below"),
        pytest.param(201, 12, "principal: 2.01 yuan is not allowed", id="above"),
        pytest.param(150, 2, "periods: 2 is not allowed; plain has 3 to 24", id="too few"),
        pytest.param(150, 25, "periods: 25 is not allowed", id="too many"),
    ],
)
def test_what_the_product_does_not_lend_is_refused(principal_fen, count, message):
    terms = product(principal_min_fen=100, principal_max_fen=200, periods_min=3, periods_max=24)
    with pytest.raises(InputError, match=message):
        build(terms, principal_fen, START, periods=count, calendar=CALENDAR)


@pytest.mark.parametrize("kind", [Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.FLAT])
def test_a_principal_too_small_to_share_is_refused_not_strange(kind):
    for principal_fen in (1, 7, 11):
        with pytest.raises(InputError, match="instalment_unit: 12 instalments"):
            build(product(kind=kind), principal_fen, START, calendar=CALENDAR)


def test_from_1_fen_to_10_billion_yuan_in_1_to_600_periods():
    for principal_fen in (1, 10**12):
        (row,) = build(product(), principal_fen, START, periods=1, calendar=CALENDAR).rows
        assert row.principal_fen == principal_fen
    for terms in (
        product(),
        product(kind=Kind.FLAT),
        product(kind=Kind.BALLOON, balloon=Balloon(periods=720)),
        product(kind=Kind.BALLOON, balloon=Balloon(residual_ppm=1)),
        product(kind=Kind.STEPPED, step=Step(every=1, by_ppm=1_001)),
        product(kind=Kind.STEPPED, step=Step(every=12, by_fen=-1)),
    ):
        (row,) = build(terms, 1, START, periods=1, calendar=CALENDAR).rows
        assert row.principal_fen == 1
        plan = build(terms, 10**12, START, periods=600, calendar=CALENDAR)
        assert len(plan.rows) == 600
        assert plan.rows[-1].due_on == months_after(START, 600)
        with pytest.raises(InputError, match=r"instalment_unit|step\.by"):
            build(terms, 1, START, periods=600, calendar=CALENDAR)


def test_an_empty_calendar_still_knows_weekends():
    bare = Calendar(off=frozenset(), make_up=frozenset(), known_from=START, known_until=START)
    terms = product(roll=Roll.FOLLOWING)
    assert due_dates(terms, start_on=START, first_due_on=None, periods=1, calendar=bare)[0].due_on == date(2026, 2, 16)
