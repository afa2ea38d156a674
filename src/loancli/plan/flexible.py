"""Revenue share: which days decide an instalment, and what a closed window fixes (DESIGN §3; INV-19 to INV-23)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from loancli.core.days import Calendar, months_after
from loancli.core.errors import InputError
from loancli.core.loan import Row
from loancli.core.money import Rounding, rounded, yuan
from loancli.core.rates import PPM
from loancli.plan.due_days import HALF_MONTH_DAYS, dues_on, later_days
from loancli.plan.fixed_fee import FeeCurve
from loancli.plan.kinds import level_exact
from loancli.plan.product import Base, Bound, Missing, Product, RevenueShare
from loancli.plan.rows import Plan, Reason


class Why(StrEnum):
    """Why a revenue instalment is what it is, in the order in which they are told. Values are fen unless named."""

    REVENUE = "revenue"  # channel, its revenue in the window
    MISSING = "missing"  # no data: the rule (level, floor, last_year), the amount it stands for
    LATE = "late"  # revenue of earlier windows that was counted too low (or, negative, too high)
    SHARE = "share"  # the share in ppm
    RAW = "raw"  # share × revenue, at least 0
    CARRIED = "carried"  # the revenue below 0 that the next window takes over
    CAP = "cap"  # the cap that cut it
    FLOOR = "floor"  # the floor that raised it
    PROGRESS = "progress"  # due since the last checkpoint at least; fallen due, this one included; the gap added
    BREATHING = "breathing"  # what the breathing space asks for in its place
    OWED = "owed"  # all that is owed, where that is less
    MATURITY = "maturity"  # all that is owed, because the term ends


_Told = tuple[str, tuple[int | str, ...]]  # a code of Why and its values: JSON-able, stable, one sentence in texts/


class Window(NamedTuple):
    """The days whose revenue decides an instalment, both included."""

    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is owed at the due day, and the level that would repay it over the rest of the term."""

    outstanding_principal_fen: int  # not yet due
    accrued: Fraction  # fen of interest accrued up to the due day, not yet due
    level_fen: int
    # With a fixed fee `accrued` is all of it that has not fallen due, and the curve tells what falls due of it.
    curve: FeeCurve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRevenue:
    """The revenue that counts. Missing is not zero (INV-23): without data `counted_fen` is empty and `missing` true."""

    counted_fen: tuple[tuple[str, int], ...]  # (channel, net revenue); refunds may make one negative
    late_fen: int = (
        0  # what earlier, closed windows were counted too low by, and `Fixed.carried_late_fen` of the last one
    )
    missing: bool = False
    last_year_fen: int | None = None  # the same window a year ago

    def __post_init__(self) -> None:
        assert not (self.missing and self.counted_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The instalments since the last checkpoint, without the one that is fixed now."""

    levels_fen: int
    fixed_fen: int
    is_checkpoint: bool
    total_fen: int = 0  # all that was owed at signing, where the minimum is a part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """An instalment fixed by a closed window. Interest is paid first; what is not due of it stays accrued."""

    amount_fen: int
    interest_fen: int
    principal_fen: int
    carried_late_fen: int  # goes into `late_fen` of the next window
    assumed_fen: int  # missing data: the revenue that the amount stands for; a later correction counts from it
    reasons: tuple[_Told, ...]


def window_of(product: Product, rows: Sequence[Row], number: int) -> Window:
    """The window of instalment `number`; successive windows neither overlap nor leave a gap.

    Monthly steps: the calendar month(s) before the month of the agreed due day. Steps by days or half-months: the days
    of the step that ends there. The agreed day is what counts, not where the calendar moved it.
    """
    assert not product.roll_interest  # then a row's `to_on` is the agreed due day
    row = rows[number - 1]
    assert row.number == number
    due_on, months = row.to_on, product.frequency.months
    if months:
        month_on = due_on.replace(day=1)
        return Window(months_after(month_on, -months), month_on - timedelta(days=1))
    first_days = timedelta(days=product.frequency.days or HALF_MONTH_DAYS)
    from_on = due_on - first_days if number == 1 else row.from_on
    return Window(from_on, due_on - timedelta(days=1))


def closes_on(window: Window) -> date:
    """The first day after the window: its revenue is final, the instalment can be fixed."""
    return window.to_on + timedelta(days=1)


def level_fen(product: Product, outstanding_fen: int, remaining: Sequence[Row]) -> int:
    """The equal instalment that would repay `outstanding_fen` over the `remaining` rows of the term.

    Only their days are read. Where the term runs on, the rest of the term is the one row that is next.
    """
    assert remaining
    if outstanding_fen == 0:
        return 0
    exact = level_exact(product, outstanding_fen, remaining)
    return rounded(exact, product.rounding, product.instalment_unit_fen)


def check_bounds(plan: Plan) -> None:
    """Refuse to sign a revenue plan whose cap interest alone would reach, or whose floor is above its cap.

    Later on, where the two cross, the floor wins.
    """
    terms, row = plan.product.revenue, plan.rows[0]
    if terms is None or len(plan.rows) == 1:
        return
    first_fen, interest_fen = row.principal_fen + row.interest_fen, row.interest_fen
    floor_fen = bound_fen(plan.product, terms.floor, first_fen, interest_fen)
    cap_fen = bound_fen(plan.product, terms.cap, first_fen, interest_fen)
    if cap_fen is None:
        return
    if cap_fen <= interest_fen:
        raise InputError(
            f"revenue.cap: {yuan(cap_fen)} yuan is not above the first instalment's interest, {yuan(interest_fen)};"
            f" raise the cap, or choose fewer periods or a smaller principal"
        )
    if floor_fen is not None and floor_fen > cap_fen:
        raise InputError(
            f"revenue.floor: {yuan(floor_fen)} yuan is above the cap of the first instalment, {yuan(cap_fen)};"
            f" lower the floor, or choose fewer periods or a larger principal"
        )


def run_on_rows(plan: Plan, calendar: Calendar) -> tuple[Row, ...]:
    """The windows that the term of a plan may run on for, as rows without amounts; empty where it ends at maturity."""
    terms = plan.product.revenue
    if terms is None or not terms.run_on_windows_max:
        return ()
    last = plan.rows[-1]
    dues = dues_on(
        plan.product,
        later_days(plan.product, plan.start_on, plan.agreed, terms.run_on_windows_max),
        from_on=last.to_on,
        previous_on=last.due_on,
        calendar=calendar,
        first_number=last.number + 1,
    )
    return tuple(
        Row(
            number=due.number,
            from_on=due.from_on,
            to_on=due.to_on,
            due_on=due.due_on,
            principal_fen=0,
            interest_fen=0,
            reason=Reason.RUN_ON.value,
        )
        for due in dues
    )


def is_checkpoint(terms: Product, number: int) -> bool:
    """Does the minimum progress have to be reached by this instalment?"""
    progress = _share_of(terms).minimum_progress
    if progress is not None and progress.every_days:
        done_days = number * terms.frequency.days
        return done_days // progress.every_days > (done_days - terms.frequency.days) // progress.every_days
    return progress is not None and number % progress.windows == 0


def progress_fen(terms: Product, *, levels_fen: int, total_fen: int) -> int:
    """What must have fallen due since the last checkpoint: a part of the levels since then, or of all that was owed."""
    progress = _share_of(terms).minimum_progress
    assert progress is not None
    if progress.total_over:
        exact = Fraction(total_fen * progress.total_over, progress.total_under)
        mode = terms.rounding if progress.total_unit_fen == 1 else Rounding.DOWN
        return rounded(exact, mode, progress.total_unit_fen)
    return rounded(Fraction(levels_fen * progress.levels_ppm, PPM), terms.rounding)


def fix_instalment(
    terms: Product, *, periods_left: int, owed: Owed, window: WindowRevenue, progress: Progress
) -> Fixed:
    """What is due for a closed window, and why.

    share × revenue, at least 0; not above the cap; not below the floor (which wins, where the two are measured in
    different things and cross); at a checkpoint, at least the minimum progress, even above the cap; never more than
    what is owed; with no instalment left (`periods_left` 0, the windows that the term may run on included), all of it.
    Of a fixed fee all is owed from the start, and what falls due brings its part of it.
    """
    share = _share_of(terms)
    interest_fen = rounded(owed.accrued, terms.rounding)
    owed_fen = owed.outstanding_principal_fen + interest_fen
    raw = _raw(terms, owed, interest_fen, window)
    reasons = list(raw.reasons)
    due_fen = raw.amount_fen

    cap_fen = bound_fen(terms, share.cap, owed.level_fen, interest_fen)
    if cap_fen is not None and due_fen > cap_fen:
        due_fen = cap_fen
        reasons.append((Why.CAP, (cap_fen,)))
    floor_fen = bound_fen(terms, share.floor, owed.level_fen, interest_fen)
    if floor_fen is not None and due_fen < floor_fen:
        due_fen = floor_fen
        reasons.append((Why.FLOOR, (floor_fen,)))

    if progress.is_checkpoint and share.minimum_progress is not None:
        levels_fen = progress.levels_fen + owed.level_fen
        least_fen = progress_fen(terms, levels_fen=levels_fen, total_fen=progress.total_fen)
        gap_fen = least_fen - progress.fixed_fen - due_fen
        if gap_fen > 0:
            reasons.append((Why.PROGRESS, (least_fen, progress.fixed_fen + due_fen, gap_fen)))
            due_fen += gap_fen

    if periods_left <= 0:
        due_fen = owed_fen
        reasons.append((Why.MATURITY, (owed_fen,)))
    elif due_fen > owed_fen:
        due_fen = owed_fen
        reasons.append((Why.OWED, (owed_fen,)))

    paid_interest_fen = owed.curve.part(owed_fen, due_fen) if owed.curve else min(due_fen, interest_fen)
    return Fixed(
        amount_fen=due_fen,
        interest_fen=paid_interest_fen,
        principal_fen=due_fen - paid_interest_fen,
        carried_late_fen=raw.carried_late_fen,
        assumed_fen=raw.assumed_fen,
        reasons=tuple(reasons),
    )


def relieved(fixed: Fixed, row: Row, *, interest_fen: int) -> Fixed:
    """A fixed instalment in a breathing space: no more than the space asks for, whatever the revenue was.

    `interest_fen`: the interest owed, which is what a space that asks for interest asks for.
    """
    asked_fen = interest_fen if row.at_most_fen is None else row.at_most_fen
    amount_fen = min(fixed.amount_fen, asked_fen)
    paid_interest_fen = min(amount_fen, interest_fen)
    return replace(
        fixed,
        amount_fen=amount_fen,
        interest_fen=paid_interest_fen,
        principal_fen=amount_fen - paid_interest_fen,
        reasons=(*fixed.reasons, (Why.BREATHING, (amount_fen,))),
    )


class _Raw(NamedTuple):
    amount_fen: int
    carried_late_fen: int
    assumed_fen: int
    reasons: tuple[_Told, ...]


def _raw(terms: Product, owed: Owed, interest_fen: int, window: WindowRevenue) -> _Raw:
    """The share of the revenue, before any bound; or what stands for it where there is no data."""
    share = _share_of(terms)
    reasons: list[_Told] = [(Why.REVENUE, (channel, fen)) for channel, fen in sorted(window.counted_fen)]
    counted_fen = sum(fen for _, fen in window.counted_fen)
    assumed_fen = 0
    if window.missing:
        rule = share.missing
        if rule is Missing.LAST_YEAR and window.last_year_fen is None:
            rule = Missing.LEVEL
        if rule is not Missing.LAST_YEAR:
            amount_fen = owed.level_fen
            if rule is Missing.FLOOR:
                amount_fen = bound_fen(terms, share.floor, owed.level_fen, interest_fen) or 0
            assumed_fen = amount_fen * PPM // share.share_ppm
            # The correction of earlier windows waits for a window with data.
            return _Raw(amount_fen, window.late_fen, assumed_fen, ((Why.MISSING, (rule.value, amount_fen)),))
        assert window.last_year_fen is not None
        counted_fen = assumed_fen = window.last_year_fen
        reasons.append((Why.MISSING, (rule.value, counted_fen)))
    if window.late_fen:
        reasons.append((Why.LATE, (window.late_fen,)))
    basis_fen = counted_fen + window.late_fen
    raw_fen = rounded(Fraction(max(0, basis_fen) * share.share_ppm, PPM), terms.rounding)
    reasons.append((Why.SHARE, (share.share_ppm,)))
    reasons.append((Why.RAW, (raw_fen,)))
    carried_fen = min(0, basis_fen)
    if carried_fen:
        reasons.append((Why.CARRIED, (carried_fen,)))
    return _Raw(raw_fen, carried_fen, assumed_fen, tuple(reasons))


def bound_fen(terms: Product, bound: Bound | None, level_fen: int, interest_fen: int) -> int | None:
    """A floor or a cap in fen; None where there is none."""
    if bound is None:
        return None
    if bound.base is Base.INTEREST:
        return interest_fen
    if bound.base is Base.LEVEL:
        return rounded(Fraction(level_fen * bound.value, PPM), terms.rounding)
    return bound.value


def _share_of(terms: Product) -> RevenueShare:
    assert terms.revenue is not None, terms.code
    return terms.revenue
