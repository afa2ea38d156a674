"""Loans as they stand on a day: stored where the books stand at that day, else computed. Reads only."""

from datetime import date
from typing import Any

from loancli.core.days import days_past_due
from loancli.core.loan import Position
from loancli.jobs.settle import gather
from loancli.ledger import days, loans
from loancli.ledger.connect import Connection
from loancli.servicing.life import life

_SAME = ("status", "principal_outstanding_fen", "next_due_on", "next_due_fen", "due_fen", "credit_fen")


def loans_on(db: Connection, day: date, *, borrower_id: str | None = None) -> list[dict[str, Any]]:
    """One mapping per loan signed by `day`, with days past due."""
    rows = [row for row in loans.listing(db, borrower_id=borrower_id) if row["signed_on"] <= day.isoformat()]
    if day != days.open_day(db):
        known = gather(db, [row["loan_id"] for row in rows])
        for row in rows:
            position = life(*known[row["loan_id"]], day).position
            row.update(_columns(position))
    for row in rows:
        oldest_on = row.pop("oldest_unpaid_due_on")
        row["days_past_due"] = days_past_due(date.fromisoformat(oldest_on), day) if oldest_on else 0
    return rows


def _columns(position: Position) -> dict[str, Any]:
    oldest_on = position.oldest_unpaid_due_on
    return {
        **{name: getattr(position, name) for name in _SAME},
        "oldest_unpaid_due_on": oldest_on.isoformat() if oldest_on else None,
    }
