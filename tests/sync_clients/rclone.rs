//! rclone between machines and a cloud that it serves by WebDAV, which keeps neither times nor
//! modes. `rclone bisync` refuses such a cloud unless it passes for one that keeps times; then only
//! sizes may be compared, which is enough for objects.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::bench::{Bench, said};
use super::service::{Service, bench_with, client, wait_for};
use super::site::{Listing, Site, assert_alike, listing};
use super::snapshot::{self, Snapshot};
use super::turns::bytes;

/// A folder that is the cloud, and who serves it.
struct Cloud<'a> {
    bench: &'a Bench,
    folder: PathBuf,
    address: String,
    _server: Service,
}

impl<'a> Cloud<'a> {
    fn start(bench: &'a Bench) -> Self {
        let folder = bench.folder().join("cloud");
        fs::create_dir(&folder).unwrap();
        let mut command = client(bench, "rclone");
        command.args(["--config", "", "serve", "webdav", "--addr", "127.0.0.1:0"]).arg(&folder);
        let server = Service::start(&command, &bench.folder().join("rclone serves"));
        let address = server.told("Server started on ", "\n");
        let address = address.trim_matches(['[', ']']).to_owned();
        Self { bench, folder, address, _server: server }
    }

    fn remote(&self) -> String {
        self.remote_of("other")
    }

    /// The cloud as one that a vendor's software serves.
    fn remote_of(&self, vendor: &str) -> String {
        format!(":webdav,vendor={vendor},url='{}':", self.address)
    }

    fn rclone(&self, command: &str) -> Command {
        let mut rclone = client(self.bench, "rclone");
        rclone.args(["--config", "", command]);
        rclone
    }

    /// Brings what a machine has to the cloud; what it has not, goes.
    fn sync_up(&self, site: &Site) {
        run(self.rclone("sync").arg(site.vault()).arg(self.remote()));
    }

    /// The reverse.
    fn sync_down(&self, site: &Site) {
        run(self.rclone("sync").arg(self.remote()).arg(site.vault()));
    }

    /// Both ways, by what rclone remembers at that machine.
    fn bisync(&self, site: &Site, options: &[&str]) {
        run(self.bisync_command(site).args(options));
    }

    fn bisync_command(&self, site: &Site) -> Command {
        let mut bisync = self.rclone("bisync");
        bisync.arg(site.vault()).arg(self.remote_of("owncloud"));
        bisync.arg("--size-only").arg("--workdir").arg(self.memory(site));
        bisync
    }

    /// Where rclone keeps what it remembers.
    fn memory(&self, site: &Site) -> PathBuf {
        self.bench.folder().join(format!("bisync of {}", site.name()))
    }

    fn listing(&self) -> Listing {
        listing(&self.folder)
    }
}

fn run(command: &mut Command) {
    let (code, text) = said(&command.output().unwrap());
    assert_eq!(code, 0, "{command:?}: {text}");
}

#[test]
fn devices_take_turns_over_rclone_sync() {
    let Some(bench) = bench_with("rclone") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let cloud = Cloud::start(&bench);
    let mut last = one.first_turn();
    for turn in 1..6_u8 {
        let (from, to) = if turn % 2 == 1 { (&one, &other) } else { (&other, &one) };
        cloud.sync_up(from);
        cloud.sync_down(to);
        last = to.turn(turn, &last);
    }
    // It was the other one's turn, and it lets go of what nobody needs any more.
    other.collect();
    cloud.sync_up(&other);
    cloud.sync_down(&one);
    assert_alike([&one, &other], &last, &[]);
    assert_eq!(cloud.listing(), one.listing());
    last = one.turn(6, &last);
    cloud.sync_up(&one);
    cloud.sync_down(&other);
    assert_alike([&one, &other], &last, &[]);
}

#[test]
fn devices_take_turns_over_rclone_bisync() {
    let Some(bench) = bench_with("rclone") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let cloud = Cloud::start(&bench);
    let mut last = one.first_turn();
    for site in sites {
        cloud.bisync(site, &["--resync"]);
    }
    let take_turns = |turns: std::ops::Range<u8>, last: &mut Snapshot| {
        for turn in turns {
            let at = usize::from(turn % 2);
            *last = sites[at].turn(turn, last);
            cloud.bisync(sites[at], &[]);
            cloud.bisync(sites[1 - at], &[]);
        }
    };
    take_turns(1..5, &mut last);
    assert_alike(sites, &last, &[]);
    one.collect();
    // More than half of all files may be gone, which bisync does only when told to.
    cloud.bisync(&one, &["--force"]);
    cloud.bisync(&other, &["--force"]);
    assert_alike(sites, &last, &[]);
    take_turns(5..7, &mut last);
    assert_alike(sites, &last, &[]);
    assert_eq!(cloud.listing(), one.listing());
}

#[test]
fn what_rclone_copy_brings_back_after_a_collection_does_no_harm() {
    let Some(bench) = bench_with("rclone") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let cloud = Cloud::start(&bench);
    // It deletes nothing anywhere, in whatever order it is called.
    let copy_all = || {
        for site in [&one, &other, &one] {
            run(cloud.rclone("copy").arg(site.vault()).arg(cloud.remote()));
            run(cloud.rclone("copy").arg(cloud.remote()).arg(site.vault()));
        }
    };
    let mut last = one.first_turn();
    copy_all();
    for turn in 1..5_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        copy_all();
    }
    let before = one.listing();
    one.collect();
    copy_all();
    assert!(before.keys().all(|path| one.listing().contains_key(path)));
    assert_alike(sites, &last, &[]);
    for turn in 5..7_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        copy_all();
    }
    assert_alike(sites, &last, &[]);
}

/// Whether an object is there in part.
fn is_half_there(there: &Listing, whole: &Listing) -> bool {
    there.iter().any(|(path, bytes)| *bytes > 0 && *bytes < whole[path])
}

/// Starts a slow run of rclone, and kills it once the cloud has a part of a pack.
fn kill_midway(cloud: &Cloud, whole: &Listing, slow: &mut Command) {
    let log = cloud.bench.folder().join("rclone uploads");
    let mut upload = Service::start(slow.args(["--bwlimit", "4M"]), &log);
    wait_for(|| {
        let is_midway = is_half_there(&cloud.listing(), whole);
        let said = || fs::read_to_string(&log).unwrap();
        is_midway.then_some(()).ok_or_else(|| format!("a part of a pack: {}", said()))
    });
    upload.kill();
    // The part has the name of the whole.
    assert!(is_half_there(&cloud.listing(), whole));
}

/// Adds a file of more than a pack; gives all files.
fn add_large(site: &Site) -> Snapshot {
    site.mount();
    fs::write(site.mount_point().join("large too"), bytes(7, 20 << 20)).unwrap();
    let files = snapshot::of(&site.mount_point());
    site.unmount();
    files
}

#[test]
fn an_upload_of_rclone_sync_that_was_killed_goes_on() {
    let Some(bench) = bench_with("rclone") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let cloud = Cloud::start(&bench);
    let last = one.first_turn();
    cloud.sync_up(&one);
    cloud.sync_down(&other);
    other.turn(1, &last);
    cloud.sync_up(&other);
    cloud.sync_down(&one);

    let last = add_large(&one);
    let whole = one.listing();
    let mut upload = cloud.rclone("sync");
    kill_midway(&cloud, &whole, upload.arg(one.vault()).arg(cloud.remote()));
    // The other machine gets the part, which it has never seen whole.
    cloud.sync_down(&other);
    assert!(is_half_there(&other.listing(), &whole));
    let (code, told) = other.verify();
    assert_eq!(code, 14, "{told}");
    assert_eq!(told["damaged"], serde_json::json!([]));

    cloud.sync_up(&one);
    assert_eq!(cloud.listing(), whole);
    // The part would take the place of the whole now, but for this.
    let mut copy = cloud.rclone("copy");
    let refused = copy.arg("--immutable").arg(other.vault()).arg(cloud.remote()).output().unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(cloud.listing(), whole);
    cloud.sync_down(&other);
    assert_alike([&one, &other], &last, &[]);
}

#[test]
fn a_run_of_rclone_bisync_that_was_killed_goes_on_once_its_lock_is_gone() {
    let Some(bench) = bench_with("rclone") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let cloud = Cloud::start(&bench);
    one.first_turn();
    for site in [&one, &other] {
        cloud.bisync(site, &["--resync"]);
    }
    let last = add_large(&one);
    kill_midway(&cloud, &one.listing(), &mut cloud.bisync_command(&one));
    let refused = cloud.bisync_command(&one).output().unwrap();
    let (code, text) = said(&refused);
    assert!(code != 0 && text.contains("prior lock file found"), "{text}");
    for entry in fs::read_dir(cloud.memory(&one)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "lck") {
            fs::remove_file(path).unwrap();
        }
    }
    // Of what differs, the machine's own is taken.
    cloud.bisync(&one, &["--resync"]);
    cloud.bisync(&other, &[]);
    assert_alike([&one, &other], &last, &[]);
}
