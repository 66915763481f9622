# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SEEDS  ?= 20000

.PHONY: help demo test check soak bench quality env clean

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

env: $(VENV)/.test  ## create the environment with everything the tests need

demo: $(VENV)/.run  ## run the main job: broker, gateway, a street of devices, three city tasks
	$(BIN)/lamplighter demo

check: $(VENV)/.test  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(VENV)/.test  ## all tests
	@sh tests/system-packages.sh
	$(BIN)/python -m pytest -m "not soak"

soak: $(VENV)/.test  ## the long tests; SEEDS=n simulator seeds
	@sh tests/system-packages.sh
	LAMPLIGHTER_SEEDS=$(SEEDS) $(BIN)/python -m pytest -m soak

bench: $(VENV)/.test  ## print the figures
	$(BIN)/python -m benchmarks

quality: $(VENV)/.test  ## every kind beside the field's own tools; KIND=name for one, FULL=1 for the long form
	$(BIN)/python -m benchmarks.quality $(if $(FULL),--full) $(KIND)

clean:  ## remove what the other targets made
	rm -rf $(VENV) demo-output build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
