//! What is left after a daemon was killed is what was promised.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::bench::{Bench, HUSHFS, said};
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

#[test]
fn a_vault_that_a_mount_goes_on_publishing_to_is_whole_at_every_moment() {
    let Some(bench) = Bench::mounted() else { return };
    let is_done = AtomicBool::new(false);
    let all_said: Vec<(i32, String)> = thread::scope(|scope| {
        scope.spawn(|| {
            for nth in (0..50).cycle() {
                fs::write(bench.at(nth.to_string()), vec![7; 50_000]).unwrap();
                publish(&bench.mount_point());
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let verified = (0..10).map(|_| {
            let mut verify = bench.command("verify");
            verify.arg("--key-file").arg(bench.key_file()).arg("--state-dir").arg(bench.state());
            said(&verify.arg(bench.vault()).output().unwrap())
        });
        let all_said = verified.collect();
        is_done.store(true, Ordering::Relaxed);
        all_said
    });
    for (code, text) in all_said {
        assert_eq!(code, 0, "{text}");
    }
}
