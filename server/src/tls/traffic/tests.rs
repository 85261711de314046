//! Records as peers make them, as they must not be, and as somebody on the way may have changed them.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rustls::{
    CipherSuite, ClientConfig, ClientConnection,
    crypto::{
        cipher::{AeadKey, Iv},
        ring,
    },
    unbuffered::{ConnectionState, UnbufferedStatus},
    version::TLS13,
};

use super::{
    super::fixture::{Made, peer},
    *,
};

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
];

/// A peer that knows one cipher, and this end, both after the handshake.
fn begun(suite: CipherSuite) -> (ClientConnection, Traffic) {
    let made = Made::new();
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|known| known.suite() == suite);
    let roots = made.roots();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut peer = peer(&Arc::new(config));
    let mut rustls = UnbufferedServerConnection::new(made.pair().config()).unwrap();
    let mut said = Vec::new();
    let mut is_over = false;
    while !is_over {
        while peer.wants_write() {
            peer.write_tls(&mut said).unwrap();
        }
        let mut waits = false;
        while !waits && !is_over {
            let UnbufferedStatus { discard, state } = rustls.process_tls_records(&mut said);
            match state.unwrap() {
                ConnectionState::EncodeTlsData(mut data) => {
                    let mut owed = vec![0; 16 * 1024];
                    let length = data.encode(&mut owed).unwrap();
                    hear(&mut peer, &owed[..length]);
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::BlockedHandshake => waits = true,
                ConnectionState::WriteTraffic(_) => is_over = true,
                other => panic!("{other:?}"),
            }
            said.drain(..discard);
        }
    }
    assert!(said.is_empty() && !peer.is_handshaking());
    (peer, Traffic::take_over(rustls).unwrap())
}

fn hear(peer: &mut ClientConnection, mut sealed: &[u8]) {
    while !sealed.is_empty() {
        peer.read_tls(&mut sealed).unwrap();
        peer.process_new_packets().unwrap();
    }
}

/// What the peer reads when these records come.
fn read(peer: &mut ClientConnection, sealed: &[u8]) -> Vec<u8> {
    let (mut read, mut some) = (Vec::new(), [0; 4096]);
    for part in sealed.chunks(1000) {
        hear(peer, part);
        while let Ok(length @ 1..) = peer.reader().read(&mut some) {
            read.extend_from_slice(&some[..length]);
        }
    }
    read
}

/// The records in which the peer says this.
fn say(peer: &mut ClientConnection, plain: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    peer.writer().write_all(plain).unwrap();
    while peer.wants_write() {
        peer.write_tls(&mut said).unwrap();
    }
    said
}

/// What all of these records say.
fn open(traffic: &mut Traffic, mut records: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let (mut at, mut data) = (0, Vec::new());
    while let Some((length, said)) = traffic.receive(&mut records[at..])? {
        if let Said::Data(part) = said {
            data.extend_from_slice(part);
        }
        at += length;
    }
    assert_eq!(at, records.len(), "a part of a record");
    Ok(data)
}

/// One who has the peer's key and makes records of it that no peer makes.
fn forger(traffic: &Traffic) -> Direction {
    let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = &traffic.reads.secrets else {
        panic!("another cipher")
    };
    let key = AeadKey::from(<[u8; 32]>::try_from(key.as_ref()).unwrap());
    let iv = Iv::copy(iv.as_ref());
    let secrets = ConnectionTrafficSecrets::Aes256Gcm { key, iv };
    Direction { number: traffic.reads.number, secrets }
}

/// One record with this type and content.
fn forged(forger: &mut Direction, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    forger.seal(kind, content, &mut record).unwrap();
    record
}

const USUAL: CipherSuite = CipherSuite::TLS13_AES_256_GCM_SHA384;

/// Bytes that are not all alike.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

#[test]
fn both_ends_understand_each_other_with_every_cipher() {
    for suite in SUITES {
        let (mut peer, mut traffic) = begun(suite);
        for length in [1, 2, 126, 16_383, 16_384, 16_385, 40_000] {
            let plain = text(length);
            let said = say(&mut peer, &plain);
            assert!(open(&mut traffic, said).unwrap() == plain, "{length} {suite:?}");
            let mut sealed = Vec::new();
            traffic.seal(&plain, &mut sealed).unwrap();
            assert!(read(&mut peer, &sealed) == plain, "{length} {suite:?}");
        }
    }
}

#[test]
fn after_as_many_records_as_a_key_may_seal_comes_another_key() {
    for suite in SUITES {
        let (mut peer, mut traffic) = begun(suite);
        traffic.limit = 3;
        for round in 0..50_u8 {
            let mut sealed = Vec::new();
            traffic.seal(&[round], &mut sealed).unwrap();
            assert!(traffic.writes.number <= 3);
            assert_eq!(read(&mut peer, &sealed), [round], "{suite:?}");
        }
    }
}

#[test]
fn a_number_is_never_used_twice() {
    let (_, mut traffic) = begun(USUAL);
    traffic.limit = u64::MAX;
    traffic.writes.number = u64::MAX - 1;
    traffic.seal(b"the last", &mut Vec::new()).unwrap();
    let mut sealed = Vec::new();
    // Not even to say that there is another key.
    assert!(traffic.seal(b"one more", &mut sealed).is_err());
    assert!(sealed.is_empty());
}

#[test]
fn a_part_of_a_record_says_nothing_and_changes_nothing() {
    let (mut peer, mut traffic) = begun(USUAL);
    let said = say(&mut peer, b"pay bob");
    for length in 0..said.len() {
        let mut part = said[..length].to_vec();
        assert!(traffic.receive(&mut part).unwrap().is_none(), "{length} bytes");
        assert_eq!(part, said[..length]);
    }
    assert_eq!(open(&mut traffic, said).unwrap(), b"pay bob");
}

#[test]
fn a_record_that_was_changed_anywhere_says_nothing() {
    let (mut peer, mut traffic) = begun(USUAL);
    let said = say(&mut peer, b"pay bob");
    let number = traffic.reads.number;
    for at in 0..said.len() {
        for bit in 0..8 {
            let mut changed = said.clone();
            changed[at] ^= 1 << bit;
            traffic.reads.number = number;
            // A longer one is waited for.
            let outcome = traffic.receive(&mut changed).map(|came| came.map(|_| ()));
            assert!(!matches!(outcome, Ok(Some(()))), "byte {at}, bit {bit}");
        }
    }
    traffic.reads.number = number;
    assert_eq!(open(&mut traffic, said).unwrap(), b"pay bob");
}

#[test]
fn a_record_counts_once_and_in_its_place() {
    let (mut peer, mut traffic) = begun(USUAL);
    let (first, second) = (say(&mut peer, b"pay bob"), say(&mut peer, b"pay eve"));
    let number = traffic.reads.number;
    let early = open(&mut traffic, second).unwrap_err();
    assert_eq!(early.error, Error::DecryptError);
    traffic.reads.number = number;
    assert_eq!(open(&mut traffic, first.clone()).unwrap(), b"pay bob");
    let again = open(&mut traffic, first.clone()).unwrap_err();
    assert_eq!(again.error, Error::DecryptError);
    let strange = open(&mut begun(USUAL).1, first).unwrap_err();
    assert_eq!(strange.error, Error::DecryptError);
}

#[track_caller]
fn refuses(records: impl FnOnce(&mut Direction) -> Vec<u8>, alert: AlertDescription) {
    let (mut peer, mut traffic) = begun(USUAL);
    let mut forger = forger(&traffic);
    let failure = open(&mut traffic, records(&mut forger)).unwrap_err();
    assert_eq!(failure.alert, Some(alert));
    let mut told = Vec::new();
    traffic.fail(&failure, &mut told);
    peer.read_tls(&mut &told[..]).unwrap();
    let heard = peer.process_new_packets().unwrap_err();
    assert_eq!(heard, Error::AlertReceived(alert));
}

#[test]
fn what_no_peer_says_after_a_handshake_is_refused_and_the_peer_is_told() {
    let key_update = [24, 0, 0, 1, 0];
    // A greeting, a ticket, a wish for a certificate, the end of a handshake, and early data's end.
    for first in [1, 4, 5, 13, 20, 24] {
        refuses(
            |forger| forged(forger, HANDSHAKE, &[first, 0, 0, 0]),
            AlertDescription::UnexpectedMessage,
        );
    }
    for content in [&[][..], &key_update[..4], &[&key_update[..], &key_update].concat()] {
        refuses(|forger| forged(forger, HANDSHAKE, content), AlertDescription::UnexpectedMessage);
    }
    refuses(
        |forger| forged(forger, HANDSHAKE, &[24, 0, 0, 1, 2]),
        AlertDescription::IllegalParameter,
    );
    for content in [&[][..], &[1], &[1, 0, 0]] {
        refuses(|forger| forged(forger, ALERT, content), AlertDescription::UnexpectedMessage);
    }
    // Of no type, of others, and of a type that is only on the outside.
    for kind in [0, 1, 20, 24, 255] {
        refuses(|forger| forged(forger, kind, b""), AlertDescription::UnexpectedMessage);
    }
    refuses(
        |forger| forged(forger, DATA, &[0; 20]).split_off(1),
        AlertDescription::UnexpectedMessage,
    );
    // In the clear: a change of ciphers, an alert, a greeting.
    for record in
        [&b"\x14\x03\x03\x00\x01\x01"[..], b"\x15\x03\x03\x00\x02\x01\x00", b"\x16\x03\x03\x00\x00"]
    {
        refuses(|_| record.to_vec(), AlertDescription::UnexpectedMessage);
    }
    // Shorter than what a cipher adds.
    refuses(|_| b"\x17\x03\x03\x00\x00".to_vec(), AlertDescription::BadRecordMac);
    refuses(|_| [&b"\x17\x03\x03\x00\x0f"[..], &[7; 15]].concat(), AlertDescription::BadRecordMac);
}

#[test]
fn a_record_that_is_too_large_is_refused_before_it_is_there() {
    refuses(|_| b"\x17\x03\x03\x41\x01".to_vec(), AlertDescription::RecordOverflow);
    refuses(|_| b"\x17\x03\x03\xff\xff".to_vec(), AlertDescription::RecordOverflow);
    refuses(|forger| forged(forger, DATA, &text(16_385)), AlertDescription::RecordOverflow);
    let (_, mut traffic) = begun(USUAL);
    assert!(traffic.receive(&mut b"\x17\x03\x03\x41\x00".to_vec()).unwrap().is_none());
    let record = forged(&mut forger(&traffic), DATA, &text(16_384));
    assert_eq!(open(&mut traffic, record).unwrap(), text(16_384));
}

#[test]
fn nothing_is_sealed_behind_the_word_that_nothing_more_comes() {
    let (mut peer, mut traffic) = begun(USUAL);
    let mut sealed = Vec::new();
    traffic.close(&mut sealed).unwrap();
    let length = sealed.len();
    let failure = open(&mut traffic, b"\x17\x03\x03\xff\xff".to_vec()).unwrap_err();
    traffic.fail(&failure, &mut sealed);
    traffic.close(&mut sealed).unwrap();
    assert_eq!(sealed.len(), length);
    peer.read_tls(&mut &sealed[..]).unwrap();
    assert!(peer.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn what_hides_a_records_length_is_left_out() {
    let (_, mut traffic) = begun(USUAL);
    let mut forger = forger(&traffic);
    // A type and zeros behind a content that ends with a zero itself.
    let padded = [&b"hi\0"[..], &[DATA], &[0; 100]].concat();
    let record = forged(&mut forger, 0, &padded);
    assert_eq!(open(&mut traffic, record).unwrap(), b"hi\0");
}

#[test]
fn who_says_much_and_means_nothing_is_cut_off() {
    let cases: [(u8, &[u8], u32, Error); 3] = [
        (DATA, b"", 32, PeerMisbehaved::TooManyEmptyFragments.into()),
        (ALERT, &[1, 90], 4, Error::AlertReceived(AlertDescription::UserCanceled)),
        (HANDSHAKE, &[24, 0, 0, 1, 0], 32, PeerMisbehaved::TooManyKeyUpdateRequests.into()),
    ];
    for (kind, content, times, error) in cases {
        let (_, mut traffic) = begun(USUAL);
        for _ in 0..times {
            let record = forged(&mut forger(&traffic), kind, content);
            assert_eq!(open(&mut traffic, record).unwrap(), b"");
        }
        let record = forged(&mut forger(&traffic), kind, content);
        assert_eq!(open(&mut traffic, record).unwrap_err().error, error);
    }
}

#[test]
fn an_alert_ends_all_but_one_that_says_so_in_good_order() {
    for (content, error) in [
        ([2, 20], Some(AlertDescription::BadRecordMac)),
        ([1, 90], None),
        ([2, 90], Some(AlertDescription::UserCanceled)),
        ([1, 100], Some(AlertDescription::NoRenegotiation)),
        ([1, 0], None),
        ([2, 0], None),
    ] {
        let (_, mut traffic) = begun(USUAL);
        let mut record = forged(&mut forger(&traffic), ALERT, &content);
        match (traffic.receive(&mut record), error) {
            (Err(failure), Some(expected)) => {
                assert_eq!(failure.error, Error::AlertReceived(expected));
                assert_eq!(failure.alert, None, "an alert is not answered with one");
            }
            (Ok(Some((_, said))), None) => {
                assert_eq!(said == Said::Close, content[1] == 0, "{content:?}");
            }
            (outcome, _) => panic!("{content:?}: {outcome:?}"),
        }
    }
}

#[test]
fn noise_says_nothing() {
    let (_, mut traffic) = begun(USUAL);
    let mut state = 7_u64;
    let mut roll = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    for _ in 0..3000 {
        let length = usize::from(roll()) * 2;
        let mut noise: Vec<u8> = (0..length).map(|_| roll()).collect();
        // Else it seldom gets as far as the cipher.
        if let [kind, _, _, high, low, ..] = &mut noise[..]
            && low.is_multiple_of(2)
        {
            (*kind, *high) = (DATA, 0);
        }
        assert!(!matches!(traffic.receive(&mut noise), Ok(Some(_))));
    }
}
