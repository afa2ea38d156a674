"""The instalments that close a plan, in whole numbers: nothing is rounded before the instalment itself."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from loancli.core.money import Rounding

Factors = Sequence[tuple[int, int]]  # for each period, interest ÷ principal as numerator and denominator


class Sought(NamedTuple):
    """Instalments to be found: each pays its weight × base + extra, so that `residual_fen` is left in the end."""

    principal_fen: int
    factors: Factors
    weights: Sequence[int]
    extras_fen: Sequence[int]
    residual_fen: int = 0


def _base(sought: Sought, interest_only: frozenset[int] = frozenset()) -> tuple[int, int]:
    """What a weight of 1 pays so that the last balance is the residual, as numerator and denominator.

    The balance is linear in it: balance × scale = grown − base × paid, all three whole numbers.
    """
    grown, paid, scale = sought.principal_fen, 0, 1
    rows = zip(sought.factors, sought.weights, sought.extras_fen, strict=True)
    for index, ((numerator, denominator), weight, extra_fen) in enumerate(rows):
        if index in interest_only:
            continue
        scale *= denominator
        grown = grown * (denominator + numerator) - extra_fen * scale
        paid = paid * (denominator + numerator) + weight * scale
    return grown - sought.residual_fen * scale, paid


class Linear(NamedTuple):
    """The base over principals and residuals: (principal × grown + extra − residual × scale) ÷ under, all whole."""

    grown: int
    extra: int
    scale: int
    under: int


def linear(factors: Factors, weights: Sequence[int], extras_fen: Sequence[int]) -> Linear:
    """The base of every principal, as long as no instalment is below its interest (`solved` looks at that)."""
    nothing = [0] * len(factors)
    grown, under = _base(Sought(1, factors, weights, nothing))
    extra, _ = _base(Sought(0, factors, weights, extras_fen))
    minus_scale, _ = _base(Sought(0, factors, weights, nothing, 1))
    return Linear(grown, extra, -minus_scale, under)


def _interest_only(sought: Sought, base: tuple[int, int]) -> frozenset[int]:
    """The rows but the last whose instalment would not even pay their interest."""
    found = set()
    base_over, base_under = base
    scale = 1
    balance = sought.principal_fen * base_under  # the balance × scale × base_under
    rows = zip(sought.factors[:-1], sought.weights, sought.extras_fen, strict=False)
    for index, ((numerator, denominator), weight, extra_fen) in enumerate(rows):
        instalment = (weight * base_over + extra_fen * base_under) * scale * denominator
        if balance * numerator > instalment:
            found.add(index)
            continue
        scale *= denominator
        balance = balance * (denominator + numerator) - instalment
    return frozenset(found)


def solved(sought: Sought) -> tuple[int, int]:
    """The base at which the plan closes although interest is always due in full (the balance never grows).

    Rows that pay interest only make the others smaller. The last balance is a falling, concave function of the base,
    made of lines: Newton's steps from the right end on the line that holds the solution.
    """
    over, under = _base(sought)
    least = over * min(sought.weights) + under * min(sought.extras_fen)
    if all(
        sought.principal_fen * numerator * under <= least * denominator for numerator, denominator in sought.factors
    ):
        return over, under  # no instalment can be below its interest
    without: frozenset[int] = frozenset()
    while True:
        found = _interest_only(sought, (over, under))
        if found == without:
            return over, under
        without = found
        over, under = _base(sought, without)


def weighted_base(principal_fen: int, factors: Factors, weights: Sequence[int]) -> tuple[int, int]:
    """What a weight of 1 pays where nothing else is paid and nothing is left: what `solved` would find, in one pass.

    It is proportional to the principal.
    """
    over, under = _base_of_one(tuple(factors), tuple(weights))
    return principal_fen * over, under


@lru_cache(maxsize=128)  # loans of the same terms and days share it
def _base_of_one(factors: tuple[tuple[int, int], ...], weights: tuple[int, ...]) -> tuple[int, int]:
    # From the end back: over ÷ under is the balance that a base of 1 repays from here on. A row whose instalment is
    # below the interest on that balance leaves it as it is.
    base = 1, 0
    for factor, weight in zip(reversed(factors), reversed(weights), strict=True):
        base = base_before(factor, weight, base)
    return base


def base_before(factor: tuple[int, int], weight: int, base: tuple[int, int]) -> tuple[int, int]:
    """The base of a principal of 1 with one row more before those whose base is known (no row: 1 over 0)."""
    (numerator, denominator), (under, over) = factor, base
    if over * numerator <= weight * under * denominator:
        return under * (denominator + numerator), (over + weight * under) * denominator
    return base


# --- core.money.rounded() for whole numbers: the same answers (a property holds them to it), a tenth of the time ---


def _half_up(over: int, under: int) -> int:
    return (2 * over + under) // (2 * under)


def _half_even(over: int, under: int) -> int:
    whole, rest = divmod(over, under)
    return whole + (2 * rest > under or (2 * rest == under and whole % 2 == 1))


def _up(over: int, under: int) -> int:
    return -(-over // under)


def _down(over: int, under: int) -> int:
    return over // under


TO_WHOLE: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.HALF_UP: _half_up,
    Rounding.HALF_EVEN: _half_even,
    Rounding.UP: _up,
    Rounding.DOWN: _down,
}
