"""WHAT IS OWED WHEN: products and plans, exact and pure. May import core.

product (the terms) · product_file (TOML → Product, checked once) · product_model, product_keys, product_values (the
tables of that file, its keys, what may stand there) · contradictions (terms that cannot stand together) · product_json
(as stored with a loan) · build (a plan of a known amount) · kinds (what each row of it repays) · factors
(interest ÷ principal) · grid (what loans of the same terms and days share) · rest (what is left of a loan split anew) ·
solve (the instalment that closes one) · own_rows (rows
agreed one by one, from a file) · flexible (revenue share) · fixed_fee (one fee in place of a rate) · line (credit line)
· rows (what a plan is) · due_days (when) · columns, column_kinds, int_columns, batch (plans of many loans at once) ·
changes, still_open, adjust, diff (a plan changed) · cost (APR by IRR) · ceilings, corners, cost_table · product_toml
(Product → TOML).
"""
