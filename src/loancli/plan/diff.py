"""What a change does to a plan: due days before and after, what the borrower pays, what the lender earns."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from loancli.plan.cost import Apr, apr
from loancli.plan.product import Product
from loancli.plan.rows import Plan

K = TypeVar("K", date, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A day on which anything is due, or prepaid, before or after the change."""

    due_on: date
    before_fen: int
    after_fen: int
    reason: str  # of the row after the change; empty where there is none
    is_prepaid: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two plans. What it comes to is counted when it is asked for."""

    plan: Plan

    @property
    def instalments(self) -> int:
        return len(self.plan.rows)

    @property
    def last_due_on(self) -> date:
        return max([row.due_on for row in self.plan.rows[-1:]] + [paid.paid_on for paid in self.plan.prepaid])

    @property
    def biggest_fen(self) -> int:
        return max([row.principal_fen + row.interest_fen + row.fee_fen for row in self.plan.rows], default=0)

    @property
    def interest_fen(self) -> int:
        return self.plan.interest_fen

    @property
    def fee_fen(self) -> int:
        return self.plan.fee_fen

    @property
    def cost_fen(self) -> int:
        """What the loan costs the borrower, and earns the lender."""
        return self.interest_fen + self.fee_fen

    @property
    def cost(self) -> Apr:
        """The yearly cost by days, so that both sides can be compared."""
        return apr(self.plan.flows)

    @property
    def income_by_year_fen(self) -> tuple[tuple[int, int], ...]:
        """Interest and fees that fall due in a calendar year."""
        due = [(row.due_on.year, row.interest_fen + row.fee_fen) for row in self.plan.rows]
        paid = [(each.paid_on.year, each.interest_fen) for each in self.plan.prepaid]
        return tuple(sorted(_summed([*due, *paid]).items()))


@dataclass(frozen=True, slots=True)
class Diff:
    """Both plans side by side."""

    before: Side
    after: Side

    @property
    def product(self) -> Product:
        """The terms after the change."""
        return self.after.plan.product

    @property
    def lines(self) -> tuple[DiffLine, ...]:
        """Day by day, what is due before and after."""
        due_before, due_after = _by_day(self.before.plan), _by_day(self.after.plan)
        reasons = {row.due_on: row.reason for row in self.after.plan.rows}
        prepaid = {paid.paid_on for paid in self.after.plan.prepaid}
        return tuple(
            DiffLine(
                due_on=day,
                before_fen=due_before[day],
                after_fen=due_after[day],
                reason=reasons.get(day, ""),
                is_prepaid=day in prepaid,
            )
            for day in sorted(due_before | due_after)
        )


def diff(before: Plan, after: Plan) -> Diff:
    """What a change from one plan to the other does."""
    return Diff(Side(before), Side(after))


def _by_day(plan: Plan) -> Counter[date]:
    return _summed((day, -fen) for day, fen in plan.flows[1:])


def _summed(amounts: Iterable[tuple[K, int]]) -> Counter[K]:
    found: Counter[K] = Counter()
    for key, fen in amounts:
        found[key] += fen
    return found
