# Everything runs in a private .venv, made from the exact lock in envs/ and made again when the lock changes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet
UV     := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
          --generate-hashes --no-annotate --no-header --quiet

.PHONY: demo test test-cluster lint generate lock sbom screenshots clean help
.DEFAULT_GOAL := help

help:            ## show these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

demo: $(VENV)/.runtime          ## run the demo: real images, at most 5 minutes on 2 cores
	@$(BIN)/snakemake

test: $(VENV)/.dev              ## run every test, the slow ones too
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-cluster: $(VENV)/.dev      ## of them only those on a real Slurm (root on Debian: it is installed and started)
	$(BIN)/python -m pytest -n 0 tests/cluster

lint: $(VENV)/.dev              ## ruff, mypy, snakefmt and the checks for drift
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pre-commit run --all-files --show-diff-on-failure

generate: $(VENV)/.dev          ## write config/default.yaml and config/schema.json from the models
	$(BIN)/sirenbench schema --write

lock: $(VENV)/.dev              ## refresh envs/*.lock from pyproject.toml
	$(UV) -o envs/runtime.lock
	$(UV) --extra dev -c envs/runtime.lock -o envs/dev.lock

sbom:            ## write sbom.cdx.json: every locked package with version, hashes and licence (CycloneDX)
	@$(PYTHON) envs/sbom.py > sbom.cdx.json
	@echo "wrote sbom.cdx.json"

screenshots: $(VENV)/.dev       ## take the docs' pictures of the report that `make demo` has left (needs Chromium)
	$(BIN)/python docs/images/take.py results/demo/report.html

clean:           ## remove the environment and every result
	rm -rf $(VENV) results .snakemake

$(VENV)/.runtime: envs/runtime.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sirenbench needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Installing the locked environment into $(VENV): PyTorch among it, 6 GB, some minutes, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r envs/runtime.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime envs/dev.lock
	@echo "Installing what the tests and checks need."
	@$(PIP) --require-hashes -r envs/dev.lock
	@touch $@
