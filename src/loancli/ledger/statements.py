"""Export files and their rows: one transaction is one row for ever, in whichever file it arrives, however often."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from loancli.core.statement import StatementRow
from loancli.ledger import journal
from loancli.ledger.connect import Connection

CHUNK = 5_000
KEY_LENGTH_MAX = 200  # keys of events and entries are made of it, and are bounded
_ROW = ", ".join(StatementRow._fields)
INCOME = "(revenue_class <> 'excluded' OR direction = 'in')"  # money out that is no reduction is no income at all
STORED = f"id, key, owner, channel, {_ROW}, revenue_class, revenue_rule, file_id"
_INSERT = f"INSERT INTO txn ({STORED}) VALUES ({','.join('?' * 23)}) ON CONFLICT (key) DO NOTHING"

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
    changed: list[int] = field(default_factory=list)  # ids of known transactions whose status is another now
    conflicts: list[str] = field(
        default_factory=list
    )  # ids that stand on rows which differ in amount, time or direction

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


def row_key(owner: str, channel: str, row: StatementRow) -> str:
    """What makes two rows the same transaction: its id, and what never changes about it. Status and note may change."""
    identity = row.external_id or f"~{row.counterparty}~{row.item}~{row.merchant_order_id}"
    key = f"{owner}|{channel}|{identity}|{row.occurred_at}|{row.amount_fen}|{row.direction}|{row.kind}"
    if len(key) > KEY_LENGTH_MAX:
        key = f"{owner}|{channel}|~{hashlib.sha256(key.encode()).hexdigest()}"
    return key


def take(db: Connection, facts: FileFacts, rows: Iterable[Classified]) -> Taken:
    """Write a file and those of its rows that are new; note later statuses of known ones. Reads `rows` in chunks."""
    file_id = db.execute("SELECT coalesce(max(id), 0) + 1 FROM file").fetchone()[0]
    first_id = db.execute("SELECT coalesce(max(id), 0) + 1 FROM txn").fetchone()[0]
    had_rows = db.execute("SELECT 1 FROM txn WHERE owner = ? LIMIT 1", (facts.owner,)).fetchone() is not None
    taken = Taken(file_id=file_id, first_txn_id=first_id)
    digest = hashlib.sha256()
    stream = iter(rows)
    keys: dict[str, int] = {}
    while chunk := list(islice(stream, CHUNK)):
        _take_chunk(db, facts, chunk, taken, digest, keys)
    taken.changed = list(dict.fromkeys(taken.changed))
    if had_rows:
        taken.conflicts = _conflicts(db, first_id)
    for status in _statuses(db, file_id, taken.changed):
        digest.update(repr(status).encode())
    values = (facts.content_sha, facts.name, facts.format, facts.owner, facts.read_as, facts.channel, facts.account_sha,
              int(facts.is_whole), _iso(facts.from_on), _iso(facts.to_on), taken.row_count, first_id, taken.new_count,
              digest.digest(), json.dumps(facts.warnings, ensure_ascii=False), facts.imported_at,
              facts.actor)  # fmt: skip
    previous = journal.head(db, "file")
    sha = journal.chained(previous, file_id, *[value.hex() if isinstance(value, bytes) else value for value in values])
    db.execute(f"INSERT INTO file VALUES ({','.join('?' * 20)})", (file_id, *values, previous, sha))
    if facts.read_as == "revenue":
        _add_daily_revenue(db, facts.owner, taken)
    return taken


def _take_chunk(
    db: Connection,
    facts: FileFacts,
    chunk: list[Classified],
    taken: Taken,
    digest: "hashlib._Hash",
    keys: dict[str, int],
) -> None:
    prefix = (facts.owner, facts.channel)
    next_id = taken.first_txn_id + taken.row_count
    values: list[tuple[Any, ...]] = []
    for row, revenue_class, rule in chunk:
        key = row_key(*prefix, row)
        if not row.external_id:
            # Without an id, twins inside one file are told apart by counting them.
            keys[key] = keys.get(key, 0) + 1
            key = f"{key}|{keys[key]}"
        values.append((next_id, key, *prefix, *row, revenue_class, rule, taken.file_id))
        next_id += 1
    inserted = db.executemany(_INSERT, values).rowcount
    taken.row_count += len(chunk)
    taken.new_count += inserted
    if inserted < len(values):
        _note_statuses(db, values, taken)
        values = db.execute(
            f"SELECT {STORED} FROM txn WHERE id BETWEEN ? AND ?", (values[0][0], next_id - 1)
        ).fetchall()
    digest.update("".join(map(repr, values)).encode())


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
            db.execute(
                "INSERT INTO txn_status VALUES (?,?,?,?,?,?,?,?)",
                (known_id, taken.file_id, value[4], value[status_at], value[class_at], value[moved_at], *value[-3:-1]),
            )
            taken.changed.append(known_id)


def _step(status_class: str, status: str) -> tuple[int, int, str]:
    """How far in its life a transaction is. Words of one class: '已退款(￥9.00)' comes before '已退款(￥10.00)'."""
    return STATUS_ORDER.index(status_class), len(status), status


def _statuses(db: Connection, file_id: int, txn_ids: list[int]) -> Iterator[tuple[Any, ...]]:
    """The later statuses that a file told, as its digest covers them."""
    for txn_id in sorted(txn_ids):
        yield from db.execute(
            "SELECT * FROM txn_status WHERE txn_id = ? AND file_id = ? ORDER BY line", (txn_id, file_id)
        )


def _conflicts(db: Connection, first_id: int) -> list[str]:
    """Transaction ids of new rows that an older row of the same account has with another amount, time or direction."""
    rows = db.execute(
        """
        SELECT DISTINCT n.external_id FROM txn n CROSS JOIN txn o
            ON o.key >= n.owner || '|' || n.channel || '|' || n.external_id || '|'
           AND o.key < n.owner || '|' || n.channel || '|' || n.external_id || '}'
        WHERE n.id >= ? AND n.external_id <> '' AND +o.id < ? LIMIT 100
        """,
        (first_id, first_id),
    )
    return [row[0] for row in rows]


def _add_daily_revenue(db: Connection, owner: str, taken: Taken) -> None:
    upsert = (
        " ON CONFLICT (borrower_id, day, channel, revenue_class) DO UPDATE SET"
        " amount_fen = amount_fen + excluded.amount_fen, row_count = row_count + excluded.row_count"
    )
    # A chunk of ids at a time: SQLite sorts what it groups in memory.
    for first_id in range(taken.first_txn_id, taken.first_txn_id + taken.row_count, CHUNK):
        db.execute(
            "INSERT INTO daily_revenue"
            " SELECT owner, substr(occurred_at, 1, 10), channel, revenue_class, sum(amount_fen), count(*)"
            f" FROM txn WHERE +owner = ? AND id BETWEEN ? AND ? AND {INCOME} GROUP BY 1, 2, 3, 4{upsert}",
            (owner, first_id, first_id + CHUNK - 1),
        )
    latest = (
        "SELECT revenue_class FROM txn_status WHERE txn_id = :txn AND file_id {} :file ORDER BY file_id DESC, line DESC"
    )
    for txn_id in taken.changed:
        before, after = db.execute(
            f"SELECT coalesce(({latest.format('<')} LIMIT 1), revenue_class), ({latest.format('=')} LIMIT 1)"
            " FROM txn WHERE id = :txn",
            {"txn": txn_id, "file": taken.file_id},
        ).fetchone()
        for revenue_class, sign in ((before, -1), (after, 1)):
            db.execute(
                "INSERT INTO daily_revenue"
                " SELECT owner, substr(occurred_at, 1, 10), channel, revenue_class, ? * amount_fen, ?"
                " FROM (SELECT owner, occurred_at, channel, ? AS revenue_class, amount_fen, direction"
                f" FROM txn WHERE id = ?) WHERE {INCOME}{upsert}",
                (sign, sign, revenue_class, txn_id),
            )
    if taken.changed:
        db.execute("DELETE FROM daily_revenue WHERE borrower_id = ? AND row_count = 0", (owner,))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _current(where: str) -> str:
    """Transactions with their latest known status."""
    return f"""
        SELECT t.id, t.owner, t.channel, t.line, t.occurred_at, t.amount_fen, t.direction,
               coalesce(s.money_moved, t.money_moved), t.external_id, t.merchant_order_id, t.counterparty,
               t.counterparty_account, t.kind, t.item, t.method,
               coalesce(s.status, t.status), coalesce(s.status_class, t.status_class), t.note, t.refund_of,
               CASE WHEN s.txn_id IS NULL THEN t.revenue_class ELSE s.revenue_class END AS revenue_class,
               CASE WHEN s.txn_id IS NULL THEN t.revenue_rule ELSE s.revenue_rule END AS revenue_rule, t.file_id, t.key
        FROM txn t LEFT JOIN txn_status s ON s.txn_id = t.id AND (s.file_id, s.line) =
            (SELECT file_id, line FROM txn_status WHERE txn_id = t.id ORDER BY file_id DESC, line DESC LIMIT 1)
        WHERE {where} ORDER BY t.occurred_at, t.id
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Txn:
    """A transaction as it stands in the ledger, with its latest status."""

    txn_id: int
    key: str
    owner: str
    channel: str
    row: StatementRow
    revenue_class: str | None
    revenue_rule: str | None
    file_id: int


def _txns(cursor: sqlite3.Cursor) -> Iterator[Txn]:
    for row in cursor:
        yield Txn(
            txn_id=row[0],
            owner=row[1],
            channel=row[2],
            row=StatementRow(*row[3:19]),
            revenue_class=row[19],
            revenue_rule=row[20],
            file_id=row[21],
            key=row[22],
        )


def txns_since(db: Connection, first_id: int, changed: list[int]) -> list[Txn]:
    """The transactions that a file brought, and those whose status it changed."""
    where = "t.id >= ? OR t.id IN (SELECT value FROM json_each(?))"
    return list(_txns(db.execute(_current(where), (first_id, json.dumps(changed)))))


def txns_of(db: Connection, owner: str) -> Iterator[Txn]:
    """All transactions of an account owner, by time."""
    return _txns(db.execute(_current("t.owner = ?"), (owner,)))


def txn(db: Connection, txn_id: int) -> Txn | None:
    """One transaction."""
    return next(_txns(db.execute(_current("t.id = ?"), (txn_id,))), None)


def txn_with_external_id(db: Connection, owner: str, channel: str, external_id: str) -> list[Txn]:
    """The transactions that carry a platform id."""
    prefix = f"{owner}|{channel}|{external_id}"
    return list(_txns(db.execute(_current("t.key >= ? AND t.key < ?"), (f"{prefix}|", f"{prefix}}}"))))


def refunds_of(db: Connection, owner: str, external_id: str) -> list[Txn]:
    """Rows of the account that pay a transaction back."""
    return list(
        _txns(db.execute(_current("t.owner = ? AND t.refund_of = ? AND t.refund_of <> ''"), (owner, external_id)))
    )


def may_be_double(db: Connection, txn: Txn) -> bool:
    """Does an older row of the account look like the same money? A person must say.

    It carries the same number with other facts, or one of the two has lost its number (Excel) and they agree in minute
    and amount.
    """
    minute = txn.row.occurred_at[:16]
    lost = db.execute(
        "SELECT 1 FROM txn WHERE owner = ? AND occurred_at BETWEEN ? AND ? AND id < ? AND channel = ?"
        " AND amount_fen = ? AND direction = 'in' AND (external_id = '' OR ? = '') LIMIT 1",
        (txn.owner, minute, f"{minute}~", txn.txn_id, txn.channel, txn.row.amount_fen, txn.row.external_id),
    ).fetchone()
    same_number = txn.row.external_id and any(
        other.txn_id < txn.txn_id and other.row.direction == "in"
        for other in txn_with_external_id(db, txn.owner, txn.channel, txn.row.external_id)
    )
    return lost is not None or bool(same_number)


# where receipts were placed


def place(
    db: Connection,
    txn_id: int,
    *,
    state: str,
    loan_id: str | None,
    event_key: str | None,
    reason: str,
    candidates: list[Any],
) -> None:
    """Note where a receipt went: on a loan, or into suspense with the candidates a person may choose from."""
    db.execute(
        "INSERT INTO receipt VALUES (?,?,?,?,?,?) ON CONFLICT (txn_id) DO UPDATE SET state = excluded.state,"
        " loan_id = excluded.loan_id, event_key = excluded.event_key, reason = excluded.reason,"
        " candidates = excluded.candidates",
        (txn_id, state, loan_id, event_key, reason, json.dumps(candidates, ensure_ascii=False)),
    )


def receipt(db: Connection, txn_id: int) -> dict[str, Any] | None:
    """Where a receipt was placed."""
    found = receipts(db, txn_id=txn_id)
    return found[0] if found else None


def receipts(
    db: Connection, *, state: str | None = None, loan_id: str | None = None, txn_id: int | None = None
) -> list[dict[str, Any]]:
    """Receipts with the transaction behind each, oldest first."""
    asked = {"state": state, "loan_id": loan_id, "txn_id": txn_id}
    asked = {column: value for column, value in asked.items() if value is not None}
    where = " AND ".join(f"r.{column} = :{column}" for column in asked) or "true"
    cursor = db.execute(
        f"""
        SELECT r.txn_id AS payment_id, substr(t.occurred_at, 1, 10) AS paid_on, t.amount_fen, t.channel, t.counterparty,
               t.note, t.item, t.external_id, r.state, r.loan_id, r.reason, r.candidates, r.event_key,
               f.name AS file, t.line
        FROM receipt r JOIN txn t ON t.id = r.txn_id JOIN file f ON f.id = t.file_id
        WHERE {where} ORDER BY t.occurred_at, r.txn_id
        """,
        asked,
    )
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    for each in found:
        each["candidates"] = json.loads(each["candidates"])
    return found


# revenue


def daily_revenue(
    db: Connection, borrower_id: str, *, from_on: date, to_on: date
) -> list[tuple[date, str, str, int, int]]:
    """Day, channel, revenue class, fen and rows of a borrower from `from_on` to `to_on`, both included."""
    rows = db.execute(
        "SELECT day, channel, revenue_class, amount_fen, row_count FROM daily_revenue"
        " WHERE borrower_id = ? AND day BETWEEN ? AND ? ORDER BY day, channel, revenue_class",
        (borrower_id, from_on.isoformat(), to_on.isoformat()),
    )
    return [(date.fromisoformat(day), channel, kind, fen, count) for day, channel, kind, fen, count in rows]


def revenue_by_rule(db: Connection, borrower_id: str) -> list[dict[str, Any]]:
    """How many rows and how many fen each rule decided."""
    cursor = db.execute(
        "SELECT channel, revenue_class AS class, revenue_rule AS rule, count(*) AS rows, sum(amount_fen) AS amount_fen"
        f" FROM ({_current('t.owner = ?')})"
        " WHERE revenue_class IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (borrower_id,),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def coverage(db: Connection, borrower_id: str) -> dict[str, list[tuple[date, date]]]:
    """The days that a borrower's files say they cover, by channel."""
    found: dict[str, list[tuple[date, date]]] = {}
    for channel, from_on, to_on in db.execute(
        "SELECT DISTINCT channel, from_on, to_on FROM coverage WHERE borrower_id = ? ORDER BY 1, 2, 3",
        (borrower_id,),
    ):
        found.setdefault(channel, []).append((date.fromisoformat(from_on), date.fromisoformat(to_on)))
    return found


def files(db: Connection, owner: str | None = None) -> list[dict[str, Any]]:
    """Imported files, oldest first."""
    cursor = db.execute(
        "SELECT id AS file_id, name, format, owner, read_as, from_on, to_on, row_count, new_count, warnings,"
        " imported_at FROM file WHERE ? IS NULL OR owner = ? ORDER BY id",
        (owner, owner),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
