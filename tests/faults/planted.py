"""Bugs of the kinds that ledgers have had (RELIABILITY §3.9), to be planted one at a time: each must be found."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
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


BUGS = {
    "commit-between": _commit_between,
    "synchronous-normal": lambda: _synchronous(1),
    "synchronous-off": lambda: _synchronous(0),
    "deferred-begin": _deferred,
    "repeats-are-new": _repeats_are_new,
    "key-without-content": _key_without_content,
    "clock-of-the-host": _clock_of_the_host,
    "last-day-twice": _last_day_twice,
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
