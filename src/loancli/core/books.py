"""The books as another program is to read them: the chart, the entries in the order of booking, the ends of months.

Days are texts here, as they stand in the ledger: they are written, not counted with.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Account(NamedTuple):
    """An account of the chart: its code, its kind (asset, liability, income, expense), and what it holds."""

    code: str
    kind: str
    meaning: str


class Moved(NamedTuple):
    """A leg of an entry: `amount_fen` moved from account `credit` to account `debit`."""

    debit: str
    credit: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedEntry:
    """An entry as it was booked. `number` counts from 1; `reverses` is the number of the one that it takes back."""

    number: int
    booked_on: str
    value_on: str
    key: str
    kind: str
    cause: str
    loan_id: str  # '' for entries of the whole book
    reverses: int | None
    legs: tuple[Moved, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthEnd:
    """Debits less credits of every account, by code, at the end of the last day of a month that is closed."""

    on: date
    balances_fen: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Which books these are."""

    opened_on: str
    accounts: tuple[Account, ...]
    entry_count: int
    chain_head: bytes  # the last link: other books with as many entries have another
