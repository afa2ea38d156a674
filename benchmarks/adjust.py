"""What changing the plans of many loans is measured against: the same rows put into the same tables, and no more.

python benchmarks/adjust.py batch FILE LOANS
python benchmarks/adjust.py insert MADE LEDGER
"""

import hashlib
import json
import sqlite3
import sys
from pathlib import Path

from plain import connected

CHANGE = "respread 14"
CHUNK = 500  # as the command has it
EVENT = "id, key, loan_id, kind, effective_on, recorded_at, actor, batch, payload"


def batch(path: Path, loan_count: int) -> None:
    """A file of changes for loans of benchmarks/make.py."""
    rows = [f"LN{number:07d},{CHANGE}\n" for number in range(1, loan_count + 1)]
    path.write_text("loan_id,change\n" + "".join(rows), encoding="utf-8")


def insert(made: str, ledger: str) -> None:
    """Put what a batch wrote into `made` (events, positions, instalments) into a ledger that has not got it.

    In chunks of as many loans, each a transaction of its own. The links of the chain are hashed, as nobody can insert
    an event without them; nothing is read back, computed or checked.
    """
    db = connected(ledger)
    last_id, head = db.execute("SELECT id, sha FROM event ORDER BY id DESC LIMIT 1").fetchone()
    source = sqlite3.connect(made)
    while events := source.execute(f"SELECT {EVENT} FROM event WHERE id > ? LIMIT {CHUNK}", (last_id,)).fetchall():
        loan_ids = json.dumps([event[2] for event in events])
        positions, instalments = (
            source.execute(
                f"SELECT * FROM {table} WHERE loan_id IN (SELECT value FROM json_each(?))", (loan_ids,)
            ).fetchall()
            for table in ("position", "instalment")
        )
        db.execute("BEGIN IMMEDIATE")
        rows = []
        for event in events:
            number, key, loan_id, kind, effective_on, recorded_at, actor, name, payload = event
            told = [str(number), key, loan_id, kind, effective_on, payload, recorded_at, actor, name]
            text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            sha = hashlib.sha256(head + b"1" + text.encode()).digest()
            rows.append((*event, head, sha))
            head = sha
        db.executemany(f"INSERT INTO event VALUES ({','.join('?' * 11)})", rows)
        for table, values, keys in (("position", positions, 1), ("instalment", instalments, 2)):
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            renewed = ", ".join(f"{name} = excluded.{name}" for name in names[keys:])
            db.executemany(
                f"INSERT INTO {table} VALUES ({','.join('?' * len(names))})"
                f" ON CONFLICT ({', '.join(names[:keys])}) DO UPDATE SET {renewed}",
                values,
            )
        db.execute("COMMIT")
        last_id += len(events)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "batch":
        batch(Path(rest[0]), int(rest[1]))
    else:
        insert(*rest)
