//! Hostile templates: each ends in an error or a bounded text, soon and within bounded memory.
//!
//! One test, alone in its process, so that the process's own counters are the template's: processor time and the
//! highest resident memory, which has the stacks in it.

mod support;

use std::time::{Duration, Instant};

use qask::{Code, Message, Model, ModelOptions, Request};

const MOST_TIME: Duration = Duration::from_millis(100);
const MOST_MEMORY: u64 = 64 << 20;

/// A template, and whether it must fail.
struct Case {
    name: String,
    source: String,
    fails: bool,
}

fn fails(source: impl Into<String>) -> Case {
    let source = source.into();
    Case { name: source.chars().take(90).collect(), source, fails: true }
}

fn bounded(source: impl Into<String>) -> Case {
    Case { fails: false, ..fails(source) }
}

fn nested(open: &str, middle: &str, close: &str, n: usize) -> String {
    format!("{}{middle}{}", open.repeat(n), close.repeat(n))
}

fn loops(n: usize, body: &str) -> String {
    let inside = nested("{% for i in range(100000) %}", body, "{% endfor %}", n);
    format!("{{% set ns = namespace(s='xy', l=[1], d={{}}) %}}{inside}")
}

/// A loop that makes something twice as big each time, and then uses it.
fn doubling(step: &str, then: &str) -> String {
    format!(
        "{{% set ns = namespace(s='xy', l=[1, 2], n=1) %}}{{% for i in range(64) %}}{step}{{% endfor %}}{then}"
    )
}

fn cases() -> Vec<Case> {
    let deep = 100_000;
    let text = "{% set s = 'x' * 1000000 %}";
    let list = "{% set l = range(100000) | list %}";
    let mut cases = vec![
        // Loops.
        fails(loops(2, "")),
        fails(loops(3, "x")),
        fails(loops(1, "{% for j in range(100000) if false %}{% endfor %}")),
        fails("{% macro f() %}{% for i in range(100000) %}{{ f }}{% endfor %}{% endmacro %}{{ f() }}"),
        fails("{{ range(1000000000) | length }}"),
        fails("{{ range(0, 10 ** 30, 10 ** 10) }}"),
        bounded("{{ range(-(10 ** 37), 10 ** 37, 10 ** 37) | list }}"),
        fails("{{ 10 ** 10 ** 10 }}"),
        fails("{{ 170141183460469231731687303715884105727 + 1 }}"),
        fails("{{ (-170141183460469231731687303715884105727 - 1) // -1 }}"),
        fails("{{ (-170141183460469231731687303715884105727 - 1) | abs }}"),
        fails("{{ -(-170141183460469231731687303715884105727 - 1) }}"),
        bounded("{{ 'x'[170141183460469231731687303715884105727] }}{{ [1][-170141183460469231731687303715884105727] }}"),
        bounded("{{ 'xyz'[::170141183460469231731687303715884105727] }}{{ 'xyz'[-170141183460469231731687303715884105727:] }}"),
        bounded("{{ 'xyz'[::-170141183460469231731687303715884105727] }}"),
        fails("{% for i in range(99999) %}{{ range(99999) | list | length }}{% endfor %}"),
        fails("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
        // Recursion.
        fails("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"),
        fails("{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{{ f(n) }}{% endmacro %}{{ f(0) }}"),
        fails("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}"),
        // Found by the fuzz target: the end of the tag is not in its beginning.
        fails("{%}"),
        fails("a {%} b {% generation %} %}"),
        fails("{% include 'chat' %}"),
        fails("{% extends 'chat' %}"),
        fails("{% import 'chat' as c %}"),
        fails(format!("{{{{ {} }}}}", nested("(", "1", ")", deep))),
        fails(format!("{{{{ {} }}}}", nested("[", "1", "]", deep))),
        fails(format!("{{{{ {} }}}}", nested("{1:", "1", "}", deep))),
        fails(format!("{{{{ {} }}}}", "(".repeat(deep))),
        fails(format!("{{{{ {}1 }}}}", "-".repeat(deep))),
        fails(format!("{{{{ {}1 }}}}", "not ".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " + 1".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " ~ 1".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " ** 1".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " and 1".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " < 1".repeat(deep))),
        fails(format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(deep / 2))),
        fails(format!("{{{{ a{} }}}}", ".a".repeat(deep))),
        fails(format!("{{{{ a{} }}}}", "[0]".repeat(deep))),
        fails(format!("{{{{ a{} }}}}", "()".repeat(deep))),
        fails(format!("{{{{ a{} }}}}", "|string".repeat(deep))),
        fails(format!("{{{{ a{} }}}}", " is string".repeat(deep / 2))),
        fails(format!("{{{{ 1{} }}}}", " + 1".repeat(4_900))),
        fails(format!("{{{{ {}1 }}}}", "not ".repeat(9_900))),
        fails(format!("{{{{ {}1 }}}}", "-".repeat(9_900))),
        fails(format!("{{% for {} in [] %}}{{% endfor %}}", nested("(", "a,", ")", deep))),
        bounded(format!("{{% for {} in [] %}}{{% endfor %}}", nested("(", "a,", ")", 4_000))),
        fails(nested("{% if true %}", "", "{% endif %}", 20_000)),
        fails(nested("{% for x in [1] %}", "", "{% endfor %}", 20_000)),
        fails(nested("{% set x %}", "", "{% endset %}", 20_000)),
        fails(nested("{% filter upper %}", "", "{% endfilter %}", 20_000)),
        fails(format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(60_000))),
        bounded(format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(1_900))),
        fails(format!("{{% filter {} %}}x{{% endfilter %}}", vec!["upper"; 9_000].join("|"))),
        // Values that nest, refer to themselves, or are far larger than they look.
        fails(doubling("{% set ns.l = [ns.l] %}{% set ns.l = [[[[ns.l]]]] %}", "{{ ns.l }}")),
        fails("{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}"),
        fails("{% set ns = namespace(l={}) %}{% for i in range(99999) %}{% set ns.l = {'a': ns.l} %}{% endfor %}"),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l | tojson }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l | string | length }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{% set o = ns.l %}{{ [o, 1] == [ns.l, 2] }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ [ns.l, [ns.l]] | sort }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ [ns.l, ns.l] | unique | list }}")),
        fails(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ {ns.l: 1} }}")),
        bounded(doubling("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l in [[ns.l]] }}")),
        fails(doubling("{% set ns.l = {'a': ns.l, 'b': ns.l} %}", "{{ ns.l }}")),
        bounded("{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns.ns.ns.ns.x }}"),
        fails("{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}"),
        fails("{% for i in range(99999) %}{% set n = namespace(a='x' * 1000) %}{% endfor %}"),
        fails("{% for i in range(99999) %}{% macro m() %}{% endmacro %}{% set m = m %}{% endfor %}"),
        fails("{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ['x' * 1000] %}{% endfor %}"),
        // Texts and lists that grow.
        fails("{{ 'x' * 1000000000 }}"),
        fails("{{ 1000000000 * 'x' }}"),
        fails("{{ [1] * 1000000000 }}"),
        bounded("{{ '' * 1000000000000 }}{{ [] * 1000000000000 }}"),
        fails("{{ 'x' * 10 ** 30 }}"),
        fails(doubling("{% set ns.s = ns.s ~ ns.s %}", "")),
        fails(doubling("{% set ns.s = ns.s + ns.s %}", "")),
        fails(doubling("{% set ns.s = ns.s * 2 %}", "")),
        fails(doubling("{% set ns.s = ns.s.replace('x', 'xx') %}", "")),
        fails(doubling("{% set ns.s = ns.s | replace('', 'xx') %}", "")),
        fails(doubling("{% set ns.s = [ns.s, ns.s] | join(ns.s) %}", "")),
        fails(doubling("{% set ns.s = ns.s.join(ns.s) %}", "")),
        fails(doubling("{% set ns.s = '%s%s' % (ns.s, ns.s) %}", "")),
        fails(doubling("{% set ns.s = '%s%s' | format(ns.s, ns.s) %}", "{{ ns.s }}")),
        fails(doubling("{% set ns.s = '{0}{0}'.format(ns.s) %}", "")),
        fails(doubling("{% set ns.s = ns.s | e | e ~ '<' * 1000 %}", "")),
        fails(doubling("{% set ns.s = (ns.s ~ '\"') | tojson | tojson %}", "")),
        fails(doubling("{% set ns.s = (ns.s ~ '\\u00fc') | urlencode | urlencode | tojson(ensure_ascii=true) %}{% set ns.s = ns.s ~ ns.s %}", "")),
        fails(doubling("{% set x %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = x %}", "")),
        fails(doubling("{% set ns.l = ns.l + ns.l %}", "{{ ns.l | length }}")),
        fails(doubling("{% set ns.l = ns.l * 2 %}", "{{ ns.l | length }}")),
        fails(doubling("{% set ns.l = ns.l | batch(1) | list + ns.l %}", "")),
        fails("{% macro f(n, s) %}{% if n %}{{ f(n - 1, s ~ s) }}{% else %}{{ s }}{% endif %}{% endmacro %}{{ f(60, 'x') }}"),
        fails("{% for i in range(99999) %}{{ 'y' * 10000 }}{% endfor %}"),
        fails(format!("{{% for i in range(99999) %}}{}{{% endfor %}}", "y".repeat(500_000))),
        fails(format!("{{% set x %}}{{% for i in range(99999) %}}{}{{% endfor %}}{{% endset %}}", "y".repeat(9_000))),
        fails("{% for i in range(99999) %}{{ messages }}{{ messages | tojson(indent=100) }}{% endfor %}"),
        // Widths.
        fails("{{ '%1000000000d' | format(1) }}"),
        fails("{{ '%1000000000s' % 'x' }}"),
        fails("{{ '%.1000000000f' % 1.5 }}"),
        fails("{{ '{:1000000000}'.format(1) }}"),
        fails("{{ '{:>1000000000}'.format('x') }}"),
        fails("{{ '{:.1000000000f}'.format(1.5) }}"),
        fails("{{ '%99999999999999999999999999d' | format(1) }}"),
        fails("{{ 'x'.ljust(1000000000) }}"),
        fails("{{ 'x'.rjust(10 ** 20) }}"),
        fails("{{ 'x'.center(1000000000) }}"),
        fails("{{ 'x' | center(1000000000) }}"),
        fails("{{ 'x'.zfill(1000000000) }}"),
        fails("{{ '\\t'.expandtabs(1000000000) }}"),
        fails("{{ 'x\\ny' | indent(1000000000) }}"),
        fails("{{ ('x\\n' * 100000) | indent(100000) }}"),
        fails("{{ [1] | batch(1000000000, 0) | list }}"),
        fails("{{ [1] | slice(1000000000) | list }}"),
        fails("{{ [1] | batch(0) | list }}"),
        fails("{{ [[[[[1]]]]] | tojson(indent=1000000000) }}"),
        fails(format!("{list}{{{{ l | tojson(indent=10000) }}}}")),
        fails("{{ strftime_now('%1000000000d') }}"),
        fails(format!("{text}{{{{ strftime_now(s) }}}}")),
        fails("{{ strftime_now('%c' * 1000000) }}"),
        fails("{{ strftime_now('%Q') }}"),
        bounded("{{ 1.5 | round(1000000000) }}{{ 1.5 | round(-1000000000) }}"),
        bounded("{{ 'x' | truncate(1000000000) }}"),
        // Big things used often.
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s | length }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s[1:] | length }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s[-1] }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ 'y' in s }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s == s ~ '' }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s < s ~ '' }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s.count('y') }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s.find('y') }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s.strip('yz') }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s.isalpha() }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s is upper }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s | wordcount }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s | int }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ s | float }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ {{s: 1}}[s] }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ {{'a': 1}}.get(s) }}}}{{% endfor %}}")),
        fails(format!("{text}{{% for i in range(99999) %}}{{{{ x[s] if x else messages[0][s] }}}}{{% endfor %}}")),
        fails(format!("{text}{{{{ s | list }}}}")),
        fails(format!("{text}{{{{ s.split('x') }}}}")),
        fails(format!("{text}{{{{ s.rsplit('x') }}}}")),
        fails("{% set s = 'x ' * 2000000 %}{{ s.split() }}"),
        fails("{% set s = '\\n' * 2000000 %}{{ s.splitlines() }}"),
        bounded(format!("{text}{{{{ s[::-1] | length }}}}")),
        fails(format!("{text}{{% set ns = namespace(l=[]) %}}{{% for i in range(999) %}}{{% set ns.l = ns.l + [s[::-1]] %}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l | sort | length }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l | unique | list | length }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ -1 in l }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l == l + [] }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l.index(-1) }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l.count(1) }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l | sum }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{{{ l | max }}}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{% set x = l[1:] %}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{% set x = l | reverse %}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{% set x = l | map('string') %}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{% set x = l | select %}}{{% endfor %}}")),
        fails(format!("{list}{{% for i in range(99999) %}}{{% set x = dict(l | batch(2)) %}}{{% endfor %}}")),
        fails(format!("{list}{{% macro f() %}}{{% endmacro %}}{{% for i in range(99999) %}}{{{{ f(*l) }}}}{{% endfor %}}")),
        fails(format!("{list}{{{{ l | map('map', 'map') | map('list') | list }}}}")),
        fails(format!("{list}{{{{ l | groupby('x') | length }}}}{{% for i in l %}}{{{{ l | groupby('x') | length }}}}{{% endfor %}}")),
        // Probing.
        fails("{{ ''.__class__.__mro__ }}"),
        fails("{{ messages.__class__.__base__ }}"),
        fails("{{ lipsum.__globals__ }}"),
        fails("{{ cycler.__init__.__globals__ }}"),
        fails("{{ self.__init__.__globals__ }}"),
        fails("{{ joiner.__call__.__globals__.os }}"),
        fails("{{ namespace.__init__.x }}"),
        fails("{{ range.__self__.x }}"),
        fails("{{ messages.append({}) }}"),
        fails("{{ messages[0].pop('role') }}"),
        fails("{{ messages[0].update(role='x') }}"),
        fails("{{ '{0.__class__.__mro__}'.format(1) }}"),
        fails("{{ '{0.__class__[x]}'.format('') }}"),
        bounded("{{ ''.__class__ }}{{ ''['__class__'] }}{{ '' | attr('__class__') }}{{ '{0.__class__}'.format(1) }}"),
        fails("{{ cycler }}"),
        fails("{{ [cycler(1).next, joiner('x'), namespace, messages[0].get] | string }}"),
    ];
    // Constants that a compiler might fold.
    let folded =
        ["'x' * 100000000", "[1] * 100000000", "'x' ~ 'y' * 100000000", "9 ** 9 ** 9", "[[1] * 10000] * 100000"];
    cases.extend(folded.iter().map(|e| fails(format!("{{% if false %}}{{{{ {e} }}}}{{% endif %}}{{{{ {e} }}}}"))));
    cases.extend(folded.iter().map(|e| bounded(format!("{{% if false %}}{{{{ {e} }}}}{{% endif %}}"))));
    // A source of a million bytes of each kind.
    for unit in [
        "{",
        "{{",
        "{%",
        "{#",
        "{% if",
        "}}",
        "{{ 'x",
        "{{ x }}",
        "{% set x = 1 %}",
        "x\n",
        "{{ \"\\\\",
        "{% raw %}",
    ] {
        cases.push(bounded(unit.repeat((1 << 20) / unit.len())));
    }
    cases.push(fails("x".repeat(2 << 20)));
    cases
}

/// Processor time of this process, in steps of a hundredth of a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// What rendering gives, takes and holds at most.
fn measure(model: &Model, request: &Request) -> (qask::Result<String>, Duration, u64) {
    // 5: the highest resident memory starts again from what is resident.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, began, clock) = (memory("VmRSS"), processor_time(), Instant::now());
    let result = model.render(request);
    let time = (processor_time() - began).min(clock.elapsed());
    (result, time, memory("VmHWM").saturating_sub(before))
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_templates_end_soon_and_small() {
    let file = support::tiny().file();
    let model = Model::load(&file, ModelOptions::default()).unwrap();
    let mut wrong = Vec::new();
    let (mut slowest, mut biggest) = ((Duration::ZERO, String::new()), (0, String::new()));
    for case in cases() {
        if std::env::var_os("QASK_SHOW").is_some() {
            println!("{}", case.name);
        }
        let mut request = Request::chat([Message::system("Be kind."), Message::user("Hi")]);
        request.template = Some(case.source);
        // Another process may disturb one measurement.
        let mut best = measure(&model, &request);
        for _ in 0..2 {
            if best.1 > MOST_TIME || best.2 > MOST_MEMORY {
                let again = measure(&model, &request);
                best = (again.0, again.1.min(best.1), again.2.min(best.2));
            }
        }
        let (result, time, memory) = best;
        let outcome = match &result {
            Ok(text) if text.len() > 16 << 20 => format!("gives {} bytes", text.len()),
            Ok(_) if case.fails => "succeeds".to_owned(),
            Err(e) if e.code() != Code::Template => format!("ends with {e}"),
            _ => String::new(),
        };
        if !outcome.is_empty() || time > MOST_TIME || memory > MOST_MEMORY {
            wrong.push(format!("{}: {outcome} after {time:?} with {} MiB", case.name, memory >> 20));
        }
        slowest = slowest.max((time, case.name.clone()));
        biggest = biggest.max((memory, case.name));
    }
    println!("slowest {:?}: {}\nbiggest {} MiB: {}", slowest.0, slowest.1, biggest.0 >> 20, biggest.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
