"""The whole journal in the order of booking, with the balances at the ends of closed months, for other programs."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from loancli.core.books import Account, BookedEntry, Heading, MonthEnd, Moved
from loancli.core.errors import LedgerError
from loancli.ledger import journal
from loancli.ledger.connect import Connection

_OF_ENTRY = itemgetter(slice(0, 8))


def heading(db: Connection) -> Heading:
    """The chart of accounts, and which books these are."""
    return Heading(
        opened_on=db.execute("SELECT value FROM setting WHERE name = 'opened_on'").fetchone()[0],
        accounts=tuple(Account(*row) for row in db.execute("SELECT code, kind, meaning FROM account ORDER BY id")),
        entry_count=db.execute("SELECT count(*) FROM entry").fetchone()[0],
        chain_head=journal.head(db, "entry"),
    )


def walk(db: Connection) -> Iterator[BookedEntry | MonthEnd]:
    """Every entry in the order of booking, one at a time, and each end of a closed month when it is reached.

    The balances come from what moved by day, not from the entries: who adds up the entries proves both. Raises
    LedgerError for a leg on an account that is none.
    """
    ends = _closed_months(db)
    end_on = next(ends, None)
    for entry in _entries(db):
        while end_on is not None and end_on.isoformat() < entry.booked_on:
            yield _month_end(db, end_on)
            end_on = next(ends, None)
        yield entry
    while end_on is not None:
        yield _month_end(db, end_on)
        end_on = next(ends, None)


def _entries(db: Connection) -> Iterator[BookedEntry]:
    codes: dict[int, str] = dict(db.execute("SELECT id, code FROM account"))
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT e.id, e.booked_on, e.value_on, e.key, e.kind, e.cause, coalesce(e.loan_id, ''), e.reverses,"
        " p.debit, p.credit, p.amount_fen FROM entry e JOIN posting p ON p.entry_id = e.id ORDER BY e.id, p.leg"
    )
    for (number, booked_on, value_on, key, kind, cause, loan_id, reverses), legs in groupby(rows, key=_OF_ENTRY):
        try:
            moved = tuple(Moved(codes[debit], codes[credit], fen) for *_, debit, credit, fen in legs)
        except KeyError:
            raise LedgerError(f"entry {number} is on an account that is none; see: loancli ledger check") from None
        yield BookedEntry(
            number=number,
            booked_on=booked_on,
            value_on=value_on,
            key=key,
            kind=kind,
            cause=cause,
            loan_id=loan_id,
            reverses=reverses,
            legs=moved,
        )


def _closed_months(db: Connection) -> Iterator[date]:
    """The last days of months, as far as they are closed."""
    rows = db.execute("SELECT day FROM day WHERE substr(date(day, '+1 day'), 9) = '01' ORDER BY day").fetchall()
    return (date.fromisoformat(day) for (day,) in rows)


def _month_end(db: Connection, on: date) -> MonthEnd:
    return MonthEnd(on=on, balances_fen={row["account"]: row["balance_fen"] for row in journal.balances(db, on)})
