use proptest::prelude::*;

use super::*;

const NOBODY: u32 = u32::MAX;
const USER: u32 = 1000;
const GROUP: u32 = 2000;

/// What an inode grants at one moment: its mode, and its list as stored.
type State = (u32, Option<Vec<u8>>);

/// Everybody that a list tells apart.
#[derive(Clone, Copy, Debug)]
struct Caller {
    owns: bool,
    is_user: bool,
    in_owning_group: bool,
    in_group: bool,
}

fn callers() -> impl Iterator<Item = Caller> {
    (0..16).map(|bits| Caller {
        owns: bits & 1 != 0,
        is_user: bits & 2 != 0,
        in_owning_group: bits & 4 != 0,
        in_group: bits & 8 != 0,
    })
}

/// A state that is consistent: of a mode alone, or of a list whose mode it is.
fn state() -> impl Strategy<Value = State> {
    let may = || 0..8u8;
    let list = (may(), prop::option::of(may()), may(), prop::option::of(may()), may(), may());
    (list, any::<bool>()).prop_map(|((owner, user, group, named, mask, others), has_list)| {
        let mut value = vec![2, 0, 0, 0];
        let mut add = |tag: u8, may: u8, id: u32| {
            value.extend([tag, 0, may, 0]);
            value.extend(id.to_le_bytes());
        };
        add(1, owner, NOBODY);
        user.into_iter().for_each(|may| add(2, may, USER));
        add(4, group, NOBODY);
        named.into_iter().for_each(|may| add(8, may, GROUP));
        add(0x10, mask, NOBODY);
        add(0x20, others, NOBODY);
        let list = AccessList::decode(&value).unwrap().unwrap();
        let mode = u32::from(owner) << 6 | u32::from(group) << 3 | u32::from(others);
        if has_list { (list.mode_bits(), Some(value)) } else { (mode, None) }
    })
}

/// Whether Linux grants a caller all of `want` (`acl_permission_check`, `posix_acl_permission`).
fn grants((mode, list): &State, caller: Caller, want: u32) -> bool {
    let all_of = |may: u32| may & want == want;
    if caller.owns {
        return all_of(mode >> 6);
    }
    let list = list.as_ref().filter(|_| mode & 0o070 != 0);
    let Some(list) = list else {
        return all_of(if caller.in_owning_group { mode >> 3 } else { *mode });
    };
    let entries: Vec<(u8, u32)> = list[4..].chunks(8).map(|e| (e[0], e[2].into())).collect();
    let mask = entries.iter().find(|(tag, _)| *tag == 0x10).map_or(7, |(_, may)| *may);
    let mut is_in_some_group = false;
    for (tag, may) in entries {
        match tag {
            2 if caller.is_user => return all_of(may & mask),
            4 if caller.in_owning_group => is_in_some_group = true,
            8 if caller.in_group => is_in_some_group = true,
            0x20 => return !is_in_some_group && all_of(may),
            _ => continue,
        }
        if all_of(may) {
            return all_of(may & mask);
        }
    }
    false
}

/// The states that operations lead through, the first and the last included.
fn states(before: State, operations: &[Operation<'_>]) -> Vec<State> {
    let mut states = vec![before];
    for operation in operations {
        let (mut mode, mut list) = states[states.len() - 1].clone();
        match operation {
            Operation::SetAttr { mode: Some(new), .. } => mode = *new,
            Operation::SetXattr { value, .. } => list = Some(value.to_vec()),
            Operation::RemoveXattr { .. } => list = None,
            other => panic!("{other:?}"),
        }
        states.push((mode, list));
    }
    states
}

fn is_consistent((mode, list): &State) -> bool {
    let Some(list) = list else { return true };
    AccessList::decode(list).unwrap().unwrap().mode_bits() == mode & ALL_RWX
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn on_the_way_to_a_list_nobody_gets_what_neither_end_grants(
        before in state(), after in state()
    ) {
        let mode_as_list = |mode: u32| {
            let mut minimal = vec![2, 0, 0, 0];
            for (tag, shift) in [(1, 6), (4, 3), (0x20, 0)] {
                minimal.extend([tag, 0, (mode >> shift & 7) as u8, 0, 255, 255, 255, 255]);
            }
            minimal
        };
        let wanted = after.1.clone().unwrap_or_else(|| mode_as_list(after.0));
        let list = AccessList::decode(&wanted).unwrap().unwrap();
        let (had_list, time) = (before.1.is_some(), Time::default());
        let steps = access_steps(Ino(2), list.mode_bits(), had_list, &list, &wanted, time);
        let states = states(before.clone(), &steps);
        let last = states.last().unwrap();
        prop_assert!(is_consistent(last));
        for caller in callers() {
            for want in 1..8 {
                let ends = grants(&before, caller, want) || grants(last, caller, want);
                for state in &states {
                    prop_assert!(ends || !grants(state, caller, want), "{caller:?} {want}");
                }
                prop_assert_eq!(grants(last, caller, want), grants(&after, caller, want));
            }
        }
    }
}
