"""The vendor's file: byte for byte, whole or not at all, and the same batch never twice."""

import os
import stat
from dataclasses import replace
from datetime import date

import pytest

from loancli.channels import outfile
from loancli.core.errors import InputError, RefusedError
from loancli.core.message import Message
from loancli.outreach.templates import segments_of

MESSAGE = Message(
    key="late:first:L1:2026-11-20",
    campaign="late",
    purpose="collection",
    borrower_id="B1",
    loan_id="L1",
    phone="13800001234",
    channel="outfile",
    template="forgot_soft",
    text="【示例小贷】王小明您好，应还1,234.50元。请回复",
    planned_for=date(2026, 11, 23),
    segment="forgot",
    why="why",
)


def test_the_file_byte_for_byte(tmp_path):
    path = outfile.path_of(tmp_path, "b-7")
    outfile.send([MESSAGE, replace(MESSAGE, key="k2", text='【示例小贷】"引号"' + "字" * 70)], path)
    assert path.name == "sms-b-7.csv"
    assert (
        path.read_bytes()
        == (
            "\ufeffmessage_key,phone,text,parts,planned_for,campaign\r\n"
            'late:first:L1:2026-11-20,13800001234,"【示例小贷】王小明您好，应还1,234.50元。请回复",1,2026-11-23,late\r\n'
            'k2,13800001234,"【示例小贷】""引号""' + "字" * 70 + '",2,2026-11-23,late\r\n'
        ).encode()
    )


def test_no_message_is_a_file_with_a_header_only(tmp_path):
    outfile.send([], tmp_path / "sms-x.csv")
    assert (
        tmp_path / "sms-x.csv"
    ).read_bytes() == "\ufeffmessage_key,phone,text,parts,planned_for,campaign\r\n".encode()


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x"]
)
def test_no_cell_is_a_formula(tmp_path, text):
    outfile.send([replace(MESSAGE, text=text)], tmp_path / "a.csv")
    assert f"'{text}" in (tmp_path / "a.csv").read_bytes().decode()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_it(tmp_path, mask):
    before = os.umask(mask)
    try:
        outfile.send([MESSAGE], tmp_path / "a.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o600


def test_the_same_batch_again_adds_nothing(tmp_path):
    path = tmp_path / "a.csv"
    outfile.send([MESSAGE], path)
    before = path.stat()
    outfile.send([MESSAGE], path)
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert list(tmp_path.iterdir()) == [path]


def test_other_messages_under_the_same_batch_are_refused_and_the_file_stays(tmp_path):
    path = tmp_path / "a.csv"
    outfile.send([MESSAGE], path)
    before = path.read_bytes()
    with pytest.raises(RefusedError, match=r"a\.csv: is there already, with other messages"):
        outfile.send([MESSAGE, MESSAGE], path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("failing_call", [pytest.param(1, id="the file"), pytest.param(2, id="the folder")])
def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch, failing_call):
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == failing_call:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(outfile.os, "fsync", full)
    with pytest.raises(RefusedError, match=r"a\.csv: cannot be written: No space left on device; nothing was sent"):
        outfile.send([MESSAGE], tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="cannot be written: No such file"):
        outfile.send([MESSAGE], tmp_path / "none" / "a.csv")


@pytest.mark.parametrize("batch", ["", "../x", "a b", "-a", "a" * 65, "批"])
def test_a_batch_id_is_a_plain_word(tmp_path, batch):
    with pytest.raises(InputError, match="is not a batch id"):
        outfile.path_of(tmp_path, batch)


@pytest.mark.parametrize("length", [1, 70, 71, 134, 135, 201, 202, 500])
def test_parts_are_counted_as_when_the_text_was_planned(tmp_path, length):
    text = "😀" + "字" * (length - 1)
    outfile.send([replace(MESSAGE, text=text)], tmp_path / "a.csv")
    row = (tmp_path / "a.csv").read_bytes().decode().splitlines()[1]
    assert f",{segments_of(text)},2026-11-23" in row
