"""What is overdue spread anew with the rest: the loan is on time again, and no fen is lost or asked for twice."""

from dataclasses import replace
from datetime import date
from random import Random

import pytest
import shelf
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from lives import (
    CALENDAR,
    DAY,
    PLAIN,
    RandomLife,
    charged,
    check_conservation,
    contract_for,
    payment,
    payout,
    random_lives,
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
from loancli.plan.product import Allocation, FixedFee, Frequency, Kind, Penalty
from loancli.servicing.contract import Contract
from loancli.servicing.life import life, quote
from loancli.servicing.replan import Replan, replan

SIGNED = date(2026, 1, 15)
TERMS = replace(PLAIN, roll=Roll.NONE, penalty=Penalty(grace_days=0))
SLOW = settings(deadline=None, max_examples=80)


def change(contract: Contract, events: list[Event], text: str, on: date) -> Replan:
    return replan(
        contract, events, change_of(text), on, key=f"change/{on}/{text}", told=text, actor="test", calendar=CALENDAR
    )


def loan(**terms: object) -> tuple[Contract, list[Event]]:
    contract = contract_for(replace(TERMS, **terms), 6_000_000, SIGNED)  # type: ignore[arg-type]
    return contract, [payout(contract)]


# --- laws ---


@SLOW
@given(random_lives(), st.sampled_from(["reage", "reage 3", "reage 12"]), st.data(), st.randoms(use_true_random=False))
def test_spread_anew_amid_anything_no_fen_is_lost_and_a_void_brings_the_loan_back(
    told: RandomLife, text: str, data: st.DataObject, dice: Random
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(1, 250)) * DAY
    try:
        found = change(told.contract, told.events, text, on)
    except (InputError, RefusedError):
        reject()
    events = [*told.events, found.event]
    end_on = max([told.end_on, *(row.due_on for row in found.after.rows)]) + DAY
    for day in (on, end_on):
        check_conservation(life(told.contract, events, day), told.disbursed_fen(day))
    shuffled = list(events)
    dice.shuffle(shuffled)
    assert life(told.contract, shuffled, end_on) == life(told.contract, events, end_on)
    void = voided(found.event, on)
    assert life(told.contract, [*events, void], end_on) == life(told.contract, told.events, end_on)


@SLOW
@given(random_lives(forgiving_max=0), st.sampled_from(["reage", "reage 3", "reage 12"]), st.data())
def test_what_is_shown_is_asked_and_nothing_is_overdue_any_more(
    told: RandomLife, text: str, data: st.DataObject
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(1, 250)) * DAY
    known = [each for each in told.events if each.effective_on <= on]
    before = life(told.contract, known, on).position
    try:
        found = change(told.contract, known, text, on)
    except (InputError, RefusedError):
        reject()
    lived = life(told.contract, [*known, found.event], on)
    assert lived.position.oldest_unpaid_due_on is None
    assert lived.position.due_fen == lived.position.penalty_due_fen
    assert lived.position.principal_outstanding_fen == before.principal_outstanding_fen
    number = found.event.payload["number"]
    shown = [(row.principal_fen, row.interest_fen, row.fee_fen) for row in found.after.rows[number - 1 :]]
    ahead = lived.instalments[number - 1 :]
    assert [(state.principal_fen, state.interest_fen, state.fee_fen) for state in ahead] == shown


# --- examples ---


def test_interest_that_was_overdue_falls_due_with_the_next_instalment_and_bears_none() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 5 * DAY
    before = life(contract, events, on).position
    found = change(contract, events, "reage", on)
    lived = life(contract, [*events, found.event], on)
    assert before.interest_due_fen > 0
    assert lived.position.accrued > before.interest_due_fen
    assert lived.position.accruing_per_day == 2_400  # on the principal alone
    level = {state.due_fen for state in lived.instalments[2:-1]}
    assert len(level) == 1  # equal instalments again
    assert sum(state.principal_fen for state in lived.instalments[2:]) == 6_000_000


def test_penalty_up_to_the_day_stays_due_and_no_more_comes() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 5 * DAY
    penalty_fen = quote(contract, events, on).penalty_fen
    events.append(change(contract, events, "reage 6", on).event)
    assert life(contract, events, on).position.penalty_due_fen == penalty_fen
    later = life(contract, events, on + 15 * DAY).position
    assert later.penalty_due_fen + later.penalty_accrued_fen == penalty_fen


def test_overdue_fees_come_with_the_next_instalment() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 5 * DAY
    events.append(charged(contract.rows[0].due_on, 5_000))
    found = change(contract, events, "reage", on)
    assert found.after.rows[2].fee_fen == 5_000
    lived = life(contract, [*events, found.event], contract.rows[2].due_on)
    assert lived.instalments[2].fee_fen == 5_000
    assert lived.instalments[0].fee_fen == 0


def test_a_loan_whose_term_is_over_goes_on_by_its_frequency() -> None:
    contract, events = loan()
    on = date(2026, 9, 20)
    found = change(contract, events, "reage 4", on)
    assert [row.due_on for row in found.after.rows[6:]] == [date(2026, month, 15) for month in (10, 11, 12)] + [
        date(2027, 1, 15)
    ]
    lived = life(contract, [*events, found.event], on)
    assert (lived.position.status, lived.position.principal_overdue_fen) == ("active", 0)
    penalty = payment(on, lived.position.penalty_due_fen, "penalty")
    paid = [payment(row.due_on, row.due_fen, f"p{row.number}") for row in found.after.rows[6:]]
    end = life(contract, [*events, found.event, penalty, *paid], date(2027, 1, 15))
    assert end.position.status == "settled"


def test_what_was_spread_anew_may_be_changed_again() -> None:
    contract, events = loan()
    on = date(2026, 9, 20)
    events.append(change(contract, events, "reage 4", on).event)
    events.append(change(contract, events, "rate 6%", on).event)
    lived = life(contract, events, on)
    assert lived.contract.product.annual_rate_ppm == 60_000
    assert len(lived.instalments) == 10


@pytest.mark.parametrize(
    ("terms", "text", "on", "why"),
    [
        ({}, "reage 3", date(2026, 2, 1), "nothing of loan L1 is overdue"),
        ({}, "reage", date(2026, 9, 20), "the term is over; say over how many"),
        ({"annual_rate_ppm": 0, "fixed_fee": FixedFee(principal_ppm=1)}, "reage 3", date(2026, 4, 1), "no instalments"),
        ({"kind": Kind.SINGLE_PAYMENT}, "reage 3", date(2026, 9, 20), "no frequency to go on by"),
    ],
)
def test_what_cannot_be_spread_anew_is_refused(terms: dict[str, object], text: str, on: date, why: str) -> None:
    contract, events = loan(**terms)
    with pytest.raises(RefusedError, match=why):
        change(contract, events, text, on)


@pytest.mark.parametrize("terms", [revenue_product(), line_product()])
def test_instalments_that_follow_by_themselves_are_not_spread(terms: object) -> None:
    contract = contract_for(terms, 1_200_000, SIGNED)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="no instalments that overdue principal could be spread over"):
        change(contract, [payout(contract)], "reage 3", date(2026, 4, 1))


def test_interest_alone_is_not_spread_where_all_principal_is_about_to_fall_due() -> None:
    # Agreed for Sunday 2026-03-15, due on Monday the 16th: its period is over, and the rest of the loan is in it.
    order = Allocation(order=("principal", "interest", "penalty", "fee"))
    contract = contract_for(replace(TERMS, roll=Roll.FOLLOWING, allocation=order), 6_000_000, SIGNED, periods=2)
    first, second = contract.rows
    assert second.to_on < second.due_on
    paid = payment(first.due_on, first.due_fen - 1)
    with pytest.raises(RefusedError, match="no principal on 2026-03-15 that is not due yet"):
        change(contract, [payout(contract), paid], "reage 3", second.to_on)


def test_a_plan_without_a_loan_has_nothing_overdue() -> None:
    plan = build(product(), 1_200_000, SIGNED, calendar=CALENDAR)
    with pytest.raises(InputError, match="respread it instead"):
        changed(plan, change_of("reage"), SIGNED, calendar=CALENDAR)


def test_a_loan_that_is_all_overdue_says_what_helps() -> None:
    contract, events = loan()
    with pytest.raises(RefusedError, match="what is overdue is spread anew by 'reage 6'"):
        change(contract, events, "extend 3", date(2026, 9, 20))


# --- published ---


def published(case_id: str) -> dict[str, object]:
    case = shelf.cases("truth/schedule_changes.json").get(case_id)
    if case is None:
        pytest.skip("the reference shelf is not here")
    return case  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "case_id", ["fin-reamort-happy", "fin-reamort-all-late", "fin-reamort-partial", "fin-reage-happy"]
)
def test_overdue_principal_is_spread_as_published(case_id: str) -> None:
    """Their first row is a down payment on the pay-out day; the loan is the others. Ours goes on by its frequency."""
    case = published(case_id)
    rows = case["expected"]["snapshots"][-1]["rows"][1:]  # type: ignore[index]
    events_told = case["inputs"]["events"]  # type: ignore[index]
    last = events_told[-1]
    principal_fen = fen_of(events_told[0]["amount"]) * 3 // 4
    terms = replace(
        TERMS,
        kind=Kind.EQUAL_INSTALMENTS,
        annual_rate_ppm=0,
        frequency=Frequency(days=15),
        instalment_unit_fen=100,
        rounding=Rounding.HALF_UP if case_id == "fin-reamort-partial" else Rounding.DOWN,
    )
    contract = contract_for(terms, principal_fen, date.fromisoformat(events_told[0]["date"]), periods=3)
    events = [payout(contract)]
    events += [
        payment(date.fromisoformat(each["date"]), fen_of(each["amount"]), each["date"])
        for each in events_told
        if each["type"] == "repayment"
    ]
    on = date.fromisoformat(last["date"])
    text = f"reage {last['instalments']}" if last["type"] == "re_age" else "reage"
    lived = life(contract, [*events, change(contract, events, text, on).event], on)
    assert [state.principal_fen for state in lived.instalments] == [fen_of(row["principal"]) for row in rows]
    assert lived.position.oldest_unpaid_due_on is None
    by_frequency = rows if last["type"] != "re_age" else rows[:4]
    assert [str(state.due_on) for state in lived.instalments[: len(by_frequency)]] == [
        row["due"] for row in by_frequency
    ]


def test_the_missed_half_of_four_doubles_the_rest_as_published() -> None:
    case = published("fin-reamort-doc")["expected"]["remaining_instalments"]  # type: ignore[index]
    contract = contract_for(replace(TERMS, annual_rate_ppm=0), 100_000, SIGNED, periods=4)
    on = contract.rows[1].due_on + DAY
    events = [payout(contract)]
    lived = life(contract, [*events, change(contract, events, "reage", on).event], on)
    assert [state.due_fen for state in lived.instalments[2:]] == [fen_of(each) for each in case]


def test_a_published_spread_of_interest_so_far_has_the_same_principal() -> None:
    """They ask for the interest up to the day and no more, in equal parts; here interest goes on, as the terms say."""
    case = published("fin-reage-equal-payable")
    given_, expect = case["inputs"], case["expected"]
    terms = replace(
        TERMS, annual_rate_ppm=70_000, day_count=DayCount.THIRTY_360, rounding=Rounding.HALF_EVEN, roll=Roll.NONE
    )
    contract = contract_for(terms, fen_of(given_["principal"]), date.fromisoformat(given_["start"]))  # type: ignore[index]
    paid, told = given_["events"]  # type: ignore[index]
    events = [payout(contract), payment(date.fromisoformat(paid["date"]), fen_of(paid["amount"]))]
    on = date.fromisoformat(told["date"])
    found = change(contract, events, f"reage {told['instalments']}", on)
    lived = life(contract, [*events, found.event], on)
    ahead = lived.instalments[2:]
    assert [str(ahead[0].due_on), len(ahead)] == [told["start"], told["instalments"]]
    assert sum(state.principal_fen for state in ahead) == fen_of(expect["principal_part"])  # type: ignore[index]
    assert sum(state.interest_fen for state in ahead) > fen_of(expect["interest_part"])  # type: ignore[index]
