//! Pages: what the engine reads from a stream, held against what was accepted.

use kernel::{registry::Reader, stream::Page};
use protocol::{frame::GapReason, name::UserId, position::Position};

use super::{Oracle, Promise};

impl Oracle {
    /// A page goes on where it was asked to, leaves nothing out, tells what is missing, and is no
    /// larger than was asked for: so many messages, so many bytes before the last. Nobody reads whose
    /// place is lost.
    pub(crate) fn reads(&mut self, reader: &Reader, most: (usize, usize), page: Option<&Page>) {
        let stay = self.stay(reader.fenced.session);
        let stands = stay.is_some_and(|stay| stay.fenced() == reader.fenced);
        self.check(Promise::Void, page.is_some() == stands, || {
            format!("{reader:?} stands: {stands}, and reads {page:?}")
        });
        if let Some(page) = page {
            self.judges_page(&reader.user, reader.after, most, page);
        }
    }

    fn judges_page(&mut self, user: &UserId, after: Position, most: (usize, usize), page: &Page) {
        let (now, bounds, latest) = (self.now(), self.terms.stream, self.latest());
        let stream = &mut self.person(user).stream;
        let mut wrong = Vec::new();
        if !stream.is_in(page.until.epoch) {
            wrong.push("another epoch".to_owned());
        }
        let (stream, head) = (&*stream, stream.head());
        let never_was = after.epoch != head.epoch || after.seq > head.seq;
        let start = match &page.gap {
            None if never_was => {
                wrong.push("a place that never was is no gap".to_owned());
                return self.blame(Promise::Delivery, format!("{page:?} after {after}: {wrong:?}"));
            }
            None => after.seq,
            Some(gap) => {
                let dropped =
                    gap.until.seq == 0 || stream.may_be_dropped(gap.until.seq, latest, &bounds);
                let right = gap.after == after
                    && gap.until.epoch == head.epoch
                    && never_was == (gap.reason == GapReason::Epoch)
                    && (never_was || gap.until.seq > after.seq);
                if !dropped || !right {
                    wrong.push(format!("a gap for nothing: {gap:?}"));
                }
                gap.until.seq
            }
        };
        let (mut told, mut too_late) = (page.messages.iter(), Vec::new());
        for seq in start + 1..=page.until.seq {
            let position = Position { seq, ..head };
            let accepted = stream.at(position);
            let over =
                accepted.and_then(|accepted| accepted.expires_at).is_some_and(|at| at <= now);
            let next = told.as_slice().first().filter(|next| next.position == Some(position));
            match (next, accepted) {
                (Some(next), Some(accepted)) if next.id == accepted.id => {
                    too_late.extend(over.then_some(next.id));
                    told.next();
                }
                (None, Some(_)) if over => {}
                (next, _) => wrong.push(format!("at {position} there is {next:?}, over: {over}")),
            }
        }
        if told.next().is_some() || page.more != (page.until.seq < head.seq) {
            wrong.push(format!("it ends at {} of {head}", page.until));
        }
        self.check(Promise::Delivery, wrong.is_empty(), || {
            format!("{page:?} after {after}: {wrong:?}")
        });
        let before_last = page.messages.iter().rev().skip(1);
        let bytes: usize = before_last.map(|message| message.data.len()).sum();
        let fits = page.messages.len() <= most.0 && (bytes == 0 || bytes < most.1);
        self.check(Promise::Bounded, fits, || format!("{page:?} is more than {most:?}"));
        self.check(Promise::Expired, too_late.is_empty(), || {
            format!("{too_late:?} are past their time in {page:?}")
        });
    }

    /// Of a whole stream no more is kept than its bounds say.
    pub(crate) fn is_bounded(&mut self, user: &UserId, whole: &Page) {
        let bounds = self.terms.stream;
        let bytes: usize = whole.messages.iter().map(|message| message.data.len()).sum();
        let kept = whole.messages.len() <= bounds.messages && bytes <= bounds.bytes;
        self.check(Promise::Bounded, kept, || {
            format!("of {user} {} messages of {bytes} bytes are kept", whole.messages.len())
        });
    }
}
