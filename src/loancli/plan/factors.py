"""Interest ÷ principal of each period, in whole numbers: what a rate and a day count make of the days."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from math import gcd

from loancli.core.loan import Row
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.plan.due_days import Due, years_of
from loancli.plan.product import Product
from loancli.plan.solve import Factors

# Day counts in which interest is a fixed part of a year for each day: counted once, then multiplied by the days.
_BY_THE_DAY = {DayCount.ACT_360, DayCount.ACT_365F}


def factors_of(product: Product, spans: Sequence[Row] | Sequence[Due]) -> Factors:
    """Interest ÷ principal of each period, rate × years, as whole numbers."""
    return _kept(product, tuple(spans))


def counted(product: Product, spans: tuple[Row, ...] | tuple[Due, ...]) -> Factors:
    """As `factors_of`, counted anew: for those who keep them."""
    factors = _usual_factors(product, spans)
    if isinstance(spans[0], Due):
        for index, span in enumerate(spans):
            assert isinstance(span, Due)
            if span.factor is not None:
                factors[index] = span.factor.numerator, span.factor.denominator
    return tuple(factors)


_kept = lru_cache(maxsize=256)(counted)  # loans of the same terms and days share them


def _usual_factors(product: Product, spans: Sequence[Row] | Sequence[Due]) -> list[tuple[int, int]]:
    rate_ppm, day_count = product.annual_rate_ppm, product.day_count
    if day_count in _BY_THE_DAY:
        day = year_fraction(day_count, spans[0].from_on, spans[0].from_on + timedelta(days=1))
        over, under = _times(rate_ppm, day)
        return [(over * (span.to_on - span.from_on).days, under) for span in spans]
    if day_count is DayCount.EQUAL_MONTHS:  # every period but a stub is the same part of a year
        regular = _times(rate_ppm, years_of(product, spans[-1]))
        return [_times(rate_ppm, years_of(product, spans[0])), *[regular] * (len(spans) - 1)]
    return [_times(rate_ppm, year_fraction(day_count, span.from_on, span.to_on)) for span in spans]


def _times(rate_ppm: int, years: Fraction) -> tuple[int, int]:
    over, under = rate_ppm * years.numerator, PPM * years.denominator
    common = gcd(over, under)
    return over // common, under // common
