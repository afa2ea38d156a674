"""One small exception tree. The only `except LoancliError` stands in cli/exit.py, which turns it into exit codes."""

from dataclasses import dataclass


class LoancliError(Exception):
    """Something the user can act on. Anything else that escapes is a bug, with a traceback."""


class InputError(LoancliError):
    """A file, a row or an argument is not what it should be: correct it and run again."""


class NotFoundError(LoancliError):
    """There is no such loan, borrower, product or file."""


class RefusedError(LoancliError):
    """The books, the law or the policy forbid it."""


class LedgerError(LoancliError):
    """The ledger file cannot be used: foreign, newer, damaged, or its books do not check."""


class BusyError(LoancliError):
    """Another command is writing to the ledger: try again."""


class SetupError(LoancliError):
    """Something of the installation or configuration is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a value: a place of a file that could not be used. Rows count as a person counts: the first is 1."""

    file_name: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file_name, self.row, self.column) if part is not None)
        return f"{place}: {self.message}"


def input_error(problems: list[Problem], *, shown_max: int = 20) -> InputError:
    """All problems of a batch as one error; the first line names the first place."""
    assert problems
    lines = [str(problem) for problem in problems[:shown_max]]
    if len(problems) > shown_max:
        lines.append(f"… and {len(problems) - shown_max} more")
    return InputError("\n".join(lines))
