//! `chat [--once] MODEL.gguf [PROMPT]`: one answer, streamed as it is made, or at once when it is whole. Without a
//! prompt a conversation, a line a message; `/save FILE`, `/load FILE`, `/regenerate` and `/quit` are commands.

use std::io::Write;

use qask::{Chat, ContextPolicy, Done, Engine, EngineOptions, Event, Model, ModelOptions, Next, Request, Stream};

fn report(done: &Done) {
    let usage = &done.usage;
    let (reason, prompt, cached) = (done.reason.name(), usage.prompt_tokens, usage.cached_tokens);
    eprintln!("[{reason}: {prompt} prompt tokens, {cached} of them cached, {} new ones]", usage.output_tokens);
}

fn stream_it(mut stream: Stream) -> qask::Result<()> {
    while let Next::Event(event) = stream.next(None)? {
        match event {
            Event::Text(text) => print!("{}", text.text),
            Event::Done(done) => {
                println!();
                match &done.reason {
                    qask::FinishReason::Error(error) => return Err(error.clone()),
                    _ => report(&done),
                }
            }
            _ => {}
        }
        let _ = std::io::stdout().flush();
    }
    Ok(())
}

fn save(chat: &Chat, path: &str) -> Result<(), String> {
    let json = chat.export().map_err(|e| e.to_string())?;
    std::fs::write(path, json).map_err(|e| format!("{path}: {e}"))
}

fn load(chat: &mut Chat, path: &str) -> Result<(), String> {
    let json = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    chat.import(&json).map_err(|e| e.to_string())?;
    eprintln!("[{} messages]", chat.count());
    Ok(())
}

/// One line of a conversation; an error is told, and the conversation goes on.
fn take(chat: &mut Chat, line: &str) -> Result<(), String> {
    let stream = match line.split_once(' ').unwrap_or((line, "")) {
        ("/save", path) => return save(chat, path),
        ("/load", path) => return load(chat, path),
        ("/regenerate", _) => chat.regenerate(None),
        ("", _) => return Ok(()),
        (command, _) if command.starts_with('/') => {
            return Err("commands: /save FILE, /load FILE, /regenerate, /quit".into())
        }
        _ => chat.send(line),
    };
    stream.and_then(stream_it).map_err(|e| e.to_string())
}

fn main() -> qask::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let once = args.first().is_some_and(|a| a == "--once");
    args.drain(..usize::from(once));
    let Some(path) = args.first() else {
        eprintln!("usage: chat [--once] MODEL.gguf [PROMPT]");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let mut settings = Request::chat([]).max_tokens(256);
    settings.context_policy = ContextPolicy::DropOldest;
    let mut chat = Chat::with_request(&engine, settings)?;
    if let Some(prompt) = args.get(1) {
        let stream = chat.send(prompt)?;
        if !once {
            return stream_it(stream);
        }
        let (text, done) = stream.collect_text()?;
        println!("{text}");
        report(&done);
        return Ok(());
    }
    eprint!("> ");
    for line in std::io::stdin().lines().map_while(Result::ok).take_while(|l| l != "/quit") {
        if let Err(why) = take(&mut chat, &line) {
            eprintln!("{why}");
        }
        eprint!("> ");
    }
    Ok(())
}
