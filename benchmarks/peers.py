"""What other programs make of the same files; each runs in a virtual environment of its own (`run.py` makes it).

python benchmarks/peers.py china_bean_importers|beancount_daoru FILE alipay|wechat
python benchmarks/peers.py openpyxl|calamine FILE

They read and store nothing. Where a row is none that they know, they would stop: their checks are off (python -O) and
what they say about a row is dropped, both in their favour.
"""

import importlib
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace


def china_bean_importers(path: Path, channel: str) -> int:
    """Transactions of beancount, by the package's own importer."""
    name = {"alipay": "alipay_mobile", "wechat": "wechat"}[channel]
    module = importlib.import_module(f"china_bean_importers.{name}")
    module.my_warn = lambda *_: None
    accounts = defaultdict(lambda: "Assets:Any", category_mapping={})
    config = {
        "importers": {channel: accounts},
        "card_accounts": {},
        "card_narration_whitelist": [],
        "card_narration_blacklist": [],
        "detail_mappings": [],
        "unknown_expense_account": "Expenses:Any",
        "unknown_income_account": "Income:Any",
    }
    importer, file = module.Importer(config), SimpleNamespace(name=str(path))
    if importer.identify(file) is not True:
        raise SystemExit(f"{path.name}: not taken for a statement of {channel}")
    return len(importer.extract(file))


def beancount_daoru(path: Path, channel: str) -> int:
    """Its checked records; without the step that makes beancount's transactions of them."""
    module = importlib.import_module(f"beancount_daoru.importers.{channel}")
    excel = importlib.import_module("beancount_daoru.readers.excel")
    errors = importlib.import_module("beancount_daoru.importer")
    # As in the package, which skips a fixed number of lines.
    reader = excel.Reader(header=23, encoding="gbk") if channel == "alipay" else excel.Reader(header=17)
    parser, count = module.Parser(), 0
    for record in reader.read_records(path):
        with suppress(errors.ParserError):  # a combination of status and direction that it does not know
            parser.parse(record)
        count += 1
    return count


def openpyxl(path: Path) -> int:
    """Rows of values, in its fastest mode."""
    book = importlib.import_module("openpyxl").load_workbook(path, read_only=True, data_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))


def calamine(path: Path) -> int:
    """Rows of values."""
    book = importlib.import_module("python_calamine").CalamineWorkbook.from_path(str(path))
    return len(book.get_sheet_by_index(0).to_python())


if __name__ == "__main__":
    peer, file, *channel = sys.argv[1:]
    rows = globals()[peer](Path(file), *channel)
    sys.stdout.write(f"{rows}\n")
