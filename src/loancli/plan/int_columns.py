"""Whole-number arithmetic on columns of amounts: the roundings of core.money for thousands of amounts at once.

int64 where every product of the steps is known to fit, Python's own integers in an object column where not: the
callers know their bounds and choose. The answers are the same.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from loancli.core.money import Rounding, rounded

Columns = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]  # int64, or Python's integers where 64 bits may not do

WORD = 2**62  # half of what an int64 holds: one sum of two such terms still fits
AMOUNT_BITS = 40  # 10 billion yuan in fen
_LIMB = 22  # bits; an amount of up to 40 bits times one limb fits
_LIMB_MASK = 2**_LIMB - 1
_PART = 2 * _LIMB  # bits in which the part of a fen is known
_HALF = 2 ** (_PART - 1)


def divided(over: Numbers, under: int | Numbers, mode: Rounding) -> Numbers:
    """over ÷ under, rounded as core.money.rounded does; `under` is one number for all, or a column of them."""
    return divided_into(np.empty_like(over), over.copy(), under, mode)


def divided_into(found: Numbers, over: Numbers, under: int | Numbers, mode: Rounding) -> Numbers:
    """The same into `found`; `over` is used up. Without a column of its own: new memory costs more than the sums.

    Every mode is one division that rounds down, of what is moved up first. Half up: (2 × over + under) ÷ (2 × under)
    has the same whole part as (over + under // 2) ÷ under, as over is whole.
    """
    if mode is not Rounding.DOWN:
        over += under - 1 if mode is Rounding.UP else under // 2
    np.floor_divide(over, under, out=found)
    if mode is Rounding.HALF_EVEN:  # a tie, which an odd `under` has none of, leaves nothing over
        found -= np.where((over == found * under) & (under % 2 == 0), found % 2, 0)
    return found


def scaled(amounts: Numbers, ratio: Fraction, mode: Rounding) -> Numbers:
    """amounts × ratio, rounded. Amounts of 0 and more, of up to AMOUNT_BITS in an int64 column; so is the answer."""
    over, under = ratio.numerator, ratio.denominator
    if amounts.dtype == object or 2 * (over * 2**AMOUNT_BITS + under) < WORD:
        return divided(amounts * over, under, mode)
    return proportional(amounts, ratio, mode)


def proportional(amounts: Columns, ratio: Fraction, mode: Rounding) -> Columns:
    """amounts × ratio, rounded, for a ratio whose numerator does not fit into 64 bits.

    Its part below 1 is taken in three limbs, which gives the product's part of a fen to 44 bits, never too high and
    less than `slack` too low. Where a rounding boundary lies that near, an exact tie above all, exact numbers decide.
    """
    whole, over = divmod(ratio.numerator, ratio.denominator)
    part_of_one = (over << 3 * _LIMB) // ratio.denominator
    low = amounts * (part_of_one >> _LIMB & _LIMB_MASK) + (amounts * (part_of_one & _LIMB_MASK) >> _LIMB)
    high = amounts * (part_of_one >> 2 * _LIMB) + (low >> _LIMB)
    part = (high & _LIMB_MASK) << _LIMB | (low & _LIMB_MASK)
    floor = amounts * whole + (high >> _LIMB)
    slack = (amounts >> _LIMB) + 2
    is_above = part > 0 if mode is Rounding.UP else part >= (2**_PART if mode is Rounding.DOWN else _HALF)
    found: Columns = floor + is_above
    is_near_half = (part <= _HALF) & (part + slack >= _HALF)
    doubtful = (amounts > 0) & ((part == 0) | is_near_half | (part + slack >= 2**_PART))
    for at in np.flatnonzero(doubtful):
        found[at] = rounded(int(amounts[at]) * ratio, mode)
    return found
