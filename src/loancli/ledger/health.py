"""What is wrong with a ledger's file: the file itself, who may touch it, its pages, its schema. Nothing is written.

The books inside are proved by jobs/prove.py; here is what must hold before anything in them can be asked.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from loancli.ledger.connect import (
    DIGESTS,
    Connection,
    connect,
    has_wal,
    head_fault,
    schema_digest,
    schema_rows,
)

SHOWN_MAX = 5  # objects of a changed schema that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, by its code; texts/ has the sentence of it, and what to do, under health.<code>."""

    code: str
    values: dict[str, object] = field(default_factory=dict)

    @property
    def is_damage(self) -> bool:
        """Is it a ledger that was sound once, as far as can be told? A file of somebody else is none."""
        return self.code in {"only_wal", "empty", "not_sqlite", "truncated", "pages", "schema"}

    @property
    def is_note(self) -> bool:
        """Commands work all the same."""
        return self.code in {"wal_left", "links"}


def faults(path: Path) -> list[Fault]:
    """What is wrong with the file, the gravest first; after what makes looking further senseless, nothing more."""
    wal = Path(f"{path}-wal")
    if not path.exists():
        return [Fault(code="only_wal", values={"ledger": path, "wal": wal})] if wal.exists() else []
    notes = _notes(path, wal)  # before the file is opened: who opens it last takes a -wal in that was left
    found = _rights(path, wal)
    if not found or found[0].code == "read_only":
        found = [*_inside(path), *found]
    return [*found, *notes]


def _rights(path: Path, wal: Path) -> list[Fault]:
    if not path.is_file():
        return [Fault(code="no_file", values={"ledger": path})]
    if not os.access(path, os.R_OK):
        return [Fault(code="unreadable", values={"ledger": path})]
    place = next((place for place in (path.parent, path) if not os.access(place, os.W_OK)), None)
    for side in (wal, Path(f"{path}-shm")):
        if side.exists() and not os.access(side, os.R_OK | (0 if place else os.W_OK)):
            return [Fault(code="wal_rights", values={"ledger": path, "wal": side, "owner": side.stat().st_uid})]
    return [Fault(code="read_only", values={"ledger": path, "place": place})] if place else []


def _inside(path: Path) -> Iterator[Fault]:
    head = head_fault(path)
    if head is not None:
        yield Fault(code=head[0], values={"ledger": path, **head[1]})
        return
    try:
        with closing(connect(path)) as db:
            detail = damage(db)
            if detail:
                yield Fault(code="pages", values={"ledger": path, "detail": detail})
            yield from _schema(db, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        yield Fault(code="pages", values={"ledger": path, "detail": error})


def damage(db: Connection) -> str | None:
    """The first thing that is wrong with the pages or indexes of the file, in SQLite's words; None: nothing is."""
    [detail] = db.execute("PRAGMA integrity_check(1)").fetchone()
    return None if detail == "ok" else " ".join(detail.removeprefix("*** in database main ***").split())


def _schema(db: Connection, path: Path) -> Iterator[Fault]:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if schema_digest(db) != DIGESTS.get(version):
        yield Fault(code="schema", values={"ledger": path, "objects": ", ".join(_changed(db, version))})


def _changed(db: Connection, version: int) -> list[str]:
    """What is missing in the schema, what is there too much, and what reads otherwise."""
    if version not in DIGESTS:
        return [f"user_version {version}"]
    stored, ours = ({row[:2]: row[2] for row in rows} for rows in (schema_rows(db), _as_made(version)))
    marks = dict.fromkeys(stored.keys() - ours.keys(), "+") | dict.fromkeys(ours.keys() - stored.keys(), "-")
    marks |= {name: "≠" for name in ours.keys() & stored.keys() if ours[name] != stored[name]}
    names = [f"{marks[name]} {' '.join(name)}" for name in sorted(marks)]
    return [*names[:SHOWN_MAX], *(["…"] if len(names) > SHOWN_MAX else [])]


def _as_made(version: int) -> list[tuple[str, str, str]]:
    """The schema as its migrations make it."""
    from sqlite_utils import Database

    from loancli.ledger.migrations import migrations

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        later = [migration.name for migration in migrations.pending(Database(db))][version:]
        db.execute("BEGIN")
        migrations.apply(Database(db), stop_before=later)
        return schema_rows(db)


def _notes(path: Path, wal: Path) -> list[Fault]:
    found = []
    if has_wal(path):
        found.append(Fault(code="wal_left", values={"ledger": path, "wal": wal, "bytes": wal.stat().st_size}))
    if path.is_file() and path.stat().st_nlink > 1:
        found.append(Fault(code="links", values={"ledger": path, "names": path.stat().st_nlink}))
    return found
