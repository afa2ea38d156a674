"""A credit line in use: may so much be drawn on a day, and what a plan of draws and repayments comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import yuan
from loancli.plan.line import last_draw_on
from loancli.plan.rows import Plan
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, active_events, life, quote

INSTALMENT, REPAYMENT = "instalment/", "repayment/"  # keys of planned payments: one for what is due counts first


class OnDay(NamedTuple):
    """So much money on a day: drawn or repaid."""

    on: date
    amount_fen: int


def check_draw(contract: Contract, events: Sequence[Event], draw: OnDay) -> None:
    """Refuse a draw that the terms or what is known of the loan do not allow. Raises RefusedError.

    A draw that is dated back must leave the limit kept on every later day, too. Repayments of a day free what may be
    drawn on it.
    """
    line, rows = contract.product.line, contract.rows
    if line is None:
        raise RefusedError(f"{contract.loan_id}: {contract.product.code} is no credit line; it was paid out whole")
    last_on = last_draw_on(line, rows)
    if not rows[0].from_on <= draw.on <= last_on:
        raise RefusedError(f"draw: {draw.on} is not allowed; this line is drawn from {rows[0].from_on} to {last_on}")
    if draw.amount_fen < line.draw_min_fen:
        raise RefusedError(f"draw: {yuan(draw.amount_fen)} yuan is too little; at least {yuan(line.draw_min_fen)}")
    before = life(contract, events, draw.on)
    late_on = before.position.oldest_unpaid_due_on
    if late_on is not None and late_on < draw.on:
        raise RefusedError(
            f"draw: {yuan(before.position.due_fen)} yuan is past due since {late_on}; first what is due, then new draws"
        )
    days = {draw.on} | {event.effective_on for event in events if event.effective_on > draw.on}
    drawn = [event for event in active_events(events, date.max) if event.kind is EventKind.DISBURSED]
    for day in sorted(days):
        used_fen = life(contract, events, day).position.principal_outstanding_fen
        if not line.revolving:
            used_fen = sum(event.payload["amount_fen"] for event in drawn)
        if used_fen + draw.amount_fen > contract.principal_fen:
            left_fen = max(0, contract.principal_fen - used_fen)
            what = "in use" if line.revolving else "drawn, and this line does not revolve"
            raise RefusedError(
                f"draw: {yuan(draw.amount_fen)} yuan is more than is free on {day}, {yuan(left_fen)}:"
                f" of {yuan(contract.principal_fen)}, {yuan(used_fen)} is {what}"
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
    drawn, repaid, due = _by_day(draws), _by_day(repayments), {row.due_on: row for row in plan.rows}
    events: list[Event] = []
    for day in sorted({*drawn, *repaid, *due}):
        for amount_fen in drawn.get(day, ()):
            check_draw(contract, events, OnDay(day, amount_fen))
            events.append(_event(EventKind.DISBURSED, f"draw/{len(events):04}", day, amount_fen))
        if day in due:
            state = life(contract, events, day).instalments[due[day].number - 1]
            if state.unpaid_fen:
                events.append(_event(EventKind.PAYMENT_RECEIVED, f"{INSTALMENT}{state.number}", day, state.unpaid_fen))
        for amount_fen in repaid.get(day, ()):
            owed_fen = quote(contract, events, day).to_pay_fen
            if amount_fen > owed_fen:
                raise RefusedError(f"repay: {yuan(amount_fen)} yuan is more than is owed on {day}, {yuan(owed_fen)}")
            events.append(_event(EventKind.PAYMENT_RECEIVED, f"{REPAYMENT}{len(events):04}", day, amount_fen))
    if not drawn:
        raise RefusedError("draw: nothing is drawn; give at least one draw")
    lived = life(contract, events, max(event.effective_on for event in events))
    steps = _steps(lived, events)
    return LinePlan(
        steps=steps,
        flows=tuple(
            (each.effective_on, each.payload["amount_fen"] * (1 if each.kind is EventKind.DISBURSED else -1))
            for each in events
        ),
        drawn_fen=sum(step.drawn_fen for step in steps),
        interest_fen=sum(step.interest_fen for step in steps),
    )


def _by_day(amounts: Iterable[OnDay]) -> dict[date, list[int]]:
    found: dict[date, list[int]] = {}
    for on, amount_fen in amounts:
        found.setdefault(on, []).append(amount_fen)
    return found


def _event(kind: EventKind, key: str, on: date, amount_fen: int) -> Event:
    payload = {"amount_fen": amount_fen, "channel": "plan"}
    return Event(key=key, loan_id="plan", kind=kind, effective_on=on, payload=payload, actor="")


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
        elif event.key.startswith(REPAYMENT):
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
