"""loancli adjust over many loans, as an analyst runs it: preview into a file, look, apply, list, undo."""

import csv
import json

import pytest


@pytest.fixture
def desk(story, tmp_path):
    return story.desk.copy(tmp_path)


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_batch_from_preview_to_undo(desk):
    chosen = ["adjust", "preview", "--product", "equal-principal", "breathe 1 interest extend"]
    told = desk.run(*chosen, "-o", "preview.csv")
    assert (told.code, "loans would change" in told.err) == (0, True)
    rows = rows_of(desk.folder / "preview.csv")
    assert [row["loan_id"] for row in rows] == ["LN000006", "LN000007"]
    assert all(row["fingerprint"] and row["worse"] == "cost term" for row in rows)
    before = desk.run("loan", "show", "LN000006", "--format", "json").json()

    assert "2 loans would change" in desk.run("adjust", "apply", "preview.csv", "--dry-run").err
    assert desk.run("adjust", "list", "--format", "json").json() == []
    told = desk.run("adjust", "apply", "preview.csv")
    assert (told.code, "2 loans changed" in told.err) == (0, True)
    assert "0 loans changed, 2 had changed already" in desk.run("adjust", "apply", "preview.csv").err
    assert "0 loans would change, 2 have" in desk.run("adjust", "preview", "preview.csv", "-o", "again.csv").err
    assert desk.run("adjust", "apply", "again.csv").code == 0  # a job that runs once more
    (batch,) = desk.run("adjust", "list", "--format", "json").json()
    assert (batch["events"], batch["undone"]) == (2, 0)
    assert f"adjust undo {batch['batch']}" in told.err
    after = desk.run("loan", "show", "LN000006", "--format", "json").json()
    assert len(after["instalments"]) == len(before["instalments"]) + 1

    assert "2 changes" in desk.run("adjust", "undo", batch["batch"]).err
    assert desk.run("loan", "show", "LN000006", "--format", "json").json() == before
    assert desk.run("ledger", "check").code == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("batch.csv", "loan_id,change,on\nLN000006,extend 2,2026-03-01\nLN000008,extend 2,2026-03-01\n"),
        (
            "batch.jsonl",
            '{"loan_id": "LN000006", "change": "extend 2"}\n{"loan_id": "LN000008", "change": "extend 2"}\n',
        ),
    ],
)
def test_what_cannot_change_is_told_row_by_row_and_the_exit_code_says_so(desk, name, text):
    (desk.folder / name).write_text(text, encoding="utf-8")
    told = desk.run("adjust", "preview", name, "--format", "json")
    assert told.code == 5
    assert [row["state"] for row in told.json()] == ["changes", "refused"]
    assert told.json()[0]["days"]
    assert "no principal" in told.json()[1]["reason"]
    assert desk.run("adjust", "apply", name).code == 3  # it was not previewed


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("batch.csv", "loan,change\nLN000006,extend 2\n", "batch.csv:1: needs the columns loan_id, change"),
        ("batch.csv", "loan_id,change\nLN000006,\n", "batch.csv:2:change: is empty"),
        ("batch.csv", "loan_id,change\nLN000006,extend 2\nLN000006,rate 6%\n", "3:loan_id: loan LN000006 is in row 2"),
        ("batch.csv", "loan_id,change,on\nLN000006,extend 2,2026-02-30\n", "batch.csv:2:on: "),
        ("batch.csv", "loan_id,change\n", "no row to change"),
        ("batch.jsonl", "{}\n", "batch.jsonl:1: write an object with loan_id and change"),
        ("batch.jsonl", "nonsense\n", "batch.jsonl:1: not JSON"),
        ("batch.json", '[{"loan_id": "LN000006", "change": "extend 2"}, 5]', "batch.json:2: write an object"),
    ],
)  # fmt: skip
def test_a_batch_that_cannot_be_read_says_where(desk, name, text, told):
    (desk.folder / name).write_text(text, encoding="utf-8")
    found = desk.run("adjust", "preview", name)
    assert found.code == 3
    assert told in found.err


def test_a_batch_that_is_no_text_is_told(desk):
    (desk.folder / "batch.jsonl").write_bytes(b"\xff\xfe\x00")
    found = desk.run("adjust", "preview", "batch.jsonl")
    assert (found.code, "batch.jsonl: byte 0 is not UTF-8" in found.err) == (3, True)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("ending", ["csv", "json", "xlsx"])
def test_a_preview_is_put_in_force_in_whatever_form_it_was_kept(desk, ending, lang):
    (desk.folder / "batch.csv").write_text("loan_id,change\nLN000006,extend 2\nLN000008,extend 2\n", encoding="utf-8")
    assert desk.run("adjust", "preview", "batch.csv", "-o", f"kept.{ending}", lang=lang).code == 5
    told = desk.run("adjust", "apply", f"kept.{ending}")
    assert (told.code, "1 loans changed, 0 had changed already, 0 could not" in told.err) == (0, True)


def test_a_selection_of_nobody_is_refused_by_its_name(desk):
    found = desk.run("adjust", "preview", "--trade", "no_such_trade", "extend 2")
    assert (found.code, "no active loan is of trade no_such_trade" in found.err) == (3, True)
    assert desk.run("adjust", "preview", "--trade", "x", "LN000006", "extend 2").code == 2
    assert desk.run("adjust", "preview", "nowhere.csv").code == 4


def test_a_segment_is_selected_on_the_open_day(desk):
    listed = desk.run("segment", "list", "--loans", "--format", "json").json()
    segment = listed[0]["segment"]
    found = desk.run("adjust", "preview", "--segment", segment, "breathe 1 nothing", "--format", "json")
    inside = {row["loan_id"] for row in listed if row["segment"] == segment}
    assert {row["loan_id"] for row in json.loads(found.out)} <= inside
