"""Receipts on their way onto loans, into suspense and out again: what importing and placing by hand have in common."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate

from loancli.core.entry import Entry, reversal
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.core.statement import StatementRow
from loancli.jobs import Stamp
from loancli.jobs.park_loans import work_on
from loancli.jobs.plan_contacts import cancel_paid
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, days, journal, loans, receipts, transactions
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Part, Receipt, Told
from loancli.ledger.transactions import Txn
from loancli.servicing import bookings
from loancli.servicing.match import PayableLoan, Standing

PENDING = "pending"  # a status class, and the reason why such a receipt waits
DOUBLE = "possible_double"  # it may be a receipt that is there already under another number
BOUNCED = "bounced"
PAYMENT = "payment/"  # how the keys of payment events begin
CHUNK = 50  # loans that are settled in one savepoint (close_day.CHUNK_GUARDED)
GONE = {"refunded", "closed", "failed"}  # status classes of money that did not stay


def is_receipt(row: StatementRow) -> bool:
    """Money that came in, and not what the lender itself had paid, or was charged as a fee, and got back."""
    own_money_back = row.refund_of or row.kind.endswith("退款") or row.fee_milli_fen == -1_000 * row.amount_fen
    return row.direction == "in" and bool(row.money_moved) and row.amount_fen > 0 and not own_money_back


def payable_loans(db: Connection, *, is_ranked: bool = False) -> list[PayableLoan]:
    """Every loan with the names its borrower pays under and the amounts its instalments ask for.

    To rank candidates, also what it asks for as it stands.
    """
    people = borrowers.find(db)
    amounts = loans.instalment_amounts(db)
    past_until = loans.past_until(db)
    cancelled = loans.cancelled(db)
    told: dict[str, list[Told]] = {}
    for each in receipts.told_by_hand(db):
        told.setdefault(each.loan_id, []).append(each)
    standings = _standings(db) if is_ranked else {}
    return [
        PayableLoan(
            loan_id=loan_id,
            borrower_id=borrower_id,
            payer_names=frozenset({people[borrower_id].name, *people[borrower_id].aliases}),
            disbursed_on=date.max if loan_id in cancelled else signed_on,
            instalments_fen=frozenset(amounts.get(loan_id, ())),
            standing=standings.get(loan_id),
            past_until=past_until.get(loan_id),
            told=frozenset((each.paid_on, each.amount_fen) for each in told.get(loan_id, ())),
            told_numbers=frozenset(each.reference for each in told.get(loan_id, ())),
        )
        for loan_id, borrower_id, signed_on in loans.signed(db)
    ]


def _standings(db: Connection) -> dict[str, Standing]:
    instalments = loans.open_instalments(db)
    return {
        loan_id: Standing(
            open_instalments=tuple(instalments.get(loan_id, ())),
            due_fen=due_fen,
            owed_fen=owed_fen,
            accrued_micro_fen=accrued,
            accruing_micro_fen_per_day=per_day,
            since_on=since_on,
            annual_rate_ppm=rate_ppm,
        )
        for loan_id, (due_fen, owed_fen, accrued, per_day, rate_ppm, since_on) in loans.standings(db).items()
    }


def groups_of(db: Connection, txn_ids: Iterable[int]) -> dict[int, list[int]]:
    """Rows that are ruled to be the same money → all rows of that money; the one the rulings prefer comes first."""
    ruled = receipts.same_money(db, txn_ids)
    groups: dict[int, set[int]] = {}
    for pair in ruled.items():
        merged = set(pair).union(*(groups.get(txn_id, ()) for txn_id in pair))
        groups |= dict.fromkeys(merged, merged)
    return {txn_id: sorted(group, key=lambda each: (each in ruled, each)) for txn_id, group in groups.items()}


def paid_back(db: Connection, rows: Sequence[Txn]) -> list[Txn]:
    """The rows that pay a receipt back, each refund once; `rows` are all rows that show the receipt's money."""
    numbers = {number for each in rows for number in (each.row.external_id, each.row.trade_id) if number}
    found = {
        refund.txn_id: refund
        for number in numbers
        for refund in transactions.refunds_of(db, rows[0].owner, number)
        if refund.row.direction == "out" and refund.row.money_moved and refund.channel == rows[0].channel
    }
    for double, other in receipts.same_money(db, found).items() if len(found) > 1 else ():
        if other in found:
            found.pop(double, None)
    return sorted(found.values(), key=lambda each: (each.row.occurred_at, each.key))


def left_of(db: Connection, txn: Txn, rows: Sequence[Txn]) -> int:
    """What of a receipt was not paid back, in fen."""
    return txn.row.amount_fen - sum(each.row.amount_fen for each in paid_back(db, rows))


def _gone_on(txn: Txn, refunds: Sequence[Txn]) -> date:
    """The day on which nothing of a receipt was left; `refunds` are all of it, by time."""
    back_fen = accumulate(refund.row.amount_fen for refund in refunds)
    last = next(refund for refund, fen in zip(refunds, back_fen, strict=True) if fen >= txn.row.amount_fen)
    return date.fromisoformat(last.row.occurred_on)


def rest_mark(left_fen: int) -> str:
    """What the keys of payment events end in where a part was paid back and only the rest of the payment counts."""
    return f"#left_{left_fen}"


def reversed_event(part: Part, on: date, reason: str, *, actor: str) -> Event:
    """What takes a part of a receipt off its loan from a day on."""
    return Event(
        key=f"reversed/{part.event_key.removeprefix(PAYMENT)}",
        loan_id=part.loan_id,
        kind=EventKind.PAYMENT_REVERSED,
        effective_on=on,
        payload={"payment_key": part.event_key, **({"reason": reason} if reason else {})},
        actor=actor,
    )


class Placing:
    """What is done to receipts in one transaction. `finish` books it and settles the loans concerned."""

    def __init__(self, db: Connection, stamp: Stamp) -> None:
        self.db = db
        self.stamp = stamp
        self.open_day = days.open_day(db)
        self.after = journal.events_count(db)
        self.concerned: set[str] = set()
        self.warnings: list[str] = []
        self.placed_count = self.waiting_count = self.reversed_count = self.double_count = 0
        self._events: list[Event] = []
        self._entries: list[Entry] = []
        self._keys: set[str] = set()  # of the events that are not written yet

    # Where a receipt goes

    def wait(self, txn: Txn, reason: str, was: Receipt | None) -> None:
        """Into suspense, or stay there for the reason that it has now."""
        if was is None:
            value_on = date.fromisoformat(txn.row.occurred_on)
            entry = bookings.suspense(
                txn_key=txn.key, channel=txn.channel, amount_fen=txn.row.amount_fen, value_on=value_on
            )
            again = len(self._in_suspense(txn))
            self._entries.append(replace(entry, key=f"{entry.key}#{again + 1}") if again else entry)
            self.waiting_count += 1
        receipts.place(self.db, Receipt(txn_id=txn.txn_id, state="suspense", reason=reason))

    def put(
        self,
        txn: Txn,
        shares: Sequence[tuple[str, int]],
        reason: str,
        was: Receipt | None,
        *,
        kept: str = "",
        why: str = "",
    ) -> None:
        """Onto loans, each with its amount. `kept` marks the keys of what is left after a refund; `why`: a person's."""
        if was is not None:
            self.release_suspense(txn)
        parts = []
        for number, (loan_id, amount_fen) in enumerate(shares, start=1):
            key = self._free(f"{PAYMENT}{txn.key}{kept}" + (f"#{number}" if number > 1 else ""))
            self._pay(txn, loan_id, amount_fen, key, why)
            parts.append(Part(loan_id, amount_fen, key))
        receipts.place(self.db, Receipt(txn_id=txn.txn_id, state="placed", reason=reason, parts=tuple(parts)))
        self.placed_count += 1

    def take_back(self, txn: Txn, receipt: Receipt, on: date, *, by_hand: str = "") -> None:
        """Out of suspense, or off its loans from day `on`: it was paid back. `by_hand`: why, where a person says so."""
        self._clear(txn, receipt, on, by_hand)
        reason = f"by {self.stamp.actor}: {by_hand}" if by_hand else BOUNCED
        receipts.place(self.db, replace(receipt, state="reversed", reason=reason))
        self.reversed_count += 1

    def give_way(self, txn: Txn, receipt: Receipt | None) -> None:
        """Another row of the same money has the receipt; what was booked for this one goes, from its first day."""
        if receipt is not None and receipt.state in {"double", "reversed"} and not receipt.is_dismissed:
            return
        if receipt is None:
            receipt = Receipt(txn_id=txn.txn_id, state="double", reason=receipts.SAME_MONEY)
        else:
            self._clear(txn, receipt, date.fromisoformat(txn.row.occurred_on))
        receipts.place(self.db, replace(receipt, state="double", reason=receipts.SAME_MONEY))
        self.double_count += 1

    def _clear(self, txn: Txn, receipt: Receipt, on: date, reason: str = "") -> None:
        if receipt.state == "suspense":
            self.release_suspense(txn)
        for part in receipt.parts:
            self._reverse(part, on, reason)

    # What became of its money

    def follow(self, txn: Txn, rows: Sequence[Txn]) -> None:
        """Take back what was paid back, by a refund or by a later status of any row of the money; once for ever."""
        receipt = receipts.find(self.db, [txn.txn_id]).get(txn.txn_id)
        if receipt is None or receipt.state not in {"suspense", "placed"}:
            return
        refunds = paid_back(self.db, rows)
        gone = next((each for each in rows if each.row.status_class in GONE or not each.row.money_moved), None)
        left_fen = txn.row.amount_fen - sum(each.row.amount_fen for each in refunds)
        if left_fen <= 0 and len(refunds) == 1:
            gone = refunds[0]
        if gone is not None:
            self.take_back(txn, receipt, date.fromisoformat(gone.row.occurred_on))
        elif not refunds or left_fen == sum(part.amount_fen for part in receipt.parts):
            return
        elif len(receipt.parts) == 1:
            self._keep_the_rest(txn, receipt, refunds, max(0, left_fen))
        elif left_fen <= 0:
            self.take_back(txn, receipt, _gone_on(txn, refunds))
        else:
            what = "it is split, so a person must decide" if receipt.parts else "only the rest can be placed"
            self.warnings.append(
                f"{yuan(txn.row.amount_fen - left_fen)} of payment {txn.txn_id} ({yuan(txn.row.amount_fen)}) was paid"
                f" back; {what}"
            )

    def _keep_the_rest(self, txn: Txn, receipt: Receipt, refunds: Sequence[Txn], left_fen: int) -> None:
        """The payment counts whole until the day of each refund, then what is left of it, from the day it was paid.

        So it is taken back from its first day, and comes anew in parts: what stays, and each refund up to its day. The
        keys follow from the rows alone: in which order they arrived does not matter.
        """
        [part] = receipt.parts
        self._reverse(part, date.fromisoformat(txn.row.occurred_on))
        going_fen = part.amount_fen - left_fen
        for refund in refunds:
            name = hashlib.sha256(refund.key.encode()).hexdigest()[:16]
            key = f"{PAYMENT}{txn.key}#back_{name}"
            amount_fen = min(refund.row.amount_fen, going_fen)
            if amount_fen > 0 and not self._is_used(key):
                self._pay(txn, part.loan_id, amount_fen, key)
                self._reverse(Part(part.loan_id, amount_fen, key), date.fromisoformat(refund.row.occurred_on))
                going_fen -= amount_fen
        if not left_fen:
            receipts.place(self.db, replace(receipt, state="reversed", reason=BOUNCED))
            self.reversed_count += 1
            return
        key = self._free(f"{PAYMENT}{txn.key}{rest_mark(left_fen)}")
        self._pay(txn, part.loan_id, left_fen, key)
        receipts.place(self.db, replace(receipt, parts=(Part(part.loan_id, left_fen, key),)))

    # How it is written

    def _pay(self, txn: Txn, loan_id: str, amount_fen: int, key: str, why: str = "") -> None:
        self._events.append(
            Event(
                key=key,
                loan_id=loan_id,
                kind=EventKind.PAYMENT_RECEIVED,
                effective_on=date.fromisoformat(txn.row.occurred_on),
                payload={
                    "amount_fen": amount_fen,
                    "channel": txn.channel,
                    "txn_key": txn.key,
                    **({"reason": why} if why else {}),
                },
                actor=self.stamp.actor,
            )
        )
        self._keys.add(key)
        self.concerned.add(loan_id)

    def _reverse(self, part: Part, on: date, reason: str = "") -> None:
        self._events.append(reversed_event(part, on, reason, actor=self.stamp.actor))
        self.concerned.add(part.loan_id)

    def release_suspense(self, txn: Txn) -> None:
        """Take the money of a receipt out of suspense."""
        [entry] = [entry for entry, is_reversed in self._in_suspense(txn) if not is_reversed]
        self._entries.append(reversal(entry, key=f"reverse/{entry.key}"))

    def _in_suspense(self, txn: Txn) -> list[tuple[Entry, bool]]:
        """The entries that put a receipt into suspense, and whether each was taken back."""
        self._flush()
        key = f"suspense/{txn.key}"
        return journal.entries_between(self.db, key, f"{key}#~")

    def _free(self, key: str) -> str:
        """The key for a payment; one that was taken back and counts again gets another."""
        found, version = key, 1
        while self._is_used(found):
            version += 1
            found = f"{key}.{version}"
        return found

    def _is_used(self, key: str) -> bool:
        return key in self._keys or journal.is_recorded(self.db, key)

    def _flush(self) -> None:
        journal.record(self.db, self._events, recorded_at=self.stamp.text)
        journal.book(self.db, self._entries, booked_on=self.open_day)
        self._events, self._entries, self._keys = [], [], set()

    def finish(self) -> int:
        """Settle the loans concerned; return how many messages of the outbox that made needless.

        What a bad loan was paid is recorded, and the close takes it up; it does not keep others from their money.
        """
        self._flush()
        concerned = sorted(self.concerned)
        chunks = (concerned[at : at + CHUNK] for at in range(0, len(concerned), CHUNK))
        _, reasons = work_on(
            self.db, chunks, lambda loan_ids: Counter(entries=settle(self.db, loan_ids, after=self.after))
        )
        loans.leave_to_close(self.db, list(reasons), self.open_day)
        self.warnings += [
            f"loan {loan_id} cannot be worked on: {reason}; its payments are recorded, and the close of the day takes"
            " them up"
            for loan_id, reason in reasons.items()
        ]
        return cancel_paid(self.db, concerned, stamp=self.stamp)
