//! Parts of what is said that the library has no plain data for: paths, errors, prompts.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::model::Token;
use crate::template::Rendered;
use crate::transcript::Transcript;

/// A path, whatever its bytes are.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct PathBytes(Vec<u8>);

impl PathBytes {
    /// Absolute, since the worker works in another folder.
    pub(in crate::engine::isolated) fn new(path: &std::path::Path) -> PathBytes {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        PathBytes(absolute.as_os_str().as_bytes().to_vec())
    }

    pub(in crate::engine::isolated) fn path(self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct WireError {
    code: i32,
    message: String,
}

impl From<&Error> for WireError {
    fn from(e: &Error) -> WireError {
        WireError { code: e.code().value(), message: e.message().to_owned() }
    }
}

impl WireError {
    pub(in crate::engine::isolated) fn error(self) -> std::result::Result<Error, String> {
        let code = Code::ALL.iter().find(|c| c.value() == self.code).ok_or("an error code that does not exist")?;
        Ok(Error::new(*code, self.message))
    }
}

/// A prompt as text and as tokens.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct Prompted {
    text: String,
    protected: Vec<(usize, usize)>,
    tokens: Vec<Token>,
}

impl Prompted {
    pub(in crate::engine::isolated) fn new(rendered: &Rendered, tokens: &[Token]) -> Prompted {
        let protected = rendered.protected.iter().map(|p| (p.start, p.end)).collect();
        Prompted { text: rendered.text.clone(), protected, tokens: tokens.to_vec() }
    }

    pub(in crate::engine::isolated) fn parts(self) -> std::result::Result<(Rendered, Vec<Token>), String> {
        let mut protected = Vec::with_capacity(self.protected.len());
        let mut end = 0;
        for (from, to) in self.protected {
            if from < end || self.text.get(from..to).is_none() {
                return Err("a range outside of its text".into());
            }
            protected.push(from..to);
            end = to;
        }
        Ok((Rendered { text: self.text, protected }, self.tokens))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct WireTranscript {
    prompt: Prompted,
    generated: Vec<Token>,
}

impl From<&Transcript> for WireTranscript {
    fn from(t: &Transcript) -> WireTranscript {
        WireTranscript { prompt: Prompted::new(&t.rendered, &t.tokens), generated: t.generated.clone() }
    }
}

impl WireTranscript {
    pub(in crate::engine::isolated) fn transcript(self) -> std::result::Result<Transcript, String> {
        let (rendered, tokens) = self.prompt.parts()?;
        Ok(Transcript { rendered, tokens, generated: self.generated })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::*;

    #[test]
    fn what_a_broken_worker_says_is_refused() {
        let wrong = |p: Vec<(usize, usize)>| Prompted { text: "aé".into(), protected: p, tokens: vec![] }.parts();
        assert!(wrong(vec![(0, 2)]).is_err());
        assert!(wrong(vec![(0, 9)]).is_err());
        assert!(wrong(vec![(1, 3), (0, 1)]).is_err());
        assert!(wrong(vec![(0, 1), (1, 3)]).is_ok());
        assert!(WireError { code: 1, message: String::new() }.error().is_err());
        for text in ["{\"Event\":[1,{\"Done\":{}}]}", "{\"Began\":-1}", "{\"Nothing\":1}", "[]", "\u{0}"] {
            assert!(serde_json::from_str::<Report>(text).is_err(), "{text}");
        }
    }
}
