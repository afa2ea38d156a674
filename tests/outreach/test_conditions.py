"""A condition that is unsafe, misspelt or true for everyone by accident is refused, with its position."""

import ast
import json
import re

import pytest
import shelf

from loancli.core.errors import InputError
from loancli.outreach.conditions import read_condition
from loancli.outreach.segments import read_segments

SHELF_CASES = [
    pytest.param(expression, id=f"{case['id']}: {expression[:40]}")
    for case in shelf.cases("badinputs/cases.json").values()
    if case["area"] == "segment"
    for expression in ast.literal_eval("".join(case["make"]).removeprefix("data = "))
]


def document(condition: str) -> str:
    """A segments file with this condition, and the rest."""
    return f"""
[[segments]]
name = "some"
name_zh = "一些"
why_zh = "因为"
why_en = "because"
when = {json.dumps(condition)}

[[segments]]
name = "rest"
name_zh = "其余"
why_zh = "其余"
why_en = "the rest"
all = true
"""


@pytest.mark.parametrize("expression", SHELF_CASES)
def test_hostile_and_accidental_conditions_of_the_shelf_are_refused_with_their_position(expression):
    with pytest.raises(InputError, match=r"segments\.toml:some\.when: position \d+: "):
        read_segments(document(expression), "segments.toml")


@pytest.mark.parametrize(
    ("condition", "position", "words"),
    [
        pytest.param("days_past_duee > 3", 1, "did you mean 'days_past_due'", id="misspelt"),
        pytest.param('due_fen > 1 and "dqd" > 7', 17, "double quotes", id="double quotes"),
        pytest.param("due_fen > 1; x", 12, "nothing after it", id="a second statement"),
        pytest.param("due_fen > 1 -- x", 13, "no comments", id="a comment"),
        pytest.param("due_fen > 1 /* x", 13, "no comments", id="an open comment"),
        pytest.param("due_fen > ?", 11, "not allowed", id="a parameter"),
        pytest.param("due_fen > 1)", 12, "without its '('", id="a bracket too many"),
        pytest.param("due_fen > 1) or (due_fen < 3", 12, "without its '('", id="brackets that leave ours"),
        pytest.param("(due_fen > 1", 13, "has no ')'", id="a bracket too few"),
        pytest.param("(" * 20 + "due_fen > 1" + ")" * 20, 20, "brackets deep", id="too deep"),
        pytest.param("due_fen > 1" + " " * 2_000, 2_001, "longer than 2000", id="too long"),
        pytest.param("days_past_due > 0.5", 17, "whole number", id="a fraction"),
        pytest.param("due_fen > 1234567890123456", 11, "whole number", id="too large a number"),
        pytest.param("5 < days_past_due < 30", 19, "two comparisons", id="a chain, true for all"),
        pytest.param("1 = 2", 1, "uses no feature", id="a constant"),
        pytest.param("days_past_due = null", 17, "is null", id="equals NULL"),
        pytest.param("bucket > 3", 1, "bucket is text", id="text against a number"),
        pytest.param("not bucket", 5, "bucket is text", id="text as yes or no"),
        pytest.param("due_fen = 'M1'", 11, "is text", id="number against a text"),
        pytest.param("due_fen > 1 or abs(due_fen) < '100'", 31, "is text", id="no affinity: true for all"),
        pytest.param("due_fen > 1 and max > 2", 17, "is a function", id="a function without brackets"),
        pytest.param("loan_id = 'L1'", 1, "unknown feature", id="no personal data"),
        pytest.param("number > 3", 1, "unknown feature", id="no column of our own"),
        pytest.param("due_fen in (select 1)", 13, "unknown feature 'select'", id="a sub-select"),
        pytest.param("days_past_due＞7", 14, "half width", id="a full-width sign"),
        pytest.param("due_fen > 1\x00", 12, r"\u0000", id="a NUL"),
    ],
)
def test_what_is_refused_says_where_and_why(condition, position, words):
    with pytest.raises(InputError, match=f"^f: position {position}: .*{re.escape(words)}"):
        read_condition(condition, "f")


@pytest.mark.parametrize(
    "condition",
    [
        "days_past_due between 7 and 30 and due_fen >= 100*50",
        "days_past_due > 5 and days_past_due < 30",
        "(ability_ppm < 500000 or revenue_trend_ppm < -300000) and not open_complaint",
        "bucket = 'M1' or bucket not in ('M2', 'M3')",
        "coalesce(on_time_rate_ppm, 0) > 900000",
        "ability_ppm is not null and max(due_fen, next_due_fen) % 2 = 1",
        "days_past_due in (1, 3, 7)\nor has_phone = 0",
    ],
)
def test_honest_conditions_pass(condition):
    assert read_condition(condition, "f").sql == condition


def test_the_features_used_are_told_in_order():
    assert read_condition("DUE_FEN > 1 and bucket = 'M1' and due_fen < 9", "f").features == ("due_fen", "bucket")
