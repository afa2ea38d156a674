"""What a disk may hold after a power cut: rebuilt from the calls of a recorded run, at every point of it.

Of what was not synced, any part may be there: all, nothing, some writes, some of their sectors of 512 bytes. A removal
may have reached the disk or not. As with all such models, files are independent and no write goes astray.
"""

import random

from faults.calls import Call

SECTOR = 512
PATTERNS = ("all", "nothing", "some", "most", "last torn")


class Disk:
    """The files of a ledger by what they are called beside its name ('', '-wal', …): synced, and what is under way."""

    def __init__(self, files: dict[str, bytes], name: str) -> None:
        self.name = name
        self.synced = {side: bytearray(data) for side, data in files.items()}
        self.pending: dict[str, list[Call]] = {}

    def take(self, call: Call) -> None:
        """The next call of the run."""
        if not call.name.startswith(self.name):
            return
        side = call.name.removeprefix(self.name)
        if call.kind == "sync":
            for each in self.pending.pop(side, []):
                _apply(self.synced, side, each)
        else:
            self.pending.setdefault(side, []).append(call)

    def kept(self) -> dict[str, bytes]:
        """As a process that is killed leaves it: the machine goes on, and everything reaches the disk."""
        return self.image("all", random.Random(0))

    def image(self, pattern: str, dice: random.Random) -> dict[str, bytes]:
        """What may be there when the power comes back."""
        files = {side: bytearray(data) for side, data in self.synced.items()}
        for side, calls in self.pending.items():
            for at, call in enumerate(calls):
                if pattern == "nothing":
                    break
                is_last = at == len(calls) - 1
                luck = dice.random() if pattern in {"some", "most"} else 0.0
                if call.kind == "delete" and pattern in {"some", "most"} and luck >= 0.5:
                    break  # the name is still there, and what came after it went into another file
                if luck < {"some": 0.5, "most": 0.9}.get(pattern, 1.0):
                    is_torn = is_last if pattern == "last torn" else pattern == "some" and luck > 0.4
                    _apply(files, side, _torn(call, dice) if is_torn else call)
        return {side: bytes(data) for side, data in files.items()}


def _torn(call: Call, dice: random.Random) -> Call:
    """The first sectors of a write."""
    sectors = len(call.data) // SECTOR
    return call._replace(data=call.data[: dice.randrange(sectors + 1) * SECTOR]) if call.kind == "write" else call


def _apply(files: dict[str, bytearray], side: str, call: Call) -> None:
    if call.kind == "delete":
        files.pop(side, None)
        return
    data = files.setdefault(side, bytearray())
    if call.kind == "truncate":
        del data[call.at :]
        data.extend(bytes(call.at - len(data)))
    else:
        data.extend(bytes(max(0, call.at - len(data))))
        data[call.at : call.at + len(call.data)] = call.data
