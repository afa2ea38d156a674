"""Plans over the same futures: run once for each number of windows, judged on some of the futures or on all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

import numpy as np

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.outlook.bulk import Paths
from loancli.outlook.futures import Stress, months_ahead, of_windows, simulate
from loancli.outlook.history import History
from loancli.outlook.project import (
    Result,
    chance_ppm_of,
    check_history,
    equal_terms,
    paths_of,
    result_of,
    spread_of,
    tally_of,
)
from loancli.plan.build import build
from loancli.plan.flexible import run_on_rows, window_of
from loancli.plan.int_columns import Columns
from loancli.plan.product import Product
from loancli.plan.rows import Plan

SAMPLE = 500  # futures of the first look


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a plan has to keep."""

    burden_ppm: int  # the P90 of the worst window's burden is at most this
    chance_ppm: int  # the chance to be paid off by maturity is at least this
    periods_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A plan that was run over all futures. Its product says all that is signed: `periods` is its term."""

    plan: Plan
    result: Result


class Figures(NamedTuple):
    """What decides about a plan."""

    burden_ppm: int  # P90 of the worst window
    finished_ppm: int
    kept_ppm: int  # finished by maturity, and no window above the bound
    cost_fen: int  # P50
    rest_fen: int  # P90

    def excess_ppm(self, bounds: Bounds) -> int:
        """By how much both bounds together are missed; 0 for a plan that fits."""
        return max(0, self.burden_ppm - bounds.burden_ppm) + max(0, bounds.chance_ppm - self.finished_ppm)


class Runs:
    """Plans over the futures of one borrower. A longer term has the same draws, and then more of them."""

    def __init__(
        self,
        principal_fen: int,
        start_on: date,
        history: History,
        *,
        calendar: Calendar,
        bounds: Bounds,
        futures: int,
        seed: int,
        stress: Stress | None,
    ) -> None:
        self.principal_fen, self.bounds, self.futures, self.sample = (
            principal_fen,
            bounds,
            futures,
            min(SAMPLE, futures),
        )
        self._start_on, self._history, self._calendar = start_on, history, calendar
        self._simulate = cache(lambda months: simulate(history, months, futures=futures, seed=seed, stress=stress))
        self._revenue: dict[tuple[int, int], Columns] = {}
        self._figures: dict[tuple[Product, int, int], Figures] = {}

    def check(self, frame: Product) -> None:
        """InputError for a history that does not lead up to the start, a principal or days that the frame forbids."""
        check_history(self._history, self._start_on, window_of(frame, self.plan(equal_terms(frame)).rows, 1))

    def plan(self, product: Product, principal_fen: int | None = None) -> Plan:
        """The plan of the product over its own number of periods."""
        return build(product, principal_fen or self.principal_fen, self._start_on, calendar=self._calendar)

    def is_sound(self, product: Product, principal_fen: int | None = None) -> bool:
        """Whether there is such a plan: the weakest months of a season may leave its last instalment nothing."""
        try:
            self.plan(product, principal_fen)
        except InputError:
            return False
        return True

    def figures(self, product: Product, count: int, principal_fen: int | None = None) -> Figures:
        """The plan on the first `count` futures, which are `sample` or all `futures`."""
        known = (product, count, principal_fen or self.principal_fen)
        if known not in self._figures:
            plan, _, revenue_fen, found = self._run(product, count, principal_fen)
            each = tally_of(plan, revenue_fen, found, self.bounds.burden_ppm)
            self._figures[known] = Figures(
                burden_ppm=spread_of(each.worst_burden_ppm).p90,
                finished_ppm=chance_ppm_of(each.is_finished),
                kept_ppm=chance_ppm_of(each.is_finished & (each.beyond_fen == 0)),
                cost_fen=spread_of(each.total_fen).p50 - plan.principal_fen,
                rest_fen=spread_of(each.rest_fen).p90,
            )
        return self._figures[known]

    def fitted(self, product: Product) -> Fitted:
        """The plan on all futures, with everything that is told of it: as `project` finds it."""
        plan, rows, revenue_fen, found = self._run(product, self.futures, None)
        return Fitted(plan=plan, result=result_of(plan, rows, revenue_fen, found, self.bounds.burden_ppm))

    def _run(
        self, product: Product, count: int, principal_fen: int | None
    ) -> tuple[Plan, tuple[Row, ...], Columns, Paths]:
        plan = self.plan(product, principal_fen)
        rows = plan.rows + run_on_rows(plan, self._calendar)
        revenue_fen = self._revenue_of(product, rows, count)
        return plan, rows, revenue_fen, paths_of(plan, rows, revenue_fen)

    def _revenue_of(self, product: Product, rows: Sequence[Row], count: int) -> Columns:
        """All plans of a frame have the same windows, and differ only in how many."""
        if (len(rows), count) not in self._revenue:
            windows = [window_of(product, rows, row.number) for row in rows]
            simulated = self._simulate(months_ahead(self._history, windows))
            every = of_windows(self._history, simulated, windows)
            self._revenue[len(rows), self.futures] = every
            self._revenue[len(rows), self.sample] = np.ascontiguousarray(every[:, : self.sample])
        return self._revenue[len(rows), count]
