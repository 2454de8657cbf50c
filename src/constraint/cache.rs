//! Entry constraints by their content, the least recently used dropped first.

use std::sync::Arc;

use llguidance::TokenParser;

use crate::error::Result;

/// How many are kept.
const MOST: usize = 32;
/// Bytes of sources that are kept.
const MOST_BYTES: usize = 4 << 20;

/// A constraint, or why there is none: a bad one is not compiled again and again either.
pub(super) type Entry = Result<Arc<TokenParser>>;

#[derive(Default)]
pub(super) struct Cache {
    /// The most recently used last.
    entries: Vec<(String, Entry)>,
}

impl Cache {
    pub(super) fn get(&mut self, key: &str) -> Option<&Entry> {
        let at = self.entries.iter().position(|(k, _)| k == key)?;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        self.entries.last().map(|(_, compiled)| compiled)
    }

    pub(super) fn put(&mut self, key: String, compiled: Entry) {
        self.entries.retain(|(k, _)| *k != key);
        self.entries.push((key, compiled));
        let bytes = |entries: &[(String, Entry)]| entries.iter().map(|(k, _)| k.len()).sum::<usize>();
        while self.entries.len() > MOST || (self.entries.len() > 1 && bytes(&self.entries) > MOST_BYTES) {
            drop(self.entries.remove(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraint::grammar_error;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = Cache::default();
        for i in 0..MOST {
            cache.put(i.to_string(), Err(grammar_error("x")));
        }
        assert!(cache.get("0").is_some());
        cache.put("new".into(), Err(grammar_error("y")));
        assert!(cache.get("1").is_none() && cache.get("0").is_some() && cache.get("new").is_some());
    }

    #[test]
    fn big_sources_make_room_for_each_other() {
        let mut cache = Cache::default();
        cache.put("a".repeat(3 << 20), Err(grammar_error("x")));
        cache.put("b".repeat(3 << 20), Err(grammar_error("x")));
        assert_eq!(cache.entries.len(), 1);
    }
}
