"""Every loan falls into exactly one segment, the first whose condition holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.outreach.conditions import Condition
from loancli.outreach.features import FEATURES
from loancli.outreach.segments import Segment, Segments, assign, explain, read_segments

NO_REVENUE = {"has_revenue_data": False, "revenue_7d_fen": 0, "revenue_30d_fen": 0, "revenue_90d_fen": 0}


def table(name: str, rest: str) -> str:
    return f'[[segments]]\nname = "{name}"\nname_zh = "名"\nwhy_zh = "因"\nwhy_en = "why"\n{rest}\n'


REST = table("rest", "all = true")


def unchecked(sql: str) -> Segments:
    """Segments with a condition that did not pass the first wall, to see the second hold alone."""
    condition = Condition(sql=sql, features=())
    hostile = Segment(name="hostile", name_zh="", why_zh="", why_en="", condition=condition)
    return Segments(file_name="f", segments=(hostile,))


@pytest.mark.parametrize(
    ("changes", "segment"),
    [
        pytest.param({"open_complaint": True, "days_past_due": 300}, "hardship_complaint", id="a complaint before all"),
        pytest.param({"in_hardship": True}, "hardship_complaint", id="hardship"),
        pytest.param({"days_past_due": 181}, "legal", id="181 days"),
        pytest.param({"days_past_due": 180, **NO_REVENUE}, "everyone_else", id="180 days are not more than 180"),
        pytest.param({"in_legal": True, "days_past_due": 1}, "legal", id="handed to legal"),
        pytest.param({"days_past_due": 1, "has_phone": False}, "unreachable", id="no number"),
        pytest.param({"days_past_due": 1, "failed_contacts_in_row": 3}, "unreachable", id="three failed in a row"),
        pytest.param(
            {"days_past_due": 1, "revenue_30d_fen": 199_999}, "short_of_cash", id="revenue below twice the due"
        ),
        pytest.param(
            {"days_past_due": 1, "revenue_30d_fen": 400_000, "revenue_90d_fen": 1_600_000},
            "short_of_cash",
            id="revenue fell by a third",
        ),
        pytest.param({"days_past_due": 8, "revenue_30d_fen": 500_000}, "can_but_will_not", id="revenue is ample"),
        pytest.param(
            {"days_past_due": 8, "broken_promises": 2, **NO_REVENUE}, "can_but_will_not", id="broken promises"
        ),
        pytest.param({"on_time_rate_ppm": 950_000, "months_on_book": 3}, "will_pay_anyway", id="always on time"),
        pytest.param(
            {"days_past_due": 7, "self_cure_rate_ppm": 800_000, "months_on_book": 6},
            "will_pay_anyway",
            id="puts it right by himself",
        ),
        pytest.param({"days_past_due": 1}, "forgot", id="one day late"),
        pytest.param({"days_past_due": 7, **NO_REVENUE}, "forgot", id="unknown revenue is not lack of it"),
        pytest.param({"days_past_due": 8}, "everyone_else", id="eight days late"),
        pytest.param({}, "everyone_else", id="not due"),
    ],
)
def test_the_shipped_segments_say_what_their_names_say(loan, segments, changes, segment):
    assert [one.segment for one in assign([loan(**changes)], segments)] == [segment]


def test_why_names_the_values_that_decided(loan, segments):
    [one] = assign([loan(days_past_due=2, loan_id="L9")], segments)
    assert one.loan_id == "L9"
    assert one.why == "刚过还款日，没有其他异常（days_past_due=2）"
    [other] = assign([loan(open_complaint=True)], segments)
    assert "open_complaint=1, in_hardship=0" in other.why


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "days_past_due": st.integers(0, 400),
                "revenue_30d_fen": st.integers(0, 10**7),
                "broken_promises": st.integers(0, 3),
                "open_complaint": st.booleans(),
                "self_cure_rate_ppm": st.none() | st.integers(0, 1_000_000),
                "months_on_book": st.integers(0, 24),
            }
        ),
        max_size=8,
    )
)
def test_every_loan_falls_into_the_first_segment_that_explain_shows_and_neighbours_do_not_matter(
    loan, segments, changes
):
    loans = [loan(loan_id=f"L{n}", revenue_90d_fen=2 * 10**7, **change) for n, change in enumerate(changes)]
    found = assign(loans, segments)
    assert [one.loan_id for one in found] == [one.loan_id for one in loans]
    for one, assigned in zip(loans, found, strict=True):
        assert assigned.segment == next(line.segment for line in explain(one, segments) if line.matched)
        assert [assigned] == assign([one], segments)


def test_explain_shows_every_condition(loan, segments):
    lines = explain(loan(), segments)
    assert tuple(line.segment for line in lines) == segments.names
    assert lines[-1] == ("everyone_else", "all", True)
    assert lines[0] == ("hardship_complaint", "open_complaint = 1 or in_hardship = 1", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "f:segments: must be one or more", id="nothing"),
        pytest.param("x = ]", "f: not TOML: .*line 1", id="not TOML"),
        pytest.param("segment = 1", "f:segment: .*did you mean 'segments'", id="a misspelt table"),
        pytest.param(table("a", 'wen = "x"') + REST, r"f:segments\[1\]\.wen: .*'when'", id="a misspelt key"),
        pytest.param(table("a", "when = 3") + REST, r"f:segments\[1\]\.when: '3' must be text", id="a wrong type"),
        pytest.param('[[segments]]\nname = "a"', r"f:segments\[1\]\.name_zh: is missing", id="a missing key"),
        pytest.param(table("A b", "all = true"), "must be made of a-z", id="a name with a space"),
        pytest.param(REST + REST, "'rest' is used twice", id="a name twice"),
        pytest.param(table("a", 'when = "due_fen > 1"'), "f:a: the last segment must take everyone", id="no catch-all"),
        pytest.param(REST + table("b", "all = true"), "f:rest: all = true takes everyone", id="all too early"),
        pytest.param(table("a", 'when = "due_fen > 1"\nall = true'), "both when and all", id="when and all"),
        pytest.param(table("a", "") + REST, r"f:a\.when: position 1: the condition is empty", id="neither"),
        pytest.param(table("a", 'when = "due_fen > 1 due_fen"') + REST, "syntax error", id="no SQL"),
        pytest.param(table("a", 'when = "min(due_fen) > 1"') + REST, "aggregate", id="an aggregate"),
    ],
)
def test_a_broken_file_is_refused_by_file_and_key(text, message):
    with pytest.raises(InputError, match=message):
        read_segments(text, "f")


@pytest.mark.parametrize(
    "condition",
    [
        "days_past_due >= 0",
        "days_past_due > 5 or 1 = 1",
        "open_complaint in (0, 1)",
        "ability_ppm is null or ability_ppm >= 0",
        "revenue_trend_ppm >= -1000000",
        "bucket in ('M0','M1','M2','M3','M4','M5','M6','M6+')",
        "not (due_fen < 0)",
    ],
)
def test_a_condition_that_holds_for_everyone_needs_all_true(condition):
    with pytest.raises(InputError, match="holds for every loan"):
        read_segments(table("a", f'when = "{condition}"') + REST, "f")


@pytest.mark.parametrize(
    "condition",
    [
        "days_past_due <> 5",
        "ability_ppm >= 0",
        "days_to_due is not null",
        "revenue_trend_ppm > -1000000",
        "bucket <> 'M6+'",
        "not (days_past_due = 7 and due_fen between 5000 and 5002)",
    ],
)
def test_a_condition_that_leaves_out_only_a_few_passes(condition):
    assert read_segments(table("a", f'when = "{condition}"') + REST, "f").names == ("a", "rest")


@pytest.mark.parametrize(
    "sql",
    [
        "1=1) UNION SELECT 1 --",
        "number in (select number from sqlite_master)",
        "load_extension('x')",
        "length(randomblob(1000000000)) > 0",
        "length(printf('%1000000000s', 'x')) > 0",
        "zeroblob(999999999) IS NULL",
        "number in (with recursive r(x) as (values(1) union all select x + 1 from r) select x from r)",
        "(select count(*) from pragma_table_info('features')) > 0",
        "due_fen > :x",
        "due_fen in (select 1 union select 2)",
        " or ".join(["due_fen > 1"] * 70),
        "'" + "a" * 5_000 + "' = ''",
        "due_fen > 1) ; DROP TABLE features; --",
    ],
)
def test_the_second_wall_holds_without_the_first(loan, sql):
    with pytest.raises(InputError, match=r"^f:hostile: the condition cannot be used: "):
        assign([loan()], unchecked(sql))


def test_a_condition_that_runs_without_end_is_stopped_by_its_budget_of_steps(loan):
    endless = "exists (select 1 from features a, features b, features c where a.due_fen + b.due_fen + c.due_fen < 0)"
    with pytest.raises(InputError, match="interrupted"):
        assign([loan(loan_id=f"L{n}") for n in range(300)], unchecked(endless))


def test_the_table_is_strict_and_only_nullable_features_take_null(loan):
    nullable = {feature.name for feature in FEATURES if feature.nullable}
    assert nullable == {"days_to_due", "ability_ppm", "on_time_rate_ppm", "self_cure_rate_ppm"}
    with pytest.raises(Exception, match="NOT NULL"):
        assign([loan(broken_promises=None)], unchecked("due_fen > 1"))
    with pytest.raises(Exception, match="cannot store"):
        assign([loan(broken_promises="many")], unchecked("due_fen > 1"))


def test_no_loan_gives_no_assignment(segments):
    assert assign([], segments) == []
