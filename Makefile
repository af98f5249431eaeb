# Each target's plain command stands in README.md for people without make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: run test test-faults lint css vendor messages bench picture

run: $(VENV)/.run
	@exec $(BIN)/python manage.py serve

# First what uses the database, on PostgreSQL and Redis; then everything, embedded.
test: $(VENV)/.test
	$(BIN)/python -m pytest -p tests.servers.production --ignore=tests/faults
	$(BIN)/python -m pytest --ignore=tests/faults

# Kills, freezes and floods; FAULTS=full for the long form.
test-faults: $(VENV)/.test
	$(BIN)/python -m pytest tests/faults

lint: $(VENV)/.test
	@$(BIN)/python -m tests.gates

css: $(VENV)/.test
	@$(BIN)/python -m tests.gates.css

vendor: $(VENV)/.test
	@$(BIN)/python theme/vendor.py

messages: $(VENV)/.test
	@$(BIN)/python -m tests.gates.messages

picture: $(VENV)/.test
	PICTURE=docs/board.png $(BIN)/python -m pytest tests/browser/test_picture.py

bench: $(VENV)/.test
	@status=0; for file in benchmarks/*.py; do $(BIN)/python $$file || status=1; done; exit $$status

$(VENV)/.run: requirements.txt $(BIN)/python
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.run
	$(PIP) -r tests/requirements.txt
	@touch $@

# Order-only use would miss a dangling link: make follows links, so a venv whose Python is gone is made anew.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Watchfloor needs Python 3.11 or newer: install it, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Watchfloor needs Python 3.11 or newer, this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
