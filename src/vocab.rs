//! Text to tokens and back, over guarded calls.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::engine::bigstack;
use crate::engine::native::NativeModel;
use crate::error::{Code, Error, Result};
use crate::message::Message;
use crate::model::{Model, Token};
use crate::request::{Prompt, Request};
use crate::room;
use crate::shown;
use crate::template::{RenderInput, Rendered, Segment, SpecialTexts, Template};
use crate::transcript::Transcript;

/// The longest text that is tokenised in one call, in bytes: llama.cpp counts in `i32`.
const MOST_BYTES: usize = 1 << 30;

/// Stack that one character of a run of its class may take in a tokenizer's regular expression (measured: about 700
/// bytes with libstdc++), with room to spare.
const STACK_PER_CHARACTER: usize = 1280;

fn has_runs_of_spaces(text: &str) -> bool {
    let spaces = || text.chars().map(char::is_whitespace);
    spaces().zip(spaces().skip(1)).any(|(a, b)| a && b)
}

/// One space for each run of them: to a pre-tokenizer that only splits there the same.
fn with_single_spaces(text: &str) -> Result<String> {
    let mut out = room::text(text, "a text")?;
    let mut space = false;
    out.retain(|c| !(std::mem::replace(&mut space, c.is_whitespace()) && c.is_whitespace()));
    Ok(out)
}

/// The longest run of digits for a pre-tokenizer that takes time by its square: half a second. 50,000 took minutes.
const MOST_DIGITS: usize = 4096;

const CONTROL: u8 = 1;
const ENDS: u8 = 2;
const STRIPS_LEFT: u8 = 4;
const STRIPS_RIGHT: u8 = 8;

/// What is known of the tokens, and the calls that convert.
pub(crate) struct Vocabulary {
    native: Arc<NativeModel>,
    flags: Vec<u8>,
    specials: OnceLock<Specials>,
    /// The pre-tokenizer's time grows with the square of a run of digits.
    slow_on_digits: bool,
    /// The pre-tokenizer leaves runs of spaces together, and llama.cpp asserts on them.
    single_spaces: bool,
}

/// Control tokens by their text.
struct Specials {
    texts: SpecialTexts,
    tokens: HashMap<String, Token>,
}

impl Vocabulary {
    /// `pre` is the name of the pre-tokenizer, where the model has one.
    pub(crate) fn new(native: &Arc<NativeModel>, pre: Option<&str>) -> Result<Vocabulary> {
        let flags = native.token_flags()?;
        let (slow_on_digits, single_spaces) = (pre == Some("superbpe"), pre == Some("whitespace"));
        let native = Arc::clone(native);
        Ok(Vocabulary { native, flags, specials: OnceLock::new(), slow_on_digits, single_spaces })
    }

    fn stack_for(&self, text: &str) -> Result<usize> {
        if self.slow_on_digits {
            check_digits(text)?;
        }
        stack_for(text)
    }

    pub(crate) fn len(&self) -> usize {
        self.flags.len()
    }

    fn has(&self, token: Token, flag: u8) -> bool {
        usize::try_from(token).ok().and_then(|i| self.flags.get(i)).is_some_and(|f| f & flag != 0)
    }

    pub(crate) fn ends(&self, token: Token) -> bool {
        self.has(token, ENDS)
    }

    pub(crate) fn is_control(&self, token: Token) -> bool {
        self.has(token, CONTROL)
    }

    /// Every token that ends a generation.
    pub(crate) fn enders(&self) -> impl Iterator<Item = Token> + '_ {
        (0..self.len() as Token).filter(|t| self.ends(*t))
    }

    pub(crate) fn check(&self, tokens: &[Token]) -> Result<()> {
        match tokens.iter().position(|t| *t < 0 || *t as usize >= self.len()) {
            None => Ok(()),
            Some(i) => Err(Error::new(
                Code::Range,
                format!("token {i} is {}; the vocabulary has {} tokens, from 0", tokens[i], self.len()),
            )),
        }
    }

    /// Whether it gives no text of its own: a control token, or one that ends a generation.
    pub(crate) fn is_special(&self, token: Token) -> bool {
        self.has(token, CONTROL | ENDS)
    }

    pub(crate) fn spelling(&self, token: Token) -> Result<String> {
        self.native.token_spelling(token)
    }

    fn specials(&self) -> Result<&Specials> {
        if let Some(s) = self.specials.get() {
            return Ok(s);
        }
        let mut tokens = HashMap::new();
        for token in (0..self.len() as Token).filter(|t| self.has(*t, CONTROL)) {
            let text = self.spelling(token)?;
            if !text.is_empty() {
                tokens.entry(text).or_insert(token);
            }
        }
        let texts = SpecialTexts::new(tokens.keys().cloned());
        Ok(self.specials.get_or_init(|| Specials { texts, tokens }))
    }

    /// A text in Lark's words: control tokens by their numbers, what is between them as `quote` has it.
    pub(crate) fn in_lark(&self, text: &str, quote: impl Fn(&str) -> String) -> Result<String> {
        let specials = self.specials()?;
        let rendered = Rendered { text: text.to_owned(), protected: Vec::new() };
        let segments = rendered.segments(&specials.texts);
        let words = segments.iter().map(|segment| match segment {
            Segment::Special(text) => format!("<[{}]>", specials.tokens[*text]),
            Segment::Plain(text) => quote(text),
        });
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    /// As [`NativeModel::token_piece`].
    pub(crate) fn piece(&self, token: Token, render_special: bool, out: &mut Vec<u8>) -> Result<()> {
        self.native.token_piece(token, render_special, out)
    }

    /// Tokenises on a stack that suits the text.
    pub(crate) fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>> {
        let stack = self.stack_for(text)?;
        bigstack::run_sized(stack, || self.convert(text, add_special, parse_special))
    }

    fn convert(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>> {
        if self.single_spaces && has_runs_of_spaces(text) {
            return self.native.text_to_tokens(&with_single_spaces(text)?, add_special, parse_special);
        }
        self.native.text_to_tokens(text, add_special, parse_special)
    }

    /// Tokenises on the calling thread, which must have a big stack, unless the text needs a bigger one.
    pub(crate) fn tokenize_on_worker(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Vec<Token>> {
        if self.stack_for(text)? <= bigstack::STACK {
            return self.convert(text, add_special, parse_special);
        }
        self.tokenize(text, add_special, parse_special)
    }

    /// Rendered text to tokens: only special tokens of the template's own become special tokens. What `before` knows
    /// of its beginning is taken from there.
    pub(crate) fn tokenize_rendered(
        &self,
        rendered: &Rendered,
        before: Option<&Transcript>,
    ) -> Result<Vec<Token>> {
        let specials = self.specials()?;
        let facts = &self.native.facts;
        let segments = rendered.segments(&specials.texts);
        let known = match before {
            Some(before) => before.begin(rendered, &segments, |token, out| self.piece(token, false, out))?,
            None => None,
        };
        let (mut tokens, from) = known.unwrap_or_default();
        let mut end = 0;
        for (i, segment) in segments.iter().enumerate() {
            let start = end;
            end += segment.text().len();
            if end <= from {
                continue;
            }
            match segment {
                Segment::Special(text) => tokens.push(specials.tokens[*text]),
                Segment::Plain(text) => {
                    let neighbour = |j: Option<usize>, flag| match j.and_then(|j| segments.get(j)) {
                        Some(Segment::Special(s)) => self.has(specials.tokens[*s], flag),
                        _ => false,
                    };
                    let mut text: &str = &text[from.saturating_sub(start)..];
                    if from <= start && neighbour(i.checked_sub(1), STRIPS_RIGHT) {
                        text = text.trim_start();
                    }
                    if neighbour(Some(i + 1), STRIPS_LEFT) {
                        text = text.trim_end();
                    }
                    if !text.is_empty() {
                        tokens.extend(self.tokenize_on_worker(text, false, false)?);
                    }
                }
            }
        }
        if from == 0 && facts.add_bos && facts.bos >= 0 && tokens.first() != Some(&facts.bos) {
            tokens.insert(0, facts.bos);
        }
        Ok(tokens)
    }
}

/// For a pre-tokenizer that looks, at each digit, at all that follow.
fn check_digits(text: &str) -> Result<()> {
    let mut run = 0usize;
    for c in text.chars() {
        run = if c.is_numeric() { run + 1 } else { 0 };
        if run > MOST_DIGITS {
            return Err(Error::new(
                Code::TooLong,
                format!("the text has more than {MOST_DIGITS} digits in a row, which this model's tokenizer is too slow for"),
            ));
        }
    }
    Ok(())
}

/// The stack that tokenising this text may need: it grows with the longest run of one character class.
fn stack_for(text: &str) -> Result<usize> {
    if text.len() > MOST_BYTES {
        return Err(Error::new(Code::TooLong, format!("a text of {} bytes is too long to tokenise", text.len())));
    }
    // Most texts are too short for any run to matter.
    if text.len() * STACK_PER_CHARACTER < bigstack::STACK / 2 {
        return Ok(bigstack::STACK);
    }
    let class = |c: char| match c {
        c if c.is_whitespace() => 0,
        c if c.is_alphabetic() => 1,
        c if c.is_numeric() => 2,
        _ => 3,
    };
    let (mut longest, mut run, mut last) = (0usize, 0usize, u8::MAX);
    for c in text.chars() {
        let now = class(c);
        run = if now == last { run + 1 } else { 1 };
        last = now;
        longest = longest.max(run);
    }
    let stack = bigstack::STACK / 2 + longest * STACK_PER_CHARACTER;
    if stack > bigstack::MOST {
        return Err(Error::new(
            Code::TooLong,
            format!(
                "the text has {longest} characters of one class in a row; more than {} cannot be tokenised safely",
                (bigstack::MOST - bigstack::STACK / 2) / STACK_PER_CHARACTER
            ),
        ));
    }
    Ok(stack.max(bigstack::STACK))
}

impl Model {
    /// Text to tokens. `add_special` adds what the model wants around a text (BOS, EOS); `parse_special` turns texts
    /// of special tokens into those tokens: leave it off for text from outside.
    pub fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>> {
        self.0.vocabulary.tokenize(text, add_special, parse_special)
    }

    /// Tokens to text; bytes that are not UTF-8 become U+FFFD. Control tokens give no text unless `render_special`. Some
    /// tokenizers take spaces before points and commas away here (`clean_up_tokenization_spaces`); the texts of events, and
    /// [`Model::token_bytes`], are as they are.
    pub fn detokenize(&self, tokens: &[Token], render_special: bool) -> Result<String> {
        self.0.vocabulary.check(tokens)?;
        let bytes = self.0.native.tokens_to_text(tokens, render_special)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The bytes of one token; they need not be whole characters.
    pub fn token_bytes(&self, token: Token, render_special: bool) -> Result<Vec<u8>> {
        self.0.vocabulary.check(&[token])?;
        let mut out = Vec::new();
        self.0.vocabulary.piece(token, render_special, &mut out)?;
        Ok(out)
    }

    /// How many tokens the vocabulary has.
    pub fn vocabulary_size(&self) -> u32 {
        self.0.vocabulary.len() as u32
    }

    /// The token that opens a text, when the model has one.
    pub fn bos(&self) -> Option<Token> {
        known(self.0.native.facts.bos)
    }

    /// The token that ends a text, when the model has one.
    pub fn eos(&self) -> Option<Token> {
        known(self.0.native.facts.eos)
    }

    /// The token that ends a turn, when the model has one.
    pub fn eot(&self) -> Option<Token> {
        known(self.0.native.facts.eot)
    }

    /// Whether a token ends a generation.
    pub fn is_eog(&self, token: Token) -> bool {
        self.0.vocabulary.ends(token)
    }

    /// Whether the model has fill-in-the-middle tokens.
    pub fn supports_infill(&self) -> bool {
        let facts = &self.0.native.facts;
        facts.fim_pre >= 0 && facts.fim_suf >= 0 && facts.fim_mid >= 0
    }

    /// The prompt text that a request's messages become.
    pub fn render(&self, request: &Request) -> Result<String> {
        let Prompt::Messages(messages) = &request.prompt else {
            return Err(Error::new(Code::Range, "only a request with messages is rendered by a template"));
        };
        bigstack::run(|| self.render_here(request, messages).map(|r| r.text))
    }

    fn render_here(&self, request: &Request, messages: &[Message]) -> Result<Rendered> {
        let own;
        let template = match &request.template {
            Some(source) => {
                own = Template::new(source.clone());
                &own
            }
            None => self.0.template.as_ref().ok_or_else(|| {
                Error::new(
                    Code::Template,
                    "the model has no chat template; set one on the request, or give a raw prompt",
                )
            })?,
        };
        let source = template.source();
        let tools = request.shown_tools();
        let added = request.call_format(Some(source)).and_then(|f| shown::with_tools(messages, tools, source, f));
        let messages = added.as_deref().unwrap_or(messages);
        let variables = shown::variables(&request.template_variables, source, request.thinking);
        let text_of = |token: i32| known(token).map_or(Ok(String::new()), |t| self.0.vocabulary.spelling(t));
        let (bos_token, eos_token) = (text_of(self.0.native.facts.bos)?, text_of(self.0.native.facts.eos)?);
        let render = |objects: bool| {
            let messages = shown::messages(messages, source, objects);
            template.render(&RenderInput {
                messages: &messages,
                tools,
                variables: &variables,
                add_generation_prompt: !request.continue_final_message,
                continue_final_message: request.continue_final_message,
                bos_token: &bos_token,
                eos_token: &eos_token,
                local_time: None,
            })
        };
        // The few templates that want the arguments of calls as text fail on objects.
        let called = messages.iter().any(|m| m.as_json().contains_key("tool_calls"));
        match render(true) {
            Err(_) if called => render(false),
            rendered => rendered,
        }
    }

    /// Messages as the request has them rendered, and as tokens: those that `before` knows, and the rest. Runs on a
    /// big-stack worker.
    pub(crate) fn message_tokens(
        &self,
        request: &Request,
        messages: &[Message],
        before: Option<&Transcript>,
    ) -> Result<(Rendered, Vec<Token>)> {
        let rendered = self.render_here(request, messages)?;
        let tokens = self.0.vocabulary.tokenize_rendered(&rendered, before)?;
        Ok((rendered, tokens))
    }

    /// How many tokens a text has by itself. Runs on a big-stack worker.
    pub(crate) fn count_tokens(&self, text: &str) -> Result<usize> {
        Ok(self.0.vocabulary.tokenize_on_worker(text, false, false)?.len())
    }

    /// A request's prompt as tokens. Runs on a big-stack worker.
    pub(crate) fn prompt_tokens(&self, request: &Request) -> Result<Vec<Token>> {
        let vocabulary = &self.0.vocabulary;
        match &request.prompt {
            Prompt::Messages(messages) => Ok(self.message_tokens(request, messages, None)?.1),
            Prompt::Text { text, parse_special } => vocabulary.tokenize_on_worker(text, true, *parse_special),
            Prompt::Tokens(tokens) => {
                vocabulary.check(tokens)?;
                Ok(tokens.clone())
            }
            Prompt::Infill { prefix, suffix } => {
                if !self.supports_infill() {
                    return Err(Error::new(Code::Unsupported, "the model has no fill-in-the-middle tokens"));
                }
                let facts = &self.0.native.facts;
                let mut tokens = Vec::new();
                if facts.add_bos && facts.bos >= 0 {
                    tokens.push(facts.bos);
                }
                // Prefix, suffix, middle: the order that these models were trained with.
                tokens.push(facts.fim_pre);
                tokens.extend(vocabulary.tokenize_on_worker(prefix, false, false)?);
                tokens.push(facts.fim_suf);
                tokens.extend(vocabulary.tokenize_on_worker(suffix, false, false)?);
                tokens.push(facts.fim_mid);
                Ok(tokens)
            }
        }
    }
}

fn known(token: i32) -> Option<Token> {
    (token >= 0).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_ask_for_stack_or_are_refused() {
        assert!(check_digits(&"1".repeat(MOST_DIGITS)).is_ok());
        assert!(check_digits(&"12a".repeat(MOST_DIGITS)).is_ok());
        assert_eq!(check_digits(&"1".repeat(MOST_DIGITS + 1)).unwrap_err().code(), Code::TooLong);
        assert_eq!(stack_for("hello world").unwrap(), bigstack::STACK);
        let mixed = "ab 12 ".repeat(100_000);
        assert_eq!(stack_for(&mixed).unwrap(), bigstack::STACK);
        assert!(stack_for(&"a".repeat(200_000)).unwrap() > bigstack::STACK);
        assert_eq!(stack_for(&"a".repeat(4 << 20)).unwrap_err().code(), Code::TooLong);
    }
}
