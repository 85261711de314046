//! Log: what happened, for who has to find out why. Nothing is written unless it is asked for: a
//! seed that went wrong is played once more, aloud.

use std::{collections::VecDeque, fmt};

use kernel::moment::Moment;

#[derive(Debug)]
pub(crate) enum Log {
    Silent,
    /// The last lines, so many at most.
    Aloud {
        most: usize,
        lines: VecDeque<String>,
    },
}

impl Log {
    pub(crate) fn aloud(most: usize) -> Self {
        Self::Aloud { most, lines: VecDeque::new() }
    }

    pub(crate) fn say(&mut self, now: Moment, what: fmt::Arguments<'_>) {
        let Self::Aloud { most, lines } = self else { return };
        if lines.len() == *most {
            lines.pop_front();
        }
        lines.push_back(format!("{:>9} {what}", now.0));
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = match self {
            Self::Silent => None,
            Self::Aloud { lines, .. } => Some(lines),
        };
        lines.into_iter().flatten().map(String::as_str)
    }
}

impl Drop for Log {
    /// Whatever made the simulation stop, it is seen what came before.
    #[expect(clippy::print_stdout, reason = "there is nobody left to hand it to")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.lines().for_each(|line| println!("{line}"));
        }
    }
}
