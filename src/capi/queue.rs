//! Queues: many streams, one reader.

use std::ffi::c_void;
use std::sync::Mutex;

use super::call::{fallible, hand_out, infallible, own, put, required, timeout};
use super::callback::UserData;
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::model_options::qask_destroy_callback;
use super::status::{qask_status, QASK_OK, QASK_TIMEOUT};
use super::stream::{qask_stream, qask_wake_callback, wake, StreamObject};
use crate::queue::Queue;

/// Names the streams that have something to read, first come, first named, so that one thread can serve many.
///
/// A stream enters the line when there is something to read and was nothing before, and again, at its end, when a
/// `qask_stream_next` left something: so it makes no difference whether you take one event at a time or all that there
/// are. It stands in line at most once, and is not named when there is nothing to read. The end counts: a stream is
/// named until its `QASK_DONE` or `QASK_ERR_CLOSED` was read. One that was named and not read is not named again.
///
/// The thread that pulls the streams calls `qask_queue_next`; adding and freeing work from any. Free it with
/// `qask_queue_free`.
///
/// Typical use:
///
/// ```c
/// qask_queue_new(&queue, &error);
/// for (uint64_t i = 0; i < n; i++) qask_queue_add(queue, streams[i], i, &error);
/// while (running > 0 && qask_queue_next(queue, -1, &i, &error) == QASK_OK)
///     while ((status = qask_stream_next(streams[i], 0, &event, &error)) == QASK_OK) { ... }
/// qask_queue_free(queue);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_queue(());

struct QueueObject {
    queue: Queue,
    /// Held by the thread that is in `next`.
    reader: Mutex<()>,
}

impl Object for QueueObject {
    const KIND: Kind = Kind::Queue;
}

/// Makes a queue without streams. The caller frees it with `qask_queue_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_queue_new(out: *mut *mut qask_queue, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, QueueObject { queue: Queue::new(), reader: Mutex::default() })
    })
}

/// Takes a stream in. `tag` is yours: an index, or a pointer; `qask_queue_next` gives it when the stream has something
/// to read, and events that came before count. A stream is in one queue at a time: it leaves the one where it was. It
/// still belongs to you, and leaves the queue when you free it.
///
/// Any thread. Errors: NULL, HANDLE, CLOSED (the queue is being freed). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_queue_add(
    queue: *const qask_queue,
    stream: *const qask_stream,
    tag: u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<QueueObject>(queue as usize)?;
        let stream = handle::get::<StreamObject>(stream as usize)?;
        object.queue.add_channel(stream.canceller.channel(), tag)?;
        Ok(QASK_OK)
    })
}

/// Waits for a stream that has something to read, at most `timeout_ms` milliseconds; -1 waits for ever, 0 only looks.
/// `QASK_OK` with its tag, `QASK_TIMEOUT` when there was none. Read it with `qask_stream_next` and a timeout of 0.
///
/// One thread at a time. Errors: NULL, HANDLE, BUSY, RANGE, CLOSED (the queue was freed). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_queue_next(
    queue: *const qask_queue,
    timeout_ms: i64,
    tag: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(tag, "tag")?;
        let object = handle::get::<QueueObject>(queue as usize)?;
        let _reader = own(&object.reader, "qask_queue")?;
        let Some(named) = object.queue.next(timeout(timeout_ms)?)? else { return Ok(QASK_TIMEOUT) };
        put(tag, named);
        Ok(QASK_OK)
    })
}

/// Sets a callback for event loops: called whenever a stream enters the line and there was none, and soon if one stands
/// there. Then call `qask_queue_next` with a timeout of 0 until it returns `QASK_TIMEOUT`. For the rest it is as
/// `qask_stream_set_wake`.
///
/// Any thread. Errors: NULL, HANDLE, CLOSED (the queue is being freed), OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_queue_set_wake(
    queue: *const qask_queue,
    callback: qask_wake_callback,
    user_data: *mut c_void,
    destroy: qask_destroy_callback,
    error: *mut *mut qask_error,
) -> qask_status {
    let data = UserData::new(user_data, destroy);
    fallible(error, || {
        let object = handle::get::<QueueObject>(queue as usize)?;
        object.queue.replace_wake(wake(callback, data)?)?;
        Ok(QASK_OK)
    })
}

/// Frees a queue; its streams go on and stay yours. Waits for nothing. NULL is fine.
///
/// Any thread. A `qask_queue_next` that waits on it in another thread returns CLOSED soon. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_queue_free(queue: *mut qask_queue) {
    infallible((), || {
        if let Some(object) = handle::remove::<QueueObject>(queue as usize) {
            object.queue.close();
        }
        Ok(())
    });
}
