//! Memory plans: what they say is what is then allocated, and budgets refuse.

mod support;

use std::sync::{mpsc, Mutex, MutexGuard};

use qask::gguf;
use qask::log::{self, Level};
use qask::plan::{DevicePlan, Part, Plan};
use qask::{
    CacheType, Code, Embedder, EmbedderOptions, Engine, EngineOptions, FlashAttention, Model, ModelOptions,
};

/// The log belongs to the process, and what every context logs is read here: each test of this file has it alone.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// What llama.cpp logs of what it allocates, in MiB: KV cache, recurrent state, compute and output buffers.
fn logged(run: impl FnOnce()) -> [f64; 4] {
    let (send, receive) = mpsc::channel();
    log::set(Level::Info, move |record| send.send(record.message.to_owned()).unwrap()).unwrap();
    run();
    log::clear().unwrap();
    // The sender goes with the sink, behind the last line.
    let lines: Vec<String> = receive.iter().collect();
    [" KV", " RS", " compute", " output"].map(|what| {
        let sizes = lines
            .iter()
            .filter_map(|l| l.split_once(&format!("{what} buffer size =")))
            .map(|(_, size)| size.trim().trim_end_matches("MiB").trim().parse::<f64>().unwrap());
        sizes.sum()
    })
}

fn planned(plan: &Plan, part: Part) -> f64 {
    plan.bytes(part) as f64 / 1_048_576.0
}

/// The plan of an engine against what an engine's context logs. Compute has the CPU's work beside what is logged.
fn compare(path: &std::path::Path, options: &EngineOptions) {
    let plan = Plan::engine(path, &ModelOptions::default(), options).unwrap();
    let model = Model::load(path, ModelOptions::default()).unwrap();
    let [kv, state, compute, output] = logged(|| drop(Engine::new(&model, options.clone()).unwrap()));
    let near = |a: f64, b: f64| (a - b).abs() < 0.02;
    assert!(near(planned(&plan, Part::Kv), kv), "kv {plan:?}, logged {kv}");
    assert!(near(planned(&plan, Part::State), state), "state {plan:?}, logged {state}");
    assert!(near(planned(&plan, Part::Output), output), "output {plan:?}, logged {output}");
    let more = planned(&plan, Part::Compute) - compute;
    assert!((-0.02..8.0).contains(&more), "compute {plan:?}, logged {compute}");
}

#[test]
fn a_plan_says_what_llama_cpp_then_allocates() {
    let _alone = alone();
    let default = EngineOptions::default();
    compare(&support::smollm2(), &default);
    compare(
        &support::smollm2(),
        &EngineOptions { unified_kv: false, max_sequences: 3, n_ctx: Some(700), ..default },
    );
    let default = EngineOptions::default();
    let flash = FlashAttention::Off;
    compare(&support::qwen(), &EngineOptions { flash_attention: flash, n_ctx: Some(2000), ..default.clone() });
    let (k, v) = (CacheType::Q8_0, CacheType::Q4_0);
    compare(&support::qwen(), &EngineOptions { cache_type_k: k, cache_type_v: v, n_ubatch: 128, ..default });
}

#[test]
fn states_are_told_from_caches() {
    let _alone = alone();
    let options = EngineOptions { n_ctx: Some(256), ..EngineOptions::default() };
    let recurrent = support::tiny_recurrent().file();
    compare(&recurrent, &options);
    let plan = Plan::engine(&recurrent, &ModelOptions::default(), &options).unwrap();
    assert!(plan.bytes(Part::Kv) == 0 && plan.bytes(Part::State) > 0);
    // Sixteen sequences: eight that run and eight prefixes.
    assert_eq!(plan.sequence_bytes() * 16, plan.bytes(Part::State));
    let hybrid = support::tiny_hybrid().file();
    compare(&hybrid, &options);
    let plan = Plan::engine(&hybrid, &ModelOptions::default(), &options).unwrap();
    assert!(plan.bytes(Part::Kv) > 0 && plan.bytes(Part::State) > 0);
    compare(&support::tiny_window().file(), &options);
}

#[test]
fn weights_are_where_loading_puts_them() {
    let _alone = alone();
    let path = support::smollm2();
    let info = gguf::inspect(&path).unwrap();
    let plan = |mmap, repack| {
        let options = ModelOptions { mmap, repack, ..ModelOptions::default() };
        Plan::engine(&path, &options, &EngineOptions::default()).unwrap()
    };
    let loaded = |mmap, repack| {
        let options = ModelOptions { mmap, repack, ..ModelOptions::default() };
        let model = Model::load(&path, options).unwrap();
        let own = model.devices().iter().filter(|d| d.name != "CPU_Mapped").map(|d| d.bytes).sum::<u64>();
        own
    };
    for (mmap, repack) in [(true, true), (true, false), (false, true), (false, false)] {
        let plan = plan(mmap, repack);
        assert_eq!(plan.bytes(Part::Mapped), if mmap { info.tensor_bytes } else { 0 });
        // The log rounds to hundredths of a MiB.
        assert!(plan.bytes(Part::Weights).abs_diff(loaded(mmap, repack)) < 20_000, "{mmap} {repack} {plan:?}");
    }
}

#[test]
fn a_plan_adds_up() {
    let _alone = alone();
    let plan = Plan::engine(support::smollm2(), &ModelOptions::default(), &EngineOptions::default()).unwrap();
    assert_eq!(Part::ALL.iter().map(|p| plan.bytes(*p)).sum::<u64>(), plan.total());
    assert_eq!(plan.devices().iter().map(DevicePlan::total).sum::<u64>(), plan.total());
    assert_eq!((plan.devices()[0].name(), plan.devices()[0].is_gpu()), ("CPU", false));
    assert_eq!(plan.n_ctx(), 4096);
    assert_eq!(plan.sequence_bytes() * 2, plan.bytes(Part::Kv));
    let names: Vec<&str> = Part::ALL.iter().map(|p| p.name()).collect();
    assert_eq!(names, ["mapped", "weights", "kv", "state", "compute", "output", "other"]);
}

#[test]
fn the_largest_context_fits_and_the_next_does_not() {
    let _alone = alone();
    let (path, model) = (support::smollm2(), ModelOptions::default());
    let plan = Plan::engine(&path, &model, &EngineOptions::default()).unwrap();
    let budget = plan.total() + 20_000_000;
    let n = plan.largest_context(budget).unwrap().unwrap();
    let total = |n| {
        let options = EngineOptions { n_ctx: Some(n), ..EngineOptions::default() };
        Plan::engine(&path, &model, &options).unwrap().total()
    };
    assert!(n > 4096 && n.is_multiple_of(256) && total(n) <= budget && total(n + 256) > budget, "{n}");
    assert_eq!(plan.largest_context(u64::MAX).unwrap(), Some(8192));
    assert_eq!(plan.largest_context(1_000_000).unwrap(), None);
    // A pool that was chosen is the most.
    let options = EngineOptions { n_ctx: Some(512), kv_tokens: Some(3000), ..EngineOptions::default() };
    assert_eq!(Plan::engine(&path, &model, &options).unwrap().largest_context(u64::MAX).unwrap(), Some(3000));
}

#[test]
fn a_budget_refuses_before_anything_is_read() {
    let _alone = alone();
    let path = support::smollm2();
    let error = Model::load(&path, ModelOptions { memory_budget: Some(60_000_000), ..ModelOptions::default() })
        .unwrap_err();
    assert_eq!(error.code(), Code::TooLarge);
    assert!(error.message().contains("memory_budget is 57 MiB"), "{error}");

    let model =
        Model::load(&path, ModelOptions { memory_budget: Some(1 << 30), ..ModelOptions::default() }).unwrap();
    let plan = Plan::for_engine(&model, &EngineOptions::default()).unwrap();
    let with = |budget: u64| EngineOptions { memory_budget: Some(budget), ..EngineOptions::default() };
    let error = Engine::new(&model, with(plan.total() - 1)).unwrap_err();
    assert_eq!(error.code(), Code::TooLarge);
    assert!(error.message().contains("n_ctx 3840 would fit (it is 4096)"), "{error}");
    assert_eq!(Engine::new(&model, with(plan.total())).unwrap().n_ctx(), 4096);
    let error = Engine::new(&model, with(1 << 20)).unwrap_err();
    assert!(error.message().contains("no n_ctx fits"), "{error}");
}

#[test]
fn a_descriptor_is_planned_as_a_path_is() {
    let _alone = alone();
    let path = support::smollm2();
    let file = std::fs::File::open(&path).unwrap();
    let model = Model::load_file(&file, 0, 0, ModelOptions::default()).unwrap();
    drop(file);
    let by_file = Plan::for_engine(&model, &EngineOptions::default()).unwrap();
    let by_path = Plan::engine(&path, &ModelOptions::default(), &EngineOptions::default()).unwrap();
    assert_eq!(by_file.devices(), by_path.devices());
}

#[test]
fn embedders_are_planned_too() {
    let _alone = alone();
    let path = support::model("all-minilm-l6-v2-f32.gguf");
    let options = EmbedderOptions { max_sequences: 8, ..EmbedderOptions::default() };
    let plan = Plan::embedder(&path, &ModelOptions::default(), &options).unwrap();
    // A row of logits and of a vector for each of 512 tokens.
    assert_eq!(plan.bytes(Part::Output), 512 * 4 * (30_522 + 384));
    assert_eq!((plan.n_ctx(), plan.bytes(Part::Kv)), (512, 0));
    assert_eq!(plan.largest_context(1).unwrap_err().code(), Code::Unsupported);
    let model = Model::load(&path, ModelOptions::default()).unwrap();
    assert_eq!(Plan::for_embedder(&model, &options).unwrap().total(), plan.total());
    let refused = EmbedderOptions { memory_budget: Some(plan.total() - 1), ..options.clone() };
    assert_eq!(Embedder::new(&model, refused).unwrap_err().code(), Code::TooLarge);
    let fits = EmbedderOptions { memory_budget: Some(plan.total()), ..options };
    assert_eq!(Embedder::new(&model, fits).unwrap().dimensions(), 384);
    // What cannot be made cannot be planned.
    let error = Plan::engine(&path, &ModelOptions::default(), &EngineOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    let error = Plan::engine("/nowhere.gguf", &ModelOptions::default(), &EngineOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

/// Linux would give it, page by page, and end the process on the way.
#[test]
#[cfg(target_os = "linux")]
fn an_engine_that_the_system_has_no_memory_for_is_refused() {
    let model = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let options = EngineOptions { kv_tokens: Some(1 << 28), ..EngineOptions::default() };
    let e = Engine::new(&model, options).unwrap_err();
    assert_eq!(e.code(), Code::OutOfMemory);
    let said = e.message();
    assert!(
        said.starts_with("a KV cache of 268435456 tokens would take ") && said.contains("MiB left, enough for"),
        "{said}"
    );
}
