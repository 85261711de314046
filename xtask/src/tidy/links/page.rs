//! Page: the links and anchors of a Markdown file.
//!
//! Not a Markdown parser: links are found by their brackets, line by line, outside of code. That
//! finds every link that a person writes on one line, and our pages have no others.
//!
//! Not here: whether a link leads anywhere (`links`).

use std::collections::BTreeSet;

/// A link on a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it leads, as written.
    pub(super) target: String,
    /// The line, from 1.
    pub(super) line: usize,
}

/// What a page leads to and what can be led to on it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Its links.
    pub(super) links: Vec<Link>,
    /// The short names of its headings, and its own `id`s.
    pub(super) anchors: BTreeSet<String>,
}

impl Page {
    /// Reads a page.
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut fence = None;
        for (at, line) in text.lines().enumerate() {
            let begin = line.trim_start();
            let mark = ["```", "~~~"].into_iter().find(|mark| begin.starts_with(mark));
            match (fence, mark) {
                (Some(open), Some(mark)) if open == mark => fence = None,
                (Some(_), _) => {}
                (None, Some(mark)) => fence = Some(mark),
                (None, None) => page.line(line, at + 1),
            }
        }
        page
    }

    fn line(&mut self, line: &str, number: usize) {
        if let Some(title) = heading(line) {
            let short = short_name(title);
            let again = (1..).map(|n| format!("{short}-{n}"));
            let free = std::iter::once(short.clone()).chain(again);
            self.anchors.extend(free.into_iter().find(|name| !self.anchors.contains(name)));
        }
        let prose = without_code(line);
        for (_, after) in splits(&prose, "](") {
            self.link(inside(after), number);
        }
        if let Some((name, target)) = prose.split_once("]: ")
            && name.starts_with('[')
            && !name.starts_with("[^")
        {
            self.link(target, number);
        }
        for (_, after) in splits(&prose, " id=\"").chain(splits(&prose, " name=\"")) {
            self.anchors.extend(after.split('"').next().map(str::to_owned));
        }
    }

    fn link(&mut self, target: &str, line: usize) {
        let target = target.trim();
        let plain = match target.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((inside, _)) => inside,
            None => target.split_whitespace().next().unwrap_or_default(),
        };
        self.links.push(Link { target: plain.replace("%20", " "), line });
    }
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let depth = line.len() - title.len();
    (matches!(depth, 1..=6) && title.starts_with(' ')).then(|| title.trim())
}

/// The short name of a heading: small letters, no signs, spaces become `-`.
fn short_name(title: &str) -> String {
    // Of a link in a heading, only its text counts.
    let mut text = String::new();
    let mut rest = title;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

/// The line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The target of a link, up to the bracket that closes it.
fn inside(after: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in after.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return &after[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    after
}

/// What is before and after each place where the line has the sign.
fn splits<'a>(line: &'a str, sign: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    line.match_indices(sign).map(move |(at, _)| (&line[..at], &line[at + sign.len()..]))
}
