"""The global options, which stand before the command; options that many commands share; and the only clock."""

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loancli import __version__
from loancli.core.errors import InputError, SetupError
from loancli.core.money import fen_of
from loancli.texts import Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The global options of one run. A command has it by `context_of(ctx)`."""

    ledger: Path
    as_of: date
    actor: str
    lang: Lang
    schedules: Path | None  # the lender's own folder; None: ours alone
    quiet: bool
    verbose: bool


class Format(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


def context_of(ctx: typer.Context) -> Context:
    """The global options, as every command sees them."""
    found = ctx.find_object(Context)
    assert found is not None
    return found


def now(environ: Mapping[str, str] = os.environ) -> datetime:
    """This instant in Asia/Shanghai.

    For scripts and tests LOANCLI_NOW=2026-11-23T09:30:00+08:00 stands in for the clock. Raises SetupError when it is no
    instant with an offset.
    """
    from loancli.core.days import BEIJING  # brings csv and calendar, which `--help` can do without

    text = environ.get("LOANCLI_NOW")
    if not text:
        return datetime.now(BEIJING)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise SetupError(f"LOANCLI_NOW: '{text}' is not an instant such as 2026-11-23T09:30:00+08:00")
    return instant.astimezone(BEIJING)


def login_name() -> str:
    """Who is at the keyboard, for the books; a number where the machine knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def language(args: Sequence[str], environ: Mapping[str, str], commands: frozenset[str]) -> Lang:
    """`--lang`, else LOANCLI_LANG, LC_ALL, LANG; English where they say nothing.

    Read from the bare words, because help and errors need it before the options are parsed. What follows the name of a
    command belongs to the command.
    """
    for number, word in enumerate(args):
        if word in commands or word == "--":
            break
        name, equals, value = word.partition("=")
        if name == "--lang":
            chosen = value if equals else "".join(args[number + 1 : number + 2])
            return "zh" if chosen == "zh" else "en"
    stated = environ.get("LOANCLI_LANG") or environ.get("LC_ALL") or environ.get("LANG") or ""
    return "zh" if stated.lower().startswith("zh") else "en"


YEAR_MAX = 2999  # a slip of the pen, and days after the last day that Python knows cannot be reckoned with


def day(text: str) -> date:
    """'2026-11-23' as a date: the parser of every option that takes a day."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and found.isoformat() == text:  # Python reads 20261123 and 2026-W48-1 as well
        if found.year <= YEAR_MAX:
            return found
        raise typer.BadParameter(f"{text!r} lies beyond the year {YEAR_MAX}")
    raise typer.BadParameter(f"{text!r} is not a day such as 2026-11-23")


def amount(text: str) -> int:
    """'50000' yuan as fen: the parser of every option that takes money."""
    try:
        return fen_of(text)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"loancli {__version__}")
        raise typer.Exit


def global_options(
    ctx: typer.Context,
    ledger: Annotated[
        Path,
        typer.Option(
            "--ledger",
            "-L",
            envvar="LOANCLI_LEDGER",
            metavar="FILE",
            readable=False,  # opening it tells more
            help="The ledger file.",
        ),
    ] = Path("loancli.db"),
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, metavar="DATE", help="Act as at the end of this day; today in Shanghai."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Who does it, for the books; the login name.")
    ] = None,
    lang: Annotated[  # noqa: ARG001 — read by language(), before the options are parsed; declared here to be checked
        Lang | None, typer.Option("--lang", help="The language of talk and help; by locale.")
    ] = None,
    schedules: Annotated[
        Path | None,
        typer.Option(
            "--schedules",
            envvar="LOANCLI_SCHEDULES",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Your own terms and policies; a file replaces ours of the same name.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Data only, no talk.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show where a bug arose.")] = False,
    version: Annotated[  # noqa: ARG001 — answered by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Loan servicing: plans that follow revenue, exact books, contact within the rules."""
    ctx.obj = Context(
        ledger=ledger,
        as_of=as_of or now().date(),
        actor=actor or login_name(),
        lang=ctx.obj,
        schedules=schedules,
        quiet=quiet,
        verbose=verbose,
    )


FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to show the rows; by the ending of -o, else a table.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write to this file.")
]
DifficultyOption = Annotated[
    bool | None,
    typer.Option(
        "--in-difficulty/--not-in-difficulty",
        help="Is the debtor in financial difficulty? If so, and this eases the terms, the loan is restructured. Not"
        " said: a debtor whose loan was past due when the day began is.",
        show_default=False,
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
