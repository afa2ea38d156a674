"""Every write, sync, cut and removal that SQLite asks of the disk: recorded, refused, or the last thing a process does.

No tool is needed: SQLite's own way of plugging in a file system (a VFS, sqlite.org/vfs.html) is used from Python, in
front of the one for Unix. It works on the library with which this Python's `sqlite3` is linked.
"""

import ctypes
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

_LIBRARY = "libsqlite3.so.0"
_CALLBACK = ctypes.CFUNCTYPE
_OPEN = _CALLBACK(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = _CALLBACK(c_int, c_void_p, c_char_p, c_int)
_WRITE = _CALLBACK(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = _CALLBACK(c_int, c_void_p, c_int64)
_SYNC = _CALLBACK(c_int, c_void_p, c_int)
_MORE_OF_VFS = 16  # pointers behind xDelete, up to its third version
_MORE_OF_FILE = 14  # behind xSync, up to its third version


class _Vfs(Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        ("more", c_void_p * _MORE_OF_VFS),
    )


class _Methods(Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        ("more", c_void_p * _MORE_OF_FILE),
    )


class _File(Structure):
    _fields_ = (("methods", POINTER(_Methods)),)


_KEPT: list[object] = []  # what SQLite may call as long as a connection is open, and one that failed is never closed


class Call(NamedTuple):
    """Something that was asked of the disk. `at`: the place of a write, or the length that is left by a cut."""

    kind: str  # write | sync | truncate | delete
    name: str  # the file's, without its folder
    at: int = 0
    data: bytes = b""


ERRORS = {  # what SQLite's own file system would answer
    "EIO": {"write": 778, "sync": 1034, "truncate": 1546, "delete": 2570},
    "ENOSPC": {"write": sqlite3.SQLITE_FULL, "sync": 1034, "truncate": 1546, "delete": 2570},
}


@dataclass(kw_only=True)
class Plan:
    """What becomes of the call of the number `at`, counted from 1: with `onwards`, of all calls from then on."""

    at: int = 0
    action: str = ""  # kill | tear (half of a write, then kill) | EIO | ENOSPC; "": calls are only recorded
    onwards: bool = False
    calls: list[Call] = field(default_factory=list)
    count: int = 0
    records: bool = True

    def next(self, call: Callable[[], Call], kind: str, half: Callable[[], object]) -> int | None:
        """None: go on; else the answer that SQLite gets."""
        self.count += 1
        if self.at and (self.count == self.at or (self.onwards and self.count > self.at)):
            if self.action == "tear":
                half()
            if self.action in {"kill", "tear"}:
                os.kill(os.getpid(), signal.SIGKILL)
            return ERRORS[self.action][kind]
        if self.records:
            self.calls.append(call())
        return None


def is_possible() -> bool:
    """Is this Python's SQLite the library that ctypes finds? If it was built in, calls cannot be watched."""
    import _sqlite3

    own = getattr(_sqlite3, "__file__", None)
    return own is not None and _LIBRARY.encode() in Path(own).read_bytes()


@contextmanager
def watched(plan: Plan) -> Any:
    """Within the block every new connection of this process asks the disk through `plan`."""
    library = ctypes.CDLL(_LIBRARY)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    library.sqlite3_vfs_unregister.argtypes = [c_void_p]
    unix = library.sqlite3_vfs_find(None)
    vfs = _Vfs()
    ctypes.memmove(byref(vfs), unix, ctypes.sizeof(_Vfs))
    vfs.zName = b"watched"
    kept = _Shim(plan, unix)
    _KEPT.append((vfs, kept))
    vfs.xOpen = ctypes.cast(kept.open, c_void_p)
    vfs.xDelete = ctypes.cast(kept.delete, c_void_p)
    library.sqlite3_vfs_register(byref(vfs), 1)
    try:
        yield plan
    finally:
        library.sqlite3_vfs_unregister(byref(vfs))
        library.sqlite3_vfs_register(unix, 1)


class _Shim:
    """The callbacks, each of which asks the plan and then the real function."""

    def __init__(self, plan: Plan, unix: Any) -> None:
        self.plan = plan
        self.names: dict[int, str] = {}
        self.methods: dict[int, Any] = {}
        self.unix = ctypes.cast(unix, c_void_p).value
        self.real_open = _OPEN(unix.contents.xOpen)
        self.real_delete = _DELETE(unix.contents.xDelete)
        self.open = _OPEN(self._open)
        self.delete = _DELETE(self._delete)

    def _open(self, _vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code: int = self.real_open(self.unix, name, file, flags, out)
        opened = ctypes.cast(file, POINTER(_File)).contents
        if code == 0 and name and opened.methods:
            self.names[file] = Path(ctypes.string_at(name).decode()).name
            own = self._watching(opened.methods)
            opened.methods = ctypes.pointer(own)
        return code

    def _watching(self, of: Any) -> Any:
        address = ctypes.addressof(of.contents)
        if address not in self.methods:
            own = _Methods()
            ctypes.memmove(byref(own), of, ctypes.sizeof(_Methods))
            write, truncate, sync = _WRITE(own.xWrite), _TRUNCATE(own.xTruncate), _SYNC(own.xSync)

            def on_write(file: int, data: int, amount: int, at: int) -> int:
                answer = self.plan.next(
                    lambda: Call("write", self.names[file], at, ctypes.string_at(data, amount)),
                    "write",
                    lambda: write(file, data, amount // 2, at),
                )
                return write(file, data, amount, at) if answer is None else answer

            def on_truncate(file: int, size: int) -> int:
                answer = self.plan.next(lambda: Call("truncate", self.names[file], size), "truncate", lambda: None)
                return truncate(file, size) if answer is None else answer

            def on_sync(file: int, flags: int) -> int:
                answer = self.plan.next(lambda: Call("sync", self.names[file]), "sync", lambda: None)
                return sync(file, flags) if answer is None else answer

            callbacks = (_WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync))
            for method, callback in zip(("xWrite", "xTruncate", "xSync"), callbacks, strict=True):
                setattr(own, method, ctypes.cast(callback, c_void_p))
            self.methods[address] = (own, callbacks, write, truncate, sync)
            self.methods[ctypes.addressof(own)] = self.methods[address]
        return self.methods[address][0]

    def _delete(self, _vfs: int, name: bytes, sync_folder: int) -> int:
        short = Path(name.decode()).name
        answer = self.plan.next(lambda: Call("delete", short), "delete", lambda: None)
        return self.real_delete(self.unix, name, sync_folder) if answer is None else answer
