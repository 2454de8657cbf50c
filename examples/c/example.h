/* What the examples share: end with the error's message when a call fails. */
#ifndef EXAMPLE_H
#define EXAMPLE_H
#include <qask.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A pointer to the error: C may evaluate `error` itself before the call that sets it. */
static inline void check(qask_status status, qask_error **error) {
    if (status == QASK_OK) return;
    fprintf(stderr, "%s: %s\n", qask_status_name(status), qask_error_message(*error, NULL));
    qask_error_free(*error);
    exit(1);
}
#endif
