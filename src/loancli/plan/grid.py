"""What loans of the same terms and days share: their steps, and all of a plan that does not depend on the principal."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from math import gcd

from loancli.core.days import Calendar
from loancli.core.money import Rounding
from loancli.plan.due_days import Due, due_dates
from loancli.plan.factors import counted
from loancli.plan.product import Product
from loancli.plan.solve import Factors, base_before, weighted_base

# A row but for its amounts: number, from_on, to_on, due_on, and its interest as one division that rounds down:
# over, up and under of (balance × over + up) ÷ under. Half even it is half up first; where nothing is left over it was
# a tie, and an odd result is one too much. A bare tuple: one with names is slower to unpack.
Frame = tuple[int, date, date, date, int, int, int]


@dataclass(frozen=True)  # no slots: cached_property keeps what it found in the instance itself
class Grid:
    """The steps of a plan; what follows from them is worked out when it is first asked for."""

    product: Product
    dues: tuple[Due, ...]
    origin: "Grid | None" = None  # a grid that many share, which has the same steps, but for …
    first: tuple[int, int] = (0, 1)  # … the factor of the first one

    @cached_property
    def agreed(self) -> tuple[date, ...]:
        """The due days before the calendar moved them."""
        return tuple([due.agreed_on for due in self.dues])

    @cached_property
    def factors(self) -> Factors:
        """Interest ÷ principal of each step, as numerator and denominator."""
        if self.origin is None:
            return counted(self.product, self.dues)
        return (self.first, *self.origin.factors[1:])

    @cached_property
    def level(self) -> tuple[int, int]:
        """The equal instalment for a principal of 1, before rounding, as numerator and denominator."""
        if self.origin is None:
            return weighted_base(1, self.factors, [1] * len(self.dues))
        return base_before(self.first, 1, self.origin.level_of_rest)

    @cached_property
    def level_of_rest(self) -> tuple[int, int]:
        """As `level`, of the steps after the first one."""
        return weighted_base(1, self.factors[1:], [1] * (len(self.dues) - 1))

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The rows but for their amounts."""
        if self.origin is not None:
            (moved,) = _moved_up([self.first], self.product.rounding)
            return ((*self.origin.frames[0][:4], *moved), *self.origin.frames[1:])
        moved_up = _moved_up(self.factors, self.product.rounding)
        return tuple(
            [
                (due.number, due.from_on, due.to_on, due.due_on, over, up, under)
                for due, (over, up, under) in zip(self.dues, moved_up, strict=True)
            ]
        )

    def with_first(self, over: int, under: int) -> "Grid":
        """This grid with another interest ÷ principal of its first step."""
        common = gcd(over, under)
        return Grid(self.product, self.dues, self, (over // common, under // common))


def _moved_up(factors: Factors, mode: Rounding) -> list[tuple[int, int, int]]:
    """over, up and under. (a + b // 2) ÷ b has the whole part of (2a + b) ÷ 2b, which alone shows ties."""
    if mode is Rounding.HALF_EVEN:
        return [(2 * over, under, 2 * under) for over, under in factors]
    if mode is Rounding.HALF_UP:
        return [(over, under // 2, under) for over, under in factors]
    return [(over, under - 1 if mode is Rounding.UP else 0, under) for over, under in factors]


@lru_cache(maxsize=1024)  # a portfolio shares its days
def grid_of(
    product: Product,
    *,
    start_on: date,
    first_due_on: date | None,
    periods: int,
    calendar: Calendar,
    own_days: tuple[date, ...] = (),
) -> Grid:
    """The grid of a loan from its payout on: the same one for each that has these terms and days. As `due_dates`."""
    dues = due_dates(
        product,
        start_on=start_on,
        first_due_on=first_due_on,
        periods=periods,
        calendar=calendar,
        own_days=own_days,
    )
    return Grid(product, dues)
