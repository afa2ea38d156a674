"""plan/cost and plan/ceilings: yearly rates against published ones, ceilings by lender and day."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st
from shelf import fen, need
from terms import CALENDAR, SCHEDULES, product, revenue_product

from loancli.core.days import Roll, months_after
from loancli.core.errors import InputError
from loancli.core.rates import DayCount
from loancli.outlook.history import History
from loancli.outlook.season import with_season
from loancli.plan.build import build
from loancli.plan.ceilings import Outcome, check_ceiling, limit_on, lpr_on, read_ceilings, verdict_on
from loancli.plan.cost import Apr, apr, of_fastest, of_plan
from loancli.plan.product import Balloon, Base, Bound, Fee, Frequency, Kind, Step
from loancli.plan.product_file import read_product
from loancli.plan.rows import OwnRow

START = date(2026, 1, 15)
MONTHLY = Fraction(12)
DOMAIN = shelf.cases("domain/cases.json")
TRUTH = shelf.cases("truth/apr.json")
TOML = (SCHEDULES / "policies" / "ceilings.toml").read_text(encoding="utf-8")
LPR = (SCHEDULES / "policies" / "lpr.csv").read_text(encoding="utf-8")
CEILINGS = read_ceilings(TOML, LPR)


def monthly(texts):
    return [(months_after(START, number), fen(text)) for number, text in enumerate(texts)]


# --- yearly rates ---


@pytest.mark.parametrize("case_id", ["APR-01", "APR-02", "APR-05"])
def test_equal_periods(case_id):
    case = need(DOMAIN, case_id)
    found = apr(monthly(case["given"]["cash_flows_monthly"]), periods_a_year=MONTHLY)
    assert found.periodic_irr == pytest.approx(float(case["expect"]["periodic_irr"]), abs=2e-8)
    assert found.simple_percent == pytest.approx(float(case["expect"]["apr_simple_percent"]), abs=2e-4)
    assert found.compound_percent == pytest.approx(float(case["expect"]["apr_compound_percent"]), abs=2e-4)


def test_apr_03_a_monthly_fee_is_cost():
    case = need(DOMAIN, "APR-03")["expect"]
    fee = Fee(name="担保费", amount_fen=50_000, due_with="every")
    plan = build(product(annual_rate_ppm=90_000, fees=(fee,)), 10_000_000, START, calendar=CALENDAR)
    found = of_plan(plan)
    assert found.simple_percent == pytest.approx(float(case["apr_simple_percent"]), abs=2e-4)
    assert found.compound_percent == pytest.approx(float(case["apr_compound_percent"]), abs=2e-4)
    signed_on = date(2026, 11, 23)
    licensed = check_ceiling(plan, CEILINGS, signed_on=signed_on)
    private = replace(plan, product=replace(plan.product, lender_kind="unlicensed"))
    assert (licensed.outcome is Outcome.OK) is case["within_24_percent"]
    assert (check_ceiling(private, CEILINGS, signed_on=signed_on).outcome is Outcome.OK) is case[
        "within_4x_lpr_12_percent"
    ]


def test_apr_04_dated_flows():
    case = need(DOMAIN, "APR-04")
    flows = [(date.fromisoformat(day), fen(text)) for day, text in case["given"]["flows"]]
    found = apr(flows)
    assert found.compound_percent == pytest.approx(float(case["expect"]["apr_compound_percent"]), abs=2e-4)
    assert apr(flows[::-1]) == found
    assert (1 + found.periodic_irr) ** 12 == pytest.approx(1 + found.compound_percent / 100)
    assert found.simple_percent == pytest.approx(found.periodic_irr * 1200)


def test_apr_05_only_the_compound_figure_is_above():
    expected = need(DOMAIN, "APR-05")["expect"]
    found = apr(monthly(DOMAIN["APR-05"]["given"]["cash_flows_monthly"]), periods_a_year=MONTHLY)
    limit = limit_on(CEILINGS, "microcredit", date(2026, 11, 23))
    assert verdict_on(found, limit).value == expected["verdict"]


# The other cases of apr.json stretch the first period by a fraction (US Appendix J), which PRC-01 does not know.
@pytest.mark.parametrize("case_id", ["regz-c1i", "regz-c3i", "regz-c4i", "regz-x-daily"])
def test_regulation_z_with_whole_periods_is_our_simple_rate(case_id):
    case = need(TRUTH, case_id)
    by_day: dict[int, int] = {}
    start_on = date.fromisoformat(case["inputs"]["date"])
    in_days = case["inputs"]["unit_period"].startswith("day")
    for run in case["inputs"]["payments"]:
        first_on = date.fromisoformat(run["first"])
        months = (first_on.year - start_on.year) * 12 + first_on.month - start_on.month
        first = (first_on - start_on).days if in_days else months
        for number in range(run["count"]):
            by_day[first + number] = -fen(run["amount"])
    flows = [(start_on, fen(case["inputs"]["advance"]))]
    flows += [(start_on + timedelta(days=step), by_day.get(step, 0)) for step in range(1, max(by_day) + 1)]
    found = apr(flows, periods_a_year=Fraction(365 if in_days else 12))
    assert found.simple_percent == pytest.approx(float(case["expected"]["apr_percent"]), abs=0.005)


@pytest.mark.parametrize("case_id", ["curo-2-eu-apr-fee", "curo-rate-with-charge"])
def test_months_as_twelfths_are_our_compound_rate(case_id):
    case = need(TRUTH, case_id)
    inputs = case["inputs"]
    flows = [(date.fromisoformat(inputs["date"]), fen(inputs["advance"]))]
    flows += [(date.fromisoformat(paid["date"]), -fen(paid["amount"])) for paid in inputs["payments"]]
    for charge in inputs["charges"]:
        at = next(index for index, (day, _) in enumerate(flows) if day == date.fromisoformat(charge["date"]))
        flows[at] = (flows[at][0], flows[at][1] - fen(charge["amount"]))
    found = apr(flows, periods_a_year=MONTHLY).compound_percent
    if "rate" in case["expected"]:
        assert found / 100 == pytest.approx(float(case["expected"]["rate"]), abs=1e-8)
    else:
        assert found == pytest.approx(float(case["expected"]["apr_percent"]), abs=0.005)


@pytest.mark.parametrize(
    ("case_id", "key"),
    [
        ("eu-5-days", "apr_percent"),
        ("eu-two-270", "apr_percent_days_365"),
        ("eu-dir-1200-18m", "apr_percent"),
        ("eu-dir-two-600", "apr_percent"),
    ],
)
def test_days_over_365_are_our_dated_rate(case_id, key):
    case = need(TRUTH, case_id)
    start_on = date.fromisoformat(case["inputs"].get("date", "2001-01-01"))
    flows = [(start_on, fen(case["inputs"]["advance"]))]
    for paid in case["inputs"]["payments"]:
        day = paid["date"] if "date" in paid else (start_on + timedelta(days=365 * paid["years"])).isoformat()
        flows.append((date.fromisoformat(day), -fen(paid["amount"])))
    assert apr(flows).compound_percent == pytest.approx(float(case["expected"][key]), abs=0.01)


def test_months_as_twelfths_and_days_differ_and_both_are_known():
    case = need(TRUTH, "eu-two-270")
    flows = monthly(["500", "-270", "-270"])
    found = apr(flows, periods_a_year=MONTHLY).compound_percent
    assert found == pytest.approx(float(case["expected"]["apr_percent_months_as_twelfths"]), abs=0.01)


def test_xl_xirr():
    case = need(shelf.cases("truth/tvm.json"), "xl-xirr")
    flows = [(date.fromisoformat(flow["date"]), -fen(flow["amount"])) for flow in case["inputs"]["flows"]]
    assert apr(flows).compound_percent / 100 == pytest.approx(float(case["expected"]["rate"]), abs=1e-8)


@pytest.mark.parametrize("case_id", ["wcl-weekly", "wcl-monthly"])
def test_the_same_fee_costs_more_a_year_when_it_is_repaid_sooner(case_id):
    case = need(shelf.cases("truth/revenue_plans.json"), case_id)
    inputs, expected = case["inputs"], case["expected"]
    payments = [-fen(expected["payment"])] * (expected["payments"] - 1) + [-fen(expected["last_payment"])]
    flows = [(START, fen(inputs["net_advance"])), *((START, amount_fen) for amount_fen in payments)]
    periods = Fraction(360, 7) if inputs["collect"] == "weekly" else MONTHLY
    found = apr(flows, periods_a_year=periods).compound_percent
    assert found == pytest.approx(float(expected["yearly_rate_percent"]), abs=2e-4)


@given(st.integers(1_000, 240_000), st.integers(2, 48), st.integers(10**6, 10**10))
def test_without_fees_the_simple_figure_is_the_contract_rate(rate_ppm, count, principal_fen):
    plan = build(product(annual_rate_ppm=rate_ppm), principal_fen, START, periods=count, calendar=CALENDAR)
    assert of_plan(plan).simple_percent == pytest.approx(rate_ppm / 10_000, abs=0.02)  # interest is rounded to the fen


@pytest.mark.parametrize(
    ("terms", "periods_a_year"),
    [
        pytest.param(product(), 12, id="monthly"),
        pytest.param(product(frequency=Frequency(months=3)), 4, id="quarterly"),
        pytest.param(product(frequency=Frequency(days=7), day_count=DayCount.ACT_365F), 365 / 7, id="weekly"),
        pytest.param(
            product(frequency=Frequency(half_monthly=True), day_count=DayCount.ACT_365F), 24, id="half-monthly"
        ),
        pytest.param(product(kind=Kind.SINGLE_PAYMENT, periods=6), 2, id="once, after six months"),
        pytest.param(
            product(kind=Kind.SINGLE_PAYMENT, periods=10, frequency=Frequency(days=7), day_count=DayCount.ACT_365F),
            365 / 70,
            id="once, after ten weeks",
        ),
    ],
)
def test_a_plan_of_equal_periods_counts_them(terms, periods_a_year):
    found = of_plan(build(terms, 10_000_000, START, calendar=CALENDAR))
    assert found.periods_a_year == pytest.approx(periods_a_year)
    assert found.simple_percent == pytest.approx(12, abs=0.2)


@pytest.mark.parametrize(
    ("terms", "first_due_on"),
    [
        pytest.param(product(), date(2026, 3, 1), id="a stub first"),
        pytest.param(
            product(frequency=Frequency(days=7), day_count=DayCount.ACT_360), date(2026, 1, 30), id="a stub of days"
        ),
        pytest.param(
            product(roll=Roll.FOLLOWING, roll_interest=True, day_count=DayCount.ACT_365F), None, id="days moved"
        ),
    ],
)
def test_a_plan_of_unequal_periods_goes_by_days(terms, first_due_on):
    plan = build(terms, 10_000_000, START, first_due_on=first_due_on, calendar=CALENDAR)
    flows = [(START, plan.principal_fen), *((row.due_on, -row.due_fen) for row in plan.rows)]
    assert of_plan(plan) == apr(flows)


@pytest.mark.parametrize(
    "flows",
    [
        pytest.param([100, -200, 150, -60], id="more paid back than was lent, then lent again"),
        pytest.param([100, -50, 20], id="lent last"),
        pytest.param([100, 0, 0], id="never paid back"),
        pytest.param([-100, -10], id="never lent"),
        pytest.param([-100, 110], id="paid back before it is lent"),
    ],
)
def test_flows_without_one_answer_are_refused(flows):
    dated = [(START + timedelta(days=30 * number), amount_fen) for number, amount_fen in enumerate(flows)]
    for periods in (None, MONTHLY):
        with pytest.raises(InputError, match="no one yearly rate fits"):
            apr(dated, periods_a_year=periods)


def test_a_line_that_is_drawn_again_has_one_rate_by_days():
    flows = [100_000, -50_000, 20_000, -80_000]
    dated = [(START + timedelta(days=30 * number), fen) for number, fen in enumerate(flows)]
    yearly = 1 + apr(dated).compound_percent / 100
    worth = sum(fen / yearly ** ((day - START).days / 365) for day, fen in dated)
    assert worth == pytest.approx(0, abs=0.01)
    with pytest.raises(InputError, match="no one yearly rate fits"):
        apr(dated, periods_a_year=MONTHLY)


def test_a_rate_beyond_all_numbers_is_refused():
    with pytest.raises(InputError, match="no yearly rate fits"):
        apr([(START, 100), (START, -110)])


# --- the fastest path ---


def test_a_fixed_fee_is_held_to_the_fastest_path():
    """A fee of 4 % over a year is within 24 %; repaid at the cap, in half the time, it is not."""
    fees = (Fee(name="服务费", principal_ppm=60_000),)
    terms = revenue_product(annual_rate_ppm=120_000, fees=fees)
    plan = build(terms, 10_000_000, START, calendar=CALENDAR)
    assert of_plan(plan).simple_percent < 24.0 < of_fastest(plan).simple_percent
    verdict = check_ceiling(plan, CEILINGS, signed_on=date(2026, 11, 23))
    assert verdict.outcome is Outcome.REFUSED
    assert ("path", ("fastest",)) in verdict.parts


@pytest.mark.parametrize(
    ("cap_fen", "count", "paid_fen"),
    [
        pytest.param(4_000_000, 4, [4_100_000, 4_000_000, 2_000_000], id="paid off before the term ends"),
        pytest.param(1_000_000, 3, [1_100_000, 1_000_000, 8_000_000], id="the rest at maturity"),
    ],
)
def test_the_fastest_path_pays_the_cap_until_nothing_is_left(cap_fen, count, paid_fen):
    share = {"floor": None, "cap": Bound(base=Base.YUAN, value=cap_fen)}
    terms = revenue_product(share=share, annual_rate_ppm=0, fees=(Fee(name="f", amount_fen=100_000),))
    plan = build(terms, 10_000_000, START, periods=count, calendar=CALENDAR)
    flows = [(START, 10_000_000), *((START, -amount_fen) for amount_fen in paid_fen)]
    assert of_fastest(plan) == apr(flows, periods_a_year=MONTHLY)


def test_without_a_cap_the_fastest_path_is_one_instalment():
    terms = revenue_product(fees=(Fee(name="f", amount_fen=100_000),), share={"cap": None})
    plan = build(terms, 10_000_000, START, calendar=CALENDAR)
    assert of_fastest(plan).simple_percent == pytest.approx(1200 * (100_000 + 100_000) / 10_000_000)


def test_interest_alone_costs_the_same_on_any_path():
    plan = build(revenue_product(), 10_000_000, START, calendar=CALENDAR)
    assert of_fastest(plan).simple_percent == pytest.approx(of_plan(plan).simple_percent, abs=0.01)


# --- ceilings ---


def test_ceil_01_four_times_the_lpr_of_the_day():
    case = need(DOMAIN, "CEIL-01")
    for text in case["given"]["dates"]:
        day, expected = date.fromisoformat(text), case["expect"][text]
        _, lpr_ppm = lpr_on(CEILINGS, day)
        assert lpr_ppm == int(Fraction(expected["lpr1y_percent"]) * 10_000)
        assert 4 * lpr_ppm == int(Fraction(expected["ceiling_percent"]) * 10_000)
        if day >= date(2020, 8, 20):  # the rule is no older
            assert limit_on(CEILINGS, "unlicensed", day).ppm == 4 * lpr_ppm


def test_cap_4_lpr():
    case = need(shelf.cases("truth/law_cn.json"), "cap-4-lpr")
    for lpr, cap in zip(case["inputs"]["lpr_1y_percent"], case["expected"]["cap_percent"], strict=True):
        ceilings = read_ceilings(TOML, f"published_on,one_year_percent\n2020-08-20,{lpr}\n")
        limit = limit_on(ceilings, "unlicensed", date(2020, 8, 20))
        assert limit.ppm == int(Fraction(cap) * 10_000)


@pytest.mark.parametrize(
    ("lender", "day", "rule", "ppm"),
    [
        pytest.param("bank", date(2026, 11, 23), "court-24", 240_000, id="a bank"),
        pytest.param("microcredit", date(2025, 12, 18), "court-24", 240_000, id="microcredit before its own rule"),
        pytest.param("microcredit", date(2027, 12, 31), "court-24", 240_000, id="the last day of 24 %"),
        pytest.param("microcredit", date(2028, 1, 1), "microcredit-4-lpr", 120_000, id="the first day of 4 × LPR"),
        pytest.param("unlicensed", date(2026, 11, 23), "private-4-lpr", 120_000, id="an unlicensed lender"),
    ],
)
def test_the_lowest_ceiling_of_the_lender_on_the_day_holds(lender, day, rule, ppm):
    limit = limit_on(CEILINGS, lender, day)
    assert (limit.ceiling.id, limit.ppm) == (rule, ppm)


def test_no_known_rule_is_not_no_limit():
    with pytest.raises(InputError, match="no ceiling is known for a unlicensed lender on 2020-08-19"):
        limit_on(CEILINGS, "unlicensed", date(2020, 8, 19))


def test_beyond_the_lpr_table_its_end_is_said():
    """October and November 2026 are not in the table (PRC-10)."""
    assert not limit_on(CEILINGS, "unlicensed", date(2026, 9, 30)).lpr_ends
    plan = build(product(lender_kind="unlicensed"), 10_000_000, START, calendar=CALENDAR)
    verdict = check_ceiling(plan, CEILINGS, signed_on=date(2026, 10, 1))
    assert verdict.limit.lpr_ends
    assert ("lpr_ends", ("2026-09-20",)) in verdict.parts
    assert "the LPR table ends on 2026-09-20" in verdict.sentence


def test_before_the_lpr_table_is_refused():
    with pytest.raises(InputError, match="starts on 2019-08-20, after 2019-08-19"):
        lpr_on(CEILINGS, date(2019, 8, 19))


@pytest.mark.parametrize("rate_ppm", [1, 36_000, 240_000])
@pytest.mark.parametrize("count", [12, 120, 600])
@pytest.mark.parametrize(
    "terms",
    [
        product(),
        product(kind=Kind.EQUAL_PRINCIPAL),
        product(kind=Kind.INTEREST_FIRST),
        product(kind=Kind.BALLOON, balloon=Balloon(residual_ppm=300_000)),
        product(kind=Kind.STEPPED, step=Step(every=12, by_ppm=10_000)),
    ],
    ids=lambda terms: terms.kind.value,
)
def test_without_fees_every_kind_costs_its_rate_up_to_10_billion_yuan(terms, count, rate_ppm):
    plan = build(replace(terms, annual_rate_ppm=rate_ppm), 10**12, START, periods=count, calendar=CALENDAR)
    assert of_plan(plan).simple_percent == pytest.approx(rate_ppm / 10_000, abs=1e-6)


def test_a_flat_plan_is_held_to_what_it_costs_and_not_to_what_it_quotes():
    """Flat 12 % in 12 months: 1,200.00 of interest for 10,000.00, of which half is out on average; 21.46 % a year."""
    plan = build(product(kind=Kind.FLAT, lender_kind="bank"), 1_000_000, START, calendar=CALENDAR)
    cost = of_plan(plan)
    assert plan.interest_fen == 120_000
    assert f"{cost.simple_percent:.2f}" == "21.46"
    assert sum(row.due_fen / (1 + cost.simple_percent / 1200) ** row.number for row in plan.rows) == pytest.approx(1e6)
    dear = build(product(kind=Kind.FLAT, annual_rate_ppm=140_000), 1_000_000, START, calendar=CALENDAR)
    assert check_ceiling(dear, CEILINGS, signed_on=START).outcome is Outcome.REFUSED


def test_a_refusal_shows_the_sum():
    fee = Fee(name="担保费", amount_fen=50_000, due_with="every")
    terms = product(annual_rate_ppm=90_000, fees=(fee,), lender_kind="unlicensed")
    plan = build(terms, 10_000_000, START, calendar=CALENDAR)
    verdict = check_ceiling(plan, CEILINGS, signed_on=date(2026, 9, 30))
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.sentence == (
        "100,000.00 lent, 4,941.77 interest and 6,000.00 fees in 12 instalments, expected path: 1.6348% × 12 = 19.62%"
        " a year simple, 21.48% compound; above the ceiling 12% = 4 × LPR 3% of 2026-09-20 (private-4-lpr)"
    )
    assert verdict.parts == (
        ("sum", (10_000_000, 494_177, 600_000, 12)),
        ("price", ("interest",)),
        ("path", ("expected",)),
        ("rate", ("1.6348", "12", "19.62")),
        ("compound", ("21.48",)),
        ("ceiling", ("private-4-lpr", 120_000, "最高人民法院关于审理民间借贷案件适用法律若干问题的规定 第二十五条")),
        ("lpr", (4, 30_000, "2026-09-20")),
    )


@pytest.mark.parametrize(
    ("simple", "compound", "outcome"),
    [
        (24.0, 24.0, Outcome.OK),
        (24.004, 24.004, Outcome.OK),
        (24.006, 24.006, Outcome.REFUSED),
        (23.99, 24.004, Outcome.OK),
        (23.99, 24.01, Outcome.WARN),
    ],
)
def test_figures_count_as_they_are_shown(simple, compound, outcome):
    cost = Apr(periodic_irr=0.02, periods_a_year=12, simple_percent=simple, compound_percent=compound)
    assert verdict_on(cost, limit_on(CEILINGS, "bank", START)) is outcome


# Shipped to show what was published, and not to be signed (test_fixed_fee.py).
MECHANICS = {"stripe-capital", "square-loans", "shopify-capital", "paypal-working-capital"}
TO_LEND_ON = sorted(file for file in (SCHEDULES / "products").glob("*.toml") if file.stem not in MECHANICS)


@pytest.mark.parametrize("file", TO_LEND_ON, ids=lambda file: file.stem)
def test_a_shipped_product_is_within_its_ceiling(file):
    terms = read_product(file.read_text(encoding="utf-8"), file.name)
    if terms.weights_by_season:
        terms = with_season(terms, History(first_on=date(2025, 1, 1), months_fen=(0, 0, 0, 1, 2, 3, 4, 5, 4, 3, 1, 0)))
    for count in (terms.periods_min, terms.periods, terms.periods_max):
        for principal_fen in (terms.principal_min_fen, terms.principal_max_fen):
            own = terms.kind is Kind.CUSTOM
            shares = (*[OwnRow(share_ppm=10_000)] * (count - 1), OwnRow(share_ppm=1_010_000 - 10_000 * count))
            plan = build(
                terms,
                principal_fen,
                date(2026, 11, 23),
                periods=count,
                calendar=CALENDAR,
                own_rows=shares if own else (),
            )
            assert check_ceiling(plan, CEILINGS, signed_on=plan.start_on).outcome is Outcome.OK


# --- policy files ---


def test_the_lpr_table_has_every_month_it_claims():
    months = [(day.year, day.month) for day, _ in CEILINGS.lpr]
    assert months == [(month // 12, month % 12 + 1) for month in range(2019 * 12 + 7, 2026 * 12 + 9)]


RULE = '[[ceiling]]\nid = "a"\nlenders = ["bank"]\nfrom = 2020-01-01\npercent = "24%"\nsource = "s"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"ceilings\.toml: needs \[\[ceiling\]\]"),
        ("ceiling = 3", r"ceilings\.toml: needs \[\[ceiling\]\]"),
        (RULE.replace('["bank"]', "3"), "ceiling 1: lenders: write a list"),
        (RULE.replace('["bank"]', "[]"), "ceiling 1: lenders: write a list"),
        ("x = 1\n" + RULE, "nothing else"),
        ("[[ceiling", "not TOML"),
        (RULE + "percnt = 3\n", "ceiling 1: percnt: unknown key"),
        (RULE.replace('"bank"', '"banks"'), "ceiling 1: lenders: write a list"),
        (RULE.replace('["bank"]', '[["bank"]]'), "ceiling 1: lenders: write a list"),
        (RULE.replace("2020-01-01", '"2020-01-01"'), "ceiling 1: from: write a day"),
        (RULE.replace("from = 2020-01-01\n", ""), "ceiling 1: from: write a day"),
        (RULE + 'until = "x"\n', "ceiling 1: until: write a day"),
        (RULE + "lpr_times = 4\n", "ceiling 1: percent: write either"),
        (RULE.replace('percent = "24%"\n', ""), "ceiling 1: percent: write either"),
        (RULE.replace('percent = "24%"', "lpr_times = 0"), "ceiling 1: percent: write either"),
        (RULE.replace('"24%"', "24"), "ceiling 1: percent: write a rate in quotes"),
        (RULE.replace('"24%"', '"24"'), "is not a rate"),
        (RULE.replace('id = "a"\n', ""), "ceiling 1: id: write a text"),
    ],
)
def test_a_bad_ceiling_is_refused_with_its_place(text, message):
    with pytest.raises(InputError, match=message):
        read_ceilings(text, LPR)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"lpr\.csv: no rows"),
        ("day,rate\n2020-01-20,3.0\n", r"lpr\.csv:2: needs the columns"),
        ("published_on,rate\n2020-01-20,3.0\n", r"lpr\.csv:2: needs the columns"),
        ("published_on,one_year_percent\n2020-01-20,3.0\n2020-01-20,3.0\n", r"lpr\.csv:3: .* is not after 2020-01-20"),
        (
            "# x\npublished_on,one_year_percent\n\n2020-01-32,3.0\n",
            r"lpr\.csv:4: published_on: '2020-01-32' is not a day",
        ),
        ("published_on,one_year_percent\n2020-01-20,three\n", r"lpr\.csv:2: one_year_percent: 'three%' is not a rate"),
        ("published_on,one_year_percent\n2020-02-20,3.0\n2020-01-20,3.0\n", r"lpr\.csv:3: .* is not after 2020-02-20"),
    ],
)
def test_a_bad_lpr_table_is_refused_with_its_line(text, message):
    with pytest.raises(InputError, match=message):
        read_ceilings(TOML, text)


def test_a_ceiling_that_ended_holds_no_more():
    ceilings = read_ceilings(RULE + "until = 2021-01-01\n", LPR)
    assert limit_on(ceilings, "bank", date(2020, 12, 31)).ppm == 240_000
    with pytest.raises(InputError, match="no ceiling is known"):
        limit_on(ceilings, "bank", date(2021, 1, 1))


def test_a_yearly_figure_beyond_all_sense_is_told_by_its_size():
    """2 % for a day, compounded 365 times: 137,641 % a year."""
    terms = product(kind=Kind.SINGLE_PAYMENT, frequency=Frequency(days=1), day_count=DayCount.ACT_365F, periods=1,
                    fees=(Fee(name="f", principal_ppm=20_000),))  # fmt: skip
    verdict = check_ceiling(build(terms, 100_000, START, calendar=CALENDAR), CEILINGS, signed_on=START)
    assert ("compound", ("> 10000",)) in verdict.parts
    assert "> 10000% compound" in verdict.sentence
