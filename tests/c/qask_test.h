/* The switches of a library built with the feature test-hooks; src/capi/test_hooks.rs. */
#ifndef QASK_TEST_HOOKS_H
#define QASK_TEST_HOOKS_H
#include <qask.h>
qask_status qask_test_provoke_fault(const qask_engine *engine, qask_error **error);
qask_status qask_test_panic(qask_error **error);
qask_status qask_test_fail(qask_status code, qask_error **error);
qask_status qask_test_replay(const qask_engine *engine, const char *json, size_t length, qask_stream **out,
                             qask_error **error);
qask_status qask_test_detect(const char *source, size_t length, qask_string **out, qask_error **error);
#endif
