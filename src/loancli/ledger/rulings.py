"""What follows from several rows together: which rows to look at, what was ruled of them, and how it is written.

Rulings can be dropped and built again. `table` is `ruling`, or AGAIN where a check builds them beside it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import compress
from operator import eq
from typing import Any

from loancli.core.ruling import Ruling, Seen
from loancli.ledger.connect import Connection
from loancli.ledger.statements import CHUNK, Taken

RULING = "ruling"
AGAIN = "temp.ruling_again"
_NUMBER_CHARS = 28  # as long as most numbers: keys that agree in so many characters are worth a closer look
_ALL_AGAIN = 8  # reading all keys in their order costs an eighth of asking for each number by itself

_STANDS = """
    t.id, t.key, f.format, f.name || ':' || t.line, t.occurred_at, t.amount_fen, t.direction,
    coalesce(s.money_moved, t.money_moved), t.external_id, t.trade_id, t.kind, t.refund_of, t.fee_milli_fen,
    coalesce(s.status_class, t.status_class), coalesce(s.revenue_class, t.revenue_class)"""
_LATEST = """
    LEFT JOIN txn_status s ON s.txn_id = t.id AND (s.file_id, s.line) =
        (SELECT file_id, line FROM txn_status WHERE txn_id = t.id ORDER BY file_id DESC, line DESC LIMIT 1)"""


def channels(db: Connection, owner: str) -> list[str]:
    """The channels of an owner's files."""
    rows = db.execute("SELECT DISTINCT channel FROM file WHERE owner = ? ORDER BY 1", (owner,))
    return [channel for (channel,) in rows]


def row_count(db: Connection, owner: str) -> int:
    """How many rows an owner's files brought."""
    return int(db.execute("SELECT coalesce(sum(new_count), 0) FROM file WHERE owner = ?", (owner,)).fetchone()[0])


def is_much(db: Connection, owner: str, taken: Taken) -> bool:
    """Whether so many rows are new that looking at all is cheaper than looking for each."""
    return _ALL_AGAIN * (taken.new_count + len(taken.changed)) > row_count(db, owner)


def shared_numbers(db: Connection, owner: str, channel: str) -> Iterator[list[str]]:
    """Numbers that stand on several rows of a channel, in portions: all that do, and a few that may not."""
    prefix = f"{owner}|{channel}|"
    start, end = len(prefix), len(prefix) + _NUMBER_CHARS
    cursor = db.execute("SELECT key FROM txn WHERE key > ? AND key < ? ORDER BY key", (prefix, prefix[:-1] + "}"))
    last = ""
    while rows := cursor.fetchmany(CHUNK):
        begins = [key[start:end] for (key,) in rows]
        found: set[str] = set()
        # Keys that begin alike stand together, whatever follows: one number, one with a suffix, a longer one.
        if len(set(begins)) < len(begins) or begins[0] == last[start:end]:
            is_like_the_one_before = map(eq, begins, [last[start:end], *begins])
            found.update(_movement(key, start) for (key,) in compress(rows, is_like_the_one_before))
        # What ends within the part that was compared is followed by its time, or by a suffix, here.
        text = "".join(begins)
        if "|" in text or "_" in text:
            befores = [last, *(key for (key,) in rows)]
            found.update(
                _movement(key, start)
                for (key,), begin, before in zip(rows, begins, befores, strict=False)
                if "_" in begin or ("|" in begin and _movement(before, start) == _movement(key, start))
            )
        last = rows[-1][0]
        found.discard("")
        if found:
            yield sorted(found)


def _movement(key: str, start: int) -> str:
    number = key[start:].partition("|")[0]
    return "" if number.startswith("~") else number.partition("_")[0]


def numbers_of(db: Connection, owner: str, txn_ids: Iterable[int]) -> dict[str, set[str]]:
    """Channel → the numbers of rows, and those of what they pay back."""
    found: dict[str, set[str]] = {}
    rows = db.execute(
        "SELECT channel, external_id, trade_id, refund_of FROM txn"
        " WHERE +owner = ? AND id IN (SELECT value FROM json_each(?))",
        (owner, json.dumps(list(txn_ids))),
    )
    for channel, external_id, trade_id, refund_of in rows:
        numbers = found.setdefault(channel, set())
        numbers |= {(trade_id or external_id).partition("_")[0], refund_of}
        numbers.discard("")
    return found


def rows_of(
    db: Connection, owner: str, channel: str, numbers: Iterable[str], *, no_doubles_of: str | None = None
) -> Iterator[Seen]:
    """All rows of movements, those of one number together; `no_doubles_of`: without what that table rules a double."""
    asked = set(numbers)
    no_double = "true"
    if no_doubles_of is not None:
        no_double = f"NOT EXISTS (SELECT 1 FROM {no_doubles_of} r WHERE r.txn_id = t.id AND r.rule = 'same_money')"
    rows = db.execute(
        f"""
        SELECT {_STANDS} FROM json_each(:numbers) n
            CROSS JOIN txn t ON t.key >= :prefix || n.value || '_' AND t.key < :prefix || n.value || '}}'
                AND substr(t.key, length(:prefix || n.value) + 1, 1) IN ('_', '|')
            JOIN file f ON f.id = t.file_id {_LATEST}
        WHERE {no_double}
        """,
        {"prefix": f"{owner}|{channel}|", "numbers": json.dumps(sorted(asked))},
    )
    return (seen for seen in (Seen(*row) for row in rows) if seen.movement in asked)


def refunds_of(db: Connection, owner: str, channel: str, numbers: Iterable[str], table: str) -> Iterator[Seen]:
    """Rows under other numbers that pay movements back and are no doubles; those of one number stand together."""
    rows = db.execute(
        f"""
        SELECT {_STANDS} FROM json_each(:numbers) n CROSS JOIN txn t ON t.refund_of = n.value AND t.refund_of <> ''
            JOIN file f ON f.id = t.file_id {_LATEST} LEFT JOIN {table} r ON r.txn_id = t.id AND r.rule = 'same_money'
        WHERE t.owner = :owner AND t.channel = :channel AND r.txn_id IS NULL AND {_FOREIGN}
        """,
        {"owner": owner, "channel": channel, "numbers": json.dumps(sorted(numbers))},
    )
    return (Seen(*row) for row in rows)


def refunded_numbers(db: Connection, owner: str) -> Iterator[list[tuple[str, str]]]:
    """(channel, number) of everything that a row under another number pays back, in portions."""
    cursor = db.execute(
        "SELECT DISTINCT channel, refund_of FROM txn t"
        f" WHERE refund_of <> '' AND +owner = ? AND {_FOREIGN} ORDER BY 1, 2",
        (owner,),
    )
    while rows := cursor.fetchmany(CHUNK):
        yield rows


# A refund whose number is not that of the payment and a suffix.
_FOREIGN = (
    "substr(iif(t.trade_id <> '', t.trade_id, t.external_id) || '_', 1, length(t.refund_of) + 1) <> t.refund_of || '_'"
)


def ids_of(db: Connection, taken: Taken) -> list[int]:
    """New rows of a file and those whose status it changed."""
    new = [txn_id for (txn_id,) in db.execute("SELECT id FROM txn WHERE id >= ?", (taken.first_txn_id,))]
    return [*taken.changed, *new]


def days_of(db: Connection, txn_ids: Iterable[int]) -> set[str]:
    """The days of rows."""
    sql = "SELECT DISTINCT substr(occurred_at, 1, 10) FROM txn WHERE id IN (SELECT value FROM json_each(?))"
    return {day for (day,) in db.execute(sql, (json.dumps(list(txn_ids)),))}


def lost_days(db: Connection, owner: str, channel: str) -> set[str]:
    """The days of rows whose number was lost."""
    prefix = f"{owner}|{channel}|"
    rows = db.execute(
        "SELECT DISTINCT substr(occurred_at, 1, 10) FROM txn"
        " WHERE key >= ? AND key < ? AND external_id = '' AND trade_id = ''",
        (f"{prefix}~", f"{prefix[:-1]}}}"),
    )
    return {day for (day,) in rows}


def nameless(db: Connection, owner: str, day: str) -> Iterator[tuple[int, str, str, tuple[Any, ...]]]:
    """The rows of a day as `revenue.doubles.Nameless`."""
    rows = db.execute(
        "SELECT id, key, iif(trade_id <> '', trade_id, external_id), substr(occurred_at, 1, 16), channel, amount_fen,"
        " direction, counterparty FROM txn WHERE owner = ? AND occurred_at BETWEEN ? AND ?",
        (owner, day, f"{day}~"),
    )
    return ((txn_id, key, number.partition("_")[0], tuple(alike)) for txn_id, key, number, *alike in rows)


def statement_fees(
    db: Connection, owner: str, days: Iterable[str] | None
) -> Iterator[tuple[str, tuple[int, str, str]]]:
    """Fees for receipts in a person's statements, of these days or of all: channel, txn id, day, receipt's number."""
    fee = (
        "SELECT channel, id, substr(occurred_at, 1, 10), merchant_order_id FROM txn"
        " WHERE {0} AND fee_milli_fen > 0 AND fee_milli_fen = 1000 * amount_fen AND direction = 'out'"
        " AND trade_id = '' AND merchant_order_id <> ''"
    )
    if days is None:
        cursors = [db.execute(fee.format("+owner = ?"), (owner,))]
    else:
        by_day = fee.format("owner = ? AND occurred_at BETWEEN ? AND ?")
        cursors = [db.execute(by_day, (owner, day, f"{day}~")) for day in days]
    for cursor in cursors:
        for channel, txn_id, day, number in cursor:
            yield channel, (txn_id, day, number)


def moved(db: Connection, taken: Taken) -> list[tuple[str, str, int, int]]:
    """Of a file's new rows: own class, the class that a ruling gives instead ('': in no sum), rows and fen."""
    return db.execute(
        f"""
        SELECT t.revenue_class,
               iif(r.rule = 'same_money' OR r.revenue_class = 'excluded' AND t.direction <> 'in', '', r.revenue_class),
               count(*), sum(t.amount_fen)
        FROM {RULING} r CROSS JOIN txn t ON t.id = r.txn_id
        WHERE r.txn_id >= ? AND t.file_id = ? AND r.revenue_class IS NOT NULL
            AND (t.revenue_class <> 'excluded' OR t.direction = 'in') GROUP BY 1, 2
        """,
        (taken.first_txn_id, taken.file_id),
    ).fetchall()


def period(db: Connection, owner: str) -> tuple[str, str] | None:
    """The first and the last moment of an owner's rows."""
    first, last = db.execute(
        "SELECT (SELECT min(occurred_at) FROM txn WHERE owner = :owner),"
        " (SELECT max(occurred_at) FROM txn WHERE owner = :owner)",
        {"owner": owner},
    ).fetchone()
    return None if first is None else (first, last)


def _span(*, is_whole: bool) -> str:
    """Rows of a period; those of the whole history are read in the order in which they lie."""
    mark = "+" if is_whole else ""
    return f"{mark}t.owner = :owner AND {mark}t.occurred_at BETWEEN :lo AND :hi"


_LEG = """t.id, t.key, t.channel, t.occurred_at, t.amount_fen, t.direction, t.counterparty, t.counterparty_account,
    t.kind, t.item"""


def legs_out(
    db: Connection, owner: str, lo: str, hi: str, min_fen: int, words: Mapping[str, Iterable[str]], table: str, *,
    is_whole: bool
) -> Iterator[tuple[Any, ...]]:  # fmt: skip
    """Money that left, as the columns of `revenue.pairs.Leg`; what another export shows is in it once.

    `words`: kinds, kind_prefixes, item_prefixes of the rows that are asked for.
    """
    asked: dict[str, Any] = {"owner": owner, "lo": lo, "hi": hi, "min": min_fen}
    asked["kinds"] = json.dumps(list(words["kinds"]))
    tests = ["t.kind IN (SELECT value FROM json_each(:kinds))"]
    for column in ("kind", "item"):
        for number, prefix in enumerate(words[f"{column}_prefixes"]):
            asked[f"{column}{number}"] = prefix
            tests.append(f"substr(t.{column}, 1, {len(prefix)}) = :{column}{number}")
    return db.execute(
        f"""
        SELECT {_LEG}, coalesce(t.revenue_class, '') FROM txn t {_LATEST}
            LEFT JOIN {table} r ON r.txn_id = t.id AND r.rule = 'same_money'
        WHERE {_span(is_whole=is_whole)} AND t.amount_fen >= :min AND t.direction <> 'in' AND ({" OR ".join(tests)})
            AND coalesce(s.money_moved, t.money_moved) AND coalesce(s.revenue_class, t.revenue_class) = 'excluded'
            AND coalesce(s.status_class, t.status_class) IN ('settled', 'pending') AND r.txn_id IS NULL
        """,
        asked,
    )


def legs_in(
    db: Connection,
    owner: str,
    lo: str,
    hi: str,
    amounts_fen: Iterable[int],
    table: str,
    *,
    is_whole: bool,
    with_ruled: bool,
) -> Iterator[tuple[Any, ...]]:
    """Money that came in with one of the amounts, or was ruled half of a pair; with the class that stands before."""
    or_ruled = f"OR r.rule NOT IN ({_FIRST})" if with_ruled else ""
    return db.execute(
        f"""
        SELECT {_LEG}, coalesce(iif(r.rule IN ({_FIRST}), r.revenue_class, NULL), s.revenue_class, t.revenue_class)
        FROM txn t LEFT JOIN {table} r ON r.txn_id = t.id {_LATEST}
        WHERE {_span(is_whole=is_whole)} AND t.direction = 'in' AND t.channel <> 'cash'
            AND (t.amount_fen IN (SELECT value FROM json_each(:amounts)) {or_ruled})
        """,
        {"owner": owner, "lo": lo, "hi": hi, "amounts": json.dumps(sorted(set(amounts_fen)))},
    )


_FIRST = "'same_money', 'conflict', 'fee_in_bill', 'already_paid_back'"


def has_pairs(db: Connection, table: str) -> bool:
    """Whether any row is ruled half of a pair."""
    return bool(db.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE rule NOT IN ({_FIRST}))").fetchone()[0])


def has_bills(db: Connection, owner: str, formats: Sequence[str]) -> bool:
    """Whether the owner has files of these formats."""
    sql = "SELECT EXISTS (SELECT 1 FROM file WHERE owner = ? AND format IN (SELECT value FROM json_each(?)))"
    return bool(db.execute(sql, (owner, json.dumps(list(formats)))).fetchone()[0])


def bill_nets(
    db: Connection, owner: str, lo: str, hi: str, formats: Sequence[str], table: str, *, is_whole: bool
) -> Iterator[tuple[date, int]]:
    """Day and 1/1000 fen that a channel's merchant bills left of it: receipts less refunds and fees, each once."""
    rows = db.execute(
        f"""
        SELECT substr(t.occurred_at, 1, 10), sum(CASE coalesce(r.revenue_class, s.revenue_class, t.revenue_class)
            WHEN 'sure' THEN 1000 * t.amount_fen - max(t.fee_milli_fen, 0)
            WHEN 'reduction' THEN -1000 * t.amount_fen - min(t.fee_milli_fen, 0) ELSE 0 END)
        FROM txn t LEFT JOIN {table} r ON r.txn_id = t.id AND r.rule IN ({_FIRST}) {_LATEST}
        WHERE {_span(is_whole=is_whole)} AND t.file_id IN (
            SELECT id FROM file WHERE owner = :owner AND format IN (SELECT value FROM json_each(:formats)))
        GROUP BY 1, t.channel
        """,
        {"owner": owner, "lo": lo, "hi": hi, "formats": json.dumps(list(formats))},
    )
    return ((date.fromisoformat(day), milli_fen) for day, milli_fen in rows)


def write(
    db: Connection,
    table: str,
    wanted: Mapping[int, Ruling | None],
    *,
    rules: Sequence[str],
    stronger: Sequence[str] = (),
    before_change: Callable[[list[int]], None] = lambda txn_ids: None,
) -> list[int]:
    """Bring the rulings of rows by `rules` to what is wanted (None: none of these); return the rows that have changed.

    A row has one ruling: one by a `stronger` rule stays, one by any other is replaced. `before_change` is told first
    which rows will change.
    """
    stored = _stored(db, table, wanted)
    changes: dict[int, Ruling | None] = {}
    for txn_id, ruling in wanted.items():
        was = stored.get(txn_id)
        if was == ruling or (was and was.rule in stronger) or (ruling is None and was and was.rule not in rules):
            continue
        changes[txn_id] = ruling
    if not changes:
        return []
    before_change(list(changes))
    db.executemany(f"DELETE FROM {table} WHERE txn_id = ?", [(each,) for each in changes if each in stored])
    db.executemany(
        f"INSERT INTO {table} VALUES (?,?,?,?)",
        [(txn_id, *ruling) for txn_id, ruling in changes.items() if ruling is not None],
    )
    return list(changes)


def _stored(db: Connection, table: str, txn_ids: Iterable[int]) -> dict[int, Ruling]:
    rows = db.execute(
        f"SELECT txn_id, rule, revenue_class, other_txn_id FROM {table}"
        " WHERE txn_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(txn_ids)),),
    )
    return {txn_id: Ruling(*ruling) for txn_id, *ruling in rows}


def begin_again(db: Connection) -> None:
    """An empty table beside `ruling`, of this connection only."""
    name = AGAIN.removeprefix("temp.")
    db.execute(f"DROP TABLE IF EXISTS {AGAIN}")
    db.execute(f"CREATE TEMP TABLE {name} (txn_id INTEGER PRIMARY KEY, rule, revenue_class, other_txn_id)")


def differences(db: Connection, *, is_renewed: bool) -> list[str]:
    """Rows of which AGAIN and what is stored say other things; with `is_renewed` AGAIN is stored. It is dropped."""
    rows = db.execute(
        f"""
        SELECT 'computed' AS what, * FROM (SELECT * FROM {AGAIN} EXCEPT SELECT * FROM {RULING})
        UNION ALL SELECT 'stored', * FROM (SELECT * FROM {RULING} EXCEPT SELECT * FROM {AGAIN}) ORDER BY 2, 1"""
    ).fetchall()
    if rows and is_renewed:
        db.execute(f"DELETE FROM {RULING}")
        db.execute(f"INSERT INTO {RULING} SELECT * FROM {AGAIN}")
    db.execute(f"DROP TABLE {AGAIN}")
    return [f"row {txn_id}: {what} {rule} {kind}, other row {other}" for what, txn_id, rule, kind, other in rows]


_PAIRS = "pairs/"  # how the names of these settings begin


def owners(db: Connection) -> list[str]:
    """Whose rows were ruled; those of a ledger from before are when their owner's next file comes."""
    rows = db.execute(
        "SELECT substr(name, ?) FROM setting WHERE name GLOB ? ORDER BY 1", (len(_PAIRS) + 1, f"{_PAIRS}*")
    )
    return [owner for (owner,) in rows]


def stored_pairs(db: Connection, owner: str) -> str | None:
    """The rules over pairs that an owner's rulings were made with, '' for none; None: nothing was ruled yet."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", (f"{_PAIRS}{owner}",)).fetchone()
    return row[0] if row else None


def keep_pairs(db: Connection, owner: str, text: str) -> None:
    """Note the rules over pairs that an owner's rulings are made with from now on."""
    db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (f"{_PAIRS}{owner}", text))
