"""Sign a loan: the contract, the payout, and its first entry, in one transaction."""

from loancli.core.days import Calendar
from loancli.core.event import Event, EventKind
from loancli.core.loan import LoanRecord
from loancli.jobs import Stamp
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.flexible import run_on_rows
from loancli.plan.kinds import Plan
from loancli.plan.product_file import to_json


def open_loan(
    db: Connection, *, loan_id: str, borrower_id: str, plan: Plan, calendar: Calendar, channel: str, stamp: Stamp
) -> bool:
    """Store the loan and its payout; False if the same loan is there already. Raises NotFoundError, RefusedError."""
    borrowers.one(db, borrower_id)
    record = LoanRecord(
        loan_id=loan_id,
        borrower_id=borrower_id,
        product_code=plan.product.code,
        terms_json=to_json(plan.product),
        principal_fen=plan.principal_fen,
        signed_on=plan.start_on,
        maturity_number=len(plan.rows),
        rows=plan.rows + run_on_rows(plan, calendar),
    )
    if not loans.add(db, record):
        return False
    payout = Event(
        key=f"payout/{loan_id}",
        loan_id=loan_id,
        kind=EventKind.DISBURSED,
        effective_on=plan.start_on,
        payload={"amount_fen": plan.principal_fen, "channel": channel},
        actor=stamp.actor,
    )
    journal.record(db, [payout], recorded_at=stamp.text)
    settle(db, [loan_id])
    return True


def next_loan_id(db: Connection) -> str:
    """The next free loan number, LN000001 and up."""
    numbers = [int(loan_id[2:]) for loan_id in loans.loan_ids(db) if loan_id.startswith("LN") and loan_id[2:].isdigit()]
    return f"LN{max(numbers, default=0) + 1:06d}"
