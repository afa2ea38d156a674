"""What is left of a loan split anew: after a change, and behind a breathing space."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import NamedTuple

from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import rounded, yuan
from loancli.core.rates import PPM
from loancli.plan.due_days import Due
from loancli.plan.factors import factors_of
from loancli.plan.grid import Grid
from loancli.plan.kinds import split, split_with_fee
from loancli.plan.product import Kind, Pays, Product
from loancli.plan.rows import OwnRow, Reason


class Rest(NamedTuple):
    """What of a loan is to be split anew."""

    principal_fen: int
    carried_fen: Fraction = Fraction(0)  # interest that has accrued before and is due with the first step too
    flat_base_fen: Fraction | None = None  # flat: what interest is counted on, where that is not `principal_fen`
    parts_fen: tuple[int, ...] = ()  # custom: the principal agreed for each step; scaled to what is left
    fixed_fee_fen: int = 0  # of a fixed fee, what is not in an instalment yet


def split_rest(grid: Grid, rest: Rest, *, count: int) -> list[Row]:
    """As `split`, for what is left of a loan."""
    product = grid.product
    if product.fixed_fee:
        return split_with_fee(product, rest.principal_fen, rest.fixed_fee_fen, grid.dues[:count])
    base_fen = rest.flat_base_fen if product.kind is Kind.FLAT and rest.flat_base_fen else None
    if base_fen is not None:
        share = base_fen * Fraction(1, rest.principal_fen)
        shared = zip(grid.dues, grid.factors, strict=True)
        grid = Grid(product, tuple([due._replace(factor=share * Fraction(*each)) for due, each in shared]))
    if rest.carried_fen:
        (over, under), carried_fen = grid.factors[0], rest.carried_fen
        more_over, more_under = carried_fen.numerator, carried_fen.denominator * rest.principal_fen
        grid = grid.with_first(over * more_under + more_over * under, under * more_under)
    own_rows = [OwnRow(principal_fen=part_fen) for part_fen in _scaled(rest.parts_fen, rest.principal_fen)]
    rows = split(grid, rest.principal_fen, count=count, own_rows=own_rows)
    if base_fen is None:
        return rows
    told_fen = rounded(base_fen, product.rounding)
    return [
        row._replace(reason=row.reason.replace(f":{rest.principal_fen}", f":{told_fen}"))
        if row.reason.startswith(Reason.FLAT)
        else row
        for row in rows
    ]


def _scaled(parts_fen: Sequence[int], principal_fen: int) -> list[int]:
    """The parts in the same proportions, with another sum, less than a fen from exact; all in the last if all are 0."""
    total_fen = sum(parts_fen)
    if parts_fen and total_fen == 0:
        return [0] * (len(parts_fen) - 1) + [principal_fen]
    reached = [done_fen * principal_fen // total_fen for done_fen in accumulate(parts_fen)]
    return [after - before for before, after in pairwise([0, *reached])]


class Asks(NamedTuple):
    """What a breathing row asks for: interest only, or up to so much; and the name that its reason has."""

    name: str
    at_most_fen: int | None


def asks_of(pays: Pays, usual: Sequence[Row]) -> list[Asks]:
    """What a space asks for in place of the usual instalments: interest, nothing, or a part of each, rounded down."""
    return [
        Asks(pays.name, None if pays.interest else (row.principal_fen + row.interest_fen) * pays.part_ppm // PPM)
        for row in usual
    ]


def breathe(product: Product, rest: Rest, dues: Sequence[Due], asks: Sequence[Asks], *, count: int) -> list[Row]:
    """The rows of a breathing space, one for each of `asks`, and of what follows.

    What a row does not ask for of the interest stays accrued, and is due with the first instalment after the space;
    it bears no interest itself. `count`: as for `split`, the breathing rows included.
    """
    principal_fen, carried_fen = rest.principal_fen, rest.carried_fen
    is_flat = product.kind is Kind.FLAT
    flat_base_fen = rest.flat_base_fen or Fraction(rest.principal_fen)
    rows = []
    for due, (over, under), (name, most_fen) in zip(dues, factors_of(product, dues), asks, strict=False):
        carried_fen += (flat_base_fen if is_flat else principal_fen) * Fraction(over, under)
        owed_fen = rounded(carried_fen, product.rounding)
        at_most_fen = owed_fen if most_fen is None else most_fen
        interest_fen = min(owed_fen, at_most_fen)
        part_fen = min(at_most_fen - interest_fen, principal_fen)
        carried_fen = Fraction(0) if interest_fen == owed_fen else carried_fen - interest_fen
        principal_fen -= part_fen
        reason = f"{Reason.BREATHING}:{name}" if most_fen is None else f"{Reason.BREATHING}:{name}:{most_fen}"
        rows.append(due.row(part_fen, interest_fen, reason))
    after = dues[len(rows) :]
    if len(rows) >= count or principal_fen == 0:
        raise InputError(
            f"breathing_space: {len(rows)} instalments leave none after them to repay {yuan(principal_fen)} yuan;"
            f" choose fewer, or let the maturity move (extend)"
        )
    parts_fen = rest.parts_fen[-len(after) :]
    left = Rest(principal_fen, carried_fen, flat_base_fen if is_flat else None, parts_fen)
    return rows + split_rest(Grid(product, tuple(after)), left, count=count - len(rows))
