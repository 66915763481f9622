# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SEEDS  ?= 20000
JOBS   ?= 100000

ROOMS  := tests/gateway/core tests/gateway/ledger tests/gateway/protocol
KINDS  := tests/tasks tests/gateway/kindkit
STREET := tests/system tests/gateway/simulate tests/benchmarks
APART  := $(ROOMS) $(KINDS) $(STREET) tests/simulation
QUICK  := $(ROOMS) tests/gateway/adapters tests/gateway/api tests/gateway/commands tests/gateway/devicebuild \
          tests/system/test_operator_flow.py tests/test_packaging.py

.PHONY: help demo test check soak bench quality coverage env locked lock lowest dist clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lamplighter needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Could not create a virtual environment. On Debian: sudo apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

locked:  ## create that environment with exactly the versions of requirements/locked.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/locked.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(VENV)/.run $(VENV)/.test

env: $(VENV)/.test  ## create the environment with everything the tests need

demo: $(VENV)/.run  ## run the main job: broker, gateway, a street of devices, three city tasks
	$(BIN)/lamplighter demo

check: $(VENV)/.test  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.test  ## all tests; core, ledger and protocol must reach every branch with their own
	@sh tests/system-packages.sh
	$(BIN)/coverage run -m pytest $(ROOMS)
	$(BIN)/coverage report
	@# Side by side: two parts compute, two wait for brokers, devices and clocks most of the time.
	$(BIN)/python -m pytest -m "not soak" tests/simulation >.simulation.log 2>&1 & simulation=$$!; \
	  $(BIN)/python -m pytest -m "not soak" $(KINDS) >.kinds.log 2>&1 & kinds=$$!; \
	  $(BIN)/python -m pytest -m "not soak" $(STREET) >.street.log 2>&1 & street=$$!; \
	  $(BIN)/python -m pytest -m "not soak" $(addprefix --ignore=,$(APART)); rest=$$?; \
	  wait $$simulation; simulation=$$?; wait $$kinds; kinds=$$?; wait $$street; street=$$?; \
	  cat .simulation.log .kinds.log .street.log; exit $$((rest + simulation + kinds + street))

lowest:  ## a quick part of the tests, with the lowest versions that pyproject.toml allows
	@sh tests/system-packages.sh
	test -x $(VENV)/lowest/bin/python || $(PYTHON) -m venv $(VENV)/lowest
	$(VENV)/lowest/bin/python -m pip install --quiet --disable-pip-version-check -c requirements/lowest.txt setuptools
	$(VENV)/lowest/bin/python -m pip install --quiet --disable-pip-version-check -c requirements/lowest.txt \
	  --no-build-isolation -e '.[test]'
	$(VENV)/lowest/bin/python -m pytest -m "not soak" $(QUICK)

dist: $(VENV)/.test  ## build source archive and wheel
	rm -rf build dist
	$(BIN)/python -c 'from setuptools import build_meta as b; b.build_sdist("dist"); b.build_wheel("dist")'

lock: $(VENV)/.test  ## renew requirements/locked.txt: the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --upgrade \
	  --no-header --no-emit-index-url --no-emit-find-links -o requirements/locked.txt pyproject.toml

soak: $(VENV)/.test  ## the long tests; SEEDS=n simulator seeds, JOBS=n jobs of devices with small heaps
	@sh tests/system-packages.sh
	LAMPLIGHTER_SEEDS=$(SEEDS) LAMPLIGHTER_JOBS=$(JOBS) $(BIN)/python -m pytest -m soak

coverage: $(VENV)/.test  ## what all tests reach of everything that is ours; TESTS=folder for fewer
	$(BIN)/coverage run --source=lamplighter -m pytest -m "not soak" $(TESTS)
	$(BIN)/coverage report --fail-under=0

bench: $(VENV)/.test  ## print the figures
	$(BIN)/python -m benchmarks

quality: $(VENV)/.test  ## every kind beside the field's own tools; KIND=name for one, FULL=1 for the long form
	$(BIN)/python -m benchmarks.quality $(if $(FULL),--full) $(KIND)

clean:  ## remove what the other targets made
	rm -rf $(VENV) demo-output build dist .coverage .simulation.log .kinds.log .street.log .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
