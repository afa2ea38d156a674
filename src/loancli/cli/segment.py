"""loancli segment: who is in which segment, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.loan import LoanArgument
from loancli.cli.options import Format, FormatOption, OutputOption, context_of
from loancli.cli.render import show
from loancli.core.errors import NotFoundError
from loancli.core.rates import PPM
from loancli.texts import Lang

if TYPE_CHECKING:
    from loancli.outreach.features import Features
    from loancli.outreach.segments import Assigned, Segments

app = typer.Typer()


@app.command("list")
def list_(
    ctx: typer.Context,
    loans: Annotated[bool, typer.Option("--loans", help="Each loan, instead of counts.")] = False,
    features: Annotated[bool, typer.Option("--features", help="The words that conditions are written in.")] = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the segments on --as-of with their share of the book, or each loan with its segment and why."""
    from loancli.jobs.plan_contacts import segmented
    from loancli.outreach.features import FEATURES

    context = context_of(ctx)
    rows: list[dict[str, Any]]
    if features:
        rows = [
            {
                "feature": each.name,
                "unit": each.unit,
                "meaning": each.meaning_zh if context.lang == "zh" else each.meaning_en,
            }
            for each in FEATURES
        ]
        show(rows, format=output_format, output=output, title="features", lang=context.lang)
        return
    segments = session.contact_rules(context, "collections").segments
    with session.ledger(context) as db:
        known, assigned = segmented(db, context.as_of, segments)
    if loans:
        rows = [
            {
                "loan_id": each.loan_id,
                "borrower_id": one.borrower_id,
                "segment": each.segment,
                "days_past_due": one.days_past_due,
                "due_fen": one.due_fen,
                "why": why_in(context.lang, each.why, each.segment, segments),
            }
            for one, each in zip(known, assigned, strict=True)
        ]
    else:
        rows = counted(known, assigned, segments)
    show(rows, format=output_format, output=output, title="segments", lang=context.lang)


def why_in(lang: Lang, why: str, segment: str, segments: "Segments") -> str:
    """The sentence of a segment in the user's language; it is kept in Chinese, with the values that decided."""
    found = next(each for each in segments.segments if each.name == segment)
    if lang == "zh" or not why.startswith(found.why_zh):
        return why
    values = why.removeprefix(found.why_zh).strip("（）")
    return f"{found.why_en} ({values})" if values else found.why_en


def counted(known: "Sequence[Features]", assigned: "Sequence[Assigned]", segments: "Segments") -> list[dict[str, Any]]:
    """Each segment with its loans and their share of the book, in the order in which conditions are asked."""
    rows = []
    for name in segments.names:
        members = [one for one, each in zip(known, assigned, strict=True) if each.segment == name]
        rows.append(
            {
                "segment": name,
                "loans": len(members),
                "share_ppm": PPM * len(members) // len(known) if known else 0,
                "due_fen": sum(one.due_fen for one in members),
                "outstanding_fen": sum(one.outstanding_fen for one in members),
            }
        )
    return rows


@app.command()
def explain(
    ctx: typer.Context, loan_id: LoanArgument, output_format: FormatOption = None, output: OutputOption = None
) -> None:
    """Explain a loan's segment: its features, and every condition in order with whether it holds."""
    from loancli.jobs.plan_contacts import segmented
    from loancli.outreach.segments import explain as explained

    context = context_of(ctx)
    segments = session.contact_rules(context, "collections").segments
    with session.ledger(context) as db:
        known, assigned = segmented(db, context.as_of, segments)
    found = next((pair for pair in zip(known, assigned, strict=True) if pair[0].loan_id == loan_id), None)
    if found is None:
        raise NotFoundError(f"loan '{loan_id}' is not active on {context.as_of}; see: loancli loan list")
    one, each = found
    why = why_in(context.lang, each.why, each.segment, segments)
    conditions = [
        {**answer._asdict(), "condition": " ".join(answer.condition.split())} for answer in explained(one, segments)
    ]
    if session.as_json(output_format, output):
        answer = {
            "loan_id": loan_id,
            "segment": each.segment,
            "why": why,
            "features": one,
            "conditions": conditions,
        }
        show(answer, format=output_format, output=output, lang=context.lang)
        return
    if output is None and output_format in {None, Format.TABLE}:
        show({"loan_id": loan_id, "segment": each.segment, "why": why}, title=loan_id, lang=context.lang)
        show(one, lang=context.lang)
    show(conditions, format=output_format, output=output, title=loan_id, lang=context.lang)
