"""What a revenue plan asks for in thousands of futures at once, to the fen what `flexible.fix_instalment` asks for.

Columns of whole numbers: a row for each window, a column for each future. Where a product of them might not fit into
64 bits, the same steps run on Python's own integers, which have no end: slower, with the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from loancli.core.loan import Row
from loancli.core.rates import PPM
from loancli.plan.due_days import years_of
from loancli.plan.fixed_fee import FeeCurve, curve_of
from loancli.plan.flexible import is_checkpoint, progress_fen
from loancli.plan.int_columns import AMOUNT_BITS, WORD, Columns, Numbers, divided, scaled
from loancli.plan.kinds import level_exact
from loancli.plan.product import Base, Bound, MinimumProgress, Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What falls due, window by window (rows) in each future (columns), in fen. The fee comes on top of the other two.

    `rest_fen` has one amount for each future: what falls due at the very end only because the term ends there.
    """

    interest_fen: Columns
    principal_fen: Columns
    fee_fen: Columns
    rest_fen: Columns

    @property
    def due_fen(self) -> Columns:
        return self.interest_fen + self.principal_fen + self.fee_fen


def paths(
    product: Product, rows: Sequence[Row], *, maturity_number: int, principal_fen: int, revenue_fen: Columns
) -> Paths:
    """The instalments of a loan in each future of its revenue, every one of them paid on its due day.

    `rows` are the plan's, with those that the term may run on for; `revenue_fen` has a row for each of them, the
    revenue of its window. No window is missing, and none is corrected later.
    """
    terms = product.revenue
    assert terms is not None
    assert revenue_fen.shape[0] == len(rows)
    factors = [product.annual_rate_ppm * years_of(product, row) * Fraction(1, PPM) for row in rows]
    scale = lcm(*(factor.denominator for factor in factors))
    per_fen = [int(factor * scale) for factor in factors]  # interest of a fen in each window, × scale
    levels = _level_ratios(product, rows, maturity_number)
    curve = curve_of(product, rows[:maturity_number]) if product.fixed_fee else None
    # A fixed fee is owed from the start and nothing is added later: as if principal and fee were lent without interest.
    lent_fen = curve.total_fen if curve else principal_fen
    fits = _fits(product, lent_fen, per_fen, scale, revenue_fen)
    kind: Any = np.int64 if fits else object

    count = revenue_fen.shape[1]
    zeros = np.zeros(count, dtype=kind)
    pool, accrued, carried = zeros + lent_fen, zeros, zeros  # carried: revenue below 0 that goes on
    asked, levelled = zeros, zeros  # since the last checkpoint
    result = {name: np.zeros(revenue_fen.shape, dtype=np.int64) for name in ("interest", "principal", "fee")}
    rest = zeros
    for index, row in enumerate(rows):
        accrued = accrued + pool * per_fen[index]
        interest = divided(accrued, scale, product.rounding)
        owed = pool + interest
        is_open = (pool > 0) | (accrued > 0)

        basis = revenue_fen[index].astype(kind) + carried
        due = divided(np.maximum(basis, 0) * terms.share_ppm, PPM, product.rounding)
        carried = np.minimum(basis, 0)
        level = zeros if levels is None else scaled(pool, levels[index], product.rounding) * product.instalment_unit_fen
        cap = _bound(product, terms.cap, level, interest)
        due = due if cap is None else np.minimum(due, cap)
        floor = _bound(product, terms.floor, level, interest)
        due = due if floor is None else np.maximum(due, floor)
        if terms.minimum_progress is not None:
            levelled = levelled + level  # the level is 0 where nothing goes by it
            if is_checkpoint(product, row.number):
                least = _least(product, terms.minimum_progress, levelled, lent_fen)
                due = due + np.maximum(least - asked - due, 0)

        if index == len(rows) - 1:
            rest = np.maximum(owed - due, 0)
            due = owed
        else:
            due = np.minimum(due, owed)
        asked = asked + due
        if is_checkpoint(product, row.number):
            asked, levelled = zeros, zeros
        paid_interest = np.minimum(due, interest)
        accrued = np.where(paid_interest == interest, 0, accrued - paid_interest * scale)
        pool = pool - (due - paid_interest)
        result["interest"][index] = paid_interest
        result["principal"][index] = due - paid_interest
        result["fee"][index] = np.where(is_open, row.fee_fen, 0)
    if curve:
        _split(curve, result)
    return Paths(
        interest_fen=result["interest"],
        principal_fen=result["principal"],
        fee_fen=result["fee"],
        rest_fen=rest.astype(np.int64),
    )


def _split(curve: FeeCurve, result: dict[str, Columns]) -> None:
    """Take the fee out of what falls due as principal: the steps of `FeeCurve.earned` for whole columns."""
    asked = np.cumsum(result["principal"], axis=0)
    marks, earned = np.array(curve.asked_fen), np.array(curve.earned_fen)
    at = np.minimum(np.searchsorted(marks, asked, side="right"), len(marks) - 1) - 1
    steps, fees = np.diff(marks), np.diff(earned)
    kind: Any = np.int64 if 2 * int(steps.max()) * int(fees.max(initial=1) + 1) < WORD else object
    over = (asked - marks[at]).astype(kind) * fees[at]
    found = earned[at] + divided(over, steps[at].astype(kind), curve.mode).astype(np.int64)
    least = asked - (curve.total_fen - curve.fee_fen) + (asked < curve.total_fen)
    result["interest"] = np.diff(np.maximum(found, least), axis=0, prepend=0)
    result["principal"] -= result["interest"]


def _least(product: Product, progress: MinimumProgress, levelled: Numbers, lent_fen: int) -> Numbers | int:
    if progress.total_over:
        return progress_fen(product, levels_fen=0, total_fen=lent_fen)
    return divided(levelled * progress.levels_ppm, PPM, product.rounding)


def _fits(product: Product, principal_fen: int, per_fen: Sequence[int], scale: int, revenue_fen: Columns) -> bool:
    """Does every product of the steps, at its largest, fit into 64 bits?"""
    terms = product.revenue
    assert terms is not None
    windows = len(per_fen)
    accrued = principal_fen * sum(per_fen)
    owed_fen = principal_fen + accrued // scale + windows
    level_fen = owed_fen + product.instalment_unit_fen
    revenue_max_fen = max(abs(int(revenue_fen.max(initial=0))), abs(int(revenue_fen.min(initial=0))))
    products = [accrued + scale, windows * revenue_max_fen * terms.share_ppm]
    bounds = [bound for bound in (terms.floor, terms.cap) if bound is not None]
    products += [bound.value * (level_fen if bound.base is Base.LEVEL else 1) for bound in bounds]
    if terms.minimum_progress is not None:
        products.append(windows * level_fen * terms.minimum_progress.levels_ppm)
    return principal_fen < 2**AMOUNT_BITS and all(2 * each + 2 * PPM < WORD for each in products)


def _level_ratios(product: Product, rows: Sequence[Row], maturity_number: int) -> list[Fraction] | None:
    """The level of each window for one fen of principal, in instalment units; None where no term asks for it.

    The level is proportional to the principal, so that one fraction serves every future.
    """
    terms = product.revenue
    assert terms is not None
    by_level = any(bound is not None and bound.base is Base.LEVEL for bound in (terms.floor, terms.cap))
    progress = terms.minimum_progress
    if not by_level and (progress is None or progress.total_over):
        return None
    unit = product.instalment_unit_fen
    spans = [rows[index:maturity_number] or rows[index : index + 1] for index in range(len(rows))]
    return [level_exact(product, 1, remaining) * Fraction(1, unit) for remaining in spans]


def _bound(product: Product, bound: Bound | None, level: Numbers, interest: Numbers) -> Numbers | int | None:
    if bound is None:
        return None
    if bound.base is Base.INTEREST:
        return interest
    if bound.base is Base.LEVEL:
        return divided(level * bound.value, PPM, product.rounding)
    return bound.value
