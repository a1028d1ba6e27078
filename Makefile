# make report   the environment, the demo run, the site          make test   everything that CI checks
# make docs     the library's documentation (needs Quarto)       make clean  forget runs and site, keep .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.PHONY: report test docs nbs readme clean

report: .venv/installed
	skillnb run --profile demo

.venv/installed: settings.ini setup.py constraints.txt .ci/install
	@.ci/install "$(PYTHON)"

test: .venv/installed
	@.ci/check

# Execute the library notebooks in place, so that each shows the value of its examples.
nbs: .venv/installed
	nbdev-test --save --n-workers 2 nbs && nbdev-clean

readme: .venv/installed
	python .ci/readme

docs: .venv/installed
	nbdev-docs

clean:
	rm -rf data runs _site _docs
