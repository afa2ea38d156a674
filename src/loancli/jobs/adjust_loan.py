"""Change the plan of a signed loan: worked out from its life, recorded as one event, and settled."""

from collections.abc import Mapping
from datetime import date

from loancli.core.days import Calendar
from loancli.core.errors import RefusedError
from loancli.jobs import Stamp
from loancli.jobs.settle import gather, settle
from loancli.ledger import journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.ceilings import Ceilings, Outcome, check_ceiling
from loancli.plan.changes import change_of
from loancli.plan.product import Product
from loancli.servicing.replan import Replan, replan


def work_out(
    db: Connection,
    loan_id: str,
    text: str,
    on: date,
    *,
    calendar: Calendar,
    ceilings: Ceilings,
    products: Mapping[str, Product],
    stamp: Stamp,
) -> Replan | None:
    """What a change in words does to a loan from a day on; None where the same change of that day is there already.

    Raises NotFoundError, InputError, and RefusedError: for a day that is not there yet, or a plan above the ceiling.
    """
    if on > stamp.on:
        raise RefusedError(f"{on} is after {stamp.on}; change the plan when that day has come")
    loans.record(db, loan_id)
    key = f"change/{loan_id}/{on}/{' '.join(text.split())}"
    if journal.is_recorded(db, key):
        return None
    contract, events = gather(db, [loan_id])[loan_id]
    found = replan(
        contract,
        events,
        change_of(text),
        on,
        key=key,
        told=text,
        actor=stamp.actor,
        calendar=calendar,
        products=products,
    )
    verdict = check_ceiling(found.after, ceilings, signed_on=on)
    if verdict.outcome is Outcome.REFUSED:
        raise RefusedError(verdict.sentence)
    return found


def put_in_force(db: Connection, found: Replan, *, stamp: Stamp) -> None:
    """Record the change and settle the loan, inside the caller's transaction."""
    journal.record(db, [found.event], recorded_at=stamp.text)
    settle(db, [found.event.loan_id])
