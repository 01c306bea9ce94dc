//! stress-ng's file system stressors, which check what they read. `scripts/strain` runs each of
//! them alone and for longer.

use super::super::bench::Bench;
use super::{is_there, run};

/// As many run at once, each of which makes one process or a few.
const AT_ONCE: usize = 8;

/// All of class `file system` but those that need devices, ioctls or file systems of their own.
const STRESSORS: &str = "access chdir chmod chown copy-file dentry dir dirdeep dirmany fallocate \
    fcntl filename flock fpunch fsize fstat getdent hdd iomix link locka lockf lockofd mknod open \
    rename seek symlink sync-file touch utime xattr";

#[test]
fn what_stresses_file_systems_finds_nothing_wrong() {
    if !is_there("stress-ng") {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let stressors: Vec<&str> = STRESSORS.split_whitespace().collect();
    for together in stressors.chunks(AT_ONCE) {
        let each: Vec<String> =
            together.iter().flat_map(|name| [format!("--{name}"), "1".to_owned()]).collect();
        let mut arguments = vec!["--verify", "--timeout", "3s", "--temp-path", "."];
        arguments.extend(["--hdd-bytes", "32M", "--iomix-bytes", "32M"]);
        arguments.extend(["--fallocate-bytes", "32M", "--seek-size", "16M"]);
        arguments.extend(each.iter().map(String::as_str));
        run(&bench.mount_point(), "stress-ng", &arguments);
    }
    bench.remount();
    assert_eq!(bench.status().files, 0, "all that was made is gone again");
}
