"""Amounts are whole fen in a plain `int` whose name ends in `_fen`. Parts of a fen exist only as `Fraction`.

They disappear in one place, `rounded()`, and nowhere does a float stand for money
(docs/decisions/0002-plain-int-fen.md; tests/test_no_floats.py holds the rooms to it).
"""

import re
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from itertools import accumulate, pairwise

from loancli.core.errors import InputError

PRINCIPAL_FEN_MAX = 1_000_000_000_000  # 10 billion yuan
_AMOUNT = re.compile(r"[¥￥]?([0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,11})(?:\.([0-9]{1,2}))?", re.ASCII)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．，", "0123456789.,")


class Rounding(Enum):
    """How a part of a fen (or of a jiao, a yuan) goes: contract option, half up by default (PRC-08)."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


def rounded(exact: Fraction, mode: Rounding = Rounding.HALF_UP, unit_fen: int = 1) -> int:
    """`exact` fen as a whole number of `unit_fen`. For amounts of zero and more."""
    over, under = exact.as_integer_ratio()
    return rounded_ratio(over, under * unit_fen, mode) * unit_fen


def rounded_ratio(numerator: int, denominator: int, mode: Rounding) -> int:
    """The same of a fraction that was not made one, where there are very many."""
    assert numerator >= 0, numerator
    whole, rest = divmod(numerator, denominator)
    if mode is Rounding.HALF_UP:
        up = 2 * rest >= denominator
    elif mode is Rounding.HALF_EVEN:
        up = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    elif mode is Rounding.UP:
        up = rest > 0
    else:
        up = False
    return whole + up


def whole_fen(milli_fen: int) -> int:
    """Thousandths of a fen as fen, half up: for fees, which may also be below zero (given back)."""
    return (milli_fen + 500) // 1_000


def split(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Share `total_fen` by `weights`. The parts add up to the total, whatever the weights."""
    assert min(weights) >= 0
    assert sum(weights) > 0
    marks = [total_fen * done // sum(weights) for done in accumulate(weights, initial=0)]
    return [upper - lower for lower, upper in pairwise(marks)]


def fen_of(text: str) -> int:
    """'¥1,234.50' → 123450. Raises InputError for what is not an amount of yuan with at most two decimals."""
    match = _AMOUNT.fullmatch(text.strip().translate(_FULL_WIDTH))
    if match is None:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise InputError(f"'{shown}' is not an amount in yuan with at most two decimals, such as 1234.50")
    return int(match[1].replace(",", "") + (match[2] or "").ljust(2, "0"))


def yuan(amount_fen: int) -> str:
    """-123450 → '-1,234.50'."""
    sign, whole_fen = ("-", -amount_fen) if amount_fen < 0 else ("", amount_fen)
    return f"{sign}{whole_fen // 100:,}.{whole_fen % 100:02d}"
