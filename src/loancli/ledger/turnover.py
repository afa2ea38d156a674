"""What moved on each account day by day: a table that can be dropped and summed again from the entries.

A row is an account, a booking day and a value day, so that a balance of any day costs as many rows as there were days,
and not as many as there are postings (docs/decisions/0016-proof.md). `journal.book` adds to it what it books.
"""

from collections.abc import Mapping

from loancli.ledger.connect import Connection

SUMS = """
    SELECT account, booked_on, value_on, sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen FROM (
        SELECT p.debit AS account, e.booked_on, e.value_on, p.amount_fen AS debit_fen, 0 AS credit_fen
        FROM entry e JOIN posting p ON p.entry_id = e.id
        UNION ALL
        SELECT p.credit, e.booked_on, e.value_on, 0, p.amount_fen FROM entry e JOIN posting p ON p.entry_id = e.id)
    GROUP BY account, booked_on, value_on"""


def add(db: Connection, booked_on: str, moved: Mapping[tuple[int, str], tuple[int, int]]) -> None:
    """Add what was booked on a day: account and value day → debits and credits, in fen."""
    db.executemany(
        "INSERT INTO turnover VALUES (?,?,?,?,?) ON CONFLICT (account, booked_on, value_on) DO UPDATE SET"
        " debit_fen = debit_fen + excluded.debit_fen, credit_fen = credit_fen + excluded.credit_fen",
        [(account, booked_on, value_on, *sides) for (account, value_on), sides in moved.items()],
    )
