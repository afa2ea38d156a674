"""The same files, however often, in whatever order and however cut, make the same books; real files read to the fen."""

import json
from itertools import pairwise

import pytest
import shelf

SHARED = ("B0003", "B0012")  # borrowers whose instalments follow their revenue
SAMPLES = shelf.SHELF / "exports" / "samples"
EXPECTED = json.loads((SAMPLES / "EXPECTED.json").read_text(encoding="utf-8")) if SAMPLES.exists() else {}
OURS = [name for name in EXPECTED if name.startswith(("alipay_app_statement_v2/", "wechat_statement_csv/"))]
WAYS = {"in": "收入", "out": "支出"}


def shown(desk):
    """What the books say, without the numbers that rows were given on arrival."""
    lines = ["ledger balances", "loan list", *(f"revenue show {borrower} --by day" for borrower in SHARED)]
    found = {line: desk.done(*line.split(), "--format", "json").json() for line in lines}
    payments = desk.done("payment", "list", "--format", "json").json()
    names = ("paid_on", "amount_fen", "payer", "note", "state", "loan_id", "reason")
    found["payments"] = sorted(str([row[name] for name in names]) for row in payments)
    return found


@pytest.fixture(scope="module")
def once(story, tmp_path_factory):
    """Every file once, in the order of its days."""
    desk = story.signed.copy(tmp_path_factory.mktemp("once"))
    for borrower in SHARED:
        desk.done("import", *story.exports(borrower), *story.password, "--as", "revenue", "--borrower", borrower)
    desk.done("import", *story.lender(), "--as", "repayments")
    desk.done("day", "close", "--through", "2026-01-31")
    return desk


def test_every_file_twice(story, once, tmp_path):
    desk = once.copy(tmp_path / "desk")
    before = desk.dump()
    told = desk.done("import", *story.lender(), "--as", "repayments", "--format", "json")
    assert {(row["new"], row["corrected"], row["placed"]) for row in told.json()} == {(0, 0, 0)}
    assert told.err.count("the same file was imported before; nothing changed") == len(story.lender())
    files = story.exports("B0003")
    desk.done("import", *files, *files, *story.password, "--as", "revenue", "--borrower", "B0003")
    assert desk.dump() == before
    assert shown(desk) == shown(once)


def test_files_in_other_order_one_by_one(story, once, tmp_path):
    desk = story.signed.copy(tmp_path / "desk")
    for path in reversed(story.lender()):
        desk.done("import", path, "--as", "repayments")
    for borrower in reversed(SHARED):
        files = reversed(story.exports(borrower))
        desk.done("import", *files, *story.password, "--as", "revenue", "--borrower", borrower)
    desk.done("day", "close", "--through", "2026-01-31")
    assert shown(desk) == shown(once)
    desk.done("ledger", "check")


def joined(first, second):
    """Two Alipay statements as one that overlaps both: the header and rows of the first, the rows of the second."""
    head, rows = (path.read_bytes().decode("gb18030") for path in (first, second))
    return (head + rows[rows.index("\n", rows.index("交易时间,")) + 1 :]).encode("gb18030")


def test_files_that_overlap(story, once, tmp_path):
    desk = story.signed.copy(tmp_path / "desk")
    months = [path for path in story.lender() if path.name.startswith("alipay")]
    for number, (first, second) in enumerate(pairwise(months)):
        (desk.folder / f"two-{number}.csv").write_bytes(joined(first, second))
    overlapping = sorted(desk.folder.glob("two-*.csv"))
    wechat = [path for path in story.lender() if path.name.startswith("wechat")]
    told = desk.done("import", *overlapping, *wechat, "--as", "repayments", "--format", "json").json()
    assert sum(row["seen"] for row in told) > 0
    for borrower in SHARED:
        desk.done("import", *story.exports(borrower), *story.password, "--as", "revenue", "--borrower", borrower)
    desk.done("day", "close", "--through", "2026-01-31")
    assert shown(desk) == shown(once)


def test_a_file_that_is_refused_leaves_nothing_of_those_before_it(story, tmp_path):
    desk = story.signed.copy(tmp_path / "desk")
    (desk.folder / "empty.csv").touch()
    with desk.unchanged():
        assert desk.run("import", *story.lender(), "empty.csv", "--as", "repayments").code == 3


# Real files


@pytest.mark.skipif(not OURS, reason="the reference shelf has no samples here")
@pytest.mark.parametrize(
    "read_as", [("revenue", "--borrower", "B0001"), ("repayments",)], ids=["revenue", "repayments"]
)
def test_real_samples_are_imported_to_the_sums_that_are_known(read_as, story, tmp_path):
    desk = story.signed.copy(tmp_path / "desk")
    paths = [SAMPLES / name for name in OURS]
    told = desk.done("import", *paths, "--as", *read_as, "--format", "json")
    for name, row in zip(OURS, told.json(), strict=True):
        known = EXPECTED[name]["by_direction"]
        assert row["file"] == name.rpartition("/")[2]
        assert row["rows"] == EXPECTED[name]["row_count"]
        for way, word in WAYS.items():
            assert row[f"{way}_fen"] == known.get(word, {"amount_fen": 0})["amount_fen"], name
        neutral_fen = sum(each["amount_fen"] for word, each in known.items() if word not in WAYS.values())
        assert row["neutral_fen"] == neutral_fen, name
    before = desk.dump()
    assert {row["new"] for row in desk.done("import", *paths, "--as", *read_as, "--format", "json").json()} == {0}
    assert desk.dump() == before
    desk.done("ledger", "check")
