"""The outbox, holds and promises. A message is claimed, and the caps looked at, in one transaction; then it is sent."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from loancli.core.message import Message
from loancli.ledger import erasure
from loancli.ledger.connect import Connection

COUNTED = "('claimed', 'sent', 'unknown')"  # what may have reached the person counts against the caps
_MESSAGE = (
    "id AS message_id, key, batch, campaign, purpose, borrower_id, loan_id, phone, channel, template, text,"
    " planned_for, segment, why"
)


def _rows(db: Connection, sql: str, values: object = ()) -> list[dict[str, Any]]:
    cursor = db.execute(sql, values)  # type: ignore[arg-type]
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


# holds and promises


def add_hold(
    db: Connection, *, borrower_id: str, kind: str, note: str, from_on: date, to_on: date | None, actor: str
) -> int:
    """A reason not to contact a borrower, from a day on, until a day or until it is lifted."""
    cursor = db.execute(
        "INSERT INTO hold (borrower_id, kind, note, from_on, to_on, actor) VALUES (?,?,?,?,?,?)",
        (borrower_id, kind, note, from_on.isoformat(), to_on.isoformat() if to_on else None, actor),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def same_hold(
    db: Connection, *, borrower_id: str, kind: str, note: str, from_on: date, to_on: date | None
) -> int | None:
    """The number of a hold that says just this, whoever told it; one that was lifted says something else since."""
    row = db.execute(
        "SELECT max(id) FROM hold WHERE (borrower_id, kind, note, from_on) = (?,?,?,?) AND to_on IS ?",
        (borrower_id, kind, note, from_on.isoformat(), to_on.isoformat() if to_on else None),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def lift_hold(db: Connection, hold_id: int, *, on: date, told: str) -> bool:
    """End a hold, and add to its note who did and why; False if there is no such open hold."""
    last_day = (on - timedelta(days=1)).isoformat()
    found = db.execute(
        "UPDATE hold SET to_on = :on, note = note || iif(note = '', '', '; ') || :told"
        " WHERE id = :id AND (to_on IS NULL OR to_on > :on)",
        {"on": last_day, "told": told, "id": hold_id},
    )
    return found.rowcount == 1


def holds(db: Connection, *, on: date | None = None, borrower_id: str | None = None) -> list[dict[str, Any]]:
    """Holds, all or those that run on a day."""
    return _rows(
        db,
        "SELECT id AS hold_id, borrower_id, kind, note, from_on, to_on, actor FROM hold"
        " WHERE (:on IS NULL OR (from_on <= :on AND coalesce(to_on, '9999') >= :on))"
        " AND (:who IS NULL OR borrower_id = :who) ORDER BY id",
        {"on": on.isoformat() if on else None, "who": borrower_id},
    )


def add_promise(
    db: Connection,
    *,
    loan_id: str,
    borrower_id: str,
    made_on: date,
    due_on: date,
    amount_fen: int,
    note: str,
    actor: str,
) -> bool:
    """A promise to pay; False if the same one is there already."""
    cursor = db.execute(
        "INSERT OR IGNORE INTO promise (loan_id, borrower_id, made_on, due_on, amount_fen, note, actor)"
        " VALUES (?,?,?,?,?,?,?)",
        (loan_id, borrower_id, made_on.isoformat(), due_on.isoformat(), amount_fen, note, actor),
    )
    return cursor.rowcount == 1


def promises(db: Connection, *, borrower_id: str | None = None, due_from: date | None = None) -> list[dict[str, Any]]:
    """Promises with what was paid on the loan from the day they were made to the day they fell due.

    All, or one borrower's, and only those that fall due on `due_from` or later.
    """
    return _rows(
        db,
        """
        WITH wanted AS MATERIALIZED (
            SELECT * FROM promise WHERE (:who IS NULL OR borrower_id = :who) AND (:due IS NULL OR due_on >= :due)),
         paid AS MATERIALIZED (
            SELECT q.loan_id, substr(t.occurred_at, 1, 10) AS paid_on, q.amount_fen
            FROM receipt_part q JOIN receipt r ON r.txn_id = q.txn_id JOIN txn t ON t.id = r.txn_id
            WHERE r.state = 'placed' AND q.loan_id IN (SELECT loan_id FROM wanted))
        SELECT p.id AS promise_id, p.loan_id, p.borrower_id, p.made_on, p.due_on, p.amount_fen, p.note,
               coalesce(sum(paid.amount_fen), 0) AS paid_fen
        FROM wanted p LEFT JOIN paid ON paid.loan_id = p.loan_id AND paid.paid_on BETWEEN p.made_on AND p.due_on
        GROUP BY p.id ORDER BY p.id
        """,
        {"who": borrower_id, "due": due_from.isoformat() if due_from else None},
    )


# planning


def add_run(db: Connection, *, batch: str, campaign: str, purpose: str, day: date, actor: str) -> None:
    """A campaign's run on a day; planning it again adds to the same run."""
    db.execute(
        "INSERT INTO campaign_run VALUES (?,?,?,?,'planned',?,NULL) ON CONFLICT (batch) DO NOTHING",
        (batch, campaign, purpose, day.isoformat(), actor),
    )


def queue(db: Connection, batch: str, messages: Iterable[Message]) -> int:
    """Put messages into the outbox; return how many are new. Planning twice plans once."""
    count = 0
    for each in messages:
        count += db.execute(
            "INSERT INTO outbox (key, batch, campaign, purpose, borrower_id, loan_id, phone, channel, template, text,"
            " planned_for, segment, why) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (key) DO NOTHING",
            (each.key, batch, each.campaign, each.purpose, each.borrower_id, each.loan_id, each.phone, each.channel,
             each.template, each.text, each.planned_for.isoformat(), each.segment, each.why),
        ).rowcount  # fmt: skip
    return count


def add_refusals(db: Connection, batch: str, refusals: Iterable[tuple[str, str, str, str, date, str]]) -> None:
    """Keep who was not contacted and why: (campaign, borrower, loan, step, day, reason)."""
    db.executemany(
        "INSERT OR IGNORE INTO refusal (batch, campaign, borrower_id, loan_id, step, day, reason)"
        " VALUES (?,?,?,?,?,?,?)",
        [
            (batch, campaign, who, loan, step, day.isoformat(), reason)
            for campaign, who, loan, step, day, reason in refusals
        ],
    )


def runs(db: Connection) -> list[dict[str, Any]]:
    """Campaign runs with the number of messages by state."""
    return _rows(
        db,
        """
        SELECT c.batch, c.campaign, c.purpose, c.day, c.state, c.planned_by, c.approved_by, count(o.id) AS messages,
               sum(o.state = 'queued') AS queued, sum(o.state = 'sent') AS sent,
               sum(o.state = 'cancelled') AS cancelled, sum(o.state IN ('claimed', 'unknown')) AS unknown
        FROM campaign_run c LEFT JOIN outbox o USING (batch) GROUP BY c.batch ORDER BY c.day, c.batch
        """,
    )


def run(db: Connection, batch: str) -> dict[str, Any] | None:
    """One run."""
    return next((each for each in runs(db) if each["batch"] == batch), None)


def approve(db: Connection, batch: str, *, actor: str) -> None:
    """A person lets a run go out."""
    db.execute(
        "UPDATE campaign_run SET state = 'approved', approved_by = ? WHERE batch = ? AND state = 'planned'",
        (actor, batch),
    )


def withdraw_approval(db: Connection, batch: str) -> None:
    """The run is not what a person approved any more."""
    db.execute("UPDATE campaign_run SET state = 'planned', approved_by = NULL WHERE batch = ?", (batch,))


def messages(db: Connection, *, batch: str | None = None, state: str | None = None) -> list[dict[str, Any]]:
    """Messages of the outbox, in the order in which they were planned."""
    found = _rows(
        db,
        f"SELECT {_MESSAGE}, state, detail FROM outbox"
        " WHERE (:batch IS NULL OR batch = :batch) AND (:state IS NULL OR state = :state) ORDER BY id",
        {"batch": batch, "state": state},
    )
    return erasure.hide(found, ("phone", "text"), erasure.forgotten(db), key="borrower_id")


def refusals(db: Connection, batch: str) -> list[dict[str, Any]]:
    """Who was not contacted in a run, and why."""
    return _rows(
        db, "SELECT borrower_id, loan_id, step, day, reason FROM refusal WHERE batch = ? ORDER BY id", (batch,)
    )


def past(db: Connection, campaign: str) -> list[dict[str, Any]]:
    """Everything a campaign has planned so far, whatever became of it."""
    return _rows(
        db, "SELECT key, campaign, borrower_id, planned_for, state FROM outbox WHERE campaign = ?", (campaign,)
    )


def planned_on(db: Connection, day: date) -> set[str]:
    """Borrowers to whom a message of any campaign is planned for `day`, or has gone."""
    rows = db.execute(
        f"SELECT DISTINCT borrower_id FROM outbox WHERE planned_for = ? AND (state = 'queued' OR state IN {COUNTED})",
        (day.isoformat(),),
    )
    return {borrower_id for (borrower_id,) in rows}


def queued_for(db: Connection, loan_ids: list[str]) -> list[dict[str, Any]]:
    """Messages about the loans that have not been claimed."""
    return _rows(
        db,
        "SELECT id AS message_id, key, loan_id, purpose FROM outbox"
        " WHERE state = 'queued' AND loan_id IN (SELECT value FROM json_each(?))",
        (json.dumps(loan_ids),),
    )


# sending


def sendable(db: Connection, *, day: date, batch: str | None) -> list[dict[str, Any]]:
    """Queued messages of approved runs that are planned for `day` or before."""
    return _rows(
        db,
        f"SELECT {_MESSAGE} FROM outbox WHERE state = 'queued' AND planned_for <= ? AND (? IS NULL OR batch = ?)"
        " AND batch IN (SELECT batch FROM campaign_run WHERE state = 'approved') ORDER BY id",
        (day.isoformat(), batch, batch),
    )


def contacted(db: Connection, borrower_id: str, *, from_on: date, to_on: date) -> list[dict[str, Any]]:
    """Contacts of a person that count against the caps, from `from_on` to `to_on`, over all purposes and channels."""
    return _rows(
        db,
        "SELECT id AS message_id, contact_on, channel, purpose, text, state FROM outbox"
        f" WHERE borrower_id = ? AND state IN {COUNTED} AND contact_on BETWEEN ? AND ? ORDER BY id",
        (borrower_id, from_on.isoformat(), to_on.isoformat()),
    )


def contact_counts(db: Connection, *, from_on: date, to_on: date) -> dict[str, int]:
    """How often each borrower was contacted, counted as for the caps."""
    rows = db.execute(
        f"SELECT borrower_id, count(*) FROM outbox WHERE state IN {COUNTED} AND contact_on BETWEEN ? AND ? GROUP BY 1",
        (from_on.isoformat(), to_on.isoformat()),
    )
    return dict(rows)


def claim(db: Connection, message_id: int, *, on: date, at: datetime) -> None:
    """Take a message for sending. The slot makes two claims of a person's same turn impossible; none is used again."""
    db.execute(
        "UPDATE outbox SET state = 'claimed', contact_on = :on, claimed_at = :at, slot = 1 + coalesce("
        " (SELECT max(slot) FROM outbox o WHERE o.borrower_id = outbox.borrower_id AND o.contact_on = :on), 0)"
        " WHERE id = :id",
        {"on": on.isoformat(), "at": at.isoformat(), "id": message_id},
    )


def still_claimed(db: Connection, message_ids: list[int]) -> set[int]:
    """Those that are claimed: another sender calls what has been claimed for long abandoned."""
    rows = db.execute(
        "SELECT id FROM outbox WHERE state = 'claimed' AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(message_ids),),
    )
    return {message_id for (message_id,) in rows}


def step(db: Connection, message_ids: list[int], state: str, *, at: datetime, detail: str = "") -> None:
    """Move messages to another state; the schema refuses steps that the life cycle does not have."""
    db.execute(
        "UPDATE outbox SET state = ?, done_at = ?, detail = ? WHERE id IN (SELECT value FROM json_each(?))",
        (state, at.isoformat(), detail, json.dumps(message_ids)),
    )


def mark_abandoned(db: Connection, *, at: datetime, older_than: timedelta) -> int:
    """Claims whose sender died become 'unknown': they may have left, so they count and are never sent again."""
    return db.execute(
        "UPDATE outbox SET state = 'unknown', done_at = ?, detail = 'the sender stopped before it could say'"
        " WHERE state = 'claimed' AND claimed_at < ?",
        (at.isoformat(), (at - older_than).isoformat()),
    ).rowcount
