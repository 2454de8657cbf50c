//! Which turns of a conversation a prompt holds when not all of them fit: `ContextPolicy::DropOldest`.
//!
//! A turn is a user's message with everything up to the next one, so that tool calls and their results stay together.
//! System and developer messages at the beginning always stay, and so does the last turn.
//!
//! Dropping one turn at each request would change the beginning of every prompt, and no cached prefix would fit. So,
//! once it is too long, a conversation is cut down to three quarters of what fits, and then grows again. Requests
//! know nothing of each other: each plays the conversation through from its start, with every cut that was made on
//! the way, and so arrives at the same beginning as the request before it.

use crate::error::Result;
use crate::message::Message;
use crate::model::Token;
use crate::template::Rendered;

/// What a cut leaves of what fits.
const KEPT: f64 = 0.75;

type Prompt = (Rendered, Vec<Token>);

/// Room that is left for the answer: what it may take, but at most half of the context; a quarter when it has no
/// limit.
fn room(max_tokens: Option<u32>, n_ctx: u32) -> u32 {
    max_tokens.unwrap_or(n_ctx / 4).min(n_ctx / 2)
}

/// Where each turn begins. What comes before the first (system messages) is none.
pub(crate) fn turns<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<usize> {
    let mut starts = Vec::new();
    for (i, message) in messages.enumerate() {
        let begins = match message.role() {
            "system" | "developer" => false,
            "user" => true,
            _ => starts.is_empty(),
        };
        if begins {
            starts.push(i);
        }
    }
    starts
}

/// Renders as much of a conversation as fits, and says how many messages were left out. `render` makes a prompt of
/// messages, `count` counts the tokens of a text.
pub(crate) fn drop_oldest(
    messages: &[Message],
    max_tokens: Option<u32>,
    n_ctx: u32,
    render: &dyn Fn(&[Message]) -> Result<Prompt>,
    count: &dyn Fn(&str) -> Result<usize>,
) -> Result<(Prompt, usize)> {
    let limit = (n_ctx - room(max_tokens, n_ctx)) as usize;
    let all = render(messages)?;
    let starts = turns(messages.iter());
    if all.1.len() <= limit || starts.len() < 2 {
        return Ok((all, 0));
    }
    let head = starts[0];
    let without = |turns: usize| {
        let kept: Vec<Message> = messages[..head].iter().chain(&messages[starts[turns]..]).cloned().collect();
        render(&kept)
    };
    let last = starts.len() - 1;
    let least = without(last)?;
    let counts = messages[head..].iter().map(|m| count(&words(m))).collect::<Result<Vec<usize>>>()?;
    let costs = Costs::new(&counts, all.1.len(), least.1.len(), starts[last] - head);
    let mut turn = costs.play(&messages[head..], &starts, limit).max(1);
    // An estimate: when it was too small, a few more go.
    while turn < last {
        let prompt = without(turn)?;
        if prompt.1.len() <= limit {
            return Ok((prompt, starts[turn] - head));
        }
        turn += ((last - turn) / 4).max(1);
    }
    Ok((least, starts[last] - head))
}

/// The texts of a message that a template may show.
fn words(message: &Message) -> String {
    let mut text = message.text();
    for (key, value) in message.as_json() {
        if key != "role" && key != "content" {
            text.push_str(&value.to_string());
        }
    }
    text
}

/// What messages cost in tokens.
struct Costs {
    /// Each message behind the head, with what the template puts around it.
    messages: Vec<f64>,
    /// Everything else: the head, tools, what opens the answer.
    fixed: f64,
}

impl Costs {
    /// From the tokens of each message's text, and two prompts that were really made: of all messages, and of those
    /// from `last` on.
    fn new(counts: &[usize], all: usize, least: usize, last: usize) -> Costs {
        let sum = |counts: &[usize]| counts.iter().sum::<usize>() as f64;
        let around = ((all - least.min(all)) as f64 - sum(&counts[..last])) / last.max(1) as f64;
        // A whole number, so that it stays the same while the conversation grows.
        let around = (around - 0.01).ceil().max(0.0);
        let messages: Vec<f64> = counts.iter().map(|c| *c as f64 + around).collect();
        let fixed = (least as f64 - messages[last..].iter().sum::<f64>()).max(0.0);
        Costs { messages, fixed }
    }

    /// Plays the conversation (without its head) through and gives the first turn that is still there at its end.
    fn play(&self, messages: &[Message], starts: &[usize], limit: usize) -> usize {
        let limit = limit as f64;
        let begin = |turn: usize| starts[turn] - starts[0];
        let turn_cost = |turn: usize| self.messages[begin(turn)..begin(turn + 1)].iter().sum::<f64>();
        let (mut sum, mut first, mut turn) = (self.fixed, 0, 0);
        for (i, (message, cost)) in messages.iter().zip(&self.messages).enumerate() {
            if turn + 1 < starts.len() && begin(turn + 1) == i {
                turn += 1;
            }
            sum += cost;
            // No request ended with an assistant's message, so no cut was made there.
            if message.role() != "assistant" && sum > limit {
                while sum > limit * KEPT && first < turn {
                    sum -= turn_cost(first);
                    first += 1;
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};
    use serde_json::json;

    /// A template that puts 3 tokens around each message and 10 in front of all; every byte of text is a token.
    fn render(messages: &[Message]) -> Result<Prompt> {
        let text: String = messages.iter().map(|m| format!("[{}]", m.text())).collect();
        let size = 10 + messages.iter().map(|m| 3 + words(m).len()).sum::<usize>();
        Ok((Rendered { text, protected: Vec::new() }, vec![0; size]))
    }

    fn fit(messages: &[Message], max_tokens: Option<u32>, n_ctx: u32) -> (String, usize, usize) {
        let ((rendered, tokens), dropped) =
            drop_oldest(messages, max_tokens, n_ctx, &render, &|t| Ok(t.len())).unwrap();
        (rendered.text, tokens.len(), dropped)
    }

    fn conversation(turns: usize) -> Vec<Message> {
        let mut messages = vec![Message::system("SYSTEM")];
        for i in 0..turns {
            messages.push(Message::user(format!("question {i}")));
            messages.push(Message::assistant(format!("answer {i}")));
        }
        messages.push(Message::user("the last"));
        messages
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fit(&conversation(3), Some(10), 500).2, 0);
    }

    #[test]
    fn the_head_and_the_last_turn_stay() {
        let (text, size, dropped) = fit(&conversation(100), Some(20), 200);
        assert!(text.starts_with("[SYSTEM][question ") && text.ends_with("[answer 99][the last]"), "{text}");
        assert!(size <= 180 && size > 90, "{size}");
        assert_eq!(dropped % 2, 0);
        // Even where nothing else fits.
        assert_eq!(fit(&conversation(100), Some(20), 50).0, "[SYSTEM][the last]");
    }

    /// The beginning changes only now and then, and every change leaves room for several turns.
    #[test]
    fn cuts_are_rare_and_the_same_for_every_request() {
        let mut changes = 0;
        let mut before = 0;
        for turns in 1..300 {
            let (_, size, dropped) = fit(&conversation(turns), Some(100), 1000);
            assert!(size <= 900, "{turns}: {size}");
            assert!(dropped >= before, "{turns}: {dropped} after {before}");
            changes += usize::from(dropped != before);
            before = dropped;
        }
        // A turn costs about 27 tokens and a cut frees about 225.
        assert!((20..60).contains(&changes), "{changes} changes in 300 turns");
    }

    #[test]
    fn a_tool_call_goes_with_its_results() {
        let call =
            Message::from_json(json!({"role":"assistant","content":null,"tool_calls":[{"id":"a"}]})).unwrap();
        let result = Message::from_json(json!({"role":"tool","content":"42","tool_call_id":"a"})).unwrap();
        let mut messages = Vec::new();
        for i in 0..20 {
            messages.extend([
                Message::user(format!("{i}")),
                call.clone(),
                result.clone(),
                Message::assistant("ok"),
            ]);
        }
        let (text, _, dropped) = fit(&messages, Some(20), 300);
        assert_eq!(dropped % 4, 0);
        assert!(text.starts_with(&format!("[{}][]", dropped / 4)), "{text}");
    }

    #[test]
    fn a_greeting_before_the_first_question_is_a_turn() {
        let messages = [Message::system("s"), Message::assistant("Hi!"), Message::user("a"), Message::user("b")];
        assert_eq!(turns(messages.iter()), [1, 2, 3]);
        assert!(turns([Message::system("s")].iter()).is_empty());
    }

    #[test]
    fn a_system_message_in_the_middle_belongs_to_its_turn() {
        let messages = [Message::user("a"), Message::system("s"), Message::user("b")];
        assert_eq!(turns(messages.iter()), [0, 2]);
    }

    /// Where the estimate is wrong (here late turns are longer, and `count` does not see it) the prompt still fits.
    #[test]
    fn wrong_estimates_are_made_good() {
        let mut messages = conversation(60);
        for _ in 0..20 {
            messages.push(Message::assistant("a long answer ".repeat(4)));
            messages.push(Message::user("a long question ".repeat(4)));
        }
        let ((_, tokens), dropped) = drop_oldest(&messages, Some(20), 600, &render, &|_| Ok(1)).unwrap();
        assert!(tokens.len() <= 580 && tokens.len() > 200, "{}", tokens.len());
        assert!(dropped < messages.len() - 2);
    }

    #[test]
    fn room_is_bounded() {
        assert_eq!(room(None, 4096), 1024);
        assert_eq!(room(Some(10), 4096), 10);
        assert_eq!(room(Some(u32::MAX), 4096), 2048);
    }

    #[test]
    fn a_failing_template_is_an_error() {
        let fail = |_: &[Message]| Err(Error::new(Code::Template, "no"));
        assert!(drop_oldest(&conversation(2), None, 100, &fail, &|_| Ok(0)).is_err());
    }
}
