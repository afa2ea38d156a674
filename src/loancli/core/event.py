"""What can happen to a loan: dated facts that are appended, never changed. Voiding one is another fact."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any


class EventKind(Enum):
    """In the order in which events of one day count, whatever order they arrived in."""

    DISBURSED = "disbursed"
    REVENUE_WINDOW_CLOSED = "revenue_window_closed"
    INSTALMENT_FIXED = "instalment_fixed"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_REVERSED = "payment_reversed"
    EVENT_VOIDED = "event_voided"


RANK = {kind: rank for rank, kind in enumerate(EventKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. `key` makes it happen once: the same key with the same content again is nothing new.

    Payloads: disbursed (of a credit line: each draw), payment_received {amount_fen, channel, txn_key};
    payment_reversed {payment_key};
    revenue_window_closed {number, from_on, to_on, counted_fen: {channel: fen}, late_fen, missing, assumed_fen,
    used_fen};
    instalment_fixed {number, amount_fen, level_fen, takes_rest, reasons}; event_voided {event_key, reason}.
    """

    key: str
    loan_id: str
    kind: EventKind
    effective_on: date
    payload: dict[str, Any]
    actor: str
    batch: str = ""
