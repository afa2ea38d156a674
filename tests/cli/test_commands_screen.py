"""What a terminal shows: the main screens word for word, names that try to be more than names, a reader who leaves."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from loancli.cli.app import REGISTRY, load
from loancli.texts import catalogue

GOLDEN = Path(__file__).parent / "golden"
DRAWN = (
    "--principal 50000 --start 2026-03-02 --periods 6 --draw 2026-03-02=20000 --draw 2026-03-20=15000"
    " --repay 2026-04-10=10000"
)
SCREENS = {
    "product-show-zh": ("zh", "product show revenue-share"),
    "product-show-en": ("en", "product show revenue-share"),
    "product-show-flat-zh": ("zh", "product show flat"),
    "product-show-flat-en": ("en", "product show flat"),
    "plan-show-en": ("en", "plan show big-small-months --principal 20000 --start 2026-03-01"),
    "plan-show-line-en": ("en", f"plan show credit-line {DRAWN}"),
    "plan-show-line-zh": ("zh", f"plan show credit-line {DRAWN}"),
    "loan-show-zh": ("zh", "loan show LN000002"),
    "loan-list-late-en": ("en", "loan list --late"),
    "loan-track-zh": ("zh", "loan track LN000007"),
    "loan-track-en": ("en", "loan track LN000003"),
    "segment-list-en": ("en", "segment list"),
    "ledger-balances-en": ("en", "ledger balances"),
}
HOSTILE = {
    "markup": "[/] [bold]粗",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "bidi": "\u202egnirts\u2066",
    "invisible": "张\u200b三",
    "formula": '=HYPERLINK("http://x")',
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_main_screen_is_as_it_was_approved(name, shared_desk, pytestconfig):
    """`pytest tests/cli --write-golden` writes a screen that has no file yet; to renew one, delete its file first."""
    lang, line = SCREENS[name]
    shown = shared_desk.screen(*line.split(), lang=lang)
    path = GOLDEN / f"{name}.txt"
    if not path.exists() and pytestconfig.getoption("--write-golden", default=False):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.exists(), f"no {path.name}: run pytest tests/cli --write-golden, and look at what it wrote"
    assert shown == path.read_text(encoding="utf-8")


def test_no_line_of_a_screen_is_wider_than_the_terminal(shared_desk):
    for line in ("loan list", "loan show LN000002", "payment list", "segment explain LN000002"):
        for columns in (80, 118):
            shown = shared_desk.screen(*line.split(), lang="zh", columns=columns)
            assert max(len(each) + sum("一" <= sign <= "鿿" for sign in each) for each in shown.splitlines()) <= columns


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.iterdir()} == set(SCREENS)


# Names of strangers


@pytest.fixture(scope="module")
def haunted(story, tmp_path_factory):
    """Books in which payers, notes and a borrower bear such names."""
    desk = story.desk.copy(tmp_path_factory.mktemp("haunted"))
    good = (story.world / "lender" / "wechat-2026-02.csv").read_text(encoding="utf-8-sig")
    head, rows = good.split("交易时间,")
    lines = [f"交易时间,{rows.splitlines()[0]}"]
    for number, text in enumerate(HOSTILE.values()):
        cell = text.replace('"', '""').replace("\x1b", "").replace("\x07", "")
        lines.append(
            f'2026-02-2{number} 10:00:00,转账,"{cell}","{cell}",收入,¥{number + 1}.00,零钱,已存入零钱,'
            f'10001{number:023d}\t,/\t,"{cell}"'
        )
    (desk.folder / "odd.csv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8-sig")
    desk.done("import", "odd.csv", "--as", "repayments")
    desk.done("borrower", "add", "B0666", "--name", HOSTILE["markup"], "--trade", HOSTILE["formula"])
    desk.done("promise", "add", "LN000001", "--due", "2026-03-09", "--amount", "1", "--note", "".join(HOSTILE.values()))
    desk.done("hold", "add", "B0001", "--kind", "legal", "--note", "".join(HOSTILE.values()))
    return desk


LISTS = ("payment unmatched --unmask", "borrower list --unmask", "promise list", "hold list")


@pytest.mark.parametrize("line", LISTS)
@pytest.mark.parametrize("kind", ["screen", "table", "json", "csv"])
def test_a_hostile_name_is_shown_and_does_nothing(line, kind, haunted):
    if kind == "screen":
        shown = haunted.screen(*line.split())
    else:
        shown = haunted.done(*line.split(), *(["--format", kind] if kind != "table" else [])).out
    if kind == "json":
        json.loads(shown)
    if kind != "csv":  # a program reads what was written; to stdout CSV is not changed
        assert [sign for sign in "\x1b\x07\u202e\u2066\u200b" if sign in shown] == []
    assert "粗" in shown
    assert "[/]" in shown


@pytest.mark.parametrize("line", ["payment unmatched --unmask", "borrower list --unmask"])
def test_a_spreadsheet_runs_nothing(line, haunted, tmp_path):
    file = tmp_path / "rows.csv"
    haunted.done(*line.split(), "-o", file)
    with file.open(encoding="utf-8-sig", newline="") as rows:
        cells = [cell for row in csv.reader(rows) for cell in row]
    assert [cell for cell in cells if cell.startswith("=")] == []
    assert f"'{HOSTILE['formula']}" in cells


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "line", ["loan show", "product show", "borrower show", "campaign plan", "import --as repayments"]
)
def test_a_hostile_word_in_a_command_is_shown_escaped(line, text, shared_desk):
    for told in (shared_desk.run(*line.split(), text), shared_desk.run(*line.split(), text, lang="zh")):
        assert told.code in {2, 3, 4}
        assert told.out == ""
        assert [sign for sign in "\x1b\x07\u202e\u2066\u200b" if sign in told.err] == []


# A reader who leaves, another locale, a process from the first import on


@pytest.mark.parametrize(
    "line", ["payment list", "loan events LN000002 --format json", "--quiet loan list --format csv"]
)
def test_a_reader_who_leaves_early_is_no_error(line, shared_desk):
    process = shared_desk.start(*line.split())
    assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in {0, 141}
    assert err == ""


def test_a_terminal_without_chinese_gets_codes_instead_of_a_crash(shared_desk):
    desk = replace(shared_desk, environ={"PYTHONIOENCODING": "ascii"})
    process = desk.start("loan", "show", "LN000002", lang="zh")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "\\u" in out


@pytest.mark.parametrize("line", ["loan list --format json", "borrower show B9999", "loan show"])
def test_a_process_from_the_first_import_on_says_the_same(line, shared_desk):
    process = shared_desk.start(*line.split())
    assert (*process.communicate(timeout=60), process.returncode) == (
        *shared_desk.run(*line.split())[1:],
        shared_desk.run(*line.split()).code,
    )


# Help


def commands():
    """Every command by its path, with the Typer command."""
    for entry in REGISTRY:
        command = load(entry, "en")
        children = getattr(command, "commands", None)
        yield from (
            ((f"{entry.name} {name}", child) for name, child in children.items())
            if children
            else [(entry.name, command)]
        )


PATHS = dict(commands())


@pytest.mark.parametrize("path", PATHS)
def test_help_of_a_command_in_both_languages(path, shared_desk):
    english = shared_desk.run(*path.split(), "--help")
    chinese = shared_desk.run(*path.split(), "--help", lang="zh")
    assert (english.code, chinese.code, english.err, chinese.err) == (0, 0, "", "")
    assert english.out.startswith(f"Usage: loancli {path} ")
    assert chinese.out.startswith("用法：")
    first = PATHS[path].help.split("\n")[0].split()
    assert " ".join(first) in " ".join(english.out.split())
    known = catalogue("zh")["help"].get(path)
    assert known, f"zh.toml has no help for {path}"
    assert known[:12] in "".join(chinese.out.split()) or known[:12].replace(" ", "") in "".join(chinese.out.split())


def test_help_for_a_command_that_is_no_more_is_no_more_in_the_catalogue():
    known = {key.split(" --")[0] for key in catalogue("zh")["help"] if key and not key.startswith("-")}
    groups = {entry.name for entry in REGISTRY}
    stale = {key for key in known if key not in PATHS and key not in groups and " ".join(key.split()[:-1]) not in PATHS}
    assert stale == set()
