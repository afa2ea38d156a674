"""What a command acknowledged is there when the power comes back, whole; what it did not is there whole or not at all.

The morning's work is recorded call by call, once with each command alone and once while another process has the ledger
open; the disk is rebuilt as it may look after a cut at every point (faults/power.py), and opened. Each image must hold
one of the states between what was acknowledged and what was under way, to the last column.
"""

import hashlib
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from faults.calls import is_possible
from faults.lab import Lab, Recorded, dice, digest, put, record, unsound
from faults.power import PATTERNS, Disk
from sizes import size

pytestmark = pytest.mark.skipif(not is_possible(), reason="this Python has SQLite built in: calls cannot be watched")
SHORT = ("loan charge", "loan pause", "loan draw", "adjust apply", "day close")


def verdicts(lab: Lab, run: Recorded, count: int, chance: random.Random) -> Counter[str]:
    """What becomes of `count` power cuts: 'sound', 'lost' (an acknowledged command), or 'damaged'."""
    disk = Disk(run.files, run.name)
    total = sum(len(calls) for calls in run.calls) + len(run.calls)
    chosen = sorted(chance.sample(range(total * len(PATTERNS)), min(count, total * len(PATTERNS))), reverse=True)
    path = lab.folder / "image.db"
    known: dict[int, str] = {}
    states_of: dict[bytes, str] = {}
    found: Counter[str] = Counter()
    at = 0
    acknowledged: set[str] = set()
    acceptable = {run.first}
    for calls, states in zip(run.calls, run.states, strict=True):
        acceptable |= set(states)
        for call in (*calls, None):
            if call is not None:
                disk.take(call)
            else:  # the command has said that it is done
                acknowledged, acceptable = acknowledged | acceptable - {states[-1]}, {states[-1]}
            while chosen and chosen[-1] < (at + 1) * len(PATTERNS):
                files = disk.image(PATTERNS[chosen.pop() % len(PATTERNS)], chance)
                seen = hash(tuple(sorted(files.items())))
                if seen not in known:
                    known[seen] = _state_of(put(path, files), states_of)
                state = known[seen]
                verdict = "sound" if state in acceptable else "lost" if state in acknowledged else "damaged"
                found[verdict] += 1
            at += 1
    return found


def _state_of(path: Path, states_of: dict[bytes, str]) -> str:
    """What stands in an image. Few files come of all of them once the WAL is taken in, so each is looked at once."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = 0")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the WAL is looked at, and taken in at the end
        content = hashlib.sha256(path.read_bytes()).digest()
        if content not in states_of or Path(f"{path}-wal").exists():
            states_of[content] = digest(path)
        return states_of[content]
    except (sqlite3.DatabaseError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"


def is_ever_unsound(lab: Lab, run: Recorded) -> bool:
    """Do the books fail `ledger check` at some point of a run, as somebody would find them after a cut just then?"""
    disk = Disk(run.files, run.name)
    seen = set()
    path = lab.folder / "seen.db"
    for call in (call for calls in run.calls for call in calls):
        disk.take(call)
        if call.kind == "sync":
            state = digest(put(path, disk.kept()))
            if state not in seen and unsound(path):
                return True
            seen.add(state)
    return False


@pytest.mark.parametrize("held", [False, True], ids=["alone", "while another has the ledger open"])
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(lab, held):
    run = record(lab, tuple(lab.steps), held=held)
    assert [len(states) for states in run.states] == [len(step.states) for step in lab.steps.values()]
    found = verdicts(lab, run, size(1_000, 30_000), dice("power", held))
    assert set(found) == {"sound"}, found


def test_every_state_that_a_cut_can_leave_is_sound_books(lab):
    assert not is_ever_unsound(lab, record(lab, tuple(lab.steps), held=True))


@pytest.mark.parametrize("planted", ["synchronous-normal", "synchronous-off"])
def test_less_than_full_syncs_would_lose_what_was_acknowledged(lab, planted):
    run = record(lab, SHORT, held=True, planted=planted)
    assert verdicts(lab, run, size(150, 2_000), dice("power", planted))["lost"]


def test_a_commit_in_the_middle_of_a_command_would_be_found(lab):
    assert is_ever_unsound(lab, record(lab, ("payment match",), held=True, planted="commit-between"))
