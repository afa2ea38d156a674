"""Where receipts were placed: on one loan, split over several, or in suspense until a person decides."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from loancli.ledger.connect import Connection


class Part(NamedTuple):
    """What of a receipt went to a loan, as the payment event `event_key`."""

    loan_id: str
    amount_fen: int
    event_key: str


def place(
    db: Connection,
    txn_id: int,
    *,
    state: str,
    reason: str,
    parts: Sequence[Part] = (),
    candidates: Sequence[Any] = (),
) -> None:
    """Note where a receipt went: on loans, or into suspense with the candidates a person may choose from.

    A receipt keeps the parts it had: one that bounced is `reversed` with the loans it was on.
    """
    db.execute(
        "INSERT INTO receipt VALUES (?,?,?,?) ON CONFLICT (txn_id) DO UPDATE SET state = excluded.state,"
        " reason = excluded.reason, candidates = excluded.candidates",
        (txn_id, state, reason, json.dumps(list(candidates), ensure_ascii=False)),
    )
    db.executemany(
        "INSERT INTO receipt_part VALUES (?,?,?,?,?)",
        [(txn_id, number, *part) for number, part in enumerate(parts, start=1)],
    )


def receipt(db: Connection, txn_id: int) -> dict[str, Any] | None:
    """Where a receipt was placed."""
    found = receipts(db, txn_id=txn_id)
    return found[0] if found else None


def receipts(
    db: Connection, *, state: str | None = None, loan_id: str | None = None, txn_id: int | None = None
) -> list[dict[str, Any]]:
    """Receipts with the transaction behind each and its `parts`, oldest first.

    `loan_id` of a row names the loans it went to, joined by ' + '; None for one in suspense.
    """
    asked: dict[str, Any] = {}
    where = []
    if state is not None:
        where.append("r.state = :state")
        asked["state"] = state
    if txn_id is not None:
        where.append("r.txn_id = :txn_id")
        asked["txn_id"] = txn_id
    if loan_id is not None:
        where.append("r.txn_id IN (SELECT txn_id FROM receipt_part WHERE loan_id = :loan_id)")
        asked["loan_id"] = loan_id
    cursor = db.execute(
        f"""
        SELECT r.txn_id AS payment_id, substr(t.occurred_at, 1, 10) AS paid_on, t.amount_fen, t.channel, t.counterparty,
               t.counterparty_account, t.note, t.item, t.external_id, r.state, r.reason, r.candidates,
               f.name AS file, t.line
        FROM receipt r JOIN txn t ON t.id = r.txn_id JOIN file f ON f.id = t.file_id
        WHERE {" AND ".join(where) or "true"} ORDER BY t.occurred_at, r.txn_id
        """,
        asked,
    )
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    parts: dict[int, list[Part]] = {}
    rows = db.execute(
        "SELECT txn_id, loan_id, amount_fen, event_key FROM receipt_part"
        " WHERE txn_id IN (SELECT value FROM json_each(?)) ORDER BY txn_id, part",
        (json.dumps([each["payment_id"] for each in found]),),
    )
    for txn_id_, *part in rows:
        parts.setdefault(txn_id_, []).append(Part(*part))
    for each in found:
        each["candidates"] = json.loads(each["candidates"])
        each["parts"] = parts.get(each["payment_id"], [])
        each["loan_id"] = " + ".join(part.loan_id for part in each["parts"]) or None
    return found
