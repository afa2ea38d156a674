"""The whole life of a loan as a pure function of its contract and its events.

Everything the program shows or books about a loan comes from `life()`: what fell due and why, what each payment paid,
where the loan stands, when anything changes next by itself, and the movements between accounts. Arrival order does not
matter: events count by day, then by kind (core.event.RANK), then by key.

How a day goes: facts about the plan (disbursement, fixed instalments) come first, then what happens by itself (an
interest period ends, an instalment falls due, a grace period runs out), then payments. Interest runs on principal that
is not yet due; overdue principal bears the penalty rate instead (PRC-05), from its due day, unless it is paid in grace.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from loancli.core.event import RANK, Event, EventKind
from loancli.core.loan import InstalmentState, Position, Row
from loancli.servicing.contract import Contract, Movement
from loancli.servicing.walk import DAY, PARTS, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A loan from signing up to a day. `contract` is what is in force on it."""

    contract: Contract
    as_of: date
    instalments: tuple[InstalmentState, ...]
    position: Position
    movements: tuple[Movement, ...]


def active_events(events: Iterable[Event], as_of: date) -> list[Event]:
    """Events up to `as_of` that no active void or reversal takes back, in the order in which they count."""
    known = sorted(
        (event for event in events if event.effective_on <= as_of),
        key=lambda event: (event.effective_on, RANK[event.kind], event.key),
    )
    takers: dict[str, list[Event]] = {}
    for event in known:
        target = event.payload.get("event_key") or event.payload.get("payment_key")
        if target:
            takers.setdefault(target, []).append(event)
    memo: dict[str, bool] = {}

    def is_active(event: Event) -> bool:
        if event.key not in memo:
            memo[event.key] = not any(is_active(taker) for taker in takers.get(event.key, ()))
        return memo[event.key]

    return [event for event in known if is_active(event)]


def life(contract: Contract, events: Iterable[Event], as_of: date) -> Life:
    """The life of `contract` up to the end of day `as_of`. Later events count only for the next moment."""
    events = list(events)
    walk, upcoming = walked(contract, events, as_of)
    recorded = [event.effective_on for event in events if event.effective_on > as_of]
    walk.look_ahead()
    return Life(
        contract=walk.contract,
        as_of=as_of,
        instalments=tuple(walk.state(line) for line in walk.lines),
        position=walk.position(as_of, upcoming, recorded),
        movements=tuple(walk.movements),
    )


def owed_ahead(contract: Contract, events: Iterable[Event], as_of: date, number: int) -> tuple[int, Fraction]:
    """Principal that is not yet due on `as_of`, and the interest it will have accrued at the end of period `number`;
    of a fixed fee all that is not yet due.

    What happens on the day after an instalment is fixed is left out: payments, and a change of the plan.
    """
    late = (EventKind.PAYMENT_RECEIVED, EventKind.PLAN_CHANGED)
    before = [event for event in events if event.effective_on < as_of or event.kind not in late]
    walk, _ = walked(contract, before, as_of)
    walk.accrue(walk.contract.rows[number - 1].to_on)
    return walk.pool_fen, Fraction(walk.fee.left_fen) if walk.fee else walk.accrued


def _moments(rows: Sequence[Row], from_on: date) -> list[tuple[date, int, int]]:
    """When the period of each row ends (0) and when it falls due (1), from a day on, as a heap."""
    found = [(row.due_on, 1, row.number) for row in rows]
    found += [(min(row.to_on, row.due_on), 0, row.number) for row in rows]
    ahead = [moment for moment in found if moment[0] >= from_on]
    heapq.heapify(ahead)
    return ahead


def walked(contract: Contract, events: Sequence[Event], as_of: date) -> tuple[Walk, list[date]]:
    """Walk the days up to `as_of`; also the next days on which something happens by itself."""
    walk = Walk(contract)
    moments = _moments(contract.rows, date.min)
    pending = active_events(events, as_of)
    at = 0
    while True:
        day = min(
            pending[at].effective_on if at < len(pending) else date.max,
            moments[0][0] if moments else date.max,
            walk.grace_ends[0][0] if walk.grace_ends else date.max,
        )
        if day > as_of or day == date.max:
            break
        payments: list[Event] = []
        changes: list[Event] = []
        while at < len(pending) and pending[at].effective_on == day:
            event = pending[at]
            if event.kind is EventKind.BREATHING_SPACE_GRANTED:
                walk.changed(event)
                moments = _moments(walk.contract.rows, day)
            elif RANK[event.kind] < RANK[EventKind.PAYMENT_RECEIVED]:
                walk.fact(event)
            elif event.kind is EventKind.PAYMENT_RECEIVED:
                payments.append(event)
            elif event.kind is EventKind.PLAN_CHANGED:
                changes.append(event)
            at += 1
        while walk.grace_ends and walk.grace_ends[0][0] == day:
            walk.start_penalty(heapq.heappop(walk.grace_ends)[1])
        while moments and moments[0][0] == day:
            _, falls_due, number = heapq.heappop(moments)
            if falls_due:
                walk.fall_due(walk.lines[number - 1], day)
            else:
                walk.close_period(walk.lines[number - 1])
        for event in payments:
            walk.pay(day, event.payload["amount_fen"], f"clearing:{event.payload['channel']}", f"payment:{event.key}")
        for event in changes:
            walk.changed(event)
            moments = _moments(walk.contract.rows, day + DAY)
    upcoming = [heap[0][0] for heap in (moments, walk.grace_ends) if heap]
    return walk, upcoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What settles a loan on a day, part by part; `credit_fen` is money of the borrower that is there already."""

    on: date
    fee_fen: int
    penalty_fen: int
    interest_fen: int
    principal_fen: int
    credit_fen: int

    @property
    def to_pay_fen(self) -> int:
        return max(0, self.fee_fen + self.penalty_fen + self.interest_fen + self.principal_fen - self.credit_fen)


def quote(contract: Contract, events: Iterable[Event], on: date) -> Quote:
    """What settles the loan on day `on`: found by paying more than enough and seeing what is taken."""
    events = [event for event in events if event.effective_on <= on]
    enough_fen = 1_000 * contract.principal_fen + 1_000_000
    payment = Event(
        key="~quote",  # sorts after every other payment of the day
        loan_id=contract.loan_id,
        kind=EventKind.PAYMENT_RECEIVED,
        effective_on=on,
        payload={"amount_fen": enough_fen, "channel": "quote"},
        actor="",
    )
    parts: dict[str, int] = dict.fromkeys((*PARTS, "credit"), 0)
    for movement in life(contract, [*events, payment], on).movements:
        if movement.debit == "clearing:quote":
            parts[movement.part] += movement.amount_fen
    return Quote(
        on=on,
        fee_fen=parts["fee"],
        penalty_fen=parts["penalty"],
        interest_fen=parts["interest"],
        principal_fen=parts["principal"],
        credit_fen=life(contract, events, on).position.credit_fen,
    )
