//! Key vaults on clusters of real etcd processes, and with a PKCS#11 token.
//!
//! Needs etcd, ip and softhsm2-util, and network namespaces; without them the tests skip themselves, unless `CI=true`.
#![cfg(all(feature = "keyvault-etcd", feature = "keyvault-hsm"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../bench/program.rs"]
mod program;
#[allow(dead_code, reason = "other tests need more of it than these")]
#[path = "../keyvault/raw.rs"]
mod raw;

mod account;
mod certificates;
mod etcd;
mod guesses;
mod lost_answers;
mod network;
mod partition;
mod rollback;
mod server;
mod servers;
mod tls;
mod token;

/// Whether a program is there. Says so if it is not, and fails in CI.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no {program} here");
        eprintln!("skipped: there is no {program} here");
    }
    found
}
