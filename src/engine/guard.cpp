// Every call into llama.cpp passes here. llama.cpp throws, and asserts (abort) on what it does not like; neither may
// reach the host. Each function catches both and reports through `qg_fault`; 0 means that the call returned.
//
// An assert is caught because the abort callback throws when its thread is inside `guarded`. One on ggml's own threads
// cannot be thrown: stranded.rs keeps that thread. What cannot be caught: signals, stack overflow.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"

// Only packages have them: elsewhere their addresses are zero.
#ifdef __ELF__
#define QASK_IF_LINKED __attribute__((weak))
#endif
#include "kernels.h"

#ifdef _WIN32
#include <io.h>
#define QG_FDOPEN _fdopen
#define QG_SEEK _fseeki64
#else
#include <unistd.h>
#define QG_FDOPEN fdopen
#define QG_SEEK fseeko
#endif

// Of llama.cpp's src/llama-ext.h, which is not among the headers that its crate lays down. The pin keeps it true; the
// memory plan's tests compare what it says with what a real load logs.
struct llama_memory_breakdown_data {
    size_t model, context, compute;
};
LLAMA_API std::map<ggml_backend_buffer_type_t, llama_memory_breakdown_data> llama_get_memory_breakdown(
    const struct llama_context * ctx);

extern "C" {

enum { QG_OK = 0, QG_ASSERT = 1, QG_EXCEPTION = 2, QG_MEMORY = 3 };

// What went wrong, and the log lines of the call (newest last, cut to fit).
struct qg_fault {
    char text[1024];
    char log[4096];
};

struct qg_load_params {
    int32_t n_gpu_layers;
    int32_t main_gpu;
    bool mmap, mlock, check_tensors, repack, vocab_only;
    bool dry;  // no weights: only counts what it would allocate, as do contexts over it
    bool (*progress)(float, void *);
    void * progress_data;
};

struct qg_context_params {
    uint32_t n_ctx, n_batch, n_ubatch, n_seq_max, n_outputs_max;
    int32_t n_threads, n_threads_batch;
    int32_t flash_attn;    // -1 auto, 0 off, 1 on
    int32_t type_k, type_v;  // ggml_type
    bool kv_unified, offload_kqv, swa_full;
    bool embeddings, dry;
    int32_t pooling;  // llama_pooling_type; -1: as the model says
    bool (*abort)(void *);
    void * abort_data;
};

// Called for every line of llama.cpp's log, on the thread that wrote it. Set once.
typedef void (*qg_log_sink)(int level, const char * text);

// Called on a thread that asserts outside of every guarded call, and does not return if it worked for one of ours.
typedef void (*qg_stranded)(const char * text);

}  // extern "C"

namespace {

thread_local int depth = 0;
thread_local std::string * capture = nullptr;
// A dry run is none of the log's business: its sizes are not those of anything that is there.
thread_local bool silent = false;
qg_log_sink sink = nullptr;
qg_stranded stranded = nullptr;

struct assert_failed : std::exception {
    std::string text;
    bool memory;  // a device had none left
    assert_failed(const char * message, bool memory) : text(message), memory(memory) {}
    const char * what() const noexcept override { return text.c_str(); }
};

// ggml-cuda aborts with the words "CUDA error" whatever it was, after a line of the log that names it. CUDA's runtime, its
// driver and cuBLAS say it in these words.
bool out_of_device_memory(const std::string & log) {
    return log.find(" error: out of memory\n") != std::string::npos ||
           log.find(" error: the resource allocation failed\n") != std::string::npos;
}

void copy(char * to, size_t size, const char * from) {
    if (size == 0) return;
    strncpy(to, from, size - 1);
    to[size - 1] = 0;
}

// The last `size` bytes of a text, from a line's beginning.
void copy_tail(char * to, size_t size, const std::string & from) {
    size_t start = from.size() < size ? 0 : from.size() - size + 1;
    if (start > 0) {
        size_t line = from.find('\n', start);
        if (line != std::string::npos) start = line + 1;
    }
    copy(to, size, from.c_str() + start);
}

void on_abort(const char * message) {
    if (depth > 0) throw assert_failed(message, capture != nullptr && out_of_device_memory(*capture));
    if (stranded != nullptr) stranded(message);
    // Not our call: let ggml abort as it would have.
    fprintf(stderr, "%s\n", message);
}

void on_log(ggml_log_level level, const char * text, void *) {
    if (capture != nullptr && level != GGML_LOG_LEVEL_DEBUG && capture->size() < (1u << 20)) {
        try {
            capture->append(text);
        } catch (...) {
            // A log line is not worth a failure.
        }
    }
    if (sink != nullptr && !silent) sink((int) level, text);
}

struct scope {
    std::string log;
    std::string * before;
    scope() : before(capture) {
        depth++;
        capture = &log;
    }
    ~scope() {
        depth--;
        capture = before;
    }
};

struct silence {
    bool before;
    explicit silence(bool on) : before(silent) { silent = silent || on; }
    ~silence() { silent = before; }
};

template <class F> int guarded(qg_fault * fault, F && body) noexcept {
    scope here;
    int rc = QG_OK;
    try {
        body();
    } catch (const assert_failed & e) {
        copy(fault->text, sizeof fault->text, e.memory ? "a GPU is out of memory" : e.what());
        rc = e.memory ? QG_MEMORY : QG_ASSERT;
    } catch (const std::bad_alloc &) {
        copy(fault->text, sizeof fault->text, "out of memory");
        rc = QG_MEMORY;
    } catch (const std::exception & e) {
        copy(fault->text, sizeof fault->text, e.what());
        rc = QG_EXCEPTION;
    } catch (...) {
        copy(fault->text, sizeof fault->text, "an unknown exception");
        rc = QG_EXCEPTION;
    }
    return rc;
}

// As `guarded`, and hands the captured log over: for calls whose failure is only told there.
template <class F> int guarded_log(qg_fault * fault, F && body) noexcept {
    scope here;
    int rc = guarded(fault, [&] {
        capture = &here.log;
        body();
    });
    copy_tail(fault->log, sizeof fault->log, here.log);
    return rc;
}

llama_model_params model_params(const qg_load_params * p) {
    llama_model_params out = llama_model_default_params();
    out.n_gpu_layers = p->n_gpu_layers;
    out.main_gpu = p->main_gpu;
    // Where nothing is to lie on a GPU, none is asked either: else it computes long prompts, and holds memory for that.
    static ggml_backend_dev_t none[] = {nullptr};
    if (p->n_gpu_layers == 0) {
        out.devices = none;
    }
    out.load_mode = p->mmap ? (p->mlock ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP)
                            : (p->mlock ? LLAMA_LOAD_MODE_MLOCK : LLAMA_LOAD_MODE_NONE);
    out.check_tensors = p->check_tensors;
    // AMX is one of them, and not to be trusted: GCC 12 compiles its kernels to SIGILL, and others were reported to
    // crash. It cannot be left out alone once it is compiled; `make lib` does not compile it.
    out.use_extra_bufts = p->repack && !ggml_cpu_has_amx_int8();
    out.vocab_only = p->vocab_only;
    if (p->dry) {
        out.no_alloc = true;
        out.load_mode = LLAMA_LOAD_MODE_NONE;  // nothing is mapped either
    }
    out.progress_callback = p->progress;
    out.progress_callback_user_data = p->progress_data;
    return out;
}

}  // namespace

extern "C" {

int qg_init(qg_log_sink log_sink, qg_stranded on_stranded, qg_fault * fault) {
    return guarded_log(fault, [&] {
        sink = log_sink;
        stranded = on_stranded;
        llama_log_set(on_log, nullptr);
        ggml_set_abort_callback(on_abort);
        llama_backend_init();
    });
}

// Bits of instruction sets that ggml's CPU back-end was compiled for.
int qg_cpu_bits(uint64_t * out, qg_fault * fault) {
    return guarded(fault, [&] {
        const int has[] = {
            ggml_cpu_has_ssse3(),       ggml_cpu_has_avx(),         ggml_cpu_has_avx2(),
            ggml_cpu_has_fma(),         ggml_cpu_has_f16c(),        ggml_cpu_has_bmi2(),
            ggml_cpu_has_avx512(),      ggml_cpu_has_avx512_vbmi(), ggml_cpu_has_avx512_vnni(),
            ggml_cpu_has_avx512_bf16(), ggml_cpu_has_avx_vnni(),    ggml_cpu_has_amx_int8(),
            ggml_cpu_has_dotprod(),     ggml_cpu_has_matmul_int8(), ggml_cpu_has_sve(),
            ggml_cpu_has_fp16_va(),
        };
        uint64_t bits = 0;
        for (size_t i = 0; i < sizeof has / sizeof *has; i++) bits |= (uint64_t) (has[i] != 0) << i;
        *out = bits;
    });
}

// The name of the i-th build of the CPU back-end, and what it needs; NULL behind the last one, and where there is no
// choice.
const char * qg_kernels(size_t i, const char ** needs) {
#ifdef __ELF__
    if (qask_kernels_use == nullptr) return nullptr;
    *needs = qask_kernels[i].needs;
    return qask_kernels[i].name;
#else
    (void) i, (void) needs;
    return nullptr;
#endif
}

void qg_kernels_use(size_t i) {
#ifdef __ELF__
    if (qask_kernels_use != nullptr) qask_kernels_use(i);
#else
    (void) i;
#endif
}

int qg_model_load(const char ** paths, size_t n, const qg_load_params * p, llama_model ** out, qg_fault * fault) {
    silence quiet(p->dry);
    return guarded_log(fault, [&] {
        *out = n == 1 ? llama_model_load_from_file(paths[0], model_params(p))
                      : llama_model_load_from_splits(paths, n, model_params(p));
    });
}

// Takes the descriptor over: it is closed before the return, whatever happens.
int qg_model_load_fd(int fd, uint64_t offset, const qg_load_params * p, llama_model ** out, qg_fault * fault) {
    FILE * file = QG_FDOPEN(fd, "rb");
    if (file == nullptr) {
        copy(fault->text, sizeof fault->text, "the descriptor cannot be read");
        close(fd);
        return QG_EXCEPTION;
    }
    silence quiet(p->dry);
    int rc = guarded_log(fault, [&] {
        if (QG_SEEK(file, (off_t) offset, SEEK_SET) != 0) throw std::bad_alloc();
        *out = llama_model_load_from_file_ptr(file, model_params(p));
    });
    fclose(file);
    return rc;
}

int qg_model_free(llama_model * model, qg_fault * fault) {
    return guarded(fault, [&] { llama_model_free(model); });
}

struct qg_model_facts {
    int32_t n_vocab, n_ctx_train, n_embd, n_layer, n_swa, vocab_type;
    int32_t bos, eos, eot, sep, fim_pre, fim_suf, fim_mid;
    int32_t n_embd_out, n_cls_out;
    bool has_encoder, has_decoder, recurrent, hybrid, diffusion, add_bos, add_eos, add_sep;
    uint64_t size, n_params;
};

int qg_model_facts_get(const llama_model * m, qg_model_facts * out, qg_fault * fault) {
    return guarded(fault, [&] {
        const llama_vocab * v = llama_model_get_vocab(m);
        out->n_vocab = llama_vocab_n_tokens(v);
        out->n_ctx_train = llama_model_n_ctx_train(m);
        out->n_embd = llama_model_n_embd(m);
        out->n_layer = llama_model_n_layer(m);
        out->n_swa = llama_model_n_swa(m);
        out->vocab_type = (int32_t) llama_vocab_type(v);
        out->bos = llama_vocab_bos(v);
        out->eos = llama_vocab_eos(v);
        out->eot = llama_vocab_eot(v);
        out->sep = llama_vocab_sep(v);
        out->fim_pre = llama_vocab_fim_pre(v);
        out->fim_suf = llama_vocab_fim_suf(v);
        out->fim_mid = llama_vocab_fim_mid(v);
        out->n_embd_out = llama_model_n_embd_out(m);
        out->n_cls_out = (int32_t) llama_model_n_cls_out(m);
        out->has_encoder = llama_model_has_encoder(m);
        out->has_decoder = llama_model_has_decoder(m);
        out->recurrent = llama_model_is_recurrent(m);
        out->hybrid = llama_model_is_hybrid(m);
        out->diffusion = llama_model_is_diffusion(m);
        out->add_bos = llama_vocab_get_add_bos(v);
        out->add_eos = llama_vocab_get_add_eos(v);
        out->add_sep = llama_vocab_get_add_sep(v);
        out->size = llama_model_size(m);
        out->n_params = llama_model_n_params(m);
    });
}

// One byte a token: bit 0 control or unknown, bit 1 ends a generation, bits 2 and 3 strip the space left and right.
int qg_vocab_flags(const llama_model * m, uint8_t * out, int32_t n, qg_fault * fault) {
    return guarded(fault, [&] {
        const llama_vocab * v = llama_model_get_vocab(m);
        for (int32_t i = 0; i < n; i++) {
            const int attr = (int) llama_vocab_get_attr(v, i);
            out[i] = (uint8_t) (((attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) ? 1 : 0) |
                                (llama_vocab_is_eog(v, i) ? 2 : 0) | ((attr & LLAMA_TOKEN_ATTR_LSTRIP) ? 4 : 0) |
                                ((attr & LLAMA_TOKEN_ATTR_RSTRIP) ? 8 : 0));
        }
    });
}

// The text of a token as the vocabulary spells it; lives as long as the model.
int qg_vocab_text(const llama_model * m, int32_t token, const char ** out, qg_fault * fault) {
    return guarded(fault, [&] { *out = llama_vocab_get_text(llama_model_get_vocab(m), token); });
}

int qg_tokenize(const llama_model * m, const char * text, int32_t len, int32_t * out, int32_t capacity, bool special,
                bool parse, int32_t * n, qg_fault * fault) {
    return guarded(fault, [&] { *n = llama_tokenize(llama_model_get_vocab(m), text, len, out, capacity, special, parse); });
}

int qg_piece(const llama_model * m, int32_t token, char * out, int32_t capacity, bool special, int32_t * n,
             qg_fault * fault) {
    return guarded(fault, [&] { *n = llama_token_to_piece(llama_model_get_vocab(m), token, out, capacity, 0, special); });
}

int qg_detokenize(const llama_model * m, const int32_t * tokens, int32_t n_tokens, char * out, int32_t capacity,
                  bool special, int32_t * n, qg_fault * fault) {
    return guarded(fault, [&] {
        *n = llama_detokenize(llama_model_get_vocab(m), tokens, n_tokens, out, capacity, false, special);
    });
}

int qg_context_new(llama_model * m, const qg_context_params * p, llama_context ** out, qg_fault * fault) {
    silence quiet(p->dry);
    return guarded_log(fault, [&] {
        llama_context_params c = llama_context_default_params();
        c.n_ctx = p->n_ctx;
        c.n_batch = p->n_batch;
        c.n_ubatch = p->n_ubatch;
        c.n_seq_max = p->n_seq_max;
        c.n_outputs_max = p->n_outputs_max;
        c.n_threads = p->n_threads;
        c.n_threads_batch = p->n_threads_batch;
        c.flash_attn_type = (llama_flash_attn_type) p->flash_attn;
        c.type_k = (ggml_type) p->type_k;
        c.type_v = (ggml_type) p->type_v;
        c.kv_unified = p->kv_unified;
        c.offload_kqv = p->offload_kqv;
        c.swa_full = p->swa_full;
        c.embeddings = p->embeddings;
        c.pooling_type = (enum llama_pooling_type) p->pooling;
        c.abort_callback = p->abort;
        c.abort_callback_data = p->abort_data;
        c.no_perf = true;
        *out = llama_init_from_model(m, c);
    });
}

int qg_context_sizes(const llama_context * c, uint32_t * n_ctx, uint32_t * n_ctx_seq, qg_fault * fault) {
    return guarded(fault, [&] {
        *n_ctx = llama_n_ctx(c);
        *n_ctx_seq = llama_n_ctx_seq(c);
    });
}

int qg_context_free(llama_context * c, qg_fault * fault) {
    return guarded(fault, [&] { llama_free(c); });
}

// What a context and its model take in one kind of memory.
struct qg_memory {
    char device[64];
    bool is_gpu;
    bool mappable;  // weights here are used where the file is mapped
    uint64_t weights, context, compute;
};

// Entry `index`; `count` says how many there are.
int qg_context_memory(const llama_context * c, size_t index, qg_memory * out, size_t * count, qg_fault * fault) {
    return guarded(fault, [&] {
        const auto all = llama_get_memory_breakdown(c);
        *count = all.size();
        if (index >= all.size()) return;
        auto entry = all.begin();
        std::advance(entry, (long) index);
        // Memory of the host that a device reaches faster is the host's.
        ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
        ggml_backend_dev_t dev = ggml_backend_buft_is_host(entry->first) ? cpu : ggml_backend_buft_get_device(entry->first);
        if (dev == nullptr) dev = cpu;
        ggml_backend_dev_props props = {};
        ggml_backend_dev_get_props(dev, &props);
        copy(out->device, sizeof out->device, ggml_backend_dev_name(dev));
        out->is_gpu = props.type == GGML_BACKEND_DEVICE_TYPE_GPU || props.type == GGML_BACKEND_DEVICE_TYPE_IGPU;
        out->mappable = props.caps.buffer_from_host_ptr && entry->first == ggml_backend_dev_buffer_type(dev);
        out->weights = entry->second.model;
        out->context = entry->second.context;
        out->compute = entry->second.compute;
    });
}

int qg_set_threads(llama_context * c, int32_t n, int32_t n_batch, qg_fault * fault) {
    return guarded(fault, [&] { llama_set_n_threads(c, n, n_batch); });
}

// One row a token; `rc` is llama_decode's own answer, or llama_encode's.
int qg_decode(llama_context * c, bool encode, int32_t n, const int32_t * token, const int32_t * pos,
              const int32_t * seq, const int8_t * logits, int32_t * rc, qg_fault * fault) {
    return guarded_log(fault, [&] {
        // Reused by the thread, so that a step allocates nothing.
        thread_local std::vector<int32_t> ones;
        thread_local std::vector<llama_seq_id *> rows;
        ones.assign((size_t) n, 1);
        rows.resize((size_t) n);
        for (int32_t i = 0; i < n; i++) rows[(size_t) i] = const_cast<int32_t *>(seq + i);
        llama_batch b = {};
        b.n_tokens = n;
        b.token = const_cast<int32_t *>(token);
        b.pos = const_cast<int32_t *>(pos);
        b.n_seq_id = ones.data();
        b.seq_id = rows.data();
        b.logits = const_cast<int8_t *>(logits);
        *rc = encode ? llama_encode(c, b) : llama_decode(c, b);
        llama_synchronize(c);
    });
}

#ifdef QG_TEST_HOOKS
// What ggml-cuda does when a call of CUDA's fails.
int qg_test_cuda_error(const char * why, qg_fault * fault) {
    return guarded(fault, [&] {
        on_log(GGML_LOG_LEVEL_ERROR, ("CUDA error: " + std::string(why) + "\n").c_str(), nullptr);
        on_log(GGML_LOG_LEVEL_ERROR, "  current device: 0, in function alloc at ggml-cuda.cu:1\n", nullptr);
        GGML_ABORT("CUDA error");
    });
}

// A graph of two threads of which the second asserts.
int qg_test_strand(qg_fault * fault) {
    return guarded(fault, [&] {
        ggml_context * c = ggml_init({1u << 20, nullptr, false});
        ggml_tensor * a = ggml_new_tensor_1d(c, GGML_TYPE_F32, 64);
        ggml_custom1_op_t op = [](ggml_tensor *, const ggml_tensor *, int ith, int, void *) {
            if (ith == 1) GGML_ABORT("GGML_ASSERT(on purpose) failed");
        };
        ggml_cgraph * graph = ggml_new_graph(c);
        ggml_build_forward_expand(graph, ggml_map_custom1(c, a, op, 2, nullptr));
        ggml_graph_compute_with_ctx(c, graph, 2);
        ggml_free(c);
    });
}
#endif

int qg_logits(llama_context * c, int32_t row, float ** out, qg_fault * fault) {
    return guarded(fault, [&] { *out = llama_get_logits_ith(c, row); });
}

// The vector of a sequence, or with no pooling that of a row (`seq` negative).
int qg_embedding(llama_context * c, int32_t seq, int32_t row, float ** out, qg_fault * fault) {
    return guarded(fault, [&] { *out = seq >= 0 ? llama_get_embeddings_seq(c, seq) : llama_get_embeddings_ith(c, row); });
}

int qg_seq_rm(llama_context * c, int32_t seq, int32_t from, bool * ok, qg_fault * fault) {
    return guarded(fault, [&] { *ok = llama_memory_seq_rm(llama_get_memory(c), seq, from, -1); });
}

int qg_seq_cp(llama_context * c, int32_t from, int32_t to, int32_t until, qg_fault * fault) {
    return guarded(fault, [&] { llama_memory_seq_cp(llama_get_memory(c), from, to, until < 0 ? -1 : 0, until); });
}

// Forgets every sequence, and sets what the cells hold to zero.
int qg_memory_clear(llama_context * c, qg_fault * fault) {
    return guarded(fault, [&] { llama_memory_clear(llama_get_memory(c), true); });
}

// Takes the cells from `from` to `to` out and moves those behind them up; not where this kind of memory cannot.
int qg_seq_shift(llama_context * c, int32_t seq, int32_t from, int32_t to, bool * ok, qg_fault * fault) {
    return guarded(fault, [&] {
        llama_memory_t memory = llama_get_memory(c);
        *ok = llama_memory_can_shift(memory) && llama_memory_seq_rm(memory, seq, from, to);
        if (*ok) llama_memory_seq_add(memory, seq, to, -1, from - to);
    });
}

// ---- states of sequences ----

int qg_state_size(llama_context * c, int32_t seq, size_t * out, qg_fault * fault) {
    return guarded(fault, [&] { *out = llama_state_seq_get_size(c, seq); });
}

// `n` is how many bytes were written: 0 when it failed.
int qg_state_get(llama_context * c, int32_t seq, uint8_t * out, size_t capacity, size_t * n, qg_fault * fault) {
    return guarded(fault, [&] { *n = llama_state_seq_get_data(c, out, capacity, seq); });
}

// `n` is how many bytes were read: 0 when it failed, and then the sequence is empty.
int qg_state_set(llama_context * c, int32_t seq, const uint8_t * data, size_t size, size_t * n, qg_fault * fault) {
    return guarded(fault, [&] { *n = llama_state_seq_set_data(c, data, size, seq); });
}

// ---- adapters ----

int qg_lora_load(llama_model * m, const char * path, llama_adapter_lora ** out, qg_fault * fault) {
    return guarded_log(fault, [&] { *out = llama_adapter_lora_init(m, path); });
}

int qg_lora_free(llama_adapter_lora * lora, qg_fault * fault) {
    return guarded(fault, [&] { llama_adapter_lora_free(lora); });
}

// The tokens that switch an activated LoRA on; they live as long as it.
int qg_lora_invocation(const llama_adapter_lora * lora, const int32_t ** out, uint64_t * n, qg_fault * fault) {
    return guarded(fault, [&] {
        *n = llama_adapter_get_alora_n_invocation_tokens(lora);
        *out = llama_adapter_get_alora_invocation_tokens(lora);
    });
}

int qg_set_loras(llama_context * c, llama_adapter_lora ** loras, float * scales, size_t n, qg_fault * fault) {
    return guarded(fault, [&] { llama_set_adapters_lora(c, n > 0 ? loras : nullptr, n, n > 0 ? scales : nullptr); });
}

// One row of `width` a layer, from layer 1 on; NULL for none.
int qg_set_control_vector(llama_context * c, const float * data, size_t n, int32_t width, int32_t layers, bool * ok,
                          qg_fault * fault) {
    return guarded(fault, [&] { *ok = llama_set_adapter_cvec(c, data, n, width, 1, layers) == 0; });
}

// ---- samplers ----

struct qg_sampler_params {
    float temperature, dynatemp_range, dynatemp_exponent, top_p, min_p, typical_p, top_n_sigma;
    float xtc_probability, xtc_threshold, dry_multiplier, dry_base;
    float repeat_penalty, frequency_penalty, presence_penalty, mirostat_tau, mirostat_eta;
    int32_t top_k, dry_allowed_length, dry_penalty_last_n, penalty_last_n, mirostat;
    uint64_t min_keep;
    uint32_t seed;
    const char ** dry_breakers;
    size_t n_dry_breakers;
};

// The chain in llama.cpp's own order. Logit bias and greedy are qask's.
int qg_sampler_new(const llama_model * m, const qg_sampler_params * p, llama_sampler ** out, qg_fault * fault) {
    return guarded(fault, [&] {
        const llama_vocab * vocab = llama_model_get_vocab(m);
        const int32_t n_vocab = llama_vocab_n_tokens(vocab);
        llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
        *out = chain;
        auto add = [&](llama_sampler * s) {
            if (s == nullptr) throw std::bad_alloc();
            llama_sampler_chain_add(chain, s);
        };
        if (p->penalty_last_n != 0 &&
            (p->repeat_penalty != 1.0f || p->frequency_penalty != 0.0f || p->presence_penalty != 0.0f)) {
            add(llama_sampler_init_penalties(n_vocab, p->penalty_last_n, p->repeat_penalty, p->frequency_penalty,
                                             p->presence_penalty));
        }
        if (p->mirostat != 0) {
            add(llama_sampler_init_temp(p->temperature));
            add(p->mirostat == 1 ? llama_sampler_init_mirostat(n_vocab, p->seed, p->mirostat_tau, p->mirostat_eta, 100)
                                 : llama_sampler_init_mirostat_v2(p->seed, p->mirostat_tau, p->mirostat_eta));
            return;
        }
        if (p->dry_multiplier > 0.0f && p->dry_penalty_last_n != 0) {
            add(llama_sampler_init_dry(vocab, p->dry_multiplier, p->dry_base, p->dry_allowed_length,
                                       p->dry_penalty_last_n, p->dry_breakers, p->n_dry_breakers));
        }
        if (p->top_n_sigma > 0.0f) add(llama_sampler_init_top_n_sigma(p->top_n_sigma));
        if (p->top_k > 0) add(llama_sampler_init_top_k(p->top_k));
        if (p->typical_p < 1.0f) add(llama_sampler_init_typical(p->typical_p, p->min_keep));
        if (p->top_p < 1.0f) add(llama_sampler_init_top_p(p->top_p, p->min_keep));
        if (p->min_p > 0.0f) add(llama_sampler_init_min_p(p->min_p, p->min_keep));
        if (p->xtc_probability > 0.0f) {
            add(llama_sampler_init_xtc(p->xtc_probability, p->xtc_threshold, p->min_keep, p->seed));
        }
        if (p->dynatemp_range > 0.0f) {
            add(llama_sampler_init_temp_ext(p->temperature, p->dynatemp_range, p->dynatemp_exponent));
        } else if (p->temperature != 1.0f) {
            add(llama_sampler_init_temp(p->temperature));
        }
        add(llama_sampler_init_dist(p->seed));
    });
}

// Chooses among candidates; `out` is -1 when none was chosen.
int qg_sampler_apply(llama_sampler * s, llama_token_data * data, size_t n, bool sorted, int32_t * out,
                     qg_fault * fault) {
    return guarded(fault, [&] {
        llama_token_data_array a = {data, n, -1, sorted};
        llama_sampler_apply(s, &a);
        *out = a.selected >= 0 && (size_t) a.selected < a.size ? a.data[a.selected].id : -1;
    });
}

int qg_sampler_accept(llama_sampler * s, int32_t token, qg_fault * fault) {
    return guarded(fault, [&] { llama_sampler_accept(s, token); });
}

int qg_sampler_free(llama_sampler * s, qg_fault * fault) {
    return guarded(fault, [&] { llama_sampler_free(s); });
}

// ---- devices ----

struct qg_device {
    char name[64];
    char description[128];
    uint64_t memory_total, memory_free;
    int32_t type;  // ggml_backend_dev_type
};

int qg_device_get(size_t index, qg_device * out, size_t * count, qg_fault * fault) {
    return guarded(fault, [&] {
        *count = ggml_backend_dev_count();
        if (index >= *count) return;
        ggml_backend_dev_t dev = ggml_backend_dev_get(index);
        size_t free = 0, total = 0;
        ggml_backend_dev_memory(dev, &free, &total);
        copy(out->name, sizeof out->name, ggml_backend_dev_name(dev));
        copy(out->description, sizeof out->description, ggml_backend_dev_description(dev));
        out->memory_total = total;
        out->memory_free = free;
        out->type = (int32_t) ggml_backend_dev_type(dev);
    });
}

// The sizes that guard.rs checks its own structs against, in the order it lists them.
void qg_struct_sizes(size_t out[7]) {
    out[0] = sizeof(qg_fault);
    out[1] = sizeof(qg_load_params);
    out[2] = sizeof(qg_context_params);
    out[3] = sizeof(qg_model_facts);
    out[4] = sizeof(qg_sampler_params);
    out[5] = sizeof(qg_device);
    out[6] = sizeof(qg_memory);
}

}  // extern "C"
