"""The months of a borrower's revenue as a plan would count them: the basis of a projection."""

from collections.abc import Sequence
from datetime import date, timedelta

from loancli.core.days import months_after
from loancli.core.errors import InputError
from loancli.jobs.close_day import revenue_of
from loancli.ledger import borrowers
from loancli.ledger.connect import Connection
from loancli.plan.flexible import Window
from loancli.plan.history import History, history_of, whole_months


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
    return history_of(months, borrower_id)
