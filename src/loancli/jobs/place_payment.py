"""A person places a payment that waits in suspense on a loan."""

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs import Stamp
from loancli.jobs.plan_contacts import cancel_paid
from loancli.jobs.settle import settle
from loancli.jobs.take_repayments import payment_event, release_suspense
from loancli.ledger import days, journal, loans, receipts, statements
from loancli.ledger.connect import Connection


def place_payment(db: Connection, *, payment_id: int, loan_id: str, stamp: Stamp) -> bool:
    """Book a waiting payment on a loan; False if it is there already. Raises NotFoundError, RefusedError."""
    receipt = receipts.receipt(db, payment_id)
    txn = statements.txn(db, payment_id)
    if receipt is None or txn is None:
        raise NotFoundError(f"there is no payment {payment_id}; see: loancli payment unmatched")
    record = loans.record(db, loan_id)
    if receipt["state"] == "placed" and receipt["loan_id"] == loan_id:
        return False
    if receipt["state"] != "suspense":
        raise RefusedError(
            f"payment {payment_id} is {receipt['state']} on loan {receipt['loan_id']}; nothing was written"
        )
    event = payment_event(txn, loan_id, stamp)
    if event.effective_on < record.signed_on:
        raise RefusedError(
            f"payment {payment_id} of {event.effective_on} is older than loan {loan_id}, signed on {record.signed_on}"
        )
    part = receipts.Part(loan_id, txn.row.amount_fen, event.key)
    receipts.place(db, payment_id, state="placed", reason=f"by {stamp.actor}", parts=[part])
    release_suspense(db, txn, booked_on=days.open_day(db))
    journal.record(db, [event], recorded_at=stamp.text)
    settle(db, [loan_id])
    cancel_paid(db, [loan_id], stamp=stamp)
    return True
