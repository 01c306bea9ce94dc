//! Devices of the old vault go on with the new one.

use std::sync::Arc;

use hushfs::store::{HostDisk, StateFolder};

use crate::anew::Opened;
use crate::bench::device::{Device, content};
use crate::program::Said;
use crate::subject::{FIRST, SECOND};
use crate::subject_anew::Filled;

#[test]
fn devices_go_on_in_the_new_vault_and_this_one_as_the_one_that_it_was() {
    let filled = Filled::new();
    let device_of = |opened: &Opened| {
        let state = filled.state_of(&opened.descriptor.vault);
        let state = StateFolder::existing(Arc::new(HostDisk), state);
        (state.device(&opened.keys).unwrap().unwrap(), state.seen(&opened.keys).unwrap().unwrap())
    };
    // With that the program has a device of its own.
    filled.0.said_with_key(&["collect"]).expect(0, &[]);
    let old = Opened::by_key(&filled.0.vault(), &filled.0.key());
    let (before, seen) = device_of(&old);
    let key = filled.0.place("new key");
    filled.rekey(&["--new-key-file", key.to_str().unwrap(), "--delete-old"]).expect(0, &[]);
    let new = Opened::by_key(&filled.0.vault(), &key);
    let (after, known) = device_of(&new);
    assert_eq!(before, after);
    let numbers = |frontier: &hushfs::format::Frontier| {
        frontier.iter().map(|entry| (entry.device, entry.seq)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&seen.frontier), numbers(&known.frontier));
    assert_ne!(seen.frontier, known.frontier);

    let here = Device::open(&filled.0.vault(), &key, &filled.0.place("here"));
    let there = Device::open(&filled.0.vault(), &key, &filled.0.place("there"));
    here.file("after", &content(51, 5000));
    here.publish();
    there.files.take_arrivals().unwrap();
    there.file("there", &content(52, 5000));
    there.unmount();
    here.files.take_arrivals().unwrap();
    here.ino("there");
    here.unmount();
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    assert!(!filled.0.opens(FIRST));
    // The program goes on, too.
    let mut collect = filled.0.command(&["collect", "--key-file"]);
    Said::by(collect.arg(&key).arg(filled.0.vault())).expect(0, &[]);
    assert_eq!(device_of(&new).0, before);
}
