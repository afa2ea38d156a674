"""What a plan costs a year, by internal rate of return with every fee, and the ceilings it is held to (PRC-01 to 03).

A yearly rate is a figure to report, not an amount of money: this is the one file of the room where floats are right.
"""

import csv
import io
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from loancli.core.days import date_of
from loancli.core.errors import InputError
from loancli.core.money import rounded, yuan
from loancli.core.rates import interest_exact, percent, rate_ppm_of
from loancli.plan.due_days import HALF_MONTH_DAYS, period_of, years_of
from loancli.plan.flexible import bound_fen, level_fen
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
SCALE = 1e6  # pyxirr is content with a rest below an absolute bound: loans of 1 fen and of 10 billion yuan alike
LENDERS = ("bank", "microcredit", "unlicensed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apr:
    """The yearly cost. Compound, (1 + i)^m − 1, is what the notice names; simple, i × m, must be called so (PRC-01)."""

    periodic_irr: float  # i
    periods_a_year: float  # m
    simple_percent: float
    compound_percent: float


def apr(flows: Sequence[Flow], *, periods_a_year: Fraction | None = None) -> Apr:
    """The yearly cost of dated flows (days/365, PRC-02), or of one flow a period if `periods_a_year` is given.

    In dated flows a period is a month, so that both figures can be compared with those of a monthly plan. Raises
    InputError for flows that have no one answer.
    """
    ordered = list(flows) if periods_a_year else sorted(flows, key=lambda flow: flow[0])
    signs = [fen > 0 for _, fen in ordered if fen]
    changes = sum(before != after for before, after in pairwise(signs))
    if changes != 1 or not signs[0]:
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
    periodic = rate if periods_a_year else (1 + rate) ** (1 / periods) - 1
    return Apr(
        periodic_irr=periodic,
        periods_a_year=periods,
        simple_percent=100 * periodic * periods,
        compound_percent=100 * ((1 + periodic) ** periods - 1),
    )


def of_plan(plan: Plan) -> Apr:
    """The yearly cost if every row is paid when due: by equal periods, or by days where the periods are not equal."""
    return apr(plan.flows, periods_a_year=_periods_a_year(plan))


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
    """The yearly cost of a revenue plan on the fastest path it allows: every instalment at the cap.

    A fixed fee costs more a year when the loan is repaid sooner (PRC-02); interest alone does not.
    """
    product, revenue = plan.product, plan.product.revenue
    assert revenue is not None
    flows: list[Flow] = [(plan.start_on, plan.principal_fen)]
    left_fen = plan.principal_fen
    for index, row in enumerate(plan.rows):
        if left_fen == 0:
            break
        exact = interest_exact(left_fen, product.annual_rate_ppm, years_of(product, row))
        interest_fen = rounded(exact, product.rounding)
        owed_fen = left_fen + interest_fen
        cap_fen = bound_fen(product, revenue.cap, level_fen(product, left_fen, plan.rows[index:]), interest_fen)
        is_last = row is plan.rows[-1]
        due_fen = owed_fen if cap_fen is None or is_last else min(cap_fen, owed_fen)
        flows.append((row.due_on, -due_fen - row.fee_fen))
        left_fen -= max(0, due_fen - interest_fen)
    return apr(flows, periods_a_year=_periods_a_year(plan))


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


# --- ceilings ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """A rule of policies/ceilings.toml: a fixed rate, or so many times the one-year LPR of the day of signing."""

    id: str
    lenders: tuple[str, ...]
    from_on: date
    until_on: date | None  # the first day on which it holds no more
    fixed_ppm: int | None
    lpr_times: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The rules, and the one-year LPR as published: (day, ppm), by day."""

    rules: tuple[Ceiling, ...]
    lpr: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The ceiling that holds for a lender on a day."""

    ceiling: Ceiling
    ppm: int
    lpr_ppm: int | None = None
    lpr_published_on: date | None = None
    lpr_ends: bool = False  # the day lies beyond the months of the LPR table: a newer rate may have been published


class Outcome(Enum):
    OK = "ok"
    WARN = "warn"  # only the compound figure is above the ceiling
    REFUSED = "refused"


_Told = tuple[str, tuple[int | str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Is a plan within the ceiling? `parts` are codes with values for texts/; `sentence` is the sum in English."""

    outcome: Outcome
    limit: Limit
    cost: Apr
    parts: tuple[_Told, ...]
    sentence: str


def check_ceiling(plan: Plan, ceilings: Ceilings, *, signed_on: date) -> Verdict:
    """Hold a plan to the lowest ceiling of its lender on the day of signing (PRC-03).

    Refused if the simple yearly figure exceeds it, a warning if only the compound one does (case APR-05). A revenue
    plan with a fee is held to it on its fastest path too (PRC-02). Figures count to 0.01 %, as they are shown.
    """
    limit = limit_on(ceilings, plan.product.lender_kind, signed_on)
    cost, path = of_plan(plan), "expected"
    if plan.product.revenue and plan.fee_fen:
        fastest = of_fastest(plan)
        if fastest.simple_percent > cost.simple_percent:
            cost, path = fastest, "fastest"
    outcome = verdict_on(cost, limit)
    return Verdict(
        outcome=outcome,
        limit=limit,
        cost=cost,
        parts=_parts(plan, cost, limit, path),
        sentence=_sentence(plan, cost, limit, path, outcome),
    )


def verdict_on(cost: Apr, limit: Limit) -> Outcome:
    """Refused, warn or ok, for a cost and a ceiling."""
    if _hundredths(cost.simple_percent) * 100 > limit.ppm:
        return Outcome.REFUSED
    if _hundredths(cost.compound_percent) * 100 > limit.ppm:
        return Outcome.WARN
    return Outcome.OK


def _hundredths(figure_percent: float) -> int:
    return math.floor(figure_percent * 100 + 0.5)


def _parts(plan: Plan, cost: Apr, limit: Limit, path: str) -> tuple[_Told, ...]:
    parts: list[_Told] = [
        ("sum", (plan.principal_fen, plan.interest_fen, plan.fee_fen, len(plan.rows))),
        ("path", (path,)),
        ("rate", (f"{100 * cost.periodic_irr:.4f}", f"{cost.periods_a_year:g}", f"{cost.simple_percent:.2f}")),
        ("compound", (f"{cost.compound_percent:.2f}",)),
        ("ceiling", (limit.ceiling.id, limit.ppm, limit.ceiling.source)),
    ]
    if limit.lpr_ppm is not None and limit.lpr_published_on is not None:
        parts.append(("lpr", (limit.ceiling.lpr_times or 0, limit.lpr_ppm, limit.lpr_published_on.isoformat())))
        if limit.lpr_ends:
            parts.append(("lpr_ends", (limit.lpr_published_on.isoformat(),)))
    return tuple(parts)


def _sentence(plan: Plan, cost: Apr, limit: Limit, path: str, outcome: Outcome) -> str:
    lpr = ""
    if limit.lpr_ppm is not None:
        lpr = f" = {limit.ceiling.lpr_times} × LPR {percent(limit.lpr_ppm)} of {limit.lpr_published_on}"
    ends = f"; the LPR table ends on {limit.lpr_published_on}: load newer rows" if limit.lpr_ends else ""
    told = {
        Outcome.OK: "within",
        Outcome.WARN: "only the compound figure is above",
        Outcome.REFUSED: "above",
    }
    return (
        f"{yuan(plan.principal_fen)} lent, {yuan(plan.interest_fen)} interest and {yuan(plan.fee_fen)} fees"
        f" in {len(plan.rows)} instalments, {path} path: {100 * cost.periodic_irr:.4f}% × {cost.periods_a_year:g}"
        f" = {cost.simple_percent:.2f}% a year simple, {cost.compound_percent:.2f}% compound;"
        f" {told[outcome]} the ceiling {percent(limit.ppm)}{lpr} ({limit.ceiling.id}){ends}"
    )


def limit_on(ceilings: Ceilings, lender_kind: str, signed_on: date) -> Limit:
    """The lowest ceiling that holds. Raises InputError where none is known: no rule is not the same as no limit."""
    limits = [
        _limit(ceilings, rule, signed_on)
        for rule in ceilings.rules
        if lender_kind in rule.lenders
        and rule.from_on <= signed_on
        and (rule.until_on is None or signed_on < rule.until_on)
    ]
    if not limits:
        raise InputError(f"no ceiling is known for a {lender_kind} lender on {signed_on}; add one to ceilings.toml")
    return min(limits, key=lambda limit: limit.ppm)


def _limit(ceilings: Ceilings, rule: Ceiling, signed_on: date) -> Limit:
    if rule.fixed_ppm is not None:
        return Limit(ceiling=rule, ppm=rule.fixed_ppm)
    assert rule.lpr_times is not None
    published_on, lpr_ppm = lpr_on(ceilings, signed_on)
    last_on = ceilings.lpr[-1][0]
    return Limit(
        ceiling=rule,
        ppm=rule.lpr_times * lpr_ppm,
        lpr_ppm=lpr_ppm,
        lpr_published_on=published_on,
        lpr_ends=(signed_on.year, signed_on.month) > (last_on.year, last_on.month),
    )


def lpr_on(ceilings: Ceilings, day: date) -> tuple[date, int]:
    """The last publication on or before `day`, and its rate in ppm (PRC-10). Raises InputError before the first."""
    found = [row for row in ceilings.lpr if row[0] <= day]
    if not found:
        raise InputError(f"the LPR table starts on {ceilings.lpr[0][0]}, after {day}; add earlier rows to lpr.csv")
    return found[-1]


def read_ceilings(toml_text: str, lpr_csv_text: str) -> Ceilings:
    """policies/ceilings.toml and policies/lpr.csv → Ceilings. Raises InputError with file, place and key."""
    try:
        data = tomllib.loads(toml_text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"ceilings.toml: not TOML: {error}") from None
    rules = data.get("ceiling")
    if not isinstance(rules, list) or not rules or set(data) != {"ceiling"}:
        raise InputError("ceilings.toml: needs [[ceiling]] tables, and nothing else")
    return Ceilings(
        rules=tuple(_ceiling(raw, f"ceilings.toml:ceiling {number}") for number, raw in enumerate(rules, start=1)),
        lpr=_read_lpr(lpr_csv_text),
    )


_CEILING_KEYS = {"id", "lenders", "from", "until", "percent", "lpr_times", "source", "sure"}


def _ceiling(raw: dict[str, Any], where: str) -> Ceiling:
    if unknown := sorted(set(raw) - _CEILING_KEYS):
        raise InputError(f"{where}: {unknown[0]}: unknown key; allowed: {', '.join(sorted(_CEILING_KEYS))}")
    for key in ("id", "source"):
        if not isinstance(raw.get(key), str):
            raise InputError(f"{where}: {key}: write a text in quotes")
    lenders = raw.get("lenders")
    if not isinstance(lenders, list) or not lenders or not all(lender in LENDERS for lender in lenders):
        raise InputError(f"{where}: lenders: write a list of {', '.join(LENDERS)}")
    for key in ("from", "until"):
        if type(raw.get(key)) is not date and (key == "from" or key in raw):
            raise InputError(f"{where}: {key}: write a day such as 2026-11-23, without quotes")
    times = raw.get("lpr_times")
    if ("percent" in raw) == ("lpr_times" in raw) or (times is not None and (type(times) is not int or times < 1)):
        raise InputError(f"{where}: percent: write either percent = '24%' or lpr_times = 4")
    if "percent" in raw and not isinstance(raw["percent"], str):
        raise InputError(f"{where}: percent: write a rate in quotes, such as '24%'")
    return Ceiling(
        id=raw["id"],
        lenders=tuple(lenders),
        from_on=raw["from"],
        until_on=raw.get("until"),
        fixed_ppm=rate_ppm_of(raw["percent"]) if "percent" in raw else None,
        lpr_times=times,
        source=raw["source"],
    )


def _read_lpr(text: str) -> tuple[tuple[date, int], ...]:
    numbered = enumerate(text.splitlines(), start=1)
    lines = [(number, line) for number, line in numbered if line.strip() and line[0] != "#"]
    reader = csv.DictReader(io.StringIO("\n".join(line for _, line in lines)))
    found: list[tuple[date, int]] = []
    for (number, _), row in zip(lines[1:], reader, strict=False):
        where = f"lpr.csv:{number}"
        if row.get("published_on") is None or row.get("one_year_percent") is None:
            raise InputError(f"{where}: needs the columns published_on and one_year_percent")
        day = date_of(row["published_on"], f"{where}: published_on")
        if found and day <= found[-1][0]:
            raise InputError(f"{where}: published_on: {day} is not after {found[-1][0]}; keep the rows by day")
        try:
            found.append((day, rate_ppm_of(row["one_year_percent"] + "%")))
        except InputError as error:
            raise InputError(f"{where}: one_year_percent: {error}") from None
    if not found:
        raise InputError("lpr.csv: no rows; it needs the columns published_on and one_year_percent")
    return tuple(found)
