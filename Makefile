# Every target sets up what it needs. Only git, make and Python 3.11 or later with pip and venv are expected.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench soak race docs pins clean

# Prints nothing but progress of the download; the demo itself says where everything is.
demo: $(VENV)/.run
	$(BIN)/sessions demo

# Three files at a time, each process with a Prefect of its own: most of a test is waiting for a run. In their own order,
# in which the few long files do not come last.
test: $(VENV)/.dev
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/sessions check

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

# Half an hour at most. For example: make soak SOAK="--minutes 2 --sessions 8"
soak: $(VENV)/.dev
	$(BIN)/python -m tests.soak $(SOAK)

# Two hundred pushes of a session and a person at the same moment: a minute or two, so it is no part of the tests.
race: $(VENV)/.dev
	RACE_ROUNDS=200 $(BIN)/pytest --timeout 900 tests/workspace/test_race.py

docs: $(VENV)/.dev
	$(BIN)/python -m docs.reference

pins: $(VENV)/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench.json

$(VENV)/.run: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
