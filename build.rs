//! Compiles the guard against llama.cpp's own headers, and records which CPU a native build was made for.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/engine/guard.cpp");
    println!("cargo:rerun-if-changed=src/engine/late_statics.cpp");
    println!("cargo:rerun-if-changed=src/engine/kernels.h");
    println!("cargo:rerun-if-changed=src/engine/cpu_macros.c");

    // The engine's crate hands over its CMake folder; its headers stand two folders above.
    let cmake = env::var("DEP_LLAMA_GGML_CMAKE_DIR")
        .expect("llama-cpp-sys-2 must be a direct dependency: it gives DEP_LLAMA_GGML_CMAKE_DIR");
    let include = PathBuf::from(cmake).join("../../include");
    assert!(include.join("llama.h").is_file(), "no llama.h in {}", include.display());

    // `make asan` has more to check here than in all of llama.cpp.
    println!("cargo:rerun-if-env-changed=QASK_GUARD_FLAGS");
    let more = env::var("QASK_GUARD_FLAGS").unwrap_or_default();

    let mut guard = cc::Build::new();
    if env::var_os("CARGO_FEATURE_TEST_HOOKS").is_some() {
        guard.define("QG_TEST_HOOKS", None);
    }
    if ["CUDA", "METAL", "VULKAN", "ROCM", "OPENCL"]
        .iter()
        .any(|g| env::var_os(format!("CARGO_FEATURE_{g}")).is_some())
    {
        guard.define("QG_GPU", None);
    }
    // Not with the flags of RUSTFLAGS: the guard must run on any CPU, to say that the engine cannot.
    guard
        .cpp(true)
        .std("c++17")
        .file("src/engine/guard.cpp")
        .file("src/engine/late_statics.cpp")
        .include(&include)
        .include("src/engine")
        .inherit_rustflags(false)
        .flag_if_supported("-fvisibility=hidden")
        .flag_if_supported("-Wall")
        .flag_if_supported("-Wextra")
        .flag_if_supported("-Wno-unused-parameter")
        .flags(more.split_whitespace())
        .compile("qask_guard");

    native_cpu();
}

/// For a native build, compiles a data-only file with `-march=native`: it lists the instruction sets that the C
/// compiler took for granted, so that loading on a lesser CPU is an error and not a SIGILL.
fn native_cpu() {
    println!("cargo:rustc-check-cfg=cfg(qask_native)");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // The engine's build script reads the first target-cpu the same way.
    let first = flags.split('\x1f').find_map(|f| f.split("target-cpu=").nth(1));
    if first != Some("native") {
        return;
    }
    println!("cargo:rustc-cfg=qask_native");
    cc::Build::new()
        .file("src/engine/cpu_macros.c")
        .inherit_rustflags(false)
        .flag_if_supported("-march=native")
        .compile("qask_cpu_macros");
}
