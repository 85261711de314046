//! Source: a Rust file as tokens.
//!
//! The checks ask about names, not about text: a banned word in a comment or a string is not a
//! banned name. Splitting a file into tokens is 100 lines; a full parser would be a dependency of
//! many thousand and would have to keep step with the language. Tokens need no grammar, so what
//! does not compile is still judged.
//!
//! Not here: what the tokens mean together (`outline`).

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword; a raw name comes without its `r#`.
    Word,
    /// `::`, or any single other sign; a lifetime too.
    Mark,
    /// A string, a character or a number, with its quotes.
    Literal,
    /// A comment, with its slashes.
    Comment,
}

/// A piece of a Rust file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// How it is written.
    pub(crate) text: &'a str,
    /// The line that it begins on, from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is code that reads so: a string with the same content is not.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// All tokens of a file; what is between them is lost.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (kind, length) = first(rest);
        let (piece, after) = rest.split_at(length);
        if let Some(kind) = kind {
            let text = if kind == Kind::Word { piece.trim_start_matches("r#") } else { piece };
            found.push(Token { kind, text, line });
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    found
}

/// The tokens that are code.
pub(crate) fn code(text: &str) -> Vec<Token<'_>> {
    tokens(text).into_iter().filter(|token| token.kind != Kind::Comment).collect()
}

/// The code that is not only for tests: items under `#[cfg(test)]` are left out.
pub(crate) fn shipped(text: &str) -> Vec<Token<'_>> {
    let code = code(text);
    let mut kept = Vec::with_capacity(code.len());
    let mut at = 0;
    while at < code.len() {
        if is_test_mark(&code[at..]) {
            at = item_end(&code, at);
        } else {
            kept.push(code[at]);
            at += 1;
        }
    }
    kept
}

/// The words that a name is made of, in lower case: `HttpInbox`, `http_inbox` -> `http`, `inbox`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && (before.is_some_and(|c| !c.is_uppercase())
                || after.is_some_and(|c| c.is_lowercase()));
        if begins || letter == '_' {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What the text begins with, and its length in bytes; no kind for space.
fn first(text: &str) -> (Option<Kind>, usize) {
    let begin = text.chars().next().expect("the caller has text left");
    let run = |holds: fn(char) -> bool| text.find(|c| !holds(c)).unwrap_or(text.len());
    if begin.is_whitespace() {
        (None, run(char::is_whitespace))
    } else if text.starts_with("//") {
        (Some(Kind::Comment), text.find('\n').unwrap_or(text.len()))
    } else if text.starts_with("/*") {
        (Some(Kind::Comment), block_comment(text))
    } else if let Some(length) = string(text) {
        (Some(Kind::Literal), length)
    } else if let Some(name) = text.strip_prefix("r#").filter(|name| name.starts_with(in_word)) {
        (Some(Kind::Word), 2 + name.find(|c| !in_word(c)).unwrap_or(name.len()))
    } else if begin.is_ascii_digit() {
        (Some(Kind::Literal), run(in_word))
    } else if in_word(begin) {
        (Some(Kind::Word), run(in_word))
    } else if begin == '\'' {
        // No character, so a lifetime.
        (Some(Kind::Mark), 1 + text[1..].find(|c| !in_word(c)).unwrap_or(text.len() - 1))
    } else if text.starts_with("::") {
        (Some(Kind::Mark), 2)
    } else {
        (Some(Kind::Mark), begin.len_utf8())
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string or character that the text begins with, if it does.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|p| text.starts_with(p))?;
    let body = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inner = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let is_lifetime = |mut inside: std::str::Chars<'_>| {
        inside.next().is_some_and(|c| c != '\\') && inside.next() != Some('\'')
    };
    if quote == '\'' && is_lifetime(body[1..].chars()) {
        return None;
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

fn is_test_mark(code: &[Token<'_>]) -> bool {
    let reads = |words: &[&str]| {
        code.len() >= words.len() && words.iter().zip(code).all(|(word, token)| token.is(word))
    };
    reads(&["#", "[", "cfg", "(", "test", ")", "]"])
        || reads(&["#", "[", "cfg", "(", "all", "(", "test", ","])
}

/// Where the item ends that has an attribute at `at`.
fn item_end(code: &[Token<'_>], mut at: usize) -> usize {
    while code.get(at).is_some_and(|token| token.is("#")) {
        at = group_end(code, at + 1);
    }
    // A field or a variant ends at a comma; in an item a comma may stand between generics.
    let starts = ["pub", "fn", "struct", "enum", "impl", "trait", "mod", "use", "const", "static"];
    let also = ["type", "unsafe", "async", "extern", "macro_rules", "let", "union"];
    let is_item = code
        .get(at)
        .is_some_and(|first| starts.iter().chain(&also).any(|keyword| first.is(keyword)));
    while let Some(token) = code.get(at) {
        match token.text {
            _ if token.kind != Kind::Mark => at += 1,
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "}" | ")" | "]" => return at,
            "{" => return group_end(code, at),
            "(" | "[" => at = group_end(code, at),
            _ => at += 1,
        }
    }
    at
}

/// Where the brackets end that open at `at`.
fn group_end(code: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = code.get(at) {
        at += 1;
        match token.text {
            _ if token.kind != Kind::Mark => {}
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests;
