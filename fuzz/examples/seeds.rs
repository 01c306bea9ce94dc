//! Writes seeds for every target into the folder that is named: real objects, and small made ones.

use std::fs;
use std::path::PathBuf;

use hushfs::crypto::{AccountId, ObjectId, RegistrationId};
use hushfs::format::{
    DeviceId, Frontier, LogKind, PackHeader, PackSealer, UnverifiedLog, encode_operation,
    parse_log_name, parse_pack_name,
};
use hushfs::fs::Status;
use hushfs::keyvault::account::{Account, Record, Standing};
use hushfs::keyvault::protocol::{
    Age, Order, Refused, Reply, Request, SignedOrder, Told, encode,
};
use hushfs::keyvault::server::Identity;
use hushfs::store::{DeviceIdentity, LastEnd, LockHolder, Publishing, Seen};
use hushfs_fuzz::{sample, seal};

struct Seeds(PathBuf);

impl Seeds {
    fn put(&self, target: &str, name: impl std::fmt::Display, seed: impl AsRef<[u8]>) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("seed-{name}")), seed).unwrap();
    }
}

/// As `Input::bytes` reads it.
fn lengthy(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

fn main() {
    let root = std::env::args_os().nth(1).expect("usage: seeds FOLDER");
    let seeds = Seeds(root.into());
    objects(&seeds);
    journals(&seeds);
    state_folder(&seeds);
    texts(&seeds);
    key_vaults(&seeds);
}

/// One of each message.
fn key_vaults(seeds: &Seeds) {
    let (account, registration) = (AccountId([1; 32]), RegistrationId([2; 16]));
    let key = sample::keys().master().account_key(sample::keys().vault());
    let orders = [
        Order::RegisterStart { registration, request: [3; 32] },
        Order::RegisterFinish { registration, upload: [4; 192] },
        Order::Commit { registration },
        Order::Unregister,
    ];
    let orders = orders.map(|order| Request::Order(SignedOrder::sign(&key, &[0; 32], order)));
    let requests = [
        Request::Status { account, registration },
        Request::LoginStart { account, registration, ke1: [5; 96] },
        Request::LoginFinish { ke3: [6; 64] },
    ];
    for (nth, request) in requests.iter().chain(&orders).enumerate() {
        let body = encode(request).unwrap()[4..].to_vec();
        seeds.put("keyvault_messages", format!("request-{nth}"), [&[0], &body[..]].concat());
    }
    let age = Age { generation: 7, restores: 1 };
    let replies = [
        Reply::Status(Told { standing: Standing::Pending, guesses_left: 9, age }),
        Reply::LoginStarted { ke2: [7; 320], guesses_left: 8 },
        Reply::LoggedIn { guesses_left: 10, age },
        Reply::RegisterStarted { response: [8; 64] },
        Reply::Done { age },
        Reply::Refused(Refused::TooOften { wait_secs: 300 }),
    ];
    for (nth, reply) in replies.iter().enumerate() {
        let body = encode(reply).unwrap()[4..].to_vec();
        seeds.put("keyvault_messages", format!("reply-{nth}"), [&[1], &body[..]].concat());
    }
    let record = Record { registration, upload: [9; 192] };
    let account = Account::new(key.public_key()).register(record).unwrap();
    seeds.put("keyvault_messages", "account", [&[3], &account.to_bytes()[..]].concat());
    let identity = Identity::fresh(None).unwrap();
    seeds.put("keyvault_messages", "identity", [&[4], &identity[..]].concat());
    for (nth, text) in ["keyvault://[::1]:99/", "keys.example"].iter().enumerate() {
        seeds.put("keyvault_messages", format!("address-{nth}"), [&[5], text.as_bytes()].concat());
    }
    // Registered, committed, guessed at, logged in to, asked about, unregistered.
    let steps: [(u8, usize); 7] = [(1, 192), (2, 0), (4, 96), (5, 64), (6, 0), (4, 96), (3, 0)];
    let conversation: Vec<u8> =
        steps.iter().flat_map(|(step, bytes)| [vec![0, 1, *step], vec![7; *bytes]].concat()).collect();
    seeds.put("keyvault_session", "all", conversation);
}

fn objects(seeds: &Seeds) {
    let (mut logs, mut packs) = (0, 0);
    for (nth, (path, bytes)) in sample::OBJECTS.iter().enumerate() {
        let name = path.rsplit('/').next().unwrap();
        seeds.put("names", nth, name);
        if *path == "hushfs.vault" {
            seeds.put("descriptor", "real", [&[0], *bytes].concat());
            let fields = [1, 0, 0, 16, 0, 0, 0, 0];
            seeds.put("descriptor", "made", [&[1], &fields[..], &[0; 12]].concat());
            seeds.put(
                "unlock",
                "real",
                [&[3], &lengthy(bytes)[..], &[0], sample::KEY_TEXT.as_bytes()].concat(),
            );
        } else if path.starts_with("keys/") {
            seeds.put("slot", nth, [&[0], *bytes].concat());
            seeds.put(
                "slot",
                format!("{nth}-unsummed"),
                [&[1], &bytes[..bytes.len() - 16]].concat(),
            );
            let mut body = [0; 112];
            (body[44], body[109]) = (64, 12);
            body[45..109].fill(b'x');
            seeds.put("slot", format!("{nth}-made"), [&[2, 2], &[0; 13][..], &body].concat());
            let mut note = [0; 176];
            (note[12], note[77]) = (64, 64);
            note[13..77].fill(b'x');
            note[78..142].fill(b'y');
            let noted = [&[3, 2], &[0; 13][..], &body, &note].concat();
            seeds.put("slot", format!("{nth}-noted"), noted);
            let way = [&[2], &[0; 125][..]].concat();
            seeds.put("slot", format!("{nth}-way"), [&[5], &way[..]].concat());
            let request = [&[4, 126][..], &way, &[1, b'n', 1, b'd', 0]].concat();
            seeds.put("slot", format!("{nth}-request"), request);
        } else if let Some((kind, device, seq)) = parse_log_name(name) {
            log(seeds, logs, kind, device, seq, bytes);
            logs += 1;
        } else if let Some(id) = parse_pack_name(name) {
            if bytes.len() < 1 << 15 {
                seeds.put("pack", nth, [&[packs, 0], *bytes].concat());
            }
            let sealer = PackSealer::new(sample::keys(), PackHeader::of(id));
            let footer = postcard::to_allocvec(&sealer.open_footer(bytes).unwrap()).unwrap();
            let content_end = sealer.open_trailer(bytes).unwrap() as usize;
            let content = &bytes[32..content_end];
            let parts = [&lengthy(content)[..], &lengthy(&footer), &[1]].concat();
            if content.len() < 1 << 15 {
                seeds.put("pack", format!("{nth}-made"), [&[packs, 1], &parts[..]].concat());
            }
            packs += 1;
        }
    }
}

fn log(seeds: &Seeds, nth: u8, kind: LogKind, device: DeviceId, seq: u64, bytes: &[u8]) {
    seeds.put("log_object", nth, [&[0, nth], bytes].concat());
    let object = ObjectId(bytes[32..48].try_into().unwrap());
    let sealer = sample::keys().sealer(hushfs::crypto::ObjectClass::Log, &object);
    let body = sealer
        .open_in_place(hushfs::crypto::Nonce::at(0), &bytes[..64], bytes[64..].to_vec())
        .unwrap();
    seeds.put("log_object", format!("{nth}-body"), [&[1, nth], &body[..]].concat());
    let opened = UnverifiedLog::parse(kind, bytes.to_vec())
        .and_then(|log| log.open(sample::keys(), device, seq))
        .unwrap();
    let mut operations = Vec::new();
    for operation in opened.operations() {
        encode_operation(&operation.unwrap(), &mut operations);
    }
    seeds.put("operations", nth, &operations);
    let record = [&[2, 1, 8][..], &lengthy(&operations), &[0; 8]].concat();
    seeds.put("open_vault", nth, record);
    let frontier: &Frontier = &opened.frontier;
    let (frontier, awaited) = (frontier.clone(), None);
    let seen = Seen { frontier, generation: 3, awaited, publishing: None };
    seeds.put(
        "state_records",
        format!("seen-{nth}"),
        with_kind(3, &postcard::to_allocvec(&seen).unwrap()),
    );
    let publishing = Some(Publishing { entry: opened.entry(), generation: 4 });
    let seen = Seen { publishing, ..seen };
    seeds.put(
        "state_records",
        format!("publishing-{nth}"),
        with_kind(3, &postcard::to_allocvec(&seen).unwrap()),
    );
}

fn journals(seeds: &Seeds) {
    let generation = ObjectId([1; 16]);
    let mut file = seal::journal_header(generation, 1, 0);
    for seq in 0..3 {
        file.extend_from_slice(&seal::journal_record(generation, seq, seq / 2, b"a record"));
    }
    seeds.put("journal_bytes", "one", [&[0, 0][..], &lengthy(&file)].concat());
    let mut second = seal::journal_header(ObjectId([2; 16]), 2, 3);
    second.extend_from_slice(&seal::journal_record(ObjectId([2; 16]), 3, 3, b"more"));
    let both = [&[0, 0][..], &lengthy(&file), &[0], &lengthy(&second)].concat();
    seeds.put("journal_bytes", "two", both);
    let records = [&[0][..], &lengthy(b"x"), &[0], &lengthy(b"yy")].concat();
    let one = [&[0, 1, 0, 1, 2][..], &records].concat();
    let two = [&[0, 2, 2, 2, 2][..], &records].concat();
    seeds.put("journal_records", "one", [&[0, 0xFF][..], &one].concat());
    seeds.put("journal_records", "two", [&[0, 0xFF][..], &one, &two].concat());
}

fn with_kind(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn state_folder(seeds: &Seeds) {
    let device = DeviceIdentity { device: DeviceId(7), machine: "m".repeat(32) };
    let device = postcard::to_allocvec(&device).unwrap();
    seeds.put("state_records", "device", with_kind(2, &device));
    seeds.put(
        "state_records",
        "device-sealed",
        with_kind(0, &seal::state_record("device", &device)),
    );
    seeds.put(
        "state_records",
        "seen-sealed",
        with_kind(1, &seal::state_record("seen", &[0, 0, 0])),
    );
    seeds.put("state_records", "reminder", with_kind(6, &[0x80, 0x80, 1, 3]));
    let end = LastEnd { ok: true, unpublished: false, message: "m\u{e9}".into() };
    seeds.put("state_records", "last-end", with_kind(4, &serde_json::to_vec(&end).unwrap()));
    let holder = LockHolder { pid: 42, mountpoint: "/mnt/chats".into() };
    seeds.put("state_records", "lock", with_kind(5, &serde_json::to_vec(&holder).unwrap()));
}

fn texts(seeds: &Seeds) {
    seeds.put("key_text", "real", sample::KEY_TEXT);
    // A mode, then owner, a user, group, mask and others.
    let list = [(1, 6, u32::MAX), (2, 7, 1000), (4, 4, u32::MAX), (0x10, 6, 0), (0x20, 0, 0)];
    let list = list
        .iter()
        .flat_map(|(tag, may, id)| [&[*tag, 0, *may, 0][..], &u32::to_le_bytes(*id)].concat());
    seeds.put(
        "access_list",
        "real",
        &[0xA4, 1, 2, 0, 0, 0].into_iter().chain(list).collect::<Vec<u8>>(),
    );
    seeds.put("secret_files", "key", sample::KEY_TEXT);
    seeds.put("secret_files", "password", "correct horse\r\nmore\n");
    seeds.put(
        "unlock",
        "typed",
        [&[0, 0][..], b"wrong\n", sample::KEY_TEXT.replace('\n', " ").as_bytes()].concat(),
    );
    for (nth, text) in [
        "1\nmarmot brazier lectern oxbow\nmarmot brazier lectern oxbow\nyes\n",
        "3\npassword1\nno\npassword1\n\nabcd\n\n0123\n4567\n89ab\n",
        "x\n2\n\n0000\n",
        "1\nqwerty 2024-01-02 aaaaabcdefgh p@ssw0rd \u{e9}\u{1F600}\nno\n",
    ]
    .iter()
    .enumerate()
    {
        seeds.put("init_dialogue", nth, text);
    }
    for (nth, line) in [
        "hushfs init --chunk-size 64K --key-file k --yes v",
        "hushfs init --chunk-size 1M --password-file p v",
        "hushfs mount -f --read-only --allow-other --state-dir s v m -o ro,key_file=k",
        "hushfs v m -o rw,dev,suid,password_file=p",
        "mount.hushfs v m -sn -o rw,noauto,x-systemd.automount -t fuse.hushfs",
        "/sbin/mount.fuse.hushfs v m -fv -N ns",
        "hushfs unmount m",
        "hushfs status --json m",
        "hushfs verify --state-dir s --password-command c v",
        "hushfs restore --overwrite v d a/b ../c /d",
        "hushfs help mount",
        "hushfs -vv --version",
    ]
    .iter()
    .enumerate()
    {
        seeds.put("command_line", nth, line.replace(' ', "\0"));
    }
    seeds.put("mount_options", "all", "ro,rw,allow_other,suid,nosuid,dev,nodev,exec,noexec,noatime,\
        password_file=p,password_command=c,key_file=k,state_dir=s,user=ann,comment=c,x-a=b,defaults,\
        nofail,_netdev,default_permissions,users,auto,noauto,relatime,strictatime,atime,nouser");
    let status = Status {
        damage: vec!["a: b".into()],
        read_only: Some("r".into()),
        last_publish: Some(5),
        ..Status::default()
    };
    seeds.put("status_json", "made", [&[9], &serde_json::to_vec(&status).unwrap()[..]].concat());
    let device = r#"{"vault_id":"","vault":"","mountpoint":"","pid":1,"mounted_since":1,"read_only":null,"state_folder":"","files":1,"content_bytes":1,"objects":1,"object_bytes":1,"dead_bytes":1,"unpublished_operations":1,"unpublished_bytes":1,"last_publish":null,"publish_error":null,"devices":[{"id":"","name":"n","last_seq":1,"last_seen":1,"this_device":true}],"slots":1,"damage":[],"version":""}"#;
    seeds.put("status_json", "device", [&[9], device.as_bytes()].concat());
    let mounts = "22 1 254:0 / / rw shared:1 - ext4 /dev/root rw\n40 22 0:38 / /home/My\\040c rw master:2 - fuse.hushfs /home/a\\134b rw,user_id=1000\n41 40 0:39 / /home/My\\040c rw - tmpfs none rw\n";
    seeds.put("system_text", "mounts", [&[0], mounts.as_bytes()].concat());
    let maps = "55d0-55d1 r--p 00000000 fe:00 1234   /usr/bin/cat\n7f00-7f01 rw-s 00000000 00:2f 99  /mnt/my chats/a.db\n";
    seeds.put("system_text", "maps", [&[1, 0, 0x2f], maps.as_bytes()].concat());
    seeds.put(
        "system_text",
        "words",
        [&[2], &b"fusermount3: user has no write access\n"[..]].concat(),
    );
}
