"""loancli revenue: a borrower's revenue as the exports show it, the rules behind it, and what people decide."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.borrower import UnmaskOption
from loancli.cli.charts import bars
from loancli.cli.options import Context, DryRunOption, Format, FormatOption, OutputOption, amount, context_of, day
from loancli.cli.render import show, talk, write
from loancli.core.errors import RefusedError
from loancli.core.mask import HIDDEN, mask_name
from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.ledger.transactions import Txn
    from loancli.revenue.rules import Sums

app = typer.Typer()
FIRST_ON = date(2000, 1, 1)  # no export is older
GAPS_SHOWN_MAX = 3
_PERMILLE = 1_000  # parts per million
CLASSIFY_SCREEN = ("row", "day", "channel", "amount_fen", "payer", "item", "class", "why")
Daily = tuple[date, str, str, int, int, int]
Run = tuple[date, date]

BorrowerArgument = Annotated[str, typer.Argument(help="Whose revenue.")]
FromOption = Annotated[date | None, typer.Option("--from", parser=day, metavar="DATE", help="First day.")]


class Step(StrEnum):
    """How long a line of the series is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Class(StrEnum):
    """What a row counts as."""

    SURE = "sure"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"
    REDUCTION = "reduction"


class Verdict(StrEnum):
    """What a person decides."""

    SURE = "sure"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"
    REDUCTION = "reduction"
    RULES = "rules"


class Declared(StrEnum):
    """How sure declared revenue is."""

    SURE = "sure"
    POSSIBLE = "possible"


@app.command("show")
def show_(
    ctx: typer.Context,
    borrower_id: BorrowerArgument,
    by: Annotated[Step, typer.Option("--by", help="day, week (from Monday) or month.")] = Step.MONTH,
    from_on: FromOption = None,
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
    first_on = from_on or FIRST_ON
    with session.ledger(context) as db:
        borrowers.one(db, borrower_id)
        daily = revenue.daily_revenue(db, borrower_id, from_on=first_on, to_on=last_on)
        decided = revenue.revenue_by_rule(db, borrower_id) if rules else []
        covered = {} if rules else revenue.coverage(db, borrower_id)
        empty = _empty_runs(db, borrower_id, covered, first_on, last_on)
    if rules:
        why = _sentences(context)
        rows = [{**row, "why": why(row["channel"], row["rule"])} for row in decided]
        show(rows, format=output_format, output=output, title=borrower_id, lang=context.lang)
        return
    rows = [{"from_on": start, **_line(found)} for start, found in _series(daily, by).items()]
    show(rows, format=output_format, output=output, title=borrower_id, lang=context.lang)
    if output is None and output_format in {None, Format.TABLE} and rows and sys.stdout.isatty():
        names = (say("revenue.net", context.lang), say("revenue.possible", context.lang))
        write(bars([(str(row["from_on"]), row["net_sure_fen"], row["possible_fen"]) for row in rows], names=names))
    if rows:
        talk(context, "revenue.total", **_told(_sum(daily)))
    for channel, gaps in _gaps(covered).items():
        talk(context, "revenue.gaps", channel=say(f"channel.{channel}", context.lang), gaps=_shown(gaps))
    if empty:
        longest = sorted(empty, key=lambda run: (run[0] - run[1], run[0]))[:GAPS_SHOWN_MAX]
        talk(context, "revenue.empty", count=sum(map(_days, empty)), runs=_shown(longest))


def _series(daily: Sequence[Daily], by: Step) -> dict[date, "Sums"]:
    """The sums of each day, week or month that has any, by its first day."""
    days: dict[date, list[Daily]] = {}
    for each in daily:
        on = each[0]
        start = on if by is Step.DAY else on - timedelta(days=on.weekday()) if by is Step.WEEK else on.replace(day=1)
        days.setdefault(start, []).append(each)
    return {start: _sum(found) for start, found in sorted(days.items())}


def _sum(daily: Sequence[Daily]) -> "Sums":
    from loancli.revenue.rules import Sums

    found = dict.fromkeys((f"{kind}_fen" for kind in Class), 0)
    fees = dict.fromkeys((f"{kind}_fee_milli_fen" for kind in Class if kind is not Class.EXCLUDED), 0)
    for _, _, kind, amount_fen, _, milli_fen in daily:
        found[f"{kind}_fen"] += amount_fen
        if kind != Class.EXCLUDED:
            fees[f"{kind}_fee_milli_fen"] += milli_fen
    return Sums(**found, **fees)


def _line(found: "Sums") -> dict[str, int]:
    return {
        "net_sure_fen": found.net_fen(),
        **{f"{kind}_fen": getattr(found, f"{kind}_fen") for kind in Class},
        "fee_fen": found.fee_fen(),
        "possible_share_ppm": _possible_ppm(found),
    }


def _possible_ppm(found: "Sums") -> int:
    """What of all that may be revenue is only possible, to a tenth of a percent."""
    may_be_fen = found.sure_fen + found.possible_fen
    return _PERMILLE * (found.possible_fen * 1_000 // may_be_fen) if may_be_fen else 0


def _told(found: "Sums") -> dict[str, str]:
    amounts = {name.removesuffix("_fen"): yuan(fen) for name, fen in _line(found).items() if name.endswith("_fen")}
    return {**amounts, "share": percent(_possible_ppm(found))}


def _sentences(context: Context) -> Callable[[str, str], str]:
    """(channel, code of a rule) → its sentence: the channel's rule, else one over several rows or a person's word."""
    by_channel, pairs = session.revenue_rules(context), session.revenue_pairs(context)

    def why(channel: str, code: str) -> str:
        told = by_channel[channel].why(code, context.lang) if channel in by_channel else code
        return pairs.why(code, context.lang) if told == code else told

    return why


def _gaps(covered: Mapping[str, Sequence[Run]]) -> dict[str, list[Run]]:
    """Days between a channel's first and last file that no file covers."""
    found: dict[str, list[Run]] = {}
    for channel, spans in covered.items():
        gaps = [
            (before[1] + timedelta(days=1), after[0] - timedelta(days=1)) for before, after in pairwise(_merged(spans))
        ]
        if gaps:
            found[channel] = gaps
    return found


def _merged(spans: Sequence[Run]) -> list[Run]:
    """Periods that neither overlap nor touch, in order."""
    merged: list[Run] = []
    for from_on, to_on in sorted(spans):
        if merged and from_on <= merged[-1][1] + timedelta(days=1):
            merged[-1] = merged[-1][0], max(merged[-1][1], to_on)
        else:
            merged.append((from_on, to_on))
    return merged


def _empty_runs(db: Any, borrower_id: str, covered: Mapping[str, Sequence[Run]], first: date, last: date) -> list[Run]:
    """Runs of days that files cover and on which none of them has any row."""
    from loancli.ledger.statements import empty_days

    runs: list[Run] = []
    for from_on, to_on in _merged([span for spans in covered.values() for span in spans]):
        if from_on <= last and to_on >= first:
            runs += empty_days(db, borrower_id, max(from_on, first), min(to_on, last))
    return runs


def _days(run: Run) -> int:
    return (run[1] - run[0]).days + 1


def _shown(runs: Sequence[Run]) -> str:
    return "; ".join(str(run[0]) if run[0] == run[1] else f"{run[0]} – {run[1]}" for run in runs)


@app.command()
def classify(
    ctx: typer.Context,
    borrower_id: BorrowerArgument,
    kind: Annotated[
        Class | None, typer.Option("--class", help="Rows that count as this; possible where no other filter is given.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="CODE", help="Rows that this rule decided.")] = None,
    from_on: FromOption = None,
    to_on: Annotated[date | None, typer.Option("--to", parser=day, metavar="DATE", help="Last day.")] = None,
    payer: Annotated[str, typer.Option("--payer", metavar="TEXT", help="Rows whose payer's name holds this.")] = "",
    row: Annotated[
        list[int] | None,
        typer.Option("--row", metavar="N", min=1, max=session.NUMBER_MAX, help="This row only; may be repeated."),
    ] = None,
    all_rows: Annotated[bool, typer.Option("--all", help="With --as: every row that is shown.")] = False,
    verdict: Annotated[
        Verdict | None, typer.Option("--as", help="What the rows count as from now on; rules: as the rules say again.")
    ] = None,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason, for the books; needed with --as.")
    ] = "",
    expect: Annotated[
        int | None, typer.Option("--expect", metavar="N", help="With --all: how many rows it must be.")
    ] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """Show revenue rows with the rule behind each, and decide what they count as; a person's word wins over every rule.

    With --all and more than one row, --expect must name their number.
    """
    from loancli.jobs.classify import classify as decide
    from loancli.ledger import borrowers

    context = context_of(ctx)
    _check_asked(verdict, row, why, all_rows=all_rows)
    if row is None and kind is None and rule is None:
        kind = Class.POSSIBLE
    with session.change(context, dry_run=dry_run or verdict is None) as db:
        is_forgotten = borrowers.one(db, borrower_id).is_forgotten
        found = _found(db, borrower_id, row, kind, rule, from_on, to_on, payer)
        decided = None
        if verdict is not None:
            if all_rows:
                _expect(found, expect)
            decided = decide(
                db,
                borrower_id,
                row or [each.txn_id for each in found],
                None if verdict is Verdict.RULES else verdict.value,
                why=why,
                stamp=session.stamp(context),
            )
            found = decided.rows
    sentence = _sentences(context)
    rows = [_row(each, sentence, unmask=unmask) for each in found]
    if is_forgotten:
        rows = [{**row, "payer": HIDDEN, "item": HIDDEN} for row in rows]
    show(rows, format=output_format, output=output, title=borrower_id, screen=CLASSIFY_SCREEN, lang=context.lang)
    amount_fen = sum(each.row.amount_fen for each in found)
    if decided is None:
        talk(context, "revenue.rows", count=len(found), amount=yuan(amount_fen))
    else:
        told = {"count": decided.new_count, "same": len(found) - decided.new_count, "amount": yuan(amount_fen)}
        session.tell(context, "revenue.decided", dry_run=dry_run, **told)


def _check_asked(verdict: Verdict | None, row: list[int] | None, why: str, *, all_rows: bool) -> None:
    if verdict is None:
        if all_rows:
            raise typer.BadParameter("needs --as: what the rows count as", param_hint="--all")
        return
    if bool(row) == all_rows:
        raise typer.BadParameter("needs --row, or --all for every row that is shown", param_hint="--as")
    if not why.strip():
        raise typer.BadParameter("a decision needs its reason", param_hint="--why")


def _found(
    db: Any,
    borrower_id: str,
    row: list[int] | None,
    kind: Class | None,
    rule: str | None,
    from_on: date | None,
    to_on: date | None,
    payer: str,
) -> list["Txn"]:
    from loancli.ledger import revenue, transactions

    if row:
        return [each for each in transactions.txns(db, row) if each.owner == borrower_id]
    return revenue.rows_of(db, borrower_id, revenue_class=kind, rule=rule, from_on=from_on, to_on=to_on, payer=payer)


def _expect(found: Sequence["Txn"], expect: int | None) -> None:
    """A decision about many rows names their number, so that it is about those that were looked at."""
    if expect is None and len(found) <= 1:
        return
    if expect != len(found):
        amount_fen = sum(each.row.amount_fen for each in found)
        raise RefusedError(
            f"this is about {len(found)} rows, {yuan(amount_fen)} yuan together; nothing was written. "
            f"Look at them without --as, then add --expect {len(found)}"
        )


def _row(txn: "Txn", why: Callable[[str, str], str], *, unmask: bool) -> dict[str, Any]:
    payer, item = txn.row.counterparty, txn.row.item
    if not unmask:
        item = session.masked(item, [payer])
        payer = payer if "*" in payer else mask_name(payer)
    return {
        "row": txn.txn_id,
        "day": txn.row.occurred_on,
        "channel": txn.channel,
        "amount_fen": txn.row.amount_fen,
        "direction": txn.row.direction,
        "payer": payer,
        "item": item,
        "class": txn.revenue_class,
        "rule": txn.revenue_rule,
        "why": why(txn.channel, txn.revenue_rule or ""),
    }


@app.command()
def declare(
    ctx: typer.Context,
    borrower_id: BorrowerArgument,
    amount_fen: Annotated[int, typer.Option("--amount", parser=amount, metavar="YUAN", help="How much in all.")],
    evidence: Annotated[str, typer.Option("--evidence", metavar="TEXT", help="What shows it: a book, slips, a visit.")],
    on: Annotated[date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it came in.")] = None,
    from_on: FromOption = None,
    to_on: Annotated[
        date | None, typer.Option("--to", parser=day, metavar="DATE", help="Last day; the amount is shared out evenly.")
    ] = None,
    kind: Annotated[Declared, typer.Option("--class", help="How sure it is.")] = Declared.POSSIBLE,
    dry_run: DryRunOption = False,
) -> None:
    """Declare cash revenue with what shows it; the same declaration again changes nothing. Put right with classify."""
    from loancli.jobs.declare_revenue import Declaration, declare_revenue

    context = context_of(ctx)
    if (on is None) == (from_on is None and to_on is None) or (from_on is None) != (to_on is None):
        raise typer.BadParameter("needs a day, or a period with --from and --to", param_hint="--on")
    first_on, last_on = on or from_on, on or to_on
    assert first_on is not None
    assert last_on is not None
    declared = Declaration(
        borrower_id=borrower_id,
        amount_fen=amount_fen,
        from_on=first_on,
        to_on=last_on,
        evidence=evidence.strip(),
        revenue_class=kind.value,
    )
    with session.change(context, dry_run=dry_run) as db:
        count = declare_revenue(db, declared, stamp=session.stamp(context), as_of=context.as_of)
    key = "revenue.declared" if count else "revenue.declared_same"
    session.tell(context, key, dry_run=dry_run, amount=yuan(amount_fen), count=count, borrower_id=borrower_id)
