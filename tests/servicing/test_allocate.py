"""What a payment pays first: the law's order, the card order, and published walks over several instalments."""

from datetime import date
from typing import Any

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.money import fen_of
from loancli.plan.product import Allocation
from loancli.servicing.allocate import Taken, order_for, pour

PARTS = ("fee", "penalty", "interest", "principal")
PRINCIPAL_FIRST = ("principal", "interest", "penalty", "fee")
DOMAIN = shelf.cases("domain/cases.json")
TRUTH = shelf.cases("truth/allocation.json")

unpaid_lists = st.lists(
    st.fixed_dictionaries({part: st.one_of(st.just(0), st.integers(0, 100_000)) for part in PARTS}), max_size=5
).map(lambda rows: list(enumerate(rows, start=1)))
orders = st.permutations(PARTS)
walks = st.sampled_from(["component", "instalment"])


@given(st.integers(0, 1_000_000), unpaid_lists, orders, walks)
def test_parts_and_the_rest_sum_to_the_payment(  # INV-12
    paid_fen: int, unpaid: list[tuple[int, dict[str, int]]], order: list[str], by: str
) -> None:
    taken, left_fen = pour(paid_fen, unpaid, order, by=by)

    assert sum(each.amount_fen for each in taken) + left_fen == paid_fen
    assert left_fen == max(0, paid_fen - sum(sum(parts.values()) for _, parts in unpaid))
    assert len({(each.number, each.part) for each in taken}) == len(taken)
    for each in taken:
        assert 0 < each.amount_fen <= dict(unpaid)[each.number][each.part]


@given(st.integers(0, 1_000_000), unpaid_lists, orders, walks)
def test_nothing_is_paid_before_what_comes_first(
    paid_fen: int, unpaid: list[tuple[int, dict[str, int]]], order: list[str], by: str
) -> None:
    taken, _ = pour(paid_fen, unpaid, order, by=by)

    places = [(number, part) for number, _ in unpaid for part in order]
    if by == "component":
        places.sort(key=lambda place: (order.index(place[1]), place[0]))
    got = {(each.number, each.part): each.amount_fen for each in taken}
    open_fen = [dict(unpaid)[number][part] - got.get((number, part), 0) for number, part in places]
    first_open = next((at for at, fen in enumerate(open_fen) if fen), len(places))
    assert not any(place in got for place in places[first_open + 1 :])


@given(st.integers(0, 500_000), st.integers(0, 500_000), unpaid_lists, orders, walks)
def test_two_payments_pay_what_one_of_their_sum_pays(
    first_fen: int, second_fen: int, unpaid: list[tuple[int, dict[str, int]]], order: list[str], by: str
) -> None:
    def paid(*payments_fen: int) -> dict[tuple[int, str], int]:
        rest = {number: dict(parts) for number, parts in unpaid}
        for payment_fen in payments_fen:
            for each in pour(payment_fen, list(rest.items()), order, by=by)[0]:
                rest[each.number][each.part] -= each.amount_fen
        return {(number, part): fen for number, parts in rest.items() for part, fen in parts.items()}

    assert paid(first_fen, second_fen) == paid(first_fen + second_fen)


def test_a_part_over_all_instalments_or_an_instalment_whole() -> None:
    unpaid = [(3, {"interest": 10, "principal": 100}), (4, {"interest": 20, "principal": 200})]
    order = ("interest", "principal")

    by_component, _ = pour(50, unpaid, order, by="component")
    by_instalment, _ = pour(50, unpaid, order, by="instalment")

    assert by_component == [Taken(3, "interest", 10), Taken(4, "interest", 20), Taken(3, "principal", 20)]
    assert by_instalment == [Taken(3, "interest", 10), Taken(3, "principal", 40)]


@pytest.mark.parametrize("case", [DOMAIN[key] for key in ("ALL-01",) if key in DOMAIN], ids=lambda case: case["id"])
def test_the_law_pays_costs_then_interest_then_principal(case: dict[str, Any]) -> None:
    # The cost of enforcing is a fee here; the default order is the law's, with penalty as the interest that it is.
    owed = case["given"]["owed"]
    unpaid = [
        (
            1,
            {
                "fee": fen_of(owed["cost_of_enforcing"]),
                "interest": fen_of(owed["interest"]),
                "principal": fen_of(owed["principal"]),
            },
        )
    ]
    for payment, expect in case["expect"].items():
        taken, left_fen = pour(fen_of(payment), unpaid, Allocation().order, by=Allocation().by)

        got = {each.part: each.amount_fen for each in taken}
        assert got.get("fee", 0) == fen_of(expect["cost_of_enforcing"])
        assert got.get("interest", 0) == fen_of(expect["interest"])
        assert got.get("principal", 0) == fen_of(expect["principal"])
        assert left_fen == fen_of(expect["unapplied"])


@pytest.mark.parametrize("case", [DOMAIN[key] for key in ("ALL-02",) if key in DOMAIN], ids=lambda case: case["id"])
def test_the_card_order_turns_after_90_days(case: dict[str, Any]) -> None:
    card = Allocation(late_order=PRINCIPAL_FIRST)
    owed = case["given"]["owed"]
    unpaid = [(1, {"interest": fen_of(owed["interest_or_fees"]), "principal": fen_of(owed["principal"])})]
    for days in case["given"]["dpd"]:
        taken, _ = pour(fen_of(case["given"]["payment"]), unpaid, order_for(card, days), by=card.by)

        got = {each.part: each.amount_fen for each in taken}
        expect = case["expect"][str(days)]
        assert got.get("interest", 0) == fen_of(expect["interest_or_fees"])
        assert got.get("principal", 0) == fen_of(expect["principal"])


def test_without_a_late_order_nothing_turns() -> None:  # ALL-03: it needs a contract term
    assert order_for(Allocation(), 10_000) == PARTS


def test_the_day_on_which_the_order_turns_is_the_contracts() -> None:
    terms = Allocation(late_order=PRINCIPAL_FIRST, late_after_days=30)

    assert [order_for(terms, days)[0] for days in (0, 30, 31)] == ["fee", "fee", "principal"]


@pytest.mark.parametrize(
    ("case_id", "by"), [("fin-alloc-horizontal", "instalment"), ("fin-alloc-vertical", "component")]
)
def test_a_published_walk_over_three_instalments(case_id: str, by: str) -> None:
    """The last payment of the case. Theirs pays instalments that are not due; only the walk is the same here."""
    case = TRUTH.get(case_id)
    if case is None:
        pytest.skip("the reference shelf is not here")
    *_, before, after = case["expected"]["snapshots"]
    order = [text.removeprefix("due ") for text in case["inputs"]["allocation_order"] if text.startswith("due ")]
    payment = case["inputs"]["events"][-1]
    assert (payment["type"], payment["date"]) == ("repayment", after["as_of"])
    unpaid = [
        (row["n"], {"principal": fen_of(row["principal"]), "penalty": fen_of(row["penalties"])})
        for row in before["rows"]
        if fen_of(row["outstanding"])
    ]
    assert all(date.fromisoformat(row["due"]) > date.fromisoformat(after["as_of"]) for row in before["rows"][2:])

    taken, left_fen = pour(fen_of(payment["amount"]), unpaid, order, by=by)

    paid_before = {row["n"]: fen_of(row["paid"]) for row in before["rows"]}
    for row in after["rows"]:
        got_fen = sum(each.amount_fen for each in taken if each.number == row["n"])
        assert got_fen == fen_of(row["paid"]) - paid_before[row["n"]]
    parts = after["transactions"][-1]
    assert sum(each.amount_fen for each in taken if each.part == "principal") == fen_of(parts["principal"])
    assert sum(each.amount_fen for each in taken if each.part == "penalty") == fen_of(parts["penalties"])
    assert left_fen == 0
