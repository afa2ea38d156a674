"""Loans as they stand on a day: stored where nothing happened since the books were settled, else lived. Reads only."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from loancli.core.loan import Position
from loancli.jobs.classes import classes_on, debtor_kinds
from loancli.jobs.settle import gather
from loancli.ledger import days, loan_list
from loancli.ledger.connect import Connection, reading
from loancli.ledger.loan_list import Wanted
from loancli.servicing.asset_class import AssetClass
from loancli.servicing.delinquency import OVER, Ageing, at_risk_ppm, late_since
from loancli.servicing.life import life

CHUNK = 1_000  # loans whose lives are in memory at a time


class Totals(NamedTuple):
    """What the listed loans come to, whatever the limit."""

    loans: int
    outstanding_fen: int
    due_fen: int  # with the penalty that a payment on the day would make due
    late_loans: int
    at_risk_ppm: int  # of the outstanding, what is in loans over 30 days past due (PAR30)
    non_performing_fen: int


def loans_on(db: Connection, day: date, wanted: Wanted, ageing: Ageing) -> tuple[list[dict[str, Any]], Totals]:
    """The wanted loans signed by `day`, one mapping each, and what they come to.

    On the open business day what falls due on it stands as next due, until something else happens to the loan on that
    day, or it is closed. The loans for which something happened since their position was stored are lived one by one;
    so are late ones, because what is due of them has the penalty of the day in it.
    """
    with reading(db):
        other = loan_list.not_stored_on(
            db, day, wanted, is_open=day == days.open_day(db), debtor_kinds=debtor_kinds(ageing, day)
        )
        rows, sums = loan_list.listing(db, day, wanted, _rules(ageing, day), _lived(db, other, day, ageing.due_min_fen))
    return rows, Totals(
        loans=sum(each.loans for each in sums),
        outstanding_fen=sum(each.outstanding_fen for each in sums),
        due_fen=sum(each.due_fen for each in sums),
        late_loans=sum(each.loans for each in sums if each.days_past_due),
        at_risk_ppm=at_risk_ppm((each.days_past_due, each.outstanding_fen) for each in sums),
        non_performing_fen=sum(
            each.outstanding_fen for each in sums if each.asset_class and AssetClass(each.asset_class).is_non_performing
        ),
    )


def _rules(ageing: Ageing, day: date) -> loan_list.Rules:
    def asset_class(days: int, lender_kind: str, status: str) -> str | None:
        found = None if status in OVER else ageing.asset_class(days, lender_kind, day)
        return found.value if found else None

    return loan_list.Rules(
        due_min_fen=ageing.due_min_fen,
        bucket=ageing.bucket,
        asset_class=asset_class,
        worse=lambda db: (each.told for each in classes_on(db, day, ageing).values()),
    )


def _lived(
    db: Connection, loan_ids: Sequence[str], day: date, due_min_fen: int
) -> Iterator[tuple[Position, date | None]]:
    for at in range(0, len(loan_ids), CHUNK):
        for contract, events in gather(db, loan_ids[at : at + CHUNK]).values():
            lived = life(contract, events, day)
            yield lived.position, late_since(lived.instalments, due_min_fen)
