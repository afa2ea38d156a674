"""What a file states about itself, and where that differs from the rows that were read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from loancli.core.days import date_of
from loancli.core.errors import InputError
from loancli.core.money import fen_of, yuan
from loancli.core.statement import Declared

# Label → (rows, 1/1000 fen); None where a file does not say how many.
Figures = dict[str, tuple[int | None, int]]

_COUNT_AND_SUM = r"[:：]\s*(\d{1,9})笔[,，]?\s*([\d.,]{1,20})元"
_FROM_TO = re.compile(
    r"起始(?:时间|日期)[:：]\s*\[(\d{4}-\d\d-\d\d)[^\]]*\]\s*终止(?:时间|日期)[:：]\s*\[(\d{4}-\d\d-\d\d)[^\]]*\]",
    re.ASCII,
)
_ROW_COUNT = re.compile(r"共\s*(\d{1,9})\s*笔记录", re.ASCII)
_EXPORTED = re.compile(r"导出(?:交易)?类型[:：]\s*\[?([^\]]*)\]?")
_DECIMALS = 5  # of yuan: WeChat writes its fees so
_EXACT = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{1,8}))?", re.ASCII)
_ONE_FEN = 1_000


@dataclass(slots=True)
class Counted:
    """What was read, for the comparison with what the file states. Grows while the rows are read."""

    totals: dict[str, list[int]] = field(default_factory=lambda: {"in": [0, 0], "out": [0, 0], "neutral": [0, 0]})
    figures: dict[str, list[int]] = field(default_factory=dict)  # of merchant bills: label → rows, 1/1000 fen
    problems: int = 0
    lost_ids: int = 0
    unknown_statuses: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)  # shops that the rows of a merchant bill belong to
    left_out: int = 0  # rows of another shop
    notes: list[str] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        return sum(count for count, _ in self.totals.values())

    def add(self, label: str, milli_fen: int, rows: int = 1) -> None:
        """Count towards a figure that the file states."""
        figure = self.figures.setdefault(label, [0, 0])
        figure[0] += rows
        figure[1] += milli_fen


def declared_by_person(channel: str, account: str, lines: Iterable[str], words: Mapping[str, str]) -> Declared:
    """What the lines around a personal statement's table state. What is redacted or unreadable counts as not stated.

    `account`: the words before the account; `words`: how a total begins → in | out | neutral.
    """
    label, exported, row_count = "", "全部", None
    period: tuple[str | None, str | None] = (None, None)
    totals: dict[str, tuple[int, int]] = {}
    for raw in lines:
        line = raw.strip('",# \t\r\n')
        if match := re.match(rf"{account}[:：]\s*\[?([^\]]*)\]?", line):
            label = match[1].strip()
        if match := _EXPORTED.match(line):
            exported = match[1].strip()
        if match := _FROM_TO.match(line):
            period = _day(match[1]), _day(match[2])
        if match := _ROW_COUNT.match(line):
            row_count = int(match[1])
        for word, direction in words.items():
            if match := re.match(word + _COUNT_AND_SUM, line, re.ASCII):
                try:
                    totals[direction] = int(match[1]), fen_of(match[2])
                except InputError:
                    continue
    return Declared(
        channel=channel,
        account_label=label,
        from_on=period[0],
        to_on=period[1],
        filtered=exported not in ("", "全部"),
        row_count=row_count,
        totals=totals,
    )


def _day(text: str) -> str | None:
    try:
        return date_of(text).isoformat()
    except InputError:
        return None


def milli_fen_of(text: str) -> int | None:
    """'-0.05940' yuan → -5940; None for what is no number, or has more than five decimals."""
    match = _EXACT.fullmatch(text.strip("` \t\r\n").replace(",", ""))
    if match is None or (match[3] or "")[_DECIMALS:].strip("0"):
        return None
    amount = int(match[2] + (match[3] or "")[:_DECIMALS].ljust(_DECIMALS, "0"))
    return -amount if match[1] == "-" else amount


def differences(stated: Figures, read: Mapping[str, list[int]]) -> list[str]:
    """Where a bill's figures are not those of its rows, with both; parts of a fen are equal, as fees are rounded."""
    told = []
    for label, (rows, milli_fen) in stated.items():
        found_rows, found_milli_fen = read.get(label, [0, 0])
        if (rows is not None and rows != found_rows) or abs(milli_fen - found_milli_fen) >= _ONE_FEN:
            told.append(
                f"the file states {label} {_figure(rows, milli_fen)}, "
                f"{_figure(None if rows is None else found_rows, found_milli_fen)} were read"
            )
    return told


def _figure(rows: int | None, milli_fen: int) -> str:
    """'2 rows 88.00 yuan'; only what there is."""
    if rows is None:
        return f"{_yuan(milli_fen)} yuan"
    return f"{rows:,} rows {_yuan(milli_fen)} yuan" if milli_fen else f"{rows:,} rows"


def _yuan(milli_fen: int) -> str:
    whole_fen, rest = divmod(abs(milli_fen), _ONE_FEN)
    sign = "-" if milli_fen < 0 else ""
    return f"{sign}{yuan(whole_fen)}{f'{rest:03d}' if rest else ''}"


def own_totals(declared: Declared, counted: Counted) -> list[str]:
    """Where what a personal statement states and what was read differ, as sentences; each a warning, no error.

    Such files are often cut or filtered, and their totals count refunds as income (FORMATS §4.3).
    """
    told: list[str] = []
    read = counted.row_count + counted.problems
    if declared.row_count is not None and declared.row_count != read:
        told.append(f"the file states {declared.row_count:,} rows, {read:,} were found")
    words = {"in": "收入", "out": "支出", "neutral": "neutral rows"}
    for direction, (count, amount_fen) in declared.totals.items():
        found_count, found_fen = counted.totals[direction]
        if (count, amount_fen) != (found_count, found_fen):
            told.append(
                f"the file states {words[direction]} {count:,} rows {yuan(amount_fen)} yuan, "
                f"{found_count:,} rows {yuan(found_fen)} yuan were read"
            )
    return told
