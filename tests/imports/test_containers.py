"""What a file is by its first bytes; archives are read in memory, within limits, by the password that opens them."""

import gzip
import io
import struct
import zipfile

import pytest
import pyzipper

from loancli.core.errors import InputError
from loancli.imports import containers
from loancli.imports.containers import members

TEXT = "交易时间,金额\n".encode()


def _read(data, name="bill.zip", passwords=()):
    return [(each.name, each.file.read()) for each in members(io.BytesIO(data), name, lambda _archive: passwords)]


def _refusal(data, name="bill.zip", passwords=()):
    with pytest.raises(InputError) as refused:
        _read(data, name, passwords)
    return str(refused.value)


def _zip(*files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def _gbk_named(data):
    """The archive as Alipay writes it: the names in GBK, the flag that says UTF-8 not set."""
    out, at = bytearray(data), 0
    for head, flag, length, name in ((b"PK\x03\x04", 6, 26, 30), (b"PK\x01\x02", 8, 28, 46)):
        at = 0
        while (at := data.find(head, at)) >= 0:
            size = struct.unpack_from("<H", data, at + length)[0]
            raw = bytes(data[at + name : at + name + size])
            gbk = raw.decode("utf-8").encode("gbk")
            assert len(gbk) <= size
            out[at + name : at + name + size] = gbk.ljust(size, b"_")
            out[at + flag + 1] &= ~0x08 & 0xFF
            at += 4
    return bytes(out)


def _aes(password, *files):
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


class _Classic:
    """The old ZIP cipher (APPNOTE 6.1), as WeChat's archives use it: written from the specification."""

    TABLE = [0] * 256
    for number in range(256):
        value = number
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        TABLE[number] = value

    def __init__(self, password):
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self._update(byte)

    def _crc(self, value, byte):
        return value >> 8 ^ self.TABLE[(value ^ byte) & 0xFF]

    def _update(self, byte):
        keys = self.keys
        keys[0] = self._crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = self._crc(keys[2], keys[1] >> 24)

    def encrypt(self, data):
        out = bytearray()
        for byte in data:
            mask = (self.keys[2] | 2) & 0xFFFF
            out.append(byte ^ (mask * (mask ^ 1) >> 8 & 0xFF))
            self._update(byte)
        return bytes(out)


def _classic(password, name, data):
    """An archive of one stored member, encrypted with the old cipher."""
    plain = _zip((name, data), method=zipfile.ZIP_STORED)
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        info = archive.getinfo(name)
    secret = _Classic(password.encode()).encrypt(bytes(11) + bytes([info.CRC >> 24]) + data)
    start = 30 + len(name.encode())
    out = bytearray(plain[:start] + secret + plain[start + len(data) :])
    directory = out.rindex(b"PK\x01\x02")
    for at, flag, size in ((0, 6, 18), (directory, 8, 20)):
        out[at + flag] |= 1
        struct.pack_into("<I", out, at + size, len(secret))
    end = out.rindex(b"PK\x05\x06")
    struct.pack_into("<I", out, end + 16, directory)
    return bytes(out)


def test_a_plain_file_is_itself():
    assert _read(TEXT, "a.csv") == [("a.csv", TEXT)]


def test_a_gzip_file_is_what_is_inside():
    assert _read(gzip.compress(TEXT, mtime=0), "bill.csv.gz") == [("bill.csv", TEXT)]


def test_every_member_of_an_archive_is_a_file_folders_and_what_a_mac_adds_are_none():
    data = _zip(("a/", b""), ("a/明细.csv", TEXT), ("__MACOSX/._x", b"x"), ("a/.DS_Store", b"x"), ("b.csv", TEXT * 2))
    assert _read(data) == [("bill.zip!a/明细.csv", TEXT), ("bill.zip!b.csv", TEXT * 2)]


def test_the_account_in_a_members_name_is_not_shown():
    [(name, _)] = _read(_zip(("20881234567890120156_202511_账务明细_1.csv", TEXT)))
    assert name == "bill.zip!2088…0156_202511_账务明细_1.csv"


def test_names_in_gbk_without_the_flag_are_read():
    [(name, data)] = _read(_gbk_named(_zip(("账务明细.csv", TEXT))))
    assert name.startswith("bill.zip!账务明细.csv")
    assert data == TEXT


@pytest.mark.parametrize("made", [_classic, lambda password, *file: _aes(password, file)], ids=["classic", "aes"])
def test_a_password_archive_is_opened_by_the_right_password_only(made):
    data = made("135790", "wx.csv", TEXT)
    assert _read(data, passwords=["135790"]) == [("bill.zip!wx.csv", TEXT)]
    assert _read(data, passwords=["000000", "135790"]) == [("bill.zip!wx.csv", TEXT)]
    wrong = _refusal(data, passwords=["246801"])
    assert wrong.startswith("bill.zip: member 'wx.csv' is encrypted, and the password given is wrong")
    assert "246801" not in wrong
    none = _refusal(data)
    assert none.startswith("bill.zip: member 'wx.csv' is encrypted; put the password into an environment variable")
    assert "--password-env" in none


def test_any_wrong_password_of_the_old_cipher_is_refused():
    """One in 256 passes the cipher's own check and gives rubbish, which the checksum finds."""
    data = _classic("135790", "wx.csv", TEXT)
    for number in range(600):
        assert "password given is wrong" in _refusal(data, passwords=[f"{number:06d}"])


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/abs.csv", "a/../../b.csv", "\\abs.csv", "C:evil.csv", "..\\b.csv"]
)
def test_a_name_that_leaves_its_folder_is_refused(name):
    assert f"member '{name}' would leave its folder" in _refusal(_zip((name, TEXT)))


def test_a_bomb_is_refused_by_what_it_states():
    assert "would inflate to 4,194,304 bytes" in _refusal(_zip(("bill.csv", bytes(4 << 20))))


def test_an_archive_that_states_too_little_is_damaged():
    data = bytearray(_zip(("bill.csv", TEXT * 100)))
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 10)
    assert "member 'bill.csv' is damaged" in _refusal(bytes(data))


def test_too_much_in_all_is_refused(monkeypatch):
    monkeypatch.setattr(containers, "UNPACKED_BYTES_MAX", 1024 * 1024)
    assert "inflate to more than 1 MiB" in _refusal(_zip(("a", bytes(700_000)), ("b", bytes(700_000))))


def test_a_gzip_bomb_is_refused_while_it_inflates():
    assert "inflates to more than" in _refusal(gzip.compress(bytes(20 << 20)), "a.gz")


def test_too_many_repeated_or_overlapping_members_are_refused():
    assert "holds 201 files; at most 200" in _refusal(_zip(*[(f"{n}.csv", b"x") for n in range(201)]))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = _zip(("a.csv", b"1"), ("a.csv", b"2"))
    assert "member 'a.csv' stands there twice" in _refusal(twice)
    two = _zip(("a.csv", TEXT), ("b.csv", TEXT))
    with zipfile.ZipFile(io.BytesIO(two)) as archive:
        first = archive.getinfo("a.csv").header_offset
    second = two.rindex(b"PK\x01\x02")
    overlapping = bytearray(two)
    struct.pack_into("<I", overlapping, second + 42, first)
    assert "overlaps another" in _refusal(bytes(overlapping))


@pytest.mark.parametrize("inner", [_zip(("a.csv", TEXT)), gzip.compress(TEXT, mtime=0)], ids=["zip", "gzip"])
def test_an_archive_inside_an_archive_is_refused(inner):
    assert "an archive inside an archive" in _refusal(_zip(("inner", inner)))
    assert "an archive inside an archive" in _refusal(gzip.compress(inner, mtime=0), "a.gz")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 cut", b"PK\x05\x06", gzip.compress(TEXT, mtime=0)[:-5]], ids=["cut", "end", "gzip"]
)
def test_a_damaged_archive_is_refused(data):
    assert "damaged" in _refusal(data) or "cut off" in _refusal(data)


def test_an_empty_archive_is_refused():
    assert _refusal(_zip()) == "bill.zip: the archive is empty"


def test_what_is_no_export_is_refused_inside_an_archive_too():
    assert "bill.zip!proof.pdf: this is a PDF" in _refusal(_zip(("proof.pdf", b"%PDF-1.7")))
