"""Alipay merchant trade bill 业务明细 (FORMATS §3.3): sales and refunds of the trade interface, totals below the table.

Written from descriptions: no real file has been seen.
"""

import re
from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_bill
from loancli.imports.rows import CellError, Cells, read_bill, unknown_word
from loancli.imports.source import Columns, Layout, Source
from loancli.imports.totals import Counted, Figures

NAME = "alipay_trade_detail"
CHANNEL = alipay_bill.CHANNEL
ENDS = ("#",)
OPTIONAL = frozenset({"merchant_order_id", "finished", "counterparty", "batch", "fee", "note"})
COLUMNS: Columns = {
    "external_id": "支付宝交易号",
    "merchant_order_id": "商户订单号",
    "kind": "业务类型",
    "item": "商品名称",
    "created": "创建时间",
    "finished": "完成时间",
    "counterparty": "对方账户",
    "received": "商家实收(元)",
    "batch": ("退款批次号/请求号", "退款批次号", "退款请求号"),
    "fee": "服务费(元)",
    "note": "备注",
}
_SIGNATURE = frozenset({"支付宝交易号", "商户订单号", "业务类型", "商家实收(元)"})
_DIRECTIONS = {"交易": "in", "退款": "out"}
_TOTALS = {
    "交易": re.compile(r"#*交易合计[:：]\s*(\d+)\s*笔[,，]\s*商家实收共\s*(-?[\d.,]+)\s*元", re.ASCII),
    "退款": re.compile(r"#*退款合计[:：]\s*(\d+)\s*笔[,，]\s*商家实收退款共\s*(-?[\d.,]+)\s*元", re.ASCII),
}


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""

    def row_of(cells: Cells, line: int) -> StatementRow:
        occurred_at = cells.moment("finished", "created")
        kind = cells["kind"]
        direction = _DIRECTIONS.get(kind)
        if direction is None:
            raise CellError("kind", unknown_word(kind, _DIRECTIONS))
        # Refunds are below zero in most bills and above in some: the kind says which way the money went.
        amount_fen = abs(cells.fen("received"))
        trade_id = cells.number("external_id", counted)
        is_refund = direction == "out"
        fee_milli_fen = abs(cells.milli_fen("fee"))
        counted.add(kind, 1_000 * amount_fen)
        return StatementRow(
            line=line,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            direction=direction,
            money_moved=1 if amount_fen else 0,
            external_id=f"{trade_id}_{cells['batch']}" if is_refund and cells["batch"] else trade_id,
            merchant_order_id=cells.order_id(),
            counterparty=cells["counterparty"],
            counterparty_account="",
            kind=kind,
            item=cells["item"],
            method="",
            status=kind,
            status_class="refunded" if is_refund else "settled",
            note=cells["note"],
            refund_of=trade_id if is_refund else "",
            fee_milli_fen=-fee_milli_fen if is_refund else fee_milli_fen,
        )

    return read_bill(source, layout, counted, row_of)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """Account and period above the table, totals below."""
    return alipay_bill.declared(lines), alipay_bill.figures(lines, _TOTALS)
