//! llama.cpp's GBNF, translated to llguidance's Lark.
//!
//! GBNF has no lexer, and in Lark the longest match of a terminal wins, which would refuse texts that GBNF allows. So a
//! grammar without recursion becomes one terminal, and in any other each character is a terminal of its own. Sizes,
//! depths and repeats are bounded here, without recursion along rules.

use std::collections::HashMap;
use std::fmt::Write;

use super::{grammar_error, lark_string, MOST_RULES};
use crate::error::{Error, Result};

/// How deep parentheses may nest.
const MOST_DEPTH: usize = 64;
/// The most repeats of one part; llama.cpp's own limit.
const MOST_REPEATS: u32 = 2_000;
/// Elements of a terminal when its repeats and rules are written out.
const MOST_SIZE: u64 = 50_000;

enum Node {
    Text(String),
    /// A regular expression of one character.
    Class(String),
    /// One special token, in Lark's words.
    Token(String),
    Rule(usize),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
}

struct Rule {
    name: String,
    /// Where it was first named.
    line: usize,
    body: Option<Node>,
}

/// The Lark grammar of a GBNF grammar.
pub(super) fn to_lark(source: &str) -> Result<String> {
    let rules = Parser { source, at: 0, line: 1, rules: Vec::new(), by_name: HashMap::new() }.run()?;
    let root = rules.iter().position(|r| r.name == "root" && r.body.is_some());
    let root = root.ok_or_else(|| grammar_error("the grammar cannot be used: it has no rule named root"))?;
    if let Some(rule) = rules.iter().find(|r| r.body.is_none()) {
        return Err(wrong(rule.line, format!("the rule {} is not defined", rule.name)));
    }
    let terminal = is_regular(&rules, root)?;
    let mut writer = Writer { out: String::new(), terminal, parts: 0 };
    let _ = writeln!(writer.out, "start: {}", writer.rule_name(root));
    for (i, rule) in rules.iter().enumerate() {
        if let Some(body) = &rule.body {
            let text = writer.body(body);
            let _ = writeln!(writer.out, "{}: {text}", writer.rule_name(i));
        }
    }
    Ok(writer.out)
}

fn wrong(line: usize, words: impl std::fmt::Display) -> Error {
    grammar_error(format!("the grammar cannot be used: line {line}: {words}"))
}

// ---- reading ----

struct Parser<'a> {
    source: &'a str,
    at: usize,
    line: usize,
    rules: Vec<Rule>,
    by_name: HashMap<String, usize>,
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl Parser<'_> {
    fn run(mut self) -> Result<Vec<Rule>> {
        self.space(true);
        while self.peek().is_some() {
            let name = self.name()?;
            let rule = self.rule(&name)?;
            self.space(false);
            self.expect("::=")?;
            self.space(true);
            let body = self.choice(0)?;
            if !matches!(self.peek(), None | Some('\n' | '\r')) {
                return Err(self.wrong("a rule ends with its line"));
            }
            self.space(true);
            if self.rules[rule].body.replace(body).is_some() {
                return Err(self.wrong(format!("the rule {name} is defined twice")));
            }
        }
        Ok(self.rules)
    }

    fn wrong(&self, words: impl std::fmt::Display) -> Error {
        wrong(self.line, words)
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.source[self.at..].starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn expect(&mut self, text: &str) -> Result<()> {
        match self.take(text) {
            true => Ok(()),
            false => Err(self.wrong(format!("expected {text}"))),
        }
    }

    /// Skips blanks and comments, and line ends where they mean nothing.
    fn space(&mut self, lines: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => {}
                '\n' | '\r' if lines => {}
                '#' => {
                    let rest = &self.source[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                    continue;
                }
                _ => return,
            }
            self.next();
        }
    }

    fn name(&mut self) -> Result<String> {
        let rest = &self.source[self.at..];
        let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.wrong("expected the name of a rule"));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    fn rule(&mut self, name: &str) -> Result<usize> {
        if let Some(i) = self.by_name.get(name) {
            return Ok(*i);
        }
        let i = self.rules.len();
        if i >= MOST_RULES {
            return Err(self.wrong(format!("more than {MOST_RULES} rules")));
        }
        self.rules.push(Rule { name: name.to_owned(), line: self.line, body: None });
        self.by_name.insert(name.to_owned(), i);
        Ok(i)
    }

    fn choice(&mut self, depth: usize) -> Result<Node> {
        if depth > MOST_DEPTH {
            return Err(self.wrong(format!("parentheses nest deeper than {MOST_DEPTH}")));
        }
        let mut options = vec![self.sequence(depth)?];
        while self.take("|") {
            self.space(true);
            options.push(self.sequence(depth)?);
        }
        Ok(one_or(options, Node::Choice))
    }

    fn sequence(&mut self, depth: usize) -> Result<Node> {
        let mut items = Vec::new();
        while let Some(c) = self.peek() {
            let item = match c {
                '"' => self.text()?,
                '[' => self.class()?,
                '<' | '!' => self.token()?,
                '.' => {
                    self.next();
                    Node::Class("(?s:.)".to_owned())
                }
                '(' => {
                    self.next();
                    self.space(true);
                    let inner = self.choice(depth + 1)?;
                    self.expect(")")?;
                    inner
                }
                c if in_name(c) => {
                    let name = self.name()?;
                    Node::Rule(self.rule(&name)?)
                }
                _ => break,
            };
            self.space(depth > 0);
            items.push(self.repeats(item, depth)?);
        }
        Ok(one_or(items, Node::Sequence))
    }

    /// The `*`, `+`, `?` and `{m,n}` behind an element.
    fn repeats(&mut self, mut item: Node, depth: usize) -> Result<Node> {
        while let Some(c) = self.peek() {
            let (low, high) = match c {
                '*' => (0, None),
                '+' => (1, None),
                '?' => (0, Some(1)),
                '{' => {
                    self.next();
                    self.bounds()?
                }
                _ => break,
            };
            self.next();
            self.space(depth > 0);
            item = Node::Repeat(Box::new(item), low, high);
        }
        Ok(item)
    }

    /// `m`, `m,`, `,n` or `m,n`; the closing brace stays.
    fn bounds(&mut self) -> Result<(u32, Option<u32>)> {
        self.space(false);
        let low = self.number()?;
        self.space(false);
        let high = match self.take(",") {
            false => low,
            true => {
                self.space(false);
                self.number()?
            }
        };
        self.space(false);
        if self.peek() != Some('}') {
            return Err(self.wrong("expected }"));
        }
        let low = low.unwrap_or(0);
        if high.is_some_and(|h| h < low) || low.max(high.unwrap_or(0)) > MOST_REPEATS {
            return Err(self.wrong(format!("repeats must go upwards and to {MOST_REPEATS} at most")));
        }
        Ok((low, high))
    }

    fn number(&mut self) -> Result<Option<u32>> {
        let rest = &self.source[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        self.at += length;
        match length {
            0 => Ok(None),
            _ => rest[..length].parse().map(Some).map_err(|_| self.wrong("too many repeats")),
        }
    }

    fn text(&mut self) -> Result<Node> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err(self.wrong("a text without its closing quotation mark")),
                Some('"') => return Ok(Node::Text(text)),
                Some(c) => text.push(self.escaped(c)?),
            }
        }
    }

    fn class(&mut self) -> Result<Node> {
        self.next();
        let mut regex = String::from(if self.take("^") { "[^" } else { "[" });
        let opening = regex.len();
        loop {
            let low = match self.next() {
                None | Some('\n') => return Err(self.wrong("a class without its closing bracket")),
                Some(']') => break,
                Some(c) => self.escaped(c)?,
            };
            let mut high = low;
            if self.source[self.at..].starts_with('-') && !self.source[self.at..].starts_with("-]") {
                self.next();
                let c = self.next().ok_or_else(|| self.wrong("a range without its end"))?;
                high = self.escaped(c)?;
            }
            if high < low {
                return Err(self.wrong("a range that goes downwards"));
            }
            let _ = write!(regex, "\\x{{{:x}}}-\\x{{{:x}}}", low as u32, high as u32);
        }
        if regex.len() == opening {
            return Err(self.wrong("an empty class"));
        }
        regex.push(']');
        Ok(Node::Class(regex))
    }

    /// The character that `c`, just read, begins.
    fn escaped(&mut self, c: char) -> Result<char> {
        if c != '\\' {
            return Ok(c);
        }
        let digits = match self.next() {
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some('n') => return Ok('\n'),
            Some(c @ ('\\' | '"' | '[' | ']' | '-' | '^' | '/')) => return Ok(c),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err(self.wrong("an unknown escape")),
        };
        let hex = self.source.get(self.at..self.at + digits).unwrap_or("");
        let found = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
        self.at += hex.len();
        found.ok_or_else(|| self.wrong(format!("an escape needs {digits} hexadecimal digits of a character")))
    }

    /// `<name>` or `<[id]>`, `!` before it for every other token.
    fn token(&mut self) -> Result<Node> {
        let not = if self.take("!") { "~" } else { "" };
        self.expect("<")?;
        let rest = &self.source[self.at..];
        let length = rest.find('>').filter(|n| *n > 0 && !rest[..*n].contains(char::is_whitespace));
        let Some(length) = length else { return Err(self.wrong("a token without its closing >")) };
        self.at += length + 1;
        Ok(Node::Token(format!("{not}<{}>", &rest[..length])))
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => many(nodes),
    }
}

// ---- what can be a terminal ----

/// Calls `see` with every rule that a body names, and every token.
fn visit(node: &Node, see: &mut dyn FnMut(&Node)) {
    match node {
        Node::Sequence(nodes) | Node::Choice(nodes) => nodes.iter().for_each(|n| visit(n, see)),
        Node::Repeat(inner, ..) => visit(inner, see),
        other => see(other),
    }
}

/// Whether the root reaches no recursion and no token. Rules that would become too big are an error.
fn is_regular(rules: &[Rule], root: usize) -> Result<bool> {
    let mut waits = vec![0usize; rules.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); rules.len()];
    for (i, rule) in rules.iter().enumerate() {
        if let Some(body) = &rule.body {
            visit(body, &mut |node| match node {
                Node::Rule(r) => {
                    waits[i] += 1;
                    users[*r].push(i);
                }
                // Never satisfied: a terminal cannot hold a token.
                Node::Token(_) => waits[i] += 1,
                _ => {}
            });
        }
    }
    let mut sizes = vec![0u64; rules.len()];
    let mut done: Vec<usize> = (0..rules.len()).filter(|i| waits[*i] == 0).collect();
    let mut regular = vec![false; rules.len()];
    while let Some(i) = done.pop() {
        regular[i] = true;
        sizes[i] = rules[i].body.as_ref().map_or(0, |b| size(b, &sizes));
        if sizes[i] > MOST_SIZE {
            let words = format!("the rule {} has more than {MOST_SIZE} elements when written out", rules[i].name);
            return Err(wrong(rules[i].line, words));
        }
        for user in &users[i] {
            waits[*user] -= 1;
            if waits[*user] == 0 {
                done.push(*user);
            }
        }
    }
    for (rule, _) in rules.iter().zip(&regular).filter(|(_, regular)| !**regular) {
        if rule.body.as_ref().is_some_and(|b| size(b, &sizes) > MOST_SIZE) {
            let words = format!("the rule {} has more than {MOST_SIZE} elements when written out", rule.name);
            return Err(wrong(rule.line, words));
        }
    }
    Ok(regular[root])
}

/// Elements of a body with repeats and regular rules written out.
fn size(node: &Node, sizes: &[u64]) -> u64 {
    let sum = |nodes: &[Node]| nodes.iter().map(|n| size(n, sizes)).fold(1, u64::saturating_add);
    match node {
        Node::Text(text) => text.len().max(1) as u64,
        Node::Class(_) | Node::Token(_) => 1,
        Node::Rule(r) => sizes[*r].max(1),
        Node::Sequence(nodes) | Node::Choice(nodes) => sum(nodes),
        Node::Repeat(inner, low, high) => {
            size(inner, sizes).saturating_mul(u64::from((*low).max(high.unwrap_or(0)).max(1)))
        }
    }
}

// ---- writing ----

struct Writer {
    out: String,
    /// Whether everything is a terminal; otherwise single characters are.
    terminal: bool,
    /// Definitions made for parts of rules.
    parts: usize,
}

impl Writer {
    fn name(&self, small: char, number: usize) -> String {
        let letter = if self.terminal { small.to_ascii_uppercase() } else { small };
        format!("{letter}_{number}")
    }

    fn rule_name(&self, rule: usize) -> String {
        self.name('r', rule)
    }

    /// What stands behind the colon of a definition.
    fn body(&mut self, node: &Node) -> String {
        match node {
            Node::Choice(options) => {
                let options: Vec<String> = options.iter().map(|o| self.option(o)).collect();
                options.join(" | ")
            }
            other => self.option(other),
        }
    }

    fn option(&mut self, node: &Node) -> String {
        match node {
            Node::Sequence(items) if items.is_empty() => "\"\"".to_owned(),
            Node::Sequence(items) => {
                let words: Vec<String> = items.iter().map(|n| self.atom(n)).collect();
                words.join(" ")
            }
            other => self.atom(other),
        }
    }

    /// Something that stands by itself. Composite parts get definitions of their own, so that nothing nests.
    fn atom(&mut self, node: &Node) -> String {
        match node {
            Node::Text(text) if self.terminal || text.chars().count() < 2 => lark_string(text),
            Node::Text(text) => {
                let characters: Vec<String> = text.chars().map(|c| lark_string(&c.to_string())).collect();
                self.part(&characters.join(" "))
            }
            Node::Class(regex) => format!("/{regex}/"),
            Node::Token(token) => token.clone(),
            Node::Rule(rule) => self.rule_name(*rule),
            Node::Repeat(_, _, Some(0)) => "\"\"".to_owned(),
            Node::Repeat(inner, low, high) => {
                let inner = match **inner {
                    Node::Repeat(..) => {
                        let body = self.body(inner);
                        self.part(&body)
                    }
                    _ => self.atom(inner),
                };
                match (low, high) {
                    (0, None) => format!("{inner}*"),
                    (1, None) => format!("{inner}+"),
                    (0, Some(1)) => format!("{inner}?"),
                    (low, None) => format!("{inner}{{{low},}}"),
                    (low, Some(high)) => format!("{inner}{{{low},{high}}}"),
                }
            }
            Node::Sequence(_) | Node::Choice(_) => {
                let body = self.body(node);
                self.part(&body)
            }
        }
    }

    fn part(&mut self, body: &str) -> String {
        self.parts += 1;
        let name = self.name('p', self.parts);
        let _ = writeln!(self.out, "{name}: {body}");
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        to_lark(source).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_grammar_without_recursion_is_one_terminal() {
        let lark = to_lark("root ::= item (\",\" item)? # x\nitem ::= [a-c]{1,3} | \"é!\"\n").unwrap();
        let expected = "start: R_0\nP_1: \",\" R_1\nR_0: R_1 P_1?\nR_1: /[\\x{61}-\\x{63}]/{1,3} | \"é!\"\n";
        assert_eq!(lark, expected);
    }

    #[test]
    fn with_recursion_each_character_is_a_terminal() {
        let lark = to_lark("root ::= \"ab\" root | [^\"]").unwrap();
        assert_eq!(lark, "start: r_0\np_1: \"a\" \"b\"\nr_0: p_1 r_0 | /[^\\x{22}-\\x{22}]/\n");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (source, words) in [
            ("", "no rule named root"),
            ("root ::= a", "line 1: the rule a is not defined"),
            ("root ::= \"x\nb ::= \"y\"", "without its closing quotation mark"),
            ("root ::= \"x\"\nroot ::= \"y\"", "defined twice"),
            ("\n\nroot ::= [b-a]", "line 3: a range that goes downwards"),
            ("root ::= \"a\"{3,2}", "upwards"),
            ("root ::= \"a\"{99999999999}", "too many repeats"),
            ("root ::= \"a\"{2001}", "2000"),
            ("root ::= (\"a\"{2000}){2000}", "more than 50000 elements"),
            ("root ::= \"\\q\"", "unknown escape"),
            ("root ::= (\"a\"", "expected )"),
            ("root \"a\"", "expected ::="),
            ("root ::= <think", "closing >"),
        ] {
            let message = refused(source);
            assert!(message.contains(words), "{source}: {message}");
        }
    }

    #[test]
    fn hostile_sources_are_refused_without_recursion() {
        assert!(refused(&format!("root ::= {}", "(".repeat(100_000))).contains("nest deeper"));
        let chain: String = (0..100_000).map(|i| format!("a{i} ::= a{}\n", i + 1)).collect();
        assert!(refused(&chain).contains("more than 10000 rules"));
        let doubling: String = (0..40).map(|i| format!("a{i} ::= a{0} a{0} | a{0} \"x\"\n", i + 1)).collect();
        assert!(refused(&format!("root ::= a0\n{doubling}a40 ::= \"x\"\n")).contains("elements when written out"));
    }
}
