"""Borrowers and the names and accounts that their payments arrive under."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.loan import Borrower
from loancli.ledger.connect import Connection


def add(db: Connection, borrowers: Iterable[Borrower]) -> int:
    """Write borrowers; return how many are new. The same again is fine, other content under a known id is refused.

    A name that was learnt since is no other content: the list that a borrower came from does not have it.
    """
    count = 0
    for borrower in borrowers:
        borrower = replace(borrower, aliases=tuple(sorted(set(borrower.aliases))))  # a set, as `find` tells it
        found = find(db, [borrower.borrower_id]).get(borrower.borrower_id)
        known = set(found.aliases) if found else set()
        if found and set(borrower.aliases) <= known and replace(found, aliases=borrower.aliases) == borrower:
            continue
        if found is not None:
            _refuse_forgotten(found)
            raise RefusedError(
                f"borrower {borrower.borrower_id} exists already, with other details; nothing was written"
            )
        db.execute(
            "INSERT INTO borrower VALUES (?,?,?,?,?)",
            (borrower.borrower_id, borrower.name, borrower.phone, borrower.trade, borrower.kind),
        )
        db.executemany("INSERT INTO alias VALUES (?,?)", [(borrower.borrower_id, alias) for alias in borrower.aliases])
        count += 1
    return count


def learn(db: Connection, borrower_id: str, alias: str) -> bool:
    """Note another name or account that a borrower's payments arrive under; False if it is known."""
    if any(borrower.borrower_id == borrower_id for borrower in named(db, alias)):
        return False
    db.execute("INSERT INTO alias VALUES (?,?)", (borrower_id, alias))
    return True


def named(db: Connection, text: str) -> list[Borrower]:
    """The borrowers with this name or alias."""
    rows = db.execute(
        "SELECT borrower_id FROM borrower WHERE name = :text UNION SELECT borrower_id FROM alias WHERE alias = :text",
        {"text": text},
    )
    return list(find(db, [row[0] for row in rows.fetchall()]).values())


def find(db: Connection, borrower_ids: Sequence[str] | None = None) -> dict[str, Borrower]:
    """Borrowers by id; all of them where no ids are given."""
    aliases: dict[str, list[str]] = {}
    chosen = "" if borrower_ids is None else " WHERE borrower_id IN (SELECT value FROM json_each(?))"
    values = () if borrower_ids is None else (json.dumps(list(borrower_ids)),)
    for borrower_id, alias in db.execute(f"SELECT borrower_id, alias FROM alias{chosen} ORDER BY 1, 2", values):
        aliases.setdefault(borrower_id, []).append(alias)
    rows = db.execute(
        f"SELECT borrower_id, name, phone, trade, kind FROM borrower{chosen} ORDER BY borrower_id", values
    )
    return {
        row[0]: Borrower(
            borrower_id=row[0],
            name=row[1],
            phone=row[2],
            trade=row[3],
            kind=row[4],
            aliases=tuple(aliases.get(row[0], ())),
        )
        for row in rows
    }


def one(db: Connection, borrower_id: str) -> Borrower:
    """The borrower, or NotFoundError."""
    found = find(db, [borrower_id]).get(borrower_id)
    if found is None:
        raise NotFoundError(f"there is no borrower '{borrower_id}'; see: loancli borrower list")
    return found


def active(db: Connection, borrower_id: str) -> Borrower:
    """The borrower, of whom something new is to be written. Raises NotFoundError, RefusedError if forgotten."""
    found = one(db, borrower_id)
    _refuse_forgotten(found)
    return found


def _refuse_forgotten(borrower: Borrower) -> None:
    if borrower.is_forgotten:
        raise RefusedError(
            f"borrower {borrower.borrower_id} was forgotten: nothing is added to that number any more; a person who"
            " comes back gets a new one"
        )
