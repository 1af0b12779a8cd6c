# Everything a newcomer needs: `make demo`, `make test`. Only Python >= 3.11 and make are assumed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

# Some images set this; without bytecode the server starts in twice the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-whole test-fast cover check fix compat contract storm plans attack bench hosts views manifests mcpb clean snapshots

$(STAMP): pyproject.toml constraints.txt scripts/bootstrap
	@PYTHON="$(PYTHON)" sh scripts/bootstrap
	@touch $@

demo: $(STAMP)  ## watch a real client rent, look and destroy on the sandbox
	@$(BIN)/vast-mcp demo

# More workers than cores: half of the suite waits for processes and deadlines.
test: $(STAMP)  ## every test, with some rows of its table: tests/quick.py
	@QUICK=1 $(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder

test-whole: $(STAMP)  ## the same with every row of the long tables and all made-up examples
	@WHOLE=1 $(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder --timeout 300

test-fast: $(STAMP)  ## what runs in one process, in under a minute: while working
	@QUICK=1 $(BIN)/python -m pytest -n 4 --dist loadscope -m "not processes"

cover: $(STAMP)  ## the suite with every row but of the longest tables, and which lines and branches it never takes
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n 4 --dist loadscope --no-loadscope-reorder --timeout 300
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

check: $(STAMP)  ## lint, format, types, direction of imports, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python scripts/manifests.py --check

fix: $(STAMP)  ## mend what ruff can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

snapshots: $(STAMP)  ## accept the tool schemas as they are now
	@UPDATE_TOOLSNAPS=1 $(BIN)/python -m pytest tests/tools/test_toolsnaps.py

manifests: $(STAMP)  ## what hosts and registries read, from pyproject.toml and the catalogue
	@$(BIN)/python scripts/manifests.py

compat: $(STAMP)  ## the official vastai client, dstack and SkyPilot against the sandbox
	@sh scripts/compat

contract: $(STAMP)  ## recorded replies of the real service, and a service that drifts
	@sh scripts/contract

storm: $(STAMP)  ## 1,000 rentals through everything that breaks, counted
	@sh scripts/storm

plans: $(STAMP)  ## 1,000 plans in random markets beside the loops that they replace, counted; docs/provision.md
	@sh scripts/plans

attack: $(STAMP)  ## half-sent requests, huge replies, bad lines, odd addresses, counted; three minutes
	@sh scripts/attack

bench: $(STAMP)  ## how fast and how light, beside a bare server and the official client; docs/performance.md
	@sh scripts/bench

hosts: $(STAMP)  ## real hosts, validators, conformance, the wheel; needs PyPI and npm
	@$(BIN)/python scripts/hosts.py

views: $(STAMP)  ## the pages of MCP Apps in real Chromium; needs PyPI and npm the first time
	@$(BIN)/python scripts/views.py

mcpb: $(STAMP)  ## the bundle that Claude Desktop opens, in dist/
	@sh scripts/mcpb

clean:
	rm -rf .venv .venv-vastai .venv-dstack .venv-skypilot .venv-hosts .venv-hosts-mcp1 .venv-hosts-mcp2 .venv-bench dist build .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
