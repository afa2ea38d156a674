"""The months of a borrower's revenue as a plan would count them: the basis of a projection."""

from collections.abc import Sequence
from datetime import date, timedelta

from loancli.core.days import months_after
from loancli.core.errors import InputError
from loancli.jobs.close_day import revenue_of
from loancli.ledger import borrowers
from loancli.ledger.connect import Connection
from loancli.outlook.history import History, history_of, whole_months
from loancli.plan.flexible import Window
from loancli.servicing.windows import Revenue


def revenue_history(db: Connection, borrower_id: str, *, counts: Sequence[str], as_of: date) -> History:
    """The whole months up to `as_of` that the borrower's files cover, net of refunds and fees as at the close of a day.

    Raises NotFoundError; InputError for months inside that no file covers, and for what is no basis.
    """
    borrowers.one(db, borrower_id)
    known = revenue_of(db, borrower_id, from_on=date.min, to_on=as_of)
    days = [day for spans in known.covered.values() for span in spans for day in span]
    if not days:
        raise InputError(f"{borrower_id}: no revenue is imported; `loancli import FILE --as revenue` brings it")
    months = {}
    for month_on in whole_months(min(days), min(max(days), as_of)):
        window = Window(month_on, months_after(month_on, 1) - timedelta(days=1))
        if not known.is_missing(window):
            months[month_on] = sum(known.net_fen(window, counts).values())
    return history_of(months, borrower_id, days=_by_day(known, counts))


def _by_day(known: Revenue, counts: Sequence[str]) -> dict[date, int]:
    """What counts of each day, in 1/1000 fen."""
    found: dict[date, int] = {}
    for (day, _, kind), fen in known.fen.items():
        if kind in counts or kind == "reduction":
            found[day] = found.get(day, 0) + (-1_000 if kind == "reduction" else 1_000) * fen
    for (day, _, kind), milli_fen in known.fee_milli_fen.items():
        if kind in counts or kind == "reduction":
            found[day] = found.get(day, 0) - milli_fen
    return found
