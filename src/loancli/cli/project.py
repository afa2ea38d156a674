"""The answer of `loancli plan project`: rows, both plans side by side, and the fan chart."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.charts import fan
from loancli.cli.options import Context, Format
from loancli.cli.render import save, show, talk, write
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.outlook.history import History
    from loancli.outlook.project import Line, Projection, Result

SCREEN = (
    "number",
    "due_on",
    "due_p10_fen",
    "due_p50_fen",
    "due_p90_fen",
    "burden_p90_ppm",
    "equal_fen",
    "equal_burden_p90_ppm",
)
_QUANTILES = ("p10", "p50", "p90")


def answer(
    context: Context,
    projection: "Projection",
    history: "History",
    told: dict[str, Any],
    *,
    output_format: Format | None,
    output: Path | None,
    html: Path | None,
) -> None:
    """Show a projection; `told` is what was asked: futures, seed, stress, burden_ppm."""
    rows = [_row(line) for line in projection.lines]
    kind = projection.plan.product.kind.value
    results = ((kind, projection.result), ("equal_instalments", projection.equal_instalments))
    plans = [{"plan": name, **_plan(result)} for name, result in results]
    summary = {
        "product": projection.plan.product.code,
        "principal_fen": projection.plan.principal_fen,
        "start_on": projection.plan.start_on,
        "history_from_on": history.first_on,
        "history_months": len(history.months_fen),
        "history_mean_fen": sum(history.months_fen) // len(history.months_fen),
        **told,
    }
    if html is not None:
        from loancli.cli.project_page import page

        save(html, page(projection, summary, plans))
        talk(context, "project.page", file=html)
    if session.as_json(output_format, output):
        document = {**summary, "plans": plans, "instalments": rows}
        show(document, format=output_format, output=output, lang=context.lang)
        return
    product = projection.plan.product.code
    show(rows, format=output_format, output=output, title=product, screen=SCREEN, lang=context.lang)
    if output is None and output_format in {None, Format.TABLE}:
        spoken = [{**plan, "plan": say(f"project.{plan['plan']}", context.lang)} for plan in plans]
        show(spoken, title="P10 P50 P90", lang=context.lang)
        if sys.stdout.isatty():
            write(_chart(projection.lines, context))
    talk(
        context,
        "project.basis",
        months=len(history.months_fen),
        first=history.first_on.isoformat()[:7],
        futures=told["futures"],
        seed=told["seed"],
    )


def _row(line: "Line") -> dict[str, Any]:
    return {
        "number": line.row.number,
        "due_on": line.row.due_on,
        "window_from_on": line.window.from_on,
        "window_to_on": line.window.to_on,
        **_spread("revenue_{}_fen", line.revenue_fen),
        **_spread("due_{}_fen", line.due_fen),
        **_spread("burden_{}_ppm", line.burden_ppm),
        "equal_fen": line.equal_fen,
        **_spread("equal_burden_{}_ppm", line.equal_burden_ppm),
    }


def _plan(result: "Result") -> dict[str, Any]:
    return {
        **_spread("paid_off_{}_on", result.paid_off_on),
        **_spread("total_{}_fen", result.total_fen),
        **_spread("cost_{}_fen", result.cost_fen),
        **_spread("apr_{}_ppm", result.apr_ppm),
        **_spread("worst_burden_{}_ppm", result.worst_burden_ppm),
        "chance_above_burden_ppm": result.chance_burden_ppm,
        **_spread("shortfall_{}_fen", result.shortfall_fen),
        "chance_finished_by_maturity_ppm": result.chance_finished_ppm,
        "chance_kept_ppm": result.chance_kept_ppm,
        **_spread("rest_at_end_{}_fen", result.rest_fen),
    }


def _spread(name: str, values: Sequence[Any]) -> dict[str, Any]:
    return {name.format(quantile): value for quantile, value in zip(_QUANTILES, values, strict=True)}


def _chart(lines: Sequence["Line"], context: Context) -> str:
    rows = [(str(line.row.due_on), *line.due_fen, line.equal_fen) for line in lines]
    return f"{say('project.legend', context.lang)}\n{fan(rows)}"
