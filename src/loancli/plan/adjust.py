"""A plan changed after signing: every change is a pure function from a plan to a plan (diff.py shows what it does).

A change counts from a day. Instalments whose period is over by then stay as they are; the rest is split anew, with the
interest that has accrued since. The plan is taken as kept: what was missed or overpaid belongs to the loan's life.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from loancli.core.days import Calendar, months_after
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import rounded, yuan
from loancli.plan.build import fees_fen, with_fees
from loancli.plan.changes import (
    Breathe,
    Change,
    Defer,
    Extend,
    Prepay,
    Reage,
    Rerate,
    Reshare,
    Resize,
    Respread,
    Restructure,
    Reweight,
    Waive,
)
from loancli.plan.contradictions import contradictions
from loancli.plan.due_days import PERIODS_MAX, Due, dues_on, later_days
from loancli.plan.grid import Grid
from loancli.plan.product import Kind, Pays, Product
from loancli.plan.rest import Asks, Rest, asks_of, breathe, split_rest
from loancli.plan.rows import Plan, Prepaid, Reason
from loancli.plan.still_open import Open, days_interest_fen, per_fen, still_open

MONTHS_A_YEAR = 12
# Kinds whose rows agree on principal; of the others, on the instalment.
_BY_PRINCIPAL = {Kind.EQUAL_PRINCIPAL, Kind.FLAT, Kind.CUSTOM, Kind.INTEREST_FIRST, Kind.SINGLE_PAYMENT}


def changed(
    plan: Plan, change: Change, on: date, *, calendar: Calendar, products: Mapping[str, Product] | None = None
) -> Plan:
    """The plan with the change from the day `on` on. `products`, by code, are for a restructuring.

    Raises InputError with the key for what the plan does not have, the terms do not allow, or that cannot be split.
    """
    if isinstance(change, Reage):
        raise InputError("reage: nothing is overdue in a plan that is kept; respread it instead")
    if isinstance(change, Waive):
        raise InputError("waive: nothing of a plan is due before it is signed; waive what is due of a loan")
    return changed_from(still_open(plan, on), change, calendar=calendar, products=products)


def changed_from(
    left: Open, change: Change, *, calendar: Calendar, products: Mapping[str, Product] | None = None
) -> Plan:
    """As `changed`, where it is known already what is open: for a loan, whose life tells it."""
    product, agreed = left.plan.product, left.agreed
    if product.fixed_fee and isinstance(change, Prepay | Breathe | Restructure):
        raise InputError(
            f"{type(change).__name__.lower()}: {product.code} has a fixed fee, which is owed whatever is paid ahead and"
            f" has no rate to go by; extend, re-spread or defer it"
        )
    match change:
        case Prepay():
            return _prepaid(left, change, calendar)
        case Breathe():
            return _breathed(left, change, calendar)
        case Restructure():
            return _restructured(left, change, calendar, products or {})
        case Resize() if change.shortens:
            return _shortened(left, calendar)
        case Defer():
            agreed = _deferred(left, change)
        case Extend():
            agreed = _days(left, len(agreed) + change.periods)
        case Respread() | Reage() if change.periods:
            agreed = _days(left, change.periods)
        case Reweight() | Rerate() | Reshare():
            product = _other_terms(product, change)
    return _spread(left, product, agreed, calendar)


# --- splitting it anew ---


def _grid(left: Open, product: Product, agreed: Sequence[date], calendar: Calendar) -> Grid:
    """The steps that end on the agreed days. The first holds on to the start of its period; only its days from the
    change on count by the new terms."""
    first = left.rows[0]
    return _grid_from(product, tuple(agreed), first.from_on, left.previous_on, first.number, left.from_on, calendar)


@lru_cache(maxsize=256)  # of a batch many loans share their days, and the day of the change
def _grid_from(
    product: Product,
    agreed: tuple[date, ...],
    from_on: date,
    previous_on: date,
    first_number: int,
    changed_on: date,
    calendar: Calendar,
) -> Grid:
    last_number = first_number + len(agreed) - 1
    if product.weights_per == "period" and product.weights and last_number > len(product.weights):
        raise InputError(
            f"weights: {product.code} has {len(product.weights)}, one per period, and none for instalment"
            f" {last_number}; reweight it first"
        )
    first, *rest = dues_on(
        product, agreed, from_on=from_on, previous_on=previous_on, calendar=calendar, first_number=first_number
    )
    return Grid(product, (first._replace(factor=per_fen(product, first, changed_on, first.to_on)), *rest))


def _rest(left: Open, product: Product, first: Due) -> Rest:
    """What is to be split, with the interest up to the change: by the terms before it, over the period as it is now."""
    carried_fen = left.carried_fen + days_interest_fen(left.plan, first, left.since_on, left.from_on)
    parts_fen = tuple(row.principal_fen for row in left.rows) if product.kind is Kind.CUSTOM else ()
    flat_base_fen = left.flat_base_fen if product.kind is Kind.FLAT else None
    return Rest(left.principal_fen, carried_fen, flat_base_fen, parts_fen, left.fixed_fee_fen)


def _spread(left: Open, product: Product, agreed: tuple[date, ...], calendar: Calendar) -> Plan:
    count = len(agreed)
    if product.kind is Kind.CUSTOM and count != len(left.rows):
        raise InputError("periods: the rows of a custom plan are agreed one by one; restructure it to another product")
    grid = _grid(left, product, _days(left, _reach(left, product, count), agreed), calendar)
    return _joined(left, product, grid.agreed[:count], _split(left, grid, _rest(left, product, grid.dues[0]), count))


def _split(left: Open, grid: Grid, rest: Rest, count: int) -> list[Row]:
    """What the steps ask for. Instalments that breathe go on to breathe, whatever else changes."""
    asks = [Asks(row.reason.split(":")[1], row.at_most_fen) for row in left.rows if row.is_breathing]
    if asks:
        return breathe(grid.product, rest, grid.dues, asks, count=count)
    return split_rest(grid, rest, count=count)


def _reach(left: Open, product: Product, count: int) -> int:
    """How many steps the instalments are spread over: a balloon's reach further than the `count` that there are."""
    if product.balloon is None or product.balloon.periods == 0:
        return count
    return max(count, product.balloon.periods - len(left.kept) + max(0, count - len(left.rows)))


def _days(left: Open, count: int, agreed: tuple[date, ...] = ()) -> tuple[date, ...]:
    """The first `count` agreed days, as they were, and after the last by the frequency."""
    known = agreed or left.agreed
    if len(left.kept) + count > PERIODS_MAX:
        raise InputError(f"periods: a plan has at most {PERIODS_MAX} instalments")
    if left.plan.product.kind is Kind.SINGLE_PAYMENT:
        more = count - len(known)
        return (later_days(left.plan.product, left.plan.start_on, known, more)[-1],) if more else tuple(known)
    if count <= len(known):
        return tuple(known[:count])
    before = left.plan.agreed[: len(left.kept)]
    return (*known, *later_days(left.plan.product, left.plan.start_on, (*before, *known), count - len(known)))


def _joined(
    left: Open, product: Product, agreed: tuple[date, ...], rows: Sequence[Row], prepaid: tuple[Prepaid, ...] = ()
) -> Plan:
    """The kept rows and the new ones. Fees that are due with the first instalment of the loan stay with it."""
    plan = left.plan
    # Of a plan that is paid off before its first instalment there is none that a fee could be due with.
    count = len(left.kept)
    asked_fen = fees_fen(product, plan.principal_fen, count + len(agreed))[count:] if rows else []
    return Plan(
        product=product,
        principal_fen=plan.principal_fen,
        start_on=plan.start_on,
        rows=left.kept + (with_fees(rows, asked_fen) if product.fees else tuple(rows)),
        agreed=plan.agreed[:count] + agreed,
        prepaid=plan.prepaid + prepaid,
        changed_on=left.from_on,
        before=plan,
    )


# --- the changes ---


def _prepaid(left: Open, change: Prepay, calendar: Calendar) -> Plan:
    plan, product, on = left.plan, left.plan.product, left.from_on
    accrued_fen = left.carried_fen + days_interest_fen(plan, left.rows[0], left.since_on, left.from_on)
    interest_fen = rounded(accrued_fen, product.rounding)
    settles_fen = left.principal_fen + interest_fen
    principal_fen = change.amount_fen - interest_fen
    if change.amount_fen > settles_fen:
        raise InputError(f"prepay: {yuan(settles_fen)} yuan settle the plan on {on}; more cannot be prepaid")
    if principal_fen <= 0:
        raise InputError(
            f"prepay: {yuan(change.amount_fen)} yuan do not cover the interest up to {on}, {yuan(interest_fen)};"
            f" pay more, or wait for the instalment"
        )
    paid = Prepaid(on, principal_fen, interest_fen)
    rest_fen = left.principal_fen - principal_fen
    if rest_fen == 0:
        return _joined(left, product, (), [], (paid,))
    carried_fen = Fraction(0) if interest_fen else accrued_fen  # less than a fen goes on
    base_fen = left.flat_base_fen * Fraction(rest_fen, left.principal_fen) if product.kind is Kind.FLAT else None
    parts_fen = tuple(row.principal_fen for row in left.rows) if product.kind is Kind.CUSTOM else ()
    count = len(left.rows)
    if change.shortens:
        grid = _grid(left, product, left.agreed, calendar)
        rows = _as_before(left, product, grid.dues, rest_fen, carried_fen, base_fen)
    else:
        grid = _grid(left, product, _days(left, _reach(left, product, count)), calendar)
        rows = _split(left, grid, Rest(rest_fen, carried_fen, base_fen, parts_fen), count)
    assert plan.product is product
    return _joined(left, product, grid.agreed[: len(rows)], rows, (paid,))


def _shortened(left: Open, calendar: Calendar) -> Plan:
    product = left.plan.product
    if product.revenue or product.line or product.fixed_fee:
        raise InputError(f"shorter: {product.code} has no instalments that stay as they are; it ends sooner by itself")
    grid = _grid(left, product, left.agreed, calendar)
    rest = _rest(left, product, grid.dues[0])
    rows = _as_before(left, product, grid.dues, rest.principal_fen, rest.carried_fen, rest.flat_base_fen)
    return _joined(left, product, grid.agreed[: len(rows)], rows)


def _as_before(
    left: Open,
    product: Product,
    dues: Sequence[Due],
    rest_fen: int,
    carried_fen: Fraction,
    base_fen: Fraction | None,
) -> list[Row]:
    """The instalments as they were, on less principal, until nothing is left of it."""
    rows: list[Row] = []
    for row, due in zip(left.rows, dues, strict=True):
        factor = due.factor if due.factor is not None else per_fen(product, due, due.from_on, due.to_on)
        carried_fen += (rest_fen if base_fen is None else base_fen) * factor
        interest_fen = owed_fen = rounded(carried_fen, product.rounding)
        meant_fen = row.principal_fen + row.interest_fen
        part_fen = max(0, meant_fen - interest_fen)
        if row.at_most_fen is not None:
            interest_fen = min(owed_fen, row.at_most_fen)
        if row.is_breathing or product.kind in _BY_PRINCIPAL:
            part_fen = row.principal_fen
        carried_fen = Fraction(0) if interest_fen == owed_fen else carried_fen - interest_fen
        if part_fen >= rest_fen or row is left.rows[-1]:
            return [*rows, due.row(rest_fen, interest_fen, f"{Reason.LAST}:{meant_fen}")]
        rows.append(due.row(part_fen, interest_fen, row.reason))
        rest_fen -= part_fen
    raise AssertionError("the last row takes the rest")


def _deferred(left: Open, change: Defer) -> tuple[date, ...]:
    product, start_on, known = left.plan.product, left.plan.start_on, left.plan.agreed
    if product.kind is Kind.CUSTOM:
        raise InputError("defer: the rows of a custom plan are agreed one by one; agree new rows")
    count = len(left.agreed)
    if change.due_on is None:
        return (*left.agreed, *later_days(product, start_on, known, change.steps))[change.steps :][:count]
    if change.due_on <= left.agreed[0]:
        raise InputError(f"defer: {change.due_on} is not after the due day {left.agreed[0]}")
    return (change.due_on, *later_days(product, change.due_on, (change.due_on,), count - 1))


def _other_terms(product: Product, change: Reweight | Rerate | Reshare) -> Product:
    if isinstance(change, Reweight):
        if product.revenue is not None:
            raise InputError(f"reweight: {product.code} follows revenue, which has no weights; change its share")
        other = replace(
            product,
            kind=Kind.BIG_SMALL_MONTHS,
            weights=change.weights,
            weights_per="month",
            balloon=None,
            step=None,
        )
    elif isinstance(change, Rerate):
        other = replace(product, annual_rate_ppm=change.annual_rate_ppm)
    else:
        if product.revenue is None:
            raise InputError(f"share: {product.code} is no revenue-share plan; restructure it to one")
        given = {"share_ppm": change.share_ppm, "floor": change.floor, "cap": change.cap}
        terms = {key: value for key, value in given.items() if value is not None}
        other = replace(product, revenue=replace(product.revenue, **terms))  # type: ignore[arg-type]
    if found := contradictions(other):
        place, message = found[0]
        raise InputError(f"{'.'.join(map(str, place))}: {message}")
    return other


def _restructured(left: Open, change: Restructure, calendar: Calendar, products: Mapping[str, Product]) -> Plan:
    """The rest on another product's terms; the due days go on by its frequency from the day of the change."""
    product = products.get(change.product_code)
    if product is None:
        known = ", ".join(sorted(products)) or "none"
        raise InputError(f"restructure: there is no product '{change.product_code}'; known: {known}")
    if product.kind is Kind.CUSTOM:
        raise InputError(f"restructure: {product.code} has rows of its own; open a loan with them")
    if product.kind is Kind.CREDIT_LINE:
        raise InputError(f"restructure: {product.code} is a credit line; sign a limit of its own")
    if product.fixed_fee:
        raise InputError(f"restructure: {product.code} has a fixed fee, which is agreed with a new loan; open one")
    count = change.periods or product.periods
    if len(left.kept) + count > PERIODS_MAX:
        raise InputError(f"restructure: a plan has at most {PERIODS_MAX} instalments")
    single = product.kind is Kind.SINGLE_PAYMENT
    reach = max(count, product.balloon.periods if product.balloon else 0)
    if product.frequency == left.plan.product.frequency and left.plan.product.kind is not Kind.SINGLE_PAYMENT:
        agreed = _days(left, reach)
    else:
        agreed = later_days(product, left.from_on, (left.from_on,), reach)
    grid = _grid(left, product, agreed[-1:] if single else agreed, calendar)
    rest = _rest(left, product, grid.dues[0])._replace(flat_base_fen=None, parts_fen=())  # flat: on what is lent anew
    rows = split_rest(grid, rest, count=count)
    if product.breathing_space and product.breathing_space.at_start:
        space = product.breathing_space
        rows = breathe(product, rest, grid.dues, asks_of(space.pays, rows[: space.at_start]), count=count)
    return _joined(left, product, grid.agreed[:count], rows)


# --- breathing space ---


def _breathed(left: Open, change: Breathe, calendar: Calendar) -> Plan:
    """Instalments that ask for less, from the next one on; refused beyond what the product allows."""
    product = left.plan.product
    space = product.breathing_space
    pays = change.pays or (space.pays if space else Pays(interest=True))
    extends = change.extends if change.extends is not None else bool(space and space.extends)
    if left.rows[0].is_breathing:
        raise InputError(f"breathe: instalment {left.rows[0].number} is in a breathing space already")
    if len(left.rows) < change.periods:
        raise InputError(f"breathe: {len(left.rows)} instalments are left; {change.periods} cannot breathe")
    if product.kind is Kind.SINGLE_PAYMENT:
        raise InputError("breathe: a single payment has no instalment to breathe in; extend it instead")
    if space is not None:
        if change.periods > space.periods_max:
            raise InputError(
                f"breathe: {change.periods} instalments are more than {product.code} allows, {space.periods_max}"
            )
        since_on = months_after(left.agreed[0], -MONTHS_A_YEAR)
        spaces = sum(since_on < day for day in spaces_on(left.plan))
        if spaces >= space.a_year_max:
            raise InputError(
                f"breathe: {product.code} allows {space.a_year_max} a year; there have been {spaces} since {since_on}"
            )
    count = len(left.rows) + (change.periods if extends else 0)
    grid = _grid(left, product, _days(left, _reach(left, product, count)), calendar)
    asks = asks_of(pays, left.rows[: change.periods])
    rows = breathe(product, _rest(left, product, grid.dues[0]), grid.dues, asks, count=count)
    return _joined(left, product, grid.agreed[:count], rows)


def spaces_on(plan: Plan) -> list[date]:
    """The due days that breathing spaces of a plan began with."""
    breathing = [row.is_breathing for row in plan.rows]
    return [
        day
        for day, breathes, breathed in zip(plan.agreed, breathing, [False, *breathing[:-1]], strict=True)
        if breathes and not breathed
    ]
