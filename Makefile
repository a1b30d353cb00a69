# On a fresh machine with Python >= 3.11, Node 20.19+ or 22.12+, and make, start with `make run` or `make test`.
# Finished steps leave a stamp file and run again only when their sources change.

.DEFAULT_GOAL := help
.PHONY: help run cluster test check bench bench-more faults audit build manual docs lock stripe-table format clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first interpreter that is new enough. Choose another with `make PYTHON=/path/to/python3.12 run`.
PYTHON = $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$candidate" && break; done)
# Vite needs ^20.19.0 || >=22.12.0.
NODE_OK = $(shell node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1 \
	&& npm --version >/dev/null 2>&1 && echo yes)

BIN := .venv/bin
# The release with the API version of the Python SDK. Its types state which fields may be absent.
STRIPE_NODE := 23.1.0
PYTHON_READY := .venv/.installed
NODE_READY := frontend/node_modules/.installed
STOREFRONT := checkout_daemon/web/storefront/index.html
STOREFRONT_SOURCES := $(shell find frontend/src frontend/public frontend/tools) $(wildcard checkout_daemon/model/*.json) \
	frontend/index.html frontend/vite.config.ts frontend/tsconfig.json

help:
	@echo 'make run      set up everything and start the demo shop; Ctrl-C stops it'
	@echo '              (make run ARGS="--port 9000" passes options to `checkout dev`)'
	@echo 'make cluster  start three PostgreSQL nodes under Patroni with the demo shop on this machine; Ctrl-C stops all'
	@echo 'make test     set up everything and run all tests: Python, storefront, browser'
	@echo 'make check    check format, lint, types and import contracts'
	@echo 'make bench    measure against peers and print the performance gates (make bench ARGS=--quick: three minutes)'
	@echo 'make bench-more  measure the storefront, the terminal, the commands and migrations'
	@echo 'make faults   run long fault tests: random histories with crashes, wrong clocks, third-party clients and more'
	@echo '              (make faults PARTS=history SECONDS=1800 SEED=7; names the packages that it needs)'
	@echo 'make audit    check the locked Python and npm packages for known advisories; report if no database is reachable'
	@echo '              (make audit STRICT=1 fails in that case)'
	@echo 'make build    build the wheel, with the storefront and the man pages inside, into dist/'
	@echo 'make manual   generate docs/CLI.md, docs/SETTINGS.md and deploy/.env.example from the commands and settings'
	@echo 'make docs     build the documentation as a site in build/site, with every link checked'
	@echo 'make stripe-table  generate the offline Stripe'"'"'s tables from the installed SDK'
	@echo 'make lock     renew constraints.txt (development, CI) and requirements.lock (deployments, with hashes)'
	@echo 'make format   rewrite Python and TypeScript in the house format'
	@echo 'make clean    remove everything that the other targets created, except .checkout/'

# With exec, Ctrl-C and SIGTERM reach the program itself, which stops everything and exits 0.
run: $(PYTHON_READY) $(STOREFRONT)
	@exec $(BIN)/checkout dev $(ARGS)

cluster: $(PYTHON_READY) $(STOREFRONT) .faults/patroni/.installed
	@exec $(BIN)/python -m tests.faults.patroni

# What fails in the full run runs once more alone, which tells a fault from a busy machine. Both results are printed.
test: $(PYTHON_READY) $(STOREFRONT)
	$(BIN)/python -m pytest -n 3 --dist loadfile || { [ $$? = 1 ] && $(BIN)/python -m pytest -n 1 --last-failed --maxfail 3 --verbose; }
	npm --prefix frontend run --silent test
	npm --prefix frontend run --silent e2e

check: $(PYTHON_READY) $(NODE_READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/python -m tools.words
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix frontend run --silent check

bench: $(PYTHON_READY) $(STOREFRONT) .bench/venv/.installed
	$(BIN)/python -m bench $(ARGS)

# A separate environment for the peers that the daemon is compared with. The Stripe SDK is the release that the daemon has.
.bench/venv/.installed: bench/peers/requirements.txt constraints.txt
	"$(PYTHON)" -m venv .bench/venv
	.bench/venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --requirement $<
	@touch $@

# What is not a gate of the daemon's speed: long, or about the storefront, the commands and the terminal.
BENCHES := lighthouse lists migrations startup storefront terminal terminals trigger
bench-more: $(PYTHON_READY) $(STOREFRONT)
	@set -e; for name in $(BENCHES); do echo "bench/$$name.py"; $(BIN)/python -m bench.$$name; done; \
	echo "bench/terminals.py --standby"; $(BIN)/python -m bench.terminals --standby

SECONDS ?= 600
SEED ?= 1
# Names of parts, all if empty: `.venv/bin/python -m tests.faults --help` lists them.
PARTS ?=
# The release that `upgrade` begins with; the one before this schema if empty.
PREVIOUS ?=
FAULTS_READY := $(foreach name,venv node fuzz patroni deploying,.faults/$(name)/.installed)
faults: $(PYTHON_READY) $(STOREFRONT) $(FAULTS_READY)
	$(BIN)/python -m tests.faults $(PARTS) --seconds $(SECONDS) --seed $(SEED) --folder .faults \
		$(if $(PREVIOUS),--previous $(PREVIOUS))

.faults/venv/.installed: tests/faults/programs/requirements.txt
	"$(PYTHON)" -m venv .faults/venv
	.faults/venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

# The project with atheris, of which not every Python and system has a wheel: then that part is reported as not run.
.faults/fuzz/.installed: tests/faults/fuzz/requirements.txt setup.cfg constraints.txt
	"$(PYTHON)" -m venv .faults/fuzz
	.faults/fuzz/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --editable .
	-.faults/fuzz/bin/python -m pip --disable-pip-version-check install --quiet --only-binary :all: --requirement $<
	@touch $@

.faults/patroni/.installed: tests/faults/patroni/requirements.txt
	"$(PYTHON)" -m venv .faults/patroni
	.faults/patroni/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

.faults/deploying/.installed: tests/faults/deploying/requirements.txt
	"$(PYTHON)" -m venv .faults/deploying
	.faults/deploying/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

.faults/node/.installed: tests/faults/programs/package.json
	@mkdir -p .faults/node && cp $< .faults/node/package.json
	npm --prefix .faults/node install --loglevel=error --no-audit --no-fund --no-package-lock
	@touch $@

audit: .audit/.installed
	.audit/bin/python -m tools.audit .audit/bin/pip-audit $(if $(STRICT),--strict)

# A separate environment, so that pip-audit does not check its own packages.
.audit/.installed: Makefile
	"$(PYTHON)" -m venv .audit
	.audit/bin/python -m pip --disable-pip-version-check install --quiet 'pip-audit>=2.9,<3'
	@touch $@

build: $(PYTHON_READY) $(STOREFRONT)
	rm -rf build dist
	$(BIN)/python -m tools.man_pages build/man
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

manual: $(PYTHON_READY)
	$(BIN)/python -m tools.manual > docs/CLI.md
	$(BIN)/python -m tools.settings_manual > docs/SETTINGS.md
	$(BIN)/python -m tools.env_example > deploy/.env.example

docs: $(PYTHON_READY) .docs/.installed
	$(BIN)/python -m tools.docs_site .docs/bin/python build/site

# A separate environment: nothing else needs Sphinx.
.docs/.installed: docs/site/requirements.txt
	"$(PYTHON)" -m venv .docs
	.docs/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

# Review the diff: a new version of the SDK may have parameters that the offline Stripe should accept.
stripe-table: $(PYTHON_READY)
	$(BIN)/python -m tests.sandbox.stripe_table
	@set -e; into=$$(mktemp -d); trap 'rm -r "$$into"' EXIT; \
		npm pack --silent --pack-destination "$$into" stripe@$(STRIPE_NODE) >/dev/null; \
		tar -xzf "$$into"/*.tgz -C "$$into"; \
		$(BIN)/python -m tests.sandbox.sdk_presence "$$into/package"

# A separate environment, so that uv does not lock its own packages. Deployments get the versions that were tested.
UV_COMPILE := build/lock/bin/uv pip compile --quiet --universal --no-emit-index-url --python-version 3.11 \
	--custom-compile-command 'make lock' setup.cfg
lock:
	"$(PYTHON)" -m venv build/lock && build/lock/bin/python -m pip --disable-pip-version-check install --quiet 'uv<1'
	$(UV_COMPILE) --extra dev --upgrade --output-file constraints.txt
	$(UV_COMPILE) --constraint constraints.txt --generate-hashes --upgrade --output-file requirements.lock
	$(UV_COMPILE) --extra otel --extra alerts --extra mcp --extra pdf --constraint constraints.txt --generate-hashes --upgrade --output-file requirements-extras.lock
	rm -rf build/lock

format: $(PYTHON_READY) $(NODE_READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	npm --prefix frontend run --silent format

clean:
	rm -rf .venv .docs .faults .audit .bench frontend/node_modules checkout_daemon/web/storefront build dist *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(PYTHON_READY): setup.cfg pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error Python 3.11 or newer is needed and was not found: install it, or name it with make PYTHON=/path/to/python3))
	@echo 'Setting up Python packages in .venv (a minute, once) ...'
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { rm -rf .venv; "$(PYTHON)" -m venv .venv; } \
		|| { rm -rf .venv; [ -w . ] && echo 'Python has no venv module: on Debian and Ubuntu, install python3-venv.' >&2 \
		|| echo 'This folder cannot be written: run make in one of your own.' >&2; exit 1; }
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(NODE_READY): frontend/package.json frontend/package-lock.json
	$(if $(NODE_OK),,$(error Node 20.19+ or 22.12+ with npm is needed and was not found: install it from https://nodejs.org))
	@echo 'Setting up the storefront packages in frontend/node_modules (half a minute, once) ...'
	@npm --prefix frontend ci --loglevel=error --no-audit --no-fund
	@touch $@

$(STOREFRONT): $(NODE_READY) $(STOREFRONT_SOURCES)
	@echo 'Building the storefront ...'
	@npm --prefix frontend run --silent build -- --logLevel warn
	@touch $@
