"""What of a plan is still open on a day: its rows, its principal, and the exact interest up to any day of a period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.core.rates import DayCount, interest_exact, year_fraction
from loancli.plan.due_days import Due, period_of
from loancli.plan.product import Kind, Product
from loancli.plan.rows import Plan, Prepaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What of a plan is open on a day: its rows with their agreed days, the principal, and the interest until then."""

    plan: Plan
    kept: tuple[Row, ...]
    rows: tuple[Row, ...]
    agreed: tuple[date, ...]
    from_on: date  # the new terms count from here
    principal_fen: int
    since_on: date  # interest is paid up to here …
    carried_fen: Fraction  # … but for this much
    fixed_fee_fen: int  # of a fixed fee, what has not fallen due

    @property
    def previous_on(self) -> date:
        return self.kept[-1].due_on if self.kept else self.plan.start_on

    @property
    def flat_base_fen(self) -> Fraction:
        return _flat_base_fen(self.plan, self.from_on)


def still_open(plan: Plan, on: date) -> Open:
    """What is open on a day of a plan that is kept. Raises InputError before the payout and after the last due day."""
    if on < plan.start_on:
        raise InputError(f"on: {on} is before the payout on {plan.start_on}")
    kept = tuple(row for row in plan.rows if min(row.to_on, row.due_on) <= on)
    rows = plan.rows[len(kept) :]
    if not rows:
        raise InputError(f"on: nothing of the plan is open on {on}; its last instalment is due on {kept[-1].due_on}")
    since_on = max([rows[0].from_on, *(paid.paid_on for paid in plan.prepaid)])
    return Open(
        plan=plan,
        kept=kept,
        rows=rows,
        agreed=plan.agreed[len(kept) :],
        from_on=max(rows[0].from_on, on),
        principal_fen=sum(row.principal_fen for row in rows),
        since_on=since_on,
        carried_fen=_carried_fen(plan, since_on),
        fixed_fee_fen=sum(row.interest_fen for row in rows) if plan.product.fixed_fee else 0,
    )


def _carried_fen(plan: Plan, until: date) -> Fraction:
    """The interest up to a day (not counted) that is not in an instalment whose period is over, and not prepaid."""
    carried_fen = Fraction(0)
    for row in plan.rows:
        if row.from_on >= until:
            break
        at, end = row.from_on, min(row.to_on, until)
        for paid in plan.prepaid:
            if row.from_on <= paid.paid_on < row.to_on and paid.paid_on <= until:
                carried_fen += days_interest_fen(plan, row, at, paid.paid_on)
                carried_fen = Fraction(0) if paid.interest_fen else carried_fen
                at = paid.paid_on
        carried_fen += days_interest_fen(plan, row, at, end)
        if row.to_on <= until:
            asked_all = row.at_most_fen is None or row.interest_fen == rounded(carried_fen, plan.product.rounding)
            carried_fen = Fraction(0) if asked_all else carried_fen - row.interest_fen
    return carried_fen


def days_interest_fen(plan: Plan, row: Row | Due, from_on: date, to_on: date) -> Fraction:
    """The exact interest of days within a row's period, by the terms and the principal of each day."""
    if from_on == to_on:
        return Fraction(0)
    versions = [plan]
    while versions[-1].before is not None:
        versions.append(versions[-1].before)
    turns = {each.changed_on for each in versions if each.changed_on} | {paid.paid_on for paid in plan.prepaid}
    days = [from_on, *sorted(day for day in turns if from_on < day < to_on), to_on]
    total_fen = Fraction(0)
    for start_on, end_on in pairwise(days):
        terms = next(each.product for each in versions if each.changed_on is None or each.changed_on <= start_on)
        base_fen = _flat_base_fen(plan, start_on) if terms.kind is Kind.FLAT else _pool_fen(plan, row, start_on)
        total_fen += base_fen * per_fen(terms, row, start_on, end_on)
    return total_fen


def per_fen(product: Product, row: Row | Due, from_on: date, to_on: date) -> Fraction:
    """Interest ÷ principal of days within a row's period."""
    if product.day_count is DayCount.THIRTY_360:  # from the start of the period: a split in it does not change it
        years = year_fraction(product.day_count, row.from_on, to_on)
        years -= year_fraction(product.day_count, row.from_on, from_on)
    else:
        years = year_fraction(product.day_count, from_on, to_on, period_of(product, row))
    return interest_exact(1, product.annual_rate_ppm, years)


def _pool_fen(plan: Plan, row: Row | Due, day: date) -> Fraction:
    fallen_fen = sum(each.principal_fen for each in plan.rows if each.number < row.number)
    prepaid_fen = sum(paid.principal_fen for paid in plan.prepaid if paid.paid_on <= day)
    return Fraction(plan.principal_fen - fallen_fen - prepaid_fen)


def _flat_base_fen(plan: Plan, day: date) -> Fraction:
    """What flat interest is counted on: all that was lent flat, less in proportion to what was prepaid (PRC-07)."""
    since_on, version = plan.start_on, plan
    while version.before is not None:
        if version.before.product.kind is not Kind.FLAT and version.changed_on:
            since_on = version.changed_on  # the rest was lent flat only then
            break
        version = version.before

    def pool_fen(on: date, paid: Sequence[Prepaid]) -> int:
        fallen_fen = sum(row.principal_fen for row in plan.rows if row.to_on <= on)
        return plan.principal_fen - fallen_fen - sum(each.principal_fen for each in paid)

    ahead = [paid for paid in plan.prepaid if paid.paid_on < since_on]
    base_fen = Fraction(pool_fen(since_on, ahead))
    for paid in plan.prepaid[len(ahead) :]:
        if paid.paid_on > day:
            break
        before_fen = pool_fen(paid.paid_on, ahead)
        base_fen *= Fraction(before_fen - paid.principal_fen, before_fen)
        ahead.append(paid)
    return base_fen
