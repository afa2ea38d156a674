"""Money beyond what is due, as the borrower wants it: it waits, or repays principal, for less time or less each."""

from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
import shelf
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from lives import (
    CALENDAR,
    DAY,
    PLAIN,
    bounced,
    check_conservation,
    chosen,
    contract_for,
    contracts,
    payment,
    payout,
    products,
    voided,
)
from terms import line_product, product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event
from loancli.core.money import Rounding, fen_of
from loancli.core.rates import DayCount
from loancli.plan.adjust import changed
from loancli.plan.build import build
from loancli.plan.changes import change_of
from loancli.plan.product import Allocation, Frequency, Kind, Penalty
from loancli.servicing.contract import Contract
from loancli.servicing.life import life
from loancli.servicing.replan import Replan, replan

SIGNED = date(2026, 1, 15)
TERMS = replace(PLAIN, roll=Roll.NONE)
BY_THEMSELVES = {Kind.REVENUE_SHARE, Kind.CREDIT_LINE, Kind.CUSTOM, Kind.SINGLE_PAYMENT}  # or agreed row by row
SLOW = settings(deadline=None, max_examples=80)


def plan_for(contract: Contract, events: list[Event], choice: Event, how: str) -> Replan:
    return replan(
        contract,
        events,
        change_of(how),
        choice.effective_on,
        key=f"plan/{choice.key}",
        told=how,
        actor="test",
        calendar=CALENDAR,
        rests_on=choice.key,
    )


def paid_ahead(contract: Contract, on: date, extra_fen: int) -> tuple[list[Event], Event]:
    """All that is due by a day paid as it falls due, and more on the day."""
    events = [payout(contract)]
    due = [row for row in contract.rows if row.due_on <= on and row.due_fen]
    events += [payment(row.due_on, row.due_fen, f"p{row.number}") for row in due]
    more = payment(on, extra_fen, "more")
    return [*events, more], more


# --- laws ---


@SLOW
@given(
    contracts(products([kind for kind in Kind if kind not in BY_THEMSELVES])),
    st.sampled_from(["shorter", "smaller"]),
    st.data(),
)
def test_what_is_paid_ahead_on_a_loan_leaves_the_plan_that_the_prepayment_of_a_plan_shows(
    contract: Contract, how: str, data: st.DataObject
) -> None:
    if contract.product.fixed_fee or contract.product.roll_interest:
        reject()  # a plan with a fee is not prepaid; of days that were moved with their interest a loan keeps no others
    on = data.draw(st.dates(contract.signed_on, contract.rows[-1].due_on - DAY))
    extra_fen = data.draw(st.integers(1, contract.principal_fen))
    if any(row.to_on <= on < row.due_on or row.due_on <= on < row.to_on for row in contract.rows):
        reject()  # the money is for the instalment that is about to fall due
    plan = build(
        contract.product,
        contract.principal_fen,
        contract.signed_on,
        calendar=CALENDAR,
        periods=contract.maturity_number,
    )
    try:
        shown = changed(plan, change_of(f"prepay {extra_fen // 100}.{extra_fen % 100:02} {how}"), on, calendar=CALENDAR)
    except InputError:
        reject()
    events, more = paid_ahead(contract, on, extra_fen)
    choice = chosen(more, how)
    try:
        found = plan_for(contract, [*events, choice], choice, how)
    except RefusedError:
        assert not [row for row in shown.rows if row.to_on > on]  # paid off by it
        return
    assert found.after.rows == shown.rows
    lived = life(contract, [*events, choice, found.event], on)
    open_rows = [row for row in shown.rows if row.due_on > on]
    assert [(state.principal_fen, state.interest_fen) for state in lived.instalments[-len(open_rows) :]] == [
        (row.principal_fen, row.interest_fen) for row in open_rows
    ]


@SLOW
@given(contracts(), st.sampled_from(["next", "shorter", "smaller"]), st.data())
def test_a_choice_and_its_plan_go_with_the_payment_and_come_back_with_it(
    contract: Contract, how: str, data: st.DataObject
) -> None:
    on = data.draw(st.dates(contract.signed_on, contract.rows[-1].due_on))
    extra_fen = data.draw(st.integers(1, contract.principal_fen))
    events, more = paid_ahead(contract, on, extra_fen)
    plain = list(events)
    choice = chosen(more, how)
    events.append(choice)
    if how != "next":
        with suppress(RefusedError, InputError):  # nothing is left, or the instalments follow by themselves
            events.append(plan_for(contract, events, choice, how).event)
    end_on = contract.rows[-1].due_on + 30 * DAY
    for day in (on, end_on):
        check_conservation(life(contract, events, day), contract.principal_fen)
    bounce = bounced(more, on + 3 * DAY)
    never = [event for event in plain if event is not more]
    assert life(contract, [*events, bounce], end_on) == life(contract, [*never], end_on)
    again = [*events, bounce, voided(bounce, on + 3 * DAY)]
    assert life(contract, again, end_on) == life(contract, events, end_on)
    assert life(contract, [*events, voided(choice)], end_on) == life(contract, plain, end_on)


# --- the three choices ---


def loan(**terms: object) -> tuple[Contract, list[Event], Event]:
    """60,000.00 over 6 months, of which on the first due day 10,000.00 more than the instalment is paid."""
    contract = contract_for(replace(TERMS, **terms), 6_000_000, SIGNED)  # type: ignore[arg-type]
    first = contract.rows[0]
    paid = payment(first.due_on, first.due_fen + 1_000_000)
    return contract, [payout(contract), paid], paid


def test_next_keeps_the_money_for_the_next_instalment_whatever_the_terms_say() -> None:
    contract, events, paid = loan(allocation=Allocation(surplus="principal"))
    lived = life(contract, [*events, chosen(paid, "next")], paid.effective_on)
    assert lived.position.credit_fen == 1_000_000
    assert lived.position.next_due_fen == contract.rows[1].due_fen


def test_shorter_keeps_the_instalment_and_ends_sooner() -> None:
    contract, events, paid = loan()
    choice = chosen(paid, "shorter")
    plan = plan_for(contract, [*events, choice], choice, "shorter")
    lived = life(contract, [*events, choice, plan.event], paid.effective_on)
    assert lived.position.credit_fen == 0
    assert len(lived.instalments) < len(contract.rows)
    level_fen = contract.rows[1].due_fen
    assert [state.due_fen for state in lived.instalments[1:-1]] == [level_fen] * (len(lived.instalments) - 2)
    assert lived.instalments[-1].due_fen < level_fen


def test_smaller_keeps_the_term_and_lowers_each_instalment() -> None:
    contract, events, paid = loan()
    choice = chosen(paid, "smaller")
    plan = plan_for(contract, [*events, choice], choice, "smaller")
    lived = life(contract, [*events, choice, plan.event], paid.effective_on)
    assert [state.due_on for state in lived.instalments] == [row.due_on for row in contract.rows]
    assert all(state.due_fen < row.due_fen for state, row in zip(lived.instalments[1:], contract.rows[1:], strict=True))


def test_money_that_is_meant_for_principal_comes_after_the_other_payments_of_its_day() -> None:
    contract, events, _ = loan()
    first = contract.rows[0]
    due, ahead = payment(first.due_on, first.due_fen, "z"), payment(first.due_on, 1_000_000, "a")
    lived = life(contract, [events[0], due, ahead, chosen(ahead, "shorter")], first.due_on)
    assert lived.position.principal_outstanding_fen == 6_000_000 - first.principal_fen - 1_000_000


@pytest.mark.parametrize("terms", [revenue_product(), line_product()])
def test_instalments_that_follow_by_themselves_are_not_shortened(terms: object) -> None:
    plan = build(terms, 1_200_000, SIGNED, calendar=CALENDAR)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"shorter: .* ends sooner by itself"):
        changed(plan, change_of("shorter"), SIGNED + DAY, calendar=CALENDAR)


@pytest.mark.parametrize(
    ("case_id", "how", "rounding"),
    [
        ("fin-rp12-prepay-lower", "smaller", Rounding.HALF_UP),
        (
            "fin-rp11-prepay-shorter",
            "shorter",
            Rounding.DOWN,
        ),  # see tests/plan/test_adjust.py
    ],
)
def test_a_published_prepayment_is_lived_as_published(case_id: str, how: str, rounding: Rounding) -> None:
    case = shelf.cases("truth/schedule_changes.json").get(case_id)
    if case is None:
        pytest.skip("the reference shelf is not here")
    rows = case["expected"]["snapshots"][-1]["rows"]
    theirs = {date.fromisoformat(row["due"]): fen_of(row["due_amount"]) for row in rows}
    first, second, *_, last = sorted(theirs)
    contract = contract_for(
        product(day_count=DayCount.ACT_365F, instalment_unit_fen=100, rounding=rounding),
        500_000,
        date(2022, 11, 1),
        periods=6,
    )
    events = [payout(contract)]
    for on in (first, second):
        paid = payment(on, theirs[on], f"p{on}")
        choice = chosen(paid, how, f"s{on}")
        events += [paid, choice]
        events.append(plan_for(contract, events, choice, how).event)
    ahead = [state for state in life(contract, events, second).instalments if not state.is_due and state.due_fen]
    asked = {state.due_on: theirs[state.due_on] - state.due_fen for state in ahead}
    assert list(asked) == sorted(theirs)[2:]
    if rounding is Rounding.DOWN:
        assert 0 <= asked.pop(last) < len(theirs)
    assert set(asked.values()) == {0}


@pytest.mark.parametrize(
    ("case_id", "how"),
    [("fin-alloc-last-due", "shorter"), ("fin-alloc-last-late", "shorter"), ("fin-alloc-spread-due", "smaller")],
)
def test_a_surplus_goes_to_the_last_or_to_all_instalments_as_published(case_id: str, how: str) -> None:
    """Their first row is a down payment on the pay-out day; the loan is the other three. Ours ask for less, as paid."""
    case = shelf.cases("truth/allocation.json").get(case_id)
    if case is None:
        pytest.skip("the reference shelf is not here")
    rows = case["expected"]["snapshots"][-1]["rows"][1:]
    terms = replace(
        TERMS, annual_rate_ppm=0, frequency=Frequency(days=15), kind=Kind.EQUAL_PRINCIPAL, penalty=Penalty(grace_days=5)
    )
    contract = contract_for(terms, 30_000, date(2023, 9, 1), periods=3)
    told = case["inputs"]["events"][-1]
    paid = payment(date.fromisoformat(told["date"]), fen_of(told["amount"]))
    choice = chosen(paid, how)
    events = [payout(contract), paid, choice]
    lived = life(contract, [*events, plan_for(contract, events, choice, how).event], paid.effective_on)
    assert [str(state.due_on) for state in lived.instalments] == [row["due"] for row in rows]
    assert [state.unpaid_fen for state in lived.instalments] == [fen_of(row["outstanding"]) for row in rows]
