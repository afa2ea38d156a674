"""The ceilings on what a loan may cost a year, and how a plan stands against the one that holds for it (PRC-03)."""

import csv
import io
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from typing import Any

from loancli.core.days import date_of
from loancli.core.errors import InputError
from loancli.core.money import yuan
from loancli.core.rates import percent, rate_ppm_of
from loancli.plan.cost import Apr, is_surely_below, of_fastest, of_plan
from loancli.plan.product import LENDERS
from loancli.plan.rows import Plan


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # read once, and asked about for each loan of a batch
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

    plan: Plan
    outcome: Outcome
    limit: Limit
    cost: Apr
    path: str  # that the cost is of: expected, or the fastest

    @property
    def parts(self) -> tuple[_Told, ...]:
        return _parts(self.plan, self.cost, self.limit, self.path)

    @property
    def sentence(self) -> str:
        return _sentence(self.plan, self.cost, self.limit, self.path, self.outcome)


def check_ceiling(plan: Plan, ceilings: Ceilings, *, signed_on: date) -> Verdict:
    """Hold a plan to the lowest ceiling of its lender on the day of signing (PRC-03).

    Refused if the simple yearly figure exceeds it, a warning if only the compound one does (case APR-05). A revenue
    plan with a fee is held to it on its fastest path too (PRC-02). Figures count to 0.01 %, as they are shown.
    """
    limit = limit_on(ceilings, plan.product.lender_kind, signed_on)
    cost, path = of_plan(plan), "expected"
    if plan.product.revenue and (plan.fee_fen or plan.product.fixed_fee):
        fastest = of_fastest(plan)
        if fastest.simple_percent > cost.simple_percent:
            cost, path = fastest, "fastest"
    return Verdict(plan=plan, outcome=verdict_on(cost, limit), limit=limit, cost=cost, path=path)


def refusal_on(plan: Plan, ceilings: Ceilings, *, signed_on: date) -> str:
    """Why `check_ceiling` refuses a plan, or ''. The yearly cost is worked out only where it may be too much."""
    limit = limit_on(ceilings, plan.product.lender_kind, signed_on)
    if not plan.product.revenue and is_surely_below(plan, limit.ppm):
        return ""
    verdict = check_ceiling(plan, ceilings, signed_on=signed_on)
    return verdict.sentence if verdict.outcome is Outcome.REFUSED else ""


def verdict_on(cost: Apr, limit: Limit) -> Outcome:
    """Refused, warn or ok, for a cost and a ceiling."""
    if cost.simple_ppm > limit.ppm:
        return Outcome.REFUSED
    if cost.compound_ppm > limit.ppm:
        return Outcome.WARN
    return Outcome.OK


def _parts(plan: Plan, cost: Apr, limit: Limit, path: str) -> tuple[_Told, ...]:
    parts: list[_Told] = [
        ("sum", (plan.principal_fen, plan.interest_fen, plan.fee_fen, len(plan.rows))),
        ("price", ("fixed_fee" if plan.product.fixed_fee else "interest",)),
        ("path", (path,)),
        ("rate", (f"{100 * cost.periodic_irr:.4f}", f"{cost.periods_a_year:g}", f"{cost.simple_percent:.2f}")),
        ("compound", (cost.compound_shown,)),
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
    price = "fixed fee" if plan.product.fixed_fee else "interest"
    told = {
        Outcome.OK: "within",
        Outcome.WARN: "only the compound figure is above",
        Outcome.REFUSED: "above",
    }
    return (
        f"{yuan(plan.principal_fen)} lent, {yuan(plan.interest_fen)} {price} and {yuan(plan.fee_fen)} fees"
        f" in {len(plan.rows)} instalments, {path} path: {100 * cost.periodic_irr:.4f}% × {cost.periods_a_year:g}"
        f" = {cost.simple_percent:.2f}% a year simple, {cost.compound_shown}% compound;"
        f" {told[outcome]} the ceiling {percent(limit.ppm)}{lpr} ({limit.ceiling.id}){ends}"
    )


@lru_cache(maxsize=64)
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
    count = bisect_right(ceilings.lpr, day, key=itemgetter(0))
    if not count:
        raise InputError(f"the LPR table starts on {ceilings.lpr[0][0]}, after {day}; add earlier rows to lpr.csv")
    return ceilings.lpr[count - 1]


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
