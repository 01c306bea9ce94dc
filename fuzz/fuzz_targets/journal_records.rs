//! Journal files with any headers and records under good seals; then a journal goes on from there.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use hushfs::crypto::ObjectId;
use hushfs::journal::{Journal, read_journal};
use hushfs::store::Disk;
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;

const FILES_MAX: usize = 5;
const RECORDS_MAX: usize = 12;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let disk = MemoryDisk::new();
    disk.put_folder("/state");
    let published = input.u64();
    let goes_on = input.u8() == 0xFF;
    for nth in 0..FILES_MAX {
        if input.is_empty() {
            break;
        }
        let name = match input.u8() {
            0xFF => u32::MAX.to_string(),
            0xFE => format!("0{nth}"),
            _ => nth.to_string(),
        };
        disk.put_file(format!("/state/journal-{name}"), &journal_file(&mut input));
    }
    let folder = Path::new("/state");
    let Ok(replay) = read_journal(&disk, folder, sample::keys(), published) else { return };
    let mut next = None;
    for (seq, _) in replay.generations.iter().flat_map(|generation| &generation.records) {
        assert!(next.is_none_or(|next| next == *seq), "records have no gap");
        next = Some(seq.wrapping_add(1));
    }
    if next.is_some() {
        assert!(next == Some(replay.next_seq) || replay.next_seq == u64::MAX);
    }
    if !goes_on || replay.damaged {
        return;
    }
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let keys = Arc::new(sample::own_keys());
    let keep = replay.next_seq;
    let Ok(mut journal) = Journal::start(shared, folder, keys, &replay, keep) else { return };
    let seq = journal.append(b"one more");
    drop(journal);
    let again = read_journal(&disk, folder, sample::keys(), published).unwrap();
    let mut found = again.generations.iter().flat_map(|generation| &generation.records);
    if seq.is_ok() && keep < u64::MAX {
        assert!(found.any(|(_, body)| body == b"one more"), "an appended record is found again");
    }
});

fn journal_file(input: &mut Input<'_>) -> Vec<u8> {
    let generation = ObjectId([input.u8() % 4; 16]);
    let first_seq = input.u64();
    let mut out = match input.u8() {
        0xFF => vec![0; 512],
        0xFE => input.array::<64>().to_vec(),
        number => seal::journal_header(generation, number.into(), first_seq),
    };
    out.resize(512, 0);
    let mut seq = first_seq;
    for _ in 0..input.u8() as usize % RECORDS_MAX {
        let mut of = generation;
        let mut durable = seq.saturating_sub(2);
        let mut broken = false;
        match input.u8() {
            0xFF => of = ObjectId([input.u8() % 4; 16]),
            0xFE => seq = input.u64(),
            0xFD => durable = input.u64(),
            0xFC => broken = true,
            0xFB => out.resize(out.len() + 512, 0),
            _ => {}
        }
        let at = out.len();
        out.extend_from_slice(&seal::journal_record(of, seq, durable, input.bytes()));
        if broken {
            let at = at + usize::from(input.u8());
            let byte = out.get_mut(at);
            byte.into_iter().for_each(|byte| *byte ^= 1 | input.u8());
        }
        seq = seq.wrapping_add(1);
    }
    out
}
