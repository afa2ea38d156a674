"""Change the plans of many loans: previewed with a fingerprint for each, applied in chunks, undone as one.

A chunk is one transaction. A row whose change is in force already is passed over, so that a batch that was stopped half
way is finished by running it again. A row whose change would come out otherwise than in the preview is refused.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from loancli.core.errors import InputError, NotFoundError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs import Stamp
from loancli.jobs.adjust_loan import Rules, work_out
from loancli.jobs.settle import book_lives, gather
from loancli.ledger import days, journal
from loancli.ledger.connect import Connection, writing
from loancli.servicing.acts import resting_on, void_of
from loancli.servicing.contract import CHANGES, Contract
from loancli.servicing.life import active_events, life
from loancli.servicing.replan import Replan

CHUNK = 500
FINGERPRINT_CHARACTERS = 16
_TURNS = {*CHANGES, EventKind.EVENT_VOIDED, EventKind.PAYMENT_REVERSED}  # kinds of events


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One row of a batch: a change of a loan, and the fingerprint that its preview had, if it has been previewed."""

    row: int
    loan_id: str
    text: str
    on: date
    fingerprint: str = ""
    in_difficulty: bool | None = None  # is the debtor, as told


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a row: worked out, in force already, or refused with the reason."""

    wanted: Wanted
    found: Replan | None = None
    fingerprint: str = ""  # of what was found
    payload: str = ""  # of its event, as the journal writes it
    is_there: bool = False
    refusal: str = ""


def fingerprint_of(event: Event, payload: str, events: Sequence[Event]) -> str:
    """What a change comes to, in a few characters: the same rows and terms from the same day give the same ones.

    `payload` is that of the event, as the journal writes it; `events` are the loan's. How often its plan was changed or
    something was taken back counts too, so that a row that was refused stays so when the loan is brought back.
    """
    turns = sum([each.kind in _TURNS for each in events])
    told = f"[{journal.canonical(event.loan_id)},{journal.canonical(event.effective_on.isoformat())},{payload},{turns}]"
    return hashlib.sha256(told.encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


def batch_of(wanted: Sequence[Wanted]) -> str:
    """The name of a batch: by what it says, so that the same rows in any order are the same batch."""
    rows = sorted([each.loan_id, each.on.isoformat(), " ".join(each.text.split()), each.fingerprint] for each in wanted)
    return f"adjust/{hashlib.sha256(journal.canonical(rows).encode()).hexdigest()[:FINGERPRINT_CHARACTERS]}"


def preview(db: Connection, wanted: Sequence[Wanted], rules: Rules) -> Iterator[Done]:
    """What each row would do. Nothing is written."""
    for at in range(0, len(wanted), CHUNK):
        chunk = wanted[at : at + CHUNK]
        yield from _worked_out(gather(db, [each.loan_id for each in chunk]), chunk, rules)


def preview_of(db: Connection, wanted: Sequence[Wanted], rules: Rules) -> Iterator[Done]:
    """What `apply` would do with the rows of a preview."""
    return map(_as_previewed, preview(db, wanted, rules))


def apply(db: Connection, wanted: Sequence[Wanted], rules: Rules) -> Iterator[Done]:
    """Put the rows in force, a chunk a transaction; rows must have the fingerprint of their preview."""
    batch = batch_of(wanted)
    for at in range(0, len(wanted), CHUNK):
        with writing(db):
            chunk = wanted[at : at + CHUNK]
            known = gather(db, [each.loan_id for each in chunk])
            done = [_as_previewed(each) for each in _worked_out(known, chunk, rules)]
            found = [each.found for each in done if each.found]
            events = [replace(each.event, batch=batch) for each in found]
            payloads = {each.found.event.key: each.payload for each in done if each.found}
            journal.record(db, events, recorded_at=rules.stamp.text, payloads=payloads)
            _settle(db, known, events, events, found)
        yield from done


def _settle(
    db: Connection,
    known: Mapping[str, tuple[Contract, list[Event]]],
    new: Sequence[Event],
    changes: Sequence[Event],
    found: Sequence[Replan] = (),
) -> None:
    """As `settle`, for loans that were gathered before the `new` events were recorded.

    `changes` are those which the new events make, or take back; `found` is what new ones come of.
    """
    day = days.open_day(db)
    for event in new:
        known[event.loan_id][1].append(event)
    counts = Counter(event.loan_id for event in new)
    lived = {each.event.loan_id: each.life(day) for each in found if counts[each.event.loan_id] == 1}
    lives = [lived.get(loan_id) or life(*known[loan_id], day) for loan_id in counts]
    changed_from = {event.loan_id: event.payload["number"] for event in changes if event.kind in CHANGES}
    book_lives(db, lives, day, changed_from=changed_from)


def _worked_out(
    known: Mapping[str, tuple[Contract, list[Event]]], chunk: Sequence[Wanted], rules: Rules
) -> Iterator[Done]:
    for each in chunk:
        if each.loan_id not in known:
            yield Done(wanted=each, refusal=f"there is no loan '{each.loan_id}'; see: loancli loan list")
            continue
        try:
            contract, events = known[each.loan_id]
            found = work_out(contract, events, each.text, each.on, rules, each.in_difficulty)
        except (InputError, RefusedError) as error:
            yield Done(wanted=each, refusal=str(error))
        else:
            if found is None:
                yield Done(wanted=each, is_there=True)
            else:
                payload = journal.canonical(found.event.payload)
                known_by = fingerprint_of(found.event, payload, events)
                yield Done(wanted=each, found=found, fingerprint=known_by, payload=payload)


def _as_previewed(done: Done) -> Done:
    if done.found is None or done.wanted.fingerprint == done.fingerprint:
        return done
    if done.wanted.fingerprint:
        return Done(wanted=done.wanted, refusal="the loan, or this row, is not as it was previewed; preview it again")
    return Done(wanted=done.wanted, refusal="it was not previewed; preview it again")


def made_by(db: Connection, batch: str) -> list[tuple[str, str]]:
    """Key and loan of each change that a batch made. Raises NotFoundError for an unknown batch."""
    made = journal.keys_of_batch(db, batch)
    if not made:
        raise NotFoundError(f"there is no batch '{batch}'; see: loancli adjust list")
    return made


def undoing(db: Connection, batch: str) -> Iterator[tuple[Event, str]]:
    """The changes of a batch that are in force, each with what keeps it from being undone, or ''. As `made_by`."""
    made = made_by(db, batch)
    for at in range(0, len(made), CHUNK):
        chunk = made[at : at + CHUNK]
        yield from _undoable(gather(db, [loan_id for _, loan_id in chunk]), chunk)


def undo(db: Connection, batch: str, *, stamp: Stamp) -> Iterator[tuple[Event, str]]:
    """Void the changes of a batch, a chunk a transaction; as `undoing` tells them."""
    made = made_by(db, batch)
    for at in range(0, len(made), CHUNK):
        with writing(db):
            chunk = made[at : at + CHUNK]
            known = gather(db, [loan_id for _, loan_id in chunk])
            told = list(_undoable(known, chunk))
            voids = [
                replace(
                    void_of(known[event.loan_id][1], event.key, reason=f"undo {batch}", actor=stamp.actor),
                    batch=f"undo/{batch}",
                )
                for event, refusal in told
                if not refusal
            ]
            journal.record(db, voids, recorded_at=stamp.text)
            _settle(db, known, voids, [event for event, refusal in told if not refusal])
        yield from told


def _undoable(
    known: Mapping[str, tuple[Contract, list[Event]]], chunk: Sequence[tuple[str, str]]
) -> Iterator[tuple[Event, str]]:
    for key, loan_id in chunk:
        active = active_events(known[loan_id][1], date.max)
        event = next((each for each in active if each.key == key), None)
        if event is not None:
            yield event, resting_on(event, active) if event.kind in CHANGES else ""
