//! How calls are asked for: what stands around the names and arguments when a grammar makes the model call.

use super::formats::{named, Format};

/// `open`, name, `middle`, arguments, `end`, and for each further call `next` instead of `open`; `close` at last.
#[derive(Debug)]
pub(crate) struct Ask {
    pub open: &'static str,
    pub middle: &'static str,
    pub end: &'static str,
    /// `None`: one call an answer.
    pub next: Option<&'static str>,
    pub close: &'static str,
}

const ASKS: &[(&str, Ask)] = &[
    ("harmony", ask("<|channel|>commentary to=functions.", " <|constrain|>json<|message|>", "", None, "")),
    ("functionary-v3.2", ask("", "\n", "", Some(">>>"), "")),
    ("functionary-v3.1", ask("<function=", ">", "</function>", Some("<function="), "")),
    (
        "kimi-k2",
        ask(
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
            ":0<|tool_call_argument_begin|>",
            "<|tool_call_end|>",
            None,
            "<|tool_calls_section_end|>",
        ),
    ),
    (
        "deepseek-r1",
        ask(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
            "\n```json\n",
            "\n```<｜tool▁call▁end｜>",
            Some("\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>"),
            "<｜tool▁calls▁end｜>",
        ),
    ),
    (
        "deepseek-v3.1",
        ask(
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
            "<｜tool▁sep｜>",
            "<｜tool▁call▁end｜>",
            Some("<｜tool▁call▁begin｜>"),
            "<｜tool▁calls▁end｜>",
        ),
    ),
    ("mistral-args", ask("[TOOL_CALLS]", "[ARGS]", "", Some("[TOOL_CALLS]"), "")),
    ("mistral", list("[TOOL_CALLS][{\"name\": \"", "]")),
    ("granite", list("<|tool_call|>[{\"name\": \"", "]")),
    ("nemotron", list("<TOOLCALL>[{\"name\": \"", "]</TOOLCALL>")),
    ("tool-calls", list("<tool_calls>[{\"name\": \"", "]</tool_calls>")),
    ("phi4", list("<|tool_call|>[{\"name\": \"", "]<|/tool_call|>")),
    ("functools", list("functools[{\"name\": \"", "]")),
    (
        "command-r",
        ask(
            "<|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"",
            "\", \"parameters\": ",
            "}",
            None,
            "]<|END_ACTION|>",
        ),
    ),
    ("llama3-json", ask("{\"name\": \"", "\", \"parameters\": ", "}", None, "")),
    (
        "hermes",
        ask(
            "<tool_call>\n{\"name\": \"",
            "\", \"arguments\": ",
            "}\n</tool_call>",
            Some("\n<tool_call>\n{\"name\": \""),
            "",
        ),
    ),
    ("generic", ask("{\"name\": \"", "\", \"arguments\": ", "}", Some("\n{\"name\": \""), "")),
];

const fn ask(
    open: &'static str,
    middle: &'static str,
    end: &'static str,
    next: Option<&'static str>,
    close: &'static str,
) -> Ask {
    Ask { open, middle, end, next, close }
}

const fn list(open: &'static str, close: &'static str) -> Ask {
    ask(open, "\", \"arguments\": ", "}", Some(", {\"name\": \""), close)
}

impl Format {
    /// How it asks for calls; `None` for formats whose arguments are not JSON.
    pub(crate) fn ask(&self) -> Option<&'static Ask> {
        ASKS.iter().find(|(name, _)| *name == self.name).map(|(_, ask)| ask)
    }

    /// The format in which a call is asked for: its own, or the generic one where the arguments are not JSON.
    pub(crate) fn for_forced_calls(&'static self) -> &'static Format {
        match self.ask() {
            Some(_) => self,
            None => named("generic").unwrap_or(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{merge, Parser, Piece, Setup, FORMATS};
    use super::*;

    /// What a grammar makes a model write is read as the calls it is.
    #[test]
    fn what_is_asked_for_is_read() {
        for format in FORMATS {
            let format = format.for_forced_calls();
            let ask = format.ask().unwrap();
            let mut text = format!("{}f{}{{\"a\": 1}}{}", ask.open, ask.middle, ask.end);
            let count = 1 + usize::from(ask.next.is_some());
            if let Some(next) = ask.next {
                text += &format!("{next}g{}{{}}{}", ask.middle, ask.end);
            }
            text += ask.close;
            let mut parser = Parser::new(Setup { format: Some(format), ..Setup::default() });
            let mut out = Vec::new();
            parser.push(&text, &mut out);
            parser.finish(&mut out);
            let out = merge(out);
            let calls = out.iter().filter(|p| matches!(p, Piece::Call { .. })).count();
            assert_eq!(calls, count, "{}: {out:?}", format.name);
            assert!(!out.iter().any(|p| matches!(p, Piece::Text(_))), "{}: {out:?}", format.name);
        }
        for (name, _) in ASKS {
            assert!(named(name).is_some(), "{name}");
        }
    }
}
