"""However files are cut, repeated and ordered, and in whatever order facts arrive, the books come out the same."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from faults.lab import PRODUCTS, dice
from ledger_maker import (
    DAY,
    OPENED_ON,
    Paid,
    alipay,
    close,
    current_txns,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    placings,
    repayment,
    sent_back,
    take,
    take_back,
    take_inside,
    tell,
)
from sizes import size

from loancli.core.event import Event, EventKind
from loancli.jobs import settle as settle_module
from loancli.jobs.rebuild import rebuild
from loancli.jobs.settle import settle
from loancli.ledger import days, loans, statements
from loancli.ledger.connect import Connection, open_ledger, trial, writing

# Of a revenue share the order of arrival may tell: what comes in late counts in the next window (decision 0004).
OF_FACTS = (PRODUCTS[0], PRODUCTS[1], PRODUCTS[3])
IDS = tuple(f"LN{number:06d}" for number in range(1, 5))


def is_sound(db: Connection) -> None:
    assert faults(db) == []
    with trial(db):
        assert [each.differed for each in rebuild(db) if each.differed] == []


# files


def corpus(chance: random.Random) -> list[Paid]:
    """Forty rows of the lender's export in the order of time: payments named or not, twins, and what went back."""
    rows = []
    for number in range(36):
        on = OPENED_ON + chance.randrange(30) * DAY
        note = chance.choice((*IDS, "", "LN999999"))
        at = f"{chance.randrange(8, 20):02d}:{chance.randrange(3) * 20:02d}:00"
        amount_fen = chance.choice((1, 20_000, 20_000, 109_999))  # some are of one minute and amount, and are two
        rows.append(repayment(on, amount_fen, f"P{number:030d}", note=note, party="陌生人", at=at))
    for number, row in enumerate(chance.sample(rows, 4)):
        part = row.amount_fen if number % 2 else max(1, row.amount_fen // 3)
        rows.append(sent_back(row, row.on + 3 * DAY, part))
    return sorted(rows, key=lambda row: (row.on, row.at, row.number))


def arrangement(rows: list[Paid], chance: random.Random) -> list[list[Paid]]:
    """Two to five files that overlap and together hold all rows, some of them twice, in any order."""
    cuts = sorted(chance.sample(range(1, len(rows)), chance.randint(1, 4)))
    parts = []
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        parts.append(rows[max(0, first - chance.randrange(6)) : last + chance.randrange(6)])
    parts += chance.choices(parts, k=chance.randrange(3))
    chance.shuffle(parts)
    return parts


@cache
def before_imports() -> bytes:
    """The file of a ledger with the loans, to which nothing was imported yet: closing its days takes as long."""
    with TemporaryDirectory() as folder:
        with closing(new_ledger(Path(folder), is_durable=False)) as db:
            for number, loan_id in enumerate(IDS):
                open_loan(db, loan_id, borrower_id=f"B{number + 1}", terms=PRODUCTS[0])
            close(db, OPENED_ON + 19 * DAY)
        return (Path(folder) / "books.db").read_bytes()


def imported(folder: Path, files: list[list[Paid]], chance: random.Random | None = None) -> Connection:
    """The ledger after the files, one after another; with `chance` some imports break off and are run again."""
    folder.mkdir(exist_ok=True)
    path = folder / "books.db"
    path.unlink(missing_ok=True)
    path.write_bytes(before_imports())
    db = open_ledger(path)
    db.execute("PRAGMA synchronous = 0")
    for number, rows in enumerate(files):
        if chance is not None and chance.random() < 0.3:
            with trial(db):
                take_inside(db, alipay(rows), name=f"{number}.csv")
        take(db, alipay(rows), name=f"{number}.csv")
    return db


def content(db: Connection) -> tuple[Any, ...]:
    """What the books say, without where and when it was read."""
    numbered = {row[0]: row[1] for row in db.execute("SELECT id, key FROM txn")}
    parts = sorted(
        (numbered[txn_id], loan_id, fen)
        for txn_id, loan_id, fen in db.execute("SELECT txn_id, loan_id, amount_fen FROM receipt_part")
    )
    positions = db.execute("SELECT * FROM position ORDER BY loan_id").fetchall()
    txns = [(key, row) for key, *row in current_txns(db, "lender")]
    return sorted(numbered.values()), placings(db), parts, net_entries(db), positions, txns


def differs(folder: Path, count: int, *, what: str) -> bool:
    """Does any arrangement of a corpus come out otherwise than the whole file?"""
    chance = dice(what)
    rows = corpus(chance)
    with closing(imported(folder, [rows])) as db:
        is_sound(db)
        whole = content(db)
    for turn in range(count):
        with closing(imported(folder, arrangement(rows, chance), chance)) as db:
            if content(db) != whole:
                return True
            if turn % 10 == 0:
                is_sound(db)
    return False


@pytest.mark.parametrize("run", range(size(2, 20)))
def test_files_in_any_cut_order_and_repetition_are_the_same_import(tmp_path, run):
    assert not differs(tmp_path / "any", size(100, 500), what=f"files {run}")


KEYS = {
    "the row's number in the file": lambda owner, channel, row, mark="": f"{owner}|{channel}|{row.line}",
    "time and amount": lambda owner, channel, row, mark="": (
        f"{owner}|{channel}|{row.occurred_at}|{row.amount_fen}|{row.direction}"
    ),
}


@pytest.mark.parametrize("key", KEYS)
def test_an_import_keyed_by_less_than_the_platform_number_would_be_found(tmp_path, monkeypatch, key):
    chance = dice("keys")
    rows = corpus(chance)
    with closing(imported(tmp_path / "right", [rows])) as db:
        whole = content(db)
    monkeypatch.setattr(statements, "row_key", KEYS[key])
    try:
        with closing(imported(tmp_path / "wrong", arrangement(rows, chance))) as db:
            found = content(db)
    except (sqlite3.Error, LookupError):  # found even sooner
        return
    assert found[1:4] != whole[1:4]


# facts


@dataclass(frozen=True)
class Fact:
    """Something that happened to a loan on a day: money, or what a person tells. `voided`: and later takes back."""

    on: date
    loan_id: str
    row: Paid | None = None
    event: Event | None = None
    voided: bool = False


def facts_of(loan_id: str, chance: random.Random) -> list[Fact]:
    """A list of events of one loan. Waivers come before any money does, so that they are possible in every order."""
    due_on = OPENED_ON + 45 * DAY  # by then every product has something due
    found = []
    for number in range(chance.randint(1, 4)):
        row = repayment(due_on + chance.randrange(1, 30) * DAY, chance.choice((1, 30_000, 120_000, 700_000)),
                        f"{loan_id}{number:022d}", note=loan_id)  # fmt: skip
        found.append(Fact(row.on, loan_id, row=row))
        if chance.random() < 0.2:
            found.append(Fact(row.on + 4 * DAY, loan_id, row=sent_back(row, row.on + 4 * DAY)))
    kinds: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.FEE_CHARGED, {"amount_fen": 1 + chance.randrange(9_999), "name": "court"}),
        (EventKind.AMOUNT_WAIVED, {"amount_fen": 1 + chance.randrange(300), "part": "interest", "reason": "flood"}),
        (EventKind.INTEREST_PAUSED, {"to_on": str(due_on + (3 + chance.randrange(9)) * DAY), "reason": "flood"}),
    ]
    for kind, payload in chance.sample(kinds, chance.randint(0, 3)):
        event = Event(key=f"{kind.value}/{loan_id}", loan_id=loan_id, kind=kind, effective_on=due_on, payload=payload,
                      actor="test")  # fmt: skip
        found.append(Fact(due_on, loan_id, event=event, voided=chance.random() < 0.3))
    return found


BEGINS_ON, ENDS_ON = OPENED_ON + 40 * DAY, OPENED_ON + 80 * DAY  # of the books; the loans are older


def lived(folder: Path, name: str, loan_ids: list[str], facts: list[tuple[date, Fact]], closes: list[date]) -> Any:
    """The books after facts that arrive on days, and closes on others; at the end all is closed."""
    db = new_ledger(folder, name=name, opened_on=BEGINS_ON, is_durable=False)
    for number, loan_id in enumerate(loan_ids):
        open_loan(db, loan_id, borrower_id=f"B{number + 1}", terms=OF_FACTS[number % 3], periods=12,
                  principal_fen=600_000, first_draw_fen=300_000)  # fmt: skip
    todo = [*closes]
    for arrives_on, fact in [*facts, (ENDS_ON, None)]:
        while todo and todo[0] < arrives_on:
            close(db, todo.pop(0), on=ENDS_ON)
        if fact is not None:
            _arrive(db, fact, today=max(days.open_day(db), arrives_on))
    close(db, ENDS_ON)
    with writing(db):
        settle(db, loan_ids)
    is_sound(db)
    found = net_entries(db), {loan_id: loans.stored_instalments(db, loan_id) for loan_id in loan_ids}
    positions = db.execute("SELECT * FROM position ORDER BY loan_id").fetchall()
    db.close()
    return {
        loan_id: (
            {key: fen for key, fen in found[0].items() if key[0] == loan_id},
            found[1][loan_id],
            [row for row in positions if row[0] == loan_id],
        )
        for loan_id in loan_ids
    }


def _arrive(db: Connection, fact: Fact, *, today: date) -> None:
    if fact.row is not None:
        take(db, alipay([fact.row]), on=today)
        return
    assert fact.event is not None
    tell(db, fact.event, today=today)
    if fact.voided:
        take_back(db, fact.loan_id, fact.event.key, today=today)


def three_orders(folder: Path, what: str, count: int) -> Iterator[tuple[str, Any, Any]]:
    """Loans whose facts arrive in time, late, and anyhow: each loan's books by the first way and by another."""
    chance = dice(what)
    loan_ids = [f"LN{number:06d}" for number in range(1, count + 1)]
    all_facts = [fact for loan_id in loan_ids for fact in facts_of(loan_id, chance)]
    in_time = [(fact.on, fact) for fact in sorted(all_facts, key=lambda fact: (fact.on, fact.loan_id))]
    every_day = [BEGINS_ON + number * DAY for number in range((ENDS_ON - BEGINS_ON).days)]
    folder.mkdir(exist_ok=True)
    first = lived(folder, "in_time.db", loan_ids, in_time, every_day)
    shuffled = chance.sample(all_facts, len(all_facts))
    late = [(ENDS_ON - DAY, fact) for fact in shuffled]
    anyhow = sorted(
        ((fact.on + chance.randrange((ENDS_ON - fact.on).days) * DAY, fact) for fact in shuffled),
        key=lambda each: each[0],
    )
    for name, facts, closes in (
        ("late", late, every_day[-9:-4]),
        ("anyhow", anyhow, every_day[:: chance.randint(2, 9)]),
    ):
        other = lived(folder, f"{name}.db", loan_ids, facts, closes)
        for loan_id in loan_ids:
            yield f"{what}, {name}, {loan_id}", first[loan_id], other[loan_id]


@pytest.mark.parametrize("run", range(size(8, 300)))
def test_facts_in_any_order_of_arrival_are_the_same_books(tmp_path, run):
    for name, first, other in three_orders(tmp_path / "orders", f"facts {run}", 25):
        assert other == first, name


def test_a_replay_that_revives_what_was_waived_would_be_found(tmp_path, monkeypatch):
    def revived(contract: Any, events: list[Event], on: date) -> Any:
        is_replayed = any(event.kind is EventKind.PAYMENT_RECEIVED for event in events)
        kept = [event for event in events if not (is_replayed and event.kind is EventKind.AMOUNT_WAIVED)]
        return real(contract, kept, on)

    real = settle_module.life
    monkeypatch.setattr(settle_module, "life", revived)
    with pytest.raises(AssertionError):
        assert [name for name, first, other in three_orders(tmp_path / "orders", "waived", 9) if other != first] == []
