//! What llama.cpp writes for a sequence, taken apart: the numbers that frame it, and the contents of its cells between
//! them.
//!
//! llama.cpp trusts its input when it reads a sequence back. So nothing of the frame ever comes from a file: an engine
//! learns it from what llama.cpp writes for a sequence of one token ([`Layout::learn`]), and both what is saved is
//! compared with it ([`Layout::split`]) and what is restored is framed by it ([`Layout::pieces`]). A file gives cell
//! contents, of a length that is known before, and the cells' order, which is checked to be one.
//!
//! The format (llama.cpp's `state_write` of each kind of memory, numbers little-endian): a magic number and the
//! sequence's number; then for each cache the number of its streams, and for each stream the count of its cells, a
//! position, a count of 1 and the sequence's number for each cell, four numbers about the cache, and for each layer
//! its keys, then for each its values; then, for a recurrent state, a count of 1, its position, a 0, two numbers and
//! its rows. Caches of models that see images write more for each cell, and some sparse ones something else: those are
//! not understood, and not saved.

use std::ops::Range;

/// Most layers of a cache, and rows of a state.
const MOST_ROWS: usize = 8192;

/// The frame of a sequence's state, for any number of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    magic: [u8; 4],
    sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    /// The streams of a cache; `None` for a recurrent state.
    streams: Option<u32>,
    /// The numbers before the rows.
    before: Vec<u8>,
    rows: Vec<Row>,
}

/// The keys or values of one layer, or a part of a recurrent state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// Type and size.
    head: Vec<u8>,
    /// Bytes of one cell.
    bytes: u64,
}

/// A piece of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Frame(Vec<u8>),
    /// So many bytes of cell contents.
    Cells(u64),
}

/// A state that was taken apart.
pub(crate) struct Split {
    /// For each cache, the positions of its cells as they follow each other. Not every cache holds every position: a
    /// sliding window has let go of the oldest.
    pub order: Vec<Vec<u32>>,
    /// Where in the state the contents of cells stand.
    pub contents: Vec<Range<usize>>,
}

/// What a section may be.
#[derive(Clone, Copy)]
enum Kind {
    Cache { values: bool },
    Recurrent,
}

impl Layout {
    /// Learns it from the state of sequence `seq`, which holds one token. `None` for a format that is not understood.
    pub(crate) fn learn(state: &[u8], seq: i32) -> Option<Layout> {
        let mut head = Reader { bytes: state, at: 0 };
        let magic = head.array()?;
        (head.i32()? == seq).then_some(())?;
        let cache = |values| Kind::Cache { values };
        let mut found = Vec::new();
        for values in [true, false] {
            found.extend([vec![cache(values)], vec![cache(values), Kind::Recurrent]]);
            for more in [true, false] {
                let two = vec![cache(values), cache(more)];
                found.extend([[two.clone(), vec![Kind::Recurrent]].concat(), two]);
            }
        }
        found.push(vec![Kind::Recurrent]);
        found.into_iter().find_map(|kinds| {
            let mut r = Reader { bytes: state, at: head.at };
            let sections: Option<Vec<_>> = kinds.iter().map(|k| r.section(*k, seq)).collect();
            let layout = Layout { magic, sections: sections? };
            // What was understood must be all there is, and must come out the same.
            (r.at == state.len() && layout.split(state, seq, 1).is_some()).then_some(layout)
        })
    }

    /// A text of bytes that differs where states do not fit each other.
    pub(crate) fn describe(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        for section in &self.sections {
            // Streams say where a sequence's cells stand, not what they hold.
            out.push(u8::from(section.streams.is_some()));
            out.extend(&section.before);
            out.extend((section.rows.len() as u32).to_le_bytes());
            for row in &section.rows {
                out.extend(&row.head);
                out.extend(row.bytes.to_le_bytes());
            }
        }
        out
    }

    /// How many caches there are beside recurrent states.
    fn caches(&self) -> usize {
        self.sections.iter().filter(|s| s.streams.is_some()).count()
    }

    /// Whether a sequence that is put back can be cut: not where part of it was let go, or is a state.
    pub(crate) fn can_cut(&self, order: &[Vec<u32>], tokens: u32) -> bool {
        order.len() == self.sections.len() && order.iter().all(|o| o.len() == tokens as usize)
    }

    /// Whether an order that came from a file is one: for each cache, the last positions, each once.
    pub(crate) fn check(&self, order: &[Vec<u32>], tokens: u32) -> bool {
        order.len() == self.caches() && order.iter().all(|o| is_order(o, tokens))
    }

    /// Bytes of cell contents.
    pub(crate) fn contents(&self, order: &[Vec<u32>]) -> Option<u64> {
        let mut counts = order.iter().map(|o| o.len() as u64);
        self.sections.iter().try_fold(0u64, |sum, section| {
            let cells = if section.streams.is_some() { counts.next()? } else { 1 };
            section.rows.iter().try_fold(sum, |sum, row| sum.checked_add(row.bytes.checked_mul(cells)?))
        })
    }

    /// The state of a sequence of so many tokens, piece by piece. `order` was checked.
    pub(crate) fn pieces(&self, order: &[Vec<u32>], tokens: u32, seq: i32) -> Vec<Piece> {
        self.pieces_behind(order, tokens, seq, 0)
    }

    /// As [`Layout::pieces`], behind so many empty streams.
    fn pieces_behind(&self, order: &[Vec<u32>], tokens: u32, seq: i32, empty: u32) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut frame = [&self.magic[..], &seq.to_le_bytes()].concat();
        let mut orders = order.iter();
        for section in &self.sections {
            let cells = match section.streams {
                Some(streams) => {
                    let order = orders.next().map_or(&[][..], Vec::as_slice);
                    frame.extend(streams.to_le_bytes());
                    (0..empty).for_each(|_| frame.extend(0u32.to_le_bytes()));
                    frame.extend((order.len() as u32).to_le_bytes());
                    for position in order {
                        frame.extend(position.to_le_bytes());
                        frame.extend(1u32.to_le_bytes());
                        frame.extend(seq.to_le_bytes());
                    }
                    order.len() as u64
                }
                None => {
                    for n in [1, tokens.saturating_sub(1), 0] {
                        frame.extend(n.to_le_bytes());
                    }
                    1
                }
            };
            frame.extend(&section.before);
            for row in &section.rows {
                frame.extend(&row.head);
                out.push(Piece::Frame(std::mem::take(&mut frame)));
                out.push(Piece::Cells(row.bytes * cells));
            }
            let behind = section.streams.map_or(0, |s| s.saturating_sub(empty + 1));
            (0..behind).for_each(|_| frame.extend(0u32.to_le_bytes()));
        }
        if !frame.is_empty() {
            out.push(Piece::Frame(frame));
        }
        out
    }

    /// Takes the state of sequence `seq` apart, which holds so many tokens. `None` when it is not what was learned.
    pub(crate) fn split(&self, state: &[u8], seq: i32, tokens: u32) -> Option<Split> {
        let mut r = Reader { bytes: state, at: 8 };
        let (mut order, mut empty) = (Vec::new(), 0);
        for section in &self.sections {
            let (positions, behind) = match section.streams {
                Some(streams) => {
                    let (positions, before) = r.cells(streams, seq)?;
                    empty = before;
                    (positions, streams - before - 1)
                }
                None => {
                    r.skip(12)?;
                    (vec![0], 0)
                }
            };
            r.skip(section.before.len() as u64)?;
            for row in &section.rows {
                r.skip(row.head.len() as u64)?;
                r.skip(row.bytes.checked_mul(positions.len() as u64)?)?;
            }
            r.skip(4 * u64::from(behind))?;
            if section.streams.is_some() {
                order.push(positions);
            }
        }
        (r.at == state.len() && self.check(&order, tokens)).then_some(())?;
        let mut contents = Vec::new();
        let mut at = 0;
        for piece in self.pieces_behind(&order, tokens, seq, empty) {
            match piece {
                Piece::Frame(frame) => {
                    (state.get(at..at + frame.len())? == frame).then_some(())?;
                    at += frame.len();
                }
                Piece::Cells(n) => {
                    contents.push(at..at + n as usize);
                    at += n as usize;
                }
            }
        }
        Some(Split { order, contents })
    }
}

fn is_order(order: &[u32], tokens: u32) -> bool {
    let Some(first) = tokens.checked_sub(order.len() as u32).filter(|_| !order.is_empty()) else { return false };
    let mut seen = vec![false; order.len()];
    order.iter().all(|position| {
        let place = position.checked_sub(first).and_then(|i| seen.get_mut(i as usize));
        place.is_some_and(|seen| !std::mem::replace(seen, true))
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, n: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(n).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn take(&mut self, n: usize) -> Option<Vec<u8>> {
        let from = self.at;
        self.skip(n as u64)?;
        Some(self.bytes[from..self.at].to_vec())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let from = self.at;
        self.skip(N as u64)?;
        self.bytes[from..self.at].try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    /// The cells of a cache's one stream that has any, and how many empty streams came before.
    fn cells(&mut self, streams: u32, seq: i32) -> Option<(Vec<u32>, u32)> {
        (self.u32()? == streams && streams > 0).then_some(())?;
        let mut empty = 0;
        let count = loop {
            match self.u32()? {
                0 if empty + 1 < streams => empty += 1,
                n => break n,
            }
        };
        let mut positions = Vec::new();
        for _ in 0..count {
            positions.push(self.u32()?);
            (self.u32()? == 1 && self.i32()? == seq).then_some(())?;
        }
        Some((positions, empty))
    }

    /// A section of the state of one token.
    fn section(&mut self, kind: Kind, seq: i32) -> Option<Section> {
        let Kind::Cache { values } = kind else { return self.recurrent() };
        let at = self.at;
        let streams = self.u32()?;
        self.at = at;
        let (positions, empty) = self.cells(streams, seq)?;
        (positions == [0]).then_some(())?;
        let before = self.take(16)?;
        let number = |i: usize| u32::from_le_bytes([before[i], before[i + 1], before[i + 2], before[i + 3]]);
        let (transposed, layers) = (number(0), number(4) as usize);
        (transposed <= 1 && layers <= MOST_ROWS).then_some(())?;
        let mut rows = Vec::new();
        for _ in 0..layers {
            rows.push(self.row()?);
        }
        for _ in 0..if values { layers } else { 0 } {
            rows.push(if transposed == 1 { self.transposed_row()? } else { self.row()? });
        }
        self.skip(4 * u64::from(streams - empty - 1))?;
        Some(Section { streams: Some(streams), before, rows })
    }

    fn recurrent(&mut self) -> Option<Section> {
        // One cell at position 0, without a list of sequences.
        ([self.u32()?, self.u32()?, self.u32()?] == [1, 0, 0]).then_some(())?;
        let before = self.take(8)?;
        let mut rows = Vec::new();
        while self.at < self.bytes.len() {
            (rows.len() < MOST_ROWS).then_some(())?;
            rows.push(self.row()?);
        }
        Some(Section { streams: None, before, rows })
    }

    /// Type and bytes of a cell, and one cell.
    fn row(&mut self) -> Option<Row> {
        let head = self.take(12)?;
        let bytes = u64::from_le_bytes(head[4..].try_into().ok()?);
        self.skip(bytes)?;
        Some(Row { head, bytes })
    }

    /// Type, bytes of an element and elements of a cell, and one cell.
    fn transposed_row(&mut self) -> Option<Row> {
        let head = self.take(4)?;
        let (element, count) = (self.u32()?, self.u32()?);
        let bytes = u64::from(element) * u64::from(count);
        self.skip(bytes)?;
        let head = [head, element.to_le_bytes().to_vec(), count.to_le_bytes().to_vec()].concat();
        Some(Row { head, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEQ: i32 = 3;

    /// What llama.cpp writes for a cache of two layers, or a recurrent state of two.
    fn section(out: &mut Vec<u8>, positions: &[u32], recurrent: bool, streams: u32, transposed: bool) {
        let mut n = |n: u32| out.extend(n.to_le_bytes());
        if recurrent {
            [1, positions.len() as u32 - 1, 0, 0, 2].into_iter().for_each(&mut n);
        } else {
            n(streams);
            (1..streams).for_each(|_| n(0));
            n(positions.len() as u32);
            positions.iter().for_each(|p| [*p, 1, SEQ as u32].into_iter().for_each(&mut n));
            [u32::from(transposed), 2, 0, 0].into_iter().for_each(&mut n);
        }
        let cells = if recurrent { 1 } else { positions.len() as u32 };
        for row in 0..4u32 {
            out.extend(1u32.to_le_bytes());
            if transposed && !recurrent && row > 1 {
                out.extend(2u32.to_le_bytes());
                out.extend(4u32.to_le_bytes());
            } else {
                out.extend(8u64.to_le_bytes());
            }
            out.extend((0..cells * 8).map(|i| (i + row) as u8));
        }
    }

    fn state(positions: &[u32], kinds: &[bool], streams: u32, transposed: bool) -> Vec<u8> {
        let mut out = [7u32.to_le_bytes(), SEQ.to_le_bytes()].concat();
        kinds.iter().for_each(|recurrent| section(&mut out, positions, *recurrent, streams, transposed));
        out
    }

    #[test]
    fn every_kind_is_learned_and_comes_out_the_same() {
        for kinds in [&[false][..], &[false, false], &[true], &[false, true], &[false, false, true]] {
            for (streams, transposed) in [(1, false), (1, true), (3, false)] {
                let layout = Layout::learn(&state(&[0], kinds, streams, transposed), SEQ).expect("learned");
                let order = [4, 0, 1, 3, 2];
                let full = state(&order, kinds, streams, transposed);
                let split = layout.split(&full, SEQ, 5).expect("taken apart");
                assert_eq!(split.order, vec![order.to_vec(); kinds.iter().filter(|r| !**r).count()]);
                assert_eq!(layout.can_cut(&split.order, 5), !kinds.contains(&true));
                let contents: usize = split.contents.iter().map(|r| r.len()).sum();
                assert_eq!(layout.contents(&split.order), Some(contents as u64));
                let mut cells = split.contents.iter();
                let mut again = Vec::new();
                for piece in layout.pieces(&split.order, 5, SEQ) {
                    match piece {
                        Piece::Frame(frame) => again.extend(frame),
                        Piece::Cells(n) => {
                            let range = cells.next().unwrap().clone();
                            assert_eq!(range.len() as u64, n);
                            again.extend(&full[range]);
                        }
                    }
                }
                // Where there are several streams, the cells are put back by the first: all others are empty.
                assert_eq!(again.len(), full.len());
                assert!(streams > 1 || again == full);
            }
        }
    }

    #[test]
    fn no_changed_number_of_the_frame_is_taken() {
        let kinds = [false, true];
        let layout = Layout::learn(&state(&[0], &kinds, 1, false), SEQ).unwrap();
        let full = state(&[0, 1, 2], &kinds, 1, false);
        let split = layout.split(&full, SEQ, 3).unwrap();
        for i in (4..full.len()).filter(|i| !split.contents.iter().any(|r| r.contains(i))) {
            for bit in 0..8 {
                let mut bent = full.clone();
                bent[i] ^= 1 << bit;
                // The cells may stand in another order; nothing else may differ.
                let other = layout.split(&bent, SEQ, 3).map(|s| s.order);
                assert!(other.is_none(), "bit {bit} of byte {i}");
            }
        }
        assert!(layout.split(&full[..full.len() - 1], SEQ, 3).is_none());
        assert!(layout.split(&[full.clone(), vec![0]].concat(), SEQ, 3).is_none());
        assert!(layout.split(&full, SEQ, 4).is_none());
    }

    #[test]
    fn an_order_is_the_last_positions_each_once() {
        assert!(is_order(&[2, 0, 1], 3) && is_order(&[2, 1], 3));
        for bad in [&[0, 1][..], &[2, 2], &[3, 2], &[], &[0, 1, 2, 3], &[u32::MAX, 2]] {
            assert!(!is_order(bad, 3), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_learned() {
        let good = state(&[0], &[false], 1, false);
        assert!(Layout::learn(&good, SEQ + 1).is_none());
        // What ends behind the keys is a cache without values, which there are.
        assert_eq!((0..good.len()).filter(|n| Layout::learn(&good[..*n], SEQ).is_some()).count(), 1);
        assert!(Layout::learn(&[good, vec![0; 4]].concat(), SEQ).is_none());
        // No stream at all.
        assert!(Layout::learn(&state(&[0], &[false], 0, false), SEQ).is_none());
    }
}
