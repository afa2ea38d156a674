"""`import` as a user meets it: archives with passwords, folders, patterns, standard input, bad rows set aside."""

import csv
import gzip
import io
import subprocess
import sys
import zipfile

import pytest
import pyzipper

PASSWORD = "135790"
TODAY = "2026-03-01"


@pytest.fixture
def exports(story):
    """The plain statements of one borrower, as bytes by name."""
    return {path.name: path.read_bytes() for path in _plain(story)}


def _plain(story):
    return [path for path in story.exports("B0003") if path.suffix == ".csv"]


@pytest.fixture
def fresh(story, tmp_path):
    """Books in which nothing was imported yet."""
    return story.signed.copy(tmp_path / "fresh")


def _aes(files):
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(PASSWORD.encode())
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _revenue(desk, *words, **changes):
    told = desk.run("import", *words, "--as", "revenue", "--borrower", "B0003", "--format", "json")
    return told if changes.get("told") else told.json()


def _books(desk):
    """What the books know of the borrower's revenue."""
    shown = desk.done("revenue", "show", "B0003", "--by", "day", "--format", "json").json()
    return [{name: line[name] for name in line if name.endswith(("_on", "_fen"))} for line in shown]


@pytest.fixture
def plainly(story, exports, tmp_path):
    """The books after the files were imported one by one."""
    desk = story.signed.copy(tmp_path / "plainly")
    for path in _plain(story):
        _revenue(desk, path)
    return _books(desk)


def test_an_archive_a_folder_a_pattern_and_a_pipe_give_the_same_books(fresh, story, exports, plainly, tmp_path):
    folder = tmp_path / "given"
    (folder / "deeper").mkdir(parents=True)
    names = sorted(exports)
    (folder / "all.zip").write_bytes(_zipped(dict(list(exports.items())[:2])))
    (folder / "deeper" / "one.csv.gz").write_bytes(gzip.compress(exports[names[0]]))
    (folder / ".hidden").write_bytes(b"no statement")
    for name in names:
        (folder / "deeper" / name).write_bytes(exports[name])
    reports = _revenue(fresh, folder)
    assert sum(report["new"] for report in reports) == sum(report["new"] for report in _revenue_once(story, tmp_path))
    assert _books(fresh) == plainly
    again = _revenue(fresh, f"{folder}/deeper/*.csv")
    assert [report["new"] for report in again] == [0] * len(names)


def _zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _revenue_once(story, tmp_path):
    desk = story.signed.copy(tmp_path / "once")
    return _revenue(desk, *_plain(story))


def test_standard_input_is_a_file(fresh, exports, plainly):
    name = sorted(exports)[0]
    command = [sys.executable, "-m", "loancli", "import", "-", "--as", "revenue", "--borrower", "B0003"]
    done = subprocess.run(
        [*command, "--format", "csv"],
        input=exports[name],
        capture_output=True,
        cwd=fresh.folder,
        env=fresh.surroundings(),
        check=True,
    )
    [report] = csv.DictReader(io.StringIO(done.stdout.decode()))
    assert report["file"] == "stdin"
    assert int(report["new"]) > 0


def test_a_password_comes_from_the_environment_and_is_never_shown(fresh, exports, tmp_path):
    archive = tmp_path / "bill.zip"
    archive.write_bytes(_aes(exports))
    with fresh.unchanged():
        told = _revenue(fresh, archive, told=True)
        assert told.code == 3
        assert "is encrypted" in told.err
        assert "--password-env" in told.err
        unset = _revenue(fresh, archive, "--password-env", "NOT_THERE", told=True)
        assert unset.code == 2
        assert "NOT_THERE" in unset.err
        wrong = _with(fresh, BILL_PASSWORD="000000")
        told = _revenue(wrong, archive, "--password-env", "BILL_PASSWORD", told=True)
        assert told.code == 3
        assert "the password given is wrong" in told.err
        assert "000000" not in told.err
    right = _with(fresh, BILL_PASSWORD=PASSWORD)
    reports = _revenue(right, archive, "--password-env", "BILL_PASSWORD")
    assert [report["file"] for report in reports] == [f"bill.zip!{name}" for name in exports]
    assert all(report["new"] > 0 for report in reports)
    assert PASSWORD.encode() not in right.ledger.read_bytes()


def _with(desk, **environ):
    from dataclasses import replace

    return replace(desk, environ={**desk.environ, **environ})


def test_good_rows_are_booked_and_bad_ones_set_aside_with_their_reasons(fresh, exports, tmp_path):
    name = next(name for name in exports if name.startswith("alipay"))
    lines = exports[name].decode("gb18030").splitlines(keepends=True)
    lines[-1] = lines[-1].replace(lines[-1].split(",")[0], "2025-02-30 10:00:00")
    (tmp_path / "bad.csv").write_bytes("".join(lines).encode("gb18030"))
    (tmp_path / "proof.pdf").write_bytes(b"%PDF-1.7 a stamped proof")
    files = (tmp_path / "bad.csv", tmp_path / "proof.pdf")
    with fresh.unchanged():
        assert _revenue(fresh, *files, told=True).code == 3
    told = _revenue(fresh, *files, "--keep-going", "--rejects", tmp_path / "left.csv", told=True)
    assert told.code == 5
    [report] = told.json()
    assert (report["file"], report["refused"]) == ("bad.csv", 1)
    assert report["new"] > 0
    with (tmp_path / "left.csv").open(encoding="utf-8-sig", newline="") as file:
        left = {row["file"]: row for row in csv.DictReader(file)}
    assert (left["bad.csv"]["row"], left["bad.csv"]["column"]) == (str(len(lines)), "交易时间")
    assert "2025-02-30" in left["bad.csv"]["reason"]
    assert "this is a PDF" in left["proof.pdf"]["reason"]
    assert fresh.done("ledger", "check").code == 0


def test_what_was_left_out_can_be_brought_later(fresh, exports, plainly, tmp_path):
    """A file with bad rows covers no days, and mended it brings only what was missing."""
    name = sorted(exports)[0]
    data = exports[name]
    broken = data.replace(b"2025", b"20x5", 40)
    (tmp_path / name).write_bytes(broken if broken != data else data)
    told = _revenue(fresh, tmp_path / name, "--keep-going", "--rejects", tmp_path / "left.csv", told=True)
    assert told.code == 5
    (tmp_path / name).write_bytes(data)
    [report] = _revenue(fresh, tmp_path / name)
    assert report["new"] > 0
    assert report["new"] + report["seen"] == report["rows"]


def test_days_without_any_row_are_counted_and_the_long_ones_told(fresh, exports, tmp_path):
    name = next(name for name in exports if name.startswith("alipay"))
    lines = exports[name].decode("gb18030").splitlines(keepends=True)
    kept = [line for line in lines if line[5:7] != "06" or line[8:10] not in {f"{day:02d}" for day in range(10, 21)}]
    (tmp_path / "gap.csv").write_bytes("".join(kept).encode("gb18030"))
    told = _revenue(fresh, tmp_path / "gap.csv", told=True)
    [report] = told.json()
    assert report["days_empty"] >= 11
    assert f"{report['days_empty']} days without any row; the longest: 2025-06-10 – 2025-06-20" in told.err


def test_a_progress_bar_is_for_terminals(fresh, exports, tmp_path):
    """Nothing but sentences goes to stderr when it is no terminal."""
    name = sorted(exports)[0]
    (tmp_path / name).write_bytes(exports[name])
    told = _revenue(fresh, tmp_path / name, told=True)
    assert "\r" not in told.err
    assert "\x1b" not in told.err


@pytest.mark.parametrize("given", ["nowhere.csv", "nowhere/*.csv"])
def test_what_names_no_file_is_not_found(fresh, given):
    with fresh.unchanged():
        told = _revenue(fresh, given, told=True)
    assert told.code == 4
    assert given in told.err
