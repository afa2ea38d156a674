"""What is due waived by the words of a change: what was shown is what it takes off, and no more than is due."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lives import DAY, PLAIN, RandomLife, contract_for, payment, payout, random_lives

from loancli.core.errors import RefusedError
from loancli.plan.changes import change_of
from loancli.servicing.life import life
from loancli.servicing.waiver import waive

START = date(2025, 3, 10)
LATE_ON = START + 100 * DAY
LOAN = contract_for(PLAIN, 1_200_000, START)
EVENTS = [payout(LOAN), payment(START + 31 * DAY, 100_000)]


def worked_out(words, contract=LOAN, events=EVENTS, on=LATE_ON):
    return waive(contract, events, change_of(words), on, key="w", told=words, actor="test")


def owed_fen(contract, events, on, part=None):
    position = life(contract, events, on).position
    parts = {
        "penalty": position.penalty_due_fen + position.penalty_accrued_fen,
        "interest": position.interest_due_fen,
        "fee": position.fee_due_fen,
    }
    return parts[part] if part else position.due_fen + position.penalty_accrued_fen


@given(a=random_lives(), part=st.sampled_from(["penalty", "interest", "fee"]), ahead=st.integers(0, 400))
@settings(max_examples=150)
def test_all_of_a_part_that_is_due_is_waived_and_costs_the_borrower_that_much_less(a: RandomLife, part, ahead) -> None:
    on = a.contract.signed_on + ahead * DAY
    assume(all(event.effective_on != on for event in a.events))  # a waiver comes before the payments of its day
    if not owed_fen(a.contract, a.events, on, part):
        with pytest.raises(RefusedError):
            worked_out(f"waive {part}", a.contract, a.events, on)
        return
    found = worked_out(f"waive {part}", a.contract, a.events, on)
    waived_fen = found.event.payload["amount_fen"]
    assert waived_fen > 0
    before_fen, after_fen = (owed_fen(a.contract, events, on) for events in (a.events, [*a.events, found.event]))
    assert after_fen == before_fen - waived_fen
    sides = (found.before, found.after)
    cost_before_fen, cost_after_fen = (each.interest_fen + each.fee_fen for each in sides)
    assert cost_before_fen - cost_after_fen >= 0
    if not any(event.effective_on >= on for event in a.events):
        assert owed_fen(a.contract, [*a.events, found.event], on, part) == 0
        assert cost_before_fen - cost_after_fen == waived_fen


@pytest.mark.parametrize("part", ["penalty", "interest"])
def test_a_share_or_an_amount_of_it(part):
    due_fen = owed_fen(LOAN, EVENTS, LATE_ON, part)
    assert due_fen > 200
    half = worked_out(f"waive {part} 50%")
    assert half.event.payload == {
        "amount_fen": due_fen - due_fen // 2,  # half up
        "part": part,
        "reason": f"waive {part} 50%",
        "change": f"waive {part} 50%",
    }
    assert worked_out(f"waive {part} 2").event.payload["amount_fen"] == 200
    after = [*EVENTS, half.event]
    assert owed_fen(LOAN, after, LATE_ON, part) == due_fen - half.event.payload["amount_fen"]


@pytest.mark.parametrize(
    ("words", "on", "told"),
    [
        ("waive fee", LATE_ON, "waive: no fee of loan L1 is due"),
        ("waive penalty", START, "waive: no penalty of loan L1 is due"),
        ("waive penalty 9999", LATE_ON, "waive: 9,999.00 yuan are more than the penalty that is due"),
    ],
)
def test_what_is_not_due_cannot_be_waived(words, on, told):
    with pytest.raises(RefusedError, match=told):
        worked_out(words, on=on)
