"""The kinds of plans: what each row repays and bears, and why.

Interest is rounded once for each period; the last instalment absorbs what rounding left. All arithmetic is whole
numbers: one division for each rounding ("divide last"), no Fraction inside the loop over the rows.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import yuan
from loancli.core.rates import PPM
from loancli.plan.due_days import Due
from loancli.plan.factors import factors_of
from loancli.plan.fixed_fee import earned, fee_fen, periods_of
from loancli.plan.product import Balloon, Kind, PrincipalBack, Product, Step
from loancli.plan.rows import OwnRow, Reason
from loancli.plan.solve import TO_WHOLE, Factors, Sought, solved, weighted_base


class Line(NamedTuple):
    """What a kind decides about a row."""

    principal_fen: int
    interest_fen: int
    reason: str


def split(
    product: Product, principal_fen: int, dues: Sequence[Due], *, count: int, own_rows: Sequence[OwnRow] = ()
) -> list[Line]:
    """What each of the first `count` steps repays and bears. A balloon's `dues` reach as far as it is spread over."""
    if own_rows:
        return _custom(product, principal_fen, dues, own_rows)
    if product.fixed_fee:
        return split_with_fee(product, principal_fen, fee_fen(product, principal_fen), dues[:count])
    if product.balloon:
        return _balloon(product, product.balloon, principal_fen, dues, count)
    return _KINDS[product.kind](product, principal_fen, dues)


def _equal_instalments(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    factors = factors_of(product, dues)
    level_fen = _to_unit(product, *weighted_base(principal_fen, factors, [1] * len(dues)))
    code = Reason.OUTLOOK if product.kind is Kind.REVENUE_SHARE else Reason.LEVEL
    count = len(dues) - 1
    return _by_instalments(product, principal_fen, factors, [level_fen] * (count + 1), [f"{code}:{level_fen}"] * count)


def split_with_fee(
    product: Product, principal_fen: int, owed_fee_fen: int, dues: Sequence[Due], *, instalment_fen: int | None = None
) -> list[Line]:
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
    return [
        Line(payment_fen - earned_fen, earned_fen, reason)
        for payment_fen, earned_fen, reason in zip(
            payments_fen, earned(principal_fen, payments_fen, periods, product.rounding), reasons, strict=True
        )
    ]


def _big_small_months(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    """Each instalment is its weight's share of the biggest one, as the borrower is told it (truth curo-5-stepped)."""
    weights = weights_of(product, dues)
    factors = factors_of(product, dues)
    over, under = weighted_base(principal_fen, factors, weights)
    biggest = max(weights)
    big_fen = _to_unit(product, over * biggest, under)
    instalments_fen = [_to_unit(product, big_fen * weight, biggest) for weight in weights]
    reasons = [f"{Reason.WEIGHT}:{weight}:{biggest}:{big_fen}" for weight in weights[:-1]]
    return _by_instalments(product, principal_fen, factors, instalments_fen, reasons)


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


def _balloon(product: Product, balloon: Balloon, principal_fen: int, dues: Sequence[Due], count: int) -> list[Line]:
    """Equal instalments that leave much for the last one. `dues` reach as far as the instalments are spread over."""
    factors = factors_of(product, dues)
    residual_fen = balloon.residual_fen + TO_WHOLE[product.rounding](principal_fen * balloon.residual_ppm, PPM)
    if residual_fen >= principal_fen:
        raise InputError(
            f"balloon.residual: {yuan(residual_fen)} of {yuan(principal_fen)} yuan would leave nothing for the other"
            f" instalments; choose a larger principal, or a smaller residual"
        )
    nothing = [0] * len(factors)
    over, under = solved(Sought(principal_fen, factors, [1] * len(factors), nothing, residual_fen))
    level_fen = _to_unit(product, over, under)
    lines, balance_fen, interest_fen = _before_last(
        product,
        principal_fen,
        factors[:count],
        [level_fen] * (count - 1),
        [f"{Reason.LEVEL}:{level_fen}"] * (count - 1),
    )
    rest_fen = level_fen if balloon.periods else balance_fen + interest_fen - residual_fen
    _check_rest(count, balance_fen, rest_fen, level_fen)
    return [*lines, Line(balance_fen, interest_fen, f"{Reason.BALLOON}:{balance_fen}:{level_fen}")]


def _stepped(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    """The first instalment is solved and rounded; each step's instalment follows from it and is rounded once."""
    step = product.step
    assert step is not None
    factors = factors_of(product, dues)
    steps, weights = step_weights(step, dues)
    over, under = solved(Sought(principal_fen, factors, weights, [step.by_fen * number for number in steps]))
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
    return _by_instalments(product, principal_fen, factors, instalments_fen, reasons[:-1])


def step_weights(step: Step, dues: Sequence[Due]) -> tuple[list[int], list[int]]:
    """How often each instalment has been stepped since the first of these, and what that makes of its weight."""
    first_step = (dues[0].number - 1) // step.every
    steps = [(due.number - 1) // step.every - first_step for due in dues]
    ratio = Fraction(PPM + step.by_ppm, PPM)
    return steps, [ratio.numerator**number * ratio.denominator ** (steps[-1] - number) for number in steps]


def _equal_principal(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    to_fen = TO_WHOLE[product.rounding]
    part_fen = _to_unit(product, principal_fen, len(dues))
    balance_fen = principal_fen
    lines = []
    for numerator, denominator in factors_of(product, dues):
        paid_fen = min(part_fen, balance_fen)
        lines.append(Line(paid_fen, to_fen(balance_fen * numerator, denominator), f"{Reason.EQUAL_PART}:{part_fen}"))
        balance_fen -= paid_fen
    last = lines.pop()
    return _closed(lines, balance_fen + last.principal_fen, last.interest_fen, part_fen + last.interest_fen)


def _flat(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    """Equal parts, and in each period interest on all that was lent: the quoted rate is about half of what it costs."""
    to_fen = TO_WHOLE[product.rounding]
    part_fen = _to_unit(product, principal_fen, len(dues))
    reason = f"{Reason.FLAT}:{part_fen}:{principal_fen}"
    interests_fen = [to_fen(principal_fen * over, under) for over, under in factors_of(product, dues)]
    balance_fen = principal_fen
    lines = []
    for interest_fen in interests_fen[:-1]:
        paid_fen = min(part_fen, balance_fen)
        lines.append(Line(paid_fen, interest_fen, reason))
        balance_fen -= paid_fen
    _check_rest(len(dues), balance_fen, balance_fen, part_fen)  # its interest could hide what rounding left
    return _closed(lines, balance_fen, interests_fen[-1], part_fen + interests_fen[-1])


def _custom(product: Product, principal_fen: int, dues: Sequence[Due], own_rows: Sequence[OwnRow]) -> list[Line]:
    """The principal that was agreed, and interest on what is left. Shares are rounded; the last takes the rest."""
    to_fen = TO_WHOLE[product.rounding]
    by_share = any(row.share_ppm for row in own_rows)
    repaid_fen = sum(row.principal_fen for row in own_rows)
    if not by_share and repaid_fen != principal_fen:
        raise InputError(f"rows: they repay {yuan(repaid_fen)} yuan, not the {yuan(principal_fen)} yuan lent")
    balance_fen = principal_fen
    lines: list[Line] = []
    for row, (over, under) in zip(own_rows, factors_of(product, dues), strict=True):
        part_fen = min(row.principal_fen + to_fen(principal_fen * row.share_ppm, PPM), balance_fen)
        if len(lines) + 1 == len(dues):
            part_fen = balance_fen
        reason = f"{Reason.AGREED}:{part_fen}" if part_fen else Reason.INTEREST_ONLY.value
        lines.append(Line(part_fen, to_fen(balance_fen * over, under), reason))
        balance_fen -= part_fen
    if lines[-1].principal_fen == 0:
        raise InputError("rows: nothing is left for the last one; leave it out, or choose a larger principal")
    return lines


def _interest_first(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    to_fen = TO_WHOLE[product.rounding]
    interests_fen = [to_fen(principal_fen * over, under) for over, under in factors_of(product, dues)]
    lines = [Line(0, interest_fen, Reason.INTEREST_ONLY.value) for interest_fen in interests_fen[:-1]]
    return [*lines, Line(principal_fen, interests_fen[-1], Reason.PRINCIPAL_AT_END.value)]


def _credit_line(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    """The limit drawn in full on the first day and not repaid before it is due: the dearest ordinary case.

    The reasons are those of the terms, without amounts, because they are told of whatever is drawn in the end.
    """
    line = product.line
    assert line is not None
    back = line.principal
    if back is PrincipalBack.AT_END:
        return _interest_first(product, principal_fen, dues)
    if back is PrincipalBack.EQUAL_INSTALMENTS:
        lines, reason = _equal_instalments(product, principal_fen, dues), Reason.LEVEL_IN_USE.value
    else:
        lines, reason = _shares(product, line.share_ppm, principal_fen, dues), f"{Reason.PART_IN_USE}:{line.share_ppm}"
    return [each._replace(reason=reason) for each in lines[:-1]] + [lines[-1]._replace(reason=Reason.REST_IN_USE.value)]


def _shares(product: Product, share_ppm: int, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    to_fen = TO_WHOLE[product.rounding]
    balance_fen = principal_fen
    lines: list[Line] = []
    for over, under in factors_of(product, dues):
        part_fen = to_fen(balance_fen * share_ppm, PPM) if len(lines) + 1 < len(dues) else balance_fen
        lines.append(Line(part_fen, to_fen(balance_fen * over, under), ""))
        balance_fen -= part_fen
    return lines


def _single_payment(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    ((over, under),) = factors_of(product, dues)
    interest_fen = TO_WHOLE[product.rounding](principal_fen * over, under)
    return [Line(principal_fen, interest_fen, f"{Reason.SINGLE}:{(dues[0].to_on - dues[0].from_on).days}")]


_KINDS: dict[Kind, Callable[[Product, int, Sequence[Due]], list[Line]]] = {
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


def _by_instalments(
    product: Product, principal_fen: int, factors: Factors, instalments_fen: Sequence[int], reasons: Sequence[str]
) -> list[Line]:
    """Rows that pay the instalments: interest in full, the rest principal. `reasons` are for all but the last."""
    before = _before_last(product, principal_fen, factors, instalments_fen[:-1], reasons)
    return _closed(*before, instalments_fen[-1])


def _before_last(
    product: Product, principal_fen: int, factors: Factors, instalments_fen: Sequence[int], reasons: Sequence[str]
) -> tuple[list[Line], int, int]:
    """The rows but the last, and what is left for it: the balance and its interest."""
    to_fen = TO_WHOLE[product.rounding]
    balance_fen = principal_fen
    lines = []
    for (over, under), instalment_fen, reason in zip(factors[:-1], instalments_fen, reasons, strict=True):
        interest_fen = to_fen(balance_fen * over, under)
        part_fen = instalment_fen - interest_fen
        if not 0 <= part_fen <= balance_fen:
            part_fen = 0 if part_fen < 0 else balance_fen
        balance_fen -= part_fen
        reason = reason if part_fen else Reason.INTEREST_ONLY.value
        lines.append(tuple.__new__(Line, (part_fen, interest_fen, reason)))  # as in rows_of: half the time of Line(...)
    return lines, balance_fen, to_fen(balance_fen * factors[-1][0], factors[-1][1])


def _closed(lines: list[Line], balance_fen: int, interest_fen: int, meant_fen: int) -> list[Line]:
    """The rows with the last one, which takes the balance left. InputError if that is not like the instalment meant."""
    _check_rest(len(lines) + 1, balance_fen, balance_fen + interest_fen, meant_fen)
    return [*lines, Line(balance_fen, interest_fen, f"{Reason.LAST}:{meant_fen}")]


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
