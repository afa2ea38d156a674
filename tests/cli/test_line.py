"""A credit line as an operator uses it: sign the limit, draw, take repayments, draw again, settle."""

from dataclasses import replace

import pytest


@pytest.fixture
def till(story, tmp_path):
    """A desk with a line LINE-1 of 20,000.00 for B0001, of which nothing is drawn."""
    desk = story.desk.copy(tmp_path / "till")
    typed = "loan open --borrower B0001 --product credit-line --principal 20000 --loan-id LINE-1"
    desk.done(*typed.split())
    return desk


def standing(desk):
    head = desk.run("loan", "show", "LINE-1", "--format", "json").json()
    return head["status"], head["limit_fen"], head["principal_outstanding_fen"], head["free_fen"]


def test_a_limit_is_signed_drawn_twice_and_shown(till):
    assert standing(till) == ("open", 2_000_000, 0, 2_000_000)
    assert till.done("loan", "draw", "LINE-1", "5000").out == ""
    later = replace(till, now="2026-03-05T10:00:00+08:00")
    told = later.done("loan", "draw", "LINE-1", "1000", "--on", "2026-03-03", "--channel", "wechat")
    assert "1,000.00 drawn on 2026-03-03; in use 6,000.00, free 14,000.00" in told.err
    assert standing(later) == ("active", 2_000_000, 600_000, 1_400_000)
    quote = later.run("loan", "quote", "LINE-1", "--format", "json").json()
    assert (quote["principal_fen"], quote["interest_fen"]) == (600_000, 200 * 4 + 40 * 2)
    screen = later.screen("loan", "show", "LINE-1", lang="zh")
    assert "可用额度" in screen
    assert "最后支用日" in screen


def test_the_same_draw_again_says_so_and_a_refused_one_says_why(till):
    till.done("loan", "draw", "LINE-1", "5000")
    with till.unchanged():
        assert "is there already" in till.done("loan", "draw", "LINE-1", "5000").err
        refused = till.run("loan", "draw", "LINE-1", "15000.01")
        assert refused.code == 3
        assert "15,000.01 yuan is more than is free on 2026-03-01, 15,000.00" in refused.err
        assert till.run("loan", "draw", "LINE-1", "1000", "--on", "2026-03-02").code == 3  # tomorrow
    till.done("ledger", "check")


def test_the_cost_of_draws_stands_beside_that_of_the_whole_limit(till):
    typed = "plan show credit-line --principal 20000 --start 2026-03-02 --draw 2026-03-09=5000 --format json"
    told = till.run(*typed.split()).json()
    assert (told["limit_fen"], told["principal_fen"], told["within_ceiling"]) == (2_000_000, 500_000, "ok")
    assert told["total_fen"] == 500_000 + told["interest_fen"]
    assert abs(float(told["apr_simple_percent"]) - float(told["full_apr_simple_percent"])) < 0.3
    assert [row["step"] for row in told["rows"][:2]] == ["draw", "instalment"]
