"""A borrower's revenue: sums by day that can be dropped and built again, and what a person decided about rows."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from loancli.ledger import journal
from loancli.ledger.connect import Connection
from loancli.ledger.statements import CHUNK, Taken
from loancli.ledger.transactions import INCOME, Txn, as_txns, current

# What a row's fee takes from it. One that is itself a fee, taken or given back, counts by its amount.
FEE = (
    "CASE WHEN revenue_class = 'excluded' OR (revenue_class = 'reduction') = (fee_milli_fen > 0) THEN 0"
    " ELSE fee_milli_fen END"
)
# Every row of the table, from the rows of the files.
SUMS = f"""
    SELECT owner, substr(occurred_at, 1, 10) AS day, channel, revenue_class, sum(amount_fen) AS fen,
           count(*) AS count, sum({FEE}) AS fee_milli_fen
    FROM ({current("t.revenue_class IS NOT NULL")}) WHERE {INCOME} GROUP BY 1, 2, 3, 4"""
_DAY = f"SELECT owner, substr(occurred_at, 1, 10), channel, revenue_class, sum(amount_fen), count(*), sum({FEE})"
_COLUMNS = "borrower_id, day, channel, revenue_class, amount_fen, row_count, fee_milli_fen"
_ADDED = (
    " ON CONFLICT (borrower_id, day, channel, revenue_class) DO UPDATE SET"
    " amount_fen = amount_fen + excluded.amount_fen, row_count = row_count + excluded.row_count,"
    " fee_milli_fen = fee_milli_fen + excluded.fee_milli_fen"
)


def add_rows(db: Connection, owner: str, taken: Taken) -> None:
    """Add what a file's new rows count as by their own rules."""
    # A chunk of ids at a time: SQLite sorts what it groups in memory. A file has one owner and one channel.
    for first_id in range(taken.first_txn_id, taken.first_txn_id + taken.row_count, CHUNK):
        db.execute(
            f"INSERT INTO daily_revenue {_DAY} FROM txn"
            f" WHERE +owner = ? AND id BETWEEN ? AND ? AND {INCOME} GROUP BY 2, 4{_ADDED}",
            (owner, first_id, first_id + CHUNK - 1),
        )


def shift(db: Connection, before: Mapping[int, str | None]) -> None:
    """Move rows from the sum they were in (`transactions.revenue_classes`) to the one they are in now."""
    if not before:
        return
    rows = db.execute(
        "SELECT id, owner, substr(occurred_at, 1, 10), channel, amount_fen, fee_milli_fen,"
        f" iif({INCOME}, revenue_class, NULL) FROM ({current('t.id IN (SELECT value FROM json_each(?))')})",
        (json.dumps(list(before)),),
    )
    moved: dict[tuple[str, str, str, str], list[int]] = {}
    for txn_id, owner, day, channel, amount_fen, milli_fen, new in rows:
        old = before[txn_id]
        for revenue_class, sign in ((old, -1), (new, 1)) if old != new else ():
            if revenue_class is None:
                continue
            is_without_fee = revenue_class == "excluded" or (revenue_class == "reduction") == (milli_fen > 0)
            sums = moved.setdefault((owner, day, channel, revenue_class), [0, 0, 0])
            for at, amount in enumerate((amount_fen, 1, 0 if is_without_fee else milli_fen)):
                sums[at] += sign * amount
    if not moved:
        return
    db.executemany(
        f"INSERT INTO daily_revenue ({_COLUMNS}) VALUES (?,?,?,?,?,?,?){_ADDED}",
        [(*place, *sums) for place, sums in moved.items() if any(sums)],
    )
    db.execute("DELETE FROM daily_revenue WHERE row_count = 0")


def daily_revenue(
    db: Connection, borrower_id: str, *, from_on: date, to_on: date
) -> list[tuple[date, str, str, int, int, int]]:
    """Day, channel, class, fen, rows and fees in 1/1000 fen of a borrower from `from_on` to `to_on`, both included."""
    rows = db.execute(
        "SELECT day, channel, revenue_class, amount_fen, row_count, fee_milli_fen FROM daily_revenue"
        " WHERE borrower_id = ? AND day BETWEEN ? AND ? ORDER BY day, channel, revenue_class",
        (borrower_id, from_on.isoformat(), to_on.isoformat()),
    )
    return [(date.fromisoformat(day), *rest) for day, *rest in rows]


def rows_of(
    db: Connection,
    borrower_id: str,
    *,
    revenue_class: str | None,
    rule: str | None,
    from_on: date | None,
    to_on: date | None,
    payer: str,
) -> list[Txn]:
    """The rows of a borrower that fit, by time; `payer`: a part of the counterparty's name."""
    rows = db.execute(
        f"SELECT * FROM ({current('t.owner = :owner AND t.occurred_at BETWEEN :lo AND :hi')}) WHERE"
        " revenue_class IS NOT NULL AND (:class IS NULL OR revenue_class = :class)"
        " AND (:rule IS NULL OR revenue_rule = :rule) AND (:payer = '' OR instr(counterparty, :payer))",
        {
            "owner": borrower_id,
            "lo": from_on.isoformat() if from_on else "",
            "hi": f"{to_on}T24" if to_on else "9",
            "class": revenue_class,
            "rule": rule,
            "payer": payer,
        },
    )
    return list(as_txns(rows))


def decide(
    db: Connection, txn_ids: Iterable[int], revenue_class: str | None, *, why: str, actor: str, recorded_at: str
) -> list[int]:
    """Write what a person decided about rows (None: the rules decide again); return the rows for which it is new."""
    asked = list(txn_ids)
    known = dict(
        db.execute(
            "SELECT txn_id, revenue_class FROM verdict v WHERE txn_id IN (SELECT value FROM json_each(?))"
            " AND id = (SELECT max(id) FROM verdict WHERE txn_id = v.txn_id)",
            (json.dumps(asked),),
        )
    )
    new = [txn_id for txn_id in asked if known.get(txn_id) != revenue_class]
    last_id = db.execute("SELECT coalesce(max(id), 0) FROM verdict").fetchone()[0]
    previous = journal.head(db, "verdict")
    for number, txn_id in enumerate(new, start=last_id + 1):
        row = (number, txn_id, revenue_class, why, actor, recorded_at)
        sha = journal.chained(previous, *row)
        db.execute("INSERT INTO verdict VALUES (?,?,?,?,?,?,?,?)", (*row, previous, sha))
        previous = sha
    return new


def revenue_by_rule(db: Connection, borrower_id: str) -> list[dict[str, Any]]:
    """How many rows and how many fen each rule decided."""
    cursor = db.execute(
        "SELECT channel, revenue_class AS class, revenue_rule AS rule, count(*) AS rows, sum(amount_fen) AS amount_fen"
        f" FROM ({current('t.owner = ?')})"
        " WHERE revenue_class IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (borrower_id,),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def coverage(db: Connection, borrower_id: str) -> dict[str, list[tuple[date, date]]]:
    """The days that a borrower's files say they cover, by channel."""
    found: dict[str, list[tuple[date, date]]] = {}
    for channel, from_on, to_on in db.execute(
        "SELECT DISTINCT channel, from_on, to_on FROM coverage WHERE borrower_id = ? ORDER BY 1, 2, 3",
        (borrower_id,),
    ):
        found.setdefault(channel, []).append((date.fromisoformat(from_on), date.fromisoformat(to_on)))
    return found
