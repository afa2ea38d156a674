"""A borrower's revenue by day, as the rows of the exports give it: sums that can be dropped and built again."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from loancli.ledger.connect import Connection
from loancli.ledger.statements import CHUNK, INCOME, Taken, current, revenue_classes

# What a receipt's fee takes from it. A row that is itself a fee reduces by its amount.
FEE = (
    "CASE WHEN revenue_class = 'excluded' OR (revenue_class = 'reduction' AND fee_milli_fen > 0) THEN 0"
    " ELSE fee_milli_fen END"
)
_DAY = f"SELECT owner, substr(occurred_at, 1, 10), channel, revenue_class, sum(amount_fen), count(*), sum({FEE})"
_ADDED = (
    " ON CONFLICT (borrower_id, day, channel, revenue_class) DO UPDATE SET"
    " amount_fen = amount_fen + excluded.amount_fen, row_count = row_count + excluded.row_count,"
    " fee_milli_fen = fee_milli_fen + excluded.fee_milli_fen"
)


def add_rows(db: Connection, owner: str, taken: Taken) -> None:
    """Add what a file's new rows count as by their own rules."""
    # A chunk of ids at a time: SQLite sorts what it groups in memory.
    for first_id in range(taken.first_txn_id, taken.first_txn_id + taken.row_count, CHUNK):
        db.execute(
            f"INSERT INTO daily_revenue {_DAY} FROM txn"
            f" WHERE +owner = ? AND id BETWEEN ? AND ? AND {INCOME} GROUP BY 1, 2, 3, 4{_ADDED}",
            (owner, first_id, first_id + CHUNK - 1),
        )


def shift(db: Connection, before: Mapping[int, str | None]) -> None:
    """Move rows from the class they counted as `before` to the one they count as now."""
    after = revenue_classes(db, before)
    moved = {txn_id: (old, after[txn_id]) for txn_id, old in before.items() if after[txn_id] != old}
    for txn_id, classes in moved.items():
        for revenue_class, sign in zip(classes, (-1, 1), strict=True):
            db.execute(
                "INSERT INTO daily_revenue SELECT owner, substr(occurred_at, 1, 10), channel, revenue_class,"
                f" :sign * amount_fen, :sign, :sign * {FEE}"
                " FROM (SELECT owner, occurred_at, channel, :class AS revenue_class, amount_fen, direction,"
                f" fee_milli_fen FROM txn WHERE id = :txn) WHERE revenue_class IS NOT NULL AND {INCOME}{_ADDED}",
                {"sign": sign, "class": revenue_class, "txn": txn_id},
            )
    if moved:
        db.execute("DELETE FROM daily_revenue WHERE row_count = 0")


def daily_revenue(
    db: Connection, borrower_id: str, *, from_on: date, to_on: date
) -> list[tuple[date, str, str, int, int]]:
    """Day, channel, revenue class, fen and rows of a borrower from `from_on` to `to_on`, both included."""
    rows = db.execute(
        "SELECT day, channel, revenue_class, amount_fen, row_count FROM daily_revenue"
        " WHERE borrower_id = ? AND day BETWEEN ? AND ? ORDER BY day, channel, revenue_class",
        (borrower_id, from_on.isoformat(), to_on.isoformat()),
    )
    return [(date.fromisoformat(day), channel, kind, fen, count) for day, channel, kind, fen, count in rows]


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
