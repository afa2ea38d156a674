"""All exports of the fixtures' merchants in any order, any number of times, cut and overlapping: the same books.

Statements, workbooks in password archives, trade bills and fund bills of one borrower, which show the same money again
and again; and the lender's own.
"""

import io
import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import PAIRS, RULES, borrower, faults, make_world, new_ledger, stamp
from sizes import size

from loancli.imports.containers import members
from loancli.jobs.take_statement import AS_IT_IS, check_summaries, take_statement
from loancli.ledger import borrowers, transactions
from loancli.ledger.connect import Connection, writing

PASSWORD = "199037"
ON = date(2026, 7, 1)

Files = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """Borrower → the files of its folder, of those that have a merchant's bills; and one with statements only."""
    world = make_world(tmp_path_factory.mktemp("world"), borrowers=60, months=9)
    found: dict[str, Files] = {}
    for folder in sorted((world.folder / "exports").iterdir()):
        names = [path.name for path in folder.iterdir()]
        channels = {name.split("-")[0] for name in names if "trade" in name}
        if channels and not any(channels <= set(_channels(files)) for files in found.values()):
            found[folder.name] = _unpacked(folder)
    assert {channel for files in found.values() for channel in _channels(files)} == {"alipay", "wechat"}
    return found


def _channels(files: Files) -> list[str]:
    return [name.split("-")[0] for name, _ in files if "trade" in name]


def _unpacked(folder: Path) -> Files:
    found = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            found += [(each.name, each.file.read()) for each in members(file, path.name, lambda _: [PASSWORD])]
    return found


def _taken(files: Files, folder: Path, name: str) -> Connection:
    db = new_ledger(folder, name=name, is_durable=False)
    with writing(db):
        borrowers.add(db, [borrower("B1")])
        reports = [
            take_statement(db, io.BytesIO(data), file_name, borrower_id="B1", rules=RULES, pairs=PAIRS, stamp=stamp(ON))
            for file_name, data in files
        ]
        check_summaries(db, reports, AS_IT_IS)
    return db


def _books(db: Connection) -> list[list[tuple[object, ...]]]:
    """What the books say, without numbers that follow the order of arrival."""
    questions = (
        "SELECT * FROM daily_revenue",
        "SELECT DISTINCT * FROM coverage",
        """SELECT t.key, r.rule, r.revenue_class, o.key FROM ruling r JOIN txn t ON t.id = r.txn_id
           LEFT JOIN txn o ON o.id = r.other_txn_id""",
    )
    rows = [
        (txn.key, *txn.row._replace(line=0), txn.revenue_class, txn.revenue_rule)
        for txn in transactions.txns_of(db, "B1")
    ]
    return [sorted(rows), *[sorted(db.execute(question).fetchall(), key=repr) for question in questions]]


def _cut(data: bytes, dice: random.Random) -> list[bytes]:
    """A statement as two files that overlap: the same lines above, parts of the rows below."""
    encoding = "gb18030" if data[:3] != b"\xef\xbb\xbf" else "utf-8-sig"
    lines = data.decode(encoding).splitlines(keepends=True)
    header = next(at for at, line in enumerate(lines) if line.startswith("交易时间,")) + 1
    first, last = sorted(dice.choices(range(header, len(lines) + 1), k=2))
    return ["".join(part).encode(encoding) for part in (lines[:last], lines[:header] + lines[first:])]


@pytest.fixture(scope="module")
def plain(exports: dict[str, Files], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Borrower → the books after its files were imported once, in the order of their names."""
    found: dict[str, list[object]] = {}
    for name, files in exports.items():
        db = _taken(files, tmp_path_factory.mktemp("plain"), "plain.db")
        found[name] = [*_books(db)]
        assert faults(db) == []
        assert any(rule == "same_money" for _, rule, *_ in _books(db)[3])  # else nothing here overlaps
        db.close()
    return found


@settings(max_examples=size(8, 400))
@given(seed=st.integers(min_value=0))
def test_any_arrangement_of_all_exports_gives_the_same_books(exports, plain, tmp_path_factory, seed):
    dice = random.Random(seed)
    name = dice.choice(sorted(exports))
    files: Files = []
    for file_name, data in exports[name]:
        is_statement = file_name.endswith(".csv") and "!" not in file_name
        parts = _cut(data, dice) if is_statement and dice.random() < 0.5 else []
        # Cut files state no more rows, but the same days: together they are the whole.
        files += [(file_name, part) for part in parts] + [(file_name, data)] * dice.randint(0 if parts else 1, 2)
        if len(parts) and not any(each == data for _, each in files):
            files.append((file_name, data) if dice.random() < 0.5 else (file_name, data + b"\r\n"))
    dice.shuffle(files)
    db = _taken(files, tmp_path_factory.mktemp("any"), "any.db")
    try:
        assert _books(db) == plain[name]
        assert faults(db) == []
    finally:
        db.close()
