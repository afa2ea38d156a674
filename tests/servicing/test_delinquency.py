"""Days past due, buckets and classes: by data, from what is due and unpaid; the shelf's cases with them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import shelf
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import CALENDAR, DAY, PLAIN, contract_for, contract_of_rows, event, payment, payout
from terms import AGEING, SCHEDULES

from loancli.core.days import Roll, days_past_due
from loancli.core.errors import InputError
from loancli.core.event import EventKind
from loancli.core.loan import InstalmentState
from loancli.core.money import Rounding, fen_of
from loancli.core.rates import DayCount
from loancli.plan.adjust import changed
from loancli.plan.build import build
from loancli.plan.changes import Defer
from loancli.plan.due_days import due_dates
from loancli.plan.product import Allocation, Frequency
from loancli.servicing.asset_class import AssetClass
from loancli.servicing.contract import Contract
from loancli.servicing.delinquency import Bucket, at_risk_ppm, late_since, read_ageing
from loancli.servicing.life import life

TEXT = (SCHEDULES / "policies" / "ageing.toml").read_text(encoding="utf-8")
ON = date(2026, 3, 1)
DOMAIN = shelf.cases("domain/cases.json")
TRUTH = shelf.cases("truth/delinquency.json")
FREE = replace(PLAIN, annual_rate_ppm=0, roll=Roll.NONE)


def case(cases: dict[str, dict[str, Any]], case_id: str, given: str, expected: str) -> tuple[Any, Any]:
    if case_id not in cases:
        pytest.skip("the reference shelf is not here")
    return cases[case_id][given], cases[case_id][expected]


def instalment(due_on: date, unpaid_fen: int, *, penalty_fen: int = 0, is_due: bool = True) -> InstalmentState:
    zero = dict.fromkeys(
        ("principal_fen", "paid_principal_fen", "paid_interest_fen", "fee_fen", "paid_fee_fen", "paid_penalty_fen"), 0
    )
    return InstalmentState(
        number=1,
        due_on=due_on,
        is_due=is_due,
        is_fixed=True,
        interest_fen=unpaid_fen,
        penalty_fen=penalty_fen,
        paid_on=None,
        reason="",
        **zero,
    )


# The lines between buckets and classes


def test_five_classes_of_a_bank() -> None:
    given, expect = case(DOMAIN, "CLS-01", "given", "expect")
    found = [AGEING.asset_class(days, "bank", ON) for days in given["dpd"]]
    chinese = dict(zip(AssetClass, ("正常", "关注", "次级", "可疑", "损失"), strict=True))
    assert [chinese[each] for each in found if each] == expect["class"]


def test_a_microcredit_company_is_non_performing_a_day_before_a_bank() -> None:
    given, expect = case(DOMAIN, "CLS-02", "given", "expect")
    for lender, key in (("bank", "bank"), ("microcredit", "microcredit_company")):
        found = [AGEING.asset_class(days, lender, ON) for days in given["dpd"]]
        assert [each.is_non_performing for each in found if each] == expect[key]


def test_buckets_of_the_shelf() -> None:
    given, expect = case(DOMAIN, "BKT-01", "given", "expect")
    assert [AGEING.bucket(days) for days in given["dpd"]] == expect["bucket"]


def test_portfolio_at_risk() -> None:
    """MET-01: over 30 days late; and so, or restructured."""
    given, expect = case(DOMAIN, "MET-01", "given", "expect")
    loans = [(each["dpd"], fen_of(each["balance"])) for each in given["loans"]]
    assert at_risk_ppm(loans) == 100 * fen_of(expect["par30_percent"])
    assert at_risk_ppm([]) == 0
    eased = [31 if each.get("restructured") else days for each, (days, _) in zip(given["loans"], loans, strict=True)]
    with_eased = at_risk_ppm(zip(eased, (fen for _, fen in loans), strict=True))
    assert with_eased == 100 * fen_of(expect["par30_with_restructured_percent"])


@pytest.mark.parametrize(
    ("on", "lender", "found"),
    [
        (date(2023, 6, 30), "bank", None),
        (date(2023, 7, 1), "bank", AssetClass.SUBSTANDARD),
        (date(2025, 1, 16), "microcredit", None),
        (date(2025, 1, 17), "microcredit", AssetClass.SUBSTANDARD),
        (ON, "unlicensed", None),
    ],
)
def test_a_rule_of_classes_holds_from_its_day_on_and_for_its_lenders(
    on: date, lender: str, found: AssetClass | None
) -> None:
    assert AGEING.asset_class(100, lender, on) is found


def test_the_newest_rule_in_force_is_the_one_that_holds() -> None:
    newer = replace(AGEING.classifications[0], id="later", from_on=ON, substandard_days=61)
    rules = replace(AGEING, classifications=(newer, *AGEING.classifications))
    assert rules.asset_class(70, "bank", ON - DAY) is AssetClass.SPECIAL_MENTION
    assert rules.asset_class(70, "bank", ON) is AssetClass.SUBSTANDARD


@given(days=st.integers(0, 2_000))
@settings(max_examples=50)
def test_more_days_never_mean_a_better_bucket_or_class(days: int) -> None:
    order = [each.name for each in AGEING.buckets]
    assert order.index(AGEING.bucket(days)) <= order.index(AGEING.bucket(days + 1))
    following = AGEING.next_bucket(days)
    assert (following is None) == (AGEING.bucket(days) == order[-1])
    if following:
        assert AGEING.bucket(following.days_from - 1) == AGEING.bucket(days)
        assert AGEING.bucket(following.days_from) == following.name
    classes = list(AssetClass)
    for lender in ("bank", "microcredit"):
        now, then = (AGEING.asset_class(each, lender, ON) for each in (days, days + 1))
        assert now is not None
        assert then is not None
        assert classes.index(now) <= classes.index(then)


# What is late, and since when

FIRST = date(2026, 1, 10)


@pytest.mark.parametrize(
    ("unpaid_fen", "due_min_fen", "since"),
    [
        ((0, 0, 0), 1, None),
        ((1, 0, 500), 1, 0),
        ((0, 1, 500), 1, 1),
        ((300, 300, 900), 1_000, 2),
        ((999, 1, 0), 1_000, 1),
        ((999, 0, 0), 1_000, None),
        ((1_000, 0, 0), 1_000, 0),
    ],
)
def test_a_loan_is_late_since_the_due_day_with_which_its_rest_reached_the_least_sum(
    unpaid_fen: Sequence[int], due_min_fen: int, since: int | None
) -> None:
    states = [instalment(FIRST + 30 * at * DAY, fen, penalty_fen=50_000) for at, fen in enumerate(unpaid_fen)]
    states.append(instalment(FIRST + 200 * DAY, 90_000, is_due=False))
    assert late_since(states, due_min_fen) == (None if since is None else FIRST + 30 * since * DAY)


@given(unpaid_fen=st.lists(st.integers(0, 3_000), max_size=6), due_min_fen=st.integers(1, 5_000))
@settings(max_examples=60)
def test_a_greater_least_sum_never_makes_a_loan_later(unpaid_fen: list[int], due_min_fen: int) -> None:
    states = [instalment(FIRST + 30 * at * DAY, fen) for at, fen in enumerate(unpaid_fen)]
    strict, lax = late_since(states, due_min_fen), late_since(states, due_min_fen + 1)
    assert lax is None or (strict is not None and strict <= lax)
    assert (strict is None) == (sum(unpaid_fen) < due_min_fen)


def test_the_standing_of_a_life_is_that_of_its_oldest_unpaid_instalment() -> None:
    contract = contract_for(FREE, 600_000, FIRST)
    rules = replace(AGEING, past_due=replace(AGEING.past_due, due_min_fen=1_000))
    for paid_fen, strict_days, lax_days in ((0, 91, 91), (99_001, 91, 63), (99_000, 91, 91), (100_000, 63, 63)):
        paid = [payment(contract.rows[0].due_on, paid_fen)] if paid_fen else []
        on = contract.rows[0].due_on + 91 * DAY
        lived = life(contract, [payout(contract), *paid], on)
        assert AGEING.standing(lived).days_past_due == strict_days
        assert rules.standing(lived).days_past_due == lax_days


def test_a_loan_of_which_nothing_is_owed_has_no_class() -> None:
    contract = contract_for(FREE, 600_000, FIRST)
    paid = payment(FIRST + DAY, 600_000)
    assert AGEING.standing(life(contract, [payout(contract)], FIRST + DAY)).asset_class is AssetClass.NORMAL
    assert AGEING.standing(life(contract, [payout(contract), paid], FIRST + DAY)).asset_class is None
    lost = event(EventKind.WRITTEN_OFF, "w", FIRST + 200 * DAY, reason="gone")
    assert AGEING.standing(life(contract, [payout(contract), lost], FIRST + 200 * DAY)) == (0, "M0", None)


# The shelf's cases


def rows_every(days: int, count: int, start_on: date, part_fen: int, rest_fen: int) -> Contract:
    """A loan of `count` equal parts, each due at the end of so many days, and a rest a period later."""
    cuts = [start_on + number * days * DAY for number in range(count + 2)]
    rows = [(cuts[at], cuts[at + 1], part_fen) for at in range(count)]
    return contract_of_rows(FREE, [*rows, (cuts[count], cuts[count + 1], rest_fen)])


def test_wcl_min_progress_periods() -> None:
    """Each period's minimum ages on its own, from the day after the period."""
    given, expect = case(TRUTH, "wcl-min-progress-periods", "inputs", "expected")
    labels = [Bucket(name=each["label"], days_from=int(each["bucket"].split("-")[0]))
              for each in expect["buckets_on_2026-06-01"]]  # fmt: skip
    rules = replace(AGEING, buckets=(Bucket(name="none", days_from=0), *labels))
    start_on, on = date.fromisoformat(given["start"]), date.fromisoformat(given["as_of"])
    least_fen = fen_of(given["total"]) * int(given["minimum_percent"]) // 100
    assert least_fen == fen_of(expect["minimum_each"])
    contract = rows_every(given["every_days"], 6, start_on - DAY, least_fen, fen_of("8200"))

    states = life(contract, [payout(contract)], on).instalments

    ends = [each.due_on.isoformat() for each in states[:6]]
    assert ends == [each["to"] for each in expect["periods"]]
    found = [(each.number, rules.bucket(days_past_due(each.due_on, on))) for each in states if each.is_due]
    assert sorted(found) == sorted((each["period"], each["label"]) for each in expect["buckets_on_2026-06-01"])


def test_wcl_full_repayment_fill() -> None:
    given, expect = case(TRUTH, "wcl-full-repayment-fill", "inputs", "expected")
    contract = rows_every(30, given["periods_open"], date(2025, 12, 31), fen_of(given["minimum_each"]), fen_of("8200"))
    paid = payment(date.fromisoformat(given["payment"]["date"]), fen_of(given["payment"]["amount"]))

    moved = life(contract, [payout(contract), paid], paid.effective_on).movements

    taken = [each.amount_fen for each in moved if each.debit == "clearing:alipay"]
    assert taken == [fen_of(each) for each in expect["allocated"]]


def test_wcl_days() -> None:
    given, expect = case(TRUTH, "wcl-days", "inputs", "expected")
    due_on = date.fromisoformat(given["period"]["to"])
    for on, days in expect["days_on"].items():
        assert days_past_due(due_on, date.fromisoformat(on)) == days
    assert fen_of(given["total"]) * int(given["minimum_percent"]) // 100 == fen_of(expect["minimum"])


def test_wcl_grace_first_only() -> None:
    """A longer first period is a first due day that is agreed; the steps after it are the usual ones."""
    given, expect = case(TRUTH, "wcl-grace-first-only", "inputs", "expected")
    terms = replace(FREE, frequency=Frequency(days=given["every_days"]))
    start_on = date.fromisoformat(given["start"]) - DAY
    asked = {"start_on": start_on, "periods": 3, "calendar": CALENDAR}
    usual = due_dates(terms, first_due_on=None, **asked)
    longer = due_dates(terms, first_due_on=usual[0].due_on + given["grace_days"] * DAY, **asked)
    assert usual[0].due_on == date.fromisoformat(expect["without_grace"])
    assert longer[0].due_on == date.fromisoformat(expect["period_1_end"])
    assert [(each.to_on - each.from_on).days for each in longer[1:]] == [given["every_days"]] * 2


def test_wcl_pause_extends() -> None:
    """A pause is a deferral that is agreed: the due day moves by its days, and those after it with it."""
    given, expect = case(TRUTH, "wcl-pause-extends", "inputs", "expected")
    from_on, to_on = (date.fromisoformat(given["pause"][end]) for end in ("from", "to"))
    due_on = date.fromisoformat(given["period"]["to"])
    assert (to_on - from_on).days == expect["pause_days"]
    terms = replace(FREE, frequency=Frequency(days=30))
    plan = build(terms, 600_000, due_on - 30 * DAY, calendar=CALENDAR)

    after = changed(plan, Defer(due_on=due_on + (to_on - from_on)), from_on, calendar=CALENDAR)

    assert plan.rows[0].due_on == due_on
    assert after.rows[0].due_on == date.fromisoformat(expect["period_end"])
    assert after.rows[1].due_on == after.rows[0].due_on + 30 * DAY


def four_instalments(given: dict[str, Any]) -> Contract:
    due = [date.fromisoformat(each["due"]) for each in given["instalments"]]
    ends = [due[0] - timedelta(days=15), *due]
    amounts_fen = [fen_of(each["amount"]) for each in given["instalments"]]
    return contract_of_rows(FREE, list(zip(ends, due, amounts_fen, strict=False)))


def test_fin_pause_full() -> None:
    """Days past due never stop: of the case's two clocks ours is the one that goes on. A pause stops contact only,
    because the classes count days overdue (CLS-01), and a longer count after some days of grace would hide them."""
    given, expect = case(TRUTH, "fin-pause-full", "inputs", "expected")
    contract = four_instalments(given)
    for each in expect["days"]:
        on = date.fromisoformat(each["as_of"])
        lived = life(contract, [payout(contract)], on)
        assert AGEING.standing(lived).days_past_due == each["past_due_days"]
        late_fen = sum(state.unpaid_fen for state in lived.instalments if state.is_due and state.due_on < on)
        assert late_fen == fen_of(each["overdue"])


def test_fin_instalment_level() -> None:
    given, expect = case(TRUTH, "fin-instalment-level", "inputs", "expected")
    firsts = [int(each.rstrip("+").split("-")[0]) for each in given["ranges"]]
    ranges = [Bucket(name=name, days_from=first) for name, first in zip(given["ranges"], firsts, strict=True)]
    rules = replace(AGEING, buckets=(Bucket(name="none", days_from=0), *ranges))
    contract, on = four_instalments(given), date.fromisoformat(given["as_of"])
    found: dict[str, int] = {}
    for state in life(contract, [payout(contract)], on).instalments:
        name = rules.bucket(days_past_due(state.due_on, on))
        found[name] = found.get(name, 0) + state.unpaid_fen
    assert found == {each["range"]: fen_of(each["amount"]) for each in expect["buckets"]}


def test_frappe_case_cure() -> None:
    """Only all that is overdue, to the fen, ends the lateness."""
    given, expect = case(TRUTH, "frappe-case-cure", "inputs", "expected")
    terms = replace(
        PLAIN,
        annual_rate_ppm=10_000 * int(given["annual_rate_percent"]),
        day_count=DayCount.EQUAL_MONTHS,
        periods=given["instalments"],
        roll=Roll.NONE,
        rounding=Rounding.UP,
        instalment_unit_fen=100,
        allocation=Allocation(order=("fee", "interest", "principal", "penalty")),
    )
    contract = contract_for(
        terms, fen_of(given["principal"]), date(2024, 3, 5), first_due_on=date.fromisoformat(given["first_due"])
    )
    due_fen = contract.rows[0].due_fen
    assert due_fen == fen_of(expect["instalment"])
    on = contract.rows[0].due_on + 10 * DAY
    for short_fen, days in ((0, 0), (1, 10)):
        lived = life(contract, [payout(contract), payment(on, due_fen - short_fen)], on)
        assert AGEING.standing(lived).days_past_due == days


# The file

WRONG = {
    ("due_min_fen = 1", "due_min_fen = 0"): "past_due.due_min_fen: 0 must be 1",
    ("due_min_fen", "due_min_yuan"): "past_due.due_min_yuan: there is no such key; did you mean 'due_min_fen'",
    ("[past_due]", "[pastdue]"): "pastdue: there is no such table; did you mean 'past_due'",
    ("days_from = 31", "days_from = 1"): "bucket.days_from: 0, 1, 1, 61",
    ("days_from = 0", "days_from = 1"): r"bucket\[1\].days_from: 1 must be 0",
    ('name = "M2"', 'name = "M1"'): "bucket: 'M1' stands there twice",
    ('lenders = ["bank"]', 'lenders = ["banks"]'): r"classification\[1\].lenders: 'banks' is not one of bank",
    ("doubtful_days = 271 # 可疑", "doubtful_days = 90 # 可疑"): r"classification\[1\].* 0, 1, 91, 90, 361 must rise",
    ("from_on = 2023-07-01", 'from_on = "soon"'): r"classification\[1\].from_on: 'soon' must be a day",
    ("substandard_days = 91", "substandard_days = 30"): r"classification\[1\].substandard_days: 30 must be above 30",
    ("months_min = 12", "months_min = -1"): r"restructuring\[1\].months_min: -1 must be 0 or more",
    ('least = "special_mention"', 'least = "watch"'): r"restructuring\[1\].least: 'watch' is not allowed",
    ("needs_both = true", "needs_both = 1"): r"upgrade\[1\].needs_both: '1' must be true or false",
    ('borrower_kinds = ["company"]', 'borrower_kinds = ["firm"]'): r"cross_default\[1\].borrower_kinds: 'firm' is not",
    ("above_ppm", "above_percent"): r"cross_default\[1\].above_percent: there is no such key; did you mean 'above_ppm'",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_file_is_told_by_key(change: tuple[str, str]) -> None:
    assert change[0] in TEXT
    with pytest.raises(InputError, match=f"^ageing.toml:{WRONG[change]}"):
        read_ageing(TEXT.replace(*change, 1), "ageing.toml")


def test_a_file_without_the_other_rules_has_classes_by_days_alone() -> None:
    """As such files were before there were any."""
    rules = read_ageing(TEXT[: TEXT.index("# What else makes a class worse")], "ageing.toml")
    assert (rules.restructurings, rules.upgrades, rules.cross_defaults) == ((), (), ())
    assert rules.asset_class(91, "bank", ON) is AssetClass.SUBSTANDARD


@pytest.mark.parametrize("key", ["past_due", "bucket", "classification"])
def test_a_missing_table_is_told(key: str) -> None:
    text = TEXT.replace(f"[[{key}]]", f"[[x.{key}]]").replace(f"[{key}]", f"[x.{key}]")
    with pytest.raises(InputError, match=r"^ageing.toml:x: there is no such table"):
        read_ageing(text, "ageing.toml")
    with pytest.raises(InputError, match=rf"^ageing.toml:{key}: is missing"):
        read_ageing("\n".join(part for part in TEXT.split("\n\n") if f"[{key}]" not in part), "ageing.toml")
