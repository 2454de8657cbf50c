//! `chat MODEL.gguf "prompt"`: one answer, streamed.

use std::io::Write;

use qask::{Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request};

fn main() -> qask::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(prompt)) = (args.next(), args.next()) else {
        eprintln!("usage: chat MODEL.gguf PROMPT");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let mut stream = engine.submit(&Request::chat([Message::user(prompt)]).max_tokens(256))?;
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
