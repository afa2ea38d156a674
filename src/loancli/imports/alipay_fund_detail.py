"""Alipay merchant fund bill 账务明细 (FORMATS §3.1): the ledger of the balance, its totals below the table.

A payment from a card is two rows with one 业务流水号: 其它 +x (the card's money arrives) and 在线支付 -x. Only
账务流水号 tells rows apart.
"""

import re
from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_bill
from loancli.imports.rows import CellError, Cells, read_bill
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures

NAME = "alipay_fund_detail"
CHANNEL = alipay_bill.CHANNEL
ENDS = ("#",)
OPTIONAL = frozenset({"merchant_order_id", "item", "account", "method", "note", "balance"})
COLUMNS = {
    "external_id": "账务流水号",
    "trade_id": "业务流水号",
    "merchant_order_id": "商户订单号",
    "item": "商品名称",
    "time": "发生时间",
    "account": "对方账号",
    "income": "收入金额(+元)",
    "expense": "支出金额(-元)",
    "balance": "账户余额(元)",
    "method": "交易渠道",
    "kind": "业务类型",
    "note": "备注",
}
_SIGNATURE = frozenset({"账务流水号", "业务流水号", "收入金额(+元)", "支出金额(-元)"})
_FEES = ("收费", "服务费")
_TOTALS = {
    label: re.compile(rf"#*{label}合计[:：]\s*(\d+)\s*笔[,，]\s*共\s*(-?[\d.,]+)\s*元", re.ASCII)
    for label in ("收入", "支出")
}


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""

    def row_of(cells: Cells, line: int) -> StatementRow:
        occurred_at = cells.moment("time")
        income_fen, expense_fen = cells.fen("income"), cells.fen("expense")
        if (income_fen == 0) == (expense_fen == 0):
            raise CellError("income", "of 收入金额 and 支出金额 exactly one must be filled; bring the original bill")
        direction, amount_fen = ("in", income_fen) if income_fen else ("out", abs(expense_fen))
        if amount_fen < 0:
            raise CellError("income", f"'{cells['income']}' is below zero")
        external_id, trade_id = cells.number("external_id", counted), cells["trade_id"]
        kind = cells["kind"]
        is_refund = "退款" in kind
        counted.add("收入" if income_fen else "支出", 1_000 * amount_fen)
        fee_milli_fen = 1_000 * (amount_fen if direction == "out" else -amount_fen) if kind in _FEES else 0
        return StatementRow(
            line=line,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            direction=direction,
            money_moved=1,
            external_id=external_id,
            merchant_order_id=cells.order_id(),
            counterparty="",
            counterparty_account=cells["account"],
            kind=kind,
            item=cells["item"],
            method=cells["method"],
            status=kind,
            status_class="refunded" if is_refund else "settled",
            note=cells["note"],
            refund_of=trade_id if is_refund and direction == "out" else "",
            trade_id=trade_id,
            fee_milli_fen=fee_milli_fen,
        )

    return read_bill(source, layout, counted, row_of)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """Account and period above the table, totals below."""
    return alipay_bill.declared(lines), alipay_bill.figures(lines, _TOTALS)
