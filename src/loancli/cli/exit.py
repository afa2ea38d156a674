"""One place turns errors into exit codes and a first line, `error: …`, on stderr. Commands catch nothing."""

import re
import traceback
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import typer

from loancli.cli.cells import visible
from loancli.cli.render import complain, hush_stdout
from loancli.core import errors
from loancli.texts import Lang, say
from loancli.texts.refusals import refusal

# Wrong usage, which Typer raises under many names and exports under one (0.26 to 0.28).
UsageError: type[Any] = typer.BadParameter.__mro__[1]


class Exit(IntEnum):
    """What the caller may rely on (DESIGN §11); never renumbered."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3  # bad data or refused, nothing written
    NOT_FOUND = 4
    PARTIAL = 5  # done, but some rows need a person: `raise typer.Exit(Exit.PARTIAL)`
    BOOKS = 6
    BUSY = 75
    SETUP = 78
    INTERRUPTED = 130
    PIPE = 141  # 128 + SIGPIPE, as for any filter whose reader left before the end


# The first that fits counts, so a class stands before its parents.
CODES: dict[type[BaseException], Exit] = {
    errors.InputError: Exit.REFUSED,
    errors.RefusedError: Exit.REFUSED,
    errors.NotFoundError: Exit.NOT_FOUND,
    errors.LedgerError: Exit.BOOKS,
    errors.BusyError: Exit.BUSY,
    errors.SetupError: Exit.SETUP,
    FileNotFoundError: Exit.NOT_FOUND,
    OSError: Exit.REFUSED,
}

# SQLite's primary result codes (sqlite.org/rescode.html).
_SQLITE_CODES = {
    5: Exit.BUSY,  # another connection holds the lock
    3: Exit.REFUSED,  # no permission
    8: Exit.REFUSED,  # read-only
    10: Exit.REFUSED,  # input or output failed
    13: Exit.REFUSED,  # the disk is full
    14: Exit.REFUSED,  # cannot be opened
    11: Exit.BOOKS,  # damaged
    26: Exit.BOOKS,  # no database
}

# What of them has a sentence of its own, with what to do.
_SQLITE_TEXTS = {
    5: "exit.ledger_busy",
    8: "exit.ledger_read_only",
    10: "exit.disk",
    13: "exit.disk",
    11: "exit.ledger_damaged",
    26: "exit.ledger_damaged",
}

# Typer says these in English only. What matches none is shown as it is; tests/cli/test_exit.py notices other words.
_USAGE = {
    "usage.no_command_but": re.compile(r"No such command '(?P<name>.*)'\. ?Did you mean (?P<near>.*)\?"),
    "usage.no_command": re.compile(r"No such command '(?P<name>.*)'\."),
    "usage.missing_command": re.compile(r"Missing command\."),
    "usage.extra": re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((?P<args>.*)\)"),
    "usage.needs_value": re.compile(r"Option '(?P<name>.*)' requires an argument\."),
    "usage.takes_no_value": re.compile(r"Option '(?P<name>.*)' does not take a value\."),
    "usage.not_a_number": re.compile(r"(?P<value>'.*') is not a valid (?:int|integer|float)(?: range)?\."),
    "usage.not_in_range": re.compile(r"(?P<value>.*) is not in the range (?P<range>.*)\."),
    "usage.not_one_of": re.compile(r"(?P<value>'.*') is not one of (?P<allowed>.*)\."),
    "usage.no_file": re.compile(r"\w+ (?P<value>'.*') does not exist\."),
    "usage.too_far": re.compile(r"(?P<value>'.*') lies beyond the year (?P<year>.*)"),
    "usage.no_day": re.compile(r"(?P<value>'.*') is not a day such as .*"),
}


def report(error: BaseException, *, lang: Lang, verbose: bool) -> int:
    """Say on stderr what ended the command, and return its exit code.

    A bug is told by its class alone, as its message may hold a borrower's data; with `verbose`, also where it arose.
    """
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        complain(say("exit.interrupted", lang))
        return Exit.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        hush_stdout()
        return Exit.PIPE
    if isinstance(error, UsageError):
        return _report_usage(error, lang)
    code = exit_of(error)
    if code is Exit.BUG:
        complain(say("exit.bug", lang, kind=type(error).__name__))
        if verbose:
            complain("".join(_where(error)).rstrip())
        return code
    complain(say("exit.error", lang, message=message_of(error, lang)))
    return code


def exit_of(error: BaseException) -> Exit:
    """The exit code of an error; BUG for one that nobody foresaw."""
    import sqlite3

    if isinstance(error, sqlite3.Error):
        return _SQLITE_CODES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, Exit.BUG)
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), Exit.BUG)


def message_of(error: BaseException, lang: Lang) -> str:
    """What ended a command, in the language of the user; not for a bug, whose message may hold a borrower's data."""
    if type(error).__module__ == "sqlite3":
        key = _SQLITE_TEXTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "exit.ledger_unusable")
        return say(key, lang, cause=error)
    if isinstance(error, OSError):
        file_name = visible(str(error.filename)) if error.filename is not None else say("exit.some_file", lang)
        return f"{file_name}: {error.strerror or type(error).__name__}"
    return "\n".join(visible(refusal(line, lang)) for line in str(error).splitlines())


def _report_usage(error: Any, lang: Lang) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        complain(error.message)
        return Exit.USAGE
    complain(say("exit.error", lang, message=visible(usage_message(error, lang))))
    context = getattr(error, "ctx", None)
    if context is not None:
        complain(say("usage.hint", lang, command=context.command_path))
    return Exit.USAGE


def usage_message(error: Any, lang: Lang) -> str:
    """What is wrong with the command line. Told apart by the names of Typer's classes, which it does not export."""
    kind = type(error).__name__
    hint = _param_hint(error)
    if kind == "MissingParameter":
        return say("usage.missing", lang, name=hint)
    if kind == "NoSuchOption":
        name, near = getattr(error, "option_name", ""), getattr(error, "possibilities", None)
        key = "usage.no_option_but" if near else "usage.no_option"
        return say(key, lang, name=name, near=", ".join(sorted(near or ())))
    message = _in_language(error.message, lang)
    return say("usage.bad_value", lang, name=hint, message=message) if hint else message


def _param_hint(error: Any) -> str:
    """The option as it is typed, or the argument as the help page writes it."""
    param = getattr(error, "param", None)
    given = getattr(error, "param_hint", None) or (param.get_error_hint(getattr(error, "ctx", None)) if param else "")
    hint = (given if isinstance(given, str) else " / ".join(given)).replace("'", "")
    return hint.upper() if getattr(param, "param_type_name", "") == "argument" else hint


def _in_language(message: str, lang: Lang) -> str:
    for key, pattern in _USAGE.items():
        match = pattern.fullmatch(message)
        if match is not None:
            return say(key, lang, **match.groupdict())
    return refusal(message, lang)


def _where(error: BaseException) -> Iterator[str]:
    """The lines of code an error passed through, and those of its cause: code and class names, no values."""
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _where(cause)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__name__}\n"
