"""The kinds of plans: what each row repays and bears, and why.

Interest is rounded once for each period; the last instalment absorbs what rounding left. All arithmetic is whole
numbers: one division for each rounding ("divide last"), no Fraction inside the loop over the rows.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import Rounding, yuan
from loancli.core.rates import PPM
from loancli.plan.due_days import Due
from loancli.plan.factors import factors_of
from loancli.plan.fixed_fee import earned, fee_fen, periods_of
from loancli.plan.grid import Grid
from loancli.plan.product import Balloon, Kind, PrincipalBack, Product, Step
from loancli.plan.rows import OwnRow, Reason
from loancli.plan.solve import TO_WHOLE, Sought, solved, weighted_base


def split(grid: Grid, principal_fen: int, *, count: int, own_rows: Sequence[OwnRow] = ()) -> list[Row]:
    """What each of the first `count` steps repays and bears. A balloon's steps reach as far as it is spread over."""
    product = grid.product
    if own_rows:
        return _custom(grid, principal_fen, own_rows)
    if product.fixed_fee:
        return split_with_fee(product, principal_fen, fee_fen(product, principal_fen), grid.dues[:count])
    if product.balloon:
        return _balloon(grid, product.balloon, principal_fen, count)
    return _KINDS[product.kind](grid, principal_fen)


def _equal_instalments(grid: Grid, principal_fen: int) -> list[Row]:
    over, under = grid.level
    level_fen = _to_unit(grid.product, principal_fen * over, under)
    code = Reason.OUTLOOK if grid.product.kind is Kind.REVENUE_SHARE else Reason.LEVEL
    count = len(grid.dues) - 1
    return _by_instalments(grid, principal_fen, [level_fen] * (count + 1), [f"{code}:{level_fen}"] * count)


def split_with_fee(
    product: Product, principal_fen: int, owed_fee_fen: int, dues: Sequence[Due], *, instalment_fen: int | None = None
) -> list[Row]:
    """Equal instalments of principal and fee, the last one the rest; in each the part of the fee that it earns."""
    owed_fen = principal_fen + owed_fee_fen
    level_fen = instalment_fen or _to_unit(product, owed_fen, len(dues))
    count = len(dues) - 1
    rest_fen = owed_fen - count * level_fen
    _check_rest(len(dues), rest_fen, rest_fen, level_fen)
    payments_fen = [level_fen] * count + [rest_fen]
    periods = [periods_of(product, due) for due in dues]
    code = Reason.OUTLOOK if product.kind is Kind.REVENUE_SHARE else Reason.LEVEL
    reasons = [f"{code}:{level_fen}"] * count + [f"{Reason.LAST}:{level_fen}"]
    earned_fen = earned(principal_fen, payments_fen, periods, product.rounding)
    return [
        due.row(payment_fen - part_fen, part_fen, reason)
        for due, payment_fen, part_fen, reason in zip(dues, payments_fen, earned_fen, reasons, strict=True)
    ]


def _big_small_months(grid: Grid, principal_fen: int) -> list[Row]:
    """Each instalment is its weight's share of the biggest one, as the borrower is told it (truth curo-5-stepped)."""
    weights = weights_of(grid.product, grid.dues)
    over, under = weighted_base(principal_fen, grid.factors, weights)
    biggest = max(weights)
    big_fen = _to_unit(grid.product, over * biggest, under)
    instalments_fen = [_to_unit(grid.product, big_fen * weight, biggest) for weight in weights]
    reasons = [f"{Reason.WEIGHT}:{weight}:{biggest}:{big_fen}" for weight in weights[:-1]]
    return _by_instalments(grid, principal_fen, instalments_fen, reasons)


def weights_of(product: Product, dues: Sequence[Due]) -> tuple[int, ...]:
    """The weight of each instalment. InputError where nothing could repay the rest."""
    if product.weights_by_season:
        raise InputError(
            f"weights: {product.code} takes them from a borrower's revenue; name it, --borrower ID or --history FILE"
        )
    if product.weights_per == "period":
        weights = tuple(product.weights[due.number - 1] for due in dues)
    else:
        weights = tuple(product.weights[due.agreed_on.month - 1] for due in dues)
    if weights[-1] == 0:
        raise InputError(
            f"weights: the last instalment ({dues[-1].agreed_on}) has weight 0, so that nothing could repay the rest;"
            f" choose another number of periods, or give it a weight"
        )
    return weights


def _balloon(grid: Grid, balloon: Balloon, principal_fen: int, count: int) -> list[Row]:
    """Equal instalments that leave much for the last one. The steps reach as far as the instalments are spread over."""
    residual_fen = balloon.residual_fen + TO_WHOLE[grid.product.rounding](principal_fen * balloon.residual_ppm, PPM)
    if residual_fen >= principal_fen:
        raise InputError(
            f"balloon.residual: {yuan(residual_fen)} of {yuan(principal_fen)} yuan would leave nothing for the other"
            f" instalments; choose a larger principal, or a smaller residual"
        )
    nothing, ones = [0] * len(grid.dues), [1] * len(grid.dues)
    over, under = solved(Sought(principal_fen, grid.factors, ones, nothing, residual_fen))
    level_fen = _to_unit(grid.product, over, under)
    rows, balance_fen, interest_fen = _before_last(
        grid, principal_fen, [level_fen] * (count - 1), [f"{Reason.LEVEL}:{level_fen}"] * (count - 1)
    )
    rest_fen = level_fen if balloon.periods else balance_fen + interest_fen - residual_fen
    _check_rest(count, balance_fen, rest_fen, level_fen)
    return [*rows, grid.dues[count - 1].row(balance_fen, interest_fen, f"{Reason.BALLOON}:{balance_fen}:{level_fen}")]


def _stepped(grid: Grid, principal_fen: int) -> list[Row]:
    """The first instalment is solved and rounded; each step's instalment follows from it and is rounded once."""
    product, step = grid.product, grid.product.step
    assert step is not None
    steps, weights = step_weights(step, grid.dues)
    over, under = solved(Sought(principal_fen, grid.factors, weights, [step.by_fen * number for number in steps]))
    first_fen = _to_unit(product, over * weights[0], under)
    instalments_fen = [
        _to_unit(product, first_fen * weight + step.by_fen * number * weights[0], weights[0])
        for number, weight in zip(steps, weights, strict=True)
    ]
    if min(instalments_fen) <= 0:
        at = next(index for index, instalment_fen in enumerate(instalments_fen) if instalment_fen <= 0)
        raise InputError(
            f"step.by: instalment {at + 1} would be {yuan(instalments_fen[at])} yuan;"
            f" choose smaller or fewer steps, a larger principal or fewer periods"
        )
    reasons = [
        f"{Reason.STEP}:{number + 1}:{instalment_fen}:{first_fen}"
        for number, instalment_fen in zip(steps, instalments_fen, strict=True)
    ]
    return _by_instalments(grid, principal_fen, instalments_fen, reasons[:-1])


def step_weights(step: Step, dues: Sequence[Due]) -> tuple[list[int], list[int]]:
    """How often each instalment has been stepped since the first of these, and what that makes of its weight."""
    first_step = (dues[0].number - 1) // step.every
    steps = [(due.number - 1) // step.every - first_step for due in dues]
    ratio = Fraction(PPM + step.by_ppm, PPM)
    return steps, [ratio.numerator**number * ratio.denominator ** (steps[-1] - number) for number in steps]


def _equal_principal(grid: Grid, principal_fen: int) -> list[Row]:
    to_fen = TO_WHOLE[grid.product.rounding]
    part_fen = _to_unit(grid.product, principal_fen, len(grid.dues))
    reason = f"{Reason.EQUAL_PART}:{part_fen}"
    balance_fen = principal_fen
    rows = []
    for due, (over, under) in zip(grid.dues[:-1], grid.factors, strict=False):
        paid_fen = min(part_fen, balance_fen)
        rows.append(due.row(paid_fen, to_fen(balance_fen * over, under), reason))
        balance_fen -= paid_fen
    over, under = grid.factors[-1]
    interest_fen = to_fen(balance_fen * over, under)
    return _closed(rows, grid.dues[-1], balance_fen, interest_fen, part_fen + interest_fen)


def _flat(grid: Grid, principal_fen: int) -> list[Row]:
    """Equal parts, and in each period interest on all that was lent: the quoted rate is about half of what it costs."""
    to_fen, dues = TO_WHOLE[grid.product.rounding], grid.dues
    part_fen = _to_unit(grid.product, principal_fen, len(dues))
    reason = f"{Reason.FLAT}:{part_fen}:{principal_fen}"
    interests_fen = [to_fen(principal_fen * over, under) for over, under in grid.factors]
    balance_fen = principal_fen
    rows = []
    for due, interest_fen in zip(dues[:-1], interests_fen, strict=False):
        paid_fen = min(part_fen, balance_fen)
        rows.append(due.row(paid_fen, interest_fen, reason))
        balance_fen -= paid_fen
    _check_rest(len(dues), balance_fen, balance_fen, part_fen)  # its interest could hide what rounding left
    return _closed(rows, dues[-1], balance_fen, interests_fen[-1], part_fen + interests_fen[-1])


def _custom(grid: Grid, principal_fen: int, own_rows: Sequence[OwnRow]) -> list[Row]:
    """The principal that was agreed, and interest on what is left. Shares are rounded; the last takes the rest."""
    to_fen = TO_WHOLE[grid.product.rounding]
    by_share = any(own.share_ppm for own in own_rows)
    repaid_fen = sum(own.principal_fen for own in own_rows)
    if not by_share and repaid_fen != principal_fen:
        raise InputError(f"rows: they repay {yuan(repaid_fen)} yuan, not the {yuan(principal_fen)} yuan lent")
    balance_fen = principal_fen
    rows: list[Row] = []
    for due, own, (over, under) in zip(grid.dues, own_rows, grid.factors, strict=True):
        part_fen = min(own.principal_fen + to_fen(principal_fen * own.share_ppm, PPM), balance_fen)
        if due is grid.dues[-1]:
            part_fen = balance_fen
        reason = f"{Reason.AGREED}:{part_fen}" if part_fen else Reason.INTEREST_ONLY.value
        rows.append(due.row(part_fen, to_fen(balance_fen * over, under), reason))
        balance_fen -= part_fen
    if rows[-1].principal_fen == 0:
        raise InputError("rows: nothing is left for the last one; leave it out, or choose a larger principal")
    return rows


def _interest_first(grid: Grid, principal_fen: int) -> list[Row]:
    to_fen = TO_WHOLE[grid.product.rounding]
    *before, last_fen = [to_fen(principal_fen * over, under) for over, under in grid.factors]
    reason = Reason.INTEREST_ONLY.value
    rows = [due.row(0, interest_fen, reason) for due, interest_fen in zip(grid.dues, before, strict=False)]
    return [*rows, grid.dues[-1].row(principal_fen, last_fen, Reason.PRINCIPAL_AT_END.value)]


def _credit_line(grid: Grid, principal_fen: int) -> list[Row]:
    """The limit drawn in full on the first day and not repaid before it is due: the dearest ordinary case.

    The reasons are those of the terms, without amounts, because they are told of whatever is drawn in the end.
    """
    line = grid.product.line
    assert line is not None
    back = line.principal
    if back is PrincipalBack.AT_END:
        return _interest_first(grid, principal_fen)
    if back is PrincipalBack.EQUAL_INSTALMENTS:
        rows, reason = _equal_instalments(grid, principal_fen), Reason.LEVEL_IN_USE.value
    else:
        rows, reason = _shares(grid, line.share_ppm, principal_fen), f"{Reason.PART_IN_USE}:{line.share_ppm}"
    return [row._replace(reason=reason) for row in rows[:-1]] + [rows[-1]._replace(reason=Reason.REST_IN_USE.value)]


def _shares(grid: Grid, share_ppm: int, principal_fen: int) -> list[Row]:
    to_fen = TO_WHOLE[grid.product.rounding]
    balance_fen = principal_fen
    rows = []
    for due, (over, under) in zip(grid.dues, grid.factors, strict=True):
        part_fen = balance_fen if due is grid.dues[-1] else to_fen(balance_fen * share_ppm, PPM)
        rows.append(due.row(part_fen, to_fen(balance_fen * over, under), ""))
        balance_fen -= part_fen
    return rows


def _single_payment(grid: Grid, principal_fen: int) -> list[Row]:
    (due,), ((over, under),) = grid.dues, grid.factors
    interest_fen = TO_WHOLE[grid.product.rounding](principal_fen * over, under)
    return [due.row(principal_fen, interest_fen, f"{Reason.SINGLE}:{(due.to_on - due.from_on).days}")]


_KINDS: dict[Kind, Callable[[Grid, int], list[Row]]] = {
    Kind.EQUAL_INSTALMENTS: _equal_instalments,
    Kind.EQUAL_PRINCIPAL: _equal_principal,
    Kind.INTEREST_FIRST: _interest_first,
    Kind.SINGLE_PAYMENT: _single_payment,
    Kind.BIG_SMALL_MONTHS: _big_small_months,
    Kind.REVENUE_SHARE: _equal_instalments,
    Kind.FLAT: _flat,
    Kind.STEPPED: _stepped,
    Kind.CREDIT_LINE: _credit_line,
}


def _by_instalments(grid: Grid, principal_fen: int, instalments_fen: list[int], reasons: list[str]) -> list[Row]:
    """Rows that pay the instalments: interest in full, the rest principal. `reasons` are for all but the last."""
    rows, balance_fen, interest_fen = _before_last(grid, principal_fen, instalments_fen[:-1], reasons)
    return _closed(rows, grid.dues[-1], balance_fen, interest_fen, instalments_fen[-1])


def _before_last(
    grid: Grid, principal_fen: int, instalments_fen: list[int], reasons: list[str]
) -> tuple[list[Row], int, int]:
    """The rows but the last, and what is left for it: the balance and its interest.

    Most of the time of a plan goes by here. So the tuple is made itself, in half the time of Row(...), and a rounding
    is no call: what it comes to is in the frames.
    """
    new_row, is_half_even = tuple.__new__, grid.product.rounding is Rounding.HALF_EVEN
    balance_fen = principal_fen
    rows = []
    for (number, from_on, to_on, due_on, over, up, under), instalment_fen, reason in zip(
        grid.frames, instalments_fen, reasons, strict=False
    ):
        moved = balance_fen * over + up
        interest_fen = moved // under
        if is_half_even and interest_fen * under == moved:
            interest_fen -= interest_fen % 2
        part_fen = instalment_fen - interest_fen
        if not 0 < part_fen <= balance_fen:
            part_fen = min(max(part_fen, 0), balance_fen)
            reason = reason if part_fen else Reason.INTEREST_ONLY.value
        balance_fen -= part_fen
        rows.append(new_row(Row, (number, from_on, to_on, due_on, part_fen, interest_fen, 0, reason)))
    over, under = grid.factors[len(rows)]
    return rows, balance_fen, TO_WHOLE[grid.product.rounding](balance_fen * over, under)


def _closed(rows: list[Row], last: Due, balance_fen: int, interest_fen: int, meant_fen: int) -> list[Row]:
    """The rows with the last one, which takes the balance left. InputError if that is not like the instalment meant."""
    _check_rest(len(rows) + 1, balance_fen, balance_fen + interest_fen, meant_fen)
    return [*rows, last.row(balance_fen, interest_fen, f"{Reason.LAST}:{meant_fen}")]


def _check_rest(count: int, balance_fen: int, rest_fen: int, meant_fen: int) -> None:
    """Refuse terms that leave nothing, or more than a whole instalment more, for the last instalment.

    Rounding leaves a few fen; more comes of too coarse a unit, too small a principal, too long a term.
    """
    if count > 1 and (balance_fen == 0 or not 0 < rest_fen <= 2 * meant_fen):
        raise InputError(
            f"instalment_unit: {count} instalments of {yuan(meant_fen)} would leave {yuan(rest_fen)} for the last one;"
            f" choose a finer unit, another rounding, a larger principal or fewer periods"
        )


def level_exact(product: Product, principal_fen: int, spans: Sequence[Row] | Sequence[Due]) -> Fraction:
    """The equal instalment that repays `principal_fen` over `spans`, before rounding."""
    if product.annual_rate_ppm == 0:
        return Fraction(principal_fen, len(spans))
    factors = factors_of(product, spans)
    return Fraction(*weighted_base(principal_fen, factors, [1] * len(factors)))


def level_in_use_fen(product: Product, principal_fen: int, accrued: Fraction, rest: Sequence[Row]) -> int:
    """The equal instalment that repays `principal_fen` from a period on that bears `accrued`, and over the `rest`.

    In such a period principal may have been drawn or repaid: its interest is known, and is no part of a year.
    """
    factors = [(accrued.numerator, accrued.denominator * principal_fen), *(factors_of(product, rest) if rest else [])]
    return _to_unit(product, *weighted_base(principal_fen, factors, [1] * len(factors)))


def _to_unit(product: Product, over: int, under: int) -> int:
    """An instalment: over ÷ under as a whole number of the product's instalment unit."""
    unit_fen = product.instalment_unit_fen
    return TO_WHOLE[product.rounding](over, under * unit_fen) * unit_fen
