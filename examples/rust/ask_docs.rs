//! `ask_docs EMBEDDING.gguf CHAT.gguf FOLDER QUESTION`: answers from the text files of a folder, with the places that
//! the answer stands on.

use std::path::{Path, PathBuf};

use qask::{
    Constraint, Done, Embedder, EmbedderOptions, Engine, Event, FinishReason, Message, Model, ModelOptions, Next,
    Purpose, Request, Sampling, Stream, Truncation,
};

/// Tokens of a passage, lines that it shares with the next, and passages that the answer is made from.
const PASSAGE_TOKENS: usize = 200;
const OVERLAP: usize = 2;
const PASSAGES: usize = 4;

const SYSTEM: &str =
    "Answer the question in two or three sentences, only from the numbered passages. At the end put the number of the \
     passage that says it in square brackets, such as [2].";

/// Lines of a file; `text` begins with the file's name, which is part of what a passage means.
struct Passage {
    file: String,
    first: usize,
    last: usize,
    text: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [embedding_model, chat_model, folder, question] = arguments.as_slice() else {
        eprintln!("usage: ask_docs EMBEDDING.gguf CHAT.gguf FOLDER QUESTION");
        std::process::exit(2);
    };
    let options = EmbedderOptions { truncation: Truncation::End, ..EmbedderOptions::default() };
    let embedder = Embedder::new(&Model::load(embedding_model, ModelOptions::default())?, options)?;

    let mut passages = Vec::new();
    for path in text_files(Path::new(folder))? {
        let name = path.strip_prefix(folder)?.display().to_string();
        cut(&embedder, &name, &std::fs::read_to_string(&path)?, &mut passages)?;
    }
    let texts: Vec<&str> = passages.iter().map(|p| p.text.as_str()).collect();
    let vectors = embedder.embed(&texts, Purpose::Document, None)?;
    eprintln!("[{} passages]", passages.len());

    // Exact search: all vectors have length 1, so their product is the cosine. A million passages take about a second.
    let query = embedder.embed(&[question], Purpose::Query, None)?;
    let mut best: Vec<(f32, &Passage)> = vectors
        .chunks_exact(embedder.dimensions())
        .map(|v| v.iter().zip(&query).map(|(a, b)| a * b).sum())
        .zip(&passages)
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    best.truncate(PASSAGES);

    let mut prompt = String::new();
    for (i, (_, passage)) in best.iter().enumerate() {
        prompt += &format!("Passage [{}], from {}\n\n", i + 1, passage.text);
    }
    prompt += &format!("Question: {question}");
    let engine = Engine::new(&Model::load(chat_model, ModelOptions::default())?, Default::default())?;
    let mut messages = vec![Message::system(SYSTEM), Message::user(prompt)];
    let request = Request::chat(messages.clone()).max_tokens(200).sampling(Sampling::greedy());
    let answer = print(engine.submit(&request)?)?;
    // A small model forgets to name its source. So the answer goes on, and the constraint leaves it nothing else; all that
    // was computed is still in the cache.
    if !(1..=best.len()).any(|n| answer.contains(&format!("[{n}]"))) {
        messages.push(Message::assistant(format!("{} [", answer.trim_end())));
        let number = Constraint::Regex(format!("[1-{}]\\]", best.len()));
        let mut cite = Request::chat(messages).sampling(Sampling::greedy()).constraint(number);
        cite.continue_final_message = true;
        print!(" [");
        print(engine.submit(&cite)?)?;
    }
    println!("\n");
    for (i, (near, p)) in best.iter().enumerate() {
        println!("[{}] {}:{}-{} ({near:.2})", i + 1, p.file, p.first, p.last);
    }
    Ok(())
}

/// Prints a stream as it comes, and gives its text.
fn print(mut stream: Stream) -> Result<String, Box<dyn std::error::Error>> {
    let mut all = String::new();
    while let Next::Event(event) = stream.next(None)? {
        match event {
            Event::Text(text) => {
                print!("{}", text.text);
                all += &text.text;
            }
            Event::Done(Done { reason: FinishReason::Error(error), .. }) => return Err(error.into()),
            _ => {}
        }
        std::io::Write::flush(&mut std::io::stdout())?;
    }
    Ok(all)
}

/// The text files under a folder, by name.
fn text_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(text_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "md" || e == "txt") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Cuts a text into passages: of whole lines, ending at an empty line where one is near.
fn cut(embedder: &Embedder, file: &str, text: &str, passages: &mut Vec<Passage>) -> qask::Result<()> {
    let lines: Vec<&str> = text.lines().collect();
    let tokens: Vec<usize> =
        lines.iter().map(|l| embedder.count_tokens(l, Purpose::Plain)).collect::<qask::Result<_>>()?;
    let mut first = 0;
    while first < lines.len() {
        let (mut end, mut sum) = (first, 0);
        while end < lines.len() && (end == first || sum + tokens[end] <= PASSAGE_TOKENS) {
            sum += tokens[end];
            end += 1;
        }
        if end < lines.len() {
            let half = first + (end - first) / 2;
            end = (half + 1..end).rev().find(|i| lines[*i].is_empty()).unwrap_or(end);
        }
        let body = lines[first..end].join("\n");
        if !body.trim().is_empty() {
            let text = format!("{file}\n{body}");
            passages.push(Passage { file: file.to_owned(), first: first + 1, last: end, text });
        }
        first = if end < lines.len() { end.saturating_sub(OVERLAP).max(first + 1) } else { end };
    }
    Ok(())
}
