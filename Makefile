# Everything runs in .venv, which the first target makes. PYTHON names the interpreter to make it with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check format bench durability clean

demo: $(INSTALLED) ## run the recorded starter strategy, then report on it
	$(BIN)/caesar run specs/last_only.yaml
	$(BIN)/caesar report last_only

test: $(INSTALLED) ## every test, the slow ones too
	$(BIN)/python -m pytest

check: $(INSTALLED) ## format, lint, types, layers, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_architecture.py

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

durability: $(INSTALLED) ## kills at every event boundary, power cuts, full disks, locked stores: all of them
	CAESAR_DURABILITY=full $(BIN)/python -m pytest tests/durability -v

bench: $(INSTALLED) ## the speed claims, on this machine
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Caesar needs Python 3.11 or later; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) build dist *.egg-info
