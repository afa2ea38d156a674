"""Forget a borrower: personal data erased as far as the books allow, the rest hidden, and the record of who did it."""

from dataclasses import dataclass, field
from datetime import date

from loancli.core.days import months_after
from loancli.core.errors import RefusedError
from loancli.core.loan import Borrower
from loancli.core.money import yuan
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import payable_loans
from loancli.ledger import borrowers, contacts, erasure, loans, receipts, transactions
from loancli.ledger.connect import Connection
from loancli.servicing.match import Matcher

CONTACTS_KEPT_YEARS = 5  # COL-06: of every contact, what was said and by whom
# Matters in which what is on file is evidence: first they are brought to an end.
_OPEN_MATTERS = {"complaint_open", "dispute", "lawyer_represents", "legal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was erased, and what stays hidden in the books; nothing of either is new where it was done before."""

    borrower_id: str
    is_new: bool
    erased: dict[str, int] = field(default_factory=dict)  # what → how many
    kept: dict[str, int] = field(default_factory=dict)
    contacts_kept_until: date | None = None  # None: there was no contact


def forget(db: Connection, borrower_id: str, *, reason: str, stamp: Stamp) -> Forgotten:
    """Erase a borrower's personal data, inside the caller's transaction; a second time nothing more is written.

    Raises NotFoundError, and RefusedError while a loan is open, money of the borrower is held or waits, or a matter in
    which the data are evidence is open.
    """
    borrower = borrowers.one(db, borrower_id)
    if not borrower.is_forgotten:
        _check_loans(db, borrower)
        _check_waiting(db, borrower)
        _check_matters(db, borrower, stamp.on)
        erased = {**erasure.erase(db, borrower_id), "queued_messages": _cancel(db, borrower_id, stamp)}
        erasure.record(db, borrower_id, erased=erased, reason=reason, actor=stamp.actor, recorded_at=stamp.text)
    else:
        erased = {}
    last_on = erasure.last_contact_on(db, borrower_id)
    return Forgotten(
        borrower_id=borrower_id,
        is_new=not borrower.is_forgotten,
        erased=erased,
        kept=erasure.kept(db, borrower_id),
        contacts_kept_until=months_after(last_on, 12 * CONTACTS_KEPT_YEARS) if last_on else None,
    )


def _check_loans(db: Connection, borrower: Borrower) -> None:
    for loan_id, status, credit_fen in loans.standing(db, borrower.borrower_id):
        if status not in {"settled", "cancelled"}:
            raise RefusedError(
                f"loan {loan_id} of borrower {borrower.borrower_id} is {status}; a borrower is"
                " forgotten when nothing is open any more"
            )
        if credit_fen:
            raise RefusedError(f"loan {loan_id} holds {yuan(credit_fen)} of the borrower's money; pay it back first")


def _check_waiting(db: Connection, borrower: Borrower) -> None:
    """Does a payment wait that may be the borrower's? It could not be told any more."""
    names = {borrower.name, *borrower.aliases}
    own = set(loans.loan_ids(db, borrower_id=borrower.borrower_id))
    matcher = Matcher(payable_loans(db))
    for txn in transactions.txns(db, receipts.waiting(db)):
        if names & {txn.row.counterparty, txn.row.counterparty_account} or own & set(matcher.references(txn.row)):
            raise RefusedError(
                f"payment {txn.txn_id} ({yuan(txn.row.amount_fen)}) waits for a person and may be of borrower"
                f" {borrower.borrower_id}; place it first: loancli payment unmatched"
            )


def _check_matters(db: Connection, borrower: Borrower, on: date) -> None:
    for hold in contacts.holds(db, on=on, borrower_id=borrower.borrower_id):
        if hold["kind"] in _OPEN_MATTERS:
            raise RefusedError(
                f"hold {hold['hold_id']} ({hold['kind']}) is open, and what is on file is its evidence; when the matter"
                f" is over: loancli hold lift {hold['hold_id']}"
            )


def _cancel(db: Connection, borrower_id: str, stamp: Stamp) -> int:
    """Take the borrower's messages out that have not left; returns how many."""
    queued = [message["message_id"] for message in contacts.queued_for(db, loans.loan_ids(db, borrower_id=borrower_id))]
    contacts.step(db, queued, "cancelled", at=stamp.at, detail=erasure.RECORD)
    return len(queued)
