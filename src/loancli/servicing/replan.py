"""A signed loan's plan changed: from what the loan's life says is open, to the event that puts new rows in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile

from loancli.core.days import Calendar
from loancli.core.errors import RefusedError
from loancli.core.event import RANK, Event, EventKind
from loancli.core.loan import Row, kept_rows
from loancli.core.money import split
from loancli.plan.adjust import changed_from
from loancli.plan.changes import Breathe, Change, Prepay, Reage, Rerate, Resize, Respread, Restructure
from loancli.plan.due_days import later_days
from loancli.plan.flexible import run_on_rows
from loancli.plan.product import Kind, Product
from loancli.plan.product_json import to_json
from loancli.plan.rows import Plan, Prepaid
from loancli.plan.still_open import Open
from loancli.servicing.contract import CHANGES, Contract, changed_to
from loancli.servicing.life import Life, active_events, life_after, walked
from loancli.servicing.lines import DAY, Line
from loancli.servicing.outcome import asked_of, look_ahead, rows_tell
from loancli.servicing.walk import Walk
from loancli.servicing.windows import next_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """A change worked out: the loan's plan before and after, and the event that makes it so."""

    before: Plan
    after: Plan
    event: Event
    contract: Contract | None = None  # as the event leaves it, and …
    walk: Walk | None = None  # … the loan walked up to the event, where nothing else is recorded for later

    def life(self, as_of: date) -> Life | None:
        """The loan's life with the event, to be asked once: only the days after it are walked. None: ask `life()`."""
        if self.walk is None or self.contract is None or as_of < self.event.effective_on:
            return None
        return life_after(self.walk, self.event, self.contract, as_of)


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
    rests_on: str = "",
) -> Replan:
    """Change what is open of a loan on a day. `told`: the change in words; `why`: the figures that granted it.
    `rests_on`: the key of an event without which the change does not count either.

    A breathing space counts from the beginning of the day, so that it can hold for an instalment that falls due on it
    (`number`, else the next one); any other change from its end. RefusedError where nothing is open, or where a later
    change rests on the plan as it was; InputError for what the terms do not allow.
    """
    active = active_events(events, date.max)
    breathes = isinstance(change, Breathe)
    kind = EventKind.BREATHING_SPACE_GRANTED if breathes else EventKind.PLAN_CHANGED
    turn = _turn(active, kind, on)
    if isinstance(change, Prepay):
        raise RefusedError("prepay: take the payment of a loan first; then make the rest 'shorter' or 'smaller'")
    has_later = any(event.effective_on > on for event in events)
    walk, _ = walked(contract, events, on - DAY if breathes else on, active=None if breathes or has_later else active)
    walk.accrue(on)
    if isinstance(change, Reage):
        _check_reage(walk, on)
    else:
        _check_open(walk, on)
    rows = walk.contract.rows[: walk.contract.maturity_number]
    if number is None:
        if waiting := next_number(contract, events, on):
            raise RefusedError(f"the window of instalment {waiting} is over and not fixed yet; close the day first")
        _close_fixed(walk, change, [event for event in active if event.effective_on <= on], len(rows))
        closed = list(takewhile(lambda line: line.closed, walk.lines[: len(rows)]))
    else:
        closed = walk.lines[: number - 1]
    is_over = len(closed) == len(rows)
    if is_over and not isinstance(change, Reage):
        raise RefusedError(f"the term of loan {contract.loan_id} is over on {on}; what runs on cannot be changed")
    before = plan_lived(walk, contract, rows, len(closed))
    taken_fen = _taken_in(walk, change, on)
    _check_open(walk, on)  # all of it may be in an instalment that is fixed, or about to fall due
    ahead = _ahead(before, len(closed), rows, change, on, calendar)
    from_on = max(on, ahead[0].from_on)  # the calendar may have moved a due day before the end of its period
    left = Open(
        plan=before,
        kept=tuple(_as_asked(row, line) for row, line in zip(before.rows, closed, strict=False)),
        rows=ahead,
        agreed=before.agreed[len(closed) :] or tuple(row.to_on for row in ahead),
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
    is_same_product = after.product is before.product or after.product == before.product
    event = Event(
        key=key,
        loan_id=contract.loan_id,
        kind=kind,
        effective_on=on,
        payload={
            "change": told,
            "number": len(closed) + 1,
            "rows": kept_rows(new),
            "maturity_number": len(after.rows),
            "terms": None if is_same_product else to_json(after.product),
            "why": dict(why or {}),
            **({"turn": turn} if turn else {}),
            **({"takes_in": True} if isinstance(change, Reage) else {}),
            **({"rests_on": rests_on} if rests_on else {}),
        },
        actor=actor,
    )
    if taken_fen:  # the fees that come with the next instalment are no part of its row: they may be less by then
        first = after.rows[len(closed)]
        told_rows = (*after.rows[: len(closed)], first._replace(fee_fen=first.fee_fen + taken_fen))
        after = replace(after, rows=told_rows + after.rows[len(closed) + 1 :])
    if breathes or isinstance(change, Reage) or walk.is_revenue_share or rests_on or has_later:
        # The walk is of another hour, or was changed here; and what comes later may take back what was before.
        return Replan(before=before, after=after, event=event)
    changed = changed_to(walk.contract, after.product, len(closed) + 1, new, len(after.rows))
    return Replan(before=before, after=after, event=event, walk=walk, contract=changed)


def _check_open(walk: Walk, on: date) -> None:
    """RefusedError where no principal is left to be split."""
    if walk.pool_fen == 0:
        is_late = any(line.late_fen for line in walk.lines if line.is_due)
        more = "; what is overdue is spread anew by 'reage 6'" if is_late else ""
        raise RefusedError(f"loan {walk.contract.loan_id} has no principal on {on} that is not due yet{more}")


def _check_reage(walk: Walk, on: date) -> None:
    """RefusedError where nothing is overdue, or the terms have no plan that it could be spread over."""
    product, loan_id = walk.product, walk.contract.loan_id
    if product.line or product.revenue or product.fixed_fee:
        raise RefusedError(f"reage: {product.code} has no instalments that overdue principal could be spread over")
    if not walk.outstanding_fen or not any(line.late_fen for line in walk.lines if line.is_due):
        raise RefusedError(f"reage: nothing of loan {loan_id} is overdue on {on}; respread it instead")


def _taken_in(walk: Walk, change: Change, on: date) -> int:
    """Overdue amounts become open again, where the change says so; returns the fees among them."""
    return sum(fen for _, fen in walk.take_in(on, "reage")) if isinstance(change, Reage) else 0


def _as_asked(row: Row, line: Line) -> Row:
    """A row whose period is over, as it asks now: for less, where what was overdue of it is spread anew."""
    return row._replace(principal_fen=line.due["principal"], interest_fen=line.due["interest"], fee_fen=line.due["fee"])


def _ahead(
    before: Plan, closed: int, rows: Sequence[Row], change: Change, on: date, calendar: Calendar
) -> tuple[Row, ...]:
    """The rows that are open. Of a loan whose term is over, new ones on the days that would have followed."""
    if isinstance(change, Resize) and change.shortens:
        # The same instalments are those that were agreed, not what principal paid ahead has left of them.
        return tuple(rows[closed:])
    if closed < len(rows) or not isinstance(change, Reage):
        return before.rows[closed:]
    if change.periods is None:
        raise RefusedError("reage: the term is over; say over how many instalments, such as 'reage 6'")
    product, count = before.product, change.periods
    if product.kind in {Kind.CUSTOM, Kind.SINGLE_PAYMENT}:
        raise RefusedError(f"reage: {product.code} has no frequency to go on by; sign a new loan for what is overdue")
    days: list[date] = []
    passed = 0  # since the term ended
    while len(days) < count:
        later = later_days(product, before.start_on, before.agreed, passed + count)
        days += [day for day in later[passed:] if min(day, calendar.rolled(day, product.roll)) > on]
        passed = len(later)
    starts = (on, *days)
    return tuple(
        Row(number=closed + at, from_on=start_on, to_on=day, due_on=day, principal_fen=0, interest_fen=0)
        for at, (start_on, day) in enumerate(zip(starts, days[:count], strict=False), start=1)
    )


def _turn(active: Sequence[Event], kind: EventKind, on: date) -> int:
    """The turn of a new change among those of its kind and day: after all of them. RefusedError for a later change."""
    changes = [event for event in active if event.kind in CHANGES]
    later = [event for event in changes if (event.effective_on, RANK[event.kind]) > (on, RANK[kind])]
    if later:
        raise RefusedError(f"a change of {later[0].effective_on} rests on the plan as it was on {on}; void it first")
    turns = [event.payload.get("turn", 0) for event in changes if (event.effective_on, event.kind) == (on, kind)]
    return 1 + max(turns, default=-1)


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
        walk.happen(event)
        walk.close_period(line)


def plan_lived(walk: Walk, contract: Contract, rows: Sequence[Row], closed: int) -> Plan:
    """The loan's plan as its life has it: what fell due, what was paid ahead, and what the rows ahead will ask for."""
    look_ahead(walk)  # where nothing happened but what was planned, the rows tell it
    told = list(rows)
    are_told = rows_tell(walk)
    for at, line in enumerate(walk.lines[: len(rows)]):
        if not (are_told and line.is_untouched):
            told[at] = Row(*line.row[:4], *asked_of(walk, line), line.reason)
    ahead_fen = sum([row.principal_fen for row in told[closed:]])
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
        agreed=tuple([row.to_on for row in rows]),
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
