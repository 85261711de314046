//! Traffic: the records of TLS 1.3 once the handshake is over.
//!
//! What rustls keeps of a socket then is for all that it can do: buffers, the state of a handshake,
//! and each key in the expanded form that a cipher works with. An idle session needs none of that.
//! So here are the keys as they were agreed, how many records went each way, and what derives the
//! next keys, which stays with rustls. A key is expanded when there is something to seal or open.
//!
//! Whatever is not as it must be ends the socket, with an alert; nothing is tried twice. Each number
//! is used once under one key: a record is counted before it can leave, and after the limit of its
//! cipher comes another key. What was not authentic is not looked at.
//!
//! Not here: the handshake, tickets, certificates, TLS 1.2; which bytes wait where (`records`).

use ring::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
};
use rustls::{
    AlertDescription, ConnectionTrafficSecrets, Error, InvalidMessage, PeerMisbehaved,
    SupportedCipherSuite,
    kernel::KernelConnection,
    server::{ServerConnectionData, UnbufferedServerConnection},
};

/// Plaintext of one record (RFC 8446, section 5.1).
const PLAIN_BYTES_MAX: usize = 16 * 1024;

/// The same as ciphertext, with all that may come with it (section 5.2).
const SEALED_BYTES_MAX: usize = PLAIN_BYTES_MAX + 256;

/// Type, version and length.
const HEADER_BYTES: usize = 5;

/// What a cipher adds, the same for all three.
const TAG_BYTES: usize = 16;

/// Renewals of its key that a peer may ask for without saying anything, as with rustls.
const RENEWALS_MAX: u8 = 32;

/// Records without anything in them that a peer may send one after another, as with rustls.
const EMPTY_MAX: u8 = 32;

/// Warnings that a peer may give, as with rustls.
const WARNINGS_MAX: u8 = 4;

/// What a record is for (section 5.1). From outside all are data.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// Both directions of one socket.
pub(super) struct Traffic {
    reads: Direction,
    writes: Direction,
    next_keys: KernelConnection<ServerConnectionData>,
    /// Records that may be sealed with one key.
    limit: u64,
    /// The peer wants this end's key renewed before anything is sent.
    renewal_is_due: bool,
    has_closed: bool,
    renewals_left: u8,
    empty_left: u8,
    warnings_left: u8,
}

/// One direction: its key, and the number of the next record.
struct Direction {
    number: u64,
    secrets: ConnectionTrafficSecrets,
}

/// What a record said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Something for whoever reads.
    Data(&'a [u8]),
    /// Something that was dealt with.
    Nothing,
    /// That nothing more comes.
    Close,
}

/// Why a socket cannot go on.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// What the peer is told of it; nothing where it said so itself.
    alert: Option<AlertDescription>,
}

impl Failure {
    fn new(alert: AlertDescription, error: impl Into<Error>) -> Self {
        Self { error: error.into(), alert: Some(alert) }
    }
}

/// What this end could not do.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(AlertDescription::InternalError, error)
    }
}

impl From<Unspecified> for Failure {
    fn from(_: Unspecified) -> Self {
        Error::EncryptError.into()
    }
}

impl Traffic {
    /// Goes on where rustls is, which has nothing left to say and was told nothing that it keeps.
    pub(super) fn take_over(rustls: UnbufferedServerConnection) -> Result<Self, Error> {
        let (secrets, next_keys) = rustls.dangerous_into_kernel_connection()?;
        let limit = match next_keys.negotiated_cipher_suite() {
            SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
            SupportedCipherSuite::Tls12(_) => return Err(Error::HandshakeNotComplete),
        };
        let direction = |(number, secrets)| Direction { number, secrets };
        Ok(Self {
            reads: direction(secrets.rx),
            writes: direction(secrets.tx),
            next_keys,
            limit,
            renewal_is_due: false,
            has_closed: false,
            renewals_left: RENEWALS_MAX,
            empty_left: EMPTY_MAX,
            warnings_left: WARNINGS_MAX,
        })
    }

    /// What the next record says, and how long it is; `None` if it is not there as a whole.
    pub(super) fn receive<'a>(
        &mut self,
        came: &'a mut [u8],
    ) -> Result<Option<(usize, Said<'a>)>, Failure> {
        let Some((header, rest)) = came.split_first_chunk_mut::<HEADER_BYTES>() else {
            return Ok(None);
        };
        // The version is what was usual before there was this one, and says nothing.
        let [kind, _, _, high, low] = *header;
        if kind != DATA {
            return Err(unexpected());
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > SEALED_BYTES_MAX {
            return Err(oversized());
        }
        let Some(sealed) = rest.get_mut(..length) else { return Ok(None) };
        let (kind, content) = self.reads.open(*header, sealed)?;
        let said = match kind {
            ALERT => self.alert(content)?,
            HANDSHAKE => self.handshake(content)?,
            DATA => self.data(content)?,
            _ => return Err(unexpected()),
        };
        Ok(Some((HEADER_BYTES + length, said)))
    }

    fn data<'a>(&mut self, content: &'a [u8]) -> Result<Said<'a>, Failure> {
        if !content.is_empty() {
            (self.empty_left, self.renewals_left) = (EMPTY_MAX, RENEWALS_MAX);
            return Ok(Said::Data(content));
        }
        self.empty_left = self.empty_left.checked_sub(1).ok_or_else(|| {
            let error = PeerMisbehaved::TooManyEmptyFragments;
            Failure::new(AlertDescription::UnexpectedMessage, error)
        })?;
        Ok(Said::Nothing)
    }

    /// All that a peer may still say of keys is that it has renewed its own. It says so in a record
    /// of its own, the last with the old key; a message in pieces is allowed and never sent.
    fn handshake(&mut self, content: &[u8]) -> Result<Said<'static>, Failure> {
        let &[24, 0, 0, 1, wants_renewal] = content else { return Err(unexpected()) };
        if wants_renewal > 1 {
            let error = InvalidMessage::InvalidKeyUpdate;
            return Err(Failure::new(AlertDescription::IllegalParameter, error));
        }
        self.renewals_left = self.renewals_left.checked_sub(1).ok_or_else(|| {
            let error = PeerMisbehaved::TooManyKeyUpdateRequests;
            Failure::new(AlertDescription::UnexpectedMessage, error)
        })?;
        let (number, secrets) = self.next_keys.update_rx_secret()?;
        self.reads = Direction { number, secrets };
        self.renewal_is_due |= wants_renewal == 1;
        Ok(Said::Nothing)
    }

    fn alert(&mut self, content: &[u8]) -> Result<Said<'static>, Failure> {
        let &[level, description] = content else { return Err(unexpected()) };
        match AlertDescription::from(description) {
            AlertDescription::CloseNotify => Ok(Said::Close),
            AlertDescription::UserCanceled if level == 1 && self.warnings_left > 0 => {
                self.warnings_left -= 1;
                Ok(Said::Nothing)
            }
            description => Err(Failure { error: Error::AlertReceived(description), alert: None }),
        }
    }

    /// Makes records of plaintext, behind what is there.
    pub(super) fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), Failure> {
        for content in plain.chunks(PLAIN_BYTES_MAX) {
            if self.renewal_is_due || self.writes.number >= self.limit {
                self.renew(sealed)?;
            }
            self.writes.seal(DATA, content, sealed)?;
        }
        Ok(())
    }

    /// The last record with the old key says that there is a new one.
    fn renew(&mut self, sealed: &mut Vec<u8>) -> Result<(), Failure> {
        self.writes.seal(HANDSHAKE, &[24, 0, 0, 1, 0], sealed)?;
        let (number, secrets) = self.next_keys.update_tx_secret()?;
        self.writes = Direction { number, secrets };
        self.renewal_is_due = false;
        Ok(())
    }

    /// Says once that nothing more comes.
    pub(super) fn close(&mut self, sealed: &mut Vec<u8>) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.has_closed, true) {
            self.writes.seal(ALERT, &[1, AlertDescription::CloseNotify.into()], sealed)?;
        }
        Ok(())
    }

    /// Whether it said so.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Tells the peer of a failure, unless it was told already that nothing more comes.
    pub(super) fn fail(&mut self, failure: &Failure, sealed: &mut Vec<u8>) {
        let Some(alert) = failure.alert.filter(|_| !self.has_closed) else { return };
        self.has_closed = true;
        // If it cannot be told it is over all the same.
        self.writes.seal(ALERT, &[2, alert.into()], sealed).ok();
    }
}

impl Direction {
    /// The key in the form that its cipher works with, and what is for this record alone.
    fn next(&mut self) -> Result<(LessSafeKey, Nonce), Unspecified> {
        let (cipher, key, iv) = match &self.secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(Unspecified),
        };
        let key = LessSafeKey::new(UnboundKey::new(cipher, key.as_ref())?);
        let mut nonce: [u8; 12] = iv.as_ref().try_into().ok().ok_or(Unspecified)?;
        // The number, as wide as the other (section 5.3).
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        // Counted before it is used, so that none is used again, whatever comes of it.
        self.number = self.number.checked_add(1).ok_or(Unspecified)?;
        Ok((key, Nonce::assume_unique_for_key(nonce)))
    }

    /// What a record has in it, and what that is.
    fn open<'a>(
        &mut self,
        header: [u8; HEADER_BYTES],
        sealed: &'a mut [u8],
    ) -> Result<(u8, &'a [u8]), Failure> {
        let (key, nonce) = self.next()?;
        let inner = key.open_in_place(nonce, Aad::from(header), sealed).map_err(|Unspecified| {
            Failure::new(AlertDescription::BadRecordMac, Error::DecryptError)
        })?;
        if inner.len() > PLAIN_BYTES_MAX + 1 {
            return Err(oversized());
        }
        // The type is the last byte but for those that are there to hide the length.
        match inner.iter().rposition(|byte| *byte != 0) {
            Some(end) => Ok((inner[end], &inner[..end])),
            None => Err(unexpected()),
        }
    }

    /// Makes one record, behind what is there.
    fn seal(&mut self, kind: u8, content: &[u8], sealed: &mut Vec<u8>) -> Result<(), Unspecified> {
        let length = content.len() + 1 + TAG_BYTES;
        let [high, low] = u16::try_from(length).ok().ok_or(Unspecified)?.to_be_bytes();
        let header = [DATA, 3, 3, high, low];
        let (key, nonce) = self.next()?;
        let start = sealed.len();
        sealed.reserve(HEADER_BYTES + length);
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(content);
        sealed.push(kind);
        let inner = &mut sealed[start + HEADER_BYTES..];
        match key.seal_in_place_separate_tag(nonce, Aad::from(header), inner) {
            Ok(tag) => {
                sealed.extend_from_slice(tag.as_ref());
                Ok(())
            }
            Err(error) => {
                // What is not sealed must not be sent.
                sealed.truncate(start);
                Err(error)
            }
        }
    }
}

fn unexpected() -> Failure {
    Failure::new(AlertDescription::UnexpectedMessage, InvalidMessage::InvalidContentType)
}

fn oversized() -> Failure {
    Failure::new(AlertDescription::RecordOverflow, Error::PeerSentOversizedRecord)
}

#[cfg(test)]
mod tests;
