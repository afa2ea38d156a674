"""What no single key of a product file can be blamed for: terms that cannot stand together."""

from collections.abc import Iterator

from loancli.core.days import Roll
from loancli.core.money import PRINCIPAL_FEN_MAX, yuan
from loancli.core.rates import PPM, DayCount, percent
from loancli.plan.changes import WAIVABLE
from loancli.plan.product import (
    Allocation,
    Base,
    Bound,
    Kind,
    MinimumProgress,
    Missing,
    OwnOrder,
    Penalty,
    PrincipalBack,
    Product,
)
from loancli.plan.product_values import Place

# No product can be written above this simple yearly rate. The ceilings that hold for a plan, by lender and day of
# signing and with all its fees, are data (schedules/policies/ceilings.toml) and checked by ceilings.py.
RATE_PPM_MAX = 240_000

_Found = Iterator[tuple[str, str]]


def contradictions(product: Product) -> list[tuple[Place, str]]:
    """Terms that cannot stand together, each under the key to correct."""
    return [(_place(key), message) for check in _CHECKS for key, message in check(product)]


def _place(key: str) -> Place:
    return tuple(int(step) - 1 if step.isdigit() else step for step in key.split("."))


def _check_size(product: Product) -> _Found:
    if not product.periods_min <= product.periods <= product.periods_max:
        span = f"{product.periods_min} to {product.periods_max}"
        yield "periods", f"{product.periods} is outside periods_min to periods_max ({span})"
    low_fen, high_fen = product.principal_min_fen, product.principal_max_fen
    if not 1 <= low_fen <= high_fen:
        yield "principal_min", f"{yuan(low_fen)} yuan is not allowed; from 0.01 to principal_max ({yuan(high_fen)})"
    if high_fen > PRINCIPAL_FEN_MAX:
        yield "principal_max", f"{yuan(high_fen)} yuan is not allowed; at most {yuan(PRINCIPAL_FEN_MAX)}"


def _check_rate(product: Product) -> _Found:
    rate_ppm, penalty = product.annual_rate_ppm, product.penalty
    if rate_ppm > RATE_PPM_MAX:
        yield "annual_rate", f"{percent(rate_ppm)} a year is not allowed; at most {percent(RATE_PPM_MAX)} (PRC-03)"
    elif not rate_ppm <= penalty.cap_ppm <= RATE_PPM_MAX:
        span = f"from annual_rate ({percent(rate_ppm)}) to {percent(RATE_PPM_MAX)}"
        yield "penalty.cap", f"{percent(penalty.cap_ppm)} a year is not allowed; {span} (PRC-05)"
    if not PPM <= penalty.multiple_ppm <= 2 * PPM:
        yield "penalty.multiple", f"{percent(penalty.multiple_ppm)} is not allowed; from 100% to 200% (PRC-05)"


def _check_days(product: Product) -> _Found:
    if product.day_count is DayCount.EQUAL_MONTHS:
        if not product.frequency.months:
            yield "day_count", "equal_months needs a frequency of whole months; use act/360 with steps of days"
        if product.roll_interest:
            yield "roll_interest", "equal_months has no days to pay interest for; write false, or another day_count"


def _check_weights(product: Product) -> _Found:
    weights = product.weights
    if product.kind is not Kind.BIG_SMALL_MONTHS:
        if weights or product.weights_by_season:
            yield "weights", f"kind {product.kind.value} has no weights; only big_small_months has"
        return
    if product.weights_by_season:
        if product.weights_per != "month":
            yield "weights_per", "a season has months; write month, or weights of your own"
        return
    if product.weights_per == "month" and len(weights) != 12:
        yield "weights", f"{len(weights)} weights; write 12, January to December"
    if product.weights_per == "period" and not product.periods_min == product.periods_max == len(weights):
        yield (
            "weights",
            f"{len(weights)} weights; one per period, with periods_min and periods_max equal to their number",
        )
    if weights and sum(weights) == 0:
        yield "weights", "the weights sum to 0; at least one must be above"


def _check_table(product: Product, kind: Kind, name: str, table: object) -> _Found:
    if product.kind is kind and table is None:
        yield name, f"kind {kind.value} needs a table [{name}]"
    if product.kind is not kind and table is not None:
        yield name, f"kind {product.kind.value} has no table [{name}]; only {kind.value} has"


def _check_balloon(product: Product) -> _Found:
    balloon = product.balloon
    yield from _check_table(product, Kind.BALLOON, "balloon", balloon)
    if balloon is None:
        return
    if (balloon.periods > 0) == (balloon.residual_fen > 0 or balloon.residual_ppm > 0):
        yield "balloon", "needs either periods or a residual above 0"
    elif balloon.periods and balloon.periods <= product.periods_max:
        yield "balloon.periods", f"{balloon.periods} would leave nothing; more than periods_max ({product.periods_max})"
    if balloon.residual_ppm >= PPM:
        yield "balloon.residual", f"{percent(balloon.residual_ppm)} is not allowed; below 100% of the principal"
    if balloon.residual_fen >= product.principal_min_fen:
        span = f"below principal_min ({yuan(product.principal_min_fen)})"
        yield "balloon.residual", f"{yuan(balloon.residual_fen)} yuan is not allowed; {span}"


def _check_step(product: Product) -> _Found:
    step = product.step
    yield from _check_table(product, Kind.STEPPED, "step", step)
    if step is None:
        return
    if step.by_ppm == 0 and step.by_fen == 0:
        yield "step.by", "0 is no step; write such as '5%', '-5%', '100 yuan' or '-100 yuan'"
    if not -PPM < step.by_ppm <= PPM:
        yield "step.by", f"{percent(step.by_ppm)} is not allowed; above -100% and at most 100%"
    if step.every >= product.periods_max:
        yield "step.every", f"{step.every} would never step; less than periods_max ({product.periods_max})"


def _check_line(product: Product) -> _Found:
    line = product.line
    yield from _check_table(product, Kind.CREDIT_LINE, "line", line)
    if line is None:
        return
    if line.principal is PrincipalBack.SHARE and not 0 < line.share_ppm < PPM:
        yield "line.principal", f"{percent(line.share_ppm)} of drawn is not allowed; above 0% and below 100%"
    if not 1 <= line.draw_min_fen <= product.principal_min_fen:
        span = f"from 0.01 to principal_min ({yuan(product.principal_min_fen)})"
        yield "line.draw_min", f"{yuan(line.draw_min_fen)} yuan is not allowed; {span}"
    if line.no_draws_last_periods >= product.periods_min:
        number = line.no_draws_last_periods
        yield (
            "line.no_draws_last_periods",
            f"{number} would leave no period to draw in; less than periods_min ({product.periods_min})",
        )
    if product.allocation.surplus != "principal":
        yield "allocation.surplus", "a credit line repays principal on any day; write 'principal'"
    if product.fees:
        yield (
            "fees.1",
            "drawn and repaid the next day, a line with a fixed fee is above any ceiling (PRC-02); use annual_rate",
        )
    if product.roll in {Roll.PRECEDING, Roll.MODIFIED_FOLLOWING} and not product.roll_interest:
        yield (
            "roll",
            f"{product.roll.value} could ask for interest of days to come; write following, or roll_interest = true",
        )


def _check_fixed_fee(product: Product) -> _Found:
    fee = product.fixed_fee
    if fee is None:
        return
    if product.kind not in {Kind.REVENUE_SHARE, Kind.EQUAL_INSTALMENTS}:
        yield "fixed_fee", f"kind {product.kind.value} has no fixed fee; only revenue_share and equal_instalments have"
    if product.annual_rate_ppm:
        yield "annual_rate", "a fixed fee is the whole price: leave annual_rate out, or the table [fixed_fee]"
    if fee.amount_fen == 0 and fee.principal_ppm == 0:
        yield "fixed_fee.amount", "0 is no fee; write such as '10%' of the principal, or '1000 yuan'"
    if fee.principal_ppm > PPM:
        yield "fixed_fee.amount", f"{percent(fee.principal_ppm)} is not allowed; at most 100% of the principal"
    if fee.amount_fen > product.principal_min_fen:
        span = f"at most principal_min ({yuan(product.principal_min_fen)})"
        yield "fixed_fee.amount", f"{yuan(fee.amount_fen)} yuan is not allowed; {span}"
    if product.roll_interest and product.revenue is None:  # else it is refused for its windows
        yield "roll_interest", "a fixed fee pays for no days; write false"
    if product.breathing_space:
        yield "breathing_space", "a fixed fee has no interest to go on with; leave the table out, and defer the plan"
    if product.penalty != Penalty():
        yield "penalty", "it is a multiple of the yearly rate, which a fixed fee does not have; leave the table out"
    if product.revenue and product.revenue.floor and product.revenue.floor.base is Base.INTEREST:
        yield "revenue.floor", "'interest' has no meaning with a fixed fee; write '30% of level' or '300 yuan'"


def _check_fees(product: Product) -> _Found:
    for number, fee in enumerate(product.fees, start=1):
        if (fee.amount_fen > 0) == (fee.principal_ppm > 0):
            yield f"fees.{number}", f"'{fee.name}' needs either an amount or a principal_share, above 0"
        if fee.principal_ppm > PPM:
            yield f"fees.{number}", f"principal_share {percent(fee.principal_ppm)} is not allowed; at most 100%"


def _check_allocation(product: Product) -> _Found:
    if product.allocation.surplus == "spread" and (product.kind is Kind.REVENUE_SHARE or product.fixed_fee):
        yield "allocation.surplus", "'spread' is for instalments that are planned; write 'credit' or 'principal'"
    yield from _check_orders("allocation", product.allocation)
    for own in product.own_orders:
        place = f"allocation.{own.of}"
        yield from _check_waived(place, own) if own.of == "waived" else _check_orders(place, own)
        if own.of == "recovered" and (own.by != "component" or own.late_order):
            key = "by" if own.by != "component" else "late_order"
            yield f"{place}.{key}", "what is written off has no instalments any more; leave the key out"


def _check_orders(place: str, allocation: Allocation | OwnOrder) -> _Found:
    for key, order in (("order", allocation.order), ("late_order", allocation.late_order)):
        left_out = ", ".join(sorted(set(Allocation().order) - set(order)))
        if left_out and (order or key == "order"):
            yield f"{place}.{key}", f"leaves out {left_out}, which would never be paid; name each part once"


def _check_waived(place: str, own: OwnOrder) -> _Found:
    """A part that is not named is not waived by it; principal never is."""
    for key, order in (("order", own.order), ("late_order", own.late_order)):
        if "principal" in order:
            yield f"{place}.{key}", "principal is written off, not waived; leave it out"
    if not own.order:
        yield f"{place}.order", f"is empty; name what is waived first, of {', '.join(WAIVABLE)}"


def _check_revenue(product: Product) -> _Found:
    revenue = product.revenue
    yield from _check_table(product, Kind.REVENUE_SHARE, "revenue", revenue)
    if revenue is None:
        return
    if not 0 < revenue.share_ppm <= PPM:
        yield "revenue.share", f"{percent(revenue.share_ppm)} is not allowed; above 0% and at most 100%"
    if "sure" not in revenue.counts:
        yield "revenue.counts", "leaves out 'sure'; write ['sure'] or ['sure', 'possible']"
    if revenue.missing is Missing.FLOOR and revenue.floor is None:
        yield "revenue.missing", "'floor' needs a floor; write level or last_year, or a floor"
    if product.roll_interest:
        yield "roll_interest", "a revenue window ends by the agreed due day; write false"
    if product.roll in _backwards(product):
        yield "roll", f"{product.roll.value} could make an instalment due before its window closes; write following"
    yield from _check_progress(product, revenue.minimum_progress)
    yield from _check_bounds(revenue.floor, revenue.cap)


def _check_progress(product: Product, progress: MinimumProgress | None) -> _Found:
    at = "revenue.minimum_progress"
    if progress is None:
        return
    if (progress.windows > 0) == (progress.every_days > 0):
        yield at, "needs either windows or every_days: after how many there is a checkpoint"
    if progress.windows > product.periods_max:
        yield f"{at}.windows", f"{progress.windows} is not allowed; at most periods_max"
    if progress.every_days and not product.frequency.days:
        yield f"{at}.every_days", "needs a frequency of days; write windows"
    if progress.every_days > product.periods_max * product.frequency.days > 0:
        yield f"{at}.every_days", f"{progress.every_days} is not allowed; at most the days of periods_max"
    if progress.total_over:
        if progress.levels_ppm:
            yield at, "needs either levels or total, not both: what the minimum is a part of"
        if product.fixed_fee is None:
            yield f"{at}.total", "only with a fixed fee is it known what is owed in all; write levels"
        if progress.total_over > progress.total_under:
            yield f"{at}.total", f"{progress.total_over}/{progress.total_under} is not allowed; at most 1/1"
    elif progress.total_unit_fen > 1:
        yield f"{at}.total_unit", "only goes with total; leave it out"
    elif not 0 < progress.levels_ppm <= PPM:
        yield f"{at}.levels", f"{percent(progress.levels_ppm)} is not allowed; above 0%, at most 100%"


def _backwards(product: Product) -> set[Roll]:
    """How a due day could move to before the end of the window it belongs to."""
    return {Roll.PRECEDING} | (set() if product.frequency.months else {Roll.MODIFIED_FOLLOWING})


def _check_bounds(floor: Bound | None, cap: Bound | None) -> _Found:
    if cap is None:
        return
    if cap.base is Base.INTEREST:
        yield "revenue.cap", "'interest' would never repay principal; write a share of the level, or yuan"
    elif cap.value == 0:
        yield "revenue.cap", "0 is not allowed; nothing could ever fall due"
    elif floor and floor.base is cap.base and floor.value > cap.value:
        tell = percent if cap.base is Base.LEVEL else yuan
        yield "revenue.floor", f"{tell(floor.value)} is above the cap, {tell(cap.value)}; write less, or raise the cap"


def _check_breathing_space(product: Product) -> _Found:
    space = product.breathing_space
    if space is None:
        return
    if product.kind is Kind.CREDIT_LINE:
        yield "breathing_space", "a credit line asks for what is in use, not by a plan; leave it out"
    if product.kind is Kind.SINGLE_PAYMENT:
        yield "breathing_space", "a single payment has no instalment to breathe in; extend it instead"
    if product.kind is Kind.CUSTOM and space.at_start:
        yield "breathing_space.at_start", "custom rows say themselves what they ask for; agree rows without principal"
    if space.pays.part_ppm >= PPM:
        yield "breathing_space.pays", f"{percent(space.pays.part_ppm)} is no relief; below 100% of the instalment"
    for key, periods in (("periods_max", space.periods_max), ("at_start", space.at_start)):
        if periods >= product.periods_min:
            yield (
                f"breathing_space.{key}",
                f"{periods} could leave no instalment; less than periods_min ({product.periods_min})",
            )
    if product.revenue and space.at_start:
        yield "breathing_space.at_start", "a revenue plan has its floor for a slow start; write 0"
    trigger = space.trigger
    if trigger and product.roll_interest:
        yield "roll_interest", "a trigger looks at revenue up to the agreed due day; write false"
    if trigger and product.roll in _backwards(product):
        yield "roll", f"{product.roll.value} could make an instalment due before the trigger's window closes"
    if trigger and not 0 < trigger.below_ppm < PPM:
        yield "breathing_space.trigger.below", f"{percent(trigger.below_ppm)} is not allowed; above 0%, below 100%"


_CHECKS = (
    _check_size,
    _check_rate,
    _check_days,
    _check_weights,
    _check_balloon,
    _check_step,
    _check_line,
    _check_fixed_fee,
    _check_fees,
    _check_allocation,
    _check_revenue,
    _check_breathing_space,
)
