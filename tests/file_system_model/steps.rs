//! What a history consists of.

use proptest::prelude::*;

/// What a step picks by: an index taken modulo what there is.
pub type Pick = prop::sample::Index;

#[derive(Clone, Debug)]
pub enum Step {
    Create { folder: Pick, name: u8, mode: u16 },
    MakeFolder { folder: Pick, name: u8 },
    Symlink { folder: Pick, name: u8 },
    Link { file: Pick, folder: Pick, name: u8 },
    Remove { folder: Pick, name: u8 },
    Rename { from: Pick, from_name: u8, to: Pick, to_name: u8, mode: u8 },
    Write { file: Pick, offset: u32, bytes: u32, seed: u8 },
    Append { file: Pick, bytes: u32, seed: u8 },
    Resize { file: Pick, size: u32 },
    Allocate { file: Pick, mode: u8, offset: u32, bytes: u32 },
    Copy { from: Pick, from_offset: u32, to: Pick, to_offset: u32, bytes: u32 },
    SetMode { file: Pick, mode: u16 },
    SetList { at: Pick, may: [u8; 5], minimal: bool, hands_down: bool },
    RemoveList { at: Pick, hands_down: bool },
    SetXattr { file: Pick, name: u8, bytes: u16 },
    RemoveXattr { file: Pick, name: u8 },
    Close { file: Pick },
    Fsync { file: Pick },
    Publish,
    Collect,
    Remount,
    Kill,
}

pub fn step() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    let name = || 0..6u8;
    prop_oneof![
        4 => (pick(), name(), 0..0o7777u16)
            .prop_map(|(folder, name, mode)| Step::Create { folder, name, mode }),
        2 => (pick(), name()).prop_map(|(folder, name)| Step::MakeFolder { folder, name }),
        1 => (pick(), name()).prop_map(|(folder, name)| Step::Symlink { folder, name }),
        1 => (pick(), pick(), name())
            .prop_map(|(file, folder, name)| Step::Link { file, folder, name }),
        2 => (pick(), name()).prop_map(|(folder, name)| Step::Remove { folder, name }),
        3 => (pick(), name(), pick(), name(), 0..3u8).prop_map(
            |(from, from_name, to, to_name, mode)| Step::Rename { from, from_name, to, to_name, mode }
        ),
        6 => (pick(), 0..150_000u32, 1..20_000u32, any::<u8>())
            .prop_map(|(file, offset, bytes, seed)| Step::Write { file, offset, bytes, seed }),
        2 => (pick(), 0..40u32, 65_536..180_000u32, any::<u8>()).prop_map(
            |(file, chunk, bytes, seed)| Step::Write { file, offset: chunk * 4096, bytes, seed }
        ),
        3 => (pick(), 1..9000u32, any::<u8>())
            .prop_map(|(file, bytes, seed)| Step::Append { file, bytes, seed }),
        3 => (pick(), 0..200_000u32).prop_map(|(file, size)| Step::Resize { file, size }),
        3 => (pick(), 0..5u8, 0..150_000u32, 1..90_000u32)
            .prop_map(|(file, mode, offset, bytes)| Step::Allocate { file, mode, offset, bytes }),
        4 => copy(),
        1 => (pick(), 0..0o7777u16).prop_map(|(file, mode)| Step::SetMode { file, mode }),
        3 => (pick(), prop::array::uniform5(0..8u8), any::<bool>(), any::<bool>()).prop_map(
            |(at, may, minimal, hands_down)| Step::SetList { at, may, minimal, hands_down }
        ),
        1 => (pick(), any::<bool>()).prop_map(|(at, hands_down)| Step::RemoveList { at, hands_down }),
        1 => (pick(), 0..3u8, 0..2000u16)
            .prop_map(|(file, name, bytes)| Step::SetXattr { file, name, bytes }),
        1 => (pick(), 0..3u8).prop_map(|(file, name)| Step::RemoveXattr { file, name }),
        2 => pick().prop_map(|file| Step::Close { file }),
        4 => pick().prop_map(|file| Step::Fsync { file }),
        1 => Just(Step::Publish),
        1 => Just(Step::Collect),
        1 => Just(Step::Remount),
        2 => Just(Step::Kill),
    ]
}

/// Half of the copies find the chunks of both files lying alike.
fn copy() -> impl Strategy<Value = Step> {
    let place = (any::<Pick>(), 0..30u32);
    let within = prop_oneof![Just(0), 0..4096u32];
    let shift = prop_oneof![3 => Just(0), 1 => 0..4096u32];
    (place.clone(), place, within, shift, 1..150_000u32).prop_map(
        |((from, from_chunk), (to, to_chunk), within, shift, bytes)| Step::Copy {
            from,
            from_offset: from_chunk * 4096 + within,
            to,
            to_offset: to_chunk * 4096 + within + shift,
            bytes,
        },
    )
}

pub fn content(seed: u8, bytes: u32) -> Vec<u8> {
    (0..bytes).map(|i| (i / 7).wrapping_mul(31).wrapping_add(seed.into()) as u8).collect()
}

pub fn entry_name(name: u8) -> String {
    format!("entry-{name}")
}
