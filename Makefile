# make demo    set everything up and turn the example clip into a translated one: out/demo
# make test    set everything up and pass the tests
# make unit    only the unit tests; with PYTHON=python3.12 VENV=.venv-3.12 on another Python
# make bench   figures for quality and speed (minutes)
# make app     the page, at http://127.0.0.1:7860
# make gallery every look with every script, and a result, as pictures: docs/looks.jpg, docs/result.jpg
# make check   ruff and mypy
# make lock    the locks, after a change of requirements.txt, requirements-dev.txt or requirements-ray.txt
#
# The locks hold the whole tree, with hashes: pip installs that and nothing else, and refuses a file that is not the recorded
# one. Only torch is not in them, since a machine may have a build of its own (TORCH=...); it comes last, when all it needs is
# there. setuptools comes first, to build the one package that has no wheel.

TORCH ?= torch==2.13.0
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
CLIP ?= examples/europa_pl.mp4
TO ?= English

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := --no-deps --require-hashes --no-build-isolation

# An environment that is a symbolic link belongs to another tree: it is used as it is, and nothing is installed into it.
ifeq ($(shell test -L $(VENV) && echo linked),)
INSTALLED := $(VENV)/.installed
TESTED := $(VENV)/.tested
endif

.PHONY: demo test unit bench app gallery check install lock clean

demo: $(INSTALLED)
	$(BIN)/python -m pipeline $(CLIP) --to $(TO) --out out/demo
	@echo "Open out/demo/video.mp4; transcript, subtitles and faces lie beside it."

test: $(TESTED)
	$(BIN)/python -m pytest -m "unit" -n 2 -q
	$(BIN)/python -m pytest -m "integration and not alone" -n 2 --dist loadfile -q
	$(BIN)/python -m pytest -m "alone" -q
	$(BIN)/python -m pytest -m "browser" -q

unit: $(TESTED)
	$(BIN)/python -m pytest -m "unit" -n 2 -q

bench: $(TESTED)
	$(BIN)/python -m benchmarks.bench

app: $(INSTALLED)
	$(BIN)/python app.py

gallery: $(INSTALLED)
	$(BIN)/python -m benchmarks.gallery

check: $(TESTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(INSTALLED)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; install it and run make again."; exit 1; }
	@if [ -e $(VENV) ] || [ -L $(VENV) ]; then \
	    echo "$(VENV) exists but has no bin/python; remove it and run make again."; exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(PYTHON) -m virtualenv $(VENV); } || { rm -rf $(VENV); \
	    echo "No virtual environment could be made: install python3-venv (apt-get install python3-venv) and run make again."; exit 1; }

$(VENV)/.installed: requirements.lock $(VENV)/bin/python
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock > $(VENV)/setuptools.lock
	$(PIP) $(LOCKED) -r $(VENV)/setuptools.lock
	$(PIP) $(LOCKED) -r requirements.lock
	$(PIP) $(TORCH)
	@touch $@

$(VENV)/.tested: requirements-dev.lock $(VENV)/.installed
	$(PIP) $(LOCKED) -r requirements-dev.lock
	@touch $@

# Keeps the versions that are locked already; for newer ones, `make lock UPGRADE=--upgrade`.
lock: $(TESTED)
	$(BIN)/uv pip compile --quiet $(UPGRADE) requirements.txt -o requirements.lock
	$(BIN)/uv pip compile --quiet $(UPGRADE) requirements-dev.txt -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet $(UPGRADE) requirements-ray.txt -c requirements.lock -o requirements-ray.lock

clean:
	rm -rf $(VENV) out bench-out # of a link only the link
