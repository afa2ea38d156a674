"""Whose money is it: sure matches are placed, everything else waits with candidates."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.statement import StatementRow
from loancli.servicing.match import Match, Matcher, PayableLoan, Standing

PAYOUT = date(2025, 3, 10)


def loan(
    loan_id: str, *, payers: tuple[str, ...] = ("王小明",), instalments_fen: tuple[int, ...] = (100_000,)
) -> PayableLoan:
    return PayableLoan(
        loan_id=loan_id,
        borrower_id=f"B{loan_id[2:]}",
        payer_names=frozenset(payers),
        disbursed_on=PAYOUT,
        instalments_fen=frozenset(instalments_fen),
    )


def row(
    *,
    note: str = "",
    item: str = "",
    order: str = "",
    payer: str = "",
    account: str = "",
    amount_fen: int = 55_555,
    on: str = "2025-04-10",
) -> StatementRow:
    return StatementRow(
        line=1,
        occurred_at=f"{on}T08:30:00+08:00",
        amount_fen=amount_fen,
        direction="in",
        money_moved=1,
        external_id="2025041022001",
        merchant_order_id=order,
        counterparty=payer,
        counterparty_account=account,
        kind="转账",
        item=item,
        method="",
        status="交易成功",
        status_class="settled",
        note=note,
        refund_of="",
    )


TWO = [loan("LN000001"), loan("LN000002", payers=("李四", "li***@example.com"), instalments_fen=(100_000, 200_000))]


@pytest.mark.parametrize("field", ["note", "item", "order"])
@pytest.mark.parametrize("text", ["LN000002", "还款LN000002谢谢", "贷款 LN000002,4月", "(LN000002)"])
def test_a_loan_number_in_note_item_or_order_number_decides(field: str, text: str) -> None:
    found = Matcher(TWO).match(row(**{field: text}, payer="王小明", amount_fen=100_000))

    assert (found.loan_id, found.reason) == ("LN000002", "reference")


@pytest.mark.parametrize("text", ["LN0000021", "1LN000002", "XLN000002", "LN000002A", "LN00002", "20250LN0000023"])
def test_a_part_of_a_longer_number_is_no_reference(text: str) -> None:
    found = Matcher(TWO).match(row(note=text))

    assert (found.loan_id, found.reason) == (None, "unknown_payer")


def test_the_longest_number_that_fits_counts() -> None:
    loans = [loan("LN000001"), loan("LN000001-02")]

    assert Matcher(loans).match(row(note="LN000001-02")).loan_id == "LN000001-02"
    assert Matcher(loans).match(row(note="LN000001")).loan_id == "LN000001"


def test_the_same_reference_twice_is_one() -> None:
    assert Matcher(TWO).match(row(note="LN000001", item="LN000001 还款")).loan_id == "LN000001"


def test_several_references_wait_for_a_person() -> None:
    matcher, asked = Matcher(TWO), row(note="LN000001 LN000002")

    assert matcher.match(asked) == Match(loan_id=None, reason="several_references")
    assert [each.loan_id for each in matcher.candidates(asked)] == ["LN000001", "LN000002"]


def test_a_reference_that_nobody_has_waits_even_if_payer_and_amount_fit() -> None:
    matcher, asked = Matcher(TWO), row(note="LN999999", payer="王小明", amount_fen=100_000)

    assert matcher.match(asked) == Match(loan_id=None, reason="unknown_reference")
    assert [(each.loan_id, each.reasons) for each in matcher.candidates(asked)] == [
        ("LN000001", ("payer", "amount")),
        ("LN000002", ("amount",)),
    ]


def test_money_from_before_the_payout_is_not_for_the_loan() -> None:
    by_reference = Matcher(TWO).match(row(note="LN000001", on="2025-03-09"))
    by_payer = Matcher(TWO).match(row(payer="王小明", amount_fen=100_000, on="2025-03-09"))

    assert (by_reference.loan_id, by_reference.reason) == (None, "before_payout")
    assert (by_payer.loan_id, by_payer.reason) == (None, "unknown_payer")
    assert Matcher(TWO).match(row(note="LN000001", on="2025-03-10")).loan_id == "LN000001"


@pytest.mark.parametrize(
    "names", [{"payer": "李四"}, {"account": "li***@example.com"}, {"payer": "李四", "account": "li***@example.com"}]
)
def test_payer_and_amount_decide_where_only_one_loan_has_both(names: dict[str, str]) -> None:
    found = Matcher(TWO).match(row(**names, amount_fen=200_000))

    assert (found.loan_id, found.reason) == ("LN000002", "payer_and_amount")


def test_a_known_payer_with_another_amount_waits() -> None:
    matcher, asked = Matcher(TWO), row(payer="李四", amount_fen=77_777)

    assert matcher.match(asked) == Match(loan_id=None, reason="amount_differs")
    assert [each.loan_id for each in matcher.candidates(asked)] == ["LN000002"]


def test_two_loans_of_a_payer_with_the_same_instalment_wait() -> None:
    matcher, asked = Matcher([*TWO, loan("LN000003")]), row(payer="王小明", amount_fen=100_000)

    assert matcher.match(asked) == Match(loan_id=None, reason="several_loans")
    assert [each.loan_id for each in matcher.candidates(asked)] == ["LN000001", "LN000003", "LN000002"]


def test_two_people_of_one_name_are_told_apart_by_the_amount_only() -> None:
    namesakes = [loan("LN000001"), loan("LN000003", instalments_fen=(300_000,))]

    assert Matcher(namesakes).match(row(payer="王小明", amount_fen=300_000)).loan_id == "LN000003"


def test_a_row_without_a_name_is_nobodys_even_if_a_loan_has_an_empty_alias() -> None:
    found = Matcher([loan("LN000001", payers=("王小明", ""))]).match(row(amount_fen=100_000))

    assert (found.loan_id, found.reason) == (None, "unknown_payer")


def test_an_unknown_payer_waits_with_loans_of_that_amount() -> None:
    matcher, asked = Matcher(TWO), row(payer="赵六", amount_fen=200_000)

    assert matcher.match(asked) == Match(loan_id=None, reason="unknown_payer")
    assert [(each.loan_id, each.reasons) for each in matcher.candidates(asked)] == [("LN000002", ("amount",))]


def test_three_candidates_at_most_the_best_first() -> None:
    loans = [loan(f"LN00000{number}", payers=(f"payer {number}",)) for number in range(1, 8)]

    found = Matcher(loans).candidates(row(payer="payer 7", amount_fen=100_000, note="LN000005 LN000006"))

    assert [each.loan_id for each in found] == ["LN000005", "LN000006", "LN000007"]
    assert [each.score for each in found] == [17, 17, 9]


def standing(**changes: Any) -> Standing:
    plain: dict[str, Any] = {
        "open_instalments": (),
        "due_fen": 0,
        "owed_fen": 900_000,
        "accrued_micro_fen": 0,
        "accruing_micro_fen_per_day": 0,
        "since_on": date(2025, 4, 1),
    }
    return Standing(**plain | changes)


def ranked(loans: list[PayableLoan], asked: StatementRow) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.loan_id, each.reasons) for each in Matcher(loans).candidates(asked)]


def test_of_loans_with_that_instalment_the_one_whose_due_day_is_nearest_comes_first() -> None:
    days = {"LN000001": date(2025, 4, 22), "LN000002": date(2025, 4, 13), "LN000003": date(2025, 4, 11)}
    loans = [
        replace(loan(loan_id), standing=standing(open_instalments=((due_on, 100_000),)))
        for loan_id, due_on in days.items()
    ]

    assert ranked(loans, row(payer="赵六", amount_fen=100_000, on="2025-04-10")) == [
        ("LN000003", ("due_day",)),
        ("LN000002", ("due_day",)),
        ("LN000001", ("amount",)),
    ]


def test_an_instalment_that_is_paid_speaks_less_than_one_that_is_open() -> None:
    paid = replace(loan("LN000001"), standing=standing())
    is_open = replace(loan("LN000002"), standing=standing(open_instalments=((date(2025, 4, 10), 100_000),)))

    assert [found for found, _ in ranked([paid, is_open], row(payer="王小明", amount_fen=100_000))] == [
        "LN000002",
        "LN000001",
    ]


def test_what_is_left_of_an_instalment_counts_as_its_amount() -> None:
    partly = replace(loan("LN000001"), standing=standing(open_instalments=((date(2025, 4, 10), 33_333),)))

    assert ranked([partly], row(payer="赵六", amount_fen=33_333)) == [("LN000001", ("due_day",))]


def test_all_that_is_due_and_what_settles_the_loan_speak_for_it() -> None:
    late = replace(loan("LN000001"), standing=standing(due_fen=213_238))
    ends = replace(
        loan("LN000002"),
        standing=standing(accrued_micro_fen=1_000_000, accruing_micro_fen_per_day=250_000),
    )

    assert ranked([late, ends], row(payer="赵六", amount_fen=213_238)) == [("LN000001", ("arrears",))]
    # 9 days after the 1st: one fen and nine quarters of a fen have accrued, half up.
    assert ends.standing is not None
    assert ends.standing.settles_fen(date(2025, 4, 10)) == 900_003
    assert ranked([late, ends], row(payer="王小明", amount_fen=900_003))[0] == ("LN000002", ("payer", "settles"))
    assert ends.standing.settles_fen(date(2025, 3, 31)) == 0


def test_loans_of_the_payer_that_together_ask_for_the_amount_are_offered_as_a_split() -> None:
    due_on = date(2025, 4, 10)
    loans = [
        replace(loan("LN000001"), borrower_id="B1", standing=standing(due_fen=300_000)),
        replace(loan("LN000002"), borrower_id="B1", standing=standing(open_instalments=((due_on, 100_050),))),
        replace(loan("LN000003"), borrower_id="B3", standing=standing(due_fen=100_050)),
    ]

    assert ranked(loans, row(payer="王小明", amount_fen=400_050)) == [
        ("LN000001=3000.00;LN000002=1000.50", ("payer", "split")),
        ("LN000001", ("payer",)),
        ("LN000002", ("payer",)),
    ]
    assert Matcher(loans).splits(row(payer="王小明", amount_fen=400_051)) == []
    assert Matcher(loans).splits(row(payer="王小明", amount_fen=400_050, on="2025-03-09")) == []
    assert Matcher(loans).splits(row(payer="赵六", amount_fen=400_050)) == []


def test_the_order_of_the_law_between_the_loans_of_a_payer_is_offered() -> None:
    """Civil Code 560: due before not due, the dearest first."""
    due_on = date(2025, 4, 1)
    cheap = standing(open_instalments=((due_on, 300_000), (date(2025, 5, 1), 50_000)), due_fen=300_000)
    dear = replace(cheap, annual_rate_ppm=150_000)
    loans = [
        replace(loan("LN000001"), borrower_id="B1", standing=cheap),
        replace(loan("LN000002"), borrower_id="B1", standing=dear),
    ]
    for amount_fen, told in (
        (299_000, "LN000002"),
        (350_000, "LN000001=500.00;LN000002=3000.00"),
        (640_000, "LN000001=3000.00;LN000002=3400.00"),
        (670_000, "LN000001=3200.00;LN000002=3500.00"),
    ):
        first, *others = ranked(loans, row(payer="王小明", amount_fen=amount_fen))
        assert first == (told, ("payer", "law"))
        assert {each for each, _ in others} == {"LN000001", "LN000002"} - {told}
    assert Matcher(loans).by_law(row(payer="王小明", amount_fen=700_001)) == {}
    assert Matcher(loans[:1]).by_law(row(payer="王小明", amount_fen=100_000)) == {}


def test_how_a_loan_stands_never_places_money() -> None:
    loans = [replace(loan("LN000001"), standing=standing(due_fen=5, open_instalments=((date(2025, 4, 10), 5),)))]

    assert Matcher(loans).match(row(payer="王小明", amount_fen=5)) == Match(loan_id=None, reason="amount_differs")


def test_each_export_of_a_payment_may_tell_what_the_others_do_not() -> None:
    matcher = Matcher(TWO)
    bare, named, noted = row(), row(payer="李四"), row(note="LN000001")

    assert matcher.match_any([bare, noted]) == Match(loan_id="LN000001", reason="reference")
    assert matcher.match_any([bare, named]) == Match(loan_id=None, reason="amount_differs")
    assert matcher.match_any([bare, bare]) == Match(loan_id=None, reason="unknown_payer")


def test_without_loans_everything_waits() -> None:
    assert Matcher([]).match(row(note="LN000001", payer="王小明")).reason == "unknown_payer"


names = st.sampled_from(["王小明", "李四", "", "赵六"])
amounts = st.sampled_from([100_000, 200_000, 300_000])
books = st.lists(
    st.builds(
        lambda number, payers, fen: loan(f"LN{number:06}", payers=tuple(payers), instalments_fen=tuple(fen)),
        st.integers(1, 6),
        st.lists(names, min_size=1, max_size=2),
        st.lists(amounts, max_size=2),
    ),
    max_size=6,
    unique_by=lambda each: each.loan_id,
)


@given(books, st.randoms(use_true_random=False), st.lists(st.integers(1, 7), max_size=2), names, amounts)
def test_the_order_of_the_loans_does_not_matter(loans, dice, noted, payer, amount_fen) -> None:  # type: ignore[no-untyped-def]
    asked = row(note=" ".join(f"LN{number:06}" for number in noted), payer=payer, amount_fen=amount_fen)
    shuffled = list(loans)
    dice.shuffle(shuffled)

    found = Matcher(loans).candidates(asked)

    assert Matcher(shuffled).match(asked) == Matcher(loans).match(asked)
    assert Matcher(shuffled).candidates(asked) == found
    assert all(each.loan_id in {one.loan_id for one in loans} for each in found)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("told", [{"note": "LN000001"}, {"payer": "王小明", "amount_fen": 100_000}])
def test_money_of_the_days_that_came_with_a_loan_waits_for_a_person(told):
    taken_over = Matcher([replace(TWO[0], past_until=date(2025, 4, 10))])
    assert taken_over.match(row(**told, on="2025-04-10")) == Match(loan_id=None, reason="taken_over")
    assert taken_over.match(row(**told, on="2025-04-11")).loan_id == "LN000001"
    assert [each.loan_id for each in taken_over.candidates(row(**told, on="2025-04-10"))] == ["LN000001"]
