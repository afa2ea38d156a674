"""Files that are no readable statement: known by first bytes or columns, refused with what to bring instead."""

import re
from dataclasses import dataclass

from loancli.core.errors import InputError

WECHAT_MENU = "WeChat 我-服务-钱包-账单-常见问题-下载账单-用于个人对账"
ALIPAY_MENU = "Alipay 我的-账单-开具交易流水证明-用于个人对账"
_BOTH_MENUS = f"get the table instead: {WECHAT_MENU}; {ALIPAY_MENU}"
_UNPACK = "unpack it first and bring the file inside; a password it asks for is shown in the app, not in the mail"

_HEADS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive: unpack it first and bring the file inside"),
    (b"Rar!\x1a\x07", f"a RAR archive: {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive: {_UNPACK}"),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook (.xls) or one with a password: save it as 'CSV UTF-8', or bring the file the app sent",
    ),
    (b"%PDF", f"a PDF, such as a stamped proof: it lacks status and remarks; {_BOTH_MENUS}"),
    (b"\x89PNG", f"a picture; {_BOTH_MENUS}"),
    (b"\xff\xd8\xff", f"a picture; {_BOTH_MENUS}"),
)
_WEB_PAGE = re.compile(rb"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_ANSWER_CODE = re.compile(r"No Bill Exist|[A-Z]{2,}(?:_[A-Z]{2,})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A table that is known and not read: the columns that tell it (FORMATS §1.3), what it is, what to bring."""

    name: str
    columns: frozenset[str]
    advice: str
    first: str = ""  # the first column, where the names alone do not tell
    last: str = ""

    def recognises(self, cells: list[str]) -> bool:
        if not self.columns.issubset(cells):
            return False
        return (not self.first or cells[0] == self.first) and (
            not self.last or [c for c in cells if c][-1] == self.last
        )


_APP = f"bring the statement of today's app: {ALIPAY_MENU}"
_PERSONAL = "bring the borrower's personal statement"
FOREIGN: tuple[Foreign, ...] = (
    Foreign(
        name="the Alipay statement from the web site",
        columns=frozenset({"交易号", "商家订单号", "交易创建时间", "金额(元)", "收/支", "资金状态"}),
        advice=f"it is not read yet; {_APP}",
    ),
    Foreign(
        name="the Alipay app statement of 2021 to early 2023",
        columns=frozenset({"收/支", "交易订单号", "交易时间"}),
        first="收/支",
        last="交易时间",
        advice=f"it is not read yet; {_APP}",
    ),
    Foreign(
        name="the Alipay cashbook (记账本)",
        columns=frozenset({"记录时间", "分类", "收支类型", "金额"}),
        advice=f"it is written by hand and proves no payment; {_APP}",
    ),
    Foreign(
        name="the Alipay merchant fund bill (账务明细)",
        columns=frozenset({"账务流水号", "业务流水号", "收入金额(+元)", "支出金额(-元)"}),
        advice=f"merchant bills are not read yet; {_PERSONAL}: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the summary of an Alipay merchant fund bill (账务汇总)",
        columns=frozenset({"类型", "收入笔数", "支出笔数"}),
        advice=f"it holds totals, no transactions; {_PERSONAL}: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the Alipay merchant trade bill (业务明细)",
        columns=frozenset({"支付宝交易号", "商户订单号", "业务类型", "商家实收(元)"}),
        advice=f"merchant bills are not read yet; {_PERSONAL}: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the summary of an Alipay merchant trade bill (业务汇总)",
        columns=frozenset({"门店编号", "交易订单总笔数", "退款订单总笔数"}),
        advice=f"it holds totals, no transactions; {_PERSONAL}: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the list of the Alipay merchant portal (收支明细)",
        columns=frozenset({"支付宝流水号", "账务类型", "收入(+元)", "支出(-元)"}),
        advice=f"it is not read yet; {_PERSONAL}: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the WeChat merchant trade bill",
        columns=frozenset({"公众账号ID", "商户号", "微信订单号", "交易状态"}),
        advice=f"merchant bills are not read yet; {_PERSONAL}: {WECHAT_MENU}",
    ),
    Foreign(
        name="the WeChat merchant fund bill (资金账单)",
        columns=frozenset({"记账时间", "微信支付业务单号", "资金流水单号", "收支类型"}),
        advice=f"merchant bills are not read yet; {_PERSONAL}: {WECHAT_MENU}",
    ),
    Foreign(
        name="the table of a WeChat proof (微信支付交易明细证明)",
        columns=frozenset({"交易单号", "交易时间", "交易类型", "收/支/其他"}),
        advice=f"it lacks status and remarks; bring the statement: {WECHAT_MENU}",
    ),
)


def refuse_container(start: bytes, file_name: str) -> None:
    """Raise InputError for a file that is no text table, told by its first bytes (FORMATS §1.1)."""
    if start.startswith(b"PK"):
        if b"xl/" in start or b"[Content_Types].xml" in start:
            raise InputError(
                f"{file_name}: this is an Excel workbook; workbooks are not read yet: open it and save the sheet as "
                "'CSV UTF-8', without changing a cell"
            )
        raise InputError(f"{file_name}: this is a ZIP archive: {_UNPACK}")
    for mark, what in _HEADS:
        if start.startswith(mark):
            raise InputError(f"{file_name}: this is {what}")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _WEB_PAGE.match(text):
        raise InputError(f"{file_name}: this is a web page saved as a bill; {_BOTH_MENUS}")
    if text.startswith((b"<", b"{", b"[{")):
        code = _ANSWER_CODE.search(text[:4096].decode("ascii", errors="ignore"))
        told = f" ({code[0]})" if code else ""
        raise InputError(
            f"{file_name}: this is the error answer of an interface{told}, not a bill; ask for the bill again, "
            "or for another day"
        )
