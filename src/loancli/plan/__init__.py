"""WHAT IS OWED WHEN: products and plans, exact and pure. May import core.

product (the terms) · product_file (TOML → Product, checked once) · product_model (the shape of that file) · kinds
(plans of a known amount) · solve (the instalment that closes one) · own_rows (rows agreed one by one, from a file) ·
flexible (revenue share) · revenue, revenue_file (statement rows → revenue, by rules in data) · doubles (one movement
in several exports) · pairs, pairs_file (money that goes round) · cost (APR by IRR, ceilings) · history, futures,
bulk, project (a plan over thousands of futures) · season (weights from revenue) · fit, fit_runs, fit_space (the terms
that fit a borrower) · product_toml (Product → TOML).
"""
