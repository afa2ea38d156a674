"""The whole life of a loan as a pure function of its contract and its events.

Everything the program shows or books about a loan comes from `life()`: what fell due and why, what each payment paid,
where the loan stands, when anything changes next by itself, and the movements between accounts. Arrival order does not
matter: events count by day, then by kind (core.event.RANK), then by key.

How a day goes: facts about the plan (disbursement, fixed instalments, pauses, charged fees) come first, then what
happens by itself (an interest period ends, an instalment falls due, a grace period runs out), then draws of a credit
line, which belong to the period that begins, then waivers, payments and what is done with them, then changes of the
plan.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from loancli.core.event import RANK, Event, EventKind, is_before_the_day
from loancli.core.loan import InstalmentState, Position, Row
from loancli.core.money import rounded
from loancli.servicing.contract import Contract, Movement
from loancli.servicing.easing import FORGIVING, eased_by, eases
from loancli.servicing.lines import DAY, PARTS
from loancli.servicing.outcome import conduct_of, growing, look_ahead, position_of, states_of
from loancli.servicing.walk import Walk

KEPT = "kept:"  # how the causes of payments begin that a plan supposes; the instalment follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A loan from signing up to a day. `contract` is what is in force on it."""

    contract: Contract
    as_of: date
    instalments: tuple[InstalmentState, ...]
    position: Position
    movements: tuple[Movement, ...]
    penalty_growing_fen: Mapping[int, int]  # by instalment: what a payment on the day would make due

    @property
    def asked(self) -> list[InstalmentState]:
        """The instalments as a payment on the day would find them: with the penalty that still grows on them."""
        return [
            state._replace(penalty_fen=state.penalty_fen + fen)
            if (fen := self.penalty_growing_fen.get(state.number))
            else state
            for state in self.instalments
        ]


def active_events(events: Iterable[Event], as_of: date) -> list[Event]:
    """Events up to `as_of` that no active void or reversal takes back, in the order in which they count.

    What rests on another event counts only while that one does: the plan that was changed for a payment that bounced.
    """
    known = sorted((event for event in events if event.effective_on <= as_of), key=order)
    by_key = {event.key: event for event in known}
    takers: dict[str, list[Event]] = {}
    rests = False
    for event in known:
        payload = event.payload
        target = payload.get("event_key") or payload.get("payment_key")
        if target:
            takers.setdefault(target, []).append(event)
        rests = rests or "rests_on" in payload
    if not takers and not rests:
        return known
    memo: dict[str, bool] = {}

    def is_active(event: Event) -> bool:
        if event.key not in memo:
            base = event.payload.get("rests_on")
            stands = base is None or (base in by_key and is_active(by_key[base]))
            memo[event.key] = stands and not any(is_active(taker) for taker in takers.get(event.key, ()))
        return memo[event.key]

    return [event for event in known if is_active(event)]


def order(event: Event) -> tuple[date, int, int, str]:
    """Events count by day, then by kind, then by key; changes of a plan of one day in the turns that they were made."""
    return event.effective_on, RANK[event.kind], event.payload.get("turn", 0), event.key


def life(contract: Contract, events: Iterable[Event], as_of: date, *, is_kept: bool = False) -> Life:
    """The life of `contract` up to the end of day `as_of`. Later events count only for the next moment.

    `is_kept`: what falls due is paid on its day, beside what the events pay: as a plan supposes.
    """
    events = list(events)
    walk, upcoming = walked(contract, events, as_of, is_kept=is_kept)
    recorded = [event.effective_on for event in events if event.effective_on > as_of]
    lived = _told(walk, as_of, upcoming, recorded)
    if lived.position.status == "signed" and any(_is_payout(event, as_of) for event in events):  # and it is void
        nothing = tuple(state._replace(principal_fen=0, interest_fen=0, fee_fen=0) for state in lived.instalments)
        position = replace(lived.position, status="cancelled", next_moment_on=min(recorded, default=None))
        return replace(lived, instalments=nothing, position=position)
    return lived


def life_after(walk: Walk, change: Event, contract: Contract, as_of: date) -> Life:
    """As `life`, from a walk up to the end of the day of `change`, with which that day ends: it is walked once.

    `contract` is what the change leaves; nothing is recorded for later days. The walk goes on, and is of no more use.
    """
    walk.ahead = {}  # it may have been looked at already, by the rows before
    _change(walk, change, contract)
    if walk.owing:
        walk.note(change.effective_on)
    moments = _moments(contract.rows, change.effective_on + DAY)
    return _told(walk, as_of, _walk_on(walk, moments, [], as_of), [])


def _told(walk: Walk, as_of: date, upcoming: Sequence[date], recorded: Sequence[date]) -> Life:
    """What a walk up to the end of a day comes to."""
    look_ahead(walk)
    penalties = growing(walk, as_of)
    instalments = states_of(walk)
    position = position_of(walk, as_of, penalties=penalties, upcoming=upcoming, recorded=recorded)
    if conduct := conduct_of(walk, instalments, position):
        position = replace(position, conduct=conduct)
    return Life(
        contract=walk.contract,
        as_of=as_of,
        instalments=instalments,
        position=position,
        movements=tuple(walk.movements),
        penalty_growing_fen={number: rounded(penalty, walk.product.rounding) for number, penalty in penalties.items()},
    )


def _is_payout(event: Event, as_of: date) -> bool:
    return event.kind is EventKind.DISBURSED and event.effective_on <= as_of


def owed_ahead(contract: Contract, events: Iterable[Event], as_of: date, number: int) -> tuple[int, Fraction]:
    """Principal that is not yet due on `as_of`, and the interest it will have accrued at the end of period `number`;
    of a fixed fee all that is not yet due. As `before_payments` finds it.
    """
    walk = before_payments(contract, events, as_of)
    walk.accrue(walk.contract.rows[number - 1].to_on)
    return walk.pool_fen, Fraction(walk.fee.left_fen) if walk.fee else walk.accrued


def before_payments(contract: Contract, events: Iterable[Event], as_of: date) -> Walk:
    """The loan as a day finds it when instalments are fixed: payments and changes of the plan of the day come later."""
    takers = (EventKind.PAYMENT_REVERSED, EventKind.EVENT_VOIDED)
    before = [
        event for event in events if event.effective_on < as_of or is_before_the_day(event.kind) or event.kind in takers
    ]
    return walked(contract, before, as_of)[0]


def _moments(rows: Sequence[Row], from_on: date) -> list[tuple[date, int, int]]:
    """When the period of each row ends (0) and when it falls due (1), from a day on; the next comes last."""
    found = []
    for number, _, to_on, due_on, *_ in reversed(rows):  # as good as sorted, so that it costs next to nothing
        if due_on >= from_on:
            found.append((due_on, 1, number))
        end_on = to_on if to_on < due_on else due_on
        if end_on >= from_on:
            found.append((end_on, 0, number))
    found.sort(reverse=True)
    return found


def walked(
    contract: Contract,
    events: Sequence[Event],
    as_of: date,
    *,
    is_kept: bool = False,
    active: Sequence[Event] | None = None,
) -> tuple[Walk, list[date]]:
    """Walk the days up to `as_of`; also the next days on which something happens by itself.

    `active`: the `active_events` up to then, where they are known.
    """
    walk = Walk(contract)
    pending = active_events(events, as_of) if active is None else active
    walk.choices = {
        event.payload["rests_on"]: event.payload["choice"]
        for event in pending
        if event.kind is EventKind.SURPLUS_CHOSEN
    }
    return walk, _walk_on(walk, _moments(contract.rows, date.min), pending, as_of, is_kept=is_kept)


def _walk_on(
    walk: Walk, moments: list[tuple[date, int, int]], pending: Sequence[Event], as_of: date, *, is_kept: bool = False
) -> list[date]:
    """Walk the days up to `as_of`, with the moments and events that are ahead; return the next days, as `walked`."""
    is_line = walk.contract.is_line
    at = 0
    while True:
        day = min(
            pending[at].effective_on if at < len(pending) else date.max,
            moments[-1][0] if moments else date.max,
            walk.grace_ends[0][0] if walk.grace_ends else date.max,
        )
        if day > as_of or day == date.max:
            break
        after: list[Event] = []
        changes: list[Event] = []
        while at < len(pending) and pending[at].effective_on == day:
            event = pending[at]
            if event.kind in FORGIVING:
                walk.eased.append(eased_by(event))
            if event.kind is EventKind.BREATHING_SPACE_GRANTED:
                _change(walk, event)
                moments = _moments(walk.contract.rows, day)
            elif event.kind is EventKind.PLAN_CHANGED:
                changes.append(event)
            elif not is_before_the_day(event.kind) or (is_line and event.kind is EventKind.DISBURSED):
                after.append(event)
            else:
                walk.happen(event)
            at += 1
        while walk.grace_ends and walk.grace_ends[0][0] == day:
            walk.start_penalty(heapq.heappop(walk.grace_ends)[1])
        while moments and moments[-1][0] == day:
            _, falls_due, number = moments.pop()
            line = walk.lines[number - 1]
            if falls_due:
                walk.fall_due(line, day)
                if is_kept and line.unpaid_fen:
                    walk.pay(day, line.unpaid_fen, "clearing:plan", f"{KEPT}{number}")
            else:
                walk.close_period(line)
        if walk.choices:  # whose surplus is meant for something comes after the other payments of the day
            after.sort(key=lambda event: (RANK[event.kind], event.key in walk.choices))
        walk.paying_on, walk.pool_before_fen = day, walk.pool_fen
        for event in after:
            walk.happen(event)
        for event in changes:
            _change(walk, event)
            moments = _moments(walk.contract.rows, day + DAY)
        if walk.owing:
            walk.note(day)
    return [each[0] for each in moments[-1:]] + [each[0] for each in walk.grace_ends[:1]]


def _change(walk: Walk, event: Event, contract: Contract | None = None) -> None:
    """`contract`: what the change leaves, where that is known."""
    before = walk.contract
    walk.changed(event, contract)
    if eases(before, walk.contract, event):
        walk.eased.append(eased_by(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What settles a loan on a day, part by part; `credit_fen` is money of the borrower that is there already.

    Below zero it is credit that was refunded and turned out not to be there; of a written-off loan the claim is left.
    """

    on: date
    fee_fen: int
    penalty_fen: int
    interest_fen: int
    principal_fen: int
    written_off_fen: int
    credit_fen: int

    @property
    def to_pay_fen(self) -> int:
        parts_fen = self.fee_fen + self.penalty_fen + self.interest_fen + self.principal_fen + self.written_off_fen
        return max(0, parts_fen - self.credit_fen)


def quote(contract: Contract, events: Iterable[Event], on: date) -> Quote:
    """What settles the loan on day `on`: found by paying more than enough and seeing what is taken."""
    events = [event for event in events if event.effective_on <= on]
    enough_fen = 1_000 * contract.principal_fen + 1_000_000
    payment = Event(
        key="~quote",
        loan_id=contract.loan_id,
        kind=EventKind.RECOVERED,  # money that comes after all else of the day, a write-off too
        effective_on=on,
        payload={"amount_fen": enough_fen, "channel": "quote"},
        actor="",
    )
    parts: dict[str, int] = dict.fromkeys((*PARTS, "recovered", "credit"), 0)
    for movement in life(contract, [*events, payment], on).movements:
        if movement.debit == "clearing:quote":
            parts["recovered" if movement.credit == "income:recovered" else movement.part] += movement.amount_fen
    return Quote(
        on=on,
        fee_fen=parts["fee"],
        penalty_fen=parts["penalty"],
        interest_fen=parts["interest"],
        principal_fen=parts["principal"],
        written_off_fen=parts["recovered"],
        credit_fen=life(contract, events, on).position.credit_fen,
    )
