"""Set-based views over the whole book, for segments and contacts, on the open business day."""

from datetime import date
from typing import Any

from loancli.ledger.ageing import LATE_SINCE
from loancli.ledger.connect import Connection

REVENUE_STALE_DAYS = 45  # exports come monthly: revenue that ends further back tells nothing about today
REVENUE_WHOLE_DAYS = 30  # what covers less says nothing about a month's revenue
SELF_CURE_DAYS = 7
UNPAID = "principal_fen + interest_fen + fee_fen - paid_principal_fen - paid_interest_fen - paid_fee_fen"

_FEATURES = f"""
WITH
 now AS (SELECT :day AS day),
 instalments AS (
    SELECT loan_id,
           sum(is_due AND due_on < :day) AS fell_due,
           sum(is_due AND due_on < :day AND paid_on IS NOT NULL AND paid_on <= due_on) AS on_time,
           -- Lateness that may still be cured in time does not count yet: else nobody who is late has a good record.
           sum(is_due AND CASE WHEN paid_on IS NULL THEN date(due_on, '+' || :cure || ' days') < :day
                               ELSE paid_on > due_on END) AS late,
           sum(is_due AND paid_on > due_on AND julianday(paid_on) - julianday(due_on) <= :cure) AS cured,
           -- Today's instalment may stand as due or, until something settles the loan today, as ahead.
           sum(CASE WHEN NOT is_due AND due_on = :day THEN {UNPAID} ELSE 0 END) AS today_fen,
           sum(CASE WHEN NOT is_due AND due_on BETWEEN :day AND date(:day, '+30 days')
                    THEN {UNPAID} ELSE 0 END) AS ahead_30d_fen
    FROM instalment GROUP BY loan_id),
 next AS (
    SELECT loan_id, min(due_on) AS due_on, {UNPAID} AS unpaid_fen  -- of the row that has the least due day
    FROM instalment WHERE due_on >= :day AND {UNPAID} > 0 GROUP BY loan_id),
 known AS (
    SELECT borrower_id, max(min(to_on, date(:day, '-1 day'))) AS last, min(from_on) AS first
    FROM coverage WHERE from_on < :day GROUP BY borrower_id
    HAVING last >= date(:day, '-' || :stale || ' days') AND first <= date(last, '-' || (:whole - 1) || ' days')),
 revenue AS (
    SELECT k.borrower_id,
           sum(CASE WHEN day > date(k.last, '-7 days') THEN net ELSE 0 END) AS d7,
           sum(CASE WHEN day > date(k.last, '-30 days') THEN net ELSE 0 END) AS d30,
           sum(net) AS d90
    FROM known k JOIN (
        SELECT borrower_id, day,
               CASE revenue_class WHEN 'sure' THEN amount_fen WHEN 'reduction' THEN -amount_fen ELSE 0 END AS net
        FROM daily_revenue) r ON r.borrower_id = k.borrower_id AND r.day <= k.last AND r.day > date(k.last, '-90 days')
    GROUP BY k.borrower_id),
 contacts AS (
    SELECT borrower_id, sum(contact_on > date(:day, '-7 days')) AS d7, count(*) AS d30
    FROM outbox
    WHERE state IN ('claimed', 'sent', 'unknown') AND contact_on > date(:day, '-30 days') AND contact_on <= :day
    GROUP BY borrower_id),
 failures AS (
    SELECT borrower_id, count(*) AS in_row FROM outbox o
    WHERE state = 'failed'
      AND id > coalesce((SELECT max(id) FROM outbox s WHERE s.borrower_id = o.borrower_id AND s.state = 'sent'), 0)
    GROUP BY borrower_id),
 paid AS MATERIALIZED (
    SELECT q.loan_id, substr(t.occurred_at, 1, 10) AS paid_on, q.amount_fen
    FROM receipt_part q JOIN receipt r ON r.txn_id = q.txn_id JOIN txn t ON t.id = r.txn_id
    WHERE r.state = 'placed' AND q.loan_id IN (SELECT loan_id FROM promise)),
 broken AS (
    SELECT borrower_id, count(*) AS times FROM (
        SELECT p.borrower_id FROM promise p
        LEFT JOIN paid ON paid.loan_id = p.loan_id AND paid.paid_on BETWEEN p.made_on AND p.due_on
        WHERE p.due_on < :day GROUP BY p.id HAVING p.amount_fen > coalesce(sum(paid.amount_fen), 0))
    GROUP BY borrower_id),
 held AS (
    SELECT borrower_id, max(kind IN ('complaint_open', 'dispute')) AS complaint,
           max(kind = 'hardship_review') AS hardship, max(kind = 'legal') AS legal
    FROM hold WHERE from_on <= :day AND coalesce(to_on, '9999') >= :day GROUP BY borrower_id),
 first_loan AS (SELECT borrower_id, min(signed_on) AS signed_on FROM loan GROUP BY borrower_id)
SELECT l.borrower_id, l.loan_id, p.oldest_unpaid_due_on, {LATE_SINCE} AS late_since, n.due_on AS next_due_on,
       p.principal_overdue_fen + p.interest_due_fen + p.fee_due_fen + p.penalty_due_fen AS due_fen, -- as booked
       max(0, i.today_fen - p.credit_fen) AS today_fen, max(0, i.ahead_30d_fen - p.credit_fen) AS ahead_30d_fen,
       max(0, coalesce(n.unpaid_fen, 0) - p.credit_fen) AS next_due_fen,
       p.principal_outstanding_fen AS outstanding_fen, p.status, k.last AS revenue_until,
       coalesce(r.d7, 0) AS revenue_7d_fen, coalesce(r.d30, 0) AS revenue_30d_fen,
       coalesce(r.d90, 0) AS revenue_90d_fen,
       i.fell_due, i.on_time, i.late, i.cured, coalesce(b.times, 0) AS broken_promises,
       coalesce(c.d7, 0) AS contacts_7d, coalesce(c.d30, 0) AS contacts_30d,
       coalesce(f.in_row, 0) AS failed_contacts_in_row, w.phone, coalesce(h.complaint, 0) AS complaint,
       coalesce(h.hardship, 0) AS hardship, coalesce(h.legal, 0) AS legal, s.signed_on AS first_signed_on
FROM loan l JOIN position p USING (loan_id) JOIN borrower w USING (borrower_id) JOIN first_loan s USING (borrower_id)
JOIN instalments i USING (loan_id) LEFT JOIN next n USING (loan_id)
LEFT JOIN known k USING (borrower_id) LEFT JOIN revenue r USING (borrower_id)
LEFT JOIN contacts c USING (borrower_id) LEFT JOIN failures f USING (borrower_id) LEFT JOIN broken b USING (borrower_id)
LEFT JOIN held h USING (borrower_id)
WHERE p.status = 'active' ORDER BY l.loan_id
"""


def feature_rows(db: Connection, day: date, *, due_min_fen: int) -> list[dict[str, Any]]:
    """What the ledger knows of every active loan on `day`, one mapping each; a rest below `due_min_fen` is not late."""
    bounds = {"stale": REVENUE_STALE_DAYS, "whole": REVENUE_WHOLE_DAYS, "cure": SELF_CURE_DAYS}
    cursor = db.execute(_FEATURES, {"day": day.isoformat(), "due_min_fen": due_min_fen, **bounds})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def unpaid_until_fen(db: Connection, loan_id: str, due_on: date) -> int:
    """What instalments due up to `due_on` still lack, credit that waits for them taken off."""
    row = db.execute(
        f"""
        SELECT max(0, coalesce(sum({UNPAID}), 0)
                      - (SELECT credit_fen FROM position WHERE loan_id = :loan))
        FROM instalment WHERE loan_id = :loan AND due_on <= :due
        """,
        {"loan": loan_id, "due": due_on.isoformat()},
    ).fetchone()
    return int(row[0])
