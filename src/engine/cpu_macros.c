/* Data only: which instruction sets the compiler takes for granted in a native build, and in each build of the CPU
 * back-end that a package carries (tools/kernels.sh). No code, so that it is safe on any CPU. Names are those of Rust's
 * is_x86_feature_detected! / is_aarch64_feature_detected!; cpu.rs knows each of them. */
const char qask_cpu_macros[] =
#ifdef __SSSE3__
    "ssse3,"
#endif
#ifdef __POPCNT__
    "popcnt,"
#endif
#ifdef __SSE4_2__
    "sse4.2,"
#endif
#ifdef __AVX__
    "avx,"
#endif
#ifdef __AVX2__
    "avx2,"
#endif
#ifdef __FMA__
    "fma,"
#endif
#ifdef __F16C__
    "f16c,"
#endif
#ifdef __BMI__
    "bmi1,"
#endif
#ifdef __BMI2__
    "bmi2,"
#endif
#ifdef __LZCNT__
    "lzcnt,"
#endif
#ifdef __AVX512F__
    "avx512f,"
#endif
#ifdef __AVX512CD__
    "avx512cd,"
#endif
#ifdef __AVX512BW__
    "avx512bw,"
#endif
#ifdef __AVX512DQ__
    "avx512dq,"
#endif
#ifdef __AVX512VL__
    "avx512vl,"
#endif
#ifdef __AVX512VBMI__
    "avx512vbmi,"
#endif
#ifdef __AVX512VNNI__
    "avx512vnni,"
#endif
#ifdef __AVX512BF16__
    "avx512bf16,"
#endif
#ifdef __AVXVNNI__
    "avxvnni,"
#endif
#ifdef __GFNI__
    "gfni,"
#endif
#ifdef __VAES__
    "vaes,"
#endif
#ifdef __ARM_FEATURE_ATOMICS
    "lse,"
#endif
#ifdef __ARM_FEATURE_QRDMX
    "rdm,"
#endif
#ifdef __ARM_FEATURE_CRC32
    "crc,"
#endif
#ifdef __ARM_FEATURE_DOTPROD
    "dotprod,"
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
    "i8mm,"
#endif
#ifdef __ARM_FEATURE_SVE
    "sve,"
#endif
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
    "fp16,"
#endif
    "";
