# Each target's plain command stands in README.md for people without make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

LANES := test-servers test-embedded test-production test-short

.DELETE_ON_ERROR:
.PHONY: run test $(LANES) test-faults lint css vendor messages bench bench-ingest soak picture

run: $(VENV)/.run
	@exec $(BIN)/python manage.py serve

# Two at a time, since they wait more than they work; each is shown when it ends.
test: $(VENV)/.test
	@echo "Four parts in two lanes, about ten minutes; each is shown when it ends."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target $(LANES)

# What uses the database, on PostgreSQL and Redis; then third parties' clients.
test-production: $(VENV)/.test
	@$(BIN)/python -m pytest -p tests.servers.production --ignore=tests/faults --ignore=tests/feeds
	@$(BIN)/python -m pytest tests/feeds

# The product as people run it: servers and browsers.
test-servers: $(VENV)/.test
	@$(BIN)/python -m pytest --ignore=tests/faults --ignore=tests/feeds --ignore=tests/live --ignore=tests/metrics

# Everything else, on SQLite and in one process.
test-embedded: $(VENV)/.test
	@$(BIN)/python -m pytest tests/live tests/metrics

# Kills, freezes and floods: their short form, and all of it.
test-short: $(VENV)/.test
	@FAULTS=short $(BIN)/python -m pytest tests/faults

test-faults: $(VENV)/.test
	@FAULTS=full $(BIN)/python -m pytest tests/faults

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
	@status=0; for file in $(filter-out $(INGEST),$(wildcard benchmarks/*.py)); do $(BIN)/python $$file || status=1; done; exit $$status

# Ten million samples, and minutes of sending: more than the others need together. MINUTES=5 for the long form.
INGEST := benchmarks/ingest.py benchmarks/storage.py
bench-ingest: $(VENV)/.test
	@status=0; $(BIN)/python benchmarks/ingest.py --minutes $(or $(MINUTES),1) || status=1; \
	$(BIN)/python benchmarks/storage.py || status=1; exit $$status

# Hours of what the fault tests do in minutes.
soak: $(VENV)/.test
	FAULTS=soak $(BIN)/python -m pytest $(addprefix tests/faults/test_,convergence.py day.py durability.py presence_under_churn.py redis_restarts.py) tests/feeds
	$(BIN)/python benchmarks/browser_cost.py --minutes 30

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
