"""Files that get their name only when they are whole: a new ledger, a backup, what is restored.

They are filled under another name beside their place (mode 0600), synced, and named last: whatever stops the process,
no half file has the name.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from loancli.core.errors import BusyError, InputError, RefusedError

SIDE_FILES = ("-wal", "-shm", "-journal")  # which SQLite takes for parts of the file beside which they lie


@contextmanager
def made_whole(path: Path, *, taken: str, replaces: bool = False, is_trial: bool = False) -> Iterator[Path]:
    """An empty file to be filled, which is named `path` when the block ends well; else, or as a trial, it is gone.

    Without `replaces` nothing that has the name is overwritten, not even a link to nowhere: InputError, which says why
    not in the words of `taken`. RefusedError if the folder cannot be written.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    _sweep(path)
    made, handle = _begun(path)
    try:
        yield made
        os.fsync(handle)
        _remove_beside(made)  # it is whole by itself; named, nobody would find what is left beside its first name
        if not is_trial:
            _named(made, path, taken=taken, replaces=replaces)
    finally:
        _remove(made)
        os.close(handle)  # last: closing a file takes the locks away that SQLite holds on it in this process


def check_free(path: Path, *, taken: str) -> None:
    """Raises InputError if something has the name, or if it is not the name of a file."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path}: exists already; {taken}")
    _check_alone(path)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one process at a time is inside for a folder. Raises BusyError, InputError."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{folder}: another command is at work in this folder; try again") from None
        yield
    finally:
        os.close(handle)


def is_taken(path: Path) -> bool:
    """Is there something by this name, or of a ledger that had it?"""
    return path.is_symlink() or any(Path(f"{path}{suffix}").exists() for suffix in ("", *SIDE_FILES))


def put_aside(path: Path, mark: str) -> Path:
    """Rename a ledger that cannot be used, with the files beside it, to a free name; returns that.

    The ledger goes first: without its -wal it might look sound, and be an older state.
    """
    aside, number = path.with_name(f"{path.name}.{mark}"), 1
    while is_taken(aside):
        number += 1
        aside = path.with_name(f"{path.name}.{mark}-{number}")
    for suffix in ("", *SIDE_FILES):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def _begun(path: Path) -> tuple[Path, int]:
    while True:
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
        except OSError as error:
            raise RefusedError(f"{path}: cannot be written there ({error.strerror}); choose another folder") from error
        # Held as long as the process lives: by this the next one knows that the file is not left behind.
        with suppress(OSError):  # a file system without such locks: then nothing is swept there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        os.close(handle)  # swept between its making and its lock


def _sweep(path: Path) -> None:
    """Remove what processes that died left of this file."""
    for left in path.parent.glob(f".{escape(path.name)}.*.new"):
        with suppress(OSError):  # another process is at work on it
            handle = os.open(left, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(handle)


def _remove(made: Path) -> None:
    """The file last: where a process dies in between, the next one finds by it what is left."""
    _remove_beside(made)
    made.unlink(missing_ok=True)


def _remove_beside(made: Path) -> None:
    for suffix in SIDE_FILES:
        Path(f"{made}{suffix}").unlink(missing_ok=True)


def _named(made: Path, path: Path, *, taken: str, replaces: bool) -> None:
    _check_alone(path)
    if replaces:
        made.replace(path)
    else:
        _linked(made, path, taken)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _linked(made: Path, path: Path, taken: str) -> None:
    """Give the file its name, unless another has it: a link never overwrites."""
    try:
        try:
            os.link(made, path)
        except FileExistsError:
            raise
        except OSError:  # this file system has no links: take the name first
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            made.replace(path)
    except FileExistsError:
        raise InputError(f"{path}: exists already; {taken}") from None


def _check_alone(path: Path) -> None:
    for suffix in SIDE_FILES:
        if Path(f"{path}{suffix}").exists():
            raise InputError(
                f"{path}{suffix}: is left of a ledger that was moved or deleted, and SQLite would take it for a part of"
                " the new file; move it away"
            )
