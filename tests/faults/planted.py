"""Bugs of the kinds that ledgers have had (RELIABILITY §3.9), to be planted one at a time: each must be found."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import Any
from unittest.mock import patch


def _commit_between() -> list[Any]:
    """What happened is committed before what it means is booked."""
    from loancli.ledger import journal

    def record(db: Any, *args: Any, **options: Any) -> Any:
        found = real(db, *args, **options)
        db.commit()
        db.execute("BEGIN IMMEDIATE")
        return found

    real = journal.record
    return [patch.object(journal, "record", record)]


def _synchronous(level: int) -> list[Any]:
    from loancli.ledger import connect

    return [patch.dict(connect._SETTINGS, {"synchronous": level})]


def _deferred() -> list[Any]:
    """As Python's default: the lock is taken by the first write, after what was checked."""
    from loancli.ledger import connect

    return [patch.object(connect, "_begin", lambda db: db.execute("BEGIN"))]


def _repeats_are_new() -> list[Any]:
    """A command's key tells nothing: the same again is done again."""
    from loancli.jobs import record_event

    def active(events: Any, on: Any) -> list[Any]:
        return []

    return [patch.object(record_event, "active_events", active)]


def _key_without_content() -> list[Any]:
    """The key alone decides that something is there already, whatever it says now."""
    from loancli.jobs import record_event

    def work_out(db: Any, event: Any, *, stamp: Any) -> Any:
        _, events = record_event.gather(db, [event.loan_id])[event.loan_id]
        return None if event.key in {each.key for each in events} else real(db, event, stamp=stamp)

    real = record_event.work_out
    return [patch.object(record_event, "work_out", work_out)]


def _clock_of_the_host() -> list[Any]:
    """`date.today()`: the day of the machine's time zone."""
    from loancli.cli import options

    real = options.now
    return [patch.object(options, "now", lambda environ=None: real().astimezone())]


def _last_day_twice() -> list[Any]:
    """Whoever catches up counts the day that begins as well."""
    from loancli.jobs import close_day

    closed = []

    def accrued(db: Any, day: date) -> Any:
        closed.append(day)
        return real(db, day if len(closed) == 1 else day + timedelta(days=1))

    real = close_day.loans.accrued_fen_by_product
    return [patch.object(close_day.loans, "accrued_fen_by_product", accrued)]


def _send_then_mark() -> list[Any]:
    """Nothing is claimed before it leaves: whoever dies in between has sent what nobody knows of."""
    from loancli.jobs import send_outbox as job

    claims: dict[int, dict[str, Any]] = {}

    def step(db: Any, message_ids: Any, state: str, **told: Any) -> None:
        for message_id in message_ids if state == "sent" else ():
            claim(db, message_id, **claims[message_id])
        real(db, message_ids, state, **told)

    claim, real = job.contacts.claim, job.contacts.step
    return [
        patch.object(job.contacts, "claim", lambda db, message_id, **when: claims.update({message_id: when})),
        patch.object(job.contacts, "still_claimed", lambda db, message_ids: set(message_ids)),
        patch.object(job.contacts, "step", step),
    ]


def _mark_then_send() -> list[Any]:
    """What is to leave is marked as sent before it does: whoever dies in between has sent nothing."""
    from loancli.jobs import send_outbox as job

    def marked(db: Any, message_id: int, *, on: date, at: Any) -> None:
        claim(db, message_id, on=on, at=at)
        real(db, [message_id], "sent", at=at)

    def step(db: Any, message_ids: Any, state: str, **told: Any) -> None:
        if state != "sent":
            real(db, message_ids, state, **told)

    claim, real = job.contacts.claim, job.contacts.step
    return [
        patch.object(job.contacts, "claim", marked),
        patch.object(job.contacts, "still_claimed", lambda db, message_ids: set(message_ids)),
        patch.object(job.contacts, "step", step),
    ]


def _hours_in_utc() -> list[Any]:
    """The window is tested by the hour of UTC."""
    from loancli.outreach import policy

    return [patch.object(policy, "BEIJING", UTC)]


def _confirmed_twice() -> list[Any]:
    """A message of which nobody knew whether it left is written down anew when that is known."""
    from loancli.ledger import contacts

    def step(db: Any, message_ids: Any, state: str, **told: Any) -> None:
        real(db, message_ids, state, **told)
        columns = [row[1] for row in db.execute("PRAGMA table_info(outbox)") if row[1] not in {"id", "key", "slot"}]
        for message_id in message_ids if state == "sent" else ():
            slots = "SELECT max(slot) + 1 FROM outbox o WHERE o.borrower_id = outbox.borrower_id"
            names = ", ".join(columns)
            db.execute(
                f"INSERT INTO outbox (key, slot, {names}) SELECT key || '~', ({slots}), {names}"
                " FROM outbox WHERE id = ?",
                (message_id,),
            )

    real = contacts.step
    return [patch.object(contacts, "step", step)]


def _names_as_markup() -> list[Any]:
    """What stands in a cell goes to the terminal as rich's markup."""
    from rich.table import Table

    def add_row(table: Any, *cells: Any, **how: Any) -> None:
        real(table, *map(str, cells), **how)

    real = Table.add_row
    return [patch.object(Table, "add_row", add_row)]


def _traceback() -> list[Any]:
    """Whoever meets a bug is shown all that Python says of it."""
    from loancli.cli import app

    def report(error: BaseException, **how: Any) -> int:
        traceback.print_exception(error)
        return 1

    return [patch.object(app, "report", report)]


BUGS = {
    "commit-between": _commit_between,
    "synchronous-normal": lambda: _synchronous(1),
    "synchronous-off": lambda: _synchronous(0),
    "deferred-begin": _deferred,
    "repeats-are-new": _repeats_are_new,
    "key-without-content": _key_without_content,
    "clock-of-the-host": _clock_of_the_host,
    "last-day-twice": _last_day_twice,
    "send-then-mark": _send_then_mark,
    "mark-then-send": _mark_then_send,
    "hours-in-utc": _hours_in_utc,
    "confirmed-twice": _confirmed_twice,
    "names-as-markup": _names_as_markup,
    "traceback": _traceback,
}


@contextmanager
def bug(name: str) -> Iterator[None]:
    """The program with a bug in it."""
    patches = BUGS[name]()
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
