"""Closed days, one line each, and the business day that is open now."""

import json
from datetime import date, timedelta
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
