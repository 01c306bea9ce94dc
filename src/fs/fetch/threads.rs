//! What the threads do: one fetches a pack after the other, one minds how long somebody waits.

use std::time::Duration;

use super::super::error::FsError;
use super::pool::Pool;
use super::queue::Fetched;
use crate::format::{PackId, pack_path};
use crate::store::{Presence, VaultFolder};

/// A pack is read in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;
/// A thread with nothing to do ends after this.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// How late somebody who waits may be told that it was too long.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Fetches packs until there has been nothing to do for a while.
pub(super) fn fetch(pool: &Pool) {
    while let Some(pack) = next(pool) {
        let result = fetch_pack(pool, pack);
        if result.is_err() {
            log::info!("a pack could not be fetched: “hushfs status” names it");
        }
        let waiters = pool.state().queue.finish(pack, &result);
        for waiter in waiters {
            (waiter.then)(result.as_ref().map(drop).map_err(|_| FsError::OnlineOnly(pack)));
        }
    }
}

fn next(pool: &Pool) -> Option<PackId> {
    let mut state = pool.state();
    if state.queue.queued() == 0 {
        state.idle += 1;
        let waits =
            |state: &mut super::pool::State| state.queue.queued() == 0 && !state.queue.has_ended;
        let waited = pool.changed.wait_timeout_while(state, IDLE_FOR, waits);
        state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        state.idle -= 1;
    }
    let next = state.queue.take_next().filter(|_| !state.queue.has_ended);
    if next.is_none() {
        state.threads -= 1;
    }
    next
}

/// Reads a whole pack, unless it is here by now.
fn fetch_pack(pool: &Pool, pack: PackId) -> Result<Fetched, String> {
    match pool.vault.presence(pack) {
        Presence::Here => return Ok(Fetched::IsHere),
        Presence::Placeholder { .. } if pool.state().queue.is_fetched(pack) => {
            return Ok(Fetched::LooksLikePlaceholder);
        }
        Presence::Placeholder { .. } => {}
        Presence::Stub => {
            return Err("iCloud Drive keeps it online, and shows a stub instead of it: have it \
                        downloaded in the Finder"
                .to_owned());
        }
        Presence::Missing => return Err("it is not in the vault folder".to_owned()),
    }
    let file = pool.vault.open(&pack_path(pack)).map_err(|error| error.to_string())?;
    let all_bytes = file.len().map_err(|error| error.to_string())?;
    if all_bytes > VaultFolder::PACK_BYTES_MAX {
        return Err("it is longer than a pack can be".to_owned());
    }
    let mut piece = vec![0; PIECE_BYTES];
    let mut done_bytes = 0;
    while done_bytes < all_bytes {
        let read = file.read_at(&mut piece, done_bytes).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("it ends before it should".to_owned());
        }
        done_bytes += read as u64;
        let mut state = pool.state();
        if state.queue.has_ended {
            return Err("unmounted".to_owned());
        }
        state.queue.note_progress(pack, done_bytes, all_bytes);
    }
    Ok(match file.is_placeholder().map_err(|error| error.to_string())? {
        true => Fetched::LooksLikePlaceholder,
        false => Fetched::IsHere,
    })
}

/// Tells those who have waited long enough, until nobody waits.
pub(super) fn watch(pool: &Pool) {
    loop {
        let late = {
            let mut state = pool.state();
            let Some(left) = state.queue.shortest_left() else {
                state.is_watched = false;
                return;
            };
            let waited = pool.changed.wait_timeout_while(state, left.min(LOOK_EVERY), |_| true);
            let waited = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut state = waited.0;
            state.queue.take_waiters(false)
        };
        for (pack, waiter) in late {
            (waiter.then)(Err(FsError::OnlineOnly(pack)));
        }
    }
}
