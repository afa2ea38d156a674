"""No float stands for money: the rooms that count it divide nothing with `/` (docs/decisions/0002-plain-int-fen.md)."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "loancli"
ROOMS = ("core", "plan", "outlook", "revenue", "imports", "servicing", "ledger", "jobs", "outreach")
MAY_HAVE_FLOATS = {
    SOURCE / "plan" / "cost.py",  # APR and IRR are reported, never booked
    SOURCE / "outlook" / "futures.py",  # revenue that is only imagined, whole fen before any rule sees it
}


def floats_in(code: str) -> list[str]:
    """Every place of `code` that makes a float, as 'line: what'."""
    return [f"{node.lineno}: {what}" for node in ast.walk(ast.parse(code)) if (what := _what(node))]  # type: ignore[attr-defined]


def _what(node: ast.AST) -> str:
    match node:
        case ast.BinOp(op=ast.Div(), right=right) | ast.AugAssign(op=ast.Div(), value=right):
            is_path = isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and type(right.value) is str)
            return "" if is_path else "/ makes a float; use Fraction(a, b) or //"
        case ast.Constant(value=float()):
            return f"{node.value} is a float"
        case ast.Name(id="float") | ast.Attribute(attr="truediv"):
            return "float"
        case _:
            return ""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=str(path.relative_to(SOURCE)))
        for room in ROOMS
        for path in sorted((SOURCE / room).rglob("*.py"))
        if path not in MAY_HAVE_FLOATS
    ],
)
def test_a_room_that_counts_money_makes_no_float(path):
    assert floats_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code", ["a = b / c", "a /= 2", "a = 0.5", "a = 1e3", "a = float(b)", "a: float = b", "operator.truediv(a, b)"]
)
def test_a_float_is_found(code):
    assert len(floats_in(code)) == 1


@pytest.mark.parametrize(
    "code", ["a = b // c", "a = Fraction(1, 3)", "a = folder / 'name'", "a = folder / f'{name}.csv'"]
)
def test_exact_numbers_and_paths_are_let_through(code):
    assert floats_in(code) == []
