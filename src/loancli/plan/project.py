"""A revenue plan over many futures of the borrower's revenue, beside equal instalments on the same futures.

A quantile is a value that occurs in one of the futures (nearest rank), so that amounts stay whole fen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from loancli.core.days import Calendar, months_after
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.rates import PPM
from loancli.plan.bulk import Paths, paths
from loancli.plan.cost import of_paths
from loancli.plan.flexible import Window, run_on_rows, window_of
from loancli.plan.futures import Stress, months_ahead, of_windows, simulate
from loancli.plan.history import History
from loancli.plan.int_columns import Columns
from loancli.plan.kinds import build
from loancli.plan.product import Kind, Product
from loancli.plan.rows import Plan

BURDEN_MAX_PPM = 10_000_000  # ten times the revenue, told for "at least": also where there is no revenue at all
KNOWN_FOR_MONTHS = 12  # a history that ended longer before the start tells nothing about it
PERCENTS = (10, 50, 90)
T = TypeVar("T")


class Spread(NamedTuple, Generic[T]):
    """The values that 10, 50 and 90 of 100 futures do not exceed."""

    p10: T
    p50: T
    p90: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An instalment over the futures; `equal_fen` is that of the equal-instalments plan, 0 after its end."""

    row: Row
    window: Window
    revenue_fen: Spread[int]
    due_fen: Spread[int]
    burden_ppm: Spread[int]  # due ÷ revenue of the window
    equal_fen: int
    equal_burden_ppm: Spread[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a plan comes to over the futures."""

    paid_off_on: Spread[date]
    total_fen: Spread[int]  # all that is paid
    cost_fen: Spread[int]  # interest and fees
    apr_ppm: Spread[int]  # simple, by IRR
    worst_burden_ppm: Spread[int]  # of all windows of a future
    chance_burden_ppm: int  # that some window's burden is above the bound
    shortfall_fen: Spread[int]  # what the instalments of a future ask beyond the bound, in all
    chance_finished_ppm: int  # paid off by maturity, and not only because the rest fell due there
    rest_fen: Spread[int]  # what falls due at the end only because the term ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The answer."""

    plan: Plan
    lines: tuple[Line, ...]
    revenue_share: Result
    equal_instalments: Result


def project(
    product: Product,
    principal_fen: int,
    start_on: date,
    history: History,
    *,
    calendar: Calendar,
    periods: int | None,
    futures: int,
    seed: int,
    stress: Stress | None,
    burden_ppm: int,
) -> Projection:
    """Run both plans over the futures. InputError for a product without a share, or a history that does not lead up
    to the start."""
    if product.revenue is None:
        raise InputError(f"{product.code}: is no revenue-share plan, so that revenue does not change what is due")
    plan = build(product, principal_fen, start_on, calendar=calendar, periods=periods)
    equal = build(
        replace(product, kind=Kind.EQUAL_INSTALMENTS, revenue=None),
        principal_fen,
        start_on,
        calendar=calendar,
        periods=periods,
    )
    rows = plan.rows + run_on_rows(plan, calendar)
    windows = [window_of(product, rows, row.number) for row in rows]
    _check(history, start_on, windows[0])
    simulated = simulate(history, months_ahead(history, windows), futures=futures, seed=seed, stress=stress)
    revenue_fen = of_windows(history, simulated, windows)
    share = paths(product, rows, maturity_number=len(plan.rows), principal_fen=principal_fen, revenue_fen=revenue_fen)
    fixed = _fixed(equal, len(rows), futures)
    return Projection(
        plan=plan,
        lines=_lines(rows, windows, revenue_fen, share.due_fen, fixed.due_fen),
        revenue_share=_result(plan, rows, revenue_fen, share, burden_ppm),
        equal_instalments=_result(equal, rows, revenue_fen, fixed, burden_ppm),
    )


def _check(history: History, start_on: date, first: Window) -> None:
    if first.from_on < history.first_on:
        raise InputError(f"start: the first window begins on {first.from_on}, before the history on {history.first_on}")
    if months_after(history.end_on, KNOWN_FOR_MONTHS) <= start_on:
        raise InputError(
            f"start: {start_on} is more than {KNOWN_FOR_MONTHS} months after the history, which ends before"
            f" {history.end_on}; bring newer revenue"
        )


def _fixed(plan: Plan, windows: int, futures: int) -> Paths:
    """A plan that no revenue changes, in the shape of the other."""

    def columns(amounts_fen: list[int]) -> Columns:
        filled = amounts_fen + [0] * (windows - len(amounts_fen))
        return np.repeat(np.array(filled, dtype=np.int64)[:, np.newaxis], futures, axis=1)

    return Paths(
        interest_fen=columns([row.interest_fen for row in plan.rows]),
        principal_fen=columns([row.principal_fen for row in plan.rows]),
        fee_fen=columns([row.fee_fen for row in plan.rows]),
        rest_fen=np.zeros(futures, dtype=np.int64),
    )


def _lines(
    rows: Sequence[Row], windows: Sequence[Window], revenue_fen: Columns, due_fen: Columns, equal_fen: Columns
) -> tuple[Line, ...]:
    """The instalments up to the last that anything falls due with in some future."""
    used = np.flatnonzero((due_fen.max(axis=1) > 0) | (equal_fen[:, 0] > 0))
    count = int(used[-1]) + 1
    columns = (
        revenue_fen, due_fen, _burden_ppm(due_fen, revenue_fen), _burden_ppm(equal_fen, revenue_fen)
    )  # fmt: skip
    spreads = [np.sort(each[:count], axis=1)[:, _ranks(revenue_fen.shape[1])].tolist() for each in columns]
    return tuple(
        Line(
            row=row,
            window=window,
            revenue_fen=Spread(*revenue),
            due_fen=Spread(*due),
            burden_ppm=Spread(*burden),
            equal_fen=int(equal),
            equal_burden_ppm=Spread(*equal_burden),
        )
        for row, window, equal, revenue, due, burden, equal_burden in zip(
            rows, windows, equal_fen[:, 0], *spreads, strict=False
        )
    )


def _result(plan: Plan, rows: Sequence[Row], revenue_fen: Columns, found: Paths, burden_ppm: int) -> Result:
    due_fen = found.due_fen
    total_fen = due_fen.sum(axis=0)
    last = np.argmax(np.cumsum(found.principal_fen, axis=0) == plan.principal_fen, axis=0)
    whole, rest = np.divmod(revenue_fen, PPM)
    bearable_fen = whole * burden_ppm + rest * burden_ppm // PPM  # rounded down; in two steps, for 64 bits
    beyond_fen = np.maximum(due_fen - bearable_fen, 0)
    is_above: npt.NDArray[np.bool_] = np.any(beyond_fen > 0, axis=0)
    is_finished = (last < len(plan.rows)) & (found.rest_fen == 0)
    return Result(
        paid_off_on=Spread(*(rows[at].due_on for at in _spread(last))),
        total_fen=_spread(total_fen),
        cost_fen=_spread(total_fen - plan.principal_fen),
        apr_ppm=_spread(of_paths(plan, [row.due_on for row in rows], due_fen)),
        worst_burden_ppm=_spread(_burden_ppm(due_fen, revenue_fen).max(axis=0)),
        chance_burden_ppm=_chance_ppm(is_above),
        shortfall_fen=_spread(beyond_fen.sum(axis=0)),
        chance_finished_ppm=_chance_ppm(is_finished),
        rest_fen=_spread(found.rest_fen),
    )


def _burden_ppm(due_fen: Columns, revenue_fen: Columns) -> Columns:
    """To a hundredth of a percent, half up."""
    revenue_fen = np.maximum(revenue_fen, 0)
    part = (2 * 10_000 * due_fen + revenue_fen) // np.maximum(2 * revenue_fen, 1) * 100
    return np.where(due_fen == 0, 0, np.where(revenue_fen == 0, BURDEN_MAX_PPM, np.minimum(part, BURDEN_MAX_PPM)))


def _chance_ppm(happens: npt.NDArray[np.bool_]) -> int:
    return int(happens.sum()) * PPM // len(happens)


def _ranks(count: int) -> list[int]:
    return [max(0, -(-count * percent // 100) - 1) for percent in PERCENTS]


def _spread(values: npt.NDArray[Any]) -> Spread[Any]:
    return Spread(*np.sort(values)[_ranks(len(values))].tolist())
