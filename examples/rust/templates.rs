//! `templates MODEL.gguf`: the prompt that a conversation becomes, by the model's own chat template and by one of yours;
//! and what a bad template gives.

use qask::{Message, Model, ModelOptions, Request};

const OWN: &str = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] ";
const BAD: &str = "{% for m in messages %}{{ m.content";

fn main() -> qask::Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: templates MODEL.gguf");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let messages = [Message::system("You are brief."), Message::user("What is the capital of France?")];
    let mut request = Request::chat(messages);
    println!("{}\n", model.render(&request)?);

    request.template = Some(OWN.into());
    println!("{}\n", model.render(&request)?);

    // A bad one is an error when it is used.
    request.template = Some(BAD.into());
    if let Err(error) = model.render(&request) {
        println!("QASK_ERR_{}: {}", error.code().name(), error.message());
    }
    Ok(())
}
