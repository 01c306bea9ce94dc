//! Three devices, mounted all the time, that work at random whether they are connected or not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::unlock;
use hushfs::format::{LogKind, OpenedLog};
use hushfs::store::{HostDisk, VaultFolder};

use super::at_random::Worker;
use super::bench::Bench;
use super::dice::Dice;
use super::ledger::{Content, Ledger};
use super::service::{bench_with, wait_for};
use super::site::Site;
use super::snapshot::{self, Snapshot};
use super::syncthing_group::Group;
use super::watchdog::tell;

const NAMES: [&str; 3] = ["first", "second", "third"];

/// A number that `scripts/three-devices` passes on.
fn wish(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |wish| wish.parse().unwrap())
}

/// Works for a while, rests for a while, until it is told to end.
fn work(worker: &mut Worker, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        for _ in 0..1 + worker.dice.below(40) {
            worker.step();
            thread::sleep(Duration::from_millis(worker.dice.below(300)));
        }
        let mut rest = Duration::from_millis(worker.dice.below(15_000));
        while !ended.load(Ordering::Relaxed) && !rest.is_zero() {
            let nap = rest.min(Duration::from_millis(200));
            thread::sleep(nap);
            rest -= nap;
        }
    }
}

/// Cuts devices off and lets them join again, at random, for this long.
fn disturb(group: &Group, dice: &mut Dice, ledger: &Ledger, length: Duration) {
    let since = Instant::now();
    let mut is_off = [false; NAMES.len()];
    while since.elapsed() < length {
        let left = length.saturating_sub(since.elapsed());
        thread::sleep(left.min(Duration::from_millis(2000 + dice.below(20_000))));
        let nth = dice.below(NAMES.len() as u64) as usize;
        if is_off[nth] {
            group.join(nth);
        } else {
            group.cut_off(nth);
            ledger.count("disconnection");
        }
        is_off[nth] = !is_off[nth];
    }
    (0..NAMES.len()).filter(|nth| is_off[*nth]).for_each(|nth| group.join(nth));
}

/// Publishes and syncs until all mounts show the same for good.
fn come_to_rest(sites: &[Site], group: &Group) -> Snapshot {
    // What a merge leaves to be published, the next round brings to the others.
    for _ in 0..3 {
        sites.iter().for_each(Site::publish);
        group.sync();
        sites[1..].iter().for_each(|site| sites[0].wait_for_news_of(site));
    }
    wait_for(|| {
        let of = |site: &Site| snapshot::try_of(&site.mount_point()).map_err(|e| e.to_string());
        let first = of(&sites[0])?;
        for site in &sites[1..] {
            let different = snapshot::differences(&first, &of(site)?);
            if !different.is_empty() {
                return Err(format!("{} to show the same:\n{}", site.name(), different.join("\n")));
            }
        }
        Ok(first)
    })
}

/// Log objects of a vault, and how many of them were written without knowing another that did not
/// know them either.
fn merged(bench: &Bench, site: &Site) -> (usize, usize) {
    let folder = VaultFolder::new(Arc::new(HostDisk), site.vault());
    let how = UnlockArgs { key_file: Some(bench.key_file()), ..UnlockArgs::default() };
    let keys = unlock(site.vault(), &folder, &how).unwrap().keys;
    let names = folder.listing().unwrap().log_names(LogKind::Increment);
    let logs: Vec<OpenedLog> = names
        .into_iter()
        .map(|(device, seq)| folder.get_log(&keys, LogKind::Increment, device, seq).unwrap())
        .collect();
    let knew = |log: &OpenedLog, other: &OpenedLog| {
        log.frontier.seq(other.device) >= other.seq
            || log.device == other.device && log.seq >= other.seq
    };
    let is_concurrent =
        |log: &&OpenedLog| logs.iter().any(|other| !knew(log, other) && !knew(other, log));
    (logs.len(), logs.iter().filter(is_concurrent).count())
}

#[test]
#[ignore = "takes minutes: scripts/three-devices"]
fn three_devices_at_work_end_with_the_same_and_lose_nothing() {
    let Some(bench) = bench_with("syncthing") else { return };
    let length = Duration::from_secs(60 * wish("HUSHFS_MINUTES", 1));
    let seed = wish("HUSHFS_SEED", 1);
    let sites = [Site::first(&bench), Site::empty(&bench, NAMES[1]), Site::empty(&bench, NAMES[2])];
    let group = Group::start(&sites);
    sites.iter().for_each(Site::mount);
    // Everybody knows of everybody before the books are opened.
    for site in &sites {
        std::fs::create_dir(site.mount_point().join(format!("of {}", site.name()))).unwrap();
    }
    come_to_rest(&sites, &group);
    let (ledger, ended) = (Ledger::default(), AtomicBool::new(false));
    let mut workers: Vec<Worker> = (0..)
        .zip(&sites)
        .map(|(nth, site)| Worker {
            name: NAMES[nth],
            mount_point: site.mount_point(),
            dice: Dice::new(seed * 1000 + nth as u64),
            ledger: &ledger,
            rows: 0,
        })
        .collect();
    thread::scope(|scope| {
        let threads = workers.iter_mut().map(|worker| scope.spawn(|| work(worker, &ended)));
        let threads: Vec<_> = threads.collect();
        let mut dice = Dice::new(seed);
        disturb(&group, &mut dice, &ledger, length);
        ended.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });

    let last = come_to_rest(&sites, &group);
    let databases: Vec<u64> = workers.iter().map(|worker| worker.rows).collect();
    for site in &sites {
        for (nth, rows) in databases.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            let database = site.mount_point().join(format!("db-{}", NAMES[nth]));
            let sql = "PRAGMA integrity_check; SELECT count(*) FROM rows;";
            let told = std::process::Command::new("sqlite3").arg(database).arg(sql).output();
            let told = String::from_utf8(told.unwrap().stdout).unwrap();
            assert_eq!(told, format!("ok\n{rows}\n"), "seed {seed}: {}", site.name());
        }
    }
    let is_ours = |path: &std::path::Path| !path.to_string_lossy().starts_with("db-");
    let files =
        last.iter().filter(|(path, node)| node.mode & 0o170_000 == 0o100_000 && is_ours(path));
    let shown: BTreeSet<Content> = files
        .filter(|(_, node)| node.size > 0)
        .map(|(_, node)| node.content.clone().try_into().unwrap())
        .collect();
    let conflicts = bench.status_of(&sites[0].mount_point()).conflicts;
    for site in &sites {
        site.unmount();
        let (code, told) = site.verify();
        assert_eq!(code, 0, "seed {seed}: {}: {told}", site.name());
    }
    let (publications, concurrent) = merged(&bench, &sites[0]);
    let (wrong, summary) = ledger.settle(&shown);
    tell(&format!(
        "seed {seed}, {} minutes: {summary}; {publications} log objects, {concurrent} of them \
         concurrent with others; {} paths and {conflicts} conflict copies in the end",
        length.as_secs() / 60,
        last.len(),
    ));
    assert!(wrong.is_empty(), "seed {seed}: {}", wrong.join("\n"));
}
