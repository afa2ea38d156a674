# Needs Python 3.11 or newer (with venv) and make; everything else is installed into .venv from requirements.lock.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test bench soak lock clean

demo: $(INSTALLED)
	rm -rf build/demo
	$(BIN)/loancli demo build/demo

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n auto --dist loadscope --no-loadscope-reorder

bench: $(INSTALLED)
	$(BIN)/python benchmarks/run.py

# A night's worth of chance. SOAK=10 is a tenth of it; the SEED of a run that failed repeats it.
SOAK ?= 100
SEED ?= $(shell date +%s)

soak: $(INSTALLED)
	@echo "make soak SOAK=$(SOAK) SEED=$(SEED)"
	LOANCLI_SOAK=$(SOAK) LOANCLI_SEED=$(SEED) $(BIN)/pytest -q -n auto --dist loadscope --no-loadscope-reorder --hypothesis-profile=soak \
		--hypothesis-seed=$(SEED)

# Newest versions that pyproject.toml allows. The result names packages only, no registry.
lock: $(INSTALLED)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "loancli needs Python 3.11 or newer; found none (set PYTHON=/path/to/python3)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "loancli needs Python 3.11 or newer; $(PYTHON) is older (set PYTHON=/path/to/python3)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
