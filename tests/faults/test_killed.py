"""A command that is killed has done all of it or nothing, and once more it ends as if nothing had been.

Killed at a call of the disk (faults/calls.py), at a byte of a file (a limit that ends the process), and at any moment.
"""

import time
from pathlib import Path

import pytest
from faults.calls import is_possible
from faults.lab import OPENED_ON, WORK, Lab, Step, dice, digest, unsound
from ledger_maker import alipay, paid
from sizes import size

watched = pytest.mark.skipif(not is_possible(), reason="this Python has SQLite built in: calls cannot be watched")


def is_whole(lab: Lab, step: Step) -> None:
    """The ledger holds what some of the command's transactions left, and the command again ends it."""
    path = lab.folder / "books.db"
    state = digest(path)
    assert state in step.states, step.name
    again = lab.forks.run(path, step.words)
    assert digest(path) == step.after, step.name
    # Done before, some commands have nothing to do and others are refused, such as the void of what is void.
    assert again.code == 0 or (again.code == 3 and state == step.after), (step.name, again)


def seconds(lab: Lab, path: Path, *words: object) -> float:
    """How long a command takes at this moment, on this machine."""
    begun = time.monotonic()
    assert lab.forks.run(path, words).code == 0
    return time.monotonic() - begun


def test_the_morning_is_sound_to_begin_with_and_at_its_end(lab):
    first, last = lab.steps[WORK[0]], lab.steps[WORK[-1]]
    path = lab.ledger(first.before)
    assert unsound(path) == []
    path = lab.ledger(last.before)
    assert lab.run_step(path, last).code == 0
    assert unsound(path) == []


@watched
@pytest.mark.parametrize("name", WORK)
def test_killed_at_any_call_of_the_disk(lab, name):
    step = lab.steps[name]
    chance = dice("call", name)
    calls = range(1, len(step.calls) + 1)
    for at in sorted(chance.sample(calls, min(len(calls), size(5, 10_000)))):
        path = lab.ledger(step.before)
        action = chance.choice(("kill", "tear"))
        told = lab.run_step(path, step, plan={"at": at, "action": action, "records": False})
        assert told.code == -9, (at, told)
        is_whole(lab, step)


@pytest.mark.parametrize("name", WORK)
def test_killed_at_any_byte_of_the_wal(lab, name):
    step = lab.steps[name]
    chance = dice("byte", name)
    size_max = sum(24 + 4096 for call in step.calls if call.name.endswith("-wal") and call.kind == "write") // 2
    for _ in range(size(1, 300)):
        path = lab.ledger(step.before)
        told = lab.run_step(path, step, limit=chance.randrange(size_max), dies=True)
        assert told.code in {-25, 0}, told  # SIGXFSZ; 0 where the file was not that long
        is_whole(lab, step)


def test_killed_at_any_moment(lab):
    chance = dice("moment")
    takes_s = {name: seconds(lab, lab.ledger(lab.steps[name].before), *lab.steps[name].words) for name in WORK}
    kills = 0
    for turn in range(size(64, 5_000)):
        step = lab.steps[WORK[turn % len(WORK)]]
        path = lab.ledger(step.before)
        kills += lab.forks.killed(path, step.words, after=chance.uniform(0.1, 1) * takes_s[step.name])
        is_whole(lab, step)
    assert kills > size(64, 5_000) // 4, "the kills did not hit the work"


def test_a_long_import_that_is_killed_is_there_whole_or_not_at_all(lab):
    chance = dice("import")
    rows = [paid(OPENED_ON, 100 + number) for number in range(10_000)]
    (lab.folder / "long.csv").write_bytes(alipay(rows))
    words = ("import", lab.folder / "long.csv", "--as", "revenue", "--borrower", "B1")
    path = lab.ledger()
    before = digest(path)
    takes_s = seconds(lab, path, *words)
    after = digest(path)
    kills = 0
    for _ in range(size(10, 300)):
        path = lab.ledger()
        kills += lab.forks.killed(path, words, after=chance.uniform(0.1, 1) * takes_s)
        assert digest(path) in {before, after}
    assert kills > 3
    assert lab.forks.run(path, words).code == 0
    assert digest(path) == after


def test_a_backup_that_is_killed_leaves_the_ledger_and_the_older_backup(lab):
    chance = dice("backup")
    path = lab.ledger()
    before = path.read_bytes()
    (lab.folder / "kept").mkdir()
    to = lab.folder / "kept" / "backup.db"
    words = ("ledger", "backup", to, "--replace")
    takes_s = seconds(lab, path, *words)
    older = to.read_bytes()
    kills = 0
    for _ in range(size(12, 300)):
        kills += lab.forks.killed(path, words, after=chance.uniform(0.1, 0.9) * takes_s)
        assert path.read_bytes() == before
        assert to.read_bytes() == older
    assert kills > 3
    assert lab.forks.run(path, words).code == 0
    assert [each.name for each in to.parent.iterdir()] == ["backup.db"]
    assert unsound(to) == []
