"""Futures of a borrower's revenue: season × trend × noise, from the months that are known. Reasons stand at each step.

This is the one step of a projection that is no arithmetic of money, so floats are right here; what leaves it is whole
fen. Every float comes from single IEEE operations in a fixed order or from `fsum`, never from a sum that a processor
may order otherwise, and every draw from PCG64: the same seed gives the same fen on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import accumulate
from math import floor, fsum, sqrt
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loancli.core.days import months_after
from loancli.core.rates import PPM
from loancli.outlook.history import History
from loancli.plan.flexible import Window
from loancli.plan.int_columns import Columns

MONTHS_A_YEAR = 12
BLOCK_MONTHS = 3  # a bad month seldom comes alone: noise is drawn in quarters, so that its runs survive
SHRUNK = 0.5  # how much of a month's season is believed that was seen once: it may as well be chance
DAMPING = 0.9  # of the trend, each month: it fades, because few shops grow or shrink for ever (Gardner, McKenzie 1985)
TREND_MAX = 0.03  # a month, of the level at the end: up or down 27 % in all at most
PAIRS_MIN = 3  # months a year apart that a trend needs: one year alone cannot tell a trend from a season
STARTED = 0.05  # added to both sides of a ratio, so that a month in which a shop is always shut divides nothing by 0


class Stress(StrEnum):
    """What else may happen."""

    MINUS_30 = "minus_30"  # all revenue 30 % lower
    DEAD_MONTHS = "dead_months"  # two months in a row without revenue, at a random place
    LATE_SEASON = "late_season"  # each month is like the one before it in the calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What a history shows: revenue of month t = level × trend × season × noise."""

    level_fen: float  # at the end of the history
    trend: float  # part of the level a month
    season: tuple[float, ...]  # January … December
    noise: tuple[float, ...]  # of each month, about 1


def pattern(history: History) -> Pattern:
    """Level, trend, season and noise of a history.

    The trend is the median change between months a year apart (seasonal Kendall slope: Hirsch, Slack and Smith 1982),
    which neither the season nor one odd month moves. The season of a month is its mean part of the level: fully
    believed if it was seen twice, half if once, 1 if never. What neither explains is noise; of that, a mean of n months
    has taken up a part, so that it is widened by √(n / (n − 1)).
    """
    known = history.months_fen
    months = [months_after(history.first_on, number).month for number in range(len(known))]
    mean_fen = fsum(known) / len(known)
    slopes = [
        (known[late] - known[early]) / (late - early)
        for early in range(len(known))
        for late in range(early + MONTHS_A_YEAR, len(known), MONTHS_A_YEAR)
    ]
    trend = median(slopes) / mean_fen if len(slopes) >= PAIRS_MIN else 0.0
    trend = min(max(trend, -TREND_MAX), TREND_MAX)
    last = len(known) - 1
    level = [max(0.1, 1.0 + trend * (number - last)) for number in range(len(known))]
    flat = [fen / part for fen, part in zip(known, level, strict=True)]
    level_fen = fsum(flat) / len(flat)
    parts = [each / level_fen for each in flat]
    season = []
    for month in range(1, MONTHS_A_YEAR + 1):
        seen = [part for part, its_month in zip(parts, months, strict=True) if its_month == month]
        believed = 0.0 if not seen else SHRUNK if len(seen) == 1 else 1.0
        season.append(1.0 + believed * (fsum(seen) / len(seen) - 1.0) if seen else 1.0)
    noise = []
    for part, month in zip(parts, months, strict=True):
        drift = (part + STARTED) / (season[month - 1] + STARTED) - 1.0
        times = months.count(month)
        noise.append(max(0.0, 1.0 + drift * sqrt(times / (times - 1)) if times > 1 else 1.0 + drift))
    mean_noise = fsum(noise) / len(noise)
    return Pattern(
        level_fen=level_fen,
        trend=trend,
        season=tuple(season),
        noise=tuple(each / mean_noise for each in noise),
    )


def season_ppm(history: History) -> tuple[int, ...]:
    """The season of each calendar month, January … December, in ppm of the usual one."""
    return tuple(floor(part * PPM + 0.5) for part in pattern(history).season)


class Simulated(NamedTuple):
    """The months after a history (rows) in each future (columns): fen, and the known month whose noise each drew."""

    fen: Columns
    drawn: Columns


def simulate(history: History, months: int, *, futures: int, seed: int, stress: Stress | None) -> Simulated:
    """The `months` months after the history, in so many futures.

    The noise is drawn in blocks from the ring of the known months (circular block bootstrap: Politis and Romano 1992),
    so that each of them is as likely as every other. Draws of a stress come after all others.
    """
    found = pattern(history)
    random = np.random.Generator(np.random.PCG64(seed))
    blocks = -(-months // BLOCK_MONTHS)
    starts = random.integers(0, len(found.noise), size=(blocks, futures))
    noise = np.array(found.noise)
    revenue: npt.NDArray[np.float64] = np.empty((months, futures))
    drawn = np.empty((months, futures), dtype=np.int64)
    season_shift = 1 if stress is Stress.LATE_SEASON else 0
    grown, step = 0.0, found.trend
    for ahead in range(months):
        block, inside = divmod(ahead, BLOCK_MONTHS)
        step *= DAMPING
        grown += step
        month = months_after(history.end_on, ahead - season_shift).month
        drawn[ahead] = (starts[block] + inside) % len(noise)
        part = np.maximum((found.season[month - 1] + STARTED) * noise[drawn[ahead]] - STARTED, 0.0)
        revenue[ahead] = part * (found.level_fen * (1.0 + grown))
    if stress is Stress.MINUS_30:
        revenue *= 0.7
    if stress is Stress.DEAD_MONTHS and months:
        at = random.integers(0, max(1, months - 1), size=futures)
        every = np.arange(futures)
        revenue[at, every] = 0.0
        revenue[np.minimum(at + 1, months - 1), every] = 0.0
    return Simulated(np.floor(revenue + 0.5).astype(np.int64), drawn)


def of_windows(history: History, simulated: Simulated, windows: Sequence[Window]) -> Columns:
    """The revenue of each window (rows): what is known of it, then what is simulated.

    A window that cuts into a month has its days' part of it. Where days are known, a simulated month goes by the days
    of the month whose noise it drew, so that weeks are as uneven as they were; else evenly. Windows add up to months.
    """
    found = np.zeros((len(windows), simulated.fen.shape[1]), dtype=np.int64)
    known = np.array(history.months_fen, dtype=np.int64)
    shapes = [list(accumulate(days, initial=0)) for days in history.days]
    for number, window in enumerate(windows):
        month_on = window.from_on.replace(day=1)
        while month_on <= window.to_on:
            next_on = months_after(month_on, 1)
            first = max(0, (window.from_on - month_on).days)
            end = (min(window.to_on + timedelta(days=1), next_on) - month_on).days
            days = (next_on - month_on).days
            at = _months_between(history.first_on, month_on)
            ahead = at - len(known)
            month = known[at] if ahead < 0 else simulated.fen[ahead]
            drawn = np.array(at) if ahead < 0 else simulated.drawn[ahead]
            found[number] += _up_to(month, end, days, shapes, drawn) - _up_to(month, first, days, shapes, drawn)
            month_on = next_on
    return found


def _up_to(month: Columns, day: int, days: int, shapes: Sequence[Sequence[int]], drawn: Columns) -> Columns:
    """What of a month has come in after so many of its days; a month that was longer or shorter is stretched."""
    if day in {0, days}:
        return month if day else month * 0
    even_ppm = day * PPM // days
    reached = [shape[day * (len(shape) - 1) // days] * PPM // shape[-1] if shape[-1] else even_ppm for shape in shapes]
    part_ppm = np.array(reached)[drawn] if reached else even_ppm
    whole, rest = np.divmod(month, PPM)
    found: Columns = whole * part_ppm + rest * part_ppm // PPM  # in two steps, for 64 bits
    return found


def months_ahead(history: History, windows: Sequence[Window]) -> int:
    """How many months have to be simulated for the windows."""
    return max(0, _months_between(history.end_on, windows[-1].to_on.replace(day=1)) + 1)


def _months_between(from_on: date, to_on: date) -> int:
    return MONTHS_A_YEAR * (to_on.year - from_on.year) + to_on.month - from_on.month
