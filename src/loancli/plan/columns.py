"""The plans of many loans of the same terms and days at once, to the fen what `build` makes of each.

Columns of whole numbers: a row for each instalment, a column for each loan. A loan whose amounts might not fit into
64 bits takes the same steps on Python's own integers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.rates import PPM
from loancli.plan.build import build, steps_of
from loancli.plan.due_days import Due
from loancli.plan.factors import factors_of
from loancli.plan.int_columns import AMOUNT_BITS, WORD, Columns, Numbers, divided, divided_into, scaled
from loancli.plan.kinds import step_weights, weights_of
from loancli.plan.product import Kind, Product
from loancli.plan.rows import OwnRow
from loancli.plan.solve import TO_WHOLE, Factors, Sought, linear, solved, weighted_base

_PARTS = ("principal_fen", "interest_fen", "fee_fen")
_GROWTH_MAX, _RATIO_MAX = 2**10, 2**20  # an amount times weights of up to 1000, or times such a ratio, is below WORD

Lanes = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a kind decides, in fen: a row for each instalment, a column for each loan.

    A loan that cannot be split so (`build` tells the reason) is marked in `is_refused`; its columns are 0.
    """

    principal_fen: Columns
    interest_fen: Columns
    is_refused: Lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The plans of many loans: `dues` are those of all of them. A refused loan's columns are 0."""

    dues: tuple[Due, ...]
    principal_fen: Columns
    interest_fen: Columns
    fee_fen: Columns
    is_refused: Lanes


@dataclass(frozen=True, slots=True)
class _Terms:
    """What all loans share. `dues` and `factors` may reach beyond the last instalment (a balloon)."""

    product: Product
    dues: Sequence[Due]
    count: int
    own_rows: Sequence[OwnRow]
    factors: Factors


class _Found(NamedTuple):
    """Columns of one width: all int64, or all of Python's integers."""

    principal_fen: Numbers
    interest_fen: Numbers
    is_refused: Lanes


def plans(
    product: Product,
    principals_fen: Columns,
    start_on: date,
    *,
    calendar: Calendar,
    periods: int | None = None,
    first_due_on: date | None = None,
    own_rows: Sequence[OwnRow] = (),
) -> Plans:
    """The plans of loans paid out on `start_on`. InputError for what the product allows for no principal at all."""
    breathes_first = product.breathing_space is not None and product.breathing_space.at_start > 0
    if product.kind not in _KINDS or product.fixed_fee or breathes_first:
        return one_by_one(
            product,
            principals_fen,
            start_on,
            calendar=calendar,
            periods=periods,
            first_due_on=first_due_on,
            own_rows=own_rows,
        )
    grid, count = steps_of(
        product, start_on, calendar=calendar, periods=periods, first_due_on=first_due_on, own_rows=own_rows
    )
    is_lent = (principals_fen >= product.principal_min_fen) & (principals_fen <= product.principal_max_fen)
    principals_fen = np.where(is_lent, principals_fen, product.principal_max_fen)
    lines = spread(product, principals_fen, grid.dues, count=count, own_rows=own_rows)
    fee_fen = _fees_fen(product, principals_fen, count)
    is_refused = lines.is_refused | ~is_lent
    _clear(is_refused, lines.principal_fen, lines.interest_fen, fee_fen)
    return Plans(
        dues=grid.dues[:count],
        principal_fen=lines.principal_fen,
        interest_fen=lines.interest_fen,
        fee_fen=fee_fen,
        is_refused=is_refused,
    )


def spread(
    product: Product,
    principals_fen: Columns,
    dues: Sequence[Due],
    *,
    count: int | None = None,
    own_rows: Sequence[OwnRow] = (),
) -> Lines:
    """Principals, or balances that are left, over the steps ahead. `count` where the steps reach beyond the last.

    Amounts of 0 and more. InputError where the steps can repay no principal at all.
    """
    count = len(dues) if count is None else count
    terms = _Terms(product, dues, count, own_rows, factors_of(product, dues))
    is_small = principals_fen <= _limit_fen(terms)
    if is_small.all():
        found = _KINDS[product.kind](terms, principals_fen)
    else:
        shape = (count, len(principals_fen))
        found = _Found(np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty(len(principals_fen), np.bool_))
        for lanes, kind in ((is_small, np.int64), (~is_small, object)):
            part = _KINDS[product.kind](terms, principals_fen[lanes].astype(kind))
            found.principal_fen[:, lanes] = part.principal_fen
            found.interest_fen[:, lanes] = part.interest_fen
            found.is_refused[lanes] = part.is_refused
    _clear(found.is_refused, found.principal_fen, found.interest_fen)
    return Lines(**found._asdict())


def one_by_one(
    product: Product,
    principals_fen: Columns,
    start_on: date,
    *,
    calendar: Calendar,
    periods: int | None = None,
    first_due_on: date | None = None,
    own_rows: Sequence[OwnRow] = (),
) -> Plans:
    """As `plans`, by the exact path: for a few loans, and for rules that have no columns."""
    asked: Any = {"calendar": calendar, "periods": periods, "first_due_on": first_due_on, "own_rows": own_rows}
    grid, count = steps_of(product, start_on, **asked)
    amounts = np.zeros((len(_PARTS), count, len(principals_fen)), dtype=np.int64)
    is_refused = np.zeros(len(principals_fen), dtype=np.bool_)
    for at, principal_fen in enumerate(principals_fen.tolist()):
        try:
            rows = build(product, principal_fen, start_on, **asked).rows
            amounts[:, :, at] = [[getattr(row, name) for row in rows] for name in _PARTS]
        except InputError:
            is_refused[at] = True
    return Plans(dues=grid.dues[:count], **dict(zip(_PARTS, amounts, strict=True)), is_refused=is_refused)


def _clear(lanes: Lanes, *columns: Numbers) -> None:
    if lanes.any():
        for each in columns:
            each[:, lanes] = 0


def _limit_fen(terms: _Terms) -> int:
    """The largest principal that every product of the steps fits into 64 bits for; -1 where none is sure to.

    Agreed shares, residuals and fees are at most the whole, which fits for every amount of AMOUNT_BITS.
    """
    product = terms.product
    growth = 2 + max(over // under for over, under in terms.factors)  # × principal: more than any instalment solved
    ratio = Fraction(PPM + product.step.by_ppm, PPM) if product.step else Fraction(1)
    if growth >= _GROWTH_MAX or ratio ** (terms.count - 1) >= _RATIO_MAX:
        return -1
    limits_fen = [(WORD - 2 * under) // over for over, under in terms.factors if over]
    limits_fen.append((2**AMOUNT_BITS - 2 * product.instalment_unit_fen) // growth)
    return min(limits_fen)


def _fees_fen(product: Product, principals_fen: Columns, count: int) -> Columns:
    """The fees of each row, as build has them."""
    every_fen, first_fen = np.zeros_like(principals_fen), np.zeros_like(principals_fen)
    for fee in product.fees:
        fee_fen = fee.amount_fen + divided(principals_fen * fee.principal_ppm, PPM, product.rounding)
        if fee.due_with == "every":
            every_fen += fee_fen
        else:
            first_fen += fee_fen
    found = np.repeat(every_fen[np.newaxis], count, axis=0)
    found[0] += first_fen
    return found


# Kinds


def _equal_instalments(terms: _Terms, principals: Numbers) -> _Found:
    level = _solved(terms, principals, [1] * terms.count, Fraction(1))
    return _by_instalments(terms, principals, [level] * terms.count)


def _big_small_months(terms: _Terms, principals: Numbers) -> _Found:
    weights = weights_of(terms.product, terms.dues)
    biggest = max(weights)
    big = _solved(terms, principals, weights, Fraction(biggest))
    parts = {weight: _to_unit(terms.product, big * weight, biggest) for weight in set(weights)}
    return _by_instalments(terms, principals, [parts[weight] for weight in weights])


def _stepped(terms: _Terms, principals: Numbers) -> _Found:
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


def _balloon(terms: _Terms, principals: Numbers) -> _Found:
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


def _equal_principal(terms: _Terms, principals: Numbers) -> _Found:
    part = _to_unit(terms.product, principals, terms.count)
    found = _repaid(terms, principals, [part] * (terms.count - 1))
    _interest_on_balance(terms, principals, found)
    balance, interest = found.principal_fen[-1], found.interest_fen[-1]
    found.is_refused[:] = _is_off(terms, balance, balance + interest, part + interest)
    return found


def _flat(terms: _Terms, principals: Numbers) -> _Found:
    part = _to_unit(terms.product, principals, terms.count)
    found = _repaid(terms, principals, [part] * (terms.count - 1))
    _interest_on_all(terms, principals, found)
    balance, interest = found.principal_fen[-1], found.interest_fen[-1]
    is_off = _is_off(terms, balance, balance, part) | _is_off(terms, balance, balance + interest, part + interest)
    found.is_refused[:] = is_off
    return found


def _interest_first(terms: _Terms, principals: Numbers) -> _Found:
    found = _repaid(terms, principals, [np.zeros_like(principals)] * (terms.count - 1))
    _interest_on_all(terms, principals, found)
    return found


def _custom(terms: _Terms, principals: Numbers) -> _Found:
    rounding, rows = terms.product.rounding, terms.own_rows
    parts = (row.principal_fen + divided(principals * row.share_ppm, PPM, rounding) for row in rows[:-1])
    found = _repaid(terms, principals, parts)
    _interest_on_balance(terms, principals, found)
    found.is_refused[:] = found.principal_fen[-1] == 0
    if not any(row.share_ppm for row in rows):
        found.is_refused[principals != sum(row.principal_fen for row in rows)] = True
    return found


_KINDS: dict[Kind, Callable[[_Terms, Numbers], _Found]] = {
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


def _solved(terms: _Terms, principals: Numbers, weights: Sequence[int], top: Fraction) -> Numbers:
    """The instalment of weight `top`, rounded. It is proportional to the principal: one fraction serves every loan."""
    unit = terms.product.instalment_unit_fen
    ratio = Fraction(*weighted_base(1, terms.factors, weights)) * top * Fraction(1, unit)
    return scaled(principals, ratio, terms.product.rounding) * unit


def _solved_with(terms: _Terms, principals: Numbers, extras_fen: Sequence[int], residuals: Numbers | int) -> Numbers:
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


def _empty(terms: _Terms, principals: Numbers) -> _Found:
    shape = (terms.count, len(principals))
    return _Found(
        np.empty(shape, principals.dtype), np.empty(shape, principals.dtype), np.zeros(len(principals), np.bool_)
    )


def _by_instalments(terms: _Terms, principals: Numbers, instalments: Sequence[Numbers]) -> _Found:
    found = _before_last(terms, principals, instalments[:-1])
    balance = found.principal_fen[-1]
    found.is_refused[:] = _is_off(terms, balance, balance + found.interest_fen[-1], instalments[-1])
    return found


def _before_last(terms: _Terms, principals: Numbers, instalments: Sequence[Numbers]) -> _Found:
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


def _repaid(terms: _Terms, principals: Numbers, parts: Iterable[Numbers]) -> _Found:
    """Rows that repay the parts as long as there is something to repay; the last one takes what is left."""
    found = _empty(terms, principals)
    balance = principals.copy()
    for part, paid in zip(parts, found.principal_fen, strict=False):
        np.minimum(part, balance, out=paid)
        balance -= paid
    found.principal_fen[-1] = balance
    return found


def _interest_on_balance(terms: _Terms, principals: Numbers, found: _Found) -> None:
    balance, over = principals.copy(), np.empty_like(principals)
    for part, interest, factor in zip(found.principal_fen, found.interest_fen, terms.factors, strict=True):
        np.multiply(balance, factor[0], out=over)
        divided_into(interest, over, factor[1], terms.product.rounding)
        balance -= part


def _interest_on_all(terms: _Terms, principals: Numbers, found: _Found) -> None:
    over = np.empty_like(principals)
    for interest, factor in zip(found.interest_fen, terms.factors, strict=True):
        np.multiply(principals, factor[0], out=over)
        divided_into(interest, over, factor[1], terms.product.rounding)


def _is_off(terms: _Terms, balance: Numbers, rest: Numbers, meant: Numbers) -> Lanes:
    """What kinds refuses: nothing, or more than a whole instalment more, would be left for the last one."""
    if terms.count == 1:
        return np.zeros(len(balance), np.bool_)
    is_off: Lanes = ((balance == 0) | (rest <= 0) | (rest > 2 * meant)).astype(np.bool_)
    return is_off
