# `make demo` and `make test` are all that a fresh machine needs; `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
LOCKS := $(wildcard envs/*.lock) envs/setup.sh envs/build_zeroc_ice.py
export PYTHONPATH := $(CURDIR):$(CURDIR)/workflow/scripts
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Tests mostly wait: three at a time. What fails beside others, on a machine that was too busy for it,
# has to pass alone; the first run has named it. (Status 1: tests failed, and it is nothing worse.)
LIMIT := timeout --foreground --kill-after=60
SEVERAL := -n 3 --dist worksteal
ALONE := [ $$? = 1 ] && $(LIMIT) 1200 python -m pytest --last-failed --last-failed-no-failures none

.PHONY: help setup demo watch containers cluster test test-cluster soak soak-scale unit check config lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.run: $(LOCKS)
	@sh envs/setup.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/.dev: $(LOCKS)
	@sh envs/setup.sh $(VENV) dev.lock
	@touch $@ $(VENV)/.run

setup: $(VENV)/.run  ## create the virtual environment in .venv (the first time takes minutes)

demo: setup  ## import the demo's filesets into the embedded OMERO server
	@python workflow/scripts/demo_data.py demo-data
	@snakemake
	@echo
	@cat results/inventory.txt
	@echo
	@echo "Report: $(CURDIR)/results/report.html"

watch: setup  ## keep importing from drop folders and orders (docs/drop-folders.md)
	@python -m ingest.watch $(WATCH)

containers:  ## install Apptainer and Podman for the tests, if missing
	@bash envs/containers.sh

cluster:  ## install Debian's Slurm for `make test-cluster`, if missing
	@bash envs/cluster.sh

test: $(VENV)/.dev containers  ## run all tests except those on a cluster
	@$(LIMIT) 3600 python -m pytest $(SEVERAL) || { $(ALONE); }

# Each has a cluster of its own.
test-cluster: $(VENV)/.dev cluster  ## run the tests on Slurm clusters of their own (five minutes)
	@$(LIMIT) 1800 python -m pytest tests/cluster $(SEVERAL) || { $(ALONE) tests/cluster; }

soak: $(VENV)/.dev  ## kill 200 import jobs at random moments (takes minutes)
	@python tests/soak/kills.py --kills 200

soak-scale: $(VENV)/.dev  ## kill a run of 10,000 rows twice at random moments (about an hour)
	@python tests/soak/many_rows.py --rows 10000 --kills 2

unit: $(VENV)/.dev  ## run only the unit tests
	@python -m pytest tests/unit -n auto --maxprocesses 4 --dist worksteal

check: $(VENV)/.dev  ## check formatting, linting and types
	@ruff format --check .
	@ruff check .
	@snakefmt --check Snakefile workflow
	@mypy
	@python workflow/scripts/demo_data.py demo-data
	@snakemake --lint

config: $(VENV)/.dev  ## regenerate config/config.yaml and config/schema.json from the code
	@python -m ingest.config

lock: $(VENV)/.dev  ## regenerate the lock files (needs pip-tools)
	@sh envs/lock.sh

clean:  ## remove what the demo made (but not the virtual environment)
	@chmod -R u+w demo-store omero-embedded 2>/dev/null || true
	@rm -rf results demo-data demo-store omero-embedded .snakemake
