//! Any text as a chat template over any content: it ends within its limits, and content makes no special tokens.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::message::Message;
use qask_fuzz::template::{RenderInput, Segment, SpecialTexts, Template};
use serde_json::{json, Map};

/// What a text may take that was made of a short template and a short conversation.
const LONGEST: usize = 32 << 20;

fuzz_target!(|data: &[u8]| {
    let [how, length, rest @ ..] = data else { return };
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let Some((content, source)) = rest.split_at_checked(usize::from(*length) % (rest.len() + 1)) else { return };
    let messages = [Message::system("Be brief."), Message::user(content), Message::assistant(content)];
    let tools = [json!({"type": "function", "function": {"name": "f", "description": content, "parameters": {}}})];
    let input = RenderInput {
        messages: &messages[..if how & 1 == 0 { 2 } else { 3 }],
        tools: if how & 2 == 0 { &[][..] } else { &tools[..] },
        variables: &Map::new(),
        add_generation_prompt: how & 4 == 0,
        continue_final_message: how & 8 != 0,
        bos_token: "<s>",
        eos_token: "</s>",
        local_time: Some(0),
    };
    let render = || qask_fuzz::on_a_big_stack(|| Template::new(source).render(&input));
    let first = render();
    match &first {
        Ok(rendered) => {
            assert!(rendered.text.len() < LONGEST);
            let mut end = 0;
            for part in &rendered.protected {
                assert!(end <= part.start && rendered.text.get(part.clone()).is_some());
                end = part.end;
            }
            let specials = SpecialTexts::new(["<s>", "</s>", "<|im_start|>", "<|im_end|>"].map(String::from));
            let segments = rendered.segments(&specials);
            let mut at = 0;
            for segment in &segments {
                let range = at..at + segment.text().len();
                if matches!(segment, Segment::Special(_)) {
                    assert!(rendered.protected.iter().all(|p| p.end <= range.start || range.end <= p.start));
                }
                at = range.end;
            }
            assert_eq!(at, rendered.text.len());
        }
        Err(e) => assert_eq!(e.code(), Code::Template, "{e}"),
    }
    assert_eq!(render().ok(), first.ok());
});
