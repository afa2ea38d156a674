"""Workbooks: texts, numbers and dates as stored values; what could harm is refused before it is parsed."""

import io
import zipfile
from xml.sax.saxutils import escape

import pytest

from loancli.core.errors import InputError
from loancli.imports import open_statement

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DATE = 1  # the style of a date


def _cell(at, value):
    if isinstance(value, tuple):  # (serial number, style) or ('=', formula)
        return (
            f'<c r="{at}"><f>{value[1]}</f></c>' if value[0] == "=" else f'<c r="{at}" s="{DATE}"><v>{value[0]}</v></c>'
        )
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{at}"><v>{value!r}</v></c>'


def _sheet(rows, first_row=1):
    lines = [
        f'<row r="{number}">' + "".join(_cell(f"{chr(65 + at)}{number}", v) for at, v in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, start=first_row)
    ]
    return f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _workbook(sheets, **more):
    names = list(sheets)
    files = {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        "</Types>",
        "_rels/.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}"><Relationship Id="r" Type="{RELS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{RELS}"><sheets>'
        + "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(names, start=1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}">'
        + "".join(
            f'<Relationship Id="r{i}" Type="{RELS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(names) + 1)
        )
        + f'<Relationship Id="s" Type="{RELS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'{HEAD}<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
        **{f"xl/worksheets/sheet{i}.xml": sheets[name] for i, name in enumerate(names, start=1)},
        **more,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def book(wechat_columns):
    """Rows of WeChat cells → a workbook with one sheet."""

    def made(*rows, first_row=1, sheets=("Sheet1",), **more):
        preamble = [["微信支付账单明细"], ["微信昵称：[某人]"], [""], ["共2笔记录"]]
        text = _sheet([*preamble, wechat_columns, *rows], first_row)
        return _workbook(dict.fromkeys(sheets, text), **more)

    return made


def _refusal(data):
    with pytest.raises(InputError) as refused:
        list(open_statement(io.BytesIO(data), "f.xlsx"))
    return str(refused.value)


def test_text_and_numeric_amounts_are_the_same_fen(book, wechat_row, read):
    rows = [wechat_row(1, **{"金额(元)": "¥28.16"}), wechat_row(2)]
    rows[1][5] = 28.16
    statement, found, problems = read(book(*rows))
    assert (statement.format, statement.encoding, statement.header_line, problems) == ("wechat_xlsx", "xlsx", 5, [])
    assert [row.amount_fen for row in found] == [2816, 2816]
    assert [row.line for row in found] == [6, 7]


@pytest.mark.parametrize(
    ("amount", "fen"), [(100.1, 10010), (12.0, 1200), (0.07, 7), (1234567.89, 123456789), (3, 300), (0.1, 10)]
)
def test_a_number_is_read_as_its_shortest_decimals(book, wechat_row, read, amount, fen):
    row = wechat_row()
    row[5] = amount
    assert read(book(row))[1][0].amount_fen == fen


@pytest.mark.parametrize("amount", [0.1 + 0.2, 12.005, 1e20, -1.5, 1e-7])
def test_a_number_that_is_no_whole_fen_is_refused_with_its_cell(book, wechat_row, read, amount):
    row = wechat_row()
    row[5] = amount
    _, [], [problem] = read(book(row), "f.xlsx")
    assert str(problem).startswith(f"f.xlsx:6:金额(元): cell F6: '{amount!r}' is not an amount")


def test_a_date_cell_is_a_time_to_the_second(book, wechat_row, read):
    row = wechat_row()
    row[0] = (46344.354166666664, DATE)
    assert read(book(row))[1][0].occurred_at == "2026-11-18T08:30:00+08:00"


def test_a_serial_number_without_a_style_is_no_time(book, wechat_row, read):
    row = wechat_row()
    row[0] = 46344.35
    _, [], [problem] = read(book(row))
    assert "cell A6: '46344.35' is a number, as Excel leaves it" in str(problem)


def test_a_number_as_transaction_id_is_lost_or_short(book, wechat_row, read):
    rows = [wechat_row(1), wechat_row(2)]
    rows[0][8], rows[1][8] = 1.0000499123456789e27, 129847129
    statement, found, _ = read(book(*rows))
    assert [row.external_id for row in found] == ["", "129847129"]
    assert "destroyed by Excel" in statement.warnings()[-1]


def test_rows_count_as_the_sheet_shows_them(book, wechat_row, read):
    statement, [row], _ = read(book(wechat_row(), first_row=4))
    assert (statement.header_line, row.line) == (8, 9)


def test_empty_columns_before_the_table_keep_their_place(wechat_columns, wechat_row, read):
    rows = [["", "", *wechat_columns], ["", "", *wechat_row()]]
    text = _sheet(rows).replace('<c r="A1" t="inlineStr"><is><t xml:space="preserve"></t></is></c>', "")
    text = text.replace('<c r="B1" t="inlineStr"><is><t xml:space="preserve"></t></is></c>', "")
    broken = ["", "", *wechat_row(2)]
    broken[7] = -3.5
    sheet = text.replace(
        "</sheetData>", _sheet([broken], 3).partition("<sheetData>")[2].partition("</sheetData>")[0] + "</sheetData>"
    )
    _, [row], [problem] = read(_workbook({"Sheet1": sheet}), "f.xlsx")
    assert row.amount_fen == 1250
    assert str(problem).startswith("f.xlsx:3:金额(元): cell H3: ")


def test_a_formula_in_a_needed_cell_is_refused(book, wechat_row, read):
    row = wechat_row()
    row[5] = ("=", "SUM(1,2)")
    _, [], [problem] = read(book(row), "f.xlsx")
    assert str(problem) == (
        "f.xlsx:6:金额(元): cell F6: holds a formula; an export holds values: bring the file as the app sent it"
    )


def test_a_refund_in_a_workbook_points_at_its_payment(book, wechat_row, read):
    paid = wechat_row(1, 交易类型="转账", **{"收/支": "支出"}, 当前状态="对方已退还", 商户单号="BACK1")
    back = wechat_row(2, 交易类型="转账-退款", 当前状态="已全额退款", 交易单号="BACK1")
    rows = read(book(back, paid))[1]
    assert rows[0].refund_of == rows[1].external_id


def test_sheets_with_the_same_rows_are_one_statement(book, wechat_row, read):
    statement, rows, _ = read(book(wechat_row(1), wechat_row(2), sheets=("复制", "Sheet1")))
    assert len(rows) == 2
    assert statement.warnings() == ["export.csv: the sheets 复制, Sheet1 hold the same rows; Sheet1 was read"]


def test_sheets_with_other_rows_are_refused(wechat_row, wechat_columns):
    sheets = {name: _sheet([wechat_columns, wechat_row(n)]) for n, name in enumerate(("一月", "二月"), start=1)}
    assert _refusal(_workbook(sheets)) == (
        "f.xlsx: the sheets 一月, 二月 hold different rows; save each as a file of its own"
    )


def test_another_statement_saved_as_a_workbook_is_read(alipay_columns, alipay_row, read):
    statement, [row], _ = read(_workbook({"x": _sheet([alipay_columns, alipay_row(1)])}))
    assert (statement.format, row.amount_fen) == ("alipay_app_v2", 1250)


def test_a_control_character_or_a_giant_cell_is_a_problem_of_its_cell(book, wechat_row, read):
    rows = [wechat_row(1, 备注="x" * 5_000), wechat_row(2)]
    _, found, [problem] = read(book(*rows), "f.xlsx")
    assert len(found) == 1
    assert str(problem).startswith("f.xlsx:6:备注: cell K6: a cell of more than 4,096 characters")


def test_a_dtd_is_refused(wechat_columns):
    bomb = _sheet([wechat_columns]).replace(HEAD, f'{HEAD}<!DOCTYPE x [<!ENTITY a "aaaa">]>')
    assert _refusal(_workbook({"Sheet1": bomb})) == "f.xlsx: the workbook contains a DTD; no app writes one"


def test_a_cell_far_out_is_refused_before_a_dense_table_is_made(wechat_columns):
    far = _sheet([wechat_columns]).replace("</row>", '<c r="XFD1"><v>1</v></c></row>')
    assert "beyond 64 columns" in _refusal(_workbook({"Sheet1": far}))
    deep = _sheet([wechat_columns]).replace("</sheetData>", '<row r="1048576"><c r="A1048576"/></row></sheetData>')
    assert "10,000 empty rows" in _refusal(_workbook({"Sheet1": deep}))


def test_a_workbook_that_is_none_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert _refusal(out.getvalue()).startswith("f.xlsx: ")


def test_an_empty_workbook_has_no_header():
    assert "no line among the first 0 is the column header" in _refusal(_workbook({"Sheet1": _sheet([])}))
