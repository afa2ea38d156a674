"""Bytes become text by evidence, in flat memory, and what is no text is refused with its place."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.imports import text
from loancli.imports.source import Layout
from loancli.imports.text import TextSource, open_source, split_line


def _opened(data, encoding=None):
    return open_source(io.BytesIO(data), "f.csv", encoding)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("\ufeff交易时间".encode(), "utf-8-sig"),
        ("交易时间".encode(), "utf-8"),
        ("交易时间".encode("gb18030"), "gb18030"),
        ("交易时间".encode("gbk"), "gb18030"),
        ("李\U00020164𠮷€".encode("gb18030"), "gb18030"),  # beyond GBK: rare names, the euro sign
        ("交易时间".encode("utf-16"), "utf-16"),
        (b"plain ascii", "utf-8"),
    ],
)
def test_the_encoding_is_found_by_evidence(data, encoding):
    source = _opened(data)
    assert source.encoding == encoding
    assert "".join(source.head()) == data.decode(encoding)


def test_a_forced_encoding_overrules_the_evidence():
    assert _opened(b"abc", "gb18030").encoding == "gb18030"
    with pytest.raises(InputError, match="'latin-1' is not one of utf-8"):
        _opened(b"abc", "latin-1")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), st.sampled_from(text.ENCODINGS))
def test_forced_or_found_every_text_comes_back(written, encoding):
    data = ("x" + written).encode(encoding)
    assert "".join(_opened(data, encoding).lines()).removeprefix("\ufeff") == "x" + written


def test_lines_end_at_cr_lf_or_both_and_nowhere_else():
    source = _opened("一\r\n二\n三\r四\u2028\u0085\x0b五".replace("\x0b", "").encode())
    assert list(source.lines()) == ["一\r\n", "二\n", "三\r", "四\u2028\u0085五"]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t", b"\xff\xfe"])
def test_a_file_without_content_is_empty(data):
    with pytest.raises(InputError, match=r"^f\.csv: the file is empty$"):
        _opened(data)


def test_a_file_above_the_limit_is_refused_before_it_is_read():
    class Endless(io.BytesIO):
        def seek(self, *_):
            return text.FILE_BYTES_MAX + 1

        def read(self, *_):
            raise AssertionError("was read")

    with pytest.raises(InputError, match="larger than 400 MiB"):
        open_source(Endless(), "f.csv")


@pytest.mark.parametrize("eol", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", [0, 7, 40_000])
def test_a_byte_that_does_not_decode_is_named_with_line_and_offset(eol, before):
    good = "支付宝交易明细".encode() + eol
    data = good * before + "支付宝交易明".encode() + b"\xd5 \xc5" + eol
    source = _opened(data, "utf-8")
    with pytest.raises(InputError) as refused:
        list(source.lines())
    offset = len(good) * before + 18
    assert str(refused.value).startswith(f"f.csv:{before + 1}: byte {offset:,} (0xD5) is not UTF-8")


def test_a_wrong_byte_after_utf8_evidence_does_not_make_the_file_gb18030():
    assert _opened("支付宝交易明细一二三".encode() + b"\xd5").encoding == "utf-8"
    assert _opened("支付宝".encode() + b"\xff").encoding == "gb18030"


def test_a_file_that_ends_inside_a_character_was_cut_off():
    for encoding in ("utf-8", "gb18030"):
        with pytest.raises(InputError, match=r"f\.csv:2: the file ends inside a character .* it was cut off"):
            list(_opened("支付宝交易明细\n一二".encode(encoding)[:-1], encoding).lines())


def test_utf_16_that_breaks_off_is_refused():
    with pytest.raises(InputError, match="begins as UTF-16 and does not stay so"):
        list(_opened("支付宝".encode("utf-16") + b"x").lines())


@pytest.mark.parametrize("byte", [0, 1, 8, 11, 12, 27, 31, 127])
@pytest.mark.parametrize("before", [0, 20_000])
def test_control_characters_are_refused_with_their_line(byte, before):
    data = ("支付\n" * before).encode() + b"a" + bytes([byte])
    with pytest.raises(InputError, match=rf"^f\.csv:{before + 1}: control character 0x{byte:02X};"):
        list(_opened(data).lines())


def test_a_line_without_end_is_refused_before_it_fills_the_memory():
    class Endless(io.RawIOBase):
        """40 MB of one letter, made as they are read."""

        def __init__(self):
            self.at = 0

        def seek(self, offset, whence=0):
            self.at = offset if whence == 0 else text.FILE_BYTES_MAX
            return self.at

        def read(self, size=-1):
            self.at += size
            return b"x" * size if self.at < 40_000_000 else b""

    tracemalloc.start()
    with pytest.raises(InputError, match="a line of more than 1,048,576 bytes"):
        list(open_source(Endless(), "f.csv").lines())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_lines_with_a_word_are_found_without_the_others(eol, encoding):
    lines = [f"{number},{'已全额退款' if number % 1000 == 7 else '支付成功'}" for number in range(12_000)]
    source = _opened((eol.join(lines)).encode(encoding), encoding)
    found = [line.removeprefix("\ufeff") for line in source._lines_with("已全额退款", "对方已退还")]
    assert found == [line for line in lines if "退款" in line]


def test_a_line_without_end_is_not_gathered_for_a_word():
    assert list(_opened(b"x" * 3_000_000 + "已退\n".encode())._lines_with("已退")) == []


def test_a_word_in_the_last_line_without_end_is_found():
    assert list(_opened("甲\n乙已退".encode())._lines_with("已退")) == ["乙已退"]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("a,b,\r\n", ["a", "b", "\r\n"]),
        ('"3985734"\t,x', ["3985734\t", "x"]),
        ('点击底部"多多视频",/', ['点击底部"多多视频"', "/"]),
        ('"a,b","c""d"', ["a,b", 'c"d']),
    ],
)
def test_cells_are_split_as_the_platforms_write_them(line, cells):
    assert split_line(line, ",") == cells


def _records(body, width=3, repaired=lambda cells: None):
    source = TextSource(file=io.BytesIO(("a,b,c\n" + body).encode()), file_name="f.csv", encoding="utf-8")
    columns = tuple("abcdefgh"[:width])
    layout = Layout(
        header_line=1,
        table="",
        delimiter=",",
        columns=columns,
        positions={name: at for at, name in enumerate(columns)},
        width_min=width,
    )
    return [
        (line, cells if isinstance(cells, list) else str(cells)) for line, cells in source.records(layout, repaired)
    ]


def test_rows_are_numbered_by_physical_lines_and_blank_ones_left_out():
    found = _records('1,2,3\n\n,,\n  \t\n  , \t,\n"","",""\n4,5,6\n,5,6')
    assert found == [(2, ["1", "2", "3\n"]), (8, ["4", "5", "6\n"]), (9, ["", "5", "6"])]


def test_a_trailing_comma_is_no_cell():
    assert _records("1,2,3,\r\n1,2,3,,,\n")[1] == (3, ["1", "2", "3"])
    assert _records("1,2,3,\r\n")[0][1][:3] == ["1", "2", "3"]


def test_a_row_of_another_width_is_a_problem_and_the_next_one_is_read():
    assert _records("1,2\n1,2,3,4\n7,8,9\n") == [
        (2, "f.csv:2:c: 2 cells; the header on line 1 asks for 3; compare the original"),
        (3, "f.csv:3:column 4: 4 cells; the header on line 1 asks for 3; compare the original"),
        (4, ["7", "8", "9\n"]),
    ]


def test_a_quoted_note_may_hold_line_ends():
    assert _records('1,2,"x\ny\r\nz"\n4,5,6\n') == [(2, ["1", "2", "x\ny\r\nz"]), (5, ["4", "5", "6\n"])]


def test_a_stray_quote_swallows_no_row():
    body = '1,"2,3\n' + "".join(f'{number},5,"6"\n' for number in range(20)) + "7,8,9\n"
    found = _records(body)
    assert found[0] == (
        2,
        "f.csv:2:b: a quote opens here and is not closed in this row; remove it or compare the original",
    )
    assert [line for line, _ in found[1:]] == list(range(3, 24))
    assert all(isinstance(cells, list) for _, cells in found[1:])


def test_a_quote_that_opens_in_the_last_rows_loses_none_of_them():
    found = _records('1,"2,3\n4,5,6\n7,"8,9')
    assert [line for line, _ in found] == [2, 3, 4]
    assert found[1] == (3, ["4", "5", "6\n"])
    assert "f.csv:4:b: a quote opens" in found[2][1]


def test_lines_that_were_looked_at_for_a_closing_quote_keep_their_order():
    found = _records('1,"2,3\nx\ny\n4,5,6\n')
    assert [line for line, _ in found] == [2, 3, 4, 5]
    assert found[3] == (5, ["4", "5", "6\n"])
    assert "f.csv:3:b: 1 cells" in found[1][1]


@pytest.mark.parametrize("body", ['1,"' + "x" * 4097 + '\ny",3\n', '1,"x\n' + "y" * 4097 + '",3\n'])
def test_a_quoted_cell_is_not_gathered_over_lines_that_are_too_long(body):
    assert "f.csv:2:b: a quote opens" in _records(body)[0][1]


def test_any_number_of_stray_quotes_is_reported_row_by_row():
    found = _records('1,"2,3\n' * 5_000 + '1,2,3\n4,"5\n')
    assert [line for line, _ in found] == list(range(2, 5_004))
    assert found[-2] == (5_002, ["1", "2", "3\n"])


def test_a_giant_quoted_cell_outside_the_rows_is_no_crash():
    assert len(split_line('"' + "x" * 200_000 + '",2', ",")) == 2


@pytest.mark.parametrize("cell", ["x" * 4097, '"' + "x" * 4097 + '"', '"' + "x" * 200_000 + '"'])
def test_a_cell_of_more_than_4096_characters_is_refused(cell):
    assert "a cell of more than 4,096 characters" in _records(f"1,{cell},3\n")[0][1]
    assert _records(f"1,{'x' * 4096},3\n")[0][1][1] == "x" * 4096


def test_more_than_64_cells_are_refused():
    assert _records("," * 100 + "\n")[0][1] == "f.csv:2: 101 cells; at most 64 are read"


def test_more_rows_than_the_limit_stop_the_reading(monkeypatch):
    monkeypatch.setattr(text, "ROWS_MAX", 3)
    assert len(_records("1,2,3\n" * 3)) == 3
    with pytest.raises(InputError, match=r"f\.csv:5: more than 3 rows"):
        _records("1,2,3\n" * 4)


def test_too_wide_rows_are_offered_for_repair():
    assert _records("1,2,x,3\n", repaired=lambda cells: [cells[0], cells[1], "mended"]) == [(2, ["1", "2", "mended"])]


@given(st.text(st.sampled_from('ab,"\n\r 1'), max_size=60))
def test_any_mix_of_quotes_commas_and_line_ends_yields_each_line_at_most_once(body):
    found = _records(body)
    lines = [line for line, _ in found]
    assert lines == sorted(set(lines))
    for _, cells in found:
        assert isinstance(cells, str) or len(cells) in (3, 4)
