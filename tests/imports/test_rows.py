"""From cells to values: times, amounts, ids, absent words; the same for every format."""

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.core.money import fen_of
from loancli.imports.rows import AMOUNT_FEN_MAX, _amount

TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)


def _one(read, data):
    """The only row, or the only problem, of a file."""
    _, rows, problems = read(data)
    [found] = [*rows, *problems]
    return found


@given(TIMES)
def test_every_native_time_is_read_as_it_stands(alipay, alipay_row, read, at):
    row = _one(read, alipay([alipay_row(交易时间=at.isoformat(" "))]))
    assert row.occurred_at == at.isoformat() + "+08:00"
    assert row.occurred_on == at.date().isoformat()


@pytest.mark.parametrize(
    ("text", "occurred_at"),
    [
        ("2024/5/1 8:30", "2024-05-01T08:30:00+08:00"),
        ("2020.9.6 16:59", "2020-09-06T16:59:00+08:00"),
        ("2026-03-02 09:30", "2026-03-02T09:30:00+08:00"),
        ("2026/03/02 09:30:07", "2026-03-02T09:30:07+08:00"),
        ("2024-02-29 00:00:00", "2024-02-29T00:00:00+08:00"),
    ],
)
def test_times_that_excel_rewrote_are_read(alipay, alipay_row, read, text, occurred_at):
    assert _one(read, alipay([alipay_row(交易时间=text)])).occurred_at == occurred_at


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30 10:00:00",
        "2025-02-29 10:00:00",
        "2026-13-01 10:00:00",
        "2026-01-01 24:00:00",
        "2026-01-01 23:59:60",
        "2026-01-01 10:60:00",
        "1999-12-31 10:00:00",
        "2100-01-01 10:00:00",
        "2026-01-01T10:00:00",
        "2026-01-01 10:00:00+08:00",
        "2026-01-01 10:00:00.5",
        "2026-01-01",
        "2026-01/01 10:00:00",
        "26-01-01 10:00:00",
        "01/02/2026 10:00",
        "2026-W01-1 10:00:00",
        "２０２６-01-01 10:00:00",
        "46349.4166667",
        "",
    ],
)
def test_what_is_no_time_is_a_problem_with_its_place(alipay, alipay_row, read, text):
    data = alipay([alipay_row(1), alipay_row(2, 交易时间=text), alipay_row(3)])
    _, rows, [problem] = read(data)
    assert (problem.file_name, problem.row, problem.column) == ("export.csv", 27, "交易时间")
    assert [row.line for row in rows] == [26, 28]


@given(TIMES, st.integers(-40, 40))
def test_a_time_beside_a_remembered_day_is_still_checked(alipay, alipay_row, read, at, shift):
    hour = at.hour + shift
    text = f"{at.date().isoformat()} {hour:02d}{at.time().isoformat()[2:]}"
    data = alipay([alipay_row(1, 交易时间=at.isoformat(" ")), alipay_row(2, 交易时间=text)])
    _, rows, problems = read(data)
    assert bool(problems) is not (0 <= hour < 24)
    if not problems:
        expected = at - timedelta(hours=at.hour) + timedelta(hours=hour)
        assert rows[1].occurred_at == expected.isoformat() + "+08:00"


FULL_WIDTH = re.compile("[０-９．，]")
AMOUNTS = st.one_of(
    st.from_regex(r"[¥￥]?[0-9]{1,12}(\.[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[¥￥+-]?[0-9]{1,3}(,[0-9]{3}){1,4}(\.[0-9]{2})?", fullmatch=True),
    st.text(st.sampled_from("0123456789.,¥￥+-eE_ １２٣²"), max_size=12),
)


@given(st.lists(AMOUNTS, min_size=1, max_size=4))
def test_an_amount_is_read_exactly_as_fen_of_reads_it(wechat, wechat_row, read, amounts):
    # Twice: the second time, what stands before the cents is remembered.
    data = wechat([wechat_row(number, **{"金额(元)": text}) for number, text in enumerate([*amounts, *amounts])])
    _, rows, problems = read(data)
    by_line = {row.line: row.amount_fen for row in rows} | {problem.row: None for problem in problems}
    for text, found in zip([*amounts, *amounts], [by_line[line] for line in sorted(by_line)], strict=True):
        try:
            amount_fen = fen_of(text)
        except InputError:
            amount_fen = None
        if amount_fen is None or FULL_WIDTH.search(text):  # digits that no export has
            assert found is None, text
        else:
            assert found == (amount_fen if amount_fen <= AMOUNT_FEN_MAX else None), text


@pytest.mark.parametrize("text", ["1000000000.01", "999,999,999,999.00"])
def test_an_amount_above_a_billion_yuan_is_refused(alipay, alipay_row, read, text):
    problem = _one(read, alipay([alipay_row(金额=text)]))
    assert str(problem) == "export.csv:26:金额: more than 1 billion yuan in one row; bring the original export"
    assert _one(read, alipay([alipay_row(金额="1,000,000,000.00")])).amount_fen == AMOUNT_FEN_MAX


def test_what_is_remembered_of_amounts_is_bounded(monkeypatch):
    monkeypatch.setattr("loancli.imports.rows._WHOLES_MAX", 2)
    wholes: dict[str, int] = {}
    assert [_amount(f"{yuan}.00", wholes) for yuan in range(5)] == [0, 100, 200, 300, 400]
    assert wholes == {"0": 0, "1": 100}


def test_the_largest_amount_is_not_remembered_into_a_larger_one(alipay, alipay_row, read):
    amounts = ["1000000000.00", "1000000000.50"]
    _, rows, problems = read(alipay([alipay_row(number, 金额=text) for number, text in enumerate(amounts)]))
    assert (len(rows), len(problems)) == (1, 1)


@pytest.mark.parametrize("text", ["4.20000E+27", "4.2E+27", "4e+27", "202611231234567" + "0" * 13])
def test_an_id_that_excel_destroyed_is_no_id(alipay, alipay_row, read, text):
    statement, [row], [] = read(alipay([alipay_row(交易订单号=text, 商家订单号=text)]))
    assert (row.external_id, row.merchant_order_id) == ("", "")
    assert statement.counted.lost_ids == 1


@pytest.mark.parametrize(
    "text",
    ["20260101000000", "1000000000000000000000000001", "2026112312345678" + "0" * 12, "202611231234500000", "x00000"],
)
def test_an_id_that_only_ends_in_zeros_is_kept(alipay, alipay_row, read, text):
    statement, [row], [] = read(alipay([alipay_row(交易订单号=text, 商家订单号=text)]))
    assert (row.external_id, row.merchant_order_id, statement.counted.lost_ids) == (text, text, 0)


@pytest.mark.parametrize("text", ["\t2026\t", " 2026 ", "'2026", '"2026"', "`2026"])
def test_an_id_is_trimmed_of_blanks_and_quote_marks(wechat, wechat_row, read, text):
    assert _one(read, wechat([wechat_row(交易单号=text)])).external_id == "2026"


@pytest.mark.parametrize("text", ["", "/", "\t", "订单2026", "2026 1123", "2" * 65, "2" * 60 + "-----"])
def test_what_is_no_id_is_a_problem(wechat, wechat_row, read, text):
    problem = _one(read, wechat([wechat_row(交易单号=text)]))
    assert str(problem).startswith("export.csv:10:交易单号: ")


def test_a_slash_and_blanks_mean_absent(alipay, alipay_row, wechat, wechat_row, read):
    absent = dict.fromkeys(("交易对方", "对方账号", "商品说明", "收/付款方式", "商家订单号", "备注"), " / ")
    row = _one(read, alipay([alipay_row(**absent)]))
    assert (row.counterparty, row.counterparty_account, row.item, row.method, row.note) == ("",) * 5
    assert row.merchant_order_id == ""
    assert _one(read, alipay([alipay_row(交易对方="\u3000张三\u00a0")])).counterparty == "张三"
    absent = dict.fromkeys(("交易对方", "商品", "支付方式", "商户单号", "备注"), "/\t")
    row = _one(read, wechat([wechat_row(**absent)]))
    assert {row.counterparty, row.item, row.method, row.note, row.merchant_order_id} == {""}


def test_money_of_zero_did_not_move(alipay, alipay_row, read):
    assert _one(read, alipay([alipay_row(金额="0.00")])).money_moved == 0
    assert _one(read, alipay([alipay_row(金额="0.01")])).money_moved == 1


def test_an_unknown_direction_is_a_problem_that_lists_the_known_ones(alipay, alipay_row, wechat, wechat_row, read):
    problem = _one(read, alipay([alipay_row(**{"收/支": "转出"})]))
    assert str(problem) == "export.csv:26:收/支: '转出' is none of 收入, 支出, 不计收支"
    assert _one(read, wechat([wechat_row(**{"收/支": ""})])).message == "'' is none of 收入, 支出, /"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("验收中", ("pending", 1)),
        ("支付失败", ("failed", 0)),
        ("已取消", ("closed", 0)),
        ("订单关闭", ("closed", 0)),
        ("已撤销", ("closed", 0)),
    ],
)
def test_an_unknown_status_is_kept_and_counted(alipay, alipay_row, read, status, outcome):
    statement, [row], [] = read(alipay([alipay_row(交易状态=status)]))
    assert (row.status, (row.status_class, row.money_moved)) == (status, outcome)
    assert statement.counted.unknown_statuses == {status: 1}


def test_what_was_counted_is_what_was_read(alipay, alipay_row, read):
    rows = [
        alipay_row(1),
        alipay_row(2, 金额="0.50"),
        alipay_row(3, **{"收/支": "支出"}),
        alipay_row(4, **{"收/支": "不计收支"}, 金额="7.00"),
        alipay_row(5, 金额="x"),
    ]
    statement, _, problems = read(alipay(rows))
    assert statement.counted.totals == {"in": [2, 1300], "out": [1, 1250], "neutral": [1, 700]}
    assert statement.counted.problems == len(problems) == 1


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("收入：2笔 1,234.50元", {"in": (2, 123450)}),
        ("收入:2笔,1234.5元", {"in": (2, 123450)}),
        ("支出：0笔 0.00元", {"out": (0, 0)}),
        ("不计收支：3笔 7.00元", {"neutral": (3, 700)}),
        ("收入：X笔 XX元", {}),
        ("收入：2笔 1.2.3元", {}),
        ("其他收入：2笔 1.00元", {}),
    ],
)
def test_own_totals_are_read_or_left_out(alipay, alipay_row, read, line, declared):
    assert read(alipay([alipay_row()], totals=[line]))[0].declared().totals == declared
