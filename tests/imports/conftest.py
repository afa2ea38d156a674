"""Makers of statements in the shape of real files, from rows of cells; written from FORMATS.md, not from samples."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from loancli.core.errors import Problem
from loancli.core.statement import StatementRow
from loancli.imports import Statement, open_statement

ALIPAY_COLUMNS = ["交易时间", "交易分类", "交易对方", "对方账号", "商品说明", "收/支", "金额", "收/付款方式"]
ALIPAY_COLUMNS += ["交易状态", "交易订单号", "商家订单号", "备注"]
WECHAT_COLUMNS = ["交易时间", "交易类型", "交易对方", "商品", "收/支", "金额(元)", "支付方式", "当前状态"]
WECHAT_COLUMNS += ["交易单号", "商户单号", "备注"]


def _line(cells: Sequence[str], eol: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=eol).writerow(cells)
    return out.getvalue()


@pytest.fixture(scope="session")
def alipay_columns() -> list[str]:
    return ALIPAY_COLUMNS


@pytest.fixture(scope="session")
def wechat_columns() -> list[str]:
    return WECHAT_COLUMNS


@pytest.fixture(scope="session")
def alipay() -> Callable[..., bytes]:
    """Rows of the 12 Alipay cells → the file."""

    def made(
        rows: Sequence[Sequence[str]],
        *,
        columns: Sequence[str] = ALIPAY_COLUMNS,
        header_line: int = 25,
        issuer: str = "支付宝支付科技有限公司",
        exported: str = "全部",
        totals: Sequence[str] = (),
        is_padded: bool = False,
        ends: Sequence[str] = (",",),
        encoding: str = "gb18030",
        eol: str = "\r\n",
    ) -> bytes:
        stated = [
            "-" * 84,
            "导出信息：",
            "姓名：某人",
            "支付宝账户：shop@example.com",
            "起始时间：[2026-01-01 00:00:00]    终止时间：[2026-01-31 23:59:59]",
            f"导出交易类型：[{exported}]",
            "导出时间：[2026-02-01 09:00:00]",
            *totals,
        ]
        notes = ["", "特别提示：", *[f"{number}.说明" for number in range(1, 40)]]
        preamble = [*stated, *notes[: header_line - 2 - len(stated)], f"--------{issuer}  电子客户回单--------"]
        lines = [text + eol for text in preamble]
        for number, row in enumerate([columns, *rows]):
            cells = [cell.ljust(20) for cell in row] if is_padded else list(row)
            if number and len(cells) > 10:
                cells[9:11] = [cell + "\t" for cell in cells[9:11]]
            lines.append(_line(cells, "") + ends[number % len(ends)] + eol)
        return "".join(lines).encode(encoding)

    return made


@pytest.fixture(scope="session")
def wechat() -> Callable[..., bytes]:
    """Rows of the 11 WeChat cells → the file."""

    def made(
        rows: Sequence[Sequence[str]],
        *,
        columns: Sequence[str] = WECHAT_COLUMNS,
        commas: int = 8,
        exported: str = "全部",
        totals: Sequence[str] = (),
        encoding: str = "utf-8-sig",
        eol: str = "\r\n",
    ) -> bytes:
        preamble = [
            "微信支付账单明细",
            "微信昵称：[某人]",
            "起始时间：[2026-01-01 00:00:00] 终止时间：[2026-01-31 23:59:59]",
            f"导出类型：[{exported}]",
            "导出时间：[2026-02-01 09:00:00]",
            "",
            *totals,
            "注：",
            "----------------------微信支付账单明细列表--------------------",
        ]
        lines = [text + "," * commas + eol for text in preamble]
        return "".join([*lines, *[_line(row, eol) for row in [columns, *rows]]]).encode(encoding)

    return made


@pytest.fixture(scope="session")
def alipay_row() -> Callable[..., list[str]]:
    """The 12 cells of a receipt by QR code, changed by column name."""

    def made(number: int = 1, **changes: str) -> list[str]:
        cells = dict(
            zip(
                ALIPAY_COLUMNS,
                [
                    f"2026-01-{number % 28 + 1:02d} 08:30:{number % 60:02d}",
                    "收入",
                    "**智",
                    "139******88",
                    "收钱码收款",
                    "收入",
                    "12.50",
                    "余额",
                    "交易成功",
                    f"20260101{number:020d}",
                    "",
                    "",
                ],
                strict=True,
            )
        )
        assert set(changes) <= set(cells)
        return list((cells | changes).values())

    return made


@pytest.fixture(scope="session")
def wechat_row() -> Callable[..., list[str]]:
    """The 11 cells of a receipt by QR code, changed by column name."""

    def made(number: int = 1, **changes: str) -> list[str]:
        cells = dict(
            zip(
                WECHAT_COLUMNS,
                [
                    f"2026-01-{number % 28 + 1:02d} 08:30:{number % 60:02d}",
                    "二维码收款",
                    "小明",
                    "收款方备注:二维码收款",
                    "收入",
                    "¥12.50",
                    "零钱",
                    "已收钱",
                    f"10000499{number:024d}\t",
                    "/\t",
                    "/",
                ],
                strict=True,
            )
        )
        assert set(changes) <= set(cells)
        return list((cells | changes).values())

    return made


Read = tuple[Statement, list[StatementRow], list[Problem]]


@pytest.fixture(scope="session")
def read() -> Callable[..., Read]:
    """Bytes → (statement, rows, problems)."""

    def done(data: bytes, file_name: str = "export.csv", **options: Any) -> Read:
        statement = open_statement(io.BytesIO(data), file_name, **options)
        found = list(statement)
        rows = [each for each in found if isinstance(each, StatementRow)]
        return statement, rows, [each for each in found if isinstance(each, Problem)]

    return done
