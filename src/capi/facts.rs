//! What a model file says of itself, ready to be read as C text.

use std::ffi::{c_char, CString};

use super::call::put_optional;
use super::error::c_string;
use crate::gguf::Info;

pub(super) struct Facts {
    pub info: Info,
    pub architecture: CString,
    pub name: Option<CString>,
    pub quantization: CString,
    pub template: Option<CString>,
    pub metadata: Vec<(CString, CString)>,
}

impl Facts {
    pub(super) fn new(info: &Info) -> Facts {
        let pairs = (0..info.metadata_count()).filter_map(|i| info.metadata_at(i));
        Facts {
            architecture: c_string(&info.architecture),
            name: info.name.as_deref().map(c_string),
            quantization: c_string(&info.quantization),
            template: info.metadata("tokenizer.chat_template").and_then(|v| v.as_str()).map(c_string),
            metadata: pairs.map(|(k, v)| (c_string(k), c_string(&v.to_string()))).collect(),
            info: info.clone(),
        }
    }
}

/// Text that lives in an object, as it crosses.
pub(super) fn text(text: Option<&CString>, length: *mut usize) -> *const c_char {
    put_optional(length, text.map_or(0, |t| t.count_bytes()));
    text.map_or(std::ptr::null(), |t| t.as_ptr())
}
