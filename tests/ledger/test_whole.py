"""A file has its name only when it is whole, nothing is overwritten, and what a dead process left is swept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_maker import CHECKOUT

from loancli.core.errors import BusyError, InputError, RefusedError
from loancli.ledger import whole
from loancli.ledger.whole import alone, check_free, made_whole, put_aside

TAKEN = "choose another"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_has_its_name_when_the_block_ends_well(tmp_path):
    with made_whole(tmp_path / "a", taken=TAKEN) as made:
        made.write_text("all of it")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_text() == "all of it"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["a"]


def test_a_block_that_fails_leaves_nothing(tmp_path):
    def fill() -> None:
        with made_whole(tmp_path / "a", taken=TAKEN) as made:
            made.write_text("half")
            Path(f"{made}-wal").write_text("of SQLite")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fill()
    assert names(tmp_path) == []


def test_a_trial_leaves_nothing(tmp_path):
    with made_whole(tmp_path / "a", taken=TAKEN, is_trial=True) as made:
        made.write_text("all of it")
    assert names(tmp_path) == []


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(InputError, match="exists already; choose another"), made_whole(tmp_path / "a", taken=TAKEN):
        (tmp_path / "a").write_text("of another")
    assert (tmp_path / "a").read_text() == "of another"
    with made_whole(tmp_path / "a", taken=TAKEN, replaces=True) as made:
        made.write_text("newer")
    assert (tmp_path / "a").read_text() == "newer"
    assert names(tmp_path) == ["a"]


def test_without_links_the_name_is_taken_first(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    with made_whole(tmp_path / "a", taken=TAKEN) as made:
        made.write_text("all of it")
    assert names(tmp_path) == ["a"]
    with pytest.raises(InputError, match="exists already"), made_whole(tmp_path / "a", taken=TAKEN):
        pass


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(whole.tempfile, "mkstemp", refuse)
    says = r"a: cannot be written there \(Read-only file system\); choose another"
    with pytest.raises(RefusedError, match=says), made_whole(tmp_path / "a", taken=TAKEN):
        pass
    with pytest.raises(InputError, match="there is no folder"), made_whole(tmp_path / "b" / "a", taken=TAKEN):
        pass


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_what_sqlite_would_take_for_a_part_of_the_file_keeps_it_from_its_place(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_text("left")
    with pytest.raises(InputError, match=f"a{suffix}: is left of a ledger"):
        check_free(tmp_path / "a", taken=TAKEN)
    with pytest.raises(InputError, match=f"a{suffix}: is left of a ledger"), made_whole(tmp_path / "a", taken=TAKEN):
        pass
    assert names(tmp_path) == [f"a{suffix}"]


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_makes_is_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from loancli.ledger.whole import made_whole\n"
        "with made_whole(Path(sys.argv[1]), taken='') as made:\n"
        "    made.write_text('half'); Path(f'{made}-wal').write_text('half'); os._exit(9)"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")], env={"PYTHONPATH": str(CHECKOUT / "src")}, check=False
    )
    assert died.returncode == 9
    assert len(names(tmp_path)) == 2
    with made_whole(tmp_path / "a", taken=TAKEN) as one:
        one.write_text("one")
        assert len(names(tmp_path)) == 1
        with made_whole(tmp_path / "a", taken=TAKEN, is_trial=True) as other:
            assert len(names(tmp_path)) == 2
            assert other != one
    assert names(tmp_path) == ["a"]


TIDIES_UP = """
import os, sys
from pathlib import Path
from loancli.ledger.whole import made_whole
real, left = Path.unlink, int(sys.argv[3])
def unlink(self, missing_ok=False):
    global left
    if not left:
        os._exit(9)
    left -= 1
    real(self, missing_ok=missing_ok)
with made_whole(Path(sys.argv[1]), taken="", is_trial=sys.argv[2] == "trial") as made:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{made}{suffix}").write_text("written")
    Path.unlink = unlink
"""


@pytest.mark.parametrize("how", ["trial", "named"])
@pytest.mark.parametrize("steps", range(7))
def test_who_dies_while_tidying_up_leaves_nothing_that_the_next_one_does_not_find(tmp_path, steps, how):
    subprocess.run([sys.executable, "-c", TIDIES_UP, tmp_path / "a", how, str(steps)], cwd=CHECKOUT, check=False)
    with made_whole(tmp_path / "a", taken=TAKEN, replaces=True) as made:
        made.write_text("whole")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "whole"


def test_only_one_is_inside_for_a_folder(tmp_path):
    with alone(tmp_path):
        with pytest.raises(BusyError, match="another command is at work"), alone(tmp_path):
            pass
        with alone(tmp_path.parent):
            pass
    with alone(tmp_path):
        pass
    with pytest.raises(InputError, match="no folder"), alone(tmp_path / "nowhere"):
        pass


def test_what_is_put_aside_keeps_the_files_beside_it_and_overwrites_nothing(tmp_path):
    for count in (1, 2):
        (tmp_path / "a").write_text(f"ledger {count}")
        (tmp_path / "a-wal").write_text(f"wal {count}")
        aside = put_aside(tmp_path / "a", "damaged")
        assert Path(f"{aside}-wal").read_text() == f"wal {count}"
        assert aside.read_text() == f"ledger {count}"
    assert names(tmp_path) == ["a.damaged", "a.damaged-2", "a.damaged-2-wal", "a.damaged-wal"]
