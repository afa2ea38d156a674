"""A disk that fails or is full: an error that tells the cause, the ledger as it was; the same command ends it later.

One call of the disk fails, or all from one on (faults/calls.py); a file may not grow beyond a size; a file system of a
megabyte is full.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.calls import is_possible
from faults.lab import Forks, Lab, Step, Told, dice, digest, lender, put, unsound
from ledger_maker import OPENED_ON, alipay, paid
from sizes import size

watched = pytest.mark.skipif(not is_possible(), reason="this Python has SQLite built in: calls cannot be watched")
NAMES = (
    "import revenue", "import repayments", "payment match", "loan pause", "adjust apply", "day close", "adjust undo",
    "loan void",
)  # fmt: skip


def is_told(told: Told) -> None:
    """It was done; or one line says what happened, by an exit code of its own."""
    assert told.code in {0, 3}, told
    if told.code:
        assert told.err.startswith("error: "), told
        assert not told.out, told


def is_whole(lab: Lab, step: Step, path: Path, told: Told) -> None:
    is_told(told)
    state = digest(path)
    assert state in step.states, (step.name, told)
    assert told.code or state == step.after, "said to be done, and it is not"
    again = lab.forks.run(path, step.words)
    assert digest(path) == step.after, step.name
    assert again.code == 0 or (again.code == 3 and state == step.after), (step.name, again)


@watched
@pytest.mark.parametrize("name", NAMES)
def test_a_call_of_the_disk_fails(lab, name):
    step = lab.steps[name]
    chance = dice("error", name)
    points = [
        (at, action, onwards)
        for at in range(1, len(step.calls) + 1)
        for action in ("EIO", "ENOSPC")
        for onwards in (False, True)
    ]
    failed = 0
    for at, action, onwards in chance.sample(points, min(len(points), size(8, 10_000))):
        path = lab.ledger(step.before)
        told = lab.run_step(path, step, plan={"at": at, "action": action, "onwards": onwards, "records": False})
        failed += told.code == 3
        is_whole(lab, step, path, told)
    assert failed, "no error was told"


@pytest.mark.parametrize("room_kib", [4, 16, 64, 128, 256, 384, 512])
def test_no_file_may_grow_beyond_a_size(lab, room_kib):
    chance = dice("room", room_kib)
    for name in NAMES if size(0, 1) else chance.sample(NAMES, 3):
        step = lab.steps[name]
        path = lab.ledger(step.before)
        is_whole(lab, step, path, lab.run_step(path, step, limit=room_kib << 10))


def test_a_backup_that_fails_leaves_no_file(lab):
    path = lab.ledger()
    (lab.folder / "kept").mkdir()
    to = lab.folder / "kept" / "backup.db"
    words = ("ledger", "backup", to)
    for room_kib in (4, 64, 256, 512):
        told = lab.forks.run(path, words, limit=room_kib << 10)
        assert told.code == 3, told
        is_told(told)
        assert [*to.parent.iterdir()] == []
    if is_possible():
        count = len(lab.forks.run(path, words, plan={"at": 0}).calls)
        to.unlink()
        chance = dice("backup")
        for at in chance.sample(range(1, count + 1), min(count, size(10, 10_000))):
            plan = {"at": at, "action": chance.choice(("EIO", "ENOSPC")), "onwards": True, "records": False}
            told = lab.forks.run(path, words, plan=plan)
            if told.code == 0:  # what failed was not needed any more
                assert unsound(to) == []
                to.unlink()
            else:
                assert told.code in {3, 6}, told
                assert told.err.startswith("error: "), told
            assert [*to.parent.iterdir()] == [], at
    assert path.read_bytes() == lender()
    assert lab.forks.run(path, words).code == 0
    assert unsound(to) == []


# A file system of its own, in a name space where anybody may mount one; its files are seen from here through /proc.

MOUNT = 'mount -t tmpfs -o size="$2"k,mode=700 small "$1" || exit 1; shift 2; exec "$@"'


@pytest.fixture(params=[512, 1_024, 2_048], ids=lambda kib: f"{kib} KiB")
def small(request, lab) -> Iterator[tuple[Forks, Path, Path]]:
    """Processes that have a small disk; its folder as they see it, and as it is seen from here."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no `unshare` here to mount a small disk with")
    folder = lab.folder / "small"
    folder.mkdir()
    mount = ("unshare", "-m", "-r", "sh", "-c", MOUNT, "sh", str(folder), str(request.param))
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    forks = Forks(lab.folder, behind=mount)
    try:
        yield forks, folder, Path(f"/proc/{forks.process.pid}/root{folder}")
    finally:
        forks.close()


def test_a_disk_that_is_full(lab, small):
    forks, folder, seen = small
    forks.run(folder / "none.db", ("ledger", "check"))  # the disk is mounted by now
    rows = [paid(OPENED_ON, 100 + number) for number in range(3_000)]
    (lab.folder / "long.csv").write_bytes(alipay(rows))
    path = folder / "books.db"
    try:
        put(seen / "books.db", {"": lender()})
    except OSError:  # not even the ledger has room there: nor has a new one
        (seen / "books.db").unlink()
        told = forks.run(path, ("init",))
        is_told(told)
        assert told.code == 0 or not [*seen.iterdir()]
        return
    whole = lab.ledger(name="whole.db")
    lines = [
        ("day", "close"),
        ("ledger", "backup", folder / "backup.db"),
        ("loan", "charge", "LN000001", "50", "--name", "court fee", "--ref", "c1"),
        ("import", lab.folder / "long.csv", "--as", "revenue", "--borrower", "B1"),
    ]

    def copied() -> Path:
        files = {side: Path(f"{seen}/books.db{side}") for side in ("", "-wal")}
        return put(lab.folder / "seen.db", {side: file.read_bytes() for side, file in files.items() if file.exists()})

    refused = 0
    done: list[tuple[object, ...]] = []
    for words in lines:
        for left in (0, 50_000):
            before = digest(copied())
            free = os.statvfs(seen).f_bavail * os.statvfs(seen).f_bsize
            (seen / "filler").write_bytes(bytes(max(0, free - left)))
            told = forks.run(path, words)
            (seen / "filler").unlink()
            is_told(told)
            refused += told.code == 3
            if told.code == 0 and words not in done:
                done.append(words)
            assert told.code == 0 or words[0] == "day" or digest(copied()) == before, (words, left)
            assert unsound(copied()) == []
            (seen / "backup.db").unlink(missing_ok=True)
    assert refused >= len(lines)
    for words in lines:
        if words not in done and forks.run(path, words).code == 0:  # there may never be room for a long import
            done.append(words)
    assert lines[0] in done
    for words in done:
        assert lab.forks.run(whole, words if words != lines[1] else ("ledger", "backup", lab.folder / "b.db")).code == 0
    assert digest(copied()) == digest(whole)
