# aiolibp2p: `make run` starts a node, `make test` proves it. What each target does: `make help`.
# Needs Python 3.11 or newer, make and git; go and rust only for the interop tests, which skip without them.

PYTHON ?= $(shell sh scripts/find-python oldest 11)
NEWEST_PYTHON ?= $(shell sh scripts/find-python newest 13)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEWEST := .venv-newest
NEWEST_READY := $(NEWEST)/.ready
PYTEST_OPTIONS ?=
# How many processes share the tests; 0: none but pytest's own, as --pdb needs it.
PROCESSES ?= 2
# What depends on the Python that runs it: not the laws of the house, nor peers in other languages, nor a cluster.
UNIT := tests --ignore=tests/interop --ignore=tests/house --ignore=tests/simulation --ignore=tests/fuzz \
	--ignore=tests/simulator/sweep/test_ray.py

# A part of the bench is printed; only a whole one is put on record.
ROWS ?=
ONLY ?=
ROUNDS ?=
BENCH_CHOICE := $(if $(ROWS),--rows $(ROWS)) $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))
BENCH_OPTIONS := $(if $(strip $(BENCH_CHOICE)),$(BENCH_CHOICE),--write-docs)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test test-newest check fix bench bench-against bench-simulation simulate conformance conformance-check proto docs interop fuzz clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' Makefile

# $(call install,python,directory,extra): one line of progress, then silence unless it fails.
define install
	@test -n "$(1)" || { echo "no Python from 3.11 to 3.14 with venv found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "installing into $(2): $$($(1) --version), aiolibp2p[$(3)] ..."
	@rm -rf $(2)
	@$(1) -m venv $(2)
	@$(2)/bin/python -m pip install --quiet --editable '.[$(3)]'
	@touch $(2)/.ready
endef

$(READY): pyproject.toml
	$(call install,$(PYTHON),$(VENV),dev)

$(NEWEST_READY): pyproject.toml
	$(call install,$(NEWEST_PYTHON),$(NEWEST),test)

run: $(READY) ## start a node on this machine; it says what to type next
	@$(BIN)/p2p node

test: $(READY) ## the whole suite in PROCESSES=2, then its unit tests on the newest Python installed
	@sh scripts/run-suite $(BIN)/python $(PROCESSES) $(PYTEST_OPTIONS)
	@$(MAKE) --no-print-directory test-newest

test-newest: $(READY)
	@newest="$(NEWEST_PYTHON)"; \
	if [ -z "$$newest" ]; then \
		echo "skipped: no Python 3.13 or newer here to run the unit tests on once more"; \
	elif [ "$$($$newest -c 'import sys; print(sys.version_info[:2])')" = "$$($(BIN)/python -c 'import sys; print(sys.version_info[:2])')" ]; then \
		echo "skipped: the suite has run on the newest Python here already"; \
	else \
		$(MAKE) --no-print-directory $(NEWEST_READY) NEWEST_PYTHON="$$newest" && \
		sh scripts/run-suite $(NEWEST)/bin/python $(PROCESSES) $(UNIT) $(PYTEST_OPTIONS); \
	fi

check: $(READY) ## the laws of the house, types, style, generated files
	$(BIN)/python -m pytest tests/house -q
	$(BIN)/python -m mypy
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python scripts/proto.py --check

fix: $(READY) ## mend what ruff can mend
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: ## figures as JSON lines; all of them: tables and plot, too (ROWS=go,... ONLY=upload,... ROUNDS=5)
	@$(MAKE) --no-print-directory $(READY) >&2
	@$(BIN)/python -m bench $(BENCH_OPTIONS)

bench-against: ## our rows before and after by turns; fails where this tree is slower (REV=main ROWS= ONLY= ROUNDS=9)
	@test -n "$(REV)" || { echo "name a revision or another checkout: make bench-against REV=main" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(READY) >&2
	@$(BIN)/python -m bench --against '$(REV)' $(BENCH_CHOICE)

bench-simulation: $(READY) ## what simulated networks cost: processor time, events a second, bytes a node
	@$(BIN)/python -m bench.simulation

conformance: $(READY) ## write docs/conformance.md: what the specs ask, what a test proves
	@$(BIN)/python scripts/conformance.py

conformance-check: $(READY)
	@$(BIN)/python scripts/conformance.py --check

proto: $(READY) ## regenerate the *_pb2 files from their schemas
	$(BIN)/python scripts/proto.py

interop: $(READY) ## against real go, rust, js and Kubo peers; prints the table of layers, writes docs/interop.md
	@sh scripts/run-suite $(BIN)/python $(PROCESSES) tests/interop --interop-table $(PYTEST_OPTIONS)

SCENARIO ?= connect-identify-ping
SEEDS ?= 1..4
SIMULATE_OPTIONS ?=

simulate: $(READY) ## a simulated network, under virtual time: make simulate SCENARIO=churn SEEDS=1..100
	@$(BIN)/p2p simulate $(SCENARIO) --seeds $(SEEDS) $(SIMULATE_OPTIONS)

FUZZ_OPTIONS = $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET)) $(if $(SEED),--seed $(SEED)) \
	$(if $(REPLAY),--replay $(REPLAY)) $(if $(ADOPT),--adopt $(ADOPT))

fuzz: $(READY) ## the parsers against mutated input: make fuzz SECONDS=60 TARGET=multiaddr
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(FUZZ_OPTIONS)

docs: ## (not there yet) the documentation as a site
	@echo "make docs: there is no site to build yet; read the Markdown files in docs/" >&2; exit 1

clean: ## remove environments and caches
	rm -rf $(VENV) $(NEWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis
