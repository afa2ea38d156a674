"""A person places payments that wait in suspense: whole or split, one or a list; and what that teaches is learnt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.mask import mask_name
from loancli.core.money import yuan
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import DOUBLE, PENDING, Placing, groups_of, left_of, payable_loans, rest_mark
from loancli.jobs.record_event import Effect, Watch
from loancli.ledger import borrowers, loans, receipts, transactions
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Receipt
from loancli.ledger.transactions import Txn
from loancli.servicing.match import Matcher

Share = tuple[str, int | None]  # a loan, and how much of the payment is for it; None: all of it
KNOWN_MIN = 2  # characters of a name that must be readable, so that it tells anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What a person decided about a payment; `is_learnt`: the payer's later payments are for the same borrower."""

    payment_id: int
    shares: tuple[Share, ...]
    is_learnt: bool = False
    why: str = ""  # the person's reason, for the event
    amount_fen: int | None = None  # of the payment, where the list says so: it must be the one that was looked at


@dataclass(slots=True, kw_only=True)
class PlacementReport:
    """What became of decisions: payments placed and those placed so before; aliases learnt, and what they placed."""

    placed_count: int = 0
    same_count: int = 0
    learnt: list[tuple[str, str]] = field(default_factory=list)  # alias, borrower
    matched: list[int] = field(default_factory=list)  # payments that were placed because of what was learnt
    refused: list[tuple[int, str, str]] = field(default_factory=list)  # which placement, its column, and why
    cancelled_count: int = 0  # messages of the outbox that the payments made needless
    warnings: list[str] = field(default_factory=list)


def place_payments(
    db: Connection, placements: Sequence[Placement], *, stamp: Stamp, keep_going: bool = False
) -> PlacementReport:
    """Book waiting payments where a person says, then learn and try the other payments of these payers.

    The same again is nothing new. What cannot be done is raised (NotFoundError, RefusedError), or with `keep_going`
    kept in the report as `place` or `learn` of that placement, while the others are done.
    """
    report = PlacementReport()
    placing = Placing(db, stamp)
    lessons: list[tuple[str, str]] = []
    for at, each in enumerate(placements):
        column = "place"
        try:
            # Both are asked before anything is written: a placement is done with its lesson, or not at all.
            plan = _planned(db, each)
            column = "learn"
            lesson = _lesson(db, each) if each.is_learnt else None
        except (NotFoundError, RefusedError) as error:
            if not keep_going:
                raise
            report.refused.append((at, column, str(error)))
            continue
        if plan is not None:
            plan.carry_out(placing)
        is_new = plan is not None
        report.placed_count += is_new
        report.same_count += not is_new
        if lesson and lesson not in lessons:
            lessons.append(lesson)
    report.learnt = [(alias, borrower_id) for alias, borrower_id in lessons if borrowers.learn(db, borrower_id, alias)]
    for alias, _ in report.learnt:
        report.matched += _try_again(placing, receipts.waiting(db, alias))
    report.cancelled_count, report.warnings = placing.finish(), placing.warnings
    return report


def place_payment(db: Connection, placement: Placement, *, stamp: Stamp) -> tuple[PlacementReport, list[Effect]]:
    """Place one payment; also what that does to each loan that it is placed on. Raises as `place_payments`."""
    loan_ids = sorted({loan_id for loan_id, _ in placement.shares})
    watch = Watch(db, loan_ids)
    report = place_payments(db, [placement], stamp=stamp)
    return report, watch.effects(stamp=stamp) if report.placed_count else []


def rematch(db: Connection, *, stamp: Stamp) -> list[int]:
    """Try every waiting payment with the borrowers, names and loans that are known now; return those that were placed.

    What a person must decide waits on: money that is not final, and what may be a receipt that is there already.
    """
    placing = Placing(db, stamp)
    found = _try_again(placing, receipts.waiting(db))
    placing.finish()
    return found


def work_list(db: Connection) -> list[dict[str, Any]]:
    """The payments that wait for a person, oldest first, each with `candidates`, best first, as the loans stand now."""
    matcher = Matcher(payable_loans(db, is_ranked=True))
    found = receipts.listing(db, state="suspense")
    rows = {txn.txn_id: txn.row for txn in transactions.txns(db, [each["payment_id"] for each in found])}
    return [{**each, "candidates": matcher.candidates(rows[each["payment_id"]])} for each in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A payment that can be placed so."""

    txn: Txn
    receipt: Receipt
    rows: list[Txn]  # all rows that show its money
    shares: list[tuple[str, int]]
    left_fen: int  # what of it was not paid back
    why: str

    def carry_out(self, placing: Placing) -> None:
        shares, kept = self.shares, ""
        if self.left_fen < self.txn.row.amount_fen:
            if len(shares) == 1:  # whole first: until the day of the refund the whole counted
                shares = [(shares[0][0], self.txn.row.amount_fen)]
            else:
                kept = rest_mark(self.left_fen)
        was = self.receipt if self.receipt.state == "suspense" else None
        reason = f"by {placing.stamp.actor}" + (f": {self.why}" if self.why else "")
        placing.put(self.txn, shares, reason, was, kept=kept, why=self.why)
        placing.follow(self.txn, self.rows)


def _planned(db: Connection, placement: Placement) -> _Plan | None:
    """The placement, checked; None if the payment is placed so already. Raises NotFoundError, RefusedError."""
    txn, receipt = _payment(db, placement.payment_id)
    if placement.amount_fen not in {None, txn.row.amount_fen}:
        raise RefusedError(
            f"payment {txn.txn_id} is {yuan(txn.row.amount_fen)}, which the list does not say; was it written from"
            " another ledger?"
        )
    if receipt.state == "placed" and _is_same(placement.shares, receipt):
        return None
    # What a person has taken back, a person may place again.
    if receipt.state != "suspense" and not receipt.is_gone_by_hand:
        where = f" on loan {receipt.loan_id}" if receipt.loan_id else ""
        raise RefusedError(f"payment {txn.txn_id} is {receipt.state}{where}; nothing was written")
    for loan_id, _ in placement.shares:
        signed_on = loans.record(db, loan_id).signed_on
        if txn.row.occurred_on < signed_on.isoformat():
            raise RefusedError(
                f"payment {txn.txn_id} of {txn.row.occurred_on} is older than loan {loan_id}, signed on {signed_on}"
            )
    rows = _rows(db, txn)
    left_fen = left_of(db, txn, rows)
    shares = _shares(placement, txn, left_fen)
    return _Plan(txn=txn, receipt=receipt, rows=rows, shares=shares, left_fen=left_fen, why=placement.why)


def _is_same(shares: Sequence[Share], receipt: Receipt) -> bool:
    if len(shares) == 1 and shares[0][1] is None:
        return shares[0][0] == receipt.loan_id
    return set(shares) == {(part.loan_id, part.amount_fen) for part in receipt.parts}


def _payment(db: Connection, payment_id: int) -> tuple[Txn, Receipt]:
    receipt = receipts.find(db, [payment_id]).get(payment_id)
    txn = transactions.txn(db, payment_id)
    if receipt is None or txn is None:
        raise NotFoundError(f"there is no payment {payment_id}; see: loancli payment unmatched")
    return txn, receipt


def _rows(db: Connection, txn: Txn) -> list[Txn]:
    """All rows that show the money of a receipt."""
    group = groups_of(db, [txn.txn_id]).get(txn.txn_id, [])
    return [txn, *transactions.txns(db, [each for each in group if each != txn.txn_id])]


def _shares(placement: Placement, txn: Txn, left_fen: int) -> list[tuple[str, int]]:
    """The loans by number, each with its amount: in one order, so that the same split is the same whoever types it."""
    found: dict[str, int] = {}
    for loan_id, amount_fen in placement.shares:
        if loan_id in found:
            raise RefusedError(f"payment {txn.txn_id}: loan {loan_id} stands there twice")
        if amount_fen is None and len(placement.shares) > 1:
            raise RefusedError(f"payment {txn.txn_id}: say how much is for loan {loan_id}: {loan_id}=AMOUNT")
        found[loan_id] = left_fen if amount_fen is None else amount_fen
    if sum(found.values()) != left_fen or min(found.values()) <= 0:
        back_fen = txn.row.amount_fen - left_fen
        raise RefusedError(
            f"payment {txn.txn_id}: the parts are {yuan(sum(found.values()))} together, the payment is"
            f" {yuan(txn.row.amount_fen)}"
            + (f", of which {yuan(back_fen)} was paid back" if back_fen else "")
            + "; each part must be above 0.00"
        )
    return sorted(found.items())


# What is learnt


def _lesson(db: Connection, placement: Placement) -> tuple[str, str]:
    """The name or account to learn, and the borrower whose payments it marks. Raises RefusedError."""
    txn, _ = _payment(db, placement.payment_id)
    alias = payer_alias(txn)
    who = {loans.record(db, loan_id).borrower_id for loan_id, _ in placement.shares}
    if len(who) > 1:
        raise RefusedError(
            f"payment {txn.txn_id} is for several borrowers ({', '.join(sorted(who))}), so it teaches nothing"
        )
    [borrower_id] = who
    for other in borrowers.named(db, alias):
        if other.borrower_id != borrower_id:
            raise RefusedError(
                f"'{mask_name(alias)}' is a name of borrower {other.borrower_id} ({mask_name(other.name)}) already, so"
                f" it cannot tell payments of {borrower_id}"
            )
    return alias, borrower_id


def payer_alias(txn: Txn) -> str:
    """What later payments of this payer can be told by: the account, else the name. Raises RefusedError."""
    for text in (txn.row.counterparty_account, txn.row.counterparty):
        if sum(char not in "*/＊ " for char in text) >= KNOWN_MIN and not _is_masked_name(text):
            return text
    raise RefusedError(
        f"payment {txn.txn_id}: the export masks the payer's name, so that it tells nobody; place it without learning"
    )


def _is_masked_name(text: str) -> bool:
    """'*明', '**智', '王*': of a name. Of an account ('138****1234', 'li***@example.com') enough is left to tell it."""
    return "*" in text and len(text.replace("*", "")) < 5


def _try_again(placing: Placing, payment_ids: Iterable[int]) -> list[int]:
    """Place those of the waiting payments that now match surely; what else waits, for the reason that it has now."""
    db = placing.db
    matcher = Matcher(payable_loans(db))
    placed = []
    known = receipts.find(db, payment_ids)  # as they stand now: one may have been placed meanwhile
    for txn in transactions.txns(db, known):
        receipt = known[txn.txn_id]
        if receipt.state != "suspense" or receipt.reason in {PENDING, DOUBLE}:
            continue
        rows = _rows(db, txn)
        match = matcher.match_any([each.row for each in rows])
        if match.loan_id is not None:
            placing.put(txn, [(match.loan_id, txn.row.amount_fen)], match.reason, receipt)
            placing.follow(txn, rows)
            placed.append(txn.txn_id)
        elif match.reason != receipt.reason:
            placing.wait(txn, match.reason, receipt)
    return placed
