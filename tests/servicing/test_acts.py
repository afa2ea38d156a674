"""What may be recorded on a loan, and taken back, and what forbids it: the sentence names the reason."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from lives import (
    CALENDAR,
    DAY,
    PLAIN,
    charged,
    chosen,
    contract_for,
    coupon,
    event,
    paused,
    payment,
    payout,
    recovered,
    refunded,
    voided,
    waived,
    written_off,
)
from terms import line_product

from loancli.core.days import Roll
from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.plan.changes import change_of
from loancli.plan.product import FixedFee, Penalty
from loancli.servicing.acts import check, check_void, void_of
from loancli.servicing.contract import Contract
from loancli.servicing.life import active_events, life
from loancli.servicing.replan import replan

SIGNED = date(2026, 1, 15)
TERMS = replace(PLAIN, roll=Roll.NONE, penalty=Penalty(grace_days=0))
CONTRACT = contract_for(TERMS, 6_000_000, SIGNED)
FIRST = CONTRACT.rows[0]
PAID = payment(FIRST.due_on, FIRST.due_fen + 30_000)
EVENTS = [payout(CONTRACT), PAID]
LATE = CONTRACT.rows[1].due_on + 10 * DAY
SETTLED = [payout(CONTRACT), payment(SIGNED, 6_000_000)]
LOST = [*EVENTS, written_off(LATE)]
TODAY = LATE + 30 * DAY


def allowed(events: Sequence[Event], new: Event, contract: Contract = CONTRACT, today: date = TODAY) -> None:
    check(contract, events, new, today=today)


def change(events: Sequence[Event], text: str, on: date) -> Event:
    return replan(
        CONTRACT, events, change_of(text), on, key=f"change/{on}/{text}", told=text, actor="test", calendar=CALENDAR
    ).event


def void(events: Sequence[Event], key: str, contract: Contract = CONTRACT) -> Event:
    found = void_of(events, key, reason="slip", actor="test")
    check_void(contract, events, found, today=TODAY)
    return found


# --- what may be recorded ---


@pytest.mark.parametrize(
    "new",
    [
        charged(LATE, 5_000),
        waived(LATE, "penalty", 1),
        coupon(LATE, amount_fen=100),
        paused(LATE, LATE + 5 * DAY),
        paused(TODAY + DAY, TODAY + 5 * DAY),
        written_off(LATE),
        refunded(FIRST.due_on, 1),
    ],
    ids=lambda new: new.kind.value,
)
def test_what_a_running_loan_allows(new: Event) -> None:
    events = EVENTS if new.kind is not EventKind.CREDIT_REFUNDED else [*EVENTS, payment(TODAY, 9_999_999, "p9")]
    allowed(events, new)


@pytest.mark.parametrize(
    ("events", "new", "why"),
    [
        pytest.param(EVENTS, charged(TODAY + DAY, 1), "charge: .* record it when that day has come", id="tomorrow"),
        pytest.param(EVENTS, charged(SIGNED - DAY, 1), "not paid out on 2026-01-14", id="before the payout"),
        pytest.param(SETTLED, charged(LATE, 1), "charge: .* is settled on", id="charge when settled"),
        pytest.param(SETTLED, waived(LATE, "fee", 1), "waive: .* is settled on", id="waive when settled"),
        pytest.param(SETTLED, coupon(LATE, amount_fen=1), "coupon: .* is settled on", id="coupon when settled"),
        pytest.param(SETTLED, paused(LATE, LATE), "pause: .* is settled on", id="pause when settled"),
        pytest.param(SETTLED, written_off(LATE), "write-off: .* is settled on", id="write off when settled"),
        pytest.param(
            LOST, charged(LATE, 1), "written off on .*; what comes in is a recovery", id="charge when written off"
        ),
        pytest.param(LOST, written_off(LATE + DAY, "o2"), "written off", id="write off twice"),
        pytest.param(EVENTS, recovered(LATE, 1), "not written off on .*; it is active", id="recover when active"),
        pytest.param(
            EVENTS, waived(LATE, "penalty", 9_999_999), "99,999.99 yuan are more than the penalty", id="too much"
        ),
        pytest.param(EVENTS, waived(LATE, "fee", 1), "more than the fee that is due on .*, 0.00", id="no fee"),
        pytest.param(EVENTS, paused(LATE, LATE - DAY), "before it begins", id="pause backwards"),
        pytest.param(EVENTS, paused(LATE, LATE + 999 * DAY), "after the last instalment", id="pause too long"),
        pytest.param(EVENTS, refunded(FIRST.due_on, 30_001), "more than the credit on .*, 300.00", id="more credit"),
        pytest.param(
            [*EVENTS, refunded(FIRST.due_on + DAY, 30_000, "f0")],
            refunded(FIRST.due_on, 1),
            "a later refund",
            id="twice",
        ),
    ],
)
def test_what_is_refused(events: list[Event], new: Event, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        allowed(events, new)


def test_a_fixed_fee_is_not_paused() -> None:
    terms = replace(TERMS, annual_rate_ppm=0, fixed_fee=FixedFee(principal_ppm=100_000))
    contract = contract_for(terms, 6_000_000, SIGNED)
    with pytest.raises(RefusedError, match="a fixed fee, which does not grow by days"):
        allowed([payout(contract)], paused(LATE, LATE), contract)


# --- what may be taken back ---


def test_a_void_takes_an_event_back_from_its_own_first_day() -> None:
    events = [*EVENTS, charged(SIGNED + DAY, 5_000)]
    found = void(events, "c1")
    assert (found.key, found.effective_on) == ("void/c1", SIGNED + DAY)
    assert life(CONTRACT, [*events, found], LATE) == life(CONTRACT, EVENTS, LATE)


def test_a_void_of_a_void_brings_the_event_back_and_may_be_taken_back_again() -> None:
    events = [*EVENTS, charged(SIGNED + DAY, 5_000)]
    lives = [life(CONTRACT, events, LATE)]
    for key in ("c1", "void/c1", "c1", "void/c1#2"):
        events.append(void(events, key))
        lives.append(life(CONTRACT, events, LATE))
    assert [event.key for event in events[3:]] == ["void/c1", "void/void/c1", "void/c1#2", "void/void/c1#2"]
    assert lives[0] == lives[2] == lives[4]
    assert lives[1] == lives[3] != lives[0]


def test_what_is_void_is_not_voided_twice() -> None:
    events = [*EVENTS, charged(SIGNED + DAY, 5_000)]
    events.append(void(events, "c1"))
    with pytest.raises(RefusedError, match="is void already; to have it back, void that: void/c1"):
        void(events, "c1")


def test_what_rests_on_an_event_that_is_gone_cannot_be_voided() -> None:
    events = [*EVENTS, chosen(PAID, "next"), voided(PAID)]
    with pytest.raises(RefusedError, match="what it rests on does not"):
        void(events, "s1")


@pytest.mark.parametrize(
    ("key", "kind", "error", "why"),
    [
        ("nothing", None, NotFoundError, "no event 'nothing'; see: loancli loan events"),
        ("payment/1", EventKind.PAYMENT_RECEIVED, RefusedError, "payment export; see: loancli payment"),
        ("reversed/1", EventKind.PAYMENT_REVERSED, RefusedError, "payment export"),
        ("fixed/1", EventKind.INSTALMENT_FIXED, RefusedError, "follows from the revenue"),
        ("window/1", EventKind.REVENUE_WINDOW_CLOSED, RefusedError, "follows from the revenue"),
    ],
)
def test_what_follows_from_files_is_not_voided_by_hand(
    key: str, kind: EventKind | None, error: type[Exception], why: str
) -> None:
    events = [*EVENTS, *([event(kind, key, LATE)] if kind else [])]
    with pytest.raises(error, match=why):
        void_of(events, key, reason="slip", actor="test")


def test_a_payout_is_voided_only_while_nothing_rests_on_it() -> None:
    with pytest.raises(RefusedError, match="p1 rests on the payout"):
        void(EVENTS, "payout/L1")
    events = EVENTS[:1]
    events.append(void(events, "payout/L1"))
    lived = life(CONTRACT, events, LATE)
    assert (lived.position.status, lived.movements) == ("cancelled", ())
    assert all(state.due_fen == 0 for state in lived.instalments)
    assert life(CONTRACT, events, SIGNED - DAY).position.status == "signed"


def test_a_payout_is_voided_once_its_payment_was_taken_back() -> None:
    back = event(EventKind.PAYMENT_REVERSED, "r1", LATE, payment_key="p1")
    events = [*EVENTS, back]
    events.append(void(events, "payout/L1"))
    assert life(CONTRACT, events, LATE).position.status == "cancelled"


def test_what_follows_from_an_export_is_said_to_be_taken_back_first() -> None:
    with pytest.raises(RefusedError, match="payment/x rests on the payout; first take it back: loancli payment rev"):
        void([EVENTS[0], payment(SIGNED, 100, "payment/x")], "payout/L1")


@pytest.mark.parametrize("what", [charged(LATE, 1), waived(LATE, "interest", 1)], ids=["fee", "waiver"])
def test_nothing_is_told_of_a_cancelled_loan(what: Event) -> None:
    events = EVENTS[:1]
    events.append(void(events, "payout/L1"))
    with pytest.raises(RefusedError, match="is cancelled; its payout is void"):
        allowed(events, what)


def test_a_change_is_voided_before_the_one_it_rests_on() -> None:
    first = change(EVENTS, "rate 6%", LATE)
    second = change([*EVENTS, first], "extend 2", LATE)
    events = [*EVENTS, first, second]
    with pytest.raises(RefusedError, match=f"void: 'extend 2' of {LATE} rests on it; void that first"):
        void(events, first.key)
    events.append(void(events, second.key))
    events.append(void(events, first.key))
    assert life(CONTRACT, events, LATE) == life(CONTRACT, EVENTS, LATE)


def test_a_change_comes_back_only_to_the_plan_that_it_was_made_for() -> None:
    first = change(EVENTS, "rate 6%", LATE)
    events = [*EVENTS, first]
    events.append(void(events, first.key))
    events.append(change(events, "extend 2", LATE))
    with pytest.raises(RefusedError, match="rests on it"):
        void(events, f"void/{first.key}")


def test_what_comes_back_is_looked_at_as_if_it_were_new() -> None:
    events = [*EVENTS, charged(SIGNED + DAY, 5_000)]
    events.append(void(events, "c1"))
    events.append(payment(SIGNED, 9_000_000, "p0"))  # found later: the loan was settled on its first day
    with pytest.raises(RefusedError, match="is settled"):
        void(events, "void/c1")


def test_a_waiver_comes_back_while_there_is_so_much_to_waive() -> None:
    fen = life(CONTRACT, EVENTS, LATE).position.interest_due_fen
    events = [*EVENTS, waived(LATE, "interest", fen)]
    events.append(void(events, "w1"))
    assert void(events, "void/w1").key == "void/void/w1"
    paid = payment(LATE - DAY, fen, "p2")
    with pytest.raises(RefusedError, match="more than the interest"):
        void([*events, paid], "void/w1")


def test_a_draw_comes_back_only_while_the_limit_allows_it() -> None:
    contract = contract_for(line_product(annual_rate_ppm=144_000), 1_000_000, SIGNED)
    draws = [
        event(EventKind.DISBURSED, key, SIGNED, amount_fen=fen, channel="bank")
        for key, fen in (("d1", 600_000), ("d2", 700_000))
    ]
    events = [draws[0], void(draws[:1], "d1", contract), draws[1]]
    with pytest.raises(RefusedError, match="more than is free"):
        void(events, "void/d1", contract)
    assert [each.key for each in active_events(events, LATE)] == ["d2", "void/d1"]
