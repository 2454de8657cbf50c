//! A model: weights, vocabulary, chat template, metadata. Immutable and shared.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::constraint;
use crate::engine::bigstack;
use crate::engine::native::{LoadOptions, NativeModel, Place};
use crate::engine::pages::Identity;
use crate::error::{Code, Error, Result};
use crate::gguf;
use crate::log::{self, Level};
use crate::plan;
use crate::template::Template;
use crate::vocab::Vocabulary;

/// A token's number in the model's vocabulary, from 0.
pub type Token = i32;

/// How to load a model. Start from `ModelOptions::default()`.
pub struct ModelOptions {
    /// Layers to put on the GPU; `None` = all, where there is one. Without a GPU in the build it has no effect.
    pub gpu_layers: Option<u32>,
    /// The GPU for what is not split, from 0. Default 0.
    pub main_gpu: u32,
    /// Map the file instead of reading it: loads faster and shares memory between processes, but the process gets
    /// SIGBUS when another one truncates the file. Default true.
    pub mmap: bool,
    /// Keep the weights in RAM (`mlock`). Default false.
    pub mlock: bool,
    /// Look at every weight for NaN and damage while loading; slow. Default false.
    pub check_tensors: bool,
    /// Repack weights for the CPU's kernels: decodes faster, takes more memory. Default true; never done where the
    /// engine was compiled with AMX, whose kernels crash with some compilers (`make lib` leaves them out).
    pub repack: bool,
    /// Bytes that the model may take, on all devices together; a model that would take more is refused with
    /// [`Code::TooLarge`] before its weights are read. Default: no limit.
    pub memory_budget: Option<u64>,
    /// Told the share that is loaded, 0 to 1, on a thread of the library.
    pub progress: Option<Box<dyn FnMut(f32) + Send>>,
    /// Stops the load.
    pub cancel: Option<Cancel>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            gpu_layers: None,
            main_gpu: 0,
            mmap: true,
            mlock: false,
            check_tensors: false,
            repack: true,
            memory_budget: None,
            progress: None,
            cancel: None,
        }
    }
}

/// What of the model lies on which device, as llama.cpp reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceUse {
    /// Name of the memory, such as `CPU_Mapped`, `CPU_REPACK` or `CUDA0`.
    pub name: String,
    /// Bytes of weights there.
    pub bytes: u64,
}

/// A loaded model. Clones share it; any thread may use it. Freed with its last clone, after the engines over it.
#[derive(Clone)]
pub struct Model(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) native: Arc<NativeModel>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) constraints: constraint::Compiler,
    pub(crate) template: Option<Template>,
    pub(crate) origin: Origin,
    pub(crate) loaded: LoadOptions,
    info: gguf::Info,
    devices: Vec<DeviceUse>,
    gpu_layers: u32,
}

/// Where a model's bytes are, for as long as they may be read again.
pub(crate) enum Origin {
    /// The parts, in order, as they were checked.
    Files(Vec<gguf::Opened>),
    /// A descriptor of our own, where the model begins in it, and how it was before it was checked.
    #[cfg(unix)]
    File(File, u64, gguf::Seen),
}

impl Origin {
    pub(crate) fn place(&self) -> Result<Place<'_>> {
        match self {
            Origin::Files(files) => Ok(Place::Files(files)),
            #[cfg(unix)]
            Origin::File(file, offset, _) => Ok(Place::Descriptor(reopen(file)?, *offset)),
        }
    }

    /// An error when somebody wrote to the files since they were checked.
    fn check_unchanged(&self) -> Result<()> {
        match self {
            Origin::Files(files) => files.iter().try_for_each(gguf::Opened::check_unchanged),
            #[cfg(unix)]
            Origin::File(file, _, seen) => seen.check(file),
        }
    }

    /// Which files these are.
    #[cfg(unix)]
    pub(crate) fn identities(&self) -> Vec<Identity> {
        use std::os::unix::fs::MetadataExt;
        let identity =
            |facts: std::fs::Metadata, path| Identity { device: facts.dev(), number: facts.ino(), path };
        match self {
            Origin::Files(files) => {
                files.iter().flat_map(|f| Some(identity(f.file().metadata().ok()?, f.place()))).collect()
            }
            Origin::File(file, ..) => file.metadata().into_iter().map(|f| identity(f, None)).collect(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn identities(&self) -> Vec<Identity> {
        Vec::new()
    }
}

impl ModelOptions {
    /// What llama.cpp is told.
    pub(crate) fn native(&self, info: &gguf::Info) -> Result<LoadOptions> {
        if self.main_gpu > 1024 {
            return Err(crate::sampling::range("main_gpu", self.main_gpu, 0, 1024));
        }
        Ok(LoadOptions {
            gpu_layers: self.gpu_layers.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX)),
            main_gpu: self.main_gpu as i32,
            mmap: self.mmap,
            mlock: self.mlock,
            check_tensors: self.check_tensors,
            repack: self.repack,
            vocab_only: info.vocab_only,
            dry: false,
        })
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("architecture", &self.info().architecture).finish_non_exhaustive()
    }
}

impl Model {
    /// Loads a GGUF file; a split model by its first part. The file is checked first ([`gguf::inspect`]).
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Io`], [`Code::Invalid`], [`Code::UnsupportedArch`], [`Code::TooLarge`],
    /// [`Code::OutOfMemory`], [`Code::Cancelled`], and [`Code::Unsupported`] for a file without a tokenizer, or when this
    /// CPU lacks instructions that the library was built for.
    pub fn load(path: impl AsRef<Path>, options: ModelOptions) -> Result<Model> {
        let (info, files) = gguf::check_path(path.as_ref())?;
        Self::load_checked(info, Origin::Files(files), options)
    }

    /// Loads a split model from its parts, in order.
    pub fn load_splits(paths: &[PathBuf], options: ModelOptions) -> Result<Model> {
        let (info, files) = gguf::check_splits(paths)?;
        Self::load_checked(info, Origin::Files(files), options)
    }

    /// Loads a GGUF that lies inside an open file (an Android asset, a larger container): `length` bytes from
    /// `offset` on, 0 = to the end. The file's own position stays where it is. It is mapped when `offset` is a
    /// multiple of 32, otherwise read.
    #[cfg(unix)]
    pub fn load_file(file: &File, offset: u64, length: u64, options: ModelOptions) -> Result<Model> {
        let length = match length {
            0 => file
                .metadata()
                .map_err(|e| Error::new(Code::Io, format!("the file's size: {e}")))?
                .len()
                .saturating_sub(offset),
            n => n,
        };
        let seen = gguf::Seen::of(file)?;
        let info = gguf::check_file(file, offset, length)?;
        let mut options = options;
        options.mmap &= offset.is_multiple_of(32);
        let own = File::from(reopen(file)?);
        Self::load_checked(info, Origin::File(own, offset, seen), options)
    }

    /// As on Unix; descriptors of this kind do not exist here.
    #[cfg(not(unix))]
    pub fn load_file(_: &File, _: u64, _: u64, _: ModelOptions) -> Result<Model> {
        Err(Error::new(Code::Unsupported, "loading from a descriptor is not available on this system"))
    }

    fn load_checked(info: gguf::Info, origin: Origin, options: ModelOptions) -> Result<Model> {
        let loaded = options.native(&info)?;
        if let Some(none @ ("none" | "no_vocab")) = info.tokenizer_model.as_deref() {
            let text = format!(
                "the file has no tokenizer (tokenizer.ggml.model is {none}): convert the model with its own"
            );
            return Err(Error::new(Code::Unsupported, text));
        }
        let ModelOptions { memory_budget, mut progress, cancel, .. } = options;
        if let Some(cancel) = &cancel {
            cancel.check("loading the model")?;
        }
        if let Some(budget) = memory_budget {
            plan::check_load(&info, &origin, loaded, budget)?;
        }
        plan::spare::check_load(&info, &origin, loaded)?;
        let mut on_progress = |share: f32| {
            if let Some(tell) = &mut progress {
                tell(share);
            }
            !cancel.as_ref().is_some_and(Cancel::is_cancelled)
        };
        let place = origin.place()?;
        let (native, log) = bigstack::run(|| NativeModel::load(place, loaded, &mut on_progress))?;
        let native = native.ok_or_else(|| Error::new(Code::Cancelled, "loading the model was cancelled"))?;
        origin.check_unchanged()?;
        let native = Arc::new(native);
        let template = info.metadata("tokenizer.chat_template").and_then(gguf::Value::as_str).map(Template::new);
        let (devices, gpu_layers) = device_use(&log);
        let vocabulary =
            Arc::new(Vocabulary::new(&native, info.metadata("tokenizer.ggml.pre").and_then(gguf::Value::as_str))?);
        let constraints = constraint::Compiler::default();
        info.warnings.iter().for_each(|w| log::write(Level::Warn, || w.clone()));
        log::write(Level::Info, || {
            let gguf::Info { architecture, parameters, quantization, file_size, .. } = &info;
            format!("model loaded: {architecture}, {parameters} parameters, {quantization}, {file_size} bytes")
        });
        let inner = Inner { native, vocabulary, constraints, template, origin, loaded, info, devices, gpu_layers };
        Ok(Model(Arc::new(inner)))
    }

    /// What the file says of itself.
    pub fn info(&self) -> &gguf::Info {
        &self.0.info
    }

    /// The model's own chat template (Jinja), when it has one.
    pub fn chat_template(&self) -> Option<&str> {
        self.0.template.as_ref().map(Template::source)
    }

    /// Where the weights are.
    pub fn devices(&self) -> &[DeviceUse] {
        &self.0.devices
    }

    /// How many layers lie on a GPU.
    pub fn gpu_layers(&self) -> u32 {
        self.0.gpu_layers
    }

    /// The context length that the model was trained for, in tokens.
    pub fn context_length(&self) -> u32 {
        self.0.native.facts.context_length()
    }
}

/// A descriptor of the same file with a position of its own.
#[cfg(unix)]
fn reopen(file: &File) -> Result<std::os::fd::OwnedFd> {
    use std::os::fd::{AsRawFd, OwnedFd};
    let folder = if cfg!(any(target_os = "linux", target_os = "android")) { "/proc/self/fd" } else { "/dev/fd" };
    // Opening the name makes a new description; `dup` shares the position, and the load would move the caller's.
    match File::open(format!("{folder}/{}", file.as_raw_fd())) {
        Ok(own) => Ok(OwnedFd::from(own)),
        Err(_) => file
            .try_clone()
            .map(OwnedFd::from)
            .map_err(|e| Error::new(Code::Io, format!("the descriptor cannot be duplicated: {e}"))),
    }
}

/// Reads `load_tensors:   CPU_Mapped model buffer size =   93.81 MiB` and `offloaded 3/31 layers to GPU`.
fn device_use(log: &str) -> (Vec<DeviceUse>, u32) {
    let mut devices = Vec::new();
    let mut layers = 0;
    for line in log.lines() {
        if let Some((name, size)) = line.split_once(" model buffer size = ") {
            let name = name.rsplit(' ').next().unwrap_or(name);
            let mib: f64 = size.trim().trim_end_matches("MiB").trim().parse().unwrap_or(0.0);
            devices.push(DeviceUse { name: name.to_owned(), bytes: (mib * 1_048_576.0) as u64 });
        } else if let Some((_, rest)) = line.split_once("offloaded ") {
            layers = rest.split('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        }
    }
    (devices, layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_use_is_read_from_the_log() {
        let log = "load_tensors: offloaded 3/31 layers to GPU\nload_tensors:   CPU_Mapped model buffer size =    2.00 MiB\nload_tensors:        CUDA0 model buffer size =    1.50 MiB\n";
        let (devices, layers) = device_use(log);
        assert_eq!(layers, 3);
        assert_eq!(devices[0], DeviceUse { name: "CPU_Mapped".into(), bytes: 2 << 20 });
        assert_eq!(devices[1].name, "CUDA0");
    }

    #[test]
    fn a_missing_file_says_so() {
        let e = Model::load("/nowhere/model.gguf", ModelOptions::default()).unwrap_err();
        assert_eq!(e.code(), Code::NotFound);
    }
}
