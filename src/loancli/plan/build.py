"""Plans: a product's terms, a principal and a calendar become due lines, exact to the fen.

What each line repays is the kind's to say (kinds.py); when, the calendar's (due_days.py).
"""

from collections.abc import Sequence
from datetime import date

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import yuan
from loancli.core.rates import PPM, DayCount
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.fixed_fee import fee_fen
from loancli.plan.grid import Grid, grid_of
from loancli.plan.kinds import split, split_with_fee
from loancli.plan.product import Fee, Kind, Product
from loancli.plan.rest import Rest, asks_of, breathe
from loancli.plan.rows import OwnRow, Plan
from loancli.plan.solve import TO_WHOLE

MONTHS_A_YEAR = 12


def build(
    product: Product,
    principal_fen: int,
    start_on: date,
    *,
    calendar: Calendar,
    periods: int | None = None,
    first_due_on: date | None = None,
    own_rows: Sequence[OwnRow] = (),
    instalment_fen: int | None = None,
) -> Plan:
    """The plan of a loan paid out on `start_on`. InputError for what the product does not allow or cannot be split so.

    `own_rows` are the rows of a custom plan, and of no other; all with a day of their own, or none of them.
    A revenue-share plan gets the outlook: every instalment at the level (flexible.run_on_rows adds what may follow).
    With a fixed fee `instalment_fen`, what is expected each time, may stand for `periods`: as many as that needs.
    """
    if instalment_fen is not None:
        periods = _count_of(product, principal_fen, instalment_fen, periods)
    grid, count = steps_of(
        product, start_on, calendar=calendar, periods=periods, first_due_on=first_due_on, own_rows=own_rows
    )
    if not product.principal_min_fen <= principal_fen <= product.principal_max_fen:
        allowed = f"{yuan(product.principal_min_fen)} to {yuan(product.principal_max_fen)} yuan"
        raise InputError(f"principal: {yuan(principal_fen)} yuan is not allowed; {product.code} lends {allowed}")
    space = product.breathing_space
    if instalment_fen is None:
        rows = split(grid, principal_fen, count=count, own_rows=own_rows)
    else:
        owed_fee_fen = fee_fen(product, principal_fen)
        rows = split_with_fee(product, principal_fen, owed_fee_fen, grid.dues, instalment_fen=instalment_fen)
    if space is not None and space.at_start:
        asks = asks_of(space.pays, rows[: space.at_start])
        rows = breathe(product, Rest(principal_fen), grid.dues, asks, count=count)
    return Plan(
        product=product,
        principal_fen=principal_fen,
        start_on=start_on,
        rows=with_fees(rows, fees_fen(product, principal_fen, count)) if product.fees else tuple(rows),
        agreed=grid.agreed[:count],
    )


def steps_of(
    product: Product,
    start_on: date,
    *,
    calendar: Calendar,
    periods: int | None,
    first_due_on: date | None,
    own_rows: Sequence[OwnRow],
) -> tuple[Grid, int]:
    """The steps of a plan, and how many instalments it has: a balloon's steps reach as far as it is spread over."""
    assert not (product.roll_interest and product.day_count is DayCount.EQUAL_MONTHS), "a twelfth has no days to move"
    if own_rows or product.kind is Kind.CUSTOM:
        periods = _check_own_rows(product, own_rows, start_on, periods, first_due_on)
    count = product.periods if periods is None else periods
    if not product.periods_min <= count <= product.periods_max:
        allowed = f"{product.periods_min} to {product.periods_max}"
        raise InputError(f"periods: {count} is not allowed; {product.code} has {allowed}")
    grid = grid_of(
        product,
        start_on=start_on,
        first_due_on=first_due_on,
        periods=max(count, product.balloon.periods) if product.balloon else count,
        calendar=calendar,
        own_days=tuple(row.due_on for row in own_rows if row.due_on),
    )
    return grid, 1 if product.kind is Kind.SINGLE_PAYMENT else count


def _check_own_rows(
    product: Product, own_rows: Sequence[OwnRow], start_on: date, periods: int | None, first_due_on: date | None
) -> int:
    """How many instalments the rows make. Raises InputError where they do not go with the terms or with what is asked.

    That they go on by day and are numbered is the reader's to check (own_rows.py).
    """
    if product.kind is not Kind.CUSTOM:
        raise InputError(f"rows: {product.code} is of kind {product.kind.value}; only custom has rows of its own")
    if not own_rows:
        raise InputError(f"rows: {product.code} has no rows until they are agreed; give them in a file")
    if periods not in {None, len(own_rows)}:
        raise InputError(f"periods: {periods} is not the number of rows, {len(own_rows)}")
    first_on = own_rows[0].due_on
    if first_on is not None:
        if first_due_on not in {None, first_on}:
            raise InputError(f"first_due_on: {first_due_on} is not the day of the first row, {first_on}")
        if first_on <= start_on:
            raise InputError(f"rows: the first is due on {first_on}, not after the payout on {start_on}")
        last_on = own_rows[-1].due_on
        if last_on is not None and last_on.year - start_on.year > PERIODS_MAX // MONTHS_A_YEAR:
            raise InputError(
                f"rows: the last is due on {last_on}, more than {PERIODS_MAX // MONTHS_A_YEAR} years after {start_on}"
            )
        if product.day_count is DayCount.EQUAL_MONTHS:
            raise InputError("day_count: equal_months has no days to pay interest for; agree no days, or use act/360")
    return len(own_rows)


def _count_of(product: Product, principal_fen: int, instalment_fen: int, periods: int | None) -> int:
    """How many instalments of so much repay principal and fixed fee. InputError where it says nothing about a term."""
    if product.fixed_fee is None:
        raise InputError(f"instalment: {product.code} has no fixed fee; its instalment follows from the periods")
    if periods is not None:
        raise InputError("instalment: the number of periods follows from it; leave one of the two out")
    owed_fen = principal_fen + fee_fen(product, principal_fen)
    count = -(-owed_fen // instalment_fen) if instalment_fen > 0 else 0
    if not product.periods_min <= count <= product.periods_max:
        allowed = f"{product.periods_min} to {product.periods_max}"
        needs = f"needs {count} instalments" if count else "would never repay it"
        raise InputError(
            f"instalment: {yuan(instalment_fen)} on {yuan(owed_fen)} yuan {needs}; {product.code} has {allowed}"
        )
    return count


def with_fees(rows: Sequence[Row], fees_fen: Sequence[int]) -> tuple[Row, ...]:
    """The rows of a plan with their fees."""
    return tuple(
        [
            # The tuple itself, as in kinds: row._replace() takes twice as long.
            tuple.__new__(Row, (*row[:6], fee_fen, row.reason)) if fee_fen else row
            for row, fee_fen in zip(rows, fees_fen, strict=True)
        ]
    )


def fees_fen(product: Product, principal_fen: int, count: int) -> list[int]:
    """The fees of each row. They come on top of the instalment (PRC-06: never out of the principal)."""
    first_fen = every_fen = 0
    for fee in product.fees:
        fee_fen = fee_of(product, fee, principal_fen)
        if fee.due_with == "every":
            every_fen += fee_fen
        else:
            first_fen += fee_fen
    return [first_fen + every_fen, *[every_fen] * (count - 1)]


def fee_of(product: Product, fee: Fee, principal_fen: int) -> int:
    """What a fee comes to each time it falls due, in fen."""
    return fee.amount_fen + TO_WHOLE[product.rounding](principal_fen * fee.principal_ppm, PPM)
