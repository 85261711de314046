//! Page: what a page says to type, and what it says will be answered.

use serde_json::Value;

use crate::{
    node::Node,
    program::{Program, USHER, shell},
};

/// A line to type.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) line: String,
    /// What is answered, where the page shows it.
    pub(crate) answer: Option<Value>,
    /// Lines of text among those that are printed, where the page shows such.
    pub(crate) printed: Vec<String>,
}

/// The blocks of code on a page: the language of each, and its lines.
pub(crate) fn blocks(page: &str) -> impl Iterator<Item = (&str, &str)> {
    // Every other part is between two fences, and begins with its language.
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').expect("a block has lines"))
}

/// Every line in a block of shell, with the block of JSON or text that follows it.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut follows): (Vec<Step>, bool) = (Vec::new(), false);
    for (language, text) in blocks(page) {
        let after_shell = std::mem::replace(&mut follows, language == "sh");
        match language {
            "sh" => {
                let lines = text.lines().filter(|line| !line.is_empty());
                steps.extend(lines.map(|line| Step {
                    line: line.to_owned(),
                    answer: None,
                    printed: Vec::new(),
                }));
            }
            "json" => {
                let answer = serde_json::from_str(text).expect("what a page shows as JSON is JSON");
                steps.last_mut().expect("an answer follows what is typed").answer = Some(answer);
            }
            "text" if after_shell => {
                let lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
                steps.last_mut().expect("it follows what is typed").printed = lines.collect();
            }
            _ => {}
        }
    }
    steps
}

impl Step {
    /// The line as it is typed here. This is the one place where what a page says is changed: the
    /// binary under test stands for the one that the README builds, and the test's address for the
    /// usual one.
    pub(crate) fn typed(&self, address: &str) -> String {
        let line = self
            .line
            .replace("cargo run --release --", &format!("'{USHER}'"))
            .replace("./target/release/usher", &format!("'{USHER}'"))
            .replace("127.0.0.1:7328", address);
        match self.kind() {
            Kind::Start => format!("{line} --listen {address}"),
            Kind::Connect | Kind::Follow | Kind::List => {
                format!("{line} --server http://{address}")
            }
            Kind::Curl | Kind::Watch | Kind::Test => line,
        }
    }

    /// What kind of line it is. A line of a new kind needs a place in the walk.
    pub(crate) fn kind(&self) -> Kind {
        match self.line.as_str() {
            "cargo run --release -- dev" => Kind::Start,
            "cargo xtask test" => Kind::Test,
            line if line.starts_with("./target/release/usher connect ") => Kind::Connect,
            line if line.starts_with("./target/release/usher events") => Kind::Follow,
            line if line.starts_with("./target/release/usher nodes") => Kind::List,
            line if line.starts_with("curl -N ") => Kind::Watch,
            line if line.starts_with("curl ") => Kind::Curl,
            line => panic!("a line that no test knows how to type: {line}"),
        }
    }
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs a node.
    Start,
    /// Is a session.
    Connect,
    /// Calls the API.
    Curl,
    /// Calls the API for what does not end.
    Watch,
    /// Follows events.
    Follow,
    /// Prints a list.
    List,
    /// Runs the tests, this one among them.
    Test,
}

/// Types a line, whatever kind it is of. Who waits for something to happen sees messages to alice.
pub(crate) fn do_as_shown(node: &Node, step: &Step) {
    match step.kind() {
        Kind::Watch | Kind::Follow => watch(node, step),
        Kind::Curl if step.printed.is_empty() => drop(call(node, step)),
        Kind::Curl | Kind::List => {
            let out = node.type_line(&step.typed(&node.address));
            prints_as_shown(&out, step);
        }
        kind @ (Kind::Start | Kind::Connect | Kind::Test) => panic!("{kind:?} is not for here"),
    }
}

/// The lines that the page shows must be among those that were printed, in that order.
pub(crate) fn prints_as_shown(out: &str, step: &Step) {
    let mut lines = out.lines();
    for shown in &step.printed {
        let found = lines.any(|line| is_line_like(line, shown));
        assert!(found, "{shown} is not printed there: {out}");
    }
}

/// Types a line that goes on printing; the lines that the page shows must come, in that order.
fn watch(node: &Node, step: &Step) {
    let mut program = Program::start(&mut shell(&step.typed(&node.address)));
    assert!(!step.printed.is_empty(), "nothing is shown to {step:?}");
    for shown in &step.printed {
        loop {
            match program.line_within_a_moment() {
                Some(line) if is_line_like(&line, shown) => break,
                Some(_) => {}
                // It takes a moment until it watches, so one message may be too early.
                None => drop(node.ask(&["send", "alice", "hi"])),
            }
        }
    }
}

/// Whether a line is like one that a page shows, where `…` stands for any text, and what is JSON is
/// compared as such.
fn is_line_like(line: &str, shown: &str) -> bool {
    let data = |line: &str| serde_json::from_str(line.strip_prefix("data: ")?).ok();
    if let (Some(line), Some(shown)) = (data(line), data(shown)) {
        return is_like(&line, &shown);
    }
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        (rest, last) = (&rest[at + part.len()..], part);
    }
    rest.is_empty() || (last.is_empty() && shown.ends_with('…'))
}

/// Types a line that calls the API; the answer must be like the one that the page shows.
pub(crate) fn call(node: &Node, step: &Step) -> Value {
    let line = step.typed(&node.address);
    let out = node.type_line(&line);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {out}: {e}"));
    let shown = step.answer.as_ref().unwrap_or_else(|| panic!("no answer is shown to {line}"));
    // How much there was is another matter each time that a line is added to a page.
    let alike = match line.contains("/v1/stats") {
        true => is_like(&without_counts(&answer), &without_counts(shown)),
        false => is_like(&answer, shown),
    };
    assert!(alike, "{line}\nanswers {answer}\nand not {shown}");
    answer
}

fn without_counts(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), without_counts(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Number(_) => Value::from(0),
        other => other.clone(),
    }
}

/// Whether an answer is what a page shows. There, `…` stands for any text, and one time for any
/// other.
pub(crate) fn is_like(answer: &Value, shown: &Value) -> bool {
    const LONG_AGO: u64 = 1_000_000_000_000;
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            answer.len() == shown.len()
                && shown.iter().all(|(name, shown)| {
                    answer.get(name).is_some_and(|answer| is_like(answer, shown))
                })
        }
        (Value::Array(answer), Value::Array(shown)) => {
            answer.len() == shown.len() && answer.iter().zip(shown).all(|(a, s)| is_like(a, s))
        }
        (Value::String(answer), Value::String(shown)) => match shown.split_once('…') {
            Some((before, after)) => answer.starts_with(before) && answer.ends_with(after),
            None => answer == shown,
        },
        (Value::Number(answer), Value::Number(shown)) => {
            let is_time = |number: &serde_json::Number| number.as_u64() > Some(LONG_AGO);
            answer == shown || (is_time(answer) && is_time(shown))
        }
        (answer, shown) => answer == shown,
    }
}

#[test]
fn answers_are_compared_as_pages_show_them() {
    let is_like = |answer: &str, shown: &str| {
        let value = |text| serde_json::from_str(text).expect("JSON");
        is_like(&value(answer), &value(shown))
    };
    assert!(is_like(r#"{"id":"m_1","n":2}"#, r#"{"id":"m_…","n":2}"#));
    assert!(is_like(r#"{"at":1795476055546}"#, r#"{"at":1790000000000}"#));
    assert!(is_like(r#"{"items":["m_1"]}"#, r#"{"items":["m_…"]}"#));
    assert!(!is_like(r#"{"items":[]}"#, r#"{"items":["m_…"]}"#));
    assert!(!is_like(r#"{"id":"s_1","n":2}"#, r#"{"id":"m_…","n":2}"#));
    assert!(!is_like(r#"{"id":"m_1","n":3}"#, r#"{"id":"m_…","n":2}"#));
    assert!(!is_like(r#"{"id":"m_1"}"#, r#"{"id":"m_…","n":2}"#));
    assert!(!is_like(r#"{"id":"m_1","n":2,"o":1}"#, r#"{"id":"m_…","n":2}"#));
}

#[test]
fn lines_are_compared_as_pages_show_them() {
    let check = |line: &str, shown: &str| is_line_like(line, shown);
    assert!(
        check("ready", "ready") && check("14:13:20 > alice    m_1 to 1", "… > alice    m_… to 1")
    );
    assert!(check("id: dev.1f.7", "id: dev.….…") && check("data: {\"at\":1}", "data: {\"at\":1}"));
    assert!(!check("ready!", "ready") && !check("data: {\"at\":1}", "data: {\"at\":2}"));
    assert!(!check("> alice m_1 to 12", "> alice m_… to 1") && !check("x: dev.1.2", "id: dev.….…"));
}
