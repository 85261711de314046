//! Plain head: a request head, read a second time and as plainly as can be.
//!
//! Lines, words, and what stands around the first colon: whoever reads it like this sees at least
//! what a head says. It judges nothing; that is for those who hold it against what was taken.

/// What a request head says. Where it is none, that is told by empty words.
#[derive(Debug)]
pub(super) struct PlainHead<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) version: &'a str,
    /// Names in lower case, values without the space around them.
    headers: Vec<(String, &'a str)>,
    /// What follows the first empty line.
    pub(super) behind: &'a [u8],
}

impl<'a> PlainHead<'a> {
    pub(super) fn read(mut bytes: &'a [u8]) -> Self {
        // RFC 9112, section 2.2: empty lines before a request are no part of it.
        while let Some(rest) = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")) {
            bytes = rest;
        }
        let (mut lines, mut behind) = (Vec::new(), bytes);
        while let Some(end) = behind.iter().position(|byte| *byte == b'\n') {
            let line = &behind[..end];
            behind = &behind[end + 1..];
            match line.strip_suffix(b"\r").unwrap_or(line) {
                b"" => break,
                line => lines.push(line),
            }
        }
        let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
        let mut lines = lines.into_iter();
        let mut words = text(lines.next().unwrap_or_default()).split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (method, target, version) = (word(), word(), word());
        let headers = lines
            .filter_map(|line| {
                let colon = line.iter().position(|byte| *byte == b':')?;
                let value = text(&line[colon + 1..]).trim_matches([' ', '\t']);
                Some((text(&line[..colon]).to_ascii_lowercase(), value))
            })
            .collect();
        Self { method, target, version, headers, behind }
    }

    /// The values of all headers of that name.
    pub(super) fn values(&self, name: &str) -> Vec<&'a str> {
        let named = self.headers.iter().filter(|(header, _)| header == name);
        named.map(|(_, value)| *value).collect()
    }

    /// The items of all these values, as lists.
    pub(super) fn items(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let items = self.values(name).into_iter().flat_map(|value| value.split(','));
        items.map(|item| item.trim_matches([' ', '\t'])).filter(|item| !item.is_empty())
    }
}
