"""How much the fault tests try, and from which seed: little at each commit, much in `make soak`.

LOANCLI_SOAK=100 is the whole size of a night, LOANCLI_SOAK=10 a tenth of it. LOANCLI_SEED=… repeats a run: the seed is
always the same at a commit and another each night; the head of a run tells it, and so does a fault test that fails.
"""

import os
import random

SOAK_PERCENT = int(os.environ.get("LOANCLI_SOAK", "0"))
SEED = int(os.environ.get("LOANCLI_SEED") or (random.SystemRandom().randrange(10**9) if SOAK_PERCENT else 20261124))
os.environ["LOANCLI_SEED"] = str(SEED)  # the processes of one run have one seed


def size(commit: int, night: int) -> int:
    """How many: at a commit, and in a night."""
    return max(commit, night * SOAK_PERCENT // 100) if SOAK_PERCENT else commit
