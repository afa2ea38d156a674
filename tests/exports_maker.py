"""The makers of fixtures/ for tests: every export format as bytes, from rows of ours. The folder is no package."""

import importlib
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FROM_ON, TO_ON, EXPORTED_AT = date(2026, 3, 1), date(2026, 3, 31), "2026-04-01 09:30:00"
ACCOUNT, SHOP, PASSWORD = "19900000001", "2088000000000001", "199037"


def load(name: str) -> ModuleType:
    """A file of fixtures/ as a module, each of which finds the others by its own folder."""
    if str(FIXTURES) not in sys.path:
        sys.path.insert(0, str(FIXTURES))
    return importlib.import_module(name)


archives, bills, older_wallets, shops, trades, wallets, workbooks = map(
    load, ("archives", "bills", "older_wallets", "shops", "trades", "wallets", "workbooks")
)


def month_of(channel: str, *, seed: int = 7, number: int = 6, month: date = FROM_ON) -> list[Any]:
    """The rows of a shop's month, as its statement would show them."""
    borrower = trades.make_borrowers(seed, number)[number - 1]
    return list(shops.month_lines(seed, borrower, channel, month, month))


def sale(day: int = 1, amount_fen: int = 10_000, number: str = "", **changes: Any) -> Any:
    """A payment of a customer at ten o'clock of a day in March 2026."""
    at = f"2026-03-{day:02d} 10:00:00"
    order = number or wallets.order_number("2200", at, 1, amount_fen)
    return bills.Sale(at=at, order_id=order, amount_fen=amount_fen, **{"merchant_order_id": f"M{order[4:]}", **changes})


def refund(of: Any, amount_fen: int, day: int, refund_id: str = "503001", **changes: Any) -> Any:
    """What a customer gets back of a sale."""
    at = f"2026-03-{day:02d} 16:00:00"
    return bills.Sale(
        at=at,
        order_id=of.order_id,
        amount_fen=amount_fen,
        merchant_order_id=of.merchant_order_id,
        refund_id=refund_id,
        paid_at=of.at,
        **changes,
    )


def files(alipay: list[Any], wechat: list[Any], sales: list[Any]) -> dict[str, bytes]:
    """Every format and container once: name → bytes. `alipay`, `wechat`: rows of statements; `sales`: of a merchant."""
    period = {"from_on": FROM_ON, "to_on": TO_ON, "exported_at": EXPORTED_AT}
    mine = {"name": "麦香", "account": ACCOUNT, **period}
    shop = {"account": SHOP, **period, "to_on": date(2026, 4, 1)}
    old = {**mine, "exported_at": "2022-04-01 09:30:00"}
    today = wallets.alipay_file(lines=alipay, **mine)
    workbook = workbooks.wechat_workbook(nickname="麦香", lines=wechat, **period)
    text_workbook = workbooks.wechat_workbook(
        nickname="麦香", lines=wechat, **{**period, "exported_at": "2025-08-01 09:30:00"}
    )
    saved = workbooks.wechat_workbook(nickname="麦香", lines=wechat, is_saved_again=True, is_deflated=True, **period)
    moves = list(bills.moves_of(sales, lambda each, line: f"{each.order_id}{each.refund_id}{line}"))
    fund, fund_16 = (bills.alipay_fund_bill(moves=moves, has_16_columns=wide, **shop) for wide in (False, True))
    trade = bills.alipay_trade_bill(sales=sales, **shop)
    wechat_bill = {
        kind: bills.wechat_trade_bill(merchant="1990000001", sales=sales, kind=kind)
        for kind in ("ALL", "SUCCESS", "REFUND", "OLD")
    }
    return {
        "alipay-today.csv": today,
        "alipay-note-gone.csv": wallets.alipay_file(lines=alipay, **{**mine, "exported_at": "2026-07-01 09:30:00"}),
        "alipay-padded.csv": wallets.alipay_file(lines=alipay, is_padded=True, **mine),
        "alipay-app-2021.csv": older_wallets.alipay_app_2021_file(lines=alipay, **old),
        "alipay-web-2021.csv": older_wallets.alipay_web_file(lines=alipay, **old),
        "alipay-web-2025.csv": older_wallets.alipay_web_file(lines=alipay, neutral="不计收支", **mine),
        "alipay-aes.zip": archives.zipped([("支付宝交易明细.csv", today)], PASSWORD, "aes", gbk_names=True),
        "alipay-trade.zip": bills.alipay_bill_zip(trade),
        "alipay-fund.zip": bills.alipay_bill_zip(fund),
        "alipay-fund-16.zip": bills.alipay_bill_zip(fund_16),
        "wechat-2024.csv": wallets.wechat_file(nickname="麦香", lines=wechat, **period),
        "wechat-2025-07.xlsx": text_workbook,
        "wechat-2026-03.xlsx": workbook,
        "wechat-saved-again.xlsx": saved,
        "wechat-workbook.zip": archives.zipped([("微信支付账单流水文件.xlsx", workbook)], PASSWORD),
        **{f"wechat-bill-{kind}.csv": data for kind, data in wechat_bill.items()},
        "wechat-bill.gz": archives.gzipped(wechat_bill["ALL"]),
        "wechat-fund.csv": bills.wechat_fund_bill(moves=bills.wechat_moves_of(sales)),
    }
