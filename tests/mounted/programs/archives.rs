//! Archives of a tree, made and unpacked.

use std::fs;

use super::super::bench::Bench;
use super::super::snapshot;
use super::{furnish, is_there, run};

#[test]
fn tar_goes_in_and_comes_out_the_same() {
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.at("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    let tar = |arguments: &[&str]| {
        run(&bench.mount_point(), "tar", &[&["--xattrs", "--sparse"][..], arguments].concat())
    };
    tar(&["-cf", "all.tar", "-C", "source", "."]);
    fs::create_dir(bench.at("unpacked")).unwrap();
    tar(&["-xpf", "all.tar", "-C", "unpacked"]);
    tar(&["-df", "all.tar", "-C", "unpacked"]);
    bench.remount();
    tar(&["-df", "all.tar", "-C", "unpacked"]);
    snapshot::assert_same(&snapshot::of(&bench.at("unpacked")), &snapshot::of(&source));
}

#[test]
fn zip_goes_in_and_comes_out_the_same() {
    if !is_there("zip") || !is_there("unzip") {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let source = bench.at("source");
    fs::create_dir(&source).unwrap();
    furnish(&source);
    run(&source, "zip", &["-qry", "../all.zip", "."]);
    let unpack_and_compare = |into: &str| {
        run(&bench.mount_point(), "unzip", &["-tq", "all.zip"]);
        run(&bench.mount_point(), "unzip", &["-q", "all.zip", "-d", into]);
        run(&bench.mount_point(), "diff", &["-r", "--no-dereference", "source", into]);
    };
    unpack_and_compare("unpacked");
    // One entry replaced and one taken out, as `zip` does it: a new archive renamed over the old.
    fs::write(source.join("a/one"), "other content").unwrap();
    fs::remove_file(source.join("a/none")).unwrap();
    run(&source, "zip", &["-q", "../all.zip", "a/one"]);
    run(&source, "zip", &["-qd", "../all.zip", "a/none"]);
    bench.remount();
    unpack_and_compare("again");
}
