# chinwag. `make` alone lists what there is.
#
# Every target sets up what it needs by itself (setup.sh) and only when pyproject.toml changed; afterwards it works
# without a network. Needs make (GNU, 3.81 or newer), sh, and Python 3.11 or newer or uv.

# The Python to build on; empty: the newest one there is.
PYTHON ?=
# Where it is installed.
VENV ?= .venv
# Passed to the program: make run ARGS="--demo"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check faults screenshots bench always

PROGRAM := $(VENV)/.installed-program
WORKSHOP := $(VENV)/.installed-workshop

# setup.sh is asked again when the Python of the environment is gone, the checkout was moved, or another PYTHON is wanted.
MADE_WITH := $(shell [ -x "$(VENV)/bin/python" ] && cat "$(VENV)/.made-with" 2>/dev/null)
ifneq ($(MADE_WITH),$(if $(PYTHON),$(PYTHON),$(firstword $(MADE_WITH))) $(CURDIR))
ANEW := always
endif

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done
	@echo
	@echo '  ARGS="..." goes to the program that is run, PYTHON=... picks the Python, VENV=... the folder it is installed in.'

run: $(PROGRAM) ## start chinwag: make run ARGS="--demo"
	@"$(VENV)/bin/python" -m tui $(ARGS)

test: $(WORKSHOP) ## run the tests: make test ARGS="-k house"
	@mkdir -p .make/tmp
	@TMPDIR="$(CURDIR)/.make/tmp" "$(VENV)/bin/python" -m pytest $(ARGS)

check: $(WORKSHOP) ## lint, format, types, and who may import whom
	@"$(VENV)/bin/python" -m ruff check .
	@"$(VENV)/bin/python" -m ruff format --check .
	@"$(VENV)/bin/python" -m mypy
	@mkdir -p .make/tmp
	@TMPDIR="$(CURDIR)/.make/tmp" "$(VENV)/bin/python" -m pytest -q tests/test_house.py

faults: $(WORKSHOP) ## kill it, fill its disk, damage its files, hundreds of times
	@mkdir -p .make/tmp
	@TMPDIR="$(CURDIR)/.make/tmp" CHINWAG_ALL_FAULTS=1 "$(VENV)/bin/python" -m pytest -q -s tests/faults $(ARGS)

screenshots: $(WORKSHOP) ## draw the pictures in screenshots/ again
	@"$(VENV)/bin/python" -m tests.screenshots $(ARGS)

bench: $(WORKSHOP) ## measure what README.md promises
	@"$(VENV)/bin/python" -m tests.benchmarks $(ARGS)

$(PROGRAM): pyproject.toml setup.sh $(ANEW)
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh setup.sh program

$(WORKSHOP): pyproject.toml setup.sh $(ANEW)
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh setup.sh workshop

always:
