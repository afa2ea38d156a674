"""A message to a person: to whom, what, by which channel, under which key."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text for one borrower. `key` is '<campaign>:<step>:<loan>:<day>': planning twice plans once."""

    key: str
    campaign: str
    purpose: str  # reminder | collection | offer
    borrower_id: str
    loan_id: str
    phone: str
    channel: str
    template: str
    text: str
    planned_for: date
    segment: str
    why: str
