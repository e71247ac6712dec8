PYTHON ?= python3
BIN = .venv/bin

.PHONY: experiments report test test-slow test-oldest test-newest test-nightly test-wheel docs lint format

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

test-slow: .venv
	$(BIN)/pip install -q -e '.[test]'
	$(BIN)/python -m pytest -m slow

# With the versions of requirements/, each in an environment of its own; TESTS='slow or not slow' runs all.
TESTS = not slow
test-oldest test-newest: test-%: .venv-%
	.venv-$*/bin/pip install -q -e '.[test]' -c requirements/$*.txt
	.venv-$*/bin/python -m pytest -m '$(TESTS)'

# With pre-releases of what skdeep stands on, also of versions that a bound in pyproject.toml excludes.
test-nightly: .venv-nightly
	.venv-nightly/bin/pip install -q -e '.[test]'
	.venv-nightly/bin/pip install -q --pre --upgrade scikit-learn keras tensorflow
	.venv-nightly/bin/pip freeze
	.venv-nightly/bin/python -m pytest -m '$(TESTS)'

# Builds the sdist and the wheel in dist/, too.
test-wheel: .venv
	$(BIN)/pip install -q -e '.[dev]'
	.ci/test_wheel

docs: .venv
	$(BIN)/pip install -q -e '.[docs]'
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

lint: .venv
	$(BIN)/pip install -q -e '.[dev]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv
	$(BIN)/pip install -q -e '.[dev]'
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv .venv-oldest .venv-newest .venv-nightly:
	$(PYTHON) -m venv $@
