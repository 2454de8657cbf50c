//! llama.cpp's tokenizer vectors: for each vocabulary texts and the ids that its authors expect
//! (`tools/vectors.py` fetches them).

mod support;

use qask::{Model, ModelOptions};

#[test]
fn vectors_pass_for_every_vocabulary_that_the_engine_reads() {
    let folder = support::cache().join("tokenizer-vectors-0.3.36");
    if !folder.is_dir() {
        // Loud, and counted by whoever reads the log: `make test` fetches them unless the index cannot be reached.
        eprintln!("NOT CHECKED: tokenizer vectors are not in {}: tools/vectors.py", folder.display());
        return;
    }
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "gguf"))
        .collect();
    files.sort();
    let (mut vocabularies, mut texts, mut wrong) = (0, 0, Vec::new());
    for file in files {
        let beside = |extension: &str| std::fs::read_to_string(format!("{}.{extension}", file.display()));
        let (Ok(input), Ok(output)) = (beside("inp"), beside("out")) else { continue };
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let model = match Model::load(&file, ModelOptions::default()) {
            Ok(model) => model,
            Err(e) => {
                wrong.push(format!("{name}: not loaded: {e}"));
                continue;
            }
        };
        vocabularies += 1;
        let inputs: Vec<&str> = input.split("\n__ggml_vocab_test__\n").collect();
        let outputs: Vec<&str> = output.lines().collect();
        // The last text ends with the file, without a separator.
        for (text, ids) in inputs.iter().zip(&outputs) {
            let expected: Vec<i32> = ids.split_whitespace().map(|i| i.parse().unwrap()).collect();
            let found = model.tokenize(text, false, false).expect("tokens");
            texts += 1;
            if found != expected {
                wrong.push(format!("{name}: {text:?}: {found:?}, expected {expected:?}"));
            }
        }
        assert!(outputs.len() >= 40 && inputs.len() >= outputs.len(), "{name}: {} texts", outputs.len());
    }
    println!("{vocabularies} vocabularies, {texts} texts, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(vocabularies >= 14, "{vocabularies} vocabularies");
}

/// llama.cpp asserts on two of them where a pre-tokenizer leaves them together.
#[test]
fn runs_of_spaces_are_one_where_only_words_count() {
    let mut gguf = support::tiny();
    gguf.set("tokenizer.ggml.pre", support::Value::Str("whitespace".into()));
    let model = Model::load(gguf.file(), ModelOptions::default()).unwrap();
    let tokens = |text: &str| model.tokenize(text, false, false).unwrap();
    assert_eq!(tokens("a b c").len(), 3);
    assert_eq!(tokens("a  b \n\t \u{3000} c"), tokens("a b c"));
    assert_eq!(tokens(" \n"), tokens(" "));
    // On the threads of engines too, and where a text needs a larger stack.
    let long = format!("a{}b", " \n".repeat(50_000));
    assert_eq!(tokens(&long), tokens("a b"));
    let engine = qask::Engine::new(&model, qask::EngineOptions::default()).unwrap();
    let request = qask::Request::text("a  \n b").max_tokens(2);
    engine.submit(&request).unwrap().collect().unwrap();
}
