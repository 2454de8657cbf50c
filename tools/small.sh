# Sourced: settings of a build for phones and small computers. Small are all of Rust (Cargo.toml), and all of llama.cpp but its
# kernels, where the time goes (kernels.sh).
profile=small
export CMAKE_C_FLAGS_RELEASE='-Os -DNDEBUG' CMAKE_CXX_FLAGS_RELEASE='-Os -DNDEBUG'
export KERNEL_FLAGS='-O2 -DNDEBUG'
# Sessions are compressed by the fastest strategy only: without the others.
export SMALL_CFLAGS=
for strategy in DFAST GREEDY LAZY LAZY2 BTLAZY2 BTOPT BTULTRA; do SMALL_CFLAGS+=" -DZSTD_EXCLUDE_${strategy}_BLOCK_COMPRESSOR"; done
export CMAKE_PROJECT_INCLUDE=$PWD/tools/without_common.cmake
