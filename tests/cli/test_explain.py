"""cli/explain: every row of every plan answers "why this much?" in one true sentence, in both languages."""

import json
import re
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from terms import CALENDAR, FREQUENCIES, SCHEDULES, product, revenue_product

from loancli.cli.explain import cost_sum, why
from loancli.core.errors import InputError
from loancli.core.money import yuan
from loancli.core.rates import DayCount
from loancli.plan.build import build
from loancli.plan.ceilings import check_ceiling, read_ceilings
from loancli.plan.flexible import Owed, Progress, WindowRevenue, fix_instalment, run_on_rows
from loancli.plan.product import (
    Balloon,
    Base,
    Bound,
    BreathingSpace,
    CreditLine,
    Fee,
    Kind,
    MinimumProgress,
    Missing,
    Pays,
    PrincipalBack,
    Step,
)
from loancli.plan.rows import OwnRow, Reason
from loancli.texts import LANGS

MONEY = {
    Reason.LEVEL,
    Reason.LAST,
    Reason.EQUAL_PART,
    Reason.FLAT,
    Reason.BALLOON,
    Reason.AGREED,
    Reason.BREATHING,
}
NUMBERS = {Reason.STEP: 1, Reason.WEIGHT: 2}  # how many numbers come before the amounts
SPACES = [None] * 3 + [
    BreathingSpace(pays=pays, extends=False, periods_max=3, a_year_max=1, at_start=2)
    for pays in (Pays(interest=True), Pays(part_ppm=500_000), Pays())
]
CODE = re.compile(r"[a-z]_[a-z]|[a-z]:[0-9]|\{|\}|None")


@st.composite
def plans(draw):
    """A plan of any kind and frequency."""
    kind, frequency = draw(st.sampled_from(list(Kind))), draw(st.sampled_from(FREQUENCIES))
    count = draw(st.integers(1, 30))
    changes = {
        "kind": kind,
        "frequency": frequency,
        "day_count": draw(st.sampled_from([DayCount.ACT_360, DayCount.ACT_ACT, DayCount.THIRTY_360])),
        "annual_rate_ppm": draw(st.integers(0, 240_000)),
        "instalment_unit_fen": draw(st.sampled_from([1, 100])),
        "fees": draw(st.sampled_from([(), (Fee(name="f", amount_fen=500, due_with="every"),)])),
        "weights": (1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12) if kind is Kind.BIG_SMALL_MONTHS else (),
        "balloon": Balloon(residual_ppm=300_000) if kind is Kind.BALLOON else None,
        "step": draw(st.sampled_from([Step(every=2, by_ppm=50_000), Step(every=1, by_fen=-100)]))
        if kind is Kind.STEPPED
        else None,
        "breathing_space": draw(st.sampled_from(SPACES))
        if count > 3 and kind not in {Kind.SINGLE_PAYMENT, Kind.CUSTOM}
        else None,
    }
    if kind is Kind.CREDIT_LINE:
        line = CreditLine(
            principal=draw(st.sampled_from(PrincipalBack)),
            share_ppm=100_000,
            draw_min_fen=1,
            no_draws_last_periods=0,
            revolving=True,
        )
        changes |= {"line": line, "fees": (), "breathing_space": None}
    terms = (revenue_product if kind is Kind.REVENUE_SHARE else product)(**changes)
    own = [OwnRow(share_ppm=0)] * (count - 1) + [OwnRow(share_ppm=1_000_000)] if kind is Kind.CUSTOM else []
    try:
        return build(
            terms,
            draw(st.integers(100_000, 10**9)),
            draw(st.dates(date(2025, 1, 1), date(2026, 12, 31))),
            periods=count,
            own_rows=own,
            calendar=CALENDAR,
        )
    except InputError:
        return None


def amounts(sentence):
    return re.findall(r"\d[\d,]*\.\d\d", sentence)


@settings(max_examples=200)
@given(plans())
def test_every_row_has_a_true_sentence(plan):
    assume(plan is not None)
    for row in plan.rows:
        name, *told_values = row.reason.split(":")
        code, values = Reason(name), tuple(int(value) for value in told_values if value.isdigit())
        bare_fen = row.principal_fen + row.interest_fen
        told = {  # what the numbers of the reason must be, from the row itself
            Reason.LEVEL: (bare_fen,),
            Reason.OUTLOOK: (bare_fen,),
            Reason.EQUAL_PART: (row.principal_fen,),
            Reason.SINGLE: ((row.to_on - row.from_on).days,),
            Reason.FLAT: (row.principal_fen, plan.principal_fen),
            Reason.AGREED: (row.principal_fen,),
            Reason.INTEREST_ONLY: (),
            Reason.PRINCIPAL_AT_END: (),
        }
        assert values == told.get(code, values)
        if code is Reason.BREATHING and values:
            assert bare_fen <= values[0]
        if code is Reason.INTEREST_ONLY:
            assert row.principal_fen == 0
        if code is Reason.STEP:
            assert values[1] == bare_fen
        if code is Reason.WEIGHT:
            weight, biggest, big_fen = values
            assert abs(bare_fen - Fraction(big_fen * weight, biggest)) <= plan.product.instalment_unit_fen
        if code is Reason.BALLOON:
            assert values[0] == row.principal_fen
        for lang in LANGS:
            sentence = why(row.reason, lang, fee_fen=row.fee_fen)
            money = values if code in MONEY else values[NUMBERS.get(code, len(values)) :]
            assert [yuan(fen) for fen in money if fen and yuan(fen) not in amounts(sentence)] == []
            assert not CODE.search(sentence)
            assert (yuan(row.fee_fen) in amounts(sentence)) or not row.fee_fen
            assert bool(re.search("[一-鿿]", sentence)) is (lang == "zh")


@settings(max_examples=150)
@given(
    revenue_fen=st.one_of(st.none(), st.integers(-(10**6), 10**8)),
    late_fen=st.integers(-(10**6), 10**6),
    last_year_fen=st.one_of(st.none(), st.integers(0, 10**7)),
    missing=st.sampled_from(list(Missing)),
    floor=st.sampled_from([None, Bound(base=Base.INTEREST), Bound(base=Base.YUAN, value=30_000)]),
    is_checkpoint=st.booleans(),
    periods_left=st.integers(0, 12),
)
def test_every_fixed_instalment_has_a_sentence_that_names_what_is_due(
    revenue_fen, late_fen, last_year_fen, missing, floor, is_checkpoint, periods_left
):
    assume(missing is not Missing.FLOOR or floor)
    progress = MinimumProgress(windows=3, levels_ppm=600_000)
    terms = revenue_product(share={"missing": missing, "floor": floor, "minimum_progress": progress})
    counted = () if revenue_fen is None else (("alipay", revenue_fen), ("declared", 100))
    fixed = fix_instalment(
        terms,
        periods_left=periods_left,
        owed=Owed(outstanding_principal_fen=5_000_000, accrued=Fraction(50_000), level_fen=450_000),
        window=WindowRevenue(
            counted_fen=counted, late_fen=late_fen, missing=revenue_fen is None, last_year_fen=last_year_fen
        ),
        progress=Progress(levels_fen=900_000, fixed_fen=100_000, is_checkpoint=is_checkpoint),
    )
    for lang in LANGS:
        sentence = why(json.dumps([[code, list(values)] for code, values in fixed.reasons]), lang)
        assert not CODE.search(sentence)
        last = fixed.reasons[-1]
        if last[0] not in {"progress", "carried"}:  # there the amount due is what was told before, and the gap
            assert yuan(fixed.amount_fen) in amounts(sentence)


def test_windows_that_the_term_may_run_on_for_say_so():
    plan = build(revenue_product(share={"run_on_windows_max": 2}), 10**7, date(2026, 1, 15), calendar=CALENDAR)
    assert [why(row.reason, "zh") for row in run_on_rows(plan, CALENDAR)] == ["最长可顺延至此期"] * 2


def test_fees_and_penalty_are_told_on_top():
    assert why("level:88885", "en", fee_fen=5_000, penalty_fen=12) == (
        "equal instalment of 888.85; fees 50.00 on top; penalty 0.12 on top"
    )
    assert why("level:88885", "zh", fee_fen=5_000) == "等额还款 888.85 元；另收费用 50.00 元"


@pytest.mark.parametrize("lender", ["bank", "microcredit", "unlicensed"])
@pytest.mark.parametrize("fee_fen", [0, 5_000])
def test_the_sum_against_the_ceiling_is_told_in_both_languages(lender, fee_fen):
    ceilings = read_ceilings(
        (SCHEDULES / "policies" / "ceilings.toml").read_text(encoding="utf-8"),
        (SCHEDULES / "policies" / "lpr.csv").read_text(encoding="utf-8"),
    )
    terms = revenue_product(lender_kind=lender, fees=(Fee(name="f", amount_fen=fee_fen),) if fee_fen else ())
    plan = build(terms, 100_000, date(2026, 11, 23), calendar=CALENDAR)
    verdict = check_ceiling(plan, ceilings, signed_on=plan.start_on)
    for lang in LANGS:
        sentence = cost_sum(verdict, lang)
        assert not CODE.search(sentence.replace(verdict.limit.ceiling.id, ""))
        assert f"{verdict.cost.simple_percent:.2f}%" in sentence
        assert ("LPR" in sentence) is (lender == "unlicensed")
    assert "年化" in cost_sum(verdict, "zh")
