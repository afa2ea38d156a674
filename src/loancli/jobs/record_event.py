"""Record what a person tells of a loan, or take it back: worked out from its life, shown before and after, settled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from loancli.core.entry import Entry
from loancli.core.errors import RefusedError
from loancli.core.event import Event
from loancli.jobs import Stamp
from loancli.jobs.settle import gather, settle
from loancli.ledger import days, journal, loans
from loancli.ledger.connect import Connection
from loancli.servicing.acts import check, check_void, void_of
from loancli.servicing.bookings import Booked, difference
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, active_events, life


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What events do to a loan: its life without and with them, and what they book on the open day."""

    events: tuple[Event, ...]
    before: Life
    after: Life
    entries: tuple[Entry, ...]
    open_day: date


def work_out(db: Connection, event: Event, *, stamp: Stamp) -> Effect | None:
    """What an event would do; None where the same counts already. One that was voided is recorded anew.

    Raises NotFoundError; RefusedError where the loan does not allow it, or the key says something else already.
    """
    loans.record(db, event.loan_id)
    contract, events = gather(db, [event.loan_id])[event.loan_id]
    same = [each for each in events if each.key == event.key or each.key.startswith(f"{event.key}#")]
    counting = {each.key for each in active_events(events, date.max)}
    there = next((each for each in same if each.key in counting), None)
    if there is not None:
        if (there.effective_on, there.payload) != (event.effective_on, event.payload):
            raise RefusedError(f"event '{there.key}' is recorded already, with other content; nothing was written")
        return None
    if same:  # recorded before, and voided
        event = replace(event, key=f"{event.key}#{len(same) + 1}")
    elif journal.is_recorded(db, event.key):
        raise RefusedError(f"event '{event.key}' is recorded already, of another loan; nothing was written")
    check(contract, events, event, today=stamp.on)
    return effect_of(db, contract, events, [event], stamp=stamp)


def work_out_void(db: Connection, loan_id: str, key: str, *, reason: str, stamp: Stamp) -> Effect:
    """What taking back an event would do. Raises NotFoundError; RefusedError where something rests on it."""
    loans.record(db, loan_id)
    contract, events = gather(db, [loan_id])[loan_id]
    void = void_of(events, key, reason=reason, actor=stamp.actor)
    check_void(contract, events, void, today=stamp.on)
    return effect_of(db, contract, events, [void], stamp=stamp)


def effect_of(
    db: Connection, contract: Contract, events: Sequence[Event], new: Sequence[Event], *, stamp: Stamp
) -> Effect:
    """The loan without and with the `new` events at the end of the stamp's day, and what is booked on the open day."""
    known = journal.entries_of(db, [contract.loan_id])[contract.loan_id]
    booked = [Booked(entry=entry, is_reversed=gone) for entry, gone in known]
    open_day = days.open_day(db)
    now = life(contract, [*events, *new], open_day)
    on = max(stamp.on, *(event.effective_on for event in new))  # a pause may be recorded before its day
    return Effect(
        events=tuple(new),
        before=life(contract, events, on),
        after=life(contract, [*events, *new], on),
        entries=tuple(difference(contract.loan_id, now.movements, booked, because=new)),
        open_day=open_day,
    )


class Watch:
    """Loans as they were, so that it can be told what was then done to them; made inside the same transaction."""

    def __init__(self, db: Connection, loan_ids: Sequence[str]) -> None:
        self._db = db
        self._loan_ids = loan_ids
        self._before = gather(db, loan_ids)
        self._booked = journal.entries_of(db, loan_ids)

    def effects(self, *, stamp: Stamp) -> list[Effect]:
        """What was recorded and booked on each loan since."""
        found = []
        booked = journal.entries_of(self._db, self._loan_ids)
        for loan_id, (contract, events) in gather(self._db, self._loan_ids).items():
            known = {event.key for event in self._before[loan_id][1]}
            there = {entry.key for entry, _ in self._booked[loan_id]}
            found.append(
                Effect(
                    events=tuple(event for event in events if event.key not in known),
                    before=life(contract, self._before[loan_id][1], stamp.on),
                    after=life(contract, events, stamp.on),
                    entries=tuple(entry for entry, _ in booked[loan_id] if entry.key not in there),
                    open_day=days.open_day(self._db),
                )
            )
        return found


def put_in_force(db: Connection, effect: Effect, *, stamp: Stamp) -> None:
    """Record the events and settle the loan, inside the caller's transaction."""
    count = journal.events_count(db)
    journal.record(db, effect.events, recorded_at=stamp.text)
    settle(db, sorted({event.loan_id for event in effect.events}), after=count)
