"""Change the plan of a signed loan: worked out from its life, recorded as one event, and settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from loancli.core.days import Calendar
from loancli.core.errors import RefusedError
from loancli.core.event import Event
from loancli.jobs import Stamp
from loancli.jobs.settle import gather, settle
from loancli.ledger import journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.ceilings import Ceilings, refusal_on
from loancli.plan.changes import Waive, change_of
from loancli.plan.product import Product
from loancli.servicing.contract import Contract
from loancli.servicing.life import active_events
from loancli.servicing.replan import Replan, replan
from loancli.servicing.waiver import waive


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a change is held to, and by whom and when it is made. `products` are those to restructure to."""

    calendar: Calendar
    ceilings: Ceilings
    products: Mapping[str, Product]
    stamp: Stamp


def work_out(
    contract: Contract,
    events: Sequence[Event],
    text: str,
    on: date,
    rules: Rules,
    in_difficulty: bool | None = None,
) -> Replan | None:
    """What a change in words does to a loan from a day on; None where the same change of that day is in force.

    `in_difficulty`: is the debtor, as told; kept with the event (CLS-04). Raises InputError, and RefusedError: for a
    day that is not there yet, a plan above the ceiling, or a change that is in force with the other answer.
    """
    if on > rules.stamp.on:
        raise RefusedError(f"{on} is after {rules.stamp.on}; change the plan when that day has come")
    first = f"change/{contract.loan_id}/{on}/{' '.join(text.split())}"
    same = [event.key for event in events if event.key == first or event.key.startswith(f"{first}#")]
    there = next((event for event in active_events(events, date.max) if event.key in same), None)
    if there is not None:
        if in_difficulty not in {None, there.payload.get("in_difficulty")}:
            raise RefusedError(
                f"'{there.key}' is in force and says otherwise whether the debtor is in difficulty; void it first"
            )
        return None
    change = change_of(text)
    key = f"{first}#{len(same) + 1}" if same else first  # made before, and voided
    if isinstance(change, Waive):
        return _answered(
            waive(contract, events, change, on, key=key, told=text, actor=rules.stamp.actor), in_difficulty
        )
    found = replan(
        contract,
        events,
        change,
        on,
        key=key,
        told=text,
        actor=rules.stamp.actor,
        calendar=rules.calendar,
        products=rules.products,
    )
    if refusal := refusal_on(found.after, rules.ceilings, signed_on=on):
        raise RefusedError(refusal)
    return _answered(found, in_difficulty)


def _answered(found: Replan, in_difficulty: bool | None) -> Replan:
    """The event with what was told of the debtor, if anything was."""
    if in_difficulty is None:
        return found
    return replace(found, event=replace(found.event, payload=found.event.payload | {"in_difficulty": in_difficulty}))


def adjust(
    db: Connection, loan_id: str, text: str, on: date, rules: Rules, in_difficulty: bool | None = None
) -> Replan | None:
    """Put a change in force, inside the caller's transaction. As `work_out`; also raises NotFoundError."""
    loans.record(db, loan_id)
    contract, events = gather(db, [loan_id])[loan_id]
    found = work_out(contract, events, text, on, rules, in_difficulty)
    if found is not None:
        journal.record(db, [found.event], recorded_at=rules.stamp.text)
        settle(db, [loan_id])
    return found
