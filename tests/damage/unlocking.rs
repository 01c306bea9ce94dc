//! Wrong passwords and keys, damaged slots and descriptors, and what is no vault at all.

use std::fs;

use crate::bench::Bench;
use crate::bench::program::{Said, hushfs};
use crate::victim::Victim;

#[test]
fn a_wrong_key_is_told_from_a_text_that_is_no_key() {
    let victim = Victim::new();
    let key = victim.bench.key();
    let digits = "0123456789abcdef".repeat(4);
    for (text, sentence) in [
        (digits.clone(), "wrong 64-digit key"),
        (digits[1..].to_owned(), "63 digits; a key has 64"),
        (format!("{digits}f"), "65 digits; a key has 64"),
        (digits.replacen("ef01", "eO01", 1), "“O” in group 4 (digit 16)"),
        (String::new(), "0 digits"),
    ] {
        fs::write(&key, text).unwrap();
        victim.expect_refusal(10, &[sentence]);
    }
}

#[test]
fn a_wrong_password_opens_nothing_and_the_right_one_opens_beside_a_damaged_slot() {
    let bench = Bench::new();
    let (vault, key) = (bench.place("two-ways"), bench.place("second-key"));
    let password = ["--password-command", "echo marmot brazier lectern oxbow"];
    let mut init = hushfs(&["init", "--yes"]);
    Said::by(init.args(password).arg("--key-file").arg(&key).arg(&vault)).expect(0, &[]);

    let verify = |how: [&str; 2]| Said::by(hushfs(&["verify"]).args(how).arg(&vault));
    verify(password).expect(0, &["all is whole"]);
    let wrong = ["--password-command", "echo marmot"];
    verify(wrong).expect(10, &["wrong password"]);
    verify(["--password-command", "exit 3"]).expect(1, &["password command failed"]);
    verify(["--password-command", "true"]).expect(1, &["empty"]);

    let slots = fs::read_dir(vault.join("keys")).unwrap();
    let slots: Vec<_> = slots.map(|slot| slot.unwrap().path()).collect();
    assert_eq!(slots.len(), 2);
    for slot in slots {
        let bytes = fs::read(&slot).unwrap();
        let name = format!("keys/{}", slot.file_name().unwrap().to_str().unwrap());
        fs::write(&slot, b"").unwrap();
        let is_password = verify(["--key-file", key.to_str().unwrap()]).stdout.contains(&name);
        let whole = if is_password { ["--key-file", key.to_str().unwrap()] } else { password };
        let lost = if is_password { password } else { ["--key-file", key.to_str().unwrap()] };
        verify(whole).expect(11, &[&format!("DAMAGED  {name}")]);
        verify(lost).expect(11, &["the one of a slot that is damaged", &name]);
        fs::write(&slot, bytes).unwrap();
    }
    let lonely = Victim::new();
    let mut command = hushfs(&["verify", "--password-command", "echo x"]);
    Said::by(command.arg(lonely.bench.vault())).expect(10, &["does not open with a password"]);
}

#[test]
fn a_damaged_slot_is_named_and_the_key_is_not_blamed_alone() {
    let victim = Victim::new();
    let slot = victim.slot();
    let bytes = victim.read(&slot);
    let mut damages: Vec<Vec<u8>> = [0, 9, 12, 30, 60, 100, 250, bytes.len() - 1]
        .map(|at| {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            changed
        })
        .to_vec();
    damages.extend([0, 9, bytes.len() - 1].map(|length| bytes[..length].to_vec()));
    damages.push([&bytes[..], b"x"].concat());
    for damage in damages {
        victim.write(&slot, &damage);
        victim.expect_refusal(11, &[&slot, "the one of a slot that is damaged"]);
    }
}

#[test]
fn a_vault_without_slots_says_what_that_means() {
    let victim = Victim::new();
    victim.remove(&victim.slot());
    victim.expect_refusal(11, &["keys holds no slots", "nothing opens this vault"]);
    fs::remove_dir(victim.path("keys")).unwrap();
    victim.expect_refusal(11, &["keys holds no slots"]);
}

#[test]
fn a_damaged_descriptor_is_named() {
    let victim = Victim::new();
    let bytes = victim.read("hushfs.vault");
    for at in (0..bytes.len()).filter(|at| !(8..10).contains(at)) {
        victim.flip("hushfs.vault", at);
        victim.verify().0.expect(11, &["hushfs.vault is damaged"]);
        if at % 10 == 0 {
            victim.expect_refusal(11, &["hushfs.vault is damaged"]);
        }
        victim.write("hushfs.vault", &bytes);
    }
    for length in [0, 9, 20, bytes.len() - 1] {
        victim.truncate("hushfs.vault", length);
        victim.expect_refusal(11, &["hushfs.vault is damaged: cut short"]);
        victim.write("hushfs.vault", &bytes);
    }
    victim.write("hushfs.vault", &[&bytes[..], b"x"].concat());
    victim.expect_refusal(11, &["hushfs.vault is damaged", "longer"]);
    victim.write("hushfs.vault", &vec![0; 1 << 20]);
    victim.expect_refusal(11, &["hushfs.vault"]);
}

#[test]
fn the_descriptor_of_another_vault_opens_nothing() {
    let (victim, other) = (Victim::new(), Victim::new());
    victim.write("hushfs.vault", &other.read("hushfs.vault"));
    victim.expect_refusal(11, &["hushfs.vault"]);
}

#[test]
fn a_newer_vault_is_left_to_a_newer_hushfs() {
    let victim = Victim::new();
    let mut bytes = victim.read("hushfs.vault");
    bytes[8] = 2;
    victim.write("hushfs.vault", &bytes);
    let newer = "written by a newer hushfs (format 2; this one reads up to 1)";
    victim.expect_refusal(12, &[newer]);
    // A newer descriptor may be longer.
    bytes.resize(3000, 7);
    victim.write("hushfs.vault", &bytes);
    victim.expect_refusal(12, &[newer]);
}

#[test]
fn what_is_no_vault_is_said_to_be_none() {
    let victim = Victim::new();
    victim.remove("hushfs.vault");
    victim.expect_refusal(12, &["has no hushfs.vault", "not been downloaded"]);
    for folder in ["keys", "log", "data"] {
        fs::remove_dir_all(victim.path(folder)).unwrap();
    }
    victim.expect_refusal(12, &["is not a vault"]);
    let bench = Bench::new();
    let missing = bench.place("nothing-here");
    let mut command = bench.command("verify", &[missing.as_os_str()]);
    Said::by(&mut command).expect(12, &["nothing-here is not a vault"]);
    let file = bench.key();
    Said::by(&mut bench.command("verify", &[file.as_os_str()])).expect(12, &["is not a vault"]);
}
