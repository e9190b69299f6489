# Two commands do everything on a fresh Debian or Ubuntu: `make demo` and `make test`.
# Every path is relative, so that a folder with spaces in its name works.

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: install demo test lint bench schema record clean

install:
	@sh packaging/install.sh "$(PYTHON)" "$(VENV)"

demo: install
	@sh packaging/demo.sh "$(BIN)"

test: install
	@sh packaging/debian.sh
	@sh packaging/test.sh "$(BIN)"

lint: install
	@sh packaging/lint.sh "$(BIN)"

schema: install
	@$(BIN)/python -m checks.schema

record: install
	@sh packaging/record.sh "$(BIN)"

clean:
	rm -rf $(VENV) demo dist build .pytest_cache .mypy_cache .ruff_cache
