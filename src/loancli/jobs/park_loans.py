"""One bad loan does not stop the others: it is parked with its reason, and stays as it stood.

Nothing of a parked loan is written: each chunk of loans is worked on inside a savepoint, and when that fails, each loan
of it in one of its own. The line of the closed day names who was parked (ledger/days.py); the next close, or
`day close --retry`, takes them up again.
"""

import sqlite3
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from loancli.core.errors import BusyError, LedgerError, LoancliError, RefusedError
from loancli.ledger.connect import Connection, attempt

PARKED_MAX = 100  # that many bad loans are no bad loans but a bad program, or bad schedules
# What ends the whole run: the machine, the file, another process.
_NOT_OF_A_LOAN = (OSError, MemoryError, BusyError, LedgerError)


def is_of_a_loan(error: Exception) -> bool:
    """May it be the fault of one loan, whose own facts or terms cannot be worked on?"""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, sqlite3.IntegrityError)  # the schema refused what was to be written
    return not isinstance(error, _NOT_OF_A_LOAN)


def reason_of(error: Exception) -> str:
    """Why a loan was parked. Of a bug its class and its place, as its message may hold a borrower's data."""
    if isinstance(error, LoancliError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} ({Path(where.filename).name}:{where.lineno})"


def work_on(
    db: Connection, chunks: Iterable[Sequence[str]], work: Callable[[Sequence[str]], Counter[str]]
) -> tuple[Counter[str], dict[str, str]]:
    """Do `work` for the loans, a chunk at a time; the sum of what it returns, and the parked loans with their reasons.

    Raises RefusedError where more than PARKED_MAX loans are bad, and what is not the fault of a loan.
    """
    done: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for chunk in chunks:
        for loan_id, found in _each(db, chunk, work):
            if isinstance(found, str):
                reasons[loan_id] = found
                if len(reasons) > PARKED_MAX:
                    raise RefusedError(
                        f"more than {PARKED_MAX} loans cannot be worked on, the first of them {min(reasons)}:"
                        f" {reasons[min(reasons)]}; nothing was written, and the day stays open"
                    )
            else:
                done.update(found)
    return done, reasons


def _each(
    db: Connection, chunk: Sequence[str], work: Callable[[Sequence[str]], Counter[str]]
) -> Iterator[tuple[str, Counter[str] | str]]:
    """What the work on a chunk came to, or on each of its loans where it failed: then its reason."""
    try:
        with attempt(db):
            found = work(chunk)
    except Exception as error:
        if not is_of_a_loan(error):
            raise
        if len(chunk) == 1:
            yield chunk[0], reason_of(error)
            return
    else:
        yield "", found
        return
    for loan_id in chunk:
        yield from _each(db, [loan_id], work)
