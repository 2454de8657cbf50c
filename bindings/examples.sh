# Sourced by the check.sh of Go, Kotlin and Swift: the examples of examples/c by the same names, in every language with the same
# arguments and words. The caller has `run EXAMPLE ARGUMENTS…` and `fail WORDS`, and has set out, root, model, embedding_model and
# tools_model; `look`, if it has that, sees more in $out/log and $out/err.

expect() { # example, pattern, arguments
    local example=$1 pattern=$2
    shift 2
    # What is drawn at random says something else now and then, though not three times.
    local tries=1
    [ "$example" != chat ] || tries=3
    for _ in $(seq $tries); do
        run "$example" "$@" >"$out/log" 2>"$out/err" || { cat "$out/log" "$out/err" >&2; fail "example $example failed"; }
        ! grep -qE "$pattern" "$out/log" || break
    done
    grep -qE "$pattern" "$out/log" || { cat "$out/log" >&2; fail "example $example: nothing like '$pattern'"; }
    if declare -F look >/dev/null; then look "$example"; fi
}

examples() {
    # What `make demo` asks is not asked here.
    unset PROMPT
    expect chat 'Paris' "$model" 'Complete the sentence: the capital of France is'
    expect chat 'Paris' -once "$model" 'Complete the sentence: the capital of France is'
    printf '%s\n' 'My name is Tom. Say hello to me.' "/save $out/saved" '/load no-such-file' /regenerate "/load $out/saved" 'What is my name?' /quit x |
        run chat "$model" >"$out/log" 2>"$out/err" || { cat "$out/err" >&2; fail 'chat as a conversation failed'; }
    local words
    for words in 'no-such-file' '\[2 messages\]' '[1-9][0-9]* of them cached'; do
        grep -q "$words" "$out/err" || { cat "$out/err" >&2; fail "chat as a conversation: no '$words'"; }
    done
    expect parallel '\[[1-9][0-9]* of [0-9]+ prompt tokens cached\]$' "$model"
    expect json '^mood: (happy|sad|angry)$' "$model"
    expect tools '^get_weather\(\{"city": ".*"\}\)' "$tools_model" 'What is the weather in Paris?'
    expect embed '^0\.[3-9][0-9]{2} The cat naps\.$' "$embedding_model" 'a sleeping animal' 'The cat naps.' 'Rates went up.'
    expect plan '^largest context: [1-9][0-9]*$' "$model" 320
    expect score '^The capital of France is Paris$' "$model"
    expect ask_docs '^\[1\] .*README\.md, paragraph' "$model" "$embedding_model" 'Which licence does it have?' "$root/README.md"
    if run chat no-such-model.gguf hello >"$out/log" 2>&1; then fail 'chat on no file succeeded'; fi
    grep -q 'no-such-model.gguf' "$out/log" || fail 'chat does not name the missing file'
}
