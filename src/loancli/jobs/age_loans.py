"""How late the book is at the end of a day: what the line of a closed day says of buckets and classes."""

from datetime import date
from typing import Any

from loancli.core.days import days_past_due
from loancli.jobs.classes import classes_on, work_out_waiting
from loancli.ledger import ageing as book
from loancli.ledger import claims
from loancli.ledger.connect import Connection
from loancli.servicing.asset_class import AssetClass
from loancli.servicing.delinquency import AT_RISK_DAYS, Ageing, at_risk_ppm


def aged(db: Connection, day: date, ageing: Ageing) -> dict[str, Any]:
    """Active loans and outstanding; of those late on `day`, the open one, count and outstanding by bucket; of those
    that are not normal, by class; and of restructured ones, which are observed.

    Loans of lenders for whom no rule of classes is in force are in no class; `par30_ppm` is CLS-07's;
    with restructured loans, all of which then count as at risk, `par30_restructured_ppm`.
    """
    work_out_waiting(db, day)
    claims.lay(db, ())
    special = classes_on(db, day, ageing).values()
    claims.clear(db)
    count, outstanding_fen = book.active(db)
    buckets: dict[str, dict[str, int]] = {}
    classes: dict[str, dict[str, int]] = {}
    late: list[tuple[int, int]] = []
    for lender_kind, since_on, loans, fen in book.late(db, day, ageing.due_min_fen):
        days = days_past_due(since_on, day)
        _add(buckets, ageing.bucket(days), loans, fen)
        if asset_class := ageing.asset_class(days, lender_kind, day):
            _add(classes, asset_class.value, loans, fen)
        late.append((days, fen))
    restructured = {"loans": 0, "outstanding_fen": 0}
    moved: list[tuple[int, int]] = []
    for each in special:
        fen = each.claim.outstanding_fen
        if each.days:
            _add(classes, each.by_days.value, -1, -fen)
        if each.asset_class is not AssetClass.NORMAL:
            _add(classes, each.asset_class.value, 1, fen)
        if each.judged.observed:
            restructured["loans"] += 1
            restructured["outstanding_fen"] += fen
            moved += [(each.days, -fen), (AT_RISK_DAYS + 1, fen)]
    rest_fen = outstanding_fen - sum(fen for _, fen in late)
    return {
        "active_loans": count,
        "outstanding_fen": outstanding_fen,
        "late": buckets,
        "classes": {name: group for name, group in classes.items() if group["loans"]},
        "restructured": restructured,
        "par30_ppm": at_risk_ppm([(0, rest_fen), *late]),
        "par30_restructured_ppm": at_risk_ppm([(0, rest_fen), *late, *moved]),
    }


def _add(groups: dict[str, dict[str, int]], name: str, loans: int, fen: int) -> None:
    group = groups.setdefault(name, {"loans": 0, "outstanding_fen": 0})
    group["loans"] += loans
    group["outstanding_fen"] += fen
