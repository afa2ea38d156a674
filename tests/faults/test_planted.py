"""Bugs that have no place of their own elsewhere are found by the laws that forbid them.

The list of RELIABILITY §3.9, and which test finds which: docs/decisions/0022-faults.md.
"""

import sqlite3
from contextlib import closing
from fractions import Fraction

import pytest
from faults.lab import lender
from ledger_maker import OPENED_ON
from sqlite_utils import Database
from terms import CALENDAR, product, revenue_product

from loancli.core.errors import LedgerError
from loancli.ledger.connect import open_ledger
from loancli.plan import flexible, kinds
from loancli.plan.build import build
from loancli.plan.flexible import Owed, Progress, WindowRevenue, fix_instalment
from loancli.plan.product import Base, Bound


def unplanned_fen(principal_fen: int) -> int:
    """How much of the principal the rows of a plan leave."""
    plan = build(product(), principal_fen, OPENED_ON, calendar=CALENDAR, periods=7)
    return principal_fen - sum(row.principal_fen for row in plan.rows)


def test_a_last_instalment_without_the_remainder_would_be_found(monkeypatch):
    assert unplanned_fen(1_000_003) == 0
    real = kinds._closed
    monkeypatch.setattr(kinds, "_closed", lambda rows, last, rest_fen, *more: real(rows, last, rest_fen - 1, *more))
    with pytest.raises(AssertionError):  # by the plan itself, which does not leave the room so
        unplanned_fen(1_000_003)


FLOOR_FEN = 2_000_000  # above the cap, which is measured in something else


def fixed_fen() -> int:
    """What is due after a strong month, by terms whose floor and cap cross: the floor, as these terms say."""
    terms = revenue_product(share={"floor": Bound(base=Base.YUAN, value=FLOOR_FEN)})
    owed = Owed(outstanding_principal_fen=10_000_000, accrued=Fraction(120_000), level_fen=900_000)
    window = WindowRevenue(counted_fen=(("alipay", 100_000_000),))
    progress = Progress(levels_fen=0, fixed_fen=0, is_checkpoint=False)
    return fix_instalment(terms, periods_left=5, owed=owed, window=window, progress=progress).amount_fen


def test_a_cap_that_counts_where_the_floor_should_would_be_found(monkeypatch):
    assert fixed_fen() == FLOOR_FEN
    real = flexible.bound_fen

    def crossed(terms, bound, level_fen, interest_fen):
        found = real(terms, bound, level_fen, interest_fen)
        cap = terms.revenue.cap
        return min(found, real(terms, cap, level_fen, interest_fen)) if bound == terms.revenue.floor else found

    monkeypatch.setattr(flexible, "bound_fen", crossed)
    assert fixed_fen() < FLOOR_FEN


@pytest.mark.parametrize("table", ["txn", "entry", "event"])
def test_a_table_that_was_made_anew_without_its_guards_is_refused(tmp_path, table):
    path = tmp_path / "books.db"
    path.write_bytes(lender())
    with closing(sqlite3.connect(path)) as db:
        Database(db)[table].transform()
    with pytest.raises(LedgerError, match="a guard is missing"):
        open_ledger(path)
