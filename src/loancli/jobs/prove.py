"""Prove the books: named questions that must come back empty, chains, and everything computed again from events."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from loancli.core.event import Event
from loancli.jobs.park_loans import is_of_a_loan, reason_of
from loancli.jobs.rule_rows import compare_rulings
from loancli.jobs.settle import gather
from loancli.ledger import checks, days, derived, journal, loans
from loancli.ledger.connect import Connection, reading
from loancli.servicing.bookings import ACCOUNTS, Booked, difference
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, life

CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LivedAgain:
    """A loan's life computed again as of the day on which its copies and its entries stand, and what they say else."""

    life: Life
    stale_position: list[str]
    stale_instalments: list[str]
    stale_conduct: list[str]
    unbooked_count: int  # entries that are not as its events give them

    @property
    def is_stale(self) -> bool:
        return bool(self.stale_position or self.stale_instalments or self.stale_conduct)


def prove(db: Connection) -> Iterator[tuple[str, list[str]]]:
    """Each question with its answers, all asked of one moment; a sound ledger answers none.

    Where rows are not what was written, nothing is computed from them: that would mislead.
    """
    with reading(db):
        try:
            yield from _proof(db)
        except (ValueError, LookupError, TypeError, sqlite3.OperationalError) as error:
            # A day that is none, a text that is no text, or no JSON, or has other keys: not by our writing. What SQLite
            # itself says of the file has a code, and is told as that.
            if getattr(error, "sqlite_errorcode", None):
                raise
            yield "every value can be read", [f"{type(error).__name__}: {error}"]


def _proof(db: Connection) -> Iterator[tuple[str, list[str]]]:
    yield from checks.sql_failures(db)
    stored = checks.accounts(db)
    wrong = [code for code in {**ACCOUNTS, **stored} if stored.get(code) != ACCOUNTS.get(code)]
    yield "accounts are those of the chart", wrong
    is_whole = True
    for question, answers in checks.chain_failures(db):
        yield question, answers
        is_whole = is_whole and not answers
    if not is_whole:
        return
    yield "rulings made again = stored", compare_rulings(db)
    lifeless: list[str] = []
    stale: list[str] = []
    unbooked: list[str] = []
    for chunk in chunks(db):
        for again in _each_again(db, chunk):
            if isinstance(again, str):
                lifeless.append(again)
                continue
            loan_id = again.life.contract.loan_id
            if again.is_stale:
                stale.append(f"loan {loan_id}: the stored position is not what its events give")
            if again.unbooked_count:
                unbooked.append(f"loan {loan_id}: {again.unbooked_count} entries differ from what its events give")
    yield "the life of every loan can be computed", lifeless
    yield "positions computed again = stored", stale
    yield "entries computed again = booked", unbooked


def chunks(db: Connection) -> Iterator[list[str]]:
    """The ids of all loans, as many at a time as may be in memory with their lives."""
    ids = loans.loan_ids(db)
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def live_again(db: Connection, loan_ids: Sequence[str]) -> Iterator[LivedAgain]:
    """Compute the lives of loans again, and compare them with what is stored and booked."""
    open_on = days.open_day(db)
    booked = journal.entries_of(db, loan_ids)
    for loan_id, (contract, events) in gather(db, loan_ids).items():
        stored = loans.stored_position(db, loan_id)
        known = [Booked(entry=entry, is_reversed=gone) for entry, gone in booked[loan_id]]
        again, unbooked_count = _as_booked(contract, events, known, _stands_on(stored, open_on))
        yield LivedAgain(
            life=again,
            stale_position=list(derived.stale_position(stored, again.position, again.contract.product.code)),
            stale_instalments=list(derived.stale_instalments(db, loan_id, again.instalments)),
            stale_conduct=list(derived.stale_conduct(db, again.position)),
            unbooked_count=unbooked_count,
        )


def _each_again(db: Connection, loan_ids: Sequence[str]) -> Iterator[LivedAgain | str]:
    """The same, and of a loan whose life cannot be computed, why."""
    try:
        found = list(live_again(db, loan_ids))
    except Exception as error:
        if not is_of_a_loan(error):
            raise
        if len(loan_ids) == 1:
            yield f"loan {loan_ids[0]}: {reason_of(error)}"
            return
    else:
        yield from found
        return
    for loan_id in loan_ids:
        yield from _each_again(db, [loan_id])


def _stands_on(stored: Sequence[object] | None, open_on: date) -> list[date]:
    """The days that a loan may stand on: its position's own, if that can be; else the last closed, or the open one."""
    others = [open_on - timedelta(days=1), open_on]
    try:
        since_on = date.fromisoformat(str(stored[2])) if stored else None
    except ValueError:
        since_on = None
    return others if since_on is None or since_on > open_on else [since_on, *others]


def _as_booked(
    contract: Contract, events: Sequence[Event], booked: Sequence[Booked], stands_on: Sequence[date]
) -> tuple[Life, int]:
    """The life as of the first day of which the books have just its entries; if there is none, of the first.

    Also how many entries differ.
    """
    found: list[tuple[Life, int]] = []
    for day in stands_on:
        again = life(contract, events, day)
        count = len(difference(contract.loan_id, again.movements, booked))
        if not count:
            return again, 0
        found.append((again, count))
    return found[0]
