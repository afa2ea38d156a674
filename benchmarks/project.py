"""A revenue plan over futures of two years of revenue: `whole` as the command does it, `kernel` and `exact` the rules
alone, all at once or one future after the other, `nothing` the imports. The last two print what fell due, as a digest.
"""

import hashlib
import sys
from datetime import date
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from slow_projection import project_one  # noqa: E402
from terms import CALENDAR, SCHEDULES  # noqa: E402

from loancli.outlook.bulk import paths  # noqa: E402
from loancli.outlook.futures import months_ahead, of_windows, simulate  # noqa: E402
from loancli.outlook.history import History  # noqa: E402
from loancli.outlook.project import project  # noqa: E402
from loancli.plan.build import build  # noqa: E402
from loancli.plan.flexible import run_on_rows, window_of  # noqa: E402
from loancli.plan.product_file import read_product  # noqa: E402

START_ON, PRINCIPAL_FEN, PERIODS = date(2026, 1, 10), 20_000_000, 24
MONTHS_FEN = tuple(9_000_000 + number * 1_777_777 % 4_000_003 for number in range(24))


def main(mode: str, futures: int) -> None:
    """Do it once."""
    product = read_product((SCHEDULES / "products" / "revenue-share.toml").read_text(encoding="utf-8"), "revenue-share")
    history = History(first_on=date(2024, 1, 1), months_fen=MONTHS_FEN)
    if mode == "whole":
        project(
            product,
            PRINCIPAL_FEN,
            START_ON,
            history,
            calendar=CALENDAR,
            periods=PERIODS,
            futures=futures,
            seed=1,
            stress=None,
            burden_ppm=300_000,
        )
    if mode in {"kernel", "exact"}:
        plan = build(product, PRINCIPAL_FEN, START_ON, calendar=CALENDAR, periods=PERIODS)
        rows = plan.rows + run_on_rows(plan, CALENDAR)
        windows = [window_of(product, rows, row.number) for row in rows]
        simulated = simulate(history, months_ahead(history, windows), futures=futures, seed=1, stress=None)
        revenue_fen = of_windows(history, simulated, windows)
        if mode == "kernel":
            due_fen = paths(
                product, rows, maturity_number=PERIODS, principal_fen=PRINCIPAL_FEN, revenue_fen=revenue_fen
            ).due_fen
        else:
            found = [
                project_one(product, rows, maturity_number=PERIODS, principal_fen=PRINCIPAL_FEN, revenue_fen=one_fen)
                for one_fen in revenue_fen.T.tolist()
            ]
            due_fen = np.array([[sum(parts) for parts in windows_] for windows_ in found]).T
        sys.stdout.write(hashlib.sha256(due_fen.astype("<i8").tobytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
