"""Plan a campaign's messages for a day: features → segments → wishes → the gate → the outbox, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from loancli.core.days import Calendar
from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.message import Message
from loancli.jobs import Stamp
from loancli.jobs.know_borrowers import facts_for_gate, features_on
from loancli.ledger import borrowers, contacts, days, portfolio
from loancli.ledger.connect import Connection
from loancli.outreach.features import Features
from loancli.outreach.outbox import Happening, State, after
from loancli.outreach.policy import Limits
from loancli.outreach.segments import Assigned, Segments, assign
from loancli.outreach.strategies import Campaign, ForPerson, Past, Refused, for_people, plan, wishes
from loancli.outreach.templates import Templates
from loancli.servicing.delinquency import Ageing


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything about contacts that operators edit, as read."""

    segments: Segments
    campaign: Campaign
    templates: Templates
    limits: Limits
    calendar: Calendar
    ageing: Ageing


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What planning found."""

    batch: str
    new_count: int
    messages: list[Message]
    refused: list[Refused]
    for_people: list[ForPerson]


def segmented(db: Connection, day: date, rules: Rules) -> tuple[list[Features], list[Assigned]]:
    """Every active loan's features and segment on `day`, the open one (docs/decisions/0004-business-day.md).

    RefusedError while the days before are not closed, and once `day` is closed itself.
    """
    open_day = days.open_day(db)
    if open_day < day:
        raise RefusedError(
            f"the books are open at {open_day}, so it is not known who is late on {day};"
            f" first run: loancli day close --through {date.fromordinal(day.toordinal() - 1)}"
        )
    if open_day > day:
        raise RefusedError(f"the books are open at {open_day}: {day} is over, and who was who is not kept")
    features = features_on(db, day, rules.ageing)
    return features, assign(features, rules.segments)


def plan_contacts(db: Connection, rules: Rules, *, day: date, at: datetime, stamp: Stamp) -> Planned:
    """Put the campaign's messages for `day` into the outbox, to be sent from `at` on; planning twice plans once."""
    features, assigned = segmented(db, day, rules)
    history = [
        Past(
            key=row["key"],
            campaign=row["campaign"],
            borrower_id=row["borrower_id"],
            planned_for=date.fromisoformat(row["planned_for"]),
            state=State(row["state"]),
        )
        for row in contacts.past(db, rules.campaign.name)
    ]
    wished = wishes(rules.campaign, features, assigned, as_of=day, past=history)
    is_holiday = day in rules.calendar.off
    wanted = [(wish.loan_id, wish.borrower_id, wish.due_on, "") for wish in wished]
    asked = facts_for_gate(db, wanted, day, is_holiday=is_holiday)
    planned_today = contacts.planned_on(db, day)
    asked = {
        wish.loan_id: replace(asked[wish.loan_id], other_planned_today=wish.borrower_id in planned_today)
        for wish in wished
    }
    people = borrowers.find(db, sorted({wish.borrower_id for wish in wished}))
    messages, refused = plan(wished, asked, rules.limits, templates=rules.templates, borrowers=people, at=at)
    batch = f"{rules.campaign.name}-{day}"
    contacts.add_run(
        db, batch=batch, campaign=rules.campaign.name, purpose=rules.campaign.purpose.value, day=day, actor=stamp.actor
    )
    new_count = contacts.queue(db, batch, messages)
    if new_count:  # what a person approved is what that person saw
        contacts.withdraw_approval(db, batch)
    kept = [(one.wish.campaign, one.borrower_id, one.loan_id, one.wish.step, day, one.refusal.name) for one in refused]
    contacts.add_refusals(db, batch, kept)
    return Planned(
        batch=batch,
        new_count=new_count,
        messages=messages,
        refused=refused,
        for_people=for_people(rules.campaign, features, assigned),
    )


def approve(db: Connection, batch: str, *, stamp: Stamp) -> None:
    """Let a run go out. Approving twice is fine; an unknown run is a NotFoundError."""
    if contacts.run(db, batch) is None:
        raise NotFoundError(f"there is no campaign run '{batch}'; see: loancli campaign list")
    contacts.approve(db, batch, actor=stamp.actor)


def cancel_paid(db: Connection, loan_ids: Sequence[str], *, stamp: Stamp) -> int:
    """Cancel what is not yet sent about instalments that have been paid meanwhile; return how many."""
    assert after(State.QUEUED, Happening.PAY) is State.CANCELLED
    paid = [
        row["message_id"]
        for row in contacts.queued_for(db, list(loan_ids))
        if row["purpose"] != "offer" and portfolio.unpaid_until_fen(db, row["loan_id"], due_on_of(row["key"])) == 0
    ]
    contacts.step(db, paid, State.CANCELLED.value, at=stamp.at, detail="paid meanwhile")
    return len(paid)


def due_on_of(key: str) -> date:
    """The due day that a message is about: the last part of its key."""
    return date.fromisoformat(key.rpartition(":")[2])
