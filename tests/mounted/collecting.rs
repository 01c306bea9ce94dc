//! `hushfs collect`, of a mount and of a vault that is not mounted.

use std::fs;

use super::bench::{Bench, said};

const MIB: usize = 1 << 20;

/// Bytes that no two files have in common.
fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / 13 % 251) as u8 ^ (at % 256) as u8 ^ seed).collect()
}

fn vault_bytes(bench: &Bench) -> u64 {
    bench.status().object_bytes
}

#[test]
fn a_mount_lets_go_of_what_was_removed_when_it_is_asked_to() {
    let Some(bench) = Bench::mounted() else { return };
    let kept = content(1, 300_000);
    fs::write(bench.at("kept"), &kept).unwrap();
    fs::write(bench.at("gone"), content(2, 20 * MIB)).unwrap();
    fs::remove_file(bench.at("gone")).unwrap();
    let collect = |history: &str, place: &std::path::Path| {
        let output = bench.command("collect").args(["--history", history]).arg(place).output();
        let (code, text) = said(&output.unwrap());
        assert_eq!(code, 0, "{text}");
        text
    };
    let told = collect("1h", &bench.mount_point());
    assert!(told.contains("kept 2"), "{told}");
    assert!(bench.status().history_bytes > 20 * MIB as u64);
    assert!(vault_bytes(&bench) > 20 * MIB as u64);
    // By the vault's folder it is the same mount that does it.
    let told = collect("0", &bench.vault());
    assert!(told.contains("freed 2"), "{told}");
    assert!(vault_bytes(&bench) < MIB as u64);
    assert_eq!((bench.status().history_bytes, bench.status().damage.len()), (0, 0));
    assert!(fs::read(bench.at("kept")).unwrap() == kept);
    bench.remount();
    assert!(fs::read(bench.at("kept")).unwrap() == kept);
}

#[test]
fn a_vault_that_is_not_mounted_is_collected_with_its_key_and_not_without() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("kept"), content(1, 5000)).unwrap();
    fs::write(bench.at("gone"), content(2, 3 * MIB)).unwrap();
    bench.unmount();
    bench.mount();
    fs::remove_file(bench.at("gone")).unwrap();
    bench.unmount();
    let collect = |how: &[&str]| {
        let mut command = bench.command("collect");
        command.arg("--state-dir").arg(bench.state()).args(["--history", "0", "--json"]);
        said(&command.args(how).arg(bench.vault()).output().unwrap())
    };
    let wrong = bench.folder().join("wrong");
    fs::write(&wrong, "00".repeat(32)).unwrap();
    assert_eq!(collect(&["--key-file", wrong.to_str().unwrap()]).0, 10);
    let (code, told) = collect(&["--key-file", bench.key_file().to_str().unwrap()]);
    assert_eq!(code, 0, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["freed_bytes"].as_u64().unwrap() > 3 * MIB as u64, "{told}");
    bench.mount();
    assert!(fs::read(bench.at("kept")).unwrap() == content(1, 5000));
    assert!(!bench.at("gone").exists());
}

#[test]
fn a_mount_that_may_not_write_collects_nothing() {
    let Some(bench) = Bench::new() else { return };
    let mounted = bench.try_mount(&["--read-only"]);
    assert!(mounted.status.success(), "{mounted:?}");
    let mut collect = bench.command("collect");
    let (code, text) =
        said(&collect.args(["--history", "0"]).arg(bench.mount_point()).output().unwrap());
    assert_eq!(code, 1, "{text}");
}
