/* The raw layer, made from include/qask.h by tools/generate.py: do not edit. */
#include "shim.h"

static jstring JNICALL q_status_name(JNIEnv *env, jclass raw, jint status) {
    (void) raw;
    const char *value = 0;
    value = qask_status_name((qask_status) status);
    return string_made(env, value, value ? strlen(value) : 0);
}

static jstring JNICALL q_version(JNIEnv *env, jclass raw) {
    (void) raw;
    const char *value = 0;
    value = qask_version();
    return string_made(env, value, value ? strlen(value) : 0);
}

static jboolean JNICALL q_supports(JNIEnv *env, jclass raw, jstring feature) {
    (void) raw;
    struct text feature_ = {0};
    bool value = 0;
    if (text_in(env, feature, "feature", &feature_)) {
        value = qask_supports(feature_.data);
    }
    text_end(&feature_);
    return (jboolean) value;
}

static jlong JNICALL q_live_handles(JNIEnv *env, jclass raw) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_live_handles();
    return (jlong) value;
}

static jlong JNICALL q_cancel_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_cancel *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_cancel_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_cancel_raise(JNIEnv *env, jclass raw, jlong cancel) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_cancel_raise((void *) (uintptr_t) cancel, &error);
    check(env, status, error);
}

static void JNICALL q_cancel_free(JNIEnv *env, jclass raw, jlong cancel) {
    (void) raw;
    (void) env;
    qask_cancel_free((void *) (uintptr_t) cancel);
}

static jlong JNICALL q_model_inspect(JNIEnv *env, jclass raw, jstring path) {
    (void) raw;
    struct text path_ = {0};
    qask_inspection *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_model_inspect(path_.data, &out, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_inspection_free(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    qask_inspection_free((void *) (uintptr_t) inspection);
}

static jstring JNICALL q_inspection_architecture(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_inspection_architecture((void *) (uintptr_t) inspection, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_inspection_name(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_inspection_name((void *) (uintptr_t) inspection, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_inspection_quantization(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_inspection_quantization((void *) (uintptr_t) inspection, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_inspection_parameters(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_inspection_parameters((void *) (uintptr_t) inspection);
    return (jlong) value;
}

static jlong JNICALL q_inspection_context_length(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_inspection_context_length((void *) (uintptr_t) inspection);
    return (jlong) value;
}

static jlong JNICALL q_inspection_vocabulary_size(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_inspection_vocabulary_size((void *) (uintptr_t) inspection);
    return (jlong) value;
}

static jlong JNICALL q_inspection_file_size(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_inspection_file_size((void *) (uintptr_t) inspection);
    return (jlong) value;
}

static jstring JNICALL q_inspection_chat_template(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_inspection_chat_template((void *) (uintptr_t) inspection, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_inspection_metadata_count(JNIEnv *env, jclass raw, jlong inspection) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_inspection_metadata_count((void *) (uintptr_t) inspection);
    return (jlong) value;
}

static jstring JNICALL q_inspection_metadata(JNIEnv *env, jclass raw, jlong inspection, jstring key) {
    (void) raw;
    struct text key_ = {0};
    size_t length = 0;
    const char *value = 0;
    if (text_in(env, key, "key", &key_)) {
        value = qask_inspection_metadata((void *) (uintptr_t) inspection, key_.data, &length);
    }
    text_end(&key_);
    return string_made(env, value, length);
}

static jstring JNICALL q_inspection_metadata_key_at(JNIEnv *env, jclass raw, jlong inspection, jlong index) {
    (void) raw;
    const char *value = 0;
    value = qask_inspection_metadata_key_at((void *) (uintptr_t) inspection, (size_t) index);
    return string_made(env, value, value ? strlen(value) : 0);
}

static jlong JNICALL q_model_options_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_model_options *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_options_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_model_options_free(JNIEnv *env, jclass raw, jlong options) {
    (void) raw;
    (void) env;
    qask_model_options_free((void *) (uintptr_t) options);
}

static void JNICALL q_model_options_set_progress(JNIEnv *env, jclass raw, jlong options, jobject callback) {
    (void) raw;
    jobject held = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (callback_in(env, callback, &held)) {
        status = qask_model_options_set_progress((void *) (uintptr_t) options, callback ? on_progress_callback : NULL, held, on_destroy, &error);
        check(env, status, error);
    }
}

static void JNICALL q_model_options_set_gpu_layers(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "gpu_layers")) {
        status = qask_model_options_set_gpu_layers((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_model_options_set_main_gpu(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "main_gpu")) {
        status = qask_model_options_set_main_gpu((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_model_options_set_mmap(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_options_set_mmap((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_model_options_set_mlock(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_options_set_mlock((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_model_options_set_check_tensors(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_options_set_check_tensors((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_model_options_set_repack(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_options_set_repack((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_model_options_set_memory_budget(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, INT64_MAX, "memory_budget")) {
        status = qask_model_options_set_memory_budget((void *) (uintptr_t) options, (uint64_t) value, &error);
        check(env, status, error);
    }
}

static jlong JNICALL q_model_load(JNIEnv *env, jclass raw, jstring path, jlong model_options, jlong cancel) {
    (void) raw;
    struct text path_ = {0};
    qask_model *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_model_load(path_.data, (void *) (uintptr_t) model_options, (void *) (uintptr_t) cancel, &out, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_model_load_splits(JNIEnv *env, jclass raw, jobjectArray paths, jlong model_options, jlong cancel) {
    (void) raw;
    struct texts paths_ = {0};
    qask_model *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (texts_in(env, paths, "paths", &paths_)) {
        status = qask_model_load_splits((const char *const *) paths_.data, paths_.count, (void *) (uintptr_t) model_options, (void *) (uintptr_t) cancel, &out, &error);
        check(env, status, error);
    }
    texts_end(&paths_);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_model_load_fd(JNIEnv *env, jclass raw, jint fd, jlong offset, jlong length, jlong model_options, jlong cancel) {
    (void) raw;
    qask_model *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, offset, INT64_MAX, "offset") && number_in(env, length, INT64_MAX, "length")) {
        status = qask_model_load_fd((int32_t) fd, (uint64_t) offset, (uint64_t) length, (void *) (uintptr_t) model_options, (void *) (uintptr_t) cancel, &out, &error);
        check(env, status, error);
    }
    return (jlong) (intptr_t) out;
}

static void JNICALL q_model_free(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    qask_model_free((void *) (uintptr_t) model);
}

static jlong JNICALL q_model_tokenize(JNIEnv *env, jclass raw, jlong model, jstring text, jboolean add_special, jboolean parse_special, jintArray tokens) {
    (void) raw;
    struct text text_ = {0};
    struct ints tokens_ = {0};
    size_t count = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_) && ints_in(env, tokens, &tokens_)) {
        status = qask_model_tokenize((void *) (uintptr_t) model, text_.data, text_.length, (bool) add_special, (bool) parse_special, tokens_.data, tokens_.count, &count, &error);
        check(env, status, error);
    }
    text_end(&text_);
    ints_end(env, tokens, &tokens_, !(*env)->ExceptionCheck(env));
    return (jlong) count;
}

static jstring JNICALL q_model_detokenize(JNIEnv *env, jclass raw, jlong model, jintArray tokens, jboolean render_special) {
    (void) raw;
    struct ints tokens_ = {0};
    qask_string *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (ints_in(env, tokens, &tokens_)) {
        status = qask_model_detokenize((void *) (uintptr_t) model, tokens_.data, tokens_.count, (bool) render_special, &out, &error);
        check(env, status, error);
    }
    ints_end(env, tokens, &tokens_, false);
    return string_taken(env, out);
}

static jstring JNICALL q_model_render(JNIEnv *env, jclass raw, jlong model, jlong request) {
    (void) raw;
    qask_string *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_model_render((void *) (uintptr_t) model, (void *) (uintptr_t) request, &out, &error);
    check(env, status, error);
    return string_taken(env, out);
}

static jboolean JNICALL q_model_supports_infill(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    bool value = 0;
    value = qask_model_supports_infill((void *) (uintptr_t) model);
    return (jboolean) value;
}

static jboolean JNICALL q_model_is_eog(JNIEnv *env, jclass raw, jlong model, jint token) {
    (void) raw;
    (void) env;
    bool value = 0;
    value = qask_model_is_eog((void *) (uintptr_t) model, (int32_t) token);
    return (jboolean) value;
}

static jstring JNICALL q_model_device_at(JNIEnv *env, jclass raw, jlong model, jlong index, jlongArray out) {
    (void) raw;
    uint64_t bytes = 0;
    const char *value = 0;
    value = qask_model_device_at((void *) (uintptr_t) model, (size_t) index, &bytes);
    longs_out(env, out, (jlong[]) {(jlong) bytes}, 1);
    return string_made(env, value, value ? strlen(value) : 0);
}

static jlong JNICALL q_model_gpu_layers(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_model_gpu_layers((void *) (uintptr_t) model);
    return (jlong) value;
}

static jint JNICALL q_model_bos(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_model_bos((void *) (uintptr_t) model);
    return (jint) value;
}

static jint JNICALL q_model_eos(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_model_eos((void *) (uintptr_t) model);
    return (jint) value;
}

static jint JNICALL q_model_eot(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_model_eot((void *) (uintptr_t) model);
    return (jint) value;
}

static jstring JNICALL q_model_architecture(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_model_architecture((void *) (uintptr_t) model, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_model_name(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_model_name((void *) (uintptr_t) model, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_model_quantization(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_model_quantization((void *) (uintptr_t) model, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_model_parameters(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_model_parameters((void *) (uintptr_t) model);
    return (jlong) value;
}

static jlong JNICALL q_model_context_length(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_model_context_length((void *) (uintptr_t) model);
    return (jlong) value;
}

static jlong JNICALL q_model_vocabulary_size(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_model_vocabulary_size((void *) (uintptr_t) model);
    return (jlong) value;
}

static jlong JNICALL q_model_file_size(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_model_file_size((void *) (uintptr_t) model);
    return (jlong) value;
}

static jstring JNICALL q_model_chat_template(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_model_chat_template((void *) (uintptr_t) model, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_model_metadata_count(JNIEnv *env, jclass raw, jlong model) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_model_metadata_count((void *) (uintptr_t) model);
    return (jlong) value;
}

static jstring JNICALL q_model_metadata(JNIEnv *env, jclass raw, jlong model, jstring key) {
    (void) raw;
    struct text key_ = {0};
    size_t length = 0;
    const char *value = 0;
    if (text_in(env, key, "key", &key_)) {
        value = qask_model_metadata((void *) (uintptr_t) model, key_.data, &length);
    }
    text_end(&key_);
    return string_made(env, value, length);
}

static jstring JNICALL q_model_metadata_key_at(JNIEnv *env, jclass raw, jlong model, jlong index) {
    (void) raw;
    const char *value = 0;
    value = qask_model_metadata_key_at((void *) (uintptr_t) model, (size_t) index);
    return string_made(env, value, value ? strlen(value) : 0);
}

static jlong JNICALL q_adapter_load(JNIEnv *env, jclass raw, jlong model, jstring path) {
    (void) raw;
    struct text path_ = {0};
    qask_adapter *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_adapter_load((void *) (uintptr_t) model, path_.data, &out, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_adapter_free(JNIEnv *env, jclass raw, jlong adapter) {
    (void) raw;
    (void) env;
    qask_adapter_free((void *) (uintptr_t) adapter);
}

static jint JNICALL q_adapter_kind(JNIEnv *env, jclass raw, jlong adapter) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_adapter_kind((void *) (uintptr_t) adapter);
    return (jint) value;
}

static void JNICALL q_request_add_adapter(JNIEnv *env, jclass raw, jlong request, jlong adapter, jfloat scale) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_add_adapter((void *) (uintptr_t) request, (void *) (uintptr_t) adapter, (float) scale, &error);
    check(env, status, error);
}

static void JNICALL q_request_clear_adapters(JNIEnv *env, jclass raw, jlong request) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_clear_adapters((void *) (uintptr_t) request, &error);
    check(env, status, error);
}

static jlong JNICALL q_request_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_request *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_request_from_json(JNIEnv *env, jclass raw, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_request *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_request_from_json(json_.data, json_.length, &out, &error);
        check(env, status, error);
    }
    text_end(&json_);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_request_free(JNIEnv *env, jclass raw, jlong request) {
    (void) raw;
    (void) env;
    qask_request_free((void *) (uintptr_t) request);
}

static void JNICALL q_request_add_message(JNIEnv *env, jclass raw, jlong request, jstring role, jstring text) {
    (void) raw;
    struct text role_ = {0};
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, role, "role", &role_) && text_in(env, text, NULL, &text_)) {
        status = qask_request_add_message((void *) (uintptr_t) request, role_.data, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&role_);
    text_end(&text_);
}

static void JNICALL q_request_add_message_json(JNIEnv *env, jclass raw, jlong request, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_request_add_message_json((void *) (uintptr_t) request, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&json_);
}

static void JNICALL q_request_set_prompt(JNIEnv *env, jclass raw, jlong request, jstring text, jboolean parse_special) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_request_set_prompt((void *) (uintptr_t) request, text_.data, text_.length, (bool) parse_special, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_request_set_prompt_tokens(JNIEnv *env, jclass raw, jlong request, jintArray tokens) {
    (void) raw;
    struct ints tokens_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (ints_in(env, tokens, &tokens_)) {
        status = qask_request_set_prompt_tokens((void *) (uintptr_t) request, tokens_.data, tokens_.count, &error);
        check(env, status, error);
    }
    ints_end(env, tokens, &tokens_, false);
}

static void JNICALL q_request_set_infill(JNIEnv *env, jclass raw, jlong request, jstring prefix, jstring suffix) {
    (void) raw;
    struct text prefix_ = {0};
    struct text suffix_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, prefix, NULL, &prefix_) && text_in(env, suffix, NULL, &suffix_)) {
        status = qask_request_set_infill((void *) (uintptr_t) request, prefix_.data, prefix_.length, suffix_.data, suffix_.length, &error);
        check(env, status, error);
    }
    text_end(&prefix_);
    text_end(&suffix_);
}

static void JNICALL q_request_add_stop(JNIEnv *env, jclass raw, jlong request, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_request_add_stop((void *) (uintptr_t) request, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_request_add_tool_json(JNIEnv *env, jclass raw, jlong request, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_request_add_tool_json((void *) (uintptr_t) request, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&json_);
}

static void JNICALL q_request_set_template(JNIEnv *env, jclass raw, jlong request, jstring source) {
    (void) raw;
    struct text source_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, source, NULL, &source_)) {
        status = qask_request_set_template((void *) (uintptr_t) request, source_.data, source_.length, &error);
        check(env, status, error);
    }
    text_end(&source_);
}

static void JNICALL q_request_set_template_variable(JNIEnv *env, jclass raw, jlong request, jstring variable, jstring json) {
    (void) raw;
    struct text variable_ = {0};
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, variable, "variable", &variable_) && text_in(env, json, NULL, &json_)) {
        status = qask_request_set_template_variable((void *) (uintptr_t) request, variable_.data, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&variable_);
    text_end(&json_);
}

static void JNICALL q_request_set_cache_key(JNIEnv *env, jclass raw, jlong request, jstring key) {
    (void) raw;
    struct text key_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, key, "key", &key_)) {
        status = qask_request_set_cache_key((void *) (uintptr_t) request, key_.data, &error);
        check(env, status, error);
    }
    text_end(&key_);
}

static void JNICALL q_request_set_max_tokens(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_tokens")) {
        status = qask_request_set_max_tokens((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_min_tokens(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "min_tokens")) {
        status = qask_request_set_min_tokens((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_ignore_eos(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_ignore_eos((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_top_logprobs(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "top_logprobs")) {
        status = qask_request_set_top_logprobs((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_n(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "n")) {
        status = qask_request_set_n((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_return_tokens(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_return_tokens((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_priority(JNIEnv *env, jclass raw, jlong request, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_priority((void *) (uintptr_t) request, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_deadline_ms(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_deadline_ms((void *) (uintptr_t) request, (int64_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_context_policy(JNIEnv *env, jclass raw, jlong request, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_context_policy((void *) (uintptr_t) request, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_shift_keep(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "shift_keep")) {
        status = qask_request_set_shift_keep((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_continue_final_message(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_continue_final_message((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_temperature(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_temperature((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_dynatemp_range(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_dynatemp_range((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_dynatemp_exponent(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_dynatemp_exponent((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_top_p(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_top_p((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_min_p(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_min_p((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_typical_p(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_typical_p((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_top_n_sigma(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_top_n_sigma((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_xtc_probability(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_xtc_probability((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_xtc_threshold(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_xtc_threshold((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_dry_multiplier(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_dry_multiplier((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_dry_base(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_dry_base((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_repeat_penalty(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_repeat_penalty((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_frequency_penalty(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_frequency_penalty((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_presence_penalty(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_presence_penalty((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_mirostat_tau(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_mirostat_tau((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_mirostat_eta(JNIEnv *env, jclass raw, jlong request, jfloat value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_mirostat_eta((void *) (uintptr_t) request, (float) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_top_k(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "top_k")) {
        status = qask_request_set_top_k((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_dry_allowed_length(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "dry_allowed_length")) {
        status = qask_request_set_dry_allowed_length((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_dry_penalty_last_n(JNIEnv *env, jclass raw, jlong request, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_dry_penalty_last_n((void *) (uintptr_t) request, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_penalty_last_n(JNIEnv *env, jclass raw, jlong request, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_penalty_last_n((void *) (uintptr_t) request, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_mirostat(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "mirostat")) {
        status = qask_request_set_mirostat((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_min_keep(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "min_keep")) {
        status = qask_request_set_min_keep((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_seed(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "seed")) {
        status = qask_request_set_seed((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_dry_sequence_breakers(JNIEnv *env, jclass raw, jlong request, jobjectArray breakers) {
    (void) raw;
    struct texts breakers_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (texts_in(env, breakers, "breakers", &breakers_)) {
        status = qask_request_set_dry_sequence_breakers((void *) (uintptr_t) request, (const char *const *) breakers_.data, breakers_.count, &error);
        check(env, status, error);
    }
    texts_end(&breakers_);
}

static void JNICALL q_request_add_logit_bias(JNIEnv *env, jclass raw, jlong request, jint token, jfloat bias) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_add_logit_bias((void *) (uintptr_t) request, (int32_t) token, (float) bias, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_json_schema(JNIEnv *env, jclass raw, jlong request, jstring schema) {
    (void) raw;
    struct text schema_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, schema, NULL, &schema_)) {
        status = qask_request_set_json_schema((void *) (uintptr_t) request, schema_.data, schema_.length, &error);
        check(env, status, error);
    }
    text_end(&schema_);
}

static void JNICALL q_request_set_json(JNIEnv *env, jclass raw, jlong request, jboolean object) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_json((void *) (uintptr_t) request, (bool) object, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_json_whitespace(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_json_whitespace((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_regex(JNIEnv *env, jclass raw, jlong request, jstring source) {
    (void) raw;
    struct text source_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, source, NULL, &source_)) {
        status = qask_request_set_regex((void *) (uintptr_t) request, source_.data, source_.length, &error);
        check(env, status, error);
    }
    text_end(&source_);
}

static void JNICALL q_request_set_grammar(JNIEnv *env, jclass raw, jlong request, jstring source) {
    (void) raw;
    struct text source_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, source, NULL, &source_)) {
        status = qask_request_set_grammar((void *) (uintptr_t) request, source_.data, source_.length, &error);
        check(env, status, error);
    }
    text_end(&source_);
}

static void JNICALL q_request_set_lark(JNIEnv *env, jclass raw, jlong request, jstring source) {
    (void) raw;
    struct text source_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, source, NULL, &source_)) {
        status = qask_request_set_lark((void *) (uintptr_t) request, source_.data, source_.length, &error);
        check(env, status, error);
    }
    text_end(&source_);
}

static void JNICALL q_request_add_choice(JNIEnv *env, jclass raw, jlong request, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_request_add_choice((void *) (uintptr_t) request, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_request_add_constraint_trigger(JNIEnv *env, jclass raw, jlong request, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_request_add_constraint_trigger((void *) (uintptr_t) request, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_request_set_heal(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_heal((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static jboolean JNICALL q_request_accepts(JNIEnv *env, jclass raw, jlong request, jstring text) {
    (void) raw;
    struct text text_ = {0};
    bool out = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_request_accepts((void *) (uintptr_t) request, text_.data, text_.length, &out, &error);
        check(env, status, error);
    }
    text_end(&text_);
    return (jboolean) out;
}

static jstring JNICALL q_engine_ask_json(JNIEnv *env, jclass raw, jlong engine, jlong request, jstring schema, jlong cancel) {
    (void) raw;
    struct text schema_ = {0};
    qask_string *json = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, schema, NULL, &schema_)) {
        status = qask_engine_ask_json((void *) (uintptr_t) engine, (void *) (uintptr_t) request, schema_.data, schema_.length, (void *) (uintptr_t) cancel, &json, &error);
        check(env, status, error);
    }
    text_end(&schema_);
    return string_taken(env, json);
}

static void JNICALL q_request_set_tool_choice(JNIEnv *env, jclass raw, jlong request, jstring choice) {
    (void) raw;
    struct text choice_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, choice, "choice", &choice_)) {
        status = qask_request_set_tool_choice((void *) (uintptr_t) request, choice_.data, &error);
        check(env, status, error);
    }
    text_end(&choice_);
}

static void JNICALL q_request_set_tool_choice_function(JNIEnv *env, jclass raw, jlong request, jstring function) {
    (void) raw;
    struct text function_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, function, "function", &function_)) {
        status = qask_request_set_tool_choice_function((void *) (uintptr_t) request, function_.data, &error);
        check(env, status, error);
    }
    text_end(&function_);
}

static void JNICALL q_request_set_parallel_tool_calls(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_parallel_tool_calls((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_tool_format(JNIEnv *env, jclass raw, jlong request, jstring format) {
    (void) raw;
    struct text format_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, format, "format", &format_)) {
        status = qask_request_set_tool_format((void *) (uintptr_t) request, format_.data, &error);
        check(env, status, error);
    }
    text_end(&format_);
}

static void JNICALL q_request_set_thinking(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_thinking((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_request_set_reasoning_budget(JNIEnv *env, jclass raw, jlong request, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "reasoning_budget")) {
        status = qask_request_set_reasoning_budget((void *) (uintptr_t) request, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_request_set_split_reasoning(JNIEnv *env, jclass raw, jlong request, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_request_set_split_reasoning((void *) (uintptr_t) request, (bool) value, &error);
    check(env, status, error);
}

static jlong JNICALL q_event_tool_index(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_tool_index((void *) (uintptr_t) event);
    return (jlong) value;
}

static jstring JNICALL q_event_tool_id(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_event_tool_id((void *) (uintptr_t) event, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_event_tool_name(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_event_tool_name((void *) (uintptr_t) event, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_event_tool_arguments(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_event_tool_arguments((void *) (uintptr_t) event, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_event_reasoning_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_reasoning_tokens((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_engine_options_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_engine_options *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_engine_options_free(JNIEnv *env, jclass raw, jlong options) {
    (void) raw;
    (void) env;
    qask_engine_options_free((void *) (uintptr_t) options);
}

static void JNICALL q_engine_options_set_n_ctx(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "n_ctx")) {
        status = qask_engine_options_set_n_ctx((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_kv_tokens(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "kv_tokens")) {
        status = qask_engine_options_set_kv_tokens((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_max_sequences(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_sequences")) {
        status = qask_engine_options_set_max_sequences((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_max_queue(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_queue")) {
        status = qask_engine_options_set_max_queue((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_n_batch(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "n_batch")) {
        status = qask_engine_options_set_n_batch((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_n_ubatch(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "n_ubatch")) {
        status = qask_engine_options_set_n_ubatch((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_threads(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "threads")) {
        status = qask_engine_options_set_threads((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_threads_batch(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "threads_batch")) {
        status = qask_engine_options_set_threads_batch((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_adapt_threads(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_adapt_threads((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_cache_type_k(JNIEnv *env, jclass raw, jlong options, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_cache_type_k((void *) (uintptr_t) options, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_cache_type_v(JNIEnv *env, jclass raw, jlong options, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_cache_type_v((void *) (uintptr_t) options, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_flash_attention(JNIEnv *env, jclass raw, jlong options, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_flash_attention((void *) (uintptr_t) options, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_unified_kv(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_unified_kv((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_max_step_ms(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_step_ms")) {
        status = qask_engine_options_set_max_step_ms((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_prefix_cache(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_prefix_cache((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_deterministic(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_deterministic((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_offload_kv(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_offload_kv((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_memory_budget(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, INT64_MAX, "memory_budget")) {
        status = qask_engine_options_set_memory_budget((void *) (uintptr_t) options, (uint64_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_engine_options_set_prefix_cache_dir(JNIEnv *env, jclass raw, jlong options, jstring path, jlong bytes) {
    (void) raw;
    struct text path_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_) && number_in(env, bytes, INT64_MAX, "bytes")) {
        status = qask_engine_options_set_prefix_cache_dir((void *) (uintptr_t) options, path_.data, (uint64_t) bytes, &error);
        check(env, status, error);
    }
    text_end(&path_);
}

static void JNICALL q_engine_options_set_isolated(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_options_set_isolated((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_engine_options_set_worker(JNIEnv *env, jclass raw, jlong options, jstring path) {
    (void) raw;
    struct text path_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_engine_options_set_worker((void *) (uintptr_t) options, path_.data, &error);
        check(env, status, error);
    }
    text_end(&path_);
}

static jlong JNICALL q_engine_new(JNIEnv *env, jclass raw, jlong model, jlong engine_options) {
    (void) raw;
    qask_engine *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_new((void *) (uintptr_t) model, (void *) (uintptr_t) engine_options, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_engine_free(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    (void) env;
    qask_engine_free((void *) (uintptr_t) engine);
}

static jint JNICALL q_engine_close(JNIEnv *env, jclass raw, jlong engine, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_close((void *) (uintptr_t) engine, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static jlong JNICALL q_engine_submit(JNIEnv *env, jclass raw, jlong engine, jlong request, jlong cancel) {
    (void) raw;
    qask_stream *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_submit((void *) (uintptr_t) engine, (void *) (uintptr_t) request, (void *) (uintptr_t) cancel, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_engine_prewarm(JNIEnv *env, jclass raw, jlong engine, jlong request, jboolean pin) {
    (void) raw;
    qask_stream *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_prewarm((void *) (uintptr_t) engine, (void *) (uintptr_t) request, (bool) pin, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_engine_unpin(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_unpin((void *) (uintptr_t) engine, &error);
    check(env, status, error);
}

static void JNICALL q_engine_set_threads(JNIEnv *env, jclass raw, jlong engine, jlong threads, jlong threads_batch) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, threads, UINT32_MAX, "threads") && number_in(env, threads_batch, UINT32_MAX, "threads_batch")) {
        status = qask_engine_set_threads((void *) (uintptr_t) engine, (uint32_t) threads, (uint32_t) threads_batch, &error);
        check(env, status, error);
    }
}

static jint JNICALL q_engine_pause(JNIEnv *env, jclass raw, jlong engine, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_pause((void *) (uintptr_t) engine, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static void JNICALL q_engine_resume(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_resume((void *) (uintptr_t) engine, &error);
    check(env, status, error);
}

static jint JNICALL q_engine_trim(JNIEnv *env, jclass raw, jlong engine, jint level, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_trim((void *) (uintptr_t) engine, (int32_t) level, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static jlong JNICALL q_engine_n_ctx(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_engine_n_ctx((void *) (uintptr_t) engine);
    return (jlong) value;
}

static jlong JNICALL q_engine_kv_tokens(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_engine_kv_tokens((void *) (uintptr_t) engine);
    return (jlong) value;
}

static jlong JNICALL q_engine_stats(JNIEnv *env, jclass raw, jlong engine) {
    (void) raw;
    qask_stats *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_stats((void *) (uintptr_t) engine, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_stats_free(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    qask_stats_free((void *) (uintptr_t) stats);
}

static jlong JNICALL q_stats_queued(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_queued((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_active(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_active((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_kv_tokens_total(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_kv_tokens_total((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_kv_tokens_used(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_kv_tokens_used((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_cached_tokens(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_cached_tokens((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_evictions(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_evictions((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_preemptions(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_preemptions((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_submitted(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_submitted((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_finished(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_finished((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_failed(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_failed((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_prompt_tokens(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_prompt_tokens((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_reused_tokens(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_reused_tokens((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_disk_tokens(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_disk_tokens((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_output_tokens(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_output_tokens((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_steps(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_steps((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jdouble JNICALL q_stats_prompt_tokens_per_second(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    double value = 0;
    value = qask_stats_prompt_tokens_per_second((void *) (uintptr_t) stats);
    return (jdouble) value;
}

static jdouble JNICALL q_stats_output_tokens_per_second(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    double value = 0;
    value = qask_stats_output_tokens_per_second((void *) (uintptr_t) stats);
    return (jdouble) value;
}

static jlong JNICALL q_stats_longest_step_us(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_stats_longest_step_us((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_threads(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_threads((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_threads_batch(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_threads_batch((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_threads_used(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_threads_used((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jlong JNICALL q_stats_threads_batch_used(JNIEnv *env, jclass raw, jlong stats) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_stats_threads_batch_used((void *) (uintptr_t) stats);
    return (jlong) value;
}

static jint JNICALL q_stream_next(JNIEnv *env, jclass raw, jlong stream, jlong timeout_ms, jlongArray out) {
    (void) raw;
    const qask_event *event = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_stream_next((void *) (uintptr_t) stream, (int64_t) timeout_ms, &event, &error);
    check(env, status, error);
    if (status == QASK_OK) longs_out(env, out, (jlong[]) {(jlong) (intptr_t) event}, 1);
    return status;
}

static void JNICALL q_stream_cancel(JNIEnv *env, jclass raw, jlong stream) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_stream_cancel((void *) (uintptr_t) stream, &error);
    check(env, status, error);
}

static void JNICALL q_stream_free(JNIEnv *env, jclass raw, jlong stream) {
    (void) raw;
    (void) env;
    qask_stream_free((void *) (uintptr_t) stream);
}

static jstring JNICALL q_event_json(JNIEnv *env, jclass raw, jlong event, jstring id) {
    (void) raw;
    struct text id_ = {0};
    qask_string *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, id, "id", &id_)) {
        status = qask_event_json((void *) (uintptr_t) event, id_.data, &out, &error);
        check(env, status, error);
    }
    text_end(&id_);
    return string_taken(env, out);
}

static jintArray JNICALL q_event_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t count = 0;
    const int32_t *value = 0;
    value = qask_event_tokens((void *) (uintptr_t) event, &count);
    return ints_made(env, value, count);
}

static jdoubleArray JNICALL q_event_logprob_at(JNIEnv *env, jclass raw, jlong event, jlong index) {
    (void) raw;
    int32_t token = 0;
    float logprob = 0;
    bool value = 0;
    value = qask_event_logprob_at((void *) (uintptr_t) event, (size_t) index, &token, &logprob);
    return value ? doubles_made(env, (jdouble[]) {(jdouble) token, (jdouble) logprob}, 2) : NULL;
}

static jdoubleArray JNICALL q_event_top_logprob_at(JNIEnv *env, jclass raw, jlong event, jlong index, jlong rank) {
    (void) raw;
    int32_t token = 0;
    float logprob = 0;
    bool value = 0;
    value = qask_event_top_logprob_at((void *) (uintptr_t) event, (size_t) index, (size_t) rank, &token, &logprob);
    return value ? doubles_made(env, (jdouble[]) {(jdouble) token, (jdouble) logprob}, 2) : NULL;
}

static jint JNICALL q_event_type(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_event_type((void *) (uintptr_t) event);
    return (jint) value;
}

static jlong JNICALL q_event_choice(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_choice((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_logprob_count(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_event_logprob_count((void *) (uintptr_t) event);
    return (jlong) value;
}

static jint JNICALL q_event_finish_reason(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_event_finish_reason((void *) (uintptr_t) event);
    return (jint) value;
}

static jint JNICALL q_event_error_code(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    qask_status value = 0;
    value = qask_event_error_code((void *) (uintptr_t) event);
    return (jint) value;
}

static jlong JNICALL q_event_seed(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_seed((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_prompt_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_prompt_tokens((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_cached_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_cached_tokens((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_forced_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_forced_tokens((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_output_tokens(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_output_tokens((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_preemptions(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_preemptions((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_dropped_messages(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_event_dropped_messages((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_queue_us(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int64_t value = 0;
    value = qask_event_queue_us((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_prefill_us(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int64_t value = 0;
    value = qask_event_prefill_us((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_first_token_us(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int64_t value = 0;
    value = qask_event_first_token_us((void *) (uintptr_t) event);
    return (jlong) value;
}

static jlong JNICALL q_event_decode_us(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    (void) env;
    int64_t value = 0;
    value = qask_event_decode_us((void *) (uintptr_t) event);
    return (jlong) value;
}

static jstring JNICALL q_event_text(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_event_text((void *) (uintptr_t) event, &length);
    return string_made(env, value, length);
}

static jstring JNICALL q_event_error_message(JNIEnv *env, jclass raw, jlong event) {
    (void) raw;
    size_t length = 0;
    const char *value = 0;
    value = qask_event_error_message((void *) (uintptr_t) event, &length);
    return string_made(env, value, length);
}

static jlong JNICALL q_queue_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_queue *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_queue_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_queue_add(JNIEnv *env, jclass raw, jlong queue, jlong stream, jlong tag) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, tag, INT64_MAX, "tag")) {
        status = qask_queue_add((void *) (uintptr_t) queue, (void *) (uintptr_t) stream, (uint64_t) tag, &error);
        check(env, status, error);
    }
}

static jint JNICALL q_queue_next(JNIEnv *env, jclass raw, jlong queue, jlong timeout_ms, jlongArray out) {
    (void) raw;
    uint64_t tag = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_queue_next((void *) (uintptr_t) queue, (int64_t) timeout_ms, &tag, &error);
    check(env, status, error);
    if (status == QASK_OK) longs_out(env, out, (jlong[]) {(jlong) tag}, 1);
    return status;
}

static jlong JNICALL q_chat_new(JNIEnv *env, jclass raw, jlong engine, jlong settings) {
    (void) raw;
    qask_chat *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_new((void *) (uintptr_t) engine, (void *) (uintptr_t) settings, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_chat_free(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    (void) env;
    qask_chat_free((void *) (uintptr_t) chat);
}

static void JNICALL q_chat_set_request(JNIEnv *env, jclass raw, jlong chat, jlong request) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_set_request((void *) (uintptr_t) chat, (void *) (uintptr_t) request, &error);
    check(env, status, error);
}

static void JNICALL q_chat_set_system(JNIEnv *env, jclass raw, jlong chat, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_chat_set_system((void *) (uintptr_t) chat, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static jlong JNICALL q_chat_send(JNIEnv *env, jclass raw, jlong chat, jstring text, jlong cancel) {
    (void) raw;
    struct text text_ = {0};
    qask_stream *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_chat_send((void *) (uintptr_t) chat, text_.data, text_.length, (void *) (uintptr_t) cancel, &out, &error);
        check(env, status, error);
    }
    text_end(&text_);
    return (jlong) (intptr_t) out;
}

static jstring JNICALL q_chat_ask_json(JNIEnv *env, jclass raw, jlong chat, jstring text, jstring schema, jlong cancel) {
    (void) raw;
    struct text text_ = {0};
    struct text schema_ = {0};
    qask_string *json = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_) && text_in(env, schema, NULL, &schema_)) {
        status = qask_chat_ask_json((void *) (uintptr_t) chat, text_.data, text_.length, schema_.data, schema_.length, (void *) (uintptr_t) cancel, &json, &error);
        check(env, status, error);
    }
    text_end(&text_);
    text_end(&schema_);
    return string_taken(env, json);
}

static jlong JNICALL q_chat_send_message_json(JNIEnv *env, jclass raw, jlong chat, jstring json, jlong cancel) {
    (void) raw;
    struct text json_ = {0};
    qask_stream *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_chat_send_message_json((void *) (uintptr_t) chat, json_.data, json_.length, (void *) (uintptr_t) cancel, &out, &error);
        check(env, status, error);
    }
    text_end(&json_);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_chat_regenerate(JNIEnv *env, jclass raw, jlong chat, jlong cancel) {
    (void) raw;
    qask_stream *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_regenerate((void *) (uintptr_t) chat, (void *) (uintptr_t) cancel, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static jint JNICALL q_chat_wait(JNIEnv *env, jclass raw, jlong chat, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_wait((void *) (uintptr_t) chat, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static jboolean JNICALL q_chat_is_busy(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    (void) env;
    bool value = 0;
    value = qask_chat_is_busy((void *) (uintptr_t) chat);
    return (jboolean) value;
}

static jlong JNICALL q_chat_count(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_chat_count((void *) (uintptr_t) chat);
    return (jlong) value;
}

static jstring JNICALL q_chat_message_json_at(JNIEnv *env, jclass raw, jlong chat, jlong index) {
    (void) raw;
    qask_string *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, index, INT64_MAX, "index")) {
        status = qask_chat_message_json_at((void *) (uintptr_t) chat, (size_t) index, &out, &error);
        check(env, status, error);
    }
    return string_taken(env, out);
}

static jint JNICALL q_chat_cut_short_at(JNIEnv *env, jclass raw, jlong chat, jlong index) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_chat_cut_short_at((void *) (uintptr_t) chat, (size_t) index);
    return (jint) value;
}

static jlong JNICALL q_chat_dropped_messages(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_chat_dropped_messages((void *) (uintptr_t) chat);
    return (jlong) value;
}

static void JNICALL q_chat_add_message_json(JNIEnv *env, jclass raw, jlong chat, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_chat_add_message_json((void *) (uintptr_t) chat, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&json_);
}

static void JNICALL q_chat_set_message_json_at(JNIEnv *env, jclass raw, jlong chat, jlong index, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, index, INT64_MAX, "index") && text_in(env, json, NULL, &json_)) {
        status = qask_chat_set_message_json_at((void *) (uintptr_t) chat, (size_t) index, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&json_);
}

static void JNICALL q_chat_drop_turn_at(JNIEnv *env, jclass raw, jlong chat, jlong index) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, index, INT64_MAX, "index")) {
        status = qask_chat_drop_turn_at((void *) (uintptr_t) chat, (size_t) index, &error);
        check(env, status, error);
    }
}

static void JNICALL q_chat_clear(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_clear((void *) (uintptr_t) chat, &error);
    check(env, status, error);
}

static jstring JNICALL q_chat_export(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    qask_string *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_export((void *) (uintptr_t) chat, &out, &error);
    check(env, status, error);
    return string_taken(env, out);
}

static void JNICALL q_chat_import(JNIEnv *env, jclass raw, jlong chat, jstring json) {
    (void) raw;
    struct text json_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, json, NULL, &json_)) {
        status = qask_chat_import((void *) (uintptr_t) chat, json_.data, json_.length, &error);
        check(env, status, error);
    }
    text_end(&json_);
}

static jlong JNICALL q_chat_fork(JNIEnv *env, jclass raw, jlong chat) {
    (void) raw;
    qask_chat *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_chat_fork((void *) (uintptr_t) chat, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_save_options_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_save_options *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_save_options_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_save_options_free(JNIEnv *env, jclass raw, jlong options) {
    (void) raw;
    (void) env;
    qask_save_options_free((void *) (uintptr_t) options);
}

static void JNICALL q_save_options_set_compress(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_save_options_set_compress((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static jlongArray JNICALL q_chat_save(JNIEnv *env, jclass raw, jlong chat, jstring path, jlong save_options, jlong cancel) {
    (void) raw;
    struct text path_ = {0};
    uint64_t saved_tokens = 0;
    uint64_t saved_bytes = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_chat_save((void *) (uintptr_t) chat, path_.data, (void *) (uintptr_t) save_options, (void *) (uintptr_t) cancel, &saved_tokens, &saved_bytes, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return longs_made(env, (jlong[]) {(jlong) saved_tokens, (jlong) saved_bytes}, 2);
}

static jlong JNICALL q_chat_restore(JNIEnv *env, jclass raw, jlong chat, jstring path, jlong cancel) {
    (void) raw;
    struct text path_ = {0};
    uint64_t restored_tokens = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_chat_restore((void *) (uintptr_t) chat, path_.data, (void *) (uintptr_t) cancel, &restored_tokens, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) restored_tokens;
}

static jlongArray JNICALL q_engine_save_prefix(JNIEnv *env, jclass raw, jlong engine, jlong request, jstring path, jlong save_options, jlong cancel) {
    (void) raw;
    struct text path_ = {0};
    uint64_t saved_tokens = 0;
    uint64_t saved_bytes = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_engine_save_prefix((void *) (uintptr_t) engine, (void *) (uintptr_t) request, path_.data, (void *) (uintptr_t) save_options, (void *) (uintptr_t) cancel, &saved_tokens, &saved_bytes, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return longs_made(env, (jlong[]) {(jlong) saved_tokens, (jlong) saved_bytes}, 2);
}

static jlong JNICALL q_engine_restore_prefix(JNIEnv *env, jclass raw, jlong engine, jlong request, jstring path, jlong cancel) {
    (void) raw;
    struct text path_ = {0};
    uint64_t restored_tokens = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_engine_restore_prefix((void *) (uintptr_t) engine, (void *) (uintptr_t) request, path_.data, (void *) (uintptr_t) cancel, &restored_tokens, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) restored_tokens;
}

static void JNICALL q_log_set(JNIEnv *env, jclass raw, jint level, jobject callback) {
    (void) raw;
    jobject held = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (callback_in(env, callback, &held)) {
        status = qask_log_set((int32_t) level, callback ? on_log_callback : NULL, held, on_destroy, &error);
        check(env, status, error);
    }
}

static jlong JNICALL q_embedder_options_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_embedder_options *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_options_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_embedder_options_free(JNIEnv *env, jclass raw, jlong options) {
    (void) raw;
    (void) env;
    qask_embedder_options_free((void *) (uintptr_t) options);
}

static void JNICALL q_embedder_options_set_pooling(JNIEnv *env, jclass raw, jlong options, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_options_set_pooling((void *) (uintptr_t) options, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_embedder_options_set_normalize(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_options_set_normalize((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_embedder_options_set_dimensions(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "dimensions")) {
        status = qask_embedder_options_set_dimensions((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_embedder_options_set_max_tokens(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_tokens")) {
        status = qask_embedder_options_set_max_tokens((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_embedder_options_set_truncation(JNIEnv *env, jclass raw, jlong options, jint value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_options_set_truncation((void *) (uintptr_t) options, (int32_t) value, &error);
    check(env, status, error);
}

static void JNICALL q_embedder_options_set_batch_tokens(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "batch_tokens")) {
        status = qask_embedder_options_set_batch_tokens((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_embedder_options_set_max_sequences(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_sequences")) {
        status = qask_embedder_options_set_max_sequences((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_embedder_options_set_query_prefix(JNIEnv *env, jclass raw, jlong options, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_embedder_options_set_query_prefix((void *) (uintptr_t) options, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_embedder_options_set_document_prefix(JNIEnv *env, jclass raw, jlong options, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_embedder_options_set_document_prefix((void *) (uintptr_t) options, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_embedder_options_set_instruction(JNIEnv *env, jclass raw, jlong options, jstring text) {
    (void) raw;
    struct text text_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_embedder_options_set_instruction((void *) (uintptr_t) options, text_.data, text_.length, &error);
        check(env, status, error);
    }
    text_end(&text_);
}

static void JNICALL q_embedder_options_set_threads(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "threads")) {
        status = qask_embedder_options_set_threads((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_embedder_options_set_adapt_threads(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_options_set_adapt_threads((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_embedder_options_set_memory_budget(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, INT64_MAX, "memory_budget")) {
        status = qask_embedder_options_set_memory_budget((void *) (uintptr_t) options, (uint64_t) value, &error);
        check(env, status, error);
    }
}

static jlong JNICALL q_embedder_new(JNIEnv *env, jclass raw, jlong model, jlong embedder_options) {
    (void) raw;
    qask_embedder *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_new((void *) (uintptr_t) model, (void *) (uintptr_t) embedder_options, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_embedder_free(JNIEnv *env, jclass raw, jlong embedder) {
    (void) raw;
    (void) env;
    qask_embedder_free((void *) (uintptr_t) embedder);
}

static jint JNICALL q_embedder_close(JNIEnv *env, jclass raw, jlong embedder, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_close((void *) (uintptr_t) embedder, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static jlong JNICALL q_embedder_dimensions(JNIEnv *env, jclass raw, jlong embedder) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_embedder_dimensions((void *) (uintptr_t) embedder);
    return (jlong) value;
}

static jint JNICALL q_embedder_pooling(JNIEnv *env, jclass raw, jlong embedder) {
    (void) raw;
    (void) env;
    int32_t value = 0;
    value = qask_embedder_pooling((void *) (uintptr_t) embedder);
    return (jint) value;
}

static jlong JNICALL q_embedder_max_tokens(JNIEnv *env, jclass raw, jlong embedder) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_embedder_max_tokens((void *) (uintptr_t) embedder);
    return (jlong) value;
}

static jlong JNICALL q_embedder_count_tokens(JNIEnv *env, jclass raw, jlong embedder, jstring text, jint purpose) {
    (void) raw;
    struct text text_ = {0};
    size_t count = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_)) {
        status = qask_embedder_count_tokens((void *) (uintptr_t) embedder, text_.data, text_.length, (int32_t) purpose, &count, &error);
        check(env, status, error);
    }
    text_end(&text_);
    return (jlong) count;
}

static void JNICALL q_embedder_embed(JNIEnv *env, jclass raw, jlong embedder, jobjectArray texts, jint purpose, jlong cancel, jfloatArray out) {
    (void) raw;
    struct texts texts_ = {0};
    struct floats out_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (texts_in(env, texts, NULL, &texts_) && floats_in(env, out, &out_)) {
        status = qask_embedder_embed((void *) (uintptr_t) embedder, (const char *const *) texts_.data, texts_.lengths, texts_.count, (int32_t) purpose, (void *) (uintptr_t) cancel, out_.data, out_.count, &error);
        check(env, status, error);
    }
    texts_end(&texts_);
    floats_end(env, out, &out_, !(*env)->ExceptionCheck(env));
}

static jlong JNICALL q_embedder_embed_tokens(JNIEnv *env, jclass raw, jlong embedder, jstring text, jint purpose, jlong cancel, jfloatArray out) {
    (void) raw;
    struct text text_ = {0};
    struct floats out_ = {0};
    size_t count = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_) && floats_in(env, out, &out_)) {
        status = qask_embedder_embed_tokens((void *) (uintptr_t) embedder, text_.data, text_.length, (int32_t) purpose, (void *) (uintptr_t) cancel, out_.data, out_.count, &count, &error);
        check(env, status, error);
    }
    text_end(&text_);
    floats_end(env, out, &out_, !(*env)->ExceptionCheck(env));
    return (jlong) count;
}

static void JNICALL q_embedder_rerank(JNIEnv *env, jclass raw, jlong embedder, jstring query, jobjectArray texts, jlong cancel, jfloatArray out) {
    (void) raw;
    struct text query_ = {0};
    struct texts texts_ = {0};
    struct floats out_ = {0};
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, query, NULL, &query_) && texts_in(env, texts, NULL, &texts_) && floats_in(env, out, &out_)) {
        status = qask_embedder_rerank((void *) (uintptr_t) embedder, query_.data, query_.length, (const char *const *) texts_.data, texts_.lengths, texts_.count, (void *) (uintptr_t) cancel, out_.data, out_.count, &error);
        check(env, status, error);
    }
    text_end(&query_);
    texts_end(&texts_);
    floats_end(env, out, &out_, !(*env)->ExceptionCheck(env));
}

static jlong JNICALL q_model_plan(JNIEnv *env, jclass raw, jstring path, jlong model_options, jlong engine_options) {
    (void) raw;
    struct text path_ = {0};
    qask_plan *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_model_plan(path_.data, (void *) (uintptr_t) model_options, (void *) (uintptr_t) engine_options, &out, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_model_plan_embedder(JNIEnv *env, jclass raw, jstring path, jlong model_options, jlong embedder_options) {
    (void) raw;
    struct text path_ = {0};
    qask_plan *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, path, "path", &path_)) {
        status = qask_model_plan_embedder(path_.data, (void *) (uintptr_t) model_options, (void *) (uintptr_t) embedder_options, &out, &error);
        check(env, status, error);
    }
    text_end(&path_);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_engine_plan(JNIEnv *env, jclass raw, jlong model, jlong engine_options) {
    (void) raw;
    qask_plan *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_engine_plan((void *) (uintptr_t) model, (void *) (uintptr_t) engine_options, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static jlong JNICALL q_embedder_plan(JNIEnv *env, jclass raw, jlong model, jlong embedder_options) {
    (void) raw;
    qask_plan *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_embedder_plan((void *) (uintptr_t) model, (void *) (uintptr_t) embedder_options, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_plan_free(JNIEnv *env, jclass raw, jlong plan) {
    (void) raw;
    (void) env;
    qask_plan_free((void *) (uintptr_t) plan);
}

static jlong JNICALL q_plan_total(JNIEnv *env, jclass raw, jlong plan) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_plan_total((void *) (uintptr_t) plan);
    return (jlong) value;
}

static jlong JNICALL q_plan_bytes(JNIEnv *env, jclass raw, jlong plan, jint part) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_plan_bytes((void *) (uintptr_t) plan, (int32_t) part);
    return (jlong) value;
}

static jlong JNICALL q_plan_n_ctx(JNIEnv *env, jclass raw, jlong plan) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_plan_n_ctx((void *) (uintptr_t) plan);
    return (jlong) value;
}

static jlong JNICALL q_plan_sequence_bytes(JNIEnv *env, jclass raw, jlong plan) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_plan_sequence_bytes((void *) (uintptr_t) plan);
    return (jlong) value;
}

static jlong JNICALL q_plan_largest_context(JNIEnv *env, jclass raw, jlong plan, jlong budget) {
    (void) raw;
    uint32_t n_ctx = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, budget, INT64_MAX, "budget")) {
        status = qask_plan_largest_context((void *) (uintptr_t) plan, (uint64_t) budget, &n_ctx, &error);
        check(env, status, error);
    }
    return (jlong) n_ctx;
}

static jlong JNICALL q_plan_device_count(JNIEnv *env, jclass raw, jlong plan) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_plan_device_count((void *) (uintptr_t) plan);
    return (jlong) value;
}

static jstring JNICALL q_plan_device_name_at(JNIEnv *env, jclass raw, jlong plan, jlong index) {
    (void) raw;
    const char *value = 0;
    value = qask_plan_device_name_at((void *) (uintptr_t) plan, (size_t) index);
    return string_made(env, value, value ? strlen(value) : 0);
}

static jboolean JNICALL q_plan_device_is_gpu_at(JNIEnv *env, jclass raw, jlong plan, jlong index) {
    (void) raw;
    (void) env;
    bool value = 0;
    value = qask_plan_device_is_gpu_at((void *) (uintptr_t) plan, (size_t) index);
    return (jboolean) value;
}

static jlong JNICALL q_plan_device_bytes_at(JNIEnv *env, jclass raw, jlong plan, jlong index, jint part) {
    (void) raw;
    (void) env;
    uint64_t value = 0;
    value = qask_plan_device_bytes_at((void *) (uintptr_t) plan, (size_t) index, (int32_t) part);
    return (jlong) value;
}

static jlong JNICALL q_scorer_options_new(JNIEnv *env, jclass raw) {
    (void) raw;
    qask_scorer_options *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_scorer_options_new(&out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_scorer_options_free(JNIEnv *env, jclass raw, jlong options) {
    (void) raw;
    (void) env;
    qask_scorer_options_free((void *) (uintptr_t) options);
}

static void JNICALL q_scorer_options_set_max_tokens(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_tokens")) {
        status = qask_scorer_options_set_max_tokens((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_scorer_options_set_batch_tokens(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "batch_tokens")) {
        status = qask_scorer_options_set_batch_tokens((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_scorer_options_set_max_sequences(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "max_sequences")) {
        status = qask_scorer_options_set_max_sequences((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_scorer_options_set_special_tokens(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_scorer_options_set_special_tokens((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static void JNICALL q_scorer_options_set_threads(JNIEnv *env, jclass raw, jlong options, jlong value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (number_in(env, value, UINT32_MAX, "threads")) {
        status = qask_scorer_options_set_threads((void *) (uintptr_t) options, (uint32_t) value, &error);
        check(env, status, error);
    }
}

static void JNICALL q_scorer_options_set_adapt_threads(JNIEnv *env, jclass raw, jlong options, jboolean value) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_scorer_options_set_adapt_threads((void *) (uintptr_t) options, (bool) value, &error);
    check(env, status, error);
}

static jlong JNICALL q_scorer_new(JNIEnv *env, jclass raw, jlong model, jlong scorer_options) {
    (void) raw;
    qask_scorer *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_scorer_new((void *) (uintptr_t) model, (void *) (uintptr_t) scorer_options, &out, &error);
    check(env, status, error);
    return (jlong) (intptr_t) out;
}

static void JNICALL q_scorer_free(JNIEnv *env, jclass raw, jlong scorer) {
    (void) raw;
    (void) env;
    qask_scorer_free((void *) (uintptr_t) scorer);
}

static jint JNICALL q_scorer_close(JNIEnv *env, jclass raw, jlong scorer, jlong timeout_ms) {
    (void) raw;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    status = qask_scorer_close((void *) (uintptr_t) scorer, (int64_t) timeout_ms, &error);
    check(env, status, error);
    return status;
}

static jlong JNICALL q_scorer_max_tokens(JNIEnv *env, jclass raw, jlong scorer) {
    (void) raw;
    (void) env;
    uint32_t value = 0;
    value = qask_scorer_max_tokens((void *) (uintptr_t) scorer);
    return (jlong) value;
}

static jlong JNICALL q_scorer_score(JNIEnv *env, jclass raw, jlong scorer, jstring prompt, jobjectArray texts, jlong cancel, jlong deadline_ms) {
    (void) raw;
    struct text prompt_ = {0};
    struct texts texts_ = {0};
    qask_scores *out = NULL;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, prompt, NULL, &prompt_) && texts_in(env, texts, NULL, &texts_)) {
        status = qask_scorer_score((void *) (uintptr_t) scorer, prompt_.data, prompt_.length, (const char *const *) texts_.data, texts_.lengths, texts_.count, (void *) (uintptr_t) cancel, (int64_t) deadline_ms, &out, &error);
        check(env, status, error);
    }
    text_end(&prompt_);
    texts_end(&texts_);
    return (jlong) (intptr_t) out;
}

static jdoubleArray JNICALL q_scorer_perplexity(JNIEnv *env, jclass raw, jlong scorer, jstring text, jlong window, jlong stride, jlong context, jlong windows, jlong cancel, jlong deadline_ms) {
    (void) raw;
    struct text text_ = {0};
    double perplexity = 0;
    double standard_error = 0;
    uint64_t tokens = 0;
    qask_error *error = NULL;
    qask_status status = QASK_ERR_NULL;
    if (text_in(env, text, NULL, &text_) && number_in(env, window, UINT32_MAX, "window") && number_in(env, stride, UINT32_MAX, "stride") && number_in(env, context, UINT32_MAX, "context") && number_in(env, windows, UINT32_MAX, "windows")) {
        status = qask_scorer_perplexity((void *) (uintptr_t) scorer, text_.data, text_.length, (uint32_t) window, (uint32_t) stride, (uint32_t) context, (uint32_t) windows, (void *) (uintptr_t) cancel, (int64_t) deadline_ms, &perplexity, &standard_error, &tokens, &error);
        check(env, status, error);
    }
    text_end(&text_);
    return doubles_made(env, (jdouble[]) {(jdouble) perplexity, (jdouble) standard_error, (jdouble) tokens}, 3);
}

static jlong JNICALL q_scores_count(JNIEnv *env, jclass raw, jlong scores) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_scores_count((void *) (uintptr_t) scores);
    return (jlong) value;
}

static jdouble JNICALL q_scores_log_probability(JNIEnv *env, jclass raw, jlong scores, jlong index, jint normalization) {
    (void) raw;
    (void) env;
    double value = 0;
    value = qask_scores_log_probability((void *) (uintptr_t) scores, (size_t) index, (int32_t) normalization);
    return (jdouble) value;
}

static jlong JNICALL q_scores_likeliest(JNIEnv *env, jclass raw, jlong scores, jint normalization) {
    (void) raw;
    (void) env;
    size_t value = 0;
    value = qask_scores_likeliest((void *) (uintptr_t) scores, (int32_t) normalization);
    return (jlong) value;
}

static jintArray JNICALL q_scores_tokens(JNIEnv *env, jclass raw, jlong scores, jlong index) {
    (void) raw;
    size_t count = 0;
    const int32_t *value = 0;
    value = qask_scores_tokens((void *) (uintptr_t) scores, (size_t) index, &count);
    return ints_made(env, value, count);
}

static jfloatArray JNICALL q_scores_log_probabilities(JNIEnv *env, jclass raw, jlong scores, jlong index) {
    (void) raw;
    size_t count = 0;
    const float *value = 0;
    value = qask_scores_log_probabilities((void *) (uintptr_t) scores, (size_t) index, &count);
    return floats_made(env, value, count);
}

static void JNICALL q_scores_free(JNIEnv *env, jclass raw, jlong scores) {
    (void) raw;
    (void) env;
    qask_scores_free((void *) (uintptr_t) scores);
}

const JNINativeMethod raw_methods[] = {
    {"statusName", "(I)Ljava/lang/String;", (void *) q_status_name},
    {"version", "()Ljava/lang/String;", (void *) q_version},
    {"supports", "(Ljava/lang/String;)Z", (void *) q_supports},
    {"liveHandles", "()J", (void *) q_live_handles},
    {"cancelNew", "()J", (void *) q_cancel_new},
    {"cancelRaise", "(J)V", (void *) q_cancel_raise},
    {"cancelFree", "(J)V", (void *) q_cancel_free},
    {"modelInspect", "(Ljava/lang/String;)J", (void *) q_model_inspect},
    {"inspectionFree", "(J)V", (void *) q_inspection_free},
    {"inspectionArchitecture", "(J)Ljava/lang/String;", (void *) q_inspection_architecture},
    {"inspectionName", "(J)Ljava/lang/String;", (void *) q_inspection_name},
    {"inspectionQuantization", "(J)Ljava/lang/String;", (void *) q_inspection_quantization},
    {"inspectionParameters", "(J)J", (void *) q_inspection_parameters},
    {"inspectionContextLength", "(J)J", (void *) q_inspection_context_length},
    {"inspectionVocabularySize", "(J)J", (void *) q_inspection_vocabulary_size},
    {"inspectionFileSize", "(J)J", (void *) q_inspection_file_size},
    {"inspectionChatTemplate", "(J)Ljava/lang/String;", (void *) q_inspection_chat_template},
    {"inspectionMetadataCount", "(J)J", (void *) q_inspection_metadata_count},
    {"inspectionMetadata", "(JLjava/lang/String;)Ljava/lang/String;", (void *) q_inspection_metadata},
    {"inspectionMetadataKeyAt", "(JJ)Ljava/lang/String;", (void *) q_inspection_metadata_key_at},
    {"modelOptionsNew", "()J", (void *) q_model_options_new},
    {"modelOptionsFree", "(J)V", (void *) q_model_options_free},
    {"modelOptionsSetProgress", "(JLio/github/qask/ProgressCallback;)V", (void *) q_model_options_set_progress},
    {"modelOptionsSetGpuLayers", "(JJ)V", (void *) q_model_options_set_gpu_layers},
    {"modelOptionsSetMainGpu", "(JJ)V", (void *) q_model_options_set_main_gpu},
    {"modelOptionsSetMmap", "(JZ)V", (void *) q_model_options_set_mmap},
    {"modelOptionsSetMlock", "(JZ)V", (void *) q_model_options_set_mlock},
    {"modelOptionsSetCheckTensors", "(JZ)V", (void *) q_model_options_set_check_tensors},
    {"modelOptionsSetRepack", "(JZ)V", (void *) q_model_options_set_repack},
    {"modelOptionsSetMemoryBudget", "(JJ)V", (void *) q_model_options_set_memory_budget},
    {"modelLoad", "(Ljava/lang/String;JJ)J", (void *) q_model_load},
    {"modelLoadSplits", "([Ljava/lang/String;JJ)J", (void *) q_model_load_splits},
    {"modelLoadFd", "(IJJJJ)J", (void *) q_model_load_fd},
    {"modelFree", "(J)V", (void *) q_model_free},
    {"modelTokenize", "(JLjava/lang/String;ZZ[I)J", (void *) q_model_tokenize},
    {"modelDetokenize", "(J[IZ)Ljava/lang/String;", (void *) q_model_detokenize},
    {"modelRender", "(JJ)Ljava/lang/String;", (void *) q_model_render},
    {"modelSupportsInfill", "(J)Z", (void *) q_model_supports_infill},
    {"modelIsEog", "(JI)Z", (void *) q_model_is_eog},
    {"modelDeviceAt", "(JJ[J)Ljava/lang/String;", (void *) q_model_device_at},
    {"modelGpuLayers", "(J)J", (void *) q_model_gpu_layers},
    {"modelBos", "(J)I", (void *) q_model_bos},
    {"modelEos", "(J)I", (void *) q_model_eos},
    {"modelEot", "(J)I", (void *) q_model_eot},
    {"modelArchitecture", "(J)Ljava/lang/String;", (void *) q_model_architecture},
    {"modelName", "(J)Ljava/lang/String;", (void *) q_model_name},
    {"modelQuantization", "(J)Ljava/lang/String;", (void *) q_model_quantization},
    {"modelParameters", "(J)J", (void *) q_model_parameters},
    {"modelContextLength", "(J)J", (void *) q_model_context_length},
    {"modelVocabularySize", "(J)J", (void *) q_model_vocabulary_size},
    {"modelFileSize", "(J)J", (void *) q_model_file_size},
    {"modelChatTemplate", "(J)Ljava/lang/String;", (void *) q_model_chat_template},
    {"modelMetadataCount", "(J)J", (void *) q_model_metadata_count},
    {"modelMetadata", "(JLjava/lang/String;)Ljava/lang/String;", (void *) q_model_metadata},
    {"modelMetadataKeyAt", "(JJ)Ljava/lang/String;", (void *) q_model_metadata_key_at},
    {"adapterLoad", "(JLjava/lang/String;)J", (void *) q_adapter_load},
    {"adapterFree", "(J)V", (void *) q_adapter_free},
    {"adapterKind", "(J)I", (void *) q_adapter_kind},
    {"requestAddAdapter", "(JJF)V", (void *) q_request_add_adapter},
    {"requestClearAdapters", "(J)V", (void *) q_request_clear_adapters},
    {"requestNew", "()J", (void *) q_request_new},
    {"requestFromJson", "(Ljava/lang/String;)J", (void *) q_request_from_json},
    {"requestFree", "(J)V", (void *) q_request_free},
    {"requestAddMessage", "(JLjava/lang/String;Ljava/lang/String;)V", (void *) q_request_add_message},
    {"requestAddMessageJson", "(JLjava/lang/String;)V", (void *) q_request_add_message_json},
    {"requestSetPrompt", "(JLjava/lang/String;Z)V", (void *) q_request_set_prompt},
    {"requestSetPromptTokens", "(J[I)V", (void *) q_request_set_prompt_tokens},
    {"requestSetInfill", "(JLjava/lang/String;Ljava/lang/String;)V", (void *) q_request_set_infill},
    {"requestAddStop", "(JLjava/lang/String;)V", (void *) q_request_add_stop},
    {"requestAddToolJson", "(JLjava/lang/String;)V", (void *) q_request_add_tool_json},
    {"requestSetTemplate", "(JLjava/lang/String;)V", (void *) q_request_set_template},
    {"requestSetTemplateVariable", "(JLjava/lang/String;Ljava/lang/String;)V", (void *) q_request_set_template_variable},
    {"requestSetCacheKey", "(JLjava/lang/String;)V", (void *) q_request_set_cache_key},
    {"requestSetMaxTokens", "(JJ)V", (void *) q_request_set_max_tokens},
    {"requestSetMinTokens", "(JJ)V", (void *) q_request_set_min_tokens},
    {"requestSetIgnoreEos", "(JZ)V", (void *) q_request_set_ignore_eos},
    {"requestSetTopLogprobs", "(JJ)V", (void *) q_request_set_top_logprobs},
    {"requestSetN", "(JJ)V", (void *) q_request_set_n},
    {"requestSetReturnTokens", "(JZ)V", (void *) q_request_set_return_tokens},
    {"requestSetPriority", "(JI)V", (void *) q_request_set_priority},
    {"requestSetDeadlineMs", "(JJ)V", (void *) q_request_set_deadline_ms},
    {"requestSetContextPolicy", "(JI)V", (void *) q_request_set_context_policy},
    {"requestSetShiftKeep", "(JJ)V", (void *) q_request_set_shift_keep},
    {"requestSetContinueFinalMessage", "(JZ)V", (void *) q_request_set_continue_final_message},
    {"requestSetTemperature", "(JF)V", (void *) q_request_set_temperature},
    {"requestSetDynatempRange", "(JF)V", (void *) q_request_set_dynatemp_range},
    {"requestSetDynatempExponent", "(JF)V", (void *) q_request_set_dynatemp_exponent},
    {"requestSetTopP", "(JF)V", (void *) q_request_set_top_p},
    {"requestSetMinP", "(JF)V", (void *) q_request_set_min_p},
    {"requestSetTypicalP", "(JF)V", (void *) q_request_set_typical_p},
    {"requestSetTopNSigma", "(JF)V", (void *) q_request_set_top_n_sigma},
    {"requestSetXtcProbability", "(JF)V", (void *) q_request_set_xtc_probability},
    {"requestSetXtcThreshold", "(JF)V", (void *) q_request_set_xtc_threshold},
    {"requestSetDryMultiplier", "(JF)V", (void *) q_request_set_dry_multiplier},
    {"requestSetDryBase", "(JF)V", (void *) q_request_set_dry_base},
    {"requestSetRepeatPenalty", "(JF)V", (void *) q_request_set_repeat_penalty},
    {"requestSetFrequencyPenalty", "(JF)V", (void *) q_request_set_frequency_penalty},
    {"requestSetPresencePenalty", "(JF)V", (void *) q_request_set_presence_penalty},
    {"requestSetMirostatTau", "(JF)V", (void *) q_request_set_mirostat_tau},
    {"requestSetMirostatEta", "(JF)V", (void *) q_request_set_mirostat_eta},
    {"requestSetTopK", "(JJ)V", (void *) q_request_set_top_k},
    {"requestSetDryAllowedLength", "(JJ)V", (void *) q_request_set_dry_allowed_length},
    {"requestSetDryPenaltyLastN", "(JI)V", (void *) q_request_set_dry_penalty_last_n},
    {"requestSetPenaltyLastN", "(JI)V", (void *) q_request_set_penalty_last_n},
    {"requestSetMirostat", "(JJ)V", (void *) q_request_set_mirostat},
    {"requestSetMinKeep", "(JJ)V", (void *) q_request_set_min_keep},
    {"requestSetSeed", "(JJ)V", (void *) q_request_set_seed},
    {"requestSetDrySequenceBreakers", "(J[Ljava/lang/String;)V", (void *) q_request_set_dry_sequence_breakers},
    {"requestAddLogitBias", "(JIF)V", (void *) q_request_add_logit_bias},
    {"requestSetJsonSchema", "(JLjava/lang/String;)V", (void *) q_request_set_json_schema},
    {"requestSetJson", "(JZ)V", (void *) q_request_set_json},
    {"requestSetJsonWhitespace", "(JZ)V", (void *) q_request_set_json_whitespace},
    {"requestSetRegex", "(JLjava/lang/String;)V", (void *) q_request_set_regex},
    {"requestSetGrammar", "(JLjava/lang/String;)V", (void *) q_request_set_grammar},
    {"requestSetLark", "(JLjava/lang/String;)V", (void *) q_request_set_lark},
    {"requestAddChoice", "(JLjava/lang/String;)V", (void *) q_request_add_choice},
    {"requestAddConstraintTrigger", "(JLjava/lang/String;)V", (void *) q_request_add_constraint_trigger},
    {"requestSetHeal", "(JZ)V", (void *) q_request_set_heal},
    {"requestAccepts", "(JLjava/lang/String;)Z", (void *) q_request_accepts},
    {"engineAskJson", "(JJLjava/lang/String;J)Ljava/lang/String;", (void *) q_engine_ask_json},
    {"requestSetToolChoice", "(JLjava/lang/String;)V", (void *) q_request_set_tool_choice},
    {"requestSetToolChoiceFunction", "(JLjava/lang/String;)V", (void *) q_request_set_tool_choice_function},
    {"requestSetParallelToolCalls", "(JZ)V", (void *) q_request_set_parallel_tool_calls},
    {"requestSetToolFormat", "(JLjava/lang/String;)V", (void *) q_request_set_tool_format},
    {"requestSetThinking", "(JZ)V", (void *) q_request_set_thinking},
    {"requestSetReasoningBudget", "(JJ)V", (void *) q_request_set_reasoning_budget},
    {"requestSetSplitReasoning", "(JZ)V", (void *) q_request_set_split_reasoning},
    {"eventToolIndex", "(J)J", (void *) q_event_tool_index},
    {"eventToolId", "(J)Ljava/lang/String;", (void *) q_event_tool_id},
    {"eventToolName", "(J)Ljava/lang/String;", (void *) q_event_tool_name},
    {"eventToolArguments", "(J)Ljava/lang/String;", (void *) q_event_tool_arguments},
    {"eventReasoningTokens", "(J)J", (void *) q_event_reasoning_tokens},
    {"engineOptionsNew", "()J", (void *) q_engine_options_new},
    {"engineOptionsFree", "(J)V", (void *) q_engine_options_free},
    {"engineOptionsSetNCtx", "(JJ)V", (void *) q_engine_options_set_n_ctx},
    {"engineOptionsSetKvTokens", "(JJ)V", (void *) q_engine_options_set_kv_tokens},
    {"engineOptionsSetMaxSequences", "(JJ)V", (void *) q_engine_options_set_max_sequences},
    {"engineOptionsSetMaxQueue", "(JJ)V", (void *) q_engine_options_set_max_queue},
    {"engineOptionsSetNBatch", "(JJ)V", (void *) q_engine_options_set_n_batch},
    {"engineOptionsSetNUbatch", "(JJ)V", (void *) q_engine_options_set_n_ubatch},
    {"engineOptionsSetThreads", "(JJ)V", (void *) q_engine_options_set_threads},
    {"engineOptionsSetThreadsBatch", "(JJ)V", (void *) q_engine_options_set_threads_batch},
    {"engineOptionsSetAdaptThreads", "(JZ)V", (void *) q_engine_options_set_adapt_threads},
    {"engineOptionsSetCacheTypeK", "(JI)V", (void *) q_engine_options_set_cache_type_k},
    {"engineOptionsSetCacheTypeV", "(JI)V", (void *) q_engine_options_set_cache_type_v},
    {"engineOptionsSetFlashAttention", "(JI)V", (void *) q_engine_options_set_flash_attention},
    {"engineOptionsSetUnifiedKv", "(JZ)V", (void *) q_engine_options_set_unified_kv},
    {"engineOptionsSetMaxStepMs", "(JJ)V", (void *) q_engine_options_set_max_step_ms},
    {"engineOptionsSetPrefixCache", "(JZ)V", (void *) q_engine_options_set_prefix_cache},
    {"engineOptionsSetDeterministic", "(JZ)V", (void *) q_engine_options_set_deterministic},
    {"engineOptionsSetOffloadKv", "(JZ)V", (void *) q_engine_options_set_offload_kv},
    {"engineOptionsSetMemoryBudget", "(JJ)V", (void *) q_engine_options_set_memory_budget},
    {"engineOptionsSetPrefixCacheDir", "(JLjava/lang/String;J)V", (void *) q_engine_options_set_prefix_cache_dir},
    {"engineOptionsSetIsolated", "(JZ)V", (void *) q_engine_options_set_isolated},
    {"engineOptionsSetWorker", "(JLjava/lang/String;)V", (void *) q_engine_options_set_worker},
    {"engineNew", "(JJ)J", (void *) q_engine_new},
    {"engineFree", "(J)V", (void *) q_engine_free},
    {"engineClose", "(JJ)I", (void *) q_engine_close},
    {"engineSubmit", "(JJJ)J", (void *) q_engine_submit},
    {"enginePrewarm", "(JJZ)J", (void *) q_engine_prewarm},
    {"engineUnpin", "(J)V", (void *) q_engine_unpin},
    {"engineSetThreads", "(JJJ)V", (void *) q_engine_set_threads},
    {"enginePause", "(JJ)I", (void *) q_engine_pause},
    {"engineResume", "(J)V", (void *) q_engine_resume},
    {"engineTrim", "(JIJ)I", (void *) q_engine_trim},
    {"engineNCtx", "(J)J", (void *) q_engine_n_ctx},
    {"engineKvTokens", "(J)J", (void *) q_engine_kv_tokens},
    {"engineStats", "(J)J", (void *) q_engine_stats},
    {"statsFree", "(J)V", (void *) q_stats_free},
    {"statsQueued", "(J)J", (void *) q_stats_queued},
    {"statsActive", "(J)J", (void *) q_stats_active},
    {"statsKvTokensTotal", "(J)J", (void *) q_stats_kv_tokens_total},
    {"statsKvTokensUsed", "(J)J", (void *) q_stats_kv_tokens_used},
    {"statsCachedTokens", "(J)J", (void *) q_stats_cached_tokens},
    {"statsEvictions", "(J)J", (void *) q_stats_evictions},
    {"statsPreemptions", "(J)J", (void *) q_stats_preemptions},
    {"statsSubmitted", "(J)J", (void *) q_stats_submitted},
    {"statsFinished", "(J)J", (void *) q_stats_finished},
    {"statsFailed", "(J)J", (void *) q_stats_failed},
    {"statsPromptTokens", "(J)J", (void *) q_stats_prompt_tokens},
    {"statsReusedTokens", "(J)J", (void *) q_stats_reused_tokens},
    {"statsDiskTokens", "(J)J", (void *) q_stats_disk_tokens},
    {"statsOutputTokens", "(J)J", (void *) q_stats_output_tokens},
    {"statsSteps", "(J)J", (void *) q_stats_steps},
    {"statsPromptTokensPerSecond", "(J)D", (void *) q_stats_prompt_tokens_per_second},
    {"statsOutputTokensPerSecond", "(J)D", (void *) q_stats_output_tokens_per_second},
    {"statsLongestStepUs", "(J)J", (void *) q_stats_longest_step_us},
    {"statsThreads", "(J)J", (void *) q_stats_threads},
    {"statsThreadsBatch", "(J)J", (void *) q_stats_threads_batch},
    {"statsThreadsUsed", "(J)J", (void *) q_stats_threads_used},
    {"statsThreadsBatchUsed", "(J)J", (void *) q_stats_threads_batch_used},
    {"streamNext", "(JJ[J)I", (void *) q_stream_next},
    {"streamCancel", "(J)V", (void *) q_stream_cancel},
    {"streamFree", "(J)V", (void *) q_stream_free},
    {"eventJson", "(JLjava/lang/String;)Ljava/lang/String;", (void *) q_event_json},
    {"eventTokens", "(J)[I", (void *) q_event_tokens},
    {"eventLogprobAt", "(JJ)[D", (void *) q_event_logprob_at},
    {"eventTopLogprobAt", "(JJJ)[D", (void *) q_event_top_logprob_at},
    {"eventType", "(J)I", (void *) q_event_type},
    {"eventChoice", "(J)J", (void *) q_event_choice},
    {"eventLogprobCount", "(J)J", (void *) q_event_logprob_count},
    {"eventFinishReason", "(J)I", (void *) q_event_finish_reason},
    {"eventErrorCode", "(J)I", (void *) q_event_error_code},
    {"eventSeed", "(J)J", (void *) q_event_seed},
    {"eventPromptTokens", "(J)J", (void *) q_event_prompt_tokens},
    {"eventCachedTokens", "(J)J", (void *) q_event_cached_tokens},
    {"eventForcedTokens", "(J)J", (void *) q_event_forced_tokens},
    {"eventOutputTokens", "(J)J", (void *) q_event_output_tokens},
    {"eventPreemptions", "(J)J", (void *) q_event_preemptions},
    {"eventDroppedMessages", "(J)J", (void *) q_event_dropped_messages},
    {"eventQueueUs", "(J)J", (void *) q_event_queue_us},
    {"eventPrefillUs", "(J)J", (void *) q_event_prefill_us},
    {"eventFirstTokenUs", "(J)J", (void *) q_event_first_token_us},
    {"eventDecodeUs", "(J)J", (void *) q_event_decode_us},
    {"eventText", "(J)Ljava/lang/String;", (void *) q_event_text},
    {"eventErrorMessage", "(J)Ljava/lang/String;", (void *) q_event_error_message},
    {"queueNew", "()J", (void *) q_queue_new},
    {"queueAdd", "(JJJ)V", (void *) q_queue_add},
    {"queueNext", "(JJ[J)I", (void *) q_queue_next},
    {"chatNew", "(JJ)J", (void *) q_chat_new},
    {"chatFree", "(J)V", (void *) q_chat_free},
    {"chatSetRequest", "(JJ)V", (void *) q_chat_set_request},
    {"chatSetSystem", "(JLjava/lang/String;)V", (void *) q_chat_set_system},
    {"chatSend", "(JLjava/lang/String;J)J", (void *) q_chat_send},
    {"chatAskJson", "(JLjava/lang/String;Ljava/lang/String;J)Ljava/lang/String;", (void *) q_chat_ask_json},
    {"chatSendMessageJson", "(JLjava/lang/String;J)J", (void *) q_chat_send_message_json},
    {"chatRegenerate", "(JJ)J", (void *) q_chat_regenerate},
    {"chatWait", "(JJ)I", (void *) q_chat_wait},
    {"chatIsBusy", "(J)Z", (void *) q_chat_is_busy},
    {"chatCount", "(J)J", (void *) q_chat_count},
    {"chatMessageJsonAt", "(JJ)Ljava/lang/String;", (void *) q_chat_message_json_at},
    {"chatCutShortAt", "(JJ)I", (void *) q_chat_cut_short_at},
    {"chatDroppedMessages", "(J)J", (void *) q_chat_dropped_messages},
    {"chatAddMessageJson", "(JLjava/lang/String;)V", (void *) q_chat_add_message_json},
    {"chatSetMessageJsonAt", "(JJLjava/lang/String;)V", (void *) q_chat_set_message_json_at},
    {"chatDropTurnAt", "(JJ)V", (void *) q_chat_drop_turn_at},
    {"chatClear", "(J)V", (void *) q_chat_clear},
    {"chatExport", "(J)Ljava/lang/String;", (void *) q_chat_export},
    {"chatImport", "(JLjava/lang/String;)V", (void *) q_chat_import},
    {"chatFork", "(J)J", (void *) q_chat_fork},
    {"saveOptionsNew", "()J", (void *) q_save_options_new},
    {"saveOptionsFree", "(J)V", (void *) q_save_options_free},
    {"saveOptionsSetCompress", "(JZ)V", (void *) q_save_options_set_compress},
    {"chatSave", "(JLjava/lang/String;JJ)[J", (void *) q_chat_save},
    {"chatRestore", "(JLjava/lang/String;J)J", (void *) q_chat_restore},
    {"engineSavePrefix", "(JJLjava/lang/String;JJ)[J", (void *) q_engine_save_prefix},
    {"engineRestorePrefix", "(JJLjava/lang/String;J)J", (void *) q_engine_restore_prefix},
    {"logSet", "(ILio/github/qask/LogCallback;)V", (void *) q_log_set},
    {"embedderOptionsNew", "()J", (void *) q_embedder_options_new},
    {"embedderOptionsFree", "(J)V", (void *) q_embedder_options_free},
    {"embedderOptionsSetPooling", "(JI)V", (void *) q_embedder_options_set_pooling},
    {"embedderOptionsSetNormalize", "(JZ)V", (void *) q_embedder_options_set_normalize},
    {"embedderOptionsSetDimensions", "(JJ)V", (void *) q_embedder_options_set_dimensions},
    {"embedderOptionsSetMaxTokens", "(JJ)V", (void *) q_embedder_options_set_max_tokens},
    {"embedderOptionsSetTruncation", "(JI)V", (void *) q_embedder_options_set_truncation},
    {"embedderOptionsSetBatchTokens", "(JJ)V", (void *) q_embedder_options_set_batch_tokens},
    {"embedderOptionsSetMaxSequences", "(JJ)V", (void *) q_embedder_options_set_max_sequences},
    {"embedderOptionsSetQueryPrefix", "(JLjava/lang/String;)V", (void *) q_embedder_options_set_query_prefix},
    {"embedderOptionsSetDocumentPrefix", "(JLjava/lang/String;)V", (void *) q_embedder_options_set_document_prefix},
    {"embedderOptionsSetInstruction", "(JLjava/lang/String;)V", (void *) q_embedder_options_set_instruction},
    {"embedderOptionsSetThreads", "(JJ)V", (void *) q_embedder_options_set_threads},
    {"embedderOptionsSetAdaptThreads", "(JZ)V", (void *) q_embedder_options_set_adapt_threads},
    {"embedderOptionsSetMemoryBudget", "(JJ)V", (void *) q_embedder_options_set_memory_budget},
    {"embedderNew", "(JJ)J", (void *) q_embedder_new},
    {"embedderFree", "(J)V", (void *) q_embedder_free},
    {"embedderClose", "(JJ)I", (void *) q_embedder_close},
    {"embedderDimensions", "(J)J", (void *) q_embedder_dimensions},
    {"embedderPooling", "(J)I", (void *) q_embedder_pooling},
    {"embedderMaxTokens", "(J)J", (void *) q_embedder_max_tokens},
    {"embedderCountTokens", "(JLjava/lang/String;I)J", (void *) q_embedder_count_tokens},
    {"embedderEmbed", "(J[Ljava/lang/String;IJ[F)V", (void *) q_embedder_embed},
    {"embedderEmbedTokens", "(JLjava/lang/String;IJ[F)J", (void *) q_embedder_embed_tokens},
    {"embedderRerank", "(JLjava/lang/String;[Ljava/lang/String;J[F)V", (void *) q_embedder_rerank},
    {"modelPlan", "(Ljava/lang/String;JJ)J", (void *) q_model_plan},
    {"modelPlanEmbedder", "(Ljava/lang/String;JJ)J", (void *) q_model_plan_embedder},
    {"enginePlan", "(JJ)J", (void *) q_engine_plan},
    {"embedderPlan", "(JJ)J", (void *) q_embedder_plan},
    {"planFree", "(J)V", (void *) q_plan_free},
    {"planTotal", "(J)J", (void *) q_plan_total},
    {"planBytes", "(JI)J", (void *) q_plan_bytes},
    {"planNCtx", "(J)J", (void *) q_plan_n_ctx},
    {"planSequenceBytes", "(J)J", (void *) q_plan_sequence_bytes},
    {"planLargestContext", "(JJ)J", (void *) q_plan_largest_context},
    {"planDeviceCount", "(J)J", (void *) q_plan_device_count},
    {"planDeviceNameAt", "(JJ)Ljava/lang/String;", (void *) q_plan_device_name_at},
    {"planDeviceIsGpuAt", "(JJ)Z", (void *) q_plan_device_is_gpu_at},
    {"planDeviceBytesAt", "(JJI)J", (void *) q_plan_device_bytes_at},
    {"scorerOptionsNew", "()J", (void *) q_scorer_options_new},
    {"scorerOptionsFree", "(J)V", (void *) q_scorer_options_free},
    {"scorerOptionsSetMaxTokens", "(JJ)V", (void *) q_scorer_options_set_max_tokens},
    {"scorerOptionsSetBatchTokens", "(JJ)V", (void *) q_scorer_options_set_batch_tokens},
    {"scorerOptionsSetMaxSequences", "(JJ)V", (void *) q_scorer_options_set_max_sequences},
    {"scorerOptionsSetSpecialTokens", "(JZ)V", (void *) q_scorer_options_set_special_tokens},
    {"scorerOptionsSetThreads", "(JJ)V", (void *) q_scorer_options_set_threads},
    {"scorerOptionsSetAdaptThreads", "(JZ)V", (void *) q_scorer_options_set_adapt_threads},
    {"scorerNew", "(JJ)J", (void *) q_scorer_new},
    {"scorerFree", "(J)V", (void *) q_scorer_free},
    {"scorerClose", "(JJ)I", (void *) q_scorer_close},
    {"scorerMaxTokens", "(J)J", (void *) q_scorer_max_tokens},
    {"scorerScore", "(JLjava/lang/String;[Ljava/lang/String;JJ)J", (void *) q_scorer_score},
    {"scorerPerplexity", "(JLjava/lang/String;JJJJJJ)[D", (void *) q_scorer_perplexity},
    {"scoresCount", "(J)J", (void *) q_scores_count},
    {"scoresLogProbability", "(JJI)D", (void *) q_scores_log_probability},
    {"scoresLikeliest", "(JI)J", (void *) q_scores_likeliest},
    {"scoresTokens", "(JJ)[I", (void *) q_scores_tokens},
    {"scoresLogProbabilities", "(JJ)[F", (void *) q_scores_log_probabilities},
    {"scoresFree", "(J)V", (void *) q_scores_free},
};
const jint raw_methods_count = sizeof raw_methods / sizeof *raw_methods;
