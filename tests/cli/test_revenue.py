"""`revenue` as an analyst meets it: look at what is doubtful, decide, declare cash, see what it does to the sums."""

import pytest

B = "B0012"


def _rows(desk, *words):
    return desk.done("revenue", "classify", B, *words, "--format", "json").json()


def _sums(desk, *words):
    lines = desk.done("revenue", "show", B, *words, "--format", "json").json()
    names = ("net_sure_fen", "sure_fen", "possible_fen", "excluded_fen", "reduction_fen", "fee_fen")
    return {name: sum(line[name] for line in lines) for name in names}


def test_what_is_doubtful_is_listed_with_its_rule_and_nobody_by_name(desk, story):
    found = _rows(desk)
    assert found
    assert {row["class"] for row in found} == {"possible"}
    assert all(row["why"] and row["why"] != row["rule"] for row in found)
    told = desk.done("revenue", "classify", B)
    assert not any(secret in told.out for secret in story.secrets)
    assert f"{len(found)} rows" in told.err
    unmasked = _rows(desk, "--unmask")
    assert [row["row"] for row in unmasked] == [row["row"] for row in found]
    assert sum(row["amount_fen"] for row in found) == _sums(desk)["possible_fen"]


def test_filters_narrow_each_other(desk):
    everything = [row for kind in ("sure", "possible", "excluded", "reduction") for row in _rows(desk, "--class", kind)]
    rule = _rows(desk)[0]["rule"]
    assert _rows(desk, "--rule", rule) == [row for row in _rows(desk) if row["rule"] == rule]
    days = [row["day"] for row in _rows(desk, "--class", "sure", "--from", "2025-11-03", "--to", "2025-11-05")]
    assert days
    assert set(days) <= {"2025-11-03", "2025-11-04", "2025-11-05"}
    payer = _rows(desk, "--unmask")[0]["payer"]
    assert {row["payer"] for row in _rows(desk, "--payer", payer, "--unmask")} == {payer}
    assert len({row["row"] for row in everything}) == len(everything)
    assert [row["row"] for row in _rows(desk, "--row", everything[0]["row"])] == [everything[0]["row"]]


def test_a_row_is_decided_and_the_decision_taken_back(desk):
    before, row = _sums(desk), _rows(desk)[0]
    told = desk.done(
        "revenue", "classify", B, "--row", row["row"], "--as", "sure", "--why", "a customer, says the owner"
    )
    assert "1 rows decided" in told.err
    after = _sums(desk)
    assert after["sure_fen"] - before["sure_fen"] == row["amount_fen"] == before["possible_fen"] - after["possible_fen"]
    [now] = _rows(desk, "--row", row["row"])
    assert (now["class"], now["rule"], now["why"]) == ("sure", "person", "a person decided")
    assert "person" in {line["rule"] for line in desk.done("revenue", "show", B, "--rules", "--format", "json").json()}
    desk.done("revenue", "classify", B, "--row", row["row"], "--as", "rules", "--why", "was a friend")
    assert _sums(desk) == before
    assert desk.done("ledger", "check").code == 0


def test_many_rows_are_decided_only_when_their_number_is_named(desk):
    found = _rows(desk)
    words = ("revenue", "classify", B, "--all", "--as", "excluded", "--why", "private money")
    with desk.unchanged():
        refused = desk.run(*words)
    assert refused.code == 3
    assert f"{len(found)} rows" in refused.err
    assert f"--expect {len(found)}" in refused.err
    desk.done(*words, "--expect", len(found))
    assert _sums(desk)["possible_fen"] == 0
    assert _rows(desk) == []
    assert desk.done("ledger", "check").code == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_share_that_is_only_possible_fees_and_empty_days_are_told(desk, lang):
    told = desk.run("revenue", "show", B, lang=lang)
    assert told.code == 0
    assert ("确定净额" if lang == "zh" else "net, sure") in told.err
    assert "%" in told.err
    lines = desk.done("revenue", "show", B, "--format", "json").json()
    for line in lines:
        may_be_fen = line["sure_fen"] + line["possible_fen"]
        assert line["net_sure_fen"] == line["sure_fen"] - line["reduction_fen"] - line["fee_fen"]
        assert line["possible_share_ppm"] == (line["possible_fen"] * 1_000 // may_be_fen * 1_000 if may_be_fen else 0)


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_the_series_adds_up_whatever_its_step(desk, step):
    """But for fees: each line rounds its own once, so that it is what a plan would count."""
    lines = desk.done("revenue", "show", B, "--by", step, "--format", "json").json()
    found, total = _sums(desk, "--by", step), _sums(desk)
    assert abs(found["fee_fen"] - total["fee_fen"]) <= len(lines)
    assert found["net_sure_fen"] + found["fee_fen"] == total["net_sure_fen"] + total["fee_fen"]
    for name in ("sure_fen", "possible_fen", "excluded_fen", "reduction_fen"):
        assert found[name] == total[name]


def test_declared_cash_is_revenue_with_its_evidence(desk):
    before = _sums(desk)
    words = ("revenue", "declare", B, "--amount", "3000", "--from", "2026-01-01", "--to", "2026-01-31")
    told = desk.done(*words, "--evidence", "cash book, seen on the visit", "--class", "sure")
    assert "3,000.00 yuan of cash revenue declared, in 31 rows" in told.err
    again = desk.done(*words, "--evidence", "cash book, seen on the visit", "--class", "sure")
    assert "there already" in again.err
    after = _sums(desk)
    assert after["sure_fen"] - before["sure_fen"] == 300_000
    rules = desk.done("revenue", "show", B, "--rules", "--format", "json").json()
    [cash] = [line for line in rules if line["channel"] == "cash"]
    assert (cash["class"], cash["rule"], cash["rows"], cash["amount_fen"]) == ("sure", "declared", 31, 300_000)
    assert cash["why"] == "cash revenue that was declared, with evidence"
    assert {row["item"] for row in _rows(desk, "--rule", "declared")} == {"cash book, seen on the visit"}
    assert desk.done("ledger", "check").code == 0


def test_a_wrong_file_of_rules_over_pairs_is_told(desk, story, tmp_path):
    own = tmp_path / "own" / "revenue"
    own.mkdir(parents=True)
    assert desk.run("--schedules", own.parent, "doctor").code == 0
    (own / "pairs.toml").write_text("[round_trip]\ndays = 900\n", encoding="utf-8")
    told = desk.run("--schedules", own.parent, "revenue", "show", B, "--rules")
    assert told.code == 3
    assert "pairs.toml" in told.err
    assert "round_trip.days" in told.err
