//! Access control lists do in a mount what they do on the disk beside it, command by command.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{XattrFlags, lgetxattr, lremovexattr, lsetxattr};
use rustix::io::Errno;

use super::bench::{Bench, is_root, skip};
use super::snapshot;

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// What scripts start with. `show` prints lists and modes of everything below.
const PROLOGUE: &str = r#"
set -eu
export LC_ALL=C
umask 022
show() {
    echo "== $*"
    find . ! -type l | sort | while read -r path; do
        getfacl --numeric --absolute-names "$path"
        stat -c '%a %u %g' "$path"
    done
}
try() { if "$@" >/dev/null 2>&1; then echo "done: $*"; else echo "refused: $*"; fi; }
as() {
    who=$1; shift
    setpriv --reuid="${who%%:*}" --regid="${who##*:}" --clear-groups "$@"
}
as_member() {
    who=$1; groups=$2; shift 2
    setpriv --reuid="${who%%:*}" --regid="${who##*:}" --groups="$groups" "$@"
}
"#;

/// Runs a script in a folder, and gives what it printed.
#[track_caller]
pub fn run(folder: &Path, script: &str) -> String {
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("{PROLOGUE}{script}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [said, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}: {said}\n{errors}", folder.display());
    said
}

/// A mount, and an empty folder on a disk with access control lists beside it.
pub struct Both {
    pub bench: Bench,
    options: &'static [&'static str],
}

impl Both {
    /// Both can be reached by every user. `None` where lists cannot be compared; tells why.
    pub fn new() -> Option<Self> {
        Self::mounted_with(if is_root() { &["--allow-other"] } else { &[] })
    }

    /// Nobody but who mounts gets into the mount.
    pub fn for_its_owner_alone() -> Option<Self> {
        Self::mounted_with(&[])
    }

    fn mounted_with(options: &'static [&'static str]) -> Option<Self> {
        let bench = Bench::new()?;
        let mounted = bench.try_mount(options);
        assert!(mounted.status.success(), "{mounted:?}");
        fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        let both = Self { bench, options };
        fs::create_dir(both.plain()).unwrap();
        fs::create_dir(both.mounted()).unwrap();
        let tried = Command::new("setfacl").args(["-m", "u:1:r"]).arg(both.plain()).output();
        match tried {
            Err(_) => skip("setfacl is not installed"),
            Ok(tried) if !tried.status.success() => skip("the scratch folder has no lists"),
            Ok(_) => {
                fs::remove_dir(both.plain()).unwrap();
                fs::create_dir(both.plain()).unwrap();
                return Some(both);
            }
        }
        None
    }

    pub fn plain(&self) -> std::path::PathBuf {
        self.bench.folder().join("plain")
    }

    pub fn mounted(&self) -> std::path::PathBuf {
        self.bench.at("top")
    }

    /// Runs a script in both places, and compares what it printed; afterwards, and after a new
    /// mount, also everything that can be seen.
    #[track_caller]
    pub fn assert_alike(&self, script: &str) {
        let [here, there] = [self.mounted(), self.plain()].map(|folder| run(&folder, script));
        for (line, (one, other)) in here.lines().zip(there.lines()).enumerate() {
            let context: Vec<_> = there.lines().skip(line.saturating_sub(12)).take(14).collect();
            assert_eq!(one, other, "line {line}, on disk:\n{}", context.join("\n"));
        }
        assert_eq!(here.lines().count(), there.lines().count());
        let state = |folder: &Path| run(folder, "show everything");
        assert_eq!(state(&self.mounted()), state(&self.plain()));
        self.assert_same_attributes();
        let before = state(&self.mounted());
        self.bench.unmount();
        assert!(self.bench.try_mount(self.options).status.success());
        assert_eq!(state(&self.mounted()), before, "after a new mount");
        self.assert_same_attributes();
    }

    /// Compares what `listxattr` and `getxattr` give, byte by byte.
    #[track_caller]
    fn assert_same_attributes(&self) {
        let [here, there] = [self.mounted(), self.plain()].map(|folder| snapshot::of(&folder));
        for (path, node) in &there {
            assert_eq!(here[path].xattrs, node.xattrs, "{}", path.display());
            assert_eq!(here[path].mode, node.mode, "{}", path.display());
        }
        assert_eq!(here.len(), there.len());
    }
}

#[test]
fn lists_and_modes_make_the_same_of_each_other_as_on_disk() {
    let Some(both) = Both::new() else { return };
    both.assert_alike(
        r#"
        touch file; mkdir folder; mkfifo pipe
        show new
        setfacl -m u:1000:rwx,g:2000:r-x file pipe folder; show named
        chmod 640 file; show chmod 640
        chmod 705 folder; show chmod 705
        chmod g+w pipe; show chmod g+w
        setfacl -m m::r file; show mask
        setfacl -m u::rw,g::-,o::r file; show classes
        setfacl -n -m u:1001:rwx file; show no new mask
        chmod 000 file; show chmod 0
        chmod 6755 file; show set-id
        setfacl -x u:1000 file; show one less
        setfacl -m g:2000:- file; show a group kept out
        setfacl -b file; show none
        setfacl -x u:1000,g:2000 pipe; show only a mask is left
        setfacl -x m pipe; show not even that
        setfacl -m u:1000:rwx pipe
        setfattr -x system.posix_acl_access pipe; show the list is taken away, the mode stays
        setfattr -x system.posix_acl_access pipe; show and once more
        chmod 1777 folder; show sticky
        setfacl --set u::rwx,g::rx,o::- folder; show a mode as a list
        setfacl -m u:1000:rwx file; chown 1000:2000 file 2>/dev/null || true; show chown
        "#,
    );
}

#[test]
fn what_is_made_in_a_folder_with_a_default_list_gets_it_as_on_disk() {
    let Some(both) = Both::new() else { return };
    both.assert_alike(
        r#"
        mkdir plain full minimal masked none
        setfacl -d -m u:1000:rwx,g:2000:rx,o::rx full
        setfacl -d -m u::rwx,g::rwx,o::rwx minimal
        setfacl -d -m u:1000:rwx,m::r masked
        setfacl -d -m u::-,g::-,o::- none
        for mask in 000 022 027 077 777; do
            umask $mask
            for folder in plain full minimal masked none; do
                : >$folder/file-$mask
                mkdir $folder/folder-$mask
                mkdir -m 750 $folder/private-$mask
                mkfifo -m 666 $folder/pipe-$mask
                ln -s nowhere $folder/link-$mask
            done
            mkdir -p full/folder-$mask/deep/deeper masked/private-$mask/deep
        done
        umask 022
        show made
        chmod g+s full; mkdir full/inner; : >full/inner/file; show setgid
        setfacl -k full; mkdir full/after; : >full/after/file; show no default any more
        cp full/file-022 masked/copy; mv masked/copy plain/moved; ln plain/moved full/linked
        show moved and linked
        setfacl -R -m u:1001:rX .; show everything
        setfacl -R -d -m u:1001:rX .; : >plain/late; show everything by default
        setfacl -R -b .; show nothing
        try setfacl -d -m u:1000:r plain/late
        "#,
    );
}

#[test]
fn lists_let_in_and_keep_out_whom_they_do_on_disk() {
    let Some(both) = Both::new() else { return };
    if !is_root() {
        return;
    }
    both.assert_alike(
        r#"
        mkdir folder; echo x >folder/file; chmod 600 folder/file; chmod 700 folder
        everybody() {
            for who in 1000:1000 1001:2000 1002:3000 1003:0; do
                try as $who cat folder/file
                try as $who sh -c 'echo y >>folder/file'
                try as $who ls folder
                try as $who touch folder/new-$who
                try as $who test -x folder/file
                try as $who setfacl -m u:1002:rwx folder/file
                try as $who getfacl folder/file
            done
            try as_member 1005:1005 2000 cat folder/file
            try as_member 1005:1005 2000,3000 sh -c 'echo z >>folder/file'
        }
        everybody
        setfacl -m u:1000:rwx folder; everybody
        setfacl -m u:1000:r folder/file; everybody
        setfacl -m g:2000:rx folder; setfacl -m g:2000:rw folder/file; everybody
        chmod 755 folder; chmod 604 folder/file; setfacl -m u:1000:- folder/file; everybody
        setfacl -m m::- folder/file; everybody
        setfacl -m u:1000:-,g:3000:-,m::rwx folder/file; everybody
        chmod g-rwx folder/file; everybody
        setfacl -b folder/file; chmod 644 folder/file; everybody
        chown 1000:3000 folder/file; setfacl -m u:1001:rw folder/file; everybody
        setfacl -d -m u:1001:rwx folder; setfacl -m u:1000:rwx folder
        as 1000:1000 touch folder/of-1000; as 1000:1000 mkdir folder/folder-of-1000
        try as 1001:1001 sh -c 'echo w >folder/of-1000'
        try as 1001:1001 touch folder/folder-of-1000/new
        try as 1002:1002 touch folder/folder-of-1000/new
        show who made what
        "#,
    );
}

#[test]
fn whoever_is_not_in_the_group_cannot_keep_setgid_beside_a_list() {
    let Some(both) = Both::new() else { return };
    if !is_root() {
        return;
    }
    both.assert_alike(
        r#"
        reset() { touch file; chown 1000:2000 file; chmod 2755 file; }
        reset; setfacl -m u:1001:r file; show root
        reset; as 1000:1000 setfacl -m u:1002:r file; show a stranger to the group
        reset; as 1000:2000 setfacl -m u:1003:r file; show by its own group
        reset; as_member 1000:1000 5,2000,7 setfacl -m u:1004:r file; show by another of its groups
        reset; as_member 1000:1000 5,7 setfacl -m u:1005:r file; show by none of its groups
        reset; as 1000:1000 setfacl -b file; show without a list
        mkdir folder; chown 1000:2000 folder; chmod 2775 folder
        as 1000:1000 setfacl -d -m u:1001:r folder; show the default list changes no mode
        as 1000:1000 setfacl -m u:1001:r folder; show the folder
        "#,
    );
}

#[test]
fn a_list_is_refused_where_the_disk_refuses_it() {
    let Some(both) = Both::new() else { return };
    let entry = |whose: u8, may: u8, id: u32| {
        let id = id.to_le_bytes();
        [&[whose, 0, may, 0][..], &id].concat()
    };
    let none = u32::MAX;
    let list = |entries: &[Vec<u8>]| [&[2, 0, 0, 0][..], &entries.concat()].concat();
    let [owner, group, others] = [1, 4, 0x20].map(|whose| entry(whose, 5, none));
    let mask = entry(0x10, 7, none);
    let whole = [owner.clone(), group.clone(), others.clone()];
    let values = [
        ("whole", list(&whole)),
        ("nothing", vec![]),
        ("no entries", list(&[])),
        ("half a version", vec![2, 0]),
        ("another version", [&[3, 0, 0, 0][..], &whole.concat()].concat()),
        ("half an entry", list(&whole)[..23].to_vec()),
        ("no owner", list(&[group.clone(), others.clone()])),
        ("out of order", list(&[group.clone(), owner.clone(), others.clone()])),
        ("two owners", list(&[owner.clone(), owner.clone(), group.clone(), others.clone()])),
        (
            "two masks",
            list(&[owner.clone(), group.clone(), mask.clone(), mask.clone(), others.clone()]),
        ),
        ("no mask", list(&[owner.clone(), entry(2, 4, 9), group.clone(), others.clone()])),
        ("more than rwx", list(&[entry(1, 8, none), group.clone(), others.clone()])),
        ("unknown", list(&[owner.clone(), group.clone(), entry(0x40, 7, none), others.clone()])),
        (
            "one user twice",
            list(&[
                owner.clone(),
                entry(2, 4, 9),
                entry(2, 7, 9),
                group.clone(),
                mask.clone(),
                others.clone(),
            ]),
        ),
        ("users in no order", list(&[owner, entry(2, 4, 9), entry(2, 7, 3), group, mask, others])),
    ];
    for folder in [both.mounted(), both.plain()] {
        fs::create_dir(folder.join("folder")).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
        symlink("file", folder.join("link")).unwrap();
    }
    for (what, value) in &values {
        for path in ["folder", "file", "link"] {
            for name in [ACCESS, DEFAULT, "system.other"] {
                let [here, there] = [both.mounted(), both.plain()].map(|folder| {
                    let path = folder.join(path);
                    let set = lsetxattr(&path, name, value, XattrFlags::empty());
                    let mut kept = [0; 200];
                    let got = lgetxattr(&path, name, &mut kept[..]).map(|n| kept[..n].to_vec());
                    let mode = fs::symlink_metadata(&path).unwrap().mode();
                    (set, got, mode, lremovexattr(&path, name))
                });
                assert_eq!(here, there, "{what}: {name} of {path}");
            }
        }
    }
    // The largest that a page holds; no kernel reads more, and no disk need take so much.
    let longest = |users: u32| {
        let users = (0..users).flat_map(|id| entry(2, 4, id));
        let [owner, group, others] = [1, 4, 0x20].map(|whose| entry(whose, 5, none));
        let rest = [group, entry(0x10, 7, none), others].concat();
        [&[2, 0, 0, 0][..], &owner, &users.collect::<Vec<_>>(), &rest].concat()
    };
    let set = |users| {
        lsetxattr(both.mounted().join("file"), ACCESS, &longest(users), XattrFlags::empty())
    };
    set(507).unwrap();
    assert_eq!(set(508), Err(Errno::TOOBIG));
    both.bench.remount();
    let mut kept = [0; 5000];
    let bytes = lgetxattr(both.mounted().join("file"), ACCESS, &mut kept[..]).unwrap();
    assert!(kept[..bytes] == longest(507));
}
