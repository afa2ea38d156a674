"""The loans whose class days past due alone do not tell: what is kept of their conduct, and what their debtors owe.

`conduct` is a copy of what life computes, kept for the few loans that have any; its facts are NULL where a ledger of an
earlier schema was brought up, until a close works them out. What it means, the caller's rules say.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from loancli.core.conduct import Conduct
from loancli.core.loan import Position
from loancli.ledger.ageing import LATE_SINCE, LENDERS
from loancli.ledger.connect import Connection

STANDING = "status, principal_outstanding_fen, next_due_on, next_due_fen, due_fen, credit_fen"


class Claim(NamedTuple):
    """A loan as it stands on a day; `facts`: its conduct as kept, if it has any."""

    loan_id: str
    borrower_id: str
    borrower_kind: str
    lender_kind: str
    status: str
    outstanding_fen: int
    late_since_on: date | None
    facts: str | None


def save(db: Connection, conducts: Mapping[str, Conduct | None]) -> None:
    """Renew what is kept of the conduct of loans."""
    gone = [loan_id for loan_id, conduct in conducts.items() if conduct is None]
    db.execute("DELETE FROM conduct WHERE loan_id IN (SELECT value FROM json_each(?))", (json.dumps(gone),))
    db.executemany(
        "INSERT INTO conduct VALUES (?, ?) ON CONFLICT (loan_id) DO UPDATE SET facts = excluded.facts",
        [(loan_id, conduct.kept()) for loan_id, conduct in conducts.items() if conduct],
    )


def stored(db: Connection, loan_id: str) -> tuple[str | None] | None:
    """What is kept of a loan's conduct, as a row; None: nothing, because it has none."""
    row: tuple[str | None] | None = db.execute("SELECT facts FROM conduct WHERE loan_id = ?", (loan_id,)).fetchone()
    return row


def waiting(db: Connection) -> list[str]:
    """The loans whose conduct is not worked out yet."""
    return [row[0] for row in db.execute("SELECT loan_id FROM conduct WHERE facts IS NULL ORDER BY loan_id")]


def lay(db: Connection, lived: Iterable[tuple[Position, date | None]]) -> None:
    """Positions of another day than the stored ones, each with the day since which it is late, beside these, for the
    time of a transaction."""
    clear(db)
    db.execute(f"CREATE TEMP TABLE lived (loan_id TEXT PRIMARY KEY, {STANDING}, late_since TEXT, facts TEXT)")
    db.executemany(
        "INSERT INTO lived VALUES (?,?,?,?,?,?,?,?,?)",
        (
            (position.loan_id, position.status, position.principal_outstanding_fen, _iso(position.next_due_on),
             position.next_due_fen, position.due_fen + position.penalty_accrued_fen, position.credit_fen,
             _iso(late_since), position.conduct.kept() if position.conduct else None)
            for position, late_since in lived
        ),
    )  # fmt: skip


def clear(db: Connection) -> None:
    """Take away what was laid."""
    db.execute("DROP TABLE IF EXISTS temp.lived")


def to_judge(db: Connection, late_before: date, borrower_kinds: Sequence[str]) -> list[str]:
    """The loans with a conduct, and of debtors of these kinds those that are late since before a day, or may be.

    As laid beside the stored positions, where they are.
    """
    rows = db.execute(
        """
        WITH late AS (
            SELECT loan_id FROM position WHERE oldest_unpaid_due_on < :day AND :kinds <> '[]'
            UNION SELECT loan_id FROM lived WHERE late_since < :day)
        SELECT loan_id FROM conduct WHERE facts IS NOT NULL
        UNION SELECT loan_id FROM lived WHERE facts IS NOT NULL
        UNION SELECT loan_id FROM late CROSS JOIN loan USING (loan_id) CROSS JOIN borrower USING (borrower_id)
              WHERE kind IN (SELECT value FROM json_each(:kinds))
        ORDER BY 1
        """,
        {"day": late_before.isoformat(), "kinds": json.dumps(list(borrower_kinds))},
    )
    return [row[0] for row in rows]


def claims_of_loans(db: Connection, loan_ids: Sequence[str], due_min_fen: int) -> list[Claim]:
    """The loans as they stand, laid beside the stored positions where they are."""
    return _claims(db, "loan_id", loan_ids, due_min_fen)


def claims_on(db: Connection, borrower_ids: Sequence[str], due_min_fen: int) -> list[Claim]:
    """All loans of borrowers, as `claims_of_loans`."""
    return _claims(db, "borrower_id", borrower_ids, due_min_fen)


def _claims(db: Connection, name: str, ids: Sequence[str], due_min_fen: int) -> list[Claim]:
    rows = db.execute(
        f"""
        WITH lender AS MATERIALIZED ({LENDERS})
        SELECT l.loan_id, l.borrower_id, b.kind, lender_kind,
               iif(v.loan_id IS NULL, p.status, v.status),
               iif(v.loan_id IS NULL, p.principal_outstanding_fen, v.principal_outstanding_fen),
               iif(v.loan_id IS NULL, {LATE_SINCE}, v.late_since),
               iif(v.loan_id IS NULL, c.facts, v.facts)
        FROM json_each(:ids) asked
        CROSS JOIN loan l ON l.{name} = asked.value
        CROSS JOIN borrower b ON b.borrower_id = l.borrower_id
        CROSS JOIN position p ON p.loan_id = l.loan_id
        CROSS JOIN lender ON lender.terms_sha = l.terms_sha
        LEFT JOIN lived v ON v.loan_id = l.loan_id
        LEFT JOIN conduct c ON c.loan_id = l.loan_id
        ORDER BY l.loan_id
        """,
        {"ids": json.dumps(list(ids)), "due_min_fen": due_min_fen},
    )
    return [Claim._make((*row[:6], date.fromisoformat(row[6]) if row[6] else None, row[7])) for row in rows]


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
