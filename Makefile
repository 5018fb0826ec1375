# Thin targets over the `lab` command; `make lab-up` is all that a newcomer needs.
PYTHON ?= python3
VENV   := .venv
LAB    := $(VENV)/bin/lab
TOPOLOGY ?= topologies/belgium.yaml

.PHONY: help install lab-up lab-down test tools lint soak bench fuzz

help:
	@echo "make lab-up    makes $(VENV), installs, starts the lab and says what to try (TOPOLOGY=FILE, FABRIC=docker)"
	@echo "make lab-down  stops it"
	@echo "make test      style, types, floors, and every test       make lint   without the tests"
	@echo "make bench     measures, beside what is asked             make fuzz   octets that hurt (TARGET=, SECONDS=)"
	@echo "make soak      kills mail hosts under load, and counts what is lost (SECONDS=, SEED=)"

$(VENV)/.runs: pyproject.toml
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The lab needs Python 3.11 or later with venv (Debian: apt install python3-venv); $(PYTHON) is not that."; \
	  echo "Name another one:  make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 4; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.develops: $(VENV)/.runs
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,engines]'
	@touch $@

install: $(VENV)/.runs

lab-up: install
	@$(LAB) up $(TOPOLOGY) $(if $(FABRIC),--fabric $(FABRIC))
	@echo " \`lab\` is in $(VENV)/bin:  source $(VENV)/bin/activate"

lab-down:
	@$(LAB) down

lint: $(VENV)/.develops
	$(VENV)/bin/ruff format --check lab tests scenarios
	$(VENV)/bin/ruff check lab tests scenarios
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

tools:
	@tests/install-tools

test: lint tools
	$(VENV)/bin/pytest -q -n auto --dist worksteal $(PYTEST)

# kill -9 under load, on this machine's disk: make soak, make soak SECONDS=600 SEED=7.
soak: $(VENV)/.develops
	$(VENV)/bin/python -m tests.kills $(or $(SECONDS),60) $(or $(SEED),1)

bench: $(VENV)/.develops
	$(VENV)/bin/python -m tests.bench

# Looks for octets that hurt: make fuzz, make fuzz TARGET=dns_packet SECONDS=600. Without atheris it says so, loudly.
fuzz: $(VENV)/.develops
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[fuzz]' || true
	$(VENV)/bin/python -m tests.fuzz $(TARGET) --seconds $(or $(SECONDS),60)
