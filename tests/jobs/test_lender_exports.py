"""Several exports of the lender: what platforms keep is booked once and exactly, and the same money is one receipt.

Rows are made here as an importer gives them, so that the laws are proved of every kind of row.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import count, permutations, zip_longest
from math import floor
from typing import Any

import exports_maker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    OPENED_ON,
    balance,
    close,
    execute,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    placings,
    stamp,
    take,
)
from sizes import size

from loancli.core.statement import StatementRow
from loancli.jobs.rule_rows import rule_rows
from loancli.jobs.take_repayments import Placed, take_repayments
from loancli.ledger import days, receipts, statements
from loancli.ledger.connect import Connection, writing

DUE = date(2026, 2, 5)
LEVEL = 106_619
_files = count(1)


def row(number: str, amount_fen: int = LEVEL, *, on: date = DUE, at: str = "08:30:00", **changes: Any) -> StatementRow:
    plain = StatementRow(
        line=1,
        occurred_at=f"{on}T{at}+08:00",
        amount_fen=amount_fen,
        direction="in",
        money_moved=1,
        external_id=number,
        merchant_order_id="",
        counterparty="",
        counterparty_account="",
        kind="交易",
        item="",
        method="",
        status="SUCCESS",
        status_class="settled",
        note="",
        refund_of="",
    )
    return plain._replace(**changes)


STATEMENT, BILL, FLOWS = "wechat_csv", "wechat_trade_bill", "wechat_fund_bill"


def take_rows(
    db: Connection,
    rows: Sequence[StatementRow],
    *,
    channel: str = "wechat",
    export: str = STATEMENT,
    is_ruled: bool = True,
) -> Placed:
    """Take rows as one file of the lender, an export of that format; as an import does, or without its rulings."""
    with writing(db):
        facts = statements.FileFacts(
            content_sha=f"{next(_files):064}",
            name=export,
            format=export,
            owner="lender",
            read_as="repayments",
            channel=channel,
            account_sha="",
            from_on=None,
            to_on=None,
            is_whole=True,
            warnings=[],
            actor="test",
            imported_at="2026-02-05T09:00:00+08:00",
        )
        taken = statements.take(db, facts, [(each, None, None) for each in rows])
        if is_ruled:
            rule_rows(db, "lender", taken, None)
        return take_repayments(db, taken, stamp(days.open_day(db)))


def unsound(db: Connection) -> list[str]:
    """What `ledger check` finds where the tests themselves took rulings away."""
    return [found for found in faults(db) if not found.startswith("rulings made again")]


@pytest.fixture
def db(tmp_path) -> Connection:
    made = new_ledger(tmp_path, is_durable=False)
    open_loan(made, "LN000001")
    close(made, DUE - DAY)
    return made


# what the platforms keep


def fees(db: Connection) -> dict[tuple[str, str], int]:
    """Cause and value date → fen of expense."""
    booked = net_entries(db)
    return {(key[1], key[2]): fen for key, fen in booked.items() if key[3] == "expense:channel_fee"}


def test_a_fee_is_the_lenders_expense_and_the_borrower_pays_none_of_it(db):
    take_rows(db, [row("1", note="LN000001", fee_milli_fen=640_000)])
    assert (balance(db, "expense:channel_fee"), balance(db, "clearing:wechat")) == (640, LEVEL - 640)
    assert db.execute("SELECT paid_total_fen FROM position").fetchone() == (LEVEL,)
    assert fees(db) == {("channel_fee:wechat", f"{DUE}"): 640}
    assert faults(db) == []


@pytest.mark.parametrize(
    ("rows", "fen"),
    [
        ([row("1", fee_milli_fen=400), row("2", fee_milli_fen=99)], 0),
        ([row("1", fee_milli_fen=400), row("2", fee_milli_fen=100)], 1),
        ([row("1", fee_milli_fen=59_400), row("2", fee_milli_fen=-59_400, direction="out")], 0),
        ([row("1", fee_milli_fen=-1_500, direction="out")], -1),
        ([row("1", fee_milli_fen=-1_501, direction="out")], -2),
        ([row("1", fee_milli_fen=60_000, amount_fen=60, direction="out", kind="收费")], 60),
        ([row("1", fee_milli_fen=10_000, direction="neutral", kind="零钱提现")], 10),
        ([row("1", fee_milli_fen=10_000, money_moved=0, status_class="closed")], 0),
    ],
    ids=[
        "below half a fen", "half a fen", "given back", "half up below zero", "more given back", "a row of its own",
        "of a withdrawal", "nothing moved",
    ],
)  # fmt: skip
def test_the_fees_of_a_day_are_summed_and_rounded_once(db, rows, fen):
    take_rows(db, rows)
    assert balance(db, "expense:channel_fee") == fen
    assert faults(db) == []


def test_a_withdrawal_is_no_receipt(db):
    take_rows(db, [row("1", direction="neutral", kind="零钱提现", fee_milli_fen=10_000)])
    assert placings(db) == {}
    assert balance(db, "clearing:wechat") == -10


def test_a_fee_that_is_given_back_is_no_receipt(db):
    take_rows(db, [row("1", 60, kind="退还交易手续费", fee_milli_fen=-60_000)])
    assert placings(db) == {}
    assert (balance(db, "expense:channel_fee"), balance(db, "clearing:wechat")) == (-60, 60)
    assert faults(db) == []


def test_later_rows_of_a_day_change_its_entry_and_the_same_again_nothing(db):
    one, two = row("1", fee_milli_fen=64_400), row("2", fee_milli_fen=64_200)
    take_rows(db, [one])
    take_rows(db, [one, two])
    keys = [row[0] for row in db.execute("SELECT key FROM entry WHERE cause LIKE 'channel_fee:%' ORDER BY id")]
    first = f"/channel_fee:wechat/{DUE}/1"
    assert keys == [first, f"reverse/{first}", f"/channel_fee:wechat/{DUE}/2"]
    assert balance(db, "expense:channel_fee") == 129
    before = db.execute("SELECT count(*) FROM entry").fetchone()
    take_rows(db, [two, one])
    assert db.execute("SELECT count(*) FROM entry").fetchone() == before


def test_a_fee_that_a_row_of_another_export_shows_is_booked_once(db):
    fee = row("9", 64, trade_id="1", fee_milli_fen=64_000, direction="out", kind="扣除交易手续费")
    for first, second in ((BILL, FLOWS), (FLOWS, BILL)):
        rows = {BILL: row("1", fee_milli_fen=64_000), FLOWS: fee}
        take_rows(db, [rows[first]], export=first)
        take_rows(db, [rows[second]], export=second)
        assert balance(db, "expense:channel_fee") == 64
        assert faults(db) == []


def test_a_transaction_that_is_closed_later_costs_nothing(db):
    take_rows(db, [row("1", fee_milli_fen=64_000)])
    take_rows(db, [row("1", fee_milli_fen=64_000, money_moved=0, status_class="closed", status="REVOKED")])
    assert balance(db, "expense:channel_fee") == 0
    assert faults(db) == []


def test_fees_that_are_not_booked_are_found(db):
    take_rows(db, [row("1", fee_milli_fen=64_000)])
    execute(db, f"INSERT INTO ruling VALUES (1, '{receipts.SAME_MONEY}', NULL, 1)")
    assert [found for found in faults(db) if "channel fees in the books" in found]


@st.composite
def rows_with_fees(draw: st.DrawFn) -> list[tuple[str, StatementRow]]:
    found = []
    for number in range(draw(st.integers(1, 12))):
        fee = draw(st.sampled_from([0, 1, 499, 500, 1_250, 59_400, -59_400, 600_000]) | st.integers(-5_000, 5_000))
        found.append(
            (
                draw(st.sampled_from(["alipay", "wechat"])),
                row(
                    f"{number:03}",
                    draw(st.integers(0, 500)),
                    on=OPENED_ON + draw(st.integers(0, 3)) * DAY,
                    direction=draw(st.sampled_from(["in", "out", "neutral"])),
                    money_moved=draw(st.sampled_from([1, 1, 0])),
                    fee_milli_fen=fee,
                ),
            )
        )
    return found


def half_up(milli_fen: int) -> int:
    return floor(Fraction(milli_fen, 1000) + Fraction(1, 2))


@given(rows_with_fees(), st.data())
@settings(max_examples=size(15, 600), deadline=None)
def test_fees_are_the_same_however_files_cut_the_days(tmp_path_factory, rows, data):
    exact: dict[tuple[str, str], int] = {}
    for channel, each in rows:
        if each.money_moved:
            place = (f"channel_fee:{channel}", each.occurred_on)
            exact[place] = exact.get(place, 0) + each.fee_milli_fen
    db = new_ledger(tmp_path_factory.mktemp("fees"), is_durable=False)
    for at in data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=3)) + data.draw(
        st.permutations(range(len(rows)))
    ):
        size = data.draw(st.integers(1, 3))
        channel = rows[at][0]
        take_rows(db, [each for owner, each in rows[at : at + size] if owner == channel], channel=channel)
        if data.draw(st.integers(0, 4)) == 0:
            close(db, days.open_day(db))
    assert fees(db) == {place: half_up(fen) for place, fen in exact.items() if half_up(fen)}
    assert faults(db) == []
    db.close()


# the same money in two exports


def pair(**changes: Any) -> dict[str, StatementRow]:
    """A payment in the lender's statement, and in its merchant bill, which is preferred and knows the fee."""
    return {STATEMENT: row("1", **changes), BILL: row("1", at="08:30:02", fee_milli_fen=64_000, **changes)}


WAYS = ((STATEMENT, BILL), (BILL, STATEMENT))


def take_both(db: Connection, rows: dict[str, StatementRow], way: tuple[str, str], **options: bool) -> list[Placed]:
    return [take_rows(db, [rows[export]], export=export, **options) for export in way]


def states(db: Connection) -> dict[str, tuple[str, str | None]]:
    """Export → (state, loan) of the payment's row in it."""
    found = receipts.listing(db)
    return {each["file"]: (each["state"], each["loan_id"]) for each in found if each["external_id"] == "1"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("note", ["LN000001", ""], ids=["placed", "waits"])
def test_the_same_money_is_one_receipt(db, way, note):
    told = take_both(db, pair(note=note), way)
    assert balance(db, "clearing:wechat") == LEVEL - 64
    assert [each.double_count for each in told] == [0, 1]
    first = ("placed", "LN000001") if note else ("suspense", None)
    assert states(db) == {way[0]: first, way[1]: ("double", None)}
    assert faults(db) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("knows", [STATEMENT, BILL])
def test_what_one_export_does_not_know_of_the_payer_the_other_tells(db, way, knows):
    rows = {export: each._replace(note="LN000001" if export == knows else "") for export, each in pair().items()}
    take_both(db, rows, way)
    assert states(db) == {way[0]: ("placed", "LN000001"), way[1]: ("double", None)}
    assert (balance(db, "suspense"), balance(db, "clearing:wechat")) == (0, LEVEL - 64)
    assert faults(db) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("final", [STATEMENT, BILL])
def test_money_is_final_when_one_export_says_so(db, way, final):
    rows = {
        export: each._replace(status_class="settled" if export == final else "pending")
        for export, each in pair(note="LN000001").items()
    }
    take_both(db, rows, way)
    assert (balance(db, "suspense"), balance(db, "clearing:wechat")) == (0, LEVEL - 64)
    assert faults(db) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [(STATEMENT,), (BILL,), (STATEMENT, BILL), (BILL, STATEMENT)], ids=" then ".join)
@pytest.mark.parametrize("fen", [LEVEL, 1_000], ids=["all", "a part"])
def test_what_goes_back_goes_back_once_whichever_exports_tell(db, way, told, fen):
    take_both(db, pair(note="LN000001"), way)
    for export in told:
        at = f"09:00:0{len(export) % 10}"
        back = row("1_back", fen, on=DUE + DAY, at=at, direction="out", refund_of="1")
        take_rows(db, [back], export=export)
    close(db, DUE + DAY)
    assert balance(db, "clearing:wechat") == LEVEL - fen - 64
    assert faults(db) == []


def seen_again(note: str) -> StatementRow:
    """The statement's row in a later status: then its rulings are looked at."""
    return pair(note=note, status_class="part_refunded")[STATEMENT]


@pytest.mark.parametrize("note", ["LN000001", ""], ids=["placed", "waits"])
def test_two_receipts_that_are_ruled_one_later_become_one(db, note):
    """As a ledger has them that was written before there were rulings."""
    for export, each in pair(note=note).items():
        row_of = each if export == STATEMENT else each._replace(external_id="2")
        take_rows(db, [row_of], export=export, is_ruled=False)
    assert balance(db, "clearing:wechat") == 2 * LEVEL - 64
    ids = dict(db.execute("SELECT external_id, id FROM txn"))
    execute(db, f"INSERT INTO ruling VALUES ({ids['1']}, '{receipts.SAME_MONEY}', NULL, {ids['2']})")
    told = take_rows(db, [seen_again(note)], is_ruled=False)
    assert (told.double_count, balance(db, "clearing:wechat")) == (1, LEVEL - 64)
    assert states(db) == {STATEMENT: ("placed", "LN000001") if note else ("suspense", None)}
    assert placings(db)["2"] == ("double", "LN000001" if note else None)
    assert unsound(db) == []


@pytest.mark.parametrize("note", ["LN000001", ""], ids=["placed", "waits"])
def test_a_double_whose_ruling_is_gone_is_a_receipt_again(db, note):
    take_both(db, pair(note=note), WAYS[0])
    ruling = db.execute("SELECT * FROM ruling").fetchone()
    for number, status_class in (("8", "part_refunded"), ("9", "refunded")):
        execute(db, "DELETE FROM ruling")
        take_rows(db, [row(number, 1)], is_ruled=False)
        [reason] = [each["reason"] for each in receipts.listing(db, state="suspense") if each["file"] == BILL]
        assert reason == "possible_double"  # it carries the number of a row that is not ruled to be the same
        assert unsound(db) == []
        execute(db, f"INSERT INTO ruling VALUES ({ruling[0]}, '{ruling[1]}', NULL, {ruling[3]})")
        take_rows(db, [seen_again(note)._replace(status_class=status_class)], is_ruled=False)
        assert states(db)[BILL][0] == "double"
        assert unsound(db) == []


@st.composite
def moneys(draw: st.DrawFn) -> list[tuple[str, StatementRow]]:
    """Payments, each in one export or in both, with what one of them knows of it, and refunds, likewise."""
    rows: list[tuple[str, StatementRow]] = []
    for number in range(draw(st.integers(1, 4))):
        on = OPENED_ON + draw(st.integers(1, 40)) * DAY
        amount_fen = draw(st.sampled_from([LEVEL, 50_000]))
        exports = draw(st.sampled_from([(STATEMENT,), (BILL,), (STATEMENT, BILL), (STATEMENT, BILL)]))
        knows = draw(st.sampled_from([*exports, None, None]))
        for second, export in enumerate(exports):
            note = f"LN00000{number % 2 + 1}" if export == knows else ""
            plain = row(f"{number}", amount_fen, on=on, at=f"08:3{number}:0{second}", note=note)
            rows.append((export, plain._replace(fee_milli_fen=61_234 if export == BILL else 0)))
        for part in range(draw(st.sampled_from([0, 0, 1, 2]))):
            later = on + draw(st.integers(0, 5)) * DAY
            back_fen = draw(st.sampled_from([amount_fen, 20_000, 1]))
            plain = row(f"{number}_{part}", back_fen, on=later, direction="out", refund_of=f"{number}")
            rows += [
                (export, plain._replace(occurred_at=f"{later}T1{part}:0{number}:0{second}+08:00"))
                for second, export in enumerate(exports)
            ]
    return rows


@given(moneys(), st.data())
@settings(max_examples=size(12, 600), deadline=None)
def test_in_any_order_of_exports_the_same_is_booked(tmp_path_factory, rows, data):
    orders = [list(range(len(rows))), data.draw(st.permutations(range(len(rows))))]
    closes = sorted(data.draw(st.lists(st.integers(0, 50), max_size=3)))
    end_on = OPENED_ON + 60 * DAY
    told = []
    for order, close_after in zip(orders, ([], closes), strict=True):
        db = new_ledger(tmp_path_factory.mktemp("order"), is_durable=False)
        for number in (1, 2):
            open_loan(db, f"LN00000{number}", borrower_id=f"B{number}")
        for at, later in zip_longest(order, close_after):
            if at is not None:
                export, each = rows[at]
                take_rows(db, [each], export=export)
            if later is not None:
                close(db, OPENED_ON + later * DAY, on=end_on)
        close(db, end_on)
        assert faults(db) == []
        told.append(
            [
                {account: balance(db, account) for account in ("clearing:wechat", "suspense", "expense:channel_fee")},
                db.execute("SELECT loan_id, paid_total_fen, principal_outstanding_fen FROM position").fetchall(),
                sorted(each["state"] for each in receipts.listing(db)),
            ]
        )
        db.close()
    assert told[0] == told[1]


# the platforms' own files


@pytest.fixture(scope="module")
def real_bills() -> dict[str, dict[str, bytes]]:
    """Channel → the bills of the lender's merchant account, every file of which tells of the same sales."""
    sales = [
        exports_maker.sale(2, 500_000, "4200000000000000000000000001", fee_milli_fen=3_000_400),
        exports_maker.sale(3, LEVEL, "4200000000000000000000000002", fee_milli_fen=640_000),
        exports_maker.sale(3, 1_234, "4200000000000000000000000003", fee_milli_fen=7_400),
        exports_maker.sale(4, 300_000, "4200000000000000000000000004", fee_milli_fen=1_800_000),
    ]
    sales = [replace(each, merchant_order_id="LN000001") for each in sales]
    backs = [
        exports_maker.refund(sales[0], 100_000, 5, fee_milli_fen=600_000),
        exports_maker.refund(sales[3], 300_000, 6, "503002", fee_milli_fen=1_800_000),
    ]
    bills = exports_maker.bills
    shop = {
        "account": exports_maker.SHOP,
        "from_on": exports_maker.FROM_ON,
        "to_on": date(2026, 4, 1),
        "exported_at": exports_maker.EXPORTED_AT,
    }
    # Alipay tells whole fen, gives no fee back, and books a fee on a line of its own.
    alipay_sales = [replace(each, fee_milli_fen=each.fee_milli_fen // 1_000 * 1_000) for each in sales]
    alipay_sales += [replace(each, fee_milli_fen=0) for each in backs]
    moves = bills.moves_of(alipay_sales, lambda each, line: f"{each.order_id}{each.refund_id}{line}")
    trade = bills.alipay_trade_bill(sales=alipay_sales, **shop)
    return {
        "wechat": {
            "all": bills.wechat_trade_bill(merchant="1990000001", sales=[*sales, *backs]),
            "success": bills.wechat_trade_bill(merchant="1990000001", sales=sales, kind="SUCCESS"),
            "refund": bills.wechat_trade_bill(merchant="1990000001", sales=backs, kind="REFUND"),
            "fund": bills.wechat_fund_bill(moves=list(bills.wechat_moves_of([*sales, *backs]))),
        },
        "alipay": {
            "trade": next(data for name, data in trade.items() if "汇总" not in name),
            "fund": next(
                data for name, data in bills.alipay_fund_bill(moves=list(moves), **shop).items() if "汇总" not in name
            ),
        },
    }


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        *(("wechat", names) for names in permutations(["all", "success", "refund"])),
        *(("wechat", names) for names in permutations(["all", "fund"])),
        ("wechat", ("all",)),
        ("wechat", ("success", "refund")),
        *(("alipay", names) for names in permutations(["trade", "fund"])),
        ("alipay", ("trade",)),
        ("alipay", ("fund",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_the_bills_of_a_merchant_account_book_the_same_in_any_order(tmp_path, real_bills, channel, names):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, "LN000001", principal_fen=2_400_000)
    close(db, date(2026, 3, 10))
    for name in names:
        take(db, real_bills[channel][name], name=f"{name}.csv")
        assert faults(db) == []
    fee_fen = {"wechat": 3_000 + 647 - 600 + 1_800 - 1_800, "alipay": 3_000 + 640 + 7 + 1_800}[channel]
    kept_fen = 500_000 - 100_000 + LEVEL + 1_234
    assert balance(db, "expense:channel_fee") == fee_fen
    assert balance(db, f"clearing:{channel}") == kept_fen - fee_fen
    assert db.execute("SELECT paid_total_fen FROM position").fetchone() == (kept_fen,)
    db.close()
