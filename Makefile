# Common commands. `make quickstart` and `make test` need only Python 3.11+ and a network connection.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: quickstart install test fuzz nightly check site format bench docs notebooks clean

quickstart: install  ## install, train for four minutes on Python's own source code, generate a sample
	$(BIN)/unrolled train lm --time 4m --run runs/quickstart-$$(date +%H%M%S)
	$(BIN)/unrolled sample $$(ls -dt runs/quickstart-* | head -n 1) --prompt "def " --length 400 --temperature 0.7
	@echo
	@echo "Train on your own text:  . .venv/bin/activate"
	@echo "                         unrolled train lm --data your-text.txt    (any file, folder or pattern)"

install: .venv/installed

BUILT_FROM := pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/*)

.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unrolled needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

.venv/installed: $(BUILT_FROM) | .venv/bin/pip
	@echo "installing into .venv; PyTorch is large, this may take a few minutes"
	$(PIP) -e .
	touch $@

.venv/developer: $(BUILT_FROM) | .venv/bin/pip
	@echo "installing into .venv; PyTorch is large, this may take a few minutes"
	$(PIP) -e '.[test,check,docs,plot,classify,video,speech]'
	touch .venv/installed $@

test: .venv/developer  ## all tests, one process per core
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

fuzz: .venv/developer  ## ten minutes of random requests to the inspector's web server
	$(BIN)/python tests/inspector/web/nonsense.py

nightly: .venv/developer  ## about an hour: the kernels with sanitizers and thousands of random cases, wheels
	PYTHON=$(PYTHON) .ci/nightly

check: .venv/developer  ## format, lint, types, layering, and the documentation site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory site

site: .venv/developer  ## the documentation, into site/; an error for a broken link, anchor or reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

format: .venv/developer
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/developer  ## the benchmarks that take minutes, one table each; benchmarks/recipe.py takes an hour
	for benchmark in startup memory_streaming train_rate loop_overhead; do $(BIN)/python benchmarks/$$benchmark.py || exit 1; done

docs: .venv/developer  ## the generated parts of docs/
	$(BIN)/python -m unrolled.testing
	$(BIN)/python tools/files_page.py

notebooks: .venv/developer  ## examples/notebooks, from the scripts in examples/
	$(BIN)/python examples/make_notebooks.py

clean:
	rm -rf .venv build dist site .mypy_cache .ruff_cache
