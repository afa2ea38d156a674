"""Where a loan is, and what comes: each stage reached by a life, each step on its day."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import CALENDAR, DAY, PLAIN, bounced, contract_for, contracts, event, payment, payout
from terms import AGEING, line_product, revenue_product
from told import Told

from loancli.core.days import Roll
from loancli.core.event import Event, EventKind
from loancli.plan.changes import Breathe
from loancli.plan.product import BreathingSpace, Pays, Penalty
from loancli.servicing.contract import Contract
from loancli.servicing.life import life, quote
from loancli.servicing.replan import replan
from loancli.servicing.track import Held, Promised, Stage, Step, Track, What, track

START = date(2026, 1, 12)
GRACE = replace(PLAIN, roll=Roll.NONE, penalty=Penalty(grace_days=3))
LOAN = contract_for(GRACE, 600_000, START)
FIRST, SECOND = LOAN.rows[0], LOAN.rows[1]


def tracked(contract: Contract, events: list[Event], on: date, **more: object) -> Track:
    return track(life(contract, events, on), AGEING, **more)  # type: ignore[arg-type]


def test_signed_then_in_term_with_what_is_due_next() -> None:
    assert tracked(LOAN, [], START).stage is Stage.SIGNED
    assert tracked(LOAN, [], START).steps == ()
    found = tracked(LOAN, [payout(LOAN)], START)
    assert (found.stage, found.to_pay_fen, found.last_paid_on) == (Stage.IN_TERM, 0, None)
    assert found.steps == (
        Step(FIRST.due_on, What.DUE, FIRST.due_fen),
        Step(LOAN.rows[-1].due_on, What.MATURITY),
    )


def test_due_with_days_of_grace_then_past_due_with_the_bucket_that_follows() -> None:
    due = tracked(LOAN, [payout(LOAN)], FIRST.due_on)
    assert (due.stage, due.to_pay_fen, due.standing.days_past_due) == (Stage.DUE, FIRST.due_fen, 0)
    assert due.steps[0] == Step(FIRST.due_on + 3 * DAY, What.GRACE_ENDS, FIRST.due_fen)
    late = tracked(LOAN, [payout(LOAN)], FIRST.due_on + 3 * DAY)
    assert (late.stage, late.standing.bucket) == (Stage.PAST_DUE, "M1")
    assert late.steps[0] == Step(FIRST.due_on + 3 * DAY, What.GRACE_ENDS, FIRST.due_fen)
    assert Step(FIRST.due_on + 31 * DAY, What.BUCKET, None, "M2") in late.steps
    after = tracked(LOAN, [payout(LOAN)], FIRST.due_on + 4 * DAY)
    assert What.GRACE_ENDS not in {step.what for step in after.steps}
    assert after.to_pay_fen > FIRST.due_fen
    last = tracked(LOAN, [payout(LOAN)], FIRST.due_on + 300 * DAY)
    assert (last.standing.bucket, last.steps) == ("M6+", ())  # all of it fell due, and no bucket follows


def test_a_rest_below_the_least_sum_is_due_and_not_past_due() -> None:
    lax = replace(AGEING, past_due=replace(AGEING.past_due, due_min_fen=1_000))
    paid = payment(FIRST.due_on, FIRST.due_fen - 500)
    found = track(life(LOAN, [payout(LOAN), paid], FIRST.due_on + DAY), lax)
    assert (found.stage, found.standing.days_past_due, found.to_pay_fen) == (Stage.DUE, 0, 500)


def test_settled_on_the_day_of_the_last_payment() -> None:
    events = [payout(LOAN)]
    paid_on = FIRST.due_on - 5 * DAY
    paid = payment(paid_on, quote(LOAN, events, paid_on).to_pay_fen)
    found = tracked(LOAN, [*events, paid], paid_on + 40 * DAY, promises=[Promised(due_on=FIRST.due_on, amount_fen=5)])
    assert (found.stage, found.ended_on, found.steps) == (Stage.SETTLED, paid_on, ())
    assert (found.last_paid_on, found.last_paid_fen) == (paid_on, paid.payload["amount_fen"])
    again = tracked(LOAN, [*events, paid, bounced(paid, paid_on)], paid_on)
    assert (again.stage, again.last_paid_on, again.last_paid_fen) == (Stage.IN_TERM, None, 0)


def test_written_off_with_what_was_recovered_since() -> None:
    on = FIRST.due_on + 200 * DAY
    lost = event(EventKind.WRITTEN_OFF, "w", on, reason="the shop is closed")
    recovered = event(EventKind.RECOVERED, "r", on + 9 * DAY, amount_fen=700, channel="bank")
    found = tracked(LOAN, [payout(LOAN), lost, recovered], on + 10 * DAY)
    assert (found.stage, found.ended_on, found.to_pay_fen, found.steps) == (Stage.WRITTEN_OFF, on, 0, ())
    assert (found.last_paid_on, found.last_paid_fen) == (on + 9 * DAY, 700)


def test_two_payments_of_a_day_are_told_as_one_sum() -> None:
    events = [payout(LOAN), payment(FIRST.due_on, 1_000, "a"), payment(FIRST.due_on, 2_000, "b"),
              payment(FIRST.due_on - DAY, 500, "c")]  # fmt: skip
    found = tracked(LOAN, events, FIRST.due_on)
    assert (found.last_paid_on, found.last_paid_fen) == (FIRST.due_on, 3_000)


def test_breathing_space_until_its_last_instalment() -> None:
    space = BreathingSpace(pays=Pays(), extends=True, periods_max=3, a_year_max=1)
    contract = contract_for(replace(GRACE, breathing_space=space), 600_000, START)
    on = START + 10 * DAY
    granted = replan(
        contract, [payout(contract)], Breathe(periods=2), on, key="b", told="breathe 2", actor="t", calendar=CALENDAR
    ).event
    found = tracked(contract, [payout(contract), granted], on)
    assert found.stage is Stage.BREATHING
    assert Step(SECOND.due_on, What.BREATHING_ENDS) in found.steps
    assert found.steps[-1].what is What.MATURITY
    assert found.steps[-1].on > LOAN.rows[-1].due_on  # type: ignore[operator]
    later = tracked(contract, [payout(contract), granted], SECOND.due_on)
    assert later.stage is Stage.IN_TERM
    assert What.BREATHING_ENDS not in {step.what for step in later.steps}


def test_a_revenue_plan_tells_when_its_window_closes_and_what_is_expected() -> None:
    contract = contract_for(revenue_product(), 1_200_000, START)
    told = Told(contract)
    window = told.window(2)
    told.close(window.from_on)
    on = window.from_on + 5 * DAY
    found = track(life(contract, told.events, on), AGEING)
    row = contract.rows[1]
    assert Step(window.to_on + DAY, What.WINDOW_CLOSES) in found.steps
    assert Step(row.due_on, What.EXPECTED, row.due_fen) in found.steps
    told.earn(2, 500_000)
    told.close(window.to_on + DAY)
    after = track(life(contract, told.events, window.to_on + DAY), AGEING)
    assert Step(row.due_on, What.DUE, 60_000) in after.steps
    behind = track(life(contract, told.events[:-2], window.to_on + 3 * DAY), AGEING)  # the books were not closed
    assert Step(window.to_on + 3 * DAY, What.WINDOW_CLOSES) in behind.steps


def test_what_the_term_runs_on_for_has_no_amount_yet_and_no_end() -> None:
    contract = contract_for(revenue_product(share={"run_on_windows_max": 3}), 1_200_000, START, periods=2)
    told = Told(contract)
    for number in (1, 2):
        told.earn(number, 10_000)
    told.close_all(paying=False)
    events = [event for event in told.events if event.effective_on <= told.window(3).from_on]
    found = track(life(contract, events, contract.rows[1].due_on), AGEING)
    assert Step(contract.rows[2].due_on, What.EXPECTED, 0) in found.steps
    assert What.MATURITY not in {step.what for step in found.steps}


def test_a_line_that_is_not_in_use_is_open_until_its_last_day_to_draw() -> None:
    contract = contract_for(replace(line_product(), roll=Roll.NONE), 600_000, START)
    drawn = payout(contract, START, 200_000)
    paid = payment(START + DAY, quote(contract, [drawn], START + DAY).to_pay_fen)
    last_on = contract.rows[-1].to_on - DAY
    in_use = tracked(contract, [drawn], START)
    assert in_use.stage is Stage.IN_TERM
    assert Step(last_on, What.DRAW_ENDS, 400_000) in in_use.steps
    open_ = tracked(contract, [drawn, paid], START + DAY)
    assert (open_.stage, open_.steps) == (Stage.OPEN, (Step(last_on, What.DRAW_ENDS, 600_000),))
    assert tracked(contract, [drawn, paid], last_on + DAY).stage is Stage.SETTLED


def test_promises_and_holds_stand_among_the_steps_and_what_has_no_end_comes_last() -> None:
    promise = Promised(due_on=FIRST.due_on + 2 * DAY, amount_fen=10_000)
    holds = [Held(kind="dispute", until=None), Held(kind="hardship_review", until=FIRST.due_on + DAY)]
    steps = tracked(LOAN, [payout(LOAN)], FIRST.due_on, promises=[promise], holds=holds).steps
    assert [(step.on, step.what, step.detail) for step in steps] == [
        (FIRST.due_on + DAY, What.HOLD_ENDS, "hardship_review"),
        (FIRST.due_on + 2 * DAY, What.PROMISE, ""),
        (FIRST.due_on + 3 * DAY, What.GRACE_ENDS, ""),
        (SECOND.due_on, What.DUE, ""),
        (LOAN.rows[-1].due_on, What.MATURITY, ""),
        (None, What.HOLD_ENDS, "dispute"),
    ]


@given(data=st.data(), contract=contracts())
@settings(max_examples=40)
def test_of_any_life_the_steps_come_in_order_and_agree_with_the_position(
    data: st.DataObject, contract: Contract
) -> None:
    days = (contract.rows[-1].due_on - contract.signed_on).days + 60
    amounts = st.tuples(st.integers(0, days), st.integers(1, 2 * contract.principal_fen))
    paid = [
        payment(contract.signed_on + after * DAY, fen, f"p{at}")
        for at, (after, fen) in enumerate(data.draw(st.lists(amounts, max_size=3)))
    ]
    on = contract.signed_on + data.draw(st.integers(0, days)) * DAY
    lived = life(contract, [payout(contract), *paid], on)
    found = track(lived, AGEING)
    assert list(found.steps) == sorted(found.steps, key=lambda step: step.on or date.max)
    assert all(step.on >= on for step in found.steps if step.on)
    assert (found.stage is Stage.SETTLED) == (lived.position.status == "settled")
    assert (found.stage is Stage.PAST_DUE) == (found.standing.days_past_due > 0)
    due = [step for step in found.steps if step.what is What.DUE]
    if lived.position.next_due_fen:
        assert due == [Step(lived.position.next_due_on, What.DUE, lived.position.next_due_fen)]
    assert found.to_pay_fen == lived.position.due_fen + lived.position.penalty_accrued_fen


@pytest.mark.parametrize("what", list(What))
def test_every_step_and_every_stage_has_its_sentence_in_both_languages(what: What) -> None:
    from loancli.outreach.policy import Hold
    from loancli.texts import LANGS, catalogue

    for lang in LANGS:
        texts = catalogue(lang)
        assert what.value in texts["step"]
        assert {stage.value for stage in Stage} == set(texts["track"]) == set(texts["stage"])
        assert {hold.value for hold in Hold} < set(texts["hold_kind"])
