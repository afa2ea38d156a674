"""Sign loans: contract, payout and first entries, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from loancli.core.days import Calendar
from loancli.core.event import Event, EventKind
from loancli.core.loan import LoanRecord
from loancli.jobs import Stamp
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.flexible import run_on_rows
from loancli.plan.product_file import to_json
from loancli.plan.rows import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A loan to be signed: who, on which plan, and how the principal is paid out on the plan's first day."""

    loan_id: str
    borrower_id: str
    plan: Plan
    channel: str


def open_loans(db: Connection, signings: Sequence[Signing], *, calendar: Calendar, stamp: Stamp) -> list[str]:
    """Store loans and their payouts; return the ids of those that are new. Raises NotFoundError, RefusedError."""
    payouts = []
    for each in signings:
        borrowers.one(db, each.borrower_id)
        plan = each.plan
        record = LoanRecord(
            loan_id=each.loan_id,
            borrower_id=each.borrower_id,
            product_code=plan.product.code,
            terms_json=to_json(plan.product),
            principal_fen=plan.principal_fen,
            signed_on=plan.start_on,
            maturity_number=len(plan.rows),
            rows=plan.rows + run_on_rows(plan, calendar),
        )
        if loans.add(db, record):
            payouts.append(
                Event(
                    key=f"payout/{each.loan_id}",
                    loan_id=each.loan_id,
                    kind=EventKind.DISBURSED,
                    effective_on=plan.start_on,
                    payload={"amount_fen": plan.principal_fen, "channel": each.channel},
                    actor=stamp.actor,
                )
            )
    journal.record(db, payouts, recorded_at=stamp.text)
    new = [payout.loan_id for payout in payouts]
    settle(db, new)
    return new


def next_loan_id(db: Connection) -> str:
    """The next free loan number, LN000001 and up."""
    numbers = [int(loan_id[2:]) for loan_id in loans.loan_ids(db) if loan_id.startswith("LN") and loan_id[2:].isdigit()]
    return f"LN{max(numbers, default=0) + 1:06d}"
