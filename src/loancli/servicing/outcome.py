"""What a walk comes to: where the loan stands, its instalments, and what those ahead will ask for."""

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import date
from fractions import Fraction
from itertools import pairwise

from loancli.core.conduct import CONDUCT_DAYS, Arrears, Conduct
from loancli.core.loan import InstalmentState, Position
from loancli.core.money import rounded
from loancli.core.rates import DayCount, interest_exact, year_fraction
from loancli.plan.flexible import closes_on, window_of
from loancli.plan.line import Drawable, drawable
from loancli.servicing.contract import ends_breathing
from loancli.servicing.lines import DAY, Line
from loancli.servicing.walk import Walk


def look_ahead(walk: Walk) -> None:
    """What the instalments ahead will ask for, if nothing else is paid before: their periods end on a copy."""
    is_signed_only = not walk.disbursed_fen and not walk.contract.is_line  # a line asks for what is drawn, no more
    if is_signed_only or not (walk.is_off_plan or walk.is_revenue_share):
        return  # the rows tell
    future = copy(walk)
    future.fee = copy(walk.fee)
    future.coupons = [copy(coupon) for coupon in walk.coupons]
    for line in walk.lines:
        if line.closed:
            continue
        if walk.is_revenue_share and line.fixed_fen is None:
            break
        walk.ahead[line.row.number], _ = future.end_period(line)


def asked_of(walk: Walk, line: Line) -> tuple[int, int, int]:
    """Principal, interest and fee that an instalment asks for; ahead of it, as far as that is known."""
    row = line.row
    if line.closed:
        asked = line.due
    elif walk.disbursed_fen and walk.pool_fen == 0:
        return 0, 0, line.due["fee"]  # nothing else is left to pay
    elif row.number not in walk.ahead:
        return row.principal_fen, row.interest_fen, row.fee_fen + line.due["fee"]
    else:
        asked = walk.ahead[row.number]
    return asked["principal"], asked["interest"], asked["fee"]


def rows_tell(walk: Walk) -> bool:
    """Do the rows of lines that nothing has touched say what those will ask for? After `look_ahead`."""
    return not (walk.ahead or walk.is_revenue_share or (walk.disbursed_fen and walk.pool_fen == 0))


def states_of(walk: Walk) -> tuple[InstalmentState, ...]:
    """The instalments as they stand; ahead, what they will ask for as far as that is known."""
    if not rows_tell(walk):
        return tuple([state_of(walk, line) for line in walk.lines])
    return tuple([_as_planned(line) if line.is_untouched else state_of(walk, line) for line in walk.lines])


def _as_planned(line: Line) -> InstalmentState:
    number, _, _, due_on, principal_fen, interest_fen, fee_fen, reason = line.row
    cells = (number, due_on, False, True, principal_fen, interest_fen, fee_fen, 0, 0, 0, 0, 0, None, reason)
    return tuple.__new__(InstalmentState, cells)


def state_of(walk: Walk, line: Line) -> InstalmentState:
    """An instalment as it stands; ahead of it, what it will ask for as far as that is known."""
    row, paid = line.row, line.paid
    is_fixed = not walk.is_revenue_share or line.closed or line.fixed_fen is not None
    # The tuple itself, as in kinds: named, it takes thrice as long, for each instalment of each loan.
    cells = (
        row.number, row.due_on, line.is_due, is_fixed, *asked_of(walk, line), line.due["penalty"], paid["principal"],
        paid["interest"], paid["fee"], paid["penalty"], line.paid_on, line.reason,
    )  # fmt: skip
    return tuple.__new__(InstalmentState, cells)


def growing(walk: Walk, as_of: date) -> dict[int, Fraction]:
    """Exact penalty by instalment that is due on none yet: rounded, what a payment on day `as_of` would make due."""
    due = (line for line in walk.still_owing() if line.penalty_from is not None or line.penalty)
    return {line.row.number: line.penalty + walk.penalty_since(line, as_of) for line in due}


def position_of(
    walk: Walk,
    as_of: date,
    *,
    penalties: Mapping[int, Fraction],
    upcoming: Sequence[date],
    recorded: Sequence[date],
) -> Position:
    """Where the loan stands, with the `penalties` that are growing; `upcoming` days matter while something is owed,
    those of `recorded` events always.
    """
    walk.accrue(as_of)
    ahead = [line for line in walk.lines if not line.is_due and (line.rebates or not line.is_paid)]
    due = walk.still_owing()
    outstanding_fen = walk.outstanding_fen
    owes = outstanding_fen > 0 or bool(due) or bool(ahead) or walk.credit_fen < 0
    status = "signed" if not walk.disbursed_fen else "active" if owes else "settled"
    can_draw = Drawable(0, None)
    if any(walk.claim.values()) and not owes:
        status = "written_off"
    elif walk.product.line is not None:
        drawn_fen, limit_fen, rows = walk.disbursed_fen, walk.contract.principal_fen, walk.contract.rows
        can_draw = drawable(walk.product.line, rows, limit_fen, as_of, drawn_fen=drawn_fen, in_use_fen=outstanding_fen)
        if not owes and as_of >= rows[0].from_on:
            status = "open" if can_draw.free_fen else "settled"
    next_line = (
        next((line for line in walk.lines if not line.is_due and line.row.due_on > as_of), None) if owes else None
    )
    accrued = walk.accrued
    if known_fen := sum([line.due["interest"] for line in ahead]):
        accrued += known_fen
    if penalties:
        accrued += sum(penalties.values())
    tomorrow = as_of + DAY
    per_day = _interest_tomorrow(walk, as_of, tomorrow)
    moments = list(upcoming)
    if walk.fee and per_day:  # the day on which all of the fee is earned
        moments.append(as_of + ((walk.fee.left_fen - walk.accrued) // per_day + 1) * DAY)
    for line in due:
        if line.penalty_from is not None:
            years = year_fraction(walk.penalty_days, as_of, tomorrow)
            per_day += interest_exact(walk.penalty_base(line), walk.penalty_ppm, years)
    if walk.pool_fen and walk.accrued_to > as_of:
        moments.append(walk.accrued_to)  # the calendar moved the due day before the end of its period
    looks = [day for day in (_next_window_close(walk, as_of), _next_trigger(walk, as_of)) if day]
    moments += [max(day, tomorrow) for day in looks]
    if ends_breathing(walk.contract.rows, as_of, as_of):
        moments.append(tomorrow)  # the close of `as_of` tells it, whatever settled the loan before
    if owes and walk.product.day_count in {DayCount.ACT_ACT, DayCount.THIRTY_360}:
        moments.append(tomorrow)  # a day is not worth the same every day: look again tomorrow
    moments += [until_on for _, until_on in walk.pauses if until_on > as_of]
    if status in {"settled", "open", "written_off"}:
        # The close of `as_of` finds what it finds, whether what settled the loan was known before it or long ago.
        moments = [tomorrow] if any(day <= as_of for day in looks) else []
    if can_draw.until_on:
        moments.append(can_draw.until_on)
    moments += recorded
    return Position(
        loan_id=walk.contract.loan_id,
        status=status,
        since_on=as_of,
        principal_outstanding_fen=outstanding_fen,
        principal_overdue_fen=sum([line.unpaid("principal") for line in due]),
        interest_due_fen=sum([line.unpaid("interest") for line in due]),
        fee_due_fen=sum([line.unpaid("fee") for line in due]),
        penalty_due_fen=sum([line.unpaid("penalty") for line in due]),
        penalty_accrued_fen=sum([rounded(penalty, walk.product.rounding) for penalty in penalties.values()]),
        credit_fen=walk.credit_fen,
        oldest_unpaid_due_on=next((line.row.due_on for line in due if line.late_fen), None),
        next_due_on=next_line.row.due_on if next_line else None,
        next_due_fen=state_of(walk, next_line).due_fen if next_line else 0,
        next_moment_on=min(moments, default=None),
        accrued=accrued,
        accruing_per_day=per_day,
        paid_total_fen=walk.paid_total_fen,
        free_fen=can_draw.free_fen,
    )


def conduct_of(walk: Walk, instalments: Sequence[InstalmentState], position: Position) -> Conduct | None:
    """What the class of the loan rests on beside its days past due; None for nearly all loans (core/conduct.py)."""
    if position.status in {"signed", "settled", "written_off"}:
        return None
    if not walk.eased and not any(map(_was_long_late, walk.arrears)):
        return None
    return Conduct(
        dues=tuple(each.due_on for each in instalments if not each.is_fixed or each.due_fen > each.penalty_fen),
        arrears=tuple(
            Arrears(line.row.due_on, line.steps) for line in sorted(walk.arrears, key=lambda line: line.row.due_on)
        ),
        eased=tuple(walk.eased),
    )


def _was_long_late(line: Line) -> bool:
    """Was it past due for `CONDUCT_DAYS` with what was paid, or planned anew, since? Until then its days tell all."""
    return any(
        step.late_fen and (after.on - line.row.due_on).days > CONDUCT_DAYS for step, after in pairwise(line.steps)
    )


def _next_window_close(walk: Walk, as_of: date) -> date | None:
    """The day on which the next revenue instalment is to be fixed."""
    line = next((line for line in walk.lines if line.fixed_fen is None), None) if walk.is_revenue_share else None
    if line is None:
        return None
    day = closes_on(window_of(walk.product, walk.contract.rows, line.row.number))
    return day if _is_owed(walk, day, as_of) else None


def _is_owed(walk: Walk, day: date, as_of: date) -> bool:
    """Is there principal ahead on a day? Up to `as_of`: was there any before the payments of `as_of`?"""
    if not walk.disbursed_fen:
        return True
    return bool(walk.pool_before_fen if day <= as_of == walk.paying_on else walk.pool_fen)


def _next_trigger(walk: Walk, as_of: date) -> date | None:
    """The next day on which a window that is closed may grant a breathing space by itself; perhaps `as_of` itself."""
    space = walk.product.breathing_space
    if space is None or space.trigger is None:
        return None
    rows = walk.contract.rows[: walk.contract.maturity_number]
    days = (closes_on(window_of(walk.product, rows, row.number)) for row in rows)
    return next((day for day in days if day >= as_of and _is_owed(walk, day, as_of)), None)


def _interest_tomorrow(walk: Walk, as_of: date, tomorrow: date) -> Fraction:
    if walk.accrued_to > as_of or (walk.fee and walk.accrued == walk.fee.left_fen):
        return Fraction(0)
    return walk.interest(as_of, tomorrow)
