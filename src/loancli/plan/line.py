"""Credit line (随借随还): until when it may be drawn, what of it is free, and what falls due of what is in use."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.core.rates import PPM
from loancli.plan.product import CreditLine, PrincipalBack, Product


def last_draw_on(line: CreditLine, rows: Sequence[Row]) -> date:
    """The last day on which a line with these due lines may be drawn: the one before its closed periods begin.

    What is drawn on the day on which a period ends belongs to the next one, so on the very last nothing may be.
    """
    return rows[len(rows) - 1 - line.no_draws_last_periods].to_on - timedelta(days=1)


class Drawable(NamedTuple):
    """What may be drawn of a line on a day, and the day on which time alone changes that; None: never again."""

    free_fen: int
    until_on: date | None


def drawable(
    line: CreditLine, rows: Sequence[Row], limit_fen: int, as_of: date, *, drawn_fen: int, in_use_fen: int
) -> Drawable:
    """`drawn_fen` is all that was ever drawn, `in_use_fen` what of it is not repaid: more than the limit where a
    repayment was taken back. Less than the smallest draw is nothing.
    """
    if as_of < rows[0].from_on:
        return Drawable(0, rows[0].from_on)
    last_on = last_draw_on(line, rows)
    if as_of > last_on:
        return Drawable(0, None)
    left_fen = limit_fen - (in_use_fen if line.revolving else drawn_fen)
    return Drawable(left_fen if left_fen >= line.draw_min_fen else 0, last_on + timedelta(days=1))


def share_in_use_fen(product: Product, in_use_fen: int) -> int:
    """The principal that falls due of what is in use before the end: the share that is agreed, or nothing."""
    line = product.line
    assert line is not None
    if line.principal is PrincipalBack.AT_END:
        return 0
    assert line.principal is PrincipalBack.SHARE
    return rounded(Fraction(in_use_fen * line.share_ppm, PPM), product.rounding)
