"""Double entry by construction: a leg moves fen > 0 from a credit to a debit account, so it cannot but balance."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DayBy(StrEnum):
    """Which day of an entry counts: the one it was booked on, or the one it is for."""

    BOOKING = "booking"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """`amount_fen` moves from account `credit` to account `debit`."""

    debit: str
    credit: str
    amount_fen: int

    def __post_init__(self) -> None:
        assert self.amount_fen > 0, self
        assert self.debit != self.credit, self


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A booked group of legs with one cause and one value date.

    `key` names it once and for ever; `loan_id` is '' for entries of the whole book; `reverses` is the key of the
    entry that this one takes back.
    """

    key: str
    loan_id: str
    kind: str
    cause: str
    value_on: date
    legs: tuple[Leg, ...]
    reverses: str = ""

    def __post_init__(self) -> None:
        assert self.legs, self


def reversal(entry: Entry, *, key: str) -> Entry:
    """The entry that takes `entry` back: the same legs with sides changed."""
    flipped = tuple(Leg(debit=leg.credit, credit=leg.debit, amount_fen=leg.amount_fen) for leg in entry.legs)
    return Entry(
        key=key,
        loan_id=entry.loan_id,
        kind="reversal",
        cause=entry.cause,
        value_on=entry.value_on,
        legs=flipped,
        reverses=entry.key,
    )
