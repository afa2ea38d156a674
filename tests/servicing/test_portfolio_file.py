"""The two tables of a portfolio: cells become loans and past payments, or problems with row and column."""

from datetime import date

import pytest
from terms import product

from loancli.core.errors import InputError, NotFoundError
from loancli.plan.product import Product
from loancli.servicing.portfolio_file import LOAN_NEEDED, Past, PastKind, problem_at, read_loans, read_past

PLAIN = product()
ROW = ("L1", "B1", "plain", "12,000.00", "2026-01-05", "8000")


def product_of(code: str) -> Product:
    if code != "plain":
        raise NotFoundError(f"there is no product '{code}'; known: plain")
    return PLAIN


def loans(*rows: tuple[str, ...], columns: tuple[str, ...] = LOAN_NEEDED) -> tuple[list[object], list[str]]:
    found, problems = read_loans(columns, enumerate(rows, start=2), "l.csv", product_of)
    return list(found.rows), [str(problem) for problem in problems]


def past(*rows: tuple[str, ...], columns: str = "loan_id paid_on amount") -> tuple[Past, list[str]]:
    found, problems = read_past(columns.split(), enumerate(rows, start=2), "p.csv")
    return found, [str(problem) for problem in problems]


def test_a_row_is_a_loan() -> None:
    columns = (*LOAN_NEEDED, "periods", "first_due_on", "paid_until")
    found, problems = loans(
        (*ROW, "6", "2026/2/20", "2026-03-31 00:00:00"), ("L-2", *ROW[1:], "", "", ""), columns=columns
    )
    assert problems == []
    (first, second) = found
    assert first == (
        2,
        "L1",
        "B1",
        (PLAIN, 1_200_000, date(2026, 1, 5), 6, date(2026, 2, 20)),
        800_000,
        date(2026, 3, 31),
    )
    assert second == (3, "L-2", "B1", (PLAIN, 1_200_000, date(2026, 1, 5), None, None), 800_000, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({0: "L 1"}, "l.csv:2:loan_id: write 1 to 40 letters"),
        ({0: ""}, "l.csv:2:loan_id: write 1 to 40 letters"),
        ({2: "nix"}, "l.csv:2:product: there is no product 'nix'"),
        ({3: "12000.005"}, "l.csv:2:principal: '12000.005' is not an amount"),
        ({4: "2026-02-30"}, "l.csv:2:signed_on: '2026-02-30' is not a day"),
        ({5: "-1"}, "l.csv:2:outstanding: '-1' is not an amount"),
    ],
)
def test_a_wrong_cell_is_told_with_row_and_column(changes: dict[int, str], told: str) -> None:
    row = tuple(changes.get(at, cell) for at, cell in enumerate(ROW))
    found, problems = loans(row, ("L2", *ROW[1:]))
    assert [each[1] for each in found] == ["L2"]  # type: ignore[index]
    assert len(problems) == 1
    assert problems[0].startswith(told)


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    _, problems = loans(("?", "B1", "nix", "x", "y", "z"))
    assert [problem.split(":")[2] for problem in problems] == [
        "product",
        "principal",
        "signed_on",
        "outstanding",
        "loan_id",
    ]


def test_of_two_rows_of_one_loan_neither_is_taken() -> None:
    found, problems = loans(ROW, ("L2", *ROW[1:]), ROW)
    assert [each[1] for each in found] == ["L2"]  # type: ignore[index]
    assert sorted(problems) == [
        "l.csv:2:loan_id: 'L1' stands on row 4 as well; keep one of the two",
        "l.csv:4:loan_id: 'L1' stands on row 2 as well; keep one of the two",
    ]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (LOAN_NEEDED[:-1], "l.csv:1: column 'outstanding' is missing; needed: loan_id"),
        ((*LOAN_NEEDED, "first_due"), "l.csv:1: column 'first_due'; allowed: "),
        ((*LOAN_NEEDED, "product"), "l.csv:1: column 'product'; allowed: .* each at most once"),
    ],
)
def test_the_columns_are_those_that_are_known(columns: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=f"^{told}"):
        loans(columns=columns)


def test_payments_and_draws_are_kept_by_loan_and_told_from_those_like_them() -> None:
    found, problems = past(
        ("L1", "2026-02-05", "100", ""),
        ("L2", "2026-02-05", "100", "draw"),
        ("L1", "2026-02-05", "100.00", "payment"),
        ("L1", "2026-02-05", "100", "draw"),
        columns="loan_id paid_on amount kind",
    )
    assert problems == []
    assert {loan_id: [row.line for row in rows] for loan_id, rows in found.rows.items()} == {"L1": [2, 4, 5], "L2": [3]}
    assert [row.key for row in found.rows["L1"]] == [
        "imported/L1/payment/2026-02-05/10000",
        "imported/L1/payment/2026-02-05/10000/2",
        "imported/L1/draw/2026-02-05/10000",
    ]
    assert found.rows["L2"][0].kind is PastKind.DRAW


def test_a_payment_that_cannot_be_read_spoils_its_loan() -> None:
    found, problems = past(
        ("L1", "2026-02-05", "0"), ("L2", "soon", "1"), ("L3", "2026-02-05", "1"), ("L4", "2026-02-05")
    )
    assert found.spoiled == {"L1", "L2"}
    assert list(found.rows) == ["L3"]
    assert problems == [
        "p.csv:2:amount: 0 is no payment; leave the row out",
        "p.csv:3:paid_on: 'soon' is not a day; write it as 2026-11-23",
        "p.csv:5: 2 cells; the first row has 3",
    ]
    _, problems = past(("L1", "2026-02-05", "1", "gift"), columns="loan_id paid_on amount kind")
    assert problems == ["p.csv:2:kind: 'gift' is neither payment nor draw"]
    with pytest.raises(InputError, match=r"p\.csv:1: column 'amount' is missing"):
        past(columns="loan_id paid_on")


def test_a_reason_that_begins_with_a_column_is_told_there() -> None:
    assert str(problem_at("l.csv", 7, "periods: 99 is not allowed")) == "l.csv:7:periods: 99 is not allowed"
    assert str(problem_at("l.csv", 7, "rows: none are agreed")) == "l.csv:7: rows: none are agreed"
