# Everything that this project does, by name; `make` alone lists it. CONTRIBUTING.md says more.
# Needs Python 3.11 or newer with venv, and make. With cargo and a C compiler the native engine is built, too.

PYTHON ?= python3
VENV ?= .venv
STAMPS ?= .stamps

# For `make run`: the site to show to visitors, the port, the address in the link, the configuration file.
HOST ?=
PORT ?=
SERVER ?=
CONFIG ?= mtg.toml

# For pytest, `make bench`, `make flood`, `make probes`, `make censor` and `make soak`: more arguments.
ARGS ?=

NPM_PACKAGES := statsd@0.9.0 @mtcute/core@0.30.3 @fuman/node@0.0.20

BIN := $(VENV)/bin
ENGINE_SOURCES := $(wildcard rust/Cargo.toml rust/Cargo.lock rust/src/*.rs rust/src/*/*.rs)

# Debian keeps nginx, haproxy and ip where only root looks for programs.
export PATH := $(CURDIR)/$(BIN):$(PATH):/usr/sbin:/sbin
export STAMPS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help run test check cargo-test pytest bench bench-others flood probes censor soak fuzz format packages clean FORCE
.DEFAULT_GOAL := help

help:
	@echo 'make run     serve a proxy and show its link  [HOST=site PORT=8443 SERVER=address CONFIG=mtg.toml]'
	@echo 'make test    all checks and all tests         [ARGS="-k replay" for pytest]'
	@echo 'make check   format, lint and types: the quick ones'
	@echo 'make format  put the sources into shape'
	@echo 'make bench   what the proxy costs, beside haproxy  [ARGS="--quick"]'
	@echo 'make bench-others  the same for other proxies that can be installed here  [PYTHON37=/path/to/python3.7]'
	@echo 'make flood   floods of connections; honest clients must get in  [ARGS="--all"]'
	@echo 'make probes  compare the proxy with real sites, as a prober would  [ARGS="--fronts nginx --tries 10"]'
	@echo 'make censor  compare clients with visitors of real sites, as a censor would  [ARGS="--fronts go --tries 50"]'
	@echo 'make soak    minutes of rough use; memory and files must not grow  [ARGS="--minutes 60"]'
	@echo 'make fuzz    the property tests with many more examples, ten million hellos  [EXAMPLES=20000]'
	@echo 'make clean   remove all that was built, and $(VENV)'

run: $(STAMPS)/run
	@$(BIN)/python -m mtg quickstart --host '$(HOST)' --port '$(PORT)' --server '$(SERVER)' '$(CONFIG)'

test: packages check cargo-test pytest

check: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/python -m tools.rust check

cargo-test: $(STAMPS)/dev
	@$(BIN)/python -m tools.rust test

pytest: $(STAMPS)/dev packages
	$(BIN)/python -m pytest $(ARGS)

bench: $(STAMPS)/dev packages
	$(BIN)/python -m benchmarks $(ARGS)

# Those of the rows that the README compares. What comes later in ARGS replaces what is here.
bench-others: $(STAMPS)/dev packages
	@$(BIN)/python -m tools.others
	$(BIN)/python -m benchmarks --others --runs 3 --rows download-fast,download-reencrypted,upload,round-trip,connection,idle-memory,start-memory $(ARGS)

flood: $(STAMPS)/dev
	$(BIN)/python -m tools.flood $(ARGS)

probes: $(STAMPS)/dev packages
	$(BIN)/python -m tools.probes $(ARGS)

censor: $(STAMPS)/dev packages
	$(BIN)/python -m tools.censor $(ARGS)

soak: $(STAMPS)/dev
	$(BIN)/python -m tools.soak $(ARGS)

fuzz: $(STAMPS)/dev
	MTG_FUZZ_EXAMPLES='$(or $(EXAMPLES),20000)' $(BIN)/python -m pytest -m hypothesis \
		--hypothesis-profile=fuzz --timeout=3600 $(ARGS)
	@MTG_FUZZ_EXAMPLES='$(or $(EXAMPLES),20000)' $(BIN)/python -m tools.rust fuzz

format: $(STAMPS)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@$(BIN)/python -m tools.rust format

packages: $(STAMPS)/dev $(STAMPS)/npm/package-lock.json
	@sh tools/packages.sh nginx:nginx-light openssl:openssl curl:curl ip:iproute2 haproxy:haproxy \
		redis-server:redis-server microsocks:microsocks danted:dante-server unbound:unbound go:golang-go \
		/usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream

# The original statsd, and a client, for tests; where there is no npm, what needs them is skipped, and says so.
$(STAMPS)/npm/package-lock.json: Makefile
	@mkdir -p $(STAMPS)/npm
	@if command -v npm >/dev/null; then echo 'fetching statsd and mtcute'; \
		npm install --prefix $(STAMPS)/npm --omit=optional --no-audit --no-fund --loglevel=error $(NPM_PACKAGES) >$(STAMPS)/npm.log 2>&1 \
		&& touch $@ \
		|| { tail -n 20 $(STAMPS)/npm.log; echo 'could not install them; what needs them is skipped'; }; fi

clean:
	rm -rf $(VENV) $(STAMPS) build library/build dist rust/target .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf src/*.egg-info src/mtglib/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, done once: the stamps are as new as what they were made from. A change of Python code needs nothing
# (the installation is editable), one of Rust code or of pyproject.toml does.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed: apt-get install python3, or make PYTHON=/path/to/it' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo 'making $(VENV)'
	@$(PYTHON) -m venv $(VENV)

# Rewritten only when it has changed: installing Rust later builds the engine at the next `make`.
$(STAMPS)/toolchain: $(VENV)/pyvenv.cfg FORCE
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m tools.toolchain $@

$(STAMPS)/run: $(VENV)/pyvenv.cfg $(STAMPS)/toolchain pyproject.toml $(wildcard setup.py) $(ENGINE_SOURCES)
	@$(BIN)/python -m tools.install run --log $(STAMPS)/install.log
	@touch $@

$(STAMPS)/dev: $(VENV)/pyvenv.cfg pyproject.toml | $(STAMPS)/run
	@$(BIN)/python -m tools.install dev --log $(STAMPS)/install-dev.log
	@touch $@
