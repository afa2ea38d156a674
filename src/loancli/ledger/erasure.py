"""A borrower's personal data erased, and the record of it; what the books keep, hidden (docs/decisions/0019).

A borrower without a name is one that was forgotten. The record stands in the chain of files, as a request that came in:
so it is covered by a digest whether or not the borrower ever had a loan.
"""

import hashlib
import json
import sqlite3
from datetime import date
from typing import Any

from loancli.core.mask import HIDDEN
from loancli.ledger import journal, statements
from loancli.ledger.connect import Connection

RECORD = "forgotten"  # the format of the file that is the record
FORGOTTEN = "(SELECT borrower_id FROM borrower WHERE name = '')"


def erase(db: Connection, borrower_id: str) -> dict[str, int]:
    """Erase what no guard keeps; returns how many there were of each."""
    db.execute("PRAGMA secure_delete = ON")  # the old bytes are written over, not only let go
    name, phone = db.execute("SELECT name, phone FROM borrower WHERE borrower_id = ?", (borrower_id,)).fetchone()
    db.execute("UPDATE borrower SET name = '', phone = '' WHERE borrower_id = ?", (borrower_id,))
    return {
        "name": int(name != ""),
        "phone": int(phone != ""),
        "aliases": db.execute("DELETE FROM alias WHERE borrower_id = ?", (borrower_id,)).rowcount,
        **{
            f"{table}_notes": db.execute(
                f"UPDATE {table} SET note = '' WHERE borrower_id = ? AND note <> ''", (borrower_id,)
            ).rowcount
            for table in ("hold", "promise")
        },
    }


def kept(db: Connection, borrower_id: str) -> dict[str, int]:
    """How many guarded rows still tell of the person: they are hidden from now on, not erased."""
    questions = {
        "payments": "SELECT count(DISTINCT txn_id) FROM receipt_part JOIN loan USING (loan_id) WHERE borrower_id = ?",
        "statement_rows": "SELECT count(*) FROM txn WHERE owner = ?",
        "messages": "SELECT count(*) FROM outbox WHERE borrower_id = ?",
    }
    return {name: db.execute(sql, (borrower_id,)).fetchone()[0] for name, sql in questions.items()}


def last_contact_on(db: Connection, borrower_id: str) -> date | None:
    """The day of the last message to the borrower, sent or only planned."""
    asked = "SELECT max(coalesce(contact_on, planned_for)) FROM outbox WHERE borrower_id = ?"
    day = db.execute(asked, (borrower_id,)).fetchone()[0]
    return date.fromisoformat(day) if day else None


def record(
    db: Connection, borrower_id: str, *, erased: dict[str, int], reason: str, actor: str, recorded_at: str
) -> None:
    """Write who erased what of whom, when and why; nothing of what was erased."""
    told = [json.dumps({"reason": reason, "erased": erased}, ensure_ascii=False)]
    facts = statements.FileFacts(
        content_sha=hashlib.sha256(journal.canonical([borrower_id, recorded_at, actor, *told]).encode()).hexdigest(),
        name=RECORD,
        format=RECORD,
        owner=borrower_id,
        read_as="revenue",
        channel="",
        account_sha="",
        from_on=None,
        to_on=None,
        is_whole=False,
        warnings=told,
        actor=actor,
        imported_at=recorded_at,
    )
    statements.take(db, facts, ())


def record_of(db: Connection, borrower_id: str) -> dict[str, Any] | None:
    """When a borrower was forgotten, by whom, why, and how much was erased; None: never."""
    row = db.execute(
        "SELECT imported_at, actor, warnings FROM file WHERE owner = ? AND format = ?", (borrower_id, RECORD)
    ).fetchone()
    return {"at": row[0], "by": row[1], **json.loads(json.loads(row[2])[0])} if row else None


def wipe(db: Connection) -> bool:
    """Write the file anew without what was let go in it; False if others read it, so that traces may be left.

    Outside of any transaction.
    """
    try:
        db.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return False
        raise
    return bool(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


def hidden_payments(db: Connection) -> set[int]:
    """The lender's rows that are money of forgotten borrowers, whichever export shows it."""
    rows = db.execute(
        f"""
        WITH RECURSIVE theirs (txn_id) AS (
            SELECT txn_id FROM receipt_part JOIN loan USING (loan_id) WHERE borrower_id IN {FORGOTTEN}
            UNION SELECT r.other_txn_id FROM theirs t JOIN ruling r ON r.txn_id = t.txn_id
                  WHERE r.rule = 'same_money' AND r.other_txn_id IS NOT NULL
            UNION SELECT r.txn_id FROM theirs t JOIN ruling r ON r.other_txn_id = t.txn_id
                  WHERE r.rule = 'same_money')
        SELECT txn_id FROM theirs
        """
    )
    return {txn_id for (txn_id,) in rows}


def hide(rows: list[dict[str, Any]], columns: tuple[str, ...], hidden: set[Any], *, key: str) -> list[dict[str, Any]]:
    """The rows, with the texts of some columns hidden where the row's `key` is one of `hidden`."""
    return [{**row, **{name: HIDDEN for name in columns if row[name]}} if row[key] in hidden else row for row in rows]


def forgotten(db: Connection) -> set[str]:
    """The borrowers that were forgotten."""
    return {borrower_id for (borrower_id,) in db.execute(f"SELECT * FROM {FORGOTTEN}")}
