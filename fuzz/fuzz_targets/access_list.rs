//! Access control lists, as programs set them and as operations hold them.
#![no_main]

use hushfs::format::AccessList;
use libfuzzer_sys::fuzz_target;

const ALL_RWX: u32 = 0o777;

fuzz_target!(|data: &[u8]| {
    let Some((mode, value)) = data.split_first_chunk() else { return };
    let mode = u32::from(u16::from_le_bytes(*mode)) & 0o7777;
    match AccessList::decode(value) {
        Ok(Some(mut list)) => {
            let again = AccessList::decode(&list.encode()).unwrap().unwrap();
            assert_eq!(again, list);
            let before = list.mode_bits();
            let mut made = list.clone();
            assert_eq!(made.restrict_to(mode), mode & (before | !ALL_RWX));
            list.set_mode(mode);
            assert_eq!(list.mode_bits(), mode & ALL_RWX);
            list.set_mode(before);
            assert_eq!(list, again);
        }
        Ok(None) => {}
        Err(error) => drop(error.to_string()),
    }
});
