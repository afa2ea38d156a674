"""Close a loan: waive a small rest, so that nothing is owed any more; or say what stands in the way."""

from datetime import date

from loancli.core.errors import RefusedError
from loancli.jobs import Stamp
from loancli.jobs.record_event import Effect, effect_of
from loancli.jobs.settle import gather
from loancli.ledger import loans
from loancli.ledger.connect import Connection
from loancli.servicing.closing import waivers


def work_out(db: Connection, loan_id: str, on: date, *, limit_fen: int, reason: str, stamp: Stamp) -> Effect | None:
    """The waivers that settle the loan on a day, and what they do; None where it is settled already.

    Raises NotFoundError; RefusedError for a day to come, and where more than `limit_fen` would have to be waived.
    """
    if on > stamp.on:
        raise RefusedError(f"close: {on} is after {stamp.on}; close the loan when that day has come")
    loans.record(db, loan_id)
    contract, events = gather(db, [loan_id])[loan_id]
    found = waivers(contract, events, on, limit_fen=limit_fen, reason=reason, actor=stamp.actor)
    return effect_of(db, contract, events, found, stamp=stamp) if found else None
