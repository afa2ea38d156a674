"""Back a ledger up, and restore it: the copy is opened, proved and compared before it gets its name."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from loancli.core.errors import LedgerError, RefusedError
from loancli.jobs import Stamp
from loancli.jobs.prove import prove
from loancli.ledger import backups, checks, days, health
from loancli.ledger.connect import SCHEMA, Connection, open_ledger
from loancli.ledger.whole import alone, check_free, is_taken, made_whole, put_aside

_OF_THE_PLACE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}  # where the copy is made
_TAKEN = "choose another name, or write over an older backup of the same ledger with --replace"
_RESTORED_TAKEN = "a ledger is never overwritten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy that was opened and proved: where, how big, and which moment of the books it holds."""

    path: Path
    size_bytes: int
    open_on: date
    counts: dict[str, int]  # rows of the tables that matter
    heads: dict[str, str]  # the last link of every chain
    aside: Path | None = None  # where the damaged ledger is kept that was in this place
    schema: int = SCHEMA


def back_up(db: Connection, ledger: Path, path: Path, *, replaces: bool, is_trial: bool) -> Copied:
    """Copy the ledger into the file `path`: whole and proved, or not at all. Others may read and write meanwhile.

    `replaces`: the name may belong to an earlier backup of the same ledger. `is_trial`: everything but the name.
    Raises InputError, RefusedError, and LedgerError if the books do not check.
    """
    if path.exists() and path.samefile(ledger):
        raise RefusedError(f"{path}: is the ledger itself; choose another name")
    if replaces and path.exists():
        _check_replaced(db, path)
    else:
        check_free(path, taken=_TAKEN)
    with made_whole(path, taken=_TAKEN, replaces=replaces, is_trial=is_trial) as made:
        heads = backups.copy(db, made)
        with closing(open_ledger(made)) as copy:
            found = replace(_proved(copy, ledger), path=path)
            backups.seal(copy)
        if found.heads != heads:
            raise LedgerError(f"{path}: the copy is not what was copied; no backup was written")
    return found


def _check_replaced(db: Connection, path: Path) -> None:
    """May the file go? Only if everything in it is in the ledger too."""
    if path.is_symlink() or not path.is_file():
        raise RefusedError(f"{path}: is no regular file; choose another name")
    if health.faults(path) or not backups.holds_all_of(db, path):
        raise RefusedError(f"{path}: is not an earlier backup of this ledger, and stays as it is; choose another name")


def restore(path: Path, ledger: Path, *, stamp: Stamp, is_trial: bool) -> Copied:
    """Make the ledger anew from a backup, of this schema or an older one; a damaged ledger in its place is kept aside.

    Raises InputError, RefusedError (a sound ledger is there), LedgerError (the backup's books do not check), BusyError.
    """
    with alone(ledger.parent):
        takes_place = is_taken(ledger)
        if takes_place:
            _check_damaged(ledger)
        with made_whole(ledger, taken=_RESTORED_TAKEN, is_trial=is_trial) as made:
            _copy_file(path, made)
            with _refusing_damage(path):
                _check_seal(path, made)
                with closing(open_ledger(made)) as copy:  # brings an older one up
                    backups.unseal(copy)
                    found = replace(_proved(copy, path), path=ledger)
            if takes_place and not is_trial:
                found = replace(found, aside=put_aside(ledger, f"damaged-{stamp.at:%Y%m%dT%H%M%S}"))
    return found


def _check_damaged(ledger: Path) -> None:
    """Only what is of no use any more is put aside: a ledger of ours that is damaged, or whose books do not check."""
    found = health.faults(ledger)
    if any(fault.is_damage for fault in found):
        return
    if not ledger.is_file() or any(not fault.is_note for fault in found):
        raise RefusedError(f"{ledger}: is no ledger that this loancli can judge, and stays as it is; restore elsewhere")
    with closing(open_ledger(ledger)) as db:
        if not any(answers for _, answers in prove(db)):
            raise RefusedError(
                f"{ledger}: is sound, and stays as it is; restore into another place (--ledger FILE), or move it away"
            )


def _copy_file(path: Path, made: Path) -> None:
    try:
        with path.open("rb") as source, made.open("wb") as target:
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise RefusedError(f"{path}: cannot be copied ({error.strerror}); nothing was changed") from error


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    """What SQLite finds wrong in the copy is wrong in the backup: RefusedError."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_PLACE:
            raise
        raise RefusedError(f"{path}: is damaged ({error}); restore another backup") from error


def _check_seal(path: Path, made: Path) -> None:
    if not backups.is_as_sealed(made):
        raise RefusedError(
            f"{path}: is not what it was when the backup was made: a disk damaged it, or it was worked with since;"
            " restore another backup, or make one of it with ledger backup"
        )


def _proved(copy: Connection, path: Path) -> Copied:
    """The copy of `path`, if its pages and its books are sound. Raises LedgerError."""
    if detail := health.damage(copy):
        raise LedgerError(f"{path}: is damaged ({detail}); nothing was written")
    for question, answers in prove(copy):
        if answers:
            raise LedgerError(
                f"{path}: the books do not check: {question}: {answers[0]}; nothing was written. Ask them all with:"
                " loancli ledger check"
            )
    return Copied(
        path=path,
        size_bytes=backups.size_bytes(copy),
        open_on=days.open_day(copy),
        counts=checks.counts(copy),
        heads=backups.heads(copy),
    )
