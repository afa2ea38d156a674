"""Files that are no readable statement: known by first bytes or columns, refused with what to bring instead."""

import re
from dataclasses import dataclass

from loancli.core.errors import InputError

WECHAT_MENU = "WeChat 我-服务-钱包-账单-常见问题-下载账单-用于个人对账"
ALIPAY_MENU = "Alipay 我的-账单-开具交易流水证明-用于个人对账"
_BOTH_MENUS = f"get the table instead: {WECHAT_MENU}; {ALIPAY_MENU}"
_UNPACK = "unpack it first and bring the file inside; a password it asks for is shown in the app, not in the mail"

_HEADS: tuple[tuple[bytes, str], ...] = (
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

    def recognises(self, cells: list[str]) -> bool:
        return self.columns.issubset(cells)


_MERCHANT_BILL = "b.alipay.com 账单下载 (业务明细, 账务明细)"
FOREIGN: tuple[Foreign, ...] = (
    Foreign(
        name="the Alipay cashbook (记账本)",
        columns=frozenset({"记录时间", "分类", "收支类型", "金额"}),
        advice=f"it is written by hand and proves no payment; bring the statement: {ALIPAY_MENU}",
    ),
    Foreign(
        name="the list of the Alipay merchant portal (收支明细)",
        columns=frozenset({"支付宝流水号", "账务类型", "收入(+元)", "支出(-元)"}),
        advice=f"it states no totals that could be checked; bring the bill: {_MERCHANT_BILL}",
    ),
    Foreign(
        name="the table of a WeChat proof (微信支付交易明细证明)",
        columns=frozenset({"交易单号", "交易时间", "交易类型", "收/支/其他"}),
        advice=f"it lacks status and remarks; bring the statement: {WECHAT_MENU}",
    ),
)


def refuse_foreign(start: bytes, file_name: str) -> None:
    """Raise InputError for a file that is no text table, told by its first bytes (FORMATS §1.1)."""
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
