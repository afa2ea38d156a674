"""From segments to messages: campaigns say what is wished, the gate says what may be.

Reminders are a campaign like any other. A step is planned at most once per loan and due day; its key says so, and the
outbox takes a key once. So planning twice, or after a day without cron, plans nothing twice.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

from loancli.core.days import BEIJING
from loancli.core.loan import Borrower
from loancli.core.message import Message
from loancli.core.rates import PPM
from loancli.outreach.features import Features
from loancli.outreach.outbox import COUNTED, State
from loancli.outreach.policy import Asked, Limits, Purpose, Refusal, refusal
from loancli.outreach.segments import Assigned
from loancli.outreach.templates import Templates, TextValues, rendered

_MOBILE = re.compile(r"(?:\+86|0086)?(1[3-9][0-9]{9})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A share of the borrowers that a campaign treats alike, drawn by hash. `contact` false: the hold-out."""

    name: str
    share_ppm: int
    contact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message to the loans of `segments` while days past due are within `days` (first, last; negative: before)."""

    name: str
    segments: tuple[str, ...]
    days: tuple[int, int]
    channel: str
    template: str
    arms: tuple[str, ...] = ()  # empty: every arm that is contacted


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """From `from_day` days past due a person takes over the loans of `segments`: no more messages by machine."""

    segments: tuple[str, ...]
    from_day: int
    why_zh: str
    why_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to be said to whom, and when. Read by campaign_file.py."""

    name: str
    purpose: Purpose
    due_min_fen: int  # below it: no message
    spacing_days: int  # from one message of the campaign to a borrower to the next
    messages_max: int  # per loan and due day
    arms: tuple[Arm, ...]
    steps: tuple[Step, ...]
    handovers: tuple[Handover, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A row of the outbox, whatever became of it. All of this campaign's rows of the loan's due days are needed."""

    key: str
    campaign: str
    borrower_id: str
    planned_for: date
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A message that a campaign would like to send. `day`: days past due, negative before the due day."""

    key: str
    campaign: str
    step: str
    arm: str
    purpose: Purpose
    borrower_id: str
    loan_id: str
    segment: str
    why: str
    channel: str
    template: str
    amount_fen: int
    due_on: date
    day: int
    planned_for: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A wish that the gate turned down, and why: kept on file (COL-06)."""

    loan_id: str
    borrower_id: str
    refusal: Refusal
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class ForPerson:
    """A loan that a person takes over."""

    loan_id: str
    borrower_id: str
    segment: str
    why_zh: str
    why_en: str


def wishes(
    campaign: Campaign,
    features: Sequence[Features],
    assigned: Sequence[Assigned],
    *,
    as_of: date,
    past: Sequence[Past],
) -> list[Wish]:
    """What the campaign would send on `as_of`: per loan the first step that fits, once per due day."""
    assigned_by_loan = {one.loan_id: one for one in assigned}
    keys = {row.key for row in past if row.campaign == campaign.name}
    messages_count: dict[str, int] = {}
    last_on: dict[str, date] = {}
    for row in past:
        if row.campaign == campaign.name and row.state in COUNTED | {State.QUEUED}:
            loan_and_due = row.key.split(":", 2)[2]
            messages_count[loan_and_due] = messages_count.get(loan_and_due, 0) + 1
            last_on[row.borrower_id] = max(row.planned_for, last_on.get(row.borrower_id, row.planned_for))
    found = []
    for one in features:
        wish = _wish(campaign, one, assigned_by_loan[one.loan_id], as_of, keys)
        if wish is None or wish.amount_fen < campaign.due_min_fen:
            continue
        if messages_count.get(f"{wish.loan_id}:{wish.due_on}", 0) >= campaign.messages_max:
            continue
        last = last_on.get(wish.borrower_id)
        if last is not None and (as_of - last).days < campaign.spacing_days:
            continue
        found.append(wish)
    return found


def for_people(campaign: Campaign, features: Sequence[Features], assigned: Sequence[Assigned]) -> list[ForPerson]:
    """The loans that a person takes over, hold-out or not: help is never held out."""
    assigned_by_loan = {one.loan_id: one for one in assigned}
    found = []
    for one in features:
        segment = assigned_by_loan[one.loan_id].segment
        handover = _handover(campaign, segment, one.days_past_due)
        if handover is not None:
            found.append(
                ForPerson(
                    loan_id=one.loan_id,
                    borrower_id=one.borrower_id,
                    segment=segment,
                    why_zh=handover.why_zh,
                    why_en=handover.why_en,
                )
            )
    return found


def plan(
    wished: Sequence[Wish],
    asked: Mapping[str, Asked],
    limits: Limits,
    *,
    templates: Templates,
    borrowers: Mapping[str, Borrower],
    at: datetime,
) -> tuple[list[Message], list[Refused]]:
    """Messages for the outbox, and the wishes that the gate refused. One per borrower and day: the most overdue loan's.

    `asked` by loan id. What the wish itself decides (purpose, call or not, template, number, another message of this
    plan) is set here; the rest are the facts as gathered. `at`: when the messages would be sent.
    """
    messages: list[Message] = []
    refused: list[Refused] = []
    planned: set[str] = set()
    for wish in sorted(wished, key=lambda one: (-one.day, -one.amount_fen, one.loan_id)):
        assert wish.planned_for == at.astimezone(BEIJING).date(), wish.key
        borrower, facts = borrowers[wish.borrower_id], asked[wish.loan_id]
        phone = mobile_of(borrower.phone) or ""
        intended = replace(
            facts,
            purpose=wish.purpose,
            by_call=False,
            has_valid_phone=facts.has_valid_phone and phone != "",
            template_approved=templates.by_name[wish.template].is_approved,
            other_planned_today=facts.other_planned_today or wish.borrower_id in planned,
        )
        reason = refusal(intended, limits, at=at)
        if reason is not None:
            refused.append(Refused(loan_id=wish.loan_id, borrower_id=wish.borrower_id, refusal=reason, wish=wish))
            continue
        planned.add(wish.borrower_id)
        messages.append(_message(wish, borrower, phone, templates))
    return messages, refused


def arm_of(campaign: Campaign, borrower_id: str) -> Arm:
    """The borrower's arm: the same every day and for all loans, by hash; nothing is drawn."""
    digest = sha256(f"{campaign.name}:{borrower_id}".encode()).digest()
    at_ppm = int.from_bytes(digest[:8], "big") * PPM >> 64
    for arm in campaign.arms:
        if at_ppm < arm.share_ppm:
            return arm
        at_ppm -= arm.share_ppm
    raise AssertionError("the shares of the arms add up to PPM")


def mobile_of(phone: str) -> str | None:
    """A mobile number's eleven digits, without +86, 0086, spaces and hyphens; None if it is none (IDN-03)."""
    match = _MOBILE.fullmatch(re.sub(r"[\s-]", "", phone))
    return match[1] if match else None


def _wish(campaign: Campaign, one: Features, assigned: Assigned, as_of: date, keys: set[str]) -> Wish | None:
    if one.days_past_due > 0:
        day, amount_fen = one.days_past_due, one.due_fen
    elif one.days_to_due is not None:
        day, amount_fen = -one.days_to_due, one.next_due_fen
    else:
        return None
    if _handover(campaign, assigned.segment, one.days_past_due) is not None:
        return None
    arm = arm_of(campaign, one.borrower_id)
    if not arm.contact:
        return None
    due_on = as_of - timedelta(days=day)
    for step in campaign.steps:
        key = f"{campaign.name}:{step.name}:{one.loan_id}:{due_on}"
        is_fit = assigned.segment in step.segments and step.days[0] <= day <= step.days[1] and key not in keys
        if is_fit and (not step.arms or arm.name in step.arms):
            return Wish(
                key=key,
                campaign=campaign.name,
                step=step.name,
                arm=arm.name,
                purpose=campaign.purpose,
                borrower_id=one.borrower_id,
                loan_id=one.loan_id,
                segment=assigned.segment,
                why=assigned.why,
                channel=step.channel,
                template=step.template,
                amount_fen=amount_fen,
                due_on=due_on,
                day=day,
                planned_for=as_of,
            )
    return None


def _handover(campaign: Campaign, segment: str, days_past_due: int) -> Handover | None:
    return next((one for one in campaign.handovers if segment in one.segments and days_past_due >= one.from_day), None)


def _message(wish: Wish, borrower: Borrower, phone: str, templates: Templates) -> Message:
    values = TextValues(
        name=borrower.name, amount_fen=wish.amount_fen, due_on=wish.due_on, days=abs(wish.day), loan_id=wish.loan_id
    )
    return Message(
        key=wish.key,
        campaign=wish.campaign,
        purpose=wish.purpose.value,
        borrower_id=wish.borrower_id,
        loan_id=wish.loan_id,
        phone=phone,
        channel=wish.channel,
        template=wish.template,
        text=rendered(templates, wish.template, values),
        planned_for=wish.planned_for,
        segment=wish.segment,
        why=wish.why,
    )
