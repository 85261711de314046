//! Told: how often each thing worth proving has happened, so that a simulation of nothing does not
//! pass for a proof.

use std::fmt;

macro_rules! cases {
    ($($Name:ident)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Case { $($Name,)* }

        impl Case {
            const ALL: &[Self] = &[$(Self::$Name,)*];
        }
    };
}

cases! {
    // Admission.
    Opened OpenedElsewhere TicketAgain TicketExpired TicketUnknown WrongOrigin AnswerLost
    AnsweredAfterGone EndedBeforeOpened WithdrawnNew WithdrawnBack WithdrawnEarly
    // Policies.
    ParkedYielded SameDeviceYielded OldestYielded PerClass PerDevice
    Asked Answered NotAnswered AdmittedAfterAnswers RefusedByLimit NewcomerGaveUp
    // Resumes.
    Resumed ResumedElsewhere OldTokenGood OldTokenVoid TakenOver TabDoubled Raced
    RefusedByGate HeldBeyondWindow WindowOver OriginAgain
    // Ends.
    Left BrokeRules NeverWelcomed Replaced Kicked Blocked TooOld
    ReplacedAgain KickedAgain BlockedAgain CodeForgotten
    BlockedMint BlockedTicket BlockOver Lifted
    // Sockets.
    Lost HalfOpenFound ResetOnWrite Slow Crowded Stalled SaidTooLate DrainTold DrainClosed
    // Nodes.
    NodeDrained NodeDied Frozen GraceOver ThawedInTime LeaseOver SweepHeldBack ClockBack
    // Messages.
    Received ReceivedReplayed Echo ToActive ToDevice ToClass ToSession Except
    CountedParked ToNobody Flood
    VolatileReceived VolatileMissed TtlSkipped
    GapExpired GapOverflow GapEpoch InGap CaughtUp ReadFailed
    Everyone EveryoneReceived EveryoneNoRoom
    // Keys.
    KeyAgain KeyReused KeyForgotten KeysFull KeyedBySession ReplyLost ManyBrokenOff ManyAgain
    EveryoneAgain NotGranted
    // Presence.
    Online Offline
}

/// Counts of all cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told([usize; Case::ALL.len()]);

impl Default for Told {
    fn default() -> Self {
        Self([0; Case::ALL.len()])
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in Case::ALL {
            writeln!(f, "{:>9} {case:?}", self.of(*case))?;
        }
        Ok(())
    }
}

impl Told {
    pub(crate) fn count(&mut self, case: Case) {
        self.0[case as usize] += 1;
    }

    pub(crate) fn of(&self, case: Case) -> usize {
        self.0[case as usize]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, one) in self.0.iter_mut().zip(other.0) {
            *sum += one;
        }
    }

    /// Everything has happened, and most of what was sent was received rather than lost in gaps.
    pub(crate) fn is_worth_something(&self, each: usize) {
        let rare: Vec<_> = Case::ALL.iter().filter(|case| self.of(**case) < each).collect();
        assert!(rare.is_empty(), "less than {each} times: {rare:?}\n{self}");
        let received = self.of(Case::Received);
        assert!(received > 500 * each, "only {received} messages were received\n{self}");
        assert!(self.of(Case::InGap) * 5 < received, "gaps cover too much\n{self}");
    }
}
