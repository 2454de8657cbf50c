//! Runs a template's syntax tree, as jinja2 in the sandbox of transformers does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;
use minijinja::machinery::ast::{self, BinOpKind, CallArg, CompareOpKind, Expr, Stmt, UnaryOpKind};

use super::access::{attribute, item, slice};
use super::args::Args;
use super::meter::{fail, work, Held, Outcome};
use super::print::{str_of, write_str};
use super::text::{Builder, Text};
use super::value::{contains, items, Items, Key, Loop, Shape, Value};
use super::{checks, filters, functions, methods, operators};

/// Statements and expressions inside one another, macro calls included.
const MOST_DEPTH: usize = 2_000;

/// Variables that are set at one place of the template; what is not found here is looked for around it.
struct Scope<'a> {
    variables: RefCell<HashMap<&'a str, Value>>,
    around: Option<Rc<Scope<'a>>>,
}

/// How a block ended.
enum Flow {
    Next,
    Break,
    Continue,
}

#[derive(Clone)]
struct Macro<'a> {
    of: &'a ast::Macro<'a>,
    scope: Rc<Scope<'a>>,
}

pub(super) struct Interpreter<'a> {
    /// The output, and above it what is being captured.
    out: Vec<Builder>,
    scope: Rc<Scope<'a>>,
    macros: Vec<Macro<'a>>,
    recursive: Vec<(&'a ast::ForLoop<'a>, Rc<Scope<'a>>)>,
    pub(super) namespaces: Vec<IndexMap<String, Value>>,
    /// The last argument of each loop's `changed`.
    changed: HashMap<usize, Value>,
    loops: usize,
    depth: usize,
    line: u16,
    /// What macros, namespaces and scopes take; given back at the end.
    held: Held,
    pub(super) local_time: Option<i64>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(variables: HashMap<&'a str, Value>, local_time: Option<i64>) -> Outcome<Interpreter<'a>> {
        Ok(Interpreter {
            out: vec![Builder::default()],
            scope: Rc::new(Scope { variables: RefCell::new(variables), around: None }),
            macros: Vec::new(),
            recursive: Vec::new(),
            namespaces: Vec::new(),
            changed: HashMap::new(),
            loops: 0,
            depth: 0,
            line: 0,
            held: Held::new(0)?,
            local_time,
        })
    }

    /// The line that was last at work.
    pub(super) fn line(&self) -> u16 {
        self.line
    }

    /// Runs a whole template and gives what it wrote.
    pub(super) fn run(&mut self, tree: &'a Stmt<'a>) -> Outcome<Builder> {
        if let Stmt::Template(t) = tree {
            self.block(&t.children)?;
        }
        Ok(self.out.pop().unwrap_or_default())
    }

    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= MOST_DEPTH {
            return fail(format!("it nests deeper than {MOST_DEPTH}"));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn look_up(&self, name: &str) -> Value {
        let mut scope = Some(&self.scope);
        while let Some(s) = scope {
            if let Some(value) = s.variables.borrow().get(name) {
                return value.clone();
            }
            scope = s.around.as_ref();
        }
        functions::named(name).map_or(Value::Undefined, Value::Function)
    }

    fn set(&mut self, name: &'a str, value: Value) {
        self.scope.variables.borrow_mut().insert(name, value);
    }

    /// Runs something in a scope of its own inside another.
    fn inside<T>(&mut self, around: Rc<Scope<'a>>, inside: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        // A scope's own memory; it is over before the next one, unless a macro holds it, which is counted there.
        let _held = Held::new(128)?;
        let scope = Rc::new(Scope { variables: RefCell::default(), around: Some(around) });
        let outside = std::mem::replace(&mut self.scope, scope);
        let result = inside(self);
        self.scope = outside;
        result
    }

    fn inner<T>(&mut self, inside: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.inside(Rc::clone(&self.scope), inside)
    }

    /// What something writes, as a text.
    fn capture(&mut self, inside: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<Text> {
        self.out.push(Builder::default());
        let result = inside(self);
        let text = self.out.pop().unwrap_or_default();
        result?;
        text.finish()
    }

    fn write(&mut self, write: impl FnOnce(&mut Builder) -> Outcome<()>) -> Outcome<()> {
        self.out.last_mut().map_or(Ok(()), write)
    }

    // ---- statements ----

    fn block(&mut self, statements: &'a [Stmt<'a>]) -> Outcome<Flow> {
        for statement in statements {
            match self.deeper(|run| run.statement(statement))? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &'a Stmt<'a>) -> Outcome<Flow> {
        work(1)?;
        match statement {
            Stmt::EmitRaw(raw) => self.write(|out| out.own(raw.raw))?,
            Stmt::EmitExpr(emit) => {
                self.line = emit.span().start_line;
                let value = self.value(&emit.expr)?;
                self.write(|out| write_str(&value, out))?;
            }
            Stmt::IfCond(condition) => return self.condition(condition),
            Stmt::ForLoop(of) => {
                self.line = of.span().start_line;
                let over = self.value(&of.iter)?;
                self.for_loop(of, &over, 1)?;
            }
            Stmt::Set(set) => {
                self.line = set.span().start_line;
                let value = self.value(&set.expr)?;
                self.assign(&set.target, value)?;
            }
            Stmt::SetBlock(set) => {
                let text = self.capture(|run| run.inner(|run| run.block(&set.body).map(drop)))?;
                let value = self.filtered(set.filter.as_ref(), Value::Text(text))?;
                self.assign(&set.target, value)?;
            }
            Stmt::FilterBlock(of) => {
                let text = self.capture(|run| run.inner(|run| run.block(&of.body).map(drop)))?;
                let value = self.filtered(Some(&of.filter), Value::Text(text))?;
                self.write(|out| write_str(&value, out))?;
            }
            Stmt::WithBlock(with) => {
                // The values see what is around, not one another.
                let values = with.assignments.iter().map(|(_, e)| self.value(e)).collect::<Outcome<Vec<_>>>()?;
                return self.inner(|run| {
                    for ((target, _), value) in with.assignments.iter().zip(values) {
                        run.assign(target, value)?;
                    }
                    run.block(&with.body)
                });
            }
            Stmt::Macro(of) => {
                let value = self.new_macro(of)?;
                self.set(of.name, value);
            }
            Stmt::CallBlock(of) => {
                self.line = of.span().start_line;
                let caller = self.new_macro(&of.macro_decl)?;
                let callee = self.value(&of.call.expr)?;
                let mut args = self.arguments(&of.call.args)?;
                args.named.push(("caller".into(), caller));
                let value = self.call(&callee, args)?;
                self.write(|out| write_str(&value, out))?;
            }
            Stmt::Block(of) => return self.inner(|run| run.block(&of.body)),
            Stmt::AutoEscape(of) => return self.block(&of.body),
            Stmt::Do(of) => {
                self.line = of.span().start_line;
                self.called(&of.call)?;
            }
            Stmt::Continue(_) => return Ok(Flow::Continue),
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Template(t) => return self.block(&t.children),
            Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) | Stmt::Include(_) => {
                return fail("a chat template is one file: there is nothing to import, extend or include")
            }
        }
        Ok(Flow::Next)
    }

    fn condition(&mut self, mut condition: &'a ast::Spanned<ast::IfCond<'a>>) -> Outcome<Flow> {
        loop {
            self.line = condition.span().start_line;
            work(1)?;
            if self.value(&condition.expr)?.truth() {
                return self.block(&condition.true_body);
            }
            // An `elif` is an `if` alone in the other branch.
            match condition.false_body.as_slice() {
                [Stmt::IfCond(next)] => condition = next,
                other => return self.block(other),
            }
        }
    }

    fn assign(&mut self, target: &'a Expr<'a>, value: Value) -> Outcome<()> {
        match target {
            Expr::Var(v) => {
                self.set(v.id, value);
                Ok(())
            }
            Expr::List(targets) => {
                let values = items(&value)?;
                if values.len() != targets.items.len() {
                    return fail(format!("{} values for {} names", values.len(), targets.items.len()));
                }
                targets.items.iter().zip(values.iter()).try_for_each(|(t, v)| self.assign(t, v.clone()))
            }
            Expr::GetAttr(of) => match self.value(&of.expr)? {
                Value::Namespace(n) => {
                    if !self.namespaces[n].contains_key(of.name) {
                        self.held.grow(64 + of.name.len())?;
                    }
                    self.namespaces[n].insert(of.name.to_owned(), value);
                    Ok(())
                }
                other => fail(format!("an attribute of {} cannot be set, only of a namespace", other.kind())),
            },
            other => fail(format!("a {} cannot be set", other.description())),
        }
    }

    fn for_loop(&mut self, of: &'a ast::ForLoop<'a>, over: &Value, depth: usize) -> Outcome<()> {
        let mut list = items(over)?;
        if let Some(test) = &of.filter_expr {
            let mut kept = Vec::new();
            for one in list.iter() {
                work(1)?;
                let holds = self.inner(|run| {
                    run.assign(&of.target, one.clone())?;
                    run.value(test)
                })?;
                if holds.truth() {
                    kept.push(one.clone());
                }
            }
            list = Items::Owned(Value::list_of(kept, Shape::List)?);
        }
        if list.is_empty() {
            return self.inner(|run| run.block(&of.else_body).map(drop));
        }
        let recursive = if of.recursive {
            self.held.grow(64)?;
            self.recursive.push((of, Rc::clone(&self.scope)));
            Some(self.recursive.len() - 1)
        } else {
            None
        };
        self.loops += 1;
        let state = Rc::new(Loop { items: list, at: Cell::new(0), depth, recursive, id: self.loops });
        for (i, one) in state.items.iter().enumerate() {
            state.at.set(i);
            let flow = self.inner(|run| {
                run.set("loop", Value::Loop(Rc::clone(&state)));
                run.assign(&of.target, one.clone())?;
                run.block(&of.body)
            })?;
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        Ok(())
    }

    fn new_macro(&mut self, of: &'a ast::Macro<'a>) -> Outcome<Value> {
        // The scope that it keeps is counted as well.
        self.held.grow(512)?;
        self.macros.push(Macro { of, scope: Rc::clone(&self.scope) });
        Ok(Value::Macro(self.macros.len() - 1))
    }

    // ---- expressions ----

    fn value(&mut self, expr: &'a Expr<'a>) -> Outcome<Value> {
        work(1)?;
        self.deeper(|run| run.value_of(expr))
    }

    fn value_of(&mut self, expr: &'a Expr<'a>) -> Outcome<Value> {
        match expr {
            Expr::Const(c) => constant(&c.value),
            Expr::Var(v) => Ok(self.look_up(v.id)),
            Expr::GetAttr(of) => {
                let value = self.value(&of.expr)?;
                self.attribute(&value, of.name).or_else(|e| match value {
                    Value::Undefined => fail(format!("{} is undefined", named(&of.expr))),
                    _ => Err(e),
                })
            }
            Expr::GetItem(of) => {
                let value = self.value(&of.expr)?;
                let key = self.value(&of.subscript_expr)?;
                match (&value, &key) {
                    (Value::Undefined, _) => fail(format!("{} is undefined", named(&of.expr))),
                    (Value::Namespace(_), Value::Text(name)) => self.attribute(&value, name.as_str()),
                    _ => item(&value, &key),
                }
            }
            Expr::Slice(of) => {
                let value = self.value(&of.expr)?;
                let mut bound = |e: &'a Option<Expr<'a>>| e.as_ref().map_or(Ok(Value::None), |e| self.value(e));
                let (start, stop, step) = (bound(&of.start)?, bound(&of.stop)?, bound(&of.step)?);
                slice(&value, &start, &stop, &step)
            }
            Expr::UnaryOp(of) => {
                let value = self.value(&of.expr)?;
                match of.op {
                    UnaryOpKind::Not => Ok(Value::Bool(!value.truth())),
                    UnaryOpKind::Neg => match (value.as_int().map(i128::checked_neg), &value) {
                        (Some(Some(n)), _) => Ok(Value::Int(n)),
                        (_, Value::Float(x)) => Ok(Value::Float(-x)),
                        _ => fail(format!("minus {}", value.kind())),
                    },
                }
            }
            Expr::BinOp(of) => {
                let left = self.value(&of.left)?;
                match of.op {
                    BinOpKind::ScAnd if !left.truth() => return Ok(left),
                    BinOpKind::ScOr if left.truth() => return Ok(left),
                    BinOpKind::ScAnd | BinOpKind::ScOr => return self.value(&of.right),
                    _ => {}
                }
                let right = self.value(&of.right)?;
                self.line = of.span().start_line;
                operators::binary(of.op, &left, &right)
            }
            Expr::Compare(of) => self.chain(of),
            Expr::IfExpr(of) => {
                if self.value(&of.test_expr)?.truth() {
                    return self.value(&of.true_expr);
                }
                of.false_expr.as_ref().map_or(Ok(Value::Undefined), |e| self.value(e))
            }
            Expr::Filter(of) => {
                let value = match &of.expr {
                    Some(expr) => self.value(expr)?,
                    None => Value::Undefined,
                };
                self.filter(of, value)
            }
            Expr::Test(of) => {
                let value = self.value(&of.expr)?;
                let args = self.arguments(&of.args)?;
                self.line = of.span().start_line;
                checks::check(of.name, &value, args).map(Value::Bool)
            }
            Expr::Call(of) => self.called(of),
            Expr::List(of) => Value::list(of.items.iter().map(|e| self.value(e)).collect::<Outcome<_>>()?),
            Expr::Map(of) => {
                let mut map = IndexMap::new();
                for (key, value) in of.keys.iter().zip(&of.values) {
                    let key = Key::of(&self.value(key)?)?;
                    map.insert(key, self.value(value)?);
                }
                Value::dict(map)
            }
        }
    }

    /// `a < b < c`
    fn chain(&mut self, of: &'a ast::Compare<'a>) -> Outcome<Value> {
        let mut left = self.value(&of.expr)?;
        for next in &of.ops {
            let right = self.value(&next.expr)?;
            let holds = match next.op {
                CompareOpKind::NotIn => !contains(&right, &left)?,
                other => {
                    let op = match other {
                        CompareOpKind::Eq => BinOpKind::Eq,
                        CompareOpKind::Ne => BinOpKind::Ne,
                        CompareOpKind::Lt => BinOpKind::Lt,
                        CompareOpKind::Lte => BinOpKind::Lte,
                        CompareOpKind::Gt => BinOpKind::Gt,
                        CompareOpKind::Gte => BinOpKind::Gte,
                        CompareOpKind::In | CompareOpKind::NotIn => BinOpKind::In,
                    };
                    operators::binary(op, &left, &right)?.truth()
                }
            };
            if !holds {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn attribute(&self, value: &Value, name: &str) -> Outcome<Value> {
        match value {
            Value::Namespace(n) => Ok(self.namespaces[*n].get(name).cloned().unwrap_or(Value::Undefined)),
            Value::Macro(n) if name == "name" => Value::own(self.macros[*n].of.name),
            other => attribute(other, name),
        }
    }

    fn filter(&mut self, of: &'a ast::Spanned<ast::Filter<'a>>, value: Value) -> Outcome<Value> {
        let args = self.arguments(&of.args)?;
        self.line = of.span().start_line;
        filters::apply(self, of.name, &value, args)
    }

    /// The filters of a `{% filter %}` or `{% set %}` block; the innermost takes what was captured.
    fn filtered(&mut self, filter: Option<&'a Expr<'a>>, captured: Value) -> Outcome<Value> {
        let Some(Expr::Filter(of)) = filter else { return Ok(captured) };
        let value = self.deeper(|run| run.filtered(of.expr.as_ref(), captured))?;
        self.filter(of, value)
    }

    fn arguments(&mut self, given: &'a [CallArg<'a>]) -> Outcome<Args> {
        let mut args = Args::default();
        for one in given {
            match one {
                CallArg::Pos(e) => args.positional.push(self.value(e)?),
                CallArg::Kwarg(name, e) => args.named.push(((*name).to_owned(), self.value(e)?)),
                CallArg::PosSplat(e) => {
                    let value = self.value(e)?;
                    let values = items(&value)?;
                    work(values.len())?;
                    args.positional.extend(values.iter().cloned());
                }
                CallArg::KwargSplat(e) => {
                    let Value::Dict(d) = self.value(e)? else { return fail("** of what is not a dict") };
                    for (key, value) in &d.map {
                        work(1)?;
                        let Key::Text(name) = key else { return fail("** of a dict whose keys are not strings") };
                        args.named.push((name.as_str().to_owned(), value.clone()));
                    }
                }
            }
        }
        Ok(args)
    }

    fn called(&mut self, of: &'a ast::Spanned<ast::Call<'a>>) -> Outcome<Value> {
        // A method is called without making a value of it first.
        if let Expr::GetAttr(method) = &of.expr {
            let receiver = self.value(&method.expr)?;
            if let Some(name) = methods::known(&receiver, method.name) {
                let args = self.arguments(&of.args)?;
                self.line = of.span().start_line;
                return self.call_method(&receiver, name, args);
            }
            if matches!(receiver, Value::Undefined) {
                return fail(format!("{} is undefined", named(&method.expr)));
            }
            let callee = self.attribute(&receiver, method.name)?;
            return self.call_with(of, callee);
        }
        let callee = self.value(&of.expr)?;
        self.call_with(of, callee)
    }

    fn call_with(&mut self, of: &'a ast::Spanned<ast::Call<'a>>, callee: Value) -> Outcome<Value> {
        let args = self.arguments(&of.args)?;
        self.line = of.span().start_line;
        if matches!(callee, Value::Undefined) {
            return fail(format!("{} is undefined or not allowed", named(&of.expr)));
        }
        self.call(&callee, args)
    }

    fn call_method(&mut self, receiver: &Value, name: &str, args: Args) -> Outcome<Value> {
        let Value::Loop(l) = receiver else { return methods::call(receiver, name, args) };
        if name == "cycle" {
            let count = args.positional.len();
            return match args.positional.into_iter().nth(l.at.get() % count.max(1)) {
                Some(value) => Ok(value),
                None => fail("loop.cycle of nothing"),
            };
        }
        let now = Value::tuple(args.positional)?;
        let same = match self.changed.get(&l.id) {
            Some(before) => super::value::equal(before, &now)?,
            None => false,
        };
        self.held.grow(64)?;
        self.changed.insert(l.id, now);
        Ok(Value::Bool(!same))
    }

    fn call(&mut self, callee: &Value, args: Args) -> Outcome<Value> {
        match callee {
            Value::Macro(n) => self.call_macro(*n, args),
            Value::Method(m) => self.call_method(&m.receiver, m.name, args),
            Value::Function(f) => functions::call(self, *f, args),
            Value::Loop(l) => {
                let [over] = args.bind("loop", ["iterable"])?;
                let Some((of, scope)) = l.recursive.map(|n| self.recursive[n].clone()) else {
                    return fail("loop is called, but its for is not recursive");
                };
                let over = over.unwrap_or(Value::Undefined);
                let depth = l.depth + 1;
                let text =
                    self.capture(|run| run.deeper(|run| run.inside(scope, |run| run.for_loop(of, &over, depth))))?;
                Ok(Value::Text(text))
            }
            Value::Joiner(j) => {
                let [] = args.bind("joiner", [])?;
                if j.used.replace(true) {
                    Ok(Value::Text(j.separator.clone()))
                } else {
                    Value::own("")
                }
            }
            other => fail(format!("{} cannot be called", other.kind())),
        }
    }

    fn call_macro(&mut self, n: usize, mut args: Args) -> Outcome<Value> {
        let Macro { of, scope } = self.macros[n].clone();
        let names: Vec<&'a str> =
            of.args.iter().filter_map(|a| if let Expr::Var(v) = a { Some(v.id) } else { None }).collect();
        let text = self.capture(|run| {
            run.inside(scope, |run| {
                let extra = args.positional.split_off(args.positional.len().min(names.len()));
                let mut positional = std::mem::take(&mut args.positional).into_iter();
                for (i, name) in names.iter().enumerate() {
                    let by_name = args.named.iter().position(|(k, _)| k == name);
                    let value = match (positional.next(), by_name) {
                        (Some(_), Some(_)) => return fail(format!("macro {}: {name} is given twice", of.name)),
                        (Some(value), None) => value,
                        (None, Some(at)) => args.named.remove(at).1,
                        (None, None) => {
                            let first = names.len() - of.defaults.len();
                            match i.checked_sub(first) {
                                Some(d) => run.value(&of.defaults[d])?,
                                None => Value::Undefined,
                            }
                        }
                    };
                    run.set(name, value);
                }
                if let Some(at) = args.named.iter().position(|(k, _)| k == "caller") {
                    run.set("caller", args.named.remove(at).1);
                }
                run.set_rest(extra, args.named)?;
                run.block(&of.body).map(drop)
            })
        })?;
        Ok(Value::Text(text))
    }

    /// `varargs` and `kwargs` of a macro; jinja2 refuses them where the macro does not name them.
    fn set_rest(&mut self, extra: Vec<Value>, named: Vec<(String, Value)>) -> Outcome<()> {
        let extra = Value::tuple(extra)?;
        self.set("varargs", extra);
        let named = named.into_iter().map(|(k, v)| Ok((Key::Text(Text::own(&k)?), v)));
        let named = Value::dict(named.collect::<Outcome<_>>()?)?;
        self.set("kwargs", named);
        Ok(())
    }

    /// A new namespace.
    pub(super) fn new_namespace(&mut self, values: IndexMap<String, Value>) -> Outcome<Value> {
        self.held.grow(128 + values.len() * 96)?;
        self.namespaces.push(values);
        Ok(Value::Namespace(self.namespaces.len() - 1))
    }
}

/// What the source calls it.
fn named(expr: &Expr<'_>) -> String {
    match expr {
        Expr::Var(v) => format!("'{}'", v.id),
        Expr::GetAttr(of) => format!("'{}'", of.name),
        Expr::GetItem(of) => match &of.subscript_expr {
            Expr::Const(c) => format!("'{}'", c.value),
            _ => "an item".into(),
        },
        other => format!("a {}", other.description()),
    }
}

fn constant(value: &minijinja::Value) -> Outcome<Value> {
    use minijinja::value::ValueKind;
    Ok(match value.kind() {
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => match i128::try_from(value.clone()) {
            Ok(n) => Value::Int(n),
            Err(_) => return fail("a number is too large"),
        },
        ValueKind::Number => Value::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
        ValueKind::String => Value::own(value.as_str().unwrap_or(""))?,
        _ => Value::None,
    })
}

impl Loop {
    /// `loop.index` and its siblings.
    pub(super) fn attribute(&self, name: &str) -> Option<Value> {
        let (at, count) = (self.at.get(), self.items.len());
        let int = |n: usize| Some(Value::Int(n as i128));
        match name {
            "index" => int(at + 1),
            "index0" => int(at),
            "revindex" => int(count - at),
            "revindex0" => int(count - at - 1),
            "first" => Some(Value::Bool(at == 0)),
            "last" => Some(Value::Bool(at + 1 == count)),
            "length" => int(count),
            "depth" => int(self.depth),
            "depth0" => int(self.depth - 1),
            "previtem" => Some(at.checked_sub(1).map_or(Value::Undefined, |i| self.items[i].clone())),
            "nextitem" => Some(self.items.get(at + 1).cloned().unwrap_or(Value::Undefined)),
            _ => None,
        }
    }
}

/// The words of `raise_exception`, without what came from the conversation.
pub(super) fn own_words(value: &Value) -> Outcome<String> {
    let text = str_of(value)?;
    let words = text.all_runs().map(|(piece, content)| if content { "…" } else { piece });
    Ok(words.collect::<String>().chars().take(200).collect())
}
