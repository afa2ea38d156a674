"""What ours is measured against: the same rows read and written by plain code, without our checks.

python benchmarks/plain.py import FILE LEDGER alipay|wechat|workbook
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
    """With the settings that make the ledger safe, and its cache: they are part of the cost, not of our code."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("foreign_keys = 1", "recursive_triggers = 1", "synchronous = 2", "temp_store = 2", "mmap_size = 0"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("PRAGMA cache_size = -65536")
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


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "import":
        import_rows(Path(rest[0]), rest[1], rest[2])
