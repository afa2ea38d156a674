"""Alipay app statement of 2021 to early 2023 (FORMATS §2.2): header in line 2, what it states below the table."""

from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_words
from loancli.imports.rows import Words, read_rows
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures, declared_by_person

NAME = "alipay_app_v1"
CHANNEL = "alipay"
ENDS = ("------",)
OPTIONAL = frozenset({"account", "method"})
COLUMNS = alipay_words.APP_COLUMNS
_SIGNATURE = frozenset({"收/支", "交易订单号", "交易时间"})
_WORDS = Words(
    directions={"收入": "in", "支出": "out", "其他": "neutral", "不计收支": "neutral"},
    outcomes=alipay_words.OUTCOMES,
    outcome=lambda _status: None,
    refund_of=alipay_words.refund_of,
    fee_milli_fen=alipay_words.fee_milli_fen,
)


def recognises(cells: list[str]) -> bool:
    """Is this the header? It begins with 收/支 and ends with 交易时间; later ones have a 备注."""
    named = [cell for cell in cells if cell]
    return _SIGNATURE.issubset(named) and (named[0], named[-1]) == ("收/支", "交易时间") and "备注" not in named


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""
    return read_rows(source, layout, _WORDS, counted, links={}, repaired=lambda _cells: None)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """What the block below the table says."""
    words = {"收入": "in", "支出": "out", "其他": "neutral"}
    return declared_by_person(CHANNEL, "支付宝账户", lines, words), None
