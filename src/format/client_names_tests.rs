use proptest::prelude::*;

use super::*;
use crate::format::{may_be_slot_name, parse_log_name, parse_pack_name};

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// What clients make of a name.
fn renamings(name: &str) -> Vec<String> {
    let (stem, extension) = name.rsplit_once('.').unwrap();
    vec![
        format!("{stem} (1).{extension}"),
        format!("{stem}(12).{extension}"),
        format!("{stem} 2.{extension}"),
        format!("{stem}_2.{extension}"),
        format!("{stem}-DESKTOP-7A2B.{extension}"),
        format!("{stem} (Jo's conflicted copy 2026-01-31).{extension}"),
        format!("{stem} (conflicted copy 2026-07-10 070952).{extension}"),
        format!("{stem}_conflict-jo-20260131-101010.{extension}"),
        format!("{stem} (Case Conflict 1).{extension}"),
        format!("{stem}.sync-conflict-20260131-101010-ABCDEFG.{extension}"),
        format!("{name}.conflict1"),
        format!("{name}..path2"),
        format!("{name}.{extension}"),
        format!("{name} (1)"),
        format!("{name}~"),
        format!("Copy of {name}"),
        name.to_ascii_uppercase(),
        format!("{stem}.{}", extension.to_ascii_uppercase()),
    ]
}

#[test]
fn every_renaming_tells_the_object() {
    let device = DeviceId::random();
    let objects = [
        ObjectName::Descriptor,
        ObjectName::Slot(SlotId::random()),
        ObjectName::Log(LogKind::Increment, device, 1),
        ObjectName::Log(LogKind::Checkpoint, device, 123_456_789),
        ObjectName::Pack(PackId::random()),
    ];
    for object in objects {
        let path = object.path();
        let name = last(&path);
        for renamed in renamings(name) {
            assert_eq!(objects_named_by(&renamed), [object], "{renamed}");
            assert!(!is_litter(&renamed), "{renamed}");
        }
        let without = name.rsplit_once('.').unwrap().0;
        for renamed in [without.to_owned(), format!("{without}.txt"), format!("{without} (1)")] {
            assert!(objects_named_by(&renamed).contains(&object), "{renamed}");
        }
        for transferred in [
            format!(".syncthing.{name}.tmp"),
            format!("~syncthing~{name}.tmp"),
            format!("{name}.3f2a9c01.partial"),
            format!(".{name}.part"),
            format!("._{name}"),
        ] {
            assert!(is_litter(&transferred), "{transferred}");
        }
    }
}

#[test]
fn other_names_tell_none() {
    let id = PackId::random().to_string();
    for name in [
        "",
        " ",
        "README.txt",
        "hushfs2.vault",
        &format!("{id}0.pack"),
        &format!("{id}x.pack"),
        &id[1..],
        "0123456789abcdef-1.log",
        "0123456789abcdef-000000001.log",
        "0123456789abcdef-99999999999999999999.log",
        "0123456789abcdef.log",
    ] {
        assert_eq!(objects_named_by(name), [], "{name}");
    }
}

#[test]
fn folders_are_known_by_their_names_and_litter_is_none() {
    for (name, folder) in [
        ("log (1)", Some("log")),
        ("LOG", Some("log")),
        ("log 2", Some("log")),
        ("data-HOST", Some("data")),
        ("keys.sync-conflict-20260131-101010-ABCDEFG", Some("keys")),
        ("logs", None),
        ("database", None),
        ("photos", None),
    ] {
        assert_eq!(folder_named_by(name), folder, "{name}");
    }
    assert!(["ab", "AB", "ab (1)", "0f 2"].iter().all(|name| may_be_pack_folder(name)));
    assert!(!["abc", "a", "photos", "abx", "éa"].iter().any(|name| may_be_pack_folder(name)));
    for name in [".DS_Store", "Desktop.ini", "Icon\r", ".stversions", "~$x.docx", ".nfs0001"] {
        assert!(is_litter(name), "{name}");
    }
    assert!(!is_litter("photo.jpg") && !is_litter("data") && !is_litter(".x.pack.icloud"));
}

proptest! {
    #[test]
    fn no_name_panics(name in ".{0,80}", prefix in "[0-9a-fA-F]{0,33}", tail in "[-. (0-9a-z]{0,20}") {
        for name in [&name, &format!("{prefix}{tail}"), &format!("{prefix}-{tail}{name}")] {
            let _ = (objects_named_by(name), folder_named_by(name), may_be_pack_folder(name));
            let _ = is_litter(name);
        }
    }

    #[test]
    fn every_own_name_tells_itself_and_is_safe_everywhere(device: u64, seq: u64, id: [u8; 16]) {
        let (pack, slot) = (PackId::random().0, id);
        let objects = [
            ObjectName::Descriptor,
            ObjectName::Slot(SlotId(slot)),
            ObjectName::Log(LogKind::Increment, DeviceId(device), seq),
            ObjectName::Log(LogKind::Checkpoint, DeviceId(device), seq),
            ObjectName::Pack(crate::crypto::ObjectId(pack)),
        ];
        for object in objects {
            let path = object.path();
            let name = last(&path);
            prop_assert_eq!(objects_named_by(name), [object]);
            let is_own = match object {
                ObjectName::Descriptor => name == DESCRIPTOR_NAME,
                ObjectName::Slot(_) => may_be_slot_name(name),
                ObjectName::Log(..) => {
                    let parsed = parse_log_name(name);
                    parsed.map(|(kind, device, seq)| ObjectName::Log(kind, device, seq)) == Some(object)
                }
                ObjectName::Pack(pack) => parse_pack_name(name) == Some(pack),
            };
            prop_assert!(is_own && !is_litter(name));
            let is_safe = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
            prop_assert!(name.bytes().all(is_safe) && name.matches('.').count() == 1);
            prop_assert!(name.len() <= 48);
        }
    }
}
