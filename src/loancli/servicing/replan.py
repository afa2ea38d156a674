"""A signed loan's plan changed: from what the loan's life says is open, to the event that puts new rows in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from loancli.core.days import Calendar
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.core.money import split
from loancli.plan.adjust import changed_from
from loancli.plan.changes import Breathe, Change, Prepay, Rerate, Respread, Restructure
from loancli.plan.flexible import run_on_rows
from loancli.plan.product import Product
from loancli.plan.product_json import to_json
from loancli.plan.rows import Plan, Prepaid
from loancli.plan.still_open import Open
from loancli.servicing.contract import CHANGES, Contract
from loancli.servicing.life import active_events, walked
from loancli.servicing.walk import DAY, Walk
from loancli.servicing.windows import next_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """A change worked out: the loan's plan before and after, and the event that makes it so."""

    before: Plan
    after: Plan
    event: Event


def replan(
    contract: Contract,
    events: Sequence[Event],
    change: Change,
    on: date,
    *,
    key: str,
    told: str,
    actor: str,
    calendar: Calendar,
    products: Mapping[str, Product] | None = None,
    number: int | None = None,
    why: Mapping[str, int] | None = None,
) -> Replan:
    """Change what is open of a loan on a day. `told`: the change in words; `why`: the figures that granted it.

    A breathing space counts from the beginning of the day, so that it can hold for an instalment that falls due on it
    (`number`, else the next one); any other change from its end. RefusedError where nothing is open, or where a later
    change rests on the plan as it was; InputError for what the terms do not allow.
    """
    active = active_events(events, date.max)
    later = [event for event in active if event.kind in CHANGES and event.effective_on > on]
    if later:
        raise RefusedError(f"a change of {later[0].effective_on} rests on the plan as it was on {on}; void it first")
    if isinstance(change, Prepay):
        raise RefusedError("prepay: take the payment of a loan first; then 'respread' what is left of it")
    breathes = isinstance(change, Breathe)
    walk, _ = walked(contract, events, on - DAY if breathes else on)
    walk.accrue(on)
    if walk.pool_fen == 0:
        raise RefusedError(f"loan {contract.loan_id} has no principal on {on} that is not due yet")
    rows = walk.contract.rows[: walk.contract.maturity_number]
    if number is None:
        if waiting := next_number(contract, events, on):
            raise RefusedError(f"the window of instalment {waiting} is over and not fixed yet; close the day first")
        _close_fixed(walk, change, [event for event in active if event.effective_on <= on], len(rows))
        closed = list(takewhile(lambda line: line.closed, walk.lines[: len(rows)]))
    else:
        closed = walk.lines[: number - 1]
    if len(closed) == len(rows):
        raise RefusedError(f"the term of loan {contract.loan_id} is over on {on}; what runs on cannot be changed")
    before = _plan(walk, contract, rows, len(closed))
    from_on = max(on, rows[len(closed)].from_on)  # the calendar may have moved a due day before the end of its period
    left = Open(
        plan=before,
        kept=before.rows[: len(closed)],
        rows=before.rows[len(closed) :],
        agreed=before.agreed[len(closed) :],
        from_on=from_on,
        principal_fen=walk.pool_fen,
        since_on=from_on,
        carried_fen=walk.accrued,
        fixed_fee_fen=walk.fee.left_fen if walk.fee else 0,
    )
    if walk.contract.is_revenue_share:  # what is ahead of it is an outlook: at the level of what is open now
        before = changed_from(left, Respread(periods=len(left.rows)), calendar=calendar)
    after = changed_from(left, change, calendar=calendar, products=products)
    new = after.rows[len(closed) :] + run_on_rows(after, calendar)
    event = Event(
        key=key,
        loan_id=contract.loan_id,
        kind=EventKind.BREATHING_SPACE_GRANTED if breathes else EventKind.PLAN_CHANGED,
        effective_on=on,
        payload={
            "change": told,
            "number": len(closed) + 1,
            "rows": [list(row.kept()) for row in new],
            "maturity_number": len(after.rows),
            "terms": to_json(after.product) if after.product != before.product else None,
            "why": dict(why or {}),
        },
        actor=actor,
    )
    return Replan(before=before, after=after, event=event)


def _close_fixed(walk: Walk, change: Change, active: Sequence[Event], count: int) -> None:
    """A revenue instalment that is fixed stays as it is: its period ends, so that only what comes after it is open.

    RefusedError for a change of the terms by which its interest goes on until then.
    """
    for event in active:
        if event.kind is not EventKind.INSTALMENT_FIXED or event.payload["number"] > count:
            continue
        line = walk.lines[event.payload["number"] - 1]
        if line.closed:
            continue
        if isinstance(change, Rerate | Restructure):
            raise RefusedError(
                f"instalment {line.row.number} is fixed and falls due on {line.row.due_on}; change the terms then"
            )
        walk.fact(event)
        walk.close_period(line)


def _plan(walk: Walk, contract: Contract, rows: Sequence[Row], closed: int) -> Plan:
    """The loan's plan as its life has it: what fell due, what was paid ahead, and what the rows ahead will ask for."""
    walk.is_off_plan = True  # so that it looks ahead by what is there, not by the rows as they were made
    walk.look_ahead()
    states = [walk.state(line) for line in walk.lines[: len(rows)]]
    told = [
        row._replace(
            principal_fen=state.principal_fen,
            interest_fen=state.interest_fen,
            fee_fen=state.fee_fen,
            reason=state.reason,
        )
        for row, state in zip(rows, states, strict=True)
    ]
    ahead_fen = sum(row.principal_fen for row in told[closed:])
    if ahead_fen != walk.pool_fen:  # a revenue plan, which looks no further than its next instalment
        told = told[:closed] + _scaled(told[closed:], walk.pool_fen, walk.fee.left_fen if walk.fee else None)
    paid: dict[date, list[int]] = {}
    for movement in walk.movements:
        if movement.number == 0 and movement.credit in {"loan:principal", "loan:interest_due"}:
            at = 0 if movement.credit == "loan:principal" else 1
            paid.setdefault(movement.value_on, [0, 0])[at] += movement.amount_fen
    return Plan(
        product=walk.product,
        principal_fen=walk.disbursed_fen,
        start_on=contract.rows[0].from_on,
        rows=tuple(told),
        agreed=tuple(row.to_on for row in rows),
        prepaid=tuple(Prepaid(day, *parts) for day, parts in sorted(paid.items())),
    )


def _scaled(rows: Sequence[Row], principal_fen: int, fixed_fee_fen: int | None) -> list[Row]:
    """The rows with their principal, and their part of a fixed fee, in proportion to what is open."""
    principals_fen = _in_proportion([row.principal_fen for row in rows], principal_fen)
    if fixed_fee_fen is None:
        return [row._replace(principal_fen=fen) for row, fen in zip(rows, principals_fen, strict=True)]
    fees_fen = _in_proportion([row.interest_fen for row in rows], fixed_fee_fen)
    return [
        row._replace(principal_fen=principal, interest_fen=fee)
        for row, principal, fee in zip(rows, principals_fen, fees_fen, strict=True)
    ]


def _in_proportion(parts_fen: Sequence[int], sum_fen: int) -> list[int]:
    """The parts with another sum; where they are all 0, the last takes it."""
    return split(sum_fen, parts_fen if any(parts_fen) else [0] * (len(parts_fen) - 1) + [1])
