# Everything a developer or CI does; `make help` lists it. All that these need they install themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
REQUIREMENTS := hack/requirements
NJS := gateway/nginx
SUITES := faults accounting clients integration fuzz unit njs crds chart repo

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- what the rest needs ------------------------------------------------------------------------------------------

.venv/local: $(REQUIREMENTS)/local.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ostiary: needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)/local.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/local $(REQUIREMENTS)/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)/dev.txt
	@touch $@

CLIENTS := .venv-clients/installed
$(CLIENTS): $(REQUIREMENTS)/clients.txt | .venv/local
	@test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	@.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.tools/nginx/usr/sbin/nginx: hack/dev/get-nginx | .venv/local
	@hack/dev/get-nginx .tools/nginx

.tools/valkey/usr/bin/valkey-server: hack/dev/get-valkey | .venv/local
	@hack/dev/get-valkey .tools/valkey

POSTGRES := .tools/postgres/usr/lib/postgresql/18/bin/postgres
$(POSTGRES): hack/dev/get-postgres | .venv/local
	@hack/dev/get-postgres .tools/postgres

$(NJS)/node_modules: $(NJS)/package-lock.json
	@cd $(NJS) && npm ci --silent --no-fund --no-audit
	@touch $@

SDKS := tests/sdk/node_modules
$(SDKS): tests/sdk/package-lock.json
	@cd tests/sdk && npm ci --silent --no-fund --no-audit
	@touch $@

.PHONY: tools
tools: .venv/dev .tools/nginx/usr/sbin/nginx .tools/valkey/usr/bin/valkey-server $(POSTGRES) $(SDKS) $(CLIENTS)

# --- use ----------------------------------------------------------------------------------------------------------

.PHONY: run
run: .venv/local ## the gateway on this machine, with a fake provider to talk to
	@if [[ -r /etc/debian_version ]]; then $(MAKE) --no-print-directory .tools/nginx/usr/sbin/nginx; fi
	@exec $(BIN)/ostiary run --fake

# --- tests --------------------------------------------------------------------------------------------------------

# Four tests at a time on two cores can make a bound of time too short: what fails so is run once more, alone, and must pass.
pytest = $(BIN)/pytest $(1) $(2) || { echo; echo 'make: what failed beside other tests is run again, alone'; $(BIN)/pytest --last-failed $(2); }

.PHONY: test
test: tools $(NJS)/node_modules ## everything that needs no cluster
	@$(MAKE) --no-print-directory test-njs
	@$(call pytest,-n 2 --dist loadfile,tests/clients) # starts a process for each client, so beside nothing else
	@$(call pytest,-n 4 --dist loadfile --no-loadscope-reorder,$(patsubst %,tests/%,$(filter-out njs clients,$(SUITES))))

.PHONY: test-njs
test-njs: ## the data plane's JavaScript, under Node
	@node --test tests/njs/

.PHONY: $(patsubst %,test-%,$(filter-out njs,$(SUITES)))
$(patsubst %,test-%,$(filter-out njs,$(SUITES))): test-%: tools
	@$(BIN)/pytest tests/$*

.PHONY: test-real
test-real: tools ## against the real providers; needs OPENAI_API_KEY, ANTHROPIC_API_KEY
	@$(BIN)/pytest tests/integration -m real

.PHONY: test-e2e e2e
e2e: test-e2e ## on a kind cluster; KEEP=1 leaves it there
test-e2e: .venv/dev
	@$(BIN)/pytest tests/e2e --timeout 900

.PHONY: bench
bench: tools ## Ostiary against plain nginx in the same run
	@$(BIN)/python -m hack.bench

# --- checks -------------------------------------------------------------------------------------------------------

.PHONY: lint
lint: .venv/dev ## ruff, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

.PHONY: types
types: .venv/dev $(NJS)/node_modules ## mypy and tsc
	@$(BIN)/mypy
	@cd $(NJS) && npx --no-install tsc --project tsconfig.json

.PHONY: verify
verify: .venv/dev ## generated files are up to date
	@for check in hack/verify/*; do [[ $$check == */requirements ]] || "$$check"; done

.PHONY: update
update: .venv/dev ## write the generated files
	@for write in hack/update/*; do [[ $$write == */requirements ]] || "$$write"; done

.PHONY: ci
ci: ## what .ci/run runs
	@$(MAKE) --no-print-directory lint types verify
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory e2e
