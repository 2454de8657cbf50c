#![allow(missing_docs)]
use std::ops::Range; use serde_json::{Map, Value}; use crate::{error::Result, message::Message};
#[derive(Clone)] pub struct Template(String);
impl Template { pub fn new(s: impl Into<String>) -> Self { Template(s.into()) } pub fn source(&self) -> &str { &self.0 }
 pub fn render(&self, i: &RenderInput) -> Result<Rendered> { let mut t = String::new(); for m in i.messages { t += &format!("<|im_start|>{}\n{}<|im_end|>\n", m.role(), m.text()); } t += "<|im_start|>assistant\n"; Ok(Rendered { text: t, protected: vec![] }) } }
pub struct RenderInput<'a> { pub messages: &'a [Message], pub tools: &'a [Value], pub variables: &'a Map<String, Value>, pub add_generation_prompt: bool, pub continue_final_message: bool, pub bos_token: &'a str, pub eos_token: &'a str, pub special_texts: &'a SpecialTexts }
pub struct SpecialTexts(Vec<String>);
impl SpecialTexts { pub fn new(t: impl IntoIterator<Item=String>) -> Self { SpecialTexts(t.into_iter().collect()) } }
pub struct Rendered { pub text: String, pub protected: Vec<Range<usize>> }
pub enum Segment<'a> { Plain(&'a str), Special(&'a str) }
impl Rendered { pub fn segments(&self, s: &SpecialTexts) -> Vec<Segment<'_>> { let mut out = vec![]; let mut r = self.text.as_str(); let mut st = 0;
 while st < r.len() { if let Some(x) = s.0.iter().filter(|x| r[st..].starts_with(x.as_str())).max_by_key(|x| x.len()) { if st > 0 { out.push(Segment::Plain(&r[..st])); } out.push(Segment::Special(&r[st..st+x.len()])); r = &r[st+x.len()..]; st = 0; } else { st += r[st..].chars().next().unwrap().len_utf8(); } } if !r.is_empty() { out.push(Segment::Plain(r)); } out } }
