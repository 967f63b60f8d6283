# Tidings.  `make` alone lists what can be made.
#
#   PYTHON=python3.12       the interpreter of the virtual environments (3.11 or later)
#   ACCELERATOR=gpu         ONNX Runtime for an NVIDIA GPU instead of the CPU
#   DURATION=60             seconds after which the demo ends by itself
#   ARGS="-k broker -x"     arguments for pytest, or for the benchmark (ARGS=--quick)
#   PEERS="quixstreams"     which peers the benchmark installs and measures: all, or none with PEERS=
#   SEED=7                  the seed of `make chaos`; a new one, which is printed, where not given

PYTHON ?= python3
ACCELERATOR ?= cpu
DURATION ?=
ARGS ?=
SEED ?=
PEERS ?= quixstreams mlserver infinity

LOCK_cpu := requirements/runtime.txt
LOCK_gpu := requirements/runtime-gpu.txt
LOCK := $(LOCK_$(ACCELERATOR))
ifeq ($(LOCK),)
$(error ACCELERATOR is cpu or gpu, not '$(ACCELERATOR)')
endif

PIP_INSTALL := -m pip --disable-pip-version-check --no-input install --quiet
BIN := .venv-test/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test chaos bench check format lock wheel clean python test-environment

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@sed -n '/^# *[A-Z]*=/s/^# /  /p' Makefile

install: .venv/.installed ## install Tidings into .venv, with the tidings command

demo: install ## run the whole of it on this machine, until Ctrl-C
	@.venv/bin/tidings demo $(if $(DURATION),--duration $(DURATION))

test: install test-environment ## run every test, with a real Kafka, Prometheus and Chromium
	@tests/setup.sh
	$(BIN)/python -m pytest $(ARGS)

chaos: install test-environment ## kill and hinder workers and brokers for half an hour
	@tests/setup.sh
	CHAOS=long $(if $(SEED),CHAOS_SEED=$(SEED)) $(BIN)/python -m pytest tests/chaos -rs $(ARGS)

bench: install test-environment ## measure against the ceiling and the peers; writes benchmarks/RESULTS.md
	@tests/integration/kafka/fetch.sh > /dev/null
	@benchmarks/setup.sh plot $(PEERS)
	PYTHONPATH=tests $(BIN)/python -m benchmarks.run --peers "$(PEERS)" $(ARGS)

check: test-environment ## format, lint, types, order of the layers, manifests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/deploy/test_manifests.py

format: test-environment ## format the code and repair what lint can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## resolve the locks in requirements/ anew (needs uv)
	requirements/compile.sh

wheel: test-environment ## build dist/tidings-*.whl
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove the environments, caches and builds
	rm -rf .venv .venv-test .cache dist build .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew when its lock or the accelerator changes: the two distributions of
# ONNX Runtime overwrite each other and must never meet.

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	    echo "Tidings needs Python 3.11 or later, and $(PYTHON) is not: make ... PYTHON=python3.12" >&2; \
	    exit 1; }

.venv/.locked-$(ACCELERATOR): $(LOCK) | python
	@echo "Installing what $(LOCK) lists into .venv"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python $(PIP_INSTALL) --require-hashes --requirement $(LOCK)
	@touch $@

.venv/.installed: .venv/.locked-$(ACCELERATOR) pyproject.toml
	@.venv/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

test-environment: .venv-test/.installed

.venv-test/.locked: requirements/test.txt | python
	@echo "Installing what requirements/test.txt lists into .venv-test; it has PyTorch, so it takes minutes"
	@$(PYTHON) -m venv --clear .venv-test
	@.venv-test/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/test.txt
	@touch $@

.venv-test/.installed: .venv-test/.locked pyproject.toml
	@.venv-test/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
