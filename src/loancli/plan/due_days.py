"""When a plan falls due, and the time that the interest of each due line counts for."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from loancli.core.days import Calendar, months_after
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.rates import Period, year_fraction
from loancli.plan.product import Frequency, Kind, Product

PERIODS_MAX = 600
FIRST_STEPS_MAX = 3  # a first due day further away than so many steps, and FIRST_DAYS_MAX, is a slip of the pen
FIRST_DAYS_MAX = 31
HALF_MONTH_DAYS = 15


class Due(NamedTuple):
    """One step of a plan. Interest counts from `from_on` to `to_on`; `agreed_on` is the due day before it was moved."""

    from_on: date
    to_on: date
    due_on: date
    months: int
    agreed_on: date
    number: int
    factor: Fraction | None = None  # interest ÷ principal, where a change inside the period makes it another than usual

    def row(self, principal_fen: int, interest_fen: int, reason: str) -> Row:
        """The due line of this step, to which fees may come (build.with_fees)."""
        return Row(self.number, self.from_on, self.to_on, self.due_on, principal_fen, interest_fen, reason=reason)


def due_dates(
    product: Product,
    *,
    start_on: date,
    first_due_on: date | None,
    periods: int,
    calendar: Calendar,
    own_days: tuple[date, ...] = (),
) -> tuple[Due, ...]:
    """The steps of a plan, counted from the first agreed day, so that the 31st comes back after February (CAL-03).

    A `first_due_on` that is not one step after the start makes the first period a stub and is the day that later ones
    are counted from. A single payment has one step, over all its periods or to `first_due_on`. A moved due day (CAL-02)
    moves the end of the interest period only if the product says so. Raises InputError if two due days would meet.
    `own_days` are the agreed days of a custom plan.
    """
    try:
        agreed = own_days or _agreed_days(product, start_on, first_due_on, periods)
        return dues_on(product, agreed, from_on=start_on, previous_on=start_on, calendar=calendar)
    except (OverflowError, ValueError):
        raise _beyond(start_on) from None


def dues_on(
    product: Product,
    agreed: Sequence[date],
    *,
    from_on: date,
    previous_on: date,
    calendar: Calendar,
    first_number: int = 1,
) -> tuple[Due, ...]:
    """The steps that end on the agreed days; interest counts from `from_on`, the due day before was `previous_on`."""
    months = _months(product, from_on, agreed[-1])
    dues = []
    for number, agreed_on in enumerate(agreed, start=first_number):
        due_on = calendar.rolled(agreed_on, product.roll)
        if due_on <= previous_on:
            raise InputError(
                f"roll: due day {agreed_on} would move to {due_on}, not after {previous_on};"
                f" use roll = 'none', or a longer frequency"
            )
        to_on = due_on if product.roll_interest else agreed_on
        dues.append(Due(from_on, to_on, due_on, months, agreed_on, number))
        from_on, previous_on = to_on, due_on
    return tuple(dues)


@lru_cache(maxsize=256)  # of a batch many loans share them
def later_days(product: Product, start_on: date, agreed: tuple[date, ...], count: int) -> tuple[date, ...]:
    """The agreed days that follow `agreed`, by the frequency, counted from the earliest day that gives all of them."""
    anchors = (start_on, *agreed)
    try:
        for at, anchor in enumerate(anchors):
            days = _steps(product.frequency, anchor, len(agreed) - at + count)
            if days[: len(agreed) - at] == agreed[at:]:
                return days[len(agreed) - at :]
    except (OverflowError, ValueError):
        raise _beyond(start_on) from None
    raise AssertionError("the last day alone gives the days after it")


def _beyond(start_on: date) -> InputError:
    return InputError(f"periods: a plan from {start_on} would run beyond the year {date.max.year}")


def _agreed_days(product: Product, start_on: date, first_due_on: date | None, periods: int) -> tuple[date, ...]:
    frequency, single = product.frequency, product.kind is Kind.SINGLE_PAYMENT
    if first_due_on is not None:
        steps_on = _steps(frequency, start_on, product.periods_max if single else FIRST_STEPS_MAX)
        last_on = max(steps_on[-1], start_on + timedelta(days=FIRST_DAYS_MAX))
        if not start_on < first_due_on <= last_on:
            raise InputError(
                f"first_due_on: {first_due_on} is not allowed; it lies after {start_on} and up to {last_on}"
            )
    if single:
        return (first_due_on or _steps(frequency, start_on, periods)[-1],)
    regular = _steps(frequency, start_on, periods)
    if first_due_on is None or first_due_on == regular[0]:
        return regular
    return (first_due_on, *_steps(frequency, first_due_on, periods - 1))


def _steps(frequency: Frequency, anchor: date, count: int) -> tuple[date, ...]:
    numbers = range(1, count + 1)
    if frequency.days:
        return tuple(anchor + timedelta(days=number * frequency.days) for number in numbers)
    if frequency.half_monthly:
        half = timedelta(days=HALF_MONTH_DAYS)
        return tuple(months_after(anchor, number // 2) + half * (number % 2) for number in numbers)
    return tuple(months_after(anchor, number * frequency.months) for number in numbers)


def period_of(product: Product, span: Row | Due) -> Period:
    """The whole period that interest inside `span` is measured by: its own; for a stub, the regular one ending with it.

    So with equal months a first period of 34 days, where the regular one has 30, is 34/30 of a month. A span of several
    whole steps, as a deferral leaves one, has their months.
    """
    months = _months(product, span.from_on, span.to_on)
    if not months:
        return Period(span.from_on, span.to_on, 0)
    apart = 12 * (span.to_on.year - span.from_on.year) + span.to_on.month - span.from_on.month
    if apart and apart % months == 0 and _same_day_of_month(span.from_on, span.to_on):
        return Period(span.from_on, span.to_on, apart)
    return Period(months_after(span.to_on, -months), span.to_on, months)


def _same_day_of_month(one: date, other: date) -> bool:
    """Can both be the same day of a month, which is its last day where the month is too short (CAL-03)?"""
    low, high = sorted((one, other), key=lambda day: day.day)
    return low.day == high.day or (low + timedelta(days=1)).day == 1


def _months(product: Product, from_on: date, to_on: date) -> int:
    months = product.frequency.months
    if months and product.kind is Kind.SINGLE_PAYMENT:  # the loan's own periods, not the product's default
        return max(1, 12 * (to_on.year - from_on.year) + to_on.month - from_on.month)
    return months


def years_of(product: Product, span: Row | Due) -> Fraction:
    """The years that the interest of a whole row stands for."""
    return year_fraction(product.day_count, span.from_on, span.to_on, period_of(product, span))
