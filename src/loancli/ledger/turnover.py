"""What moved on each account day by day: a table that can be dropped and summed again from the entries.

It has each amount twice, on the day that its entry was booked on and on the day that it is for, so that a balance of
any day costs as many rows as there were days, and not as many as there are postings (docs/decisions/0017-proof.md).
`journal.book` adds to it what it books.
"""

from collections.abc import Mapping

from loancli.core.entry import DayBy
from loancli.ledger.connect import Connection

SUMS = """
    WITH pairs AS MATERIALIZED (
        SELECT booked_on, value_on, debit, credit, sum(amount_fen) AS fen
        FROM entry JOIN posting ON entry_id = id GROUP BY 1, 2, 3, 4)
    SELECT day_by, account, day, sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen FROM (
        SELECT 'booking' AS day_by, debit AS account, booked_on AS day, fen AS debit_fen, 0 AS credit_fen FROM pairs
        UNION ALL SELECT 'booking', credit, booked_on, 0, fen FROM pairs
        UNION ALL SELECT 'value', debit, value_on, fen, 0 FROM pairs
        UNION ALL SELECT 'value', credit, value_on, 0, fen FROM pairs)
    GROUP BY day_by, account, day"""


def add(
    db: Connection,
    booked_on: str,
    debits_fen: Mapping[tuple[int, str], int],
    credits_fen: Mapping[tuple[int, str], int],
) -> None:
    """Add what was booked on a day, by account and value day."""
    moved: dict[tuple[str, int, str], list[int]] = {}
    for side, sums_fen in enumerate((debits_fen, credits_fen)):
        for (account, value_on), fen in sums_fen.items():
            for place in ((DayBy.BOOKING.value, account, booked_on), (DayBy.VALUE.value, account, value_on)):
                moved.setdefault(place, [0, 0])[side] += fen
    db.executemany(
        "INSERT INTO turnover VALUES (?,?,?,?,?) ON CONFLICT (day_by, account, day) DO UPDATE SET"
        " debit_fen = debit_fen + excluded.debit_fen, credit_fen = credit_fen + excluded.credit_fen",
        [(*place, *sides) for place, sides in moved.items()],
    )
