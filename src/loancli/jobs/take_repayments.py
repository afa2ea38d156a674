"""Repayments in an export of the lender's own account: on loans, in suspense, or taken back where they bounced.

The same money may stand in several exports of the lender (its statement and its merchant bill); rulings say so. It is
one receipt: the row that was placed first keeps it, whichever of them the rulings prefer, because it is booked; the
others are noted as doubles. What is booked does not depend on the order of the files. What does, where the exports
disagree: the day and the channel it is booked on are those of the first row, and a payment that one of them names a
loan for and the other another is on the loan that was named first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from loancli.core.entry import Entry
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import DOUBLE, PENDING, Placing, groups_of, is_receipt, payable_loans
from loancli.ledger import days, journal, receipts, statements, transactions
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Receipt
from loancli.ledger.transactions import Txn
from loancli.servicing import bookings
from loancli.servicing.match import Match, Matcher


@dataclass(slots=True, kw_only=True)
class Placed:
    """What became of the repayments in a file."""

    placed_count: int = 0
    suspense_count: int = 0
    reversed_count: int = 0
    double_count: int = 0  # the same money as a receipt of another export
    cancelled_count: int = 0  # messages of the outbox that a payment made needless
    warnings: list[str] = field(default_factory=list)


def take_repayments(db: Connection, taken: statements.Taken, stamp: Stamp) -> Placed:
    """Place what came in on loans or in suspense, take back what bounced, book the platforms' fees, settle the loans.

    Rows that several exports show must be ruled to be the same money before (`receipts.SAME_MONEY`).
    """
    changed = statements.txns_since(db, taken)
    arrived = {each.txn_id for each in changed}
    widowed = transactions.txns(db, [each for each in receipts.widowed(db) if each not in arrived])
    money = _Money(db, [*changed, *widowed])
    placing = Placing(db, stamp)
    matcher = Matcher(payable_loans(db))
    for rows in money.groups():
        _place(placing, matcher, rows, money, arrived)
    for rows in money.touched():
        for each in rows:
            placing.follow(each, rows)
    with_fee = [each for each in money.rows.values() if each.row.fee_milli_fen]
    book_fees(db, {(each.channel, date.fromisoformat(each.row.occurred_on)) for each in with_fee})
    return Placed(
        cancelled_count=placing.finish(),
        placed_count=placing.placed_count,
        suspense_count=placing.waiting_count,
        reversed_count=placing.reversed_count,
        double_count=placing.double_count,
        warnings=placing.warnings,
    )


class _Money:
    """The rows that an import touches, with all rows of the same money, and the receipts that there are of them."""

    def __init__(self, db: Connection, changed: Sequence[Txn]) -> None:
        self.db = db
        self.changed = changed
        self.rows = {each.txn_id: each for each in changed}
        self.group_of = groups_of(db, self.rows)
        self._load(each for group in self.group_of.values() for each in group)
        self.receipts = receipts.find(db, self.rows)

    def _load(self, txn_ids: Iterable[int]) -> None:
        missing = sorted({each for each in txn_ids if each not in self.rows})
        self.rows |= {each.txn_id: each for each in transactions.txns(self.db, missing)}

    def of(self, txn_id: int) -> list[Txn]:
        """All rows of the money that a row shows; the one that the rulings prefer comes first."""
        return [self.rows[each] for each in self.group_of.get(txn_id, [txn_id])]

    def groups(self) -> list[list[Txn]]:
        """The rows by the money that they show, where that is a receipt."""
        found: dict[int, list[Txn]] = {}
        for each in self.changed:
            rows = [one for one in self.of(each.txn_id) if is_receipt(one.row) or one.txn_id in self.receipts]
            if rows:
                found.setdefault(rows[0].txn_id, rows)
        return list(found.values())

    def touched(self) -> list[list[Txn]]:
        """The money whose rows changed, and that which a changed row pays back."""
        paid = [
            back.txn_id
            for each in self.changed
            if each.row.direction == "out" and each.row.refund_of and each.row.money_moved
            for back in transactions.txn_with_external_id(self.db, each.owner, each.channel, each.row.refund_of)
            if back.row.direction == "in"
        ]
        self.group_of |= groups_of(self.db, paid)
        self._load([*paid, *(each for txn_id in paid for each in self.group_of.get(txn_id, ()))])
        known = [each.txn_id for each in self.changed if each.row.direction == "in"]
        found: dict[int, list[Txn]] = {}
        for txn_id in [*known, *paid]:
            rows = self.of(txn_id)
            found.setdefault(rows[0].txn_id, rows)
        return list(found.values())


def _place(placing: Placing, matcher: Matcher, rows: Sequence[Txn], money: _Money, arrived: set[int]) -> None:
    """One receipt for the rows of one money: it stays where it is, or is placed, or waits."""
    known = money.receipts
    standing = [each for each in rows if each.txn_id in known and known[each.txn_id].state != "double"]
    # Booked is booked; of two that were booked before they were ruled to be one, the first stays.
    standing.sort(key=lambda each: (_is_unbooked(known[each.txn_id]), each.txn_id))
    receivable = [each for each in rows if is_receipt(each.row)]
    if not standing and not receivable:
        return
    holder = standing[0] if standing else receivable[0]
    for each in rows:
        if each is not holder:
            placing.give_way(each, known.get(each.txn_id))
    was: Receipt | None = known.get(holder.txn_id)
    if was is not None and was.state == "double":
        was = None
    is_final = any(each.row.status_class != PENDING for each in rows)
    is_told_more = any(each.txn_id in arrived and each.txn_id not in known for each in rows)
    if was is not None and not (
        was.state == "suspense" and ((was.reason == PENDING and is_final) or (was.reason != DOUBLE and is_told_more))
    ):
        return
    match = matcher.match_any([each.row for each in rows])
    if not is_final:
        match = Match(loan_id=None, reason=PENDING)
    elif len(rows) == 1 and transactions.may_be_double(placing.db, holder):
        match = Match(loan_id=None, reason=DOUBLE)
    if match.loan_id is None:
        placing.wait(holder, match.reason, was)
    else:
        placing.put(holder, [(match.loan_id, holder.row.amount_fen)], match.reason, was)


def _is_unbooked(receipt: Receipt) -> bool:
    return receipt.state == "suspense" or receipt.is_dismissed


def book_fees(db: Connection, on: Iterable[tuple[str, date]]) -> int:
    """Book what each platform kept on these days, less what is booked of it; return how many entries that took.

    A day's fees are summed in 1/1000 fen and rounded once, so that the books do not depend on how files cut the day.
    """
    days_of: dict[str, list[date]] = {}
    for channel, day in on:
        days_of.setdefault(channel, []).append(day)
    entries: list[Entry] = []
    for channel, found in sorted(days_of.items()):
        first, last = min(found), max(found)
        movements = [
            movement
            for day, milli_fen in receipts.fees(db, channel, first, last).items()
            for movement in bookings.channel_fee(channel=channel, day=day, milli_fen=milli_fen)
        ]
        keys = bookings.channel_fee_keys(channel=channel, from_on=first, to_on=last)
        booked = [bookings.Booked(entry=entry, is_reversed=gone) for entry, gone in journal.entries_between(db, *keys)]
        entries += bookings.difference("", movements, booked)
    return journal.book(db, entries, booked_on=days.open_day(db))
