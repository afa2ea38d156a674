"""Questions on sums and on days for `ledger check` (checks.py asks them): the books against themselves."""

from loancli.ledger import derived

# Sub-ledger: each account that loans have a part in, and what their positions say of it.
_OF_LOANS = """
    SELECT 'loan:principal' AS account, coalesce(sum(principal_outstanding_fen), 0) AS loans_fen FROM position
    UNION ALL SELECT 'loan:interest_due', coalesce(sum(interest_due_fen), 0) FROM position
    UNION ALL SELECT 'loan:fee_due', coalesce(sum(fee_due_fen), 0) FROM position
    UNION ALL SELECT 'loan:penalty_due', coalesce(sum(penalty_due_fen), 0) FROM position
    UNION ALL SELECT 'borrower:credit', -coalesce(sum(credit_fen), 0) FROM position"""

SQL = {
    "entries balance: every leg moves an amount from account to account": """
        SELECT e.key, p.leg, p.amount_fen FROM posting p LEFT JOIN entry e ON e.id = p.entry_id
        WHERE p.amount_fen < 1 OR p.debit = p.credit""",
    "what moved by day = the entries": derived.differing("turnover"),
    "sub-ledger = general ledger": f"""
        SELECT account, booked_fen, loans_fen FROM ({_OF_LOANS}) JOIN (
            SELECT code AS account, coalesce(sum(debit_fen - credit_fen), 0) AS booked_fen
            FROM account LEFT JOIN turnover ON account = id AND day_by = 'booking' GROUP BY id) USING (account)
        WHERE booked_fen <> loans_fen""",
    # At the end of any day, as it was booked then and as it is known now.
    "no principal was ever below zero": """
        WITH moved AS (
            SELECT entry_id, amount_fen AS fen FROM posting
            WHERE debit = (SELECT id FROM account WHERE code = 'loan:principal')
            UNION ALL SELECT entry_id, -amount_fen FROM posting
            WHERE credit = (SELECT id FROM account WHERE code = 'loan:principal')),
         by_day AS (
            SELECT loan_id, 'booked' AS day_is, booked_on AS day, sum(fen) AS fen
            FROM moved JOIN entry ON id = entry_id GROUP BY 1, 3
            UNION ALL SELECT loan_id, 'of value', value_on, sum(fen)
            FROM moved JOIN entry ON id = entry_id GROUP BY 1, 3),
         running AS (
            SELECT loan_id, day_is, day, sum(fen) OVER (PARTITION BY loan_id, day_is ORDER BY day) AS principal_fen
            FROM by_day)
        SELECT loan_id, day_is, min(day) AS day, principal_fen FROM running
        WHERE principal_fen < 0 AND loan_id IS NOT NULL GROUP BY 1, 2""",
    # One that was taken back may be gone from the books; one of the open day may not be in them yet.
    "every payment is in the books, and whole": """
        WITH booked AS (
            SELECT e.loan_id, e.cause,
                   sum(p.amount_fen * ((d.code GLOB 'clearing:*') - (c.code GLOB 'clearing:*'))) AS fen
            FROM entry e JOIN posting p ON p.entry_id = e.id JOIN account d ON d.id = p.debit
            JOIN account c ON c.id = p.credit WHERE e.cause GLOB 'payment:*' GROUP BY 1, 2),
         paid AS (
            SELECT key, loan_id, effective_on,
                   iif(json_valid(payload), json_extract(payload, '$.amount_fen'), NULL) AS fen
            FROM event WHERE kind = 'payment_received'),
         taken_back AS (
            SELECT coalesce(json_extract(payload, '$.payment_key'), json_extract(payload, '$.event_key'), '') AS key
            FROM event WHERE json_valid(payload))
        SELECT p.key, p.fen AS paid_fen, coalesce(b.fen, 0) AS booked_fen
        FROM paid p LEFT JOIN booked b ON b.loan_id = p.loan_id AND b.cause = 'payment:' || p.key
        WHERE coalesce(b.fen, 0) IS NOT p.fen AND NOT (coalesce(b.fen, 0) = 0 AND (
            p.key IN (SELECT key FROM taken_back) OR p.effective_on > coalesce((SELECT max(day) FROM day), '')))""",
    "what closed days say is what the books had": """
        WITH moved AS (
            SELECT code, day, debit_fen - credit_fen AS fen FROM turnover JOIN account ON id = account
            WHERE day_by = 'booking' AND code IN ('loan:principal', 'loan:interest_accrued')),
         closed AS (SELECT day, iif(json_valid(totals), totals, '{}') AS totals FROM day),
         said AS (
            SELECT 'loan:principal' AS code, day, json_extract(totals, '$.outstanding_fen') AS fen FROM closed
            UNION ALL SELECT 'loan:interest_accrued', day, json_extract(totals, '$.accrued_fen') FROM closed),
         running AS (
            SELECT code, day, is_said, said_fen, sum(fen) OVER (PARTITION BY code ORDER BY day) AS booked_fen FROM (
                SELECT code, day, false AS is_said, NULL AS said_fen, fen FROM moved
                UNION ALL SELECT code, day, true, fen, 0 FROM said))
        SELECT day, code AS account, said_fen, booked_fen FROM running WHERE is_said AND said_fen IS NOT booked_fen""",
    "no loan waits for a day that is closed": """
        SELECT loan_id, since_on, next_moment_on FROM position, (SELECT max(day) AS last FROM day)
        WHERE next_moment_on <= last OR since_on > date(last, '+1 day')""",
}
