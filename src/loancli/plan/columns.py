"""The plans of many loans of the same terms and days at once, to the fen what `build` makes of each.

Columns of whole numbers: a row for each instalment, a column for each loan. A loan whose amounts might not fit into
64 bits takes the same steps on Python's own integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.rates import PPM
from loancli.plan.build import build, steps_of
from loancli.plan.column_kinds import KINDS, Found, Lanes, Terms
from loancli.plan.due_days import Due
from loancli.plan.factors import factors_of
from loancli.plan.int_columns import AMOUNT_BITS, WORD, Columns, Numbers, divided
from loancli.plan.product import Product
from loancli.plan.rows import OwnRow

_PARTS = ("principal_fen", "interest_fen", "fee_fen")
_GROWTH_MAX, _RATIO_MAX = 2**10, 2**20  # an amount times weights of up to 1000, or times such a ratio, is below WORD


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
    if product.kind not in KINDS or product.fixed_fee or breathes_first:
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
    terms = Terms(product, dues, count, own_rows, factors_of(product, dues))
    is_small = principals_fen <= _limit_fen(terms)
    if is_small.all():
        found = KINDS[product.kind](terms, principals_fen)
    else:
        shape = (count, len(principals_fen))
        found = Found(np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty(len(principals_fen), np.bool_))
        for lanes, kind in ((is_small, np.int64), (~is_small, object)):
            part = KINDS[product.kind](terms, principals_fen[lanes].astype(kind))
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


def _limit_fen(terms: Terms) -> int:
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
