"""servicing/replan: what a change of a loan's plan shows beforehand is what the loan then lives."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from lives import CALENDAR, DAY, PLAIN, RandomLife, check_conservation, contract_for, contracts, payment, payout, voided
from lives import random_lives as lives_of
from terms import product, revenue_product

from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import Rounding
from loancli.plan.changes import Change, change_of
from loancli.plan.product import Allocation, BreathingSpace, Kind, Pays
from loancli.servicing.contract import Contract, in_force
from loancli.servicing.life import active_events, life, walked
from loancli.servicing.replan import Replan, replan
from loancli.servicing.walk import Walk

SLOW = settings(deadline=None, max_examples=150)
CHANGES = [
    "extend 2", "respread 4", "rate 6%", "defer 1", "reweight 1,2,3,4,4,4,3,3,2,2,1,1", "breathe 1 interest",
    "breathe 2 nothing extend", "breathe 1 40%", "restructure other 5",
]  # fmt: skip
OTHER = replace(PLAIN, code="other", kind=Kind.EQUAL_PRINCIPAL, annual_rate_ppm=72_000, rounding=Rounding.HALF_UP)


def change(contract: Contract, events: Sequence[Event], text: str, on: date, **more: object) -> Replan:
    wanted: Change = change_of(text)
    return replan(
        contract, events, wanted, on, key=f"change/{on}/{text}", told=text, actor="test", calendar=CALENDAR,
        products={"other": OTHER}, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def paid_as_due(contract: Contract, events: list[Event], through: date) -> list[Event]:
    """The events with a payment of each instalment on its due day, as the loan itself asks for it."""
    paid = list(events)
    while True:
        rows = in_force(contract, active_events(paid, date.max)).rows
        lived = life(contract, paid, through)
        due = next((state for state in lived.instalments if state.is_due and state.unpaid_fen), None)
        if due is None:
            return paid
        on_day = next(state for state in life(contract, paid, due.due_on).instalments if state.number == due.number)
        paid.append(payment(rows[due.number - 1].due_on, on_day.unpaid_fen, f"due{due.number}"))


@SLOW
@given(contracts(periods_max=8), st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2), st.data())
def test_a_changed_loan_that_pays_when_due_lives_as_the_change_showed(
    contract: Contract, texts: list[str], data: st.DataObject
) -> None:
    events = [payout(contract)]
    on = contract.signed_on
    for text in texts:
        on += data.draw(st.integers(0, 50)) * DAY
        before_on = on - DAY if text.startswith("breathe") else on  # a space is there before what is paid on its day
        events = paid_as_due(contract, events, before_on)
        try:
            found = change(contract, events, text, on)
        except (InputError, RefusedError):
            reject()
        events.append(found.event)
    end_on = max(row.due_on for row in found.after.rows)
    lived = life(contract, paid_as_due(contract, events, end_on), end_on)
    assert [(state.principal_fen, state.interest_fen, state.fee_fen) for state in lived.instalments] == [
        (row.principal_fen, row.interest_fen, row.fee_fen) for row in found.after.rows
    ]
    assert lived.position.status == "settled"
    assert lived.position.paid_total_fen == sum(row.due_fen for row in found.after.rows)


@SLOW
@given(lives_of(), st.sampled_from(CHANGES), st.data(), st.randoms())
def test_a_change_amid_any_payments_keeps_every_fen_and_any_order_of_arrival(
    told: RandomLife, text: str, data: st.DataObject, dice: Random
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(1, 200)) * DAY
    try:
        found = change(told.contract, told.events, text, on)
    except (InputError, RefusedError):
        reject()
    events = [*told.events, found.event]
    end_on = max([told.end_on, *(row.due_on for row in found.after.rows)])
    for day in (on, end_on):
        check_conservation(life(told.contract, events, day), told.disbursed_fen(day))
    shuffled = list(events)
    dice.shuffle(shuffled)
    assert life(told.contract, shuffled, end_on) == life(told.contract, events, end_on)
    void = voided(found.event, on)
    assert life(told.contract, [*events, void], end_on) == life(told.contract, told.events, end_on)


@SLOW
@given(lives_of(forgiving_max=0), st.sampled_from(CHANGES), st.data())
def test_what_is_shown_ahead_after_a_change_is_what_the_change_showed(
    told: RandomLife, text: str, data: st.DataObject
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(1, 200)) * DAY
    known = [each for each in told.events if each.effective_on < on]
    try:
        found = change(told.contract, known, text, on)
    except (InputError, RefusedError):
        reject()
    number = found.event.payload["number"]
    ahead = life(told.contract, [*known, found.event], on).instalments[number - 1 :]
    if any(state.is_due for state in ahead):
        reject()  # it falls due on the very day
    shown = [(row.principal_fen, row.interest_fen) for row in found.after.rows[number - 1 :]]
    assert [(state.principal_fen, state.interest_fen) for state in ahead] == shown


@settings(deadline=None, max_examples=100)
@given(lives_of(), st.sampled_from(CHANGES), st.data())
def test_rows_that_hold_after_a_change_tell_what_working_it_out_would(
    told: RandomLife, text: str, data: st.DataObject
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(1, 200)) * DAY
    late = [each for each in told.events if each.kind is EventKind.PAYMENT_RECEIVED and data.draw(st.booleans())]
    known = [each for each in told.events if each not in late]  # the others were not known when it was changed
    try:
        found = change(told.contract, known, text, on)
    except (InputError, RefusedError):
        reject()
    days = [on, on + data.draw(st.integers(1, 100)) * DAY, told.end_on]
    lived = [life(told.contract, [*told.events, found.event], day) for day in days]
    with patch.object(Walk, "holds", return_value=False):
        assert [life(told.contract, [*told.events, found.event], day) for day in days] == lived


@settings(deadline=None, max_examples=100)
@given(
    lives_of(),
    st.lists(st.sampled_from([*CHANGES, "shorter", "smaller", "reage 3"]), min_size=1, max_size=2),
    st.data(),
)
def test_the_walk_of_a_change_goes_on_to_the_life_that_is_walked_from_the_start(
    told: RandomLife, texts: list[str], data: st.DataObject
) -> None:
    on = told.contract.signed_on
    events = list(told.events)
    for text in texts:
        on += data.draw(st.integers(0, 120)) * DAY
        if data.draw(st.integers(0, 3)):  # else what is recorded for later days is known as well
            events = [each for each in events if each.effective_on <= on]
        try:
            found = change(told.contract, events, text, on)
        except (InputError, RefusedError):
            continue
        knows_later = any(each.effective_on > on for each in events)
        events.append(found.event)
        as_of = on + data.draw(st.sampled_from([0, 0, 1, 40, 400])) * DAY
        assert found.life(on - DAY) is None
        gone_on = found.life(as_of)
        assert (gone_on is None) == (knows_later or text.startswith(("breathe", "reage")))
        if gone_on:
            assert gone_on == life(told.contract, events, as_of)


# --- single cases ---


def test_rows_hold_until_something_was_paid_ahead_that_they_do_not_know() -> None:
    contract, events = loan(allocation=Allocation(surplus="principal"))
    on = date(2026, 2, 20)
    found = change(contract, events, "respread 11", on)
    walk, _ = walked(contract, [*events, found.event], on)
    assert not walk.is_off_plan
    for fen in (600_000, contract.rows[0].due_fen + 100):  # principal, or interest alone
        walk, _ = walked(contract, [*events, payment(date(2026, 2, 17), fen), found.event], on)
        assert walk.is_off_plan
    breathing = change(contract, events, "breathe 1 nothing", on)
    walk, _ = walked(contract, [*events, breathing.event], on)
    assert walk.is_off_plan  # its first row asks for nothing, whatever has accrued


def loan(**terms: object) -> tuple[Contract, list[Event]]:
    contract = contract_for(product(**terms), 1_200_000, date(2026, 1, 15))
    return contract, [payout(contract)]


def test_a_breathing_space_counts_from_the_beginning_of_its_day_and_other_changes_from_its_end() -> None:
    contract, events = loan()
    due_on = contract.rows[0].due_on
    space = change(contract, events, "breathe 1 nothing", due_on - DAY)
    assert life(contract, [*events, space.event], due_on).position.due_fen == 0
    rate = change(contract, events, "rate 6%", due_on)
    assert rate.event.payload["number"] == 2
    assert life(contract, [*events, rate.event], due_on).position.due_fen == contract.rows[0].due_fen


def test_money_paid_on_the_day_is_spread_with_the_rest() -> None:
    contract, events = loan(allocation=Allocation(surplus="principal"))
    on = date(2026, 2, 20)
    events += [payment(date(2026, 2, 15), contract.rows[0].due_fen), payment(on, 500_000, "p2")]
    found = change(contract, events, "respread 11", on)
    assert len(found.after.rows) == 12
    assert max(row.due_fen for row in found.after.rows[1:-1]) < contract.rows[1].due_fen
    assert found.after.prepaid[0].paid_on == on


def test_what_was_looked_ahead_for_the_change_is_forgotten_by_the_life_after_it() -> None:
    """Principal paid ahead leaves rows that hold no more; those of the change hold."""
    contract, events = loan(allocation=Allocation(surplus="principal"))
    on = contract.rows[0].due_on
    events.append(payment(on, contract.rows[0].due_fen + 300_000))
    found = change(contract, events, "extend 2", on)
    assert found.walk is not None
    assert found.walk.ahead
    assert found.life(on) == life(contract, [*events, found.event], on)


def test_overdue_principal_stays_overdue() -> None:
    contract, events = loan()
    on = date(2026, 3, 20)
    found = change(contract, events, "extend 3", on)
    lived = life(contract, [*events, found.event], on)
    assert lived.position.principal_overdue_fen == sum(row.principal_fen for row in contract.rows[:2])
    assert len(lived.instalments) == 15


def test_penalty_of_the_days_before_another_rate_is_as_it_was() -> None:
    contract, events = loan()
    due_on = contract.rows[0].due_on
    on = due_on + 10 * DAY
    late_fen = contract.rows[0].principal_fen
    shown_fen = life(contract, events, on).position.penalty_accrued_fen
    events.append(change(contract, events, "rate 6%", on).event)
    assert contract.product.penalty_ppm == 180_000
    assert life(contract, events, on).position.penalty_accrued_fen == shown_fen == late_fen * 18 * 10 // 36_000
    later = life(contract, events, on + 5 * DAY)
    assert later.contract.product.penalty_ppm == 90_000
    assert later.position.penalty_accrued_fen == late_fen * (18 * 10 + 9 * 5) // 36_000


def test_a_change_before_a_later_one_is_refused_until_that_is_voided() -> None:
    contract, events = loan()
    later = change(contract, events, "rate 6%", date(2026, 5, 20)).event
    with pytest.raises(RefusedError, match="a change of 2026-05-20 rests on the plan"):
        change(contract, [*events, later], "extend 2", date(2026, 4, 20))
    void = voided(later, date(2026, 5, 20))
    assert change(contract, [*events, later, void], "extend 2", date(2026, 4, 20)).event


def test_of_two_changes_of_a_day_the_second_rests_on_the_first() -> None:
    contract, events = loan()
    on = date(2026, 3, 20)
    events.append(change(contract, events, "rate 6%", on).event)
    second = change(contract, events, "extend 3", on)
    lived = life(contract, [*events, second.event], on)
    assert [row.due_on for row in second.after.rows] == [state.due_on for state in lived.instalments]
    assert len(lived.instalments) == 15
    assert lived.contract.product.annual_rate_ppm == 60_000


def test_a_breathing_space_is_not_granted_before_a_change_of_its_day() -> None:
    contract, events = loan()
    on = date(2026, 3, 20)
    events.append(change(contract, events, "rate 6%", on).event)
    with pytest.raises(RefusedError, match="rests on the plan"):
        change(contract, events, "breathe 1", on)


@pytest.mark.parametrize(
    ("text", "on", "why"),
    [
        ("prepay 100 shorter", date(2026, 3, 1), "take the payment"),
        ("extend 1", date(2027, 2, 1), "no principal"),
        ("extend 1", date(2026, 1, 10), "no principal"),
        ("share 10%", date(2026, 3, 1), "no revenue-share plan"),
    ],
)
def test_what_cannot_be_changed_is_refused(text: str, on: date, why: str) -> None:
    contract, events = loan()
    with pytest.raises((RefusedError, InputError), match=why):
        change(contract, events, text, on)


def test_a_revenue_plan_extended_has_its_windows_to_run_on_after_the_new_maturity() -> None:
    contract = contract_for(revenue_product(share={"run_on_windows_max": 2}), 1_200_000, date(2026, 1, 15))
    found = change(contract, [payout(contract)], "extend 3", date(2026, 1, 31))
    now = in_force(contract, [found.event])
    assert (now.maturity_number, len(now.rows)) == (15, 17)
    assert [row.number for row in now.rows] == list(range(1, 18))


def test_spaces_of_a_year_are_counted_over_the_loans_changes() -> None:
    space = BreathingSpace(pays=Pays(interest=True), extends=True, periods_max=2, a_year_max=1)
    contract, events = loan(breathing_space=space)
    first = change(contract, events, "breathe 2", date(2026, 2, 20))
    assert first.event.kind is EventKind.BREATHING_SPACE_GRANTED
    with pytest.raises(InputError, match="allows 1 a year"):
        change(contract, [*events, first.event], "breathe 1", date(2026, 8, 1))


def fixed(number: int, on: date, amount_fen: int) -> Event:
    return Event(
        key=f"fixed/{number}", loan_id="L1", kind=EventKind.INSTALMENT_FIXED, effective_on=on, actor="test",
        payload={"number": number, "amount_fen": amount_fen, "level_fen": 0, "takes_rest": False, "reasons": []},
    )  # fmt: skip


@pytest.mark.parametrize("text", ["extend 3", "breathe 2 interest", "defer 1", "share 20%"])
@pytest.mark.parametrize("on", [date(2026, 2, 1), date(2026, 2, 5)])
def test_an_instalment_that_is_fixed_falls_due_as_it_was_fixed(text: str, on: date) -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 15))
    events = [payout(contract), fixed(1, date(2026, 2, 1), 77_777)]
    found = change(contract, events, text, on)
    assert found.event.payload["number"] == 2
    assert found.after.rows[0].due_fen == 77_777
    due_on = contract.rows[0].due_on
    lived = life(contract, [*events, found.event], due_on)
    assert lived.position.due_fen == 77_777
    assert lived.instalments[0].interest_fen == found.after.rows[0].interest_fen
    assert lived.position.principal_outstanding_fen == 1_200_000


def test_nothing_is_changed_once_all_of_it_is_in_an_instalment_that_is_fixed() -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 15), periods=2)
    rest = fixed(1, date(2026, 2, 1), 1_300_000)
    rest = replace(rest, payload=rest.payload | {"takes_rest": True})
    with pytest.raises(RefusedError, match=r"no principal on 2026-02-05 that is not due yet$"):
        change(contract, [payout(contract), rest], "extend 1", date(2026, 2, 5))


def test_the_terms_of_a_fixed_instalment_are_not_changed_under_it() -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 15))
    events = [payout(contract), fixed(1, date(2026, 2, 1), 77_777)]
    with pytest.raises(RefusedError, match="instalment 1 is fixed and falls due on 2026-02-15"):
        change(contract, events, "rate 6%", date(2026, 2, 5))
    paid = [*events, payment(date(2026, 2, 15), 77_777)]
    assert change(contract, paid, "rate 6%", date(2026, 2, 15)).after.rows[1].interest_fen


def test_a_window_that_is_over_is_fixed_before_the_plan_changes() -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 15))
    with pytest.raises(RefusedError, match="instalment 1 is over and not fixed yet; close the day first"):
        change(contract, [payout(contract)], "extend 3", date(2026, 2, 1))


def test_a_revenue_plan_is_held_against_the_outlook_of_what_is_open_now() -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 15))
    events = [payout(contract), fixed(1, date(2026, 2, 1), 300_000), payment(date(2026, 2, 15), 300_000)]
    found = change(contract, events, "extend 3", date(2026, 2, 20))
    assert sum(row.principal_fen for row in found.before.rows) == 1_200_000
    assert found.before.rows[1].interest_fen == found.after.rows[1].interest_fen  # of the same principal
    assert found.after.interest_fen > found.before.interest_fen
