"""Records → statement rows: the one loop both personal statements share; what differs is data (`Words`)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import itemgetter

from loancli.core.days import BEIJING, date_of
from loancli.core.errors import InputError, Problem
from loancli.core.money import fen_of
from loancli.core.statement import Declared, StatementRow
from loancli.imports.text import COLUMNS_MAX, Layout, Source, column_name, split_line

AMOUNT_FEN_MAX = (
    100_000_000_000  # 1 billion yuan; no personal statement holds a row above, and SQLite's integers end at 64 bits
)
ID_CHARS_MAX = 64
FIELDS = (
    "time",
    "direction",
    "amount",
    "external_id",
    "merchant_order_id",
    "counterparty",
    "account",
    "kind",
    "item",
    "method",
    "status",
    "note",
)
_OPTIONAL = frozenset({"account", "method", "note"})
_REPEATABLE = frozenset({"note"})  # a real WeChat file has 备注 twice; the first counts
_UNKNOWN_WORDS_MAX = 100

_TIME = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2}) (\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_E_NOTATION = re.compile(r"\d(\.\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
_MANTISSA_DIGITS = 15  # what Excel keeps of a number
_CERTAINLY_LOST_DIGITS = 20  # shorter ids may end in zeros of their own

_CENTS = {f".{cents:02d}": cents for cents in range(100)}
_WHOLES_MAX = 50_000

_COUNT_AND_SUM = r"[:：]\s*(\d{1,9})笔[,，]?\s*([\d.,]{1,20})元"
_PERIOD = re.compile(
    r"起始时间[:：]\s*\[(\d{4}-\d\d-\d\d)[^\]]*\]\s*终止时间[:：]\s*\[(\d{4}-\d\d-\d\d)[^\]]*\]", re.ASCII
)
_ROW_COUNT = re.compile(r"共\s*(\d{1,9})\s*笔记录", re.ASCII)
_EXPORTED = re.compile(r"导出(?:交易)?类型[:：]\s*\[?([^\]]*)\]?")


@dataclass(slots=True)
class Counted:
    """What was read, for the comparison with what the file states. Grows while the rows are read."""

    totals: dict[str, list[int]] = field(default_factory=lambda: {"in": [0, 0], "out": [0, 0], "neutral": [0, 0]})
    problems: int = 0
    lost_ids: int = 0
    unknown_statuses: dict[str, int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        return sum(count for count, _ in self.totals.values())


Outcome = tuple[str, int]  # status_class, money_moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How one platform says things. `columns`: FIELDS → column name; `directions`: its word → in, out, neutral."""

    channel: str
    columns: Mapping[str, str]
    directions: Mapping[str, str]
    outcomes: Mapping[tuple[str, str], Outcome]  # (status, direction)
    outcome: Callable[[str], Outcome | None]  # for a status that carries a value; None: unknown
    refund_of: Callable[[str, str, Mapping[str, str]], str]  # (external_id, kind, links)
    account: str  # the words before the account in the preamble
    neutral: str  # the word for neutral rows in the preamble's totals


class _CellError(Exception):
    def __init__(self, column: str, message: str) -> None:
        self.column = column
        self.message = message


def layout_of(words: Words, line: str, delimiter: str, header_line: int, file_name: str) -> Layout:
    """Where this header puts the columns. Raises InputError for a needed column that is missing or stands twice."""
    columns = tuple(column_name(cell) for cell in split_line(line, delimiter))
    while columns and not columns[-1]:
        columns = columns[:-1]
    place = f"{file_name}:{header_line}"
    if len(columns) > COLUMNS_MAX:
        raise InputError(f"{place}: the header has {len(columns):,} columns; at most {COLUMNS_MAX} are read")
    positions: dict[str, int] = {}
    for name, column in words.columns.items():
        found = [at for at, seen in enumerate(columns) if seen == column]
        if not found and name not in _OPTIONAL:
            raise InputError(f"{place}:{column}: the header has no such column; bring the original export")
        if len(found) > 1 and name not in _REPEATABLE:
            raise InputError(
                f"{place}:{column}: the header has this column twice (columns {found[0] + 1} and {found[1] + 1}); "
                "bring the original export"
            )
        if found:
            positions[name] = found[0]
    return Layout(
        header_line=header_line,
        delimiter=delimiter,
        columns=columns,
        positions=positions,
        width_min=max(positions.values()) + 1,
    )


def declared(words: Words, preamble: list[str]) -> Declared:
    """What the lines above the header state. What is redacted or unreadable counts as not stated."""
    account, exported, row_count = "", "全部", None
    period: tuple[str | None, str | None] = (None, None)
    totals: dict[str, tuple[int, int]] = {}
    spoken = {"收入": "in", "支出": "out", words.neutral: "neutral"}
    for raw in preamble:
        line = raw.strip('", \t\r\n')
        if match := re.match(rf"{words.account}[:：]\s*\[?([^\]]*)\]?", line):
            account = match[1].strip()
        if match := _EXPORTED.match(line):
            exported = match[1].strip()
        if match := _PERIOD.match(line):
            period = _day(match[1]), _day(match[2])
        if match := _ROW_COUNT.match(line):
            row_count = int(match[1])
        for word, direction in spoken.items():
            if match := re.match(word + _COUNT_AND_SUM, line, re.ASCII):
                try:
                    totals[direction] = int(match[1]), fen_of(match[2])
                except InputError:
                    continue
    return Declared(
        channel=words.channel,
        account_label=account,
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


def read_rows(
    source: Source,
    layout: Layout,
    words: Words,
    counted: Counted,
    *,
    links: Mapping[str, str],
    repaired: Callable[[list[str]], list[str] | None],
) -> Iterator[StatementRow | Problem]:
    """Every row after the header, in the file's order: a row, or the first problem of one that cannot be used.

    `links`: what a refund row points with → the payment's external id. Raises InputError where reading must stop.
    """
    absent = len(layout.columns)  # rows get an empty cell there for the columns that this file does not have
    is_padded = len(layout.positions) < len(FIELDS)
    pick = itemgetter(*(layout.positions.get(name, absent) for name in FIELDS))
    strip, new_row = str.strip, tuple.__new__
    days: dict[str, str] = {}
    wholes: dict[str, int] = {}
    minutes, seconds = _clock()
    directions, outcomes, totals = words.directions, words.outcomes, counted.totals
    for line, cells in source.records(layout, repaired):
        if isinstance(cells, Problem):
            counted.problems += 1
            yield cells
            continue
        if is_padded:
            cells = [*cells[:absent], *[""] * (absent + 1 - len(cells[:absent]))]
        time, way, amount, external_id, order_id, party, account, kind, item, method, status, note = map(
            strip, pick(cells)
        )
        try:
            try:
                occurred_at = days[time[:10]] + minutes[time[10:16]] + seconds[time[16:]]
            except KeyError:
                occurred_at = _moment(time, days)

            direction = directions.get(way)
            if direction is None:
                raise _CellError("direction", _unknown_direction(way, directions))

            try:
                amount_fen = wholes[amount[:-3]] + _CENTS[amount[-3:]]
            except KeyError:
                amount_fen = _amount(amount, wholes)

            if not external_id.isalnum() or not external_id.isascii() or external_id[-5:] == "00000":
                external_id = _identity(external_id, counted)
            elif len(external_id) > ID_CHARS_MAX:
                raise _CellError("external_id", f"longer than {ID_CHARS_MAX} characters; bring the original export")
        except _CellError as error:
            counted.problems += 1
            column = words.columns[error.column]
            yield Problem(file_name=source.file_name, row=line, column=column, message=error.message)
            continue

        outcome = outcomes.get((status, direction))
        if outcome is None:
            outcome = words.outcome(status) or _unknown_status(status, counted)
        status_class, moved = outcome
        refund_of = words.refund_of(external_id, kind, links) if status_class == "refunded" else ""
        if order_id == "/" or ((order_id[-5:] == "00000" or "+" in order_id) and _is_lost(order_id)):
            order_id = ""
        tally = totals[direction]
        tally[0] += 1
        tally[1] += amount_fen
        # The tuple itself: StatementRow(...) does the same and costs three times as much.
        yield new_row(
            StatementRow,
            (
                line,
                occurred_at,
                amount_fen,
                direction,
                moved if amount_fen else 0,
                external_id,
                order_id,
                "" if party == "/" else party,
                "" if account == "/" else account,
                kind,
                "" if item == "/" else item,
                "" if method == "/" else method,
                status,
                status_class,
                "" if note == "/" else note,
                refund_of,
                "",
                0,
            ),
        )


@cache
def _clock() -> tuple[dict[str, str], dict[str, str]]:
    """' 08:30' → 'T08:30' and ':05' → ':05+08:00' for every minute and second there is: the strictest check."""
    minutes = {f" {hour:02d}:{minute:02d}": f"T{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60)}
    return minutes, {f":{second:02d}": f":{second:02d}+08:00" for second in range(60)}


def _moment(text: str, days: dict[str, str]) -> str:
    """'2024/5/1 8:30' → '2024-05-01T08:30:00+08:00', the shapes of FORMATS §1.5 only; remembers the day in `days`."""
    match = _TIME.fullmatch(text)
    if match is None:
        if _SERIAL.fullmatch(text):
            raise _CellError("time", f"'{text}' is a number, as Excel leaves it; bring the file as it was exported")
        raise _CellError("time", f"'{text[:40]}' is not a time; exports write 2026-10-03 08:30:00")
    year, _, month, day, hour, minute, second = match.groups(default="0")
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=BEIJING)
        if not 2000 <= at.year < 2100:
            raise ValueError
    except ValueError:
        raise _CellError("time", f"'{text}' does not exist in any calendar from 2000 to 2099") from None
    days[at.date().isoformat()] = at.date().isoformat()
    return at.isoformat()


def _amount(text: str, wholes: dict[str, int]) -> int:
    """`fen_of`, within this room's limit; remembers what stands before the cents, as shops' amounts recur."""
    try:
        amount_fen = fen_of(text)
    except InputError as error:
        raise _CellError("amount", str(error)) from None
    if amount_fen > AMOUNT_FEN_MAX:
        raise _CellError("amount", "more than 1 billion yuan in one row; bring the original export")
    cents = _CENTS.get(text[-3:])
    if cents is not None and amount_fen + 100 <= AMOUNT_FEN_MAX and len(wholes) < _WHOLES_MAX:
        wholes[text[:-3]] = amount_fen - cents
    return amount_fen


def _unknown_direction(word: str, directions: Mapping[str, str]) -> str:
    return f"'{word[:40]}' is none of {', '.join(directions)}"


def _identity(text: str, counted: Counted) -> str:
    """A transaction number as it is used for a key; '' for one that Excel destroyed: it must never be compared."""
    external_id = text.strip("'\"`’‘“” \t")
    if external_id in ("", "/"):
        raise _CellError("external_id", "empty; every row of an original export has a transaction number")
    if _is_lost(external_id):
        counted.lost_ids += 1
        return ""
    if len(external_id) > ID_CHARS_MAX:
        raise _CellError("external_id", f"longer than {ID_CHARS_MAX} characters; bring the original export")
    if not external_id.isascii() or not external_id.isprintable() or " " in external_id:
        raise _CellError("external_id", f"'{external_id}' is no transaction number; bring the original export")
    return external_id


def _is_lost(text: str) -> bool:
    """Excel made a number of it: '4.2E+27', or 15 digits and then only zeros (FORMATS §1.5)."""
    if _E_NOTATION.fullmatch(text):
        return True
    return len(text) >= _CERTAINLY_LOST_DIGITS and text.isdecimal() and not text[_MANTISSA_DIGITS:].strip("0")


def _unknown_status(status: str, counted: Counted) -> Outcome:
    """A status word no table has: kept and counted, never dropped. Only a word of failure says that nothing moved."""
    if status in counted.unknown_statuses or len(counted.unknown_statuses) < _UNKNOWN_WORDS_MAX:
        counted.unknown_statuses[status] = counted.unknown_statuses.get(status, 0) + 1
    if "失败" in status:
        return "failed", 0
    if "关闭" in status or "取消" in status or "撤销" in status:
        return "closed", 0
    return "pending", 1
