#!/usr/bin/env python3
"""Reads a hushfs vault: a short proof that format.md, beside this file, tells all that it takes.

    reader.py VAULT FOLDER [FILE]

FOLDER is made, or is empty. FILE holds the password or the 64-digit key; without it reader.py asks. It needs
Python 3.9 and the package `cryptography` 44, or newer ones. It writes nothing into the vault, and nothing
into FOLDER before the tags of all that it needs have been checked. On the worst day take `hushfs restore` or
restore.py: they go on behind damage, and put together what devices did at the same time. This one stops:

    exit code  0  all is in FOLDER, but for what it says: sockets, devices, attributes that did not hold
               1  FOLDER is not empty, or something could not be read or written
               2  the command was not understood
              10  wrong password or key
              11  something in the vault is damaged, or a newer hushfs made it
              12  VAULT is no vault
              14  something is missing
              20  devices did something at the same time

It has no state folder, so it cannot tell if the vault is an older copy, or lacks a device's newest work. It
looks for objects under their own names only. Numbers in comments are sections of format.md.
"""
import contextlib
import functools
import getpass
import hashlib
import os
import re
import struct
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

# 3, 7, 8 and 9: structures and variants as in their tables. A variant's number is its place in the list.
STRUCTURES = {
    "FrontierEntry": "device: fix64, seq: u64, hash: [u8; 32]",
    "Head": "previous: [u8; 32], frontier: list FrontierEntry, clock: u64, published: Time, "
            "device_name: text, operations_bytes: u64",
    "Footer": "device: fix64, closed: Time, files: list FooterFile",
    "FooterFile": "ino: fix64, path: bytes, size: u64, mtime: Time, runs: list FooterRun",
    "FooterRun": "first_chunk: u64, count: u32, pack_offset: u32, tail_bytes: u32",
    "Run": "first_chunk: u64, count: u32, pack: [u8; 16], pack_offset: u32, tail_bytes: u32, "
           "visible_bytes: u32",
}
VARIANTS = {
    "Times": ["Same time: Time", "Each atime: Time, mtime: Time, ctime: Time"],
    "NodeKind": ["file", "folder", "link target: bytes", "pipe", "socket", "device rdev: u32",
                 "device rdev: u32"],
    "Operation": [
        "Create parent: fix64, name: bytes, ino: fix64, kind: NodeKind, mode: u32, uid: u32, gid: u32, "
        "times: Times",
        "Link ino: fix64, parent: fix64, name: bytes, time: Time",
        "Remove parent: fix64, name: bytes, time: Time",  # Unlink: a Remove that names no inode
        "Move from_parent: fix64, from_name: bytes, to_parent: fix64, to_name: bytes, exchange: bool, "
        "time: Time",  # Rename: a Move that names no inodes
        "SetAttr ino: fix64, mode: option u32, uid: option u32, gid: option u32, atime: option Time, "
        "mtime: option Time, ctime: Time",
        "SetXattr ino: fix64, name: bytes, value: bytes, ctime: Time",
        "RemoveXattr ino: fix64, name: bytes, ctime: Time",
        "Write ino: fix64, runs: list Run, size: u64, mtime: Time, ctime: Time",
        "Truncate ino: fix64, size: u64, time: Time",
        "Punch ino: fix64, first_chunk: u64, count: u64, time: Time",
        "WriteInline",
        "Relocate ino: fix64, from_pack: [u8; 16], from_offset: u32, run: Run",
        "PackUnused pack: [u8; 16], since: Time",
        "Remove parent: fix64, name: bytes, ino: fix64, time: Time",
        "Move from_parent: fix64, from_name: bytes, ino: fix64, to_parent: fix64, to_name: bytes, "
        "replaced: option fix64, exchange: bool, time: Time",
    ],
}


class Stop(Exception):
    """Ends the program: an exit code, and what there is to say."""


@contextlib.contextmanager
def reading(name):
    """Says of which object it is that something is not as it must be."""
    try:
        yield
    except FileNotFoundError:
        raise Stop(14, f"{name} is missing") from None
    except KeyError:
        raise Stop(11, f"{name} is damaged: it names what is not there") from None
    except ValueError as error:
        raise Stop(11, f"{name} is damaged: {error}") from None


def need(fits, otherwise):
    if not fits:
        raise ValueError(otherwise)


class Values:
    """3, serialised values: takes them from bytes, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        self.at += length
        need(self.at <= len(self.data), "a value ends too early")
        return self.data[self.at - length:self.at]

    def varint(self, bits):
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            need(number < 1 << bits and shift < bits + 7, "a number is too great")
            if byte < 0x80:
                return number

    def value(self, kind):
        word, _, rest = kind.partition(" ")
        if kind in STRUCTURES:
            return self.fields(STRUCTURES[kind])
        if kind in VARIANTS:
            number = self.varint(32)
            need(number < len(VARIANTS[kind]), f"{kind} {number} is not known")
            name, _, fields = VARIANTS[kind][number].partition(" ")
            return name, self.fields(fields)
        if word == "list":
            return [self.value(rest) for _ in range(self.varint(64))]
        if word == "option":
            return self.value(rest) if self.value("bool") else None
        if word == "[u8;":
            return self.take(int(rest[:-1]))
        if kind in ("bytes", "text"):
            data = self.take(self.varint(64))
            return data if kind == "bytes" else data.decode()
        if kind == "bool":
            byte = self.take(1)
            need(byte in (b"\0", b"\1"), "a bool is neither 0 nor 1")
            return byte == b"\1"
        if kind == "fix64":
            return int.from_bytes(self.take(8), "little")
        if kind == "Time":  # as nanoseconds
            zigzag, nanos = self.varint(64), self.varint(32)
            return (zigzag >> 1 ^ -(zigzag & 1)) * 10**9 + min(nanos, 999_999_999)
        return self.varint({"u32": 32, "u64": 64}[kind])

    def fields(self, text):
        return {name: self.value(kind) for name, kind in (f.split(": ") for f in text.split(", ") if f)}


def frame(data, kind, newest=1):
    """3, the frame: the version."""
    need(len(data) >= 10 and data[:8] == b"hushfs\0" + kind, "it does not begin as such an object")
    version = int.from_bytes(data[8:10], "little")
    need(0 < version <= newest, f"it has version {version}, and this program knows {newest}")
    return version


def at(position):
    return struct.pack("<QI", position, 0)


def unseal(key, nonce, sealed, associated):
    """3, sealing."""
    try:
        return AESGCMSIV(key).decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError):
        raise ValueError("a tag does not fit") from None


def hkdf(salt, key, info):
    return HKDF(SHA256(), 32, salt, info).derive(key)


def object_key(master, vault_id, label, object_id):
    """4, keys."""
    class_key = hkdf(vault_id, master, b"hushfs 1 " + label)
    return HKDFExpand(SHA256(), 32, b"hushfs 1 object" + object_id).derive(class_key)


def key_from(text):
    """6, a 64-digit key as text: the key, if it is one."""
    skipped = "-_\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u200b\ufeff"
    digits = "".join(c for c in text.decode("utf-8", "replace") if not c.isspace() and c not in skipped)
    return bytes.fromhex(digits) if re.fullmatch("[0-9a-fA-F]{64}", digits) else None


def secret_for(slot, given):
    """6, the secret: what the given one comes to for this slot. Nothing for slots that are passed over."""
    kind, memory, passes, lanes = struct.unpack("<HIII", slot[10:24])
    if kind == 2:
        return key_from(given)
    if kind == 1 and 65_536 <= memory <= 2_097_152 and 3 <= passes <= 64 and 1 <= lanes <= 16:
        stretch = Argon2id(salt=slot[56:88], length=32, iterations=passes, lanes=lanes, memory_cost=memory)
        return stretch.derive(given.split(b"\n")[0])
    return None


def unlock(vault, vault_id, given):
    """6, opening: the master key, from the first slot that opens."""
    paths, unfit = sorted(vault.glob("keys/[!.]*.key"))[:64], []
    for path in paths:
        slot = path.read_bytes()
        whole = 26 <= len(slot) <= 4096 and hashlib.sha256(slot[:-16]).digest()[:16] == slot[-16:]
        if not whole or slot[24:40] != vault_id:
            unfit.append(f"keys/{path.name}")
            continue
        if len(slot) not in (264, 456):
            continue
        salt, slot_id, secret = slot[56:88], slot[40:56], secret_for(slot, given)
        if not secret or hkdf(salt, secret, b"hushfs 1 slot commit" + vault_id + slot_id) != slot[88:120]:
            continue
        with reading(f"keys/{path.name}"):
            need(len(slot) == (264, 456)[frame(slot, b"K", 2) - 1], "its version has another length")
            wrapping_key = hkdf(salt, secret, b"hushfs 1 slot wrap" + vault_id + slot_id)
            master = unseal(wrapping_key, at(0), slot[120:248], slot[:120])[:32]
            if len(slot) == 456:
                unseal(object_key(master, vault_id, b"slot note", slot_id), at(0), slot[248:440], slot[:248])
            return master
    if unfit:
        raise Stop(11, f"no slot opens with that; damaged, or another vault's: {', '.join(unfit)}")
    raise Stop(10, "wrong password or key") if paths else Stop(14, "what belongs into keys is missing")


class Vault:
    """The objects of a vault. What it returns is authentic."""

    def __init__(self, folder, given):
        self.folder = folder
        if not (folder / "hushfs.vault").exists():
            raise Stop(12, f"{folder} has no hushfs.vault")
        with reading("hushfs.vault"):  # 5, the descriptor
            data = (folder / "hushfs.vault").read_bytes()
            frame(data, b"V")
            need(len(data) == 78, f"it has {len(data)} bytes")
            self.id = data[18:34]
            self.master = unlock(folder, self.id, given)
            unseal(self.key(b"descriptor", data[34:50]), at(0), data[50:], data[:50])
            suite, self.chunk_size = struct.unpack("<HI", data[10:16])
            need(suite == 1 and self.chunk_size in (1 << n for n in range(12, 21)), "a newer hushfs made it")

    def key(self, label, object_id):
        return object_key(self.master, self.id, label, object_id)

    def log(self):
        """8: all log objects and all checkpoints that are there, by device and number."""
        found = {"log": {}, "ckpt": {}}
        for path in sorted(self.folder.glob("log/*")):
            name = re.fullmatch(r"([0-9a-f]{16})-(\d{8}|[1-9]\d{8,})\.(log|ckpt)", path.name)
            if name:
                device, seq = int(name[1], 16), int(name[2])
                with reading(f"log/{path.name}"):
                    found[name[3]][device, seq] = self.log_object(path, device, seq, name[3] == "ckpt")
        return found["log"], found["ckpt"]

    def log_object(self, path, device, seq, is_checkpoint):
        data = path.read_bytes()
        frame(data, b"C" if is_checkpoint else b"L")
        need(data[16:32] == self.id and data[48:64] == struct.pack("<QQ", device, seq), "it is another one")
        body = Values(unseal(self.key(b"log", data[32:48]), at(0), data[64:], data[:64]))
        it = SimpleNamespace(name=f"log/{path.name}", device=device, seq=seq, **body.value("Head"))
        it.hash, it.operations = hashlib.sha256(data).digest(), body.take(it.operations_bytes)
        devices = [entry["device"] for entry in it.frontier]
        it.frontier = {entry["device"]: (entry["seq"], entry["hash"]) for entry in it.frontier}
        need(devices == sorted(it.frontier), "its frontier is out of order")
        need(it.frontier.get(device, (0,))[0] == seq - (not is_checkpoint), "its frontier does not fit")
        need(0 < seq < 2**64 - 1 and it.clock < 2**64 - 1, "its number or clock cannot be")
        return it

    @functools.lru_cache(maxsize=4)
    def pack(self, pack_id):
        """7: the bytes of a pack, and its key. Trailer and footer open."""
        data = (self.folder / "data" / pack_id.hex()[:2] / f"{pack_id.hex()}.pack").read_bytes()
        frame(data, b"P")
        need(data[16:32] == pack_id, "it is another one")
        key = self.key(b"data", pack_id)
        footer = int.from_bytes(unseal(key, bytes(11) + b"\2", data[-24:], data[:32]), "little")
        Values(unseal(key, bytes(11) + b"\1", data[footer:-24], data[:32])).value("Footer")
        return data, key

    def content(self, file):
        """7, reading a chunk: the content of a file in pieces and their offsets. Between them are zeroes."""
        for index, (pack_id, start, length, visible) in sorted(file.chunks.items()):
            with reading(f"data/{pack_id.hex()[:2]}/{pack_id.hex()}.pack"):
                data, key = self.pack(pack_id)
                piece = unseal(key, at(start), data[start:start + length + 16], data[:32])
            offset = index * self.chunk_size
            yield offset, piece[:min(visible, file.size - offset)]


class Tree:
    """9, what they do, and what a reader checks. Each operation is the method of its name."""

    def __init__(self, chunk_size):
        self.chunk_size, self.inodes = chunk_size, {}
        self.make(1, "folder", 0o755, 0, 0, [0, 0, 0])

    def make(self, ino, kind, mode, uid, gid, times, **of_kind):
        need(ino > 0 and ino not in self.inodes, "the number of an inode is taken")
        self.inodes[ino] = SimpleNamespace(
            kind=kind, mode=mode, uid=uid, gid=gid, atime=times[0], mtime=times[1], ctime=times[2],
            names=0, entries={}, xattrs={}, size=0, chunks={}, **of_kind)

    def apply(self, operations):
        values = Values(operations)
        while values.at < len(operations):
            name, fields = values.value("Operation")
            need(name != "WriteInline", "a log object has no WriteInline")
            getattr(self, name)(**fields)

    def entries(self, folder, time):
        """The entries of a folder, of which one changes."""
        folder = self.inodes[folder]
        need(folder.kind == "folder", "what is no folder has an entry")
        folder.mtime = folder.ctime = time
        return folder.entries

    def above(self, folder):
        """A folder and those that it is in."""
        while folder != 1:
            yield folder
            folder = self.inodes[folder].parent

    def Link(self, ino, parent, name, time, kind=("file", "link", "pipe", "socket", "device")):
        entries, inode = self.entries(parent, time), self.inodes[ino]
        need(inode.kind in kind and name not in entries, "a name is taken, or a second one of a folder")
        need(0 < len(name) <= 255 and not set(b"/\0") & set(name) and name not in (b".", b".."), "a bad name")
        need(inode.names < 65_000, "an inode has too many names")
        entries[name], inode.names, inode.ctime, inode.parent = ino, inode.names + 1, time, parent

    def Create(self, parent, name, ino, kind, mode, uid, gid, times):
        kind, of_kind = kind
        target = of_kind.get("target", b".")
        need(0 < len(target) < 4096 and b"\0" not in target, "a link leads to what is no path")
        times = list(times[1].values()) * (3 if times[0] == "Same" else 1)
        self.make(ino, kind, mode, uid, gid, times, **of_kind)
        self.Link(ino, parent, name, times[2], kind)

    def Remove(self, parent, name, time, ino=None):
        found = self.entries(parent, time).pop(name)
        inode = self.inodes[found]
        need(ino in (None, found) and not inode.entries, "it removes another inode, or a folder with entries")
        inode.names, inode.ctime = inode.names - 1, time
        if not inode.names:
            del self.inodes[found]

    def Move(self, from_parent, from_name, to_parent, to_name, exchange, time, ino=None, replaced="any"):
        source, target = self.entries(from_parent, time), self.entries(to_parent, time)
        found, there = source[from_name], target.get(to_name)
        need(ino in (None, found) and replaced in ("any", there), "it moves or replaces another inode")
        inside = found in self.above(to_parent) or exchange and there in self.above(from_parent)
        need(not inside, "a folder would be within itself")
        inode = self.inodes[found]
        if exchange:
            other = self.inodes[there]
            source[from_name], target[to_name] = there, found
            inode.ctime, inode.parent, other.ctime, other.parent = time, to_parent, time, from_parent
            return
        if there is not None:
            alike = (inode.kind == "folder") == (self.inodes[there].kind == "folder")
            need(alike and there != found, "a folder replaces a file, a file a folder, or one itself")
            self.Remove(to_parent, to_name, time)
        del source[from_name]
        inode.names -= 1
        self.Link(found, to_parent, to_name, time, inode.kind)

    def SetAttr(self, ino, **fields):
        vars(self.inodes[ino]).update((name, value) for name, value in fields.items() if value is not None)

    def SetXattr(self, ino, name, value, ctime):
        need(0 < len(name) <= 255 and len(value) <= 65_536, "an attribute is too long")
        self.inodes[ino].xattrs[name], self.inodes[ino].ctime = value, ctime

    def RemoveXattr(self, ino, name, ctime):
        self.inodes[ino].ctime = ctime
        del self.inodes[ino].xattrs[name]

    def file(self, ino):
        need(self.inodes[ino].kind == "file", "what is no file has content")
        return self.inodes[ino]

    def chunks(self, first_chunk, count, pack_offset, tail_bytes, visible_bytes, **_):
        """7, chunk: of each chunk of a run its index, place, length, and how much of it counts."""
        step = self.chunk_size + 16
        last = pack_offset + (count - 1) * step
        need(0 < count and 0 < visible_bytes <= tail_bytes <= self.chunk_size, "a run of no length")
        need(32 <= pack_offset and last + tail_bytes + 16 < 2**32, "a run that is in no pack")
        for n in range(count - 1):
            yield first_chunk + n, pack_offset + n * step, self.chunk_size, self.chunk_size
        yield first_chunk + count - 1, last, tail_bytes, visible_bytes

    def Write(self, ino, runs, size, mtime, ctime):
        file = self.file(ino)
        for run in runs:
            for index, *place in self.chunks(**run):
                need(index * self.chunk_size < size, "a run is beyond the end of its file")
                file.chunks[index] = (run["pack"], *place)
        self.Truncate(ino, size, mtime)
        file.ctime = ctime

    def Truncate(self, ino, size, time):
        file = self.file(ino)
        need(size < 2**63, "a file is too long")
        last, rest = divmod(size, self.chunk_size)
        if size < file.size:
            file.chunks = {i: chunk for i, chunk in file.chunks.items() if i * self.chunk_size < size}
            if last in file.chunks:
                *place, visible = file.chunks[last]
                file.chunks[last] = (*place, min(visible, rest))
        file.size, file.mtime, file.ctime = size, time, time

    def Punch(self, ino, first_chunk, count, time):
        file, last = self.file(ino), first_chunk + count - 1
        file.chunks = {i: chunk for i, chunk in file.chunks.items() if not first_chunk <= i <= last}
        file.mtime = file.ctime = time

    def Relocate(self, ino, from_pack, from_offset, run):
        file = self.file(ino)
        for index, offset, length, _ in self.chunks(**run):
            *place, visible = file.chunks.get(index, (None, None))
            if place == [from_pack, from_offset + offset - run["pack_offset"], length]:
                file.chunks[index] = (run["pack"], offset, length, visible)

    def PackUnused(self, pack, since):
        """Changes nothing."""

    def walk(self):
        """Each path and its inode's number, folders before what is in them."""
        waiting = [(b".", 1)]
        while waiting:
            path, ino = waiting.pop()
            yield path, ino
            waiting += [(os.path.join(path, name), child) for name, child in self.inodes[ino].entries.items()]


def covered(frontier, by):
    return all(seq <= by.get(device, (0,))[0] for device, (seq, _) in frontier.items())


def missing(device, seq):
    raise Stop(14, f"log/{device:016x}-{seq:08}.log is missing")


def fold(vault):
    """10, folding: the state, and the log object or checkpoint that it ends with."""
    log, checkpoints = vault.log()
    newest = dict(sorted(log))  # the highest number of each device
    tree, frontier, last = Tree(vault.chunk_size), {}, None
    if checkpoints:  # start
        last = max(checkpoints.values(),
                   key=lambda c: (c.clock, sum(seq for seq, _ in c.frontier.values()), c.device))
        frontier = last.frontier
        with reading(last.name):
            tree.apply(last.operations)
    while True:
        found = []
        for device in newest:  # 1
            seq, previous = frontier.get(device, (0, bytes(32)))
            if (device, seq + 1) in log:
                found.append(log[device, seq + 1])
                with reading(found[-1].name):
                    need(found[-1].previous == previous, "it does not follow the one before it")
            elif newest[device] > seq:
                missing(device, seq + 1)
        ready = [o for o in found if covered(o.frontier, by=frontier)]  # 2
        if not ready:
            break
        last = min(ready, key=lambda o: (o.clock, o.device))
        if not covered(frontier, by=last.frontier):  # 3
            raise Stop(20, f"what {last.name} tells was done at the same time as what another device did")
        with reading(last.name):
            need(last.frontier == frontier, "it was written on something else")  # 4
            tree.apply(last.operations)  # 5
        frontier = {**frontier, last.device: (last.seq, last.hash)}  # 6
    for o in found:
        for device, (seq, _) in o.frontier.items():
            if seq > frontier.get(device, (0,))[0]:
                missing(device, seq)
    return tree, last


def write(vault, tree, folder):
    """Writes the files into an empty folder."""
    first, is_root = {}, os.geteuid() == 0
    for name, ino in tree.walk():
        inode, path = tree.inodes[ino], os.path.join(os.fsencode(folder), name)
        if ino in first:
            os.link(first[ino], path, follow_symlinks=False)
        elif inode.kind == "folder":
            os.makedirs(path, 0o700, exist_ok=ino == 1)
        elif inode.kind == "link":
            os.symlink(inode.target, path)
        elif inode.kind == "pipe":
            os.mkfifo(path)
        elif inode.kind == "file":
            with open(path, "xb") as file:
                for offset, piece in vault.content(inode):
                    file.seek(offset)
                    file.write(piece)
                file.truncate(inode.size)
        else:
            print(f"left out, a {inode.kind}: {os.fsdecode(name)}", file=sys.stderr)
            continue
        first.setdefault(ino, path)
    for ino, path in reversed(first.items()):  # folders after what is in them
        inode = tree.inodes[ino]
        if is_root:
            os.chown(path, inode.uid, inode.gid, follow_symlinks=False)
        if inode.kind != "link":
            os.chmod(path, inode.mode & (0o7777 if is_root else 0o1777))
        for attribute, value in inode.xattrs.items():
            try:
                os.setxattr(path, attribute, value, follow_symlinks=False)
            except OSError as error:
                print(f"left out, {os.fsdecode(attribute)}: {error}", file=sys.stderr)
        os.utime(path, ns=(inode.atime, inode.mtime), follow_symlinks=False)


def main(vault, folder, file=None):
    vault, folder = Path(vault).resolve(), Path(folder).resolve()
    if vault in (folder, *folder.parents) or folder.exists() and any(folder.iterdir()):
        raise Stop(1, f"{folder} is in the vault, or not empty")
    given = Path(file).read_bytes() if file else os.fsencode(getpass.getpass("Password or key: "))
    vault = Vault(vault, given)
    tree, last = fold(vault)
    for inode in tree.inodes.values():
        for _ in vault.content(inode):
            pass
    write(vault, tree, folder)
    print(f"{sum(1 for _ in tree.walk())} files and folders")
    if last:
        print(f"newest: {time.ctime(last.published // 10**9)}, by {last.device_name}")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(print(__doc__) or 2)
    try:
        main(*sys.argv[1:])
    except Stop as stop:
        code, what = stop.args
        print(f"{what}.", file=sys.stderr)
        if code in (11, 14, 20):
            print("`hushfs restore` and docs/restore.py go on from here.", file=sys.stderr)
        sys.exit(code)
    except (OSError, OverflowError) as error:
        sys.exit(f"{error}")
