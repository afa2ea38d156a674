"""What a change does to a plan: due days before and after, what the borrower pays, what the lender earns."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from loancli.plan.cost import Apr, apr
from loancli.plan.product import Product
from loancli.plan.rows import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A day on which anything is due, or prepaid, before or after the change."""

    due_on: date
    before_fen: int
    after_fen: int
    reason: str  # of the row after the change; empty where there is none
    is_prepaid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two plans. The yearly cost goes by days, so that both can be compared."""

    instalments: int
    last_due_on: date
    biggest_fen: int
    interest_fen: int
    fee_fen: int
    income_by_year_fen: tuple[tuple[int, int], ...]  # interest and fees that fall due in a calendar year
    cost: Apr

    @property
    def cost_fen(self) -> int:
        """What the loan costs the borrower, and earns the lender."""
        return self.interest_fen + self.fee_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Both plans side by side."""

    product: Product  # after the change
    lines: tuple[DiffLine, ...]
    before: Side
    after: Side


def diff(before: Plan, after: Plan) -> Diff:
    """What a change from one plan to the other does."""
    due_before, due_after = _by_day(before), _by_day(after)
    reasons = {row.due_on: row.reason for row in after.rows}
    prepaid = {paid.paid_on for paid in after.prepaid}
    return Diff(
        product=after.product,
        lines=tuple(
            DiffLine(
                due_on=day,
                before_fen=due_before[day],
                after_fen=due_after[day],
                reason=reasons.get(day, ""),
                is_prepaid=day in prepaid,
            )
            for day in sorted(due_before | due_after)
        ),
        before=_side(before),
        after=_side(after),
    )


def _by_day(plan: Plan) -> Counter[date]:
    return _summed((day, -fen) for day, fen in plan.flows[1:])


def _summed(amounts: Iterable[tuple[date, int]]) -> Counter[date]:
    found: Counter[date] = Counter()
    for day, fen in amounts:
        found[day] += fen
    return found


def _side(plan: Plan) -> Side:
    income = _summed(
        [
            *((row.due_on, row.interest_fen + row.fee_fen) for row in plan.rows),
            *((paid.paid_on, paid.interest_fen) for paid in plan.prepaid),
        ]
    )
    years = sorted({day.year for day in income})
    return Side(
        instalments=len(plan.rows),
        last_due_on=max(day for day, _ in plan.flows[1:]),
        biggest_fen=max((row.due_fen for row in plan.rows), default=0),
        interest_fen=plan.interest_fen,
        fee_fen=plan.fee_fen,
        income_by_year_fen=tuple((year, sum(fen for day, fen in income.items() if day.year == year)) for year in years),
        cost=apr(plan.flows),
    )
