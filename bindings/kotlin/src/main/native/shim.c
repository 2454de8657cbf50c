/* Texts, numbers and errors between JNI and qask.h, and what happens when the library is loaded. */
#include "shim.h"

#include <stdlib.h>

static jclass exceptions;
static jmethodID exception_of;

static void throw_new(JNIEnv *env, const char *class, const char *message) {
    jclass found = (*env)->FindClass(env, class);
    if (found) (*env)->ThrowNew(env, found, message);
}

static bool out_of_memory(JNIEnv *env) {
    throw_new(env, "java/lang/OutOfMemoryError", "qask: no memory for a text");
    return false;
}

static void throw_status(JNIEnv *env, qask_status status, const char *message, size_t length) {
    if ((*env)->ExceptionCheck(env)) return;
    jstring text = string_made(env, message, length);
    if (!text) return;
    jobject exception = (*env)->CallStaticObjectMethod(env, exceptions, exception_of, (jint) status, text);
    if (!(*env)->ExceptionCheck(env) && exception) (*env)->Throw(env, exception);
}

void check(JNIEnv *env, qask_status status, qask_error *error) {
    if (status < QASK_ERR_NULL) return;
    size_t length = 0;
    const char *message = qask_error_message(error, &length);
    throw_status(env, status, message, length);
    qask_error_free(error);
}

/* ---- texts ---- */

/* At most three bytes for each of `count` units. */
static size_t to_utf8(const jchar *units, size_t count, char *out) {
    char *at = out;
    for (size_t i = 0; i < count; i++) {
        uint32_t c = units[i];
        if (c >= 0xD800 && c < 0xDC00 && i + 1 < count && units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + (units[++i] - 0xDC00u);
        if (c < 0x80) {
            *at++ = (char) c;
        } else if (c < 0x800) {
            *at++ = (char) (0xC0 | c >> 6);
            *at++ = (char) (0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            *at++ = (char) (0xE0 | c >> 12);
            *at++ = (char) (0x80 | (c >> 6 & 0x3F));
            *at++ = (char) (0x80 | (c & 0x3F));
        } else {
            *at++ = (char) (0xF0 | c >> 18);
            *at++ = (char) (0x80 | (c >> 12 & 0x3F));
            *at++ = (char) (0x80 | (c >> 6 & 0x3F));
            *at++ = (char) (0x80 | (c & 0x3F));
        }
    }
    return (size_t) (at - out);
}

/* The library's text is valid UTF-8: at most one unit for each byte. */
static jsize to_utf16(const char *data, size_t length, jchar *out) {
    const unsigned char *s = (const unsigned char *) data, *end = s + length;
    jchar *at = out;
    while (s < end) {
        uint32_t c = *s++;
        int more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        if (more) c &= 0x3Fu >> more;
        while (more-- && s < end) c = c << 6 | (*s++ & 0x3F);
        if (c < 0x10000) {
            *at++ = (jchar) c;
        } else {
            *at++ = (jchar) (0xD7C0 + (c >> 10));
            *at++ = (jchar) (0xDC00 + (c & 0x3FF));
        }
    }
    return (jsize) (at - out);
}

bool text_in(JNIEnv *env, jstring string, const char *name, struct text *text) {
    if (!string) return true;
    size_t count = (size_t) (*env)->GetStringLength(env, string);
    text->data = text->few;
    if (3 * count + 1 > sizeof text->few && !(text->data = malloc(3 * count + 1))) return out_of_memory(env);
    const jchar *units = (*env)->GetStringCritical(env, string, NULL);
    if (!units) return out_of_memory(env);
    text->length = to_utf8(units, count, text->data);
    (*env)->ReleaseStringCritical(env, string, units);
    text->data[text->length] = '\0';
    if (name && memchr(text->data, '\0', text->length)) {
        char message[128] = "the ";
        strncat(message, name, 64);
        strcat(message, " has a NUL character in it");
        throw_status(env, QASK_ERR_RANGE, message, strlen(message));
        return false;
    }
    return true;
}

void text_end(struct text *text) {
    if (text->data != text->few) free(text->data);
}

bool texts_in(JNIEnv *env, jobjectArray strings, const char *name, struct texts *texts) {
    if (!strings) return true;
    size_t count = (size_t) (*env)->GetArrayLength(env, strings);
    /* One more, so that there is something to point to. */
    texts->data = calloc(count + 1, sizeof *texts->data);
    texts->lengths = calloc(count + 1, sizeof *texts->lengths);
    if (!texts->data || !texts->lengths) return out_of_memory(env);
    for (size_t i = 0; i < count; i++) {
        jstring string = (*env)->GetObjectArrayElement(env, strings, (jsize) i);
        struct text text = {0};
        bool fine = text_in(env, string, name, &text);
        (*env)->DeleteLocalRef(env, string);
        char *copy = fine ? malloc(text.length + 1) : NULL;
        if (copy && text.data) memcpy(copy, text.data, text.length + 1);
        if (copy && !text.data) *copy = '\0';
        text_end(&text);
        if (!copy) return fine && out_of_memory(env);
        texts->data[i] = copy;
        texts->lengths[i] = text.length;
        texts->count = i + 1;
    }
    return true;
}

void texts_end(struct texts *texts) {
    for (size_t i = 0; i < texts->count; i++) free(texts->data[i]);
    free(texts->data);
    free(texts->lengths);
}

jstring string_made(JNIEnv *env, const char *data, size_t length) {
    if (!data || (*env)->ExceptionCheck(env)) return NULL;
    jchar few[256], *units = few;
    if (length > INT32_MAX || (length > 256 && !(units = malloc(length * sizeof *units)))) {
        out_of_memory(env);
        return NULL;
    }
    jstring made = (*env)->NewString(env, units, to_utf16(data, length, units));
    if (units != few) free(units);
    return made;
}

jstring string_taken(JNIEnv *env, qask_string *string) {
    size_t length = 0;
    const char *data = qask_string_data(string, &length);
    jstring made = string_made(env, data, length);
    qask_string_free(string);
    return made;
}

/* ---- numbers ---- */

bool ints_in(JNIEnv *env, jintArray array, struct ints *ints) {
    if (!array) return true;
    ints->count = (size_t) (*env)->GetArrayLength(env, array);
    return (ints->data = (*env)->GetIntArrayElements(env, array, NULL)) != NULL;
}

void ints_end(JNIEnv *env, jintArray array, struct ints *ints, bool commit) {
    if (ints->data) (*env)->ReleaseIntArrayElements(env, array, ints->data, commit ? 0 : JNI_ABORT);
}

bool floats_in(JNIEnv *env, jfloatArray array, struct floats *floats) {
    if (!array) return true;
    floats->count = (size_t) (*env)->GetArrayLength(env, array);
    return (floats->data = (*env)->GetFloatArrayElements(env, array, NULL)) != NULL;
}

void floats_end(JNIEnv *env, jfloatArray array, struct floats *floats, bool commit) {
    if (floats->data) (*env)->ReleaseFloatArrayElements(env, array, floats->data, commit ? 0 : JNI_ABORT);
}

bool number_in(JNIEnv *env, jlong value, uint64_t most, const char *name) {
    if (value >= 0 && (uint64_t) value <= most) return true;
    char message[128] = "";
    strncat(message, name, 64);
    strcat(message, value < 0 ? " must not be negative" : " must be below 4294967296");
    throw_status(env, QASK_ERR_RANGE, message, strlen(message));
    return false;
}

/* What makes arrays does so after a call that may have failed: then there is nothing to make. */
#define MADE(type, Type, made, values, count)                                                \
    do {                                                                                     \
        if (!(values) || (*env)->ExceptionCheck(env)) return NULL;                           \
        type##Array made = (*env)->New##Type##Array(env, (jsize) (count));                   \
        if (made) (*env)->Set##Type##ArrayRegion(env, made, 0, (jsize) (count), values);     \
        return made;                                                                         \
    } while (0)

jintArray ints_made(JNIEnv *env, const int32_t *values, size_t count) { MADE(jint, Int, made, values, count); }
jfloatArray floats_made(JNIEnv *env, const float *values, size_t count) { MADE(jfloat, Float, made, values, count); }
jlongArray longs_made(JNIEnv *env, const jlong *values, jsize count) { MADE(jlong, Long, made, values, count); }
jdoubleArray doubles_made(JNIEnv *env, const jdouble *values, jsize count) { MADE(jdouble, Double, made, values, count); }

void longs_out(JNIEnv *env, jlongArray out, const jlong *values, jsize count) {
    if (out) (*env)->SetLongArrayRegion(env, out, 0, count, values);
}

/* ---- loading ---- */

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    (void) reserved;
    JNIEnv *env = NULL;
    if ((*vm)->GetEnv(vm, (void **) &env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
    if (qask_abi_version() < QASK_ABI_VERSION) {
        throw_new(env, "java/lang/UnsatisfiedLinkError", "libqask is older than this binding");
        return JNI_ERR;
    }
    jclass found = (*env)->FindClass(env, "io/github/qask/QaskException");
    if (!found || !(exceptions = (*env)->NewGlobalRef(env, found))) return JNI_ERR;
    exception_of = (*env)->GetStaticMethodID(env, exceptions, "of", "(ILjava/lang/String;)Lio/github/qask/QaskException;");
    jclass raw = (*env)->FindClass(env, "io/github/qask/Raw");
    if (!exception_of || !raw || !callbacks_load(vm, env)) return JNI_ERR;
    if ((*env)->RegisterNatives(env, raw, raw_methods, raw_methods_count) != JNI_OK) return JNI_ERR;
    return JNI_VERSION_1_6;
}
