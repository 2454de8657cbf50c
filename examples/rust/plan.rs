//! `plan MODEL.gguf [BUDGET_MB]`: how much memory an engine over the model would take, without loading it; with a
//! budget, the largest context that fits, and the refusal of what does not.

use qask::plan::{Part, Plan};
use qask::{Engine, EngineOptions, Model, ModelOptions};

fn main() -> qask::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: plan MODEL.gguf [BUDGET_MB]");
        std::process::exit(2);
    };
    let mut options = EngineOptions::default();
    let plan = Plan::engine(&path, &ModelOptions::default(), &options)?;
    for device in plan.devices() {
        println!("{}{}", device.name(), if device.is_gpu() { " (GPU)" } else { "" });
        for part in Part::ALL {
            println!("  {:10} {:8.1} MB", part.name(), device.bytes(*part) as f64 / 1e6);
        }
    }
    println!("total        {:8.1} MB", plan.total() as f64 / 1e6);
    let sequence = plan.sequence_bytes() as f64 / 1e6;
    println!("a sequence   {sequence:8.1} MB for {} tokens", plan.n_ctx());

    let Some(budget) = arguments.next().and_then(|n| n.parse::<u64>().ok()) else { return Ok(()) };
    let budget = budget * 1_000_000;
    options.memory_budget = Some(budget);
    match plan.largest_context(budget)? {
        Some(n_ctx) => println!("n_ctx can be {n_ctx}"),
        None => println!("no n_ctx fits"),
    }
    let model = Model::load(&path, ModelOptions { memory_budget: Some(budget), ..ModelOptions::default() });
    match model.and_then(|model| Engine::new(&model, options)) {
        Ok(engine) => println!("started, with an n_ctx of {}", engine.n_ctx()),
        Err(error) => println!("{}: {error}", error.code().name()),
    }
    Ok(())
}
