"""Contacts through real processes: commands, and many senders at once, some of them killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from contact_maker import delivered, instant, message, open_loans, queue
from ledger_maker import CHECKOUT, DAY, alipay, close, dump, file_of, new_ledger, open_loan, repayment

from loancli.cli.exit import Exit
from loancli.jobs.plan_contacts import due_on_of
from loancli.ledger import contacts
from loancli.ledger.connect import Connection, open_ledger, writing

DUE = date(2026, 2, 5)
TODAY = DUE - DAY
TEN = f"{TODAY}T10:00:00+08:00"


class Shell:
    """A ledger and an outbox folder, and `loancli` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.db_path = folder / "books.db"
        self.out = folder / "out"
        self.out.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT / "src"),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "LOANCLI_LEDGER": str(self.db_path),
            "LOGNAME": "analyst",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, *args: str, now: str = TEN) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "loancli", *args],
            env={**self.environ, "LOANCLI_NOW": now},
            cwd=self.out,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str, now: str = TEN, code: int = 0) -> str:
        """What it says on both channels; `code` is what it must answer."""
        process = self.start(*args, now=now)
        printed, said = process.communicate(timeout=60)
        assert process.returncode == code, (args, printed, said)
        return printed + said

    def json(self, *args: str, now: str = TEN, code: int = 0):
        process = self.start(*args, "--format", "json", now=now)
        printed, said = process.communicate(timeout=60)
        assert process.returncode == code, (args, printed, said)
        return json.loads(printed)


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def db(tmp_path) -> Iterator[Connection]:
    made = new_ledger(tmp_path, is_durable=False)
    yield made
    made.close()


def test_a_morning_by_commands(shell, db):
    open_loans(db, 3)
    open_loan(db, "LN000004", borrower_id="B1", start_on=date(2026, 1, 7))
    close(db, TODAY - DAY)

    held = ("hold", "add", "B2", "--kind", "do_not_contact", "--until", str(TODAY))
    assert "hold 1: B2" in shell.run(*held)
    assert "already" in shell.run(*held)
    assert "LN000003" in shell.run("promise", "add", "LN000003", "--due", str(TODAY), "--amount", "5.00")

    rows = shell.json("campaign", "plan", "reminders")
    answers = {row["loan_id"]: row["answer"] for row in rows}
    assert answers == {
        "LN000001": "message", "LN000002": "DO_NOT_CONTACT", "LN000003": "PROMISE_OPEN",
        "LN000004": "OTHER_PLANNED_TODAY",
    }  # fmt: skip
    batch = f"reminders-{TODAY}"
    seen = shell.json("campaign", "preview", batch)
    assert [row["phone"] for row in seen["messages"]] == ["199****0001"]
    assert {row["borrower_id"]: row["reason"] for row in seen["refused"]} == {
        "B1": "OTHER_PLANNED_TODAY", "B2": "DO_NOT_CONTACT", "B3": "PROMISE_OPEN"
    }  # fmt: skip

    assert shell.json("campaign", "send")["sent"] == 0  # nobody has approved it
    shell.run("campaign", "approve", batch)
    night = shell.json("campaign", "send", batch, now=f"{TODAY}T22:00:00+08:00")
    assert (night["sent"], night["waiting"]) == (0, {"QUIET_HOURS": 1})
    sent = shell.json("campaign", "send", batch)
    assert (sent["sent"], sent["waiting"], Path(sent["file"]).parent) == (1, {}, Path())
    assert [row[1] for row in delivered(shell.out)] == ["19900000001"]

    tomorrow = f"{DUE}T10:00:00+08:00"
    assert "first run: loancli day close" in shell.run("remind", now=tomorrow, code=Exit.REFUSED)
    close(db, TODAY)
    assert shell.json("promise", "list", now=tomorrow)[0]["state"] == "broken"
    assert shell.json("hold", "list", now=tomorrow) == []
    assert shell.json("remind", now=tomorrow)["sent"] == 3
    assert shell.json("remind", now=tomorrow)["sent"] == 0


def test_a_payment_by_command_cancels_and_mistakes_are_answered(shell, db, tmp_path):
    open_loans(db, 2)
    close(db, TODAY - DAY)
    shell.run("campaign", "plan", "reminders")
    export = tmp_path / "export.csv"
    export.write_bytes(alipay([repayment(TODAY, 106_619, note="LN000001"), repayment(TODAY, 106_619, party="某人")]))
    shell.run("import", str(export), "--as", "repayments", code=Exit.PARTIAL)
    shell.run("payment", "match", str(shell.json("payment", "unmatched")[0]["payment_id"]), "LN000002")
    assert [run["cancelled"] for run in shell.json("campaign", "list")] == [2]

    mistakes = {
        "campaign approve nothing": Exit.NOT_FOUND,
        "campaign send nothing": Exit.NOT_FOUND,
        "campaign plan nothing": Exit.NOT_FOUND,
        "campaign send --to gone": Exit.NOT_FOUND,
        f"--as-of {DUE} campaign send": Exit.REFUSED,
        "hold add B9 --kind dispute": Exit.NOT_FOUND,
        "hold add B1 --kind grudge": Exit.USAGE,
        "hold lift 9": Exit.NOT_FOUND,
        f"promise add LN000009 --due {DUE} --amount 5": Exit.NOT_FOUND,
        f"promise add LN000001 --due {TODAY - DAY} --amount 5": Exit.REFUSED,
    }
    before = dump(db)
    started = {line: shell.start(*line.split()) for line in mistakes}
    said = {line: process.communicate(timeout=60) for line, process in started.items()}
    assert {line: process.returncode for line, process in started.items()} == mistakes, said
    assert dump(db) == before


def test_claims_that_a_dead_sender_left_are_told_by_both_senders(shell, db):
    open_loans(db, 2)
    close(db, TODAY - DAY)
    queue(db, [message(1, TODAY, due_on=DUE), message(1, TODAY, due_on=DUE, borrower=2)])
    with writing(db):
        contacts.claim(db, 1, on=TODAY, at=instant(TODAY))
    later = f"{TODAY}T10:15:01+08:00"
    assert shell.json("campaign", "send", now=later, code=Exit.PARTIAL)["unknown"] == 1
    queue(db, [message(2, TODAY, due_on=DUE)], batch="more")
    with writing(db):
        contacts.claim(db, 3, on=TODAY, at=instant(TODAY))
    assert shell.json("remind", now=later, code=Exit.PARTIAL)["unknown"] == 1


# many at once


# For one whose clock is hours ahead, the claims of all others are old: it gives them up, and they notice (PARTIAL).
ENDS = {Exit.DONE: "done", Exit.PARTIAL: "done", Exit.BUSY: "busy", -signal.SIGKILL: "killed"}


def storm(shell: Shell, commands: list[list[str]], chance: random.Random, *, seconds: float) -> Counter[str]:
    """Run the commands, six at once; kill many, and start those again until all are done.

    Some die at any moment, some when a file has just come into the folder: its sender may not have said so yet.
    """
    left = list(commands)
    ends: Counter[str] = Counter()
    calm_from = time.monotonic() + seconds  # in the end everybody is left alone
    running: list[tuple[subprocess.Popen[str], list[str], float]] = []
    files = 0
    try:
        while left or running:
            is_calm = time.monotonic() > calm_from
            while left and len(running) < 6:
                command = left.pop(chance.randrange(len(left)))
                life = 99.0 if is_calm or chance.random() < 0.5 else chance.uniform(0.2, 1.5)
                running.append((shell.start(*command), command, time.monotonic() + life))
            before, files = files, len(list(shell.out.iterdir()))
            is_file_new = files > before and not is_calm
            for each in list(running):
                process, command, dies_at = each
                if process.poll() is not None:
                    running.remove(each)
                    _, said = process.communicate()
                    assert process.returncode in ENDS, (process.returncode, said)
                    ends[ENDS[process.returncode]] += 1
                    if ENDS[process.returncode] != "done":
                        left.append(command)
                elif time.monotonic() > dies_at or (is_file_new and chance.random() < 0.5):
                    process.kill()
            time.sleep(0.001)
    finally:
        for process, _, _ in running:
            process.kill()
            process.communicate()
    return ends


def check_history(db: Connection, out: Path) -> Counter[str]:
    """What really left, by the vendor's files: once, within the caps, in the hours, and claimed before."""
    rows = delivered(out)
    keys = [row[0] for row in rows]
    assert max(Counter(keys).values(), default=0) <= 1  # a kill may have come before any file
    assert max(Counter(row[1] for row in rows).values(), default=0) <= 3
    assert max(Counter((row[1], row[2]) for row in rows).values(), default=0) <= 1
    for path in out.glob("sms-*.csv"):
        at = datetime.strptime(path.name[4:19], "%Y%m%d-%H%M%S")  # noqa: DTZ007 - Shanghai's
        assert 8 <= at.hour < 22
    by_state: dict[str, set[str]] = {}
    for row in contacts.messages(db):
        by_state.setdefault(row["state"], set()).add(row["key"])
    assert set(keys) <= by_state.get("sent", set()) | by_state.get("unknown", set())
    assert by_state.get("sent", set()) <= set(keys)
    assert "claimed" not in by_state
    assert all(count <= 3 for count in contacts.contact_counts(db, from_on=TODAY, to_on=TODAY).values())
    week = contacts.contact_counts(db, from_on=TODAY - 6 * DAY, to_on=TODAY)
    assert all(count <= 7 for count in week.values())
    assert all(due_on_of(key) == DUE for key in keys)
    return Counter(row["state"] for row in contacts.messages(db))


def test_many_senders_and_kills_never_write_twice_nor_above_a_cap(shell, db):
    borrowers, runs = 12, 8
    open_loans(db, borrowers)
    close(db, TODAY - DAY)
    with writing(db):
        # B1 to B4 had six contacts in the days before: one more is all that the week allows.
        contacts.add_run(db, batch="before", campaign="note", purpose="reminder", day=TODAY, actor="test")
        for who in range(1, 5):
            contacts.queue(db, "before", [message(90 + n, TODAY - 2 * DAY, due_on=DUE, borrower=who) for n in range(6)])
        for row in contacts.messages(db, batch="before"):
            on = TODAY - DAY * (2 + row["message_id"] % 2)
            contacts.claim(db, row["message_id"], on=on, at=instant(on))
            contacts.step(db, [row["message_id"]], "unknown", at=instant(on))
    for run in range(runs):
        # Every run writes to everybody; every second one says what the one before said.
        texts = [
            message(run, TODAY, due_on=DUE, borrower=who, text=f"【示例小贷】{run // 2}")
            for who in range(1, borrowers + 1)
        ]
        queue(db, texts, batch=f"run{run}")
    commands = [["-q", "campaign", "send", f"run{run}"] for run in range(runs)] + [["-q", "campaign", "send"]] * 2
    evening = [shell.start("-q", "campaign", "send", now=f"{TODAY}T{hour}+08:00") for hour in ("07:59:59", "22:00:00")]
    ends = storm(shell, commands, random.Random(5), seconds=3)
    for process in evening:
        process.communicate(timeout=60)
        assert process.returncode in ENDS
    assert ends["killed"] >= 5
    shell.run("-q", "campaign", "send", now=f"{TODAY}T10:16:00+08:00", code=Exit.PARTIAL if claimed(db) else Exit.DONE)
    found = check_history(db, shell.out)
    assert found["sent"] + found["unknown"] == 4 * 7 + (borrowers - 4) * 3  # all that the caps allow, and no more
    assert "released" not in found


def claimed(db: Connection) -> int:
    return db.execute("SELECT count(*) FROM outbox WHERE state = 'claimed'").fetchone()[0]


def test_many_reminders_at_once_remind_once(shell, db):
    open_loans(db, 22)  # the shipped campaign holds none of them out
    close(db, TODAY - DAY)
    ends = storm(shell, [["-q", "remind"] for _ in range(4)], random.Random(7), seconds=2)
    assert ends["done"] == 4
    shell.run("-q", "remind", now=f"{TODAY}T10:16:00+08:00", code=Exit.PARTIAL if claimed(db) else Exit.DONE)
    found = check_history(db, shell.out)
    assert set(found) <= {"sent", "unknown"}
    assert found.total() == 22
    assert Counter(row["borrower_id"] for row in contacts.messages(db)).most_common(1)[0][1] == 1
    assert file_of(db) == shell.db_path
    with open_ledger(shell.db_path) as again:
        assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
