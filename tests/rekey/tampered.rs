//! Somebody changes the new vault while it is made.

use std::fs;

use crate::anew::{Opened, seal_anew};
use crate::bench::device::content;
use crate::files::files_below;
use crate::fleet::Fleet;

#[test]
fn whatever_is_changed_in_the_half_made_vault_is_named_and_no_vault_comes_of_it() {
    let fleet = Fleet::new(2);
    for name in ["a", "b"] {
        fleet.device(0).file(name, &content(5, 30_000));
        fleet.device(0).publish();
    }
    fleet.join();
    fleet.device(1).file("c", &content(6, 10_000));
    fleet.join();
    let old = Opened::by_key(&fleet.vault(0), &fleet.bench.key());
    let new = Opened::new_for(&old, &fleet.bench.place("anew"));
    seal_anew(&old, &new).unwrap();
    let whole = files_below(&new.place);
    let descriptor = new.place.join("hushfs.vault");
    for (path, bytes) in whole.iter().filter(|(path, _)| *path != "hushfs.vault") {
        for at in [0, 40, bytes.len() / 2, bytes.len() - 1] {
            fs::remove_file(&descriptor).unwrap();
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(new.place.join(path), &changed).unwrap();
            let error = seal_anew(&old, &new).unwrap_err();
            assert!(error.spoils_new_vault(), "{path}, byte {at}: {error}");
            assert!(error.to_string().contains(path), "{path}, byte {at}: {error}");
            assert!(!descriptor.exists(), "{path}, byte {at}");
            fs::write(new.place.join(path), bytes).unwrap();
            assert_eq!(seal_anew(&old, &new).unwrap().made, 0);
        }
        // What is not there is made again, and only that.
        fs::remove_file(new.place.join(path)).unwrap();
        let again = seal_anew(&old, &new);
        match path.ends_with(".log") {
            // Others name it by its hash.
            true if again.is_err() => {
                assert!(again.unwrap_err().spoils_new_vault(), "{path}");
                fs::write(new.place.join(path), bytes).unwrap();
                let made = files_below(&new.place);
                assert_eq!(made.len(), whole.len(), "{path}");
            }
            _ => assert_eq!(again.unwrap().made, 1, "{path}"),
        }
        fs::write(new.place.join(path), bytes).unwrap();
    }
}

#[test]
fn what_somebody_puts_there_who_has_only_the_old_keys_is_not_taken_for_the_new() {
    let fleet = Fleet::new(1);
    fleet.device(0).file("a", &content(7, 30_000));
    fleet.device(0).publish();
    let old = Opened::by_key(&fleet.vault(0), &fleet.bench.key());
    for (path, bytes) in files_below(&old.place) {
        if path.starts_with("keys/") || path == "README.txt" {
            continue;
        }
        let new = Opened::new_for(&old, &fleet.bench.place("anew"));
        let place = new.place.join(&path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
        let error = seal_anew(&old, &new).unwrap_err();
        assert!(error.spoils_new_vault() && error.to_string().contains(&path), "{path}: {error}");
        fs::remove_dir_all(&new.place).unwrap();
    }
}
