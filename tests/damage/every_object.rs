//! Every object of a vault, damaged in every way: always an exit code and a name, and no wrong
//! byte is ever restored.

use std::fs;

use crate::victim::{FILES, Left, Victim};

#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipFirst,
    FlipMiddle,
    FlipLast,
    Truncate,
    Extend,
    Empty,
    Zero,
    Delete,
}

const DAMAGES: [Damage; 8] = [
    Damage::FlipFirst,
    Damage::FlipMiddle,
    Damage::FlipLast,
    Damage::Truncate,
    Damage::Extend,
    Damage::Empty,
    Damage::Zero,
    Damage::Delete,
];

impl Damage {
    fn hit(self, victim: &Victim, object: &str) {
        let bytes = victim.read(object);
        match self {
            Self::FlipFirst => victim.flip(object, 0),
            Self::FlipMiddle => victim.flip(object, bytes.len() / 2),
            Self::FlipLast => victim.flip(object, bytes.len() - 1),
            Self::Truncate => victim.truncate(object, bytes.len() / 2),
            Self::Extend => victim.write(object, &[&bytes[..], b"more"].concat()),
            Self::Empty => victim.write(object, b""),
            Self::Zero => victim.write(object, &vec![0; bytes.len()]),
            Self::Delete => victim.remove(object),
        }
    }
}

#[test]
fn whatever_happens_to_an_object_it_is_named_and_no_wrong_byte_is_restored() {
    let victim = Victim::new();
    let fixed = [victim.slot(), "hushfs.vault".to_owned()];
    let objects = fixed.iter().chain(&victim.logs).chain(&victim.packs);
    for object in objects {
        let bytes = victim.read(object);
        for damage in DAMAGES {
            damage.hit(&victim, object);
            let (verified, _) = victim.verify();
            let is_deleted_descriptor =
                object == "hushfs.vault" && matches!(damage, Damage::Delete);
            let code = if is_deleted_descriptor { 12 } else { 11 };
            let is_deleted_slot = *object == fixed[0] && matches!(damage, Damage::Delete);
            let name = if is_deleted_slot { "keys" } else { object.as_str() };
            verified.expect(code, &[name]);
            // Whole files are compared by the restore itself.
            let (restored, left) = victim.restore();
            let lost = left.iter().filter(|left| **left != Left::Whole).count();
            let is_footer_alone = victim.packs.contains(object) && lost == 0;
            assert_eq!(
                restored.code,
                if is_footer_alone { 0 } else { code },
                "{damage:?} {object}"
            );
            if let Some(nth) = victim.packs.iter().position(|pack| pack == object) {
                assert!(
                    lost == 0 || (lost == 1 && left[nth] != Left::Whole),
                    "{damage:?} {object}"
                );
                assert!(lost == 0 || verified.stdout.contains(FILES[nth]), "{verified:?}");
            }
            fs::write(victim.path(object), &bytes).unwrap();
        }
    }
    assert_eq!(victim.verify().0.code, 0);
    assert_eq!(victim.restore().1, [Left::Whole, Left::Whole, Left::Whole]);
}
