//! Brief: texts for people, cut to a length.
//!
//! What is told of a fault often quotes what was sent, and escaped it can be several times as long.
//! An answer must not grow with what it refuses.

/// What stands for the rest.
const REST: char = '…';

/// The text, cut between two characters to at most `bytes_max` bytes.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let mut end = bytes_max.saturating_sub(REST.len_utf8());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push(REST);
    }
    text
}

#[cfg(test)]
mod tests;
