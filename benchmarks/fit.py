"""The search for the terms that fit two years of revenue, terms of up to 24 months: `fits` a loan that they can carry,
`nothing_fits` one that they cannot, so that what would do is looked for as well; `nothing` the imports.
"""

import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from terms import CALENDAR, SCHEDULES  # noqa: E402

from loancli.outlook.fit import Goal, fit  # noqa: E402
from loancli.outlook.fit_runs import Bounds  # noqa: E402
from loancli.outlook.history import History  # noqa: E402
from loancli.plan.cost import read_ceilings  # noqa: E402
from loancli.plan.product_file import read_product  # noqa: E402

START_ON, PERIODS = date(2026, 1, 10), 24
SEASON = (24, 22, 46, 88, 128, 172, 214, 206, 138, 80, 48, 34)
MONTHS_FEN = tuple(SEASON[number % 12] * 90_000 + number * 177_777 % 400_003 for number in range(24))
PRINCIPAL_FEN = {"fits": 18_000_000, "nothing_fits": 19_900_000}
BURDEN_PPM = {"fits": 200_000, "nothing_fits": 50_000}


def main(mode: str, futures: int) -> None:
    """Do it once."""
    frame = read_product((SCHEDULES / "products" / "revenue-share.toml").read_text(encoding="utf-8"), "revenue-share")
    texts = [(SCHEDULES / "policies" / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv")]
    if mode == "nothing":
        return
    found = fit(
        frame,
        PRINCIPAL_FEN[mode],
        START_ON,
        History(first_on=date(2024, 1, 1), months_fen=MONTHS_FEN),
        calendar=CALENDAR,
        ceilings=read_ceilings(*texts),
        bounds=Bounds(burden_ppm=BURDEN_PPM[mode], chance_ppm=900_000, periods_max=PERIODS),
        goal=Goal.BORROWER,
        futures=futures,
        seed=1,
        stress=None,
    )
    assert (found.answer is None) == (mode == "nothing_fits")
    sys.stdout.write(f"{found.tried}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
