"""A loan that cannot be worked on is parked; the others close, and it is made up for as if it had never been bad."""

import re
import sqlite3
from dataclasses import replace
from datetime import date
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    close,
    dump,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    paid,
    repayment,
    stamp,
    take,
)
from sizes import size
from terms import AGEING, CALENDAR, product, revenue_product

from loancli.core.errors import BusyError, RefusedError
from loancli.jobs import close_day, park_loans, prove, settle
from loancli.jobs.close_day import retry_parked, try_through
from loancli.ledger import days, journal
from loancli.ledger.connect import Connection, writing
from loancli.plan.product import BreathingSpace, Pays, Trigger

BAD = "LN000003"
LATER = date(2026, 4, 10)
SPACE = BreathingSpace(
    pays=Pays(interest=True),
    extends=True,
    periods_max=3,
    a_year_max=1,
    trigger=Trigger(below_ppm=500_000, windows=3),
)
TERMS = (
    product(code="plain"),
    revenue_product(code="share"),
    revenue_product(code="breathing_share", breathing_space=replace(SPACE, pays=Pays())),
    product(code="breathing", breathing_space=SPACE),
)


def book(folder, name: str = "books.db") -> Connection:
    """Loans of one borrower, of terms that ask for something at a close; the January of 2026 is a weak month."""
    db = new_ledger(folder, name=name, is_durable=False)
    for number, terms in enumerate(TERMS, start=1):
        open_loan(db, f"LN{number:06d}", terms=terms)
    months = [date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    rows = [paid(day, 100_000 if day == date(2026, 1, 1) else 1_000_000) for day in months]
    take(db, alipay(rows, period=(months[0], date(2026, 2, 28))), borrower_id="B1")
    return db


def break_loan(monkeypatch, *loan_ids: str, error: Exception | None = None, at: ModuleType = close_day) -> None:
    """The lives of some loans cannot be computed where a module asks for them."""
    real = at.life

    def failing(contract, *rest, **more):
        if contract.loan_id in loan_ids:
            raise error or TypeError(f"of {contract.loan_id}, 13800001234")
        return real(contract, *rest, **more)

    monkeypatch.setattr(at, "life", failing)


def without_parking(line):
    return {name: value for name, value in line.items() if name not in {"parked", "closed_at"}}


@pytest.mark.parametrize("chunk", [2, 1_000])
def test_one_bad_loan_is_parked_with_its_reason_and_the_others_close(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(close_day, "CHUNK", chunk)
    db, sound = book(tmp_path), book(tmp_path, "sound.db")
    break_loan(monkeypatch, BAD)
    lines = close(db, LATER)
    monkeypatch.undo()
    close(sound, LATER)
    others = {key: fen for key, fen in net_entries(sound, with_day=True).items() if key[0] not in {"", BAD}}
    mine = {key: fen for key, fen in net_entries(db, with_day=True).items() if key[0] not in {"", BAD}}
    assert mine == others
    [parked] = lines[-1]["parked"]
    assert (parked["loan_id"], parked["since_on"]) == (BAD, "2026-02-01")
    assert parked["reason"].startswith("TypeError (test_park_loans.py:")
    assert days.parked(db) == [parked]
    assert [line for line in lines if line["day"] < "2026-02-01" and line["parked"]] == []
    [told] = faults(db)
    assert told.startswith(f"no loan waits for a day that is closed: loan_id {BAD}")


@given(st.integers(0, 70), st.integers(0, 12), st.sampled_from([1, 2, 3, 4]), st.booleans())
@example(first=27, count=4, number=3, is_retried=False)  # bad on the day on which the trigger looks
@example(first=27, count=4, number=4, is_retried=True)
@settings(max_examples=size(4, 160))
def test_a_loan_that_was_parked_is_made_up_for(tmp_path_factory, first, count, number, is_retried):
    """Whenever it was bad and for how long: its events are those of a loan that never was, and its money is."""
    folder = tmp_path_factory.mktemp("books")
    db, sound = book(folder), book(folder, "sound.db")
    close(db, OPENED_ON + (first - 1) * DAY)
    with pytest.MonkeyPatch.context() as patched:
        break_loan(patched, f"LN{number:06d}")
        close(db, OPENED_ON + (first + count) * DAY)
    if is_retried:
        with writing(db):
            taken_up, still = retry_parked(db, calendar=CALENDAR, stamp=stamp(OPENED_ON + (first + count + 1) * DAY))
        assert still == days.parked(db) == []
        assert set(taken_up) <= {f"LN{number:06d}"}
    for each in (db, sound):
        close(each, LATER)
    assert net_entries(db) == net_entries(sound)
    without = ("id", "recorded_at", "previous_sha", "sha")
    ours, theirs = dump(db, without=without), dump(sound, without=without)
    assert [ours[table] for table in ("event", "instalment")] == [theirs[table] for table in ("event", "instalment")]
    assert sum(line["breathing_spaces"] for line in days.listing(sound)) == 2
    assert days.parked(db) == faults(db) == []
    db.close()
    sound.close()


def test_a_loan_stays_parked_since_the_day_it_was_and_retrying_it_says_why(tmp_path, monkeypatch):
    db = book(tmp_path)
    break_loan(monkeypatch, BAD, error=RefusedError("its terms cannot be read"))
    close(db, date(2026, 2, 20))
    assert days.parked(db) == [{"loan_id": BAD, "since_on": "2026-02-01", "reason": "its terms cannot be read"}]
    before = dump(db)
    with writing(db):
        retried = retry_parked(db, calendar=CALENDAR, stamp=stamp(date(2026, 2, 21)))
    assert retried == ([], days.parked(db))
    assert dump(db) == before


def test_a_preview_parks_as_the_close_does(tmp_path, monkeypatch):
    db = book(tmp_path)
    break_loan(monkeypatch, BAD)
    before = dump(db)
    tried = try_through(db, LATER, calendar=CALENDAR, ageing=AGEING, stamp=stamp(LATER + DAY))
    assert dump(db) == before
    assert tried == close(db, LATER)


def test_nothing_of_a_parked_loan_is_written(tmp_path, monkeypatch):
    """Not even what was recorded of it before it failed."""
    db = book(tmp_path)
    real = close_day.book_lives

    def failing(db, lives, day, taken=(), **more):
        if BAD in {each.contract.loan_id for each in lives}:
            raise RefusedError("cannot be booked")
        return real(db, lives, day, taken, **more)

    monkeypatch.setattr(close_day, "book_lives", failing)
    before = journal.events_of(db, [BAD])
    [line] = [line for line in close(db, date(2026, 2, 2)) if line["day"] == "2026-02-01"]
    assert [each["loan_id"] for each in line["parked"]] == [BAD]
    assert line["fixed_instalments"] == line["breathing_spaces"] == 1
    assert journal.events_of(db, [BAD]) == before


def test_what_the_schema_refuses_is_of_its_loan(tmp_path, monkeypatch):
    db = book(tmp_path)
    break_loan(monkeypatch, BAD, error=sqlite3.IntegrityError("entry.key"))
    assert close(db, LATER)[-1]["parked"][0]["reason"].startswith("IntegrityError (")


@pytest.mark.parametrize(
    "error", [OSError("disk"), MemoryError(), BusyError("busy"), sqlite3.OperationalError("database or disk is full")]
)
def test_what_is_of_the_machine_parks_nobody_and_stops_the_close(tmp_path, monkeypatch, error):
    db = book(tmp_path)
    break_loan(monkeypatch, BAD, error=error)
    with pytest.raises(type(error)):
        close(db, LATER)
    assert days.open_day(db) == date(2026, 2, 1)
    monkeypatch.undo()
    close(db, LATER)
    assert faults(db) == []


def test_where_too_many_loans_are_bad_the_day_stays_open(tmp_path, monkeypatch):
    monkeypatch.setattr(park_loans, "PARKED_MAX", 2)
    db = book(tmp_path)
    break_loan(monkeypatch, "LN000002", BAD, "LN000004")
    with pytest.raises(RefusedError, match=r"more than 2 loans cannot be worked on, the first of them LN000002: TypeE"):
        close(db, LATER)
    assert days.open_day(db) == date(2026, 2, 1)


def test_an_instalment_that_would_be_fixed_for_ever_parks_its_loan(tmp_path, monkeypatch):
    db = book(tmp_path)
    real = close_day.next_number

    def looping(contract, events, day):
        return 1 if contract.loan_id == BAD and day >= date(2026, 2, 1) else real(contract, events, day)

    monkeypatch.setattr(close_day, "next_number", looping)
    assert [each["loan_id"] for each in close(db, LATER)[-1]["parked"]] == [BAD]


def test_more_entries_than_a_day_can_bring_park_their_loan(tmp_path, monkeypatch):
    monkeypatch.setattr(close_day, "ENTRIES_MAX", 0)
    db = book(tmp_path)
    [line] = [line for line in close(db, date(2026, 2, 5)) if line["day"] == "2026-02-05"]
    # The third breathes; on the first only an instalment takes its turn, which is one entry and cannot be more.
    assert {each["loan_id"] for each in line["parked"]} == {"LN000002", "LN000004"}
    assert re.match(r"loan LN000002: \d entries on one day, more than 0", line["parked"][0]["reason"])
    monkeypatch.undo()
    close(db, LATER)
    assert days.parked(db) == faults(db) == []


def test_a_bad_loan_keeps_no_other_from_its_money(tmp_path, monkeypatch):
    """Its own payment is recorded, and booked when the loan is taken up."""
    db, sound = book(tmp_path), book(tmp_path, "sound.db")
    on = date(2026, 1, 20)
    rows = [repayment(on, 10_000 + number, f"N{number}", note=f"LN{number:06d}") for number in (1, 3, 4)]
    for each in (db, sound):
        close(each, on - DAY)
    break_loan(monkeypatch, BAD, at=settle)
    report = take(db, alipay(rows))
    assert report.placed.placed_count == 3
    [warning] = report.placed.warnings
    assert warning.startswith(f"loan {BAD} cannot be worked on: TypeError (test_park_loans.py:")
    assert warning.endswith("; its payments are recorded, and the close of the day takes them up")
    booked = {key for key in net_entries(db) if "payment:" in key[1]}
    assert {key[0] for key in booked} == {"LN000001", "LN000004"}
    monkeypatch.undo()
    take(sound, alipay(rows))
    for each in (db, sound):
        close(each, LATER)
    assert net_entries(db, with_day=True) == net_entries(sound, with_day=True)
    assert faults(db) == []


def test_a_loan_whose_life_cannot_be_computed_is_named_by_the_proof(tmp_path, monkeypatch):
    db = book(tmp_path)
    close(db, LATER)
    break_loan(monkeypatch, BAD, at=prove)
    [told] = faults(db)
    assert told.startswith(f"the life of every loan can be computed: loan {BAD}: TypeError (test_park_loans.py:")
