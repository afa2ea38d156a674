"""Transactions as they stand: each row of the files with its latest status, and the revenue it counts as now."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loancli.core.statement import StatementRow
from loancli.ledger.connect import Connection

# What counts in the sums of revenue: not money out that is no reduction, and one movement once.
INCOME = "(revenue_class <> 'excluded' OR (direction = 'in' AND revenue_rule <> 'same_money'))"


def current(where: str) -> str:
    """Transactions as they stand: the latest status, and of revenue what a person, other rows, or the rules say."""
    return f"""
        SELECT t.id, t.owner, t.channel, t.line, t.occurred_at, t.amount_fen, t.direction,
               coalesce(s.money_moved, t.money_moved) AS money_moved, t.external_id, t.merchant_order_id,
               t.counterparty, t.counterparty_account, t.kind, t.item, t.method, coalesce(s.status, t.status) AS status,
               coalesce(s.status_class, t.status_class) AS status_class, t.note, t.refund_of, t.trade_id,
               t.fee_milli_fen,
               coalesce(v.revenue_class, r.revenue_class, s.revenue_class, t.revenue_class) AS revenue_class,
               CASE WHEN v.revenue_class IS NOT NULL THEN 'person' WHEN r.revenue_class IS NOT NULL THEN r.rule
                    ELSE coalesce(s.revenue_rule, t.revenue_rule) END AS revenue_rule, t.file_id, t.key
        FROM txn t LEFT JOIN ruling r ON r.txn_id = t.id
        LEFT JOIN txn_status s ON s.txn_id = t.id AND (s.file_id, s.line) =
            (SELECT file_id, line FROM txn_status WHERE txn_id = t.id ORDER BY file_id DESC, line DESC LIMIT 1)
        LEFT JOIN verdict v ON v.id = (SELECT max(id) FROM verdict WHERE txn_id = t.id)
        WHERE {where} ORDER BY t.occurred_at, t.id
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Txn:
    """A transaction as it stands in the ledger, with its latest status."""

    txn_id: int
    key: str
    owner: str
    channel: str
    row: StatementRow
    revenue_class: str | None
    revenue_rule: str | None
    file_id: int


def as_txns(cursor: sqlite3.Cursor) -> Iterator[Txn]:
    """The rows that a query over `current` gives."""
    for row in cursor:
        yield Txn(
            txn_id=row[0],
            owner=row[1],
            channel=row[2],
            row=StatementRow(*row[3:21]),
            revenue_class=row[21],
            revenue_rule=row[22],
            file_id=row[23],
            key=row[24],
        )


def revenue_classes(db: Connection, txn_ids: Iterable[int]) -> dict[int, str | None]:
    """The sum of revenue that each transaction is in now; None: in none."""
    rows = db.execute(
        f"SELECT id, iif({INCOME}, revenue_class, NULL) FROM ({current('t.id IN (SELECT value FROM json_each(?))')})",
        (json.dumps(list(txn_ids)),),
    )
    return dict(rows.fetchall())


def txns(db: Connection, txn_ids: Iterable[int]) -> list[Txn]:
    """Transactions by number."""
    where = "t.id IN (SELECT value FROM json_each(?))"
    return list(as_txns(db.execute(current(where), (json.dumps(list(txn_ids)),))))


def txns_of(db: Connection, owner: str) -> Iterator[Txn]:
    """All transactions of an account owner, by time."""
    return as_txns(db.execute(current("t.owner = ?"), (owner,)))


def txn(db: Connection, txn_id: int) -> Txn | None:
    """One transaction."""
    return next(as_txns(db.execute(current("t.id = ?"), (txn_id,))), None)


def one(db: Connection, txn_id: int) -> Txn:
    """A transaction that is known to be there."""
    [found] = txns(db, [txn_id])
    return found


def txn_of_file(db: Connection, file_id: int) -> Txn:
    """The one transaction that a file with one row brought."""
    [found] = as_txns(db.execute(current("t.id = (SELECT first_txn_id FROM file WHERE id = ?)"), (file_id,)))
    return found


def txn_with_external_id(db: Connection, owner: str, channel: str, external_id: str) -> list[Txn]:
    """The transactions that carry a platform id."""
    prefix = f"{owner}|{channel}|{external_id}"
    return list(as_txns(db.execute(current("t.key >= ? AND t.key < ?"), (f"{prefix}|", f"{prefix}}}"))))


def refunds_of(db: Connection, owner: str, external_id: str) -> list[Txn]:
    """Rows of the account that pay a transaction back."""
    # The + keeps SQLite from the index of the owner: by that one it reads the whole account for each payment.
    return list(
        as_txns(db.execute(current("+t.owner = ? AND t.refund_of = ? AND t.refund_of <> ''"), (owner, external_id)))
    )


def may_be_double(db: Connection, txn: Txn) -> bool:
    """Does an older row of the account look like the same money? A person must say.

    It carries the same number with other facts, or one of the two has lost its number (Excel) and they agree in minute
    and amount.
    """
    minute = txn.row.occurred_at[:16]
    lost = db.execute(
        "SELECT 1 FROM txn WHERE owner = ? AND occurred_at BETWEEN ? AND ? AND id < ? AND channel = ?"
        " AND amount_fen = ? AND direction = 'in' AND (external_id = '' OR ? = '') LIMIT 1",
        (txn.owner, minute, f"{minute}~", txn.txn_id, txn.channel, txn.row.amount_fen, txn.row.external_id),
    ).fetchone()
    same_number = txn.row.external_id and any(
        other.txn_id < txn.txn_id and other.row.direction == "in"
        for other in txn_with_external_id(db, txn.owner, txn.channel, txn.row.external_id)
    )
    return lost is not None or bool(same_number)
