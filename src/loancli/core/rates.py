"""Rates are whole parts per million a year (146000 = 14.6 %); interest is an exact fraction of a fen."""

import re
from datetime import date
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from loancli.core.errors import InputError

PPM = 1_000_000
_RATE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)\s*(%|‰|bp|ppm)?\s*(?:/?\s*(year|month|day|年|月|日))?", re.ASCII)
_SHARE = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?) ?%", re.ASCII)
_UNIT_PPM = {"%": 10_000, "‰": 1_000, "bp": 100, "ppm": 1}
_QUOTED_PER_YEAR = {"year": 1, "年": 1, "month": 12, "月": 12, "day": 360, "日": 360}


class DayCount(Enum):
    """How days become years. EQUAL_MONTHS: every month is a twelfth; inside a period, by its days."""

    ACT_360 = "act/360"
    ACT_365F = "act/365"
    ACT_ACT = "act/act"
    THIRTY_360 = "30/360"
    EQUAL_MONTHS = "equal_months"


class Period(NamedTuple):
    """The interest period [from_on, to_on) and the months it stands for (0: not made of whole months)."""

    from_on: date
    to_on: date
    months: int


def year_fraction(day_count: DayCount, from_on: date, to_on: date, period: Period | None = None) -> Fraction:
    """Years from `from_on` (counted) to `to_on` (not counted, PRC-08). EQUAL_MONTHS needs the period around them.

    30/360 is the bond basis of ISDA 2006 §4.16(f); ACT/ACT is ISDA's: each day over the days of its own year.
    """
    return Fraction(*year_parts(day_count, from_on, to_on, period))


def year_parts(day_count: DayCount, from_on: date, to_on: date, period: Period | None = None) -> tuple[int, int]:
    """As `year_fraction`, as a numerator and a denominator that may have a factor in common: to be multiplied on."""
    assert from_on <= to_on, (from_on, to_on)
    days = (to_on - from_on).days
    if day_count is DayCount.ACT_360:
        return days, 360
    if day_count is DayCount.ACT_365F:
        return days, 365
    if day_count is DayCount.ACT_ACT:
        return _act_act(from_on, to_on).as_integer_ratio()
    if day_count is DayCount.THIRTY_360:
        from_day = min(from_on.day, 30)
        to_day = 30 if to_on.day == 31 and from_day == 30 else to_on.day
        months = 12 * (to_on.year - from_on.year) + to_on.month - from_on.month
        return 30 * months + to_day - from_day, 360
    assert period is not None
    assert period.months > 0
    return days * period.months, (period.to_on - period.from_on).days * 12


def _act_act(from_on: date, to_on: date) -> Fraction:
    total = Fraction(0)
    for year in range(from_on.year, to_on.year + 1):
        first, next_first = date(year, 1, 1), date(year + 1, 1, 1)
        days = (min(to_on, next_first) - max(from_on, first)).days
        total += Fraction(days, (next_first - first).days)
    return total


def interest_exact(principal_fen: int, annual_rate_ppm: int, years: Fraction | tuple[int, int]) -> Fraction:
    """Simple interest as an exact fraction of a fen: principal × rate × years (or their `year_parts`)."""
    over, under = years if isinstance(years, tuple) else years.as_integer_ratio()
    return Fraction(principal_fen * annual_rate_ppm * over, PPM * under)


def rate_ppm_of(text: str) -> int:
    """'14.6%', '1.2% /month', '5bp /day', '146000ppm' → parts per million a year, exactly, or InputError.

    A daily quote counts 360 days, a monthly one 12 months (PRC-08).
    """
    match = _RATE.fullmatch(text.strip().replace("％", "%"))
    if match is None or match[2] is None:
        raise InputError(f"'{text}' is not a rate; write it as '14.6%', '1.2% /month' or '5bp /day'")
    exact = Fraction(match[1]) * _UNIT_PPM[match[2]] * _QUOTED_PER_YEAR[match[3] or "year"]
    if exact.denominator != 1:
        raise InputError(f"'{text}' is not a whole number of millionths a year; quote it with fewer decimals")
    return exact.numerator


def share_ppm_of(text: str) -> int:
    """'12.5%' → 125000: a part of a whole, with up to four decimals. Raises InputError."""
    match = _SHARE.fullmatch(text.strip().replace("％", "%"))
    if match is None:
        raise InputError(f"'{text[:40]}' is not a share; write it as '12.5%'")
    return int(Fraction(match[1]) * 10_000)


def percent(ppm: int) -> str:
    """146000 → '14.6%'."""
    whole, rest = divmod(abs(ppm), 10_000)
    decimals = f".{rest:04d}".rstrip("0").rstrip(".")
    return f"{'-' if ppm < 0 else ''}{whole}{decimals}%"
