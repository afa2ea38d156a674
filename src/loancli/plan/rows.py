"""What a plan is: a product's terms, a principal, and the due lines they become; and the codes of their reasons."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from loancli.core.loan import Row
from loancli.plan.product import Product


class Reason(StrEnum):
    """Why a row is what it is: the code that starts `Row.reason`, its whole numbers after it, joined by ':'."""

    LEVEL = "level"  # level:<level fen>
    OUTLOOK = "outlook"  # outlook:<level fen>; a revenue instalment before its window closed
    LAST = "last"  # last:<instalment fen that was meant>; it absorbs what rounding left
    EQUAL_PART = "equal_part"  # equal_part:<principal part fen>
    INTEREST_ONLY = "interest_only"  # interest_only
    PRINCIPAL_AT_END = "principal_at_end"  # principal_at_end
    SINGLE = "single"  # single:<days>
    RUN_ON = "run_on"  # run_on; a revenue instalment after maturity, where the term may run on
    FLAT = "flat"  # flat:<principal part fen>:<principal lent fen>
    BALLOON = "balloon"  # balloon:<principal left fen>:<instalment fen of the others>
    STEP = "step"  # step:<number of the step, from 1>:<instalment fen>:<instalment fen of step 1>
    BREATHING = "breathing"  # breathing:interest, breathing:nothing:0 or breathing:part:<fen>; see core.loan.Row
    AGREED = "agreed"  # agreed:<principal part fen>; a row of the borrower's own
    PART_IN_USE = "part_in_use"  # part_in_use:<ppm>; a credit line's, as the next two: they hold for whatever is drawn
    LEVEL_IN_USE = "level_in_use"  # level_in_use
    REST_IN_USE = "rest_in_use"  # rest_in_use
    WEIGHT = "weight"  # weight:<weight>:<biggest weight>:<instalment fen of the biggest weight>


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """A row that was agreed by itself: so much principal, or such a share of it, on a day or on the product's day."""

    due_on: date | None = None
    principal_fen: int = 0
    share_ppm: int = 0


class Prepaid(NamedTuple):
    """What was paid of a plan before it was due: interest up to the day, and principal."""

    paid_on: date
    principal_fen: int
    interest_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A product's terms applied to a principal: what is due when. A changed plan has the terms from then on."""

    product: Product
    principal_fen: int
    start_on: date
    rows: tuple[Row, ...]
    agreed: tuple[date, ...]  # the due day of each row before the calendar moved it
    prepaid: tuple[Prepaid, ...] = ()
    changed_on: date | None = None  # the day from which the terms and the rows that were open then are others …
    before: "Plan | None" = None  # … than in this plan

    def __post_init__(self) -> None:
        assert len(self.agreed) == len(self.rows)
        repaid_fen = sum([row.principal_fen for row in self.rows]) + sum([paid.principal_fen for paid in self.prepaid])
        assert repaid_fen == self.principal_fen
        assert not self.rows or self.rows[0].from_on == self.start_on

    @property
    def interest_fen(self) -> int:
        return sum([row.interest_fen for row in self.rows]) + sum([paid.interest_fen for paid in self.prepaid])

    @property
    def flows(self) -> list[tuple[date, int]]:
        """What is paid out and what comes back, by day, in fen."""
        paid = [(each.paid_on, -each.principal_fen - each.interest_fen) for each in self.prepaid]
        due = [(row.due_on, -row.due_fen) for row in self.rows]
        return [(self.start_on, self.principal_fen), *sorted(paid + due)]

    @property
    def fee_fen(self) -> int:
        return sum([row.fee_fen for row in self.rows])


def reason_of(text: str) -> tuple[Reason, tuple[int, ...]]:
    """'level:88885' → (Reason.LEVEL, (88885,))."""
    code, *values = text.split(":")
    return Reason(code), tuple(int(value) for value in values)
