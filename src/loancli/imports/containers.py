"""What a file is by its first bytes, and the files inside an archive. Nothing is ever unpacked to the disk.

Sizes are checked before a byte is inflated, and counted while it is: an archive's own word is not enough.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, BinaryIO, NamedTuple

from loancli.core.errors import InputError
from loancli.imports.foreign import refuse_foreign

UNPACKED_BYTES_MAX = 200 * 1024 * 1024
MEMBERS_MAX = 200
RATIO_MAX = 200
_SMALL_BYTES = 1024 * 1024  # below it any ratio is harmless
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_AES = 99  # the compression method that stands for WinZip's encryption
_BLOCK_BYTES = 1024 * 1024
# Alipay names the files in its archives by the merchant's account, which is nobody's business in a list of files.
_ACCOUNT, _MASKED = re.compile(r"2088\d{8,}(\d{4})"), r"2088…\1"
_OURS_NOT = ("__MACOSX/", ".DS_Store")  # what a Mac puts into an archive beside the files

# Given the name of an encrypted archive, the passwords to try; none: nobody can say.
Passwords = Callable[[str], Sequence[str]]


class Member(NamedTuple):
    """A file to read: as it was given, or out of an archive, 'bill.zip!statement.csv'."""

    name: str
    file: BinaryIO


def no_passwords(_name: str) -> Sequence[str]:
    """For callers that have none."""
    return ()


def members(file: BinaryIO, file_name: str, passwords: Passwords = no_passwords) -> Iterator[Member]:
    """The file itself, or one after the other the files that an archive holds, in the archive's order.

    Raises InputError for what is no export at all (a PDF, a picture, an old workbook), with what to bring instead; for
    an archive that is damaged, too large or hostile; and for one that no password opens.
    """
    file.seek(0)
    start = file.read(4096)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        yield Member(file_name.removesuffix(".gz"), _gunzipped(file, file_name))
    elif start.startswith(b"PK"):
        yield from _zip_members(file, file_name, passwords)
    else:
        refuse_foreign(start, file_name)
        yield Member(file_name, file)


def is_workbook(file: BinaryIO) -> bool:
    """Whether the file is an XLSX workbook, told by what is inside."""
    file.seek(0)
    if not file.read(4).startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        file.seek(0)


def checked_infos(archive: zipfile.ZipFile, file_name: str) -> list[zipfile.ZipInfo]:
    """The archive's members, by place. Raises InputError for an archive that no honest program makes."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MEMBERS_MAX:
        raise InputError(f"{file_name}: the archive holds {len(infos):,} files; at most {MEMBERS_MAX} are read")
    names: set[str] = set()
    for info in infos:
        name = member_name(info)
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or name[1:2] == ":":
            raise InputError(f"{file_name}: member '{name}' would leave its folder; this is no archive of an app")
        if name in names:
            raise InputError(f"{file_name}: member '{name}' stands there twice; this is no archive of an app")
        names.add(name)
        if info.file_size > _SMALL_BYTES and info.file_size > RATIO_MAX * max(info.compress_size, 1):
            raise InputError(
                f"{file_name}: member '{name}' would inflate to {info.file_size:,} bytes from {info.compress_size:,}; "
                "no statement does"
            )
    total_bytes = sum(info.file_size for info in infos)
    if total_bytes > UNPACKED_BYTES_MAX:
        limit = UNPACKED_BYTES_MAX // (1024 * 1024)
        raise InputError(f"{file_name}: the archive would inflate to more than {limit} MiB; export a shorter period")
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise InputError(
                f"{file_name}: member '{member_name(info)}' overlaps another; this is no archive of an app"
            )
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
    return infos


def member_name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: Alipay writes GBK without saying so, which the zip module reads as cp437."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _gunzipped(file: BinaryIO, file_name: str) -> BinaryIO:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    limit = min(UNPACKED_BYTES_MAX, max(_SMALL_BYTES, RATIO_MAX * size))
    try:
        with gzip.GzipFile(fileobj=file) as inside:
            data = inside.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{file_name}: the gzip archive is damaged or was cut off ({error})") from None
    if len(data) > limit:
        raise InputError(f"{file_name}: the gzip archive inflates to more than {limit:,} bytes; no statement does")
    start = data[:4096]
    if start.startswith((b"\x1f\x8b", b"PK")):
        raise InputError(f"{file_name}: an archive inside an archive; unpack the outer one")
    refuse_foreign(start, file_name)
    return io.BytesIO(data)


def _zip_members(file: BinaryIO, file_name: str, passwords: Passwords) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise InputError(f"{file_name}: the ZIP archive is damaged or was cut off ({error})") from None
    with closing(archive):
        infos = checked_infos(archive, file_name)
        if any(info.filename == "xl/workbook.xml" for info in infos):
            yield Member(file_name, file)
            return
        infos = [info for info in infos if not member_name(info).startswith(_OURS_NOT[0]) and
                 not member_name(info).endswith(_OURS_NOT[1])]  # fmt: skip
        if not infos:
            raise InputError(f"{file_name}: the archive is empty")
        encrypted = [info for info in infos if info.flag_bits & _ENCRYPTED]
        known: Sequence[str] = passwords(file_name) if encrypted else ()
        if encrypted and not known:
            raise InputError(
                f"{file_name}: member '{member_name(encrypted[0])}' is encrypted; put the password into an environment "
                "variable and name it with --password-env, or run on a terminal and type it. The app shows it (WeChat: "
                "微信支付 service account; Alipay: service message), the mail does not"
            )
        for info in infos:
            inside = io.BytesIO(_inflated(file, archive, info, file_name, known))
            name = f"{file_name}!{_ACCOUNT.sub(_MASKED, member_name(info))}"
            start = inside.getvalue()[:4096]
            if start.startswith(b"\x1f\x8b") or (start.startswith(b"PK") and not is_workbook(inside)):
                raise InputError(f"{name}: an archive inside an archive; unpack the outer one")
            if not start.startswith(b"PK"):
                refuse_foreign(start, name)
            yield Member(name, inside)


def _inflated(
    file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, file_name: str, passwords: Sequence[str]
) -> bytes:
    """A member's bytes. The first password that opens it counts; they are tried as given, never guessed."""
    where = f"{file_name}: member '{member_name(info)}'"
    tried: Sequence[str | None] = passwords if info.flag_bits & _ENCRYPTED else (None,)
    for password in tried:
        try:
            return _read(file, archive, info, password)
        except RuntimeError as error:  # what both modules raise for a wrong password
            if password is None:
                raise InputError(f"{where} cannot be read ({error})") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            # The old cipher checks one byte: every 256th wrong password passes and gives rubbish.
            if password is None:
                raise InputError(f"{where} is damaged ({error})") from None
        except NotImplementedError as error:
            raise InputError(f"{where} is packed in a way that is not read ({error}); pack it as a plain ZIP") from None
    raise InputError(f"{where} is encrypted, and the password given is wrong (or the archive is damaged)")


def _read(file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, password: str | None) -> bytes:
    if info.compress_type == _AES:
        import pyzipper

        with pyzipper.AESZipFile(file) as strong:
            [same] = [each for each in strong.infolist() if each.header_offset == info.header_offset]
            with strong.open(same, pwd=(password or "").encode()) as inside:
                return _limited(inside, info.file_size)
    with archive.open(info, pwd=password.encode() if password is not None else None) as inside:
        return _limited(inside, info.file_size)


def _limited(inside: Any, stated_bytes: int) -> bytes:
    """What is inside, but not more than was stated."""
    data = bytearray()
    while block := inside.read(_BLOCK_BYTES):
        data += block
        if len(data) > stated_bytes:
            raise zipfile.BadZipFile("it holds more than it states")
    return bytes(data)
