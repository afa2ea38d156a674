"""loancli doctor: what is wrong with the set-up."""

import sqlite3
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import typer

from loancli.cli import session
from loancli.cli.exit import Exit
from loancli.cli.options import Context, FormatOption, OutputOption, context_of
from loancli.cli.render import show
from loancli.core.errors import LoancliError
from loancli.texts import say
from loancli.texts.refusals import refusal

app = typer.Typer()
NAMED_MAX = 5  # parked loans
Finding = tuple[str, str]  # ok | note | bad, and what was found
NEEDED = (
    "rich",
    "sqlite_utils",
    "dateutil",
    "python_calamine",
    "xlsxwriter",
    "pyzipper",
    "pydantic",
    "numpy",
    "pyxirr",
    "jinja2",
)


@app.command()
def doctor(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """Say what is wrong with the set-up: packages, schedules, calendar, ledger. Exit 78 if something is."""
    context = context_of(ctx)
    checks: dict[str, Callable[[Context], Finding]] = {
        "python": _python,
        "sqlite": _sqlite,
        "packages": _packages,
        "schedules": _schedules,
        "calendar": _calendar,
        "lpr": _lpr,
        "ledger": _ledger,
        "close": _close,
    }
    rows = []
    for name, check in checks.items():
        try:
            state, detail = check(context)
        except LoancliError as error:
            state, detail = "bad", refusal(str(error), context.lang)
        rows.append({"check": name, "state": state, "detail": detail})
    show(rows, format=output_format, output=output, title="doctor", lang=context.lang)
    if any(row["state"] == "bad" for row in rows):
        raise typer.Exit(Exit.SETUP)


def _python(context: Context) -> Finding:
    del context
    version = ".".join(map(str, sys.version_info[:3]))
    return ("ok" if sys.version_info >= (3, 11) else "bad", version)


def _sqlite(context: Context) -> Finding:
    return ("ok", sqlite3.sqlite_version) if sqlite3.sqlite_version_info >= (3, 37) else (
        "bad",
        say("doctor.old_sqlite", context.lang, version=sqlite3.sqlite_version),
    )  # fmt: skip


def _packages(context: Context) -> Finding:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return "bad", say("doctor.missing", context.lang, names=", ".join(missing))
    return "ok", say("doctor.packages", context.lang, count=len(NEEDED))


def _schedules(context: Context) -> Finding:
    count = len(session.products(context))
    session.ceilings(context)
    session.ageing(context)
    session.revenue_rules(context)
    session.revenue_pairs(context)
    campaigns = [Path(name).stem for name in session.texts(context, "campaigns") if name.endswith(".toml")]
    for campaign in campaigns:
        session.contact_rules(context, campaign)
    return "ok", say("doctor.schedules", context.lang, products=count, campaigns=len(campaigns))


def _calendar(context: Context) -> Finding:
    known_until = session.calendar(context).known_until
    # Loans of a year are signed against it; a plan beyond it knows weekends only.
    state = "ok" if (known_until - context.as_of).days >= 365 else "note"
    return state, say("doctor.calendar", context.lang, day=known_until)


def _lpr(context: Context) -> Finding:
    last = session.ceilings(context).lpr[-1][0]
    state = "ok" if (last.year, last.month) >= (context.as_of.year, context.as_of.month) else "note"
    return state, say("doctor.lpr", context.lang, day=last)


def _ledger(context: Context) -> Finding:
    from loancli.ledger.health import faults

    found = faults(context.ledger)
    told = "; ".join(say(f"health.{fault.code}", context.lang, **fault.values) for fault in found)
    if any(not fault.is_note for fault in found):
        return "bad", told
    if not context.ledger.exists():
        return "note", say("doctor.no_ledger", context.lang, ledger=context.ledger)
    with session.ledger(context) as db:
        count = db.execute("SELECT count(*) FROM loan").fetchone()[0]
    if told:
        return "note", told
    mode = context.ledger.stat().st_mode & 0o777
    if mode & 0o077:
        return "note", say("doctor.open_to_others", context.lang, ledger=context.ledger)
    return "ok", say("doctor.ledger", context.lang, loans=count)


def _close(context: Context) -> Finding:
    from loancli.ledger.days import open_day, parked

    try:
        with session.ledger(context) as db:
            open_on, waiting = open_day(db), parked(db)
    except (LoancliError, sqlite3.Error):  # the check before has told why
        return "note", "-"
    if waiting:
        names = ", ".join(each["loan_id"] for each in waiting[:NAMED_MAX])
        return "note", say("doctor.parked", context.lang, count=len(waiting), names=names)
    behind = (context.as_of - open_on).days
    return (
        ("ok", str(open_on)) if behind <= 0 else ("note", say("doctor.behind", context.lang, day=open_on, days=behind))
    )
