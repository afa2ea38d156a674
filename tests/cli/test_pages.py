"""The pages in a real browser, Debian's chromium: they fit the screen, load nothing, and show what they should."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGES = {
    "cost": ("plan", "cost", "revenue-share", "--principal", "30000", "--start", "2026-03-01"),
    "project": (
        "plan",
        "project",
        "revenue-share",
        "--principal",
        "30000",
        "--futures",
        "50",
        "--history",
        "table.csv",
    ),
}
# Asked of the page itself: what sticks out to the right, what it loaded, what is drawn with no size.
PROBE = """<script>addEventListener("load", () => {
  const page = document.documentElement;
  document.title = JSON.stringify({
  sticks_out: page.scrollWidth - page.clientWidth,
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
  empty: [...document.querySelectorAll("table, svg")].filter((each) => !each.getBoundingClientRect().height).length,
  charts: document.querySelectorAll("svg[role=img]").length, tables: document.querySelectorAll("table").length,
  starts: document.body.innerText.slice(0, 200)})})</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed; on Debian: apt install chromium")
    return found


def seen(browser: str, page: Path, width: int) -> dict[str, object]:
    probed = page.with_name("probed.html")
    probed.write_text(page.read_text(encoding="utf-8").replace("</head>", PROBE + "</head>", 1), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    command = [browser, *options, f"--user-data-dir={page.parent}/profile", f"--window-size={width},900"]
    told = subprocess.run([*command, probed.as_uri()], capture_output=True, check=True, timeout=60, text=True)
    return dict(json.loads(re.search(r"<title>(\{.*?\})</title>", told.stdout, re.DOTALL)[1].replace("&amp;", "&")))


@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_loads_nothing(browser, desk, name, width):
    months = [f"2025-{month:02d},{20_000 + 900 * month}" for month in range(1, 13)]
    (desk.folder / "table.csv").write_text("month,amount_yuan\n" + "\n".join(months), encoding="utf-8")
    desk.done(*PAGES[name], "--html", "page.html", "-o", "rows.csv")
    found = seen(browser, desk.folder / "page.html", width)
    assert (found["sticks_out"], found["loaded"], found["empty"]) == (0, [], 0)
    assert found["tables"] >= 1
    assert found["charts"] == (2 if name == "project" else 0)
    assert re.search("[一-龥]", str(found["starts"]).splitlines()[0])  # Chinese first
