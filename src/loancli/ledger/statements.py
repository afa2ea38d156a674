"""Export files and their rows: one transaction is one row for ever, in whichever file it arrives, however often."""

import gc
import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, islice
from typing import Any

from loancli.core.statement import StatementRow
from loancli.ledger import journal
from loancli.ledger.connect import Connection
from loancli.ledger.transactions import Txn, as_txns, current, revenue_classes

CHUNK = 5_000
_DAY = timedelta(days=1)
KEY_LENGTH_MAX = 200  # keys of events and entries are made of it, and are bounded
_ROW = ", ".join(StatementRow._fields[:16])
_LATER = ", ".join(StatementRow._fields[16:])  # columns that schema 5 added stand at the end
_UNMARKED = ("alipay_app_v2", "wechat_csv", "wechat_xlsx")
STORED = f"id, key, owner, channel, {_ROW}, revenue_class, revenue_rule, file_id, {_LATER}"
_COLUMNS = tuple(STORED.split(", "))
_LATER_COUNT = len(StatementRow._fields) - 16
_NUMBERS = frozenset({"id", "line", "amount_fen", "money_moved", "file_id", "fee_milli_fen"})
_IS_NUMBER = tuple(column in _NUMBERS for column in _COLUMNS)
_AT_ONCE = 50  # rows of one INSERT: a seventh faster than one by one


def _insertion(rows: int) -> str:
    row = f"({','.join('?' * len(_COLUMNS))})"
    return f"INSERT INTO txn ({STORED}) VALUES {','.join([row] * rows)} ON CONFLICT (key) DO NOTHING"


_INSERT, _INSERT_MANY = _insertion(1), _insertion(_AT_ONCE)

# A transaction's life. Exports overlap and arrive in any order: a status gives way only to one that comes after it.
STATUS_ORDER = ("pending", "settled", "part_refunded", "refunded", "closed", "failed")

Classified = tuple[StatementRow, str | None, str | None]  # a row, its revenue class and the rule that decided


@dataclass(slots=True, kw_only=True)
class FileFacts:
    """What is kept of a file beside its rows. `owner` is a borrower's id, or 'lender'.

    Period and warnings may still be filled in while the rows are read; they are written after the last one.
    """

    content_sha: str
    name: str
    format: str
    owner: str
    read_as: str
    channel: str
    account_sha: str
    from_on: date | None
    to_on: date | None
    is_whole: bool  # all kinds of transactions were exported: only then does the file cover its days
    warnings: list[str]
    actor: str
    imported_at: str


@dataclass(slots=True)
class Taken:
    """What a file brought."""

    file_id: int
    first_txn_id: int
    row_count: int = 0
    new_count: int = 0
    # Known transactions whose status is another now, with the revenue class they had before.
    changed: dict[int, str | None] = field(default_factory=dict)

    @property
    def seen_count(self) -> int:
        return self.row_count - self.new_count


def find_file(db: Connection, content_sha: str, owner: str, read_as: str) -> dict[str, Any] | None:
    """The file with the same bytes that was imported before in the same way."""
    row = db.execute(
        "SELECT id, name, imported_at, row_count FROM file WHERE content_sha = ? AND owner = ? AND read_as = ?",
        (content_sha, owner, read_as),
    ).fetchone()
    return dict(zip(("file_id", "name", "imported_at", "row_count"), row, strict=True)) if row else None


def row_key(owner: str, channel: str, row: StatementRow, mark: str = "") -> str:
    """What makes two rows the same transaction: its id, and what never changes about it.

    Status and note may change, and so may the category, which users can put right. A key begins with the number that
    other exports of the platform show too, so that a look at the index finds the same money; `mark` keeps the rows of
    formats apart that tell of one transaction with other words (`format_mark`): which of them counts is ruled.
    """
    if row.trade_id:
        identity = f"{row.trade_id}|{row.external_id}"
    else:
        identity = row.external_id or f"~{row.counterparty}~{row.item}~{row.merchant_order_id}"
    key = f"{owner}|{channel}|{identity}|{row.occurred_at}|{row.amount_fen}|{row.direction}{mark}"
    if len(key) > KEY_LENGTH_MAX:
        key = f"{owner}|{channel}|~{hashlib.sha256(key.encode()).hexdigest()}"
    return key


def format_mark(file_format: str) -> str:
    """What of a key tells the format. Nothing for the statements that most rows come from: it would cost each of them.

    A workbook of WeChat holds the very rows of its CSV.
    """
    return "" if file_format in _UNMARKED else f"|{file_format}"


def take(db: Connection, facts: FileFacts, rows: Iterable[Classified]) -> Taken:
    """Write a file and those of its rows that are new; note later statuses of known ones. Reads `rows` in chunks."""
    file_id = db.execute("SELECT coalesce(max(id), 0) + 1 FROM file").fetchone()[0]
    first_id = db.execute("SELECT coalesce(max(id), 0) + 1 FROM txn").fetchone()[0]
    taken = Taken(file_id=file_id, first_txn_id=first_id)
    digest = RowsDigest()
    stream = iter(rows)
    keys: dict[str, int] = {}
    with _without_collector():
        while chunk := list(islice(stream, CHUNK)):
            _take_chunk(db, facts, chunk, taken, digest, keys)
    for status in _statuses(db, file_id, list(taken.changed)):
        digest.add_status(status)
    values = (facts.content_sha, facts.name, facts.format, facts.owner, facts.read_as, facts.channel, facts.account_sha,
              int(facts.is_whole), _iso(facts.from_on), _iso(facts.to_on), taken.row_count, first_id, taken.new_count,
              digest.value(), json.dumps(facts.warnings, ensure_ascii=False), facts.imported_at,
              facts.actor)  # fmt: skip
    previous = journal.head(db, "file")
    sha = journal.chained(previous, file_id, *[value.hex() if isinstance(value, bytes) else value for value in values])
    db.execute(f"INSERT INTO file VALUES ({','.join('?' * 20)})", (file_id, *values, previous, sha))
    return taken


def _take_chunk(
    db: Connection,
    facts: FileFacts,
    chunk: list[Classified],
    taken: Taken,
    digest: "RowsDigest",
    keys: dict[str, int],
) -> None:
    prefix = (facts.owner, facts.channel)
    mark = format_mark(facts.format)
    next_id = taken.first_txn_id + taken.row_count
    values: list[tuple[Any, ...]] = []
    for row, revenue_class, rule in chunk:
        key = row_key(*prefix, row, mark)
        if not row.external_id:
            # Without an id, twins inside one file are told apart by counting them.
            keys[key] = keys.get(key, 0) + 1
            key = f"{key}|{keys[key]}"
        values.append((next_id, key, *prefix, *row[:16], revenue_class, rule, taken.file_id, *row[16:]))
        next_id += 1
    inserted = _insert(db, values)
    taken.row_count += len(chunk)
    taken.new_count += inserted
    if inserted < len(values):
        _note_statuses(db, values, taken)
        values = db.execute(
            f"SELECT {STORED} FROM txn WHERE id BETWEEN ? AND ?", (values[0][0], next_id - 1)
        ).fetchall()
    digest.add_rows(values)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows are tuples without cycles: looking through a million of them for cycles takes a tenth of an import."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _insert(db: Connection, values: list[tuple[Any, ...]]) -> int:
    """Write those rows whose key is new; return how many."""
    whole = len(values) - len(values) % _AT_ONCE
    groups = (list(chain.from_iterable(values[at : at + _AT_ONCE])) for at in range(0, whole, _AT_ONCE))
    inserted = db.executemany(_INSERT_MANY, groups).rowcount if whole else 0
    rest = values[whole:]
    return inserted + (db.executemany(_INSERT, rest).rowcount if rest else 0)


class RowsDigest:
    """The digest of a file's rows: SHA-256 over each column of STORED, then over those.

    By columns because that is four times as fast as by rows. Files of schema 4 have the digest of `repr` of their rows
    (32 bytes, without the version before it): `FirstDigest` checks those.
    """

    VERSION = b"\x02"

    def __init__(self) -> None:
        self._columns = [hashlib.sha256() for _ in _COLUMNS]
        self._statuses = hashlib.sha256()

    def add_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows in the order of their ids, as STORED names their columns."""
        if not rows:  # a chunk of known rows alone
            return
        for digest, is_number, column in zip(self._columns, _IS_NUMBER, zip(*rows, strict=True), strict=True):
            if is_number:
                digest.update(struct.pack(f"<{len(column)}q", *column))
            else:  # rows of the lender have no class and no rule
                digest.update(
                    "".join(f"{text}\x1f" for text in map(repr, column)).encode()
                    if None in column
                    else ("\x1f".join(column) + "\x1f").encode()
                )

    def add_status(self, status: tuple[Any, ...]) -> None:
        """A later status that the file told."""
        self._statuses.update(repr(status).encode())

    def value(self) -> bytes:
        """What is stored of it."""
        parts = b"".join(each.digest() for each in (*self._columns, self._statuses))
        return self.VERSION + hashlib.sha256(parts).digest()


class FirstDigest:
    """The digest as schema 4 made it; its rows have nothing in the columns that came later."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """As of RowsDigest."""
        self._digest.update("".join(repr(row[:-_LATER_COUNT]) for row in rows).encode())

    def add_status(self, status: tuple[Any, ...]) -> None:
        """As of RowsDigest."""
        self._digest.update(repr(status).encode())

    def value(self) -> bytes:
        """As of RowsDigest."""
        return self._digest.digest()


def _note_statuses(db: Connection, values: list[tuple[Any, ...]], taken: Taken) -> None:
    """Known rows of the chunk that are further in their life than known so far get a line in txn_status."""
    status_at = 4 + StatementRow._fields.index("status")
    class_at = 4 + StatementRow._fields.index("status_class")
    moved_at = 4 + StatementRow._fields.index("money_moved")
    for value in values:
        known_id, *known = db.execute(
            """
            SELECT t.id, coalesce(s.status_class, t.status_class), coalesce(s.status, t.status)
            FROM txn t LEFT JOIN txn_status s ON s.txn_id = t.id WHERE t.key = ?
            ORDER BY s.file_id DESC, s.line DESC LIMIT 1
            """,
            (value[1],),
        ).fetchone()
        if _step(value[class_at], value[status_at]) > _step(*known):
            if known_id not in taken.changed:
                taken.changed |= revenue_classes(db, [known_id])
            db.execute(
                "INSERT INTO txn_status VALUES (?,?,?,?,?,?,?,?)",
                (known_id, taken.file_id, value[4], value[status_at], value[class_at], value[moved_at], *value[20:22]),
            )


def _step(status_class: str, status: str) -> tuple[int, int, str]:
    """How far in its life a transaction is. Words of one class: '已退款(￥9.00)' comes before '已退款(￥10.00)'."""
    return STATUS_ORDER.index(status_class), len(status), status


def _statuses(db: Connection, file_id: int, txn_ids: list[int]) -> Iterator[tuple[Any, ...]]:
    """The later statuses that a file told, as its digest covers them."""
    for txn_id in sorted(txn_ids):
        yield from db.execute(
            "SELECT * FROM txn_status WHERE txn_id = ? AND file_id = ? ORDER BY line", (txn_id, file_id)
        )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def txns_since(db: Connection, taken: Taken) -> list[Txn]:
    """The transactions that a file brought, and those whose status it changed."""
    where = "t.id >= ? OR t.id IN (SELECT value FROM json_each(?))"
    return list(as_txns(db.execute(current(where), (taken.first_txn_id, json.dumps(list(taken.changed))))))


def sums(
    db: Connection, owner: str, file_format: str, account_sha: str, *, from_on: date | None, to_on: date | None
) -> dict[str, tuple[int, int]]:
    """Rows and fen by direction of what files of one format and account brought for the days; empty: nothing."""
    rows = db.execute(
        "SELECT t.direction, count(*), sum(t.amount_fen) FROM txn t JOIN file f ON f.id = t.file_id"
        " WHERE t.owner = ? AND f.format = ? AND f.account_sha = ? AND t.occurred_at BETWEEN ? AND ? GROUP BY 1",
        (owner, file_format, account_sha, _iso(from_on) or "", f"{_iso(to_on) or '9'}T24"),
    )
    return {direction: (count, amount_fen) for direction, count, amount_fen in rows}


def empty_days(db: Connection, owner: str, from_on: date, to_on: date) -> list[tuple[date, date]]:
    """The runs of days from `from_on` to `to_on` on which the owner's files have no row at all, in order."""
    days = [
        date.fromisoformat(day)
        for (day,) in db.execute(
            # From one day to the next by the index, whatever the number of rows.
            """
            WITH RECURSIVE filled (day) AS (
                SELECT (SELECT substr(occurred_at, 1, 10) FROM txn
                        WHERE owner = :owner AND occurred_at >= :from_on ORDER BY occurred_at LIMIT 1)
                UNION ALL
                SELECT (SELECT substr(occurred_at, 1, 10) FROM txn
                        WHERE owner = :owner AND occurred_at >= date(day, '+1 day') ORDER BY occurred_at LIMIT 1)
                FROM filled WHERE day IS NOT NULL AND day < :to_on)
            SELECT day FROM filled WHERE day <= :to_on
            """,
            {"owner": owner, "from_on": from_on.isoformat(), "to_on": to_on.isoformat()},
        )
    ]
    runs: list[tuple[date, date]] = []
    expected = from_on
    for day in [*days, to_on + _DAY]:
        if day > expected:
            runs.append((expected, day - _DAY))
        expected = day + _DAY
    return runs


def files(db: Connection, owner: str | None = None) -> list[dict[str, Any]]:
    """Imported files, oldest first."""
    cursor = db.execute(
        "SELECT id AS file_id, name, format, owner, read_as, from_on, to_on, row_count, new_count, warnings,"
        " imported_at FROM file WHERE ? IS NULL OR owner = ? ORDER BY id",
        (owner, owner),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
