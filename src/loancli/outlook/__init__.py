"""WHAT MAY COME: a borrower's futures, what a plan asks for in each, and the terms that fit. Pure. May import plan.

history, season (what is known of the borrower) · futures (thousands of them) · bulk, project (a plan over all of them)
· fit, fit_runs, fit_space (the search for terms).
"""
