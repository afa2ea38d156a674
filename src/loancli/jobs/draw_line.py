"""Draw on a credit line: one more payout, if the terms and what is known of the loan allow it."""

from dataclasses import dataclass
from datetime import date

from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs import Stamp
from loancli.jobs.settle import gather, settle
from loancli.ledger import journal, loans
from loancli.ledger.connect import Connection
from loancli.servicing.line import OnDay, check_draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What was paid out to the borrower. Without a `reference`, day, amount and channel tell one draw from another."""

    loan_id: str
    on: date
    amount_fen: int
    channel: str
    reference: str = ""

    @property
    def key(self) -> str:
        return f"draw/{self.loan_id}/{self.reference or f'{self.on}/{self.amount_fen}/{self.channel}'}"


def draw_line(db: Connection, draw: Draw, *, stamp: Stamp) -> bool:
    """Record the draw and settle the loan; False if it is there already. Raises NotFoundError, RefusedError."""
    loans.record(db, draw.loan_id)
    event = Event(
        key=draw.key,
        loan_id=draw.loan_id,
        kind=EventKind.DISBURSED,
        effective_on=draw.on,
        payload={"amount_fen": draw.amount_fen, "channel": draw.channel},
        actor=stamp.actor,
    )
    if not journal.is_recorded(db, draw.key):
        if draw.on > stamp.on:
            raise RefusedError(f"draw: {draw.on} is after {stamp.on}; record a draw once it is paid out")
        contract, events = gather(db, [draw.loan_id])[draw.loan_id]
        check_draw(contract, events, OnDay(draw.on, draw.amount_fen))
    is_new = bool(journal.record(db, [event], recorded_at=stamp.text))
    settle(db, [draw.loan_id])
    return is_new
