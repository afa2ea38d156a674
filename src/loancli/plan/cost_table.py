"""The cost table that a borrower is shown before signing: every item, how it is charged, and its yearly cost (PRC-04).

综合融资成本: for persons and sole traders a statement, for companies a list; the fields are the same. Both give the
yearly figure as the simple one and say so (PRC-01).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from loancli.core.money import split
from loancli.plan.build import fee_of
from loancli.plan.cost import Paid, as_planned, fastest, of_path
from loancli.plan.product import Fee, Product
from loancli.plan.rows import Plan

HUNDREDTH_PPM = 100  # 0.01 %: as figures are shown, and as they count


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an item comes to over the loan, and its part of the yearly cost."""

    amount_fen: int
    yearly_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCost:
    """What a loan costs if it is paid so. The parts add up to the total, in fen and in the percents shown."""

    instalments: int
    last_due_on: date
    interest: Cost
    fees: tuple[Cost, ...]  # in the order of the product's
    total: Cost
    compound_ppm: int  # the same yearly total, compounded: what the notice of 2021 names


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable:
    """A plan's costs on the path it shows, and for a revenue share on the fastest, where fees weigh most (PRC-02)."""

    plan: Plan
    expected: PathCost
    fastest: PathCost | None


def cost_table(plan: Plan) -> CostTable:
    """The costs of a plan, item by item. Raises InputError where no yearly rate fits."""
    return CostTable(
        plan=plan,
        expected=_path_cost(plan, as_planned(plan)),
        fastest=_path_cost(plan, fastest(plan)) if plan.product.revenue else None,
    )


def _path_cost(plan: Plan, path: Sequence[Paid]) -> PathCost:
    """The yearly part of interest is the rate without any fee, which anybody can check; fees share the rest of it.

    Each fee has as much of the rest as it would add alone: one that is due earlier weighs more than a later one.
    """
    product = plan.product
    total, bare = of_path(plan, path), _with_fees(path, ())
    interest = Cost(amount_fen=sum(each.interest_fen for each in path), yearly_ppm=of_path(plan, bare).simple_ppm)
    dues_fen = [_fee_dues(product, fee, plan.principal_fen, len(path)) for fee in product.fees]
    rest = (total.simple_ppm - interest.yearly_ppm) // HUNDREDTH_PPM
    alone = [of_path(plan, _with_fees(path, due_fen)).simple_ppm - interest.yearly_ppm for due_fen in dues_fen]
    weights = alone if any(alone) else [1] * len(alone)
    parts = split(rest, weights) if weights else []
    fees = tuple(
        Cost(amount_fen=sum(due_fen), yearly_ppm=part * HUNDREDTH_PPM)
        for due_fen, part in zip(dues_fen, parts, strict=True)
    )
    amount_fen = interest.amount_fen + sum(each.fee_fen for each in path)
    assert amount_fen == interest.amount_fen + sum(fee.amount_fen for fee in fees)
    return PathCost(
        instalments=len(path),
        last_due_on=path[-1].due_on,
        interest=interest,
        fees=fees,
        total=Cost(amount_fen=amount_fen, yearly_ppm=total.simple_ppm),
        compound_ppm=total.compound_ppm,
    )


def _fee_dues(product: Product, fee: Fee, principal_fen: int, count: int) -> tuple[int, ...]:
    fee_fen = fee_of(product, fee, principal_fen)
    return (fee_fen,) * count if fee.due_with == "every" else (fee_fen, *[0] * (count - 1))


def _with_fees(path: Sequence[Paid], dues_fen: Sequence[int]) -> list[Paid]:
    fees_fen = dues_fen or [0] * len(path)
    return [each._replace(fee_fen=fee_fen) for each, fee_fen in zip(path, fees_fen, strict=True)]
