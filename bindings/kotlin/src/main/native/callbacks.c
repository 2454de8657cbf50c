/* Calls from threads of the library into Java. Such a thread becomes one of Java's with its first call, a daemon, and is
 * given back when it ends. What a callback throws stays in Kotlin, which has caught it (Callbacks.kt). */
#include "shim.h"

#include <pthread.h>

static JavaVM *machine;
static jmethodID call_progress, call_log;
static pthread_key_t attached;

static void detach(void *yes) {
    (void) yes;
    (*machine)->DetachCurrentThread(machine);
}

/* NULL when Java is ending. */
static JNIEnv *enter(void) {
    JNIEnv *env = NULL;
    if ((*machine)->GetEnv(machine, (void **) &env, JNI_VERSION_1_6) == JNI_OK) return env;
    JavaVMAttachArgs arguments = {JNI_VERSION_1_6, "qask", NULL};
#ifdef __ANDROID__
    if ((*machine)->AttachCurrentThreadAsDaemon(machine, &env, &arguments) != JNI_OK) return NULL;
#else
    if ((*machine)->AttachCurrentThreadAsDaemon(machine, (void **) &env, &arguments) != JNI_OK) return NULL;
#endif
    pthread_setspecific(attached, machine);
    return env;
}

static void leave(JNIEnv *env) {
    if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
}

bool callbacks_load(JavaVM *vm, JNIEnv *env) {
    machine = vm;
    if (pthread_key_create(&attached, detach) != 0) return false;
    jclass progress = (*env)->FindClass(env, "io/github/qask/ProgressCallback");
    if (!progress) return false;
    call_progress = (*env)->GetMethodID(env, progress, "call", "(F)V");
    jclass log = call_progress ? (*env)->FindClass(env, "io/github/qask/LogCallback") : NULL;
    if (!log) return false;
    call_log = (*env)->GetMethodID(env, log, "call", "(ILjava/lang/String;Ljava/lang/String;)V");
    return call_log != NULL;
}

bool callback_in(JNIEnv *env, jobject callback, jobject *held) {
    if (!callback) return true;
    return (*held = (*env)->NewGlobalRef(env, callback)) != NULL;
}

void on_destroy(void *user_data) {
    JNIEnv *env = user_data ? enter() : NULL;
    if (env) (*env)->DeleteGlobalRef(env, user_data);
}

void on_progress_callback(void *user_data, float share) {
    JNIEnv *env = enter();
    if (!env) return;
    (*env)->CallVoidMethod(env, user_data, call_progress, (jfloat) share);
    leave(env);
}

void on_log_callback(void *user_data, int32_t level, const char *target, const char *message, size_t length) {
    JNIEnv *env = enter();
    /* The thread never comes back to Java, so nothing else ends its references. */
    if (!env || (*env)->PushLocalFrame(env, 4) != JNI_OK) return;
    jstring who = string_made(env, target, strlen(target)), line = string_made(env, message, length);
    if (who && line) (*env)->CallVoidMethod(env, user_data, call_log, (jint) level, who, line);
    leave(env);
    (*env)->PopLocalFrame(env, NULL);
}
