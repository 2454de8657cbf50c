//! Handles: pointers that are never dereferenced. Their value says slot, generation and type in one table.

use std::any::Any;
use std::sync::{Arc, RwLock};

use crate::error::{Code, Error, Result};

/// What a handle stands for. The number is part of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Error = 1,
    Model = 2,
    ModelOptions = 3,
    Inspection = 4,
    Engine = 5,
    EngineOptions = 6,
    Stats = 7,
    Request = 8,
    Stream = 9,
    Event = 10,
    Cancel = 11,
    Text = 12,
    Chat = 13,
    Queue = 14,
    Embedder = 15,
    Adapter = 16,
    Plan = 18,
    SaveOptions = 19,
    EmbedderOptions = 20,
    Scorer = 24,
    ScorerOptions = 25,
    Scores = 26,
}

impl Kind {
    const ALL: [Kind; 22] = [
        Kind::Error,
        Kind::Model,
        Kind::ModelOptions,
        Kind::Inspection,
        Kind::Engine,
        Kind::EngineOptions,
        Kind::Stats,
        Kind::Request,
        Kind::Stream,
        Kind::Event,
        Kind::Cancel,
        Kind::Text,
        Kind::Chat,
        Kind::Queue,
        Kind::Adapter,
        Kind::Plan,
        Kind::Embedder,
        Kind::EmbedderOptions,
        Kind::SaveOptions,
        Kind::Scorer,
        Kind::ScorerOptions,
        Kind::Scores,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::Error => "qask_error",
            Kind::Model => "qask_model",
            Kind::ModelOptions => "qask_model_options",
            Kind::Inspection => "qask_inspection",
            Kind::Engine => "qask_engine",
            Kind::EngineOptions => "qask_engine_options",
            Kind::Stats => "qask_stats",
            Kind::Request => "qask_request",
            Kind::Stream => "qask_stream",
            Kind::Event => "qask_event",
            Kind::Cancel => "qask_cancel",
            Kind::Text => "qask_string",
            Kind::Chat => "qask_chat",
            Kind::Queue => "qask_queue",
            Kind::Adapter => "qask_adapter",
            Kind::Plan => "qask_plan",
            Kind::Embedder => "qask_embedder",
            Kind::EmbedderOptions => "qask_embedder_options",
            Kind::SaveOptions => "qask_save_options",
            Kind::Scorer => "qask_scorer",
            Kind::ScorerOptions => "qask_scorer_options",
            Kind::Scores => "qask_scores",
        }
    }
}

/// An object that a handle can stand for.
pub(super) trait Object: Any + Send + Sync {
    const KIND: Kind;
}

/// Bits of a handle, from the lowest: slot, generation, kind. The rest of a 64-bit value is 0.
const SLOT_BITS: u32 = if usize::BITS == 64 { 24 } else { 14 };
const GENERATION_BITS: u32 = if usize::BITS == 64 { 32 } else { 13 };
const LAST_GENERATION: usize = (1 << GENERATION_BITS) - 1;

struct Entry {
    generation: usize,
    object: Option<(Kind, Arc<dyn Any + Send + Sync>)>,
}

struct Table {
    entries: Vec<Entry>,
    free: Vec<usize>,
    /// Handles that the caller has to free.
    live: usize,
}

static TABLE: RwLock<Table> = RwLock::new(Table { entries: Vec::new(), free: Vec::new(), live: 0 });

fn encode(slot: usize, generation: usize, kind: Kind) -> usize {
    slot | generation << SLOT_BITS | (kind as usize) << (SLOT_BITS + GENERATION_BITS)
}

fn decode(handle: usize) -> Option<(usize, usize, Kind)> {
    let tag = handle >> (SLOT_BITS + GENERATION_BITS);
    let kind = Kind::ALL.into_iter().find(|k| *k as usize == tag)?;
    Some((handle & ((1 << SLOT_BITS) - 1), handle >> SLOT_BITS & LAST_GENERATION, kind))
}

/// Puts an object into the table and gives its handle.
pub(super) fn insert<T: Object>(object: T) -> Result<usize> {
    insert_arc(Arc::new(object))
}

/// A new handle for an object that may have others.
pub(super) fn insert_arc<T: Object>(object: Arc<T>) -> Result<usize> {
    let mut table = TABLE.write().unwrap_or_else(|e| e.into_inner());
    let slot = match table.free.pop() {
        Some(slot) => slot,
        None if table.entries.len() < 1 << SLOT_BITS => {
            table.entries.push(Entry { generation: 0, object: None });
            table.entries.len() - 1
        }
        None => return Err(Error::new(Code::OutOfMemory, format!("{} handles are alive", table.live))),
    };
    let entry = &mut table.entries[slot];
    entry.generation += 1;
    entry.object = Some((T::KIND, object));
    let generation = entry.generation;
    table.live += usize::from(T::KIND != Kind::Event);
    Ok(encode(slot, generation, T::KIND))
}

/// The object behind a handle, held while the caller works with it.
pub(super) fn get<T: Object>(handle: usize) -> Result<Arc<T>> {
    let (slot, generation) = check::<T>(handle)?;
    let table = TABLE.read().unwrap_or_else(|e| e.into_inner());
    let entry = table.entries.get(slot).filter(|e| e.generation == generation);
    let object = entry.and_then(|e| e.object.as_ref()).map(|(_, o)| Arc::clone(o));
    drop(table);
    object.and_then(|o| o.downcast::<T>().ok()).ok_or_else(|| freed::<T>())
}

/// Takes a handle out of the table. NULL is fine.
pub(super) fn remove<T: Object>(handle: usize) -> Option<Arc<T>> {
    let (slot, generation) = check::<T>(handle).ok()?;
    let mut table = TABLE.write().unwrap_or_else(|e| e.into_inner());
    let entry = table.entries.get_mut(slot).filter(|e| e.generation == generation)?;
    let (kind, object) = entry.object.take()?;
    // A slot whose generations are used up is retired, so that no old handle can come to life again.
    if generation < LAST_GENERATION {
        table.free.push(slot);
    }
    table.live -= usize::from(kind != Kind::Event);
    drop(table);
    object.downcast().ok()
}

/// How many handles the caller has not freed.
pub(super) fn live() -> usize {
    TABLE.read().unwrap_or_else(|e| e.into_inner()).live
}

fn check<T: Object>(handle: usize) -> Result<(usize, usize)> {
    if handle == 0 {
        return Err(Error::new(Code::Null, format!("a {} is required, this is NULL", T::KIND.name())));
    }
    match decode(handle) {
        Some((slot, generation, kind)) if kind == T::KIND => Ok((slot, generation)),
        Some((_, _, kind)) => {
            Err(Error::new(Code::Handle, format!("a {} is required, this is a {}", T::KIND.name(), kind.name())))
        }
        None => Err(Error::new(Code::Handle, format!("a {} is required, this is not a handle", T::KIND.name()))),
    }
}

fn freed<T: Object>() -> Error {
    Error::new(Code::Handle, format!("this {} was freed, or never made", T::KIND.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u32);
    impl Object for Thing {
        const KIND: Kind = Kind::Cancel;
    }
    struct Other;
    impl Object for Other {
        const KIND: Kind = Kind::Text;
    }

    #[test]
    fn wrong_freed_and_garbage_handles_are_told_apart() {
        let h = insert(Thing(7)).unwrap();
        assert_eq!(get::<Thing>(h).unwrap().0, 7);
        assert!(get::<Other>(h).err().unwrap().message().contains("this is a qask_cancel"));
        assert!(remove::<Other>(h).is_none());
        assert!(remove::<Thing>(h).is_some());
        assert!(get::<Thing>(h).err().unwrap().message().contains("freed"));
        assert!(remove::<Thing>(h).is_none());
        let again = insert(Thing(8)).unwrap();
        assert_ne!(h, again);
        assert_eq!(get::<Thing>(h).err().unwrap().code(), Code::Handle);
        remove::<Thing>(again);
        assert_eq!(get::<Thing>(0).err().unwrap().code(), Code::Null);
        for garbage in [1usize, 0x7fff_1234_5678, usize::MAX, 12345 << 3] {
            assert_eq!(get::<Thing>(garbage).err().unwrap().code(), Code::Handle);
        }
    }

    #[test]
    fn an_object_outlives_its_handle_while_in_use() {
        let h = insert(Thing(1)).unwrap();
        let held = get::<Thing>(h).unwrap();
        remove::<Thing>(h);
        assert_eq!(held.0, 1);
    }
}
