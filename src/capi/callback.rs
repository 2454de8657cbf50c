//! What a caller's callback brings with it.

use std::ffi::c_void;

use super::model_options::qask_destroy_callback;

/// The caller's data, destroyed once, with the last that holds it.
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: qask_destroy_callback,
}

// SAFETY: the contract says that callbacks and `destroy` are called on threads of the library, and the caller's functions
// look after their own data.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(pointer: *mut c_void, destroy: qask_destroy_callback) -> UserData {
        UserData { pointer, destroy }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller's own function with the caller's own data, once.
            unsafe { destroy(self.pointer) };
        }
    }
}
