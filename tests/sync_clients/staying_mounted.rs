//! What a mount shows of what another machine publishes meanwhile, although its kernel remembers how
//! things were: by path, by handles that stay open, and by names that were looked up in vain.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};

use super::service::{bench_with, wait_for};
use super::site::Site;
use super::snapshot;
use super::syncthing_pair::Pair;
use super::turns::bytes;

/// Whole pages, so that whoever appends fills pages of its own.
const LENGTH: u64 = 8192;
/// What is changed in every round; each is a file with this content.
const FILES: [&str; 9] =
    ["read", "told of", "listed/one", "open", "cut", "grows", "replaced", "to go", "to move"];

fn begin(folder: &Path) {
    fs::create_dir(folder.join("listed")).unwrap();
    for (nth, name) in (0..).zip(FILES) {
        fs::write(folder.join(name), bytes(nth, LENGTH)).unwrap();
    }
    symlink("read", folder.join("link")).unwrap();
}

fn names_in(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn is_absent(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn list_of(path: &Path) -> Vec<u8> {
    let mut list = vec![0; 1000];
    let length = lgetxattr(path, "system.posix_acl_access", &mut list[..]).unwrap_or(0);
    list.truncate(length);
    list
}

/// What somebody here has open and has looked at before the other machine changes it.
struct Memory {
    open: File,
    to_go: File,
    listed: Vec<OsString>,
}

/// Has the kernel remember all there is to be remembered; the second time comes from there.
fn remember(folder: &Path, round: u64) -> Memory {
    let at = |name: &str| folder.join(name);
    let memory = Memory {
        open: File::open(at("open")).unwrap(),
        to_go: File::open(at("to go")).unwrap(),
        listed: names_in(&at("listed")),
    };
    for _ in 0..2 {
        snapshot::of(folder);
        for name in FILES {
            fs::read(at(name)).unwrap();
            list_of(&at(name));
        }
        assert_eq!(names_in(&at("listed")), memory.listed);
        let mut first = [0; 100];
        memory.open.read_exact_at(&mut first, 0).unwrap();
        assert_eq!(
            memory.open.metadata().unwrap().size(),
            fs::metadata(at("open")).unwrap().size()
        );
        fs::read_link(at("link")).unwrap();
        for name in ["comes", "listed/comes", "folder comes", "folder comes/in it", "moved"] {
            assert!(is_absent(&at(&format!("{name} {round}"))), "{name}");
        }
    }
    memory
}

/// Changes all of that.
fn change(folder: &Path, round: u64) {
    let at = |name: &str| folder.join(name);
    let of_round = |name: &str| folder.join(format!("{name} {round}"));
    let seed = 100 * round;
    let writable = |name: &str| OpenOptions::new().write(true).open(at(name)).unwrap();
    fs::write(at("read"), bytes(seed, LENGTH)).unwrap();
    let mode = fs::metadata(at("told of")).unwrap().mode() & 0o777;
    fs::set_permissions(at("told of"), Permissions::from_mode(mode ^ 0o011)).unwrap();
    let colour = format!("colour {round}");
    lsetxattr(at("told of"), "user.colour", colour.as_bytes(), XattrFlags::empty()).unwrap();
    let list = format!("u:{}:r", 1000 + round);
    let done = Command::new("setfacl").args(["-m", &list]).arg(at("listed/one")).status().unwrap();
    assert!(done.success());
    writable("open").write_all_at(&bytes(seed + 1, 5000), 1000).unwrap();
    OpenOptions::new().append(true).open(at("open")).unwrap().write_all(&[7; 4096]).unwrap();
    writable("cut").set_len(LENGTH - 1000 * round).unwrap();
    fs::write(at("instead"), bytes(seed + 2, 300)).unwrap();
    fs::rename(at("instead"), at("replaced")).unwrap();
    fs::remove_file(at("to go")).unwrap();
    fs::rename(at("to move"), of_round("moved")).unwrap();
    fs::write(of_round("comes"), bytes(seed + 3, LENGTH)).unwrap();
    fs::write(of_round("listed/comes"), "").unwrap();
    fs::hard_link(at("read"), of_round("listed/read as well")).unwrap();
    fs::create_dir(of_round("folder comes")).unwrap();
    fs::write(of_round("folder comes").join("in it"), "x").unwrap();
    fs::remove_file(at("link")).unwrap();
    symlink(format!("comes {round}"), at("link")).unwrap();
}

/// Makes again what went, for the next round.
fn make_anew(folder: &Path, round: u64) {
    fs::write(folder.join("to go"), bytes(100 * round + 4, LENGTH)).unwrap();
    fs::rename(folder.join(format!("moved {round}")), folder.join("to move")).unwrap();
}

/// Waits until a mount shows what the other one does: everything by path, and nothing else.
fn wait_for_same(here: &Path, there: &Path) {
    let wanted = snapshot::of(there);
    wait_for(|| {
        let now = snapshot::try_of(here).map_err(|error| error.to_string())?;
        let different = snapshot::differences(&now, &wanted);
        different.is_empty().then_some(()).ok_or(different.join("\n"))
    });
}

/// Both stay mounted and take turns; `sync` brings what is published to the other.
fn take_turns(sites: [&Site; 2], sync: impl Fn()) {
    let [one, other] = sites;
    one.mount();
    begin(&one.mount_point());
    one.publish();
    sync();
    other.mount();
    wait_for_same(&other.mount_point(), &one.mount_point());
    for round in 1..5 {
        let [works, waits] = if round % 2 == 0 { [other, one] } else { [one, other] };
        let [there, here] = [works, waits].map(|site| site.mount_point());
        let memory = remember(&here, round);
        let to_go = fs::read(here.join("to go")).unwrap();
        change(&there, round);
        works.publish();
        sync();
        wait_for_same(&here, &there);

        let size = fs::metadata(there.join("open")).unwrap().size();
        assert_eq!(memory.open.metadata().unwrap().size(), size);
        let mut open = vec![0; usize::try_from(size).unwrap()];
        memory.open.read_exact_at(&mut open, 0).unwrap();
        assert!(open == fs::read(there.join("open")).unwrap(), "the open file is not the same");
        let mut gone = vec![0; to_go.len()];
        memory.to_go.read_exact_at(&mut gone, 0).unwrap();
        assert!(gone == to_go, "the file that went while it was open is not what it was");
        assert_ne!(names_in(&here.join("listed")), memory.listed);
        let lists = [&here, &there].map(|folder| list_of(&folder.join("listed/one")));
        assert!(lists[0] == lists[1] && !lists[0].is_empty(), "{lists:?}");
        drop(memory);

        make_anew(&there, round);
        works.publish();
        sync();
        wait_for_same(&here, &there);
    }
    unmount_alike(sites, sync);
}

/// Unmounts both, and finds the same files in each of the vault folders.
fn unmount_alike(sites: [&Site; 2], sync: impl Fn()) {
    let last = snapshot::of(&sites[0].mount_point());
    for site in sites {
        site.unmount();
    }
    sync();
    for site in sites {
        site.mount();
        snapshot::assert_same(&snapshot::of(&site.mount_point()), &last);
        site.unmount();
        let (code, told) = site.verify();
        assert_eq!(code, 0, "{told}");
    }
}

/// Machines append to a file in turns, through handles that stay open and through new ones. Nobody
/// asks for its size before, so the kernel may believe in what it was.
fn append_in_turns(sites: [&Site; 2], sync: impl Fn()) {
    let [one, other] = sites;
    one.mount();
    fs::write(one.mount_point().join("grows"), bytes(1, LENGTH)).unwrap();
    one.publish();
    sync();
    other.mount();
    wait_for_same(&other.mount_point(), &one.mount_point());
    let mut expected = bytes(1, LENGTH);
    let open = |site: &Site| {
        let path = site.mount_point().join("grows");
        OpenOptions::new().read(true).append(true).open(path).unwrap()
    };
    let mut held = sites.map(open);
    let mut believed = [expected.len(); 2];
    for turn in 0..12 {
        let at = turn % 2;
        let [works, waits] = [sites[at], sites[1 - at]];
        // Whole pages and parts, and more than one request.
        let length = [LENGTH, 100, 4096, 3 << 20, 3996, LENGTH][turn % 6];
        let more = bytes(turn as u64 + 2, length);
        if turn < 6 {
            held[at].write_all(&more).unwrap();
        } else {
            open(works).write_all(&more).unwrap();
        }
        expected.extend(more);
        // Where the kernel believed to write, it may have kept that.
        let there = expected[believed[at]..].chunks(4096).next().unwrap();
        wait_for(|| {
            let mut page = vec![0; there.len()];
            held[at].read_exact_at(&mut page, believed[at] as u64).unwrap();
            (page == there).then_some(()).ok_or(format!("turn {turn}: what is there"))
        });
        believed[at] = expected.len();
        let marker = format!("turn {turn}");
        assert!(is_absent(&waits.mount_point().join(&marker)));
        fs::write(works.mount_point().join(&marker), "").unwrap();
        works.publish();
        let there = fs::read(works.mount_point().join("grows")).unwrap();
        assert!(there == expected, "turn {turn}: {} of {} bytes", there.len(), expected.len());
        sync();
        wait_for(|| match is_absent(&waits.mount_point().join(&marker)) {
            true => Err(marker.clone()),
            false => Ok(()),
        });
    }
    drop(held);
    wait_for_same(&other.mount_point(), &one.mount_point());
    for site in sites {
        assert!(fs::read(site.mount_point().join("grows")).unwrap() == expected);
    }
    unmount_alike(sites, sync);
}

#[test]
fn a_kernel_forgets_what_another_device_changes_over_syncthing() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let pair = Pair::start([&one, &other], "");
    take_turns([&one, &other], || pair.sync());
}

#[test]
fn what_is_appended_through_an_open_handle_comes_after_what_came_over_syncthing() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let pair = Pair::start([&one, &other], "");
    append_in_turns([&one, &other], || pair.sync());
}
