//! The calls of one answer: their names are checked, their arguments are put together, their events are made.

use super::tools::Tools;
use super::Piece;

pub(super) struct Calls {
    pub tools: Tools,
    salt: u64,
    next: u32,
    /// Calls that were completed.
    pub completed: u32,
    open: Option<Open>,
}

/// The call that is being read.
struct Open {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    pub(super) fn new(tools: Tools, salt: u64) -> Calls {
        Calls { tools, salt, next: 0, completed: 0, open: None }
    }

    /// Begins a call; false when there is no such tool.
    pub(super) fn begin(&mut self, name: &str, out: &mut Vec<Piece>) -> bool {
        if !self.tools.has(name) || self.open.is_some() {
            return false;
        }
        let index = self.next;
        self.next += 1;
        let open = Open { index, id: id(self.salt, index), name: name.to_owned(), arguments: String::new() };
        out.push(Piece::Delta {
            index,
            id: open.id.clone(),
            name: open.name.clone(),
            arguments: String::new(),
            first: true,
        });
        self.open = Some(open);
        true
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The tool that is being called.
    pub(super) fn name(&self) -> &str {
        self.open.as_ref().map_or("", |o| &o.name)
    }

    /// More of the arguments.
    pub(super) fn write(&mut self, text: &str, out: &mut Vec<Piece>) {
        let Some(open) = self.open.as_mut().filter(|_| !text.is_empty()) else { return };
        open.arguments.push_str(text);
        if let Some(Piece::Delta { index, arguments, .. }) = out.last_mut() {
            if *index == open.index {
                return arguments.push_str(text);
            }
        }
        out.push(Piece::Delta {
            index: open.index,
            id: open.id.clone(),
            name: open.name.clone(),
            arguments: text.to_owned(),
            first: false,
        });
    }

    /// A parameter begins.
    pub(super) fn key(&mut self, key: &str, out: &mut Vec<Piece>) {
        let first = self.open.as_ref().is_some_and(|o| o.arguments.is_empty());
        let key = serde_json::Value::from(key);
        self.write(&format!("{}{key}: ", if first { "{" } else { ", " }), out);
    }

    /// All parameters have come.
    pub(super) fn close(&mut self, out: &mut Vec<Piece>) {
        let none = self.open.as_ref().is_some_and(|o| o.arguments.is_empty());
        self.write(if none { "{}" } else { "}" }, out);
    }

    /// Completes the call; false when its arguments are not an object after all.
    pub(super) fn end(&mut self, out: &mut Vec<Piece>) -> bool {
        let Some(Open { index, id, name, arguments }) = self.open.take() else { return false };
        if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&arguments).is_err() {
            return false;
        }
        self.completed += 1;
        out.push(Piece::Call { index, id, name, arguments });
        true
    }

    /// Forgets the call that is being read; its index is not used again.
    pub(super) fn abandon(&mut self) {
        self.open = None;
    }

    /// How many calls there were, to go back to.
    pub(super) fn mark(&self) -> (u32, u32) {
        (self.next, self.completed)
    }

    pub(super) fn back_to(&mut self, mark: (u32, u32)) {
        self.open = None;
        (self.next, self.completed) = mark;
    }
}

/// Nine letters and digits: what Mistral's templates ask for, and no other template minds.
fn id(salt: u64, index: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // SplitMix64: every salt and index gives another number.
    let mut x = salt.wrapping_add(u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 31;
    (0..9)
        .map(|_| {
            let digit = DIGITS[(x % 62) as usize];
            x /= 62;
            digit as char
        })
        .collect()
}
