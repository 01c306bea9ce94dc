//! Log objects and checkpoints of several devices, with any frontiers and chains, folded and
//! verified.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use hushfs::format::{
    ChunkSize, DeviceId, Frontier, FrontierEntry, LogDraft, LogHash, LogKind, Time, log_name,
};
use hushfs::fs::{Folded, VerifyRequest, fold, verify};
use hushfs::store::{Seen, VaultFolder};
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::operations::{INOS, PACKS, Pool};
use hushfs_fuzz::{sample, trees};
use libfuzzer_sys::fuzz_target;

const DEVICES: [DeviceId; 3] = [DeviceId(1), DeviceId(2), DeviceId(u64::MAX)];
const LOGS_MAX: usize = 24;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let disk = MemoryDisk::new();
    disk.put_folder("/vault");
    // The last object of each device, for frontiers and chains that fit.
    let mut last: BTreeMap<DeviceId, FrontierEntry> = BTreeMap::new();
    let mut put = 0;
    while !input.is_empty() && put < LOGS_MAX {
        put += 1;
        put_log(&mut input, &disk, &mut last);
    }
    let vault = VaultFolder::new(Arc::new(disk), "/vault");
    let listing = vault.listing().unwrap();
    let fold_it = || fold(&vault, &listing, sample::keys(), ChunkSize::DEFAULT);
    let folded = fold_it();
    trees::check(&folded.tree, &Default::default());
    let again = fold_it();
    let told = |folded: &Folded| {
        let gaps: Vec<String> = folded.gaps.iter().map(ToString::to_string).collect();
        (trees::view(&folded.tree), folded.frontier.clone(), folded.clock, gaps)
    };
    assert_eq!(told(&folded), told(&again));
    let request = VerifyRequest {
        vault: &vault,
        listing: &listing,
        keys: sample::keys(),
        descriptor: sample::descriptor(),
        seen: Seen { frontier: folded.frontier.clone(), ..Seen::default() },
        identity: None,
        has_work: false,
    };
    verify(&request, &mut |_| {}).unwrap();
});

fn put_log<'a>(
    input: &mut Input<'a>,
    disk: &MemoryDisk,
    last: &mut BTreeMap<DeviceId, FrontierEntry>,
) {
    let device = DEVICES[input.choice(3)];
    let kind = if input.u8() % 4 == 3 { LogKind::Checkpoint } else { LogKind::Increment };
    let before = last.get(&device).copied();
    let known = before.map_or(0, |entry| entry.seq);
    let next = if kind == LogKind::Increment { known.wrapping_add(1) } else { known };
    let is_odd = input.u8() == 0xFF;
    let seq = if is_odd { input.u64() } else { next };
    let mut frontier = Frontier::default();
    for entry in last.values().filter(|entry| entry.device != device) {
        match input.u8() % 8 {
            0 => {}
            1 => frontier.advance(FrontierEntry { seq: input.u64(), ..*entry }),
            2 => frontier.advance(FrontierEntry { hash: LogHash([1; 32]), ..*entry }),
            _ => frontier.advance(*entry),
        }
    }
    let own_seq = if kind == LogKind::Increment { seq.wrapping_sub(1) } else { seq };
    if own_seq > 0 {
        let hash = before.map_or(LogHash::NONE, |entry| entry.hash);
        frontier.advance(FrontierEntry { device, seq: own_seq, hash });
    }
    let previous = match input.u8() {
        0xFF => LogHash([2; 32]),
        _ => before.map_or(LogHash::NONE, |entry| entry.hash),
    };
    let pool = Pool {
        inos: &INOS,
        names: &[],
        packs: &PACKS,
        chunk_size: ChunkSize::DEFAULT,
        with_inline: false,
    };
    let clock = input.u64();
    let count = usize::from(input.u8() % 8);
    let draft = LogDraft {
        device,
        seq,
        previous,
        frontier,
        clock,
        kind,
        published: Time::default(),
        device_name: "d".into(),
        operations: pool.encoded(input, count),
    };
    let bytes = draft.seal(sample::keys());
    disk.put_file(format!("/vault/log/{}", log_name(kind, device, seq)), &bytes);
    if kind == LogKind::Increment {
        let hash = LogHash::of(&bytes);
        last.insert(device, FrontierEntry { device, seq, hash });
    }
}
