PYTHON ?= python3
BIN = .venv/bin

.PHONY: experiments report test docs lint format

experiments: .venv
	$(BIN)/pip install -q -e .
	$(BIN)/python examples/reproduce.py

# The report of the documentation, from the real images.
report: .venv
	$(BIN)/pip install -q -e .
	$(BIN)/python examples/reproduce.py --data real --resume
	mkdir -p docs/experiments
	cp results/real/report.md docs/experiments/index.md
	cp results/real/*.png docs/experiments

test: .venv
	$(BIN)/pip install -q -e '.[test]'
	$(BIN)/python -m pytest

docs: .venv
	$(BIN)/pip install -q -e '.[docs]'
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

lint: .venv
	$(BIN)/pip install -q -e '.[dev]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv
	$(BIN)/pip install -q -e '.[dev]'
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv:
	$(PYTHON) -m venv .venv
