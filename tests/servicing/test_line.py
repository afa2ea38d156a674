"""A credit line: drawn and repaid at will within a limit; the days of other systems' schedules; what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
import shelf
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from lives import (
    CALENDAR,
    DAY,
    LINES,
    PLAIN,
    balances,
    bounced,
    contract_for,
    contracts,
    event,
    payment,
    payout,
    products,
)

from loancli.core.days import Roll
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import Rounding, fen_of
from loancli.core.rates import PPM, DayCount
from loancli.plan.build import build
from loancli.plan.changes import change_of
from loancli.plan.cost import apr
from loancli.plan.line import last_draw_on
from loancli.plan.product import Allocation, CreditLine, Frequency, Kind, Penalty, PrincipalBack, Product
from loancli.plan.rows import Plan
from loancli.servicing.contract import Contract
from loancli.servicing.life import life, quote
from loancli.servicing.line import LinePlan, OnDay, check_draw, plan_draws
from loancli.servicing.replan import replan

CASES = shelf.cases("truth/schedule_changes.json")
SLOW = settings(deadline=None, max_examples=60)
START = date(2025, 3, 10)
LIMIT = 5_000_000
TERMS = CreditLine(
    principal=PrincipalBack.AT_END, share_ppm=0, draw_min_fen=100_000, no_draws_last_periods=1, revolving=True
)
LINE = replace(
    PLAIN,
    kind=Kind.CREDIT_LINE,
    line=TERMS,
    principal_min_fen=100_000,
    periods_min=2,
    roll=Roll.NONE,
    allocation=Allocation(surplus="principal"),
    penalty=Penalty(grace_days=0),
)
LEVEL = replace(TERMS, principal=PrincipalBack.EQUAL_INSTALMENTS)
A_TENTH = replace(TERMS, principal=PrincipalBack.SHARE, share_ppm=100_000)


def line(periods: int = 6, limit_fen: int = LIMIT, *, product: Product = LINE, **terms: Any) -> Contract:
    assert product.line is not None
    return contract_for(replace(product, line=replace(product.line, **terms)), limit_fen, START, periods=periods)


def drawn(on: date, amount_fen: int, key: str = "d1") -> Event:
    return event(EventKind.DISBURSED, key, on, amount_fen=amount_fen, channel="bank")


def asked_of(contract: Contract, events: Sequence[Event], on: date) -> list[tuple[int, int]]:
    return [(state.principal_fen, state.interest_fen) for state in life(contract, events, on).instalments]


# --- interest: by the day, on what is in use ---


def test_interest_of_a_period_is_the_sum_over_what_was_in_use_rounded_once() -> None:
    contract = line()
    events = [drawn(START, 1_000_010), drawn(START + 7 * DAY, 500_010, "d2"), payment(START + 20 * DAY, 600_000)]
    # 4.00004 yuan for 7 days, 6.00008 for 13; the payment pays these 106.00 and repays 5,894.00.
    interest_fen = 10_600

    lived = life(contract, events, contract.rows[0].due_on)

    in_use_fen = 1_500_020 - (600_000 - interest_fen)
    exact = Fraction(1_000_010 * 7 + 1_500_020 * 13 + in_use_fen * 11) * 144_000 / (360 * PPM)
    assert lived.position.principal_outstanding_fen == in_use_fen
    assert abs(lived.instalments[0].interest_fen + interest_fen - exact) <= 1
    assert lived.instalments[0].interest_fen == round(Fraction(in_use_fen * 11 * 144, 360_000))


def test_a_draw_on_a_due_day_belongs_to_the_next_period() -> None:
    """The day of the draw counts, that of the end of the period does not (PRC-08)."""
    contract = line(principal=PrincipalBack.SHARE, share_ppm=100_000)
    first = contract.rows[0]
    events = [drawn(START, 1_000_000), drawn(first.to_on, 1_000_000, "d2")]

    lived = life(contract, events, first.to_on)

    assert (lived.instalments[0].principal_fen, lived.instalments[0].interest_fen) == (100_000, 400 * 31)
    assert lived.instalments[1].interest_fen == (400 * 9 // 10 + 400) * 30


def test_drawn_and_repaid_on_one_day_costs_nothing() -> None:
    contract = line()
    on = START + 5 * DAY

    lived = life(contract, [drawn(on, 300_000), payment(on, 300_000)], contract.rows[-1].due_on)

    assert lived.position.paid_total_fen == 300_000
    assert [state.due_fen for state in lived.instalments] == [0] * 6


def test_what_is_repaid_one_day_later_costs_one_day() -> None:
    contract = line()
    asked = quote(contract, [drawn(START, 300_000)], START + DAY)
    assert (asked.principal_fen, asked.interest_fen, asked.to_pay_fen) == (300_000, 120, 300_120)


def test_credit_is_repaid_by_the_next_draw_at_once() -> None:
    contract = line()
    events = [drawn(START, 300_000), payment(START, 500_000), drawn(START + 3 * DAY, 400_000, "d2")]

    lived = life(contract, events, START + 3 * DAY)

    assert lived.position.credit_fen == balances(lived.movements)["borrower:credit"] == 0
    assert lived.position.principal_outstanding_fen == 200_000


@SLOW
@given(contracts(products([Kind.CREDIT_LINE])), st.integers(0, 400))
def test_a_line_of_which_nothing_is_drawn_owes_nothing_on_any_day(contract: Contract, after: int) -> None:
    lived = life(contract, [], contract.signed_on + after * DAY)

    assert lived.movements == ()
    assert all(state.due_fen == 0 and not state.is_due for state in lived.instalments)
    position = lived.position
    assert (position.accrued, position.accruing_per_day, position.next_due_on, position.next_due_fen) == (0, 0, None, 0)
    assert (position.status == "open") == (lived.as_of < contract.rows[-1].to_on)


# --- principal: at the end, in shares, level ---


@SLOW
@given(contracts(products([Kind.CREDIT_LINE])))
def test_a_limit_drawn_in_full_on_the_first_day_is_lived_as_planned(contract: Contract) -> None:
    paid = [payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows if row.due_fen]

    lived = life(contract, [payout(contract), *paid], contract.rows[-1].due_on)

    assert [(each.principal_fen, each.interest_fen, each.unpaid_fen) for each in lived.instalments] == [
        (row.principal_fen, row.interest_fen, 0) for row in contract.rows
    ]
    assert lived.position.status == "settled"


@SLOW
@given(contracts(products([Kind.EQUAL_INSTALMENTS])))
def test_a_level_line_drawn_in_full_is_a_loan_of_equal_instalments(contract: Contract) -> None:
    equal = replace(contract.product, fees=())
    terms = replace(equal, kind=Kind.CREDIT_LINE, line=LEVEL, allocation=Allocation(surplus="principal"))

    def parts(product: Product) -> list[tuple[int, int]]:
        plan = build(product, contract.principal_fen, contract.signed_on, calendar=CALENDAR, periods=len(contract.rows))
        return [(row.principal_fen, row.interest_fen) for row in plan.rows]

    assert parts(terms) == parts(equal)


def test_each_draw_levels_the_instalments_that_remain() -> None:
    contract = line(product=replace(LINE, annual_rate_ppm=0), principal=PrincipalBack.EQUAL_INSTALMENTS)
    second = contract.rows[1].due_on
    paid = [payment(row.due_on, 200_000, f"p{row.number}") for row in contract.rows[:2]]
    events = [drawn(START, 1_200_000), *paid, drawn(second + 5 * DAY, 400_000, "d2")]

    assert [fen for fen, _ in asked_of(contract, events, second)] == [200_000] * 6
    assert [fen for fen, _ in asked_of(contract, events, second + 5 * DAY)] == [200_000] * 2 + [300_000] * 4


def test_principal_repaid_ahead_makes_level_instalments_smaller() -> None:
    contract = line(product=replace(LINE, annual_rate_ppm=0), principal=PrincipalBack.EQUAL_INSTALMENTS)
    first = contract.rows[0].due_on
    events = [drawn(START, 1_200_000), payment(first, 200_000), payment(first + 3 * DAY, 500_000, "p2")]

    assert [fen for fen, _ in asked_of(contract, events, first)] == [200_000] * 6
    assert [fen for fen, _ in asked_of(contract, events, first + 3 * DAY)] == [200_000] + [100_000] * 5


def test_a_share_of_what_is_in_use_falls_due_and_the_rest_at_the_end() -> None:
    contract = line(3, principal=PrincipalBack.SHARE, share_ppm=100_000)

    assert [fen for fen, _ in asked_of(contract, [drawn(START, 1_000_000)], START)] == [100_000, 90_000, 810_000]


# --- other systems' schedules (truth/schedule_changes.json) ---


def fineract(case: dict[str, Any], limit: str) -> tuple[Contract, list[Event]]:
    """The line of a case: months are twelfths, and inside a month the days are parts of it."""
    given_ = case["inputs"]
    product = replace(
        LINE,
        line=replace(LEVEL, draw_min_fen=1),
        principal_min_fen=1,
        day_count=DayCount.EQUAL_MONTHS,
        rounding=Rounding.HALF_EVEN,
        annual_rate_ppm=int(Fraction(given_["annual_rate_percent"]) * 10_000),
    )
    start = date.fromisoformat(given_["schedule_from"])
    contract = contract_for(product, fen_of(limit), start, periods=given_["instalments"])
    draws = [
        drawn(date.fromisoformat(each["date"]), fen_of(each["amount"]), f"d{number}")
        for number, each in enumerate(given_["events"])
        if each["type"] == "disburse"
    ]
    return contract, draws


def case_of(case_id: str) -> dict[str, Any]:
    if case_id not in CASES:
        pytest.skip("the reference shelf is not here")
    return CASES[case_id]


def rows_of(snapshot: dict[str, Any]) -> list[tuple[int, int]]:
    return [(fen_of(row["principal"]), fen_of(row["interest"])) for row in snapshot["rows"]]


def test_fineract_draws_after_the_start_and_two_on_one_day() -> None:
    case = case_of("fin-draw-late-start")
    contract, draws = fineract(case, "175")

    assert asked_of(contract, draws, draws[-1].effective_on) == rows_of(case["expected"]["snapshots"][0])


def test_fineract_a_second_draw_in_the_first_period() -> None:
    case = case_of("fin-draw-same-period")
    contract, draws = fineract(case, "300")
    one, two = case["expected"]["snapshots"]

    assert asked_of(contract, draws[:1], contract.signed_on) == rows_of(one)
    found, told = asked_of(contract, draws, draws[-1].effective_on), rows_of(two)
    # There each segment is rounded, 0.18 + 1.84; here the period's interest is, once: 2.0137. The level is the same.
    assert (found[0], told[0]) == ((4_932, 201), (4_931, 202))
    assert [sum(row) for row in found[:-1]] == [sum(row) for row in told[:-1]] == [5_133] * 5
    assert (sum(found[-1]), sum(told[-1])) == (5_133, 5_134)


def test_fineract_what_settles_in_the_middle_of_a_period_bears_its_days() -> None:
    """fin-payoff-0215 and fin-early-pay-0215: 83.57 from February 1st to 15th of a leap year at 7 %."""
    case = case_of("fin-early-pay-0215")
    told = next(query for query in case["expected"]["payable_queries"] if query["as_of"] == "2024-02-15")
    contract, draws = fineract(case, "100")
    first = contract.rows[0]
    events = [*draws, payment(first.due_on, fen_of(case["expected"]["snapshots"][0]["rows"][0]["payment"]))]

    asked = quote(contract, events, date(2024, 2, 15))

    assert (asked.principal_fen, asked.interest_fen) == (fen_of(told["outstanding"]), fen_of(told["interest"]))
    # There the early instalment leaves the later ones as they are; here what is repaid ahead levels the rest anew.
    ahead = payment(date(2024, 2, 15), fen_of(told["principal"]) + fen_of(told["interest"]), "p2")
    after = life(contract, [*events, ahead], ahead.effective_on)
    assert after.position.principal_outstanding_fen == fen_of("66.80")
    assert after.instalments[1].interest_fen == fen_of("0.20")  # the rest of the period, as in the case


# --- where it stands ---


def test_a_line_is_open_active_open_again_and_settled_when_it_can_be_drawn_no_more() -> None:
    contract = line()
    on, back = START + 10 * DAY, START + 40 * DAY
    last_on = contract.rows[4].to_on - DAY
    first = contract.rows[0]
    events = [drawn(on, LIMIT), payment(first.due_on, 200_000, "p1"), payment(back, LIMIT, "p2")]
    events[1:2] = [payment(first.due_on, life(contract, events[:1], first.due_on).position.due_fen, "p1")]
    events[2:] = [payment(back, quote(contract, events[:2], back).to_pay_fen, "p2")]

    def stands(day: date) -> tuple[str, int, date | None]:
        position = life(contract, events, day).position
        return position.status, position.free_fen, position.next_moment_on

    assert last_draw_on(TERMS, contract.rows) == last_on
    assert stands(START) == ("open", LIMIT, on)
    assert stands(on) == ("active", 0, first.due_on)
    assert stands(back) == ("open", LIMIT, last_on + DAY)
    assert stands(last_on) == ("open", LIMIT, last_on + DAY)
    assert stands(last_on + DAY) == ("settled", 0, None)


def test_before_its_first_day_a_line_is_signed() -> None:
    contract = line()
    position = life(contract, [], START - DAY).position
    assert (position.status, position.free_fen, position.next_moment_on) == ("signed", 0, START)


def test_a_line_that_does_not_revolve_is_settled_once_all_of_it_was_drawn_and_repaid() -> None:
    contract = line(revolving=False)
    events = [drawn(START, LIMIT), payment(START, LIMIT)]
    assert life(contract, events, START).position.status == "settled"
    assert (
        life(contract, [drawn(START, LIMIT - 100_000), payment(START, LIMIT - 100_000)], START).position.free_fen
        == 100_000
    )


def test_a_rest_below_the_smallest_draw_is_not_free() -> None:
    contract = line()
    assert life(contract, [drawn(START, LIMIT - 99_999)], START).position.free_fen == 0


def test_a_bounced_repayment_may_put_more_in_use_than_the_limit_and_nothing_breaks() -> None:
    contract = line()
    repaid = payment(START + DAY, LIMIT)
    events = [drawn(START, LIMIT), repaid, drawn(START + 2 * DAY, LIMIT // 2, "d2"), bounced(repaid, START + 9 * DAY)]

    position = life(contract, events, START + 9 * DAY).position

    assert position.principal_outstanding_fen == LIMIT + LIMIT // 2
    assert (position.free_fen, position.status) == (0, "active")


# --- what may be drawn ---


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        pytest.param(OnDay(START - DAY, 200_000), "drawn from 2025-03-10 to 2025-08-09", id="before it is signed"),
        pytest.param(OnDay(date(2025, 8, 10), 200_000), "to 2025-08-09", id="after the last day"),
        pytest.param(OnDay(START, 99_999), "at least 1,000.00", id="too little"),
        pytest.param(OnDay(START, LIMIT + 1), "more than is free on 2025-03-10, 50,000.00", id="above the limit"),
    ],
)
def test_a_draw_against_the_terms_is_refused(draw: OnDay, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        check_draw(line(), [], draw)


def test_the_whole_limit_may_be_drawn_on_the_first_and_on_the_last_day() -> None:
    for on in (START, date(2025, 8, 9)):
        check_draw(line(), [], OnDay(on, LIMIT))


def test_another_loan_is_not_drawn() -> None:
    with pytest.raises(RefusedError, match="no credit line"):
        check_draw(contract_for(PLAIN, LIMIT, START), [], OnDay(START, 200_000))


def test_a_repayment_frees_the_limit_from_its_own_day_on() -> None:
    contract = line()
    events = [drawn(START, LIMIT), payment(START + 5 * DAY, LIMIT)]
    with pytest.raises(RefusedError, match="more than is free"):
        check_draw(contract, events, OnDay(START + 4 * DAY, 200_000))
    check_draw(contract, events, OnDay(START + 5 * DAY, LIMIT - 10_000))
    with pytest.raises(RefusedError, match="does not revolve"):
        check_draw(line(revolving=False), events, OnDay(START + 5 * DAY, 200_000))


def test_a_draw_that_is_dated_back_must_keep_the_limit_on_later_days() -> None:
    contract = line()
    events = [drawn(START + 20 * DAY, 4_000_000)]
    check_draw(contract, events, OnDay(START, 1_000_000))
    with pytest.raises(RefusedError, match=r"more than is free on 2025-03-30, 10,000\.00"):
        check_draw(contract, events, OnDay(START, 1_000_001))


def test_nothing_is_drawn_while_anything_is_past_due() -> None:
    contract = line()
    first = contract.rows[0]
    events = [drawn(START, 1_000_000)]
    check_draw(contract, events, OnDay(first.due_on, 200_000))
    with pytest.raises(RefusedError, match=r"124.00 yuan is past due since 2025-04-10"):
        check_draw(contract, events, OnDay(first.due_on + DAY, 200_000))
    paid = payment(first.due_on + DAY, 20_000)
    check_draw(contract, [*events, paid], OnDay(first.due_on + DAY, 200_000))


# --- planned draws and repayments ---


def plan_of(product: Product = LINE, limit_fen: int = LIMIT, periods: int = 6) -> Plan:
    return build(product, limit_fen, START, calendar=CALENDAR, periods=periods)


def test_a_plan_of_draws_tells_every_day_and_what_is_in_use_after_it() -> None:
    planned = plan_draws(
        plan_of(periods=2),
        [OnDay(START, 1_000_000), OnDay(START + 10 * DAY, 500_000)],
        [OnDay(START + 40 * DAY, 603_600)],
    )

    assert [(step.on, step.what, step.principal_fen, step.interest_fen, step.in_use_fen) for step in planned.steps] == [
        (START, "draw", 0, 0, 1_000_000),
        (START + 10 * DAY, "draw", 0, 0, 1_500_000),
        (date(2025, 4, 10), "instalment", 0, 400 * 10 + 600 * 21, 1_500_000),
        (START + 40 * DAY, "repayment", 603_600 - 600 * 9, 600 * 9, 901_800),
        (date(2025, 5, 10), "instalment", 901_800, 7_575, 0),
    ]
    assert (planned.drawn_fen, planned.interest_fen) == (1_500_000, 16_600 + 5_400 + 7_575)
    assert sum(fen for _, fen in planned.flows) == -planned.interest_fen


def test_the_yearly_cost_is_the_rate_whatever_is_drawn_and_repaid_when() -> None:
    product = replace(LINE, day_count=DayCount.ACT_365F)
    plans = [
        plan_draws(plan_of(product), [OnDay(START, LIMIT)], []),
        plan_draws(plan_of(product), [OnDay(START, LIMIT), OnDay(date(2025, 5, 20), LIMIT - 10_000)],
                   [OnDay(date(2025, 5, 10), LIMIT)]),
    ]  # fmt: skip
    for planned in plans:
        assert apr(planned.flows).simple_percent == pytest.approx(14.4, abs=0.1)


def test_a_repayment_of_more_than_is_owed_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"repay: 999\.20 yuan too much on 2025-03-11"):
        plan_draws(plan_of(), [OnDay(START, 200_000)], [OnDay(START + DAY, 300_000)])


def test_a_plan_needs_a_draw() -> None:
    with pytest.raises(RefusedError, match="nothing is drawn"):
        plan_draws(plan_of(), [], [])


@st.composite
def asked(draw: st.DrawFn) -> tuple[Plan, list[OnDay], list[OnDay]]:
    """A line of any terms, and draws and repayments on any of its days."""
    contract = draw(contracts(products([Kind.CREDIT_LINE]), periods_max=4))
    plan = build(contract.product, contract.principal_fen, START, calendar=CALENDAR, periods=len(contract.rows))
    days = st.dates(START, plan.rows[-1].to_on - DAY)
    amounts = st.integers(10_000, max(10_000, plan.principal_fen // 2))
    on_days = st.builds(OnDay, days, amounts)
    return plan, draw(st.lists(on_days, min_size=1, max_size=3)), draw(st.lists(on_days, max_size=2))


def check_lived(plan: Plan, planned: LinePlan) -> None:
    """A loan that is drawn and paid as planned is lived so, and each draw would have been allowed on its day."""
    contract = contract_for(plan.product, plan.principal_fen, plan.start_on, periods=len(plan.rows))
    events: list[Event] = []
    for number, (on, fen) in enumerate(sorted(planned.flows)):  # of one day, payments first
        if fen < 0:
            events.append(payment(on, -fen, f"p{number:02}"))
        elif fen:
            check_draw(contract, events, OnDay(on, fen))
            events.append(drawn(on, fen, f"d{number:02}"))
    lived = life(contract, events, plan.rows[-1].due_on)
    assert (lived.position.status, lived.position.credit_fen) == ("settled", 0)
    told = {step.number: step for step in planned.steps if step.what == "instalment"}
    for state in lived.instalments:
        step = told[state.number]
        assert (state.principal_fen, state.interest_fen, state.penalty_fen) == (
            step.principal_fen,
            step.interest_fen,
            0,
        )


@settings(deadline=None, max_examples=80)
@given(asked())
def test_what_is_drawn_comes_back_by_the_end_and_never_more(told: tuple[Plan, list[OnDay], list[OnDay]]) -> None:
    plan, draws, repayments = told
    try:
        planned = plan_draws(plan, draws, repayments)
    except RefusedError:
        reject()

    assert planned.drawn_fen == sum(draw.amount_fen for draw in draws)
    assert sum(step.principal_fen for step in planned.steps) == planned.drawn_fen
    assert planned.steps[-1].in_use_fen == 0
    assert all(step.in_use_fen >= 0 for step in planned.steps)
    assert sum(fen for _, fen in planned.flows) == -planned.interest_fen
    line_terms = plan.product.line
    assert line_terms is not None
    check_lived(plan, planned)
    at_day_end = {step.on: step.in_use_fen for step in planned.steps}
    assert (max(at_day_end.values()) if line_terms.revolving else planned.drawn_fen) <= plan.principal_fen


@SLOW
@given(
    LINES, st.sampled_from([Frequency(days=7), Frequency(half_monthly=True), Frequency(months=3)]), st.integers(1, 9)
)
def test_a_line_is_drawn_until_the_day_before_its_closed_periods(
    terms: CreditLine, frequency: Frequency, periods: int
) -> None:
    for closed in range(periods):
        terms = replace(terms, no_draws_last_periods=closed)
        product = replace(LINE, frequency=frequency, periods_min=1, line=terms)
        contract = contract_for(product, LIMIT, START, periods=periods)
        last_on = contract.rows[periods - 1 - closed].to_on - DAY
        check_draw(contract, [], OnDay(last_on, LIMIT))
        with pytest.raises(RefusedError, match=f"to {last_on}"):
            check_draw(contract, [], OnDay(last_on + DAY, LIMIT))


def test_more_than_the_product_lends_is_no_limit() -> None:
    with pytest.raises(InputError, match="principal"):
        plan_of(replace(LINE, principal_max_fen=LIMIT - 1))


# --- changed after signing ---


def changed(contract: Contract, events: Sequence[Event], text: str, on: date) -> Event:
    return replan(
        contract, events, change_of(text), on, key=f"change/{text}", told=text, actor="test", calendar=CALENDAR
    ).event


def test_an_extended_line_is_drawn_longer_at_another_rate_from_its_day() -> None:
    contract = line()
    on, last_on = START + 40 * DAY, date(2025, 8, 9)
    events = [drawn(START, 1_000_000), payment(date(2025, 4, 10), 12_400)]
    with pytest.raises(RefusedError, match=f"to {last_on}"):
        check_draw(contract, events, OnDay(last_on + DAY, 200_000))

    longer = [*events, changed(contract, events, "extend 2", on)]
    cheaper = [*longer, changed(contract, longer, "rate 7.2%", on)]

    for row in contract.rows[1:5]:
        due_fen = life(contract, cheaper, row.due_on).position.due_fen
        cheaper.append(payment(row.due_on, due_fen, f"p{row.number}"))
    check_draw(contract, cheaper, OnDay(last_on + DAY, 200_000))
    assert life(contract, cheaper, on).instalments[1].interest_fen == 400 * 9 + 200 * 21
    with pytest.raises(RefusedError, match="drawn from 2025-03-10 to 2025-10-09"):
        check_draw(contract, cheaper, OnDay(date(2025, 10, 10), 200_000))


def test_a_line_restructured_into_another_loan_is_drawn_no_more() -> None:
    contract = line()
    events = [drawn(START, 1_000_000)]
    other = replace(PLAIN, code="other")
    event = replan(
        contract, events, change_of("restructure other 6"), START + DAY, key="r", told="", actor="test",
        calendar=CALENDAR, products={"other": other},
    ).event  # fmt: skip
    with pytest.raises(RefusedError, match="no credit line"):
        check_draw(contract, [*events, event], OnDay(START + 2 * DAY, 200_000))
    assert life(contract, [*events, event], START + 2 * DAY).position.free_fen == 0
