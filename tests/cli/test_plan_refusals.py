"""Nasty input to the plan commands: each refused with the key named, nothing shown, never a traceback."""

import re

import pytest
from terms import SCHEDULES

SHOW = ("plan", "show")
MONTHS = "month,amount_yuan\n" + "".join(f"2025-{month:02d},40000\n" for month in range(1, 13))
PROJECT = ("plan", "project", "revenue-share", "--principal", "50000", "--futures", "20", "--history")


def changed(name, *pairs):
    """A product file of ours with some lines changed."""
    text = (SCHEDULES / "products" / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


FILES = {
    "wide.toml": changed(
        "equal-instalments",
        ("periods_max = 36", "periods_max = 600"),
        ("principal_min = 1000 ", 'principal_min = "0.01" '),
        ("principal_max = 300000", "principal_max = 10000000000"),
    ),
    "rate.toml": changed("equal-instalments", ('annual_rate = "14.4%"', 'annual_rate = "100%"')),
    "nan.toml": changed("equal-instalments", ('annual_rate = "14.4%"', "annual_rate = nan")),
    "flag.toml": changed("equal-instalments", ("periods = 12", "periods = true")),
    "zeros.toml": changed("big-small-months", ("weights = [", "weights = [0,0,0,0,0,0,0,0,0,0,0,0] # [")),
    "share.toml": changed("revenue-share", ('share = "12%"', 'share = "0%"')),
    "floor.toml": changed("revenue-share", ('floor = "interest"', 'floor = "300% of level"')),
    "cap.toml": changed("revenue-share", ('cap = "200% of level"', 'cap = "600 yuan"')),
    "high.toml": changed("revenue-share", ('floor = "interest"', 'floor = "99999999999 yuan"')),
    "deep.toml": "x = " + "[" * 5000,
    "nul.toml": "\0" + changed("flat"),
    "year.csv": MONTHS,
    "bom.csv": "\ufeff" + MONTHS,
    "gap.csv": MONTHS.replace("2025-06,40000\n", ""),
    "one.csv": "month,amount_yuan\n2025-12,40000\n",
    "zero.csv": MONTHS.replace("40000", "0"),
    "minus.csv": MONTHS.replace("40000", "-1", 1),
    "absurd.csv": MONTHS.replace("40000", "99999999999"),
    "far.csv": "number,due_on,principal\n1,9999-12-31,50000\n",
    "short.csv": "number,share\n1,50%\n2,49%\n",
}


@pytest.fixture(scope="module")
def office(new_desk, tmp_path_factory):
    """A folder with the files."""
    desk = new_desk(tmp_path_factory.mktemp("office"))
    for name, text in FILES.items():
        (desk.folder / name).write_text(text, encoding="utf-8")
    return desk


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*SHOW, "wide.toml", "--principal", "0"), "principal: 0.00 yuan is not allowed"),
        ((*SHOW, "wide.toml", "--principal", "10000000000.01"), "principal: 10,000,000,000.01 yuan is not allowed"),
        ((*SHOW, "wide.toml", "--principal", "0.01"), "instalment_unit: 12 instalments of 0.00 would leave 0.01"),
        ((*SHOW, "flat", "--principal", "NaN"), "--principal: 'NaN' is not an amount"),
        ((*SHOW, "flat", "--principal", "1e5"), "--principal: '1e5' is not an amount"),
        ((*SHOW, "flat", "--principal", "0.001"), "--principal: '0.001' is not an amount"),
        ((*SHOW, "flat", "--principal", "5000", "--periods", "601"), "periods: 601 is not allowed; flat has 3 to 36"),
        ((*SHOW, "flat", "--principal", "5000", "--periods", "-1"), "periods: -1 is not allowed"),
        ((*SHOW, "flat", "--principal", "5000", "--start", "9999-11-30"), "lies beyond the year 2999"),
        ((*SHOW, "flat", "--principal", "5000", "--start", "0001-01-01"), "no ceiling is known"),
        ((*SHOW, "flat", "--principal", "5000", "--first-due", "9999-01-01"), "lies beyond the year 2999"),
        ((*SHOW, "rate.toml", "--principal", "5000"), "rate.toml:14:annual_rate: 100% a year is not allowed"),
        ((*SHOW, "nan.toml", "--principal", "5000"), "nan.toml:14:annual_rate: NaN is not allowed"),
        ((*SHOW, "flag.toml", "--principal", "5000"), "flag.toml:17:periods: true is not allowed"),
        ((*SHOW, "zeros.toml", "--principal", "5000"), "weights: the weights sum to 0"),
        ((*SHOW, "share.toml", "--principal", "5000"), "revenue.share: 0% is not allowed"),
        ((*SHOW, "floor.toml", "--principal", "5000"), "revenue.floor: 300% is above the cap"),
        ((*SHOW, "cap.toml", "--principal", "50000"), "revenue.cap: 600.00 yuan is not above"),
        ((*SHOW, "high.toml", "--principal", "50000"), "revenue.floor: 99,999,999,999.00 yuan is above the cap"),
        ((*SHOW, "deep.toml", "--principal", "5000"), "deep.toml:1: not TOML"),
        ((*SHOW, "nul.toml", "--principal", "5000"), "nul.toml:1:1: not TOML"),
        ((*SHOW, "custom", "--principal", "50000", "--rows", "far.csv"), "rows: the last is due on 9999-12-31"),
        ((*SHOW, "custom", "--principal", "50000", "--rows", "short.csv"), "short.csv: share: they sum to 99%"),
        (("plan", "cost", "high.toml", "--principal", "50000"), "revenue.floor: 99,999,999,999.00 yuan"),
        (("plan", "compare", "flat", "cap.toml", "--principal", "50000"), "revenue.cap: 600.00 yuan"),
        (("product", "check", "high.toml"), "revenue.floor: 99,999,999,999.00 yuan is above the cap"),
        (("plan", "project", "high.toml", *PROJECT[3:], "year.csv"), "revenue.floor: 99,999,999,999.00 yuan"),
        ((*PROJECT, "gap.csv"), "gap.csv: 2025-06: no revenue data"),
        ((*PROJECT, "one.csv"), "one.csv: 1 whole months"),
        ((*PROJECT, "zero.csv"), "zero.csv: every month is 0"),
        ((*PROJECT, "minus.csv"), "minus.csv:2:amount_yuan: '-1' is below 0"),
        ((*PROJECT, "absurd.csv"), "absurd.csv: 2025-01: 99,999,999,999.00 yuan is more than any shop"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value[1:]),
)
def test_it_is_refused_with_the_key(office, words, told):
    refused = office.run(*words)  # which holds it to an exit code that is not a bug's, and to no traceback
    assert (refused.code, refused.out) in {(2, ""), (3, "")}
    assert told in refused.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*SHOW, "flat", "--principal", "1e5"), "--principal：“1e5”不是金额"),
        ((*SHOW, "flat", "--principal", "5000", "--periods", "601"), "periods（期数）：不能是 601；flat 为 3 至 36 期"),
        ((*SHOW, "nan.toml", "--principal", "5000"), "nan.toml:14:annual_rate: 不能是 NaN；应写 带引号的利率"),
        ((*SHOW, "cap.toml", "--principal", "50000"), "revenue.cap（最高还款）：600.00 元不高于首期利息 620.00 元"),
        ((*SHOW, "custom", "--principal", "50000", "--rows", "short.csv"), "short.csv：share（比例）：合计 99%"),
        (("plan", "change", "flat", "extend x", "--principal", "5000"), "extend：不能是“x”；写法：extend 3"),
        (("plan", "change", "flat", "share 12", "--principal", "5000"), "share：“12”不是比例"),
        (("loan", "show", "NO-SUCH"), "books.db：没有账本；新建：loancli --ledger"),
        (("plan", "show", "no-such", "--principal", "5000"), "没有产品“no-such”；现有：balloon"),
        ((*PROJECT, "minus.csv"), "minus.csv:2:amount_yuan: “-1”小于 0"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value[1:]),
)
def test_it_is_refused_in_chinese(office, words, told):
    refused = office.run(*words, lang="zh")
    assert refused.out == ""
    assert "错误：" in refused.err
    assert told in refused.err


def test_a_mark_at_the_start_of_a_file_is_no_error(office):
    assert (
        office.run(*PROJECT, "bom.csv", "--format", "json").out
        == office.run(*PROJECT, "year.csv", "--format", "json").out
    )


@pytest.mark.parametrize(
    "name", [file.stem for file in sorted((SCHEDULES / "products").glob("*.toml")) if file.stem != "custom"]
)
def test_from_1_fen_to_10_billion_yuan_and_600_periods_a_plan_is_exact_or_refused(office, name):
    text = (SCHEDULES / "products" / f"{name}.toml").read_text(encoding="utf-8")
    terms, *tables = text.split("\n[", maxsplit=1)
    fewest = "5" if "[breathing_space]" in text else "1"  # a space must leave instalments after it
    wide = {
        "principal_min": '"0.01"',
        "principal_max": "10000000000",
        "periods_min": fewest,
        "periods_max": "600",
    }
    lines = terms.splitlines()
    for number, line in enumerate(lines):
        key = line.split("=")[0].strip()
        lines[number] = f"{key} = {wide[key]}" if key in wide else line
    told = "\n[".join(["\n".join(lines), *tables])
    if name == "balloon":  # spread over more instalments than it can have here
        told = told.replace("[balloon]", "[balloon]\nresidual = '30%'").replace("\nperiods = 36", "\n")
    told = told.replace('weights = "season"', "weights = [1, 2, 3, 4, 4, 4, 3, 3, 2, 2, 1, 1]")
    if name == "credit-line":  # the least draw and the last periods go by the limit and the term
        told = re.sub(r"(?m)^draw_min = .*$", 'draw_min = "0.01"', told)
        told = re.sub(r"(?m)^no_draws_last_periods = .*$", "no_draws_last_periods = 0", told)
    (office.folder / f"{name}-wide.toml").write_text(told, encoding="utf-8")
    for principal in ("0.01", "10000000000"):
        for periods in (fewest, "600"):
            found = office.run(
                *SHOW, f"{name}-wide.toml", "--principal", principal, "--periods", periods, "--format", "json"
            )
            if found.code == 0:
                plan = found.json()
                assert sum(row["principal_fen"] for row in plan["rows"]) == plan["principal_fen"]
                assert plan["rows"][-1]["left_fen"] == 0
            else:
                assert found.code == 3
                assert principal == "0.01"
