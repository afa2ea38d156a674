"""The reference shelf beside the checkout (`../shared`): published numbers, real files. Where absent, tests skip."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

SHELF = Path(__file__).resolve().parents[2] / "shared"


def path(name: str) -> Path:
    """The shelf's file, or skip the test."""
    found = SHELF / name
    if not found.exists():
        pytest.skip(f"the reference shelf has no {name} here", allow_module_level=True)
    return found


def need(cases: dict[str, dict[str, Any]], case_id: str) -> dict[str, Any]:
    """A case, or skip the test that needs it."""
    if case_id not in cases:
        pytest.skip("the reference shelf is not here")
    return cases[case_id]


def fen(text: str) -> int:
    """An amount as published, in fen."""
    return int(Fraction(text) * 100)


def cases(name: str) -> dict[str, dict[str, Any]]:
    """The cases of a shelf file by id; empty where the shelf is absent, so that a parametrised test is skipped."""
    found = SHELF / name
    if not found.exists():
        return {}
    return {case["id"]: case for case in json.loads(found.read_text(encoding="utf-8"))["cases"]}
