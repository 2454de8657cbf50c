#![allow(missing_docs)]
use std::{collections::BTreeMap, fmt, fs::File, path::{Path, PathBuf}};
use crate::error::Result;
#[derive(Debug, Clone)] pub enum Value { Str(String) }
impl Value { pub fn as_str(&self) -> Option<&str> { let Value::Str(s) = self; Some(s) } }
impl fmt::Display for Value { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str().unwrap()) } }
#[derive(Debug, Clone, Default)] pub struct Info { pub architecture: String, pub parts: Vec<PathBuf>, pub vocab_only: bool, pub max_token_bytes: u32, pub name: Option<String>, pub quantization: String, pub parameters: u64, pub context_length: u32, pub vocabulary_size: u32, pub file_size: u64, pub sampling: BTreeMap<String,String>, t: Option<Value> }
impl Info { pub fn estimated_memory(&self, _: u32) -> u64 { 0 } pub fn metadata_count(&self) -> usize { 0 } pub fn metadata_at(&self, _: usize) -> Option<(&str, &Value)> { None } pub fn metadata(&self, _k: &str) -> Option<&Value> { self.t.as_ref() } }
pub fn inspect(p: impl AsRef<Path>) -> Result<Info> { Ok(Info { parts: vec![p.as_ref().to_owned()], max_token_bytes: 256, t: Some(Value::Str("{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}<|im_start|>assistant\n".into())), ..Default::default() }) }
pub fn inspect_splits(p: &[PathBuf]) -> Result<Info> { Ok(Info { parts: p.to_vec(), ..Default::default() }) }
pub fn inspect_file(_: &File, _: u64, _: u64) -> Result<Info> { Ok(Info::default()) }
