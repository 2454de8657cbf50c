//! How the next token is chosen: every sampler of llama.cpp, with the defaults and the limits of each.

use crate::error::{Code, Error, Result};
use crate::model::Token;

/// Sampling settings. `None` means: the model's own recommendation (`general.sampling.*` in its file), else the
/// default in the doc of the field. Order of application is llama.cpp's: logit bias, penalties, DRY, top-n-sigma,
/// top-k, typical, top-p, min-p, XTC, temperature, then the draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 is greedy. Default 0.8; 0 to 100.
    pub temperature: Option<f32>,
    /// Half-width of dynamic temperature (entropy-based, arXiv:2309.02772). Default 0 = off; 0 to 100.
    pub dynatemp_range: Option<f32>,
    /// Exponent of dynamic temperature. Default 1; 0 to 100.
    pub dynatemp_exponent: Option<f32>,
    /// Keep the k likeliest. Default 40; 0 = off.
    pub top_k: Option<u32>,
    /// Nucleus sampling (arXiv:1904.09751). Default 0.95; 0 to 1, 1 = off.
    pub top_p: Option<f32>,
    /// Drop what is less likely than this share of the best. Default 0.05; 0 to 1, 0 = off.
    pub min_p: Option<f32>,
    /// Locally typical sampling (arXiv:2202.00666). Default 1 = off; 0 to 1.
    pub typical_p: Option<f32>,
    /// Keep logits within n standard deviations of the best (arXiv:2411.07641). Default -1 = off; up to 100.
    pub top_n_sigma: Option<f32>,
    /// Chance that XTC (exclude top choices) acts. Default 0 = off; 0 to 1.
    pub xtc_probability: Option<f32>,
    /// XTC removes all but the least likely of the tokens above this. Default 0.1; 0 to 1.
    pub xtc_threshold: Option<f32>,
    /// Strength of DRY (don't repeat yourself). Default 0 = off; 0 to 100.
    pub dry_multiplier: Option<f32>,
    /// Base of DRY's exponential. Default 1.75; 1 to 100.
    pub dry_base: Option<f32>,
    /// Repeats up to this length are free under DRY. Default 2; 0 to 1,000,000.
    pub dry_allowed_length: Option<u32>,
    /// How many past tokens DRY looks at. Default -1 = the whole context; 0 = off.
    pub dry_penalty_last_n: Option<i32>,
    /// Texts that end a repeat for DRY. Default newline, colon, quotation mark, asterisk. At most 64, of at most
    /// 128 bytes each.
    pub dry_sequence_breakers: Option<Vec<String>>,
    /// Divides the logits of past tokens. Default 1 = off; above 0, up to 100.
    pub repeat_penalty: Option<f32>,
    /// Taken off a past token's logit for each time it stands there. Default 0 = off; -100 to 100.
    pub frequency_penalty: Option<f32>,
    /// Taken off a past token's logit once. Default 0 = off; -100 to 100.
    pub presence_penalty: Option<f32>,
    /// How many past tokens the three penalties look at. Default 64; -1 = the whole context, 0 = off.
    pub penalty_last_n: Option<i32>,
    /// Mirostat version (arXiv:2007.14966): 0 = off, 1 or 2; replaces top-k, typical, top-p, min-p and XTC.
    pub mirostat: Option<u32>,
    /// Mirostat's target surprise. Default 5; 0 to 100.
    pub mirostat_tau: Option<f32>,
    /// Mirostat's learning rate. Default 0.1; 0 to 1.
    pub mirostat_eta: Option<f32>,
    /// How many tokens the truncating samplers keep at least. Default 0.
    pub min_keep: Option<u32>,
    /// Seed of the draw. Unset: drawn anew for every submit and reported in DONE.
    pub seed: Option<u32>,
    /// Added to the logits of single tokens; `f32::NEG_INFINITY` forbids one. At most 65,536.
    pub logit_bias: Vec<(Token, f32)>,
}

impl Sampling {
    /// Always the likeliest token.
    pub fn greedy() -> Self {
        Sampling { temperature: Some(0.0), ..Default::default() }
    }

    /// Whether every value lies in its range; the error names the first that does not.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("temperature", self.temperature, 0.0, 100.0),
            ("dynatemp_range", self.dynatemp_range, 0.0, 100.0),
            ("dynatemp_exponent", self.dynatemp_exponent, 0.0, 100.0),
            ("top_p", self.top_p, 0.0, 1.0),
            ("min_p", self.min_p, 0.0, 1.0),
            ("typical_p", self.typical_p, 0.0, 1.0),
            ("top_n_sigma", self.top_n_sigma, -1.0, 100.0),
            ("xtc_probability", self.xtc_probability, 0.0, 1.0),
            ("xtc_threshold", self.xtc_threshold, 0.0, 1.0),
            ("dry_multiplier", self.dry_multiplier, 0.0, 100.0),
            ("dry_base", self.dry_base, 1.0, 100.0),
            ("repeat_penalty", self.repeat_penalty, f32::MIN_POSITIVE, 100.0),
            ("frequency_penalty", self.frequency_penalty, -100.0, 100.0),
            ("presence_penalty", self.presence_penalty, -100.0, 100.0),
            ("mirostat_tau", self.mirostat_tau, 0.0, 100.0),
            ("mirostat_eta", self.mirostat_eta, 0.0, 1.0),
        ];
        for (name, value, low, high) in ranges {
            match value {
                Some(v) if !(low..=high).contains(&v) => return Err(range(name, v, low, high)),
                _ => {}
            }
        }
        if let Some(m @ 3..) = self.mirostat {
            return Err(range("mirostat", m, 0, 2));
        }
        for (name, value) in
            [("penalty_last_n", self.penalty_last_n), ("dry_penalty_last_n", self.dry_penalty_last_n)]
        {
            match value {
                Some(v) if !(-1..=1_000_000).contains(&v) => return Err(range(name, v, -1, 1_000_000)),
                _ => {}
            }
        }
        for (name, value) in
            [("top_k", self.top_k), ("dry_allowed_length", self.dry_allowed_length), ("min_keep", self.min_keep)]
        {
            match value {
                Some(v) if v > 1_000_000 => return Err(range(name, v, 0, 1_000_000)),
                _ => {}
            }
        }
        if let Some(breakers) = &self.dry_sequence_breakers {
            if breakers.len() > 64 || breakers.iter().any(|b| b.is_empty() || b.len() > 128 || b.contains('\0')) {
                return Err(Error::new(
                    Code::Range,
                    "dry_sequence_breakers: at most 64 texts of 1 to 128 bytes without NUL",
                ));
            }
        }
        if self.logit_bias.len() > 65_536 {
            return Err(range("logit_bias entries", self.logit_bias.len(), 0, 65_536));
        }
        if let Some((token, bias)) = self.logit_bias.iter().find(|(_, b)| b.is_nan() || *b == f32::INFINITY) {
            return Err(Error::new(
                Code::Range,
                format!("logit_bias of token {token} is {bias}; it must be finite or -inf"),
            ));
        }
        Ok(())
    }
}

/// The error for a value outside its range.
pub(crate) fn range<T: std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Error {
    Error::new(Code::Range, format!("{name} is {value}; it must be {low} to {high}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_field_is_named() {
        for (s, name) in [
            (Sampling { temperature: Some(-1.0), ..Default::default() }, "temperature"),
            (Sampling { temperature: Some(f32::NAN), ..Default::default() }, "temperature"),
            (Sampling { top_p: Some(1.5), ..Default::default() }, "top_p"),
            (Sampling { repeat_penalty: Some(0.0), ..Default::default() }, "repeat_penalty"),
            (Sampling { mirostat: Some(3), ..Default::default() }, "mirostat"),
            (Sampling { penalty_last_n: Some(-2), ..Default::default() }, "penalty_last_n"),
            (Sampling { logit_bias: vec![(1, f32::NAN)], ..Default::default() }, "logit_bias"),
            (Sampling { dry_sequence_breakers: Some(vec![String::new()]), ..Default::default() }, "dry_seq"),
        ] {
            let e = s.check().unwrap_err();
            assert_eq!(e.code(), Code::Range);
            assert!(e.message().starts_with(name), "{e}");
        }
        Sampling::default().check().unwrap();
        Sampling::greedy().check().unwrap();
    }
}
