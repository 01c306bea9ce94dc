use proptest::prelude::*;

use super::*;

/// Well-formed lists, with a mask where one is needed and sometimes where none is.
pub(crate) fn list() -> impl Strategy<Value = AccessList> {
    let named = || prop::collection::vec((0..RWX + 1, 0..NO_ID), 0..4);
    let may = || 0..RWX + 1;
    (may(), named(), may(), named(), prop::option::of(may()), may()).prop_map(
        |(owner, users, group, groups, mask, others)| {
            let some = |tag| move |(may, id)| Entry { tag, may, id };
            let one = |tag, may| Entry { tag, may, id: NO_ID };
            let needs_mask = !users.is_empty() || !groups.is_empty();
            let mut entries = vec![one(OWNER, owner)];
            entries.extend(users.into_iter().map(some(USER)));
            entries.push(one(GROUP, group));
            entries.extend(groups.into_iter().map(some(NAMED_GROUP)));
            entries.extend(mask.or(needs_mask.then_some(RWX)).map(|may| one(MASK, may)));
            entries.push(one(OTHERS, others));
            AccessList(entries)
        },
    )
}

/// Bytes as `setfacl` hands them over.
fn value(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0];
    for (tag, may, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(may.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn decoded(entries: &[(u16, u16, u32)]) -> Result<AccessList, AccessListError> {
    AccessList::decode(&value(entries)).map(Option::unwrap)
}

proptest! {
    #[test]
    fn lists_read_back_as_they_were_written(list in list()) {
        prop_assert_eq!(AccessList::decode(&list.encode()), Ok(Some(list)));
    }

    #[test]
    fn no_bytes_are_taken_for_another_list(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let bytes = [&[2, 0, 0, 0][..], &bytes].concat();
        if let Ok(Some(list)) = AccessList::decode(&bytes) {
            let again = AccessList::decode(&list.encode());
            prop_assert_eq!(again, Ok(Some(list)));
        }
    }

    #[test]
    fn a_list_with_one_entry_less_or_two_in_the_wrong_order_is_checked(
        list in list(), at in any::<prop::sample::Index>()
    ) {
        let at = at.index(list.0.len());
        let mut fewer = list.clone();
        let gone = fewer.0.remove(at).tag;
        let has_named = fewer.0.iter().any(|entry| matches!(entry.tag, USER | NAMED_GROUP));
        let may_go = matches!(gone, USER | NAMED_GROUP) || (gone == MASK && !has_named);
        prop_assert_eq!(check(&fewer.0).is_ok(), may_go);
        let mut swapped = list;
        let next = (at + 1) % swapped.0.len();
        let alike = swapped.0[at].tag == swapped.0[next].tag;
        swapped.0.swap(at, next);
        prop_assert_eq!(check(&swapped.0).is_ok(), alike);
    }

    #[test]
    fn after_a_change_of_mode_the_list_tells_that_mode(list in list(), mode in 0..0o10000u32) {
        let mut changed = list.clone();
        changed.set_mode(mode);
        prop_assert_eq!(changed.mode_bits(), mode & ALL_RWX);
        prop_assert_eq!(changed.0.len(), list.0.len());
        changed.set_mode(list.mode_bits());
        prop_assert_eq!(changed, list, "and what the mode does not tell of stays");
    }

    #[test]
    fn what_is_made_grants_no_more_than_its_maker_or_the_folder_does(
        list in list(), mode in 0..0o10000u32
    ) {
        let mut made = list.clone();
        let made_mode = made.restrict_to(mode);
        prop_assert_eq!(made_mode, mode & (list.mode_bits() | !ALL_RWX));
        prop_assert_eq!(made.mode_bits(), made_mode & ALL_RWX);
        prop_assert!(check(&made.0).is_ok());
        for (before, after) in list.0.iter().zip(&made.0) {
            prop_assert_eq!((before.tag, before.id), (after.tag, after.id));
            prop_assert_eq!(after.may & !before.may, 0);
        }
    }

    #[test]
    fn the_owning_group_is_never_said_to_have_more_than_its_entry_or_the_mask(list in list()) {
        let may = list.owning_group_may();
        prop_assert_eq!(may & !list.may(GROUP), 0);
        prop_assert_eq!(may & !(list.mode_bits() >> 3), 0);
        prop_assert!(!list.is_only_a_mode() || may == list.mode_bits() >> 3 & RWX);
    }
}

#[test]
fn the_bytes_are_those_of_linux() {
    let entries = [(1, 6, NO_ID), (2, 7, 1000), (4, 4, NO_ID), (0x10, 6, NO_ID), (0x20, 0, NO_ID)];
    let list = decoded(&entries).unwrap();
    assert_eq!(list.encode(), value(&entries));
    assert_eq!((list.mode_bits(), list.owning_group_may()), (0o660, 4));
    assert!(!list.is_only_a_mode());
    let minimal = decoded(&[(1, 6, 0), (4, 4, 0), (0x20, 4, 0)]).unwrap();
    assert!(minimal.is_only_a_mode());
    assert_eq!(minimal.mode_bits(), 0o644);
    let normal = value(&[(1, 6, NO_ID), (4, 4, NO_ID), (0x20, 4, NO_ID)]);
    assert_eq!(minimal.encode(), normal, "numbers that mean nothing are all alike");
}

#[test]
fn what_linux_refuses_is_refused() {
    let refused: [&[(u16, u16, u32)]; 9] = [
        &[(1, 7, 0)],
        &[(4, 7, 0), (1, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (4, 7, 0), (0x20, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (1, 7, 0), (4, 7, 0), (0x20, 7, 0)],
        &[(1, 8, 0), (4, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (2, 7, 5), (4, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (2, 7, NO_ID), (4, 7, 0), (0x10, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (4, 7, 0), (0x10, 7, 0), (0x10, 7, 0), (0x20, 7, 0)],
        &[(1, 7, 0), (4, 7, 0), (0x40, 7, 0), (0x20, 7, 0)],
    ];
    for entries in refused {
        assert!(decoded(entries).is_err(), "{entries:?}");
    }
    let whole = value(&[(1, 7, 0), (4, 7, 0), (0x20, 7, 0)]);
    for cut in (1..4).chain(5..12).chain([whole.len() - 1]) {
        assert!(AccessList::decode(&whole[..cut]).is_err(), "{cut}");
    }
    let mut other_version = whole;
    other_version[0] = 1;
    assert!(AccessList::decode(&other_version).is_err());
}

#[test]
fn no_entries_are_no_list() {
    assert_eq!(AccessList::decode(b""), Ok(None));
    assert_eq!(AccessList::decode(&[2, 0, 0, 0]), Ok(None));
}
