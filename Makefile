# Every target works on a fresh machine with git, make and python3: .venv is made when it is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SEED ?=
# One more than there are cores: functional tests wait most of their time. They come first, so that none is left last.
TEST_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= incident-commander:$(VERSION)
IMAGE_ARGS = VERSION=$(VERSION) REVISION=$(shell git rev-parse HEAD 2>/dev/null)

.DEFAULT_GOAL := help

help: ## show this text
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@echo "==> setting up $(VENV) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable . --quiet
	@touch $@

venv: $(STAMP) ## set up .venv from the locks

demo: $(STAMP) ## two incidents from alert to verified fix, without a cluster (SEED=7 repeats exactly)
	@$(BIN)/incident-commander demo $(if $(SEED),--seed $(SEED))

test: $(STAMP) ## unit, simulation, chart and functional tests (finds or builds an API server and Helm)
	@$(BIN)/python -m tests.controlplane assets || true
	@$(BIN)/python -m tests.rules.promtool || true
	@[ -n "$${HELM-}" ] || e2e/cluster/binaries helm > /dev/null || true
	@$(BIN)/python -m pytest --numprocesses=$(TEST_WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict, import contracts
	@echo "==> ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> mypy" && $(BIN)/mypy
	@echo "==> import contracts" && $(BIN)/lint-imports

format: $(STAMP) ## ruff --fix and ruff format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

generate: $(STAMP) dashboards ## make again what is made from code: docs/reference, docs/metrics.md, dashboards, the diagnosis' tables
	@$(BIN)/python -m docs.generators
	@$(BIN)/python -m incident_commander.adapters.instruments.reference
	@$(BIN)/python -m incident_agents.diagnosis.contents
	@$(BIN)/python -m incident_agents.diagnosis.facts

dashboards: $(STAMP) ## the chart's Grafana dashboards, made from charts/dashboards
	@$(BIN)/python -m charts.dashboards

bench: $(STAMP) ## measure speed, writes, memory, storms, logs, series, correlation; prints a table and writes JSON
	@$(BIN)/python -m bench

bench-diagnosis: $(STAMP) ## diagnose every bundle under BUNDLES=DIR; predictions go to OUT=FILE (WITHOUT=extra,events: as if they had not been saved)
	@$(BIN)/python -m bench.diagnosis $(BUNDLES) -o $(or $(OUT),out/predictions.jsonl) $(if $(WITHOUT),--without $(WITHOUT))

bench-reliability: $(STAMP) ## how often hypotheses of each confidence are right, by PREDICTIONS=FILE of bench-diagnosis and TRUTH=FILE
	@$(BIN)/python -m bench.reliability $(PREDICTIONS) $(TRUTH)

image: ## the container image, by Docker, else by buildah (IMAGE=name:tag)
	@if docker info >/dev/null 2>&1; then docker build --tag "$(IMAGE)" $(addprefix --build-arg=,$(IMAGE_ARGS)) .; \
	else e2e/cluster/load-image "$(IMAGE)" --build . --only-build $(addprefix --build-arg=,$(IMAGE_ARGS)); fi

manifests: $(STAMP) ## deploy/ and the chart's table of values, made of the chart (needs helm)
	@$(BIN)/python -m charts.manifests && $(BIN)/python -m charts.values_table

e2e: $(STAMP) ## the core scenarios on a real cluster (any KUBECONFIG, else the project's local cluster)
	@$(BIN)/python -m e2e

e2e-all: $(STAMP) ## all scenarios on a real cluster
	@$(BIN)/python -m e2e --all

e2e-chart: $(STAMP) ## the core scenarios on the operator as users install it: image and chart
	@$(BIN)/python -m e2e --chart

e2e-lifecycle: $(STAMP) ## install, upgrade, rotate a key, uninstall, come back, and do what docs/ say, on the local cluster
	@$(BIN)/python -m e2e.lifecycle

cluster-up: ## a real single-node Kubernetes on this machine, without Docker (needs root)
	@e2e/cluster/up

cluster-down: ## take that cluster down again; leaves nothing
	@e2e/cluster/down

lock: $(STAMP) ## renew requirements/*.txt from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/base.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group pyproject.toml:image -o requirements/image.txt
	@echo uv | $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header - -o requirements/bootstrap.txt

.PHONY: help venv demo test lint format bench bench-diagnosis e2e e2e-all cluster-up cluster-down lock
.PHONY: generate dashboards
.PHONY: image manifests e2e-chart e2e-lifecycle
