"""Prove the books: named questions that must come back empty, chains, and everything computed again from events."""

import sqlite3
from collections.abc import Iterator
from datetime import date

from loancli.jobs.rule_rows import compare_rulings
from loancli.jobs.settle import gather
from loancli.ledger import checks, journal, loans
from loancli.ledger.connect import Connection, reading
from loancli.servicing.bookings import ACCOUNTS, Booked, difference
from loancli.servicing.life import life

CHUNK = 2_000


def prove(db: Connection) -> Iterator[tuple[str, list[str]]]:
    """Each question with its answers, all asked of one moment; a sound ledger answers none.

    Where rows are not what was written, nothing is computed from them: that would mislead.
    """
    with reading(db):
        try:
            yield from _proof(db)
        except (ValueError, LookupError, sqlite3.OperationalError) as error:
            # A day that is none, a text that is no JSON or no text: not by our writing. What SQLite itself says of the
            # file has a code, and is told as that.
            if getattr(error, "sqlite_errorcode", None):
                raise
            yield "every value can be read", [f"{type(error).__name__}: {error}"]


def _proof(db: Connection) -> Iterator[tuple[str, list[str]]]:
    yield from checks.sql_failures(db)
    stored = checks.accounts(db)
    wrong = [code for code in {**ACCOUNTS, **stored} if stored.get(code) != ACCOUNTS.get(code, ("",))[0]]
    yield "accounts are those of the chart", wrong
    is_whole = True
    for question, answers in checks.chain_failures(db):
        yield question, answers
        is_whole = is_whole and not answers
    if not is_whole:
        return
    yield "rulings made again = stored", compare_rulings(db)
    stale: list[str] = []
    unbooked: list[str] = []
    ids = loans.loan_ids(db)
    for start in range(0, len(ids), CHUNK):
        for loan_id, position_differs, count in _recomputed(db, ids[start : start + CHUNK]):
            if position_differs:
                stale.append(f"loan {loan_id}: the stored position is not what its events give")
            if count:
                unbooked.append(f"loan {loan_id}: {count} entries differ from what its events give")
    yield "positions computed again = stored", stale
    yield "entries computed again = booked", unbooked


def _recomputed(db: Connection, loan_ids: list[str]) -> Iterator[tuple[str, bool, int]]:
    booked = journal.entries_of(db, loan_ids)
    for loan_id, (contract, events) in gather(db, loan_ids).items():
        stored = loans.stored_position(db, loan_id)
        if stored is None:
            yield loan_id, True, 0
            continue
        again = life(contract, events, date.fromisoformat(str(stored[2])))
        differs = loans.position_values(again.position) != stored
        differs |= [loans.instalment_values(state) for state in again.instalments] != loans.stored_instalments(
            db, loan_id
        )
        known = [Booked(entry=entry, is_reversed=gone) for entry, gone in booked[loan_id]]
        yield loan_id, differs, len(difference(loan_id, again.movements, known))
