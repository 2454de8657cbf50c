//! Which sequence of the context holds which tokens: running ones, cached prefixes, and the cells they share.
//!
//! Pure bookkeeping: the worker makes the same changes in llama.cpp's memory.

use std::sync::Arc;

use crate::model::Token;

/// Counts KV cells: each has an id and a number of sequences that hold it.
struct Ledger {
    holders: Vec<u16>,
    free: Vec<u32>,
}

impl Ledger {
    fn new(capacity: u32) -> Ledger {
        Ledger { holders: vec![0; capacity as usize], free: (0..capacity).rev().collect() }
    }

    fn take(&mut self) -> Option<u32> {
        let id = self.free.pop()?;
        self.holders[id as usize] = 1;
        Some(id)
    }

    fn hold(&mut self, id: u32) {
        self.holders[id as usize] += 1;
    }

    fn release(&mut self, id: u32) {
        let n = &mut self.holders[id as usize];
        *n -= 1;
        if *n == 0 {
            self.free.push(id);
        }
    }
}

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Empty.
    Free,
    /// A running sequence.
    Active,
    /// A finished one, kept for later requests; the number grows with each use.
    Cached(u64),
}

/// One sequence of the context.
pub(super) struct Slot {
    pub used: Use,
    /// What its cells hold, from position 0.
    tokens: Vec<Token>,
    cells: Vec<u32>,
    key: Arc<str>,
    pub pinned: bool,
    /// Tokens were taken out of its middle: what its cells hold still remembers them.
    shifted: bool,
    /// It cannot be cut to fewer tokens, other than to none: it was put back without the cells that a sliding window had
    /// let go of.
    floor: usize,
}

/// A cached prefix that a prompt begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub slot: usize,
    pub tokens: usize,
}

pub(super) struct Slots {
    slots: Vec<Slot>,
    ledger: Ledger,
    clock: u64,
    /// Whether the memory can be cut at any token; if not, a slot is of use from its end on only.
    can_cut: bool,
}

impl Slots {
    pub(super) fn new(slots: u32, cells: u32, can_cut: bool) -> Slots {
        let empty = || Slot {
            used: Use::Free,
            tokens: Vec::new(),
            cells: Vec::new(),
            key: Arc::from(""),
            pinned: false,
            shifted: false,
            floor: 0,
        };
        Slots { slots: (0..slots).map(|_| empty()).collect(), ledger: Ledger::new(cells), clock: 0, can_cut }
    }

    pub(super) fn get(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    /// Tokens that a slot holds.
    pub(super) fn len(&self, slot: usize) -> usize {
        self.slots[slot].tokens.len()
    }

    pub(super) fn free_cells(&self) -> usize {
        self.ledger.free.len()
    }

    pub(super) fn used_cells(&self) -> usize {
        self.ledger.holders.len() - self.free_cells()
    }

    /// Tokens of cached (not running) prefixes.
    pub(super) fn cached_tokens(&self) -> usize {
        self.slots.iter().filter(|s| matches!(s.used, Use::Cached(_))).map(|s| s.tokens.len()).sum()
    }

    /// The longest prefix of `prompt` that a slot under this key holds; at least one token is left to evaluate.
    /// `idle` asks for cached slots only.
    pub(super) fn longest_match(&self, prompt: &[Token], key: &str, idle: bool) -> Option<Match> {
        let most = prompt.len().saturating_sub(1);
        let mut found: Option<Match> = None;
        for (slot, s) in self.slots.iter().enumerate() {
            let fits = match s.used {
                Use::Free => false,
                Use::Active => !idle,
                Use::Cached(_) => true,
            };
            if !fits || s.shifted || *s.key != *key {
                continue;
            }
            let tokens = common(&s.tokens, prompt).min(most);
            if tokens == 0 || tokens < s.floor || (!self.can_cut && tokens != s.tokens.len()) {
                continue;
            }
            // Of equals an idle slot is better: it can be taken over.
            let better = found.is_none_or(|f| {
                tokens > f.tokens || (tokens == f.tokens && self.slots[f.slot].used == Use::Active)
            });
            if better {
                found = Some(Match { slot, tokens });
            }
        }
        found
    }

    pub(super) fn find_free(&self) -> Option<usize> {
        self.slots.iter().position(|s| s.used == Use::Free)
    }

    /// The cached slot that was used longest ago and is not pinned, other than `but`.
    pub(super) fn oldest_cached(&self, but: Option<usize>) -> Option<usize> {
        let age = |s: &Slot| match s.used {
            Use::Cached(when) if !s.pinned => Some(when),
            _ => None,
        };
        let cached = self.slots.iter().enumerate().filter(|(i, _)| Some(*i) != but);
        cached.filter_map(|(i, s)| age(s).map(|a| (a, i))).min().map(|(_, i)| i)
    }

    /// A slot begins to run.
    pub(super) fn start(&mut self, slot: usize, key: &Arc<str>) {
        let s = &mut self.slots[slot];
        s.used = Use::Active;
        s.key = Arc::clone(key);
        s.pinned = false;
    }

    /// Slot `to` (empty) holds the first tokens of `from` too.
    pub(super) fn share(&mut self, from: usize, to: usize, tokens: usize) {
        let (text, cells) =
            (self.slots[from].tokens[..tokens].to_vec(), self.slots[from].cells[..tokens].to_vec());
        cells.iter().for_each(|c| self.ledger.hold(*c));
        self.slots[to].tokens = text;
        self.slots[to].cells = cells;
        self.slots[to].floor = self.slots[from].floor;
    }

    /// The slot under this key that holds most of a text from its beginning on, whatever it does, and how much of it.
    /// Without `parts`, the text must begin with all that a slot holds.
    pub(super) fn best_holder(&self, text: &[Token], key: &str, parts: bool) -> Option<Match> {
        let held = |(slot, s): (usize, &Slot)| {
            let tokens = common(&s.tokens, text);
            let usable = s.used != Use::Free && !s.shifted && *s.key == *key && tokens > 0;
            let whole = tokens == s.tokens.len();
            (usable && (whole || (parts && tokens >= s.floor))).then_some(Match { slot, tokens })
        };
        self.slots.iter().enumerate().filter_map(held).max_by_key(|m| m.tokens)
    }

    /// An empty slot becomes a cached prefix of these tokens, which cannot be cut below `floor`. There must be cells for
    /// them.
    pub(super) fn put(&mut self, slot: usize, tokens: &[Token], key: &Arc<str>, floor: usize) {
        self.start(slot, key);
        self.append(slot, tokens);
        self.slots[slot].floor = floor;
        self.touch(slot);
    }

    /// Whether a slot can be cut to so many tokens, as far as its own cells go.
    pub(super) fn holds(&self, slot: usize, tokens: usize) -> bool {
        tokens >= self.slots[slot].floor
    }

    /// Slot `to` (empty) becomes a cached prefix of all that `from` holds now.
    pub(super) fn checkpoint(&mut self, from: usize, to: usize) {
        let key = Arc::clone(&self.slots[from].key);
        self.start(to, &key);
        self.share(from, to, self.len(from));
        self.touch(to);
    }

    /// The cached slot that holds just what this one does.
    pub(super) fn twin(&self, slot: usize) -> Option<usize> {
        let mine = &self.slots[slot];
        let same = |s: &Slot| matches!(s.used, Use::Cached(_)) && s.key == mine.key && s.tokens == mine.tokens;
        self.slots.iter().enumerate().find(|(i, s)| *i != slot && same(s)).map(|(i, _)| i)
    }

    /// Tokens were evaluated into a slot. False when there were no cells left (the caller's mistake).
    pub(super) fn append(&mut self, slot: usize, tokens: &[Token]) -> bool {
        for token in tokens {
            let Some(cell) = self.ledger.take() else { return false };
            self.slots[slot].cells.push(cell);
            self.slots[slot].tokens.push(*token);
        }
        true
    }

    /// Keeps the first tokens of a slot only.
    pub(super) fn truncate(&mut self, slot: usize, tokens: usize) {
        let slot = &mut self.slots[slot];
        let gone = slot.cells.split_off(tokens.min(slot.cells.len()));
        slot.tokens.truncate(tokens);
        slot.floor = slot.floor.min(tokens);
        gone.into_iter().for_each(|c| self.ledger.release(c));
    }

    /// Whether another slot holds cells of this one from a place on.
    pub(super) fn shares(&self, slot: usize, from: usize) -> bool {
        self.slots[slot].cells[from..].iter().any(|c| self.ledger.holders[*c as usize] > 1)
    }

    /// Takes tokens out of a slot's middle; it is of no use for other requests from then on.
    pub(super) fn shift(&mut self, slot: usize, from: usize, to: usize) {
        let slot = &mut self.slots[slot];
        slot.tokens.drain(from..to);
        slot.cells.drain(from..to).for_each(|c| self.ledger.release(c));
        slot.shifted = true;
    }

    pub(super) fn is_shifted(&self, slot: usize) -> bool {
        self.slots[slot].shifted
    }

    /// Empties a slot.
    pub(super) fn clear(&mut self, slot: usize) {
        self.truncate(slot, 0);
        self.slots[slot].shifted = false;
        self.slots[slot].used = Use::Free;
        self.slots[slot].pinned = false;
    }

    /// Empties every slot.
    pub(super) fn clear_all(&mut self) {
        (0..self.slots.len()).for_each(|slot| self.clear(slot));
    }

    /// A running slot becomes a cached prefix. Returns cached slots that it makes needless: those whose tokens it
    /// begins with, or, where memory cannot be cut, those that hold the same.
    pub(super) fn cache(&mut self, slot: usize, pinned: bool) -> Vec<usize> {
        self.touch(slot);
        self.slots[slot].pinned = pinned;
        let mine = &self.slots[slot];
        let needless = |(i, s): &(usize, &Slot)| {
            *i != slot
                && matches!(s.used, Use::Cached(_))
                && !s.pinned
                && s.key == mine.key
                && mine.tokens.starts_with(&s.tokens)
                && (mine.tokens.len() == s.tokens.len() || (self.can_cut && s.tokens.len() >= mine.floor))
        };
        self.slots.iter().enumerate().filter(needless).map(|(i, _)| i).collect()
    }

    /// A cached slot was of use.
    pub(super) fn touch(&mut self, slot: usize) {
        self.clock += 1;
        if self.slots[slot].used != Use::Free {
            self.slots[slot].used = Use::Cached(self.clock);
        }
    }

    pub(super) fn unpin_all(&mut self) {
        self.slots.iter_mut().for_each(|s| s.pinned = false);
    }

    pub(super) fn has_pinned(&self) -> bool {
        self.slots.iter().any(|s| s.pinned)
    }
}

/// How many tokens two texts have in common at their beginning.
pub(crate) fn common(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(slots: &mut Slots, slot: usize, tokens: &[Token], key: &str) {
        slots.start(slot, &Arc::from(key));
        assert!(slots.append(slot, tokens));
    }

    #[test]
    fn shared_cells_are_counted_once() {
        let mut s = Slots::new(4, 10, true);
        filled(&mut s, 0, &[1, 2, 3, 4], "");
        s.start(1, &Arc::from(""));
        s.share(0, 1, 3);
        assert!(s.append(1, &[9]));
        assert_eq!(s.used_cells(), 5);
        s.clear(0);
        assert_eq!(s.used_cells(), 4);
        s.truncate(1, 1);
        assert_eq!(s.used_cells(), 1);
        s.clear(1);
        assert_eq!((s.used_cells(), s.free_cells()), (0, 10));
    }

    #[test]
    fn the_longest_prefix_wins_and_one_token_is_left() {
        let mut s = Slots::new(4, 100, true);
        filled(&mut s, 0, &[1, 2, 3], "");
        filled(&mut s, 1, &[1, 2, 3, 4], "");
        let found = s.longest_match(&[1, 2, 3, 4, 5], "", false);
        assert_eq!(found, Some(Match { slot: 1, tokens: 4 }));
        assert_eq!(s.longest_match(&[1, 2, 3], "", false).unwrap().tokens, 2);
        assert_eq!(s.longest_match(&[7], "", false), None);
    }

    #[test]
    fn keys_do_not_see_each_other() {
        let mut s = Slots::new(2, 100, true);
        filled(&mut s, 0, &[1, 2, 3], "a");
        assert_eq!(s.longest_match(&[1, 2, 3, 4], "b", false), None);
        assert!(s.longest_match(&[1, 2, 3, 4], "a", false).is_some());
    }

    #[test]
    fn memory_that_cannot_be_cut_matches_whole_slots_only() {
        let mut s = Slots::new(2, 100, false);
        filled(&mut s, 0, &[1, 2, 3], "");
        assert_eq!(s.longest_match(&[1, 2, 9, 9], "", false), None);
        assert!(s.longest_match(&[1, 2, 3, 4], "", false).is_some());
    }

    #[test]
    fn the_least_recently_used_goes_first_and_pinned_ones_stay() {
        let mut s = Slots::new(3, 100, true);
        for i in 0..3 {
            filled(&mut s, i, &[i as Token + 10, 5], "");
            s.cache(i, i == 0);
        }
        assert_eq!(s.oldest_cached(None), Some(1));
        s.touch(1);
        assert_eq!(s.oldest_cached(None), Some(2));
        assert_eq!(s.oldest_cached(Some(2)), Some(1));
    }

    #[test]
    fn a_longer_prefix_makes_the_shorter_one_needless() {
        let mut s = Slots::new(3, 100, true);
        filled(&mut s, 0, &[1, 2], "");
        s.cache(0, false);
        filled(&mut s, 1, &[1, 2, 3], "");
        assert_eq!(s.cache(1, false), vec![0]);
    }

    #[test]
    fn a_checkpoint_stays_where_memory_cannot_be_cut() {
        let mut s = Slots::new(3, 100, false);
        filled(&mut s, 0, &[1, 2], "k");
        s.checkpoint(0, 1);
        assert_eq!(s.twin(0), Some(1));
        assert!(s.append(0, &[3]));
        assert_eq!((s.twin(0), s.used_cells()), (None, 3));
        // The longer text does not stand in for the shorter one, but for its twin.
        assert_eq!(s.cache(0, false), Vec::<usize>::new());
        assert_eq!(s.longest_match(&[1, 2, 9], "k", true), Some(Match { slot: 1, tokens: 2 }));
        filled(&mut s, 2, &[1, 2, 3], "k");
        assert_eq!(s.cache(2, false), vec![0]);
    }

    #[test]
    fn what_was_put_back_in_part_is_of_use_from_its_floor_on() {
        let key: Arc<str> = Arc::from("k");
        let mut s = Slots::new(4, 100, true);
        s.put(0, &[1, 2, 3], &key, 3);
        assert_eq!(s.longest_match(&[1, 2, 9, 9], "k", true), None);
        assert_eq!(s.longest_match(&[1, 2, 3, 9], "k", true), Some(Match { slot: 0, tokens: 3 }));
        assert_eq!(s.best_holder(&[1, 2, 9], "k", true), None);
        s.start(1, &key);
        s.share(0, 1, 3);
        assert!(s.append(1, &[4, 5]) && s.holds(1, 3) && !s.holds(1, 2));
        assert_eq!(s.best_holder(&[1, 2, 3, 4, 8], "k", true), Some(Match { slot: 1, tokens: 4 }));
        assert_eq!(s.best_holder(&[1, 2, 3, 4, 8], "k", false), Some(Match { slot: 0, tokens: 3 }));
        // A shorter prefix is not needless when the longer one cannot be cut to it.
        filled(&mut s, 2, &[1, 2], "k");
        s.cache(2, false);
        assert_eq!(s.cache(1, false), vec![0]);
        s.clear(1);
        assert!(s.holds(1, 0));
    }

    #[test]
    fn a_shifted_slot_is_for_nobody_else() {
        let mut s = Slots::new(3, 100, true);
        filled(&mut s, 0, &[1, 2, 3, 4, 5], "");
        s.start(1, &Arc::from(""));
        s.share(0, 1, 2);
        assert!(s.shares(0, 1) && !s.shares(0, 2));
        s.shift(0, 2, 4);
        assert_eq!((s.len(0), s.used_cells()), (3, 3));
        assert_eq!(s.longest_match(&[1, 2, 5, 6], "", false), Some(Match { slot: 1, tokens: 2 }));
        s.clear(0);
        assert!(!s.is_shifted(0));
    }

    #[test]
    fn running_out_of_cells_is_told() {
        let mut s = Slots::new(1, 2, true);
        s.start(0, &Arc::from(""));
        assert!(!s.append(0, &[1, 2, 3]));
    }
}
