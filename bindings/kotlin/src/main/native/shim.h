/* Between JNI and qask.h: what raw.c, which is made from the header, uses. Each `…_in` takes over something of Java's, gives
 * false with an exception pending where it cannot, and has an `…_end`, which may be called in either case. */
#ifndef QASK_SHIM_H
#define QASK_SHIM_H

#include <jni.h>
#include <qask.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Java's UTF-16 as the header's UTF-8. Half a surrogate pair becomes bytes that the library refuses (UTF8). */
struct text {
    char *data;
    size_t length;
    char few[256];
};

/* `name` says what it is where the header has it end with NUL, so that a NUL inside is refused; NULL for content. */
bool text_in(JNIEnv *env, jstring string, const char *name, struct text *text);
void text_end(struct text *text);

struct texts {
    char **data;
    size_t *lengths;
    size_t count;
};
bool texts_in(JNIEnv *env, jobjectArray strings, const char *name, struct texts *texts);
void texts_end(struct texts *texts);

/* Numbers are copied back to Java when `end` is told so. */
struct ints {
    jint *data;
    size_t count;
};
bool ints_in(JNIEnv *env, jintArray array, struct ints *ints);
void ints_end(JNIEnv *env, jintArray array, struct ints *ints, bool commit);
struct floats {
    jfloat *data;
    size_t count;
};
bool floats_in(JNIEnv *env, jfloatArray array, struct floats *floats);
void floats_end(JNIEnv *env, jfloatArray array, struct floats *floats, bool commit);

/* A number that the header wants unsigned. */
bool number_in(JNIEnv *env, jlong value, uint64_t most, const char *name);

/* Throws the QaskException of a failed call, and frees its error. */
void check(JNIEnv *env, qask_status status, qask_error *error);

jstring string_made(JNIEnv *env, const char *data, size_t length);
jstring string_taken(JNIEnv *env, qask_string *string);
jintArray ints_made(JNIEnv *env, const int32_t *values, size_t count);
jfloatArray floats_made(JNIEnv *env, const float *values, size_t count);
jlongArray longs_made(JNIEnv *env, const jlong *values, jsize count);
jdoubleArray doubles_made(JNIEnv *env, const jdouble *values, jsize count);
void longs_out(JNIEnv *env, jlongArray out, const jlong *values, jsize count);

/* callbacks.c: an object of Java's that the library holds until `on_destroy`. */
bool callback_in(JNIEnv *env, jobject callback, jobject *held);
void on_progress_callback(void *user_data, float share);
void on_log_callback(void *user_data, int32_t level, const char *target, const char *message, size_t length);
void on_destroy(void *user_data);
bool callbacks_load(JavaVM *vm, JNIEnv *env);

extern const JNINativeMethod raw_methods[];
extern const jint raw_methods_count;

#endif
