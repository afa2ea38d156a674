"""A loan that lacks a little is settled by waivers of at most what is allowed; else it is said what is in the way."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import DAY, ORDINARY, PLAIN, contract_for, contracts, event, payment, payout, products, voided
from terms import line_product

from loancli.core.days import Roll
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.plan.product import Allocation, Kind, Penalty
from loancli.servicing.closing import saved_fen, waivers
from loancli.servicing.contract import Contract
from loancli.servicing.life import life, quote

START = date(2026, 1, 12)
TERMS = replace(PLAIN, roll=Roll.NONE)
LOAN = contract_for(TERMS, 600_000, START)
LAST = LOAN.rows[-1]


def paid_but(short_fen: int, *, late_days: int = 0, contract: Contract = LOAN) -> list[Event]:
    """Every instalment paid on its day but the last, which is paid `late_days` later and so much short."""
    events = [payout(contract)]
    events += [payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows[:-1]]
    on = contract.rows[-1].due_on + late_days * DAY
    return [*events, payment(on, quote(contract, events, on).to_pay_fen - short_fen, "p9")]


def closed(events: list[Event], on: date, limit_fen: int, contract: Contract = LOAN) -> list[Event]:
    return waivers(contract, events, on, limit_fen=limit_fen, reason="small rest", actor="test")


def told(found: list[Event]) -> list[tuple[date, str, int]]:
    return [(each.effective_on, each.payload["part"], each.payload["amount_fen"]) for each in found]


def test_a_settled_loan_needs_nothing() -> None:
    assert closed(paid_but(0), LAST.due_on, 0) == []
    assert closed(paid_but(0), LAST.due_on + 99 * DAY, 0) == []


def test_a_rest_of_principal_is_closed_by_waiving_interest_of_the_day_it_was_left() -> None:
    events, later = paid_but(37), LAST.due_on + 20 * DAY
    assert life(LOAN, events, later).position.principal_outstanding_fen == 37
    with pytest.raises(RefusedError, match=r"^close: 0\.37 yuan is still to be paid .* \(principal 0\.37\), .* 0\.36"):
        closed(events, later, 36)
    found = closed(events, later, 37)
    assert told(found) == [(LAST.due_on, "interest", 37)]
    assert life(LOAN, [*events, *found], later).position.status == "settled"
    assert closed([*events, *found], later, 0) == []


def test_penalty_goes_before_fees_and_interest() -> None:
    events = paid_but(200, late_days=10)
    on = LAST.due_on + 10 * DAY
    penalty_fen = life(LOAN, events[:-1], on).position.penalty_accrued_fen
    assert penalty_fen > 0
    found = closed(events, on + DAY, 500)
    assert told(found)[0][:2] == (on, "penalty")
    assert sum(fen for *_, fen in told(found)) == 200
    assert life(LOAN, [*events, *found], on + DAY).position.status == "settled"


def test_a_rest_of_penalty_is_waived_on_the_day_itself() -> None:
    terms = replace(TERMS, allocation=Allocation(order=("fee", "interest", "principal", "penalty")))
    contract = contract_for(terms, 600_000, START)
    events, on = paid_but(150, late_days=10, contract=contract), LAST.due_on + 40 * DAY
    assert life(contract, events, on).position.principal_outstanding_fen == 0
    found = closed(events, on, 150, contract)
    assert told(found) == [(on, "penalty", 150)]


def test_what_has_grown_beyond_the_limit_since_is_waived_as_it_was_when_it_was_left() -> None:
    order = Allocation(order=("fee", "principal", "penalty", "interest"))
    terms = replace(TERMS, allocation=order, penalty=Penalty(on_interest=True))
    contract = contract_for(terms, 600_000, START)
    events, on = paid_but(900, contract=contract), LAST.due_on + 2 * DAY
    assert quote(contract, events, on).to_pay_fen == 901
    assert told(closed(events, on, 901, contract)) == [(on, "penalty", 1), (on, "interest", 900)]
    assert told(closed(events, on, 900, contract)) == [(LAST.due_on, "interest", 900)]


def test_what_was_taken_back_is_waived_again_under_another_key() -> None:
    events, on = paid_but(37), LAST.due_on
    [first] = closed(events, on, 37)
    events += [first, voided(first)]
    [second] = closed(events, on, 37)
    assert second.key == f"{first.key}#2"
    assert life(LOAN, [*events, second], on).position.status == "settled"


def test_where_nothing_could_be_waived_a_write_off_is_named() -> None:
    free = contract_for(replace(TERMS, annual_rate_ppm=0), 600_000, START)
    with pytest.raises(RefusedError, match=r"the rest of 0\.37 yuan is principal.*write-off L1"):
        closed(paid_but(37, contract=free), LAST.due_on, 100, free)


@pytest.mark.parametrize(
    ("contract", "events", "why"),
    [
        (LOAN, [], "is not paid out"),
        (LOAN, [payout(LOAN), event(EventKind.WRITTEN_OFF, "w", LAST.due_on, reason="gone")], "is written off"),
        (LOAN, [payout(LOAN)], r"6,5\d\d\.\d\d yuan is still to be paid .*principal 6,000\.00, interest .*, penalty"),
    ],
)
def test_what_stands_in_the_way_is_said(contract: Contract, events: list[Event], why: str) -> None:
    with pytest.raises(RefusedError, match=f"^close: .*{why}"):
        closed(events, LAST.due_on, 100, contract)


def test_a_line_that_may_be_drawn_is_not_closed() -> None:
    line = contract_for(replace(line_product(), roll=Roll.NONE), 600_000, START)
    drawn = payout(line, START, 200_000)
    paid = payment(START + DAY, quote(line, [drawn], START + DAY).to_pay_fen)
    with pytest.raises(RefusedError, match=r"nothing of L1 is in use, but 6,000\.00 yuan may be drawn"):
        closed([drawn, paid], START + DAY, 100, line)


@given(data=st.data(), contract=contracts(periods_max=3))
@settings(max_examples=60)
def test_either_it_is_settled_within_the_limit_or_refused(data: st.DataObject, contract: Contract) -> None:
    events = [payout(contract)]
    last_on = contract.rows[-1].due_on
    for number in range(data.draw(st.integers(0, 3))):
        on = contract.signed_on + data.draw(st.integers(1, (last_on - contract.signed_on).days + 90)) * DAY
        short_fen = data.draw(st.sampled_from([0, 1, 37, 500, 90_000]))
        fen = quote(contract, events, on).to_pay_fen - short_fen
        if fen > 0:
            events.append(payment(on, fen, f"p{number}"))
    on = max(each.effective_on for each in events) + data.draw(st.integers(0, 60)) * DAY
    limit_fen = data.draw(st.sampled_from([0, 50, 1_000]))
    try:
        found = closed(events, on, limit_fen, contract)
    except RefusedError:
        found = None
    if found is None:
        assert life(contract, events, on).position.status != "settled"
        return
    after = life(contract, [*events, *found], on)
    assert after.position.status in {"settled", "open"}
    assert sum(each.payload["amount_fen"] for each in found) <= limit_fen
    assert after.position.principal_outstanding_fen == 0


@given(contracts(products([kind for kind in ORDINARY if kind is not Kind.CREDIT_LINE])), st.data())
@settings(max_examples=80)
def test_settling_now_saves_what_paying_on_would_cost_more(contract, data) -> None:
    """Of a loan that is paid as it falls due, up to the day and, if it goes on, from then on."""
    on = data.draw(st.dates(contract.signed_on, contract.rows[-1].due_on - DAY))
    kept = [payout(contract)] + [
        payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows if row.due_on <= on and row.due_fen
    ]
    asked = quote(contract, kept, on)
    rest_fen = sum(row.due_fen for row in contract.rows if row.due_on > on)
    assert saved_fen(life(contract, kept, on), asked) == max(0, rest_fen - asked.to_pay_fen)
