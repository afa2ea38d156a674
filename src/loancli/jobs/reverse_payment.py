"""A person says that a payment bounced or was sent back, which no export shows: it counts until that day."""

from datetime import date

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import Placing, reversed_event
from loancli.jobs.record_event import Effect, effect_of
from loancli.jobs.settle import gather
from loancli.ledger import receipts, transactions
from loancli.ledger.connect import Connection


def reverse_payment(db: Connection, payment_id: int, *, on: date, reason: str, stamp: Stamp) -> list[Effect] | None:
    """Take a payment off its loans, or out of suspense, and settle; what that does to each loan.

    None where it is taken back already. Raises NotFoundError; RefusedError for a day before it was paid, or to come.
    """
    receipt = receipts.find(db, [payment_id]).get(payment_id)
    txn = transactions.txn(db, payment_id)
    if receipt is None or txn is None:
        raise NotFoundError(f"there is no payment {payment_id}; see: loancli payment list")
    if receipt.state == "reversed":
        return None
    if receipt.state == "double":
        raise RefusedError(f"payment {payment_id} is another row of a payment; reverse the one that is on a loan")
    paid_on = date.fromisoformat(txn.row.occurred_on)
    if not paid_on <= on <= stamp.on:
        raise RefusedError(f"reverse: {on} is not between {paid_on}, when it was paid, and {stamp.on}")
    known = gather(db, sorted({part.loan_id for part in receipt.parts}))
    effects = []
    for loan_id, (contract, events) in known.items():
        new = [reversed_event(part, on, reason, actor=stamp.actor) for part in receipt.parts if part.loan_id == loan_id]
        effects.append(effect_of(db, contract, events, new, stamp=stamp))
    placing = Placing(db, stamp)
    placing.take_back(txn, receipt, on, by_hand=reason)
    placing.finish()
    return effects
