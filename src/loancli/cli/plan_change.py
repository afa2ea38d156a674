"""The answer of `loancli plan change`: what is due on each day before and after, and what the change comes to."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.explain import why
from loancli.cli.options import Context, Format
from loancli.cli.plan_shown import price_key
from loancli.cli.render import show
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.plan.diff import Diff, Side
    from loancli.plan.rows import Plan


def plan_after(context: Context, plan: "Plan", texts: list[str], on: date) -> "Plan":
    """The plan after the changes, in their order, all from the day `on` on."""
    from loancli.plan.adjust import changed
    from loancli.plan.changes import Restructure, change_of

    calendar = session.calendar(context)
    for text in texts:
        change = change_of(text)
        products = {}
        if isinstance(change, Restructure):
            products[change.product_code] = session.product(context, change.product_code)
        plan = changed(plan, change, on, calendar=calendar, products=products)
    return plan


def answer(
    context: Context, diff: "Diff", told: dict[str, Any], *, output_format: Format | None, output: Path | None
) -> None:
    """Show a diff; `told` is what was asked: product, principal, day, changes."""
    lines = [
        {
            "due_on": line.due_on,
            "before_fen": line.before_fen,
            "after_fen": line.after_fen,
            "difference_fen": line.after_fen - line.before_fen,
            "why": _why(line.reason, context, is_prepaid=line.is_prepaid),
        }
        for line in diff.lines
    ]
    price = price_key(diff.product)  # a change leaves a fixed fee what it is
    sides = [{"plan": "before", **_side(diff.before, price)}, {"plan": "after", **_side(diff.after, price)}]
    change = {
        "cost_fen": diff.after.cost_fen - diff.before.cost_fen,
        price: diff.after.interest_fen - diff.before.interest_fen,
        "fee_fen": diff.after.fee_fen - diff.before.fee_fen,
        "biggest_fen": diff.after.biggest_fen - diff.before.biggest_fen,
    }
    income = [
        {"year": year, "before_fen": before_fen, "after_fen": after_fen, "difference_fen": after_fen - before_fen}
        for year, before_fen, after_fen in _income(diff)
    ]
    if session.as_json(output_format, output):
        document = {**told, "difference": change, "plans": sides, "income": income, "days": lines}
        show(document, format=output_format, output=output, lang=context.lang)
        return
    show(lines, format=output_format, output=output, title=told["product"], lang=context.lang)
    if output is None and output_format in {None, Format.TABLE}:
        spoken = [{**side, "plan": say(f"change.{side['plan']}", context.lang)} for side in sides]
        show(spoken, lang=context.lang)
        show(income, title=say("change.income", context.lang), lang=context.lang)


def _side(side: "Side", price: str) -> dict[str, Any]:
    return {
        "instalments": side.instalments,
        "last_due_on": side.last_due_on,
        "biggest_fen": side.biggest_fen,
        price: side.interest_fen,
        "fee_fen": side.fee_fen,
        "cost_fen": side.cost_fen,
        "apr_simple_percent": f"{side.cost.simple_percent:.2f}",
        "apr_compound_percent": side.cost.compound_shown,
    }


def _why(reason: str, context: Context, *, is_prepaid: bool) -> str:
    parts = [say("why.prepaid", context.lang)] if is_prepaid else []
    return say("why.join", context.lang).join([*parts, *([why(reason, context.lang)] if reason else [])])


def _income(diff: "Diff") -> list[tuple[int, int, int]]:
    before, after = dict(diff.before.income_by_year_fen), dict(diff.after.income_by_year_fen)
    return [(year, before.get(year, 0), after.get(year, 0)) for year in sorted({*before, *after})]
