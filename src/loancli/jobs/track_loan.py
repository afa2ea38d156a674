"""Where one loan is on its way: its life, and what the ledger knows of promises and holds. Reads only."""

from datetime import date
from typing import NamedTuple

from loancli.core.errors import NotFoundError
from loancli.core.loan import Borrower
from loancli.jobs.classes import class_of
from loancli.ledger import borrowers, contacts, loans
from loancli.ledger.connect import Connection, reading
from loancli.servicing.asset_class import AssetClass
from loancli.servicing.delinquency import Ageing
from loancli.servicing.life import Life
from loancli.servicing.track import Held, Promised, Track, track


class Tracked(NamedTuple):
    """A loan, who owes it, and where it is."""

    lived: Life
    borrower: Borrower
    track: Track
    asset_class: AssetClass | None


def track_loan(db: Connection, loan_id: str, day: date, ageing: Ageing) -> Tracked:
    """The loan on a day. Raises NotFoundError, also where it was signed later."""
    with reading(db):
        record = loans.record(db, loan_id)
        if record.signed_on > day:
            raise NotFoundError(f"loan {loan_id} was signed on {record.signed_on}, after {day}")
        borrower = borrowers.one(db, record.borrower_id)
        lived, classed = class_of(db, loan_id, day, ageing)
        promises = contacts.promises(db, borrower_id=borrower.borrower_id, due_from=day)
        holds = contacts.holds(db, on=day, borrower_id=borrower.borrower_id)
    found = track(
        lived,
        ageing,
        promises=[
            Promised(due_on=date.fromisoformat(each["due_on"]), amount_fen=each["amount_fen"] - each["paid_fen"])
            for each in promises
            if each["loan_id"] == loan_id and each["paid_fen"] < each["amount_fen"]
            if each["made_on"] <= day.isoformat()
        ],
        holds=[
            Held(kind=each["kind"], until=date.fromisoformat(each["to_on"]) if each["to_on"] else None)
            for each in holds
        ],
    )
    return Tracked(lived, borrower, found, classed.asset_class if classed else None)
