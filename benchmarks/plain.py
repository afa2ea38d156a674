"""What ours is measured against: the same rows read and written by plain code, without our checks.

python benchmarks/plain.py import FILE LEDGER alipay|wechat|workbook
python benchmarks/plain.py close LEDGER DAY
python benchmarks/plain.py nothing
"""

import csv
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

OWNER = "B1"
WAYS = {"收入": "in", "支出": "out"}
# Where the cells stand: time, kind, counterparty, account, item, direction, amount, method, status, id, order id, note.
COLUMNS = {"alipay": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), "wechat": (0, 1, 2, None, 3, 4, 5, 6, 7, 8, 9, 10)}
ENCODINGS = {"alipay": "gb18030", "wechat": "utf-8-sig"}


def connected(path: str) -> sqlite3.Connection:
    """With the settings that make the ledger safe: they are part of the cost, not of our code."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("foreign_keys = 1", "recursive_triggers = 1", "synchronous = 2", "temp_store = 2", "mmap_size = 0"):
        db.execute(f"PRAGMA {pragma}")
    return db


def import_rows(path: Path, ledger: str, channel: str) -> None:
    """Decode, csv (or calamine), one executemany, commit."""
    db = connected(ledger)
    db.execute("BEGIN IMMEDIATE")
    db.executemany(f"INSERT INTO txn VALUES ({','.join('?' * 25)}) ON CONFLICT (key) DO NOTHING", _rows(path, channel))
    db.execute("COMMIT")


def _rows(path: Path, kind: str) -> Iterator[tuple[object, ...]]:
    if kind == "workbook":
        from python_calamine import CalamineWorkbook

        table = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        header = next(number for number, cells in enumerate(table, start=1) if cells[0] == "交易时间")
        for cells in table[header:]:
            cells[5] = f"{cells[5]:.2f}"  # amounts are numbers here; both give the fen that the file shows
        yield from _tuples(table[header:], header, "wechat")
        return
    with path.open(encoding=ENCODINGS[kind], newline="") as file:
        reader = csv.reader(file)
        for cells in reader:
            if cells[:1] == ["交易时间"]:
                break
        yield from _tuples(reader, reader.line_num, kind)


def _tuples(rows: Iterable[list[str]], header: int, channel: str) -> Iterator[tuple[object, ...]]:
    time_, kind_, party_, account_, item_, way_, amount_, method_, status_, id_, order_, note_ = COLUMNS[channel]
    for number, cells in enumerate(rows, start=1):
        time = cells[time_]
        occurred_at = f"{time[:10]}T{time[11:]}+08:00"
        amount_fen = int(cells[amount_].lstrip("¥").replace(".", ""))
        direction = WAYS.get(cells[way_], "neutral")
        external_id, kind = cells[id_].rstrip("\t"), cells[kind_]
        key = f"{OWNER}|{channel}|{external_id}|{occurred_at}|{amount_fen}|{direction}"
        account = "" if account_ is None else cells[account_]
        yield (number, key, OWNER, channel, header + number, occurred_at, amount_fen, direction, 1, external_id,
               cells[order_].rstrip("\t"), cells[party_], account, kind, cells[item_], cells[method_],
               cells[status_], "settled", cells[note_], "", "sure", "receipt", 1, "", 0)  # fmt: skip


def close(ledger: str, day: str) -> None:
    """One pass of SQL: scan the positions, make due what falls due, write the rows that a close writes.

    An entry with its leg for each loan, its position and its instalment; two entries and the day's line for the book.
    The guards of the tables run as they always do; links of the chains are numbers instead of hashes.
    """
    db = connected(ledger)
    db.execute("BEGIN IMMEDIATE")
    accounts = dict(db.execute("SELECT code, id FROM account"))
    last_id, head = db.execute("SELECT id, sha FROM entry ORDER BY id DESC LIMIT 1").fetchone()
    db.execute(
        "CREATE TEMP TABLE due (n INTEGER PRIMARY KEY, loan_id TEXT UNIQUE, number INTEGER,"
        " interest_fen INTEGER, principal_fen INTEGER)"
    )
    db.execute(
        "INSERT INTO due SELECT row_number() OVER (ORDER BY loan_id), loan_id, number, interest_fen, principal_fen"
        " FROM position JOIN instalment USING (loan_id) WHERE next_moment_on <= :day AND due_on = :day",
        {"day": day},
    )
    db.execute(
        "CREATE TEMP TRIGGER leg AFTER INSERT ON entry WHEN NEW.kind = 'due' BEGIN INSERT INTO posting"
        f" SELECT NEW.id, 0, {accounts['loan:interest_due']}, {accounts['income:interest']}, interest_fen"
        " FROM due WHERE loan_id = NEW.loan_id; END"
    )
    link = "CAST(printf('%032d', {}) AS BLOB)"
    written = db.execute(
        "INSERT INTO entry SELECT :last + n, loan_id || '/due:' || number || '/' || :day || '/1', loan_id, 'due',"
        f" 'due:' || number, :day, :day, NULL, 0, CASE n WHEN 1 THEN :head ELSE {link.format(':last + n - 1')} END,"
        f" {link.format(':last + n')}"
        " FROM due ORDER BY n",
        {"last": last_id, "day": day, "head": head},
    ).rowcount
    db.execute(
        """
        UPDATE position
        SET since_on = :day, principal_overdue_fen = due.principal_fen, interest_due_fen = due.interest_fen,
            oldest_unpaid_due_on = :day, next_due_on = date(:day, '+1 month'),
            next_moment_on = date(:day, '+4 days'), accrued_micro_fen = 0, accruing_micro_fen_per_day = 1
        FROM due WHERE due.loan_id = position.loan_id
        """,
        {"day": day},
    )
    db.execute(
        "UPDATE instalment SET is_due = 1 FROM due"
        " WHERE due.loan_id = instalment.loan_id AND due.number = instalment.number"
    )
    totals = db.execute(
        "SELECT sum(accrued_micro_fen"
        " + accruing_micro_fen_per_day * CAST(julianday(?) - julianday(since_on) + 1 AS INTEGER))"
        " FROM position WHERE status = 'active' GROUP BY product_code",
        (day,),
    ).fetchall()
    totals += db.execute(
        "SELECT count(*), sum(principal_outstanding_fen) FROM position WHERE +status = 'active'"
    ).fetchall()
    for number in (last_id + written + 1, last_id + written + 2):
        db.execute(
            "INSERT INTO entry VALUES"
            f" (?, ?, NULL, 'accrual', 'accrual', ?, ?, NULL, 0, {link.format('?')}, {link.format('?')})",
            (number, f"accrual/{number}", day, day, number - 1, number),
        )
        legs = (number, 0, accounts["loan:interest_accrued"], accounts["income:interest"], totals[0][0] // 1_000_000)
        db.execute("INSERT INTO posting VALUES (?,?,?,?,?)", legs)
    db.execute("INSERT INTO day VALUES (?, '', '', ?, ?, ?, randomblob(32))", (day, str(totals), head, head))
    db.execute("COMMIT")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "import":
        import_rows(Path(rest[0]), rest[1], rest[2])
    elif what == "close":
        close(*rest)
