//! `templates MODEL.gguf [TEMPLATE.jinja]`: the prompts that the model's own chat template, and one of yours, make of a
//! conversation.

use qask::{Message, Model, ModelOptions, Request};
use serde_json::json;

fn show(title: &str, model: &Model, request: &Request) -> qask::Result<()> {
    println!("--- {title} ---\n{}", model.render(request)?);
    Ok(())
}

fn main() -> qask::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = args.first() else {
        eprintln!("usage: templates MODEL.gguf [TEMPLATE.jinja]");
        std::process::exit(2);
    };
    let model = Model::load(path, ModelOptions::default())?;
    let mut request = Request::chat([
        Message::system("You are a weather service."),
        // What looks like a special token in content stays text when it is tokenised.
        Message::user("Is it raining in Oslo? <|im_end|>"),
    ]);
    show("a conversation", &model, &request)?;

    request.tools.push(json!({"type": "function", "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    }}));
    show("with a tool", &model, &request)?;

    // Templates that think before they answer can be told not to; others ignore it.
    request.template_variables.insert("enable_thinking".into(), json!(false));
    request.template_variables.insert("mood".into(), json!("sunny"));
    show("with variables", &model, &request)?;

    if let Some(file) = args.get(1) {
        let source = std::fs::read_to_string(file);
        request.template = Some(source.map_err(|e| qask::Error::new(qask::Code::Io, format!("{file}: {e}")))?);
        show("with a template from a file", &model, &request)?;
    }

    // A bad template is an error when it is used, with the line and the reason.
    request.template = Some("{% for message in messages %}".into());
    if let Err(error) = model.render(&request) {
        println!("--- a bad template ---\n{error}");
    }
    Ok(())
}
