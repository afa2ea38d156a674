"""plan/cost_table: every item's yearly cost, which add up to what is shown in all (PRC-04)."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terms import CALENDAR, product, revenue_product

from loancli.plan.build import build
from loancli.plan.cost import of_fastest, of_plan
from loancli.plan.cost_table import cost_table
from loancli.plan.product import Fee, FixedFee, Kind, Penalty
from loancli.plan.product_json import from_json, to_json

START = date(2026, 1, 15)
LAKH_FEN = 10_000_000  # 100,000 yuan


def table_of(terms, principal_fen=LAKH_FEN, **asked):
    return cost_table(build(terms, principal_fen, START, calendar=CALENDAR, **asked))


def parts(path):
    return [path.interest, *path.fees]


def test_without_fees_interest_is_all():
    found = table_of(product())
    assert found.fastest is None
    assert (found.expected.interest, found.expected.fees) == (found.expected.total, ())
    assert (found.expected.total.yearly_ppm, found.expected.total.amount_fen) == (120_000, 661_853)
    assert found.expected.compound_ppm == 126_800
    assert (found.expected.instalments, found.expected.last_due_on) == (12, date(2027, 1, 15))


def test_a_guarantee_fee_is_what_it_adds_to_the_interest():
    """Case APR-03: 9 % interest and 500 yuan a month come to 19.6174 % a year."""
    fee = Fee(name="担保费", amount_fen=50_000, due_with="every")
    found = table_of(product(annual_rate_ppm=90_000, fees=(fee,))).expected
    assert (found.interest.yearly_ppm, found.total.yearly_ppm) == (90_000, 196_200)
    assert [(fee.amount_fen, fee.yearly_ppm) for fee in found.fees] == [(600_000, 106_200)]


def test_the_same_fee_weighs_more_when_it_is_due_sooner():
    fees = (Fee(name="a", amount_fen=120_000), Fee(name="b", amount_fen=10_000, due_with="every"))
    first, every = table_of(product(fees=fees)).expected.fees
    assert first.amount_fen == every.amount_fen == 120_000
    assert first.yearly_ppm > every.yearly_ppm > 0


def test_flat_interest_has_its_true_rate_beside_a_fee():
    flat = product(kind=Kind.FLAT, annual_rate_ppm=72_000)
    bare, dear = table_of(flat).expected, table_of(product(kind=Kind.FLAT, annual_rate_ppm=72_000, fees=(
        Fee(name="a", principal_ppm=10_000),))).expected  # fmt: skip
    assert bare.interest.yearly_ppm == dear.interest.yearly_ppm == 130_300  # case APR-01: 13.0342 %
    assert dear.total.yearly_ppm > 130_300


def test_a_revenue_share_has_its_fastest_path_beside_the_expected():
    terms = revenue_product(
        fees=(Fee(name="a", principal_ppm=20_000), Fee(name="b", amount_fen=1_000, due_with="every"))
    )
    plan = build(terms, LAKH_FEN, START, calendar=CALENDAR)
    found = cost_table(plan)
    assert found.expected.total.yearly_ppm == of_plan(plan).simple_ppm
    assert found.fastest.total.yearly_ppm == of_fastest(plan).simple_ppm
    assert found.fastest.fees[0].yearly_ppm > found.expected.fees[0].yearly_ppm
    assert found.fastest.interest.amount_fen < found.expected.interest.amount_fen
    assert found.fastest.fees[1].amount_fen == 1_000 * found.fastest.instalments
    assert sum(each.amount_fen for each in parts(found.fastest)) == found.fastest.total.amount_fen


FEES = st.lists(
    st.one_of(
        st.builds(
            Fee,
            name=st.just("f"),
            amount_fen=st.integers(1, 10_000),
            due_with=st.sampled_from(["first", "every"]),
        ),
        st.builds(
            Fee,
            name=st.just("f"),
            principal_ppm=st.integers(1, 30_000),
            due_with=st.sampled_from(["first", "every"]),
        ),
    ),
    max_size=4,
).map(tuple)
KINDS = [Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_FIRST, Kind.FLAT, Kind.REVENUE_SHARE]


@settings(max_examples=60)
@given(FEES, st.sampled_from(KINDS), st.integers(0, 240_000), st.integers(100_000, 10**10), st.integers(1, 36))
def test_the_parts_add_up_to_what_is_shown(fees, kind, rate_ppm, principal_fen, count):
    make = revenue_product if kind is Kind.REVENUE_SHARE else product
    plan = build(
        make(kind=kind, fees=fees, annual_rate_ppm=rate_ppm), principal_fen, START, periods=count, calendar=CALENDAR
    )
    found = cost_table(plan)
    assert found.expected.total.amount_fen == plan.interest_fen + plan.fee_fen
    assert found.expected.total.yearly_ppm == of_plan(plan).simple_ppm
    for path in filter(None, (found.expected, found.fastest)):
        assert sum(each.amount_fen for each in parts(path)) == path.total.amount_fen
        assert sum(each.yearly_ppm for each in parts(path)) == path.total.yearly_ppm
        assert min(each.yearly_ppm for each in parts(path)) >= 0


def test_a_fee_of_nothing_costs_nothing():
    """0.01 % of a yuan is no fen."""
    found = table_of(product(fees=(Fee(name="a", principal_ppm=100),)), 100).expected
    assert [(fee.amount_fen, fee.yearly_ppm) for fee in found.fees] == [(0, 0)]


@pytest.mark.parametrize(
    ("rate_ppm", "multiple_ppm", "cap_ppm", "penalty_ppm"),
    [(144_000, 1_500_000, 240_000, 216_000), (180_000, 1_500_000, 240_000, 240_000), (0, 2_000_000, 240_000, 0)],
)
def test_the_penalty_rate_is_a_multiple_up_to_the_cap(rate_ppm, multiple_ppm, cap_ppm, penalty_ppm):
    """Cases PEN-01 and PEN-02."""
    terms = product(annual_rate_ppm=rate_ppm, penalty=Penalty(multiple_ppm=multiple_ppm, cap_ppm=cap_ppm))
    assert terms.penalty_ppm == penalty_ppm == min(Fraction(rate_ppm * multiple_ppm, 10**6), cap_ppm)


def test_who_charges_a_fee_is_stored_with_the_loan_and_only_where_it_is_said():
    plain, told = Fee(name="a", amount_fen=1), Fee(name="b", amount_fen=1, charged_by="某担保公司")
    terms = product(fees=(plain, told))
    text = to_json(terms)
    assert from_json(text) == terms
    assert text.count("charged_by") == 1
    assert '{"amount_fen":1,"due_with":"first","name":"a","principal_ppm":0}' in text  # as signed loans have it


@pytest.mark.parametrize("fixed", [FixedFee(principal_ppm=40_000), FixedFee(amount_fen=400_000)])
def test_a_fixed_fee_stands_in_the_place_of_interest(fixed):
    """4 % of 100,000 yuan, twice as dear a year where the cap lets it be repaid sooner."""
    terms = revenue_product(annual_rate_ppm=0, fixed_fee=fixed, share={"floor": None})
    plan = build(terms, LAKH_FEN, START, calendar=CALENDAR)
    found = cost_table(plan)
    assert found.expected.interest == found.expected.total
    assert found.expected.total.amount_fen == found.fastest.total.amount_fen == 400_000
    assert found.expected.total.yearly_ppm == of_plan(plan).simple_ppm
    assert found.fastest.total.yearly_ppm > found.expected.total.yearly_ppm
