"""Every command that shows something: one JSON document, the same rows in CSV and Excel, masked, in both languages."""

import csv
import io
import re
from datetime import date

import pytest
from python_calamine import CalamineWorkbook

# What is typed → (the part of the JSON object that CSV and Excel hold; "" all of it, None one row; keys of a row).
READS = {
    "doctor": ("", "check state detail"),
    "borrower list": ("", "borrower_id name phone trade kind loans"),
    "borrower show B0012": (None, "borrower_id name phone trade kind aliases loans files holds"),
    "product list": ("", "product name kind annual_rate_ppm periods principal_max_fen"),
    "product show revenue-share": (None, "product_name weak_month penalty example_total_fen example_weak_month"),
    "plan show revenue-share --principal 20000": ("rows", "number due_on due_fen principal_fen left_fen why"),
    "plan compare equal-instalments single-payment --principal 20000": ("", "product total_fen biggest_fen"),
    "plan project revenue-share --principal 20000 --borrower B0012 --futures 50": (
        "instalments", "number due_on window_to_on revenue_p50_fen due_p10_fen due_p90_fen burden_p90_ppm equal_fen"
    ),
    "plan compare equal-instalments flat --principal 20000": ("", "product flat_rate_ppm apr_simple_percent"),
    "plan show balloon --principal 20000": ("rows", "number due_on due_fen principal_fen left_fen why"),
    "plan show stepped --principal 20000": ("rows", "number due_on due_fen principal_fen left_fen why"),
    "plan show credit-line --principal 20000 --start 2026-03-02 --draw 2026-03-09=5000 --repay 2026-03-20=2000": (
        "rows", "due_on step number drawn_fen due_fen principal_fen interest_fen left_fen why"
    ),
    "product show credit-line": (None, "product line weak_month example_total_fen"),
    "plan change equal-instalments extend~2 breathe~1~nothing --principal 20000": (
        "days", "due_on before_fen after_fen difference_fen why"
    ),
    "adjust preview LN000009 extend~2": ("days", "due_on before_fen after_fen difference_fen why"),
    "product show breathing-space": (None, "weak_month example_total_fen"),
    "product show custom": (None, "product annual_rate_ppm weak_month example"),
    "product show flat": (None, "flat_rate_ppm example_flat_rate_ppm example_apr_simple_percent"),
    "loan list": ("", "loan_id name principal_outstanding_fen due_fen days_past_due next_due_on next_due_fen"),
    "loan list --late": ("", "loan_id days_past_due"),
    "loan show LN000002": ("instalments", "number due_on state due_fen paid_fen paid_on why"),
    "loan events LN000002": ("movements", "on what key part instalment amount_fen debit credit"),
    "loan quote LN000002": (None, "loan_id on to_pay_fen principal_fen interest_fen penalty_fen credit_fen"),
    "payment list": ("", "payment_id paid_on amount_fen channel payer note state loan_id reason file"),
    "payment list --loan LN000001": ("", "payment_id loan_id"),
    "payment unmatched": ("", "payment_id paid_on amount_fen payer note reason candidates"),
    "revenue show B0012": (
        "", "from_on net_sure_fen sure_fen possible_fen excluded_fen reduction_fen fee_fen possible_share_ppm"
    ),
    "revenue show B0012 --rules": ("", "channel class rule rows amount_fen why"),
    "revenue classify B0012": ("", "row day channel amount_fen direction payer item class rule why"),
    "revenue classify B0012 --class reduction --from 2025-06-01": ("", "row day channel amount_fen class rule"),
    "day list --last 3": ("", "day active_loans outstanding_fen late entries accrued_fen"),
    "segment list": ("", "segment loans share_ppm due_fen outstanding_fen"),
    "segment list --loans": ("", "loan_id borrower_id segment days_past_due due_fen why"),
    "segment list --features": ("", "feature unit meaning"),
    "segment explain LN000002": ("conditions", "segment condition matched"),
    "campaign list": ("", "batch campaign purpose day state messages queued"),
    "campaign preview BATCH": ("messages", "message_id borrower_id loan_id phone state parts text segment why"),
    "promise list": ("", "promise_id loan_id due_on amount_fen state"),
    "hold list": ("", "hold_id borrower_id kind note from_on to_on"),
    "ledger check": ("", "question sound found answers"),
    "ledger balances": ("", "account kind debits_fen credits_fen balance_fen"),
    "ledger balances --as-of 2025-12-31 --by value": ("", "account kind debits_fen credits_fen balance_fen"),
    "ledger rebuild --dry-run": ("", "table rows differed differences"),
}  # fmt: skip
DAYS = re.compile(r"(.+_)?(on|day|as_of)")


def words(line, story):
    """The words that are typed; ~ is a space inside one of them."""
    return [word.replace("~", " ") for word in line.replace("BATCH", story.batch).split()]


def faults(value, name=""):
    """What is wrong with the words of a JSON document: names, amounts, days."""
    if isinstance(value, dict):
        for key, part in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
                yield f"{key} is not in snake_case"
            yield from faults(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from faults(part, name)
    elif name.endswith(("_fen", "_ppm")):
        if value is not None and type(value) is not int:
            yield f"{name}: {value!r} is no whole number"
    elif DAYS.fullmatch(name) and value and date.fromisoformat(value).isoformat() != value:
        yield f"{name}: {value!r} is no day"


@pytest.mark.parametrize("line", READS)
def test_what_a_command_shows(line, story, shared_desk, alike, tmp_path):
    part, keys = READS[line]
    typed = words(line, story)
    sheet, book = tmp_path / "rows.csv", tmp_path / "rows.xlsx"
    json_en, json_zh = (shared_desk.run(*typed, "--format", "json", lang=lang) for lang in ("en", "zh"))
    to_csv, to_xlsx = shared_desk.run(*typed, "-o", sheet), shared_desk.run(*typed, "-o", book, lang="zh")
    assert [told.code for told in (json_en, json_zh, to_csv, to_xlsx)] == [0] * 4
    assert to_csv.out == to_xlsx.out == ""

    found = json_en.json()
    assert list(faults(found)) == []
    assert alike(json_zh.json()) == alike(found)
    rows = [found] if part is None else found[part] if part else found
    assert rows
    assert set(keys.split()) <= set(rows[0])

    text = sheet.read_text(encoding="utf-8")
    assert text.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(lines) == len(rows)
    assert list(lines[0]) == list(dict.fromkeys(name for row in rows for name in row))
    for name, value in rows[0].items():
        if name.endswith("_fen") and value is not None:
            assert lines[0][name] == str(value)
    cells = CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python()
    assert len(cells) == len(rows) + 1
    assert len(cells[0]) == len(lines[0])
    for path in (sheet, book):
        assert path.stat().st_mode & 0o077 == 0

    told = [json_en.out, json_en.err, json_zh.out, json_zh.err, to_csv.err, to_xlsx.err, text, repr(cells)]
    assert [secret for secret in story.secrets if any(secret in each for each in told)] == []


MASKED = {
    "borrower list": "冯椒红 19900000001",
    "borrower show B0001": "冯椒红 19900000001 冯椒红面馆",
    "payment list": "孔盏素",
    "payment unmatched": "临江商务楼物业部",
    "campaign preview BATCH": "吕晚风 19900000002",
}


@pytest.mark.parametrize("line", MASKED)
def test_unmask_shows_names_and_numbers_in_full(line, story, shared_desk):
    shown = shared_desk.run(*words(line, story), "--unmask", "--format", "json").out
    assert [secret for secret in MASKED[line].split() if secret not in shown] == []


def test_output_by_its_ending_is_the_same_document_as_by_format(shared_desk, tmp_path):
    for line in ("loan show LN000002", "plan show equal-instalments --principal 5000", "segment explain LN000002"):
        path = tmp_path / "one.json"
        shared_desk.done(*line.split(), "-o", path)
        assert path.read_text(encoding="utf-8") == shared_desk.run(*line.split(), "--format", "json").out


def test_without_a_terminal_rows_are_tab_separated_in_yuan_and_nothing_else_is_on_stdout(shared_desk):
    told = shared_desk.run("revenue", "show", "B0012")
    header, *lines = told.out.splitlines()
    assert header.split("\t")[:2] == ["from_on", "net_sure_yuan"]
    assert {line.count("\t") for line in lines} == {header.count("\t")}
    assert re.fullmatch(r"\d+\.\d\d", lines[0].split("\t")[1])


def test_talk_goes_to_stderr_in_the_language_of_the_user_and_quiet_leaves_the_data(shared_desk):
    english, chinese = shared_desk.run("ledger", "check"), shared_desk.run("ledger", "check", lang="zh")
    quiet = shared_desk.run("--quiet", "ledger", "check")
    assert "the books are sound: 12 loans" in english.err
    assert "12" in chinese.err
    assert "sound" not in chinese.err
    assert quiet.err == ""
    assert english.out == chinese.out == quiet.out
    by_option = shared_desk.run("--lang", "zh", "ledger", "check")
    assert by_option.err == chinese.err


def test_sentences_follow_the_language(shared_desk):
    lines = ("loan show LN000002", "segment list --loans", "product show revenue-share", "revenue show B0012 --rules")
    for line in lines:
        typed = [*line.split(), "--format", "json"]
        english, chinese = shared_desk.run(*typed), shared_desk.run(*typed, lang="zh")
        assert re.search(r"[一-鿿]", english.out.replace("**", "")) is None, line
        assert re.search(r"[一-鿿]", chinese.out), line


def test_as_of_shows_the_books_of_that_day(shared_desk):
    then, now = (
        shared_desk.run("--as-of", day, "loan", "list", "--format", "json") for day in ("2025-10-13", "2026-03-01")
    )
    show_then, show_now = (
        shared_desk.run("--as-of", day, "loan", "show", "LN000002", "--format", "json")
        for day in ("2025-10-13", "2026-03-01")
    )
    held = shared_desk.run("--as-of", "2026-02-28", "hold", "list", "--format", "json")
    assert [row["loan_id"] for row in then.json()] == [f"LN{number:06d}" for number in range(1, 6)]
    assert len(now.json()) == 12
    before, after = show_then.json(), show_now.json()
    assert before["as_of"] == "2025-10-13"
    assert before["paid_total_fen"] < after["paid_total_fen"]
    assert [row["state"] for row in before["instalments"]].count("paid") == 1
    assert held.json() == []


def test_a_list_that_names_nobody_known_says_so(shared_desk):
    for line in ("loan list --borrower B9999", "payment list --loan LN999999"):
        told = shared_desk.run(*line.split())
        assert told.code == 4
        assert line.split()[-1] in told.err
