# The front door: `make help`.
SHELL := bash
.DEFAULT_GOAL := help

# The default build is tuned for this machine; PORTABLE=1 is not. The engine's build script obeys the first target-cpu
# and rustc the last, so that in a native build only the engine needs this CPU, and the library can say so.
ifeq ($(PORTABLE),1)
export RUSTFLAGS :=
export CARGO_TARGET_DIR := target-portable
else
baseline := $(if $(filter x86_64,$(shell uname -m)),x86-64,generic)
export RUSTFLAGS := -Ctarget-cpu=native -Ctarget-cpu=$(baseline)
export CARGO_TARGET_DIR := target
endif

# One profile everywhere, so that the engine is built once.
CARGO := cargo
FEATURES := --features capi,test-hooks,async
LIB := $(CARGO_TARGET_DIR)/lib
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
MODEL ?= smollm2-135m
BENCH_MODELS ?= smollm2-135m qwen2.5-coder-0.5b
# More for benches/run.py, such as `--only samplers` or `--peers`.
BENCH ?=
export PROMPT ?= Explain in two sentences what a compiler does.
PREFIX ?= /usr/local
# The libraries' folder under PREFIX.
LIBDIR ?= lib
CFLAGS_C := -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude
LINK_SHARED = -L$(LIB) -lqask -Wl,-rpath,$(abspath $(LIB))
# A name of models.py, or a path.
model_path = $(if $(wildcard $(MODEL)),$(MODEL),$$(python3 tools/models.py path $(MODEL)))
fetch_model = $(if $(wildcard $(MODEL)),true,python3 tools/models.py fetch $(MODEL))

.PHONY: templates help setup demo test lib header check fmt install uninstall bench models c-tests install-tests asan dist dist-test clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo 'Settings: PORTABLE=1, MODEL=name-or-path, PROMPT="…", PREFIX=/usr/local, LIBDIR=lib, DESTDIR=, QASK_CACHE=folder'

setup: ## install the system packages that are missing
	@tools/setup.sh

demo: lib ## a real model streams an answer through the C header
	@$(fetch_model)
	@mkdir -p $(CARGO_TARGET_DIR)/demo
	@$(CC) $(CFLAGS_C) examples/c/chat.c -o $(CARGO_TARGET_DIR)/demo/chat $(LINK_SHARED)
	@$(CARGO_TARGET_DIR)/demo/chat "$(model_path)"

models: setup ## fetch a model: MODEL=name; `tools/models.py list` shows the names
	@$(fetch_model)

lib: setup ## libqask.so and libqask.a, exporting qask_* only
	@CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	    $(CARGO) rustc --lib --release --features capi --crate-type staticlib
	@tools/finish_lib.sh $(CARGO_TARGET_DIR)/release/libqask.a $(LIB)

header: setup ## write include/qask.h from src/capi
	$(CARGO) run --release $(FEATURES) --example gen_header

fmt: ## format
	$(CARGO) fmt

check: setup ## format, lints, header drift, licences
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets $(FEATURES) -- -D warnings
	$(CARGO) run --quiet --release $(FEATURES) --example gen_header -- --verify
	python3 tools/check_header.py include/qask.h
	cd tools && python3 -m unittest --quiet test_models
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check licenses bans sources; \
	else echo 'NOT CHECKED: licences of dependencies (cargo install cargo-deny)'; fi

test: check ## everything CI runs
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b
	python3 tools/vectors.py || [ $$? = 3 ]
	$(CARGO) test --release $(FEATURES)
	$(MAKE) --no-print-directory lib
	$(MAKE) --no-print-directory c-tests
	$(MAKE) --no-print-directory install-tests
	$(MAKE) --no-print-directory asan

c-tests: ## C programs against the library that `make lib` made
	tests/c/run.sh $(LIB) "$$(python3 tools/models.py path smollm2-135m)"

install-tests: ## consumers by pkg-config and CMake against an installed library; uninstall
	tests/install/run.sh $(LIB) "$$(python3 tools/models.py path smollm2-135m)"

# The second engine: everything of it, C++ included, under AddressSanitizer, with the test hooks.
asan: export RUSTC_BOOTSTRAP := 1
asan: export RUSTFLAGS += -Zsanitizer=address
asan: export CFLAGS := -fsanitize=address -g1
asan: export CXXFLAGS := -fsanitize=address -g1
asan: setup ## the C tests under AddressSanitizer (a build of the engine of its own)
	CARGO_TARGET_DIR=target-asan $(CARGO) rustc --lib --release $(FEATURES) --crate-type staticlib --target $(HOST)
	@mkdir -p target-asan/lib
	@cp target-asan/$(HOST)/release/libqask.a target-asan/lib/
	@echo '-lstdc++ -lgomp -lm -lpthread -ldl' >target-asan/lib/libqask.libs
	@env -u CFLAGS -u CXXFLAGS ASAN=1 tests/c/run.sh target-asan/lib "$$(python3 tools/models.py path smollm2-135m)"

templates: ## render the expected texts of tests/templates with Python's jinja2 again
	python3 tools/templates.py

bench: lib ## tables of speed and memory: qask against a minimal loop
	$(CARGO) build --release $(FEATURES) --example raw
	python3 tools/models.py fetch $(BENCH_MODELS)
	benches/run.py $(LIB) $(CARGO_TARGET_DIR)/release/examples/raw \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done) $(BENCH)

# Under sudo there may be no cargo: what was built before is installed then.
install: $(if $(HOST),lib) ## header, libraries, pkg-config files and CMake package under PREFIX
	@DESTDIR="$(DESTDIR)" tools/install.sh "$(LIB)" "$(PREFIX)" "$(LIBDIR)"

uninstall: ## remove what install laid down
	@DESTDIR="$(DESTDIR)" tools/install.sh --uninstall "$(PREFIX)" "$(LIBDIR)"

dist: setup ## a tarball for other machines, in dist/ (a build of the engine of its own)
	tools/dist.sh

dist-test: ## what a stranger does with the tarball
	@tests/install/tarball.sh "$$(python3 tools/models.py path smollm2-135m)"

clean: ## remove everything that was built
	rm -rf target target-portable target-asan target-dist dist
