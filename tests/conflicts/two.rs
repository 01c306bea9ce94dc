//! Two machines with a mount each, and a sync client between them that is told when to sync.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::bench::{Bench, said};
use crate::service::wait_for;
use crate::site::Site;
use crate::snapshot;

pub struct Two<'a> {
    pub bench: &'a Bench,
    pub one: Site<'a>,
    pub other: Site<'a>,
}

impl<'a> Two<'a> {
    /// Both have the vault mounted and show what `before` makes.
    pub fn new(bench: &'a Bench, before: impl Fn(&Path)) -> Self {
        let two = Self { bench, one: Site::first(bench), other: Site::empty(bench, "other") };
        two.one.mount();
        before(&two.one.mount_point());
        two.one.publish();
        copy_new(two.one.vault(), two.other.vault());
        two.other.mount();
        two.sync();
        two
    }

    /// Both do their own, and then are joined.
    pub fn both(&self, one: impl Fn(&Path), other: impl Fn(&Path)) {
        one(&self.one.mount_point());
        self.one.publish();
        other(&self.other.mount_point());
        self.sync();
    }

    /// Has both publish, copies what is new either way, and waits until both show the same.
    pub fn sync(&self) {
        let both = [&self.one, &self.other];
        both.into_iter().for_each(Site::publish);
        copy_new(self.one.vault(), self.other.vault());
        copy_new(self.other.vault(), self.one.vault());
        self.one.wait_for_news_of(&self.other);
        wait_for(|| {
            let [one, other] = both.map(|site| snapshot::try_of(&site.mount_point()));
            let (one, other) = (one.map_err(|e| e.to_string())?, other.map_err(|e| e.to_string())?);
            let different = snapshot::differences(&one, &other);
            different.is_empty().then_some(()).ok_or(different.join("\n"))
        });
    }
}

/// Copies what is only in `from` into `to`, as a sync client does.
fn copy_new(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy_new(&from, &to);
        } else if !to.exists() {
            let arriving = to.with_extension("arriving.tmp");
            fs::copy(from, &arriving).unwrap();
            fs::rename(arriving, to).unwrap();
        }
    }
}

/// Runs `hushfs conflicts`.
pub fn conflicts(bench: &Bench, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    bench.command("conflicts").args(arguments.iter().map(|it| it.as_ref())).output().unwrap()
}

/// Settles, which must go well; gives what was said.
pub fn settle(bench: &Bench, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let (code, text) = said(&conflicts(bench, arguments));
    assert_eq!(code, 0, "{text}");
    text
}

/// The conflicts that a mount tells of.
pub fn told(bench: &Bench, mount_point: &Path) -> Vec<Value> {
    let output = conflicts(bench, &[&"--json", &mount_point]);
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let conflicts = told["conflicts"].as_array().unwrap().clone();
    assert_eq!(told["total"], conflicts.len());
    conflicts
}

/// The path of the only conflict copy in a mount.
pub fn only_copy(bench: &Bench, mount_point: &Path) -> PathBuf {
    let conflicts = told(bench, mount_point);
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    mount_point.join(conflicts[0]["copy"]["path"].as_str().unwrap())
}
