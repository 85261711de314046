//! Fault: what the world around the kernel does wrong on purpose, to see whether the oracle sees.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A spent ticket is good again.
    TicketNotSpent,
    /// A ticket lets one session more in than its policy.
    OnePlaceTooMany,
    /// A ticket that should have a newcomer refused ends others for it.
    RejectReplaces,
    /// A newcomer is refused before anybody was asked.
    NobodyAsked,
    /// What a device answers to a probe does not arrive.
    AnswerIgnored,
    /// A node does not act on the end of a replaced session.
    ReplacedStillServed,
    /// A session that lost its place reads on in the stream.
    StrangerReads,
    /// The node of a user who was blocked is not told.
    BlockNotTold,
    /// A blocked user's ticket admits.
    BlockForgotten,
    /// A resume of an ended session is refused with a code that says nothing.
    EndCodeForgotten,
    /// A resume that was refused for now does not keep its session.
    HeldResumeExpires,
    /// A session is sent from a later place on than it asked for.
    ResumedTooLate,
    /// An envelope with a message does not arrive.
    MessageLost,
    /// Two envelopes of one user change places.
    MailSwapped,
    /// A frame is written twice.
    FrameSentTwice,
    /// A page leaves a message out.
    ReplaySkipsOne,
    /// A page has a message twice.
    ReplayDoublesOne,
    /// A page does not tell its gap.
    GapNotTold,
    /// A message whose time is over is replayed.
    ExpiredReplayed,
    /// The receipt counts parked sessions as live.
    ParkedCountedLive,
    /// The engine does not know a key again.
    KeyForgotten,
    /// A message under a key that was used is answered with the other's receipt.
    KeyMixedUp,
    /// A volatile message is kept for who comes back.
    VolatileKept,
    /// A message to everyone is given to one who came later.
    EveryoneToLatecomer,
    /// A message to everyone misses one who is there.
    EveryoneMissesOne,
    /// That a user is there is told again with every session.
    OnlineTwice,
    /// That a user has gone is not told.
    OfflineForgotten,
    /// The engine does not hear of a lost socket.
    ParkForgotten,
    /// A shard does not notice that time passes.
    SilenceUnnoticed,
    /// A node that was without its lease for too long sends away who comes later.
    GraceIsADrain,
    /// A node that is without its lease lets its sessions wait for ever.
    GraceNeverEnds,
    /// A session's send is accepted though its ticket did not grant it.
    GrantIgnored,
    /// A session that said goodbye goes on sending.
    SentAfterGoodbye,
}
