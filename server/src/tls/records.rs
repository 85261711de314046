//! Records: one socket's end of TLS, as bytes that come and bytes that go.
//!
//! rustls works on bytes that its owner holds, and once the handshake of TLS 1.3 is over it is not
//! there any more: `traffic` goes on with its keys. So what is held here is only what cannot be
//! anywhere else: the beginning of a record of which the rest has not
//! come, ciphertext that the socket has not taken, and what was decrypted where it had no room.
//! A session that does nothing has none of them.
//!
//! Once it has failed rustls is asked nothing more: its bytes and its notes of them no longer
//! agree.

use std::{
    fmt,
    io::{self, ErrorKind},
};

use rustls::{
    ProtocolVersion,
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
    },
};

use super::{
    files::Pair,
    traffic::{Failure, Said, Traffic},
};

/// Bytes that may be held while the rest has not come. It is the largest record: five bytes of
/// header, a payload, and what a cipher may add to it. A peer's greeting has to fit too, and needs
/// a tenth of it.
pub(crate) const PARTIAL_BYTES_MAX: usize = 5 + 16 * 1024 + 2048;

/// Plaintext of one record.
const RECORD_BYTES: usize = 16 * 1024;

/// What a record may add to its plaintext. If it is more, rustls says so.
const RECORD_OVERHEAD: usize = 64;

/// One socket's end of TLS.
pub(crate) struct Records {
    stage: Stage,
    /// Ciphertext of which the rest has not come.
    partial: Vec<u8>,
    /// What was decrypted and not read.
    unread: Vec<u8>,
    /// Ciphertext that the socket has not taken.
    owed: Vec<u8>,
    reading: Reading,
}

/// Who has the keys. Each is there for nearly all of a socket's life or a moment of it, so both are
/// boxed.
enum Stage {
    /// rustls: during the handshake, and with TLS 1.2 for good.
    Rustls(Box<UnbufferedServerConnection>),
    /// Nothing but the keys.
    Traffic(Box<Traffic>),
    /// Nobody: they could not be taken over. Reading has failed then.
    Nobody,
}

/// What there is to be read beyond `unread`.
#[derive(Debug)]
enum Reading {
    /// What comes.
    Open,
    /// Nothing: the peer has closed its direction.
    Ended,
    /// Nothing: the peer broke the rules.
    Failed(rustls::Error),
}

impl Records {
    /// Those of a socket that was just accepted.
    pub(crate) fn new(pair: &Pair) -> io::Result<Self> {
        let rustls = UnbufferedServerConnection::new(pair.config()).map_err(io::Error::other)?;
        let (partial, unread, owed) = Default::default();
        let stage = Stage::Rustls(Box::new(rustls));
        Ok(Self { stage, partial, unread, owed, reading: Reading::Open })
    }

    /// What was decrypted and not read, or that there will be nothing more; `None` if there may.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        if !self.unread.is_empty() {
            let fits = self.unread.len().min(into.len());
            into[..fits].copy_from_slice(&self.unread[..fits]);
            drain(&mut self.unread, fits);
            return Some(Ok(fits));
        }
        match &self.reading {
            Reading::Open => None,
            Reading::Ended => Some(Ok(0)),
            Reading::Failed(error) => {
                Some(Err(io::Error::new(ErrorKind::InvalidData, error.clone())))
            }
        }
    }

    /// Whether [`Self::read`] has an answer.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty() || !matches!(self.reading, Reading::Open)
    }

    /// Ciphertext that comes before what the socket says next.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Takes in ciphertext, of which the beginning is what [`Self::partial`] was. Returns how much
    /// plaintext it wrote; what does not fit is there at the next [`Self::read`].
    pub(crate) fn receive(&mut self, came: &mut [u8], into: &mut [u8]) -> usize {
        let (mut seen, mut read) = (0, 0);
        while let Reading::Open = self.reading {
            let rustls = match &mut self.stage {
                Stage::Rustls(rustls) => rustls,
                Stage::Traffic(_) | Stage::Nobody => return self.open(came, into),
            };
            let UnbufferedStatus { discard, state } = rustls.process_tls_records(&mut came[seen..]);
            let mut wants_more = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        let fits = record.payload.len().min(into.len() - read);
                        let (now, later) = record.payload.split_at(fits);
                        into[read..read + fits].copy_from_slice(now);
                        read += fits;
                        self.unread.extend_from_slice(later);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.owed),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.reading = Reading::Ended;
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => {
                    wants_more = true;
                }
                Ok(_) => self.reading = Reading::Failed(unexpected()),
                Err(error) => self.reading = Reading::Failed(error),
            }
            seen += discard;
            if wants_more {
                break;
            }
        }
        self.keep(&mut came[seen..]);
        read
    }

    /// The same once the handshake is over.
    fn open(&mut self, came: &mut [u8], into: &mut [u8]) -> usize {
        let (mut seen, mut read) = (0, 0);
        while let (Reading::Open, Stage::Traffic(traffic)) = (&self.reading, &mut self.stage) {
            match traffic.receive(&mut came[seen..]) {
                Ok(None) => break,
                Ok(Some((length, said))) => {
                    seen += length;
                    match said {
                        Said::Data(data) => {
                            let (now, later) = data.split_at(data.len().min(into.len() - read));
                            into[read..read + now.len()].copy_from_slice(now);
                            read += now.len();
                            self.unread.extend_from_slice(later);
                        }
                        Said::Nothing => {}
                        Said::Close => self.reading = Reading::Ended,
                    }
                }
                Err(failure) => {
                    traffic.fail(&failure, &mut self.owed);
                    self.reading = Reading::Failed(failure.error);
                }
            }
        }
        self.keep(&mut came[seen..]);
        read
    }

    /// Keeps what is cut off, or an alert if nothing more will be received.
    fn keep(&mut self, rest: &mut [u8]) {
        if matches!(self.reading, Reading::Open) && rest.len() > PARTIAL_BYTES_MAX {
            self.reading = Reading::Failed(rustls::Error::PeerSentOversizedRecord);
        }
        match self.reading {
            Reading::Open => {
                self.partial.clear();
                self.partial.extend_from_slice(rest);
                free(&mut self.partial);
            }
            Reading::Ended | Reading::Failed(_) => {
                self.partial = Vec::new();
                let Stage::Rustls(rustls) = &mut self.stage else { return };
                // All that rustls still does after a failure is to tell the peer of it.
                while rustls.wants_write()
                    && let Ok(ConnectionState::EncodeTlsData(data)) =
                        rustls.process_tls_records(rest).state
                {
                    encode(data, &mut self.owed);
                }
            }
        }
    }

    /// Makes records of plaintext, behind what is there.
    pub(crate) fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> io::Result<()> {
        if let Stage::Traffic(traffic) = &mut self.stage {
            can_write(&self.reading)?;
            if traffic.has_closed() {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let made = traffic.seal(plain, sealed);
            return made.map_err(|failure| self.fail(failure.error));
        }
        let records = plain.len().div_ceil(RECORD_BYTES);
        let room = plain.len() + records * RECORD_OVERHEAD;
        self.write(sealed, room, |traffic, room| traffic.encrypt(plain, room))?;
        self.take_over();
        Ok(())
    }

    /// With TLS 1.3 nothing is left for rustls when it has said all that it had to say, and holds no
    /// part of what was said to it. It has just written, so it owes no renewal of its key either.
    fn take_over(&mut self) {
        let Stage::Rustls(rustls) = &self.stage else { return };
        let is_over = rustls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && !rustls.is_handshaking()
            && !rustls.wants_write();
        if !is_over || !self.partial.is_empty() || !matches!(self.reading, Reading::Open) {
            return;
        }
        if let Stage::Rustls(rustls) = std::mem::replace(&mut self.stage, Stage::Nobody) {
            match Traffic::take_over(*rustls) {
                Ok(traffic) => self.stage = Stage::Traffic(Box::new(traffic)),
                Err(error) => self.reading = Reading::Failed(error),
            }
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        let mut owed = std::mem::take(&mut self.owed);
        let closed = match &mut self.stage {
            Stage::Traffic(traffic) => {
                can_write(&self.reading).and_then(|()| traffic.close(&mut owed).map_err(broken))
            }
            Stage::Rustls(_) | Stage::Nobody => {
                self.write(&mut owed, RECORD_OVERHEAD, |traffic, room| {
                    traffic.queue_close_notify(room)
                })
            }
        };
        self.owed = owed;
        closed
    }

    fn write(
        &mut self,
        sealed: &mut Vec<u8>,
        mut room: usize,
        put: impl Fn(&mut WriteTraffic<'_, Data>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        can_write(&self.reading)?;
        loop {
            let Stage::Rustls(rustls) = &mut self.stage else {
                return Err(ErrorKind::BrokenPipe.into());
            };
            let start = sealed.len();
            let UnbufferedStatus { discard, state } = rustls.process_tls_records(&mut self.partial);
            match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    sealed.resize(start + room, 0);
                    match put(&mut traffic, &mut sealed[start..]) {
                        Ok(written) => {
                            sealed.truncate(start + written);
                            return Ok(());
                        }
                        Err(EncryptError::InsufficientSize(size)) => {
                            sealed.truncate(start);
                            room = size.required_size;
                        }
                        Err(error) => return Err(io::Error::new(ErrorKind::BrokenPipe, error)),
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, sealed),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.reading = Reading::Ended,
                Ok(ConnectionState::BlockedHandshake) => return Err(ErrorKind::NotConnected.into()),
                Ok(ConnectionState::Closed) => return Err(ErrorKind::BrokenPipe.into()),
                Ok(_) => return Err(self.fail(unexpected())),
                Err(error) => return Err(self.fail(error)),
            }
            drain(&mut self.partial, discard);
        }
    }

    fn fail(&mut self, error: rustls::Error) -> io::Error {
        self.reading = Reading::Failed(error.clone());
        io::Error::new(ErrorKind::BrokenPipe, error)
    }

    /// Ciphertext that the socket has not taken.
    pub(crate) fn owed(&self) -> &[u8] {
        &self.owed
    }

    /// Adds ciphertext that the socket has not taken.
    pub(crate) fn owe(&mut self, sealed: &[u8]) {
        self.owed.extend_from_slice(sealed);
    }

    /// The socket took so much of what is owed.
    pub(crate) fn paid(&mut self, bytes: usize) {
        drain(&mut self.owed, bytes);
    }
}

fn can_write(reading: &Reading) -> io::Result<()> {
    match reading {
        Reading::Open | Reading::Ended => Ok(()),
        Reading::Failed(error) => Err(io::Error::new(ErrorKind::BrokenPipe, error.clone())),
    }
}

fn broken(failure: Failure) -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, failure.error)
}

type Data = rustls::server::ServerConnectionData;

fn encode(mut data: EncodeTlsData<'_, Data>, owed: &mut Vec<u8>) {
    // How much it is, is told to those who have too little room.
    let (start, mut room) = (owed.len(), 0);
    loop {
        owed.resize(start + room, 0);
        match data.encode(&mut owed[start..]) {
            Ok(written) => return owed.truncate(start + written),
            Err(EncodeError::InsufficientSize(size)) => room = size.required_size,
            Err(EncodeError::AlreadyEncoded) => return owed.truncate(start),
        }
    }
}

/// What is not asked of rustls does not come: data before the handshake, for one.
fn unexpected() -> rustls::Error {
    rustls::Error::General("a state that was not asked for".to_owned())
}

/// Takes bytes from the front; what is empty owns nothing.
fn drain(bytes: &mut Vec<u8>, count: usize) {
    bytes.drain(..count);
    free(bytes);
}

fn free(bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        *bytes = Vec::new();
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("reading", &self.reading).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
