"""What the ledger knows of loans and people on a day, as segments and the gate ask for it. Reads only."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from loancli.core.days import days_past_due
from loancli.jobs.settle import gather
from loancli.ledger import contacts, portfolio
from loancli.ledger.connect import Connection
from loancli.outreach.features import Features
from loancli.outreach.policy import Asked, Hold, Purpose
from loancli.outreach.strategies import mobile_of
from loancli.servicing.delinquency import Ageing
from loancli.servicing.life import life

BREATHING_SPACE = "breathing_space"
OPTED_OUT = "marketing_opt_out"
LEGAL = "legal"
HOLD_KINDS = (*(hold.value for hold in Hold), BREATHING_SPACE, OPTED_OUT, LEGAL)


def features_on(db: Connection, day: date, ageing: Ageing) -> list[Features]:
    """The features of every active loan on `day`."""
    rows = portfolio.feature_rows(db, day, due_min_fen=ageing.due_min_fen)
    late = [
        row["loan_id"] for row in rows if row["oldest_unpaid_due_on"] and row["oldest_unpaid_due_on"] < day.isoformat()
    ]
    # Penalty grows by the day: what a late loan owes on `day` is computed, not stored.
    penalty_fen = {
        loan_id: life(contract, events, day).position.penalty_accrued_fen
        for loan_id, (contract, events) in gather(db, late).items()
    }
    return [_features(row, day, penalty_fen.get(row["loan_id"], 0), ageing) for row in rows]


def _features(row: dict[str, Any], day: date, penalty_fen: int, ageing: Ageing) -> Features:
    late_since = _day(row["late_since"])
    next_on = _day(row["next_due_on"])
    past_due = days_past_due(late_since, day) if late_since else 0
    first_on = date.fromisoformat(row["first_signed_on"])
    return Features(
        borrower_id=row["borrower_id"],
        loan_id=row["loan_id"],
        days_past_due=past_due,
        days_to_due=(next_on - day).days if next_on else None,
        due_fen=row["due_fen"] + row["today_fen"] + penalty_fen,
        next_due_fen=row["next_due_fen"],
        due_30d_fen=row["due_fen"] + row["ahead_30d_fen"] + penalty_fen,
        outstanding_fen=row["outstanding_fen"],
        bucket=ageing.bucket(past_due),
        has_revenue_data=row["revenue_until"] is not None,
        revenue_7d_fen=row["revenue_7d_fen"],
        revenue_30d_fen=row["revenue_30d_fen"],
        revenue_90d_fen=row["revenue_90d_fen"],
        on_time_rate_ppm=_part_ppm(row["on_time"], row["fell_due"]),
        self_cure_rate_ppm=_part_ppm(row["cured"], row["late"]),
        broken_promises=row["broken_promises"],
        contacts_7d=row["contacts_7d"],
        contacts_30d=row["contacts_30d"],
        failed_contacts_in_row=row["failed_contacts_in_row"],
        has_phone=mobile_of(row["phone"]) is not None,
        open_complaint=bool(row["complaint"]),
        in_hardship=bool(row["hardship"]),
        in_legal=bool(row["legal"]),
        months_on_book=12 * (day.year - first_on.year) + day.month - first_on.month - (day.day < first_on.day),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _part_ppm(part: int | None, whole: int | None) -> int | None:
    return 1_000_000 * (part or 0) // whole if whole else None


def facts_for_gate(
    db: Connection,
    wanted: Sequence[tuple[str, str, date, str]],
    day: date,
    *,
    is_holiday: bool,
    own: frozenset[int] = frozenset(),
) -> dict[str, Asked]:
    """The gate's facts by loan, for (loan, borrower, due day the message is about, text or '' while it is not written).

    `own`: messages that the asker has claimed itself, which do not speak against themselves.
    """
    who = {borrower_id for _, borrower_id, _, _ in wanted}
    only = next(iter(who)) if len(who) == 1 else None  # sending asks for one at a time
    held: dict[str, set[str]] = {}
    breathing: dict[str, date] = {}
    for hold in contacts.holds(db, on=day, borrower_id=only):
        held.setdefault(hold["borrower_id"], set()).add(hold["kind"])
        if hold["kind"] == BREATHING_SPACE:
            breathing[hold["borrower_id"]] = _day(hold["to_on"]) or date.max
    promised: dict[str, date] = {}
    for promise in contacts.promises(db, borrower_id=only, due_from=day):
        if promise["paid_fen"] < promise["amount_fen"]:
            due_on = date.fromisoformat(promise["due_on"])
            promised[promise["borrower_id"]] = max(due_on, promised.get(promise["borrower_id"], due_on))
    facts = {}
    for loan_id, borrower_id, due_on, text in wanted:
        # Every seven days that hold `day`: after the clock was set back, there are contacts on days to come.
        around = contacts.contacted(db, borrower_id, from_on=day - timedelta(days=6), to_on=day + timedelta(days=6))
        week = [each for each in around if each["message_id"] not in own]
        today = [each for each in week if each["contact_on"] == day.isoformat()]
        kinds = held.get(borrower_id, set())
        facts[loan_id] = Asked(
            purpose=Purpose.REMINDER,
            by_call=False,
            third_party=False,
            holds=frozenset(hold for hold in Hold if hold.value in kinds),
            opted_out=OPTED_OUT in kinds,
            marketing_consent=False,
            is_settled=False,
            is_paid_meanwhile=portfolio.unpaid_until_fen(db, loan_id, due_on) == 0,
            promise_due_on=promised.get(borrower_id),
            breathing_until=breathing.get(borrower_id),
            has_valid_phone=True,
            template_approved=True,
            is_holiday=is_holiday,
            agreed_until=None,
            conversations_today=0,
            attempts_today=0,
            contacts_today=len(today),
            contacts_7_days=len(week),
            same_content_today=sum(each["text"] == text for each in today),
            other_planned_today=False,
        )
    return facts
