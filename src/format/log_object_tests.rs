//! Tests of `log_object.rs`.

use super::*;
use crate::crypto::MasterKey;
use crate::format::{Ino, Operation, encode_operation};

fn draft(device: DeviceId, seq: u64) -> LogDraft {
    let mut operations = Vec::new();
    let time = Time { secs: 1, nanos: 2 };
    encode_operation(&Operation::Truncate { ino: Ino(9), size: 4, time }, &mut operations);
    let mut frontier = Frontier::default();
    if seq > 1 {
        frontier.advance(FrontierEntry { device, seq: seq - 1, hash: LogHash([3; 32]) });
    }
    LogDraft {
        device,
        seq,
        previous: LogHash([3; 32]),
        frontier,
        clock: 17,
        kind: LogKind::Increment,
        published: time,
        device_name: "laptop".into(),
        operations,
    }
}

#[test]
fn a_log_object_opens_in_its_place_only() {
    let vault = VaultId::random();
    let keys = MasterKey::random().class_keys(&vault);
    let device = DeviceId::random();
    let bytes = draft(device, 5).seal(&keys);
    assert_eq!(padme(bytes.len() as u64), bytes.len() as u64);
    let open = |bytes: &[u8], keys: &ClassKeys, device, seq| {
        UnverifiedLog::parse(LogKind::Increment, bytes.to_vec())?.open(keys, device, seq)
    };
    let opened = open(&bytes, &keys, device, 5).unwrap();
    assert_eq!(opened.hash, LogHash::of(&bytes));
    assert_eq!((opened.clock, opened.device_name.as_str()), (17, "laptop"));
    assert_eq!(opened.operations().count(), 1);
    assert!(open(&bytes, &keys, device, 6).is_err());
    assert!(open(&bytes, &keys, DeviceId::random(), 5).is_err());
    let stranger = MasterKey::random();
    assert!(open(&bytes, &stranger.class_keys(&vault), device, 5).is_err());
    assert!(open(&bytes, &stranger.class_keys(&VaultId::random()), device, 5).is_err());
}

#[test]
fn numbers_and_clocks_that_none_can_follow_are_refused() {
    let keys = MasterKey::random().class_keys(&VaultId::random());
    let (device, other) = (DeviceId(1), DeviceId(2));
    let open = |bytes: Vec<u8>, seq| {
        UnverifiedLog::parse(LogKind::Increment, bytes)
            .and_then(|log| log.open(&keys, device, seq))
            .map(|log| log.clock)
    };
    let mut high = LogDraft { clock: COUNT_MAX, ..draft(device, COUNT_MAX) };
    let entry = |seq| FrontierEntry { device: other, seq, hash: LogHash::NONE };
    high.frontier.advance(entry(COUNT_MAX));
    assert_eq!(open(high.clone().seal(&keys), COUNT_MAX), Ok(COUNT_MAX));
    // A clock stays at the last that is read.
    let sealed = LogDraft { clock: u64::MAX, ..high.clone() }.seal(&keys);
    assert_eq!(open(sealed.clone(), COUNT_MAX), Ok(COUNT_MAX));
    let refused = Err(FormatError::Malformed("a number that no other can follow"));
    assert_eq!(open(draft(device, u64::MAX).seal(&keys), u64::MAX), refused);
    assert_eq!(open(with_clock(&sealed, u64::MAX, &keys), COUNT_MAX), refused);
    high.frontier.advance(entry(u64::MAX));
    assert!(open(high.seal(&keys), COUNT_MAX).is_err());
}

/// The same log object with another clock.
fn with_clock(bytes: &[u8], clock: u64, keys: &ClassKeys) -> Vec<u8> {
    let (header, body) = bytes.split_at(HEADER_BYTES);
    let sealer = keys.sealer(ObjectClass::Log, &ObjectId(array(header, OBJECT_AT)));
    let body = sealer.open_in_place(Nonce::at(0), header, body.to_vec()).unwrap();
    let (head, rest): (Head, &[u8]) = postcard::take_from_bytes(&body).unwrap();
    let head = postcard::to_allocvec(&Head { clock, ..head }).unwrap();
    let mut body = [&head, rest].concat();
    sealer.seal_in_place(Nonce::at(0), header, &mut body);
    [header, &body].concat()
}

#[test]
fn no_bit_of_a_log_object_can_change_nor_its_length() {
    let keys = MasterKey::random().class_keys(&VaultId::random());
    let device = DeviceId::random();
    let bytes = draft(device, 1).seal(&keys);
    let opens = |bytes: Vec<u8>| {
        UnverifiedLog::parse(LogKind::Increment, bytes)
            .and_then(|log| log.open(&keys, device, 1))
            .is_ok()
    };
    assert!(opens(bytes.clone()));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(changed), "bit {bit}");
    }
    for cut in 0..bytes.len() {
        assert!(!opens(bytes[..cut].to_vec()), "cut at {cut}");
    }
    assert!(!opens([&bytes[..], b"\0"].concat()));
}
