"""Bytes → records of cells: which encoding, where a line ends, what is refused before a cell is looked at.

Everything streams: a file of any length is read in blocks, in flat memory. Text is decoded strictly by evidence (BOM,
then UTF-8, then GB18030; UTF-16 only with a BOM); what does not decode is an error with its place, never replaced.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, BinaryIO

from loancli.core.errors import InputError, Problem
from loancli.imports.source import (
    CELL_CHARS_MAX,
    COLUMNS_MAX,
    HEAD_LINES,
    ROWS_MAX,
    TOO_LONG,
    TRIMMED,
    Layout,
    Repair,
    Table,
)

# A statement of 1,000,000 rows must be readable (about 200 MiB), so these lie above the 50 MiB and 200,000 rows of
# RELIABILITY §7; memory does not grow with either.
FILE_BYTES_MAX = 400 * 1024 * 1024
LINE_BYTES_MAX = COLUMNS_MAX * CELL_CHARS_MAX * 4  # 4 bytes: the longest character of UTF-8 and GB18030
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")

_BLOCK_BYTES = 64 * 1024
_DETECT_BYTES = 256 * 1024
_UTF8_EVIDENCE_CHARS = 8  # so many Chinese characters in a row are valid UTF-8 by chance in no GB18030 text
_TAIL_CELLS_MAX = 7  # the widest summary: that of WeChat's trade bill
_JOINED_LINES_MAX = 8  # a quoted note may hold a few line ends
_CONTROLS = bytes(byte for byte in [*range(32), 127] if byte not in b"\t\r\n")
_CONTROL = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_LINE_END = re.compile(rb"\r\n?|\n")
_LINE_ENDS = ("", "\r\n", "\n", "\r")


def split_line(line: str, delimiter: str) -> list[str]:
    """One line's cells. Quotes as spreadsheets write them; bare ones in a cell and text after a closing one stay."""
    if '"' in line:
        try:
            return next(csv.reader((line,), delimiter=delimiter))
        except csv.Error:  # a quoted cell of 131,072 characters: the csv module's own limit
            pass
    return line.split(delimiter)


@dataclass(slots=True, kw_only=True)
class TextSource:
    """An open file, its name for messages, and how it is read. `layout` is set once the header is found."""

    file: BinaryIO
    file_name: str
    encoding: str
    layout: Layout | None = field(default=None)
    tail: list[str] = field(default_factory=list)  # what stands below the table, once the rows were read

    @property
    def _codec(self) -> str:
        return "gb18030" if self.encoding == "gb18030" else "utf-8"  # UTF-16 is turned into UTF-8 block by block

    def lines(self) -> Iterator[str]:
        """All lines with their ends, from the first on. A line ends at CR LF, LF or CR, nowhere else.

        Raises InputError with line, cell and byte for what does not decode, control characters and endless lines.
        """
        stream = io.BufferedReader(_Stream(self._guarded_blocks()), _BLOCK_BYTES)
        text = io.TextIOWrapper(stream, encoding=self._codec, errors="strict", newline="")
        try:
            yield from text
        except UnicodeDecodeError:
            raise self._undecodable() from None

    def head(self) -> list[str]:
        """The first lines, in which the header must stand; only whole ones before a place that does not decode.

        So the header of a damaged file is known when `lines` comes to the damage and tells its column.
        """
        start = b""
        for block in self.blocks():
            start += block
            if len(start) >= _DETECT_BYTES:
                break
        try:
            text = codecs.getincrementaldecoder(self._codec)("strict").decode(start)
        except UnicodeDecodeError as error:
            start = start[: error.start]
            text = start[: max(start.rfind(b"\n"), start.rfind(b"\r")) + 1].decode(self._codec)
        return list(islice(io.StringIO(text.lstrip("\ufeff"), newline=""), HEAD_LINES))

    def tables(self) -> list[Table]:
        """The first lines, split at commas and at tabs (Excel's "Unicode text")."""
        head = self.head()
        return [
            Table(name="", delimiter=delimiter, rows=[split_line(line, delimiter) for line in head])
            for delimiter in (",", "\t")
        ]

    def place(self, _line: int, _index: int) -> str:
        """Line and column say it all."""
        return ""

    def check_head(self) -> None:
        """Read the first lines strictly. Raises InputError with the damaged place."""
        for _ in islice(self.lines(), HEAD_LINES):
            pass

    def records_with(self, layout: Layout, *words: str) -> Iterator[list[str]]:
        """Only the rows that hold one of `words`, as cells."""
        for line in self._lines_with(*words):
            yield split_line(line, layout.delimiter)

    def _lines_with(self, *words: str) -> Iterator[str]:
        """Only the lines that hold one of `words`; found in the bytes, so the others cost nearly nothing."""
        marks = [word.encode(self._codec) for word in words]
        rest = b""
        for block in chain(self.blocks(), (b"\n",)):
            text = rest + block
            whole = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
            if len(text) - whole > LINE_BYTES_MAX:
                return  # `lines` tells what is wrong
            text, rest = text[:whole], text[whole:]
            for mark in marks:
                at = text.find(mark)
                while at >= 0:
                    start = max(text.rfind(b"\n", 0, at), text.rfind(b"\r", 0, at)) + 1
                    end = _LINE_END.search(text, at)
                    assert end is not None
                    try:
                        yield text[start : end.start()].decode(self._codec)
                    except UnicodeDecodeError:
                        raise self._undecodable() from None
                    at = text.find(mark, end.end())

    def records(self, layout: Layout, repaired: Repair) -> Iterator[tuple[int, list[str] | Problem]]:
        """(line, cells) for each row after the header; a Problem for one that cannot be told apart; no blank rows.

        `repaired` may put a row with too many cells right; None: it cannot.
        """
        delimiter, width_min, width_max = layout.delimiter, layout.width_min, len(layout.columns)
        blank = TRIMMED + delimiter + '"'
        marks = {end[0] for end in layout.ends}
        is_ticked = layout.is_ticked
        number = layout.header_line
        number_max = number + ROWS_MAX
        unread = islice(self.lines(), number, None)
        ahead: deque[str] = deque()
        lines: Iterator[str] = unread
        # One reader for all quoted rows, fed by hand: asking for more than it was given (IndexError) is an open quote.
        waiting: list[str] = []
        quoted = csv.reader(iter(waiting.pop, None), delimiter=delimiter)
        while True:
            for line in lines:
                number += 1
                if number > number_max:
                    raise InputError(f"{self.file_name}:{number}: more than {ROWS_MAX:,} rows; export a shorter period")
                if marks and line[:1] in marks and line.startswith(layout.ends):
                    self.tail = [line, *chain(_drained(ahead), unread)]
                    yield from self._below(layout, number)
                    return
                if is_ticked and line[:1] == "`":
                    # Values may hold commas and bare quotes; none holds a comma with a back-tick behind it.
                    cells = line.rstrip("\r\n").split(f"{delimiter}`")
                    if len(cells) != width_max:
                        cells = split_line(line, delimiter)
                elif '"' not in line:
                    cells = line.split(delimiter)
                else:
                    waiting.append(line)
                    try:
                        cells = next(quoted)
                    except IndexError:
                        joined, more = _joined(line, lines, layout)
                        if joined is None:
                            ahead.extendleft(reversed(more))
                            yield number, self._problem(layout, number, _open_at(line, layout), _NOT_CLOSED)
                            break
                        yield number, self._fitted(layout, number, joined, repaired)
                        number += len(more)
                        continue
                    except csv.Error:  # the csv module's own limit for a cell, which lies above ours
                        yield number, self._problem(layout, number, None, TOO_LONG)
                        continue
                count = len(cells)
                if count == width_max + 1 and cells[-1] in _LINE_ENDS:  # Alipay ends rows with a comma
                    count = width_max
                if width_min <= count <= width_max and len(line) <= CELL_CHARS_MAX and cells[0].strip():
                    yield number, cells
                elif count > COLUMNS_MAX or line.strip(blank):
                    yield number, self._fitted(layout, number, cells, repaired)
            else:
                return
            lines = chain(_drained(ahead), unread)

    def _below(self, layout: Layout, number: int) -> Iterator[tuple[int, Problem]]:
        """A Problem where rows stand below the end of the table; they would be lost without a word."""
        for at, line in enumerate(self.tail, start=number):
            if sum(bool(cell.strip(TRIMMED)) for cell in split_line(line, layout.delimiter)) > _TAIL_CELLS_MAX:
                message = f"a row below the end of the table, which stands on line {number}; bring each file alone"
                yield at, self._problem(layout, at, None, message)

    def _fitted(self, layout: Layout, number: int, cells: list[str], repaired: Repair) -> list[str] | Problem:
        """A row that is too long or of another width than the header: as it is, cut or put right, or a Problem."""
        count, width_max = len(cells), len(layout.columns)
        too_long = next((at for at, cell in enumerate(cells) if len(cell) > CELL_CHARS_MAX), None)
        if too_long is not None:
            return self._problem(layout, number, too_long, TOO_LONG)
        if layout.width_min <= count <= width_max:
            return cells
        if count > COLUMNS_MAX:
            message = f"{count:,} cells; at most {COLUMNS_MAX} are read"
            return self._problem(layout, number, None, message)
        if count > width_max:
            if not "".join(cells[width_max:]).strip():
                return cells[:width_max]
            mended = repaired(cells)
            if mended is not None:
                return mended
        expected = f"{layout.width_min}" if layout.width_min == width_max else f"{layout.width_min} to {width_max}"
        at = count if count < layout.width_min else width_max
        message = f"{count} cells; the header on line {layout.header_line} asks for {expected}; compare the original"
        return self._problem(layout, number, at, message)

    def _problem(self, layout: Layout, number: int, index: int | None, message: str) -> Problem:
        column = None if index is None else layout.column(index)
        return Problem(file_name=self.file_name, row=number, column=column, message=message)

    def blocks(self) -> Iterator[bytes]:
        """The file from its start, in blocks; UTF-16 as UTF-8."""
        self.file.seek(0)
        if self.encoding != "utf-16":
            while block := self.file.read(_BLOCK_BYTES):
                yield block
            return
        decoder = codecs.getincrementaldecoder("utf-16")("strict")
        block = b"-"
        while block:
            block = self.file.read(_BLOCK_BYTES)
            try:
                recoded = decoder.decode(block, final=not block).encode("utf-8")
            except UnicodeError:
                raise InputError(f"{self.file_name}: the file begins as UTF-16 and does not stay so") from None
            if recoded:
                yield recoded

    def _guarded_blocks(self) -> Iterator[bytes]:
        """The blocks, refused where they hold control characters or a line without end."""
        done = line_bytes = 0
        for block in self.blocks():
            if len(block.translate(None, _CONTROLS)) != len(block):
                found = _CONTROL.search(block)
                assert found is not None
                message = f"control character 0x{found[0][0]:02X}; no payment export has one, bring the original"
                raise self.failed(done + found.start(), message)
            last_end = max(block.rfind(b"\n"), block.rfind(b"\r"))
            line_bytes = line_bytes + len(block) if last_end < 0 else len(block) - last_end - 1
            done += len(block)
            if line_bytes > LINE_BYTES_MAX:
                message = f"a line of more than {LINE_BYTES_MAX:,} bytes; this is no payment export"
                raise self.failed(done, message)
            yield block

    def failed(self, offset: int, message: str) -> InputError:
        """The error for what stands at byte `offset`: 'file:line:column: …'. Reads the file again up to there."""
        line, done, rest = 1, 0, b""
        was_cr = False
        for block in self.blocks():
            part = block[: offset - done]
            done += len(part)
            if was_cr and part[:1] == b"\n":
                part = part[1:]
            was_cr = part[-1:] == b"\r" or (was_cr and not part)
            ends = list(_LINE_END.finditer(part))
            line += len(ends)
            rest = part[ends[-1].end() :] if ends else rest + part
            if done >= offset or len(rest) > LINE_BYTES_MAX:
                break
        place = f"{self.file_name}:{line}"
        if self.layout is not None and line > self.layout.header_line and len(rest) <= LINE_BYTES_MAX:
            # Only to count the cells before the place; a second damaged byte among them must not hide the first.
            cells = split_line(rest.decode(self._codec, errors="ignore"), self.layout.delimiter)
            place += f":{self.layout.column(len(cells) - 1)}"
        return InputError(f"{place}: {message}")

    def _undecodable(self) -> InputError:
        decoder = codecs.getincrementaldecoder(self._codec)("strict")
        done = 0
        for block in chain(self.blocks(), (b"",)):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                offset = done - held + error.start
                name = self._codec.upper()
                if not block:
                    return self.failed(offset, f"the file ends inside a character (byte {offset:,}): it was cut off")
                return self.failed(
                    offset, f"byte {offset:,} (0x{error.object[error.start]:02X}) is not {name} like the text before it"
                )
            done += len(block)
        raise AssertionError("the text decodes")


_NOT_CLOSED = "a quote opens here and is not closed in this row; remove it or compare the original"


class _Stream(io.RawIOBase):
    """Blocks of bytes as a raw file, for io's own readers."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        block = self._rest or next(self._blocks, b"")
        taken = block[: len(buffer)]
        self._rest = block[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _drained(ahead: deque[str]) -> Iterator[str]:
    while ahead:
        yield ahead.popleft()


def _joined(line: str, lines: Iterator[str], layout: Layout) -> tuple[list[str] | None, list[str]]:
    """The cells of a record whose quoted cell runs over line ends, and the further lines that were looked at for it.

    None where it does not close soon or would swallow a line that is a row itself: after one stray quote the csv module
    left to itself makes 17 rows of 20, without a word (RELIABILITY §7).
    """
    more: list[str] = []
    for following in islice(lines, _JOINED_LINES_MAX if len(line) <= CELL_CHARS_MAX else 0):
        more.append(following)
        if len(following) > CELL_CHARS_MAX or len(following.split(layout.delimiter)) >= layout.width_min:
            break
        waiting = [line, *more][::-1]
        try:
            return next(csv.reader(iter(waiting.pop, None), delimiter=layout.delimiter)), more
        except IndexError:
            continue
        except csv.Error:
            break
    return None, more


def _open_at(line: str, layout: Layout) -> int:
    """Which cell holds the quote that stays open."""
    return len(split_line(line, layout.delimiter)) - 1


def open_source(file: BinaryIO, file_name: str, encoding: str | None = None) -> TextSource:
    """The file as text by evidence; `encoding` overrules it. Raises InputError for an empty or too large file."""
    size = file.seek(0, io.SEEK_END)
    if size > FILE_BYTES_MAX:
        limit = FILE_BYTES_MAX // (1024 * 1024)
        raise InputError(f"{file_name}: the file is larger than {limit} MiB; export a shorter period")
    if encoding is not None and encoding not in ENCODINGS:
        raise InputError(f"{file_name}: encoding '{encoding[:40]}' is not one of {', '.join(ENCODINGS)}")
    file.seek(0)
    start = file.read(_DETECT_BYTES)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise InputError(f"{file_name}: the file is empty")
    return TextSource(file=file, file_name=file_name, encoding=encoding or _detected(start))


def _detected(start: bytes) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        # Not final: a character cut by the end of the block is no evidence against.
        codecs.getincrementaldecoder("utf-8")("strict").decode(start)
    except UnicodeDecodeError as error:
        good = start[: error.start].decode("utf-8")
        if sum(not char.isascii() for char in good) < _UTF8_EVIDENCE_CHARS:
            return "gb18030"
        # UTF-8 with one damaged place: reading it strictly names that place.
    return "utf-8"
