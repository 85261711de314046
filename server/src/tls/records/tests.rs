//! What peers say to a socket's end of TLS, cut anywhere, and what is kept of it.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind,
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{
    super::fixture::{Made, peer},
    PARTIAL_BYTES_MAX, Records, Stage, Traffic,
};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A peer, and this end of its socket.
struct Talk {
    peer: ClientConnection,
    records: Records,
    /// How many bytes come at once, over and over.
    cuts: Vec<usize>,
    next_cut: usize,
    /// Where plaintext is read to.
    room: usize,
    /// What the peer said, as this end read it.
    heard: Vec<u8>,
}

impl Talk {
    fn new(made: &Made, config: &Arc<ClientConfig>) -> Self {
        let records = Records::new(&made.pair()).unwrap();
        let cuts = vec![usize::MAX];
        Self { peer: peer(config), records, cuts, next_cut: 0, room: 64 * 1024, heard: Vec::new() }
    }

    /// One after the handshake, who was told something. With TLS 1.3 rustls is not there any more.
    fn begun(version: &'static SupportedProtocolVersion) -> Self {
        let made = Made::new();
        let mut talk = Self::new(&made, &Arc::new(made.known(version)));
        talk.exchange();
        assert!(!talk.peer.is_handshaking());
        assert_eq!(talk.write(b"welcome"), b"welcome");
        let has_gone = matches!(talk.records.stage, Stage::Traffic(_));
        assert_eq!(has_gone, *version == TLS13);
        talk
    }

    /// Lets both sides say what they have to say.
    fn exchange(&mut self) {
        loop {
            let mut said = Vec::new();
            while self.peer.wants_write() {
                self.peer.write_tls(&mut said).unwrap();
            }
            let owed = self.records.owed().to_vec();
            if said.is_empty() && owed.is_empty() {
                return;
            }
            self.say(&said);
            self.records.paid(owed.len());
            self.hear(&owed);
        }
    }

    /// Ciphertext comes.
    fn say(&mut self, mut said: &[u8]) {
        while !said.is_empty() {
            let cut = self.cuts[self.next_cut % self.cuts.len()].min(said.len());
            self.next_cut += 1;
            let mut came = [self.records.partial(), &said[..cut]].concat();
            said = &said[cut..];
            let mut into = vec![0; self.room];
            let mut read = self.records.receive(&mut came, &mut into);
            loop {
                self.heard.extend_from_slice(&into[..read]);
                match self.records.read(&mut into) {
                    Some(Ok(0) | Err(_)) => return,
                    Some(Ok(more)) => read = more,
                    None => break,
                }
            }
            assert!(self.records.partial().len() <= PARTIAL_BYTES_MAX);
        }
    }

    /// Ciphertext goes.
    fn hear(&mut self, mut ciphertext: &[u8]) {
        while !ciphertext.is_empty() {
            self.peer.read_tls(&mut ciphertext).unwrap();
            self.peer.process_new_packets().unwrap();
        }
    }

    /// What the peer reads when this is written.
    fn write(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        self.records.seal(plain, &mut sealed).unwrap();
        let mut read = Vec::new();
        // Its buffer is not for all at once.
        for record in sealed.chunks(1024) {
            self.hear(record);
            let mut some = [0; 4096];
            while let Ok(length @ 1..) = self.peer.reader().read(&mut some) {
                read.extend_from_slice(&some[..length]);
            }
        }
        read
    }

    /// What this end reads when the peer writes this.
    fn read(&mut self, mut plain: &[u8]) -> Vec<u8> {
        while !plain.is_empty() {
            let taken = self.peer.writer().write(plain).unwrap();
            plain = &plain[taken..];
            self.exchange();
        }
        std::mem::take(&mut self.heard)
    }

    /// The outcome of the next read, if there will be nothing more.
    fn end(&mut self) -> Option<Result<usize, String>> {
        self.records.read(&mut [0; 16]).map(|end| end.map_err(|error| error.to_string()))
    }
}

/// Bytes that are not all alike.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// A generator that tests can do with; the seed is printed where one fails.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(sides).unwrap()).unwrap()
    }
}

#[test]
fn what_is_said_arrives_however_it_is_cut() {
    let mut roll = dice(7);
    let mut random = || (0..64).map(|_| 1 + roll(3000)).collect();
    let cuts: [Vec<usize>; 8] = [
        vec![usize::MAX],
        vec![1],
        // A header is five bytes; these end before it, with it, and behind it.
        vec![4, 1, 100],
        vec![5],
        vec![6, 7],
        vec![16_406, 1],
        random(),
        random(),
    ];
    for version in VERSIONS {
        for cuts in &cuts {
            for room in [64 * 1024, 700] {
                let made = Made::new();
                let mut talk = Talk::new(&made, &Arc::new(made.known(version)));
                (talk.cuts, talk.room) = (cuts.clone(), room);
                talk.exchange();
                for length in [1, 2, 126, 16_383, 16_384, 16_385, 40_000] {
                    let said = text(length);
                    assert!(talk.read(&said) == said, "{length} bytes in {cuts:?}, {version:?}");
                    assert!(talk.write(&said) == said, "{length} bytes, {version:?}");
                }
            }
        }
    }
}

#[test]
fn large_writes_become_few_records() {
    for version in VERSIONS {
        let mut talk = Talk::begun(version);
        let mut sealed = Vec::new();
        talk.records.seal(&text(32 * 1024), &mut sealed).unwrap();
        let mut lengths = Vec::new();
        let mut rest = &sealed[..];
        while let [_, _, _, high, low, ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            lengths.push(length);
            rest = &rest[5 + length..];
        }
        assert_eq!(lengths.len(), 2, "{lengths:?}");
    }
}

#[test]
fn a_session_that_does_nothing_holds_no_bytes() {
    for version in VERSIONS {
        let mut talk = Talk::begun(version);
        talk.cuts = vec![100, 7, 3000];
        talk.read(&text(40_000));
        talk.write(&text(40_000));
        let Records { partial, unread, owed, .. } = &talk.records;
        assert_eq!((partial.capacity(), unread.capacity(), owed.capacity()), (0, 0, 0));
    }
    let bytes = size_of::<Records>() + size_of::<Traffic>();
    assert!(bytes <= 1024, "{bytes}");
}

#[test]
fn keys_are_renewed_in_both_directions() {
    let mut talk = Talk::begun(&TLS13);
    talk.cuts = vec![9, 1, 30, usize::MAX];
    for round in 0..100 {
        talk.peer.refresh_traffic_keys().unwrap();
        let said = text(round);
        assert_eq!(talk.read(&said), said);
        assert_eq!(talk.write(&said), said);
    }
}

#[test]
fn rustls_goes_when_it_has_nothing_to_say_and_was_told_nothing_in_part() {
    let made = Made::new();
    let mut talk = Talk::new(&made, &Arc::new(made.known(&TLS13)));
    talk.exchange();
    let mut said = Vec::new();
    talk.peer.writer().write_all(b"half of this").unwrap();
    talk.peer.write_tls(&mut said).unwrap();
    let (some, rest) = said.split_at(9);
    talk.say(some);
    assert_eq!(talk.write(b"one"), b"one");
    assert!(matches!(talk.records.stage, Stage::Rustls(_)));
    talk.say(rest);
    assert_eq!(std::mem::take(&mut talk.heard), b"half of this");
    // It has a key to renew first, and does.
    talk.peer.refresh_traffic_keys().unwrap();
    assert_eq!(talk.read(b"two"), b"two");
    assert_eq!(talk.write(b"three"), b"three");
    assert!(matches!(talk.records.stage, Stage::Traffic(_)));
    assert_eq!(talk.read(b"four"), b"four");
    assert_eq!(talk.write(b"five"), b"five");
}

#[test]
fn a_peer_that_only_renews_keys_is_cut_off() {
    let mut talk = Talk::begun(&TLS13);
    for _ in 0..100 {
        talk.peer.refresh_traffic_keys().unwrap();
        let mut said = Vec::new();
        talk.peer.write_tls(&mut said).unwrap();
        talk.say(&said);
        assert!(talk.records.owed().len() < 100);
    }
    let end = talk.end().unwrap().unwrap_err();
    assert!(end.contains("TooManyKeyUpdateRequests"), "{end}");
}

#[test]
fn a_peer_that_closes_is_at_its_end_and_can_still_be_told_something() {
    for version in VERSIONS {
        let mut talk = Talk::begun(version);
        talk.peer.writer().write_all(b"bye").unwrap();
        talk.peer.send_close_notify();
        talk.exchange();
        assert_eq!(talk.heard, b"bye");
        assert_eq!(talk.end(), Some(Ok(0)));
        // What it says behind that is not looked at.
        talk.say(b"\x17\x03\x03\x00\x01x");
        assert_eq!((talk.end(), talk.heard.len()), (Some(Ok(0)), 3));
        assert_eq!(talk.write(b"bye"), b"bye");
    }
}

#[test]
fn this_end_says_that_it_closes_once() {
    for version in VERSIONS {
        let mut talk = Talk::begun(version);
        talk.records.close().unwrap();
        let owed = talk.records.owed().to_vec();
        talk.records.close().unwrap();
        assert_eq!(talk.records.owed().len(), owed.len());
        talk.hear(&owed);
        assert!(talk.peer.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn before_the_handshake_nothing_can_be_written() {
    let mut records = Records::new(&Made::new().pair()).unwrap();
    let mut sealed = Vec::new();
    assert!(records.seal(b"early", &mut sealed).is_err());
    assert!(records.close().is_err());
    assert!(sealed.is_empty() && records.owed().is_empty());
}

/// What a peer says first, and this end of its socket.
fn greeting(version: &'static SupportedProtocolVersion) -> (Vec<u8>, Talk) {
    let made = Made::new();
    let mut talk = Talk::new(&made, &Arc::new(made.known(version)));
    let mut said = Vec::new();
    talk.peer.write_tls(&mut said).unwrap();
    (said, talk)
}

/// Bytes after which this end wants to hear no more; it told why, and does nothing from then on.
#[track_caller]
fn refuses(mut talk: Talk, said: &[u8]) {
    talk.say(said);
    assert!(matches!(talk.end(), Some(Err(_))), "{said:?}");
    let owed = talk.records.owed().to_vec();
    talk.say(said);
    assert!(matches!(talk.end(), Some(Err(_))));
    assert!(talk.records.seal(b"more", &mut Vec::new()).is_err());
    assert!(talk.records.close().is_err());
    assert_eq!(talk.records.owed(), owed);
}

#[test]
fn what_is_no_tls_is_refused_with_an_alert() {
    for said in [
        &b"GET / HTTP/1.1\r\nHost: usher\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0",
        // The greeting of SSL 2, one of no known version, a record that is too large, an empty one,
        // an alert, data, a change of ciphers, and a message that is no greeting.
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x01\x00\x80",
        b"\x16\x09\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x17\x03\x03\x00\x01\x00",
        b"\x14\x03\x03\x00\x01\x00",
        b"\x16\x03\x01\x00\x04\x0e\x00\x00\x00",
    ] {
        let (_, talk) = greeting(&TLS13);
        refuses(talk, said);
        for cut in [1, 5] {
            let (_, mut talk) = greeting(&TLS13);
            talk.cuts = vec![cut];
            refuses(talk, said);
        }
    }
    let (_, mut talk) = greeting(&TLS13);
    talk.say(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(talk.records.owed(), b"\x15\x03\x03\x00\x02\x02\x32");
}

#[test]
fn a_greeting_without_end_is_not_kept() {
    let (_, mut talk) = greeting(&TLS13);
    // A greeting of 60,000 bytes, as it says, in the largest records.
    let mut record = vec![0x16, 3, 1, 0x40, 0];
    record.extend([1, 0, 0xEA, 0x60]);
    record.resize(5 + 16_384, 0);
    talk.say(&record);
    assert_eq!(talk.end(), None);
    record[5..9].fill(0);
    talk.say(&record);
    assert!(matches!(talk.end(), Some(Err(_))));
    assert_eq!(talk.records.partial.capacity(), 0);
}

#[test]
fn a_record_that_was_changed_on_the_way_is_refused() {
    for version in VERSIONS {
        let mut talk = Talk::begun(version);
        talk.peer.writer().write_all(b"pay bob").unwrap();
        let mut said = Vec::new();
        talk.peer.write_tls(&mut said).unwrap();
        *said.last_mut().unwrap() ^= 1;
        refuses(talk, &said);
    }
}

#[test]
fn noise_in_a_handshake_breaks_it_and_nothing_else() {
    for version in VERSIONS {
        for seed in 1..=300 {
            let mut roll = dice(seed);
            let (mut said, mut talk) = greeting(version);
            for _ in 0..=roll(4) {
                let at = roll(said.len());
                said[at] = u8::try_from(roll(256)).unwrap();
            }
            talk.cuts = (0..8).map(|_| 1 + roll(200)).collect();
            talk.say(&said);
            let owed = talk.records.owed().to_vec();
            assert!(owed.len() < 8192, "seed {seed}");
            // Whatever it made of that, the rest is noise.
            let noise: Vec<u8> = (0..400).map(|_| u8::try_from(roll(256)).unwrap()).collect();
            talk.say(&[&[0x16, 3, 3, 0, 200][..], &noise].concat());
            // It may still wait for the end of what was made longer.
            let waits = talk.end().is_none() && !talk.records.partial().is_empty();
            assert!(waits || matches!(talk.end(), Some(Err(_))), "seed {seed}");
        }
    }
}

#[test]
fn a_peer_that_speaks_only_another_protocol_inside_is_told() {
    let made = Made::new();
    for (offer, expected) in [
        (&[][..], None),
        (&[&b"h2"[..], b"http/1.1"], None),
        (&[b"h2"], Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol))),
    ] {
        let mut config = made.known(&TLS13);
        config.alpn_protocols = offer.iter().map(|name| name.to_vec()).collect();
        let mut talk = Talk::new(&made, &Arc::new(config));
        let mut said = Vec::new();
        talk.peer.write_tls(&mut said).unwrap();
        talk.say(&said);
        talk.peer.read_tls(&mut talk.records.owed()).unwrap();
        let told = talk.peer.process_new_packets();
        assert_eq!(told.err(), expected, "{offer:?}");
        if expected.is_none() {
            let agreed = (!offer.is_empty()).then_some(&b"http/1.1"[..]);
            assert_eq!(talk.peer.alpn_protocol(), agreed);
        }
    }
}

#[test]
fn a_peer_comes_back_faster_but_not_past_another_certificate() {
    for version in VERSIONS {
        let made = Made::new();
        let (pair, config) = (made.pair(), Arc::new(made.known(version)));
        let kind = |pair| {
            let mut talk = Talk::new(&made, &config);
            talk.records = Records::new(pair).unwrap();
            talk.exchange();
            assert_eq!(talk.write(b"hi"), b"hi");
            talk.peer.handshake_kind().unwrap()
        };
        assert_eq!(kind(&pair), HandshakeKind::Full);
        assert_eq!(kind(&pair), HandshakeKind::Resumed);
        assert_eq!(kind(&pair), HandshakeKind::Resumed);
        // The same files, read again.
        assert_eq!(kind(&made.pair()), HandshakeKind::Full);
    }
}
