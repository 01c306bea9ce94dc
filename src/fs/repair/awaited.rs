//! What only has not arrived yet: no repair is to take it for lost.

use crate::format::{PackId, parse_pack_name};
use crate::fs::arriving::{Unseen, not_arrived};
use crate::fs::fold::{FoldGap, Folded};
use crate::fs::verify::{DamagedObject, VerifyRequest};

use super::trust::Trust;

/// Log objects that have not arrived, in sentences. One that this machine has seen before is more
/// likely gone: who repairs has waited for it.
pub(super) fn awaited_logs(folded: &Folded, trust: &Trust) -> Vec<String> {
    let is_new = |gap: &&FoldGap| match gap {
        FoldGap::Missing { device, seq, .. } => *seq > trust.frontier.seq(*device),
        _ => true,
    };
    let gaps = folded.gaps.iter().filter(is_new);
    gaps.filter_map(|gap| not_arrived(gap, &trust.frontier, trust.identity.as_ref())).collect()
}

/// Takes the packs out of `lost` that have not arrived, or in part only; gives sentences.
pub(super) fn take_awaited(
    request: &VerifyRequest<'_>,
    unseen: &Unseen,
    lost: &mut Vec<DamagedObject>,
) -> Vec<String> {
    let is_awaited = |damaged: &mut DamagedObject| {
        let pack = damaged.object.rsplit('/').next().and_then(parse_pack_name);
        pack.is_some_and(|pack| unseen.has(pack) && is_part(request, pack))
    };
    let taken = lost.extract_if(.., is_awaited);
    taken.map(|awaited| format!("{} has not arrived", awaited.object)).collect()
}

fn is_part(request: &VerifyRequest<'_>, pack: PackId) -> bool {
    request.vault.pack_is_cut_short(request.keys, pack)
}
