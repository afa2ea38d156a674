"""Closed days, one line each, and the business day that is open now."""

import json
from datetime import date, datetime, timedelta
from typing import Any

from loancli.ledger import journal
from loancli.ledger.connect import Connection


def open_day(db: Connection) -> date:
    """The business day that is open: the day after the last closed one, or the ledger's first day."""
    last = db.execute("SELECT max(day) FROM day").fetchone()[0]
    if last is not None:
        return date.fromisoformat(last) + timedelta(days=1)
    return date.fromisoformat(db.execute("SELECT value FROM setting WHERE name = 'opened_on'").fetchone()[0])


def close(db: Connection, day: date, totals: dict[str, Any], *, closed_at: str, actor: str) -> None:
    """Write the line of a closed day. The schema refuses a day out of order, or twice."""
    text = journal.canonical(totals)
    entry_sha, event_sha = journal.head(db, "entry"), journal.head(db, "event")
    last = db.execute("SELECT sha FROM day ORDER BY day DESC LIMIT 1").fetchone()
    sha = journal.chained(
        last[0] if last else bytes(32), day.isoformat(), closed_at, actor, text, entry_sha.hex(), event_sha.hex()
    )
    db.execute(
        "INSERT INTO day VALUES (?,?,?,?,?,?,?)", (day.isoformat(), closed_at, actor, text, entry_sha, event_sha, sha)
    )


def listing(db: Connection, *, last: int | None = None) -> list[dict[str, Any]]:
    """Closed days with their totals, oldest first."""
    rows = db.execute(
        "SELECT day, closed_at, actor, totals FROM day ORDER BY day DESC LIMIT ?", (-1 if last is None else last,)
    )
    found = [{"day": day, "closed_at": at, "actor": actor, **json.loads(totals)} for day, at, actor, totals in rows]
    return found[::-1]


def heads(db: Connection) -> dict[str, str | None]:
    """The last link of each chain that a close writes, in hex; None at its start."""
    tables = {"event": "id", "entry": "id", "day": "day"}
    found = {
        table: db.execute(f"SELECT hex(sha) FROM {table} ORDER BY {order} DESC LIMIT 1").fetchone()
        for table, order in tables.items()
    }
    return {table: row[0].lower() if row else None for table, row in found.items()}


def last_closed_at(db: Connection) -> datetime | None:
    """The instant of the last close of a day."""
    at = db.execute("SELECT max(closed_at) FROM day").fetchone()[0]
    return datetime.fromisoformat(at) if at else None


def last_totals(db: Connection) -> dict[str, Any]:
    """The totals of the last closed day; empty before the first."""
    row = db.execute("SELECT totals FROM day ORDER BY day DESC LIMIT 1").fetchone()
    return json.loads(row[0]) if row else {}


def parked(db: Connection) -> list[dict[str, str]]:
    """Loans that the last closed day left as they stood, and that were not settled since: since when, and why.

    The line of the day holds them, so that they are chained as it is.
    """
    found: list[dict[str, str]] = last_totals(db).get("parked", [])
    rows = db.execute(
        "SELECT loan_id FROM position WHERE since_on <= (SELECT max(day) FROM day)"
        " AND loan_id IN (SELECT value FROM json_each(?))",
        (json.dumps([each["loan_id"] for each in found]),),
    )
    behind = {loan_id for (loan_id,) in rows}
    return [each for each in found if each["loan_id"] in behind]
