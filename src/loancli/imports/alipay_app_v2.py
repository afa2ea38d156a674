"""Alipay app statement, the CSV since February 2023 (FORMATS §2.3): header on line 24 or 25, no trailer.

The app asks whether to show the other side and the goods: exports without 交易对方 are common since the middle of 2026.
"""

from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_words
from loancli.imports.rows import Words, read_rows
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures, declared_by_person

NAME = "alipay_app_v2"
CHANNEL = "alipay"
ENDS = ()
_SWITCHES = {  # field → the app's switch for it, and what is lost where it was off
    "counterparty": ("展示交易对手信息", "who paid can only be told by 对方账号 and the note"),
    "item": ("展示商品说明信息", "what was paid for cannot be told, and more revenue stays possible"),
}
OPTIONAL = frozenset({*_SWITCHES, "account", "method", "note"})
COLUMNS = {**alipay_words.APP_COLUMNS, "note": "备注"}
_SIGNATURE = frozenset({"交易时间", "交易分类", "收/付款方式", "交易订单号", "商家订单号"})
_WORDS = Words(
    directions={"收入": "in", "支出": "out", "不计收支": "neutral"},
    outcomes=alipay_words.OUTCOMES,
    outcome=lambda _status: None,
    refund_of=alipay_words.refund_of,
    fee_milli_fen=alipay_words.fee_milli_fen,
)


def recognises(cells: list[str]) -> bool:
    """Is this the header? The statement of 2021 has the same names, but begins with 收/支 and ends with 交易时间."""
    named = [cell for cell in cells if cell]
    return _SIGNATURE.issubset(named) and not (named[0] == "收/支" and named[-1] == "交易时间")


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""
    counted.notes += [
        f"exported without {COLUMNS[name]}: {lost}; a new export with {switch} on tells more"
        for name, (switch, lost) in _SWITCHES.items()
        if name not in layout.positions
    ]
    return read_rows(source, layout, _WORDS, counted, links={}, repaired=lambda _cells: None)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """What the lines above the table say."""
    words = {"收入": "in", "支出": "out", "不计收支": "neutral"}
    return declared_by_person(CHANNEL, "支付宝账户", lines, words), None
