# Every target does its own set-up. Python 3.11+, git, make and Go are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
KITS := .venv-flytekit .venv-flyte
WORKERS ?= 2
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links

.PHONY: setup clients lock demo test check lint types imports pytest bench generate format clean kube-tools

setup: $(VENV)/.ready

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: requirements/dev.lock pyproject.toml | $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --reinstall --editable .
	touch $@

# Flyte's own Python clients, in environments of their own: the tests drive them as a user would.
clients: $(KITS:%=%/.ready)

$(KITS:%=%/.ready): .venv-%/.ready: requirements/%.lock | $(UV)
	$(PYTHON) -m venv $(@D)
	$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	touch $@

# A Kubernetes API server and its clients, built once into a cache unless KUBEBUILDER_ASSETS names them.
kube-tools: setup
	@echo "kube-tools: etcd, kube-apiserver, kubectl, helm (the first build takes about ten minutes)"
	@$(BIN)/python tests/kube_programs.py >/dev/null

demo: setup
	@bash examples/demo.sh

test: setup clients check pytest

check: lint types imports

lint: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-logo

pytest: setup clients kube-tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

bench: setup
	$(BIN)/python -m tests.bench

generate: setup
	$(BIN)/python -m reconciler.specs.generate specs crds charts/flyte-reconciler/files/crds

format: setup
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

lock: | $(UV)
	$(COMPILE) --all-extras --group dev pyproject.toml --output-file requirements/dev.lock
	$(COMPILE) --extra operator --extra web --constraints requirements/dev.lock pyproject.toml --output-file requirements/operator.lock
	$(COMPILE) --constraints requirements/dev.lock requirements/build.in --output-file requirements/build.lock
	$(COMPILE) requirements/flytekit.in --output-file requirements/flytekit.lock
	$(COMPILE) requirements/flyte.in --output-file requirements/flyte.lock

clean:
	rm -rf $(VENV) $(KITS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
