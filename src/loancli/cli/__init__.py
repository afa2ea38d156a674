"""WHAT PEOPLE TYPE. One file per command group; the clock, the disk, the environment and the terminal.

A command parses, opens the ledger, calls one job or report, renders. May import any room. The frame: `main.py` starts,
`app.py` lists the commands and loads the one that is called, `options.py` holds what stands before it, `exit.py` turns
errors into exit codes, `render.py` and `xlsx.py` show rows, `cells.py` one value, `charts.py` bars. What the
commands that plan a loan share is in `plan_options.py` and `plan_shown.py`.
"""
