# Everything runs in .venv, which is set up once and again when the requirements change.
# Another Python than python3: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test sweep fuzz lint bench clean
.DELETE_ON_ERROR:

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/torch.stamp  ## compile examples/dcgan64.dgan and run the result
	mkdir -p build
	$(BIN)/dcganc compile examples/dcgan64.dgan -o build/dcgan64.py
	$(BIN)/python build/dcgan64.py

test: $(VENV)/test.stamp  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

sweep: $(VENV)/test.stamp  ## run the slow tests, and 10,000 random networks on torch
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow
	$(BIN)/python fuzz/sweep.py --count 10000

COUNT := 1000000
fuzz: $(VENV)/test.stamp  ## try COUNT random and damaged inputs, going on where the last run was
	$(BIN)/python fuzz/fuzz.py --count $(COUNT)

lint: $(VENV)/test.stamp  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/black --check --quiet .
	$(BIN)/mypy

bench: $(VENV)/test.stamp  ## measure the compiler and what it writes
	$(BIN)/python benchmarks/run.py

clean:  ## remove what was built; .venv stays
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The package with one of its extras, editable
$(VENV)/%.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "dcganc needs Python 3.11 or later, and $(PYTHON) is not; name another: make PYTHON=python3.12" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
