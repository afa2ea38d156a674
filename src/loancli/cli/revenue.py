"""loancli revenue: a borrower's revenue as the exports show it, and the rule behind it."""

import sys
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.options import Context, Format, FormatOption, OutputOption, context_of, day
from loancli.cli.render import bars, show, talk, write
from loancli.texts import say

app = typer.Typer()
CLASSES = ("sure", "possible", "excluded", "reduction")


class Step(StrEnum):
    """How long a line of the series is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@app.command("show")
def show_(
    ctx: typer.Context,
    borrower_id: Annotated[str, typer.Argument(help="Whose revenue.")],
    by: Annotated[Step, typer.Option("--by", help="day, week (from Monday) or month.")] = Step.MONTH,
    from_on: Annotated[date | None, typer.Option("--from", parser=day, metavar="DATE", help="First day.")] = None,
    to_on: Annotated[
        date | None, typer.Option("--to", parser=day, metavar="DATE", help="Last day; else --as-of.")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="What each rule decided, instead of the series.")] = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show a borrower's revenue by day, week or month: sure, possible, excluded, what reduces it."""
    from loancli.ledger import borrowers, revenue

    context = context_of(ctx)
    last_on = to_on or context.as_of
    if from_on is not None and from_on > last_on:
        raise typer.BadParameter(f"{from_on} is after {last_on}", param_hint="--from")
    with session.ledger(context) as db:
        borrowers.one(db, borrower_id)
        daily = revenue.daily_revenue(db, borrower_id, from_on=from_on or date(2000, 1, 1), to_on=last_on)
        decided = revenue.revenue_by_rule(db, borrower_id) if rules else []
        covered = revenue.coverage(db, borrower_id)
    if rules:
        show(_with_why(context, decided), format=output_format, output=output, title=borrower_id, lang=context.lang)
        return
    rows = _series(daily, by)
    show(rows, format=output_format, output=output, title=borrower_id, lang=context.lang)
    if output is None and output_format in {None, Format.TABLE} and rows and sys.stdout.isatty():
        names = (say("revenue.net", context.lang), say("revenue.possible", context.lang))
        write(bars([(str(row["from_on"]), row["net_sure_fen"], row["possible_fen"]) for row in rows], names=names))
    for channel, gaps in _gaps(covered).items():
        talk(context, "revenue.gaps", channel=say(f"channel.{channel}", context.lang), gaps="; ".join(gaps))


def _series(daily: list[tuple[date, str, str, int, int]], by: Step) -> list[dict[str, Any]]:
    series: dict[date, dict[str, int]] = {}
    for on, _, kind, amount_fen, _ in daily:
        start = on if by is Step.DAY else on - timedelta(days=on.weekday()) if by is Step.WEEK else on.replace(day=1)
        line = series.setdefault(start, dict.fromkeys(CLASSES, 0))
        line[kind] += amount_fen
    return [
        {
            "from_on": start,
            "net_sure_fen": line["sure"] - line["reduction"],
            **{f"{kind}_fen": line[kind] for kind in CLASSES},
        }
        for start, line in sorted(series.items())
    ]


def _with_why(context: Context, decided: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rules = session.revenue_rules(context)
    return [
        {**row, "why": rules[row["channel"]].why(row["rule"], context.lang) if row["channel"] in rules else row["rule"]}
        for row in decided
    ]


def _gaps(covered: dict[str, list[tuple[date, date]]]) -> dict[str, list[str]]:
    """Days between a channel's first and last file that no file covers."""
    found: dict[str, list[str]] = {}
    for channel, spans in covered.items():
        reached = spans[0][0]
        for from_on, to_on in sorted(spans):
            if from_on > reached:
                found.setdefault(channel, []).append(f"{reached} – {from_on - timedelta(days=1)}")
            reached = max(reached, to_on + timedelta(days=1))
    return found
