"""Loans whose next instalment's turn has come and on which nothing else happens: read, and written, many at once."""

import json
from collections.abc import Iterable, Sequence
from datetime import date

from loancli.core.turn import Ahead, Turn
from loancli.ledger.connect import Connection

# Stored numbers alone tell that nothing else happens: the loan owes nothing due, no money waits, its periods follow
# one another, and no event but payments stands beside its payout, none of them after the day it was settled; nor was it
# ever late for long (claims.py). CROSS: in this order; a plan of SQLite's own would go through all loans of the day for
# each of those that are asked for.
_AHEAD = """
    SELECT p.loan_id, l.terms_sha, l.principal_fen, p.principal_outstanding_fen, r.number, r.from_on, r.to_on, r.due_on,
           i.principal_fen, i.interest_fen, i.fee_fen, s.from_on, s.to_on, s.due_on,
           coalesce(j.principal_fen + j.interest_fen + j.fee_fen + j.penalty_fen, 0)
    FROM json_each(:loan_ids) asked
    CROSS JOIN position p ON p.loan_id = asked.value
    CROSS JOIN loan l ON l.loan_id = p.loan_id
    CROSS JOIN plan_row r ON r.loan_id = p.loan_id AND r.due_on = p.next_due_on
    CROSS JOIN instalment i ON i.loan_id = r.loan_id AND i.number = r.number
    LEFT JOIN plan_row s ON s.loan_id = r.loan_id AND s.number = r.number + 1
    LEFT JOIN instalment j ON j.loan_id = s.loan_id AND j.number = s.number
    WHERE p.status = 'active' AND p.next_moment_on = :day AND p.credit_fen = 0
      AND p.principal_overdue_fen + p.interest_due_fen + p.fee_due_fen + p.penalty_due_fen = 0
      AND r.to_on <= r.due_on AND :day IN (r.to_on, r.due_on) AND substr(r.reason, 1, 10) <> 'breathing:'
      AND i.is_due = 0 AND i.principal_fen + i.interest_fen + i.fee_fen > 0
      AND i.penalty_fen + i.paid_principal_fen + i.paid_interest_fen + i.paid_fee_fen + i.paid_penalty_fen = 0
      AND (s.number IS NULL) = (r.number = l.maturity_number)
      AND (s.number IS NULL OR s.from_on = r.to_on AND s.to_on > :day AND s.due_on > :day)
      AND NOT EXISTS (SELECT 1 FROM event e INDEXED BY event_special WHERE e.loan_id = p.loan_id
                      AND e.kind NOT IN ('disbursed', 'payment_received', 'payment_reversed'))
      AND NOT EXISTS (SELECT 1 FROM event e WHERE e.loan_id = p.loan_id AND e.effective_on > p.since_on)
      AND NOT EXISTS (SELECT 1 FROM conduct c WHERE c.loan_id = p.loan_id)"""


def ahead(db: Connection, loan_ids: Sequence[str], day: date) -> list[Ahead]:
    """Of the loans those on which on `day`, the open one, only the turn of an instalment comes."""
    rows = db.execute(_AHEAD, {"loan_ids": json.dumps(list(loan_ids)), "day": day.isoformat()})
    return [Ahead._make(row) for row in rows]


def terms(db: Connection, shas: Iterable[str]) -> dict[str, str]:
    """Terms as JSON, by their digests."""
    wanted = json.dumps(sorted(shas))
    return dict(db.execute("SELECT sha, json FROM terms WHERE sha IN (SELECT value FROM json_each(?))", (wanted,)))


def take(db: Connection, turns: Sequence[Turn], day: date) -> None:
    """Renew the stored copies of loans on which the turns came; the entries are booked by `journal.book`."""
    today = day.isoformat()
    db.executemany(
        """
        UPDATE position
        SET since_on = ?, principal_overdue_fen = ?, interest_due_fen = ?, fee_due_fen = ?, oldest_unpaid_due_on = ?,
            next_due_on = ?, next_due_fen = ?, next_moment_on = ?, accrued_micro_fen = ?, accruing_micro_fen_per_day = ?
        WHERE loan_id = ?""",
        [
            (today, each.principal_overdue_fen, each.interest_due_fen, each.fee_due_fen, today if each.is_due else None,
             each.next_due_on, each.next_due_fen, each.next_moment_on, each.accrued_micro_fen,
             each.accruing_micro_fen_per_day, each.loan_id)
            for each in turns
        ],
    )  # fmt: skip
    db.executemany(
        "UPDATE instalment SET is_due = 1 WHERE loan_id = ? AND number = ?",
        [(each.loan_id, each.number) for each in turns if each.is_due],
    )
