PYTHON ?= python3
BIN = .venv/bin

.PHONY: experiments test docs lint format

experiments: .venv
	$(BIN)/pip install -q -e .
	$(BIN)/python examples/reproduce.py

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
