"""Where a loan is on its way, and what happens to it next, each with its day, as a borrower may be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from loancli.core.loan import InstalmentState
from loancli.plan.flexible import closes_on, window_of
from loancli.plan.line import last_draw_on
from loancli.servicing.delinquency import OVER, Ageing, Standing
from loancli.servicing.life import Life


class Stage(StrEnum):
    """Where a loan is. The gravest that holds is told."""

    SIGNED = "signed"  # not paid out yet
    PAST_DUE = "past_due"
    DUE = "due"  # something is due today, or too little to be past due
    BREATHING = "breathing"  # the instalment that comes asks for less
    OPEN = "open"  # a credit line of which nothing is in use
    IN_TERM = "in_term"
    SETTLED = "settled"
    CANCELLED = "cancelled"  # its payout is void
    WRITTEN_OFF = "written_off"  # the claim stays: what comes in recovers it


class What(StrEnum):
    """What happens on a day, in the order in which things of one day are told."""

    GRACE_ENDS = "grace_ends"  # paid by then, what is late bears no penalty
    WINDOW_CLOSES = "window_closes"  # the revenue that decides an instalment is complete
    DUE = "due"
    EXPECTED = "expected"  # due, but the amount is an outlook, 0 if nobody knows it: its window is open
    BREATHING_ENDS = "breathing_ends"  # the last instalment that asks for less
    PROMISE = "promise"
    BUCKET = "bucket"  # without a payment the loan ages into it
    HOLD_ENDS = "hold_ends"
    DRAW_ENDS = "draw_ends"  # the last day on which a line may be drawn
    MATURITY = "maturity"


class Step(NamedTuple):
    """Something that happens; `detail` is the bucket, or the kind of hold. Without a day it has no end."""

    on: date | None
    what: What
    amount_fen: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A promise to pay that is still open."""

    due_on: date
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A reason to leave the borrower alone, until a day or until it is lifted."""

    kind: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The answer. `to_pay_fen` is due now, penalty included; what was paid last, on which day, and all there was."""

    stage: Stage
    standing: Standing
    to_pay_fen: int
    last_paid_on: date | None
    last_paid_fen: int
    ended_on: date | None  # the day on which it was settled or written off
    steps: tuple[Step, ...]


def track(lived: Life, ageing: Ageing, *, promises: Sequence[Promised] = (), holds: Sequence[Held] = ()) -> Track:
    """Where a loan stands on the day of its life, and what comes, by day; what has no end comes last."""
    standing = ageing.standing(lived)
    position = lived.position
    to_pay_fen = position.due_fen + position.penalty_accrued_fen
    paid = [movement for movement in lived.movements if movement.debit.startswith("clearing:")]
    last_on = max((movement.value_on for movement in paid), default=None)
    stage = _stage(lived, standing, to_pay_fen)
    is_over = lived.position.status in OVER
    steps = [] if is_over or stage is Stage.SIGNED else list(_steps(lived, ageing, standing))
    if not is_over:
        steps += [Step(each.due_on, What.PROMISE, each.amount_fen) for each in promises]
    steps += [Step(each.until, What.HOLD_ENDS, None, each.kind) for each in holds]
    order = list(What)
    return Track(
        stage=stage,
        standing=standing,
        to_pay_fen=to_pay_fen,
        last_paid_on=last_on,
        last_paid_fen=sum(movement.amount_fen for movement in paid if movement.value_on == last_on),
        ended_on=_ended_on(lived) if is_over else None,
        steps=tuple(sorted(steps, key=lambda step: (step.on or date.max, order.index(step.what)))),
    )


def _stage(lived: Life, standing: Standing, to_pay_fen: int) -> Stage:
    if lived.position.status in {"signed", *OVER, "open"}:
        return Stage(lived.position.status)
    if standing.days_past_due:
        return Stage.PAST_DUE
    if to_pay_fen:
        return Stage.DUE
    return Stage.BREATHING if _breathing_until(lived) else Stage.IN_TERM


def _ended_on(lived: Life) -> date | None:
    """The day on which the last of the debt went; None where there never was any."""
    days = (movement.value_on for movement in lived.movements if movement.credit.startswith("loan:"))
    return max(days, default=None)


def _ahead(lived: Life) -> list[InstalmentState]:
    """The instalments that are still to fall due and ask for something, as far as that is known."""
    return [state for state in lived.instalments if not state.is_due and state.due_on > lived.as_of and state.due_fen]


def _window(lived: Life) -> InstalmentState | None:
    """The instalment that revenue decides next, while principal is left for it."""
    states = [state for state in lived.instalments if not state.is_due]
    position = lived.position
    fixed_fen = sum(state.principal_fen - state.paid_principal_fen for state in states if state.is_fixed)
    if position.principal_outstanding_fen - position.principal_overdue_fen - fixed_fen <= 0:
        return None
    return next((state for state in states if not state.is_fixed), None)


def _breathing_until(lived: Life) -> date | None:
    """The due day of the last instalment of a breathing space that is running; None: the next one is a usual one."""
    rows = [row for row in lived.contract.rows[: lived.contract.maturity_number] if row.due_on > lived.as_of]
    breathing = list(takewhile(lambda row: row.is_breathing, rows))
    return breathing[-1].due_on if breathing else None


def _steps(lived: Life, ageing: Ageing, standing: Standing) -> Iterator[Step]:
    contract, as_of = lived.contract, lived.as_of
    ahead, by_revenue = _ahead(lived), _window(lived)
    yield from _grace(lived)
    if by_revenue:
        window = window_of(contract.product, contract.rows, by_revenue.number)
        yield Step(max(closes_on(window), as_of), What.WINDOW_CLOSES)
        yield Step(max(by_revenue.due_on, as_of), What.EXPECTED, by_revenue.due_fen)
    for following in ahead[:1]:
        if following.is_fixed:
            yield Step(following.due_on, What.DUE, following.due_fen)
    if breathing_until := _breathing_until(lived):
        yield Step(breathing_until, What.BREATHING_ENDS)
    after = ageing.next_bucket(standing.days_past_due) if standing.days_past_due else None
    if after:
        yield Step(as_of + timedelta(days=after.days_from - standing.days_past_due), What.BUCKET, None, after.name)
    if contract.product.line:
        last_on = last_draw_on(contract.product.line, contract.rows)
        if last_on >= as_of:
            yield Step(last_on, What.DRAW_ENDS, lived.position.free_fen)
    if ahead and ahead[-1].number <= contract.maturity_number:  # else the term has run on, nobody knows how far
        yield Step(ahead[-1].due_on, What.MATURITY)


def _grace(lived: Life) -> Iterator[Step]:
    """Until when something that fell due may be paid without penalty."""
    product = lived.contract.product
    days = timedelta(days=product.penalty.grace_days)
    if not (days and product.penalty_ppm):
        return
    for state in lived.instalments:
        ends_on = state.due_on + days
        if state.is_due and state.unpaid_fen and state.due_on <= lived.as_of <= ends_on:
            yield Step(ends_on, What.GRACE_ENDS, state.unpaid_fen)
