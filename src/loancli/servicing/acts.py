"""What a person may record on a loan beside payments and plans: the events, and what forbids each. Refused by name.

An event of the past is as good as one of today: the life is computed again. What it could do only in part, or on a loan
that nothing is owed of any more, is refused when it is recorded; what later facts leave of it, life.py tells.
"""

from collections.abc import Sequence
from datetime import date

from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.plan.changes import EVERY_PART
from loancli.servicing.contract import CHANGES, Contract
from loancli.servicing.life import active_events, life, order
from loancli.servicing.line import OnDay, check_draw

FROM_EXPORTS = ("payment/", "reversed/")  # how the keys of events begin that follow from receipts
COMPUTED = (EventKind.REVENUE_WINDOW_CLOSED, EventKind.INSTALMENT_FIXED)
PLANNED = (EventKind.INTEREST_PAUSED,)  # may be recorded before its day
COMMANDS = {
    EventKind.FEE_CHARGED: "charge",
    EventKind.AMOUNT_WAIVED: "waive",
    EventKind.INTEREST_PAUSED: "pause",
    EventKind.COUPON_REDEEMED: "coupon",
    EventKind.SURPLUS_CHOSEN: "surplus",
    EventKind.WRITTEN_OFF: "write-off",
    EventKind.RECOVERED: "recover",
    EventKind.CREDIT_REFUNDED: "refund",
}


def check(contract: Contract, events: Sequence[Event], new: Event, *, today: date) -> None:
    """Refuse an event that the loan does not allow on its day. Raises RefusedError."""
    on, what = new.effective_on, COMMANDS[new.kind]
    if on > today and new.kind not in PLANNED:
        raise RefusedError(f"{what}: {on} is after {today}; record it when that day has come")
    before = life(contract, events, on).position
    if before.status == "signed":
        raise RefusedError(f"{what}: loan {contract.loan_id} is not paid out on {on}")
    if new.kind is EventKind.RECOVERED:
        if before.status != "written_off":
            raise RefusedError(f"{what}: loan {contract.loan_id} is not written off on {on}; it is {before.status}")
    elif new.kind is not EventKind.CREDIT_REFUNDED:
        if before.status == "cancelled":
            raise RefusedError(f"{what}: loan {contract.loan_id} is cancelled; its payout is void")
        if before.status == "settled":
            raise RefusedError(f"{what}: loan {contract.loan_id} is settled on {on}; nothing is owed any more")
        if before.status == "written_off":
            raise RefusedError(f"{what}: loan {contract.loan_id} is written off on {on}; what comes in is a recovery")
    if new.kind is EventKind.AMOUNT_WAIVED:
        _check_waiver(contract, events, new)
    elif new.kind is EventKind.INTEREST_PAUSED:
        _check_pause(contract, events, new)
    elif new.kind is EventKind.CREDIT_REFUNDED:
        _check_refund(contract, events, new, today)


def _check_waiver(contract: Contract, events: Sequence[Event], new: Event) -> None:
    """Only what is due can be waived."""
    on, part, asked_fen = new.effective_on, new.payload["part"], new.payload["amount_fen"]
    done = [each for each in life(contract, [*events, new], on).movements if each.cause == f"waived:{new.key}"]
    due_fen = sum(each.amount_fen for each in done if each.debit == "expense:waived")
    if due_fen < asked_fen:
        if part == EVERY_PART:
            raise RefusedError(
                f"waive: {yuan(asked_fen)} yuan are more than what can be waived on {on}, {yuan(due_fen)}"
            )
        raise RefusedError(
            f"waive: {yuan(asked_fen)} yuan are more than the {part} that is due on {on}, {yuan(due_fen)}"
        )


def _check_pause(contract: Contract, events: Sequence[Event], new: Event) -> None:
    to_on = date.fromisoformat(new.payload["to_on"])
    if to_on < new.effective_on:
        raise RefusedError(f"pause: it ends on {to_on}, before it begins on {new.effective_on}")
    if contract.product.fixed_fee:
        raise RefusedError(f"pause: {contract.product.code} has a fixed fee, which does not grow by days")
    last_on = life(contract, events, new.effective_on).contract.rows[-1].due_on
    if to_on > last_on:
        raise RefusedError(f"pause: {to_on} is after the last instalment of {contract.loan_id}, on {last_on}")


def _check_refund(contract: Contract, events: Sequence[Event], new: Event, today: date) -> None:
    """Only credit that is there can be paid out, and once. What it has paid since, it has not paid then."""
    on, asked_fen = new.effective_on, new.payload["amount_fen"]
    credit_fen = life(contract, events, on).position.credit_fen
    if asked_fen > credit_fen:
        raise RefusedError(f"refund: {yuan(asked_fen)} yuan are more than the credit on {on}, {yuan(credit_fen)}")
    if life(contract, [*events, new], today).position.credit_fen < 0:
        raise RefusedError(f"refund: so much of the credit of {on} is not left; a later refund has paid it out")


# taking back


def void_of(events: Sequence[Event], key: str, *, reason: str, actor: str) -> Event:
    """The event that takes back the event `key`, from its own first day on; of a void: that brings back what it took.

    Raises NotFoundError, and RefusedError where it does not count any more.
    """
    target = next((event for event in events if event.key == key), None)
    if target is None:
        raise NotFoundError(f"the loan has no event '{key}'; see: loancli loan events")
    if target.kind in COMPUTED:
        raise RefusedError(f"void: {key} follows from the revenue; correct that, and the next window takes it up")
    if key.startswith(FROM_EXPORTS):
        raise RefusedError(f"void: {key} follows from a payment export; see: loancli payment reverse")
    takers = [event for event in events if event.payload.get("event_key") == key]
    counting = {event.key for event in active_events(events, date.max)}
    if key not in counting:
        by = next((event.key for event in takers if event.key in counting), None)
        if by is None:
            raise RefusedError(f"void: {key} does not count, because what it rests on does not")
        raise RefusedError(f"void: {key} is void already; to have it back, void that: {by}")
    number = f"#{len(takers) + 1}" if takers else ""
    return Event(
        key=f"void/{key}{number}",
        loan_id=target.loan_id,
        kind=EventKind.EVENT_VOIDED,
        effective_on=target.effective_on,
        payload={"event_key": key, "reason": reason},
        actor=actor,
    )


def check_void(contract: Contract, events: Sequence[Event], void: Event, *, today: date) -> None:
    """Refuse a void on which something else rests, or which brings back what is not allowed. Raises RefusedError."""
    before = active_events(events, date.max)
    after = active_events([*events, void], date.max)
    keys_before, keys_after = {event.key for event in before}, {event.key for event in after}
    gone = [event for event in before if event.key not in keys_after]
    back = [event for event in after if event.key not in keys_before and event.kind is not EventKind.EVENT_VOIDED]
    for moved in (*gone, *back):
        if moved.kind in CHANGES and (reason := resting_on(moved, after)):
            raise RefusedError(f"void: {reason}")
    if any(event.kind is EventKind.DISBURSED for event in gone) and not contract.is_line:
        nothing = {EventKind.EVENT_VOIDED, EventKind.PAYMENT_REVERSED, *COMPUTED}
        others = [event for event in after if event.kind not in nothing]
        if others and others[0].key.startswith(FROM_EXPORTS):
            raise RefusedError(
                f"void: {others[0].key} rests on the payout; first take it back: loancli payment reverse"
            )
        if others:
            raise RefusedError(f"void: {others[0].key} rests on the payout; void it first")
    for event in back:
        if event.kind is EventKind.DISBURSED and contract.is_line:
            check_draw(contract, events, OnDay(event.effective_on, event.payload["amount_fen"]))
        elif event.kind not in (EventKind.DISBURSED, *CHANGES):
            others = [each for each in events if event.key not in {each.key, each.payload.get("event_key")}]
            check(contract, others, event, today=today)


def resting_on(change: Event, active: Sequence[Event]) -> str:
    """What rests on the plan as a change made it, so that it cannot be taken away from under that; '' for nothing."""
    slot = order(change)[:3]
    for event in active:
        if event.key == change.key:
            continue
        if event.kind in CHANGES and order(event)[:3] >= slot:
            return f"'{event.payload['change']}' of {event.effective_on} rests on it; void that first"
        if event.kind is EventKind.INSTALMENT_FIXED and event.effective_on >= change.effective_on:
            number = event.payload["number"]
            if number >= change.payload["number"]:
                return f"instalment {number} was fixed on it; change the plan again instead"
    return ""
