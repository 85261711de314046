//! Suggest: the known word nearest to a mistyped one.
//!
//! Used wherever a person may mistype: fields of bodies, keys of the configuration file, names of
//! environment variables.

/// The word of `known` that is at most a third of its length (and at least one edit) away.
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed_length = typed.chars().count();
    known
        .into_iter()
        // An edit changes the length by one at most. What is far longer is not even compared, since
        // that takes time and memory for each of its letters.
        .filter(|word| typed_length.abs_diff(word.chars().count()) <= edits_max(word))
        .map(|word| (distance(typed, word), word))
        .filter(|(edits, word)| *edits <= edits_max(word))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

fn edits_max(word: &str) -> usize {
    (word.chars().count() / 3).max(1)
}

/// Optimal string alignment distance: inserts, deletes, replacements, and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect(); a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests;
