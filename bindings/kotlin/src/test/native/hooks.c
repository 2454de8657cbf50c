/* The switches of a library with the feature test-hooks, for TestHooks.kt. */
#include <jni.h>
#include <qask_test.h>

#include "../../main/native/shim.h"

#define HOOK(type, name) JNIEXPORT type JNICALL Java_io_github_qask_TestHooks_##name

HOOK(void, fail)(JNIEnv *env, jobject self, jint code) {
    (void) self;
    qask_error *error = NULL;
    qask_status status = qask_test_fail(code, &error);
    check(env, status, error);
}

HOOK(void, panic)(JNIEnv *env, jobject self) {
    (void) self;
    qask_error *error = NULL;
    qask_status status = qask_test_panic(&error);
    check(env, status, error);
}

HOOK(void, provokeFault)(JNIEnv *env, jobject self, jlong engine) {
    (void) self;
    qask_error *error = NULL;
    qask_status status = qask_test_provoke_fault((void *) (uintptr_t) engine, &error);
    check(env, status, error);
}

HOOK(jlong, replay)(JNIEnv *env, jobject self, jlong engine, jstring json) {
    (void) self;
    struct text text = {0};
    qask_stream *stream = NULL;
    qask_error *error = NULL;
    if (text_in(env, json, NULL, &text)) {
        qask_status status = qask_test_replay((void *) (uintptr_t) engine, text.data, text.length, &stream, &error);
        check(env, status, error);
    }
    text_end(&text);
    return (jlong) (intptr_t) stream;
}

HOOK(jstring, finishReasonName)(JNIEnv *env, jobject self, jlong event) {
    (void) self;
    const char *name = qask_event_finish_reason_name((void *) (uintptr_t) event);
    return string_made(env, name, name ? strlen(name) : 0);
}

/* The format of a template's calls and the marks of its thoughts, as JSON. */
HOOK(jstring, detect)(JNIEnv *env, jobject self, jstring source) {
    (void) self;
    struct text text = {0};
    qask_string *string = NULL;
    qask_error *error = NULL;
    if (text_in(env, source, NULL, &text)) {
        qask_status status = qask_test_detect(text.data, text.length, &string, &error);
        check(env, status, error);
    }
    text_end(&text);
    return string_taken(env, string);
}
