"""What a day does to a loan on which only the turn of the next instalment comes, as planned: from where it stands.

Nearly every loan that a close has to touch is such a one: nothing is overdue, no money waits, nothing was recorded
since it was settled. What `life()` would find by walking all its days follows then from a few stored numbers, in a
small part of the time. Whatever is not plain is left to `life()`: the answer is None. A property holds both to the
same rows (tests/jobs/test_ordinary.py; docs/decisions/0020-close-at-scale.md).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from loancli.core.entry import Entry, Leg
from loancli.core.loan import MICRO, Row
from loancli.core.money import rounded_ratio
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.core.turn import Ahead, Turn
from loancli.plan.due_days import period_of
from loancli.plan.product import Kind, Product
from loancli.servicing.lines import DAY

# Every day of a period is worth the same; by other counts a loan is looked at every day.
_EVEN = {DayCount.ACT_360, DayCount.ACT_365F, DayCount.EQUAL_MONTHS}


class Factor(NamedTuple):
    """Interest of each fen that bears it, over a whole period and a day of it, as numerators over denominators."""

    whole: int
    whole_over: int
    day: int
    day_over: int


@dataclass(slots=True, kw_only=True)
class Terms:
    """Ordinary terms, and what was worked out for their periods: most loans share them."""

    product: Product
    factors: dict[tuple[str, str], Factor] = field(default_factory=dict)

    def factor(self, from_on: str, to_on: str) -> Factor:
        """Of the period between two days."""
        found = self.factors.get((from_on, to_on))
        if found is None:
            found = self.factors[from_on, to_on] = self._factor(date.fromisoformat(from_on), date.fromisoformat(to_on))
        return found

    def _factor(self, from_on: date, to_on: date) -> Factor:
        day_count, rate_ppm = self.product.day_count, self.product.annual_rate_ppm
        period = period_of(self.product, Row(1, from_on, to_on, to_on, 0, 0))
        whole = year_fraction(day_count, from_on, to_on, period)
        day = year_fraction(day_count, from_on, from_on + DAY, period)
        return Factor(
            rate_ppm * whole.numerator, PPM * whole.denominator, rate_ppm * day.numerator, PPM * day.denominator
        )


def ordinary_terms(product: Product) -> Terms | None:
    """The terms, if instalments of theirs fall due by what is stored alone; else None.

    Left out: amounts that revenue fixes, lines, fixed fees, spaces that revenue grants, days that are not worth the
    same, money ahead that every instalment shares, and flat interest where it may have lowered what it runs on.
    """
    space = product.breathing_space
    is_ordinary = (
        product.kind not in {Kind.REVENUE_SHARE, Kind.CREDIT_LINE}
        and product.fixed_fee is None
        and product.day_count in _EVEN
        and (space is None or space.trigger is None)
        and product.allocation.surplus != "spread"
        and (product.kind is not Kind.FLAT or product.allocation.surplus == "credit")
    )
    return Terms(product=product) if is_ordinary else None


def turn(terms: Terms, ahead: Ahead, day: date) -> Turn | None:
    """What `day`, on which the period of the instalment ends or it falls due, does; None: only `life()` can tell.

    `ahead` is of a loan on which nothing else happens up to `day`.
    """
    product, today = terms.product, day.isoformat()
    is_flat = product.kind is Kind.FLAT
    pool_fen = ahead.outstanding_fen - ahead.principal_fen  # asked for by no instalment, once this period is over
    if pool_fen != 0 if ahead.next_from_on is None else pool_fen <= 0:
        return None
    if ahead.to_on == today:
        whole = terms.factor(ahead.from_on, ahead.to_on)
        base_fen = ahead.signed_fen if is_flat else ahead.outstanding_fen
        if rounded_ratio(base_fen * whole.whole, whole.whole_over, product.rounding) != ahead.interest_fen:
            return None  # something moved inside the period
    is_due = ahead.due_on == today
    next_moment_on = (day + (product.penalty.grace_days + 1) * DAY).isoformat() if is_due else ahead.due_on
    accrued_micro = per_day_micro = 0
    if ahead.next_from_on and ahead.next_to_on and ahead.next_due_on:
        next_moment_on = min(next_moment_on, ahead.next_to_on, ahead.next_due_on)
        factor = terms.factor(ahead.next_from_on, ahead.next_to_on)
        of_a_day = MICRO * factor.day * (ahead.signed_fen if is_flat else pool_fen)
        per_day_micro = of_a_day // factor.day_over
        if ahead.to_on < today:
            accrued_micro = of_a_day * (day - date.fromisoformat(ahead.to_on)).days // factor.day_over
    if not is_due:
        return Turn(
            loan_id=ahead.loan_id,
            number=ahead.number,
            is_due=False,
            principal_overdue_fen=0,
            interest_due_fen=0,
            fee_due_fen=0,
            next_due_on=ahead.due_on,
            next_due_fen=ahead.principal_fen + ahead.interest_fen + ahead.fee_fen,
            next_moment_on=next_moment_on,
            accrued_micro_fen=MICRO * ahead.interest_fen,  # known since today, and not due yet
            accruing_micro_fen_per_day=per_day_micro,
            entry=None,
        )
    return Turn(
        loan_id=ahead.loan_id,
        number=ahead.number,
        is_due=True,
        principal_overdue_fen=ahead.principal_fen,
        interest_due_fen=ahead.interest_fen,
        fee_due_fen=ahead.fee_fen,
        next_due_on=ahead.next_due_on,
        next_due_fen=ahead.next_due_fen,
        next_moment_on=next_moment_on,
        accrued_micro_fen=accrued_micro,
        accruing_micro_fen_per_day=per_day_micro,
        entry=_entry(ahead, day),
    )


def _entry(ahead: Ahead, day: date) -> Entry | None:
    """Interest and fee are earned on the due day, each if there is any; principal moves when it is paid."""
    legs = []
    if ahead.interest_fen:
        legs.append(Leg(debit="loan:interest_due", credit="income:interest", amount_fen=ahead.interest_fen))
    if ahead.fee_fen:
        legs.append(Leg(debit="loan:fee_due", credit="income:fee", amount_fen=ahead.fee_fen))
    if not legs:
        return None
    cause = f"due:{ahead.number}"
    return Entry(
        key=f"{ahead.loan_id}/{cause}/{day}/1",
        loan_id=ahead.loan_id,
        kind="due",
        cause=cause,
        value_on=day,
        legs=tuple(legs),
    )
