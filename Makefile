# Everything below makes what it needs: uv, .venv and the packages of the lock. Python 3.11 must be there.

SHELL := /bin/bash
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV := $(shell command -v uv || echo .uv/bin/uv)
ifneq ($(UV),.uv/bin/uv)
# The absolute path of an installed tool needs no rule; `pyenv` may shadow uv with a shim that fails.
ifneq ($(shell $(UV) --version >/dev/null 2>&1 && echo works),works)
UV := .uv/bin/uv
endif
endif

RUN := .venv/bin/python
RUNTIME := .venv/.runtime
DEV := .venv/.dev
BENCH := .venv-bench/.ready
# the wheel's dependencies and its extras; onnx has a lock of its own, as few need it and it is large
EXTRAS := bigquery.in celery.in demo.in embedded.in kubernetes.in postgres.in
LOCKED := requirements.in $(EXTRAS)
COMPILE = $(UV) pip compile --quiet --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(COMPILE_ARGS)

export UV_HTTP_TIMEOUT ?= 300
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Every training and every task is a process of its own. Where Python may not write bytecode beside its
# sources (PYTHONDONTWRITEBYTECODE), each would compile TensorFlow again: 9 s to import it instead of 4.
export UV_COMPILE_BYTECODE := 1
# The same is true of what is here: each task of Airflow and each training is a process, and imports most of it.
COMPILED = $(RUN) -m compileall -q ckpt_ops plugins dags demo team tests/dags

.PHONY: help demo test soak up down env up-team down-team backup restore test-compose test-registries lint types docs pages pictures bench lock venv clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## A model kept fresh over real weeks of flights, on this machine
	@$(COMPILED)
	$(RUN) -m demo $(ARGS)

test: $(DEV) ## All tests; ARGS="tests/unit -k lineage" for some
	@$(COMPILED)
	PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -q --durations=10 -n 3 --dist loadgroup --no-loadscope-reorder $(ARGS)

soak: $(DEV) ## The tests that take minutes or gigabytes, and the long form of others
	@$(COMPILED)
	PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -q --durations=10 -m soak $(ARGS)

up: $(RUNTIME) ## Start the embedded platform: Airflow, PostgreSQL, a GCS server
	@$(COMPILED)
	$(RUN) -m ckpt_ops.embedded up

down: $(RUNTIME) ## Stop the embedded platform; its state stays in .ckpt_ops
	$(RUN) -m ckpt_ops.embedded down

env: ## For a team: .env with fresh secrets; what is in it already stays
	@$(PYTHON) -m team env

up-team: ## For a team: Airflow on Celery workers in containers (docs/how-to/deploy.md)
	@$(PYTHON) -m team up

down-team: ## Stop it; its volumes stay
	@$(PYTHON) -m team down

backup: ## Airflow's metadata and the local GCS server's objects, into backups/
	@$(PYTHON) -m team backup

restore: ## Replace the stack's state with BACKUP=NAME
	@$(PYTHON) -m team restore $(BACKUP)

test-compose: $(DEV) ## The team's stack for real, with kills; needs Docker or COMPOSE=..., and root
	$(RUN) -m pytest -q -s --durations=10 tests/compose -m compose $(ARGS)

test-registries: $(DEV) .venv-mlflow/.ready ## Model registries by a real MLflow server, in an environment of its own
	$(RUN) -m pytest -q --durations=5 tests/registries -m registries $(ARGS)

lint: $(DEV) ## ruff (rules and format), the import rules, docker-compose.yaml, the site of docs/ with its links
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports --no-logo
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml docker-compose.override.yaml
	$(RUN) -m docs.site

docs: $(DEV) ## The site of docs/, below .site/html; needs no network
	$(RUN) -m docs.site

# npm asks for what the lock names by its hash, and runs no code of a package.
pages: pages/node_modules/.package-lock.json ## The front end into plugins/ckpt_ops_airflow/static: types, tests, bundle; needs Node 20 and npm
	cd pages && npm run --silent formatted && npm run --silent types
	cd pages && npm test --silent
	cd pages && npm run --silent build

pictures: $(DEV) ## The pages' pictures in docs/images, by the end-to-end test of an operator's week; needs Chromium
	PICTURES=docs/images $(RUN) -m pytest -q -m soak tests/integration/test_operators_week.py

types: $(DEV) ## mypy, strict
	.venv/bin/mypy

bench: $(BENCH) ## Measure this beside its peers: WHAT=checkpoints (default), validation, intake, lineage, freshness, gates, vocabularies, pages, throughput, latency, scoring, gpu, growth, fleet, start or all; ARGS="--rounds 1"
	@.venv-bench/bin/python -m compileall -q ckpt_ops plugins dags demo benchmarks
	.venv-bench/bin/python -m benchmarks.$(or $(WHAT),checkpoints) $(ARGS)

lock: $(UV) ## Update the locks from the files *.in; COMPILE_ARGS=--upgrade for newer versions
	$(COMPILE) $(LOCKED) --output-file requirements.txt
	$(COMPILE) onnx.in --constraint requirements.txt --output-file requirements-onnx.txt
	$(COMPILE) team.in --constraint requirements.txt --output-file requirements-team.txt
	$(COMPILE) dev.in --constraint requirements.txt --output-file requirements-dev.txt
	$(COMPILE) benchmarks/requirements.in --constraint requirements.txt --output-file benchmarks/requirements.txt
	$(COMPILE) tests/registries/requirements.in --output-file tests/registries/requirements.txt

venv: $(DEV) ## .venv with all of the above, ready for an editor

clean: ## Remove .venv, .venv-bench, .uv and caches; the platform's state in .ckpt_ops stays
	rm -rf .venv .venv-bench .venv-mlflow .bench .uv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .site .cache pages/node_modules
	find . -name __pycache__ -type d -not -path './.ckpt_ops/*' -prune -exec rm -rf {} +

# --- what the targets need ----------------------------------------------------------------------

# Debian splits ensurepip from Python: without python3-venv, pip alone will do.
.uv/bin/uv:
	@[ -n "$(PYTHON)" ] || { echo "No python3.11 and no python3 on the PATH: install Python 3.11." >&2; exit 1; }
	rm -rf .uv
	{ $(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet "uv==$(UV_VERSION)"; } || { \
		rm -rf .uv && $(PYTHON) -m pip install --quiet --target .uv "uv==$(UV_VERSION)"; } || { \
		rm -rf .uv; echo "uv could not be installed: install uv, python3-venv or python3-pip." >&2; exit 1; }

.venv/bin/python: | $(UV)
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv

$(RUNTIME): requirements.txt $(LOCKED) pyproject.toml | .venv/bin/python
	$(UV) pip install --python $(RUN) --require-hashes -r requirements.txt
	$(UV) pip install --python $(RUN) --no-deps --no-build-isolation -e .
	touch $@

$(DEV): requirements.txt requirements-onnx.txt requirements-dev.txt $(LOCKED) onnx.in pyproject.toml | .venv/bin/python
	$(UV) pip sync --python $(RUN) --require-hashes requirements.txt requirements-onnx.txt requirements-dev.txt
	$(UV) pip install --python $(RUN) --no-deps --no-build-isolation -e .
	touch $(RUNTIME) $@

pages/node_modules/.package-lock.json: pages/package.json pages/package-lock.json pages/.npmrc
	@command -v npm > /dev/null || { echo "No npm on the PATH: install Node 20 or newer. Only an edit of pages/ needs it." >&2; exit 1; }
	cd pages && npm ci --silent
	touch $@

# The peers have their own environment: jax must never get into the product's.
.venv-bench/bin/python: | $(UV)
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv-bench

$(BENCH): requirements.txt benchmarks/requirements.txt pyproject.toml | .venv-bench/bin/python
	$(UV) pip sync --python .venv-bench/bin/python --require-hashes requirements.txt benchmarks/requirements.txt
	$(UV) pip install --python .venv-bench/bin/python --no-deps --no-build-isolation -e .
	touch $@

.venv-mlflow/.ready: tests/registries/requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv-mlflow
	$(UV) pip sync --python .venv-mlflow/bin/python --require-hashes tests/registries/requirements.txt
	touch $@
