"""Opening a file: the format by its column header, foreign files refused by name, own totals compared."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError, Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import FORMATS, open_statement
from loancli.imports.foreign import FOREIGN
from loancli.imports.totals import Counted, own_totals

V2 = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,"


def _refusal(data, name="f.csv"):
    with pytest.raises(InputError) as refused:
        list(open_statement(io.BytesIO(data), name))
    return str(refused.value)


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"Rar!\x1a\x07\x00", "this is a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook (.xls) or one with a password"),
        (b"%PDF-1.7", "WeChat 我-服务-钱包-账单-常见问题-下载账单-用于个人对账"),
        (b"%PDF-1.7", "Alipay 我的-账单-开具交易流水证明-用于个人对账"),
        (b"\x89PNG\r\n", "this is a picture"),
        (b"\xff\xd8\xff\xe0", "this is a picture"),
        (b"\xef\xbb\xbf <!DOCTYPE html><p>", "a web page saved as a bill"),
        (b"<html>", "a web page saved as a bill"),
        (b"<xml><err_code>NO_BILL_EXIST</err_code></xml>", "error answer of an interface (NO_BILL_EXIST)"),
        (b"<xml><return_msg>No Bill Exist</return_msg></xml>", "error answer of an interface (No Bill Exist)"),
        (b'{"code":"BILL_CREATING"}', "error answer of an interface (BILL_CREATING)"),
        (b'{"message":1}', "error answer of an interface, not a bill"),
    ],
)
def test_a_container_is_refused_with_what_to_bring(start, sentence):
    message = _refusal(start)
    assert message.startswith("f.csv: this is ")
    assert sentence in message


@pytest.mark.parametrize("other", FOREIGN, ids=lambda other: other.name)
def test_every_known_table_that_is_not_read_is_refused_by_its_name(other):
    header = ",".join(name.replace("(", "（").replace(")", "）").ljust(20) for name in sorted(other.columns))
    assert _refusal(f"标题\n\n{header},\n".encode("gb18030")).startswith(f"f.csv: this is {other.name}; ")


def test_no_header_in_the_first_lines_lists_the_columns_found():
    message = _refusal("标题\n日期,收入,支出,余额\n2026-01-01,1,2,3\n".encode())
    assert "no line among the first 3 is the column header of a known format (alipay_app_v2, alipay_app_v1, " in message
    assert message.endswith("Columns found: 日期, 收入, 支出, 余额")
    assert _refusal(("x\n" * 80 + V2).encode()).endswith("Columns found: none")


def test_the_columns_shown_are_never_a_row_of_data():
    message = _refusal("张三丰,13900001111,5000.00,转账\n".encode())
    assert "张三丰" not in message
    assert message.endswith("none")


def test_the_header_of_two_formats_is_refused():
    wechat = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"
    message = _refusal(f"{V2}\n{wechat}\n".encode())
    assert "more than one format (alipay_app_v2, wechat_csv)" in message
    assert "Columns found: 交易时间, 交易分类" in message


def test_a_format_and_a_foreign_table_in_one_file_are_refused():
    assert "more than one format" in _refusal(f"{V2}\n记录时间,分类,收支类型,金额\n".encode())


def test_the_title_decides_nothing():
    statement = open_statement(io.BytesIO(f"微信支付账单明细\n{V2}\n".encode()), "微信支付账单.csv")
    assert statement.format == "alipay_app_v2"
    assert list(statement) == []


def test_a_missing_column_is_named_with_the_header_line():
    for missing in ("收/支", "金额", "交易状态"):
        columns = [name for name in V2.split(",") if name != missing]
        assert _refusal(("标题\n" + ",".join(columns)).encode()).startswith(
            f"f.csv:2:{missing}: the header has no such"
        )


def test_optional_columns_may_be_missing():
    columns = "交易时间,交易分类,交易对方,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号"
    data = f"{columns}\n2026-01-01 08:00:00,收入,/,收钱码收款,收入,1.00,余额,交易成功,1\t,2\t,\n"
    [row] = open_statement(io.BytesIO(data.encode()), "f.csv")
    assert (row.counterparty_account, row.note, row.merchant_order_id, row.amount_fen) == ("", "", "2", 100)


def test_an_app_statement_made_without_counterparty_or_goods_is_read_and_says_so():
    columns = "交易时间,交易分类,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,"
    data = (
        f"支付宝交易明细\n{columns}\n2026-07-24 14:40:52,收入,158******95,平板,收入,89.10,,交易成功,20260724\t,T2\t,,\n"
    )
    statement = open_statement(io.BytesIO(data.encode("gb18030")), "f.csv")
    [row] = statement
    assert statement.format == "alipay_app_v2"
    assert (row.counterparty, row.counterparty_account, row.item, row.amount_fen) == ("", "158******95", "平板", 8_910)
    [told] = statement.warnings()
    assert "without 交易对方" in told
    assert "展示交易对手信息" in told
    bare = open_statement(io.BytesIO(data.replace("商品说明,", "").replace("平板,", "").encode("gb18030")), "f.csv")
    assert [(row.item, row.amount_fen) for row in bare] == [("", 8_910)]
    assert ["展示商品说明信息" in told for told in bare.warnings()] == [False, True]


def test_damage_above_the_header_names_no_column(alipay, alipay_row):
    data = alipay([alipay_row()]).replace(b"shop@example.com", b"shop\x00,x,y")
    assert _refusal(data).startswith("f.csv:4: control character 0x00")


def test_damage_in_a_row_names_its_column(alipay, alipay_row):
    data = alipay([alipay_row(1), alipay_row(2, 备注="QQ")])
    assert _refusal(data.replace(b"QQ", b"\x01")).startswith("f.csv:27:备注: control character 0x01")


def test_each_format_recognises_only_its_own_header():
    assert len({known.NAME for known in FORMATS}) == len(FORMATS)
    for known in FORMATS:
        names = [name if isinstance(name, str) else name[0] for name in known.COLUMNS.values()]
        if known.NAME == "alipay_app_v1":
            names = ["收/支", *sorted(set(names) - {"收/支", "交易时间"}), "交易时间"]
        names += ["公众账号ID"] if known.NAME == "wechat_trade_bill" else []
        assert [other.NAME for other in FORMATS if other.recognises(names)] == [known.NAME]


def _declared(row_count=None, **totals):
    return Declared(
        channel="alipay",
        account_label="",
        from_on=None,
        to_on=None,
        filtered=False,
        row_count=row_count,
        totals=totals,
    )


def test_totals_that_agree_or_are_not_stated_tell_nothing():
    counted = Counted(totals={"in": [2, 300], "out": [1, 50], "neutral": [0, 0]}, problems=1)
    assert own_totals(_declared(), counted) == []
    assert own_totals(_declared(row_count=4, **{"in": (2, 300), "out": (1, 50), "neutral": (0, 0)}), counted) == []


def test_totals_that_differ_are_told_with_both_figures():
    counted = Counted(totals={"in": [2, 300], "out": [1, 50], "neutral": [0, 0]})
    assert own_totals(_declared(row_count=4, **{"in": (2, 301), "out": (2, 50)}), counted) == [
        "the file states 4 rows, 3 were found",
        "the file states 收入 2 rows 3.01 yuan, 2 rows 3.00 yuan were read",
        "the file states 支出 2 rows 0.50 yuan, 1 rows 0.50 yuan were read",
    ]


def test_what_a_person_should_know_is_told_after_the_last_row(alipay, alipay_row, read):
    rows = [
        alipay_row(1, 交易状态="验收中"),
        alipay_row(2, 交易状态="验收中"),
        alipay_row(3, 交易订单号="2.02601E+27"),
    ]
    statement, found, problems = read(alipay(rows, exported="收入", totals=["共3笔记录", "收入：3笔 37.50元"]))
    assert (len(found), problems, statement.declared().filtered) == (3, [], True)
    lost = (
        "1 transaction numbers were destroyed by Excel: these rows are compared by time, amount and counterparty only"
    )
    assert statement.warnings() == [
        "export.csv: only some transaction types were exported (导出类型 is not 全部): revenue will be incomplete",
        "export.csv: status '验收中' is not known (2 rows): check whether this money moved",
        f"export.csv: {lost}; bring the original export",
    ]


@pytest.fixture(scope="module")
def victims(alipay, alipay_row, wechat, wechat_row):
    refund = {"交易类型": "转账-退款", "当前状态": "已全额退款", "商品": "a,b\nc"}
    return (
        alipay([alipay_row(number) for number in range(1, 9)]),
        alipay([alipay_row(number) for number in range(1, 9)], encoding="utf-8"),
        wechat([*[wechat_row(number) for number in range(1, 9)], wechat_row(9, **refund)]),
        wechat([wechat_row(number) for number in range(1, 9)], encoding="utf-16"),
    )


@given(seed=st.integers(min_value=0))
def test_damaged_bytes_raise_nothing_but_an_input_error(victims, seed):
    dice = random.Random(seed)
    data = bytearray(dice.choice(victims))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data))
        match dice.randrange(4):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                data[at:at] = dice.choice([b'"', b",", b"\n", b"\r", b"\xff", b"\x00", b"\t", b"E+", b"/"])
            case 2:
                del data[at : at + dice.randint(1, 40)]
            case _:
                data[at:at] = data[at : at + dice.randint(1, 400)]
    told = "f.csv"
    try:
        for each in open_statement(io.BytesIO(bytes(data)), "f.csv"):
            assert isinstance(each, (Problem, StatementRow))
    except InputError as error:
        told = str(error)
    assert told.startswith("f.csv")


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_raise_nothing_but_an_input_error(data):
    with pytest.raises(InputError, match=r"^f\.csv"):
        list(open_statement(io.BytesIO(data), "f.csv"))
