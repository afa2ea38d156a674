"""Processes at once: every moment that a reader sees is sound, each thing is done once, and the order is one.

Writers are let go together through a pipe. What each command printed must be what a plain model says at its place in
the order of the books, and that order must not contradict the clock.
"""

import json
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.lab import CLOSED_ON, LOANS, TODAY, WORK, Child, Lab, dice, digest, gate, lender, unsound
from ledger_maker import DAY
from sizes import size

from loancli.ledger import checks, journal
from loancli.ledger.connect import open_ledger, reading

PROCESSES = 8


def at_once(lab: Lab, path: Path, works: list[list[tuple[object, ...]]], **how: Any) -> list[Child]:
    """Processes that begin together, each with its own command lines."""
    with gate(lab.folder) as closed:
        return [
            lab.forks.start(path, *lines, gate=closed, log=lab.folder / f"log-{number}", **how)
            for number, lines in enumerate(works)
        ]


def logs(lab: Lab, number: int) -> list[dict[str, Any]]:
    path = lab.folder / f"log-{number}"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


class Reader(threading.Thread):
    """Asks the books every ten milliseconds whether they balance and are what they follow from."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.over = threading.Event()
        self.looks = 0
        self.found: list[str] = []

    def run(self) -> None:
        while not self.over.wait(0.01):
            with closing(open_ledger(self.path)) as db, reading(db):
                self.looks += 1
                if total := sum(row["balance_fen"] for row in journal.balances(db)):
                    self.found.append(f"the books are off by {total}")
                self.found += [question for question, answers in checks.sql_failures(db) if answers]


def charges(number: int, count: int, seed: str) -> list[tuple[object, ...]]:
    chance = dice(seed, number)
    return [
        ("loan", "charge", chance.choice(LOANS), str(1 + chance.randrange(90)), "--name", "fee",
         "--ref", f"p{number}n{turn}", "--format", "json")
        for turn in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("run", range(size(3, 20)))
def test_writers_are_one_after_another_and_readers_see_sound_books(lab, run):
    path = lab.ledger()
    count = size(6, 200)
    with closing(open_ledger(path)) as db:
        before = db.execute("SELECT key FROM event").fetchall()
    works = [charges(number, count, f"charges {run}") for number in range(PROCESSES)]
    reader = Reader(path)
    reader.start()
    children = at_once(lab, path, works)
    told = [lab.forks.end(child) for child in children]
    reader.over.set()
    reader.join()
    assert {each.code for each in told} <= {0, 75}, told
    assert (reader.found, reader.looks > 3) == ([], True)
    assert unsound(path) == []
    with closing(open_ledger(path)) as db:
        ids = dict(db.execute("SELECT key, id FROM event"))
    done = []
    for number, each in enumerate(told):
        answers = _documents(each.out)
        assert {note["code"] for note in logs(lab, number)} <= {0, 75}
        acknowledged = [note for note in logs(lab, number) if note["code"] == 0]  # the others had waited too long
        for note, answer in zip(acknowledged, answers, strict=True):
            [event] = answer["events"]
            done.append((ids[event["key"]], note["begun"], note["ended"], event["payload"]["amount_fen"], answer))
    assert len({order for order, *_ in done}) == len(done) == len(ids) - len(before)
    assert len(done) >= PROCESSES * count // 2
    done.sort(key=lambda each: each[0])
    latest = 0.0
    for _, begun, ended, _, _ in done:
        assert ended > latest, "something that began after it was over stands before it"
        latest = max(latest, begun)
    owed: dict[str, int] = {}
    for _, _, _, amount_fen, answer in done:
        before, after = (position["next_due_fen"] for position in answer["positions"])
        assert before == owed.setdefault(answer["loan_id"], before)
        assert after == before + amount_fen
        owed[answer["loan_id"]] = after


def _documents(text: str) -> list[Any]:
    """The JSON documents that several commands printed one after another."""
    found, at = [], 0
    decoder = json.JSONDecoder()
    while at < len(text.rstrip()):
        document, at = decoder.raw_decode(text, at)
        found.append(document)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def test_a_lock_taken_too_late_would_be_found(lab):
    path = lab.ledger()
    children = at_once(
        lab, path, [charges(number, 12, "deferred") for number in range(PROCESSES)], planted="deferred-begin"
    )
    for child in children:
        lab.forks.end(child)
    codes = [note["code"] for number in range(PROCESSES) for note in logs(lab, number)]
    assert 75 in codes


# the same command, everywhere

ONCE = ("loan void", "loan open")


@pytest.mark.parametrize("name", WORK)
def test_eight_times_at_once_is_once(lab, name):
    step = lab.steps[name]
    for _ in range(size(1, 40)):
        path = lab.ledger(step.before)
        told = [lab.forks.end(child) for child in at_once(lab, path, [[step.words]] * PROCESSES)]
        assert digest(path) == step.after
        codes = sorted(each.code for each in told)
        # Who comes late with a void, or with a number that is taken, hears that.
        assert codes == [0] * PROCESSES or (name in ONCE and codes == [0] + [3] * (PROCESSES - 1)), told


def race(lab: Lab, content: bytes, *lines: tuple[object, ...]) -> list[int]:
    """Two commands that cannot both be: the codes, and the ledger stays sound."""
    path = lab.ledger(content)
    codes = [lab.forks.end(child).code for child in at_once(lab, path, [[line] for line in lines])]
    assert unsound(path) == []
    return codes


def test_of_two_ends_one_comes_about(lab):
    waiting = lab.steps["payment match"].words[2]
    for turn in range(size(6, 200)):
        chance = dice("race", turn)
        first, second = chance.sample([loan_id for loan_id in LOANS if loan_id != "LN000003"], 2)
        codes = race(
            lab,
            lab.steps["payment match"].before,
            ("payment", "match", waiting, first),
            ("payment", "match", waiting, second),
        )
        assert sorted(codes) == [0, 3], codes
        amounts = chance.sample(range(10_000, 90_000), 2)
        codes = race(
            lab,
            lender(),
            *(("loan", "draw", "LN000004", f"{fen // 100}", "--ref", "same") for fen in amounts),
        )
        assert sorted(codes) == ([0, 3] if amounts[0] // 100 != amounts[1] // 100 else [0, 0]), codes


def test_closes_at_once_that_are_killed_end_as_one_that_was_not(lab):
    """Gaps of one day, nine and forty; each day is closed once, whoever begins and whoever dies."""
    chance = dice("closes")
    kills = 0
    for run in range(size(3, 300)):
        gap = (1, 9, 40)[run % 3]
        now = f"{CLOSED_ON + (gap + 1) * DAY}T00:05:00+08:00"
        path = lab.ledger()
        begun = time.monotonic()
        assert lab.forks.run(path, ("day", "close"), now=now).code == 0
        takes_s = time.monotonic() - begun
        whole = digest(path)
        path = lab.ledger()
        for _ in range(4):
            children = at_once(lab, path, [[("day", "close")]] * PROCESSES, now=now)
            for child in chance.sample(children, PROCESSES // 2):
                time.sleep(chance.uniform(0, 0.3) * takes_s)
                child.kill()
            codes = [lab.forks.end(child).code for child in children]
            kills += codes.count(-9)
            assert set(codes) <= {0, -9}, codes
        assert lab.forks.run(path, ("day", "close"), now=now).code == 0
        assert digest(path) == whole
    assert kills > size(3, 300)


@pytest.mark.parametrize("planted", ["", "last-day-twice"])
def test_catching_up_is_closing_day_by_day(lab, planted):
    gap = size(9, 40)
    now = f"{CLOSED_ON + (gap + 1) * DAY}T00:05:00+08:00"
    path, other = lab.ledger(), lab.ledger(name="other.db")
    assert lab.forks.run(path, ("day", "close"), now=now, planted=planted).code == 0
    for number in range(1, gap + 1):
        through = ("day", "close", "--through", str(CLOSED_ON + number * DAY))
        assert lab.forks.run(other, through, now=now, planted=planted).code == 0
    assert (digest(path) == digest(other)) == (not planted)


def test_two_lines_of_a_timetable_in_the_same_minute(lab):
    """Close, import and backup begin together: whichever comes first, all is done and the books are sound."""
    for turn in range(size(2, 100)):
        path = lab.ledger()
        words = lab.steps["import repayments"].words
        works: list[list[tuple[object, ...]]] = [
            [("day", "close")],
            [words],
            [("ledger", "backup", lab.folder / f"backup-{turn}.db")],
            [("ledger", "check")],
        ]
        assert [lab.forks.end(child).code for child in at_once(lab, path, works)] == [0] * 4
        assert unsound(path) == []
        assert unsound(lab.folder / f"backup-{turn}.db") == []
        with closing(open_ledger(path)) as db:
            assert db.execute("SELECT max(day) FROM day").fetchone()[0] == (TODAY - DAY).isoformat()


def test_backups_under_load_hold_what_was_acknowledged_before_they_began(lab):
    """Half of them are killed: what has the name is a whole backup, and not older than the last one that was done."""
    path = lab.ledger()
    chance = dice("backups")
    to = lab.folder / "kept" / "backup.db"
    to.parent.mkdir()
    count = size(10, 300)
    writer = at_once(lab, path, [charges(1, 30 + 12 * count, "load")])[0]
    least = 0
    kills = 0
    for turn in range(count):
        before = len(logs(lab, 0))
        child = lab.forks.start(path, ("ledger", "backup", to, "--replace"))
        if turn % 2:
            time.sleep(chance.uniform(0.005, 0.08))
            child.kill()
        code = lab.forks.end(child).code
        assert code in {0, -9}
        kills += code == -9
        least = before if code == 0 else least
        if to.exists():
            with closing(open_ledger(to)) as db:
                held = db.execute("SELECT count(*) FROM event WHERE key LIKE 'charge/%'").fetchone()[0]
            assert held >= least
            assert unsound(to) == []
    writer.kill()
    lab.forks.end(writer)
    assert kills
    assert unsound(path) == []
