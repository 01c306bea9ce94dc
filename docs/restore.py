#!/usr/bin/env python3
"""Restores a hushfs vault without hushfs.

    restore.py [--password-file FILE | --key-file FILE] VAULT DESTINATION

VAULT is the folder that the cloud kept: it has “hushfs.vault” in it. DESTINATION is an empty
folder, or is made. Nothing is ever written to the vault, or outside DESTINATION. Without an option,
the password or the 64-digit key is asked for, and not shown.

It needs Python 3.9 and the package “cryptography”, 44 or newer; or 42 and “argon2-cffi”.

Section numbers in the comments are those of format.md, which says what every byte of a vault means;
this program is written from it, and names things as it does. What it does not do: it finds no
unpublished work in a state folder (sections 11 and 12), shows no older states, and repairs nothing.

Exit codes: 0 done, 1 failed, 2 wrong usage, 10 wrong password or key, 11 damage found, 12 not a
vault or a newer format, 14 not everything has arrived yet.
"""

import argparse, functools, getpass, hashlib, hmac, os, re, stat, struct, sys, time, unicodedata
from collections import defaultdict
from types import SimpleNamespace as Record

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
except ImportError:
    sys.exit("Please install the Python package “cryptography”, 44 or newer.")

FAILED, WRONG_SECRET, DAMAGED, NO_VAULT, NOT_ARRIVED = 1, 10, 11, 12, 14
FOUND_WRONG = set()  # the exit codes of all that was found wrong on the way


class Stop(Exception):
    """Ends the program, with a message and an exit code."""


class Bad(Exception):
    """These bytes, or what they tell, are not what they have to be."""


class Newer(Bad):
    """Written by a newer hushfs."""


def fit(condition, fault):
    if not condition:
        raise Bad(fault)


def say(text, code=None):
    """Tells of something, and of what it means for the exit code."""
    FOUND_WRONG.update([code] if code else [])
    print(text, file=sys.stderr)


def shown(name):
    """A name or path as text that does nothing to a terminal."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


# Section 3: the frame, serialised values, sealing.

def frame(kind):
    return b"hushfs\0" + kind + b"\1\0"


def check_frame(data, kind, newest=1):
    """The version of an object, no newer than what this program knows of its kind."""
    version = int.from_bytes(data[8:10], "little")
    fit(len(data) >= 10 and data[:8] == frame(kind)[:8] and version, "is not what its name says")
    if version > newest:
        raise Newer("is of a newer format of hushfs, which this program does not know")
    return version


KINDS = [("file", None), ("folder", None), ("link", "bytes"), ("pipe", None), ("socket", None),
         ("character", "u32"), ("block", "u32")]
OPERATIONS = ["Create", "Link", "Unlink", "Rename", "SetAttr", "SetXattr", "RemoveXattr", "Write",
              "Truncate", "Punch", None, "Relocate", "PackUnused", "Remove", "Move"]
STRUCTURES = {
    "Head": "previous: [u8; 32], frontier: list FrontierEntry, clock: u64, published: Time, "
            "device_name: text, operations_bytes: u64",
    "FrontierEntry": "device: fix64, seq: u64, hash: [u8; 32]",
    "Create": "parent: fix64, name: bytes, ino: fix64, kind: NodeKind, mode: u32, uid: u32, "
              "gid: u32, times: Times",
    "Link": "ino: fix64, parent: fix64, name: bytes, time: Time",
    "Unlink": "parent: fix64, name: bytes, time: Time",
    "Rename": "from_parent: fix64, from_name: bytes, to_parent: fix64, to_name: bytes, "
              "exchange: bool, time: Time",
    "SetAttr": "ino: fix64, mode: option u32, uid: option u32, gid: option u32, "
               "atime: option Time, mtime: option Time, ctime: Time",
    "SetXattr": "ino: fix64, name: bytes, value: bytes, ctime: Time",
    "RemoveXattr": "ino: fix64, name: bytes, ctime: Time",
    "Write": "ino: fix64, runs: list Run, size: u64, mtime: Time, ctime: Time",
    "Truncate": "ino: fix64, size: u64, time: Time",
    "Punch": "ino: fix64, first_chunk: u64, count: u64, time: Time",
    "Relocate": "ino: fix64, from_pack: [u8; 16], from_offset: u32, run: Run",
    "PackUnused": "pack: [u8; 16], since: Time",
    "Remove": "parent: fix64, name: bytes, ino: fix64, time: Time",
    "Move": "from_parent: fix64, from_name: bytes, ino: fix64, to_parent: fix64, to_name: bytes, "
            "replaced: option fix64, exchange: bool, time: Time",
    "Run": "first_chunk: u64, count: u32, pack: [u8; 16], pack_offset: u32, tail_bytes: u32, "
           "visible_bytes: u32",
}
STRUCTURES = {name: [field.split(": ") for field in fields.split(", ") if field]
              for name, fields in STRUCTURES.items()}


class Reader:
    """Reads serialised values. A type is written as in format.md: `list Run`, `option u32` …"""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        fit(count <= len(self.data) - self.at, "ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self, bits):
        value = 0
        for shift in range(0, bits, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128 and value < 1 << bits:
                return value
        raise Bad("has a number that is too large")

    def one_of(self, values, bits=32):
        number = self.varint(bits)
        fit(number < len(values) and values[number] is not None, "has what does not belong there")
        return values[number]

    def value(self, type):
        word, _, of = type.partition(" ")
        if type in STRUCTURES:
            return Record(**{name: self.value(type) for name, type in STRUCTURES[type]})
        if type == "operation":
            operation = self.one_of(OPERATIONS)
            return operation, self.value(operation)
        if type == "NodeKind":
            kind, field = self.one_of(KINDS)
            return kind, field and self.value(field)
        if word == "list":
            return [self.value(of) for _ in range(self.varint(64))]
        if word == "option":
            return self.value(of) if self.value("bool") else None
        if word == "[u8;":
            return self.take(int(of[:-1]))
        if type == "fix64":
            return int.from_bytes(self.take(8), "little")
        if type == "bytes":
            return self.take(self.varint(64))
        if type == "text":
            try:
                return str(self.value("bytes"), "utf-8")
            except UnicodeDecodeError:
                raise Bad("has a text that is none") from None
        if type == "Times":  # access, content, status
            is_same = self.one_of([True, False])
            return [self.value("Time")] * 3 if is_same else [self.value("Time") for _ in range(3)]
        if type == "bool":
            return self.one_of([False, True], bits=7)
        if type == "Time":  # in nanoseconds since 1970
            zigzag = self.varint(64)
            return (zigzag >> 1 ^ -(zigzag & 1)) * 10**9 + min(self.varint(32), 999_999_999)
        return self.varint(int(type[1:]))


def at(position):
    return struct.pack("<Q4x", position)


def open_sealed(key, nonce, sealed, associated):
    try:
        return AESGCMSIV(key).decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError):
        raise Bad("is damaged") from None


# Section 4: keys.

def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(salt, key, info):
    return hmac_sha256(hmac_sha256(salt, key), info + b"\1")


def argon2id(password, salt, memory, passes, lanes):
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    except ImportError:
        try:
            from argon2.low_level import Type, hash_secret_raw
        except ImportError:
            raise Stop("Please install “cryptography” 44, or “argon2-cffi”.", FAILED) from None
        return hash_secret_raw(password, salt, passes, memory, lanes, 32, Type.ID)
    return Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes,
                    memory_cost=memory).derive(password)


class Keys:
    """A vault's id and master key, and what comes from them."""

    def __init__(self, vault_id, master_key):
        self.vault_id, self.master_key = vault_id, master_key

    def object_key(self, label, object_id):
        class_key = hkdf(self.vault_id, self.master_key, b"hushfs 1 " + label)
        return hmac_sha256(class_key, b"hushfs 1 object" + object_id + b"\1")


# Section 2: the vault folder.

class Vault:
    """A folder of objects. Names only say where to look; what an object is, its seal says."""

    OWN_NAME = re.compile(r"hushfs\.vault|keys/[^/]+\.key|log/[^/]+\.(log|ckpt)|"
                          r"data/[0-9a-f]{2}/[^/ ]+\.pack")
    STEM = re.compile(r"(?<![0-9a-z])(hushfs|[0-9a-f]{32}|[0-9a-f]{16}-[0-9]{8,})(?![0-9a-z])")

    def __init__(self, folder):
        self.folder, paths = folder, []
        for place, folders, names in os.walk(folder):
            place = os.path.relpath(place, folder)
            folders[:] = [name for name in folders if "/" not in place and name != "lost+found"]
            paths += [os.path.normpath(os.path.join(place, name)) for name in names]
        # An object's own name comes first, then the copies that a sync client may have made of it.
        self.paths = sorted(paths, key=lambda path: (not self.OWN_NAME.fullmatch(path), path))
        self.named = defaultdict(list)  # the files of each object, by its name's stem
        for path in self.paths:
            stem = self.STEM.search(os.path.basename(path).lower())
            if stem:
                self.named[stem[1]].append(path)

    def open(self, path):
        try:
            return open(os.path.join(self.folder, path), "rb")
        except OSError as error:
            raise Bad(f"cannot be read: {error.strerror}") from None

    def read(self, path, most=1 << 30):
        with self.open(path) as file:
            data = file.read(most + 1)
        fit(len(data) <= most, "is too long")
        return data


# Sections 5 and 6: the descriptor and the slots.

PASSWORD, KEY = 1, 2


def unlock(vault, secrets):
    """The keys and the chunk size of a vault. `secrets` has one for each kind of slot to try."""
    slots = [path for path in vault.paths if path.lower().startswith("keys") and "/" in path]
    if not slots and not vault.named["hushfs"]:
        raise Stop(f"{vault.folder} is not a vault, or has not arrived: it has no hushfs.vault.",
                   NO_VAULT)
    damaged, descriptors, opened = [], [], []
    for path in vault.named["hushfs"] + slots[:64]:
        try:
            data = vault.read(path, 4096)
            if path in slots:
                opened += [(path, *found) for found in [open_slot(data, secrets)] if found]
            else:
                check_frame(data, b"V")
                descriptors.append(data)
        except Newer as error:
            if path not in slots:
                raise Stop(f"{path} {error}.", NO_VAULT) from None
        except Bad as error:
            say(f"note: {path} {error}")
            damaged.append(path)
        for _, keys, chunk_bytes in opened:
            if any(descriptor_opens(keys, data) for data in descriptors):
                return keys, chunk_bytes
    if opened:
        path, keys, chunk_bytes = opened[0]
        say(f"hushfs.vault is missing or damaged; {path} tells what is needed of it", DAMAGED)
        return keys, chunk_bytes
    if damaged or not slots:
        raise Stop("Wrong password or key; or it is right, and what it opens is damaged or has not "
                   f"arrived. Then an older copy helps: {', '.join(damaged) or 'of keys'}", DAMAGED)
    raise Stop("Wrong password or key.", WRONG_SECRET)


def descriptor_opens(keys, data):
    try:
        open_sealed(keys.object_key(b"descriptor", data[34:50]), at(0), data[50:], data[:50])
    except Bad:
        return False
    if data[10:12] != b"\1\0":
        raise Stop("hushfs.vault asks for a cipher that this program does not know.", NO_VAULT)
    return True


def open_slot(data, secrets):
    """The keys and the chunk size, or None if no secret is this slot's."""
    fit(len(data) >= 26 and hashlib.sha256(data[:-16]).digest()[:16] == data[-16:], "is damaged")
    version = check_frame(data, b"K", 2)
    kind, memory, passes, lanes = struct.unpack_from("<HIII", data, 10)
    if kind not in secrets:
        return None
    fit(len(data) == (264 if version == 1 else 456), "has the wrong length")
    vault_id, slot_id, salt, commitment = data[24:40], data[40:56], data[56:88], data[88:120]
    secret = secrets[kind]
    if kind == PASSWORD:
        fit(65_536 <= memory <= 2_097_152 and 3 <= passes <= 64 and 1 <= lanes <= 16,
            "asks for an effort out of bounds")
        secret = argon2id(secret, salt, memory, passes, lanes)
    whose = vault_id + slot_id
    if not hmac.compare_digest(commitment, hkdf(salt, secret, b"hushfs 1 slot commit" + whose)):
        return None
    wrapping_key = hkdf(salt, secret, b"hushfs 1 slot wrap" + whose)
    body = open_sealed(wrapping_key, at(0), data[120:248], data[:120])
    keys = Keys(vault_id, body[:32])
    if version > 1:
        open_sealed(keys.object_key(b"slot note", slot_id), at(0), data[248:440], data[:248])
    return keys, 1 << body[109]


def read_key(text):
    """The 32 bytes of a 64-digit key as text; None if it is none."""
    digits = re.sub("[\\s_\u2010-\u2015\u2212\u00ad\u200b\ufeff-]", "", text)
    return bytes.fromhex(digits) if re.fullmatch("[0-9a-fA-F]{64}", digits) else None


# Section 8: log objects and checkpoints. A frontier is, by device, a number and a hash.

NONE = 0, bytes(32)


def covers(frontier, other):
    return all(number <= frontier.get(device, NONE)[0] for device, (number, _) in other.items())


class LogObject:
    """A log object or checkpoint, opened and checked; the author of its operations."""

    def __init__(self, keys, data, kind, device, number):
        check_frame(data, kind)
        fit((data[16:32], data[48:64]) == (keys.vault_id, struct.pack("<QQ", device, number)),
            "is not what its name says")
        key = keys.object_key(b"log", data[32:48])
        body = Reader(open_sealed(key, at(0), data[64:], data[:64]))
        head = body.value("Head")
        self.operation_bytes = body.take(head.operations_bytes)
        self.device, self.number, self.hash = device, number, hashlib.sha256(data).digest()
        self.previous, self.clock, self.published = head.previous, head.clock, head.published
        self.frontier = {entry.device: (entry.seq, entry.hash) for entry in head.frontier}
        self.name, self.device_name = log_name(device, number), head.device_name
        devices = [entry.device for entry in head.frontier]
        fit(devices == sorted(set(devices)) and number > 0 and max(
            number, head.clock, *(entry.seq for entry in head.frontier)) < 2**64 - 1
            and self.frontier.get(device, NONE)[0] == number - (kind == b"L"), "is impossible")

    def operations(self):
        reader = Reader(self.operation_bytes)
        while reader.at < len(reader.data):
            yield reader.value("operation")

    def knows(self, other):
        number = self.frontier.get(other.device, NONE)[0]
        return other.device == self.device or other.number <= number


def log_name(device, number):
    return f"{device:016x}-{number:08}"


class Log:
    """The log objects and checkpoints that are in the vault."""

    def __init__(self, vault, keys):
        self.vault, self.keys = vault, keys
        stems = [stem.split("-") for stem in vault.named if "-" in stem]
        names = sorted((int(device, 16), int(number)) for device, number in stems)
        # The highest number of each device, whether or not that log object opens.
        self.last = {device: number for device, number in names if self.files(b"L", device, number)}
        self.checkpoints = []
        for device, number in names:
            versions, faults = self.versions(b"C", device, number)
            self.checkpoints += versions[:1]
            for text, _ in faults if not versions else []:
                say(f"note: {text}; the log objects may do without it")
        self.checkpoints.sort(key=lambda found: (
            found.clock, sum(number for number, _ in found.frontier.values()), found.device),
            reverse=True)

    def files(self, kind, device, number):
        paths = self.vault.named.get(log_name(device, number), [])
        return [path for path in paths if (".ckpt" in path.lower()) == (kind == b"C")][:17]

    @functools.cache
    def versions(self, kind, device, number):
        """What opens as this object: the file of that name, or else the different versions that its
        copies have. And what is wrong with those that do not open, each with its exit code."""
        versions, faults = {}, []
        for path in self.files(kind, device, number):
            data = b""
            try:
                data = self.vault.read(path)
                found = LogObject(self.keys, data, kind, device, number)
                versions.setdefault(found.hash, found)
                if self.vault.OWN_NAME.fullmatch(path):
                    break
            except Bad as error:
                part = is_a_part(data)
                faults.append((f"{path} {'has arrived in part only' if part else error}",
                               NOT_ARRIVED if part else DAMAGED))
        return list(versions.values()), faults


def is_a_part(data):
    """Whether this is a log object that a sync client has not finished (section 10)."""
    told = int.from_bytes(data[10:16], "little")
    bits = len(data).bit_length() - 1
    is_padme = len(data) < 2 or len(data) % (1 << max(0, bits - bits.bit_length())) == 0
    return len(data) < told or (not told and not is_padme) or data[-16:] == bytes(16)


# Section 10: folding.

def fold(log, chunk_bytes):
    """The tree of files, as the log objects make it, and the log object that was made last."""
    checkpoints, stops = list(log.checkpoints), {}  # stops: by device, a log object that is unfit
    while True:
        ground, authors, faults = order(log, checkpoints, stops)
        tree, frontier = Tree(chunk_bytes), {}
        everybody = ([ground] if ground else []) + authors
        for author in everybody:
            try:
                knew_all = author is ground or covers(author.frontier, frontier)
                tree.begin(author, ground, knew_all)
                for name, operation in author.operations():
                    try:
                        getattr(tree, name)(operation)
                    except Bad:
                        if knew_all:
                            raise  # else what others did has left no place for it
                if author is ground:
                    tree.forget_authors()
                    frontier.update(ground.frontier)
                frontier[author.device] = author.number, author.hash
            except Bad as error:
                if author is ground:
                    checkpoints.remove(ground)
                else:
                    stops[author.device] = author.number, f"{author.name} {error}: it was made up"
                break
        else:
            tree.leave_out_equal_copies()
            for text, code in faults:
                say(text, code)
            return tree, max(everybody, key=lambda author: author.published, default=None)


def order(log, checkpoints, stops):
    """The checkpoint to begin with, and what to apply to it: section 10, Ground."""
    for ground in checkpoints + [None]:
        authors, faults = line_up(log, ground, stops)
        if not ground or all(covers(author.frontier, ground.frontier) for author in authors):
            break
    if not ground and faults and checkpoints:
        ground = checkpoints[-1]
        authors, faults = line_up(log, ground, stops)
    return ground, authors, faults


def line_up(log, ground, stops):
    """The log objects that can be applied to a checkpoint or to nothing, in order, and what is
    wrong with others: section 10, steps 1, 2 and 4."""
    frontier = dict(ground.frontier) if ground else {}
    hashes = {(device, number): hash for device, (number, hash) in frontier.items()}
    authors, faults, waiting, stopped = [], [], {}, set()
    while True:
        for device in log.last.keys() - waiting.keys() - stopped:
            number, previous = frontier.get(device, NONE)
            number += 1
            if number > log.last[device]:
                continue
            versions, wrong = log.versions(b"L", device, number)
            fitting = [version for version in versions if version.previous == previous]
            name = f"log object {log_name(device, number)}"
            if stops.get(device, NONE)[0] == number:
                wrong = [(stops[device][1], DAMAGED)]
            elif len(fitting) == 1:
                waiting[device] = fitting[0]
                continue
            elif versions:
                wrong = [(f"{name} does not continue the log: it has been replaced", DAMAGED)]
            stopped.add(device)
            faults += wrong or [(f"{name} has not arrived", NOT_ARRIVED)]
        ready = [found for found in waiting.values() if covers(frontier, found.frontier)]
        if not ready:
            break
        author = waiting.pop(min(ready, key=lambda found: (found.clock, found.device)).device)
        if any(hashes.get((device, number), hash if number else None) != hash
               for device, (number, hash) in author.frontier.items()):
            stopped.add(author.device)
            faults.append((f"{author.name} was written on another version of the log", DAMAGED))
            continue
        authors.append(author)
        frontier[author.device] = author.number, author.hash
        hashes[author.device, author.number] = author.hash
    for author in waiting.values():
        for device, (number, _) in author.frontier.items():
            if number > frontier.get(device, NONE)[0] and device not in stopped:
                name = log_name(device, number)
                faults.append((f"log objects up to {name} have not arrived", NOT_ARRIVED))
        device_name = shown(author.device_name)
        faults.append((f"left out: what “{device_name}” did from {author.name} on", None))
    return authors, faults


# Section 9: operations, and section 10: merging. A place is a folder's number and a name in it.

ROOT = 1


class Node:
    """An inode: what stands behind one or more names."""

    def __init__(self, ino, kind, detail, mode, uid, gid, atime, mtime):
        self.ino, self.kind, self.detail = ino, kind, detail  # a link's target, a device's number
        self.mode, self.uid, self.gid = mode & 0o7777, uid, gid
        self.atime, self.mtime = atime, mtime
        self.names, self.xattrs, self.entries = 0, {}, {}  # entries: a folder's numbers by name
        self.place = None  # the one that it got last, or lost last
        if kind == "file":
            self.first = Version(None, None, self)


class Version:
    """What one author did to a file, after all that was done up to the version before."""

    def __init__(self, author, before, holder):
        self.author, self.before, self.after, self.changes = author, before, [], []
        self.begins = before is None  # a file has it first
        self.family = before.family if before else []  # all versions that come from one
        self.family.append(self)
        self.holder, holder.version = holder, self

    def goes_on(self):
        """The version after this one that no new file begins with."""
        return next((version for version in self.after if not version.begins), None)


class Tree:
    """The state. Each operation has a method of its name, which carries out what its author meant.
    Where everybody knew everything that comes before, that is no more and no less than it says."""

    def __init__(self, chunk_bytes):
        self.chunk_bytes, self.is_merging = chunk_bytes, False
        self.nodes = {ROOT: Node(ROOT, "folder", None, 0o755, 0, 0, 0, 0)}
        self.nodes[ROOT].names = 1
        self.forget_authors()

    def forget_authors(self):
        self.changed, self.moved, self.unnamed = (defaultdict(list) for _ in range(3))  # by whom
        self.given = {}  # places that the merge has given: to whom, and instead of which place
        self.made, self.copies, self.set_at = set(), [], {}

    def begin(self, author, ground, knew_all):
        """What follows is this author's."""
        self.author, self.is_merging = author, self.is_merging or not knew_all
        self.is_late = ground and not covers(author.frontier, ground.frontier)

    # Nodes and places.

    def node(self, ino, *kinds):
        fit(ino in self.nodes, "changes a file that is not there")
        fit(not kinds or self.nodes[ino].kind in kinds, "takes one kind of file for another")
        return self.nodes[ino]

    def lookup(self, place):
        folder = self.nodes.get(place[0])
        return folder and folder.entries.get(place[1])

    def attach(self, node, place, time=None):
        folder, name = self.node(place[0], "folder"), place[1]
        fit(1 <= len(name) <= 255 and not {*b"/\0"} & {*name} and name not in (b".", b".."),
            "has an impossible name")
        fit(name not in folder.entries and node.names < 65_000, "takes a name that it cannot have")
        folder.entries[name], node.place = node.ino, place
        node.names += 1
        folder.mtime = folder.mtime if time is None else time

    def detach(self, node, place, time=None):
        folder = self.nodes[place[0]]
        del folder.entries[place[1]]
        node.names -= 1
        node.place = node.place if node.names else place
        folder.mtime = folder.mtime if time is None else time

    def is_within(self, folder, ino):
        while folder not in (ino, ROOT):
            folder = self.nodes[folder].place[0]
        return folder == ino

    def is_unknown(self, authors):
        return any(not self.author.knows(author) for author in authors)

    def is_beyond(self, node):
        """Whether the author is late, and may have seen another state of this."""
        return self.is_late and node.ino not in self.made

    def last_author(self, node):
        return (self.changed[node.ino] or [self.author])[-1]

    def beside(self, place, author):
        """The free place that something gets instead of this one."""
        folder, name = place
        day = time.gmtime(max(-10**7, min(author.published // 86_400_000_000_000, 10**7)) * 86_400)
        device = "".join("_" if c == "/" or unicodedata.category(c) == "Cc" else c
                         for c in author.device_name[:32])
        dot = name.rfind(b".")
        dot = dot if dot > 0 and len(name) - dot <= 16 else len(name)
        for nth in range(1, 1 << 32):
            note = (f" (conflict {device} {day.tm_year:04}-{day.tm_mon:02}-{day.tm_mday:02}"
                    f"{f' {nth}' if nth > 1 else ''})").encode()
            cut = min(dot, max(0, 255 - len(note) - len(name) + dot))
            while 0 < cut < dot and name[cut] & 0xC0 == 0x80:
                cut -= 1
            if not self.lookup((folder, name[:cut] + note + name[dot:])):
                return folder, name[:cut] + note + name[dot:]

    def give(self, node, place, instead):
        self.attach(node, place)
        self.given[place] = node.ino, instead

    def bring_back(self, ino):
        """Gives a node without a name the one that it lost last, and its folder likewise."""
        lost = []
        while not self.node(ino).names:
            fit(self.is_merging, "changes a file that is not there")
            lost.append(self.nodes[ino])
            ino = self.nodes[ino].place[0]
        for node in reversed(lost):
            place, taken = node.place, self.lookup(node.place)
            self.give(node, self.beside(place, self.last_author(node)) if taken else place, place)

    def make_room(self, place):
        """Has what stands here stand beside."""
        there = self.lookup(place)
        if there:
            fit(self.is_merging, "takes a name that is taken")
            beside = self.beside(place, self.last_author(self.nodes[there]))
            self.detach(self.nodes[there], place)
            self.give(self.nodes[there], beside, place)

    def place_of(self, node):
        """A place where it is."""
        if self.lookup(node.place) == node.ino:
            return node.place
        return min((folder.ino, name) for folder in self.nodes.values()
                   for name, there in folder.entries.items() if there == node.ino)

    def place_now(self, node, place):
        """Where it is now that was at this place, or was put elsewhere from there."""
        if self.lookup(place) == node.ino:
            return place
        fit(self.is_merging, "names something else than it says")
        places = sorted(given for given, (whose, _) in self.given.items()
                        if whose == node.ino and self.lookup(given) == node.ino)
        instead = [given for given in places if self.given[given][1] == place]
        return (instead or (places if places and node.names == 1 else [None]))[0]

    def keeps(self, node):
        """Whether it has something that the author did not know of."""
        if self.is_beyond(node) or node.kind == "folder":
            return self.is_beyond(node) or bool(node.entries)
        return node.names == 1 and self.is_unknown(self.changed[node.ino] + self.unnamed[node.ino])

    def take_away(self, node, place, time):
        self.unnamed[node.ino].append(self.author)
        self.detach(node, place, time)

    # Operations on names.

    def Create(self, o):
        fit(o.ino and (self.is_merging or o.ino not in self.nodes), "makes a file that is there")
        kind, detail = o.kind
        fit(kind != "link" or 1 <= len(detail) <= 4095 and b"\0" not in detail,
            "has an impossible link")
        atime, mtime, ctime = o.times
        node = Node(o.ino, kind, detail, o.mode, o.uid, o.gid, atime, mtime)
        if o.ino not in self.nodes:
            self.bring_back(o.parent)
            self.make_room((o.parent, o.name))
            self.attach(node, (o.parent, o.name), ctime)
            self.nodes[o.ino] = node
            self.made.add(o.ino)
            self.changed[o.ino].append(self.author)

    def Link(self, o):
        node, place = self.node(o.ino), (o.parent, o.name)
        fit(node.kind != "folder", "gives a folder a second name")
        self.bring_back(o.ino)
        self.bring_back(o.parent)
        if not self.is_merging or self.lookup(place) != o.ino:
            self.make_room(place)
            self.attach(node, place, o.time)
            self.changed[o.ino].append(self.author)

    def Unlink(self, o):
        o.ino = self.lookup((o.parent, o.name))
        self.Remove(o)

    def Remove(self, o):
        fit(self.is_merging or o.ino in self.nodes, "removes a file that is not there")
        node = self.nodes.get(o.ino)
        place = node and self.place_now(node, (o.parent, o.name))
        if place and not self.keeps(node):
            self.take_away(node, place, o.time)
        else:
            fit(self.is_merging, "removes a folder that is not empty")

    def Rename(self, o):
        o.ino = self.lookup((o.from_parent, o.from_name))
        o.replaced = self.lookup((o.to_parent, o.to_name))
        if o.ino or not self.is_merging:
            self.Move(o)

    def Move(self, o):
        source, to = (o.from_parent, o.from_name), (o.to_parent, o.to_name)
        fit(self.is_merging or not o.exchange or o.replaced, "names something that is not there")
        if o.exchange and o.replaced:
            self.exchange(self.node(o.ino), source, self.node(o.replaced), to, o.time)
        else:
            fit(self.is_merging or self.lookup(to) == o.replaced, "replaces what it does not say")
            self.move(self.node(o.ino), source, to, o.replaced, o.time)

    def exchange(self, node, source, other, to, time):
        if (self.lookup(source), self.lookup(to)) != (node.ino, other.ino):
            fit(self.is_merging, "names something else than it says")
            self.move(node, source, to, None, time)
            self.move(other, to, source, None, time)
        elif source != to and (
                self.is_within(to[0], node.ino) or self.is_within(source[0], other.ino)):
            fit(self.is_merging, "moves a folder into itself")
        elif source == to:
            self.nodes[to[0]].mtime = time
            self.note_moved(node)
        else:
            self.detach(node, source, time)
            self.detach(other, to, time)
            self.attach(node, to, time)
            self.attach(other, source, time)
            self.note_moved(node)
            self.note_moved(other)

    def move(self, node, source, to, replaced, time):
        self.bring_back(node.ino)
        self.bring_back(to[0])
        if self.is_within(to[0], node.ino):
            return fit(self.is_merging, "moves a folder into itself")
        is_alone = node.names == 1 and (
            node.kind == "folder" or self.is_unknown(self.moved[node.ino]))
        source = self.place_now(node, source) or (self.place_of(node) if is_alone else None)
        there = self.nodes.get(self.lookup(to))
        if there is node:
            return fit(self.is_merging, "moves something onto itself")
        if there and there.ino == replaced and not self.keeps(there) and (
                (there.kind == "folder") == (node.kind == "folder")):
            self.take_away(there, to, time)
        else:
            self.make_room(to)
        if source:
            self.detach(node, source, time)
        self.attach(node, to, time)
        self.note_moved(node)

    def note_moved(self, node):
        self.moved[node.ino].append(self.author)
        self.changed[node.ino].append(self.author)

    # Operations on attributes.

    def SetAttr(self, o):
        node, by = self.node(o.ino), self.set_at.get((o.ino, o.ctime), self.author)
        if self.author.knows(by):
            self.set_at[o.ino, o.ctime] = self.author
            for field in "mode", "uid", "gid", "atime", "mtime":
                if getattr(o, field) is not None:
                    setattr(node, field, getattr(o, field))
            node.mode &= 0o7777

    def SetXattr(self, o):
        fit(1 <= len(o.name) <= 255 and len(o.value) <= 65_536, "has an impossible attribute")
        self.node(o.ino).xattrs[o.name] = o.value

    def RemoveXattr(self, o):
        there = self.node(o.ino).xattrs.pop(o.name, None)
        fit(self.is_merging or there is not None, "removes an attribute that is not there")

    def PackUnused(self, o):
        pass

    # Operations on content. They are only taken down; `content` carries them out.

    def Write(self, o):
        for run in o.runs:
            self.check_run(run, o.size)
        self.change("Write", o, o.size, o.mtime)

    def Truncate(self, o):
        self.change("Truncate", o, o.size, o.time)

    def Punch(self, o):
        self.change("Punch", o, 0, o.time)

    def Relocate(self, o):
        self.check_run(o.run, 2**63 - 1)
        for version in self.node(o.ino, "file").version.family:
            version.changes.append(("Relocate", o))

    def change(self, name, o, size, time):
        fit(size < 2**63, "makes a file too large")
        node = self.node(o.ino, "file")
        version = self.late_copy(node).version if self.is_beyond(node) else self.version_seen(node)
        self.bring_back(version.holder.ino)
        self.changed[version.holder.ino].append(self.author)
        version.changes.append((name, o))
        version.holder.mtime = time

    def late_copy(self, node):
        """The new file that has what a late author did to this one."""
        number = derived(node.ino, self.author.device, 0, 3)
        if number not in self.nodes:
            self.bring_back(node.ino)
            self.put_beside(node, number, self.author)
        return self.nodes[number]

    def version_seen(self, node):
        """The version that the author changes."""
        seen = node.first
        while any(self.author.knows(version.author) for version in seen.after):
            seen = [each for each in seen.after if self.author.knows(each.author)][-1]
        if seen.author is self.author:
            return seen
        holder, other = seen.holder, seen.goes_on()
        if other:
            # What others made of the seen version goes on in a new file.
            last = other
            while last.goes_on():
                last = last.goes_on()
            holder = last.holder
            self.bring_back(holder.ino)
            number = derived(holder.ino, other.author.device, other.author.number, 1)
            while number in self.nodes or number < 2:
                number = (number + 1) % 2**64
            copy = self.put_beside(holder, number, last.author)
            copy.first, copy.version, last.holder, other.begins = other, last, copy, True
            self.changed[number].append(last.author)
            self.copies.append((copy, holder))
        seen.after.append(Version(self.author, seen, holder))
        return seen.after[-1]

    def put_beside(self, node, number, author):
        """A new file beside another."""
        copy = Node(number, "file", None, node.mode, node.uid, node.gid, node.atime, node.mtime)
        copy.xattrs = dict(node.xattrs)
        self.nodes[number] = copy
        place = self.beside(self.place_of(node), author)
        self.give(copy, place, place)
        self.made.add(number)
        return copy

    def leave_out_equal_copies(self):
        for copy, node in self.copies:
            if node.names and copy.names == 1 and (
                    self.content(copy.version) == self.content(node.version)):
                self.detach(copy, self.place_of(copy))

    def check_run(self, run, size):
        end = run.pack_offset + (run.count - 1) * (self.chunk_bytes + 16) + run.tail_bytes + 16
        fit(1 <= run.count and 1 <= run.visible_bytes <= run.tail_bytes <= self.chunk_bytes
            and run.first_chunk + run.count <= -(-size // self.chunk_bytes)
            and 32 <= run.pack_offset and end < 1 << 32, "has an impossible run")

    def chunks_of(self, run, pack, offset):
        """Each chunk's number, and where it stands: pack, offset, length, how much of that counts."""
        for nth in range(run.count):
            is_last = nth == run.count - 1
            lengths = (run.tail_bytes, run.visible_bytes) if is_last else (self.chunk_bytes,) * 2
            yield run.first_chunk + nth, (pack, offset + nth * (self.chunk_bytes + 16), *lengths)

    def content(self, version):
        """A file's size, and where its chunks stand, by their numbers."""
        path, size, chunks = [], 0, {}
        while version:
            path.append(version)
            version = version.before
        for name, o in (change for version in reversed(path) for change in version.changes):
            if name == "Write":
                for run in o.runs:
                    chunks.update(self.chunks_of(run, run.pack, run.pack_offset))
            if name == "Relocate":
                new = self.chunks_of(o.run, o.run.pack, o.run.pack_offset)
                for (chunk, old), (_, to) in zip(
                        self.chunks_of(o.run, o.from_pack, o.from_offset), new):
                    if chunks.get(chunk, ())[:3] == old[:3]:
                        chunks[chunk] = to[:3] + chunks[chunk][3:]
            if name == "Punch":
                end = o.first_chunk + o.count
                chunks = {nth: at for nth, at in chunks.items() if not o.first_chunk <= nth < end}
            if name in ("Write", "Truncate"):
                if o.size < size:
                    whole, part = divmod(o.size, self.chunk_bytes)
                    chunks = {nth: at for nth, at in chunks.items() if nth < whole + bool(part)}
                    if whole in chunks:
                        chunks[whole] = chunks[whole][:3] + (min(part, chunks[whole][3]),)
                size = o.size
        return size, chunks


def derived(*numbers):
    """A number for a new file."""
    mixed = 0x6875736866736d31
    for number in numbers:
        mixed = ((mixed ^ number) + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
        mixed ^= mixed >> 31
    return mixed if 2 <= mixed < 2**64 - 1 else 2 + numbers[-1]


# Section 7: packs.

class Packs:
    """Reads chunks, from packs or from copies of them."""

    def __init__(self, vault, keys):
        self.vault, self.keys, self.current, self.files = vault, keys, None, []

    def open(self, pack):
        """Makes this the pack that is read from; a file's chunks are mostly in few packs."""
        for file in self.files:
            file.close()
        self.current, self.files = pack, []
        self.cipher = AESGCMSIV(self.keys.object_key(b"data", pack))
        for path in self.vault.named.get(pack.hex(), [])[:17]:
            try:
                self.files.append(self.vault.open(path))
            except Bad as error:
                say(f"{path} {error}", DAMAGED)

    def read(self, pack, offset, sealed_bytes, nonce, whence=os.SEEK_SET):
        """What is sealed at this place, from the first copy where it opens; else None."""
        if pack != self.current:
            self.open(pack)
        for file in self.files:
            try:
                file.seek(offset, whence)
                header = frame(b"P") + bytes(6) + pack
                return self.cipher.decrypt(nonce, file.read(sealed_bytes), header)
            except (InvalidTag, ValueError, OSError):
                pass
        return None

    def has_arrived(self, pack):
        """Whether the pack is whole up to its end: whether its trailer opens."""
        return self.read(pack, -24, 24, bytes(11) + b"\2", os.SEEK_END) is not None


# Writing the files.

ACCESS_LISTS = {"system.posix_acl_access", "system.posix_acl_default"}
MODES = {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK, "character": stat.S_IFCHR,
         "block": stat.S_IFBLK}


class Writer:
    """Writes the tree into a new folder."""

    def __init__(self, tree, packs):
        self.tree, self.packs, self.count, self.bytes, self.kept = tree, packs, 0, 0, 0

    def write(self, destination):
        """Files first; the attributes of folders last, since writing into them changes these."""
        folders, written = [(self.tree.nodes[ROOT], destination)], {}
        for folder, path in folders:  # grows as it goes
            for name, ino in sorted(folder.entries.items()):
                node, place = self.tree.nodes[ino], os.path.join(path, name)
                try:
                    if node.kind == "folder":
                        os.mkdir(place, 0o700)
                        folders.append((node, place))
                    elif ino in written:
                        os.link(written[ino], place, follow_symlinks=False)
                    elif self.write_node(node, place):
                        written[ino] = place
                        self.set_attributes(node, place)
                    else:
                        damaged = place + b".damaged"
                        while os.path.basename(damaged) in folder.entries:
                            damaged += b"~"
                        os.rename(place, damaged)
                        self.set_attributes(node, damaged)
                    self.count += 1
                except (OSError, ValueError) as error:
                    say(f"{shown(place)} could not be written: {error}", FAILED)
        for folder, path in reversed(folders):
            self.set_attributes(folder, path)

    def write_node(self, node, place):
        """Makes what is no folder. Whether all of its content could be had."""
        if node.kind == "file":
            return self.write_content(node, place)
        if node.kind == "link":
            os.symlink(node.detail, place)
        else:
            rdev = node.detail or 0
            device = os.makedev(rdev >> 8 & 0xFFF, rdev & 0xFF | rdev >> 12 & 0xFFF00)
            os.mknod(place, MODES[node.kind] | 0o600, device)
        return True

    def write_content(self, node, place):
        size, chunks = self.tree.content(node.version)
        lost = defaultdict(int)  # bytes that cannot be read, by pack
        with open(place, "xb") as file:  # x: only if nothing is there, not even a link
            file.truncate(size)
            for chunk, (pack, offset, length, visible_bytes) in sorted(chunks.items()):
                content = self.packs.read(pack, offset, length + 16, at(offset))
                if content is None:
                    lost[pack] += visible_bytes
                else:
                    place_bytes = chunk * self.tree.chunk_bytes
                    file.seek(place_bytes)
                    file.write(content[:max(0, min(visible_bytes, size - place_bytes))])
        self.bytes += size
        for pack, count in lost.items():
            arrived = self.packs.has_arrived(pack)
            say(f"{shown(place)}: {count} of {size} bytes cannot be read, and are zeroes in the "
                f"file with “.damaged” behind its name: the pack {pack.hex()} "
                f"{'is damaged' if arrived else 'has not arrived, or not all of it'}",
                DAMAGED if arrived else NOT_ARRIVED)
        return not lost

    def set_attributes(self, node, place):
        """Owner first, since that takes set-id bits away; times last."""
        try:  # Access lists that the destination hands down grant more than the vault says.
            for name in ACCESS_LISTS & {*os.listxattr(place, follow_symlinks=False)}:
                os.removexattr(place, name, follow_symlinks=False)
        except (OSError, AttributeError):
            pass
        mode = node.mode
        if os.geteuid() and (node.uid, node.gid) != (os.geteuid(), os.getegid()):
            mode &= 0o7777 if node.kind == "folder" else 0o1777  # a program is not to run as us
            self.kept += 1
        elif os.geteuid() == 0:
            self.attempt(place, "owner", lambda: os.lchown(place, node.uid, node.gid))
        for name, value in sorted(node.xattrs.items()):
            done = self.attempt(place, f"attribute {shown(name)}", lambda: os.setxattr(
                place, name, value, follow_symlinks=False))
            if not done and os.fsdecode(name) in ACCESS_LISTS:
                mode &= ~0o070  # without its list, these bits would grant the group too much
        if node.kind != "link":
            self.attempt(place, "mode", lambda: os.chmod(place, mode))
        times = node.atime, node.mtime
        self.attempt(place, "times", lambda: os.utime(place, ns=times, follow_symlinks=False))

    def attempt(self, place, what, action):
        try:
            action()
            return True
        except (OSError, OverflowError, AttributeError, NotImplementedError) as error:
            say(f"{shown(place)} cannot get its {what}: {error}", FAILED)
            return False


def main():
    parser = argparse.ArgumentParser(description="Restores a hushfs vault without hushfs.")
    parser.add_argument("vault", help="the folder with “hushfs.vault” in it")
    parser.add_argument("destination", help="an empty folder, or one to be made")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--password-file", metavar="FILE", help="has the password in its first line")
    secret.add_argument("--key-file", metavar="FILE", help="has the 64-digit key")
    options = parser.parse_args()
    destination = os.path.realpath(options.destination)
    if (destination + os.sep).startswith(os.path.realpath(options.vault) + os.sep):
        parser.error("the destination is in the vault")
    if os.path.isdir(destination) and os.listdir(destination):
        raise Stop(f"{destination} is not empty.", FAILED)

    vault = Vault(options.vault)
    keys, chunk_bytes = unlock(vault, take_secrets(options))
    tree, newest = fold(Log(vault, keys), chunk_bytes)
    if not newest and any(path.endswith(".pack") for path in vault.paths):
        say("Nothing of the folder “log” is here: it tells of folders and files, and has not arrived.",
            NOT_ARRIVED)
    os.umask(0o077)
    os.makedirs(destination, exist_ok=True)
    writer = Writer(tree, Packs(vault, keys))
    writer.write(os.fsencode(destination))
    print(f"restored {writer.count} files and folders, {writer.bytes} bytes")
    if writer.kept:
        print(f"{writer.kept} of them belong to you now: only root can restore owners")
    if newest:
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(newest.published // 10**9))
        print(f"newest work in this vault: {made} UTC, by “{shown(newest.device_name)}”")
    return next((code for code in (DAMAGED, NOT_ARRIVED, FAILED) if code in FOUND_WRONG), 0)


def take_secrets(options):
    """What to unlock with, by the kind of slot that it is for."""
    if options.key_file:
        with open(options.key_file, encoding="utf-8", errors="replace") as file:
            key = read_key(file.read(4096))
        if not key:
            raise Stop(f"{options.key_file} does not have a key of 64 digits.", FAILED)
        return {KEY: key}
    if options.password_file:
        with open(options.password_file, "rb") as file:
            return {PASSWORD: file.readline().rstrip(b"\n")}
    text = getpass.getpass("Password or 64-digit key: ")
    return {PASSWORD: os.fsencode(text), **({KEY: read_key(text)} if read_key(text) else {})}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        print(stop.args[0], file=sys.stderr)
        sys.exit(stop.args[1])
    except OSError as error:
        sys.exit(f"{error}")
