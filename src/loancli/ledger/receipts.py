"""Where receipts were placed: on one loan, split over several, or in suspense until a person decides."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from loancli.ledger import erasure, transactions
from loancli.ledger.connect import Connection

SAME_MONEY = "same_money"  # the rule of a ruling: the row is money that another export shows as well
# Of the rows of `transactions.current`: no other row is preferred as what shows this money.
NO_DOUBLE = (
    f"NOT EXISTS (SELECT 1 FROM ruling WHERE txn_id = id AND rule = '{SAME_MONEY}' AND other_txn_id IS NOT NULL)"
)
BY_HAND = "by_hand"  # the format of a file that holds one payment, which a person told
CHANNELS_BY_HAND = ("bank", "cash", "other")  # of such a payment; no export has rows of these
DISMISSED = "dismissed "  # how the reason of a receipt begins that a person took out of suspense: it is no repayment
_CHOSEN = "IN (SELECT value FROM json_each(?))"


class Part(NamedTuple):
    """What of a receipt went to a loan, as the payment event `event_key`."""

    loan_id: str
    amount_fen: int
    event_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a row that is money for the lender. `reversed` keeps the parts that it had."""

    txn_id: int
    state: str  # suspense | placed | reversed | double: another row of the same money has the receipt
    reason: str
    parts: tuple[Part, ...] = ()

    @property
    def is_dismissed(self) -> bool:
        """Did a person say that it is nobody's repayment?"""
        return self.state == "reversed" and self.reason.startswith(DISMISSED)

    @property
    def is_gone_by_hand(self) -> bool:
        """Did a person take it back, or dismiss it? Then a person may place it again."""
        return self.state == "reversed" and self.reason.removeprefix(DISMISSED).startswith("by ")

    @property
    def loan_id(self) -> str | None:
        """The loans it went to, joined by ' + '; None for one in suspense."""
        return " + ".join(part.loan_id for part in self.parts) or None


def place(db: Connection, receipt: Receipt) -> None:
    """Note where a receipt stands now, with its parts."""
    # What speaks for a loan follows from how the loans stand when somebody asks, so candidates are not kept.
    db.execute(
        "INSERT INTO receipt VALUES (?,?,?,'[]') ON CONFLICT (txn_id) DO UPDATE SET state = excluded.state,"
        " reason = excluded.reason",
        (receipt.txn_id, receipt.state, receipt.reason),
    )
    db.execute("DELETE FROM receipt_part WHERE txn_id = ?", (receipt.txn_id,))
    db.executemany(
        "INSERT INTO receipt_part VALUES (?,?,?,?,?)",
        [(receipt.txn_id, number, *part) for number, part in enumerate(receipt.parts, start=1)],
    )


def find(db: Connection, txn_ids: Iterable[int]) -> dict[int, Receipt]:
    """Receipts by the rows they are."""
    wanted = json.dumps(list(txn_ids))
    parts = _parts(db, wanted)
    rows = db.execute(f"SELECT txn_id, state, reason FROM receipt WHERE txn_id {_CHOSEN}", (wanted,))
    return {
        txn_id: Receipt(txn_id=txn_id, state=state, reason=reason, parts=tuple(parts.get(txn_id, ())))
        for txn_id, state, reason in rows
    }


def _parts(db: Connection, wanted: str) -> dict[int, list[Part]]:
    found: dict[int, list[Part]] = {}
    sql = (
        f"SELECT txn_id, loan_id, amount_fen, event_key FROM receipt_part WHERE txn_id {_CHOSEN} ORDER BY txn_id, part"
    )
    for txn_id, *part in db.execute(sql, (wanted,)):
        found.setdefault(txn_id, []).append(Part(*part))
    return found


def waiting(db: Connection, payer: str | None = None) -> list[int]:
    """The rows that wait in suspense, oldest first; only those of one payer's name or account, where it is given."""
    sql = """
        SELECT r.txn_id FROM receipt r JOIN txn t ON t.id = r.txn_id
        WHERE r.state = 'suspense' AND (:payer IS NULL OR :payer IN (t.counterparty, t.counterparty_account))
        ORDER BY t.occurred_at, r.txn_id"""
    return [row[0] for row in db.execute(sql, {"payer": payer})]


def listing(db: Connection, *, state: str | None = None, loan_id: str | None = None) -> list[dict[str, Any]]:
    """Receipts with the transaction behind each and its `parts`, oldest first; of one state or one loan.

    `loan_id` of a row names the loans it went to, joined by ' + '; None for one in suspense. The state of one that a
    person said is no repayment is told as `dismissed`.
    """
    is_dismissed = f"r.state = 'reversed' AND r.reason GLOB '{DISMISSED}*'"
    where = ["true"]
    if state is not None:
        where.append("r.state = :state")
    if loan_id is not None:
        where.append("r.txn_id IN (SELECT txn_id FROM receipt_part WHERE loan_id = :loan_id)")
    cursor = db.execute(
        f"""
        SELECT r.txn_id AS payment_id, substr(t.occurred_at, 1, 10) AS paid_on, t.amount_fen, t.channel, t.counterparty,
               t.counterparty_account, t.note, t.item, t.external_id,
               iif({is_dismissed}, 'dismissed', r.state) AS state,
               iif({is_dismissed}, substr(r.reason, {len(DISMISSED) + 1}), r.reason) AS reason, f.name AS file, t.line
        FROM receipt r JOIN txn t ON t.id = r.txn_id JOIN file f ON f.id = t.file_id
        WHERE {" AND ".join(where)} ORDER BY t.occurred_at, r.txn_id
        """,
        {"state": state, "loan_id": loan_id},
    )
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    personal = ("counterparty", "counterparty_account", "note", "item")
    found = erasure.hide(found, personal, erasure.hidden_payments(db), key="payment_id")
    parts = _parts(db, json.dumps([each["payment_id"] for each in found]))
    for each in found:
        each["parts"] = parts.get(each["payment_id"], [])
        each["loan_id"] = " + ".join(part.loan_id for part in each["parts"]) or None
    return found


class Told(NamedTuple):
    """A payment that a person told, as it is on a loan; `reference` is the person's number of it, or ''."""

    loan_id: str
    paid_on: str
    amount_fen: int
    reference: str


def told_by_hand(db: Connection) -> list[Told]:
    """The payments on loans that a person told, and did not take back."""
    # By their keys, which begin with owner and channel: there are few of them among all rows.
    keys = " OR ".join(f"t.key > 'lender|{each}|' AND t.key < 'lender|{each}}}'" for each in CHANNELS_BY_HAND)
    rows = db.execute(
        f"""
        SELECT p.loan_id, substr(t.occurred_at, 1, 10), t.amount_fen, t.merchant_order_id
        FROM txn t JOIN receipt r ON r.txn_id = t.id AND r.state = 'placed' JOIN receipt_part p ON p.txn_id = t.id
        WHERE {keys}"""
    )
    return [Told(*row) for row in rows]


def of_day(db: Connection, day: date, amount_fen: int, loan_id: str) -> list[tuple[int, bool]]:
    """Receipts over an amount that were paid on a day and wait, or are on a loan; of each whether it waits."""
    rows = db.execute(
        """
        SELECT r.txn_id, r.state = 'suspense' FROM txn t JOIN receipt r ON r.txn_id = t.id
        WHERE t.owner = 'lender' AND t.occurred_at BETWEEN :day AND :day || '~' AND t.amount_fen = :amount_fen
          AND (r.state = 'suspense' OR r.state = 'placed' AND EXISTS (
               SELECT 1 FROM receipt_part p WHERE p.txn_id = r.txn_id AND p.loan_id = :loan_id))
        ORDER BY r.txn_id""",
        {"day": day.isoformat(), "amount_fen": amount_fen, "loan_id": loan_id},
    )
    return [(txn_id, bool(waits)) for txn_id, waits in rows]


def same_money(db: Connection, txn_ids: Iterable[int]) -> dict[int, int]:
    """Rows ruled to be the same money as another row → that row, as far as rulings lead from `txn_ids`."""
    sql = f"""
        SELECT txn_id, other_txn_id FROM ruling
        WHERE rule = ? AND other_txn_id IS NOT NULL AND txn_id {_CHOSEN}
        UNION SELECT txn_id, other_txn_id FROM ruling WHERE rule = ? AND other_txn_id {_CHOSEN}"""
    found: dict[int, int] = {}
    asked: set[int] = set()
    ask = set(txn_ids)
    while ask:
        wanted = json.dumps(sorted(ask))
        pairs = dict(db.execute(sql, (SAME_MONEY, wanted, SAME_MONEY, wanted)))
        found |= pairs
        asked |= ask
        ask = {*pairs, *pairs.values()} - asked
    return found


def widowed(db: Connection) -> list[int]:
    """Doubles whose ruling is gone: nothing says any more that another row is the same money."""
    sql = """
        SELECT txn_id FROM receipt r WHERE state = 'double'
            AND NOT EXISTS (SELECT 1 FROM ruling WHERE rule = ? AND other_txn_id IS NOT NULL AND txn_id = r.txn_id)
            AND NOT EXISTS (SELECT 1 FROM ruling WHERE rule = ? AND other_txn_id = r.txn_id)"""
    return [row[0] for row in db.execute(sql, (SAME_MONEY, SAME_MONEY))]


def fees_sql(period: str = "true") -> str:
    """What the platforms kept of the lender's money: channel, day and 1/1000 fen, summed over rows that moved money."""
    rows = transactions.current(f"t.owner = 'lender' AND t.fee_milli_fen <> 0 AND {period}")
    return f"""
        SELECT channel, substr(occurred_at, 1, 10) AS day, sum(fee_milli_fen) AS fee_milli_fen
        FROM ({rows}) WHERE money_moved AND {NO_DOUBLE}
        GROUP BY channel, day"""


def fees(db: Connection, channel: str, from_on: date, to_on: date) -> dict[date, int]:
    """A platform's fees by day in 1/1000 fen, both days included; below zero: more was given back than kept."""
    rows = db.execute(
        fees_sql("t.channel = :channel AND t.occurred_at BETWEEN :from_on AND :to_on || '~'"),
        {"channel": channel, "from_on": from_on.isoformat(), "to_on": to_on.isoformat()},
    )
    return {date.fromisoformat(day): milli_fen for _, day, milli_fen in rows}
