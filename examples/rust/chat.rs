//! `chat [--once] MODEL.gguf PROMPT`: one answer, streamed as it is made, or at once when it is whole.

use std::io::Write;

use qask::{Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request};

fn main() -> qask::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let once = args.first().is_some_and(|a| a == "--once");
    args.drain(..usize::from(once));
    let [path, prompt] = args.as_slice() else {
        eprintln!("usage: chat [--once] MODEL.gguf PROMPT");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let mut stream = engine.submit(&Request::chat([Message::user(prompt)]).max_tokens(256))?;
    if once {
        let (text, done) = stream.collect_text()?;
        println!("{text}");
        eprintln!("[{}, {} tokens]", done.reason.name(), done.usage.output_tokens);
        return Ok(());
    }
    while let Next::Event(event) = stream.next(None)? {
        match event {
            Event::Text(text) => {
                print!("{}", text.text);
                let _ = std::io::stdout().flush();
            }
            Event::Done(done) => {
                println!();
                eprintln!("[{}, {} tokens]", done.reason.name(), done.usage.output_tokens);
            }
            _ => {}
        }
    }
    Ok(())
}
