# Everything happens in .venv, which the first target that needs it makes from the hashed lock.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: demo test browser-test lint bench faults soak pipelines format lock wheel-check clean

# BACKEND=server: on an MLflow server with a password, PostgreSQL, a bucket and a git remote, all of them on this machine
demo: $(READY)
	rm -rf build/demo build/demo.git
ifeq ($(BACKEND),server)
	git init --quiet --bare --initial-branch=main build/demo.git
	PYTHONPATH=tests $(BIN)/python -m servers $(BIN)/nbpromote demo build/demo --remote $(CURDIR)/build/demo.git
else
	$(BIN)/nbpromote demo build/demo
endif

# in the order of their names: xdist would begin with the files of most tests, and the longest are not those
test: lint
	$(BIN)/pytest tests -n 2 --dist loadfile --no-loadscope-reorder

# the page in a real browser, hostile notebooks too; skipped, loudly, where there is no chromium
browser-test: $(READY)
	$(BIN)/pytest tests/test_browser.py -ra

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/pytest tests/benchmarks -s -o python_files='bench_*.py' -o python_functions='bench_*'

# kills, races, flipped bits, full disks, a proxy that loses replies, a model of the whole: docs/faults.md
FAULTS_TIMES ?= 1
faults: $(READY)
	FAULTS=whole FAULTS_TIMES=$(FAULTS_TIMES) $(BIN)/pytest tests/faults -s

# seconds of fuzzing for each parser, what it learns stays in tests/fuzz/corpus; random kills of real runs; evidence
# with a field removed or corrupted
SOAK_SECONDS ?= 120
SOAK_KILLS ?= 1000
SOAK_EVIDENCE ?= 100000
soak: $(READY)
	PYTHONPATH=tests $(BIN)/python -m fuzz $(SOAK_SECONDS)
	PYTHONPATH=tests $(BIN)/python -m kills $(SOAK_KILLS)
	EVIDENCE_CASES=$(SOAK_EVIDENCE) $(BIN)/pytest tests/test_evidence.py

# the workflows of `init --ci`, job by job in fresh clones, all the way to prod and back
pipelines: $(READY)
	PIPELINES=whole $(BIN)/pytest tests/test_pipelines.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# a new lock needs uv; using the lock needs only pip
lock:
	uv pip compile pyproject.toml --extra flights --extra contracts --extra s3 --extra server --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --upgrade --custom-compile-command "make lock" \
	  --quiet -o requirements.txt

wheel-check: $(READY)
	tests/wheel_check.sh

clean:
	rm -rf $(VENV) build dist

# compiled by all cores, where pip would use one; what some packages ship for other Pythons does not compile
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib toolkit || true
	touch $@
