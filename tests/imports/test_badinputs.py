"""The broken CSV files of the reference shelf, by id: refused with file, row and column, or read to what they hold."""

import io
import json

import pytest
import shelf

from loancli.core.errors import InputError, Problem
from loancli.imports import open_statement

CASES = {key: case for key, case in shelf.cases("badinputs/cases.json").items() if case["area"] == "import-csv"}

# id → the places that must be named: (line, column), None where the whole file is meant.
REFUSED = {
    "csv-02": [(19, "交易类型")],
    "csv-04": [(18, "交易对方")],
    "csv-05": [(18, "备注")],
    "csv-06": [(17, "金额(元)")],
    "csv-07": [(19, "商品说明")],
    "csv-09": [(15, "金额(元)")],
    "csv-10": [(17, "column 12"), (19, "备注")],
    "csv-15": [None],
    "csv-17": [(21, None)],
    "amt-01": [(18, "金额(元)")],
    "amt-03": [(18, "金额(元)")],  # FORMATS §1.5 would read full-width digits; no export of a platform has them
    "amt-05": [(16, "金额")],
    "amt-08": [(15, "金额")],
    "date-01": [(16, "交易时间")],
    "date-03": [(16, "交易时间")],
    "date-05": [(16, "交易时间"), (17, "交易时间"), (18, "交易时间")],
    "dup-06": [(17, "交易单号")],
}
# id → how many rows come out.
ACCEPTED = {
    "csv-01": 5,
    "csv-12": 5,
    "csv-13": 5,
    "csv-14": 5,
    "amt-06": 1,
    "amt-09": 2,
    # Only a clock, or the other rows, can tell these: jobs/ and ledger/ refuse them.
    "date-04": 1,
    "dup-01": 3,
    "dup-02": 2,
    "dup-04": 3,
    "text-01": 2,
    "text-03": 3,
}


needs_shelf = pytest.mark.skipif(not CASES, reason="the reference shelf has no badinputs here")


def _made(case):
    """The bytes of a case: it brings the lines of Python that build them."""
    prelude = json.loads(shelf.path("badinputs/cases.json").read_text(encoding="utf-8"))["prelude"]
    space: dict = {}
    exec("\n".join([*prelude, *case["make"]]), space)
    return space["data"], space


def _read(case):
    data, space = _made(case)
    found = list(open_statement(io.BytesIO(data), case["file"]))
    return [each for each in found if not isinstance(each, Problem)], space


@pytest.mark.parametrize("case_id", [key for key in CASES if key in REFUSED])
def test_a_broken_file_is_refused_with_its_places(case_id):
    case = CASES[case_id]
    data, _ = _made(case)
    told = []
    try:
        told += [str(each) for each in open_statement(io.BytesIO(data), case["file"]) if isinstance(each, Problem)]
    except InputError as error:
        told.append(str(error))
    assert len(told) == len(REFUSED[case_id])
    for sentence, place in zip(told, REFUSED[case_id], strict=True):
        parts = [case["file"]] if place is None else [case["file"], *[str(part) for part in place if part is not None]]
        assert sentence.startswith(":".join(parts) + ": ")


@needs_shelf
def test_csv_02_names_the_byte():
    with pytest.raises(InputError, match=r"byte 1,\d\d\d \(0x[0-9A-F]{2}\) is not UTF-8"):
        _read(CASES["csv-02"])


@needs_shelf
def test_csv_07_says_what_was_promised_and_what_was_read():
    with pytest.raises(InputError, match="it was cut off; 4 rows were read of the 5 that the file states"):
        _read(CASES["csv-07"])


@pytest.mark.parametrize("case_id", [key for key in CASES if key in ACCEPTED])
def test_an_odd_file_is_read_to_what_it_holds(case_id):
    rows, _ = _read(CASES[case_id])
    assert len(rows) == ACCEPTED[case_id]


def test_every_csv_case_is_in_one_of_the_two_lists():
    assert set(CASES) == {*REFUSED, *ACCEPTED} or not CASES


@needs_shelf
def test_odd_files_keep_their_meaning():
    assert {row.counterparty for row in _read(CASES["csv-01"])[0]} == {"李四"}
    reordered, space = _read(CASES["csv-12"])
    normal = open_statement(io.BytesIO(space["wx_csv"](space["GOOD"])), "normal.csv")
    assert reordered == list(normal)
    assert _read(CASES["csv-14"])[0][2].note == "a\u2028b\u0085c\nd"
    assert [row.line for row in _read(CASES["csv-14"])[0]] == [16, 17, 18, 20, 21]
    assert _read(CASES["amt-06"])[0][0].amount_fen == 123_450
    assert [row.money_moved for row in _read(CASES["amt-09"])[0]] == [0, 1]
    assert {row.external_id for row in _read(CASES["dup-04"])[0]} == {"1000100000000000000000000001"}
    assert len({row.counterparty for row in _read(CASES["text-03"])[0]}) == 3
