"""A person tells of a repayment that no export shows. It is a receipt like any other: of a file with one row."""

import hashlib
from dataclasses import dataclass
from datetime import date

from loancli.core.errors import RefusedError
from loancli.core.money import yuan
from loancli.core.statement import StatementRow
from loancli.jobs import Stamp
from loancli.jobs.place_receipts import Placing
from loancli.jobs.record_event import Effect, Watch
from loancli.jobs.settle import gather
from loancli.jobs.take_statement import LENDER
from loancli.ledger import loans, receipts, statements, transactions
from loancli.ledger.connect import Connection
from loancli.servicing.life import life

_EXPORTED = ("alipay", "wechat")


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPayment:
    """What was paid on a loan. Without a `reference`, loan, day, amount and channel tell one payment from another."""

    loan_id: str
    amount_fen: int
    on: date
    channel: str  # one of receipts.CHANNELS_BY_HAND
    reference: str = ""
    is_another: bool = False  # than one of the same day and amount that is there

    @property
    def number(self) -> str:
        return self.reference or f"{self.loan_id}/{self.on}/{self.amount_fen}/{self.channel}"

    @property
    def content_sha(self) -> str:
        """Under which it is found again: the ledger takes each file once."""
        return hashlib.sha256(f"{receipts.BY_HAND}|{self.number}".encode()).hexdigest()


def record_payment(db: Connection, told: TellPayment, *, stamp: Stamp) -> tuple[int, Effect | None]:
    """Put the money on the loan; the payment's number, and what it does: None where the same is there already.

    Raises NotFoundError; RefusedError where the number tells another payment, or the money may be there already.
    """
    loans.record(db, told.loan_id)
    file = statements.find_file(db, told.content_sha, LENDER, "repayments")
    if file is not None:
        return _check_same(db, told, file["file_id"]), None
    _check_loan(db, told, stamp)
    _check_new(db, told)
    watch = Watch(db, [told.loan_id])
    taken = statements.take(db, _facts(told, stamp), [(_row(told), None, None)])
    placing = Placing(db, stamp)
    [txn] = statements.txns_since(db, taken)
    placing.put(txn, [(told.loan_id, told.amount_fen)], f"by {stamp.actor}", None)
    placing.finish()
    if placing.warnings:
        raise RefusedError(placing.warnings[0])
    [effect] = watch.effects(stamp=stamp)
    return txn.txn_id, effect


def _check_same(db: Connection, told: TellPayment, file_id: int) -> int:
    """The number of the payment that was told under the same reference. Raises RefusedError if it is not this one."""
    txn = transactions.txn_of_file(db, file_id)
    receipt = receipts.find(db, [txn.txn_id])[txn.txn_id]
    row = txn.row
    if (row.item, row.amount_fen, row.occurred_on, txn.channel) != (
        told.loan_id,
        told.amount_fen,
        told.on.isoformat(),
        told.channel,
    ):
        raise RefusedError(
            f"reference {told.reference} is that of payment {txn.txn_id}: {yuan(row.amount_fen)} of {row.occurred_on}"
            f" on loan {row.item} ({txn.channel}); nothing was written"
        )
    if receipt.state != "placed":
        raise RefusedError(
            f"payment {txn.txn_id} is this one, and was taken back; place it again: loancli payment match"
            f" {txn.txn_id} {told.loan_id}"
        )
    return txn.txn_id


def _check_loan(db: Connection, told: TellPayment, stamp: Stamp) -> None:
    """Refuse a payment of a day to come, or on a loan that was not paid out then."""
    if told.on > stamp.on:
        raise RefusedError(f"payment: {told.on} is after {stamp.on}; record it when that day has come")
    contract, events = gather(db, [told.loan_id])[told.loan_id]
    if told.on < contract.signed_on or life(contract, events, told.on).position.status in {"signed", "cancelled"}:
        raise RefusedError(f"payment: loan {told.loan_id} is not paid out on {told.on}")


def _check_new(db: Connection, told: TellPayment) -> None:
    """Refuse money that the books have, or may have, already."""
    for channel in _EXPORTED if told.reference else ():
        shown = transactions.txn_with_external_id(db, LENDER, channel, told.reference)
        for txn in receipts.find(db, [each.txn_id for each in shown]):
            raise RefusedError(f"{told.reference} is payment {txn}, which an export shows; see: loancli payment list")
    if told.is_another:
        return
    for payment_id, waits in receipts.of_day(db, told.on, told.amount_fen, told.loan_id):
        if waits:
            raise RefusedError(
                f"payment {payment_id} of the same day and amount waits; place it: loancli payment match {payment_id}"
                f" {told.loan_id}; if this is another payment, say so with --another"
            )
        raise RefusedError(
            f"payment {payment_id} of the same day and amount is on loan {told.loan_id} already; if this is another"
            " payment, say so with --another"
        )
    until = loans.past_until(db).get(told.loan_id)
    if until is not None and told.on <= until:
        raise RefusedError(
            f"payment: what was paid on loan {told.loan_id} up to {until} came with it when it was taken over; if this"
            " is another payment, say so with --another"
        )


def _facts(told: TellPayment, stamp: Stamp) -> statements.FileFacts:
    return statements.FileFacts(
        content_sha=told.content_sha,
        name=receipts.BY_HAND,
        format=receipts.BY_HAND,
        owner=LENDER,
        read_as="repayments",
        channel=told.channel,
        account_sha="",
        from_on=told.on,
        to_on=told.on,
        is_whole=False,
        warnings=[],
        actor=stamp.actor,
        imported_at=stamp.text,
    )


def _row(told: TellPayment) -> StatementRow:
    """The payment as an export would show it. The reference is no platform's number: those join rows to movements."""
    return StatementRow(
        line=1,
        occurred_at=f"{told.on}T00:00:00+08:00",
        amount_fen=told.amount_fen,
        direction="in",
        money_moved=1,
        external_id="",
        merchant_order_id=told.reference,
        counterparty="",
        counterparty_account="",
        kind="",
        item=told.loan_id,
        method=told.channel,
        status="",
        status_class="settled",
        note=told.reference,
        refund_of="",
    )
