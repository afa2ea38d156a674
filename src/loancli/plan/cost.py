"""What a plan costs a year, by internal rate of return with every fee (PRC-01, PRC-02).

A yearly rate is a figure to report, not an amount of money: this is the one file of the room where floats are right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from loancli.core.errors import InputError
from loancli.core.rates import interest_exact
from loancli.plan.due_days import HALF_MONTH_DAYS, period_of, years_of
from loancli.plan.fixed_fee import curve_of
from loancli.plan.flexible import Owed, Progress, WindowRevenue, fix_instalment, is_checkpoint, level_fen
from loancli.plan.product import Kind
from loancli.plan.rows import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Flow = tuple[date, int]  # fen on a day; the loan is above 0, what is paid back below

MONTHS_A_YEAR = 12
DAYS_A_YEAR = 365  # PRC-02
NEWTON_STEPS_MAX = 50
NEWTON_NEAR = 1e-13
ENOUGH = 10_000_000  # times what is owed: revenue of which the smallest share would repay it at once
BEYOND_SENSE_PPM = 100_000_000  # 10,000 % a year
SURE_PPM = 51  # half of 0.01 %, and one more
SCALE = 1e6  # pyxirr is content with a rest below an absolute bound: loans of 1 fen and of 10 billion yuan alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Apr:
    """The yearly cost. Compound, (1 + i)^m − 1, is what the notice names; simple, i × m, must be called so (PRC-01)."""

    periodic_irr: float  # i
    periods_a_year: float  # m
    simple_percent: float
    compound_percent: float

    @property
    def simple_ppm(self) -> int:
        """The simple figure as it is shown and as it counts: to 0.01 %."""
        return 100 * math.floor(self.simple_percent * 100 + 0.5)

    @property
    def compound_ppm(self) -> int:
        """The compound figure, likewise."""
        return 100 * math.floor(self.compound_percent * 100 + 0.5)

    @property
    def compound_shown(self) -> str:
        """The compound figure in percent; one beyond all sense, as of a fee repaid within a day, by its size."""
        if self.compound_ppm > BEYOND_SENSE_PPM:
            return f"> {BEYOND_SENSE_PPM // 10_000}"
        return f"{self.compound_ppm // 10_000}.{self.compound_ppm % 10_000 // 100:02d}"


def apr(flows: Sequence[Flow], *, periods_a_year: Fraction | None = None) -> Apr:
    """The yearly cost of dated flows (days/365, PRC-02), or of one flow a period if `periods_a_year` is given.

    In dated flows a period is a month, so that both figures can be compared with those of a monthly plan. A credit line
    may be drawn again between repayments. Raises InputError for flows that have no one answer.
    """
    ordered = list(flows) if periods_a_year else sorted(flows, key=lambda flow: flow[0])
    signs = [fen > 0 for _, fen in ordered if fen]
    changes = sum(before != after for before, after in pairwise(signs))
    is_lent_again = periods_a_year is None and changes > 1
    if (changes != 1 and not is_lent_again) or not signs or not signs[0] or signs[-1]:
        raise InputError(
            f"no one yearly rate fits these {len(ordered)} flows: they change between in and out {changes} times;"
            f" a loan is paid out first and paid back after"
        )
    import pyxirr

    greatest_fen = max(abs(fen) for _, fen in ordered)
    amounts = [SCALE * fen / greatest_fen for _, fen in ordered]
    if periods_a_year:
        rate, periods = pyxirr.irr(amounts), float(periods_a_year)
    else:
        rate, periods = pyxirr.xirr([day for day, _ in ordered], amounts), float(MONTHS_A_YEAR)
    if rate is None or not math.isfinite(rate) or rate <= -1:
        raise InputError("no yearly rate fits these flows: what is paid back is too far from what was lent")
    if is_lent_again and not _is_always_lent(ordered, rate):
        raise InputError("no one yearly rate fits these flows: more is paid back than was lent, before more is lent")
    periodic = rate if periods_a_year else (1 + rate) ** (1 / periods) - 1
    return Apr(
        periodic_irr=periodic,
        periods_a_year=periods,
        simple_percent=100 * periodic * periods,
        compound_percent=100 * ((1 + periodic) ** periods - 1),
    )


class Paid(NamedTuple):
    """What is paid on a due day, in fen."""

    due_on: date
    principal_fen: int
    interest_fen: int
    fee_fen: int


def as_planned(plan: Plan) -> list[Paid]:
    """Every row, paid when due."""
    return [Paid(row.due_on, row.principal_fen, row.interest_fen, row.fee_fen) for row in plan.rows]


def of_path(plan: Plan, path: Sequence[Paid]) -> Apr:
    """The yearly cost of a plan paid so, counted as the plan itself is."""
    paid = ((each.due_on, -each.principal_fen - each.interest_fen - each.fee_fen) for each in path)
    return apr([(plan.start_on, plan.principal_fen), *paid], periods_a_year=_periods_a_year(plan))


def _is_always_lent(flows: Sequence[Flow], yearly: float) -> bool:
    """Is something owed until the last day, at that rate? Then no other rate fits the flows (Soper 1959)."""
    near = max(abs(fen) for _, fen in flows) / SCALE
    balance, before_on = 0.0, flows[0][0]
    for day in sorted({day for day, _ in flows}):
        balance *= (1 + yearly) ** ((day - before_on).days / DAYS_A_YEAR)
        balance += sum(fen for on, fen in flows if on == day)
        before_on = day
        if balance < -near:
            return False
    return True


def of_plan(plan: Plan) -> Apr:
    """The yearly cost if every row is paid when due: by equal periods, or by days where the periods are not equal."""
    return apr(plan.flows, periods_a_year=_periods_a_year(plan))


def is_surely_below(plan: Plan, simple_ppm: int) -> bool:
    """Would `of_plan` say less than so much a year, or just as much? No figure is sought; False where only it can tell.

    Of a changed plan, counted by days. One amount is lent and all others are paid back, so what they are worth on the
    day of the payout falls as the rate rises, and meets what was lent at one rate only, the cost. If at the rate asked
    about they are worth less than that, the cost is below it. The figure is shown to 0.01 %: half of that is taken off,
    and `SURE_PPM` for whatever floats leave open.
    """
    if plan.changed_on is None or any(paid.principal_fen + paid.interest_fen <= 0 for paid in plan.prepaid):
        return False
    month = (simple_ppm - SURE_PPM) / 1e6 / MONTHS_A_YEAR
    if month <= 0:
        return False
    day = (1 + month) ** (-MONTHS_A_YEAR / DAYS_A_YEAR)  # what a fen a day later is worth
    from_number = plan.start_on.toordinal()
    worth: float = sum([each.due_fen * day ** (each.due_on.toordinal() - from_number) for each in plan.rows])
    if plan.prepaid:
        paid = ((each.principal_fen + each.interest_fen, each.paid_on.toordinal()) for each in plan.prepaid)
        worth += sum([fen * day ** (number - from_number) for fen, number in paid])
    return 0 < worth < plan.principal_fen


def of_paths(plan: Plan, due_on: Sequence[date], due_fen: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """The simple yearly cost in ppm of each column of `due_fen`, what is paid on the days: as `of_plan`, to 0.01 %.

    What is due, as a function of the discount factor, rises and is convex, and at 1 it is at least what was lent: so
    Newton's steps from there never overshoot.
    """
    import numpy as np

    periods_a_year = _periods_a_year(plan)
    if periods_a_year:
        times = [float(number) for number in range(1, len(due_on) + 1)]
    else:
        times = [(day - plan.start_on).days / DAYS_A_YEAR for day in due_on]
    assert (due_fen.sum(axis=0) >= plan.principal_fen).all()
    flows = due_fen.astype(np.float64)
    discount = np.ones(due_fen.shape[1])
    for _ in range(NEWTON_STEPS_MAX):
        worth, slope = np.zeros_like(discount), np.zeros_like(discount)
        for time, flow in zip(times, flows, strict=True):
            present = flow * discount**time
            worth += present
            slope += time * present
        step = (worth - plan.principal_fen) * discount / slope
        discount -= step
        if np.abs(step).max(initial=0) < NEWTON_NEAR:
            break
    rate = 1 / discount - 1
    if not periods_a_year:
        rate = (1 + rate) ** (1 / MONTHS_A_YEAR) - 1  # a month
    simple = rate * float(periods_a_year or MONTHS_A_YEAR)
    return np.floor(simple * 10_000 + 0.5).astype(np.int64) * 100


def of_fastest(plan: Plan) -> Apr:
    """The yearly cost of a revenue plan on the fastest path it allows.

    A fixed fee costs more a year when the loan is repaid sooner (PRC-02); interest alone does not.
    """
    return of_path(plan, fastest(plan))


def fastest(plan: Plan) -> list[Paid]:
    """The fastest path that a revenue plan allows: every instalment at the cap, or above it where the floor or the
    minimum progress is; without a cap, all with the first."""
    product = plan.product
    path = []
    total_fen = plan.principal_fen + plan.interest_fen
    curve = curve_of(product, plan.rows) if product.fixed_fee else None
    left_fen, fee_left_fen = plan.principal_fen, plan.interest_fen
    levels_fen = asked_fen = 0  # since the last checkpoint
    for index, row in enumerate(plan.rows):
        if left_fen == 0:
            break
        years = years_of(product, row)
        accrued = Fraction(fee_left_fen) if curve else interest_exact(left_fen, product.annual_rate_ppm, years)
        level = level_fen(product, left_fen + (fee_left_fen if curve else 0), plan.rows[index:])
        is_check = is_checkpoint(product, row.number)
        fixed = fix_instalment(
            product,
            periods_left=len(plan.rows) - row.number,
            owed=Owed(outstanding_principal_fen=left_fen, accrued=accrued, level_fen=level, curve=curve),
            window=WindowRevenue(counted_fen=(("all", ENOUGH * (total_fen + row.interest_fen)),)),
            progress=Progress(levels_fen=levels_fen, fixed_fen=asked_fen, is_checkpoint=is_check, total_fen=total_fen),
        )
        levels_fen, asked_fen = (0, 0) if is_check else (levels_fen + level, asked_fen + fixed.amount_fen)
        path.append(Paid(row.due_on, fixed.principal_fen, fixed.interest_fen, row.fee_fen))
        left_fen -= fixed.principal_fen
        fee_left_fen -= fixed.interest_fen
    return path


def _periods_a_year(plan: Plan) -> Fraction | None:
    """How many periods of the plan make a year; None if they are not equal: a stub, own rows, moved with interest."""
    product, first = plan.product, plan.rows[0]
    period = period_of(product, first)
    if plan.changed_on or product.kind is Kind.CUSTOM or product.roll_interest or period.from_on != first.from_on:
        return None
    if period.months:
        return Fraction(MONTHS_A_YEAR, period.months)
    days = (first.to_on - first.from_on).days
    if product.kind is Kind.SINGLE_PAYMENT:
        return Fraction(DAYS_A_YEAR, days)
    if days != (product.frequency.days or HALF_MONTH_DAYS):
        return None
    return Fraction(DAYS_A_YEAR, days) if product.frequency.days else Fraction(2 * MONTHS_A_YEAR)
