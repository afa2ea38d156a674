"""A person decides what rows of a borrower's revenue count as; that wins over every rule until it is taken back."""

from collections.abc import Sequence
from dataclasses import dataclass

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs import Stamp
from loancli.ledger import borrowers, revenue, transactions
from loancli.ledger.connect import Connection
from loancli.ledger.transactions import Txn

_PROBLEMS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a decision did."""

    rows: list[Txn]  # as they stand now
    new_count: int  # of which it is new


def classify(
    db: Connection, borrower_id: str, txn_ids: Sequence[int], revenue_class: str | None, *, why: str, stamp: Stamp
) -> Decided:
    """Let rows count as `revenue_class`, or as the rules say again (None). The same decision again changes nothing.

    Raises NotFoundError for a row that is not the borrower's, RefusedError where a class cannot be: sure and possible
    are for money that came in, reduction for money that went out.
    """
    borrowers.active(db, borrower_id)
    found = {each.txn_id: each for each in transactions.txns(db, txn_ids) if each.owner == borrower_id}
    missing = [txn_id for txn_id in txn_ids if txn_id not in found or found[txn_id].revenue_class is None]
    if missing:
        shown = ", ".join(map(str, missing[:_PROBLEMS_MAX]))
        raise NotFoundError(f"borrower {borrower_id} has no revenue row {shown}; see: loancli revenue classify")
    refused = [told for each in found.values() if (told := _cannot_be(each, revenue_class))]
    if refused:
        raise RefusedError("\n".join([*refused[:_PROBLEMS_MAX], "nothing was written"]))
    before = transactions.revenue_classes(db, found)
    new = revenue.decide(db, found, revenue_class, why=why, actor=stamp.actor, recorded_at=stamp.text)
    revenue.shift(db, {txn_id: before[txn_id] for txn_id in new})
    return Decided(rows=transactions.txns(db, found), new_count=len(new))


def _cannot_be(txn: Txn, revenue_class: str | None) -> str:
    if revenue_class not in {"sure", "possible", "reduction"}:
        return ""
    direction = "out" if revenue_class == "reduction" else "in"
    if txn.row.direction != direction:
        return f"row {txn.txn_id}: {revenue_class} is for money that went {direction}, this is {txn.row.direction}"
    if not txn.row.money_moved:
        return f"row {txn.txn_id}: its money did not move ({txn.row.status}), so it is always excluded"
    return ""
