"""A fixed fee over whole lives: paid as planned, faster, slower, early; the published mechanics with their numbers."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import shelf
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import CALENDAR, DAY, PLAIN, SCHEDULES, bounced, check_conservation, contract_for, payment, payout
from shelf import fen
from told import Told, reason

from loancli.core.errors import RefusedError
from loancli.core.event import Event
from loancli.core.money import rounded
from loancli.plan.build import build
from loancli.plan.changes import change_of
from loancli.plan.cost import apr, of_plan
from loancli.plan.product import (
    Allocation,
    Base,
    Bound,
    Early,
    FixedFee,
    Frequency,
    Kind,
    Missing,
    Product,
    RevenueShare,
)
from loancli.plan.product_file import read_product
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, life, quote
from loancli.servicing.replan import replan

TRUTH = shelf.cases("truth/revenue_plans.json")
need = partial(shelf.need, TRUTH)
START = date(2026, 1, 1)
WAIVED = FixedFee(amount_fen=100_000, early=Early.UNEARNED_WAIVED)
DAILY = replace(
    PLAIN, annual_rate_ppm=0, fixed_fee=FixedFee(amount_fen=100_000), frequency=Frequency(days=1), roll=PLAIN.roll.NONE,
    periods=200, periods_max=600,
)  # fmt: skip


def signed(product: Product = DAILY, principal_fen: int = 900_000, **words: Any) -> Contract:
    return contract_for(product, principal_fen, START, **words)


def income(lived: Life) -> int:
    return sum(movement.amount_fen for movement in lived.movements if movement.credit == "income:interest")


# --- with equal instalments ---


def test_paid_as_planned_the_fee_is_income_as_the_rows_say():
    contract = signed()
    events = [payout(contract), *(payment(row.due_on, row.due_fen, f"p{row.number:03}") for row in contract.rows)]
    half = life(contract, events, contract.rows[99].due_on)
    assert income(half) == sum(row.interest_fen for row in contract.rows[:100])
    ended = life(contract, events, contract.rows[-1].due_on)
    assert (income(ended), ended.position.status, ended.position.accrued) == (100_000, "settled", 0)
    assert [state.interest_fen for state in ended.instalments] == [row.interest_fen for row in contract.rows]


def test_wcl_one_day_half():
    """Half of the first day brings half of its fee: 8979.81 as published, and 4.81 of the fee.

    The day after, the published plan goes on by its exact rate (8939.39), ours along the signed rows: a fen more.
    """
    expected = need("wcl-one-day-half")["expected"]
    surplus = replace(DAILY, kind=Kind.REVENUE_SHARE, revenue=SHARE)
    loan = Told(signed(surplus))
    loan.known = [(START, START, "sure", 25_000), (START + DAY, START + DAY, "sure", 50_000)]
    loan.close(START + 2 * DAY)
    first, second = life(loan.contract, loan.events, START + 2 * DAY).instalments[:2]
    assert (first.due_fen, first.interest_fen) == (2_500, fen(expected["fee_earned"]))
    assert 900_000 - first.principal_fen == fen(expected["actual_balance"])
    next_balance = 900_000 - first.principal_fen - second.principal_fen
    assert next_balance == fen(expected["next_expected_balance"]) + 1
    # All later days as expected: one day more than the 200 planned, and 25.00 on it.
    assert divmod(1_000_000 - 2_500, 5_000) == (expected["last"]["n"] - 2, fen(expected["last"]["amount"]))


def test_nobody_paying_the_accrual_by_days_stops_at_the_fee_and_the_plan_still_falls_due():
    contract = signed(periods=20)
    lived = life(contract, [payout(contract)], contract.rows[9].to_on)
    assert lived.position.interest_due_fen == sum(row.interest_fen for row in contract.rows[:10])
    ended = life(contract, [payout(contract)], START + 60 * DAY)
    assert ended.position.interest_due_fen == income(ended) == 100_000
    assert (ended.position.accrued, ended.position.accruing_per_day) == (0, 0)
    assert ended.position.penalty_accrued_fen == 0  # a multiple of a rate that is not there


def test_early_all_of_the_fee_is_owed_unless_the_product_waives_it():
    on = START + 50 * DAY
    for fee, waived in ((FixedFee(amount_fen=100_000), False), (WAIVED, True)):
        contract = signed(replace(DAILY, fixed_fee=fee))
        events = [payout(contract), *(payment(row.due_on, row.due_fen, f"p{row.number:03}")
                                      for row in contract.rows[:50])]  # fmt: skip
        asked = quote(contract, events, on)
        assert asked.principal_fen == 692_677  # as published after 50 days
        assert asked.interest_fen == (0 if waived else 57_323)
        settled = life(contract, [*events, payment(on, asked.to_pay_fen, "~all")], on)
        assert settled.position.status == "settled"
        assert income(settled) == 42_677 + asked.interest_fen


def test_waived_is_what_is_not_earned_by_the_day():
    """Monthly, half of a month of 28 days after the first: half of that row's fee has been earned."""
    contract = signed(replace(DAILY, frequency=Frequency(months=1), fixed_fee=WAIVED), periods=7)
    first, second = contract.rows[:2]
    events = [payout(contract), payment(first.due_on, first.due_fen)]
    asked = quote(contract, events, first.due_on + 14 * DAY)
    assert asked.interest_fen == rounded(Fraction(second.interest_fen, 2))
    assert asked.principal_fen == 900_000 - first.principal_fen
    on_the_first_day = quote(contract, [payout(contract)], START)
    assert (on_the_first_day.interest_fen, on_the_first_day.principal_fen) == (0, 900_000)


def test_a_prepayment_goes_along_the_signed_rows_and_ends_the_plan_sooner():
    contract = signed(replace(DAILY, allocation=Allocation(surplus="principal")))
    paid = payment(START, 100_000, "ahead")
    lived = life(contract, [payout(contract), paid], START)
    assert income(lived) == sum(row.interest_fen for row in contract.rows[:20])
    left = [state for state in lived.instalments if state.due_fen]
    assert len(left) == 180
    assert sum(state.interest_fen for state in left) == 100_000 - income(lived)
    # What is told ahead changes nothing of today: the first day after it earns what the row it reached does.
    assert rounded(lived.position.accruing_per_day) == contract.rows[20].interest_fen
    assert lived.position.next_moment_on == START + DAY
    assert lived.position.accrued == 0


def test_the_cost_of_what_was_really_paid_is_told_by_its_flows():
    """Twice as fast as planned, the same fee: dearer a year, whatever was expected (PRC-02)."""
    contract = signed()
    flows = [(START, 900_000), *((row.due_on, -10_000) for row in contract.rows[:100])]
    paid = [payment(day, -fen, f"p{day}") for day, fen in flows[1:]]
    quick = replace(contract, product=replace(DAILY, allocation=Allocation(surplus="principal")))
    lived = life(quick, [payout(contract), *paid], flows[-1][0])
    assert (lived.position.status, income(lived), lived.position.credit_fen) == ("settled", 100_000, 0)
    plan = build(DAILY, 900_000, START, calendar=CALENDAR)
    assert apr(flows).simple_percent > 1.8 * of_plan(plan).simple_percent


# --- changed after signing ---


def respread(contract: Contract, events: list[Event], periods: int, on: date) -> Event:
    text = f"respread {periods}"
    found = replan(
        contract, events, change_of(text), on, key=f"change/{on}", told=text, actor="test", calendar=CALENDAR
    )
    return found.event


def test_wcl_rate_halved_on_a_signed_loan():
    """Three days as planned, then half: the published rows of the days after, and the fee in all."""
    case = need("wcl-rate-halved-and-back")["expected"]["after_first_change"]
    contract = signed()
    events = [payout(contract), *(payment(row.due_on, 5_000, f"p{row.number}") for row in contract.rows[:3])]
    events.append(respread(contract, events, 394, contract.rows[2].due_on))
    ended = life(contract, events, START + 400 * DAY)
    assert [state.interest_fen for state in ended.instalments[3:5]] == [
        fen(row["fee_earned"]) for row in case["rows"][1:]
    ]
    assert len([state for state in ended.instalments if state.due_fen]) == case["last"]["n"]
    assert income(ended) == 100_000


def test_a_payment_ahead_that_bounces_after_the_change_leaves_the_fee_whole():
    quick = replace(DAILY, allocation=Allocation(surplus="principal"))
    contract = signed(quick, periods=20)
    ahead = payment(START + 2 * DAY, 400_000, "ahead")
    events = [payout(contract), ahead]
    events.append(respread(contract, events, 9, START + 5 * DAY))
    for more in ([], [bounced(ahead, START + 6 * DAY)]):
        ended = life(contract, [*events, *more], START + 90 * DAY)
        assert income(ended) == 100_000
        check_conservation(ended, 900_000)


# --- the published mechanics: the shipped files, with the published numbers ---

SHARE = RevenueShare(
    share_ppm=100_000, counts=("sure",), floor=None, cap=None, minimum_progress=None, missing=Missing.LEVEL,
    run_on_windows_max=0,
)  # fmt: skip


def text_of(code: str) -> str:
    return (SCHEDULES / "products" / f"{code}.toml").read_text(encoding="utf-8")


def shipped(code: str, *changes: tuple[str, str]) -> Product:
    text = text_of(code)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_product(text, f"{code}.toml")


def told(code: str, principal_fen: int, *changes: tuple[str, str]) -> Told:
    return Told(contract_for(shipped(code, *changes), principal_fen, START))


def total(loan: Told) -> int:
    return sum(row.principal_fen + row.interest_fen for row in loan.contract.rows)


def sell(loan: Told, number: int, amount_fen: int) -> None:
    day = loan.window(number).from_on
    loan.known.append((day, day, "sure", amount_fen))


def test_square_a_sixtieth_day_without_sales_asks_for_an_eighteenth():
    case = need("square-loan-us")
    loan = told("square-loans", fen(case["inputs"]["loan"]))
    assert total(loan) == fen(case["expected"]["total_owed"])
    loan.close(START + 60 * DAY)
    assert [loan.fixed(number)["amount_fen"] for number in (1, 30, 59)] == [0, 0, 0]
    assert loan.fixed(60)["amount_fen"] == fen(case["expected"]["minimum_each_60_days"])
    assert reason(loan.fixed(60), "progress") == [63_333, 0, 63_333]
    assert len(loan.contract.rows) == 30 * case["expected"]["maturity_months"]


def test_square_the_share_is_of_what_came_in_less_the_processing_fee():
    """The published share is of the gross sale (13.00 of 100); ours of revenue net of the platform's fee."""
    case = need("square-au-deposit")
    inputs, expected = case["inputs"], case["expected"]
    loan = told("square-loans", 1_000_000, ('share = "14%"', f'share = "{inputs["share_percent"]}%"'))
    net_fen = fen(inputs["sale"]) - fen(expected["processing_fee"])
    sell(loan, 1, net_fen)
    loan.close(START + DAY)
    assert loan.fixed(1)["amount_fen"] == rounded(Fraction(net_fen * 13, 100)) == 1_275
    same_share = rounded(Fraction(1_000_000 * fen(expected["repayment"]), net_fen))
    assert rounded(Fraction(net_fen * same_share, 1_000_000)) == fen(expected["repayment"])


def test_stripe_the_numbers_and_a_minimum_by_sixty_days():
    case = need("stripe-17000")
    loan = told("stripe-capital", fen(case["inputs"]["loan"]))
    assert total(loan) == fen(case["expected"]["total_owed"])
    product = loan.contract.product
    assert product.revenue is not None
    assert product.revenue.share_ppm == 120_000
    assert product.revenue.minimum_progress is not None
    assert product.revenue.minimum_progress.every_days == case["expected"]["minimum_period_days"]
    sell(loan, 1, 100_000)
    loan.close(START + 60 * DAY)
    assert loan.fixed(1)["amount_fen"] == 12_000
    assert loan.fixed(60)["amount_fen"] == rounded(Fraction(1_870_000, 9)) - 12_000


def test_shopify_a_milestone_in_whole_yuan_and_the_shortfall():
    case = need("shopify-six-milestones")
    expected = case["expected"]
    loan = told("shopify-capital", fen(case["inputs"]["loan"]))
    assert total(loan) == fen(expected["total_owed"])
    sell(loan, 7, rounded(Fraction(fen(expected["paid_in_first_60_days"]) * 100, 12)))
    loan.close(START + 60 * DAY)
    assert loan.fixed(7)["amount_fen"] == fen(expected["paid_in_first_60_days"])
    assert loan.fixed(60)["amount_fen"] == fen(expected["debited_shortfall"])
    assert reason(loan.fixed(60), "progress")[0] == fen(expected["milestone_minimum"])


def test_shopify_without_sales_for_a_year_the_rest_is_due_at_maturity():
    """In steps of 12 days, so that a year is 30 windows: the milestones are days, whatever the step."""
    loan = told(
        "shopify-capital", 500_000, ("every 1 days", "every 12 days"),
        *((f"{key} = 360", f"{key} = 30") for key in ("periods", "periods_min", "periods_max")),
    )  # fmt: skip
    loan.close(loan.contract.rows[-1].due_on)
    assert loan.contract.rows[-1].due_on == START + 360 * DAY
    due_fen = [loan.fixed(number)["amount_fen"] for number in range(1, 31)]
    assert [fen for number, fen in enumerate(due_fen, start=1) if number % 5 == 0] == [94_100] * 5 + [94_500]
    assert sum(due_fen) == 565_000
    assert reason(loan.fixed(30), "maturity")
    ended = life(loan.contract, loan.events, loan.contract.rows[-1].due_on)
    assert (income(ended), ended.position.due_fen) == (65_000, 565_000)


def test_shopify_cash_advance_nothing_is_due_on_a_day_without_sales():
    """ "Until it is paid" is as long as a plan can be: 960 days. The published advance has no end."""
    case = need("shopify-mca-10000")
    text = text_of("shopify-capital")
    minimum = text[text.index("[revenue.minimum_progress]", text.index("run_on_windows_max = 0")) :]
    loan = told(
        "shopify-capital", fen(case["inputs"]["advance"]), (minimum, ""),
        ("run_on_windows_max = 0\n", "run_on_windows_max = 600\n"),
    )  # fmt: skip
    assert total(loan) == fen(case["inputs"]["remit_total"])
    assert len(loan.contract.rows) == 960
    sell(loan, 3, 1_000_000)
    loan.close(START + 61 * DAY)
    assert loan.fixed(3)["amount_fen"] == 120_000
    nothing = {loan.fixed(number)["amount_fen"] for number in range(1, 62) if number != 3}
    assert nothing == {fen(case["expected"]["due_with_zero_sales"])}


LONGER = (
    ("every_days = 90", "every_days = 180"),
    ('total = "10%"', 'total = "5%"'),
    ('"every 1 days"', '"every 6 days"'),  # for fewer windows
    ("periods = 360", "periods = 90"),
)


@pytest.mark.parametrize(
    ("changes", "days", "minimum_fen"),
    [
        ((), 90, 100_000),
        (LONGER, 180, 50_000),
    ],
    ids=["under a year: 10 % in 90 days", "a year or more: 5 % in 180 days"],
)  # fmt: skip
def test_paypal_the_estimate_chooses_the_minimum(changes, days, minimum_fen):
    case = need("paypal-9500")
    text = text_of("paypal-working-capital")  # the comments tell the longer estimate in the same words
    body = text[text.index("name_zh") :]
    for old, new in changes:
        body = body.replace(old, new)
    product = read_product(body, "paypal-working-capital.toml")
    loan = Told(contract_for(product, fen(case["inputs"]["loan"]), START))
    assert total(loan) == fen(case["expected"]["total_owed"])
    loan.close(START + days * DAY)
    assert loan.fixed(1)["amount_fen"] == fen(case["expected"]["due_with_zero_sales_that_day"])
    last = max(row.number for row in loan.contract.rows if row.to_on <= START + days * DAY)
    assert [loan.fixed(number)["amount_fen"] for number in range(1, last + 1)] == [0] * (last - 1) + [minimum_fen]
    if not changes:
        assert minimum_fen == fen(case["expected"]["minimum_each_90_days"])


def test_adyen_refunds_reduce_the_base_and_a_day_below_zero_goes_on_to_the_next():
    """Published: a negative day gives money back. Ours takes it off the next days; nothing is paid out."""
    case = need("adyen-net-base")
    inputs = case["inputs"]
    loan = told("stripe-capital", 1_000_000, ('share = "12%"', 'share = "10%"'))
    day = loan.window(1).from_on
    back_fen = fen(inputs["refunded"]) + fen(inputs["charged_back"])
    loan.known += [(day, day, "sure", fen(inputs["captured"])), (day, day, "reduction", back_fen)]
    loan.known += [(day + DAY, day + DAY, "reduction", 10_000), (day + 2 * DAY, day + 2 * DAY, "sure", 30_000)]
    loan.close(START + 3 * DAY)
    assert loan.fixed(1)["amount_fen"] == fen(case["expected"]["repayment"])
    assert (loan.fixed(2)["amount_fen"], loan.fixed(3)["amount_fen"]) == (0, 2_000)


# --- laws ---


@st.composite
def sold(draw: st.DrawFn) -> Told:
    """A weekly loan with a fixed fee and any revenue, in time or late."""
    early = draw(st.sampled_from(Early))
    share = replace(
        SHARE,
        floor=draw(st.sampled_from([None, Bound(base=Base.LEVEL, value=300_000)])),
        cap=draw(st.sampled_from([None, Bound(base=Base.LEVEL, value=2_000_000)])),
        run_on_windows_max=draw(st.integers(0, 2)),
    )
    product = replace(
        DAILY, kind=Kind.REVENUE_SHARE, frequency=Frequency(days=7), revenue=share,
        fixed_fee=FixedFee(principal_ppm=100_000, early=early),
    )  # fmt: skip
    loan = Told(signed(product, draw(st.integers(10_000, 2_000_000)), periods=draw(st.integers(1, 6))))
    for row in loan.contract.rows:
        sell(loan, row.number, draw(st.integers(0, 8_000_000)))
    return loan


@settings(deadline=None, max_examples=50)
@given(sold(), st.booleans())
def test_the_fee_is_income_to_the_fen_whatever_the_revenue(loan: Told, paying: bool) -> None:
    ended = loan.close_all(paying=paying)
    fee_fen = sum(row.interest_fen for row in loan.contract.rows)
    assert income(ended) == sum(state.interest_fen for state in ended.instalments) == fee_fen
    assert sum(state.principal_fen for state in ended.instalments) == loan.contract.principal_fen
    assert (ended.position.status == "settled") == paying


@settings(deadline=None, max_examples=50)
@given(sold(), st.booleans(), st.data())
def test_a_revenue_loan_changed_amid_its_life_earns_the_fee_to_the_fen(
    loan: Told, paying: bool, data: st.DataObject
) -> None:
    rows = loan.contract.rows
    on = data.draw(st.dates(START, rows[loan.contract.maturity_number - 1].to_on - DAY))
    loan.close(on)
    lived = life(loan.contract, loan.events, on)
    if paying and lived.position.due_fen:
        loan.events.append(payment(on, lived.position.due_fen, "so far"))
    try:
        loan.events.append(respread(loan.contract, loan.events, data.draw(st.integers(1, 9)), on))
    except RefusedError:  # all of it has fallen due
        return
    changed = life(loan.contract, loan.events, on).contract
    end_on = changed.rows[-1].due_on
    loan.close(end_on)
    ended = life(loan.contract, loan.events, end_on)
    assert income(ended) == sum(row.interest_fen for row in rows)
    assert sum(state.principal_fen for state in ended.instalments) == loan.contract.principal_fen


@settings(deadline=None, max_examples=50)
@given(sold(), st.data())
def test_early_never_costs_more_than_the_fee_and_never_less_than_what_fell_due(loan: Told, data: st.DataObject) -> None:
    loan.close_all(paying=True)
    on = data.draw(st.dates(START, loan.contract.rows[-1].due_on))
    known = [event for event in loan.events if event.effective_on <= on]
    asked = quote(loan.contract, known, on)
    before = income(life(loan.contract, known, on))
    settled = life(loan.contract, [*known, payment(on, asked.to_pay_fen, "~all")] if asked.to_pay_fen else known, on)
    fee_fen = sum(row.interest_fen for row in loan.contract.rows)
    assert before <= income(settled) <= fee_fen
    fee = loan.contract.product.fixed_fee
    assert fee is not None
    if fee.early is Early.ALL_DUE and settled.position.status == "settled":
        assert income(settled) == fee_fen


@settings(deadline=None, max_examples=50)
@given(sold(), st.data())
def test_paying_more_never_ends_later(loan: Told, data: st.DataObject) -> None:  # wcl-invariants
    richer = Told(loan.contract, list(loan.known))
    sell(richer, data.draw(st.integers(1, len(loan.contract.rows))), data.draw(st.integers(1, 5_000_000)))

    def last(each: Told) -> int:
        return max(state.number for state in each.close_all(paying=True).instalments if state.due_fen)

    assert last(richer) <= last(loan)
