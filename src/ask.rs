//! One call from a request to a value.

use serde_json::Value;

use crate::cancel::Cancel;
use crate::chat::Chat;
use crate::constraint::Constraint;
use crate::engine::{Engine, Stream};
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::message::Message;
use crate::request::Request;

impl Engine {
    /// Answers with a JSON value that is valid under `schema`, in place of whatever constraint, stop texts and number
    /// of answers the request has. Waits for the answer.
    ///
    /// ```no_run
    /// # fn main() -> qask::Result<()> {
    /// # let model = qask::Model::load("model.gguf", qask::ModelOptions::default())?;
    /// # let engine = qask::Engine::new(&model, qask::EngineOptions::default())?;
    /// let schema = serde_json::json!({
    ///     "type": "object",
    ///     "properties": { "name": { "type": "string" }, "age": { "type": "integer" } },
    ///     "required": ["name", "age"],
    ///     "additionalProperties": false,
    /// });
    /// let request = qask::Request::chat([qask::Message::user("Invent a person.")]).max_tokens(100);
    /// let person = engine.ask_json(&request, &schema)?;
    /// println!("{} is {}", person["name"], person["age"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Code::Grammar`] for the schema, [`Code::TooLong`] when `max_tokens` or the context ended the answer before its
    /// JSON was complete, and the errors of [`Engine::submit`] and of the generation.
    pub fn ask_json(&self, request: &Request, schema: &Value) -> Result<Value> {
        self.ask_json_with(request, schema, None)
    }

    /// As [`Engine::ask_json`], and ends with [`Code::Cancelled`] when `cancel` is raised.
    pub fn ask_json_with(&self, request: &Request, schema: &Value, cancel: Option<Cancel>) -> Result<Value> {
        let request = for_json(request.clone(), schema);
        value_of(self.submit_with(&request, cancel)?)
    }
}

impl Chat {
    /// Says something and waits for an answer that is a JSON value, valid under `schema`: as [`Engine::ask_json`]. The
    /// answer joins the history as any other, one that was cut off too.
    ///
    /// # Errors
    /// As [`Engine::ask_json`] and [`Chat::send`].
    pub fn ask_json(&mut self, text: impl Into<String>, schema: &Value) -> Result<Value> {
        value_of(self.send_for_json(Message::user(text), schema, None)?)
    }

    /// The stream of such an answer, for [`value_of`].
    pub(crate) fn send_for_json(
        &mut self,
        message: Message,
        schema: &Value,
        cancel: Option<Cancel>,
    ) -> Result<Stream> {
        let settings = self.request().clone();
        self.set_request(for_json(settings.clone(), schema))?;
        let stream = self.send_message(message, cancel);
        self.set_request(settings)?;
        stream
    }
}

/// The request with this schema in place of what else shapes or cuts an answer.
fn for_json(request: Request, schema: &Value) -> Request {
    let mut request = request.constraint(Constraint::JsonSchema(schema.clone()));
    request.stop.clear();
    request.constraint_triggers.clear();
    request.n = 1;
    request
}

/// Waits for the value.
pub(crate) fn value_of(stream: Stream) -> Result<Value> {
    let (text, done) = stream.collect_text()?;
    match done.reason {
        FinishReason::Stop => serde_json::from_str(&text)
            .map_err(|e| Error::new(Code::Grammar, format!("the answer is not JSON at column {}", e.column()))),
        FinishReason::Cancelled => Err(Error::new(Code::Cancelled, "cancelled before the answer was complete")),
        FinishReason::Deadline => {
            Err(Error::new(Code::Deadline, "the deadline passed before the answer was complete"))
        }
        _ => Err(Error::new(
            Code::TooLong,
            format!(
                "the answer was cut off after {} tokens, before its JSON was complete: raise max_tokens or n_ctx",
                done.usage.output_tokens
            ),
        )),
    }
}
