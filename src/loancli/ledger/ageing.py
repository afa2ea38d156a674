"""From which day each loan is late, asked of the whole book at once. What that means, the caller's rules say."""

from datetime import date
from typing import NamedTuple

from loancli.ledger.connect import Connection

# Of the position `p`: the due day with which principal, interest and fees, due and unpaid, reach :due_min_fen, the
# oldest first. Where every fen counts, that is stored.
LATE_SINCE = """
    CASE WHEN :due_min_fen = 1 OR p.oldest_unpaid_due_on IS NULL THEN p.oldest_unpaid_due_on ELSE (
        SELECT min(due_on) FROM (
            SELECT i.due_on, sum(i.principal_fen + i.interest_fen + i.fee_fen - i.paid_principal_fen
                                 - i.paid_interest_fen - i.paid_fee_fen) OVER (ORDER BY i.number) AS reached_fen
            FROM instalment i WHERE i.loan_id = p.loan_id AND i.is_due) WHERE reached_fen >= :due_min_fen) END"""
# What kind of lender signed on which terms.
LENDERS = "SELECT sha AS terms_sha, json_extract(json, '$.lender_kind') AS lender_kind FROM terms"


class Late(NamedTuple):
    """So many loans of one kind of lender are late since the same due day."""

    lender_kind: str
    since_on: date
    loans: int
    outstanding_fen: int


def late(db: Connection, day: date, due_min_fen: int) -> list[Late]:
    """The loans that are late at the end of `day`, the open one, by lender and by the day since which they are."""
    rows = db.execute(
        f"""
        WITH lender AS MATERIALIZED ({LENDERS}),
         known AS (
            SELECT lender_kind, {LATE_SINCE} AS late_since, p.principal_outstanding_fen AS fen
            FROM position p JOIN loan USING (loan_id) JOIN lender USING (terms_sha)
            WHERE p.oldest_unpaid_due_on < :day)
        SELECT lender_kind, late_since, count(*), sum(fen) FROM known WHERE late_since < :day GROUP BY 1, 2
        ORDER BY 2 DESC, 1
        """,
        {"day": day.isoformat(), "due_min_fen": due_min_fen},
    )
    return [Late(kind, date.fromisoformat(since_on), count, fen) for kind, since_on, count, fen in rows]


def active(db: Connection) -> tuple[int, int]:
    """How many loans run, and the principal outstanding of these, in fen."""
    found: tuple[int, int] = db.execute(
        "SELECT count(*), coalesce(sum(principal_outstanding_fen), 0) FROM position INDEXED BY position_sums"
        " WHERE status = 'active'"
    ).fetchone()
    return found
