//! What `make fuzz-engine` begins with: the heads of good models and adapters, by the fuzz targets' names.

use std::path::Path;

use crate::{bits, case, complete, files, support};

#[test]
#[ignore = "writes files: a part of make fuzz-engine"]
fn seeds() {
    let folder = std::env::var("QASK_SEEDS").expect("QASK_SEEDS, a folder");
    let write = |target: &str, seeds: Vec<Vec<u8>>| {
        let folder = Path::new(&folder).join(target);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (i, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{i}")), seed).expect("a seed");
        }
        println!("{target}: {} seeds", seeds.len());
    };
    let good = bits::heads();
    for head in &good {
        case::try_file(&support::with_weights(head)).expect("an answer");
    }
    write("load", good.into_iter().chain(complete::Complete::new().heads()).collect());
    let loras = [support::tiny_lora(1.0, 1), files::lora_of_experts(4), support::control_vector(32, 1, 1.0, 1)];
    write("lora", loras.iter().map(support::Gguf::head).collect());
    // The first byte says which tokenizer.
    let texts = ["ab c", "\n\n 12345 \u{e9}\u{4f60}\u{1f600}", "it's <|im_end|> \t\u{200d}\r\n"];
    let text = |i: usize| [&[i as u8], texts[i % texts.len()].as_bytes()].concat();
    write("tokenize", (0..90).map(text).collect());
}
