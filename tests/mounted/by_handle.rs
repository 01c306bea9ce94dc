//! Files that are known by a handle alone, as to an NFS server.

use std::fs;
use std::process::Command;

use super::bench::{Bench, is_root};

/// Opens a file by its handle after the kernel has forgotten it, and prints what is in it.
const BY_HANDLE: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("value", ctypes.c_char * 128)]
mount, path = sys.argv[1:]
handle, mount_id = Handle(bytes=128), ctypes.c_int()
found = libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount_id), 0)
assert found == 0, os.strerror(ctypes.get_errno())
os.sync()
open("/proc/sys/vm/drop_caches", "w").write("3")
fd = os.open(mount, os.O_RDONLY)
file = libc.open_by_handle_at(fd, ctypes.byref(handle), os.O_RDONLY)
assert file >= 0, os.strerror(ctypes.get_errno())
print(os.read(file, 100).decode(), end="")
"#;

#[test]
fn a_file_is_found_by_its_handle_when_the_kernel_has_forgotten_it() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    fs::write(bench.at("folder/file"), "still here").unwrap();
    let [mount, path] = [bench.mount_point(), bench.at("folder/file")];
    let output =
        Command::new("python3").args(["-c", BY_HANDLE]).arg(mount).arg(path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"still here");
}
