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

import argparse, getpass, hashlib, hmac, os, re, stat, struct, sys, time, unicodedata
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
    """These bytes are not what they have to be: damaged, not whole, or somebody else's."""


class Newer(Bad):
    """Written by a newer version of hushfs."""


class Unfit(Exception):
    """An operation does not fit the state that it is applied to."""


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
    if len(data) < 10 or data[:8] != frame(kind)[:8] or data[8:10] == b"\0\0":
        raise Bad("is not what its name says, or its beginning is damaged")
    version = int.from_bytes(data[8:10], "little")
    if version > newest:
        raise Newer("is of a newer format of hushfs, which this program does not know")
    return version


class Reader:
    """Reads serialised values. A type is written as in format.md: `list Run`, `option u32` …"""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Bad("ends too early")
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

    def one_of(self, values, number=None):
        number = self.varint(32) if number is None else number
        if number >= len(values):
            raise Bad("has a value that this format does not know")
        return values[number]

    def value(self, type):
        word, _, of = type.partition(" ")
        if type in STRUCTURES:
            return Record(**{name: self.value(type) for name, type in STRUCTURES[type]})
        if word == "list":
            return [self.value(of) for _ in range(self.varint(64))]
        if word == "option":
            return self.value(of) if self.value("bool") else None
        if word == "[u8;":
            return self.take(int(of[:-1]))
        if type in ("u32", "u64"):
            return self.varint(int(type[1:]))
        if type == "i64":
            zigzag = self.varint(64)
            return zigzag >> 1 ^ -(zigzag & 1)
        if type == "fix64":
            return int.from_bytes(self.take(8), "little")
        if type == "bool":
            return self.one_of((False, True), self.take(1)[0])
        if type == "bytes":
            return self.take(self.varint(64))
        if type == "text":
            try:
                return self.value("bytes").decode()
            except UnicodeDecodeError:
                raise Bad("has a text that is none") from None
        if type == "Time":  # in nanoseconds since 1970
            return self.value("i64") * 10**9 + min(self.value("u32"), 999_999_999)
        if type == "Times":  # access, content, status
            same = self.one_of((True, False))
            return [self.value("Time")] * 3 if same else [self.value("Time") for _ in range(3)]
        if type == "NodeKind":
            kind, field = self.one_of(KINDS)
            return kind, field and self.value(field)
        raise KeyError(type)


KINDS = [("file", None), ("folder", None), ("link", "bytes"), ("pipe", None), ("socket", None),
         ("character", "u32"), ("block", "u32")]
OPERATIONS = ["Create", "Link", "Unlink", "Rename", "SetAttr", "SetXattr", "RemoveXattr", "Write",
              "Truncate", "Punch", "WriteInline", "Relocate", "PackUnused", "Remove", "Move"]
STRUCTURES = {  # sections 8 and 9
    "Head": "previous: [u8; 32], frontier: list FrontierEntry, clock: u64, published: Time, "
            "device_name: text, operations_bytes: u64",
    "FrontierEntry": "device: fix64, seq: u64, hash: [u8; 32]",
    "Create": "parent: fix64, name: bytes, ino: fix64, kind: NodeKind, mode: u32, uid: u32, gid: u32, "
              "times: Times",
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
    "WriteInline": "",  # in a journal only
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


def expand(key, info):
    return hmac_sha256(key, info + b"\1")  # HKDF-Expand, for 32 bytes


def hkdf(salt, key, info):
    return expand(hmac_sha256(salt, key), info)


def argon2id(password, salt, memory, passes, lanes):
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
        return Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes,
                        memory_cost=memory).derive(password)
    except ImportError:
        pass
    try:
        from argon2.low_level import Type, hash_secret_raw
    except ImportError:
        raise Stop("Please install “cryptography” 44 or newer, or “argon2-cffi”.", FAILED) from None
    return hash_secret_raw(password, salt, passes, memory, lanes, 32, Type.ID)


class Keys:
    """A vault's id and master key, and what comes from them."""

    def __init__(self, vault_id, master_key):
        self.vault_id, self.master_key = vault_id, master_key

    def object_key(self, label, object_id):
        class_key = hkdf(self.vault_id, self.master_key, b"hushfs 1 " + label)
        return expand(class_key, b"hushfs 1 object" + object_id)


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

    def read(self, path, most=1 << 30):
        try:
            with open(os.path.join(self.folder, path), "rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise Bad(f"cannot be read: {error.strerror}") from None
        if len(data) > most:
            raise Bad("is too long")
        return data


# Sections 5 and 6: the descriptor and the slots.

PASSWORD, KEY = 1, 2


def unlock(vault, secrets):
    """The keys and the chunk size of a vault. `secrets` has one for each kind of slot to try."""
    descriptors = []
    for path in vault.named["hushfs"]:
        try:
            data = vault.read(path, 4096)
            check_frame(data, b"V")
            descriptors += [data] if len(data) == 78 else []
        except Newer as error:
            raise Stop(f"{path} {error}.", NO_VAULT) from None
        except Bad as error:
            say(f"note: {path} {error}")
    slots = [path for path in vault.paths if path.lower().startswith("keys") and "/" in path]
    if not descriptors and not slots:
        raise Stop(f"{vault.folder} is not a vault, or has not arrived: it has no hushfs.vault.",
                   NO_VAULT)
    damaged, opened = [], []
    for path in slots[:64]:
        try:
            keys, chunk_bytes = open_slot(vault.read(path, 4096), secrets) or (None, None)
        except Bad as error:
            say(f"note: {path} {error}")
            damaged.append(path)
            continue
        if keys and any(descriptor_opens(keys, data) for data in descriptors):
            return keys, chunk_bytes
        opened += [(path, keys, chunk_bytes)] if keys else []
    if opened:
        path, keys, chunk_bytes = opened[0]
        say(f"hushfs.vault is missing or damaged; {path} tells what is needed of it", DAMAGED)
        return keys, chunk_bytes
    if damaged:
        raise Stop("Wrong password or key; or it is right, and what it opens is damaged. Then an "
                   f"older copy of the damaged file helps: {', '.join(damaged)}", DAMAGED)
    if not slots:
        raise Stop("The folder “keys” is empty, or has not arrived. Without one of the files that "
                   "were in it nothing opens this vault.", DAMAGED)
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
    if len(data) < 26 or hashlib.sha256(data[:-16]).digest()[:16] != data[-16:]:
        raise Bad("is damaged")
    try:
        version = check_frame(data, b"K", 2)
    except Newer:
        return None
    kind, memory, passes, lanes = struct.unpack_from("<HIII", data, 10)
    if kind not in secrets:
        return None
    if len(data) != (264 if version == 1 else 456):
        raise Bad("has the wrong length")
    vault_id, slot_id, salt, commitment = data[24:40], data[40:56], data[56:88], data[88:120]
    secret = secrets[kind]
    if kind == PASSWORD:
        if not (65_536 <= memory <= 2_097_152 and 3 <= passes <= 64 and 1 <= lanes <= 16):
            raise Bad("asks for an effort out of bounds")
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


# Section 8: log objects and checkpoints.

NONE = 0, bytes(32)  # number and hash, where a frontier has no entry


class LogObject:
    """A log object or checkpoint, opened and checked."""

    def __init__(self, keys, data, kind, device, number):
        check_frame(data, kind)
        if (data[16:32], data[48:64]) != (keys.vault_id, struct.pack("<QQ", device, number)):
            raise Bad("is not what its name says")
        key = keys.object_key(b"log", data[32:48])
        body = Reader(open_sealed(key, at(0), data[64:], data[:64]))
        head = body.value("Head")
        self.operation_bytes = body.take(head.operations_bytes)
        self.device, self.number, self.hash = device, number, hashlib.sha256(data).digest()
        self.previous, self.clock, self.published = head.previous, head.clock, head.published
        self.frontier = {entry.device: (entry.seq, entry.hash) for entry in head.frontier}
        self.name, self.device_name = log_name(device, number), head.device_name
        devices = [entry.device for entry in head.frontier]
        own_number = self.frontier.get(device, NONE)[0]
        numbers = [number, head.clock] + [entry.seq for entry in head.frontier]
        if devices != sorted(set(devices)) or own_number != number - (kind == b"L"):
            raise Bad("has an impossible frontier")
        if number == 0 or max(numbers) == 2**64 - 1:
            raise Bad("has an impossible number")

    def operations(self):
        reader = Reader(self.operation_bytes)
        while reader.at < len(reader.data):
            name = reader.one_of(OPERATIONS)
            yield name, reader.value(name)

    def knows(self, other):
        number = self.frontier.get(other.device, NONE)[0]
        return other.device == self.device or other.number <= number


def log_name(device, number):
    return f"{device:016x}-{number:08}"


def covers(frontier, other):
    return all(number <= frontier.get(device, NONE)[0] for device, (number, _) in other.items())


class Log:
    """The log objects and checkpoints that are in the vault."""

    def __init__(self, vault, keys):
        self.vault, self.keys, self.opened = vault, keys, {}
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

    def versions(self, kind, device, number):
        """What opens as this object: the file of that name, or else the different versions that its
        copies have. And what is wrong with those that do not open, each with its exit code."""
        asked = kind, device, number
        if asked not in self.opened:
            versions, faults = {}, []
            for path in self.files(*asked):
                data = b""
                try:
                    data = self.vault.read(path)
                    found = LogObject(self.keys, data, *asked)
                    versions.setdefault(found.hash, found)
                    if self.vault.OWN_NAME.fullmatch(path):
                        break
                except Bad as error:
                    part = is_a_part(data)
                    faults.append((f"{path} {'has arrived in part only' if part else error}",
                                   NOT_ARRIVED if part else DAMAGED))
            self.opened[asked] = list(versions.values()), faults
        return self.opened[asked]


def is_a_part(data):
    """Whether this is a log object that a sync client has not finished (section 10)."""
    told = int.from_bytes(data[10:16], "little")
    bits = len(data).bit_length() - 1
    padme = len(data) < 2 or len(data) % (1 << max(0, bits - bits.bit_length())) == 0
    return len(data) < told or (not told and not padme) or data[-16:] == bytes(16)


# Section 10: folding.

def fold(log, chunk_bytes):
    """The tree of files, as the log objects make it, and the log object that was made last."""
    checkpoints, stops = list(log.checkpoints), {}  # stops: by device, a log object that is unfit
    while True:
        ground, authors, faults = order(log, checkpoints, stops)
        tree, author, frontier = Tree(chunk_bytes), ground, dict(ground.frontier if ground else {})
        try:
            for name, operation in ground.operations() if ground else []:
                getattr(tree, name)(operation)
            if not in_a_row(authors, frontier):
                tree = Merge(tree)
            for author in authors:
                tree.author, knew_all = author, covers(author.frontier, frontier)
                author.is_late = ground and not covers(author.frontier, ground.frontier)
                for name, operation in author.operations():
                    try:
                        getattr(tree, name)(operation)
                    except Unfit:
                        if knew_all:
                            raise  # else what others did has left no place for it
                frontier[author.device] = author.number, author.hash
        except (Unfit, Bad) as error:
            if author is ground:
                say(f"note: {author.name} {error}; the log objects may do without it")
                checkpoints.remove(ground)
            else:
                stops[author.device] = author.number, f"{author.name} {error}: it was made up"
            continue
        tree.finish()
        for text, code in faults:
            say(text, code)
        everything = authors + [ground] if ground else authors
        return tree, max(everything, key=lambda author: author.published, default=None)


def in_a_row(authors, frontier):
    """Whether each knew all that came before."""
    frontier = dict(frontier)
    for author in authors:
        if not covers(author.frontier, frontier):
            return False
        frontier[author.device] = author.number, author.hash
    return True


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
        author = min(ready, key=lambda found: (found.clock, found.device))
        del waiting[author.device]
        if any(hashes.get((device, number), hash) != hash
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
        faults.append((f"left out: what “{shown(author.device_name)}” did from {author.name} on",
                       None))
    return authors, faults


# Section 9: operations. A place is a folder's number and a name in it.

ROOT = 1


class Node:
    """An inode: what stands behind one or more names."""

    def __init__(self, ino, kind, detail, mode, uid, gid, atime, mtime):
        self.ino, self.kind, self.detail = ino, kind, detail  # a link's target, a device's number
        self.mode, self.uid, self.gid, self.atime, self.mtime = mode & 0o7777, uid, gid, atime, mtime
        self.names, self.xattrs, self.entries = 0, {}, {}  # entries: a folder's numbers by name
        self.place = None  # the one that it got last, or lost last
        self.first = self.version = None  # of a file: which versions it has


class Version:
    """What one author did to a file, after all that was done up to the version before."""

    def __init__(self, author, before, holder):
        self.author, self.before, self.after, self.changes = author, before, [], []
        self.holder, self.begins = holder, before is None  # begins: a file has it first
        self.family = before.family if before else []  # all versions that come from one
        self.family.append(self)
        holder.version = self


def fit(condition, fault):
    if not condition:
        raise Unfit(fault)


class Tree:
    """The state. Each operation has a method of its name."""

    def __init__(self, chunk_bytes):
        self.chunk_bytes, self.author = chunk_bytes, None
        self.nodes = {ROOT: Node(ROOT, "folder", None, 0o755, 0, 0, 0, 0)}
        self.nodes[ROOT].names = 1

    def node(self, ino, *kinds):
        fit(ino in self.nodes, "changes a file that is not there")
        fit(not kinds or self.nodes[ino].kind in kinds, "takes one kind of file for another")
        return self.nodes[ino]

    def lookup(self, place):
        folder = self.nodes.get(place[0])
        return folder and folder.entries.get(place[1])

    def attach(self, ino, place):
        node = self.nodes[ino]
        self.nodes[place[0]].entries[place[1]] = ino
        node.names, node.place = node.names + 1, place

    def detach(self, place):
        ino = self.nodes[place[0]].entries.pop(place[1])
        self.nodes[ino].names -= 1

    def is_within(self, folder, ino):
        while folder not in (ino, ROOT):
            folder = self.nodes[folder].place[0]
        return folder == ino

    def add(self, node, place, time):
        """Gives a node a name."""
        folder, name = self.node(place[0], "folder"), place[1]
        fit(1 <= len(name) <= 255 and not {*b"/\0"} & {*name} and name not in (b".", b".."),
            "has an impossible name")
        fit(name not in folder.entries, "takes a name that is taken")
        fit(node.names < 65_000, "gives too many names to a file")
        self.nodes[node.ino] = node
        self.attach(node.ino, place)
        folder.mtime = time

    def remove(self, place, time):
        fit(self.lookup(place), "names a file that is not there")
        node = self.nodes[self.lookup(place)]
        fit(not node.entries, "removes a folder that is not empty")
        self.detach(place)
        self.nodes[place[0]].mtime = time
        if not node.names:
            node.place = place
            self.forget(node.ino)

    def forget(self, ino):
        del self.nodes[ino]

    def rename(self, source, to, exchange, time):
        ino, there = self.lookup(source), self.lookup(to)
        fit(ino and (there or not exchange), "names a file that is not there")
        folder = self.node(to[0], "folder")
        fit(not self.is_within(to[0], ino), "moves a folder into itself")
        if exchange:
            fit(not self.is_within(source[0], there), "moves a folder into itself")
            self.detach(to)
        elif there:
            kinds = [self.nodes[each].kind == "folder" for each in (ino, there)]
            fit(there != ino and kinds[0] == kinds[1], "replaces what it cannot")
            self.remove(to, time)
        self.detach(source)
        self.add(self.nodes[ino], to, time)
        if exchange:
            self.attach(there, source)
        self.nodes[source[0]].mtime = folder.mtime = time

    def Create(self, o):
        kind, detail = o.kind
        fit(o.ino and o.ino not in self.nodes, "makes a file that is there already")
        fit(kind != "link" or 1 <= len(detail) <= 4095 and b"\0" not in detail,
            "has an impossible link")
        node = Node(o.ino, kind, detail, o.mode, o.uid, o.gid, *o.times[:2])
        if kind == "file":
            node.first = Version(None, None, node)
        self.add(node, (o.parent, o.name), o.times[2])

    def Link(self, o):
        node = self.node(o.ino)
        fit(node.kind != "folder", "gives a folder a second name")
        self.add(node, (o.parent, o.name), o.time)

    def Unlink(self, o):
        self.remove((o.parent, o.name), o.time)

    def Remove(self, o):
        fit(self.lookup((o.parent, o.name)) == o.ino, "removes something else than it says")
        self.Unlink(o)

    def Rename(self, o):
        self.rename((o.from_parent, o.from_name), (o.to_parent, o.to_name), o.exchange, o.time)

    def Move(self, o):
        fit(self.lookup((o.from_parent, o.from_name)) == o.ino, "moves something else than it says")
        fit(self.lookup((o.to_parent, o.to_name)) == o.replaced,
            "replaces something else than it says")
        self.Rename(o)

    def SetAttr(self, o):
        node = self.node(o.ino)
        for field in "mode", "uid", "gid", "atime", "mtime":
            if getattr(o, field) is not None:
                setattr(node, field, getattr(o, field))
        node.mode &= 0o7777

    def SetXattr(self, o):
        fit(1 <= len(o.name) <= 255 and len(o.value) <= 65_536, "has an impossible attribute")
        self.node(o.ino).xattrs[o.name] = o.value

    def RemoveXattr(self, o):
        xattrs = self.node(o.ino).xattrs
        fit(o.name in xattrs, "removes an attribute that is not there")
        del xattrs[o.name]

    def Write(self, o):
        for run in o.runs:
            self.check_run(run, o.size)
        self.change(("Write", o), o.size, o.mtime)

    def Truncate(self, o):
        self.change(("Truncate", o), o.size, o.time)

    def Punch(self, o):
        self.change(("Punch", o), 0, o.time)

    def Relocate(self, o):
        self.check_run(o.run, 2**63 - 1)
        for version in self.node(o.ino, "file").version.family:
            version.changes.append(("Relocate", o))

    def PackUnused(self, o):
        pass

    def WriteInline(self, o):
        raise Bad("has an operation that belongs into a journal")

    def change(self, change, size, time):
        """Takes down what is done to a file's content; `content` does it."""
        fit(size < 2**63, "makes a file too large")
        version = self.version_of(self.node(change[1].ino, "file"))
        version.changes.append(change)
        version.holder.mtime = time

    def version_of(self, node):
        """The version that the author changes."""
        return node.version

    def check_run(self, run, size):
        fit(1 <= run.count and 1 <= run.visible_bytes <= run.tail_bytes <= self.chunk_bytes
            and run.first_chunk + run.count <= -(-size // self.chunk_bytes)
            and 32 <= run.pack_offset
            and run.pack_offset + (run.count - 1) * (self.chunk_bytes + 16) + run.tail_bytes < 1 << 32,
            "has an impossible run")

    def chunks_of(self, run):
        """Each chunk's number, and where it stands: pack, offset, length, how much of that counts."""
        for nth in range(run.count):
            is_last = nth == run.count - 1
            lengths = (run.tail_bytes, run.visible_bytes) if is_last else (self.chunk_bytes,) * 2
            yield run.first_chunk + nth, (run.pack, run.pack_offset + nth * (self.chunk_bytes + 16),
                                          *lengths)

    def content(self, version):
        """A file's size, and where its chunks stand, by their numbers."""
        path, size, chunks = [], 0, {}
        while version:
            path.append(version)
            version = version.before
        for name, o in (change for version in reversed(path) for change in version.changes):
            if name == "Write":
                for run in o.runs:
                    chunks.update(self.chunks_of(run))
            if name == "Relocate":
                old = Record(**{**vars(o.run), "pack": o.from_pack, "pack_offset": o.from_offset})
                for (chunk, there), (_, to) in zip(self.chunks_of(old), self.chunks_of(o.run)):
                    if chunks.get(chunk, ())[:3] == there[:3]:
                        chunks[chunk] = to[:3] + chunks[chunk][3:]
            if name == "Punch":
                chunks = {chunk: place for chunk, place in chunks.items()
                          if not 0 <= chunk - o.first_chunk < o.count}
            if name in ("Write", "Truncate"):
                if o.size < size:
                    whole, part = divmod(o.size, self.chunk_bytes)
                    chunks = {chunk: place for chunk, place in chunks.items()
                              if chunk < whole + bool(part)}
                    if whole in chunks:
                        chunks[whole] = chunks[whole][:3] + (min(part, chunks[whole][3]),)
                size = o.size
        return size, chunks

    def finish(self):
        pass


# Section 10: merging.

class Merge(Tree):
    """A state on which is carried out what authors meant who did not know of each other."""

    def __init__(self, ground):
        self.chunk_bytes, self.nodes = ground.chunk_bytes, ground.nodes
        self.changed, self.moved, self.unnamed = (defaultdict(list) for _ in range(3))  # by whom
        self.given = {}  # places that the merge has given: to whom, and instead of which place
        self.made, self.copies, self.set_at = set(), [], {}

    def is_unknown(self, authors):
        return any(not self.author.knows(author) for author in authors)

    def is_beyond(self, ino):
        return self.author.is_late and ino not in self.made

    def forget(self, ino):
        pass

    def give(self, ino, place, instead):
        self.attach(ino, place)
        self.given[place] = ino, instead

    def beside(self, place, author):
        """The free place that something gets instead of this one."""
        folder, name = place
        day = time.gmtime(max(-10**7, min(author.published // 86_400_000_000_000, 10**7)) * 86_400)
        date = f"{day.tm_year:04}-{day.tm_mon:02}-{day.tm_mday:02}"
        device = "".join("_" if c == "/" or unicodedata.category(c) == "Cc" else c
                         for c in author.device_name[:32])
        dot = name.rfind(b".")
        dot = dot if dot > 0 and len(name) - dot <= 16 else len(name)
        number = 1
        while True:
            note = f" (conflict {device} {date}{f' {number}' if number > 1 else ''})".encode()
            cut = min(dot, max(0, 255 - len(note) - len(name) + dot))
            while 0 < cut < dot and name[cut] & 0xC0 == 0x80:
                cut -= 1
            place = folder, name[:cut] + note + name[dot:]
            if not self.lookup(place):
                return place
            number += 1

    def last_author(self, ino):
        return (self.changed[ino] or [self.author])[-1]

    def bring_back(self, ino):
        lost = []
        while not self.node(ino).names:
            lost.append(ino)
            ino = self.nodes[ino].place[0]
        for ino in reversed(lost):
            place = self.nodes[ino].place
            taken = self.lookup(place)
            self.give(ino, self.beside(place, self.last_author(ino)) if taken else place, place)

    def make_room(self, place):
        there = self.lookup(place)
        if there:
            beside = self.beside(place, self.last_author(there))
            self.detach(place)
            self.give(there, beside, place)

    def place_of(self, ino):
        """A place where it is."""
        if self.lookup(self.nodes[ino].place) == ino:
            return self.nodes[ino].place
        return min((folder, name) for folder, node in self.nodes.items()
                   for name, there in node.entries.items() if there == ino)

    def place_now(self, ino, place):
        """Where it is now that was at this place, or was put elsewhere from there."""
        if self.lookup(place) == ino:
            return place
        places = sorted(given for given, (whose, _) in self.given.items()
                        if whose == ino and self.lookup(given) == ino)
        instead = [given for given in places if self.given[given][1] == place]
        return (instead or (places if places and self.nodes[ino].names == 1 else [None]))[0]

    def keeps(self, ino):
        """Whether it has something that the author did not know of."""
        node = self.nodes[ino]
        if self.is_beyond(ino) or node.kind == "folder":
            return self.is_beyond(ino) or bool(node.entries)
        return node.names == 1 and self.is_unknown(self.changed[ino] + self.unnamed[ino])

    def take_away(self, ino, place, time):
        place = self.place_now(ino, place)
        if place and not self.keeps(ino):
            self.unnamed[ino].append(self.author)
            self.remove(place, time)

    def move(self, source, ino, to, replaced, exchange, time):
        if exchange and replaced:
            if (self.lookup(source), self.lookup(to)) != (ino, replaced):
                self.move(source, ino, to, None, False, time)
                self.move(to, replaced, source, None, False, time)
            elif not (self.is_within(to[0], ino) or self.is_within(source[0], replaced)):
                self.rename(source, to, True, time)
                self.note_moved(ino, replaced)
            return
        self.bring_back(ino)
        self.bring_back(to[0])
        there, node = self.lookup(to), self.nodes[ino]
        if self.is_within(to[0], ino):
            return
        is_alone = node.names == 1 and (node.kind == "folder" or self.is_unknown(self.moved[ino]))
        source = self.place_now(ino, source) or (self.place_of(ino) if is_alone else None)
        if there == ino:
            return
        if there:
            is_like = (self.nodes[there].kind == "folder") == (node.kind == "folder")
            if there == replaced and is_like and not self.keeps(there):
                self.take_away(there, to, time)
            else:
                self.make_room(to)
        if source:
            self.rename(source, to, False, time)
        else:
            self.add(node, to, time)
        self.note_moved(ino)

    def note_moved(self, *inos):
        for ino in inos:
            self.moved[ino].append(self.author)
            self.changed[ino].append(self.author)

    def Create(self, o):
        if o.ino not in self.nodes:
            self.bring_back(o.parent)
            self.make_room((o.parent, o.name))
            super().Create(o)
            self.made.add(o.ino)
            self.changed[o.ino].append(self.author)

    def Link(self, o):
        self.bring_back(o.ino)
        self.bring_back(o.parent)
        if self.lookup((o.parent, o.name)) != o.ino:
            self.make_room((o.parent, o.name))
            super().Link(o)
            self.changed[o.ino].append(self.author)

    def Unlink(self, o):
        ino = self.lookup((o.parent, o.name))
        if ino:
            self.take_away(ino, (o.parent, o.name), o.time)

    def Remove(self, o):
        self.take_away(o.ino, (o.parent, o.name), o.time)

    def Rename(self, o):
        o.ino = self.lookup((o.from_parent, o.from_name))
        o.replaced = self.lookup((o.to_parent, o.to_name))
        if o.ino:
            self.Move(o)

    def Move(self, o):
        source, to = (o.from_parent, o.from_name), (o.to_parent, o.to_name)
        self.move(source, o.ino, to, o.replaced, o.exchange, o.time)

    def SetAttr(self, o):
        by = self.set_at.get((o.ino, o.ctime), self.author)
        if self.author.knows(by):
            self.set_at[o.ino, o.ctime] = self.author
            super().SetAttr(o)

    def RemoveXattr(self, o):
        if o.name in self.node(o.ino).xattrs:
            super().RemoveXattr(o)

    def version_of(self, node):
        if self.is_beyond(node.ino):
            version = self.late_copy(node).version
        else:
            version = self.version_seen(node)
        self.bring_back(version.holder.ino)
        self.changed[version.holder.ino].append(self.author)
        return version

    def late_copy(self, node):
        number = derived(node.ino, self.author.device, 0, 3)
        if number not in self.nodes:
            self.bring_back(node.ino)
            copy = self.put_beside(node, number, self.author)
            copy.first = Version(None, None, copy)
        return self.nodes[number]

    def version_seen(self, node):
        seen = node.first
        while any(self.author.knows(version.author) for version in seen.after):
            seen = [each for each in seen.after if self.author.knows(each.author)][-1]
        if seen.author is self.author:
            return seen
        holder, other, last = seen.holder, goes_on(seen), None
        while goes_on(last or seen):
            last = goes_on(last or seen)
        if last:
            # What others made of the seen version goes on in a new file.
            holder = last.holder
            self.bring_back(holder.ino)
            number = derived(holder.ino, other.author.device, other.author.number, 1)
            while number in self.nodes or number < 2:
                number = (number + 1) % 2**64
            copy = self.put_beside(holder, number, last.author)
            copy.first, copy.version, last.holder, other.begins = other, last, copy, True
            self.changed[number].append(last.author)
            self.copies.append((copy, holder))
        version = Version(self.author, seen, holder)
        seen.after.append(version)
        return version

    def put_beside(self, node, number, author):
        """A new file beside another."""
        copy = Node(number, "file", None, node.mode, node.uid, node.gid, node.atime, node.mtime)
        copy.xattrs = dict(node.xattrs)
        self.nodes[number] = copy
        place = self.beside(self.place_of(node.ino), author)
        self.give(number, place, place)
        self.made.add(number)
        return copy

    def finish(self):
        """Leaves out copies with the very content of what they stand beside."""
        for copy, node in self.copies:
            if node.names and copy.names == 1 and (
                    self.content(copy.version) == self.content(node.version)):
                self.detach(self.place_of(copy.ino))


def goes_on(version):
    """The version after this one that no new file begins with."""
    return next((each for each in version.after if not each.begins), None)


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
        if pack != self.current:
            for file in self.files:
                file.close()
            self.current, self.files = pack, []
            self.cipher = AESGCMSIV(self.keys.object_key(b"data", pack))
            self.header = frame(b"P") + bytes(6) + pack
            for path in self.vault.named.get(pack.hex(), [])[:17]:
                try:
                    self.files.append(open(os.path.join(self.vault.folder, path), "rb"))
                except OSError as error:
                    say(f"{path} cannot be read: {error.strerror}", DAMAGED)

    def read(self, pack, offset, sealed_bytes, nonce, whence=os.SEEK_SET):
        """What is sealed at this place, from the first copy where it opens; else None."""
        self.open(pack)
        for file in self.files:
            try:
                file.seek(offset, whence)
                return self.cipher.decrypt(nonce, file.read(sealed_bytes), self.header)
            except (InvalidTag, ValueError, OSError):
                pass
        return None

    def has_arrived(self, pack):
        """Whether the pack is whole up to its end: whether its trailer opens."""
        return self.read(pack, -24, 24, bytes(11) + b"\2", os.SEEK_END) is not None


# Writing the files.

ACCESS_LISTS = {"system.posix_acl_access", "system.posix_acl_default"}


class Writer:
    """Writes the tree into a new folder."""

    def __init__(self, tree, packs):
        self.tree, self.packs, self.count, self.bytes, self.kept = tree, packs, 0, 0, 0
        self.written = {}  # where each file is, to link further names to it

    def write(self, destination):
        """Files first; the attributes of folders last, since writing into them changes these."""
        folders = [(self.tree.nodes[ROOT], destination)]
        for folder, path in folders:  # grows as it goes
            for name, ino in sorted(folder.entries.items()):
                node, place = self.tree.nodes[ino], os.path.join(path, name)
                try:
                    if node.kind == "folder":
                        os.mkdir(place, 0o700)
                        folders.append((node, place))
                    elif ino in self.written:
                        os.link(self.written[ino], place, follow_symlinks=False)
                    elif self.write_node(node, place):
                        self.written[ino] = place
                        self.set_attributes(node, place)
                    else:
                        damaged = place + b".damaged"
                        while os.path.basename(damaged) in folder.entries:
                            damaged += b"~"
                        os.rename(place, damaged)
                        self.set_attributes(node, damaged)
                    self.count += 1
                except (OSError, ValueError) as error:
                    say(f"{shown(place)} could not be written: {why(error)}", FAILED)
        for folder, path in reversed(folders):
            self.set_attributes(folder, path)

    def write_node(self, node, place):
        """Makes what is no folder. Whether all of its content could be had."""
        if node.kind == "link":
            os.symlink(node.detail, place)
        elif node.kind == "file":
            return self.write_content(node, place)
        else:
            kinds = {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK, "character": stat.S_IFCHR,
                     "block": stat.S_IFBLK}
            rdev = node.detail or 0
            device = os.makedev(rdev >> 8 & 0xFFF, rdev & 0xFF | rdev >> 12 & 0xFFF00)
            os.mknod(place, kinds[node.kind] | 0o600, device)
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
                    file.seek(chunk * self.tree.chunk_bytes)
                    file.write(content[:visible_bytes])
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
            what = f"attribute {shown(name)}"
            if not self.attempt(place, what, lambda: os.setxattr(
                    place, name, value, follow_symlinks=False)) and os.fsdecode(name) in ACCESS_LISTS:
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
            say(f"{shown(place)} cannot get its {what}: {why(error)}", FAILED)
            return False


def why(error):
    return getattr(error, "strerror", None) or error


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
    if options.key_file:
        with open(options.key_file, encoding="utf-8", errors="replace") as file:
            key = read_key(file.read(4096))
        if not key:
            raise Stop(f"{options.key_file} does not have a key of 64 digits.", FAILED)
        return {KEY: key}
    if options.password_file:
        with open(options.password_file, "rb") as file:
            password, key = file.readline().rstrip(b"\n"), None
    else:
        text = getpass.getpass("Password or 64-digit key: ")
        password, key = os.fsencode(text), read_key(text)
    if not password:
        raise Stop("The password is empty.", FAILED)
    return {PASSWORD: password, KEY: key} if key else {PASSWORD: password}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        text, code = stop.args
        print(text, file=sys.stderr)
        sys.exit(code)
    except OSError as error:
        sys.exit(f"{error}")
