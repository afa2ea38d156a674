"""Stored copies of what follows from events, entries and rows: how each is computed again, and where it differs.

Rulings follow from rules that only a job knows (jobs/rule_rows.py), positions from the lives of loans (jobs/prove.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from loancli.core.loan import InstalmentState, Position
from loancli.ledger import claims, loans, revenue, turnover
from loancli.ledger.connect import Connection

TABLES = ("ruling", "daily_revenue", "turnover", "position", "instalment", "conduct")


class Sums(NamedTuple):
    """A table whose rows are those of `again`; `told` shows the `differing` ones."""

    again: str
    told: str = "SELECT * FROM differing"


SUMS = {
    "daily_revenue": Sums(revenue.SUMS),
    "turnover": Sums(
        turnover.SUMS,
        "SELECT what, day_by, code AS account, day, debit_fen, credit_fen FROM differing"
        " JOIN account ON id = differing.account",
    ),
}


def differing(table: str) -> str:
    """The question which rows of a table of SUMS are `stored` and should not be, or `computed` and are not stored."""
    again, told = SUMS[table]
    return f"""
        WITH again AS MATERIALIZED ({again}), differing AS (
            SELECT 'computed' AS what, * FROM (SELECT * FROM again EXCEPT SELECT * FROM {table})
            UNION ALL SELECT 'stored', * FROM (SELECT * FROM {table} EXCEPT SELECT * FROM again))
        {told} ORDER BY 2, 3, 4, 5, 1"""


def sum_again(db: Connection, table: str) -> None:
    """Empty a table of SUMS and fill it again."""
    db.execute(f"DELETE FROM {table}")
    db.execute(f"INSERT INTO {table} {SUMS[table].again}")


def stale_position(stored: Sequence[object] | None, position: Position, product_code: str) -> Iterator[str]:
    """What the stored row of a position says otherwise than the loan's life, column by column."""
    yield from _unlike(loans.POSITION, stored, loans.position_values(position, product_code))


def stale_instalments(db: Connection, loan_id: str, states: Sequence[InstalmentState]) -> Iterator[str]:
    """What the stored rows of a loan's instalments say otherwise than its life, column by column."""
    stored: dict[Any, tuple[object, ...]] = {row[0]: row for row in loans.stored_instalments(db, loan_id)}
    computed: dict[Any, tuple[object, ...]] = {state.number: loans.instalment_values(state) for state in states}
    if stored != computed:
        for number in sorted({*stored, *computed}):
            for told in _unlike(loans.INSTALMENT, stored.get(number), computed.get(number)):
                yield f"instalment {number}: {told}"


def stale_conduct(db: Connection, position: Position) -> Iterator[str]:
    """What is kept of a loan's conduct otherwise than its life says; what is not worked out yet is not."""
    stored = claims.stored(db, position.loan_id)
    computed = (position.conduct.kept(),) if position.conduct else None
    if stored != (None,):
        yield from _unlike("facts", stored, computed) if stored != computed else ()


def _unlike(names: str, stored: Sequence[object] | None, computed: Sequence[object] | None) -> Iterator[str]:
    if stored is None or computed is None:
        yield "is not stored" if stored is None else "is stored and should not be"
        return
    for name, was, should_be in zip(names.split(", "), stored, computed, strict=True):
        if was != should_be:
            yield f"{name} is {was}, should be {should_be}"


def drop_orphans(db: Connection) -> dict[str, list[str]]:
    """Remove the copies of loans that are not there; by table, what was removed."""
    found: dict[str, list[str]] = {}
    for table in ("position", "instalment", "conduct"):
        orphans = f"FROM {table} WHERE loan_id NOT IN (SELECT loan_id FROM loan)"
        found[table] = [f"loan {row[0]}: there is no such loan" for row in db.execute(f"SELECT loan_id {orphans}")]
        db.execute(f"DELETE {orphans}")
    return found


def row_count(db: Connection, table: str) -> int:
    """How many rows a table of copies has."""
    assert table in TABLES
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
