//! Machines made of numbers, played to the governor: no clock, no thread, always the same noise.

use super::*;

/// Noise that is the same on every run.
struct Noise(u64);

impl Noise {
    /// 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What else a machine does.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    Nothing,
    /// One busy program on two cores.
    One,
    /// Another engine, on two threads.
    Two,
    /// Several: decoding on two threads all but stops.
    Many,
}

/// Milliseconds of a step that takes `alone[threads - 1]` when nothing else runs, and preemptions in it.
fn step_ms(alone: &[f64], threads: u32, load: Load, noise: &mut Noise) -> (f64, u64) {
    let ms = alone[threads as usize - 1] * (0.97 + 0.08 * noise.next());
    let chance = match (load, threads) {
        (Load::Nothing, _) => 0.001,
        (Load::One, 1) => 0.01,
        (Load::One, _) => 0.62,
        (Load::Two, 1) => 0.4,
        (Load::Two, _) => 0.85,
        (Load::Many, 1) => 0.7,
        (Load::Many, _) => 0.998,
    };
    // Again and again a thread is off its core, and all wait for a slice of 3 ms.
    let mut away = 0u32;
    for _ in 0..(ms / 4.0).ceil() as u32 {
        while noise.next() < chance {
            away += 1;
        }
    }
    (ms + 3.0 * f64::from(away), u64::from(away))
}

/// An engine that decodes one stream on a machine of two cores.
struct Engine {
    governor: Governor,
    noise: Noise,
    alone: [f64; 2],
    at: Duration,
    steps: u64,
    /// Whether the system tells of preemptions and of free cores.
    told: bool,
}

/// SmolLM2-135M and Qwen2.5-Coder-1.5B on one thread and on two, as measured.
const SMALL: [f64; 2] = [4.44, 4.29];
const BIG: [f64; 2] = [39.2, 26.2];

impl Engine {
    fn new(alone: [f64; 2], told: bool) -> Engine {
        Engine { governor: Governor::default(), noise: Noise(7), alone, at: Duration::ZERO, steps: 0, told }
    }

    fn step(&mut self, load: Load) -> u32 {
        let free = match load {
            Load::Nothing => 2.0,
            Load::One => 1.0,
            Load::Two | Load::Many => 0.5,
        };
        let threads = self.governor.threads(1, 2, self.at, self.told.then_some(free));
        let (ms, away) = step_ms(&self.alone, threads, load, &mut self.noise);
        let took = Duration::from_secs_f64(ms / 1e3);
        self.at += took;
        self.steps += 1;
        let preempted = self.told.then_some(away);
        self.governor.learn(&Step { rows: 1, cells: 100, took, at: self.at, preempted });
        threads
    }

    /// Steps a second over so many seconds.
    fn run(&mut self, load: Load, seconds: f64) -> f64 {
        let (from, before) = (self.at, self.steps);
        while (self.at - from).as_secs_f64() < seconds {
            self.step(load);
        }
        (self.steps - before) as f64 / (self.at - from).as_secs_f64()
    }
}

/// Steps a second on a fixed count.
fn fixed(alone: &[f64], threads: u32, load: Load) -> f64 {
    let mut noise = Noise(99);
    let ms: f64 = (0..20_000).map(|_| step_ms(alone, threads, load, &mut noise).0).sum();
    20_000.0 / ms * 1e3
}

#[test]
fn an_idle_machine_keeps_its_speed() {
    for alone in [SMALL, BIG] {
        for told in [true, false] {
            let got = Engine::new(alone, told).run(Load::Nothing, 60.0);
            let share = got / fixed(&alone, 2, Load::Nothing);
            assert!(share > 0.99, "{alone:?} {told}: {share}");
        }
    }
}

/// A virtual machine whose host is busy: all steps get slower and faster together, and readers of sixteen streams
/// preempt. Answers come one after the other, each with a prompt first.
#[test]
fn noise_is_no_load() {
    let alone = [130.0, 74.0];
    let mut noise = Noise(5);
    let mut governor = Governor::default();
    let (mut at, mut took, mut ideal) = (0.0, 0.0, 0.0);
    let mut host = 1.0;
    let mut step = |rows: usize, at: &mut f64, noise: &mut Noise| {
        if noise.next() < 0.15 {
            host = 1.0 + 0.6 * noise.next().powi(2);
        }
        let threads = governor.threads(rows, 2, Duration::from_secs_f64(*at), Some(2.0));
        let scale = host * (0.95 + 0.1 * noise.next()) * if rows > 16 { 20.0 } else { 1.0 };
        let ms = alone[threads as usize - 1] * scale;
        *at += ms / 1e3;
        let (time, end) = (Duration::from_secs_f64(ms / 1e3), Duration::from_secs_f64(*at));
        governor.learn(&Step { rows, cells: 1000, took: time, at: end, preempted: Some((ms / 15.0) as u64) });
        took += ms;
        ideal += alone[1] * scale;
    };
    for _ in 0..40 {
        step(500, &mut at, &mut noise);
        step(180, &mut at, &mut noise);
        for _ in 0..40 {
            step(16, &mut at, &mut noise);
        }
        at += 3.5;
    }
    assert!(ideal / took > 0.98, "{}", ideal / took);
}

#[test]
fn beside_a_busy_program_it_is_as_fast_as_the_better_count() {
    for alone in [SMALL, BIG] {
        for told in [true, false] {
            let mut engine = Engine::new(alone, told);
            engine.run(Load::Nothing, 5.0);
            let reaction = engine.run(Load::One, 1.0);
            let got = engine.run(Load::One, 60.0);
            let best = fixed(&alone, 1, Load::One).max(fixed(&alone, 2, Load::One));
            assert!(got / best > 0.95, "{alone:?} {told}: {}", got / best);
            assert!(reaction / best > 0.5, "{alone:?} {told}: the first second {}", reaction / best);
            if told {
                // No core is free, so there is hardly a trial, and each ends as soon as it costs.
                let minute = (60e3 / alone[0]) as u32;
                let wasted = (0..minute).filter(|_| engine.step(Load::One) == 2).count();
                assert!(wasted <= 10, "{alone:?}: {wasted}");
            }
        }
    }
}

#[test]
fn a_load_that_was_there_first_is_found_too() {
    for alone in [SMALL, BIG] {
        for told in [true, false] {
            let mut engine = Engine::new(alone, told);
            engine.run(Load::One, 3.0);
            let got = engine.run(Load::One, 30.0);
            let best = fixed(&alone, 1, Load::One).max(fixed(&alone, 2, Load::One));
            assert!(got / best > 0.95, "{alone:?} {told}: {}", got / best);
        }
    }
}

#[test]
fn under_many_programs_it_does_not_stop() {
    for told in [true, false] {
        let mut engine = Engine::new(SMALL, told);
        engine.run(Load::Nothing, 5.0);
        engine.run(Load::Many, 12.0);
        let got = engine.run(Load::Many, 300.0);
        let best = fixed(&SMALL, 1, Load::Many);
        assert!(got / best > 0.9, "{told}: {}", got / best);
    }
}

/// The first steps take seconds, and nothing is there to compare them with.
#[test]
fn many_programs_that_were_there_first_are_found_at_once() {
    let mut engine = Engine::new(SMALL, true);
    let slow = (0..10).filter(|_| engine.step(Load::Many) == 2).count();
    assert!(slow <= 2, "{slow}");
}

#[test]
fn full_speed_returns_within_seconds() {
    for (told, load) in [(true, Load::One), (false, Load::One), (true, Load::Many)] {
        let mut engine = Engine::new(BIG, told);
        engine.run(Load::Nothing, 5.0);
        engine.run(load, 60.0);
        assert!(engine.governor.is_reduced());
        engine.run(Load::Nothing, 5.0);
        let got = engine.run(Load::Nothing, 20.0);
        let share = got / fixed(&BIG, 2, Load::Nothing);
        assert!(share > 0.99, "{told}: {share}");
    }
}

#[test]
fn a_system_that_sees_free_cores_where_there_are_none_does_little_harm() {
    let mut engine = Engine::new(SMALL, true);
    let (from, mut done) = (engine.at, 0);
    while (engine.at - from).as_secs_f64() < 60.0 {
        let threads = engine.governor.threads(1, 2, engine.at, Some(2.0));
        let (ms, away) = step_ms(&SMALL, threads, Load::One, &mut engine.noise);
        let took = Duration::from_secs_f64(ms / 1e3);
        engine.at += took;
        done += 1;
        engine.governor.learn(&Step { rows: 1, cells: 100, took, at: engine.at, preempted: Some(away) });
    }
    let share = f64::from(done) / engine.at.as_secs_f64() / fixed(&SMALL, 1, Load::One);
    assert!(share > 0.9, "{share}");
}

/// Two engines on two cores: each is the other's busy program, more so on two threads.
#[test]
fn two_engines_do_not_fight() {
    for told in [true, false] {
        let mut engines = [Engine::new(BIG, told), Engine::new(BIG, told)];
        engines[1].noise = Noise(1234);
        let mut threads = [2, 2];
        let mut counted = [0; 2];
        let warm = Duration::from_secs(5);
        let end = Duration::from_secs(65);
        while engines.iter().any(|e| e.at < end) {
            // The one that is behind goes on.
            let i = usize::from(engines[1].at < engines[0].at);
            let engine = &mut engines[i];
            threads[i] = engine.governor.threads(1, 2, engine.at, told.then_some(1.0));
            let load = match threads[1 - i] {
                1 => Load::One,
                _ => Load::Two,
            };
            let (ms, away) = step_ms(&BIG, threads[i], load, &mut engine.noise);
            let took = Duration::from_secs_f64(ms / 1e3);
            engine.at += took;
            counted[i] += u32::from(engine.at > warm && engine.at < end);
            let preempted = told.then_some(away);
            engine.governor.learn(&Step { rows: 1, cells: 100, took, at: engine.at, preempted });
        }
        for done in counted {
            let share = f64::from(done) / 60.0 / fixed(&BIG, 1, Load::One);
            assert!(share > 0.9, "{told}: {share}");
        }
    }
}

/// Sixteen cores of which another program takes one: fifteen are best.
#[test]
fn of_many_cores_only_the_taken_ones_are_given_up() {
    let mut governor = Governor::default();
    let mut noise = Noise(3);
    let mut at = Duration::ZERO;
    let (mut on, mut total) = ([0.0; 17], 0.0);
    while at < Duration::from_secs(60) {
        let threads = governor.threads(1, 16, at, Some(15.0));
        let crowded = at > Duration::from_secs(5) && threads == 16;
        let mut ms = (2.0 + 60.0 / f64::from(threads)) * (0.97 + 0.08 * noise.next());
        let mut away = 0;
        while crowded && noise.next() < 0.7 {
            away += 1;
            ms += 3.0;
        }
        let took = Duration::from_secs_f64(ms / 1e3);
        at += took;
        if at > Duration::from_secs(10) {
            on[threads as usize] += ms;
            total += ms;
        }
        governor.learn(&Step { rows: 1, cells: 100, took, at, preempted: Some(away) });
    }
    assert!(on[15] / total > 0.9, "{on:?}");
}

/// A context that grows, and others that are short or long, are no load.
#[test]
fn long_contexts_are_no_load() {
    let mut governor = Governor::default();
    let (mut at, mut reduced, mut total) = (Duration::ZERO, 0.0, 0.0);
    for turn in 0..8 {
        for cells in (0..4000).step_by(2) {
            let threads = governor.threads(1, 2, at, Some(2.0));
            let ms =
                BIG[threads as usize - 1] * (1.0 + cells as f64 / 4000.0) * if turn % 2 == 0 { 1.0 } else { 1.1 };
            let took = Duration::from_secs_f64(ms / 1e3);
            at += took;
            reduced += if threads == 1 { ms } else { 0.0 };
            total += ms;
            governor.learn(&Step { rows: 1, cells, took, at, preempted: Some(0) });
        }
    }
    for step in 0..20_000 {
        // Every third step belongs to a chat with a long context.
        let cells = if step % 3 == 0 { 3900 } else { 100 };
        let threads = governor.threads(1, 2, at, Some(2.0));
        let took = Duration::from_secs_f64(BIG[threads as usize - 1] * (1.0 + cells as f64 / 500.0) / 1e3);
        at += took;
        let ms = took.as_secs_f64() * 1e3;
        reduced += if threads == 1 { ms } else { 0.0 };
        total += ms;
        governor.learn(&Step { rows: 1, cells, took, at, preempted: Some(0) });
    }
    assert!(reduced / total < 0.01, "{reduced} of {total} ms");
}

#[test]
fn counts_stay_within_what_was_set() {
    assert_eq!(ladder(1), [1]);
    assert_eq!(ladder(2), [2, 1]);
    assert_eq!(ladder(8), [8, 7, 6, 4, 2, 1]);
    assert_eq!(ladder(512).first(), Some(&512));
    let mut engine = Engine::new(SMALL, true);
    engine.run(Load::One, 5.0);
    assert!(engine.governor.is_reduced());
    // A new limit begins anew, with all that it allows.
    assert_eq!(engine.governor.threads(1, 3, engine.at, None), 3);
    assert_eq!(engine.governor.threads(1, 1, engine.at, None), 1);
    assert_eq!(engine.governor.threads(1, 0, engine.at, None), 1);
}

/// What makes decoding go down makes prompts try it soon.
#[test]
fn classes_tell_each_other() {
    let mut engine = Engine::new(SMALL, true);
    let prompt = |engine: &mut Engine, ms: f64| {
        let threads = engine.governor.threads(512, 2, engine.at, Some(1.0));
        let took = Duration::from_secs_f64(ms / 1e3);
        engine.at += took;
        engine.governor.learn(&Step { rows: 512, cells: 600, took, at: engine.at, preempted: Some(0) });
        threads
    };
    for _ in 0..6 {
        assert_eq!(prompt(&mut engine, 1000.0), 2);
    }
    engine.run(Load::One, 5.0);
    // A prompt takes long, and so would a wrong count: first it has to be slower itself.
    assert_eq!(prompt(&mut engine, 1500.0), 2);
    assert_eq!(prompt(&mut engine, 1500.0), 1);
    // No faster: on two again.
    assert_eq!(prompt(&mut engine, 1500.0), 2);
}

/// Any times, any rows, limits that change: there is always a count, within the limit.
#[test]
fn nonsense_is_survived() {
    let mut noise = Noise(11);
    let mut governor = Governor::default();
    let mut most = 8;
    for _ in 0..100_000 {
        let any = |noise: &mut Noise, most: f64| (noise.next().powi(8) * most) as usize;
        if noise.next() < 0.001 {
            most = 1 + any(&mut noise, 512.0) as u32;
        }
        let (rows, cells) = (any(&mut noise, 1e6), any(&mut noise, 1e9));
        // Now and then the clock stands still, or goes back.
        let at = Duration::from_secs_f64((noise.next() * 1e4 - 10.0).max(0.0));
        let free = (noise.next() < 0.5).then(|| noise.next() * 600.0);
        let threads = governor.threads(rows, most, at, free);
        assert!((1..=most).contains(&threads), "{threads} of {most}");
        let took = Duration::from_nanos(any(&mut noise, 1e12) as u64);
        let preempted = (noise.next() < 0.5).then(|| any(&mut noise, 1e6) as u64);
        governor.learn(&Step { rows, cells, took, at, preempted });
    }
}
