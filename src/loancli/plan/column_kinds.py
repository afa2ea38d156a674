"""How each kind splits many principals at once: columns of whole numbers, a row for each instalment."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loancli.core.rates import PPM
from loancli.plan.due_days import Due
from loancli.plan.int_columns import Numbers, divided, divided_into, scaled
from loancli.plan.kinds import step_weights, weights_of
from loancli.plan.product import Kind, Product
from loancli.plan.rows import OwnRow
from loancli.plan.solve import TO_WHOLE, Factors, Sought, linear, solved, weighted_base

Lanes = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all loans share. `dues` and `factors` may reach beyond the last instalment (a balloon)."""

    product: Product
    dues: Sequence[Due]
    count: int
    own_rows: Sequence[OwnRow]
    factors: Factors


class Found(NamedTuple):
    """Columns of one width: all int64, or all of Python's integers."""

    principal_fen: Numbers
    interest_fen: Numbers
    is_refused: Lanes


def _equal_instalments(terms: Terms, principals: Numbers) -> Found:
    level = _solved(terms, principals, [1] * terms.count, Fraction(1))
    return _by_instalments(terms, principals, [level] * terms.count)


def _big_small_months(terms: Terms, principals: Numbers) -> Found:
    weights = weights_of(terms.product, terms.dues)
    biggest = max(weights)
    big = _solved(terms, principals, weights, Fraction(biggest))
    parts = {weight: _to_unit(terms.product, big * weight, biggest) for weight in set(weights)}
    return _by_instalments(terms, principals, [parts[weight] for weight in weights])


def _stepped(terms: Terms, principals: Numbers) -> Found:
    step = terms.product.step
    assert step is not None
    steps, weights = step_weights(step, terms.dues)
    if step.by_fen:
        first = _solved_with(terms, principals, [step.by_fen * number for number in steps], 0)
    else:
        first = _solved(terms, principals, weights, Fraction(weights[0]))
    parts = {}
    for number, weight in zip(steps, weights, strict=True):
        if step.by_fen:
            parts[number] = _to_unit(terms.product, first + step.by_fen * number, 1)
        elif number not in parts:
            ratio = Fraction(weight, weights[0] * terms.product.instalment_unit_fen)
            parts[number] = scaled(first, ratio, terms.product.rounding) * terms.product.instalment_unit_fen
    found = _by_instalments(terms, principals, [parts[number] for number in steps])
    for part in parts.values():
        found.is_refused[part <= 0] = True
    return found


def _balloon(terms: Terms, principals: Numbers) -> Found:
    balloon = terms.product.balloon
    assert balloon is not None
    residual = balloon.residual_fen + divided(principals * balloon.residual_ppm, PPM, terms.product.rounding)
    is_too_much = residual >= principals
    residual = np.where(is_too_much, 0, residual)
    if balloon.periods:
        level = _solved(terms, principals, [1] * len(terms.factors), Fraction(1))
    else:
        level = _solved_with(terms, principals, [0] * len(terms.factors), residual)
    found = _before_last(terms, principals, [level] * (terms.count - 1))
    balance = found.principal_fen[-1]
    rest = level if balloon.periods else balance + found.interest_fen[-1] - residual
    found.is_refused[:] = is_too_much | _is_off(terms, balance, rest, level)
    return found


def _equal_principal(terms: Terms, principals: Numbers) -> Found:
    part = _to_unit(terms.product, principals, terms.count)
    found = _repaid(terms, principals, [part] * (terms.count - 1))
    _interest_on_balance(terms, principals, found)
    balance, interest = found.principal_fen[-1], found.interest_fen[-1]
    found.is_refused[:] = _is_off(terms, balance, balance + interest, part + interest)
    return found


def _flat(terms: Terms, principals: Numbers) -> Found:
    part = _to_unit(terms.product, principals, terms.count)
    found = _repaid(terms, principals, [part] * (terms.count - 1))
    _interest_on_all(terms, principals, found)
    balance, interest = found.principal_fen[-1], found.interest_fen[-1]
    is_off = _is_off(terms, balance, balance, part) | _is_off(terms, balance, balance + interest, part + interest)
    found.is_refused[:] = is_off
    return found


def _interest_first(terms: Terms, principals: Numbers) -> Found:
    found = _repaid(terms, principals, [np.zeros_like(principals)] * (terms.count - 1))
    _interest_on_all(terms, principals, found)
    return found


def _custom(terms: Terms, principals: Numbers) -> Found:
    rounding, rows = terms.product.rounding, terms.own_rows
    parts = (row.principal_fen + divided(principals * row.share_ppm, PPM, rounding) for row in rows[:-1])
    found = _repaid(terms, principals, parts)
    _interest_on_balance(terms, principals, found)
    found.is_refused[:] = found.principal_fen[-1] == 0
    if not any(row.share_ppm for row in rows):
        found.is_refused[principals != sum(row.principal_fen for row in rows)] = True
    return found


KINDS: dict[Kind, Callable[[Terms, Numbers], Found]] = {
    Kind.EQUAL_INSTALMENTS: _equal_instalments,
    Kind.EQUAL_PRINCIPAL: _equal_principal,
    Kind.INTEREST_FIRST: _interest_first,
    Kind.SINGLE_PAYMENT: _interest_first,  # of one instalment
    Kind.BIG_SMALL_MONTHS: _big_small_months,
    Kind.REVENUE_SHARE: _equal_instalments,  # the outlook
    Kind.FLAT: _flat,
    Kind.BALLOON: _balloon,
    Kind.STEPPED: _stepped,
    Kind.CUSTOM: _custom,
}


# Instalments


def _solved(terms: Terms, principals: Numbers, weights: Sequence[int], top: Fraction) -> Numbers:
    """The instalment of weight `top`, rounded. It is proportional to the principal: one fraction serves every loan."""
    unit = terms.product.instalment_unit_fen
    ratio = Fraction(*weighted_base(1, terms.factors, weights)) * top * Fraction(1, unit)
    return scaled(principals, ratio, terms.product.rounding) * unit


def _solved_with(terms: Terms, principals: Numbers, extras_fen: Sequence[int], residuals: Numbers | int) -> Numbers:
    """The instalment of weight 1 beside amounts that do not grow with the principal: exact numbers of any length."""
    unit, to_whole = terms.product.instalment_unit_fen, TO_WHOLE[terms.product.rounding]
    line = linear(terms.factors, [1] * len(terms.factors), extras_fen)
    long, left = principals.astype(object), np.zeros_like(principals).astype(object) + residuals
    over = long * line.grown + line.extra - left * line.scale
    worst = max(terms.factors, key=lambda factor: Fraction(*factor))
    is_plain = long * (worst[0] * line.under) <= (over + min(extras_fen) * line.under) * worst[1]
    found = divided(over, line.under * unit, terms.product.rounding) * unit
    for at in np.flatnonzero(~is_plain.astype(np.bool_)):  # some instalment may not pay its interest
        weights = [1] * len(terms.factors)
        sought = Sought(int(principals[at]), terms.factors, weights, extras_fen, int(left[at]))
        top, under = solved(sought)
        found[at] = to_whole(top, under * unit) * unit
    return found.astype(principals.dtype)


def _to_unit(product: Product, over: Numbers, under: int) -> Numbers:
    unit = product.instalment_unit_fen
    return divided(over, under * unit, product.rounding) * unit


# Rows


def _empty(terms: Terms, principals: Numbers) -> Found:
    shape = (terms.count, len(principals))
    return Found(
        np.empty(shape, principals.dtype), np.empty(shape, principals.dtype), np.zeros(len(principals), np.bool_)
    )


def _by_instalments(terms: Terms, principals: Numbers, instalments: Sequence[Numbers]) -> Found:
    found = _before_last(terms, principals, instalments[:-1])
    balance = found.principal_fen[-1]
    found.is_refused[:] = _is_off(terms, balance, balance + found.interest_fen[-1], instalments[-1])
    return found


def _before_last(terms: Terms, principals: Numbers, instalments: Sequence[Numbers]) -> Found:
    """Rows that pay the instalments, interest in full and the rest principal; the last one takes what is left."""
    found = _empty(terms, principals)
    balance, over = principals.copy(), np.empty_like(principals)
    rows = zip(instalments, found.principal_fen, found.interest_fen, terms.factors, strict=False)
    for instalment, part, interest, factor in rows:
        np.multiply(balance, factor[0], out=over)
        divided_into(interest, over, factor[1], terms.product.rounding)
        np.subtract(instalment, interest, out=part)
        np.maximum(part, 0, out=part)
        np.minimum(part, balance, out=part)
        balance -= part
    over_last, under_last = terms.factors[terms.count - 1]
    np.multiply(balance, over_last, out=over)
    divided_into(found.interest_fen[-1], over, under_last, terms.product.rounding)
    found.principal_fen[-1] = balance
    return found


def _repaid(terms: Terms, principals: Numbers, parts: Iterable[Numbers]) -> Found:
    """Rows that repay the parts as long as there is something to repay; the last one takes what is left."""
    found = _empty(terms, principals)
    balance = principals.copy()
    for part, paid in zip(parts, found.principal_fen, strict=False):
        np.minimum(part, balance, out=paid)
        balance -= paid
    found.principal_fen[-1] = balance
    return found


def _interest_on_balance(terms: Terms, principals: Numbers, found: Found) -> None:
    balance, over = principals.copy(), np.empty_like(principals)
    for part, interest, factor in zip(found.principal_fen, found.interest_fen, terms.factors, strict=True):
        np.multiply(balance, factor[0], out=over)
        divided_into(interest, over, factor[1], terms.product.rounding)
        balance -= part


def _interest_on_all(terms: Terms, principals: Numbers, found: Found) -> None:
    over = np.empty_like(principals)
    for interest, factor in zip(found.interest_fen, terms.factors, strict=True):
        np.multiply(principals, factor[0], out=over)
        divided_into(interest, over, factor[1], terms.product.rounding)


def _is_off(terms: Terms, balance: Numbers, rest: Numbers, meant: Numbers) -> Lanes:
    """What kinds refuses: nothing, or more than a whole instalment more, would be left for the last one."""
    if terms.count == 1:
        return np.zeros(len(balance), np.bool_)
    is_off: Lanes = ((balance == 0) | (rest <= 0) | (rest > 2 * meant)).astype(np.bool_)
    return is_off
