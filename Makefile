# What a developer needs, from a machine that has Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: setup demo test lint docs bench

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml uv.lock
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check uv
	$(RUN)/uv sync --quiet --locked --inexact --compile-bytecode
	$(RUN)/python -m compileall -q src
	touch $@

# Build the reference fleet into demo/ and show what came of it.
demo: setup
	$(RUN)/panther hosts examples/pantheros
	$(RUN)/panther build examples/pantheros --out demo/nixos
	$(RUN)/panther why yoga services.openssh.settings.PasswordAuthentication examples/pantheros
	@echo
	@echo 'The flake is in demo/nixos; one of its files, hosts/yoga/security/ssh.nix:'
	@echo
	@cat demo/nixos/hosts/yoga/security/ssh.nix

test: setup
	$(RUN)/pytest

lint: setup
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/mypy

# Bring the generated parts of docs/ and the reference fleet's flake up to date.
docs: setup
	$(RUN)/python -m pantheros.synth.pages docs/modules
	$(RUN)/python -m pantheros.checks.pages docs/checks
	$(RUN)/panther build examples/pantheros
	$(RUN)/python docs/consoles.py README.md docs/check.md docs/specs.md docs/gaps.md docs/roadmap.md docs/context.md

bench: setup
	$(RUN)/python bench/build.py
	$(RUN)/python bench/startup.py
	$(RUN)/python bench/index.py
	$(RUN)/python bench/check.py
	$(RUN)/python bench/specs.py
	$(RUN)/python bench/scan.py
