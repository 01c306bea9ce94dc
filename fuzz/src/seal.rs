//! Seals whatever bytes as if they were an object's, so that the parser behind the seal is
//! reached. Written from docs/format.md, not from the code.

use hushfs::crypto::{Nonce, ObjectClass, ObjectId, SlotId, SlotWrap};
use hushfs::format::{DeviceId, LogKind, Magic, PackHeader, PackId, write_magic};
use sha2::{Digest, Sha256};

use crate::sample::{KEY, keys};

/// Ids need not differ: every target makes one object of an id, and forgets it.
pub const OBJECT: ObjectId = ObjectId([7; 16]);

fn framed(kind: Magic) -> Vec<u8> {
    let mut out = Vec::new();
    write_magic(kind, &mut out);
    out
}

fn sealed(
    class: ObjectClass,
    id: &ObjectId,
    nonce: Nonce,
    associated: &[u8],
    body: &[u8],
) -> Vec<u8> {
    let mut body = body.to_vec();
    keys().sealer(class, id).seal_in_place(nonce, associated, &mut body);
    body
}

/// A descriptor with this suite, chunk size and reserved field, and this 12-byte body.
pub fn descriptor(fields: &[u8; 8], body: &[u8; 12]) -> Vec<u8> {
    let mut out = framed(Magic::Descriptor);
    out.extend_from_slice(fields);
    out.extend_from_slice(&keys().vault().0);
    out.extend_from_slice(&OBJECT.0);
    let body = sealed(ObjectClass::Descriptor, &OBJECT, Nonce::at(0), &out, body);
    [out, body].concat()
}

/// A slot of version 1 of the sample's 64-digit key, with this kind, these costs, and this body.
pub fn first_slot(kind_and_costs: &[u8; 14], body: &[u8; 112]) -> Vec<u8> {
    with_checksum(unsummed_slot(1, kind_and_costs, body))
}

/// The same of version 2, with this note.
pub fn slot(kind_and_costs: &[u8; 14], body: &[u8; 112], note: &[u8; 176]) -> Vec<u8> {
    let mut out = unsummed_slot(2, kind_and_costs, body);
    let note = sealed(ObjectClass::SlotNote, &ObjectId([9; 16]), Nonce::at(0), &out, note);
    out.extend_from_slice(&note);
    with_checksum(out)
}

fn unsummed_slot(version: u8, kind_and_costs: &[u8; 14], body: &[u8; 112]) -> Vec<u8> {
    let id = SlotId([9; 16]);
    let salt = [8; 32];
    let wrap = SlotWrap::new(KEY.secret(), &salt, keys().vault(), &id);
    let mut out = framed(Magic::Slot);
    out[8] = version;
    out.extend_from_slice(kind_and_costs);
    out.extend_from_slice(&keys().vault().0);
    out.extend_from_slice(&id.0);
    out.extend_from_slice(&salt);
    out.extend_from_slice(&wrap.commitment().0);
    let mut body = body.to_vec();
    wrap.sealer().seal_in_place(Nonce::at(0), &out, &mut body);
    out.append(&mut body);
    out
}

/// What every slot ends in.
pub fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum[..16]);
    bytes
}

/// A log object or checkpoint with this body.
pub fn log(kind: LogKind, device: DeviceId, seq: u64, body: &[u8]) -> Vec<u8> {
    let magic = match kind {
        LogKind::Increment => Magic::Log,
        LogKind::Checkpoint => Magic::Checkpoint,
    };
    let mut out = framed(magic);
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&keys().vault().0);
    out.extend_from_slice(&OBJECT.0);
    out.extend_from_slice(&device.0.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    let body = sealed(ObjectClass::Log, &OBJECT, Nonce::at(0), &out, body);
    [out, body].concat()
}

/// A pack of this content, footer and place of the footer.
pub fn pack(id: PackId, content: &[u8], footer: &[u8], footer_at: u64) -> Vec<u8> {
    let header = PackHeader::of(id).0;
    let seal =
        |part, body: &[u8]| sealed(ObjectClass::Data, &id, Nonce::of_part(part), &header, body);
    [&header[..], content, &seal(1, footer), &seal(2, &footer_at.to_le_bytes())].concat()
}

/// A record of the state folder.
pub fn state_record(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = framed(Magic::Trust);
    out.extend_from_slice(&OBJECT.0);
    let associated = [&out[..], name.as_bytes()].concat();
    let content = sealed(ObjectClass::Trust, &OBJECT, Nonce::at(0), &associated, content);
    [out, content].concat()
}

/// A journal file's header, with its block's padding.
pub fn journal_header(generation: ObjectId, number: u64, first_seq: u64) -> Vec<u8> {
    let mut out = framed(Magic::Journal);
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&generation.0);
    let fields = [number.to_le_bytes(), first_seq.to_le_bytes()].concat();
    let fields = sealed(ObjectClass::Journal, &generation, Nonce::of_part(1), &out, &fields);
    out.extend_from_slice(&fields);
    out.resize(512, 0);
    out
}

/// A journal record, with its blocks' padding.
pub fn journal_record(generation: ObjectId, seq: u64, durable_seq: u64, body: &[u8]) -> Vec<u8> {
    let mut out = b"hjr1".to_vec();
    out.extend_from_slice(&(body.len() as u32 + 16).to_le_bytes());
    out.extend_from_slice(&generation.0);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&durable_seq.to_le_bytes());
    let body = sealed(ObjectClass::Journal, &generation, Nonce::at(seq), &out, body);
    out.extend_from_slice(&body);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}
