//! Any bytes as the state of a sequence of one token, and any order of its cells.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::probe;

fuzz_target!(|data: &[u8]| {
    let [count, rest @ ..] = data else { return };
    let (order, state) = rest.split_at(rest.len().min(usize::from(*count)));
    let order: Vec<u32> = order.iter().map(|b| u32::from(*b)).collect();
    probe::layout(state, &order);
});
