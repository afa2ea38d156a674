"""A person says that waiting money is nobody's repayment here: it leaves suspense, and its reason stays in a chain."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import Placing
from loancli.ledger import dismissals, receipts, transactions
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Receipt
from loancli.servicing.match import TAKEN_OVER


@dataclass(slots=True, kw_only=True)
class Dismissed:
    """The payments for which it is new, and those that stood so before."""

    new: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)


def taken_over(db: Connection) -> list[int]:
    """The payments that wait because they may have come with a loan that was taken over."""
    known = receipts.find(db, receipts.waiting(db))
    return [payment_id for payment_id, receipt in known.items() if receipt.reason == TAKEN_OVER]


def dismiss_payments(db: Connection, payment_ids: Sequence[int], *, reason: str, stamp: Stamp) -> Dismissed:
    """Take waiting payments out of suspense. Raises NotFoundError; RefusedError for one that does not wait."""
    found, placing = Dismissed(), Placing(db, stamp)
    for payment_id, receipt in _receipts(db, payment_ids).items():
        if receipt.is_dismissed:
            found.same.append(payment_id)
            continue
        if receipt.state != "suspense":
            raise RefusedError(
                f"payment {payment_id} does not wait, it is {receipt.state}; only waiting money is dismissed"
            )
        placing.release_suspense(transactions.one(db, payment_id))
        dismissals.record(
            db,
            dismissals.Dismissal(payment_id=payment_id, why=reason, waited_for=receipt.reason),
            actor=stamp.actor,
            recorded_at=stamp.text,
        )
        told = f"{receipts.DISMISSED}by {stamp.actor}: {reason}"
        receipts.place(db, Receipt(txn_id=payment_id, state="reversed", reason=told))
        found.new.append(payment_id)
    placing.finish()
    return found


def take_up_again(db: Connection, payment_ids: Sequence[int], *, reason: str, stamp: Stamp) -> Dismissed:
    """Let dismissed payments wait again, for what they waited for. Raises as `dismiss_payments`."""
    found, placing = Dismissed(), Placing(db, stamp)
    for payment_id, receipt in _receipts(db, payment_ids).items():
        if receipt.state == "suspense":
            found.same.append(payment_id)
            continue
        if not receipt.is_dismissed:
            raise RefusedError(f"payment {payment_id} is not dismissed, it is {receipt.state}")
        was = dismissals.last(db, payment_id)
        placing.wait(transactions.one(db, payment_id), was.waited_for, None)
        again = dismissals.Dismissal(payment_id=payment_id, why=reason, waited_for=was.waited_for, is_undone=True)
        dismissals.record(db, again, actor=stamp.actor, recorded_at=stamp.text)
        found.new.append(payment_id)
    placing.finish()
    return found


def _receipts(db: Connection, payment_ids: Sequence[int]) -> dict[int, Receipt]:
    """The receipts in the order asked for, each once. Raises NotFoundError."""
    known = receipts.find(db, payment_ids)
    for payment_id in payment_ids:
        if payment_id not in known:
            raise NotFoundError(f"there is no payment {payment_id}; see: loancli payment unmatched")
    return {payment_id: known[payment_id] for payment_id in payment_ids}
