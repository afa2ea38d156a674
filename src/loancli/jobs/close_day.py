"""Close business days, in order, catching up what was missed; each day is one transaction and is closed once.

A day's work: grant the breathing spaces that weak windows give by themselves, fix the instalments whose revenue window
closed, settle the loans for which something happens that day, book what the products accrued (yesterday's is taken
back), and write the day's line. Loans for which nothing happens are only counted, by SQL.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from loancli.core.days import Calendar
from loancli.core.entry import reversal
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs import Stamp
from loancli.jobs.age_loans import aged
from loancli.jobs.settle import book_lives, gather, turns_of
from loancli.ledger import days, journal, loans, revenue
from loancli.ledger.connect import Connection, trial, writing
from loancli.plan.flexible import closes_on, window_of
from loancli.servicing.bookings import accrual
from loancli.servicing.contract import Contract, in_force
from loancli.servicing.delinquency import Ageing
from loancli.servicing.life import active_events, life
from loancli.servicing.triggers import granted, looks_back_to
from loancli.servicing.windows import Revenue, close_window, next_number

CHUNK = 1_000  # loans whose lives are in memory at a time


def close_through(
    db: Connection, through: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp
) -> Iterator[dict[str, Any]]:
    """Close every open day up to `through`, a transaction each; yields the line of each closed day.

    Raises RefusedError for a day that is not over: `through` must be before the stamp's day.
    """
    _refuse_unfinished(through, stamp)
    while True:
        with writing(db):
            day = days.open_day(db)
            if day > through:
                return
            line = close_day(db, day, calendar=calendar, ageing=ageing, stamp=stamp)
        yield line


def try_through(
    db: Connection, through: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp
) -> list[dict[str, Any]]:
    """What `close_through` would do, by the same path, taken back at the end."""
    _refuse_unfinished(through, stamp)
    lines = []
    with trial(db):
        while (day := days.open_day(db)) <= through:
            lines.append(close_day(db, day, calendar=calendar, ageing=ageing, stamp=stamp))
    return lines


def _refuse_unfinished(through: date, stamp: Stamp) -> None:
    if through >= stamp.on:
        raise RefusedError(
            f"{through} is not over on {stamp.on}; the last day that can be closed is {stamp.on - timedelta(days=1)}"
        )


def close_day(db: Connection, day: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp) -> dict[str, Any]:
    """Close `day`, the open one, inside the caller's transaction; returns its line."""
    changing = loans.changing_on(db, day)
    fixed_count = breathing_count = entry_count = 0
    for at in range(0, len(changing), CHUNK):
        lives = []
        found: list[Event] = []
        chunk = changing[at : at + CHUNK]
        taken = turns_of(db, chunk, day)
        ordinary = {each.loan_id for each in taken}
        for contract, events in gather(db, [each for each in chunk if each not in ordinary]).values():
            new = _breathe(db, contract, events, day, calendar, stamp)
            breathing_count += len(new)
            new += _fix(db, contract, [*events, *new], day, stamp)
            found += new
            lives.append(life(contract, [*events, *new], day))
        journal.record(db, found, recorded_at=stamp.text)
        entry_count += book_lives(db, lives, day, taken)
        fixed_count += sum(event.kind is EventKind.INSTALMENT_FIXED for event in found)
    accrued_fen = loans.accrued_fen_by_product(db, day)
    entry_count += _book_accruals(db, day, accrued_fen)
    totals = {
        **aged(db, day, ageing),
        "changed_loans": len(changing),
        "fixed_instalments": fixed_count,
        "breathing_spaces": breathing_count,
        "entries": entry_count,
        "accrued_fen": sum(accrued_fen.values()),
    }
    days.close(db, day, totals, closed_at=stamp.text, actor=stamp.actor)
    return {"day": day.isoformat(), **totals}


def _breathe(
    db: Connection, contract: Contract, events: Sequence[Event], day: date, calendar: Calendar, stamp: Stamp
) -> list[Event]:
    """The breathing space that a weak window grants on the day, if any."""
    from_on = looks_back_to(contract, events)
    if from_on is None:
        return []
    revenue = revenue_of(db, contract.borrower_id, from_on=from_on, to_on=day)
    event = granted(contract, events, day, revenue, actor=stamp.actor, calendar=calendar)
    return [event] if event else []


def _fix(db: Connection, contract: Contract, events: Sequence[Event], day: date, stamp: Stamp) -> list[Event]:
    new: list[Event] = []
    revenue: Revenue | None = None
    while (number := next_number(contract, [*events, *new], day)) is not None:
        if revenue is None:
            # Every window since the first may still be corrected; a year before, because a season may stand in.
            first_on = window_of(contract.product, contract.rows, 1).from_on
            from_on = first_on.replace(year=first_on.year - 1, day=1)
            revenue = revenue_of(db, contract.borrower_id, from_on=from_on, to_on=day)
        new += close_window(contract, [*events, *new], number, revenue, actor=stamp.actor)
    return new


def past_windows(
    db: Connection,
    contract: Contract,
    events: Sequence[Event],
    through: date,
    *,
    calendar: Calendar,
    stamp: Stamp,
) -> list[Event]:
    """What closing the days up to `through` would have found for a loan that was not here, by revenue as known now."""
    new: list[Event] = []
    if not contract.is_revenue_share and looks_back_to(contract, events) is None:
        return new
    day = contract.signed_on
    while day <= through:
        new += _breathe(db, contract, [*events, *new], day, calendar, stamp)
        new += _fix(db, contract, [*events, *new], day, stamp)
        now = in_force(contract, active_events([*events, *new], date.max))
        days = (closes_on(window_of(now.product, now.rows, row.number)) for row in now.rows)
        day = min((each for each in days if each > day), default=date.max)
    return new


def revenue_of(db: Connection, borrower_id: str, *, from_on: date, to_on: date) -> Revenue:
    """A borrower's revenue from `from_on` to `to_on`, both included, as known now."""
    rows = revenue.daily_revenue(db, borrower_id, from_on=from_on, to_on=to_on)
    return Revenue(
        fen={(on, channel, kind): amount_fen for on, channel, kind, amount_fen, *_ in rows},
        fee_milli_fen={(on, channel, kind): milli_fen for on, channel, kind, _, _, milli_fen in rows if milli_fen},
        covered=revenue.coverage(db, borrower_id),
    )


def _book_accruals(db: Connection, day: date, accrued_fen: dict[str, int]) -> int:
    """Book what each product has accrued by the end of the day; yesterday's booking is taken back."""
    entries = [reversal(entry, key=f"reverse/{entry.key}") for entry in journal.open_accruals(db)]
    entries += [accrual(product_code=code, day=day, amount_fen=fen) for code, fen in accrued_fen.items() if fen]
    return journal.book(db, entries, booked_on=day)
