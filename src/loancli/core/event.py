"""What can happen to a loan: dated facts that are appended, never changed. Voiding one is another fact."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any


class EventKind(Enum):
    """In the order in which events of one day count, whatever order they arrived in."""

    DISBURSED = "disbursed"
    BREATHING_SPACE_GRANTED = "breathing_space_granted"
    REVENUE_WINDOW_CLOSED = "revenue_window_closed"
    INSTALMENT_FIXED = "instalment_fixed"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_REVERSED = "payment_reversed"
    PLAN_CHANGED = "plan_changed"  # counts from the end of its day: what was paid on it is taken into account
    EVENT_VOIDED = "event_voided"


RANK = {kind: rank for rank, kind in enumerate(EventKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. `key` makes it happen once: the same key with the same content again is nothing new.

    Payloads: disbursed (of a credit line: each draw), payment_received {amount_fen, channel, txn_key}; the first payout
    of a loan that was signed elsewhere {…, imported: {outstanding_fen, paid_until}}, as its file stated them;
    payment_reversed {payment_key};
    revenue_window_closed {number, from_on, to_on, counted_fen: {channel: fen}, late_fen, missing, assumed_fen,
    used_fen};
    instalment_fixed {number, amount_fen, level_fen, takes_rest, reasons}; event_voided {event_key, reason};
    plan_changed, breathing_space_granted {change, number, rows, maturity_number, terms, why}: the rows in force from
    `number` on, as lists of their columns, and the terms as JSON if they are others than before.
    """

    key: str
    loan_id: str
    kind: EventKind
    effective_on: date
    payload: dict[str, Any]
    actor: str
    batch: str = ""
