//! Manifest: what the checks need of a `Cargo.toml`.
//!
//! Read line by line, without a TOML parser: this crate depends on next to nothing, and our own
//! manifests are plain. What can be read in two ways is not guessed: a line in a table of
//! dependencies that has none of the known forms is an error, so nothing slips through unread.
//!
//! Not here: which dependency is allowed (`floors`).

/// A table of a manifest: its title and its lines.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    title: String,
    lines: Vec<(usize, String)>,
}

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To build and run what is shipped.
    Shipped,
    /// For tests, examples and benches.
    Dev,
}

/// One dependency as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// Its name in our code.
    pub(crate) key: String,
    /// Its package name, where another is given.
    pub(crate) package: Option<String>,
    /// Its folder, relative to the manifest, where one is given.
    pub(crate) path: Option<String>,
    /// When it is needed.
    pub(crate) need: Need,
    /// The line that names it.
    pub(crate) line: usize,
}

impl Dependency {
    /// The name in the registry.
    pub(crate) fn package(&self) -> &str {
        self.package.as_deref().unwrap_or(&self.key)
    }
}

/// A manifest in its tables.
#[derive(Debug)]
pub(crate) struct Manifest {
    tables: Vec<Table>,
}

impl Manifest {
    /// Splits a manifest into its tables.
    pub(crate) fn read(text: &str) -> Self {
        let mut tables = vec![Table { title: String::new(), lines: Vec::new() }];
        for (line, content) in logical_lines(text) {
            if let Some(title) = content.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
                let title = title.trim_matches(['[', ']', ' ']).to_owned();
                tables.push(Table { title, lines: Vec::new() });
            } else if let Some(table) = tables.last_mut() {
                table.lines.push((line, content));
            }
        }
        Self { tables }
    }

    /// Whether there is such a table.
    pub(crate) fn has(&self, title: &str) -> bool {
        self.tables.iter().any(|table| table.title == title)
    }

    /// A value as it is written, by table and key.
    pub(crate) fn value(&self, title: &str, key: &str) -> Option<&str> {
        let lines = self.tables.iter().filter(|t| t.title == title).flat_map(|t| &t.lines);
        lines.filter_map(|(_, line)| pair(line)).find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The folders of the workspace's crates.
    pub(crate) fn members(&self) -> Vec<String> {
        let list = self.value("workspace", "members").unwrap_or_default();
        let items = list.trim_matches(['[', ']']).split(',').map(unquoted);
        items.filter(|member| !member.is_empty()).map(str::to_owned).collect()
    }

    /// All dependencies of a crate, of every kind and target; the lines that could not be read.
    pub(crate) fn dependencies(&self) -> Result<Vec<Dependency>, Vec<usize>> {
        self.dependencies_of(|title| {
            let last = title.rsplit('.').next().unwrap_or(title);
            match last {
                _ if title.starts_with("workspace.") => None,
                "dependencies" | "build-dependencies" => Some(Need::Shipped),
                "dev-dependencies" => Some(Need::Dev),
                _ => None,
            }
        })
    }

    /// What `workspace = true` in a member stands for.
    pub(crate) fn workspace_dependencies(&self) -> Result<Vec<Dependency>, Vec<usize>> {
        self.dependencies_of(|title| (title == "workspace.dependencies").then_some(Need::Shipped))
    }

    fn dependencies_of(
        &self,
        need_of: impl Fn(&str) -> Option<Need>,
    ) -> Result<Vec<Dependency>, Vec<usize>> {
        let mut found = Vec::new();
        let mut unread = Vec::new();
        for Table { title, lines } in &self.tables {
            if let Some(need) = need_of(title) {
                for (line, content) in lines {
                    match dependency(content, need, *line) {
                        Some(dependency) => add(&mut found, dependency),
                        None => unread.push(*line),
                    }
                }
            } else if let Some((table, key)) = title.rsplit_once('.')
                && let Some(need) = need_of(table)
            {
                // `[dependencies.name]`: the fields are the table's lines.
                let fields = lines.iter().filter_map(|(_, line)| pair(line));
                let line = lines.first().map_or(0, |(line, _)| *line);
                add(&mut found, with_fields(key, fields, need, line));
            }
        }
        if unread.is_empty() { Ok(found) } else { Err(unread) }
    }
}

/// `a.path = ..` and `a.features = ..` on two lines are one dependency.
fn add(found: &mut Vec<Dependency>, new: Dependency) {
    match found.iter_mut().find(|old| old.key == new.key && old.need == new.need) {
        Some(old) => {
            old.package = old.package.take().or(new.package);
            old.path = old.path.take().or(new.path);
        }
        None => found.push(new),
    }
}

/// `name = "1"`, `name = { path = ".." }` or `name.workspace = true`.
fn dependency(line: &str, need: Need, number: usize) -> Option<Dependency> {
    let (key, value) = pair(line)?;
    let (name, field) = key.split_once('.').map_or((key, None), |(n, f)| (n, Some(f)));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    if let Some(field) = field {
        return Some(with_fields(name, [(field, value)].into_iter(), need, number));
    }
    if value.starts_with('"') {
        return Some(with_fields(name, [].into_iter(), need, number));
    }
    let fields = split_outside(value.strip_prefix('{')?.strip_suffix('}')?, ',');
    let fields: Option<Vec<_>> =
        fields.into_iter().filter(|field| !field.trim().is_empty()).map(pair).collect();
    Some(with_fields(name, fields?.into_iter(), need, number))
}

fn with_fields<'a>(
    key: &str,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    need: Need,
    line: usize,
) -> Dependency {
    let key = unquoted(key).to_owned();
    let mut dependency = Dependency { key, package: None, path: None, need, line };
    for (field, value) in fields {
        match field {
            "package" => dependency.package = Some(unquoted(value).to_owned()),
            "path" => dependency.path = Some(unquoted(value).to_owned()),
            _ => {}
        }
    }
    dependency
}

/// The two sides of the first `=`.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

/// The lines without comments, joined while a bracket is open; each with its number.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    for (number, line) in text.lines().enumerate() {
        let line = split_outside_all(line, '#').first().map_or("", |code| code.trim());
        if depth > 0
            && let Some((_, last)) = lines.last_mut()
        {
            last.push(' ');
            last.push_str(line);
        } else if !line.is_empty() {
            lines.push((number + 1, line.to_owned()));
        }
        let count = |bracket| split_outside_all(line, bracket).len() - 1;
        depth += count('[') + count('{');
        depth = depth.saturating_sub(count(']') + count('}'));
    }
    lines
}

/// Splits where the sign is neither in quotes nor in brackets.
fn split_outside(text: &str, sign: char) -> Vec<&str> {
    let mut depth = 0_usize;
    split_where(text, move |c| {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == sign && depth == 0
    })
}

/// Splits where the sign is not in quotes.
fn split_outside_all(text: &str, sign: char) -> Vec<&str> {
    split_where(text, |c| c == sign)
}

fn split_where(text: &str, mut here: impl FnMut(char) -> bool) -> Vec<&str> {
    let mut quote = None;
    text.split(|c| match quote {
        Some(open) => {
            quote = (c != open).then_some(open);
            false
        }
        None if matches!(c, '"' | '\'') => {
            quote = Some(c);
            false
        }
        None => here(c),
    })
    .collect()
}

#[cfg(test)]
mod tests;
