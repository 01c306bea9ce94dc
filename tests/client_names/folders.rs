//! Whole folders that a client has renamed, and packs in the wrong ones.

use std::fs;

use crate::clients::FOLDER_RENAMES;
use crate::subject::Subject;

fn folders(subject: &Subject) -> Vec<String> {
    let pack = subject.objects("data/", ".pack").remove(0);
    let of_pack = pack.rsplit_once('/').unwrap().0.to_owned();
    vec!["keys".to_owned(), "log".to_owned(), "data".to_owned(), of_pack]
}

#[test]
fn a_renamed_folder_is_read_where_it_is() {
    let subject = Subject::new();
    for folder in folders(&subject) {
        for (client, rename) in FOLDER_RENAMES {
            let to = rename(&folder);
            if to == folder {
                continue;
            }
            println!("{client}: {folder} as {to}");
            subject.rename(&folder, &to);
            let (said, _) = subject.expect_all_well();
            assert!(folder == "keys" || said.stdout.contains("is read from"), "{said:?}");
            subject.reset();
            subject.forget();
        }
    }
}

#[test]
fn a_folder_that_came_apart_is_put_together() {
    let subject = Subject::new();
    // Half of the log in a folder of another name, half in its own.
    for path in subject.objects("log/", "").iter().step_by(2) {
        subject.rename(path, &path.replace("log/", "log (1)/"));
    }
    for path in subject.objects("data/", ".pack").iter().step_by(2) {
        subject.rename(path, &path.replace("data/", "data 2/"));
    }
    subject.expect_all_well();
}

#[test]
fn packs_are_found_in_every_folder_that_packs_can_come_to() {
    let subject = Subject::new();
    let packs = subject.objects("data/", ".pack");
    let pack = &packs[0];
    let name = pack.rsplit('/').next().unwrap();
    for place in ["", "data/", "data/zz/", "DATA/", "data (1)/", "data (1)/zz 2/", "ab/", "AB 2/"] {
        let to = format!("{place}{name}");
        subject.rename(pack, &to);
        let (said, _) = subject.expect_all_well();
        said.expect(0, &[&format!("{pack} is read from {to}")]);
        subject.reset();
        subject.forget();
    }
}

#[test]
fn a_folder_that_cannot_be_listed_keeps_nobody_from_reading() {
    // Root lists it all the same.
    let subject = Subject::new();
    fs::create_dir(subject.path("data (1)")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(subject.path("data (1)"), mode).unwrap();
    std::os::unix::fs::symlink("data (2)", subject.path("data (2)")).unwrap();
    subject.expect_all_well();
}
