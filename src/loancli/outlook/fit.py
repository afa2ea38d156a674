"""The terms that fit a borrower's own revenue: a search over plans on the same futures, within two bounds.

The burden of a plan is the P90, over the futures, of its worst window (due ÷ revenue of the window; without revenue,
anything due is ten times too much, so that a shop that closes for a month fits plans that ask nothing then). Its
chance is that of being paid off by maturity, and not only because the rest falls due there.

A beam over a grid, first on some of the futures, then on all; no proof that nothing better lies off the grid.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.rates import PPM
from loancli.outlook.fit_runs import Bounds, Figures, Fitted, Runs
from loancli.outlook.fit_space import Space, share_below
from loancli.outlook.futures import MONTHS_A_YEAR, Stress
from loancli.outlook.history import History
from loancli.outlook.project import check_kind, equal_terms
from loancli.outlook.season import season_weights
from loancli.plan.ceilings import Ceilings, Outcome, check_ceiling
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.product import Product

BEAM = 12  # plans that a step goes on from
ROUNDS = 2  # of the steps
FINALISTS = 24  # plans that are run over all futures …
FINALISTS_MAX = 96  # … and so many, if none of those fits
OTHERS = 4  # shown beside the answer
SAME_COST_PPM = 1_000  # of the principal: costs that differ by less count as the same, and certainty decides
LONGER_TIMES = 3  # how far a longer term is looked for, when none fits
BURDEN_STEP_PPM = 10_000  # in which a higher burden is told, and a smaller loan: 100 yuan
PRINCIPAL_STEP_FEN = 10_000


class Goal(StrEnum):
    """Whose advantage decides between plans within the bounds."""

    BORROWER = "borrower"  # the lowest cost in the middle future
    LENDER = "lender"  # the most futures paid off by maturity with no window above the bound, then the smallest rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """Where nothing fits: the best chance, and what one bound alone would have to be; None where that would not do."""

    chance_ppm: int  # the best chance of a plan that burdens no window too much before maturity
    burden_ppm: int | None
    periods: int | None
    principal_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The answer: a plan, or what is in the way. `refused` is the sum, where the cost ceiling alone is in the way."""

    answer: Fitted | None
    others: tuple[Fitted, ...]  # next best, each of another kind or share
    equal: Fitted  # equal instalments over the same term
    tried: int
    misses: Misses | None
    refused: str


class _Judged(NamedTuple):
    product: Product
    figures: Figures


def fit(
    frame: Product,
    principal_fen: int,
    start_on: date,
    history: History,
    *,
    calendar: Calendar,
    ceilings: Ceilings,
    bounds: Bounds,
    goal: Goal,
    futures: int,
    seed: int,
    stress: Stress | None,
) -> Fit:
    """Search the plans that the frame allows: its rate, days, fees and limits; a revenue share, or months by season.

    The same arguments give the same answer. InputError for a frame that cannot be fitted, or a history that does not
    lead up to the start.
    """
    check_kind(frame)
    if not frame.periods_min <= bounds.periods_max <= frame.periods_max:
        span = f"{frame.periods_min} to {frame.periods_max}"
        raise InputError(f"periods_max: {bounds.periods_max} is not allowed; {frame.code} has {span}")
    runs = Runs(
        principal_fen, start_on, history, calendar=calendar, bounds=bounds, futures=futures, seed=seed, stress=stress
    )
    runs.check(frame)
    # Less than a year shows no season, so that no plan goes by it.
    weights = season_weights(history, frame.frequency) if len(history.months_fen) >= MONTHS_A_YEAR else ()
    space = Space(frame, bounds, weights)

    def key(judged: _Judged) -> tuple[int, ...]:
        return (*_key(goal, judged.figures, runs), space.changes(judged.product))

    ranked = _search(space, runs, key)
    fitting = sorted(_fitting(ranked, runs), key=key)
    verdicts = [
        (each.product, check_ceiling(runs.plan(each.product), ceilings, signed_on=start_on)) for each in fitting
    ]
    allowed = _unlike([product for product, verdict in verdicts if verdict.outcome is not Outcome.REFUSED])
    term = allowed[0].periods if allowed else bounds.periods_max
    return Fit(
        answer=runs.fitted(allowed[0]) if allowed else None,
        others=tuple(runs.fitted(each) for each in allowed[1 : 1 + OTHERS]),
        equal=runs.fitted(replace(equal_terms(frame), periods=term)),
        tried=len(ranked),
        misses=None if fitting else _misses(space, runs),
        refused=verdicts[0][1].sentence if verdicts and not allowed else "",
    )


def _key(goal: Goal, figures: Figures, runs: Runs) -> tuple[int, ...]:
    """Less is better. Of equals the nearest to the frame is taken, then the first of the search: the longest term."""
    excess_ppm = figures.excess_ppm(runs.bounds)
    cost = figures.cost_fen * PPM // (SAME_COST_PPM * runs.principal_fen)
    if goal is Goal.BORROWER:
        return excess_ppm, cost, -figures.kept_ppm, figures.rest_fen
    return excess_ppm, -figures.kept_ppm, -figures.finished_ppm, figures.rest_fen, cost


def _search(space: Space, runs: Runs, key: Callable[[_Judged], tuple[int, ...]]) -> list[_Judged]:
    """Every plan that was tried on the sample, best first."""
    seen: dict[Product, _Judged] = {}

    def judge(products: Iterable[Product]) -> None:
        for product in products:
            if product not in seen and runs.is_sound(product):
                seen[product] = _Judged(product, runs.figures(product, runs.sample))

    judge(space.first())
    for step in space.steps() * ROUNDS:
        best = sorted(seen.values(), key=key)[:BEAM]
        judge(neighbour for at in best for neighbour in step(at.product))
    return sorted(seen.values(), key=key)


def _fitting(ranked: Sequence[_Judged], runs: Runs) -> list[_Judged]:
    """Those that fit on all futures: of the best and the best of each kind and share; if none of them does, of more.

    What looks second on some futures may be first on all.
    """
    products = [each.product for each in ranked]
    few = [*products[: FINALISTS // 2], *_unlike(products)[: FINALISTS // 2]]
    found: list[_Judged] = []
    for number, product in enumerate(dict.fromkeys([*few, *products[:FINALISTS_MAX]])):
        if found and number >= len(few):
            break
        judged = _Judged(product, runs.figures(product, runs.futures))
        if not judged.figures.excess_ppm(runs.bounds):
            found.append(judged)
    return found


def _unlike(products: Iterable[Product]) -> list[Product]:
    """The first product of each kind and share."""
    found: dict[object, Product] = {}
    for product in products:
        found.setdefault((product.kind, product.revenue and product.revenue.share_ppm), product)
    return list(found.values())


# --- where nothing fits ---


def _misses(space: Space, runs: Runs) -> Misses:
    """What each bound alone would have to be, by the plans that burden a window least."""
    bounds, frame = runs.bounds, space.frame
    share_ppm = share_below(bounds.burden_ppm)
    at_most = [space.loose(share_ppm, bounds.periods_max), *space.seasonal(bounds.periods_max)]
    judged = [(each, runs.figures(each, runs.futures)) for each in at_most if runs.is_sound(each)]
    # Until maturity such a share burdens no window too much; what is left then is why it does not finish.
    chances_ppm = [
        figures.finished_ppm for each, figures in judged if each.revenue or figures.burden_ppm <= bounds.burden_ppm
    ]
    longest = min(PERIODS_MAX, LONGER_TIMES * bounds.periods_max)

    def fits(burden_ppm: int, periods: int, principal_fen: int, count: int) -> bool:
        asked = replace(bounds, burden_ppm=burden_ppm)
        own = frame.revenue.run_on_windows_max if frame.revenue else 0
        plans = [
            space.loose(share_below(burden_ppm), periods, run_on_windows_max=run_on)
            for run_on in dict.fromkeys((0, own))
        ]
        plans += space.seasonal(periods)
        sound = (each for each in plans if runs.is_sound(each, principal_fen))
        return any(runs.figures(each, count, principal_fen).excess_ppm(asked) == 0 for each in sound)

    def first(values: Sequence[int], fits_at: Callable[[int, int], bool]) -> int | None:
        """The first of the values that fits: by halves on the sample, then one after the other on all futures."""
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits_at(values[middle], runs.sample) else (middle + 1, high)
        return next((value for value in values[low : low + BEAM] if fits_at(value, runs.futures)), None)

    above_ppm = bounds.burden_ppm // BURDEN_STEP_PPM * BURDEN_STEP_PPM + BURDEN_STEP_PPM
    below_fen = (runs.principal_fen - 1) // PRINCIPAL_STEP_FEN * PRINCIPAL_STEP_FEN
    return Misses(
        chance_ppm=max(chances_ppm, default=0),
        burden_ppm=first(
            range(above_ppm, PPM + 1, BURDEN_STEP_PPM),
            lambda burden_ppm, count: fits(burden_ppm, bounds.periods_max, runs.principal_fen, count),
        ),
        periods=first(
            range(bounds.periods_max + 1, longest + 1),
            lambda periods, count: fits(bounds.burden_ppm, periods, runs.principal_fen, count),
        ),
        principal_fen=first(
            range(below_fen, frame.principal_min_fen - 1, -PRINCIPAL_STEP_FEN),
            lambda fen, count: fits(bounds.burden_ppm, bounds.periods_max, fen, count),
        ),
    )
