# Everything needs Python 3.11 and nothing else; the rest is installed into .venv from the lock files.

ARGS ?=
VENV := .venv
PYTHON := $(VENV)/bin/python
# The certificates of the system, as pip uses them: behind a company's proxy there are no others that fit.
UV := $(VENV)/bin/uv --system-certs
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help run test audit soak chaos lint bench lock clean system-packages
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Install what is missing and start Allocast; options: make run ARGS="--feed csv --data DIR"
	@exec $(VENV)/bin/allocast up $(ARGS)

test: $(VENV)/.dev system-packages ## Run all tests
	@$(PYTHON) -m pytest -n auto --maxprocesses 3 --dist loadfile $(ARGS)

chaos: $(VENV)/.dev system-packages ## Kill workers, Kafka and Redis under load; options: make chaos ARGS="--chaos-minutes 30 --chaos-seed 7"
	@$(PYTHON) -m pytest tests/chaos/test_random_faults.py --chaos-minutes 10 $(ARGS)

lint: $(VENV)/.dev ## Check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

audit: $(VENV)/.uv ## Look the packages up in the database of vulnerabilities, write sbom.json (CycloneDX)
	@$(UV) tool run -q --from cyclonedx-bom==7.1.0 cyclonedx-py requirements requirements.lock --pyproject pyproject.toml -o sbom.json
	@$(UV) tool run pip-audit@2.9.0 --strict --disable-pip --require-hashes -r requirements.lock

soak: $(VENV)/.dev system-packages ## An hour of 5,000 ticks/s, every service restarted; options: make soak ARGS="--soak-minutes 5 --soak-save"
	@$(PYTHON) -m pytest tests/soak --soak-minutes 60 $(ARGS)

bench: $(VENV)/.bench ## Run the benchmarks beside their peers; options: make bench ARGS="stream"
	@exec $(PYTHON) -m benchmarks $(ARGS)

lock: $(VENV)/.uv ## Resolve the newest allowed versions into the lock files
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--upgrade pyproject.toml -o requirements.lock
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV) pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock

clean: ## Remove the installation and the state (features, models, logs)
	rm -rf $(VENV) .allocast .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each stamp is newer than what it was made from: a step is done once, and again when its lock file changes.
$(VENV)/.uv:
	@for candidate in python3.11 python3; do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
			exec sh -c "$$candidate -m venv $(VENV) && \
				$(PYTHON) -m pip install -q --disable-pip-version-check uv==$(UV_VERSION) && touch $@"; \
		fi; \
	done; \
	echo "Python 3.11 is needed, and neither python3.11 nor python3 is that version: install it" \
		"(Debian: apt-get install python3.11 python3.11-venv)" >&2; exit 1

# `install` and not `sync`: the development tools stay when only the lock for running is installed again.
$(VENV)/.run: $(VENV)/.uv requirements.lock pyproject.toml
	@echo "installing the packages of requirements.lock, which takes a few minutes the first time"
	@$(UV) pip install -q --python $(PYTHON) --require-hashes -r requirements.lock
	@$(UV) pip install -q --python $(PYTHON) --no-deps -e .
	@$(PYTHON) -m launcher.prepare
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(UV) pip install -q --python $(PYTHON) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.run requirements-bench.lock
	@echo "installing the peers of the benchmarks"
	@$(UV) pip install -q --python $(PYTHON) --require-hashes -r requirements-bench.lock
	@touch $@

# The broker and browser tests use Debian's Redis and Chromium. Tests that miss something say so and are skipped.
system-packages:
	@missing=""; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qy $$missing >/dev/null \
			|| echo "could not install$$missing: the tests that need it are skipped"; \
	else \
		echo "for all tests install$$missing (Debian: sudo apt-get install$$missing)"; \
	fi
