"""What a product comes to across the loans that it allows: where it is dearest, and where a plan cannot be split."""

from dataclasses import dataclass, replace
from datetime import date

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.plan.build import build
from loancli.plan.ceilings import Ceilings, Outcome, Verdict, check_ceiling
from loancli.plan.flexible import check_bounds
from loancli.plan.product import Kind, Product

STEPS = 12  # between the shortest and the longest term: a flat loan is dearest somewhere in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner:
    """A loan that the product allows: how it stands against the ceiling, or why there is no such plan."""

    principal_fen: int
    periods: int
    verdict: Verdict | None
    no_plan: str = ""


def corners(product: Product, ceilings: Ceilings, *, calendar: Calendar, signed_on: date) -> list[Corner]:
    """The smallest and the largest loan, over terms from the shortest to the longest, signed on a day.

    The rows of a custom plan are not known before they are agreed: equal parts stand for them.
    """
    tried = replace(product, kind=Kind.EQUAL_PRINCIPAL) if product.kind is Kind.CUSTOM else product
    step = max(1, (product.periods_max - product.periods_min) // STEPS)
    terms = {*range(product.periods_min, product.periods_max, step), product.periods, product.periods_max}
    found = []
    for principal_fen in sorted({product.principal_min_fen, product.principal_max_fen}):
        for periods in sorted(terms):
            try:
                plan = build(tried, principal_fen, signed_on, calendar=calendar, periods=periods)
                check_bounds(plan)
                verdict = check_ceiling(plan, ceilings, signed_on=signed_on)
                found.append(Corner(principal_fen=principal_fen, periods=periods, verdict=verdict))
            except InputError as error:
                found.append(Corner(principal_fen=principal_fen, periods=periods, verdict=None, no_plan=str(error)))
    return found


def worst(found: list[Corner]) -> Corner | None:
    """The dearest of the loans that may not be signed, or that only the compound figure speaks against."""
    above = [corner for corner in found if corner.verdict and corner.verdict.outcome is not Outcome.OK]
    return max(above, key=_cost, default=None)


def _cost(corner: Corner) -> int:
    assert corner.verdict
    return corner.verdict.cost.simple_ppm
