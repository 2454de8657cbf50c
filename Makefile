# The front door: `make help`.
SHELL := bash
.DEFAULT_GOAL := help

# The default build is tuned for this machine; PORTABLE=1 is for any, with kernels for several levels of CPU. The engine's build script obeys the first target-cpu
# and rustc the last, so that in a native build only the engine needs this CPU, and the library can say so.
ifeq ($(PORTABLE),1)
export RUSTFLAGS :=
export CARGO_TARGET_DIR := target-portable
else
baseline := $(if $(filter x86_64,$(shell uname -m)),x86-64,generic)
export RUSTFLAGS := -Ctarget-cpu=native -Ctarget-cpu=$(baseline)
export CARGO_TARGET_DIR := target
# Without llama.cpp's AMX kernels: GCC 12 drops the stores that set the tiles up, so that the first batch is a SIGILL.
# Without its AVX512-FP16 sums: they take 128 numbers at a time, and heads of 64 go one by one (see ARCHITECTURE.md).
# Once: a make within this one has them already, and the same twice would build the engine again.
ifeq ($(findstring -U__AMX_INT8__,$(CFLAGS)),)
export CFLAGS += -U__AMX_INT8__ -U__AVX512FP16__
export CXXFLAGS += -U__AMX_INT8__ -U__AVX512FP16__
endif
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
# Not TARGET: build scripts read that.
ONLY ?=
TIME ?= 60
FOLDER ?= target-dist/lib
BFCL ?=
export PROMPT ?= Explain in two sentences what a compiler does.
PREFIX ?= /usr/local
# The libraries' folder under PREFIX.
LIBDIR ?= lib
CFLAGS_C := -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude
LINK_SHARED = -L$(LIB) -lqask -Wl,-rpath,$(abspath $(LIB))
# A name of models.py, or a path.
model_path = $(if $(wildcard $(MODEL)),$(MODEL),$$(python3 tools/models.py path $(MODEL)))
# What the C tests run with: a model that chats and one that embeds.
c_models = "$$(python3 tools/models.py path smollm2-135m)" "$$(python3 tools/models.py path minilm-l6-v2)"
fetch_model = $(if $(wildcard $(MODEL)),true,python3 tools/models.py fetch $(MODEL))

.PHONY: vet storm python python-wheel python-install python-ecosystem python-bench python-cycles help setup demo test lib header check faults fmt install uninstall bench memory bench-constraints bench-sessions bench-embed bench-isolated bench-preflight hostile soak bfcl fuzz fuzz-engine models schemas scores sessions templates c-tests install-tests lib-test go go-bench docs docs-tests asan hostile-asan tsan dist dist-test clean python-peer python-beside kotlin kotlin-setup kotlin-jar kotlin-bench kotlin-cycles android android-check valgrind sbom swift swift-bench swift-cycles xcframework variants-test arm64 arm64-test sizes

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

comma := ,
lib: setup ## libqask.so and libqask.a, exporting qask_* only; GPU=cuda with that back-end
	@CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	    $(CARGO) rustc --lib --release --features capi$(if $(GPU),$(comma)$(GPU)) --crate-type staticlib
	@$(if $(filter 1,$(PORTABLE)),tools/kernels.sh $(CARGO_TARGET_DIR)/release $(shell uname -m) $(CARGO_TARGET_DIR)/kernels)
	@GPU=$(GPU) tools/finish_lib.sh $(CARGO_TARGET_DIR)/release/libqask.a $(LIB) $(if $(filter 1,$(PORTABLE)),$(CARGO_TARGET_DIR)/kernels/*.o)

header: setup ## write include/qask.h from src/capi
	$(CARGO) run --release $(FEATURES) --example gen_header
	@if command -v go >/dev/null; then cd bindings/go && go generate ./...; fi
	@bindings/kotlin/tools/generate.py

fmt: ## format
	$(CARGO) fmt

check: setup ## format, lints, header drift, licences
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets $(FEATURES) -- -D warnings
	$(CARGO) run --quiet --release $(FEATURES) --example gen_header -- --verify
	python3 tools/check_header.py include/qask.h
	python3 tools/check_examples.py
	python3 bindings/check_table.py
	bindings/kotlin/tools/generate.py --verify
	cd tools && python3 -m unittest --quiet test_models
	RUSTFLAGS='--cfg without_engine' $(CARGO) check --quiet --locked --manifest-path fuzz/Cargo.toml --target-dir $(CARGO_TARGET_DIR)/fuzz
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check licenses bans sources; \
	else echo 'NOT CHECKED: licences of dependencies (cargo install cargo-deny)'; fi

test: check ## everything CI runs
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2 minilm-rerank e5-small
	python3 tools/vectors.py || [ $$? = 3 ]
	python3 tools/schemas.py || [ $$? = 3 ]
	$(CARGO) test --release $(FEATURES) --no-fail-fast
	$(MAKE) --no-print-directory lib
	$(MAKE) --no-print-directory c-tests
	$(MAKE) --no-print-directory install-tests
	$(MAKE) --no-print-directory go
	$(MAKE) --no-print-directory docs-tests
	$(MAKE) --no-print-directory docs
	$(MAKE) --no-print-directory python
	$(MAKE) --no-print-directory kotlin
	$(MAKE) --no-print-directory asan

# ---- Python ----
PYTHON ?= python3
PYTHON_DIR := bindings/python
PYTHON_VENV := $(CARGO_TARGET_DIR)/python
PYTHON_RUN := $(PYTHON_VENV)/bin/python

# One virtual environment for tests of all kinds; made anew when what it holds changes.
$(PYTHON_VENV)/done: $(PYTHON_DIR)/requirements-dev.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

python-wheel: lib $(PYTHON_VENV)/done ## a wheel for every CPython, with the library in it, in bindings/python/dist
	@rm -rf $(PYTHON_DIR)/dist
	QASK_LIBRARY=$(abspath $(LIB))/libqask.so $(PYTHON_RUN) -m build --wheel $(PYTHON_DIR) >/dev/null
	@ls $(PYTHON_DIR)/dist/*.whl

python-install: python-wheel
	@$(PYTHON_VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(PYTHON_DIR)/dist/*.whl
	@$(PYTHON_VENV)/bin/pip install --quiet --disable-pip-version-check $(PYTHON_DIR)/dist/*.whl

python: python-install lib-test ## the Python package: wheel, types, tests, examples
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2 minilm-rerank
	python3 tools/vectors.py || [ $$? = 3 ]
	cd $(PYTHON_DIR) && $(abspath $(PYTHON_RUN)) -m mypy
	cd $(PYTHON_DIR) && $(abspath $(PYTHON_RUN)) -m pyright --pythonpath $(abspath $(PYTHON_RUN))
	cd $(PYTHON_DIR) && timeout 1200 $(abspath $(PYTHON_RUN)) -m pytest -q
	cd $(PYTHON_DIR) && QASK_TEST_HOOKS=1 QASK_LIBRARY=$(abspath $(CARGO_TARGET_DIR))/lib-test/libqask.so timeout 600 $(abspath $(PYTHON_RUN)) -m pytest -q

# Hundreds of megabytes of packages, so not part of `make test`.
PYTHON_FRAMEWORKS := $(CARGO_TARGET_DIR)/python-frameworks
$(PYTHON_FRAMEWORKS)/done: $(PYTHON_DIR)/requirements-dev.txt $(PYTHON_DIR)/requirements-frameworks.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	@touch $@

python-ecosystem: python-wheel $(PYTHON_FRAMEWORKS)/done ## the modules for LangChain, LlamaIndex, llm and Ray, with these packages
	@$(PYTHON_FRAMEWORKS)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(PYTHON_DIR)/dist/*.whl
	@$(PYTHON_FRAMEWORKS)/bin/pip install --quiet --disable-pip-version-check $(PYTHON_DIR)/dist/*.whl
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2
	cd $(PYTHON_DIR) && MYPYPATH=src $(abspath $(PYTHON_FRAMEWORKS))/bin/python -m mypy --strict --config-file= \
	    src/qask/langchain.py src/qask/llamaindex.py src/qask/llm_plugin.py
	cd $(PYTHON_DIR) && QASK_RAY=1 $(abspath $(PYTHON_FRAMEWORKS))/bin/python -m pytest -q -rs tests/test_ecosystem.py \
	    tests/test_examples.py -k "langchain or llamaindex or llm or ray_batch"

python-bench: python-install ## what Python costs beside the same work in C
	python3 tools/models.py fetch smollm2-135m
	@mkdir -p $(CARGO_TARGET_DIR)/bench
	$(CC) $(CFLAGS_C) benches/bench.c -o $(CARGO_TARGET_DIR)/bench/c $(LINK_SHARED) -lpthread
	$(PYTHON_RUN) $(PYTHON_DIR)/bench/overhead.py $(CARGO_TARGET_DIR)/bench/c "$$(python3 tools/models.py path smollm2-135m)"

# The other one is built from source, for some minutes, and so not part of `make test`.
PYTHON_PEER := $(CARGO_TARGET_DIR)/python-peer
$(PYTHON_PEER)/done: $(PYTHON_DIR)/requirements-peer.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	CMAKE_ARGS='-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF' $(@D)/bin/pip install --quiet --disable-pip-version-check \
	    --no-binary llama-cpp-python -r $<
	@touch $@

PEER_MODELS ?= smollm2-135m qwen2.5-coder-0.5b
python-peer: python-wheel $(PYTHON_PEER)/done ## qask beside llama-cpp-python, PEER_MODELS='name…'
	@$(PYTHON_PEER)/bin/pip install --quiet --disable-pip-version-check --force-reinstall $(PYTHON_DIR)/dist/*.whl
	python3 tools/models.py fetch $(PEER_MODELS)
	for m in $(PEER_MODELS); do \
	    $(PYTHON_PEER)/bin/python $(PYTHON_DIR)/bench/peer.py "$$(python3 tools/models.py path $$m)" || exit 1; done

python-beside: python-wheel $(PYTHON_PEER)/done ## qask and llama-cpp-python in one process, loaded in either order
	@$(PYTHON_PEER)/bin/pip install --quiet --disable-pip-version-check --force-reinstall $(PYTHON_DIR)/dist/*.whl
	python3 tools/models.py fetch smollm2-135m
	$(PYTHON_PEER)/bin/python $(PYTHON_DIR)/bench/beside.py "$$(python3 tools/models.py path smollm2-135m)"

CYCLES ?= 10000
python-cycles: python-install ## create, generate, cancel, free, CYCLES=10000 times: memory must stay flat
	python3 tools/models.py fetch smollm2-135m
	$(PYTHON_RUN) $(PYTHON_DIR)/bench/cycles.py "$$(python3 tools/models.py path smollm2-135m)" $(CYCLES)

schemas: ## every schema of the JSON Schema suite and of schemastore: minutes
	python3 tools/models.py fetch smollm2-135m
	python3 tools/schemas.py
	QASK_SCHEMAS=full $(CARGO) test --release $(FEATURES) --test schemas -- --nocapture --test-threads 1

sessions: ## 10,000 flipped bits and 1,000 killed saves of session files, on each kind of memory: minutes
	QASK_SESSIONS=full $(CARGO) test --release $(FEATURES) --test hostile_sessions -- --nocapture --test-threads 1

# All of it is an hour and more; GROUP=name is one of the groups of tests/hostile/main.rs.
GROUP ?=
hostile: ## hostile files and requests, all of them, in child processes with limits; prints the table: GROUP=name
	QASK_HOSTILE=full QASK_HOSTILE_GROUP=$(GROUP) $(CARGO) test --release $(FEATURES) --test hostile -- --nocapture --test-threads 1 nothing_hostile

MINUTES ?= 60
soak: ## a mixed load for MINUTES=60: every answer checked, nothing may grow
	python3 tools/models.py fetch smollm2-135m minilm-l6-v2
	QASK_SOAK=$(MINUTES) $(CARGO) test --release $(FEATURES) --test soak -- --nocapture

bench-preflight: setup ## what checking a model file costs: small files a second, the worst that the limits let through
	$(CARGO) build --release $(FEATURES) --example bench_preflight
	$(CARGO_TARGET_DIR)/release/examples/bench_preflight

c-tests: ## C programs against the library that `make lib` made
	tests/c/run.sh $(LIB) $(c_models)

CANCELS ?= 1000000
storm: lib ## eight threads that submit, cancel, free, load and log at once, until CANCELS=1000000 streams were cancelled
	@python3 tools/models.py fetch smollm2-135m
	@mkdir -p $(CARGO_TARGET_DIR)/storm
	@$(CC) $(CFLAGS_C) -D_GNU_SOURCE -Itests/c tests/c/storm.c -o $(CARGO_TARGET_DIR)/storm/storm $(LINK_SHARED) -lpthread
	$(CARGO_TARGET_DIR)/storm/storm "$$(python3 tools/models.py path smollm2-135m)" $(CANCELS)

FAULTS ?= --all
faults: lib ## every place where the system may refuse something, one by one: FAULTS='--all thread read', see tests/c/faults
	tests/c/faults/run.sh $(LIB) "$$(python3 tools/models.py path smollm2-135m)" $(FAULTS)

# For the tests of bindings: with the switches that provoke faults. Never shipped.
lib-test: setup
	@$(CARGO) rustc --lib --release $(FEATURES) --crate-type staticlib
	@tools/finish_lib.sh $(CARGO_TARGET_DIR)/release/libqask.a $(CARGO_TARGET_DIR)/lib-test

go: lib lib-test ## the Go binding: build, vet, staticcheck, tests, race detector, examples
	@command -v go >/dev/null || { echo 'make go needs Go 1.25 or newer' >&2; exit 1; }
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2 minilm-rerank
	python3 tools/vectors.py || [ $$? = 3 ]
	bindings/go/check.sh $(LIB) $(CARGO_TARGET_DIR)/lib-test $(c_models)

go-bench: lib ## Go against C: what a call costs, tokens a second
	python3 tools/models.py fetch smollm2-135m
	bindings/go/bench/run.sh $(LIB) "$$(python3 tools/models.py path smollm2-135m)"

# ---- Kotlin ----
KOTLIN := bindings/kotlin
KOTLIN_OUT := $(abspath $(CARGO_TARGET_DIR))/kotlin

kotlin-setup:
	@tools/setup.sh jdk maven

kotlin-jar: kotlin-setup lib ## the Kotlin jar with the library in it, in the local Maven repository
	$(KOTLIN)/tools/build_native.sh $(LIB) $(KOTLIN_OUT)/jar/native/linux-$$(uname -m)
	mvn -q -B -ntp -f $(KOTLIN) -Dqask.natives=$(KOTLIN_OUT)/jar -Dmaven.test.skip=true install

kotlin: kotlin-setup lib lib-test ## the Kotlin binding: JNI shim, tests, examples
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2 minilm-rerank
	python3 tools/vectors.py || [ $$? = 3 ]
	$(KOTLIN)/check.sh $(LIB) $(CARGO_TARGET_DIR)/lib-test $(KOTLIN_OUT) $(c_models) \
	    "$$(python3 tools/models.py path qwen2.5-coder-0.5b)"

kotlin-bench: kotlin-setup lib ## what Kotlin costs beside the same work in C
	python3 tools/models.py fetch smollm2-135m
	$(KOTLIN)/bench/run.sh $(LIB) $(KOTLIN_OUT) "$$(python3 tools/models.py path smollm2-135m)"

kotlin-cycles: kotlin-setup lib lib-test ## create, generate, cancel, free from Kotlin, CYCLES=10000 times
	python3 tools/models.py fetch smollm2-135m
	$(KOTLIN)/tools/build_native.sh $(CARGO_TARGET_DIR)/lib-test $(KOTLIN_OUT)/hooks hooks
	QASK_CYCLES=$(CYCLES) mvn -q -B -ntp -f $(KOTLIN) -Dqask.tested=$(KOTLIN_OUT)/hooks/libqask_jni.so \
	    -Dtest='LifecycleTest#cycles' test

# Fetches 131 MB of Android's classes once.
android-check: kotlin-setup ## what can be said of the Android side without its SDK: shim, Kotlin, AAR
	$(KOTLIN)/android/check/check.sh $(KOTLIN_OUT)/android

android: ## the Kotlin binding as an AAR (needs the NDK: ANDROID_NDK_HOME)
	$(KOTLIN)/android/build.sh

# ---- Swift ----
SWIFT := bindings/swift
SWIFT_OUT := $(abspath $(CARGO_TARGET_DIR))/swift

# Not part of `make test`: where there is no Swift 6 it makes a folder of 3.4 GB that has it. Not run as a whole yet.
swift: lib lib-test ## the Swift binding: tests, examples, what can be said of the XCFramework
	python3 tools/models.py fetch smollm2-135m qwen2.5-coder-0.5b minilm-l6-v2 minilm-rerank
	python3 tools/vectors.py || [ $$? = 3 ]
	$(SWIFT)/check.sh $(LIB) $(CARGO_TARGET_DIR)/lib-test $(SWIFT_OUT) $(c_models) \
	    "$$(python3 tools/models.py path qwen2.5-coder-0.5b)"

swift-bench: lib ## what Swift costs beside the same work in C
	python3 tools/models.py fetch smollm2-135m
	$(SWIFT)/bench/run.sh $(LIB) $(SWIFT_OUT) "$$(python3 tools/models.py path smollm2-135m)"

swift-cycles: lib lib-test ## create, generate, cancel, free from Swift, CYCLES=10000 times
	python3 tools/models.py fetch smollm2-135m
	QASK_CYCLES=$(CYCLES) $(SWIFT)/tools/cycles.sh $(CARGO_TARGET_DIR)/lib-test $(SWIFT_OUT)

xcframework: ## the library for iOS and macOS, in bindings/swift (needs Xcode)
	@$(SWIFT)/tools/xcframework.sh

install-tests: ## consumers by pkg-config and CMake against an installed library; uninstall
	tests/install/run.sh $(LIB) "$$(python3 tools/models.py path smollm2-135m)"

# The second engine: everything of it, C++ included, under AddressSanitizer, with the test hooks and qask's own checks; all but
# Rust under UndefinedBehaviorSanitizer too. (`vptr` would need the types of what llama.cpp's public handles point to.)
asan hostile-asan: export RUSTC_BOOTSTRAP := 1
asan hostile-asan: export RUSTFLAGS += -Zsanitizer=address
asan hostile-asan: export CFLAGS := -fsanitize=undefined -fno-sanitize=vptr $(CFLAGS) -fsanitize=address -g1
asan hostile-asan: export CXXFLAGS := -fsanitize=undefined -fno-sanitize=vptr $(CXXFLAGS) -fsanitize=address -g1
asan hostile-asan: export QASK_GUARD_FLAGS := -fsanitize=undefined -fno-sanitize-recover=undefined
asan: setup ## the C tests under Address- and UndefinedBehaviorSanitizer (a build of the engine of its own)
	CARGO_TARGET_DIR=target-asan $(CARGO) rustc --lib --release $(FEATURES) --crate-type staticlib --target $(HOST) \
	    -- -Cdebug-assertions -Coverflow-checks
	@mkdir -p target-asan/lib
	@cp target-asan/$(HOST)/release/libqask.a target-asan/lib/
	@echo '-lstdc++ -lgomp -lm -lpthread -ldl' >target-asan/lib/libqask.libs
	@nm target-asan/lib/libqask.a 2>/dev/null | grep __ubsan_handle >/dev/null || { echo 'the engine is not sanitized' >&2; exit 1; }
	@env -u CFLAGS -u CXXFLAGS SANITIZER=address,undefined tests/c/run.sh target-asan/lib $(c_models)

# A Rust program brings its own runtime of AddressSanitizer, which has UndefinedBehaviorSanitizer's in it.
hostile-asan: setup ## the part of `make hostile` that `make test` runs, with all of it sanitized as by `make asan`: GROUP=name
	CARGO_TARGET_DIR=target-asan $(CARGO) test --release $(FEATURES) --target $(HOST) --test hostile --no-run
	CARGO_TARGET_DIR=target-asan QASK_HOSTILE_SANITIZED=1 QASK_HOSTILE_LOUD=1 QASK_HOSTILE_GROUP=$(GROUP) \
	    ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=6144 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    $(CARGO) test --release $(FEATURES) --target $(HOST) --test hostile -- --nocapture --test-threads 1 nothing_hostile

valgrind: dist ## C examples and tests under valgrind, on the library of `make dist`: minutes
	@tools/setup.sh valgrind
	tests/c/valgrind.sh target-dist/lib $(c_models)

# The third engine: everything under ThreadSanitizer, the standard library too, since a lock or an atomic that it cannot
# see is a false alarm. For the same reason without OpenMP, whose barriers nobody instruments.
tsan: export RUSTC_BOOTSTRAP := 1
tsan: export RUSTFLAGS += -Zsanitizer=thread
tsan: export CFLAGS += -fsanitize=thread -g1
tsan: export CXXFLAGS += -fsanitize=thread -g1
tsan: export CMAKE_DISABLE_FIND_PACKAGE_OpenMP := TRUE
tsan: export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/tsan.supp
tsan: setup ## concurrency tests, Rust and C, under ThreadSanitizer; not part of `make test`; needs rust-src
	@[ -d "$$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || [ -n "$$__CARGO_TESTS_ONLY_SRC_ROOT" ] || \
	    { echo 'make tsan builds the standard library: rustup component add rust-src' >&2; exit 1; }
	CARGO_TARGET_DIR=target-tsan $(CARGO) -Zbuild-std rustc --lib --release $(FEATURES) --crate-type staticlib --target $(HOST)
	@mkdir -p target-tsan/lib
	@cp target-tsan/$(HOST)/release/libqask.a target-tsan/lib/
	@# rustc's own runtime, in the place of gcc's: Rust calls more of it than gcc's has.
	@cp "$$(rustc --print sysroot)"/lib/rustlib/$(HOST)/lib/librustc-*_rt.tsan.a target-tsan/lib/libtsan.a
	@echo '-static-libtsan -L$(CURDIR)/target-tsan/lib -lstdc++ -lm -lpthread -ldl' >target-tsan/lib/libqask.libs
	@env -u CFLAGS -u CXXFLAGS SANITIZER=thread tests/c/run.sh target-tsan/lib $(c_models)
	CARGO_TARGET_DIR=target-tsan $(CARGO) -Zbuild-std test --release $(FEATURES) --target $(HOST) --test queue
	CARGO_TARGET_DIR=target-tsan $(CARGO) -Zbuild-std test --release $(FEATURES) --target $(HOST) --lib engine::

templates: ## render the expected texts of tests/templates with Python's jinja2 again
	python3 tools/templates.py

# Any run is as good as another, so a first minute costs nothing: TIME=600 is what a change of the parsers deserves.
# Longer inputs than MOST find nothing that shorter ones do not, and take the fuzzer's time.
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/targets/*.rs)))
MOST ?= 4096
# On every machine: this compiler, and no flags of the ordinary build. Names of functions that are new to a run
# (`-print_funcs`) would be looked up by a process of their own, and take most of the time of a slow target.
FUZZ = RUSTC_BOOTSTRAP=1 RUSTFLAGS='--cfg without_engine' CARGO_TARGET_DIR=target-fuzz $(CARGO) fuzz
fuzz: ONLY := $(or $(ONLY),output)
fuzz: setup ## fuzz what reads text and files: ONLY=one of fuzz/targets, or all; TIME=seconds each (needs cargo-fuzz)
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'cargo-fuzz is missing: cargo install cargo-fuzz'; exit 1; }
	@python3 fuzz/seeds.py
	$(FUZZ) build $(if $(filter all,$(ONLY)),,$(ONLY))
	@set -e; for t in $(if $(filter all,$(ONLY)),$(FUZZ_TARGETS),$(ONLY)); do \
	    words=(); [ ! -f fuzz/dictionaries/$$t.dict ] || words=(-dict=fuzz/dictionaries/$$t.dict); \
	    echo "fuzz $$t"; \
	    $(FUZZ) run $$t -- "$${words[@]}" -max_total_time=$(TIME) -timeout=10 -max_len=$(MOST) -print_funcs=0 -print_final_stats=1; \
	done

# These go through llama.cpp, in an engine build of their own, and begin with models of every architecture.
FUZZ_ENGINE_TARGETS := $(basename $(notdir $(wildcard fuzz/engine/targets/*.rs)))
FUZZ_ENGINE = RUSTC_BOOTSTRAP=1 RUSTFLAGS= CFLAGS="$(CFLAGS) -fsanitize=address -g1" CXXFLAGS="$(CXXFLAGS) -fsanitize=address -g1" \
    CARGO_TARGET_DIR=target-fuzz-engine $(CARGO) fuzz
fuzz-engine: ONLY := $(or $(ONLY),all)
fuzz-engine: setup ## fuzz model files, adapters and texts through llama.cpp: ONLY=load, lora, tokenize or all; TIME=seconds each
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'cargo-fuzz is missing: cargo install cargo-fuzz'; exit 1; }
	QASK_SEEDS=$(CURDIR)/fuzz/engine/corpus $(CARGO) test --release $(FEATURES) --test hostile seeds -- --ignored --nocapture
	$(FUZZ_ENGINE) build --fuzz-dir fuzz/engine
	@set -e; for t in $(if $(filter all,$(ONLY)),$(FUZZ_ENGINE_TARGETS),$(ONLY)); do \
	    echo "fuzz $$t"; \
	    $(FUZZ_ENGINE) run --fuzz-dir fuzz/engine $$t -- \
	        -max_total_time=$(TIME) -timeout=60 -max_len=20000 -rss_limit_mb=8192 -print_funcs=0 -print_final_stats=1; \
	done

bfcl: ## tool calls on rows of the Berkeley leaderboard: BFCL='--rows 20 --peer', see tools/bfcl.py
	python3 tools/models.py fetch qwen2.5-coder-1.5b
	$(CARGO) build --release $(FEATURES) --example bfcl
	python3 tools/bfcl.py $(CARGO_TARGET_DIR)/release/examples/bfcl "$$(python3 tools/models.py path qwen2.5-coder-1.5b)" $(BFCL)

scores: setup ## perplexity and HellaSwag beside llama.cpp's own tool: minutes, and a build of the tool the first time
	python3 tools/models.py fetch $(BENCH_MODELS)
	$(CARGO) build --release $(FEATURES) --example scores
	python3 tools/scores.py $(CARGO_TARGET_DIR)/release/examples/scores \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done)

bench-embed: setup ## 1,000 short sentences beside llama.cpp's own embedding tool
	python3 tools/models.py fetch minilm-l6-v2 e5-small
	$(CARGO) build --release $(FEATURES) --example bench_embed
	python3 benches/embed.py $(CARGO_TARGET_DIR)/release/examples/bench_embed \
	    $$(for m in minilm-l6-v2 e5-small; do python3 tools/models.py path $$m; done)

bench: lib ## tables of speed and memory: qask against a minimal loop
	$(CARGO) build --release $(FEATURES) --example raw
	python3 tools/models.py fetch $(BENCH_MODELS)
	benches/run.py $(LIB) $(CARGO_TARGET_DIR)/release/examples/raw \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done) $(BENCH)

MEMORY_MODELS ?= smollm2-135m qwen2.5-coder-0.5b qwen2.5-coder-1.5b minilm-l6-v2 e5-small
memory: setup ## memory plans against what processes really take, MEMORY_MODELS='name…'
	$(CARGO) build --release $(FEATURES) --example memory
	python3 tools/models.py fetch $(MEMORY_MODELS)
	$(CARGO_TARGET_DIR)/release/examples/memory $$(for m in $(MEMORY_MODELS); do python3 tools/models.py path $$m; done)

bench-constraints: setup ## what constraints cost, and what fast-forward gains
	$(CARGO) build --release $(FEATURES) --example bench_constraints
	python3 tools/models.py fetch $(BENCH_MODELS)
	$(CARGO_TARGET_DIR)/release/examples/bench_constraints \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done)

bench-threads: setup ## thread counts that adapt, alone and beside busy programs: BENCH='--rounds 5', see benches/threads.rs
	$(CARGO) build --release $(FEATURES) --example bench_threads
	python3 tools/models.py fetch $(BENCH_MODELS)
	$(CARGO_TARGET_DIR)/release/examples/bench_threads \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done) $(BENCH)

bench-isolated: setup ## engines in a process of their own against engines in this one: BENCH='--rounds 5'
	$(CARGO) build --release $(FEATURES) --bin qask-worker --example bench_isolated
	python3 tools/models.py fetch $(BENCH_MODELS)
	$(CARGO_TARGET_DIR)/release/examples/bench_isolated $(CARGO_TARGET_DIR)/release/qask-worker \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done) $(BENCH)

bench-sessions: setup ## what restoring a prefix from a file costs, against computing it
	$(CARGO) build --release $(FEATURES) --example bench_sessions
	python3 tools/models.py fetch $(BENCH_MODELS)
	$(CARGO_TARGET_DIR)/release/examples/bench_sessions \
	    $$(for m in $(BENCH_MODELS); do python3 tools/models.py path $$m; done)

# Under sudo there may be no cargo: what was built before is installed then.
install: $(if $(HOST),lib) ## header, libraries, pkg-config files and CMake package under PREFIX
	@DESTDIR="$(DESTDIR)" tools/install.sh "$(LIB)" "$(PREFIX)" "$(LIBDIR)"

uninstall: ## remove what install laid down
	@DESTDIR="$(DESTDIR)" tools/install.sh --uninstall "$(PREFIX)" "$(LIBDIR)"

# The tool of the pages, by itself in a folder; an installed mkdocs is not used, so that pages are the same everywhere.
$(CARGO_TARGET_DIR)/docs-venv/done: docs/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

docs: setup $(CARGO_TARGET_DIR)/docs-venv/done ## reference pages in target/docs/site, links checked
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --release --no-deps
	@MKDOCS=$(abspath $(CARGO_TARGET_DIR))/docs-venv/bin/mkdocs tools/docs.py $(CARGO_TARGET_DIR)/docs $(CARGO_TARGET_DIR)/doc

docs-tests: ## every program of README.md and docs/ is compiled and run
	$(CARGO) build --quiet --release $(FEATURES)
	tests/docs/run.sh $(LIB) $(CARGO_TARGET_DIR)/release "$$(python3 tools/models.py path smollm2-135m)"

dist: setup ## a tarball for other machines, in dist/ (a build of the engine of its own)
	tools/dist.sh

variants-test: ## the kernels for several levels of CPU that `make dist` carries, on this CPU and on qemu's models
	@tools/setup.sh qemu
	python3 tools/models.py fetch smollm2-135m
	tests/variants/run.sh target-dist/lib "$$(python3 tools/models.py path smollm2-135m)"

sizes: ## what takes how much room in the library of `make dist`; FOLDER=target-arm64/lib for another
	@tools/sizes.py $(FOLDER)

arm64: ## the tarball for arm64 Linux, cross-compiled with Debian's packages (2.3 GB, as root)
	@tools/setup.sh arm64
	tools/dist.sh aarch64

# An emulator, so this takes its time; nothing of it is part of `make test`.
arm64-test: ## what `make arm64` built, under qemu: kernels by CPU model, answers against this machine's, C and Rust tests
	@tools/setup.sh arm64
	python3 tools/models.py fetch smollm2-135m minilm-l6-v2
	python3 tools/vectors.py || [ $$? = 3 ]
	tests/variants/arm64.sh target-arm64/lib "$$(python3 tools/models.py path smollm2-135m)"

arm64-llvm-test: ## kernels for several CPUs as `make android` makes them, by clang and lld, under qemu (behind `make arm64`)
	@tools/setup.sh arm64
	python3 tools/models.py fetch smollm2-135m
	tests/variants/llvm.sh "$$(python3 tools/models.py path smollm2-135m)"

VET_TOOL := 0.10.3
vet: setup ## no dependency is new or changed but those that supply-chain/ admits (installs cargo-vet once)
	@[ "$$(cargo vet --version 2>/dev/null | sed 's/.* //')" = $(VET_TOOL) ] || \
	    env -u RUSTFLAGS -u CARGO_TARGET_DIR $(CARGO) install --locked --quiet cargo-vet --version $(VET_TOOL)
	@$(CARGO) vet --locked

# A version of the tool, so that lists of one tree are the same everywhere.
SBOM_TOOL := 0.5.7
sbom: setup ## dist/qask.cdx.json: what the library is made of, in the CycloneDX format (installs cargo-cyclonedx once)
	@[ "$$(cargo cyclonedx --version 2>/dev/null | sed 's/.* //')" = $(SBOM_TOOL) ] || \
	    env -u RUSTFLAGS -u CARGO_TARGET_DIR $(CARGO) install --locked --quiet cargo-cyclonedx --version $(SBOM_TOOL)
	@mkdir -p dist
	@$(CARGO) cyclonedx --format json --features capi --target $(HOST) --override-filename qask.cdx --quiet
	@tools/sbom.py qask.cdx.json dist/qask.cdx.json && rm qask.cdx.json

dist-test: ## what a stranger does with the tarball
	@tests/install/tarball.sh "$$(python3 tools/models.py path smollm2-135m)"

clean: ## remove everything that was built
	rm -rf target target-portable target-asan target-tsan target-fuzz target-fuzz-engine target-dist target-arm64 dist
