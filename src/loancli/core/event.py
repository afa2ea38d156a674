"""What can happen to a loan: dated facts that are appended, never changed. Voiding one is another fact."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any


class EventKind(Enum):
    """In the order in which events of one day count, whatever order they arrived in."""

    DISBURSED = "disbursed"
    BREATHING_SPACE_GRANTED = "breathing_space_granted"
    INTEREST_PAUSED = "interest_paused"
    FEE_CHARGED = "fee_charged"
    COUPON_REDEEMED = "coupon_redeemed"
    REVENUE_WINDOW_CLOSED = "revenue_window_closed"
    INSTALMENT_FIXED = "instalment_fixed"
    # What the day brings by itself comes here: a period ends, an instalment falls due, grace runs out.
    AMOUNT_WAIVED = "amount_waived"  # before the payments of the day, so that they pay what is left
    SURPLUS_CHOSEN = "surplus_chosen"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_REVERSED = "payment_reversed"
    CREDIT_REFUNDED = "credit_refunded"
    WRITTEN_OFF = "written_off"
    RECOVERED = "recovered"
    PLAN_CHANGED = "plan_changed"  # counts from the end of its day: what was paid on it is taken into account
    EVENT_VOIDED = "event_voided"


RANK = {kind: rank for rank, kind in enumerate(EventKind)}


def is_before_the_day(kind: EventKind) -> bool:
    """Does it count before what its day brings by itself?"""
    return RANK[kind] < RANK[EventKind.AMOUNT_WAIVED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. `key` makes it happen once: the same key with the same content again is nothing new.

    Payloads: disbursed (of a credit line: each draw); the first payout of a loan signed elsewhere {…, imported:
    {outstanding_fen, paid_until}}, as its file stated them; payment_received {amount_fen, channel, txn_key, and the
    reason where a person gave one};
    payment_reversed {payment_key};
    revenue_window_closed {number, from_on, to_on, counted_fen: {channel: fen}, late_fen, missing, assumed_fen,
    used_fen};
    instalment_fixed {number, amount_fen, level_fen, takes_rest, reasons}; event_voided {event_key, reason};
    plan_changed, breathing_space_granted {change, number, rows, maturity_number, terms, why}: the rows in force from
    `number` on, as lists of their columns, and the terms as JSON if they are others than before;
    fee_charged {amount_fen, name}; amount_waived {amount_fen, part, reason}; interest_paused {to_on, reason}, both
    days included; coupon_redeemed {coupon, amount_fen, share_ppm, instalments}, of which None is no bound;
    surplus_chosen {choice}; recovered, credit_refunded {amount_fen, channel}; written_off {reason}.
    Events that may ease terms (servicing/easing.py) have `in_difficulty`, true or false, where a person said whether
    the debtor is. With `rests_on`, the key of another event, an event counts only while that one does.
    """

    key: str
    loan_id: str
    kind: EventKind
    effective_on: date
    payload: dict[str, Any]
    actor: str
    batch: str = ""
