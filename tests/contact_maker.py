"""Contacts for tests: the shipped rules without a hold-out, a campaign that wishes for everybody, messages."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from ledger_maker import PLAIN, open_loan, stamp
from terms import AGEING, CALENDAR, SCHEDULES

from loancli.core.days import BEIJING
from loancli.core.message import Message
from loancli.core.rates import PPM
from loancli.jobs.plan_contacts import Planned, Rules, approve, plan_contacts
from loancli.jobs.send_outbox import Sent, send_outbox
from loancli.ledger import contacts
from loancli.ledger.connect import Connection, writing
from loancli.outreach.campaign_file import read_campaign
from loancli.outreach.policy import Limits, Purpose
from loancli.outreach.policy_file import read_limits
from loancli.outreach.segments import read_segments
from loancli.outreach.strategies import Arm, Campaign, Step
from loancli.outreach.templates import Templates, read_templates

TEN = time(10)
EVERYONE = (Arm(name="all", share_ppm=PPM),)


def _text(name: str) -> str:
    return (SCHEDULES / name).read_text(encoding="utf-8")


SEGMENTS = read_segments(_text("segments/default.toml"), "default.toml")
LIMITS: Limits = read_limits(_text("policies/contact.toml"), "contact.toml")
TEMPLATES: Templates = read_templates(_text("templates/sms.toml"), "sms.toml", LIMITS)


def shipped(name: str) -> Campaign:
    """A campaign of schedules/campaigns, with nobody held out."""
    found = read_campaign(
        _text(f"campaigns/{name}.toml"), name, segments=SEGMENTS.names, templates=TEMPLATES, channels=["outfile"]
    )
    return replace(found, arms=EVERYONE)


def to_everyone(purpose: Purpose = Purpose.REMINDER, *, name: str = "note") -> Campaign:
    """One step that fits every loan that owes anything, whatever its segment; nobody is handed to a person."""
    step = Step(name="once", segments=SEGMENTS.names, days=(-400, 400), channel="outfile", template="due_soon")
    return Campaign(
        name=name, purpose=purpose, due_min_fen=1, spacing_days=1, messages_max=9, arms=EVERYONE, steps=(step,)
    )


def rules(campaign: Campaign, limits: Limits = LIMITS) -> Rules:
    return Rules(
        segments=SEGMENTS, campaign=campaign, templates=TEMPLATES, limits=limits, calendar=CALENDAR, ageing=AGEING
    )


def instant(day: date, at: time = TEN) -> datetime:
    return datetime.combine(day, at, BEIJING)


def plan(db: Connection, campaign: Campaign, day: date, at: time = TEN, *, approved: bool = False) -> Planned:
    with writing(db):
        planned = plan_contacts(db, rules(campaign), day=day, at=instant(day, at), stamp=stamp(day))
        if approved:
            approve(db, planned.batch, stamp=stamp(day))
    return planned


def send(
    db: Connection,
    folder: Path,
    day: date,
    at: time = TEN,
    *,
    batch: str | None = None,
    limits: Limits = LIMITS,
    templates: Templates = TEMPLATES,
    now: Callable[[], datetime] | None = None,
    dry_run: bool = False,
) -> Sent:
    return send_outbox(
        db,
        folder,
        batch=batch,
        limits=limits,
        templates=templates,
        is_holiday=day in CALENDAR.off,
        now=now or (lambda: instant(day, at)),
        stamp=stamp(day, at=at),
        dry_run=dry_run,
    )


def open_loans(db: Connection, count: int, **changes: Any) -> None:
    """Loans LN000001, LN000002, … of borrowers B1, B2, …"""
    for number in range(1, count + 1):
        open_loan(db, f"LN{number:06d}", borrower_id=f"B{number}", **{"terms": PLAIN} | changes)


def message(number: int, day: date, *, due_on: date, borrower: int = 1, **changes: Any) -> Message:
    """A text to a borrower about that borrower's loan; `number` tells messages apart."""
    plain = {
        "key": f"note:step{number}:LN{borrower:06d}:{due_on}",
        "campaign": "note",
        "purpose": "reminder",
        "borrower_id": f"B{borrower}",
        "loan_id": f"LN{borrower:06d}",
        "phone": f"1990000{borrower:04d}",
        "channel": "outfile",
        "template": "due_soon",
        "text": f"【示例小贷】{number}",
        "planned_for": day,
        "segment": "forgot",
        "why": "",
    }
    return Message(**plain | changes)


def queue(db: Connection, messages: Iterable[Message], *, batch: str = "note", approved: bool = True) -> None:
    """Put messages into the outbox as a run of their own, without asking the gate."""
    listed = list(messages)
    with writing(db):
        first = listed[0]
        contacts.add_run(
            db, batch=batch, campaign=first.campaign, purpose=first.purpose, day=first.planned_for, actor="test"
        )
        assert contacts.queue(db, batch, listed) == len(listed)
        if approved:
            contacts.approve(db, batch, actor="test")


def states(db: Connection) -> dict[str, str]:
    """Step of the key → state, and what was said with it."""
    return {row["key"].split(":")[1]: row["state"] for row in contacts.messages(db)}


def details(db: Connection) -> dict[str, str]:
    return {row["key"].split(":")[1]: row["detail"] for row in contacts.messages(db)}


def delivered(folder: Path) -> list[list[str]]:
    """Rows of all vendor files: key, phone, text, parts, planned for, campaign."""
    import csv

    found = []
    for path in sorted(folder.glob("sms-*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += list(csv.reader(file))[1:]
    return found
