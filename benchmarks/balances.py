"""Every balance of a day from what moved by day, and from a scan of all postings: seconds of each, as JSON.

python benchmarks/balances.py LEDGER ROUNDS
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from loancli.core.entry import DayBy
from loancli.ledger import journal
from loancli.ledger.connect import open_ledger

AS_OF = date(2026, 12, 31)
SCAN = """
    SELECT a.code, coalesce(sum(debit_fen), 0), coalesce(sum(credit_fen), 0) FROM account a LEFT JOIN (
        SELECT p.debit AS account, p.amount_fen AS debit_fen, 0 AS credit_fen, e.{column} AS day
        FROM posting p JOIN entry e ON e.id = p.entry_id
        UNION ALL SELECT p.credit, 0, p.amount_fen, e.{column} FROM posting p JOIN entry e ON e.id = p.entry_id) m
    ON m.account = a.id AND m.day <= ? GROUP BY a.id ORDER BY a.id"""


def seconds(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def main(ledger: str, rounds: int) -> None:
    db = open_ledger(Path(ledger))
    told = {}
    for by, column in ((DayBy.BOOKING, "booked_on"), (DayBy.VALUE, "value_on")):
        by_day = [(row["account"], row["debits_fen"], row["credits_fen"]) for row in journal.balances(db, AS_OF, by)]
        scan = SCAN.format(column=column)
        assert by_day == db.execute(scan, (AS_OF.isoformat(),)).fetchall(), "the same fen, or the comparison is none"
        times: dict[str, list[float]] = {"by_day": [], "scan": []}
        for _ in range(rounds):
            times["by_day"].append(seconds(lambda by=by: journal.balances(db, AS_OF, by)))
            times["scan"].append(seconds(lambda scan=scan: db.execute(scan, (AS_OF.isoformat(),)).fetchall()))
        told[by.value] = times
    told["rows"] = db.execute("SELECT count(*) FROM turnover").fetchone()[0]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
