# Needs Python 3.11 or newer, git and make. Everything else is installed below .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.installed

.PHONY: help
help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than 3.11; run: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(BIN)/sm: $(BIN)/uv pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable .
	@touch $@

$(STAMP): $(BIN)/uv pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[verify,local]' --group test
	tools/install_promtool.sh $(BIN)
	tools/install_pgbouncer.sh $(BIN)
	@touch $@ $(BIN)/sm

.PHONY: demo
demo: $(BIN)/sm  ## Generate a service below demo/ and run its tests
	rm -rf demo/orders
	$(BIN)/sm create-microservice orders --pattern web_api --cloud aws --output-dir demo
	$(MAKE) --directory demo/orders test
	@echo "The service is in $(CURDIR)/demo/orders: cd demo/orders && make run"

# Three, for two cores: whoever waits for a broker or a process needs none.
PYTEST := PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest --numprocesses 3 --dist worksteal --durations 25

.PHONY: test
test: lint  ## Install what is needed and run everything
	$(PYTEST) --cov --cov-report= tests --ignore tests/generated
	$(BIN)/coverage report
	$(PYTEST) tests/generated

.PHONY: lint
lint: $(STAMP)  ## Lint, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(STAMP)  ## Format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: golden
golden: $(STAMP)  ## Write tests/golden anew; read the diff before you commit it
	$(BIN)/python -m tools.write_schemas
	$(BIN)/python -m tools.write_golden

.PHONY: benchmark
benchmark: $(STAMP)  ## Measure against copier, cookiecutter and bare programs
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --group benchmark
	$(BIN)/python benchmarks/generate.py --write
	$(BIN)/python benchmarks/web_api.py --write
	$(BIN)/python benchmarks/data_api.py --write
	$(BIN)/python benchmarks/worker.py
	$(BIN)/python benchmarks/verify.py

.PHONY: clean
clean:  ## Remove everything that can be made again
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
