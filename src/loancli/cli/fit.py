"""The answer of `loancli plan fit`: what fits, beside the next best, and its product file; or what is in the way."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from loancli.cli import session
from loancli.cli.cells import visible
from loancli.cli.options import Context, Format
from loancli.cli.render import save, show, talk
from loancli.core.errors import RefusedError
from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.texts import LANGS, Lang, say

if TYPE_CHECKING:
    from loancli.outlook.fit import Fit
    from loancli.outlook.fit_runs import Fitted
    from loancli.outlook.history import History
    from loancli.plan.product import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be fitted: `source` is the borrower's number or the table's name."""

    frame: "Product"
    principal_fen: int
    start_on: date
    history: "History"
    source: str
    burden_ppm: int
    chance_ppm: int
    periods_max: int
    goal: str = "borrower"
    futures: int = 5_000
    seed: int = 1
    stress: str | None = None


def check_file(path: Path) -> None:
    """A usage error for a name that no product file can have, before the search."""
    if path.suffix != ".toml":
        raise typer.BadParameter(f"'{path.name}' is not the name of a product file such as fitted.toml")


def search(context: Context, asked: Asked) -> "Fit":
    """Run the search, by the calendar and the ceilings in force. InputError for what cannot be fitted."""
    from loancli.outlook.fit import Goal, fit
    from loancli.outlook.fit_runs import Bounds
    from loancli.outlook.futures import Stress

    calendar = session.calendar(context)
    found = fit(
        asked.frame,
        asked.principal_fen,
        asked.start_on,
        asked.history,
        calendar=calendar,
        ceilings=session.ceilings(context),
        bounds=Bounds(burden_ppm=asked.burden_ppm, chance_ppm=asked.chance_ppm, periods_max=asked.periods_max),
        goal=Goal(asked.goal),
        futures=asked.futures,
        seed=asked.seed,
        stress=Stress(asked.stress) if asked.stress else None,
    )
    if not calendar.is_known((found.answer or found.equal).plan.rows[-1].due_on):
        talk(context, "plan.calendar_ends", day=calendar.known_until)
    return found


def answer(
    context: Context,
    asked: Asked,
    found: "Fit",
    *,
    product_file: Path | None,
    output_format: Format | None,
    output: Path | None,
) -> None:
    """Show what fits, and write its product. RefusedError with what is in the way."""
    lang = context.lang
    if found.answer is not None and product_file is not None:
        save(product_file, product_text(context, asked, found, code=product_file.stem))
    rows = list(_rows(found))
    if session.as_json(output_format, output):
        show({**_told(asked, found), "plans": rows}, format=output_format, output=output, lang=lang)
    else:
        on_screen = output is None and output_format in {None, Format.TABLE} and sys.stdout.isatty()
        shown = [_spoken(row, lang) for row in rows] if on_screen else rows
        show(shown, format=output_format, output=output, title=asked.frame.code, lang=lang)
    if found.answer is None:
        raise RefusedError(in_the_way(asked, found, lang))
    months = len(asked.history.months_fen)
    talk(context, "fit.basis", tried=found.tried, futures=asked.futures, seed=asked.seed, months=months)
    if product_file is not None:
        talk(context, "fit.saved", file=product_file)


def _told(asked: Asked, found: "Fit") -> dict[str, Any]:
    told = {
        "product": asked.frame.code,
        "principal_fen": asked.principal_fen,
        "start_on": asked.start_on,
        "history_from_on": asked.history.first_on,
        "history_months": len(asked.history.months_fen),
        "futures": asked.futures,
        "seed": asked.seed,
        "stress": asked.stress,
        "goal": asked.goal,
        "burden_ppm": asked.burden_ppm,
        "chance_ppm": asked.chance_ppm,
        "periods_max": asked.periods_max,
        "tried": found.tried,
    }
    if misses := found.misses:
        told["would_have_to_be"] = {
            "chance_ppm": misses.chance_ppm,
            "burden_ppm": misses.burden_ppm,
            "periods": misses.periods,
            "principal_fen": misses.principal_fen,
        }
    return told


def _rows(found: "Fit") -> Iterator[dict[str, Any]]:
    for name, each in (("answer", found.answer), *(("next_best", other) for other in found.others)):
        if each is not None:
            yield {"plan": name, **_terms(each.plan.product), **_figures(each)}
    yield {"plan": "equal_instalments", **_terms(found.equal.plan.product), **_figures(found.equal)}


def _spoken(row: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """What one looks at first, narrow enough for a terminal."""
    terms = say("fit.by_share", lang, share=percent(row["revenue_share_ppm"])) if row["revenue_share_ppm"] else ""
    return {
        "plan": say(f"fit.{row['plan']}", lang),
        "terms": say("fit.by_season", lang) if row["weights"] else terms,
        "periods": row["periods"],
        "worst_burden_p90_ppm": row["worst_burden_p90_ppm"],
        "finished_ppm": row["chance_finished_by_maturity_ppm"],
        "cost_p50_fen": row["cost_p50_fen"],
        "paid_off_p50_on": row["paid_off_p50_on"],
    }


def _terms(product: "Product") -> dict[str, Any]:
    from loancli.plan.product_toml import bound_text

    revenue = product.revenue
    progress = revenue.minimum_progress if revenue else None
    return {
        "kind": product.kind.value,
        "periods": product.periods,
        "revenue_share_ppm": revenue.share_ppm if revenue else None,
        "floor": bound_text(revenue.floor) if revenue and revenue.floor else None,
        "cap": bound_text(revenue.cap) if revenue and revenue.cap else None,
        "progress_windows": progress.windows if progress else None,
        "progress_levels_ppm": progress.levels_ppm if progress else None,
        "run_on_windows_max": revenue.run_on_windows_max if revenue else None,
        "weights": " ".join(map(str, product.weights)) or None,
    }


def _figures(each: "Fitted") -> dict[str, Any]:
    result = each.result
    return {
        "worst_burden_p90_ppm": result.worst_burden_ppm.p90,
        "chance_finished_by_maturity_ppm": result.chance_finished_ppm,
        "chance_kept_ppm": result.chance_kept_ppm,
        "cost_p50_fen": result.cost_fen.p50,
        "apr_p50_ppm": result.apr_ppm.p50,
        "paid_off_p10_on": result.paid_off_on.p10,
        "paid_off_p50_on": result.paid_off_on.p50,
        "paid_off_p90_on": result.paid_off_on.p90,
        "rest_at_end_p90_fen": result.rest_fen.p90,
    }


def in_the_way(asked: Asked, found: "Fit", lang: Lang) -> str:
    """Which bound no plan keeps, and what each of them alone would have to be."""
    misses = found.misses
    if misses is None:
        return found.refused
    burden, periods, best = percent(asked.burden_ppm), asked.periods_max, percent(misses.chance_ppm)
    if misses.chance_ppm >= asked.chance_ppm:
        way = say("fit.no_burden", lang, tried=found.tried, burden=burden, periods=periods)
    else:
        chance = percent(asked.chance_ppm)
        way = say("fit.no_chance", lang, tried=found.tried, burden=burden, periods=periods, best=best, chance=chance)
    gives = [
        say(f"give.{name}", lang, value=value)
        for name, value in (
            ("burden", misses.burden_ppm and percent(misses.burden_ppm)),
            ("periods", misses.periods),
            ("principal", misses.principal_fen and yuan(misses.principal_fen)),
        )
        if value
    ]
    give = say("fit.gives", lang, gives=say("fit.or", lang).join(gives)) if gives else say("fit.no_give", lang)
    return f"{asked.frame.code}: {way}\n{give}"


# --- the product file ---


def product_text(context: Context, asked: Asked, found: "Fit", *, code: str) -> str:
    """The product file of the answer, with the reasons above its terms in both languages."""
    from loancli.plan.product_toml import product_toml

    assert found.answer is not None
    names = {lang: _name(found.answer.plan.product, lang) for lang in LANGS}
    product = replace(
        found.answer.plan.product,
        code=code,
        name_zh=names["zh"][0],
        name_en=names["en"][0],
        summary_zh=names["zh"][1],
        summary_en=names["en"][1],
    )
    return product_toml(product, [line for lang in LANGS for line in _reasons(context, asked, found, lang)])


def _name(product: "Product", lang: Lang) -> tuple[str, str]:
    """Name and summary. A product that was fitted before keeps its name."""
    own, added = product.name_zh if lang == "zh" else product.name_en, say("fit.name", lang, name="")
    name = own if own.endswith(added) else say("fit.name", lang, name=own)
    if product.revenue is None:
        return name, say("fit.summary_months", lang)
    return name, say("fit.summary_share", lang, share=percent(product.revenue.share_ppm))


def _reasons(context: Context, asked: Asked, found: "Fit", lang: Lang) -> Iterator[str]:
    assert found.answer is not None
    result, equal, history = found.answer.result, found.equal.result, asked.history
    yield say("fit.why_title", lang, product=asked.frame.code, day=context.as_of)
    yield say(
        "fit.why_revenue",
        lang,
        source=visible(asked.source),
        months=len(history.months_fen),
        first=history.first_on.isoformat()[:7],
        futures=asked.futures,
        seed=asked.seed,
        stress=say(f"stress.{asked.stress or 'none'}", lang),
    )
    yield say("fit.why_loan", lang, principal=yuan(asked.principal_fen), start=asked.start_on)
    yield say(
        "fit.why_burden",
        lang,
        bound=percent(asked.burden_ppm),
        reached=percent(result.worst_burden_ppm.p90),
        equal=percent(equal.worst_burden_ppm.p90),
    )
    yield say(
        "fit.why_chance",
        lang,
        bound=percent(asked.chance_ppm),
        reached=percent(result.chance_finished_ppm),
        day=result.paid_off_on.p50,
    )
    yield say(f"favoured.{asked.goal}", lang, tried=found.tried, cost=yuan(result.cost_fen.p50))
