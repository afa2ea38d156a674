"""A credit line in use: may so much be drawn on a day, and what a plan of draws and repayments comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.plan.line import last_draw_on
from loancli.plan.product import CreditLine
from loancli.plan.rows import Plan
from loancli.servicing.contract import Contract, in_force
from loancli.servicing.life import Life, active_events, life


class OnDay(NamedTuple):
    """So much money on a day: drawn or repaid."""

    on: date
    amount_fen: int


def check_draw(contract: Contract, events: Sequence[Event], draw: OnDay) -> None:
    """Refuse a draw that the terms or what is known of the loan do not allow. Raises RefusedError.

    A draw that is dated back must leave the limit kept on every later day, too. Repayments of a day free what may be
    drawn on it.
    """
    line = _check_terms(in_force(contract, active_events(events, draw.on)), draw)
    before = life(contract, events, draw.on).position
    if before.status == "written_off":
        raise RefusedError(f"draw: {contract.loan_id} is written off on {draw.on}; nothing more is drawn on it")
    late_on = before.oldest_unpaid_due_on
    if late_on is not None and late_on < draw.on:
        raise RefusedError(
            f"draw: {yuan(before.due_fen)} yuan is past due since {late_on}; first what is due, then new draws"
        )
    if not line.revolving:
        known = [event for event in active_events(events, date.max) if event.kind is EventKind.DISBURSED]
        _check_limit(contract, draw, sum(event.payload["amount_fen"] for event in known))
    for day in sorted({draw.on} | {event.effective_on for event in events if event.effective_on > draw.on}):
        used_fen = life(contract, events, day).position.principal_outstanding_fen
        _check_limit(contract, OnDay(day, draw.amount_fen), used_fen)


def _check_terms(contract: Contract, draw: OnDay) -> CreditLine:
    line, rows = contract.product.line, contract.rows
    if line is None:
        raise RefusedError(f"draw: {contract.product.code} is no credit line; {contract.loan_id} was paid out whole")
    last_on = last_draw_on(line, rows)
    if not rows[0].from_on <= draw.on <= last_on:
        raise RefusedError(f"draw: {draw.on} is not allowed; this line is drawn from {rows[0].from_on} to {last_on}")
    if draw.amount_fen < line.draw_min_fen:
        raise RefusedError(f"draw: {yuan(draw.amount_fen)} yuan is too little; at least {yuan(line.draw_min_fen)}")
    return line


def _check_limit(contract: Contract, draw: OnDay, used_fen: int) -> None:
    limit_fen, line = contract.principal_fen, contract.product.line
    if used_fen + draw.amount_fen > limit_fen:
        left_fen = max(0, limit_fen - used_fen)
        what = "in use" if line and line.revolving else "drawn, and this line does not revolve"
        raise RefusedError(
            f"draw: {yuan(draw.amount_fen)} yuan is more than is free on {draw.on}, {yuan(left_fen)}:"
            f" of {yuan(limit_fen)}, {yuan(used_fen)} is {what}"
        )


class Step(NamedTuple):
    """A day of a planned line: a draw, a repayment or a due line; `in_use_fen` is left after it. The rest is paid."""

    on: date
    what: str  # draw | instalment | repayment
    number: int | None
    drawn_fen: int
    principal_fen: int
    interest_fen: int
    in_use_fen: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """What draws and repayments of a line come to if everything is paid on its day."""

    steps: tuple[Step, ...]
    flows: tuple[tuple[date, int], ...]  # for cost.apr: what is drawn above 0, what is paid below
    drawn_fen: int
    interest_fen: int


def plan_draws(plan: Plan, draws: Iterable[OnDay], repayments: Iterable[OnDay]) -> LinePlan:
    """Live a line as planned: it is drawn and repaid on the given days, and what falls due is paid when it does.

    `plan` is that of the whole limit. Interest that is accrued is the first part of a repayment. Raises RefusedError
    for a draw that the terms do not allow and for a repayment of more than is owed.
    """
    contract = Contract(
        loan_id="plan",
        borrower_id="",
        product=plan.product,
        principal_fen=plan.principal_fen,
        signed_on=plan.start_on,
        rows=plan.rows,
        maturity_number=len(plan.rows),
    )
    drawn = sorted(draws)
    if not drawn:
        raise RefusedError("draw: nothing is drawn; give at least one draw")
    for draw in drawn:
        _check_terms(contract, draw)
    events = [_event(EventKind.DISBURSED, f"draw/{number}", draw) for number, draw in enumerate(drawn)]
    events += [_event(EventKind.PAYMENT_RECEIVED, f"repay/{number}", each) for number, each in enumerate(repayments)]
    lived = life(contract, events, max([plan.rows[-1].due_on, *(each.effective_on for each in events)]), is_kept=True)
    steps = _steps(lived, events)
    _check_limits(contract, steps)
    _check_repayments(lived, steps)
    return LinePlan(
        steps=steps,
        flows=_flows(lived),
        drawn_fen=sum(step.drawn_fen for step in steps),
        interest_fen=sum(step.interest_fen for step in steps),
    )


def _check_limits(contract: Contract, steps: Sequence[Step]) -> None:
    """No day may end with more in use than the limit; of a line that does not revolve, with more drawn."""
    line = contract.product.line
    assert line is not None
    last = {step.on: step for step in steps}
    drawn_fen = 0
    for on in sorted({step.on for step in steps if step.drawn_fen}):
        asked_fen = sum(step.drawn_fen for step in steps if step.on == on)
        used_fen = last[on].in_use_fen - asked_fen if line.revolving else drawn_fen
        _check_limit(contract, OnDay(on, asked_fen), used_fen)
        drawn_fen += asked_fen


def _check_repayments(lived: Life, steps: Sequence[Step]) -> None:
    """A repayment leaves credit only where an instalment is about to fall due, never once nothing is in use."""
    last = {step.on: step for step in steps}
    for movement in lived.movements:
        if movement.credit == "borrower:credit" and last[movement.value_on].in_use_fen == 0:
            raise RefusedError(
                f"repay: {yuan(movement.amount_fen)} yuan too much on {movement.value_on}, when nothing more is owed"
            )


def _flows(lived: Life) -> tuple[tuple[date, int], ...]:
    """What is drawn, above 0, and what is paid, below, by day and cause."""
    found: dict[tuple[date, str], int] = {}
    for movement in lived.movements:
        sign = (movement.credit == "clearing:plan") - (movement.debit == "clearing:plan")
        if sign:
            place = (movement.value_on, movement.cause)
            found[place] = found.get(place, 0) + sign * movement.amount_fen
    return tuple((on, fen) for (on, _), fen in found.items())


def _event(kind: EventKind, key: str, of: OnDay) -> Event:
    payload = {"amount_fen": of.amount_fen, "channel": "plan"}
    return Event(key=key, loan_id="plan", kind=kind, effective_on=of.on, payload=payload, actor="")


def _steps(lived: Life, events: Sequence[Event]) -> tuple[Step, ...]:
    """Due lines, draws and repayments by day; on one day in this order, as they count."""
    paid: dict[str, dict[str, int]] = {}  # what repayments paid that is in no due line
    for movement in lived.movements:
        if movement.debit == "clearing:plan" and movement.number == 0:
            parts = paid.setdefault(movement.cause.partition(":")[2], {})
            parts[movement.part] = parts.get(movement.part, 0) + movement.amount_fen
    found: list[Step] = [
        Step(each.due_on, "instalment", each.number, 0, each.principal_fen, each.interest_fen, 0, each.reason)
        for each in lived.instalments
    ]
    for event in events:
        if event.kind is EventKind.DISBURSED:
            found.append(Step(event.effective_on, "draw", None, event.payload["amount_fen"], 0, 0, 0, ""))
        else:
            parts = paid.get(event.key, {})
            principal_fen, interest_fen = parts.get("principal", 0), parts.get("interest", 0)
            found.append(Step(event.effective_on, "repayment", None, 0, principal_fen, interest_fen, 0, ""))
    order = ("instalment", "draw", "repayment")
    in_use_fen = 0
    steps = []
    for step in sorted(found, key=lambda step: (step.on, order.index(step.what))):
        in_use_fen += step.drawn_fen - step.principal_fen
        steps.append(step._replace(in_use_fen=in_use_fen))
    return tuple(steps)
