/* Chooses between the builds of ggml's CPU back-end that a package carries, one for each level of a CPU. Written for
 * tools/kernels.sh, which links it with them; a build for one kind of CPU does without.
 *
 * Of the whole back-end the rest of llama.cpp calls one function by its name, `ggml_backend_cpu_reg`; everything else
 * goes through the table that it returns. guard.cpp asks too what a build takes for granted. So these names are
 * defined here and lead to the chosen build. If llama.cpp or guard.cpp ever calls another name of the back-end, the
 * link fails on symbols that are there twice.
 *
 * QASK_KERNELS(X) is X(name of a build) for each build, from the one for every CPU upwards. This file must run on any
 * CPU. */
#include <stddef.h>

#include "kernels.h"

struct ggml_backend_reg;

/* What guard.cpp asks a build about itself. */
#define ASKED(X, build)                                                                                              \
    X(build, ssse3) X(build, avx) X(build, avx2) X(build, fma) X(build, f16c) X(build, bmi2) X(build, avx512)        \
    X(build, avx512_vbmi) X(build, avx512_vnni) X(build, avx512_bf16) X(build, avx_vnni) X(build, amx_int8)          \
    X(build, dotprod) X(build, matmul_int8) X(build, sve) X(build, fp16_va)

enum question {
#define QUESTION(build, what) asks_##what,
    ASKED(QUESTION, )
    questions
};

struct build {
    struct ggml_backend_reg *(*reg)(void);
    int (*has[questions])(void);
};

/* Each build's own names begin with its name: tools/kernels.sh renames them. */
#define DECLARE_HAS(build, what) int build##_ggml_cpu_has_##what(void);
#define DECLARE(build)                                                                                               \
    struct ggml_backend_reg *build##_ggml_backend_cpu_reg(void);                                                     \
    extern const char build##_qask_cpu_macros[];                                                                     \
    ASKED(DECLARE_HAS, build)
QASK_KERNELS(DECLARE)

#define HAS(build, what) build##_ggml_cpu_has_##what,
#define ROW(build) {build##_ggml_backend_cpu_reg, {ASKED(HAS, build)}},
static const struct build builds[] = {QASK_KERNELS(ROW)};

#define DESCRIBE(build) {#build, build##_qask_cpu_macros},
const struct qask_kernel qask_kernels[] = {QASK_KERNELS(DESCRIBE){NULL, NULL}};

/* Until somebody has looked at the CPU, and where nobody does, the first. */
static const struct build *used = builds;

void qask_kernels_use(size_t i) {
    used = &builds[i];
}

struct ggml_backend_reg *ggml_backend_cpu_reg(void) {
    return used->reg();
}

#define ANSWER(build, what)                                                                                          \
    int ggml_cpu_has_##what(void) {                                                                                  \
        return used->has[asks_##what]();                                                                             \
    }
ASKED(ANSWER, )
