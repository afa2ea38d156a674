"""Which active loans a selection names. Reads only."""

from datetime import date

from loancli.jobs.plan_contacts import segmented
from loancli.ledger import loans
from loancli.ledger.connect import Connection
from loancli.outreach.segments import Segments


def select_loans(
    db: Connection,
    day: date,
    *,
    trade: str | None,
    product_code: str | None,
    segment: str | None,
    segments: Segments | None,
) -> list[str]:
    """The active loans of a trade, of a product and in a segment of `day`; what is None does not matter.

    Raises RefusedError where a segment is asked for on a day that is not the open one.
    """
    found = loans.active(db, trade=trade, product_code=product_code)
    if segment is None:
        return found
    assert segments is not None
    features, assigned = segmented(db, day, segments)
    inside = {known.loan_id for known, each in zip(features, assigned, strict=True) if each.segment == segment}
    return [loan_id for loan_id in found if loan_id in inside]
