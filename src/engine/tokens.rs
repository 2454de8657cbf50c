//! The model's tokenizer: guarded calls, in safe clothes. Token ids must have been checked against the vocabulary.

use std::ffi::CStr;

use super::guard::{self, call};
use super::native::NativeModel;
use crate::error::{Code, Error, Result};
use crate::model::Token;
use crate::room;

impl NativeModel {
    /// One byte of flags a token, as `qg_vocab_flags` describes.
    pub(crate) fn token_flags(&self) -> Result<Vec<u8>> {
        let tokens = usize::try_from(self.facts.n_vocab).unwrap_or(0);
        let mut flags = room::filled(0u8, tokens, "tokens")?;
        // SAFETY: one byte a token.
        call(|f| unsafe { guard::qg_vocab_flags(self.raw(), flags.as_mut_ptr(), flags.len() as i32, f) })?;
        Ok(flags)
    }

    /// A token as the vocabulary spells it.
    pub(crate) fn token_spelling(&self, token: Token) -> Result<String> {
        let mut p = std::ptr::null();
        // SAFETY: the token is of the vocabulary.
        call(|f| unsafe { guard::qg_vocab_text(self.raw(), token, &mut p, f) })?;
        if p.is_null() {
            return Ok(String::new());
        }
        // SAFETY: NUL-terminated text that lives as long as the model.
        Ok(unsafe { CStr::from_ptr(p) }.to_string_lossy().into_owned())
    }

    /// Appends the bytes that a token adds to the text; none for control tokens unless `render_special`.
    pub(crate) fn token_piece(&self, token: Token, render_special: bool, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let mut room = 64;
        loop {
            out.resize(start + room, 0);
            let mut n = 0;
            // SAFETY: `room` bytes behind `start`.
            call(|f| unsafe {
                let place = out.as_mut_ptr().add(start).cast();
                guard::qg_piece(self.raw(), token, place, room as i32, render_special, &mut n, f)
            })?;
            if n >= 0 {
                out.truncate(start + n as usize);
                return Ok(());
            }
            room = n.unsigned_abs() as usize;
        }
    }

    /// Text to tokens. Needs a stack that suits the text; the text has less than 2 GiB.
    pub(crate) fn text_to_tokens(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>> {
        let too_long =
            || Error::new(Code::TooLong, format!("a text of {} bytes is too long to tokenise", text.len()));
        let mut tokens: Vec<Token> = Vec::new();
        if self.facts.vocab_type == 0 {
            return Err(Error::new(Code::Unsupported, "the model has no tokenizer: give it tokens, not text"));
        }
        // A first guess; the engine says how many it wants when it is too small.
        let mut capacity = text.len() / 3 + 16;
        let no_tokens =
            || Error::new(Code::Invalid, "the model's vocabulary has no tokens for a part of the text");
        loop {
            tokens.try_reserve_exact(capacity).map_err(|_| too_long())?;
            let mut n = 0;
            // SAFETY: `text` and the reserved room live through the call.
            call(|f| unsafe {
                guard::qg_tokenize(
                    self.raw(),
                    text.as_ptr().cast(),
                    text.len() as i32,
                    tokens.as_mut_ptr(),
                    capacity as i32,
                    add_special,
                    parse_special,
                    &mut n,
                    f,
                )
            })
            // Where bytes have no tokens, llama.cpp's SentencePiece tokenizer looks for one in vain.
            .map_err(|e| if e.text.contains("unordered_map::at") { no_tokens() } else { e.into() })?;
            match n {
                0.. => {
                    // SAFETY: the engine wrote `n` tokens, at most `capacity`.
                    unsafe { tokens.set_len(n as usize) };
                    // A vocabulary without a token for what is unknown gives -1.
                    if tokens.iter().any(|t| !(0..self.facts.n_vocab).contains(t)) {
                        return Err(no_tokens());
                    }
                    return Ok(tokens);
                }
                i32::MIN => return Err(too_long()),
                _ => capacity = n.unsigned_abs() as usize,
            }
        }
    }

    /// Tokens to the bytes of a text.
    pub(crate) fn tokens_to_text(&self, tokens: &[Token], render_special: bool) -> Result<Vec<u8>> {
        let mut out = room::filled(0u8, tokens.len().saturating_mul(8) + 16, "bytes of text")?;
        loop {
            let mut n = 0;
            // SAFETY: both arrays live through the call.
            call(|f| unsafe {
                guard::qg_detokenize(
                    self.raw(),
                    tokens.as_ptr(),
                    tokens.len() as i32,
                    out.as_mut_ptr().cast(),
                    out.len() as i32,
                    render_special,
                    &mut n,
                    f,
                )
            })?;
            if n >= 0 {
                out.truncate(n as usize);
                return Ok(out);
            }
            out = room::filled(0u8, n.unsigned_abs() as usize, "bytes of text")?;
        }
    }
}
