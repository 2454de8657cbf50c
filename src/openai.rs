//! x
use crate::{error::*, event::Event, model::Token, request::Request};
/// stub
pub fn request_from_json(_: &str) -> Result<Request> { Err(Error::new(Code::Unsupported, "stub")) }
/// stub
pub fn chunk_json(_: &Event, _: &str, _: &str, _: u64, _: &dyn Fn(Token) -> Vec<u8>) -> String { String::new() }
