"""What the close of a day is measured against: as few statements of SQL as may be, and our own rules loan by loan.

python benchmarks/close.py sql LEDGER DAY
python benchmarks/close.py loop LEDGER DAY COUNT
python benchmarks/close.py same LEDGER OTHER
python benchmarks/close.py nothing
"""

import sys
from datetime import date
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from plain import connected

# The same questions as ours asks of each loan of the day: position, contract, instalment, the one after it, events.
DUE = """
    CREATE TEMP TABLE due AS
    SELECT row_number() OVER (ORDER BY p.loan_id) AS n, p.loan_id, i.number, i.principal_fen, i.interest_fen,
           s.due_on AS next_due_on, j.principal_fen + j.interest_fen + j.fee_fen + j.penalty_fen AS next_due_fen,
           min(s.to_on, s.due_on, date(:day, '+' || (t.json ->> '$.penalty.grace_days' + 1) || ' days')) AS moment_on,
           (p.principal_outstanding_fen - i.principal_fen) * (t.json ->> '$.annual_rate_ppm') / 360 AS micro_a_day,
           randomblob(32) AS sha
    FROM position p CROSS JOIN loan l USING (loan_id) CROSS JOIN terms t ON t.sha = l.terms_sha
    CROSS JOIN plan_row r ON r.loan_id = p.loan_id AND r.due_on = p.next_due_on
    CROSS JOIN instalment i ON i.loan_id = p.loan_id AND i.number = r.number
    JOIN plan_row s ON s.loan_id = p.loan_id AND s.number = i.number + 1
    JOIN instalment j ON j.loan_id = p.loan_id AND j.number = i.number + 1
    WHERE p.next_moment_on <= :day AND p.status = 'active' AND p.oldest_unpaid_due_on IS NULL AND p.credit_fen = 0
      AND i.due_on = :day AND i.is_due = 0
      AND NOT EXISTS (SELECT 1 FROM event e WHERE e.loan_id = p.loan_id AND e.effective_on > p.since_on)"""


def by_sql(ledger: str, day: str) -> None:
    """Make due what falls due, set-based, in one transaction: the rows that a close writes, in the same tables.

    An entry with its leg for each loan, its position and its instalment; the sums of the turnover; two entries and the
    day's line for the book. The guards of the tables run as they always do. Links of the chains are random: as long as
    ours, and found nowhere twice, but nothing is worked out.
    """
    db = connected(ledger)
    db.execute("BEGIN IMMEDIATE")
    accounts = dict(db.execute("SELECT code, id FROM account"))
    values = {"day": day, "debit": accounts["loan:interest_due"], "credit": accounts["income:interest"]}
    last_id, head = db.execute("SELECT id, sha FROM entry ORDER BY id DESC LIMIT 1").fetchone()
    open_id, open_on, open_fen = db.execute(
        "SELECT e.id, value_on, amount_fen FROM entry e JOIN posting ON entry_id = id WHERE kind = 'accrual'"
        " ORDER BY e.id DESC"
    ).fetchone()
    db.execute(DUE, values)
    db.execute("CREATE UNIQUE INDEX temp.due_loan ON due (loan_id)")
    db.execute(
        "CREATE TEMP TRIGGER leg AFTER INSERT ON entry WHEN NEW.kind = 'due' BEGIN INSERT INTO posting"
        f" SELECT NEW.id, 0, {values['debit']}, {values['credit']}, interest_fen FROM due"
        " WHERE loan_id = NEW.loan_id; END"
    )
    written = db.execute(
        "INSERT INTO entry SELECT :last + n, loan_id || '/due:' || number || '/' || :day || '/1', loan_id, 'due',"
        " 'due:' || number, :day, :day, NULL, 0, coalesce(lag(sha) OVER (ORDER BY n), :head), sha FROM due ORDER BY n",
        {"last": last_id, "day": day, "head": head},
    ).rowcount
    db.execute(
        """
        UPDATE position
        SET since_on = :day, principal_overdue_fen = due.principal_fen, interest_due_fen = due.interest_fen,
            oldest_unpaid_due_on = :day, next_due_on = due.next_due_on, next_due_fen = due.next_due_fen,
            next_moment_on = due.moment_on, accrued_micro_fen = 0, accruing_micro_fen_per_day = due.micro_a_day
        FROM due WHERE due.loan_id = position.loan_id
        """,
        values,
    )
    db.execute(
        "UPDATE instalment SET is_due = 1 FROM due"
        " WHERE due.loan_id = instalment.loan_id AND due.number = instalment.number"
    )
    [(accrued_micro,)] = db.execute(
        "SELECT sum(accrued_micro_fen"
        " + accruing_micro_fen_per_day * CAST(julianday(?) - julianday(since_on) + 1 AS INTEGER))"
        " FROM position WHERE status = 'active' GROUP BY product_code",
        (day,),
    )
    totals = db.execute("SELECT count(*), sum(principal_outstanding_fen) FROM position WHERE status = 'active'")
    [totals] = totals.fetchall()
    head = db.execute("SELECT sha FROM entry ORDER BY id DESC LIMIT 1").fetchone()[0]
    accrued, income = accounts["loan:interest_accrued"], accounts["income:interest"]
    accrued_fen = (2 * accrued_micro + 10**6) // (2 * 10**6)
    rest = [
        ("reversal", open_on, open_id, income, accrued, open_fen),
        ("accrual", day, None, accrued, income, accrued_fen),
    ]
    for number, (kind, value_on, reverses, debit, credit, fen) in enumerate(rest, start=last_id + written + 1):
        link = b"%032d" % number
        db.execute(
            "INSERT INTO entry VALUES (?, ?, NULL, ?, 'accrual', ?, ?, ?, 0, ?, ?)",
            (number, f"accrual/{number}", kind, value_on, day, reverses, head, link),
        )
        db.execute("INSERT INTO posting VALUES (?,0,?,?,?)", (number, debit, credit, fen))
        head = link
    db.execute(
        "INSERT INTO turnover SELECT day_by, account, :day, debit_fen, credit_fen FROM"
        " (SELECT 'booking' AS day_by UNION SELECT 'value'), (SELECT :debit AS account, sum(interest_fen) AS debit_fen,"
        " 0 AS credit_fen FROM due UNION SELECT :credit, 0, sum(interest_fen) FROM due)",
        values,
    )
    db.execute("INSERT INTO day VALUES (?, '', '', ?, ?, ?, randomblob(32))", (day, str(totals), head, head))
    db.execute("COMMIT")


def by_loop(ledger: str, day: date, count: int) -> None:
    """One loan after the other: read it, walk its life, book what is new, store its copies; in one transaction."""
    from loancli.jobs.settle import book_lives, gather
    from loancli.ledger import loans
    from loancli.ledger.connect import open_ledger, writing
    from loancli.servicing.life import life

    db = open_ledger(Path(ledger))
    with writing(db):
        for loan_id in islice(loans.changing_on(db, day), count):
            [(contract, events)] = gather(db, [loan_id]).values()
            book_lives(db, [life(contract, events, day)], day)


# What both ways must have written: all but the links of the chain and the keys of the two entries of the whole book.
SAME = {
    "position": "*",
    "instalment": "*",
    "posting": "*",
    "entry": "id, loan_id, kind, value_on, booked_on, reverses, CASE WHEN loan_id <> '' THEN key || cause END",
}


def require_same(ledger: str, other: str) -> None:
    """The same rows, or the comparison is none."""
    db = connected(ledger)
    db.execute("ATTACH ? AS other", (other,))
    for table, columns in SAME.items():
        for one, two in (("main", "other"), ("other", "main")):
            asked = f"SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {two}.{table}"
            differing = db.execute(f"SELECT * FROM ({asked}) LIMIT 3").fetchall()
            assert not differing, (table, differing)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "sql":
        by_sql(*rest)
    elif what == "loop":
        by_loop(rest[0], date.fromisoformat(rest[1]), int(rest[2]))
    elif what == "same":
        require_same(*rest)
