"""Close business days, in order, catching up what was missed; each day is one transaction and is closed once.

A day's work: grant the breathing spaces that weak windows give by themselves, fix the instalments whose revenue window
closed, settle the loans for which something happens that day, book what the products accrued (yesterday's is taken
back), and write the day's line. Loans for which nothing happens are only counted, by SQL. A loan that cannot be worked
on is parked (park_loans.py): the day closes without it, and the next one makes up for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from loancli.core.days import Calendar
from loancli.core.entry import reversal
from loancli.core.errors import BusyError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs import Stamp
from loancli.jobs.age_loans import aged
from loancli.jobs.park_loans import is_of_a_loan, work_on
from loancli.jobs.settle import book_lives, gather, turns_of
from loancli.ledger import contacts, days, journal, loans, revenue
from loancli.ledger.connect import Connection, trial, writing
from loancli.plan.flexible import closes_on, window_of
from loancli.servicing.bookings import accrual
from loancli.servicing.contract import Contract, ends_breathing, in_force
from loancli.servicing.delinquency import Ageing
from loancli.servicing.life import active_events, before_payments, life
from loancli.servicing.triggers import granted, looks_back_to
from loancli.servicing.windows import Revenue, close_window, next_number

CHUNK = 1_000  # loans whose lives are in memory at a time
CHUNK_GUARDED = 50  # loans in one savepoint: what SQLite keeps to take it back is walked through at each statement
ENTRIES_MAX = 1_000  # of one loan on one day; more come from a fault that goes round in circles


def close_through(
    db: Connection, through: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp
) -> Iterator[dict[str, Any]]:
    """Close every open day up to `through`, a transaction each; yields the line of each closed day.

    Raises RefusedError for a day that is not over: `through` must be before the stamp's day; BusyError where the clock
    has gone back before the day of the last close.
    """
    _refuse_unfinished(through, stamp)

    def close(*, is_guarded: bool) -> dict[str, Any] | None:
        with writing(db):
            day = days.open_day(db)
            if day > through:
                return None
            _refuse_older_clock(db, stamp)
            return close_day(db, day, calendar=calendar, ageing=ageing, stamp=stamp, is_guarded=is_guarded)

    while True:
        try:
            line = close(is_guarded=False)
        except Exception as error:
            if not is_of_a_loan(error):
                raise
            line = close(is_guarded=True)  # a loan is bad: the day again, so that it is found and parked
        if line is None:
            return
        yield line


def try_through(
    db: Connection, through: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp
) -> list[dict[str, Any]]:
    """What `close_through` would do, by the same path, taken back at the end."""
    _refuse_unfinished(through, stamp)
    lines = []
    with trial(db):
        while (day := days.open_day(db)) <= through:
            _refuse_older_clock(db, stamp)
            lines.append(close_day(db, day, calendar=calendar, ageing=ageing, stamp=stamp))
    return lines


def _refuse_unfinished(through: date, stamp: Stamp) -> None:
    if through >= stamp.on:
        raise RefusedError(
            f"{through} is not over on {stamp.on}; the last day that can be closed is {stamp.on - timedelta(days=1)}"
        )


def _refuse_older_clock(db: Connection, stamp: Stamp) -> None:
    """A clock that has gone back would give days in the wrong order to whoever reads when they were closed."""
    last_at = days.last_closed_at(db)
    if last_at and last_at.date() > stamp.on:
        raise BusyError(
            f"a day was closed on {last_at.date()}, and the clock says {stamp.on}: set it right, or close with --as-of"
            f" {last_at.date()} or later"
        )


def close_day(
    db: Connection, day: date, *, calendar: Calendar, ageing: Ageing, stamp: Stamp, is_guarded: bool = True
) -> dict[str, Any]:
    """Close `day`, the open one, inside the caller's transaction; returns its line.

    `is_guarded`: a bad loan is parked. Else what it raises goes on, and the caller gives the transaction up: without
    savepoints the writes of a day cost little more than half.
    """
    since = {each["loan_id"]: date.fromisoformat(each["since_on"]) for each in days.last_totals(db).get("parked", [])}
    changing = [each for each in loans.changing_on(db, day) if each not in since]
    size = CHUNK_GUARDED if is_guarded else CHUNK
    chunks = [changing[at : at + size] for at in range(0, len(changing), size)]

    def work(loan_ids: Sequence[str]) -> Counter[str]:
        return _work(db, loan_ids, day, since=since, calendar=calendar, stamp=stamp)

    done, reasons = work_on(db, [list(since)] if since else [], work)
    if is_guarded:
        more, bad = work_on(db, chunks, work)
        done.update(more)
        reasons |= bad
    else:
        for chunk in chunks:
            done.update(work(chunk))
    accrued_fen = loans.accrued_fen_by_product(db, day)
    done["entries"] += _book_accruals(db, day, accrued_fen)
    totals = {
        **aged(db, day, ageing),
        "changed_loans": len(since) + len(changing) - len(reasons),
        "fixed_instalments": done["fixed_instalments"],
        "breathing_spaces": done["breathing_spaces"],
        "ended_breathing_spaces": done["ended_breathing_spaces"],
        "lapsed_promises": _lapsed(db, day),
        "entries": done["entries"],
        "accrued_fen": sum(accrued_fen.values()),
        "parked": [
            {"loan_id": loan_id, "since_on": since.get(loan_id, day).isoformat(), "reason": reason}
            for loan_id, reason in sorted(reasons.items())
        ],
    }
    days.close(db, day, totals, closed_at=stamp.text, actor=stamp.actor)
    return {"day": day.isoformat(), **totals}


def retry_parked(db: Connection, *, calendar: Calendar, stamp: Stamp) -> tuple[list[str], list[dict[str, str]]]:
    """Take up the parked loans on the open day, inside the caller's transaction: those that came through, and the rest.

    What the close of the open day itself finds, its windows and triggers, is left to it.
    """
    parked = days.parked(db)
    since = {each["loan_id"]: date.fromisoformat(each["since_on"]) for each in parked}
    day = days.open_day(db)

    def work(loan_ids: Sequence[str]) -> Counter[str]:
        return _work(db, loan_ids, day, since=since, calendar=calendar, stamp=stamp, is_closing=False)

    _, reasons = work_on(db, filter(None, [list(since)]), work)
    still = [{**each, "reason": reasons[each["loan_id"]]} for each in parked if each["loan_id"] in reasons]
    return [loan_id for loan_id in since if loan_id not in reasons], still


def _work(
    db: Connection,
    loan_ids: Sequence[str],
    day: date,
    *,
    since: Mapping[str, date],
    calendar: Calendar,
    stamp: Stamp,
    is_closing: bool = True,
) -> Counter[str]:
    """What `day` does to the loans, from the day on `since` which they were parked; counted by the totals' names."""
    lives = []
    found: list[Event] = []
    last_on = day if is_closing else day - timedelta(days=1)
    taken = turns_of(db, loan_ids, day) if is_closing else []
    ordinary = {each.loan_id for each in taken}
    for loan_id, (contract, events) in gather(db, [each for each in loan_ids if each not in ordinary]).items():
        new = _looked(db, contract, events, since.get(loan_id, day), last_on, calendar=calendar, stamp=stamp)
        found += new
        lives.append(life(contract, [*events, *new], day))
    journal.record(db, found, recorded_at=stamp.text)
    days_max = max((1 + (day - since[loan_id]).days for loan_id in loan_ids if loan_id in since), default=1)
    entry_count = book_lives(db, lives, day, taken, entries_max=ENTRIES_MAX * days_max)
    kinds = Counter(event.kind for event in found)
    return Counter(
        fixed_instalments=kinds[EventKind.INSTALMENT_FIXED],
        breathing_spaces=kinds[EventKind.BREATHING_SPACE_GRANTED],
        ended_breathing_spaces=sum(
            each.position.status == "active"
            and ends_breathing(each.contract.rows, since.get(each.contract.loan_id, day), last_on)
            for each in lives
        ),
        entries=entry_count,
    )


def _lapsed(db: Connection, day: date) -> int:
    """Promises to pay that fell due on `day` and are not kept, by the money that is known of."""
    return sum(
        each["due_on"] == day.isoformat() and each["paid_fen"] < each["amount_fen"]
        for each in contacts.promises(db, due_from=day)
    )


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
    last = 0
    while (number := next_number(contract, [*events, *new], day)) is not None:
        assert number > last, number  # else it would be fixed without an end
        last = number
        if revenue is None:
            found = before_payments(contract, events, day)
            if found.disbursed_fen and not found.pool_fen:
                return []  # nothing is ahead any more, whatever else made the close look at the loan
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
    if not contract.is_revenue_share and looks_back_to(contract, events) is None:
        return []
    return _looked(db, contract, events, contract.signed_on, through, calendar=calendar, stamp=stamp)


def _looked(
    db: Connection,
    contract: Contract,
    events: Sequence[Event],
    from_on: date,
    through: date,
    *,
    calendar: Calendar,
    stamp: Stamp,
) -> list[Event]:
    """What closing each day from `from_on` to `through` finds: spaces that are granted, instalments that are fixed."""
    new: list[Event] = []
    day = from_on
    while day <= through:
        new += _breathe(db, contract, [*events, *new], day, calendar, stamp)
        new += _fix(db, contract, [*events, *new], day, stamp)
        if day == through:
            break
        now = in_force(contract, active_events([*events, *new], date.max))
        closings = (closes_on(window_of(now.product, now.rows, row.number)) for row in now.rows)
        day = min((each for each in closings if each > day), default=date.max)
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
