"""Sign loans: contract, payout and first entries, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from loancli.core.days import Calendar
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.loan import LoanRecord
from loancli.core.money import yuan
from loancli.jobs import Stamp
from loancli.jobs.settle import contract_of, settle
from loancli.ledger import borrowers, journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.flexible import run_on_rows
from loancli.plan.product_json import to_json
from loancli.plan.rows import Plan
from loancli.servicing.line import OnDay, check_draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A loan to be signed: who, on which plan, and how the principal is paid out on the plan's first day.

    Of a credit line, `first_draw_fen` is paid out; it may be nothing. Of another loan, all of it is.
    """

    loan_id: str
    borrower_id: str
    plan: Plan
    channel: str
    first_draw_fen: int = 0

    @property
    def payout_fen(self) -> int:
        return self.first_draw_fen if self.plan.product.line else self.plan.principal_fen


def open_loans(db: Connection, signings: Sequence[Signing], *, calendar: Calendar, stamp: Stamp) -> list[str]:
    """Store loans and their payouts; return the ids of those that are new. Raises NotFoundError, RefusedError."""
    payouts: list[Event] = []
    new: list[str] = []
    for each in signings:
        borrowers.active(db, each.borrower_id)
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
        if not loans.add(db, record):
            _check_same_draw(db, each)
            continue
        new.append(each.loan_id)
        if plan.product.line and each.payout_fen:
            check_draw(contract_of(record), [], OnDay(plan.start_on, each.payout_fen))
        if each.payout_fen:
            payouts.append(
                Event(
                    key=f"payout/{each.loan_id}",
                    loan_id=each.loan_id,
                    kind=EventKind.DISBURSED,
                    effective_on=plan.start_on,
                    payload={"amount_fen": each.payout_fen, "channel": each.channel},
                    actor=stamp.actor,
                )
            )
    journal.record(db, payouts, recorded_at=stamp.text)
    settle(db, new)
    return new


def _check_same_draw(db: Connection, signing: Signing) -> None:
    """The same line again is nothing new; with another first draw it is not the same."""
    known = journal.events_of(db, [signing.loan_id])[signing.loan_id]
    paid_fen = sum(event.payload["amount_fen"] for event in known if event.key == f"payout/{signing.loan_id}")
    if signing.plan.product.line and paid_fen != signing.payout_fen:
        raise RefusedError(
            f"loan {signing.loan_id} is signed already, with {yuan(paid_fen)} paid out at once;"
            f" for more: loancli loan draw {signing.loan_id} YUAN"
        )


def next_loan_id(db: Connection) -> str:
    """The next free loan number, LN000001 and up."""
    numbers = [int(loan_id[2:]) for loan_id in loans.loan_ids(db) if loan_id.startswith("LN") and loan_id[2:].isdigit()]
    return f"LN{max(numbers, default=0) + 1:06d}"
