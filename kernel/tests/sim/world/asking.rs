//! What a node does for a newcomer whose place is taken: it waits until it is known who is there.

use super::*;

/// How long a newcomer waits.
const ANSWERS_WAIT: Duration = Duration::from_millis(4500);

/// An attempt that the engine has answered with a question.
#[derive(Debug)]
pub(crate) struct Newcomer {
    asked_at: Moment,
    since: Moment,
    pub(crate) node: usize,
    device: usize,
    number: u64,
    attempt: Box<Attempt>,
    /// Of whom nothing was heard yet.
    silent: Vec<Fenced>,
}

impl World {
    /// The first answer was a question; the second may not be one.
    pub(super) fn wait_for_answers(&mut self, call: Call, silent: Vec<Fenced>) {
        let Call::Admit { since, node, device, number, attempt, again } = call else {
            unreachable!("newcomers come by admission");
        };
        self.oracle.told.asked += 1;
        if again || silent.is_empty() {
            let answer = Err(CloseCode::Overloaded);
            self.answers.push(Answer::Admit { since, node, device, number, answer });
            return;
        }
        let asked_at = self.now;
        let newcomer = Newcomer { asked_at, since, node, device, number, attempt, silent };
        self.newcomers.push(newcomer);
    }

    /// A node is told of a session that it had asked after.
    pub(super) fn answered(&mut self, node: usize, fenced: Fenced) {
        for newcomer in self.newcomers.iter_mut().filter(|newcomer| newcomer.node == node) {
            newcomer.silent.retain(|silent| *silent != fenced);
        }
        let done = |newcomer: &mut Newcomer| newcomer.silent.is_empty();
        for newcomer in self.newcomers.extract_if(.., done) {
            let Newcomer { since, node, device, number, attempt, .. } = newcomer;
            self.calls.push(Call::Admit { since, node, device, number, attempt, again: true });
        }
    }

    pub(super) fn give_up_waiting(&mut self) {
        let now = self.now;
        let late = |newcomer: &mut Newcomer| newcomer.asked_at.after(ANSWERS_WAIT) <= now;
        for newcomer in self.newcomers.extract_if(.., late) {
            let Newcomer { since, node, device, number, .. } = newcomer;
            let answer = Err(CloseCode::Overloaded);
            self.answers.push(Answer::Admit { since, node, device, number, answer });
        }
    }
}
