"""Published schedules, to the fen, against plans of ours; where a source differs, the test says by how much and why."""

from datetime import date
from fractions import Fraction

import pytest
from shelf import cases, fen, need
from terms import CALENDAR, product

from loancli.core.money import Rounding
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.plan.build import build
from loancli.plan.due_days import due_dates
from loancli.plan.kinds import level_exact
from loancli.plan.product import BreathingSpace, Fee, Frequency, Kind, Pays
from loancli.plan.rows import Reason, reason_of

START = date(2026, 1, 15)
SCHEDULES = cases("truth/schedules.json")
DOMAIN = cases("domain/cases.json")


def parts(plan):
    return [(row.principal_fen, row.interest_fen) for row in plan.rows]


def dues_of(terms, start_on, count, first_due_on=None):
    return due_dates(terms, start_on=start_on, first_due_on=first_due_on, periods=count, calendar=CALENDAR)


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
    case = need(cases("truth/revenue_plans.json"), "wcl-due-31st")["expected"]
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
    tvm = cases("truth/tvm.json")
    table = need(tvm, "np-table-2500")["expected"]["rows_unrounded_to_cents"]
    plan = build(product(annual_rate_ppm=82_400), 250_000, START, calendar=CALENDAR)
    for row, told in zip(plan.rows, table, strict=True):
        assert abs(row.interest_fen - fen(told["interest"])) <= 1
        assert abs(row.principal_fen - fen(told["principal"])) <= 2
    printed = -Fraction(need(tvm, "np-pmt-1")["expected"]["value"])
    terms = product(annual_rate_ppm=80_000, periods=60)
    assert abs(level_exact(terms, 1_500_000, dues_of(terms, START, 60)) - 100 * printed) < Fraction(1, 1000)
