#!/usr/bin/env python3
"""Restores a hushfs vault without hushfs.

    restore.py [--password-file FILE | --key-file FILE] [--leave-out NAME] VAULT DESTINATION

VAULT is the folder that the cloud kept: it has “hushfs.vault” in it. DESTINATION is an empty
folder, or is made. Nothing is ever written to the vault, or outside DESTINATION. Without an option,
the password or the 64-digit key is asked for, and not shown.

It needs Python 3.8 and the package “cryptography”, 44 or newer; or 42 and “argon2-cffi”.

Section numbers in the comments are those of format.md, which says what every byte of a vault means;
this program is written from it, and names things as it does. What it does not do: it finds no
unpublished work in a state folder (sections 11 and 12), repairs nothing, and where two devices
changed the very same thing at the same time, it says so and stops (section 10, Merging).

Exit codes: 0 done, 1 failed, 2 wrong usage, 10 wrong password or key, 11 damage found, 12 not a
vault or a newer format, 14 not everything has arrived yet.
"""

import argparse, getpass, hashlib, hmac, os, re, stat, struct, sys, time
from types import SimpleNamespace as Record

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
except ImportError:
    sys.exit("Please install the Python package “cryptography”, 44 or newer.")

FAILED, WRONG_SECRET, DAMAGED, NO_VAULT, NOT_ARRIVED = 1, 10, 11, 12, 14
ROOT = 1
FOUND_WRONG = set()  # the exit codes of all that was found wrong on the way


class Stop(Exception):
    """Ends the program, with a message and an exit code."""


class Bad(Exception):
    """These bytes are not what they have to be: damaged, not whole, or somebody else's."""


class Newer(Bad):
    """Written by a newer version of hushfs."""


class Unfit(Exception):
    """An operation does not fit the state that it is applied to."""


class Clash(Exception):
    """An operation met what another device did at the same time; only hushfs merges that."""


def say(text, code=None):
    """Tells of something, and of what it means for the exit code."""
    FOUND_WRONG.update([code] if code else [])
    print(text, file=sys.stderr)


def shown(name):
    """A name or path as text that does nothing to a terminal."""
    text = name.decode("utf-8", "backslashreplace")
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

    def value(self, type):
        if type in STRUCTURES:
            return Record(**{name: self.value(type) for name, type in STRUCTURES[type]})
        if type.startswith("[u8; "):
            return self.take(int(type[5:-1]))
        if type.startswith("list "):
            return [self.value(type[5:]) for _ in range(self.varint(64))]
        if type.startswith("option "):
            return self.value(type[7:]) if self.value("bool") else None
        if type in ("u32", "u64"):
            return self.varint(int(type[1:]))
        if type == "i64":
            zigzag = self.varint(64)
            return zigzag >> 1 ^ -(zigzag & 1)
        if type == "fix64":
            return int.from_bytes(self.take(8), "little")
        if type == "bool":
            return bool(self.number_below(2, self.take(1)[0]))
        if type == "bytes":
            return self.take(self.varint(64))
        if type == "Time":  # in nanoseconds since 1970
            return self.value("i64") * 10**9 + min(self.value("u32"), 999_999_999)
        if type == "Times":  # access, content, status
            same = self.variant(2) == 0
            return [self.value("Time")] * 3 if same else [self.value("Time") for _ in range(3)]
        if type == "NodeKind":
            kind = KINDS[self.variant(len(KINDS))]
            field = {"link": "bytes", "character": "u32", "block": "u32"}.get(kind)
            return kind, field and self.value(field)
        if type == "operation":
            name = OPERATIONS[self.variant(len(OPERATIONS))]
            return name, self.value(name)
        raise KeyError(type)

    def variant(self, count):
        return self.number_below(count, self.varint(32))

    def number_below(self, count, number):
        if number >= count:
            raise Bad("has a value that this format does not know")
        return number


KINDS = ["file", "folder", "link", "pipe", "socket", "character", "block"]
OPERATIONS = ["Create", "Link", "Unlink", "Rename", "SetAttr", "SetXattr", "RemoveXattr", "Write",
              "Truncate", "Punch", "WriteInline", "Relocate", "PackUnused", "Remove", "Move"]
STRUCTURES = {  # sections 8 and 9
    "Head": "previous: [u8; 32], frontier: list FrontierEntry, clock: u64, published: Time, "
            "device_name: bytes, operations_bytes: u64",
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
        self.named = {}  # the files of each object, by what its name has before the extension
        for path in self.paths:
            stem = self.STEM.search(os.path.basename(path).lower())
            if stem:
                self.named.setdefault(stem[1], []).append(path)

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
    descriptors = read_descriptors(vault)
    slots = [path for path in vault.paths if path.lower().startswith("keys") and "/" in path]
    if not descriptors and not slots:
        raise Stop(f"{vault.folder} is not a vault, or has not arrived: it has no hushfs.vault.",
                   NO_VAULT)
    damaged, refused, by_slot = [], False, None
    for path in slots[:64]:
        try:
            opened = open_slot(vault.read(path, 4096), secrets)
        except Bad as error:
            say(f"note: {path} {error}")
            damaged.append(path)
            continue
        if opened:
            keys, chunk_bytes = opened
            for descriptor in descriptors:
                if descriptor_opens(keys, descriptor):
                    return keys, int.from_bytes(descriptor[12:16], "little")
            by_slot = by_slot or (path, keys, chunk_bytes)
        refused = refused or opened is None
    if by_slot:
        path, keys, chunk_bytes = by_slot
        say(f"hushfs.vault is missing or damaged; {path} tells what is needed of it", DAMAGED)
        return keys, chunk_bytes
    if damaged:
        raise Stop("Wrong password or key; or it is right, and what it opens is damaged. Then an "
                   f"older copy of the damaged file helps: {', '.join(damaged)}", DAMAGED)
    if not slots:
        raise Stop("The folder “keys” is empty, or has not arrived. Without one of the files that "
                   "were in it nothing opens this vault.", DAMAGED)
    raise Stop("Wrong password or key." if refused else "This vault does not open with that, but "
               "with the other: password or 64-digit key.", WRONG_SECRET)


def read_descriptors(vault):
    """What may be the descriptor; that it is shows only when there is a key."""
    found = []
    for path in vault.named.get("hushfs", []):
        try:
            data = vault.read(path, 4096)
            check_frame(data, b"V")
            found += [data] if len(data) == 78 else []
        except Newer as error:
            raise Stop(f"{path} {error}.", NO_VAULT) from None
        except Bad as error:
            say(f"note: {path} {error}")
    return found


def descriptor_opens(keys, data):
    try:
        open_sealed(keys.object_key(b"descriptor", data[34:50]), at(0), data[50:], data[:50])
    except Bad:
        return False
    if data[10:12] != b"\1\0":
        raise Stop("hushfs.vault asks for a cipher that this program does not know.", NO_VAULT)
    return True


def open_slot(data, secrets):
    """What a slot tells: keys and chunk size. None if the secret is not its own; False if it is
    not to be tried: there is no secret for its kind, or it is newer."""
    if len(data) < 26 or hashlib.sha256(data[:-16]).digest()[:16] != data[-16:]:
        raise Bad("is damaged")
    try:
        version = check_frame(data, b"K", 2)
    except Newer:
        return False
    kind, memory, passes, lanes = struct.unpack_from("<HIII", data, 10)
    if kind not in secrets:
        return False
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

class LogObject:
    """A log object or checkpoint, opened and checked."""

    def __init__(self, keys, data, kind, device, number):
        check_frame(data, kind)
        known_by = keys.vault_id, struct.pack("<QQ", device, number)
        if (data[16:32], data[48:64]) != known_by:
            raise Bad("is not what its name says")
        key = keys.object_key(b"log", data[32:48])
        body = Reader(open_sealed(key, at(0), data[64:], data[:64]))
        head = body.value("Head")
        self.operations = body.take(head.operations_bytes)
        self.device, self.number, self.hash = device, number, hashlib.sha256(data).digest()
        self.previous, self.clock, self.published = head.previous, head.clock, head.published
        self.frontier = {entry.device: (entry.seq, entry.hash) for entry in head.frontier}
        self.name, self.device_name = log_name(device, number), shown(head.device_name)
        devices = [entry.device for entry in head.frontier]
        own_number = self.frontier.get(device, NONE)[0]
        numbers = [number, head.clock] + [entry.seq for entry in head.frontier]
        if devices != sorted(set(devices)) or own_number != number - (kind == b"L"):
            raise Bad("has an impossible frontier")
        if number == 0 or max(numbers) == 2**64 - 1:
            raise Bad("has an impossible number")

    def knows(self, device, number):
        return device == self.device or number <= self.frontier.get(device, NONE)[0]


NONE = 0, bytes(32)  # number and hash, where a frontier has no entry


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

def fold(log, chunk_bytes, left_out):
    """The tree of files, as the log objects make it. `left_out`: of some devices, the log object
    that is not taken, nor what follows it."""
    stops, checkpoints = dict(left_out), list(log.checkpoints)
    while True:
        ground, authors, faults = order(log, checkpoints, stops)
        tree = Tree(chunk_bytes)
        try:
            for author in ([ground] if ground else []) + authors:
                tree.carry_out(author, ground)
        except (Unfit, Bad) as error:
            say(f"{author.name} {error}: it is damaged, or was made up", DAMAGED)
            if author is ground:
                checkpoints.remove(ground)
            else:
                stops[author.device] = author.number
            continue
        except Clash as clash:
            what, author, other = clash.args
            raise Stop(f"Two devices changed {what} at the same time, in the log objects {other} "
                       f"and {author.name} (“{author.device_name}”). Only “hushfs restore” can merge "
                       "that. “--leave-out” and one of these names gives what does not build on it.",
                       FAILED) from None
        for text, code in faults:
            say(text, code)
        return tree


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
            if number > log.last[device] or stops.get(device) == number:
                continue
            versions, wrong = log.versions(b"L", device, number)
            fitting = [version for version in versions if version.previous == previous]
            if len(fitting) == 1:
                waiting[device] = fitting[0]
                continue
            stopped.add(device)
            name = f"log object {log_name(device, number)}"
            if versions:
                wrong = [(f"{name} does not continue the log: it has been replaced", DAMAGED)]
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
            told = device in stopped or device in stops
            if number > frontier.get(device, NONE)[0] and not told:
                name = log_name(device, number)
                faults.append((f"log objects up to {name} have not arrived", NOT_ARRIVED))
        faults.append((f"left out: what “{author.device_name}” did from {author.name} on", None))
    return authors, faults


# Section 9: operations.

class Node:
    """An inode: what stands behind one or more names."""

    def __init__(self, kind, detail, mode, uid, gid, times):
        self.kind, self.detail = kind, detail  # a link's target, a device's number
        self.mode, self.uid, self.gid, (self.atime, self.mtime) = mode & 0o7777, uid, gid, times[:2]
        self.xattrs, self.names, self.place = {}, 0, None  # place: folder and name that it got last
        self.entries = {}  # a folder's: inode number by name
        self.size, self.chunks = 0, {}  # a file's: the run that has it, by number of the chunk
        self.changed = {"content": {}, "place": {}}  # number of the last log object, by device
        self.set_at = {}  # device and number of the log object, by status time


def fit(condition, fault):
    if not condition:
        raise Unfit(fault)


class Tree:
    """The state. Each operation has a method of its name."""

    def __init__(self, chunk_bytes):
        self.chunk_bytes = chunk_bytes
        self.nodes = {ROOT: Node("folder", None, 0o755, 0, 0, (0, 0, 0))}
        self.frontier, self.author, self.unseen, self.newest = {}, None, False, None

    def carry_out(self, author, ground):
        """Carries out all operations of a log object, or of the checkpoint `ground`."""
        # Whether there is anything in the tree that the author did not know.
        self.author, self.unseen = author, not covers(author.frontier, self.frontier)
        if ground and self.unseen and not covers(author.frontier, ground.frontier):
            raise Clash("what the earliest checkpoint tells of", author, ground.name)
        operations = Reader(author.operations)
        while operations.at < len(author.operations):
            name, operation = operations.value("operation")
            try:
                getattr(self, name)(operation)
            except Unfit as error:
                if not self.unseen:
                    raise
                if name not in ("SetAttr", "SetXattr", "RemoveXattr"):
                    raise Clash(f"what {name} {error} tells of", author, "earlier ones") from None
        if author is ground:
            self.frontier = dict(ground.frontier)
        self.frontier[author.device] = author.number, author.hash
        if not self.newest or author.published > self.newest.published:
            self.newest = author

    def change(self, node, *what):
        """Notes that the author changes this, and makes sure that he knows how it is."""
        for changed in (node.changed[each] for each in what):
            for device, number in changed.items():
                if not self.author.knows(device, number):
                    raise Clash(f"“{self.path(node)}”", self.author, log_name(device, number))
            changed[self.author.device] = self.author.number

    def path(self, node):
        names = []
        while node and node.place and len(names) < 5000:
            names.insert(0, node.place[1])
            node = self.nodes.get(node.place[0])
        return shown(b"/".join(names))

    def node(self, ino, *kinds):
        fit(ino in self.nodes, "changes a file that is not there")
        fit(not kinds or self.nodes[ino].kind in kinds, "takes one kind of file for another")
        return self.nodes[ino]

    def entry(self, parent, name):
        folder = self.node(parent, "folder")
        fit(name in folder.entries, "names a file that is not there")
        return folder, folder.entries[name]

    def enter(self, parent, name, ino, time):
        folder, node = self.node(parent, "folder"), self.nodes[ino]
        fit(is_safe(name), "has an impossible name")
        fit(name not in folder.entries, "takes a name that is taken")
        fit(node.names < 65_000, "gives too many names to a file")
        folder.entries[name], folder.mtime = ino, time
        node.names, node.place = node.names + 1, (parent, name)

    def leave(self, parent, name, time):
        folder, ino = self.entry(parent, name)
        del folder.entries[name]
        folder.mtime = time
        self.nodes[ino].names -= 1

    def remove(self, parent, name, time):
        ino = self.entry(parent, name)[1]
        node = self.nodes[ino]
        fit(not node.entries, "removes a folder that is not empty")
        self.change(node, "place", *(["content"] if node.names == 1 else []))
        self.leave(parent, name, time)
        if not node.names:
            del self.nodes[ino]

    def Create(self, o):
        kind, detail = o.kind
        fit(o.ino and o.ino not in self.nodes, "makes a file that is there already")
        fit(kind != "link" or 1 <= len(detail) <= 4095 and b"\0" not in detail,
            "has an impossible link")
        self.nodes[o.ino] = Node(kind, detail, o.mode, o.uid, o.gid, o.times)
        self.change(self.nodes[o.ino], "content", "place")
        self.enter(o.parent, o.name, o.ino, o.times[2])

    def Link(self, o):
        node = self.node(o.ino)
        fit(node.kind != "folder", "gives a folder a second name")
        self.change(node, "place")
        self.enter(o.parent, o.name, o.ino, o.time)

    def Unlink(self, o):
        self.remove(o.parent, o.name, o.time)

    def Remove(self, o):
        if self.unseen and (o.ino not in self.nodes or self.nodes[o.ino].entries):
            return  # somebody else has removed it as well, or put something into the folder
        fit(self.entry(o.parent, o.name)[1] == o.ino, "removes something else than it says")
        self.Unlink(o)

    def Move(self, o):
        fit(self.entry(o.from_parent, o.from_name)[1] == o.ino, "moves something else than it says")
        there = self.node(o.to_parent, "folder").entries.get(o.to_name)
        fit(there == o.replaced, "replaces something else than it says")
        self.Rename(o)

    def Rename(self, o):
        ino = self.entry(o.from_parent, o.from_name)[1]
        there = self.node(o.to_parent, "folder").entries.get(o.to_name)
        self.change(self.nodes[ino], "place")
        if o.exchange:
            fit(there is not None, "exchanges with nothing")
            self.change(self.nodes[there], "place")
            self.leave(o.to_parent, o.to_name, o.time)
        elif there is not None:
            folders = [self.nodes[each].kind == "folder" for each in (ino, there)]
            fit(there != ino and folders[0] == folders[1], "replaces what it cannot")
            self.remove(o.to_parent, o.to_name, o.time)
        self.leave(o.from_parent, o.from_name, o.time)
        self.enter(o.to_parent, o.to_name, ino, o.time)
        if o.exchange:
            self.enter(o.from_parent, o.from_name, there, o.time)
        for parent in o.from_parent, o.to_parent:
            seen = set()
            while parent != ROOT:
                fit(parent in self.nodes and parent not in seen, "moves a folder into itself")
                seen.add(parent)
                parent = self.nodes[parent].place[0]

    def SetAttr(self, o):
        node = self.node(o.ino)
        if o.ctime in node.set_at and not self.author.knows(*node.set_at[o.ctime]):
            return
        node.set_at[o.ctime] = self.author.device, self.author.number
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

    def file_to_change(self, ino):
        file = self.node(ino, "file")
        self.change(file, "content")
        return file

    def Write(self, o):
        file = self.file_to_change(o.ino)
        for run in o.runs:
            self.check_run(run, o.size)
            for chunk in range(run.first_chunk, run.first_chunk + run.count):
                file.chunks[chunk] = run
        self.resize(file, o.size, o.mtime)

    def Truncate(self, o):
        self.resize(self.file_to_change(o.ino), o.size, o.time)

    def Punch(self, o):
        file = self.file_to_change(o.ino)
        for chunk in [each for each in file.chunks if 0 <= each - o.first_chunk < o.count]:
            del file.chunks[chunk]
        file.mtime = o.time

    def Relocate(self, o):
        file, to = self.node(o.ino, "file"), o.run
        self.check_run(to, 2**63 - 1)
        for chunk in range(to.first_chunk, to.first_chunk + to.count):
            if chunk in file.chunks:
                *found, visible_bytes = self.stands(file.chunks[chunk], chunk)
                _, offset, content_bytes, _ = self.stands(to, chunk)
                if found == [o.from_pack, o.from_offset + offset - to.pack_offset, content_bytes]:
                    file.chunks[chunk] = one_chunk(chunk, to.pack, offset, content_bytes, visible_bytes)

    def PackUnused(self, o):
        pass

    def WriteInline(self, o):
        raise Bad("has an operation that belongs into a journal")

    def check_run(self, run, size):
        fit(1 <= run.count and 1 <= run.visible_bytes <= run.tail_bytes <= self.chunk_bytes
            and run.first_chunk + run.count <= -(-size // self.chunk_bytes)
            and 32 <= run.pack_offset
            and run.pack_offset + (run.count - 1) * (self.chunk_bytes + 16) + run.tail_bytes < 1 << 32,
            "has an impossible run")

    def stands(self, run, chunk):
        """Where a chunk of a run stands: pack, offset, length of its content, how much counts."""
        nth = chunk - run.first_chunk
        offset = run.pack_offset + nth * (self.chunk_bytes + 16)
        if nth < run.count - 1:
            return run.pack, offset, self.chunk_bytes, self.chunk_bytes
        return run.pack, offset, run.tail_bytes, run.visible_bytes

    def resize(self, file, size, time):
        fit(size < 2**63, "makes a file too large")
        if size < file.size:
            whole, part = divmod(size, self.chunk_bytes)
            for chunk in [each for each in file.chunks if each >= whole + bool(part)]:
                del file.chunks[chunk]
            if whole in file.chunks:
                *place, visible_bytes = self.stands(file.chunks[whole], whole)
                file.chunks[whole] = one_chunk(whole, *place, min(part, visible_bytes))
        file.size, file.mtime = size, time


def one_chunk(chunk, pack, offset, content_bytes, visible_bytes):
    """A run of one chunk."""
    return Record(first_chunk=chunk, count=1, pack=pack, pack_offset=offset,
                  tail_bytes=content_bytes, visible_bytes=visible_bytes)


def is_safe(name):
    """Whether a name stays in its folder."""
    return 1 <= len(name) <= 255 and not {*b"/\0"} & {*name} and name not in (b".", b"..")


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

    def read(self, offset, sealed_bytes, nonce, whence=os.SEEK_SET):
        """What is sealed at this place, from the first copy where it opens; else None."""
        for file in self.files:
            try:
                file.seek(offset, whence)
                return self.cipher.decrypt(nonce, file.read(sealed_bytes), self.header)
            except (InvalidTag, ValueError, OSError):
                pass
        return None

    def chunk(self, pack, offset, content_bytes, visible_bytes):
        self.open(pack)
        content = self.read(offset, content_bytes + 16, at(offset))
        return content and content[:visible_bytes]

    def has_arrived(self, pack):
        """Whether the pack is whole up to its end: whether its trailer opens."""
        self.open(pack)
        return self.read(-24, 24, bytes(11) + b"\2", os.SEEK_END) is not None


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
                    if not is_safe(name):
                        raise OSError(0, "its name is impossible")
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
        lost = {}  # bytes that cannot be read, by pack
        with open(place, "xb") as file:  # x: only if nothing is there, not even a link
            file.truncate(node.size)
            for chunk in sorted(node.chunks):
                stands = self.tree.stands(node.chunks[chunk], chunk)
                content = self.packs.chunk(*stands)
                if content is None:
                    lost[stands[0]] = lost.get(stands[0], 0) + stands[3]
                else:
                    file.seek(chunk * self.tree.chunk_bytes)
                    file.write(content)
        self.bytes += node.size
        for pack, count in lost.items():
            arrived = self.packs.has_arrived(pack)
            say(f"{shown(place)}: {count} of {node.size} bytes cannot be read, and are zeroes in the "
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
    parser.add_argument("--leave-out", metavar="DEVICE-NUMBER", action="append", default=[],
                        help="do without this log object and what follows it")
    options = parser.parse_args()
    left_out = {}
    for name in options.leave_out:
        if not re.fullmatch("[0-9a-f]{16}-[0-9]{8,}", name):
            parser.error(f"{name} is no log object’s name")
        device, number = int(name[:16], 16), int(name[17:])
        left_out[device] = min(number, left_out.get(device, number))
        say(f"left out, as asked for: {name} and what follows it", FAILED)
    destination = os.path.realpath(options.destination)
    if (destination + os.sep).startswith(os.path.realpath(options.vault) + os.sep):
        parser.error("the destination is in the vault")
    if os.path.isdir(destination) and os.listdir(destination):
        raise Stop(f"{destination} is not empty.", FAILED)

    vault = Vault(options.vault)
    keys, chunk_bytes = unlock(vault, take_secrets(options))
    tree = fold(Log(vault, keys), chunk_bytes, left_out)
    if not tree.newest and any(path.endswith(".pack") for path in vault.paths):
        say("Nothing of the folder “log” is here: it tells of folders and files, and has not arrived.",
            NOT_ARRIVED)
    os.umask(0o077)
    os.makedirs(destination, exist_ok=True)
    writer = Writer(tree, Packs(vault, keys))
    writer.write(os.fsencode(destination))
    print(f"restored {writer.count} files and folders, {writer.bytes} bytes")
    if writer.kept:
        print(f"{writer.kept} of them belong to you now: only root can restore owners")
    if tree.newest:
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(tree.newest.published // 10**9))
        print(f"newest work in this vault: {made} UTC, by “{tree.newest.device_name}”")
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
