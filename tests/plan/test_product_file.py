"""plan/product_file: a file is read whole, or refused with every place that is wrong; JSON gives it back unchanged."""

import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import SCHEDULES, line_product, product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import Rounding
from loancli.core.rates import DayCount
from loancli.plan.contradictions import contradictions
from loancli.plan.product import (
    Allocation,
    Balloon,
    Base,
    Bound,
    BreathingSpace,
    CreditLine,
    Early,
    Fee,
    FixedFee,
    Frequency,
    Kind,
    MinimumProgress,
    Missing,
    OwnOrder,
    Pays,
    Penalty,
    PrincipalBack,
    Product,
    RevenueShare,
    Step,
)
from loancli.plan.product_file import read_product
from loancli.plan.product_json import from_json, to_json

PLAIN = """\
name_zh = "普通"
name_en = "plain"
summary_zh = "普通"
summary_en = "plain"
kind = "equal_instalments"
lender_kind = "microcredit"
annual_rate = "12%"
day_count = "equal_months"
frequency = "monthly"
periods = 12
periods_min = 1
periods_max = 600
principal_min = "0.01"
principal_max = 10000000000
roll = "none"
"""
REVENUE = """\
[revenue]
share = "12%"
counts = ["sure"]
floor = "interest"
cap = "200% of level"
missing = "level"
"""
REVENUE_KIND = PLAIN.replace("equal_instalments", "revenue_share") + REVENUE


def refused(text, file_name="plain.toml"):
    with pytest.raises(InputError) as error:
        read_product(text, file_name)
    return str(error.value).split("\n")


def changed(old, new, text=PLAIN):
    assert old in text
    return text.replace(old, new, 1)


def test_a_file_becomes_the_product_it_says_and_what_it_leaves_out_is_the_default():
    assert read_product(PLAIN, "schedules/products/plain.toml") == product()


def test_a_revenue_file_becomes_the_product_it_says():
    assert read_product(REVENUE_KIND, "plain.toml") == revenue_product()


def test_every_key_is_read():
    text = """\
name_zh = "全"
name_en = "all"
summary_zh = "全"
summary_en = "all"
kind = "revenue_share"
lender_kind = "bank"
annual_rate = "5bp /day"
day_count = "act/365"
frequency = "every 10 days"
periods = 30
periods_min = 20
periods_max = 40
principal_min = "1,000.50"
principal_max = 2000
roll = "none"
rounding = "half_even"
instalment_unit = "jiao"
[[fees]]
name = "a"
amount = 12
[[fees]]
name = "b"
principal_share = "0.25%"
due_with = "every"
[revenue]
share = "7.5%"
counts = ["sure", "possible"]
floor = "300 yuan"
cap = "1,234.50 yuan"
missing = "last_year"
run_on_windows_max = 3
minimum_progress = { windows = 4, levels = "60%" }
[penalty]
multiple = "130%"
cap = "20%"
grace_days = 5
on_interest = true
[allocation]
order = ["interest", "fee", "principal", "penalty"]
by = "instalment"
late_order = ["principal", "interest", "penalty", "fee"]
late_after_days = 60
surplus = "principal"
[allocation.waived]
order = ["penalty", "interest"]
[allocation.recovered]
order = ["principal", "fee", "interest", "penalty"]
[allocation.credit]
order = ["fee", "interest", "principal", "penalty"]
by = "instalment"
late_order = ["penalty", "interest", "principal", "fee"]
"""
    assert read_product(text, "all.toml") == Product(
        code="all",
        name_zh="全",
        name_en="all",
        summary_zh="全",
        summary_en="all",
        kind=Kind.REVENUE_SHARE,
        annual_rate_ppm=180_000,
        day_count=DayCount.ACT_365F,
        frequency=Frequency(days=10),
        periods=30,
        periods_min=20,
        periods_max=40,
        principal_min_fen=100_050,
        principal_max_fen=200_000,
        roll=Roll.NONE,
        roll_interest=False,
        rounding=Rounding.HALF_EVEN,
        instalment_unit_fen=10,
        fees=(Fee(name="a", amount_fen=1200), Fee(name="b", principal_ppm=2500, due_with="every")),
        revenue=RevenueShare(
            share_ppm=75_000,
            counts=("sure", "possible"),
            floor=Bound(base=Base.YUAN, value=30_000),
            cap=Bound(base=Base.YUAN, value=123_450),
            minimum_progress=MinimumProgress(windows=4, levels_ppm=600_000),
            missing=Missing.LAST_YEAR,
            run_on_windows_max=3,
        ),
        penalty=Penalty(multiple_ppm=1_300_000, cap_ppm=200_000, grace_days=5, on_interest=True),
        allocation=Allocation(
            order=("interest", "fee", "principal", "penalty"),
            by="instalment",
            late_order=("principal", "interest", "penalty", "fee"),
            late_after_days=60,
            surplus="principal",
        ),
        own_orders=(
            OwnOrder(
                of="credit",
                order=("fee", "interest", "principal", "penalty"),
                by="instalment",
                late_order=("penalty", "interest", "principal", "fee"),
            ),
            OwnOrder(of="waived", order=("penalty", "interest")),
            OwnOrder(of="recovered", order=("principal", "fee", "interest", "penalty")),
        ),
        lender_kind="bank",
    )


@pytest.mark.parametrize("file", sorted((SCHEDULES / "products").glob("*.toml")), ids=lambda file: file.stem)
def test_a_shipped_product_is_read_named_by_its_file_and_explained_in_both_languages(file):
    text = file.read_text(encoding="utf-8")
    terms = read_product(text, file.name)
    assert terms.code == file.stem
    assert from_json(to_json(terms)) == terms
    assert terms.summary_zh
    assert terms.summary_en


def test_a_product_of_every_kind_is_shipped():
    shipped = {
        read_product(file.read_text("utf-8"), file.name).kind for file in (SCHEDULES / "products").glob("*.toml")
    }
    assert shipped == set(Kind)


@pytest.mark.parametrize(
    ("kind", "text", "terms"),
    [
        ("balloon", "[balloon]\nperiods = 1200\n", {"balloon": Balloon(periods=1200)}),
        ("balloon", '[balloon]\nresidual = "30%"\n', {"balloon": Balloon(residual_ppm=300_000)}),
        ("balloon", '[balloon]\nresidual = "50.5 yuan"\n', {"balloon": Balloon(residual_fen=5_050)}),
        ("stepped", '[step]\nevery = 3\nby = "-2.5%"\n', {"step": Step(every=3, by_ppm=-25_000)}),
        ("stepped", '[step]\nevery = 12\nby = "100 yuan"\n', {"step": Step(every=12, by_fen=10_000)}),
        ("stepped", '[step]\nevery = 12\nby = "-100 yuan"\n', {"step": Step(every=12, by_fen=-10_000)}),
    ],
)
def test_the_table_of_a_kind_is_read_and_kept_with_the_loan(kind, text, terms):
    large = changed('"0.01"', "1000", changed("equal_instalments", kind))
    found = read_product(large + text, "plain.toml")
    assert found == product(kind=Kind(kind), principal_min_fen=100_000, **terms)
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    ("principal", "terms"),
    [
        ("at_end", {}),
        ("equal_instalments", {"principal": PrincipalBack.EQUAL_INSTALMENTS}),
        ("12.5% of drawn", {"principal": PrincipalBack.SHARE, "share_ppm": 125_000, "revolving": False}),
    ],
)
def test_the_terms_of_a_line_are_read_and_kept_with_the_loan(principal, terms):
    text = f'[line]\nprincipal = "{principal}"\ndraw_min = 100\nno_draws_last_periods = 0\n'
    text += "" if terms.get("revolving", True) else "revolving = false\n"
    text = (
        changed('"0.01"', "1000", changed("equal_instalments", "credit_line", changed("equal_months", "act/360")))
        + text
    )
    found = read_product(text + '[allocation]\nsurplus = "principal"\n', "plain.toml")
    assert found == line_product(line=terms, principal_min_fen=100_000)
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize("principal", ["share", "per_draw", "10%", "all of drawn", 3])
def test_how_principal_comes_back_is_one_of_three_words(principal):
    (line,) = refused(PLAIN + f"[line]\nprincipal = {principal!r}\ndraw_min = 1\n")
    allowed = "write 'at_end', '10% of drawn' or 'equal_instalments'"
    assert line.startswith("plain.toml:17:line.principal: ")
    assert line.endswith(allowed)


# --- refused: one key ---


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param(
            'annual_rate = "12%"',
            'anual_rate = "12%"',
            "plain.toml:7:anual_rate: unknown key; did you mean 'annual_rate'?",
            id="misspelt",
        ),
        pytest.param(
            'roll = "none"', "xyzzy = 1", "plain.toml:15:xyzzy: unknown key; allowed: name_zh, name_en", id="unknown"
        ),
        pytest.param(
            'frequency = "monthly"\n',
            "",
            "plain.toml:1:frequency: is missing; write weekly | half_monthly",
            id="missing",
        ),
        pytest.param(
            '"equal_instalments"',
            '"equal"',
            "plain.toml:5:kind: 'equal' is not allowed; write equal_instalments | equal_principal",
            id="no such kind",
        ),
        pytest.param(
            '"12%"', "12", "plain.toml:7:annual_rate: 12 is not allowed; write a rate in quotes", id="rate as a number"
        ),
        pytest.param('"12%"', '"12"', "plain.toml:7:annual_rate: '12' is not a rate", id="rate without a unit"),
        pytest.param(
            '"12%"',
            '"0.000003% /month"',
            "is not a whole number of millionths a year",
            id="rate finer than a millionth",
        ),
        pytest.param(
            '"monthly"', '"every 0 days"', "plain.toml:9:frequency: 'every 0 days' is not allowed", id="no step at all"
        ),
        pytest.param("periods = 12", "periods = 0", "plain.toml:10:periods: 0 is not allowed; write a whole", id="0"),
        pytest.param("periods = 12", "periods = 601", "plain.toml:10:periods: 601 is not allowed", id="601"),
        pytest.param("periods = 12", "periods = true", "plain.toml:10:periods: true is not allowed", id="a yes for 1"),
        pytest.param("periods = 12", 'periods = "12"', "plain.toml:10:periods: '12' is not allowed", id="a text"),
        pytest.param('"0.01"', "0.5", "plain.toml:13:principal_min: 0.5 is not allowed; write an amount", id="a float"),
        pytest.param('"0.01"', '"0.005"', "plain.toml:13:principal_min: '0.005' is not an amount", id="half a fen"),
        pytest.param('"普通"', '""', "plain.toml:1:name_zh: '' is not allowed; write a text", id="an empty name"),
        pytest.param('"普通"', '"\\u001b[31m"', "plain.toml:1:name_zh: ", id="a name with control characters"),
        pytest.param('roll = "none"', "fees = 3", "plain.toml:15:fees: 3 is not allowed; write a list of", id="fees"),
        pytest.param(
            'roll = "none"', "penalty = 3", "plain.toml:15:penalty: 3 is not allowed; write a table", id="table"
        ),
        pytest.param("roll = ", "roll = = ", "plain.toml:15:8: not TOML", id="no TOML"),
        pytest.param('roll = "none"', "roll = " + "[" * 5000, "plain.toml:1: not TOML: nested", id="nested too deeply"),
    ],
)
def test_a_key_that_cannot_be_read_is_refused_with_its_line_and_what_is_allowed(old, new, line):
    found = refused(changed(old, new))
    assert any(line in problem for problem in found)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[penalty]\ncap = "24%"\ngrace = 3\n', "plain.toml:18:penalty.grace: unknown key; did you mean 'grace_days'?"),
        (
            '[[fees]]\nname = "a"\namount = 1\n[[fees]]\namount = 1\n',
            "plain.toml:19:fees.2.name: is missing; write a text",
        ),
        (
            '[[fees]]\nname = "a"\namount = 1\ndue_with = "last"\n',
            "plain.toml:19:fees.1.due_with: 'last' is not allowed",
        ),
        (
            '[allocation]\norder = ["tax"]\n',
            "plain.toml:17:allocation.order: ['tax'] is not allowed; write a list of fee",
        ),
        (
            '[allocation.credit]\nby = "component"\n',
            "plain.toml:16:allocation.credit.order: is missing; write a list of fee, penalty",
        ),
        (
            '[allocation.recoverd]\norder = ["fee"]\n',
            "plain.toml:16:allocation.recoverd: unknown key; did you mean 'recovered'?",
        ),
    ],
)
def test_a_key_inside_a_table_is_found_on_its_line(text, line):
    found = refused(PLAIN + text)
    assert found[0].startswith(line)


def test_all_problems_come_at_once_those_of_one_key_and_those_between_keys():
    text = changed("periods = 12", "periods = 601", changed('"12%"', '"x"'))
    assert [line.split(":")[2] for line in refused(text)] == ["annual_rate", "periods"]
    text = changed('roll = "none"', 'rol = "none"', changed('"12%"', '"25%"'))
    assert sorted(line.split(":")[2] for line in refused(text)) == ["annual_rate", "rol"]


@pytest.mark.parametrize("file_name", ["Plain.toml", "普通.toml", "a b.toml", "-a.toml", "a" * 61 + ".toml"])
def test_a_file_name_that_is_no_code_is_refused(file_name):
    assert "cannot be a product's code" in refused(PLAIN, file_name)[0]


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ('"monthly"', '"every 1 day"', "frequency", Frequency(days=1)),
        ('"monthly"', '"every 999 days"', "frequency", Frequency(days=999)),
        ('roll = "none"', 'instalment_unit = "fen"', "instalment_unit_fen", 1),
        ('roll = "none"', 'instalment_unit = "yuan"', "instalment_unit_fen", 100),
        ('"12%"', '"1.05%"', "annual_rate_ppm", 10_500),
        ('"12%"', '"1％ /month"', "annual_rate_ppm", 120_000),
        ('roll = "none"', "[penalty]\ngrace_days = 0", "penalty", Penalty()),
        ('roll = "none"', '[penalty]\nmultiple = "150.05%"', "penalty", Penalty(multiple_ppm=1_500_500)),
    ],
)
def test_what_is_at_the_edge_is_read(old, new, key, value):
    text = changed(old, new).replace("equal_months", "act/360")
    assert getattr(read_product(text, "a.toml"), key) == value


def test_weights_may_be_0_and_run_on_too():
    weights = "weights = [" + "0, " * 11 + "1000]\n"
    terms = read_product(changed("equal_instalments", "big_small_months") + weights, "plain.toml")
    assert terms.weights == (*[0] * 11, 1000)
    assert read_product(REVENUE_KIND + "run_on_windows_max = 0\n", "plain.toml") == revenue_product()


def test_a_key_deep_inside_is_told_what_is_near():
    progress = "minimum_progress = { windows = 3, level = '60%' }\n"
    found = refused(REVENUE_KIND + progress)
    assert "plain.toml:22:revenue.minimum_progress.level: unknown key; did you mean 'levels'?" in found


# --- refused: between keys ---


def share_of(**changes):
    return {"share": changes}


WEIGHTED = {"kind": Kind.BIG_SMALL_MONTHS}
BALLOON = {"kind": Kind.BALLOON}
SPACE = BreathingSpace(pays=Pays(interest=True), extends=False, periods_max=3, a_year_max=1)
LENT = {"principal_min_fen": 100_000}
STEPPED = {"kind": Kind.STEPPED}
CONTRADICTIONS = [
    pytest.param(product(periods=13, periods_max=12), "periods", "13 is outside", id="periods above its maximum"),
    pytest.param(product(periods=2, periods_min=3), "periods", "2 is outside", id="periods below its minimum"),
    pytest.param(product(principal_min_fen=0), "principal_min", "0.00 yuan is not allowed", id="nothing lent"),
    pytest.param(
        product(principal_max_fen=10**12 + 1), "principal_max", "at most 10,000,000,000.00", id="too much lent"
    ),
    pytest.param(product(principal_min_fen=2, principal_max_fen=1), "principal_min", "to principal_max", id="crossed"),
    pytest.param(product(annual_rate_ppm=240_001), "annual_rate", "at most 24%", id="rate above 24 %"),
    pytest.param(
        product(penalty=Penalty(cap_ppm=110_000)), "penalty.cap", "from annual_rate", id="penalty cap below the rate"
    ),
    pytest.param(product(penalty=Penalty(cap_ppm=250_000)), "penalty.cap", "to 24%", id="penalty cap above 24 %"),
    pytest.param(
        product(penalty=Penalty(multiple_ppm=2_500_000)), "penalty.multiple", "from 100% to 200%", id="penalty multiple"
    ),
    pytest.param(product(frequency=Frequency(days=7)), "day_count", "whole months", id="a twelfth in steps of days"),
    pytest.param(product(frequency=Frequency(half_monthly=True)), "day_count", "whole months", id="or of half-months"),
    pytest.param(product(roll_interest=True), "roll_interest", "no days to pay interest for", id="a twelfth moved"),
    pytest.param(product(weights=(1,) * 12), "weights", "has no weights", id="weights of another kind"),
    pytest.param(product(weights_by_season=True), "weights", "has no weights", id="a season of another kind"),
    pytest.param(
        product(**WEIGHTED, weights_by_season=True, weights_per="period"),
        "weights_per",
        "a season has months",
        id="a season per period",
    ),
    pytest.param(product(**WEIGHTED), "weights", "0 weights; write 12", id="no weights"),
    pytest.param(product(**WEIGHTED, weights=(1,) * 11), "weights", "11 weights; write 12", id="11 weights"),
    pytest.param(product(**WEIGHTED, weights=(0,) * 12), "weights", "sum to 0", id="weights of 0"),
    pytest.param(
        product(**WEIGHTED, weights=(1,) * 12, weights_per="period"),
        "weights",
        "one per period",
        id="periods not fixed",
    ),
    pytest.param(product(fees=(Fee(name="a"),)), "fees.1", "either an amount or", id="a fee of nothing"),
    pytest.param(
        product(fees=(Fee(name="a", amount_fen=1, principal_ppm=1),)),
        "fees.1",
        "either an amount or",
        id="a double fee",
    ),
    pytest.param(
        product(fees=(Fee(name="a", principal_ppm=1_000_001),)),
        "fees.1",
        "at most 100%",
        id="a fee above the principal",
    ),
    pytest.param(
        product(allocation=Allocation(order=("fee", "interest", "principal"))),
        "allocation.order",
        "leaves out penalty",
        id="a part never paid",
    ),
    pytest.param(
        product(allocation=Allocation(late_order=("principal",))),
        "allocation.late_order",
        "leaves out fee, interest, penalty",
        id="a part never paid when late",
    ),
    pytest.param(
        product(own_orders=(OwnOrder(of="credit", order=("fee",)),)),
        "allocation.credit.order",
        "leaves out interest, penalty, principal",
        id="a part that credit never pays",
    ),
    pytest.param(
        product(own_orders=(OwnOrder(of="recovered", order=Allocation().order, by="instalment"),)),
        "allocation.recovered.by",
        "no instalments any more",
        id="instalments of a claim",
    ),
    pytest.param(
        product(own_orders=(OwnOrder(of="waived", order=("interest", "principal")),)),
        "allocation.waived.order",
        "principal is written off, not waived",
        id="principal waived",
    ),
    pytest.param(
        product(own_orders=(OwnOrder(of="waived", order=()),)),
        "allocation.waived.order",
        "is empty",
        id="nothing waived",
    ),
    pytest.param(product(kind=Kind.BALLOON), "balloon", "needs a table", id="a balloon without terms"),
    pytest.param(product(balloon=Balloon(periods=700)), "balloon", "has no table", id="terms of a balloon"),
    pytest.param(product(**BALLOON, balloon=Balloon()), "balloon", "either periods or a residual", id="no balloon"),
    pytest.param(
        product(**BALLOON, balloon=Balloon(periods=700, residual_ppm=1)), "balloon", "either", id="two balloons"
    ),
    pytest.param(
        product(**BALLOON, balloon=Balloon(periods=600)),
        "balloon.periods",
        "600 would leave nothing; more than periods_max (600)",
        id="nothing left for the balloon",
    ),
    pytest.param(
        product(**BALLOON, balloon=Balloon(residual_ppm=1_000_000)),
        "balloon.residual",
        "100% is not allowed",
        id="all left for the balloon",
    ),
    pytest.param(
        product(**BALLOON, balloon=Balloon(residual_fen=500), principal_min_fen=500),
        "balloon.residual",
        "5.00 yuan is not allowed; below principal_min (5.00)",
        id="a balloon as great as the loan",
    ),
    pytest.param(product(kind=Kind.CREDIT_LINE), "line", "needs a table", id="a line without terms"),
    pytest.param(replace(line_product(**LENT), kind=Kind.FLAT), "line", "has no table", id="terms of a line"),
    pytest.param(
        line_product(**LENT, line={"principal": PrincipalBack.SHARE}), "line.principal", "above 0%", id="a share of 0"
    ),
    pytest.param(
        line_product(**LENT, line={"principal": PrincipalBack.SHARE, "share_ppm": 1_000_000}),
        "line.principal",
        "below 100%",
        id="all of it each time",
    ),
    pytest.param(line_product(**LENT, line={"draw_min_fen": 0}), "line.draw_min", "from 0.01", id="draws of nothing"),
    pytest.param(
        line_product(**LENT, line={"draw_min_fen": 100_001}),
        "line.draw_min",
        "1,000.01 yuan is not allowed; from 0.01 to principal_min (1,000.00)",
        id="draws above the least limit",
    ),
    pytest.param(
        line_product(**LENT, line={"no_draws_last_periods": 1}),
        "line.no_draws_last_periods",
        "no period to draw in; less than periods_min (1)",
        id="never drawn",
    ),
    pytest.param(
        line_product(**LENT, allocation=Allocation()),
        "allocation.surplus",
        "write 'principal'",
        id="a line with credit",
    ),
    pytest.param(
        revenue_product(allocation=Allocation(surplus="spread")),
        "allocation.surplus",
        "for instalments that are planned; write 'credit' or 'principal'",
        id="a spread surplus of amounts that follow revenue",
    ),
    pytest.param(
        line_product(**LENT, fees=(Fee(name="a", amount_fen=1),)), "fees.1", "above any ceiling", id="a line with a fee"
    ),
    pytest.param(
        line_product(**LENT, periods_min=6, breathing_space=SPACE),
        "breathing_space",
        "leave it out",
        id="a line that breathes",
    ),
    pytest.param(line_product(**LENT, roll=Roll.PRECEDING), "roll", "write following", id="a line due too soon"),
    pytest.param(
        line_product(**LENT, roll=Roll.MODIFIED_FOLLOWING), "roll", "roll_interest = true", id="a line due in the month"
    ),
    pytest.param(product(kind=Kind.STEPPED), "step", "needs a table", id="stepped without terms"),
    pytest.param(product(step=Step(every=3, by_ppm=1)), "step", "has no table", id="terms of steps"),
    pytest.param(product(**STEPPED, step=Step(every=3)), "step.by", "0 is no step", id="a step of nothing"),
    pytest.param(
        product(**STEPPED, step=Step(every=3, by_ppm=-1_000_000)), "step.by", "above -100%", id="a step to nothing"
    ),
    pytest.param(
        product(**STEPPED, step=Step(every=3, by_ppm=1_000_001)), "step.by", "at most 100%", id="a step to the sky"
    ),
    pytest.param(
        product(**STEPPED, step=Step(every=600, by_fen=1)), "step.every", "would never step", id="a step never made"
    ),
    pytest.param(product(kind=Kind.REVENUE_SHARE), "revenue", "needs a table", id="revenue share without terms"),
    pytest.param(
        replace(revenue_product(), kind=Kind.EQUAL_PRINCIPAL), "revenue", "has no table", id="terms of a revenue share"
    ),
    pytest.param(revenue_product(**share_of(share_ppm=0)), "revenue.share", "above 0%", id="share of 0"),
    pytest.param(
        revenue_product(**share_of(share_ppm=1_000_001)), "revenue.share", "at most 100%", id="share above 100 %"
    ),
    pytest.param(revenue_product(**share_of(counts=("possible",))), "revenue.counts", "leaves out 'sure'", id="counts"),
    pytest.param(
        revenue_product(**share_of(missing=Missing.FLOOR, floor=None)),
        "revenue.missing",
        "needs a floor",
        id="no floor",
    ),
    pytest.param(
        revenue_product(**share_of(floor=Bound(base=Base.LEVEL, value=2_000_001))),
        "revenue.floor",
        "200.0001% is above the cap, 200%",
        id="floor above the cap, both of the level",
    ),
    pytest.param(
        revenue_product(**share_of(floor=Bound(base=Base.YUAN, value=30_001), cap=Bound(base=Base.YUAN, value=30_000))),
        "revenue.floor",
        "300.01 is above the cap, 300.00",
        id="floor above the cap, both in yuan",
    ),
    pytest.param(
        revenue_product(**share_of(cap=Bound(base=Base.INTEREST))),
        "revenue.cap",
        "never repay principal",
        id="cap: interest",
    ),
    pytest.param(
        revenue_product(**share_of(cap=Bound(base=Base.LEVEL))), "revenue.cap", "0 is not allowed", id="cap of 0"
    ),
    pytest.param(
        revenue_product(**share_of(minimum_progress=MinimumProgress(windows=601, levels_ppm=1))),
        "revenue.minimum_progress.windows",
        "at most periods_max",
        id="a checkpoint after the end",
    ),
    pytest.param(
        revenue_product(**share_of(minimum_progress=MinimumProgress(windows=3, levels_ppm=0))),
        "revenue.minimum_progress.levels",
        "above 0%",
        id="progress of 0",
    ),
    pytest.param(
        revenue_product(roll_interest=True, day_count=DayCount.ACT_360),
        "roll_interest",
        "agreed due day",
        id="interest moved",
    ),
    pytest.param(
        revenue_product(roll=Roll.PRECEDING), "roll", "before its window closes", id="due before the window closes"
    ),
    pytest.param(
        revenue_product(roll=Roll.MODIFIED_FOLLOWING, frequency=Frequency(days=7), day_count=DayCount.ACT_360),
        "roll",
        "before its window closes",
        id="the same in steps of days",
    ),
]


@pytest.mark.parametrize(("terms", "key", "message"), CONTRADICTIONS)
def test_terms_that_contradict_are_refused_under_their_key(terms, key, message):
    found = {".".join(str(step + 1 if isinstance(step, int) else step) for step in place): text
             for place, text in contradictions(terms)}  # fmt: skip
    assert list(found) == [key]
    assert message in found[key]


def test_a_contradiction_names_the_line_of_its_key():
    text = changed('"interest"', '"201% of level"', REVENUE_KIND)
    assert refused(text) == ["plain.toml:19:revenue.floor: 201% is above the cap, 200%; write less, or raise the cap"]


def test_the_edges_are_allowed():
    edges = [
        product(annual_rate_ppm=240_000),
        product(penalty=Penalty(cap_ppm=120_000)),
        product(penalty=Penalty(multiple_ppm=1_000_000)),
        product(penalty=Penalty(multiple_ppm=2_000_000)),
        product(principal_min_fen=100, principal_max_fen=100),
        product(fees=(Fee(name="a", principal_ppm=1_000_000),)),
        revenue_product(share={"share_ppm": 1, "floor": None, "missing": Missing.LEVEL}),
        revenue_product(share={"minimum_progress": MinimumProgress(windows=600, levels_ppm=1_000_000)}),
        revenue_product(share={"share_ppm": 1_000_000}),
        revenue_product(share={"floor": Bound(base=Base.LEVEL, value=2_000_000)}),
        revenue_product(share={"floor": Bound(base=Base.YUAN, value=10**9)}),  # not comparable with the level
        revenue_product(roll=Roll.MODIFIED_FOLLOWING),
        line_product(**LENT, line={"draw_min_fen": 100_000}, roll=Roll.PRECEDING, roll_interest=True),
        product(
            kind=Kind.BIG_SMALL_MONTHS, weights=(1,) * 6, weights_per="period", periods=6, periods_min=6, periods_max=6
        ),
    ]
    assert [contradictions(terms) for terms in edges] == [[]] * len(edges)


# --- JSON ---

BOUNDS = st.one_of(st.none(), st.builds(Bound, base=st.sampled_from(list(Base)), value=st.integers(0, 10**9)))
WORDS = st.text(min_size=1, max_size=20)
PRODUCTS = st.builds(
    Product,
    code=WORDS,
    name_zh=WORDS,
    name_en=WORDS,
    summary_zh=WORDS,
    summary_en=WORDS,
    kind=st.sampled_from(list(Kind)),
    annual_rate_ppm=st.integers(0, 240_000),
    day_count=st.sampled_from(list(DayCount)),
    frequency=st.sampled_from([Frequency(months=3), Frequency(days=9), Frequency(half_monthly=True)]),
    periods=st.integers(1, 600),
    periods_min=st.integers(1, 600),
    periods_max=st.integers(1, 600),
    principal_min_fen=st.integers(1, 10**12),
    principal_max_fen=st.integers(1, 10**12),
    roll=st.sampled_from(list(Roll)),
    roll_interest=st.booleans(),
    rounding=st.sampled_from(list(Rounding)),
    instalment_unit_fen=st.sampled_from([1, 10, 100]),
    fees=st.lists(st.builds(Fee, name=WORDS, amount_fen=st.integers(0, 999)), max_size=3).map(tuple),
    weights=st.lists(st.integers(0, 1000), max_size=12).map(tuple),
    weights_per=st.sampled_from(["month", "period"]),
    balloon=st.one_of(st.none(), st.builds(Balloon, periods=st.integers(0, 9), residual_ppm=st.integers(0, 9))),
    line=st.one_of(
        st.none(),
        st.builds(
            CreditLine,
            principal=st.sampled_from(PrincipalBack),
            share_ppm=st.integers(0, 9),
            draw_min_fen=st.integers(1, 9),
            no_draws_last_periods=st.integers(0, 9),
            revolving=st.booleans(),
        ),
    ),
    step=st.one_of(st.none(), st.builds(Step, every=st.integers(1, 9), by_fen=st.integers(-9, 9))),
    fixed_fee=st.one_of(
        st.none(),
        st.builds(FixedFee, amount_fen=st.integers(0, 9), early=st.sampled_from(Early)),
    ),
    revenue=st.one_of(
        st.none(),
        st.builds(
            RevenueShare,
            share_ppm=st.integers(1, 1_000_000),
            counts=st.sampled_from([("sure",), ("sure", "possible")]),
            floor=BOUNDS,
            cap=BOUNDS,
            minimum_progress=st.sampled_from(
                [
                    None,
                    MinimumProgress(windows=3, levels_ppm=600_000),
                    MinimumProgress(every_days=60, total_over=1, total_under=18, total_unit_fen=100),
                ]
            ),
            missing=st.sampled_from(list(Missing)),
            run_on_windows_max=st.integers(0, 12),
        ),
    ),
    penalty=st.builds(Penalty, grace_days=st.integers(0, 30), on_interest=st.booleans()),
    allocation=st.builds(Allocation, by=st.sampled_from(["component", "instalment"])),
    own_orders=st.sampled_from([(), (OwnOrder(of="waived", order=("interest", "fee")),)]),
    lender_kind=st.sampled_from(["bank", "microcredit"]),
)


@given(PRODUCTS)
def test_json_gives_the_same_product_back_and_the_same_text(terms):
    text = to_json(terms)
    assert from_json(text) == terms
    assert to_json(from_json(text)) == text


def test_json_is_canonical_and_names_every_field_but_those_that_came_later_and_are_not_used():
    """A loan that was signed before there were balloons, steps and seasons is the same text still."""
    text = to_json(product())
    assert text.startswith('{"allocation":{"by":"component",')
    assert "普通" in text
    progress = MinimumProgress(windows=3, levels_ppm=600_000)
    assert '"minimum_progress":{"levels_ppm":600000,"windows":3}' in to_json(
        revenue_product(share={"minimum_progress": progress})
    )
    later = {"balloon", "step", "line", "fixed_fee", "breathing_space", "weights_by_season", "own_orders"}
    assert {f.name for f in fields(Product) if f'"{f.name}"' not in text} == later


def test_terms_are_read_from_json_without_pydantic():
    code = (
        "import sys; from loancli.plan.product_json import from_json; from_json(sys.argv[1]);"
        " sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, to_json(revenue_product())], check=False).returncode == 0
