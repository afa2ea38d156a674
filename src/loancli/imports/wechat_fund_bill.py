"""WeChat Pay merchant fund bill 资金账单 (FORMATS §5.2): movements of one of a merchant's accounts.

Written from descriptions: no real file has been seen. The bill does not say which account it is of.
"""

from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports.rows import CellError, Cells, read_bill, unknown_word
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures
from loancli.imports.wechat_trade_bill import summary

NAME = "wechat_fund_bill"
CHANNEL = "wechat"
ENDS = ("资金流水总笔数",)
OPTIONAL = frozenset({"note", "merchant_order_id"})
COLUMNS = {
    "time": "记账时间",
    "trade_id": "微信支付业务单号",
    "external_id": "资金流水单号",
    "item": "业务名称",
    "kind": "业务类型",
    "direction": "收支类型",
    "amount": "收支金额(元)",
    "note": "备注",
    "merchant_order_id": "业务凭证号",
}
_SIGNATURE = frozenset({"记账时间", "微信支付业务单号", "资金流水单号", "收支类型"})
_DIRECTIONS = {"收入": "in", "支出": "out"}
_ROWS = "资金流水总笔数"
_FEES = "手续费"


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""

    def row_of(cells: Cells, line: int) -> StatementRow:
        occurred_at = cells.moment("time")
        direction = _DIRECTIONS.get(cells["direction"])
        if direction is None:
            raise CellError("direction", unknown_word(cells["direction"], _DIRECTIONS))
        amount_fen = cells.fen("amount")
        if amount_fen < 0:
            raise CellError("amount", f"'{cells['amount']}' is below zero; 收支类型 says which way money went")
        kind = cells["kind"]
        counted.add(_ROWS, 0)
        counted.add(cells["direction"], 1_000 * amount_fen)
        fee_milli_fen = 1_000 * (amount_fen if direction == "out" else -amount_fen) if _FEES in kind else 0
        return StatementRow(
            line=line,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            direction=direction,
            money_moved=1 if amount_fen else 0,
            external_id=cells.number("external_id", counted),
            merchant_order_id=cells.order_id(),
            counterparty="",
            counterparty_account="",
            kind=kind,
            item=cells["item"],
            method="",
            status=kind,
            status_class="refunded" if kind == "退款" else "settled",
            note=cells["note"],
            refund_of="",
            trade_id=cells.order_id("trade_id"),
            fee_milli_fen=fee_milli_fen,
        )

    return read_bill(source, layout, counted, row_of)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """The summary below the table."""
    counts = {"收入笔数": "收入", "支出笔数": "支出"}
    sums = {"收入金额": "收入", "支出金额": "支出"}
    rows = summary(lines, _ROWS, counts)
    found: Figures = {_ROWS: rows[_ROWS]} if _ROWS in rows else {}
    amounts = summary(lines, _ROWS, sums)
    for label in _DIRECTIONS:
        if label in rows and label in amounts:
            found[label] = rows[label][1] // 100_000, amounts[label][1]
    declared = Declared(
        channel=CHANNEL, account_label="", from_on=None, to_on=None, filtered=False, row_count=None, totals={}
    )
    return declared, found
