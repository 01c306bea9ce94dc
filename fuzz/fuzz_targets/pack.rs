//! Packs: any bytes, and any footer and trailer under good seals behind any content.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use hushfs::crypto::ObjectId;
use hushfs::format::{
    ChunkSize, PACK_HEADER_BYTES, PackHeader, PackId, PackSealer, Run, RunShape, parse_pack_name,
};
use hushfs::store::{Disk, PackReader};
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;

/// The sample's packs, so that real content opens; and one more.
fn pack_id(nth: usize) -> PackId {
    let names = sample::OBJECTS.iter().filter_map(|(path, _)| path.rsplit('/').next());
    names.filter_map(parse_pack_name).nth(nth).unwrap_or(ObjectId([5; 16]))
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let id = pack_id(input.choice(6));
    let bytes = match input.coin() {
        true => {
            let (content, footer) = (input.bytes(), input.bytes());
            let footer_at = match input.coin() {
                true => (PACK_HEADER_BYTES + content.len()) as u64,
                false => input.u64(),
            };
            seal::pack(id, content, footer, footer_at)
        }
        false => input.rest().to_vec(),
    };
    let _ = PackHeader::read(id, &bytes);
    let Ok(header) = PackHeader::read_or_mend(id, &bytes) else { return };
    let sealer = PackSealer::new(sample::keys(), header);
    let _ = sealer.open_trailer(&bytes);
    let footer = sealer.open_footer(&bytes);
    for chunk_size in [ChunkSize::DEFAULT, ChunkSize::new(ChunkSize::MAX_BYTES).unwrap()] {
        let layout = sealer.check_layout(&bytes, chunk_size);
        let Ok(footer) = &footer else {
            assert!(layout.is_err());
            continue;
        };
        for run in footer.files.iter().flat_map(|file| &file.runs) {
            let opens = sealer.run_opens(&bytes, run.pack_offset, run.shape(), chunk_size);
            if layout.is_ok() {
                let end = u64::from(run.pack_offset) + chunk_size.sealed_run_bytes(run.shape());
                assert!(end <= bytes.len() as u64);
            }
            assert!(!opens || run.count == 0 || run.tail_bytes <= chunk_size.field());
        }
    }
    for (pack_offset, count, tail_bytes) in
        [(0, 1, 0), (32, 1, 3), (32, u32::MAX, 4096), (u32::MAX, u32::MAX, u32::MAX)]
    {
        let shape = RunShape { count, tail_bytes };
        sealer.run_opens(&bytes, pack_offset, shape, ChunkSize::DEFAULT);
    }
    read_chunks(id, &bytes);
});

fn read_chunks(id: PackId, bytes: &[u8]) {
    let disk = MemoryDisk::new();
    disk.put_file("/pack", bytes);
    let file = disk.open(Path::new("/pack"), false).unwrap();
    let Ok(reader) = PackReader::open(sample::keys(), id, Arc::clone(&file)) else { return };
    let mut plain = vec![0; 2 * ChunkSize::DEFAULT.bytes()];
    for pack_offset in [32, 32 + 4112, u32::MAX] {
        let run = Run {
            first_chunk: 0,
            count: 3,
            pack: id,
            pack_offset,
            tail_bytes: 1,
            visible_bytes: 1,
        };
        for (nth, count) in [(0, 1), (0, 2), (1, 2), (2, 1)] {
            let sealed = &mut Vec::new();
            let read = reader.read_chunks(&run, nth, count, ChunkSize::DEFAULT, &mut plain, sealed);
            assert!(read.map_or(true, |bytes| bytes <= plain.len()));
        }
    }
}
