//! Page: what a page says to type, and what it says will be answered.

use serde_json::Value;

use crate::{node::Node, program::USHER};

/// A line to type.
#[derive(Debug)]
pub(crate) struct Step {
    line: String,
    /// What is answered, where the page shows it.
    pub(crate) answer: Option<Value>,
}

/// The blocks of code on a page: the language of each, and its lines.
pub(crate) fn blocks(page: &str) -> impl Iterator<Item = (&str, &str)> {
    // Every other part is between two fences, and begins with its language.
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').expect("a block has lines"))
}

/// Every line in a block of shell, with the block of JSON that follows it.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (language, text) in blocks(page) {
        match language {
            "sh" => {
                let lines = text.lines().filter(|line| !line.is_empty());
                steps.extend(lines.map(|line| Step { line: line.to_owned(), answer: None }));
            }
            "json" => {
                let answer = serde_json::from_str(text).expect("what a page shows as JSON is JSON");
                steps.last_mut().expect("an answer follows what is typed").answer = Some(answer);
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
            Kind::Connect => format!("{line} --server http://{address}"),
            Kind::Curl | Kind::Test => line,
        }
    }

    /// What kind of line it is. A line of a new kind needs a place in the walk.
    pub(crate) fn kind(&self) -> Kind {
        match self.line.as_str() {
            "cargo run --release -- dev" => Kind::Start,
            "cargo xtask test" => Kind::Test,
            line if line.starts_with("./target/release/usher connect ") => Kind::Connect,
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
    /// Runs the tests, this one among them.
    Test,
}

/// Types a line that calls the API; the answer must be like the one that the page shows.
pub(crate) fn call(node: &Node, step: &Step) -> Value {
    let line = step.typed(&node.address);
    let out = node.type_line(&line);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {out}: {e}"));
    let shown = step.answer.as_ref().unwrap_or_else(|| panic!("no answer is shown to {line}"));
    assert!(is_like(&answer, shown), "{line}\nanswers {answer}\nand not {shown}");
    answer
}

/// Whether an answer is what a page shows. There, `…` stands for any text, and one time for any
/// other.
fn is_like(answer: &Value, shown: &Value) -> bool {
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
