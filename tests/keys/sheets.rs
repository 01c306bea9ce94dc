//! `key sheet`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::bench::Bench;
use crate::program::Said;
use crate::subject::{FIRST, Subject};

/// The key that a text sheet shows.
fn key_on(sheet: &Path) -> String {
    let text = fs::read_to_string(sheet).unwrap();
    let lines = text.lines().filter(|line| line.contains("groups ") && line.contains(" to "));
    let groups: Vec<&str> =
        lines.flat_map(|line| line.split_whitespace().rev().take(4).collect::<Vec<_>>()).collect();
    assert_eq!(groups.len(), 16, "{text}");
    let lines = groups.chunks(4).flat_map(|line| line.iter().rev().copied());
    lines.collect::<Vec<_>>().join(" ")
}

/// What a command says whose words end before vault and file.
fn said(subject: &Subject, unlock: &[&str], words: &[&str], file: &Path) -> Said {
    let mut command = subject.command(&["key", "sheet"]);
    Said::by(command.args(unlock).args(words).arg(subject.vault()).arg(file))
}

fn by_password() -> [String; 2] {
    ["--password-command".to_owned(), format!("echo {FIRST}")]
}

#[test]
fn a_sheet_has_a_new_key_that_opens_the_vault_and_is_for_its_owner_alone() {
    let subject = Subject::new();
    let by = by_password();
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    let sheet = subject.place("sheet.txt");
    said(&subject, &by, &[], &sheet).expect(0, &["is added", "“key sheet”", "delete the file"]);
    assert_eq!(sheet.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&sheet).unwrap();
    assert!(text.contains("hushfs restore vault restored") && text.contains("vault\n"));
    let typed = subject.place("typed");
    fs::write(&typed, key_on(&sheet)).unwrap();
    let test = ["key", "test", "--key-file", typed.to_str().unwrap()];
    subject.said(&test).expect(0, &["“key sheet”"]);
    let slot = subject.slots().into_iter().find(|slot| slot.name.is_some()).unwrap();
    assert!(text.contains(&slot.id[..8]));
    assert_eq!(subject.slots().len(), 3);
}

#[test]
fn a_sheet_of_a_key_that_is_given_adds_nothing() {
    let subject = Subject::new();
    let (sheet, key) = (subject.place("sheet"), subject.key());
    let by = ["--key-file", key.to_str().unwrap()];
    said(&subject, &by, &[], &sheet).expect(0, &["No new key was made"]);
    assert_eq!(key_on(&sheet), fs::read_to_string(&key).unwrap().replace('\n', " ").trim_end());
    assert_eq!(subject.slots().len(), 2);
}

#[test]
fn a_sheet_is_a_pdf_if_its_name_or_a_flag_says_so() {
    let subject = Subject::new();
    let key = subject.key();
    let by = ["--key-file", key.to_str().unwrap()];
    for (words, name) in [(&[][..], "a.pdf"), (&[], "a.PDF"), (&["--pdf"], "page")] {
        let sheet = subject.place(name);
        said(&subject, &by, words, &sheet).expect(0, &[]);
        assert!(fs::read(&sheet).unwrap().starts_with(b"%PDF-"), "{name}");
        assert_eq!(sheet.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_sheet_that_cannot_be_written_adds_no_slot_and_replaces_nothing() {
    let subject = Subject::new();
    let by = by_password();
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    let taken = subject.place("taken");
    fs::write(&taken, "precious").unwrap();
    let inside = subject.vault().join("sheet.txt");
    let link = subject.place("link");
    std::os::unix::fs::symlink(subject.place("nowhere"), &link).unwrap();
    for (file, code, text) in [
        (taken.clone(), 1, "exists already"),
        (link, 1, "exists already"),
        (inside.clone(), 2, "would be uploaded"),
        (subject.place("no/such/folder"), 1, "writing the key"),
    ] {
        said(&subject, &by, &[], &file).expect(code, &[text]);
        assert_eq!(subject.slots().len(), 2, "{}", file.display());
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "precious");
    assert!(!inside.exists() && !subject.place("nowhere").exists());
    let wrong = ["--password-command", "echo wrong"];
    said(&subject, &wrong, &[], &subject.place("new")).expect(10, &["wrong password"]);
    assert!(!subject.place("new").exists());
}

#[test]
fn a_mount_adds_a_sheets_key_and_a_sheet_is_not_written_into_the_mount() {
    let Some(bench) = Bench::mounted() else { return };
    let sheet =
        |file: &Path| Said::by(bench.command("key").arg("sheet").arg(bench.vault()).arg(file));
    sheet(&bench.at("sheet.pdf")).expect(2, &["is in the mount of the vault"]);
    let outside = bench.folder().join("sheet.txt");
    sheet(&outside).expect(0, &["is added"]);
    let typed = bench.folder().join("typed");
    fs::write(&typed, key_on(&outside)).unwrap();
    let test =
        bench.command("key").args(["test", "--key-file"]).arg(&typed).arg(bench.vault()).output();
    Said::from(&test.unwrap()).expect(0, &["“key sheet”"]);
}
