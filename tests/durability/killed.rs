//! What is left after a daemon was killed is what was promised.

use std::fs;

use super::bench::{Bench, HUSHFS};
use super::device::publish;
use super::sample::{run, script};

/// So many that every way to be killed comes up, and both kinds of disk for the state folder.
const ROUNDS: &str = "11";

#[test]
fn whatever_the_moment_of_the_kill_what_was_acknowledged_is_there_in_order() {
    // Tells whether anything can be mounted here.
    let Some(_bench) = Bench::empty() else { return };
    let mut rounds = script("kill-rounds");
    rounds.args(["--rounds", ROUNDS, "--workers", "3", "--hushfs", HUSHFS]);
    // What a failed round keeps must outlive this test.
    rounds.args(["--scratch", env!("CARGO_TARGET_TMPDIR")]);
    println!("{}", run(&mut rounds));
}

#[test]
fn a_vault_is_whole_at_the_moment_its_daemon_is_killed() {
    let Some(bench) = Bench::mounted() else { return };
    for number in 0..4_u8 {
        for size in [100, 300_000, 3_000_000] {
            fs::write(bench.at(format!("{number} {size}")), vec![number; size]).unwrap();
        }
        if number == 1 {
            publish(&bench.mount_point());
        }
    }
    bench.kill();
    let mut verify = bench.command("verify");
    verify.arg("--key-file").arg(bench.key_file()).arg("--state-dir").arg(bench.state());
    let told = run(verify.arg(bench.vault()));
    assert!(told.contains("all is whole") && told.contains("wait in"), "{told}");
    bench.mount();
    for number in 0..4_u8 {
        let content = fs::read(bench.at(format!("{number} 3000000"))).unwrap();
        assert!(content == vec![number; 3_000_000], "{number}");
    }
}
