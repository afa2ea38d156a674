"""Terms eased for a debtor in difficulty, as an operator does it: the answer, the class told, lists, voids."""

import csv
from dataclasses import replace

import pytest

LOAN = "LN000006"


@pytest.fixture
def desk(story, tmp_path):
    return story.desk.copy(tmp_path)


def shown(desk, loan_id=LOAN):
    told = desk.run("loan", "show", loan_id, "--format", "json").json()
    names = ("asset_class", "class_why", "restructured_on", "observed_from", "observed_until", "better_from_on")
    return {name: told[name] for name in names}


def test_a_loan_is_restructured_by_a_change_for_a_debtor_in_difficulty_and_no_more_by_its_void(desk):
    before = shown(desk)
    assert before == {**dict.fromkeys(before), "asset_class": "normal", "class_why": ""}
    told = desk.run("adjust", "preview", LOAN, "extend 2", "--in-difficulty")
    assert f"loan {LOAN}: restructured on 2026-03-01, as the debtor is in difficulty; observed until" in told.err
    assert told.err.endswith(f"loancli adjust apply {LOAN} 'extend 2' --on 2026-03-01 --in-difficulty\n")
    assert shown(desk) == before
    told = desk.done("adjust", "apply", LOAN, "extend 2", "--in-difficulty")
    after = shown(desk)
    assert after["asset_class"] == "special_mention"
    assert (after["class_why"], after["restructured_on"]) == ("restructured", "2026-03-01")
    assert after["observed_until"] == "2027" + after["observed_from"].removeprefix("2026")
    assert after["observed_until"] in told.err

    table = desk.run("loan", "show", LOAN).out
    assert f"restructured 2026-03-01, observed until {after['observed_until']}" in table
    assert f"2026-03-01 重组，观察期至 {after['observed_until']}" in desk.run("loan", "show", LOAN, lang="zh").out
    (row,) = desk.run("loan", "list", "--restructured", "--format", "json").json()
    assert (row["loan_id"], row["observed_until"]) == (LOAN, after["observed_until"])
    assert "2026-03-01" in desk.screen("loan", "list", "--restructured")
    events = desk.run("loan", "events", LOAN, "--format", "json").json()["events"]
    (event,) = (each for each in events if each["what"] == "plan_changed")
    assert event["note"] == "extend 2; debtor in difficulty"

    same = desk.run("adjust", "apply", LOAN, "extend 2")
    assert (same.code, "is in force already" in same.err) == (0, True)
    other = desk.run("adjust", "apply", LOAN, "extend 2", "--not-in-difficulty")
    assert (other.code, "says otherwise whether the debtor is in difficulty" in other.err) == (3, True)
    assert "债务人" in desk.run("adjust", "apply", LOAN, "extend 2", "--not-in-difficulty", lang="zh").err
    desk.done("loan", "void", LOAN, event["key"], "--reason", "slip")
    assert shown(desk) == before
    assert desk.run("loan", "list", "--restructured", "--format", "json").json() == []
    assert desk.run("ledger", "check").code == 0


def test_where_nobody_answers_it_is_said_how_that_was_taken(desk):
    told = desk.done("adjust", "apply", LOAN, "extend 2")
    assert "no restructuring: it was not past due when the day began" in told.err
    assert "--in-difficulty" in told.err
    assert shown(desk)["asset_class"] == "normal"
    desk.done("adjust", "apply", "LN000007", "rate 20%", "--in-difficulty")  # dearer: that eases nothing
    assert shown(desk, "LN000007")["restructured_on"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("loan", "pause", LOAN, "--from", "2026-03-01", "--to", "2026-03-10", "--reason", "flood"),
        ("coupon", "redeem", "C1", "--loan", LOAN, "--instalments", "1"),
    ],
)
def test_pauses_and_coupons_ask_too(desk, words):
    told = desk.done(*words, "--in-difficulty", "--format", "json")
    assert told.json()["events"][0]["payload"]["in_difficulty"] is True
    assert [each["asset_class"] for each in told.json()["positions"]] == ["normal", "special_mention"]
    assert shown(desk)["restructured_on"] == "2026-03-01"


def test_a_batch_asks_for_all_and_row_by_row(desk):
    (desk.folder / "batch.csv").write_text(
        "loan_id,change,in_difficulty\nLN000006,extend 2,no\nLN000007,extend 2,\n", encoding="utf-8"
    )
    desk.done("adjust", "preview", "batch.csv", "--in-difficulty", "-o", "preview.csv")
    with (desk.folder / "preview.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["in_difficulty"] for row in csv.DictReader(file)] == ["no", "yes"]
    desk.done("adjust", "apply", "preview.csv")
    assert shown(desk)["restructured_on"] is None
    assert shown(desk, "LN000007")["restructured_on"] == "2026-03-01"
    desk.done("day", "close", "--dry-run")
    (desk.folder / "batch.csv").write_text(
        "loan_id,change,in_difficulty\nLN000006,extend 1,perhaps\n", encoding="utf-8"
    )
    told = desk.run("adjust", "preview", "batch.csv")
    assert (told.code, "batch.csv:2:in_difficulty: 'perhaps' is not yes or no" in told.err) == (3, True)


def test_the_line_of_a_day_counts_restructured_loans(desk):
    desk.done("adjust", "apply", LOAN, "extend 2", "--in-difficulty")
    later = replace(desk, now="2026-03-02T10:00:00+08:00")
    line = later.done("day", "close", "--format", "json").json()[-1]
    assert (line["day"], line["restructured_loans"]) == ("2026-03-01", 1)
    assert line["restructured_fen"] > 0
    assert line["par30_restructured_ppm"] > line["par30_ppm"]
    assert "restructured loans" in later.screen("day", "list", "--last", "1")
