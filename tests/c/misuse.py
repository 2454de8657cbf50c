#!/usr/bin/env python3
"""Writes misuse.c from the header: every function with NULL for each of its pointers, with freed, wrong-typed and
garbage handles, with text that is not UTF-8, with lengths that no memory holds, and with the ends of every number.

Usage: misuse.py include/qask.h >misuse.c
A parameter of a type that is not known here stops it, so that a new function cannot be left out.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from header import functions  # noqa: E402

# Pointers that may be NULL although the call works, by parameter name.
MAY_BE_NULL = {"error", "length", "model_options", "engine_options", "embedder_options", "scorer_options", "lengths", "cancel", "callback", "user_data", "destroy", "bytes",
               "save_options", "saved_tokens", "saved_bytes", "restored_tokens"}
# The same for one function: NULL is a documented way to ask for less.
MAY_BE_NULL_IN = {
    ("qask_event_tokens", "count"),
    ("qask_event_logprob_at", "token"),
    ("qask_event_logprob_at", "logprob"),
    ("qask_event_top_logprob_at", "token"),
    ("qask_event_top_logprob_at", "logprob"),
    ("qask_event_json", "id"),
    ("qask_stream_collect", "done"),
    ("qask_stream_collect_message", "done"),
    ("qask_chat_new", "settings"),
    ("qask_engine_options_set_prefix_cache_dir", "path"),
    ("qask_engine_options_set_worker", "path"),
    ("qask_scorer_perplexity", "standard_error"),
    ("qask_scorer_perplexity", "tokens"),
    ("qask_scores_tokens", "count"),
    ("qask_scores_log_probabilities", "count"),
}
# Enumerations among the numbers: a value outside is RANGE.
ENUMS = {"qask_engine_options_set_cache_type_k", "qask_engine_options_set_cache_type_v",
         "qask_engine_options_set_flash_attention", "qask_request_set_context_policy", "qask_log_set",
         "qask_embedder_options_set_pooling", "qask_embedder_options_set_truncation", "qask_embedder_embed",
         "qask_embedder_embed_tokens", "qask_embedder_count_tokens"}
# Values at the end that are allowed: a token that is never to come.
FINE = {("qask_request_add_logit_bias", "-INFINITY")}
# What each number can be at its ends.
ENDS = {
    "bool": ["false", "true"],
    "int32_t": ["INT32_MIN", "-1", "0", "INT32_MAX"],
    "uint32_t": ["0", "UINT32_MAX"],
    "int64_t": ["INT64_MIN", "-2", "0", "INT64_MAX"],
    "uint64_t": ["0", "UINT64_MAX"],
    "size_t": ["0", "SIZE_MAX"],
    "float": ["-INFINITY", "INFINITY", "NAN", "-1e30f", "1e30f"],
    "double": ["-INFINITY", "INFINITY", "NAN"],
    "qask_status": ["INT32_MIN", "0", "INT32_MAX"],
}
ORDINARY = {"bool": "false", "int32_t": "1", "uint32_t": "1", "int64_t": "100", "uint64_t": "1", "size_t": "1",
            "float": "1.0f", "double": "1.0", "qask_status": "0"}
# A callback that does nothing, of each type.
CALLBACKS = {"qask_log_callback": "on_line", "qask_progress_callback": "on_progress", "qask_wake_callback": "on_wake"}
# A number that would make a call wait for ever, or be no misuse at all.
SPECIAL = {
    ("qask_model_load_fd", "fd"): "fixture_fd()",
    ("qask_model_load_fd", "offset"): "0",
    ("qask_model_load_fd", "length"): "0",
    ("qask_model_load", "path"): "model_path",
    ("qask_adapter_load", "path"): "adapter_path()",
    ("qask_model_inspect", "path"): "model_path",
    ("qask_model_plan", "path"): "model_path",
    ("qask_model_plan_embedder", "path"): "model_path",
    ("qask_request_from_json", "json"): '"{\\"messages\\":[]}"',
    ("qask_request_add_message_json", "json"): '"{\\"role\\":\\"user\\",\\"content\\":\\"x\\"}"',
    ("qask_request_add_tool_json", "json"): '"{\\"type\\":\\"function\\",\\"function\\":{\\"name\\":\\"f\\"}}"',
    ("qask_request_set_template_variable", "json"): '"1"',
    ("qask_request_set_tool_choice", "choice"): '"required"',
    ("qask_request_add_message", "role"): '"user"',
    ("qask_chat_send_message_json", "json"): '"{\\"role\\":\\"user\\",\\"content\\":\\"x\\"}"',
    ("qask_chat_add_message_json", "json"): '"{\\"role\\":\\"user\\",\\"content\\":\\"x\\"}"',
    ("qask_chat_set_message_json_at", "json"): '"{\\"role\\":\\"user\\",\\"content\\":\\"x\\"}"',
    ("qask_chat_import", "json"): '"{\\"format\\":\\"qask.chat\\",\\"version\\":1,\\"messages\\":[]}"',
    ("qask_chat_save", "path"): "session_path()",
    ("qask_chat_restore", "path"): "session_path()",
    ("qask_engine_save_prefix", "path"): "session_path()",
    ("qask_engine_restore_prefix", "path"): "session_path()",
    ("qask_log_set", "level"): "QASK_LOG_ERROR",
    ("qask_model_tokenize", "capacity"): "8",
    ("qask_request_set_json_schema", "schema"): '"1"',
    ("qask_engine_ask_json", "schema"): '"1"',
    ("qask_chat_ask_json", "schema"): '"1"',
}


def ordinary(f, p):
    """An argument that is right."""
    special = SPECIAL.get((f.name, p.name))
    if special:
        return special
    if p.name == "error" and p.stars == 2:
        return "&error"
    if p.handle:
        return f"ok_{p.base.removeprefix('qask_')}()"
    if p.out:
        return f"&out_{p.base.removeprefix('qask_')}"
    if p.base in CALLBACKS:
        return CALLBACKS[p.base]
    if p.base == "qask_destroy_callback" or p.base == "void":
        return "NULL"
    if p.text:
        return '"x"'
    if p.base == "char" and p.stars == 2:
        return "paths" if p.name == "paths" else "texts"
    if p.stars == 1 and p.base in ("int32_t", "uint32_t", "size_t", "uint64_t", "float", "double", "bool"):
        return f"some_{p.base}"
    if p.stars == 0 and p.base in ORDINARY:
        return ORDINARY[p.base]
    sys.exit(f"misuse.py: {f.name} has a parameter of a kind that is not known here: {p.base} {'*' * p.stars}{p.name}")


def content_length(f, p):
    """The length that belongs to a pointer, if any."""
    i = f.parameters.index(p)
    after = f.parameters[i + 1] if i + 1 < len(f.parameters) else None
    return after if after and after.base == "size_t" and after.stars == 0 else None


def call(f, changed, expect, what):
    arguments = [changed.get(p.name, ordinary(f, p)) for p in f.parameters]
    # Handles are made before the call, so that a failure there is not taken for the call's.
    lines = ["    {"]
    for i, (p, a) in enumerate(zip(f.parameters, arguments)):
        if p.handle and a.startswith("ok_"):
            lines.append(f"        {'const ' if p.const else ''}{p.base} *a{i} = {a};")
            arguments[i] = f"a{i}"
    outs = [p for p in f.parameters if p.out]
    text = f"{f.name}({', '.join(arguments)})"
    passes_error = "&error" in arguments
    if f.fallible:
        lines.append(f"        error = {'POISON' if passes_error else 'NULL'};")
        for p in outs:
            lines.append(f"        out_{p.base.removeprefix('qask_')} = NULL;")
        lines.append(f"        judge({text}, {expect}, {'true' if passes_error else 'false'}, \"{f.name}\", \"{what}\");")
        for p in outs:
            name = p.base.removeprefix("qask_")
            if name != "event":
                lines.append(f"        qask_{name}_free(out_{name});")
    else:
        lines.append(f"        (void) {text};" if f.returns != "void" else f"        {text};")
        lines.append("        calls++;")
    lines.append("    }")
    return "\n".join(lines)


def body(f):
    out = []
    anything = "ANY"  # any status, but no crash and an error that agrees with it
    if f.fallible:
        out.append(call(f, {}, anything, "ordinary"))
    null_ok = lambda p: p.name in MAY_BE_NULL or (f.name, p.name) in MAY_BE_NULL_IN
    for p in f.parameters:
        if not p.pointer or (p.base == "void" and p.stars == 1):
            continue
        expect = anything if null_ok(p) else "QASK_ERR_NULL"
        out.append(call(f, {p.name: "NULL"}, expect, f"{p.name} NULL"))
    pointers = {p.name: "NULL" for p in f.parameters if p.pointer}
    if len(pointers) > 1:
        expect = anything if all(null_ok(p) for p in f.parameters if p.pointer) else "FAILURE"
        out.append(call(f, pointers, expect, "every pointer NULL"))
    for p in f.parameters:
        if p.handle:
            for value, what in ((f"freed_{p.base.removeprefix('qask_')}()", "freed"),
                                (f"({p.base} *) {'ok_request()' if p.base != 'qask_request' else 'ok_model()'}", "wrong type"),
                                (f"({p.base} *) 1", "garbage"), (f"({p.base} *) (uintptr_t) 0xdeadbeef", "garbage"),
                                (f"({p.base} *) UINTPTR_MAX", "garbage"), (f"({p.base} *) &calls", "garbage")):
                expect = "QASK_ERR_HANDLE"
                out.append(call(f, {p.name: value}, expect, f"{p.name} {what}"))
        if p.text:
            length = content_length(f, p)
            out.append(call(f, {p.name: '"\\xff\\xfe"'}, "QASK_ERR_UTF8", f"{p.name} not UTF-8"))
            if length:
                out.append(call(f, {length.name: "SIZE_MAX"}, "QASK_ERR_RANGE", f"{length.name} huge"))
                out.append(call(f, {length.name: "0", p.name: "NULL"}, anything, f"{p.name} empty"))
        elif p.stars and p.base != "void" and p.const and content_length(f, p):
            out.append(call(f, {content_length(f, p).name: "SIZE_MAX"}, "QASK_ERR_RANGE", f"{p.name} huge"))
        if p.stars == 0 and p.base in ENDS and not follows_pointer(f, p):
            for value in ENDS[p.base]:
                expect = "QASK_ERR_RANGE" if f.name in ENUMS and value in ("INT32_MIN", "-1", "INT32_MAX") else anything
                if value in ("-INFINITY", "INFINITY", "NAN") and (f.name, value) not in FINE:
                    expect = "QASK_ERR_RANGE"
                out.append(call(f, {p.name: value}, expect, f"{p.name} {value}"))
    return "\n".join(out) or call(f, {}, anything, "ordinary")


def follows_pointer(f, p):
    i = f.parameters.index(p)
    before = f.parameters[i - 1] if i else None
    return bool(before and p.base == "size_t" and before.stars)


def main():
    header = open(sys.argv[1], encoding="utf-8").read()
    found = list(functions(header))
    named = set(re.findall(r"^(?!\s*//)[^\n/]*?\b(qask_\w+)\(", header, flags=re.M))
    missing = {n for n in named if not n.endswith("_callback")} - {f.name for f in found}
    if missing or not found:
        sys.exit(f"misuse.py: not understood: {sorted(missing)}")
    print(f"/* Generated by misuse.py: {len(found)} functions. */")
    print('#include "misuse.h"')
    for f in found:
        print(f"\nstatic void test_{f.name}(void) {{\n{body(f)}\n}}")
    print("\nint main(int argc, char **argv) {\n    setup(argc, argv);")
    for f in found:
        print(f"    test_{f.name}();")
    print(f"    return finish({len(found)});\n}}")


main()
