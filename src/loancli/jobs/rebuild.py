"""Compute again what follows from events, entries and rows, and put right the stored copies that differ."""

from dataclasses import dataclass

from loancli.core.errors import LedgerError
from loancli.jobs.prove import chunks, live_again
from loancli.jobs.rule_rows import compare_rulings
from loancli.ledger import checks, derived, loans
from loancli.ledger.connect import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A table of copies: how many rows it has now, and what differed, a sentence each."""

    table: str
    rows: int
    differed: list[str]


def rebuild(db: Connection) -> list[Rebuilt]:
    """Compute every copy again inside the caller's transaction; what differs is replaced, all else stays as it is.

    Raises LedgerError where that which the copies follow from is not what was written: they would mislead.
    """
    false = checks.first_false(db)
    if false is not None:
        raise LedgerError(f"{false}; nothing was rebuilt from that, as it would mislead: restore a backup")
    differed = {"ruling": compare_rulings(db, is_renewed=True)}
    for table in derived.SUMS:
        differed[table] = checks.answers(db, derived.differing(table))
        if differed[table]:
            derived.sum_again(db, table)
    differed |= _lives(db)
    return [
        Rebuilt(table=table, rows=derived.row_count(db, table), differed=differed[table]) for table in derived.TABLES
    ]


def _lives(db: Connection) -> dict[str, list[str]]:
    """Positions, instalments and conduct, as of the day on which each loan's entries stand."""
    differed = derived.drop_orphans(db)
    for chunk in chunks(db):
        renewed = []
        for again in live_again(db, chunk):
            loan_id = again.life.contract.loan_id
            differed["position"] += [f"loan {loan_id}: {each}" for each in again.stale_position]
            differed["instalment"] += [f"loan {loan_id}: {each}" for each in again.stale_instalments]
            differed["conduct"] += [f"loan {loan_id}: {each}" for each in again.stale_conduct]
            if again.is_stale:
                renewed.append(again.life)
        loans.save(db, [(each.position, each.contract.product.code, each.instalments) for each in renewed])
    return differed
