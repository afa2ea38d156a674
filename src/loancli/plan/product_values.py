"""What stands at a key of a product file, as a value of the terms.

Each function raises ValueError, TypeError, KeyError, AttributeError or InputError for anything but what its docstring
names; product_model.py tells the user what is allowed.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from loancli.core.errors import InputError
from loancli.core.money import fen_of
from loancli.core.rates import PPM, share_ppm_of
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.product import Base, Bound, Frequency, Pays, PrincipalBack

Place = tuple[str | int, ...]  # the path of a key: ('fees', 0, 'amount')

SEASON = "season"  # weights that a borrower's revenue will give
PARTS = ("fee", "penalty", "interest", "principal")
UNITS_FEN = {"fen": 1, "jiao": 10, "yuan": 100}
FREQUENCIES = {
    "weekly": Frequency(days=7),
    "half_monthly": Frequency(half_monthly=True),
    "monthly": Frequency(months=1),
    "quarterly": Frequency(months=3),
}
_EVERY_DAYS = re.compile(r"every ([1-9][0-9]{0,2}) days?")
_OF_INSTALMENT = re.compile(r"(.*%) of instalment")
_OF_LEVEL = re.compile(r"(.*%) of level")
_OF_DRAWN = re.compile(r"(.*%) of drawn")
_YUAN = re.compile(r"(.*[0-9]) yuan")
_RATIO = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)


def text_of(value: str) -> str:
    """One line of text, without the space around it."""
    if not value.strip() or len(value) > 400 or not value.isprintable():
        raise ValueError
    return value.strip()


def flag_of(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def whole_of(low: int, high: int) -> Callable[[object], int]:
    """A reader of whole numbers from `low` to `high`."""

    def convert(value: object) -> int:
        if type(value) is not int or not low <= value <= high:  # a bool is an int to isinstance
            raise ValueError
        return value

    return convert


def yuan_fen_of(value: object) -> int:
    """A quoted amount or a whole number of yuan; 0.1 without quotes is refused, as it is not a number of fen."""
    if type(value) is int:
        return fen_of(str(value))
    if not isinstance(value, str):
        raise TypeError
    return fen_of(value)


def share_of(value: str) -> int:
    """'12%' → 120000."""
    try:
        return share_ppm_of(value)
    except InputError:
        raise ValueError from None


def bound_of(value: str) -> Bound:
    """'interest', '60% of level' or '300 yuan'."""
    if value == Base.INTEREST.value:
        return Bound(base=Base.INTEREST)
    if match := _OF_LEVEL.fullmatch(value):
        return Bound(base=Base.LEVEL, value=share_of(match[1]))
    match = _YUAN.fullmatch(value)
    if match is None:
        raise ValueError
    return Bound(base=Base.YUAN, value=fen_of(match[1]))


def pays_of(value: str) -> Pays:
    """'interest', 'nothing' or '50% of instalment'."""
    if value == "interest":
        return Pays(interest=True)
    match = _OF_INSTALMENT.fullmatch(value)
    if match is None and value != "nothing":
        raise ValueError
    return Pays(part_ppm=share_of(match[1]) if match else 0)


def part_of(value: str) -> tuple[int, int]:
    """'30%' → (0, 300000); '5000 yuan' → (500000, 0)."""
    if match := _YUAN.fullmatch(value):
        return fen_of(match[1]), 0
    return 0, share_of(value)


def fraction_of(value: str) -> tuple[int, int]:
    """'1/18' → (1, 18); '10%' → (1, 10)."""
    match = _RATIO.fullmatch(value)
    found = Fraction(int(match[1]), int(match[2])) if match else Fraction(share_of(value), PPM)
    return found.numerator, found.denominator


def signed_part_of(value: str) -> tuple[int, int]:
    """As `part_of`, and '-5%' → (0, -50000)."""
    fen, ppm = part_of(value.removeprefix("-"))
    return (-fen, -ppm) if value.startswith("-") else (fen, ppm)


def principal_back_of(value: str) -> tuple[PrincipalBack, int]:
    """'10% of drawn' → (SHARE, 100000)."""
    if match := _OF_DRAWN.fullmatch(value):
        return PrincipalBack.SHARE, share_of(match[1])
    if value == PrincipalBack.SHARE.value:
        raise ValueError
    return PrincipalBack(value), 0


def frequency_of(value: str) -> Frequency:
    """'monthly' and the like, or 'every 10 days'."""
    if match := _EVERY_DAYS.fullmatch(value):
        return Frequency(days=int(match[1]))
    return FREQUENCIES[value]


def words_of(known: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    """A reader of lists of `known` words, each at most once."""

    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not set(value) <= set(known) or len(set(value)) != len(value):
            raise ValueError
        return tuple(value)

    return convert


def weights_of(value: Any) -> tuple[int, ...] | str:
    """A list of whole numbers from 0 to 1000, or 'season'."""
    if value == SEASON:
        return SEASON
    if not isinstance(value, list) or len(value) > PERIODS_MAX:
        raise ValueError
    return tuple(whole_of(0, 1000)(weight) for weight in value)
