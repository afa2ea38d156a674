"""Summaries of Alipay's merchant bills, 账务汇总 and 业务汇总 (FORMATS §3.2, §3.4): figures to check with, no rows.

Each has a last line 合计 that must be the sum of the lines above it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_bill
from loancli.imports.rows import CellError, Cells, read_bill
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures

_ALL = "合计"
STATED = "合计 "  # before the direction, for what the line 合计 says


class Summary(NamedTuple):
    """A summary as a format: `DETAIL` is the bill that it sums up; COUNTS and SUMS: direction → field."""

    NAME: str
    DETAIL: str
    COLUMNS: dict[str, str]
    COUNTS: dict[str, str]
    SUMS: dict[str, str]
    SIGNATURE: frozenset[str]
    CHANNEL: str = alipay_bill.CHANNEL
    ENDS: tuple[str, ...] = ("#",)
    OPTIONAL: frozenset[str] = frozenset()

    def recognises(self, cells: list[str]) -> bool:
        """Is this the header?"""
        return self.SIGNATURE.issubset(cells)

    def parse(
        self, source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]
    ) -> Iterator[StatementRow | Problem]:
        """No row ever; a problem for each line that cannot be read. Counts lines, and the line 合计 apart."""

        def row_of(cells: Cells, _line: int) -> StatementRow | None:
            prefix = STATED if cells["label"] == _ALL else ""
            for direction, field in self.COUNTS.items():
                if not cells[field].isdecimal():
                    raise CellError(field, f"'{cells[field][:40]}' is not a number of rows")
                amount_fen = abs(cells.fen(self.SUMS[direction])) if direction in self.SUMS else 0
                counted.add(f"{prefix}{direction}", 1_000 * amount_fen, int(cells[field]))
            return None

        return read_bill(source, layout, counted, row_of)

    def stated(self, lines: list[str], counted: Counted) -> tuple[Declared, Figures | None]:
        """The line 合计, by direction; the lines above it were counted under the same names."""
        found = {direction: counted.figures.get(f"{STATED}{direction}") for direction in self.COUNTS}
        return alipay_bill.declared(lines), {
            direction: (figure[0], figure[1]) for direction, figure in found.items() if figure
        }


FUND_SUMMARY = Summary(
    NAME="alipay_fund_summary",
    DETAIL="alipay_fund_detail",
    COLUMNS={
        "label": "类型",
        "in_rows": "收入笔数",
        "in": "收入金额(+元)",
        "out_rows": "支出笔数",
        "out": "支出金额(-元)",
    },
    COUNTS={"in": "in_rows", "out": "out_rows"},
    SUMS={"in": "in", "out": "out"},
    SIGNATURE=frozenset({"类型", "收入笔数", "支出笔数"}),
)
# Whether 商家实收 counts refunds in is not known, so only the numbers of rows are compared.
TRADE_SUMMARY = Summary(
    NAME="alipay_trade_summary",
    DETAIL="alipay_trade_detail",
    COLUMNS={"label": "门店编号", "in_rows": "交易订单总笔数", "out_rows": "退款订单总笔数"},
    COUNTS={"in": "in_rows", "out": "out_rows"},
    SUMS={},
    SIGNATURE=frozenset({"门店编号", "交易订单总笔数", "退款订单总笔数"}),
)
