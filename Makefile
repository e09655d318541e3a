# Everything from an empty machine: each target makes .venv, installs what constraints.txt pins, and runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= reports/demo
READY := $(VENV)/.ready

.PHONY: demo test lint bench proto docs freeze clean

demo: $(READY)  ## five receivers, real photographs, one report
	$(BIN)/edge-emulator run ftsc-downlink --limit 4 --out $(OUT)

test: $(READY)  ## the whole test suite, file by file on two processes, the long ones (tests/e2e) first
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## linter, formatter, type checker, proto checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/python tools/generate_proto.py --check

bench: $(READY)  ## the figures of docs/performance.md
	$(BIN)/python tools/bench/run_all.py --out bench-results

proto: $(READY)  ## generated code from proto/
	$(BIN)/python tools/generate_proto.py

docs: $(READY)  ## the generated pages
	$(BIN)/python tools/topology_reference.py
	$(BIN)/python tools/report_reference.py

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

freeze:
	@$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//'

clean:
	rm -rf $(VENV) reports bench-results
