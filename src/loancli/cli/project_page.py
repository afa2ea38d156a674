"""The picture of a projection as one page: Chinese first, nothing from the network, lines drawn as SVG."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from loancli.cli.cells import heading
from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.outlook.project import BURDEN_MAX_PPM, Projection
from loancli.texts import say

WIDTH, HEIGHT = 900, 300
LEFT, RIGHT, TOP, BOTTOM = 92, 16, 14, 34
LABELS_MAX = 12
TICKS = 5
BURDEN_SHOWN_MAX_PPM = 2_000_000  # a window without revenue would flatten everything else
Point = tuple[float, float]


class Axis(NamedTuple):
    """A chart's scale: ticks with their places and names."""

    ticks: list[tuple[float, str]]
    labels: list[tuple[float, str]]


def page(projection: Projection, summary: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> str:
    """The page. Its words are in both languages, whoever asks."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("loancli.cli").joinpath("project_page.html").read_text(encoding="utf-8")
    product = projection.plan.product
    return (
        environment.from_string(source).render(
            zh=lambda key: say(f"project.{key}", "zh"),
            en=lambda key: say(f"project.{key}", "en"),
            own=product.kind.value,
            name_zh=product.name_zh,
            name_en=product.name_en,
            facts=[(heading(name, "zh"), heading(name, "en"), _shown(name, value)) for name, value in summary.items()],
            figures=_figures(plans),
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            right=WIDTH - RIGHT,
            bottom=HEIGHT - BOTTOM,
            instalments=_instalments(projection),
            burdens=_burdens(projection, summary["burden_ppm"]),
        )
        + "\n"
    )


def _figures(plans: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[list[str]]]]:
    """What both plans come to, the three quantiles of a figure in one line."""
    found: dict[str, list[list[str]]] = {}
    for plan in plans:
        lines: dict[str, list[str]] = {}
        for name, value in plan.items():
            if name != "plan":
                lines.setdefault(name.replace("_p50_", "_p10_").replace("_p90_", "_p10_"), []).append(
                    _shown(name, value)
                )
        for name, values in lines.items():
            found.setdefault(name, []).append(values)
    return [
        (
            heading(name, "zh").removesuffix(" P10"),
            heading(name, "en").replace(" p10", ""),
            values,
        )
        for name, values in found.items()
    ]


def _instalments(projection: Projection) -> dict[str, Any]:
    lines = projection.lines
    top = max(max(line.due_fen.p90, line.equal_fen) for line in lines)
    step = _step(top)
    return {
        "axis": _axis(projection, [(tick, yuan(tick).removesuffix(".00")) for tick in range(0, top + step, step)]),
        "band": _path([line.due_fen.p10 for line in lines], _scale(top, step))
        + " "
        + _path([line.due_fen.p90 for line in lines], _scale(top, step), backwards=True),
        "middle": _path([line.due_fen.p50 for line in lines], _scale(top, step)),
        "equal": _path([line.equal_fen for line in lines if line.equal_fen], _scale(top, step), of=len(lines)),
    }


def _burdens(projection: Projection, bound_ppm: int) -> dict[str, Any]:
    lines = projection.lines
    share = [line.burden_ppm.p90 for line in lines]
    equal = [line.equal_burden_ppm.p90 for line in lines if line.equal_fen]
    highest = max(*share, *equal, bound_ppm)
    top = min(highest, max(BURDEN_SHOWN_MAX_PPM, bound_ppm))
    step = _step(top)
    scale = _scale(top, step)
    ticks = [(tick, percent(tick)) for tick in range(0, top + step, step)]
    if highest > scale:
        ticks[-1] = (ticks[-1][0], f"≥ {ticks[-1][1]}")
    return {
        "axis": _axis(projection, ticks),
        "middle": _path([min(each, scale) for each in share], scale),
        "equal": _path([min(each, scale) for each in equal], scale, of=len(lines)),
        "bound": _height(bound_ppm, scale),
    }


def _step(top: int) -> int:
    """A round distance of ticks, so that about TICKS of them reach `top`."""
    unit = 1
    while unit * 10 * TICKS <= top:
        unit *= 10
    return next(unit * times for times in (1, 2, 5, 10) if unit * times * TICKS >= top)


def _scale(top: int, step: int) -> int:
    return max(step, -(-top // step) * step)


def _axis(projection: Projection, ticks: Sequence[tuple[int, str]]) -> Axis:
    scale = ticks[-1][0] if ticks[-1][0] else 1
    lines = projection.lines
    every = -(-len(lines) // LABELS_MAX)
    labels = [(_across(at, len(lines)), str(lines[at].row.due_on)[2:]) for at in range(0, len(lines), every)]
    return Axis([(_height(tick, scale), name) for tick, name in ticks], labels)


def _across(at: int, count: int) -> float:
    inner = WIDTH - LEFT - RIGHT
    return round(LEFT + inner * (2 * at + 1) / (2 * count), 1)


def _height(value: int, scale: int) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / scale), 1)


def _path(values: Sequence[int], scale: int, *, of: int = 0, backwards: bool = False) -> str:
    points = [(_across(at, of or len(values)), _height(value, scale)) for at, value in enumerate(values)]
    return " ".join(f"{across},{height}" for across, height in (reversed(points) if backwards else points))


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "—"
    if name.startswith("worst_burden_") and value == BURDEN_MAX_PPM:
        return f"≥ {percent(value)}"
    if name.endswith("_fen"):
        return yuan(value)
    return percent(value) if name.endswith("_ppm") else str(value)
