"""The file channel: a CSV that the lender uploads to its licensed SMS vendor (the default; nothing leaves the machine).

UTF-8 with BOM and CRLF, as spreadsheet programs read it. One batch is one file, named after it and written whole or not
at all; the same batch again finds its file and adds nothing.
"""

import csv
import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loancli.core.errors import InputError, RefusedError
from loancli.core.message import Message

NAME = "outfile"
HEADER = ("message_key", "phone", "text", "parts", "planned_for", "campaign")
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # ASVS 1.2.10


def path_of(folder: Path, batch: str) -> Path:
    """Where the batch's file is. Raises InputError for a batch id that cannot be a file name."""
    if _BATCH.fullmatch(batch) is None:
        raise InputError(f"'{batch[:80]}' is not a batch id: letters, digits, - and _, at most 64")
    return folder / f"sms-{batch}.csv"


def send(messages: Sequence[Message], path: Path) -> None:
    """Write the messages to `path`, mode 0600, all or nothing.

    The same messages again change nothing. Raises RefusedError if the file is there with other content (the vendor may
    have it already), or cannot be written.
    """
    data = _csv(messages)
    try:
        if path.exists():
            _check_same(path, data)
        else:
            _write(path, data)
    except OSError as error:
        raise RefusedError(f"{path}: cannot be written: {error.strerror}; nothing was sent") from error


def _csv(messages: Sequence[Message]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for message in messages:
        words = (message.key, message.phone, message.text)
        writer.writerow(
            (*map(_guarded, words), _parts(message.text), message.planned_for.isoformat(), _guarded(message.campaign))
        )
    return text.getvalue().encode("utf-8-sig")


def _guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell.startswith(_FORMULA_SIGNS) else cell


def _parts(text: str) -> int:
    """SMS parts: one up to 70 UTF-16 units, else parts of 67 (SMS-02)."""
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= 70 else -(-units // 67)


def _check_same(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise RefusedError(
            f"{path}: is there already, with other messages; it may have been sent: use another batch id"
        )


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600 by itself
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        path.unlink(missing_ok=True)  # a file whose name may not survive a power cut was not sent
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
