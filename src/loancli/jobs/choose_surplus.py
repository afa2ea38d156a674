"""What a borrower wants done with money beyond what is due: it waits, or repays principal, for less time or less each.

The choice is the debtor's own (Civil Code 560) and counts from the day of the payment. It rests on the payment, and the
plan that is changed for it rests on the choice: where the payment bounces, or the choice is voided, both are gone.
"""

from collections.abc import Sequence
from datetime import date

from loancli.core.days import Calendar
from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs import Stamp
from loancli.jobs.record_event import Effect, effect_of
from loancli.jobs.settle import gather
from loancli.ledger import receipts
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Part
from loancli.plan.changes import change_of
from loancli.servicing.acts import check
from loancli.servicing.contract import Contract
from loancli.servicing.life import active_events, life
from loancli.servicing.replan import replan
from loancli.servicing.spend import SURPLUS


def work_out_surplus(
    db: Connection, payment_id: int, choice: str, *, loan_id: str | None, calendar: Calendar, stamp: Stamp
) -> tuple[str, Effect | None]:
    """The loan that a payment is on, and what a choice for its surplus would do; None where it is chosen so already.

    Raises NotFoundError; RefusedError where the payment leaves no surplus, or something else was chosen for it.
    """
    part = _part(db, payment_id, loan_id)
    contract, events = gather(db, [part.loan_id])[part.loan_id]
    active = {event.key: event for event in active_events(events, date.max)}
    paid = active[part.event_key]
    made = [event for event in events if event.payload.get("rests_on") == paid.key]
    for event in made:
        if event.key in active and event.payload["choice"] == choice:
            return part.loan_id, None
        if event.key in active:
            raise RefusedError(
                f"payment {payment_id}: '{event.payload['choice']}' was chosen already; void that first: {event.key}"
            )
    number = f"#{len(made) + 1}" if made else ""
    chosen = Event(
        key=f"surplus/{paid.key}{number}",
        loan_id=part.loan_id,
        kind=EventKind.SURPLUS_CHOSEN,
        effective_on=paid.effective_on,
        payload={"rests_on": paid.key, "choice": choice},
        actor=stamp.actor,
    )
    check(contract, events, chosen, today=stamp.on)
    new = [chosen]
    if choice != "next":
        new += _changed(contract, [*events, chosen], chosen, payment_id, calendar)
    return part.loan_id, effect_of(db, contract, events, new, stamp=stamp)


def _part(db: Connection, payment_id: int, loan_id: str | None) -> Part:
    receipt = receipts.find(db, [payment_id]).get(payment_id)
    if receipt is None:
        raise NotFoundError(f"there is no payment {payment_id}; see: loancli payment list")
    if receipt.state != "placed":
        raise RefusedError(f"payment {payment_id} is {receipt.state}; only money on a loan has a surplus")
    parts = [part for part in receipt.parts if loan_id in {None, part.loan_id}]
    if not parts:
        raise RefusedError(f"payment {payment_id} is on {receipt.loan_id}, not on {loan_id}")
    if len(parts) > 1:
        raise RefusedError(f"payment {payment_id} is split over {receipt.loan_id}; say which: --loan LOAN")
    return parts[0]


def _changed(
    contract: Contract, events: Sequence[Event], chosen: Event, payment_id: int, calendar: Calendar
) -> list[Event]:
    """The plan for what the surplus leaves; none where the instalments follow from what is open by themselves."""
    on, choice = chosen.effective_on, chosen.payload["choice"]
    lived = life(contract, events, on)
    paid_fen = sum(
        movement.amount_fen
        for movement in lived.movements
        if movement.cause == f"payment:{chosen.payload['rests_on']}"
        and (movement.credit, movement.number) == ("loan:principal", 0)
    )
    if not paid_fen:
        raise RefusedError(f"payment {payment_id}: nothing of it is beyond what was due on {on}")
    product = lived.contract.product
    if product.line or product.revenue or (choice == "shorter" and product.fixed_fee):
        return []
    changed = replan(
        contract,
        events,
        change_of(choice),
        on,
        key=f"{chosen.key}/plan",
        told=choice,
        actor=chosen.actor,
        calendar=calendar,
        rests_on=chosen.key,
    )
    return [changed.event]


CHOICES = tuple(SURPLUS)
