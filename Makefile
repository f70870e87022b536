# make demo      create the environment, install papers, index data/sample.jsonl and search it
# make test      install the development dependencies, run all checks and the whole test suite
# make coverage  run the test suite and report the lines that no test runs, which takes half as long again
# make check     run the checks only: format, lint, types, import rules, dependencies
# make faults    fail each file operation of the commands that write or open an index once (over an hour)
# make sbom      write build/sbom.json, the software bill of materials of the environment
# make licences  write docs/licences.md from the metadata of the installed packages
# make lock      write requirements/*.txt, the versions of constraints.txt with the SHA-256 of their files
# make clean     remove the environment and the index of the demo

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := .venv/installed
DEV_STAMP := .venv/installed-dev
COMMA := ,

.PHONY: demo test coverage check faults sbom licences lock clean

demo: $(STAMP)
	$(BIN)/papers index data/sample.jsonl
	$(BIN)/papers search "KV cache compression" -n 3

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

coverage: $(DEV_STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term-missing:skip-covered

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

faults: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.faults --save

sbom: $(DEV_STAMP)
	mkdir -p build
	$(BIN)/python -m tools.dependencies sbom > build/sbom.json

licences: $(DEV_STAMP)
	$(BIN)/python -m tools.dependencies licences > docs/licences.md

lock: $(DEV_STAMP)
	$(PIP) install --quiet --upgrade --target build/uv uv==0.13.9
	PATH=build/uv/bin:$$PATH $(BIN)/python -m tools.lock

clean:
	rm -rf .venv data/index

# $(1): the lock file, $(2): the extras. The lock files are tested on x86-64 Linux. The CPU build of torch is installed
# where pip finds it, else the build of the package index, which brings gigabytes of GPU libraries.
ifeq ($(shell uname -sm),Linux x86_64)
define install
	torch=torch-cpu; \
	$(PIP) install --quiet --no-deps --require-hashes --requirement requirements/$$torch.txt 2>/dev/null || torch=torch; \
	$(PIP) install --quiet --require-hashes --requirement requirements/$$torch.txt --requirement requirements/$(1).txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef
else
define install
	@echo "papers: the lock files cover x86-64 Linux, not $$(uname -sm); installing constraints.txt without hashes" >&2
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable '.[$(2)]'
endef
endif

$(STAMP): pyproject.toml constraints.txt requirements/papers.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(call install,papers,serve$(COMMA)mcp$(COMMA)fetch)
	touch $@

$(DEV_STAMP): $(STAMP) requirements/dev.txt
	$(call install,dev,dev)
	touch $@
