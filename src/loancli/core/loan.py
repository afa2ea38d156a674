"""Borrowers, loans, and the position that life computes and the ledger keeps a copy of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from loancli.core.conduct import Conduct

LOAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)  # payers quote it
MICRO = 1_000_000  # parts of a fen that sums of the whole book keep
BORROWER_KINDS = ("person", "sole_trader", "company")
BREATHING = "breathing:"  # so begins the reason of a row in a breathing space


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrower:
    """A person or business that borrows. `aliases` are names and accounts that payments of theirs arrive under."""

    borrower_id: str
    name: str
    phone: str
    trade: str = ""
    kind: str = "sole_trader"  # one of BORROWER_KINDS
    aliases: tuple[str, ...] = ()

    @property
    def is_forgotten(self) -> bool:
        """Were the personal data erased? Nobody is added without a name."""
        return not self.name


class Row(NamedTuple):
    """One due line of a plan. Interest counts from `from_on` to `to_on`; a due day that was moved may lie beyond.

    A tuple, as a plan has hundreds and a portfolio millions of them, and a frozen class takes thrice
    as long to make. What enters the books is `checked`.
    """

    number: int
    from_on: date
    to_on: date
    due_on: date
    principal_fen: int
    interest_fen: int
    fee_fen: int = 0
    reason: str = ""  # code and values of "why this much", told by texts/

    def checked(self) -> "Row":
        """Itself, if it is a row at all: a bug of ours, or a ledger that another hand changed, ends here."""
        number, from_on, to_on, _, principal_fen, interest_fen, fee_fen, _ = self
        assert number >= 1, self
        assert from_on < to_on, self
        assert principal_fen >= 0 <= interest_fen, self
        assert fee_fen >= 0, self
        return self

    def kept(self) -> list[int | str]:
        """Its cells as the ledger and events keep them."""
        number, from_on, to_on, due_on, principal_fen, interest_fen, fee_fen, reason = self
        days = (from_on.isoformat(), to_on.isoformat(), due_on.isoformat())
        return [number, *days, principal_fen, interest_fen, fee_fen, reason]

    @classmethod
    def restored(cls, cells: Iterable[Any]) -> "Row":
        """The row whose cells were `kept`."""
        number, from_on, to_on, due_on, principal_fen, interest_fen, fee_fen, reason = cells
        day_of = date.fromisoformat
        end_on = day_of(to_on)
        due = end_on if due_on == to_on else day_of(due_on)
        return tuple.__new__(cls, (number, day_of(from_on), end_on, due, principal_fen, interest_fen, fee_fen, reason))

    @property
    def due_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.fee_fen

    @property
    def is_breathing(self) -> bool:
        """Is it in a breathing space?"""
        return self.reason.startswith(BREATHING)

    @property
    def at_most_fen(self) -> int | None:
        """All that a breathing space asks for, fees left out: interest beyond it stays accrued. None: no such bound."""
        if not self.reason.startswith(BREATHING):
            return None
        bound = self.reason.rpartition(":")[2]
        return int(bound) if bound.isdigit() else None


def kept_rows(rows: Iterable[Row]) -> list[list[int | str]]:
    """As `Row.kept` for each. A period mostly begins on the day, and falls due on it, that is a text already."""
    found: list[list[int | str]] = []
    last_on, last = None, ""
    for number, from_on, to_on, due_on, principal_fen, interest_fen, fee_fen, reason in rows:
        start = last if from_on is last_on else from_on.isoformat()
        last_on, last = to_on, to_on.isoformat()
        due = last if due_on is to_on else due_on.isoformat()
        found.append([number, start, last, due, principal_fen, interest_fen, fee_fen, reason])
    return found


class InstalmentState(NamedTuple):
    """One instalment in a loan's life: what was due and what was paid, part by part, in fen. A tuple, as `Row` is."""

    number: int
    due_on: date
    is_due: bool  # has fallen due by the day of the position
    is_fixed: bool  # False: a revenue instalment whose window is open; amounts are the level, as an outlook
    principal_fen: int
    interest_fen: int
    fee_fen: int
    penalty_fen: int  # penalty that has fallen due on this instalment
    paid_principal_fen: int
    paid_interest_fen: int
    paid_fee_fen: int
    paid_penalty_fen: int
    paid_on: date | None  # the day it was paid in full
    reason: str

    @property
    def due_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.fee_fen + self.penalty_fen

    @property
    def paid_fen(self) -> int:
        return self.paid_principal_fen + self.paid_interest_fen + self.paid_fee_fen + self.paid_penalty_fen

    @property
    def unpaid_fen(self) -> int:
        return self.due_fen - self.paid_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a loan stands. Constant from `since_on` until `next_moment_on`, but for what accrues in between.

    What accrues is told by two numbers that do not change either: `accrued` + `accruing_per_day` × days since then.
    """

    loan_id: str
    # signed | active | settled | written_off; cancelled: its payout is void; open: a credit line of which nothing is
    # in use and something may be
    status: str
    since_on: date
    principal_outstanding_fen: int  # disbursed − repaid − written off
    principal_overdue_fen: int  # part of it that fell due and is unpaid
    interest_due_fen: int  # fell due and unpaid
    fee_due_fen: int
    penalty_due_fen: int  # penalty that a payment's day made due, unpaid
    penalty_accrued_fen: int  # penalty accrued up to since_on: what a payment on that day would make due
    credit_fen: int  # money of the borrower that waits for the next instalment
    oldest_unpaid_due_on: date | None
    next_due_on: date | None
    next_due_fen: int
    next_moment_on: date | None  # the next day on which anything changes by itself; None: never
    accrued: Fraction  # fen of interest and penalty accrued, not yet due, on since_on
    accruing_per_day: Fraction  # fen a day from since_on to next_moment_on
    paid_total_fen: int
    free_fen: int = 0  # of a credit line: what may be drawn of it now
    conduct: Conduct | None = None  # what its class rests on beside the days past due, if there is anything

    @property
    def due_fen(self) -> int:
        """What is due and unpaid; the penalty that still accrues is left out."""
        return self.principal_overdue_fen + self.interest_due_fen + self.fee_due_fen + self.penalty_due_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRecord:
    """A signed loan as the ledger stores it; `terms_json` is the product at signing (plan.product_json reads it)."""

    loan_id: str
    borrower_id: str
    product_code: str
    terms_json: str
    principal_fen: int
    signed_on: date
    maturity_number: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            row.checked()
