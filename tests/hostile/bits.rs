//! Good files with one thing wrong: cut off, a number beside its place, one bit flipped.

use qask::Error;

use crate::case::{self, Cases, Want};
use crate::support::{self, Gguf};

/// Flipped bits of the tensors' data in all.
const DATA_FLIPS: usize = 100_000;

/// A good file, and where its data begins.
pub(crate) struct Fixture {
    name: &'static str,
    gguf: Gguf,
    bytes: Vec<u8>,
    head: usize,
}

fn fixtures() -> Vec<Fixture> {
    let all = [
        ("llama", support::tiny()),
        ("window", support::tiny_window()),
        ("recurrent", support::tiny_recurrent()),
        ("hybrid", support::tiny_hybrid()),
        ("quantized", quantized()),
    ];
    let fixture =
        |(name, gguf): (&'static str, Gguf)| Fixture { name, head: gguf.head().len(), bytes: gguf.bytes(), gguf };
    all.map(fixture).into()
}

/// The fixtures' heads.
pub(crate) fn heads() -> Vec<Vec<u8>> {
    fixtures().iter().map(|f| f.bytes[..f.head].to_vec()).collect()
}

/// The tiny llama with a quantized format for each matrix.
fn quantized() -> Gguf {
    let mut gguf = support::tiny();
    // ggml's number of the type, bytes of a block before its quants (scales of 16 bits), bytes of its quants.
    let kinds = [(8, 2, 32), (2, 2, 16), (3, 4, 16), (6, 2, 20), (7, 4, 20), (20, 2, 16)];
    let matrices = gguf.tensors.iter_mut().filter(|t| t.dims.len() == 2);
    for (i, (tensor, (kind, scales, quants))) in matrices.zip(kinds.into_iter().cycle()).enumerate() {
        let blocks = tensor.dims.iter().product::<u64>() as usize / 32;
        // 2^-7, so that numbers stay small.
        let scale = 0x2000u16.to_le_bytes().repeat(scales / 2);
        let quant = |n: usize| (n * 7919 + i * 31) as u8;
        tensor.kind = kind;
        tensor.data = (0..blocks)
            .flat_map(|b| scale.iter().copied().chain((0..quants).map(move |q| quant(b * quants + q))))
            .collect();
    }
    gguf
}

/// The fixture that number `index` falls into, and what is left of it.
fn place(sizes: impl Iterator<Item = usize>, mut index: usize) -> (usize, usize) {
    for (i, size) in sizes.enumerate() {
        if index < size {
            return (i, index);
        }
        index -= size;
    }
    panic!("there is no such case")
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Every prefix of the metadata.
pub(crate) struct Prefixes(Vec<Fixture>);

impl Prefixes {
    pub(crate) fn new() -> Self {
        Prefixes(fixtures())
    }

    fn place(&self, index: usize) -> (&Fixture, usize) {
        let (i, length) = place(self.0.iter().map(|f| f.head + 1), index);
        (&self.0[i], length)
    }
}

impl Cases for Prefixes {
    fn count(&self) -> usize {
        self.0.iter().map(|f| f.head + 1).sum()
    }

    fn label(&self, index: usize) -> String {
        let (fixture, length) = self.place(index);
        format!("{}: the first {length} bytes", fixture.name)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let (fixture, length) = self.place(index);
        case::try_file(&fixture.bytes[..length])
    }

    fn want(&self, _: usize) -> Want {
        Want::INVALID
    }
}

/// Every bit of the metadata.
pub(crate) struct Metadata(Vec<Fixture>);

impl Metadata {
    pub(crate) fn new() -> Self {
        Metadata(fixtures())
    }

    fn place(&self, index: usize) -> (&Fixture, usize) {
        let (i, bit) = place(self.0.iter().map(|f| 8 * f.head), index);
        (&self.0[i], bit)
    }
}

impl Cases for Metadata {
    fn count(&self) -> usize {
        self.0.iter().map(|f| 8 * f.head).sum()
    }

    fn label(&self, index: usize) -> String {
        let (fixture, bit) = self.place(index);
        format!("{}: bit {} of byte {} of the metadata", fixture.name, bit % 8, bit / 8)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let (fixture, bit) = self.place(index);
        case::try_file(&flipped(&fixture.bytes, bit))
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}

/// Bits of the weights, anywhere: the answer may be any, as long as it is one.
pub(crate) struct Data(Vec<Fixture>);

impl Data {
    pub(crate) fn new() -> Self {
        Data(fixtures())
    }

    fn place(&self, index: usize) -> (&Fixture, usize) {
        let fixture = &self.0[index % self.0.len()];
        // An LCG (Knuth's MMIX constants), seeded by the case.
        let random =
            (index as u64 + 1).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = 8 * (fixture.bytes.len() - fixture.head);
        (fixture, 8 * fixture.head + (random >> 20) as usize % bits)
    }
}

impl Cases for Data {
    fn count(&self) -> usize {
        DATA_FLIPS
    }

    fn label(&self, index: usize) -> String {
        let (fixture, bit) = self.place(index);
        format!("{}: bit {} of byte {} of the file", fixture.name, bit % 8, bit / 8)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let (fixture, bit) = self.place(index);
        case::try_file(&flipped(&fixture.bytes, bit))
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}

/// Every tensor in every type, with its data in the size that goes with it: what the layout does not give away.
pub(crate) struct Types {
    fixtures: Vec<Fixture>,
    /// Fixture, tensor, type.
    cases: Vec<(usize, usize, usize)>,
}

/// ggml's numbers of types, elements and bytes of a block, of those whose blocks fit the fixtures' rows.
#[rustfmt::skip]
const KINDS: [(u32, u64, u64); 17] = [
    (0, 1, 4), (1, 1, 2), (2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34), (9, 32, 36), (20, 32, 18),
    (24, 1, 1), (25, 1, 2), (26, 1, 4), (27, 1, 8), (28, 1, 8), (30, 1, 2), (39, 32, 17), (40, 64, 36),
];

impl Types {
    pub(crate) fn new() -> Self {
        let mut fixtures = fixtures();
        for (name, gguf) in [("grouped", support::tiny_grouped(4, 2)), ("experts", support::tiny_experts())] {
            fixtures.push(Fixture { name, bytes: Vec::new(), head: 0, gguf });
        }
        let fits = |f: &Fixture, t: usize, k: usize| f.gguf.tensors[t].dims[0].is_multiple_of(KINDS[k].1);
        let mut cases = Vec::new();
        for (i, fixture) in fixtures.iter().enumerate() {
            let all = (0..fixture.gguf.tensors.len()).flat_map(|t| (0..KINDS.len()).map(move |k| (t, k)));
            cases.extend(all.filter(|(t, k)| fits(fixture, *t, *k)).map(|(t, k)| (i, t, k)));
        }
        Types { fixtures, cases }
    }
}

impl Cases for Types {
    fn count(&self) -> usize {
        2 * self.cases.len()
    }

    fn label(&self, index: usize) -> String {
        let (fixture, tensor, kind) = self.cases[index / 2];
        let fixture = &self.fixtures[fixture];
        let more = if index.is_multiple_of(2) { "" } else { ", and one more dimension" };
        format!("{}: {} of type {}{more}", fixture.name, fixture.gguf.tensors[tensor].name, KINDS[kind].0)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let (fixture, tensor, kind) = self.cases[index / 2];
        let mut gguf = self.fixtures[fixture].gguf.clone();
        let tensor = &mut gguf.tensors[tensor];
        let (number, block, bytes) = KINDS[kind];
        let blocks = tensor.dims.iter().product::<u64>() / block;
        (tensor.kind, tensor.data) = (number, vec![0; (blocks * bytes) as usize]);
        if index % 2 == 1 {
            tensor.dims.push(1);
        }
        case::try_file(&gguf.bytes())
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}

/// Numbers of tensor entries beside what they should be, and files that end beside a tensor's end.
pub(crate) struct Boundaries {
    fixtures: Vec<Fixture>,
    cases: Vec<Beside>,
}

/// A file with one number beside its place.
struct Beside {
    fixture: usize,
    what: String,
    change: Change,
    want: Want,
}

enum Change {
    /// It ends here.
    Cut(usize),
    /// Other bytes from this place on.
    Bytes(usize, Vec<u8>),
}

impl Boundaries {
    pub(crate) fn new() -> Self {
        let (fixtures, mut cases) = (fixtures(), Vec::new());
        for (i, fixture) in fixtures.iter().enumerate() {
            let mut add = |what, change, want| cases.push(Beside { fixture: i, what, change, want });
            fixture.ends(&mut add);
            fixture.entries(&mut add);
        }
        Boundaries { fixtures, cases }
    }
}

type Add<'a> = dyn FnMut(String, Change, Want) + 'a;

impl Fixture {
    fn ends(&self, add: &mut Add<'_>) {
        let mut at = self.head;
        for tensor in &self.gguf.tensors {
            for (place, what) in [(at, "begins"), (at + tensor.data.len(), "ends")] {
                for cut in [place - 1, place, place + 1].into_iter().filter(|c| *c < self.bytes.len()) {
                    // Padding behind the last one may be missing.
                    let whole = cut >= self.head + self.data_end();
                    let want = if whole { Want::Either } else { Want::INVALID };
                    add(format!("cut at {cut}, where {} {what}", tensor.name), Change::Cut(cut), want);
                }
            }
            at += tensor.data.len().next_multiple_of(32);
        }
    }

    /// Bytes of data without the padding at the end.
    fn data_end(&self) -> usize {
        let padded = |t: &support::Tensor| t.data.len().next_multiple_of(32);
        let last = self.gguf.tensors.last().expect("tensors");
        self.gguf.tensors.iter().map(padded).sum::<usize>() - padded(last) + last.data.len()
    }

    fn entries(&self, add: &mut Add<'_>) {
        for tensor in &self.gguf.tensors {
            let entry = after_name(&self.bytes, &tensor.name);
            let dims = tensor.dims.len();
            let mut change = |what: String, at: usize, new: &[u8], want: Want| {
                if self.bytes[at..at + new.len()] != *new {
                    add(format!("{} with {what}", tensor.name), Change::Bytes(at, new.to_vec()), want);
                }
            };
            for n in [0u32, 1, 2, 3, 4, 5, u32::MAX] {
                change(format!("{n} dimensions"), entry, &n.to_le_bytes(), Want::INVALID);
            }
            for (i, dim) in tensor.dims.iter().enumerate() {
                for n in [dim - 1, dim + 1, 0, 2 * dim, 1 << 62, u64::MAX, u64::MAX / dim] {
                    change(format!("dimension {i} = {n}"), entry + 4 + 8 * i, &n.to_le_bytes(), Want::INVALID);
                }
            }
            let kind = entry + 4 + 8 * dims;
            for n in (0..64u32).chain([u32::MAX, 1 << 31]) {
                change(format!("type {n}"), kind, &n.to_le_bytes(), Want::Either);
            }
            let offset = u64::from_le_bytes(self.bytes[kind + 4..kind + 12].try_into().expect("eight bytes"));
            for n in [1, 31, 32, 1 << 40, u64::MAX, u64::MAX - 31, 1 << 63] {
                for n in [offset.wrapping_add(n), offset.wrapping_sub(n)] {
                    change(format!("offset {n}"), kind + 4, &n.to_le_bytes(), Want::INVALID);
                }
            }
        }
    }
}

/// Where the entry of a tensor goes on behind its name.
pub(crate) fn after_name(bytes: &[u8], name: &str) -> usize {
    let whole = [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat();
    let at = bytes.windows(whole.len()).position(|w| w == whole).expect("a tensor of that name");
    at + whole.len()
}

impl Cases for Boundaries {
    fn count(&self) -> usize {
        self.cases.len()
    }

    fn label(&self, index: usize) -> String {
        let case = &self.cases[index];
        format!("{}: {}", self.fixtures[case.fixture].name, case.what)
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let case = &self.cases[index];
        let mut bytes = self.fixtures[case.fixture].bytes.clone();
        match &case.change {
            Change::Cut(at) => bytes.truncate(*at),
            Change::Bytes(at, new) => bytes[*at..*at + new.len()].copy_from_slice(new),
        }
        case::try_file(&bytes)
    }

    fn want(&self, index: usize) -> Want {
        self.cases[index].want
    }
}
