/* The builds of ggml's CPU back-end that this library carries: see kernels.c. */
#ifndef QASK_KERNELS_H
#define QASK_KERNELS_H

#include <stddef.h>

/* Who may be linked without them says so. */
#ifndef QASK_IF_LINKED
#define QASK_IF_LINKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct qask_kernel {
    const char * name;
    /* The instruction sets that its compiler took for granted, each followed by a comma (cpu_macros.c). */
    const char * needs;
};

/* From the build for every CPU upwards; behind the last one a name that is NULL. */
extern const struct qask_kernel qask_kernels[] QASK_IF_LINKED;

/* Before the first call of the engine. */
void qask_kernels_use(size_t i) QASK_IF_LINKED;

#ifdef __cplusplus
}
#endif
#endif
