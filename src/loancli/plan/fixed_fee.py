"""A fixed fee as the price (DESIGN §3): what is earned of it with each row, and with any amount that falls due.

The rows of a plan are made with one rate a period, found exactly, that brings the payments back to what was lent. Once
they are signed they are the curve: whatever falls due, sooner or later than they say, brings the part of the fee that
the same yuan has in them. So the fee is the same in all, however fast the loan is repaid.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import lcm

from loancli.core.loan import Row
from loancli.core.money import Rounding
from loancli.core.rates import PPM
from loancli.plan.due_days import HALF_MONTH_DAYS, Due, period_of
from loancli.plan.product import Product
from loancli.plan.solve import TO_WHOLE

RATE_SCALE = 10**18  # a rate a period is a whole number of these parts
_FINE = 10**24  # parts of a fen that balances are kept in: far finer than any rounding of theirs can show


def fee_fen(product: Product, principal_fen: int) -> int:
    """The fixed fee of a loan; 0 where the product has none."""
    fee = product.fixed_fee
    if fee is None:
        return 0
    return fee.amount_fen + TO_WHOLE[product.rounding](principal_fen * fee.principal_ppm, PPM)


def period_days(product: Product, span: Row | Due) -> int:
    """The days of a whole period where `span` lies: its own, but for a first one that is longer or shorter."""
    if span.number > 1:
        return (span.to_on - span.from_on).days
    period = period_of(product, span)
    if period.months:
        return (period.to_on - period.from_on).days
    return product.frequency.days or HALF_MONTH_DAYS


def periods_of(product: Product, span: Row | Due) -> Fraction:
    """How many periods the span stands for: 1, but for a first one that is longer or shorter."""
    return Fraction((span.to_on - span.from_on).days, period_days(product, span))


def periodic_rate(principal_fen: int, payments_fen: Sequence[int], periods: Sequence[Fraction]) -> int:
    """The rate a period, × RATE_SCALE, at which the payments are worth the principal. They are more than it.

    Newton's steps on their worth, which falls and is convex in the rate, come from below and never overshoot; all of it
    is whole numbers, so that every machine finds the same.
    """
    assert sum(payments_fen) >= principal_fen > 0
    under = lcm(*(each.denominator for each in periods))
    parts = [int(each * under) for each in periods]
    one = RATE_SCALE * under
    rate = 0
    while True:
        worth = slope = 0  # the worth × _FINE, and how much it falls for 1 of the rate
        for payment_fen, part in zip(reversed(payments_fen), reversed(parts), strict=True):
            growth = one + rate * part
            worth = (worth + payment_fen * _FINE) * one // growth
            slope = (slope * one + worth * part * RATE_SCALE) // growth
        step = (worth - principal_fen * _FINE) * RATE_SCALE // slope
        if step <= 0:
            return rate
        rate += step


def earned(principal_fen: int, payments_fen: Sequence[int], periods: Sequence[Fraction], mode: Rounding) -> list[int]:
    """The part of the fee in each payment. Rounded on the running total, so that no part of a fen is lost on the way.

    No part is more than its payment, and the last fen of all is principal: while anything is owed, principal is.
    """
    rate = periodic_rate(principal_fen, payments_fen, periods)
    fee_all_fen = sum(payments_fen) - principal_fen
    balance, exact = principal_fen * _FINE, 0  # × _FINE
    total_fen = paid_fen = 0
    found = []
    for payment_fen, each in zip(payments_fen, periods, strict=True):
        grown = balance * rate * each.numerator // (RATE_SCALE * each.denominator)
        balance += grown - payment_fen * _FINE
        exact += grown
        paid_fen += payment_fen
        least_fen = paid_fen - principal_fen + (paid_fen < fee_all_fen + principal_fen)
        most_fen = min(total_fen + payment_fen, fee_all_fen)
        now_fen = min(max(TO_WHOLE[mode](exact, _FINE), least_fen, total_fen), most_fen)
        found.append(now_fen - total_fen)
        total_fen = now_fen
    return found


@dataclass(frozen=True, slots=True)
class FeeCurve:
    """Of what has fallen due in all, how much is fee: signed rows as running totals, straight lines between them."""

    asked_fen: tuple[int, ...]  # 0, what the first row asks for, the first two, … all
    earned_fen: tuple[int, ...]  # the fee in it
    first_periods: Fraction  # how many periods the first row stands for
    mode: Rounding

    @property
    def total_fen(self) -> int:
        """Principal and fee."""
        return self.asked_fen[-1]

    @property
    def fee_fen(self) -> int:
        return self.earned_fen[-1]

    def earned(self, asked_fen: int) -> int:
        """The fee in the first `asked_fen` of what is owed, in fen. The last fen of all is principal."""
        asked_fen = min(max(asked_fen, 0), self.total_fen)
        if asked_fen == self.total_fen:
            return self.fee_fen
        at = self._row_of(asked_fen)
        from_fen, to_fen = self.asked_fen[at], self.asked_fen[at + 1]
        over = (asked_fen - from_fen) * (self.earned_fen[at + 1] - self.earned_fen[at])
        found_fen = self.earned_fen[at] + TO_WHOLE[self.mode](over, to_fen - from_fen)
        return max(found_fen, asked_fen - (self.total_fen - self.fee_fen) + 1)

    def part(self, left_fen: int, due_fen: int) -> int:
        """The fee in the next `due_fen`, where `left_fen` is still to fall due of principal and fee."""
        asked_fen = self.total_fen - left_fen
        return self.earned(asked_fen + due_fen) - self.earned(asked_fen)

    def rate(self, left_fen: int) -> int:
        """What a fen of principal earns in a whole period × RATE_SCALE, where `left_fen` is still to fall due.

        In whole parts, so that what accrues by days has a denominator that does not grow with every change of it.
        """
        at = self._row_of(min(max(self.total_fen - left_fen, 0), self.total_fen - 1))
        principal_fen = self.total_fen - self.fee_fen - self.asked_fen[at] + self.earned_fen[at]
        periods = self.first_periods if at == 0 else Fraction(1)
        earned_fen = self.earned_fen[at + 1] - self.earned_fen[at]
        return RATE_SCALE * earned_fen * periods.denominator // (principal_fen * periods.numerator)

    def _row_of(self, asked_fen: int) -> int:
        return bisect_right(self.asked_fen, asked_fen) - 1


def curve_of(product: Product, rows: Sequence[Row]) -> FeeCurve:
    """The curve of signed rows, up to maturity."""
    return FeeCurve(
        asked_fen=tuple(accumulate((row.principal_fen + row.interest_fen for row in rows), initial=0)),
        earned_fen=tuple(accumulate((row.interest_fen for row in rows), initial=0)),
        first_periods=periods_of(product, rows[0]),
        mode=product.rounding,
    )


def earned_by_days(
    product: Product, curve: FeeCurve, row: Row, *, left_fen: int, principal_fen: int, days: int
) -> Fraction:
    """What `principal_fen` earns in `days` of the period of `row`, in fen, at the rate of what falls due next."""
    return Fraction(principal_fen * curve.rate(left_fen) * days, RATE_SCALE * period_days(product, row))
