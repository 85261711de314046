//! Failure: why a socket's bytes cannot be read on.
//!
//! One table of everything the decoder refuses, each with the close code that tells the sender
//! which kind of mistake it was (RFC 6455, section 7.4.1) and a reason that tells which mistake.
//!
//! Not here: who sends the close frame, and failures of the application's own protocol.

/// A broken rule. The socket is to be closed with its code and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    ReservedBit,
    ReservedOpcode,
    ControlFragmented,
    ControlTooLong,
    NothingToContinue,
    MessageUnfinished,
    NotMasked,
    LengthNotMinimal,
    LengthTopBit,
    CloseBodyCut,
    CloseCodeInvalid,
    NotUtf8,
    TooManyFragments,
    FrameTooLong,
    MessageTooLong,
}

const PROTOCOL_ERROR: u16 = 1002;
const INVALID_DATA: u16 = 1007;
const POLICY_VIOLATION: u16 = 1008;
const TOO_BIG: u16 = 1009;

impl Failure {
    /// The close code.
    pub(crate) fn code(self) -> u16 {
        self.row().0
    }

    /// The close reason, for the person who wrote the sender.
    pub(crate) fn reason(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (u16, &'static str) {
        match self {
            Self::ReservedBit => (PROTOCOL_ERROR, "reserved bit set"),
            Self::ReservedOpcode => (PROTOCOL_ERROR, "reserved opcode"),
            Self::ControlFragmented => (PROTOCOL_ERROR, "control frame fragmented"),
            Self::ControlTooLong => (PROTOCOL_ERROR, "control frame over 125 bytes"),
            Self::NothingToContinue => (PROTOCOL_ERROR, "continuation of no message"),
            Self::MessageUnfinished => (PROTOCOL_ERROR, "new message inside an unfinished one"),
            Self::NotMasked => (PROTOCOL_ERROR, "frame not masked"),
            Self::LengthNotMinimal => (PROTOCOL_ERROR, "length not in its shortest form"),
            Self::LengthTopBit => (PROTOCOL_ERROR, "length with its top bit set"),
            Self::CloseBodyCut => (PROTOCOL_ERROR, "close body of one byte"),
            Self::CloseCodeInvalid => (PROTOCOL_ERROR, "close code not for the wire"),
            Self::NotUtf8 => (INVALID_DATA, "text is not UTF-8"),
            Self::TooManyFragments => (POLICY_VIOLATION, "too many fragments"),
            Self::FrameTooLong => (TOO_BIG, "frame too long"),
            Self::MessageTooLong => (TOO_BIG, "message too long"),
        }
    }
}
