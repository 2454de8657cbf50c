//! Whole models of every architecture, made by asking: a file is loaded again and again, and whatever llama.cpp says that
//! it misses is added, in the shape that it asks for. Then one number is changed, the file is completed anew for it, and
//! has to answer. So what is tried is consistent in itself, as the file of somebody is who reads llama.cpp's source.

use std::collections::HashMap;

use qask::{Error, Model, ModelOptions};

use crate::architectures::usual;
use crate::case::{self, Cases, Want};
use crate::files::renamed;
use crate::support::{Gguf, Tensor, Value};
use crate::tokenizers::names;

/// Changes of each architecture, the first of which is none; twice, with experts and without.
const CHANGES: usize = 48;

/// Elements of a tensor that is still made.
const MOST_ELEMENTS: u64 = 1 << 22;

/// Steps until a file is complete: each loads it once, so that 255 layers would take minutes.
const MOST_STEPS: u32 = 400;

const NUMBERS: [u32; 14] = [0, 1, 2, 3, 4, 5, 8, 15, 16, 33, 64, 255, 1 << 31, u32::MAX];
const FLOATS: [f32; 7] = [0.0, -1.0, 1e-30, 1e30, f32::INFINITY, f32::NAN, 1e-5];

pub(crate) struct Complete {
    architectures: Vec<&'static str>,
    bases: HashMap<usize, Result<Gguf, Error>>,
}

impl Complete {
    pub(crate) fn new() -> Self {
        Complete { architectures: names("ARCHITECTURES"), bases: HashMap::new() }
    }

    /// The heads of all models that can be made whole.
    pub(crate) fn heads(&mut self) -> Vec<Vec<u8>> {
        (0..2 * self.architectures.len()).filter_map(|which| Some(self.base(which).ok()?.head())).collect()
    }

    fn base(&mut self, which: usize) -> Result<Gguf, Error> {
        let architecture = self.architectures[which / 2];
        self.bases.entry(which).or_insert_with(|| complete(begin(architecture, which % 2 == 1))).clone()
    }
}

/// Numbers that most have, and the table of tokens: without any tensor it would be a vocabulary only.
fn begin(architecture: &str, experts: bool) -> Gguf {
    let mut gguf = renamed(architecture, 2);
    gguf.tensors.retain(|t| t.name == "token_embd.weight");
    if experts {
        for name in ["expert_count", "expert_used_count", "expert_feed_forward_length"] {
            gguf.set(&format!("{architecture}.{name}"), Value::U32(usual(name)));
        }
    }
    gguf
}

fn complete(mut gguf: Gguf) -> Result<Gguf, Error> {
    let mut last = String::new();
    for step in 0.. {
        let error = match Model::load(gguf.file(), ModelOptions::default()) {
            Ok(_) => return Ok(gguf),
            Err(error) => error,
        };
        let said = error.message().split(": ").skip(1).collect::<Vec<_>>().join(": ");
        if said == last || step == MOST_STEPS || amend(&mut gguf, &said).is_none() {
            return Err(error);
        }
        last = said;
    }
    unreachable!("it returns before numbers end")
}

/// Does what a message of llama.cpp's asks for, if it can be done.
fn amend(gguf: &mut Gguf, said: &str) -> Option<()> {
    let between = |from: &str, to: &str| Some(said.split_once(from)?.1.split_once(to)?.0);
    let after = |from: &str| said.split_once(from)?.1.split([' ', ';', ',']).next();
    if let Some(name) = between("tensor '", "' not found") {
        gguf.tensors.push(tensor(name, vec![1])?);
    } else if let Some(name) = between("tensor '", "' has wrong shape") {
        let dims = between("expected ", ", got")?.split(',').map(|n| n.trim().parse().ok());
        let new = tensor(name, dims.collect::<Option<Vec<u64>>>()?)?;
        *gguf.tensors.iter_mut().find(|t| t.name == name)? = new;
    } else if let Some(key) = after("array key not found in model: ") {
        gguf.set(key, Value::Unsigned(vec![1, 0]));
    } else if let Some(key) = after("key not found in model: ") {
        gguf.set(key, Value::U32(usual(key.split_once('.')?.1)));
    } else if let Some(count) = between("has wrong array length; expected ", ",") {
        gguf.set(between("key ", " has")?, Value::Unsigned(vec![1; count.parse().ok()?]));
    } else if let Some(kind) = after("but expected type ") {
        let value = match kind {
            "f32" => Value::F32(1.0),
            "bool" => Value::Bool(true),
            "str" => Value::Str("silu".into()),
            _ => return None,
        };
        gguf.set(between("key ", " has")?, value);
    } else {
        return None;
    }
    Some(())
}

/// A tensor of small numbers; `None` for one that is too large, or of nothing.
fn tensor(name: &str, dims: Vec<u64>) -> Option<Tensor> {
    let elements =
        dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| (1..=MOST_ELEMENTS).contains(n))?;
    let data = match name.contains("norm") {
        true => 1f32.to_le_bytes().repeat(elements as usize),
        false => (0..elements).flat_map(|i| ((i * 7919 % 211) as f32 / 1055.0 - 0.1).to_le_bytes()).collect(),
    };
    Some(Tensor { name: name.to_owned(), dims, kind: 0, data })
}

/// The table of tokens in the width that the file states.
fn table(gguf: &Gguf, architecture: &str) -> Option<Tensor> {
    let width = gguf.keys.iter().find(|(k, _)| *k == format!("{architecture}.embedding_length"));
    match width {
        Some((_, Value::U32(n))) => tensor("token_embd.weight", vec![u64::from(*n), 259]),
        _ => None,
    }
}

/// Changes one of the architecture's own numbers, and says which.
fn change(gguf: &mut Gguf, architecture: &str, seed: usize) -> String {
    // An LCG (Knuth's MMIX constants).
    let random =
        (seed as u64 + 1).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    let prefix = format!("{architecture}.");
    let own: Vec<usize> = (0..gguf.keys.len()).filter(|i| gguf.keys[*i].0.starts_with(&prefix)).collect();
    let (key, value) = &mut gguf.keys[own[random as usize % own.len()]];
    let random = random as usize / own.len();
    match value {
        Value::U32(n) if random.is_multiple_of(5) => {
            *value = Value::Unsigned(vec![NUMBERS[random / 5 % NUMBERS.len()], *n])
        }
        Value::U32(n) => *n = NUMBERS[random % NUMBERS.len()],
        Value::F32(x) => *x = FLOATS[random % FLOATS.len()],
        Value::Bool(b) => *b = !*b,
        Value::Unsigned(list) => {
            list.iter_mut().for_each(|n| *n = NUMBERS[(random + *n as usize) % NUMBERS.len()])
        }
        _ => {}
    }
    format!("{key} = {value:?}")
}

impl Cases for Complete {
    fn count(&self) -> usize {
        2 * self.architectures.len() * CHANGES
    }

    fn label(&self, index: usize) -> String {
        let which = index / CHANGES;
        let experts = if which % 2 == 1 { "with" } else { "without" };
        format!(
            "{} {experts} experts, change {} (complete {index})",
            self.architectures[which / 2],
            index % CHANGES
        )
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let which = index / CHANGES;
        let mut gguf = self.base(which)?;
        if !index.is_multiple_of(CHANGES) {
            let what = change(&mut gguf, self.architectures[which / 2], index);
            // Seen with QASK_HOSTILE_LOUD only.
            eprintln!("complete {index}: {what}");
            gguf.tensors = table(&gguf, self.architectures[which / 2]).into_iter().collect();
            gguf = complete(gguf)?;
        }
        case::try_file(&gguf.bytes())
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}
