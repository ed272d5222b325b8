# The front door. Every target is one line into the real tool; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
QUALITY_STAMP := $(VENV)/.installed-quality
CORE_SOURCES := $(wildcard csrc/*/*.[ch] csrc/*/*/*.[ch]) CMakeLists.txt pyproject.toml
C_FILES := $(wildcard csrc/*/*.[ch] csrc/*/*/*.[ch] tests/c/*.[ch] tests/c/*/*.[ch])
SCENARIO ?= scenarios/week1.yaml
# What `make perf` runs of tests/c (tests/perf/exchange.py).
PERF_BENCHES := bench_match bench_session bench_fix_gateway bench_md bench_fix_loopback bench_ouch

# Debian packages that optional tests use: `name: reason` each.
DEPS := \
  "zstd: C tests read the compressed captures through it" \
  "gzip: the same for captures that come as .gz" \
  "clang: builds the fuzz targets for libFuzzer" \
  "libclang-rt-dev: libFuzzer itself and clang's sanitizers" \
  "tshark: dissects captures beside our readers" \
  "libquickfix-dev: the peer that FIX is measured against" \
  "openssh-client: ssh-keygen, by which two people sign what one may not decide" \
  "openssh-server: sshd, which tests of hosts by ssh run in a namespace (Debian starts its own too)" \
  "iproute2: ip, by which tests make interfaces as an administrator does" \
  "ethtool: what it says of a card is held against what we say" \
  "libdpdk-dev: redline-dpdk, ports over DPDK devices" \
  "sockperf: round trips of the kernel's sockets, measured by somebody else" \
  "tcpreplay: floods, sent by somebody else" \
  "libspdlog-dev: the logger that the audit log is measured against" \
  "chromium: draws and prints the scorecard, as its tests look at it" \
  "poppler-utils: reads the printed scorecard back" \
  "cppcheck: one of the analysers that quality rows are told by" \
  "valgrind: counts instructions where the clock is too noisy, and bytes of the heap" \
  "linux-perf: cycles by function, where there is a PMU"

.DEFAULT_GOAL := help
.PHONY: help run test test-c test-py quality profile mutants fuzz asan tsan ubsan cov lint type format soak perf bench engine deps clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.11"; exit 2; }
	@command -v cc >/dev/null || { echo "make: no C compiler (cc): on Debian, apt-get install gcc libc6-dev"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(PYTHON) cannot make a venv: on Debian, apt-get install python3-venv"; exit 2; }

# Editable, so that Python edits are seen at once; C edits rebuild through the prerequisites.
$(STAMP): $(BIN)/python $(CORE_SOURCES)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(QUALITY_STAMP): $(DEV_STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[quality]'
	@touch $@

run: $(STAMP) ## build, then judge this machine with the embedded bench
	$(BIN)/redline run $(SCENARIO)

test: test-c test-py ## everything the tests need, then all tests

test-c: $(DEV_STAMP) ## the C core alone: dev, then under address/undefined and thread sanitizers
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --workflow --preset dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --workflow --preset asan
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --workflow --preset tsan

# Two at a time, but for those that count the objects of their process, start other pytests, or run
# threads that spin on both cores of a small machine.
ALONE := $(addprefix tests/unit/test_,extension_leaks.py pytest_plugin.py) \
  $(addprefix tests/integration/test_,bad_input.py black_box.py captures.py components.py \
    coordinated_omission.py dpdk.py impair.py kill_run.py main_job.py net_command.py network_guide.py \
    network_killed.py network_rights.py network_run.py noisy_neighbour.py power_loss.py pytest_guide.py pytest_tuned.py soak_heap.py soak_run.py \
    scenario_guide.py scenario_library_load.py scenario_library_machine.py) \
  tests/perf tests/stability

test-py: $(DEV_STAMP) ## the Python tests
	$(BIN)/pytest -q -n 2 tests/unit tests/integration $(ALONE:%=--ignore=%)
	$(BIN)/pytest -q $(ALONE)

mutants: $(DEV_STAMP) ## would the C tests notice a wrong operator: make mutants ARGS="--only=risk --n=40 --seed=1"
	@PATH="$(CURDIR)/$(BIN):$$PATH"; for p in dev asan; do cmake --preset $$p >/dev/null && nice cmake --build --preset $$p >/dev/null || exit; done
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=tests nice $(BIN)/python -m mutation $(ARGS)

fuzz: $(DEV_STAMP) ## every fuzz target under libFuzzer: make fuzz FUZZ_SECONDS=60
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/c/fuzz/run.py --seconds $(or $(FUZZ_SECONDS),60)

asan tsan ubsan cov: $(DEV_STAMP) ## the C tests under one preset
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --workflow --preset $@

lint: $(DEV_STAMP) ## ruff and clang-format, nothing changed
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/clang-format --dry-run --Werror $(C_FILES) && echo "clang-format: clean"

type: $(DEV_STAMP) ## mypy --strict, and the stub of the extension against the extension
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest engine._core --allowlist tests/stubtest-allowlist.txt

format: $(DEV_STAMP) ## let the formatters write
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

soak: $(DEV_STAMP) ## a stability run, and the order side at 10^7 operations: make soak HOURS=4
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset dev >/dev/null
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset dev >/dev/null
	$(BIN)/pytest -m stability --hours $(or $(HOURS),4)

perf: $(DEV_STAMP) ## what market data, orders and exchange cost, beside floors and peers: make perf ARGS=--only=exchange
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake -G Ninja -S tests/perf/peers -B build/perf >/dev/null \
	  && PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build build/perf >/dev/null \
	  || echo "make: without a C++ compiler the compiled peers are left out"
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset release >/dev/null \
	  && PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset release --target $(PERF_BENCHES) >/dev/null
	@PYTHONPATH=tests $(BIN)/python -m perf $(ARGS)

quality: $(QUALITY_STAMP) ## the quality rows of the matrix, measured (an hour or so): make quality ARGS=--only=leaks
	@nice $(BIN)/python -m harness.quality --alone "$(ALONE)" $(ARGS)

profile: $(DEV_STAMP) ## instructions per component and message, against the baseline: make profile ARGS=--of=heap
	@PATH="$(CURDIR)/$(BIN):$$PATH" nice $(BIN)/python -m harness.profile $(ARGS)

engine: build/engine ## the small independent engine that scenarios/black-box.yaml puts on the bench

build/engine: docs/examples/engine.c
	@mkdir -p build && cc -O2 -o $@ $<

bench: $(DEV_STAMP) ## figures of rings, recorder, components and trials; nothing is judged
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset release
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset release
	@for b in build/release/tests/c/bench_*; do [ -x $$b ] && echo "== $$b" && $$b; done

deps: ## install the Debian packages that optional tests use (needs root)
	@for d in $(DEPS); do echo "$$d"; done
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends $$(for d in $(DEPS); do echo "$${d%%:*}"; done)

clean: ## remove what was built; runs/ stays
	rm -rf build .venv
