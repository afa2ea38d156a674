"""Plans: a product's terms, a principal and a calendar become due lines, exact to the fen.

Interest is rounded once for each period; the last instalment absorbs what rounding left. All arithmetic is whole
numbers: one division for each rounding ("divide last"), no Fraction inside the loop over the rows.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from math import gcd
from typing import NamedTuple

from loancli.core.days import Calendar
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import rounded, yuan
from loancli.core.rates import PPM, DayCount, year_fraction
from loancli.plan.due_days import PERIODS_MAX, Due, due_dates, years_of
from loancli.plan.fixed_fee import earned, fee_fen, periods_of
from loancli.plan.product import Balloon, Fee, Kind, Pays, Product
from loancli.plan.rows import OwnRow, Plan, Reason
from loancli.plan.solve import TO_WHOLE, Factors, Sought, solved, weighted_base

MONTHS_A_YEAR = 12
# Day counts in which interest is a fixed part of a year for each day: counted once, then multiplied by the days.
_BY_THE_DAY = {DayCount.ACT_360, DayCount.ACT_365F}


class Line(NamedTuple):
    """What a kind decides about a row."""

    principal_fen: int
    interest_fen: int
    reason: str


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
    assert not (product.roll_interest and product.day_count is DayCount.EQUAL_MONTHS), "a twelfth has no days to move"
    if own_rows or product.kind is Kind.CUSTOM:
        periods = _check_own_rows(product, own_rows, start_on, periods, first_due_on)
    if instalment_fen is not None:
        periods = _count_of(product, principal_fen, instalment_fen, periods)
    count = product.periods if periods is None else periods
    if not product.periods_min <= count <= product.periods_max:
        allowed = f"{product.periods_min} to {product.periods_max}"
        raise InputError(f"periods: {count} is not allowed; {product.code} has {allowed}")
    if not product.principal_min_fen <= principal_fen <= product.principal_max_fen:
        allowed = f"{yuan(product.principal_min_fen)} to {yuan(product.principal_max_fen)} yuan"
        raise InputError(f"principal: {yuan(principal_fen)} yuan is not allowed; {product.code} lends {allowed}")
    reach = max(count, product.balloon.periods) if product.balloon else count
    space = product.breathing_space
    dues = due_dates(
        product,
        start_on=start_on,
        first_due_on=first_due_on,
        periods=reach,
        calendar=calendar,
        own_days=tuple(row.due_on for row in own_rows if row.due_on),
    )
    if instalment_fen is None:
        lines = split(product, principal_fen, dues, count=count, own_rows=own_rows)
    else:
        owed_fee_fen = fee_fen(product, principal_fen)
        lines = split_with_fee(product, principal_fen, owed_fee_fen, dues, instalment_fen=instalment_fen)
    if space is not None and space.at_start:
        lines = breathe(product, Rest(principal_fen), dues, asks_of(space.pays, lines[: space.at_start]), count=count)
    dues = dues[:count]
    return Plan(
        product=product,
        principal_fen=principal_fen,
        start_on=start_on,
        rows=rows_of(dues, lines, fees_fen(product, principal_fen, len(dues))),
        agreed=tuple(due.agreed_on for due in dues),
    )


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


class Rest(NamedTuple):
    """What of a loan is to be split anew."""

    principal_fen: int
    carried_fen: Fraction = Fraction(0)  # interest that has accrued before and is due with the first step too
    flat_base_fen: Fraction | None = None  # flat: what interest is counted on, where that is not `principal_fen`
    parts_fen: tuple[int, ...] = ()  # custom: the principal agreed for each step; scaled to what is left
    fixed_fee_fen: int = 0  # of a fixed fee, what is not in an instalment yet


def split_rest(product: Product, rest: Rest, dues: Sequence[Due], *, count: int) -> list[Line]:
    """As `split`, for what is left of a loan."""
    if product.fixed_fee:
        return split_with_fee(product, rest.principal_fen, rest.fixed_fee_fen, dues[:count])
    factors = [Fraction(*factor) for factor in _factors(product, dues)]
    base_fen = rest.flat_base_fen if product.kind is Kind.FLAT and rest.flat_base_fen else None
    if base_fen is not None:
        factors = [factor * base_fen * Fraction(1, rest.principal_fen) for factor in factors]
    factors[0] += rest.carried_fen * Fraction(1, rest.principal_fen)
    own = [due._replace(factor=factor) for due, factor in zip(dues, factors, strict=True)]
    own_rows = [OwnRow(principal_fen=part_fen) for part_fen in _scaled(rest.parts_fen, rest.principal_fen)]
    lines = split(product, rest.principal_fen, own, count=count, own_rows=own_rows)
    if base_fen is None:
        return lines
    told_fen = rounded(base_fen, product.rounding)
    return [
        line._replace(reason=line.reason.replace(f":{rest.principal_fen}", f":{told_fen}"))
        if line.reason.startswith(Reason.FLAT)
        else line
        for line in lines
    ]


def _scaled(parts_fen: Sequence[int], principal_fen: int) -> list[int]:
    """The parts in the same proportions, with another sum, less than a fen from exact; all in the last if all are 0."""
    total_fen = sum(parts_fen)
    if parts_fen and total_fen == 0:
        return [0] * (len(parts_fen) - 1) + [principal_fen]
    reached = [done_fen * principal_fen // total_fen for done_fen in accumulate(parts_fen)]
    return [after - before for before, after in pairwise([0, *reached])]


class Asks(NamedTuple):
    """What a breathing line asks for: interest only, or up to so much; and the name that its reason has."""

    name: str
    at_most_fen: int | None


def asks_of(pays: Pays, usual: Sequence[Line] | Sequence[Row]) -> list[Asks]:
    """What a space asks for in place of the usual instalments: interest, nothing, or a part of each, rounded down."""
    return [
        Asks(pays.name, None if pays.interest else (line.principal_fen + line.interest_fen) * pays.part_ppm // PPM)
        for line in usual
    ]


def breathe(product: Product, rest: Rest, dues: Sequence[Due], asks: Sequence[Asks], *, count: int) -> list[Line]:
    """The lines of a breathing space, one for each of `asks`, and of what follows.

    What a line does not ask for of the interest stays accrued, and is due with the first instalment after the space;
    it bears no interest itself. `count`: as for `split`, the breathing lines included.
    """
    principal_fen, carried_fen = rest.principal_fen, rest.carried_fen
    is_flat = product.kind is Kind.FLAT
    flat_base_fen = rest.flat_base_fen or Fraction(rest.principal_fen)
    lines = []
    for (over, under), (name, most_fen) in zip(_factors(product, dues), asks, strict=False):
        carried_fen += (flat_base_fen if is_flat else principal_fen) * Fraction(over, under)
        owed_fen = rounded(carried_fen, product.rounding)
        at_most_fen = owed_fen if most_fen is None else most_fen
        interest_fen = min(owed_fen, at_most_fen)
        part_fen = min(at_most_fen - interest_fen, principal_fen)
        carried_fen = Fraction(0) if interest_fen == owed_fen else carried_fen - interest_fen
        principal_fen -= part_fen
        reason = f"{Reason.BREATHING}:{name}" if most_fen is None else f"{Reason.BREATHING}:{name}:{most_fen}"
        lines.append(Line(part_fen, interest_fen, reason))
    after = dues[len(lines) :]
    if len(lines) >= count or principal_fen == 0:
        raise InputError(
            f"breathing_space: {len(lines)} instalments leave none after them to repay {yuan(principal_fen)} yuan;"
            f" choose fewer, or let the maturity move (extend)"
        )
    parts_fen = rest.parts_fen[-len(after) :]
    left = Rest(principal_fen, carried_fen, flat_base_fen if is_flat else None, parts_fen)
    return lines + split_rest(product, left, after, count=count - len(lines))


def rows_of(dues: Sequence[Due], lines: Sequence[Line], fees_fen: Sequence[int]) -> tuple[Row, ...]:
    """The due lines of a plan: when, how much and why."""
    return tuple(
        Row(
            number=due.number,
            from_on=due.from_on,
            to_on=due.to_on,
            due_on=due.due_on,
            principal_fen=line.principal_fen,
            interest_fen=line.interest_fen,
            fee_fen=fee_fen,
            reason=line.reason,
        )
        for due, line, fee_fen in zip(dues, lines, fees_fen, strict=True)
    )


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


def level_exact(product: Product, principal_fen: int, spans: Sequence[Row] | Sequence[Due]) -> Fraction:
    """The equal instalment that repays `principal_fen` over `spans`, before rounding."""
    if product.annual_rate_ppm == 0:
        return Fraction(principal_fen, len(spans))
    factors = _factors(product, spans)
    return Fraction(*weighted_base(principal_fen, factors, [1] * len(factors)))


def _factors(product: Product, spans: Sequence[Row] | Sequence[Due]) -> Factors:
    """Interest ÷ principal of each period, rate × years, as whole numbers."""
    factors = _usual_factors(product, spans)
    if isinstance(spans[0], Due):
        for index, span in enumerate(spans):
            assert isinstance(span, Due)
            if span.factor is not None:
                factors[index] = span.factor.numerator, span.factor.denominator
    return factors


def _usual_factors(product: Product, spans: Sequence[Row] | Sequence[Due]) -> Factors:
    rate_ppm, day_count = product.annual_rate_ppm, product.day_count
    if day_count in _BY_THE_DAY:
        day = year_fraction(day_count, spans[0].from_on, spans[0].from_on + timedelta(days=1))
        over, under = _times(rate_ppm, day)
        return [(over * (span.to_on - span.from_on).days, under) for span in spans]
    if day_count is DayCount.EQUAL_MONTHS:  # every period but a stub is the same part of a year
        regular = _times(rate_ppm, years_of(product, spans[-1]))
        return [_times(rate_ppm, years_of(product, spans[0])), *[regular] * (len(spans) - 1)]
    return [_times(rate_ppm, year_fraction(day_count, span.from_on, span.to_on)) for span in spans]


def _times(rate_ppm: int, years: Fraction) -> tuple[int, int]:
    over, under = rate_ppm * years.numerator, PPM * years.denominator
    common = gcd(over, under)
    return over // common, under // common


def _equal_instalments(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    factors = _factors(product, dues)
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
    if product.weights_per == "period":
        weights = tuple(product.weights[due.number - 1] for due in dues)
    else:
        weights = tuple(product.weights[due.agreed_on.month - 1] for due in dues)
    if weights[-1] == 0:
        raise InputError(
            f"weights: the last instalment ({dues[-1].agreed_on}) has weight 0, so that nothing could repay the rest;"
            f" choose another number of periods, or give it a weight"
        )
    factors = _factors(product, dues)
    over, under = weighted_base(principal_fen, factors, weights)
    biggest = max(weights)
    big_fen = _to_unit(product, over * biggest, under)
    instalments_fen = [_to_unit(product, big_fen * weight, biggest) for weight in weights]
    reasons = [f"{Reason.WEIGHT}:{weight}:{biggest}:{big_fen}" for weight in weights[:-1]]
    return _by_instalments(product, principal_fen, factors, instalments_fen, reasons)


def _balloon(product: Product, balloon: Balloon, principal_fen: int, dues: Sequence[Due], count: int) -> list[Line]:
    """Equal instalments that leave much for the last one. `dues` reach as far as the instalments are spread over."""
    factors = _factors(product, dues)
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
    factors = _factors(product, dues)
    first_step = (dues[0].number - 1) // step.every
    steps = [(due.number - 1) // step.every - first_step for due in dues]
    ratio = Fraction(PPM + step.by_ppm, PPM)
    weights = [ratio.numerator**number * ratio.denominator ** (steps[-1] - number) for number in steps]
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
    for factor, instalment_fen, reason in zip(factors[:-1], instalments_fen, reasons, strict=True):
        interest_fen = to_fen(balance_fen * factor[0], factor[1])
        part_fen = instalment_fen - interest_fen
        if not 0 <= part_fen <= balance_fen:
            part_fen = 0 if part_fen < 0 else balance_fen
        balance_fen -= part_fen
        lines.append(Line(part_fen, interest_fen, reason if part_fen else Reason.INTEREST_ONLY.value))
    return lines, balance_fen, to_fen(balance_fen * factors[-1][0], factors[-1][1])


def _equal_principal(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    to_fen = TO_WHOLE[product.rounding]
    part_fen = _to_unit(product, principal_fen, len(dues))
    balance_fen = principal_fen
    lines = []
    for numerator, denominator in _factors(product, dues):
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
    interests_fen = [to_fen(principal_fen * over, under) for over, under in _factors(product, dues)]
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
    for row, (over, under) in zip(own_rows, _factors(product, dues), strict=True):
        part_fen = min(row.principal_fen + to_fen(principal_fen * row.share_ppm, PPM), balance_fen)
        if len(lines) + 1 == len(dues):
            part_fen = balance_fen
        reason = f"{Reason.AGREED}:{part_fen}" if part_fen else Reason.INTEREST_ONLY.value
        lines.append(Line(part_fen, to_fen(balance_fen * over, under), reason))
        balance_fen -= part_fen
    if lines[-1].principal_fen == 0:
        raise InputError("rows: nothing is left for the last one; leave it out, or choose a larger principal")
    return lines


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


def _interest_first(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    to_fen = TO_WHOLE[product.rounding]
    interests_fen = [to_fen(principal_fen * over, under) for over, under in _factors(product, dues)]
    lines = [Line(0, interest_fen, Reason.INTEREST_ONLY.value) for interest_fen in interests_fen[:-1]]
    return [*lines, Line(principal_fen, interests_fen[-1], Reason.PRINCIPAL_AT_END.value)]


def _single_payment(product: Product, principal_fen: int, dues: Sequence[Due]) -> list[Line]:
    ((over, under),) = _factors(product, dues)
    interest_fen = TO_WHOLE[product.rounding](principal_fen * over, under)
    return [Line(principal_fen, interest_fen, f"{Reason.SINGLE}:{(dues[0].to_on - dues[0].from_on).days}")]


def fee_of(product: Product, fee: Fee, principal_fen: int) -> int:
    """What a fee comes to each time it falls due, in fen."""
    return fee.amount_fen + TO_WHOLE[product.rounding](principal_fen * fee.principal_ppm, PPM)


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


_KINDS: dict[Kind, Callable[[Product, int, Sequence[Due]], list[Line]]] = {
    Kind.EQUAL_INSTALMENTS: _equal_instalments,
    Kind.EQUAL_PRINCIPAL: _equal_principal,
    Kind.INTEREST_FIRST: _interest_first,
    Kind.SINGLE_PAYMENT: _single_payment,
    Kind.BIG_SMALL_MONTHS: _big_small_months,
    Kind.REVENUE_SHARE: _equal_instalments,
    Kind.FLAT: _flat,
    Kind.STEPPED: _stepped,
}


def _to_unit(product: Product, over: int, under: int) -> int:
    """An instalment: over ÷ under as a whole number of the product's instalment unit."""
    unit_fen = product.instalment_unit_fen
    return TO_WHOLE[product.rounding](over, under * unit_fen) * unit_fen
