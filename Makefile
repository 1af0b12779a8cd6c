# Everything a newcomer needs: `make demo`, `make test`. Only Python >= 3.11 and make are assumed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

# Some images set this; without bytecode the server starts in twice the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check fix compat storm clean snapshots

$(STAMP): pyproject.toml constraints.txt scripts/bootstrap
	@PYTHON="$(PYTHON)" sh scripts/bootstrap
	@touch $@

demo: $(STAMP)  ## watch a real client rent, look and destroy on the sandbox
	@$(BIN)/vast-mcp demo

test: $(STAMP)  ## the whole suite
	@$(BIN)/python -m pytest

check: $(STAMP)  ## lint, format, types, direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache

fix: $(STAMP)  ## mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

snapshots: $(STAMP)  ## accept the tool schemas as they are now
	@UPDATE_TOOLSNAPS=1 $(BIN)/python -m pytest tests/test_toolsnaps.py

compat: $(STAMP)  ## the official vastai client against the sandbox
	@sh scripts/compat

storm: $(STAMP)  ## 1,000 rentals through everything that breaks, counted
	@sh scripts/storm

clean:
	rm -rf .venv .venv-vastai dist build .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
