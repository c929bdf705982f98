# Two commands, each complete on a fresh machine with Python 3.11 or newer, make, and nothing else:
#
#   make demo    environment, sample photos, cleaning into ./clean, a before/after sheet
#   make test    environment, all quick tests
#
# An active virtual environment is used as it is; otherwise ./.venv is made. PYTHON=/path/to/python chooses the
# interpreter for it. The download is several GB with CUDA; TORCH=cpu takes the CPU-only build of PyTorch, 0.2 GB.

VENV := $(or $(VIRTUAL_ENV),.venv)
WINDOWS := $(filter Windows_NT,$(OS))
BIN := $(VENV)/$(if $(WINDOWS),Scripts,bin)
INTERPRETER := $(BIN)/python$(if $(WINDOWS),.exe)
PYTHON ?=
TORCH ?=
CPU_ONLY := https://download.pytorch.org/whl/cpu

# The checkout is part of the name: an active environment may be shared by several of them.
CHECKOUT := $(firstword $(shell printf '%s' '$(CURDIR)' | cksum))
DEMO_READY := $(VENV)/.denoiser-studio-demo-$(CHECKOUT)
DEV_READY := $(VENV)/.denoiser-studio-dev-$(CHECKOUT)
DOCS_READY := $(VENV)/.denoiser-studio-docs-$(CHECKOUT)

.PHONY: help demo test test-long lint docs dist screenshots clean

help:
	@echo 'make demo    clean some sample photos into ./clean'
	@echo 'make test    run the tests'
	@echo 'make test-long     run the tests marked long: kills, mutations, large images'
	@echo 'make lint    check style, types and import contracts'
	@echo 'make docs    build the documentation as a site into ./site'
	@echo 'make dist VERSION=X.Y.Z   build wheel, source archive and release notes into ./dist'
	@echo 'make screenshots   draw the pictures of the desktop app anew'
	@echo 'make clean   remove what was made here, ./.venv too; your pictures stay'

demo: $(DEMO_READY)
	test -e ./imgs || $(BIN)/denoise samples ./imgs
	$(BIN)/denoise ./imgs --out ./clean
	$(BIN)/denoise compare ./imgs ./clean --out ./clean/before-after.png
	@echo 'Look at ./clean/before-after.png, then try your own: $(BIN)/denoise YOUR-FOLDER --out ./clean'

# Files of tests side by side, each on one thread: two threads in each of two processes would wait for each other.
# pytest-xdist never ends if a process is replaced near the end, so none is: if one crashes or hangs, the run fails.
test: $(DEV_READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --max-worker-restart 0

test-long: $(DEV_READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long --numprocesses auto --maxprocesses 2 --dist loadfile --max-worker-restart 0 \
		-o faulthandler_timeout=1800

lint: $(DEV_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo 'Open site/index.html'

dist: $(DEV_READY)
	rm -rf dist && mkdir dist
	$(BIN)/python .ci/release-notes '$(VERSION)' > dist/NOTES.md
	$(BIN)/python -m build --no-isolation --outdir dist

screenshots: $(DEV_READY)
	$(BIN)/python docs/generate_screenshots.py

clean:
	rm -rf .venv build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .grimp_cache
	find denoiser cli gui tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(DEMO_READY): EXTRAS := demo
$(DEV_READY): EXTRAS := demo,dev
$(DOCS_READY): EXTRAS := docs
$(DEMO_READY) $(DEV_READY) $(DOCS_READY): pyproject.toml | $(INTERPRETER)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(if $(filter cpu,$(TORCH)),$(BIN)/python -m pip install --index-url $(CPU_ONLY) torch torchvision)
	$(BIN)/python -m pip install --editable '.[$(EXTRAS)]'
	@touch $@

# No prerequisites: an environment that is there is never made anew.
$(INTERPRETER):
	@python=''; old=''; \
	for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
	  command -v "$$name" >/dev/null 2>&1 || continue; \
	  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || { old="$$old $$name"; continue; }; \
	  python="$$name"; \
	  "$$name" -c 'import ensurepip, venv' >/dev/null 2>&1 && break; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: Python 3.11 or newer is needed; found$${old:- none}." >&2; \
	  echo 'Install it (apt-get install python3 python3-venv, or python.org), or say PYTHON=/path/to/python3.' >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "make: $$python cannot make virtual environments: its venv package is missing." >&2; \
	  echo 'On Debian and Ubuntu: apt-get install python3-venv' >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$python"; \
	"$$python" -m venv "$(VENV)"
