"""A plan over many futures of the borrower's revenue, beside equal instalments on the same futures.

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
from loancli.outlook.bulk import Paths, paths
from loancli.outlook.futures import Stress, months_ahead, of_windows, simulate
from loancli.outlook.history import History
from loancli.plan.build import build
from loancli.plan.cost import of_paths
from loancli.plan.flexible import Window, run_on_rows, window_of
from loancli.plan.int_columns import Columns
from loancli.plan.product import Kind, Product
from loancli.plan.rows import Plan

BURDEN_MAX_PPM = 10_000_000  # ten times the revenue, told for "at least": also where there is no revenue at all
KNOWN_FOR_MONTHS = 12  # a history that ended longer before the start tells nothing about it
PERCENTS = (10, 50, 90)
KINDS = {  # those with an instalment in every period, which can be held against the revenue of its window
    Kind.REVENUE_SHARE,
    Kind.BIG_SMALL_MONTHS,
    Kind.EQUAL_INSTALMENTS,
    Kind.EQUAL_PRINCIPAL,
    Kind.INTEREST_FIRST,
    Kind.BALLOON,
    Kind.STEPPED,
}
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
    chance_kept_ppm: int  # so paid off, and no window's burden above the bound
    rest_fen: Spread[int]  # what falls due at the end only because the term ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The answer."""

    plan: Plan
    lines: tuple[Line, ...]
    result: Result
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
    """Run both plans over the futures. InputError for a product that is not paid in instalments by agreed days, or a
    history that does not lead up to the start."""
    check_kind(product)
    plan = build(product, principal_fen, start_on, calendar=calendar, periods=periods)
    equal = build(equal_terms(product), principal_fen, start_on, calendar=calendar, periods=periods)
    rows = plan.rows + run_on_rows(plan, calendar)
    windows = [window_of(product, rows, row.number) for row in rows]
    check_history(history, start_on, windows[0])
    revenue_fen = window_revenue(history, windows, futures=futures, seed=seed, stress=stress)
    own = paths_of(plan, rows, revenue_fen)
    fixed = paths_of(equal, rows, revenue_fen)
    return Projection(
        plan=plan,
        lines=_lines(rows, windows, revenue_fen, own.due_fen, fixed.due_fen),
        result=result_of(plan, rows, revenue_fen, own, burden_ppm),
        equal_instalments=result_of(equal, rows, revenue_fen, fixed, burden_ppm),
    )


def equal_terms(product: Product) -> Product:
    """The terms that a product has as equal instalments: what it is set beside."""
    return replace(
        product,
        kind=Kind.EQUAL_INSTALMENTS,
        weights=(),
        weights_by_season=False,
        balloon=None,
        step=None,
        revenue=None,
    )


def check_kind(product: Product) -> None:
    """InputError for a product whose instalments cannot be held against revenue windows."""
    if product.kind not in KINDS:
        raise InputError(
            f"{product.code}: kind {product.kind.value} has no instalment for each period to hold against its revenue"
        )
    if product.revenue and product.breathing_space and product.breathing_space.at_start:
        raise InputError(
            f"{product.code}: breathing_space.at_start: a share that first breathes is not projected; write 0 to see"
            f" what it asks for afterwards"
        )
    if product.roll_interest:
        raise InputError(f"{product.code}: roll_interest: a revenue window ends by the agreed due day; write false")


def check_history(history: History, start_on: date, first: Window) -> None:
    """InputError for a history that does not lead up to the start, or begins after the first window."""
    if first.from_on < history.first_on:
        raise InputError(f"start: the first window begins on {first.from_on}, before the history on {history.first_on}")
    if months_after(history.end_on, KNOWN_FOR_MONTHS) <= start_on:
        raise InputError(
            f"start: {start_on} is more than {KNOWN_FOR_MONTHS} months after the history, which ends before"
            f" {history.end_on}; bring newer revenue"
        )


def window_revenue(
    history: History, windows: Sequence[Window], *, futures: int, seed: int, stress: Stress | None
) -> Columns:
    """The revenue of each window (rows) in each future (columns)."""
    simulated = simulate(history, months_ahead(history, windows), futures=futures, seed=seed, stress=stress)
    return of_windows(history, simulated, windows)


def paths_of(plan: Plan, rows: Sequence[Row], revenue_fen: Columns) -> Paths:
    """What the plan asks for in each future; `rows` are its own, or more of them where the term may run on."""
    if plan.product.revenue is None:
        return _fixed(plan, len(rows), revenue_fen.shape[1])
    return paths(
        plan.product,
        rows,
        maturity_number=len(plan.rows),
        principal_fen=plan.principal_fen,
        revenue_fen=revenue_fen,
    )


def _fixed(plan: Plan, windows: int, futures: int) -> Paths:
    """A plan that no revenue changes, in the shape of those that it does."""

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
        revenue_fen, due_fen, burden_ppm_of(due_fen, revenue_fen), burden_ppm_of(equal_fen, revenue_fen)
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


class Tally(NamedTuple):
    """What each future comes to, one number for each."""

    last: Columns  # the index of the row that pays off
    total_fen: Columns
    worst_burden_ppm: Columns
    beyond_fen: Columns  # asked beyond the bound, in all
    rest_fen: Columns
    is_finished: npt.NDArray[np.bool_]  # by maturity, and not only because the rest fell due there


def tally_of(plan: Plan, revenue_fen: Columns, found: Paths, burden_ppm: int) -> Tally:
    """Each future of the plan; `burden_ppm` is the bound of a window's burden."""
    due_fen = found.due_fen
    last = np.argmax(np.cumsum(found.principal_fen, axis=0) == plan.principal_fen, axis=0)
    whole, rest = np.divmod(revenue_fen, PPM)
    bearable_fen = whole * burden_ppm + rest * burden_ppm // PPM  # rounded down; in two steps, for 64 bits
    return Tally(
        last=last,
        total_fen=due_fen.sum(axis=0),
        worst_burden_ppm=burden_ppm_of(due_fen, revenue_fen).max(axis=0),
        beyond_fen=np.maximum(due_fen - bearable_fen, 0).sum(axis=0),
        rest_fen=found.rest_fen,
        is_finished=(last < len(plan.rows)) & (found.rest_fen == 0),
    )


def result_of(plan: Plan, rows: Sequence[Row], revenue_fen: Columns, found: Paths, burden_ppm: int) -> Result:
    """What the plan comes to over the futures; `burden_ppm` is the bound of a window's burden."""
    each = tally_of(plan, revenue_fen, found, burden_ppm)
    return Result(
        paid_off_on=Spread(*(rows[at].due_on for at in spread_of(each.last))),
        total_fen=spread_of(each.total_fen),
        cost_fen=spread_of(each.total_fen - plan.principal_fen),
        apr_ppm=spread_of(of_paths(plan, [row.due_on for row in rows], found.due_fen)),
        worst_burden_ppm=spread_of(each.worst_burden_ppm),
        chance_burden_ppm=chance_ppm_of(each.beyond_fen > 0),
        shortfall_fen=spread_of(each.beyond_fen),
        chance_finished_ppm=chance_ppm_of(each.is_finished),
        chance_kept_ppm=chance_ppm_of(each.is_finished & (each.beyond_fen == 0)),
        rest_fen=spread_of(each.rest_fen),
    )


def burden_ppm_of(due_fen: Columns, revenue_fen: Columns) -> Columns:
    """Due ÷ revenue of the window, to a hundredth of a percent, half up."""
    revenue_fen = np.maximum(revenue_fen, 0)
    part = (2 * 10_000 * due_fen + revenue_fen) // np.maximum(2 * revenue_fen, 1) * 100
    return np.where(due_fen == 0, 0, np.where(revenue_fen == 0, BURDEN_MAX_PPM, np.minimum(part, BURDEN_MAX_PPM)))


def chance_ppm_of(happens: npt.NDArray[np.bool_]) -> int:
    """In how many of the futures it happens."""
    return int(happens.sum()) * PPM // len(happens)


def _ranks(count: int) -> list[int]:
    return [max(0, -(-count * percent // 100) - 1) for percent in PERCENTS]


def spread_of(values: npt.NDArray[Any]) -> Spread[Any]:
    """The quantiles of one number for each future."""
    return Spread(*np.sort(values)[_ranks(len(values))].tolist())
