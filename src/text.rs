//! What stands between tokens and text: whole characters, and stop strings.

/// Puts bytes together to whole UTF-8 characters; what is not UTF-8 becomes U+FFFD.
#[derive(Debug, Default)]
pub struct Utf8Assembler {
    /// The beginning of a character, at most 3 bytes.
    held: Vec<u8>,
}

impl Utf8Assembler {
    /// Takes bytes and appends the characters that are whole to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        if self.held.is_empty() {
            if let Ok(text) = std::str::from_utf8(bytes) {
                return out.push_str(text);
            }
        }
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return out.push_str(text),
                Err(e) => {
                    let (valid, after) = rest.split_at(e.valid_up_to());
                    // `valid` was just found to be so.
                    out.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    match e.error_len() {
                        Some(n) => {
                            out.push('\u{FFFD}');
                            rest = &after[n..];
                        }
                        None => {
                            self.held.extend_from_slice(after);
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Whether all bytes have gone out as characters.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Nothing more comes: what is held back can only be broken.
    pub fn finish(&mut self, out: &mut String) {
        if !self.held.is_empty() {
            self.held.clear();
            out.push('\u{FFFD}');
        }
    }
}

/// Lets text through until a stop string is complete, across any borders.
///
/// Only the longest end that could still become a stop string is held back.
#[derive(Debug, Default)]
pub struct StopFilter {
    stops: Vec<String>,
    held: String,
    stopped: bool,
}

impl StopFilter {
    /// A filter for these texts; empty ones are ignored.
    pub fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|s| !s.is_empty()).cloned().collect();
        StopFilter { stops, ..Self::default() }
    }

    /// Takes text and appends what may go out. Returns which stop string was completed, the earliest in the text (of
    /// those that begin at the same place, the first given); then nothing more comes out.
    pub fn push(&mut self, text: &str, out: &mut String) -> Option<usize> {
        if self.stopped {
            return None;
        }
        if self.stops.is_empty() {
            out.push_str(text);
            return None;
        }
        self.held.push_str(text);
        let found =
            self.stops.iter().enumerate().filter_map(|(i, s)| self.held.find(s.as_str()).map(|at| (at, i))).min();
        // A longer stop string that begins earlier may still be on its way, but a complete one ends the text now.
        if let Some((at, which)) = found {
            out.push_str(&self.held[..at]);
            self.held.clear();
            self.stopped = true;
            return Some(which);
        }
        let keep = self.stops.iter().map(|s| overlap(&self.held, s)).max().unwrap_or(0);
        let free = self.held.len() - keep;
        out.push_str(&self.held[..free]);
        self.held.drain(..free);
        None
    }

    /// Nothing more comes: what was held back goes out.
    pub fn finish(&mut self, out: &mut String) {
        if !self.stopped {
            out.push_str(&self.held);
        }
        self.held.clear();
    }
}

/// Length of the longest end of `text` that is a proper beginning of `stop`.
fn overlap(text: &str, stop: &str) -> usize {
    let most = text.len().min(stop.len() - 1);
    (1..=most).rev().find(|n| stop.is_char_boundary(*n) && text.ends_with(&stop[..*n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assemble(chunks: &[&[u8]]) -> String {
        let (mut a, mut out) = (Utf8Assembler::default(), String::new());
        chunks.iter().for_each(|c| a.push(c, &mut out));
        a.finish(&mut out);
        out
    }

    fn filter(stops: &[&str], chunks: &[&str]) -> (String, Option<usize>) {
        let stops: Vec<String> = stops.iter().map(|s| s.to_string()).collect();
        let (mut f, mut out, mut hit) = (StopFilter::new(&stops), String::new(), None);
        for c in chunks {
            hit = hit.or(f.push(c, &mut out));
        }
        f.finish(&mut out);
        (out, hit)
    }

    #[test]
    fn a_character_comes_whole() {
        let (mut a, mut out) = (Utf8Assembler::default(), String::new());
        a.push(&"你".as_bytes()[..2], &mut out);
        assert_eq!(out, "");
        a.push(&"你".as_bytes()[2..], &mut out);
        assert_eq!(out, "你");
        assert_eq!(assemble(&[b"a\xff", b"b\xe4"]), "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn stops_work_across_borders_and_are_not_emitted() {
        assert_eq!(filter(&["END"], &["abE", "ND", "xyz"]), ("ab".into(), Some(0)));
        assert_eq!(filter(&["END"], &["abE", "N", "x"]), ("abENx".into(), None));
        assert_eq!(filter(&["zz", "b"], &["abc"]), ("a".into(), Some(1)));
        assert_eq!(filter(&["aab"], &["a", "a", "a", "b"]), ("a".into(), Some(0)));
        assert_eq!(filter(&["你好"], &["x你", "好"]), ("x".into(), Some(0)));
        assert_eq!(filter(&[], &["x", "y"]), ("xy".into(), None));
    }

    proptest! {
        #[test]
        fn splitting_bytes_anywhere_changes_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..60), cuts in proptest::collection::vec(0usize..60, 0..6)
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|c| *c <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(assemble(&chunks), String::from_utf8_lossy(&bytes).into_owned());
        }

        #[test]
        fn splitting_text_anywhere_changes_nothing(text in "[abc]{0,30}", stop in "[abc]{1,4}", cut in 0usize..30) {
            let cut = cut.min(text.len());
            let parts = filter(&[&stop], &[&text[..cut], &text[cut..]]);
            prop_assert_eq!(&parts.0, text.split(stop.as_str()).next().unwrap());
            prop_assert_eq!(parts.1.is_some(), text.contains(stop.as_str()));
        }
    }
}
