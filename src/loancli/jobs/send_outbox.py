"""Send what is approved: claim (the gate asked again, in the same transaction), look once more, hand over, mark.

A crash in between leaves claims; they count against the caps, become 'unknown', and are never sent again by themselves
(RELIABILITY §5: send-then-mark delivered most messages twice under kills, claim-first none).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from loancli.channels import outfile
from loancli.core.errors import RefusedError
from loancli.core.message import Message
from loancli.jobs import Stamp
from loancli.jobs.know_borrowers import facts_for_gate
from loancli.jobs.plan_contacts import due_on_of
from loancli.ledger import contacts
from loancli.ledger.connect import Connection, trial, writing
from loancli.outreach.outbox import State
from loancli.outreach.policy import Limits, Purpose, refusal
from loancli.outreach.templates import Templates

ABANDONED_AFTER = timedelta(minutes=15)
_ENDS = {"PAID_MEANWHILE", "SETTLED"}  # refusals after which a message is of no use any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What sending did."""

    path: Path | None
    sent_count: int
    waiting: dict[str, int]  # refusal → messages that stay in the outbox
    cancelled: dict[str, int]  # reason → messages that will not be sent
    unknown_count: int


def send_outbox(
    db: Connection,
    folder: Path,
    *,
    batch: str | None,
    limits: Limits,
    templates: Templates,
    is_holiday: bool,
    now: Callable[[], datetime],
    stamp: Stamp,
    dry_run: bool,
) -> Sent:
    """Send the approved messages of today by the file channel, into `folder`. Takes its own transactions.

    With `dry_run` the gate is asked and nothing is kept or sent.
    """
    at = now()
    day = at.date()
    waiting: dict[str, int] = {}
    cancelled: dict[str, int] = {}
    with trial(db) if dry_run else writing(db):
        unknown_count = contacts.mark_abandoned(db, at=at, older_than=ABANDONED_AFTER)
        claimed = []
        for row in contacts.sendable(db, day=day, batch=batch):
            if row["planned_for"] != day.isoformat():
                contacts.step(db, [row["message_id"]], State.CANCELLED.value, at=at, detail="its day is over")
                cancelled["EXPIRED"] = cancelled.get("EXPIRED", 0) + 1
                continue
            reason = _refusal(db, row, day, limits, templates, is_holiday=is_holiday, at=at)
            if reason in _ENDS:
                contacts.step(db, [row["message_id"]], State.CANCELLED.value, at=at, detail=reason)
                cancelled[reason] = cancelled.get(reason, 0) + 1
            elif reason:
                waiting[reason] = waiting.get(reason, 0) + 1
                step = row["key"].split(":")[1]
                kept = (row["campaign"], row["borrower_id"], row["loan_id"], step, day, reason)
                contacts.add_refusals(db, row["batch"], [kept])
            else:
                contacts.claim(db, row["message_id"], on=day, at=at)
                claimed.append(row)
    if dry_run:
        return Sent(
            path=None, sent_count=len(claimed), waiting=waiting, cancelled=cancelled, unknown_count=unknown_count
        )
    # Once more, after the claim is on disk and before anything leaves: the hour, a payment or a hold since then.
    ready = []
    own = frozenset(row["message_id"] for row in claimed)
    with writing(db):
        again = now()
        still = contacts.still_claimed(db, sorted(own))
        for row in claimed:
            if row["message_id"] not in still:
                unknown_count += 1  # slept so long that another sender gave this one up: it must not send now
                continue
            if again.date() == day:
                reason = _refusal(db, row, day, limits, templates, is_holiday=is_holiday, at=again, own=own)
            else:
                reason = "EXPIRED"
            if reason is None:
                ready.append(row)
            else:
                contacts.step(db, [row["message_id"]], State.RELEASED.value, at=again, detail=reason)
                cancelled[reason] = cancelled.get(reason, 0) + 1
    path = None
    if ready:
        messages = [_message(row) for row in ready]
        path = outfile.path_of(folder, _batch_id(stamp.at, ready[0]["message_id"], messages))
        message_ids = [row["message_id"] for row in ready]
        try:
            outfile.send(messages, path)
        except RefusedError as error:  # certainly not sent
            with writing(db):
                contacts.step(db, message_ids, State.RELEASED.value, at=now(), detail=str(error))
            raise
        with writing(db):
            contacts.step(db, message_ids, State.SENT.value, at=now(), detail=path.name)
    return Sent(path=path, sent_count=len(ready), waiting=waiting, cancelled=cancelled, unknown_count=unknown_count)


def _refusal(
    db: Connection,
    row: dict[str, Any],
    day: date,
    limits: Limits,
    templates: Templates,
    *,
    is_holiday: bool,
    at: datetime,
    own: frozenset[int] = frozenset(),
) -> str | None:
    wanted = (row["loan_id"], row["borrower_id"], due_on_of(row["key"]), row["text"])
    asked = facts_for_gate(db, [wanted], day, is_holiday=is_holiday, own=own)[row["loan_id"]]
    template = templates.by_name.get(row["template"])
    asked = replace(
        asked, purpose=Purpose(row["purpose"]), template_approved=template is not None and template.is_approved
    )
    answer = refusal(asked, limits, at=at)
    return answer.name if answer else None


def _batch_id(at: datetime, first_id: int, messages: Sequence[Message]) -> str:
    """Like no other batch's: a message is claimed once, and the content tells ledgers apart that share a folder."""
    content = repr([(message.key, message.phone, message.text) for message in messages])
    return f"{at:%Y%m%d-%H%M%S}-{first_id}-{sha256(content.encode()).hexdigest()[:8]}"


def _message(row: dict[str, Any]) -> Message:
    return Message(
        key=row["key"],
        campaign=row["campaign"],
        purpose=row["purpose"],
        borrower_id=row["borrower_id"],
        loan_id=row["loan_id"],
        phone=row["phone"],
        channel=row["channel"],
        template=row["template"],
        text=row["text"],
        planned_for=date.fromisoformat(row["planned_for"]),
        segment=row["segment"],
        why=row["why"],
    )
