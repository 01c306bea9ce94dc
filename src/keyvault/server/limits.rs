//! How often one address may ask, and one account be asked for. Memory is bounded, whoever asks.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::crypto::AccountId;

/// Addresses, and accounts, that are told apart at most; all others share what one has.
const TOLD_APART_MAX: usize = 1 << 16;
/// Refusals that are noted a minute of one address, and of all.
const NOTES_PER_MINUTE: u32 = 6;
const ALL_NOTES_PER_MINUTE: u32 = 120;

/// How much is allowed; 0 for no limit.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Requests a minute from one address (of IPv6: one network of 64 bits).
    pub address_per_minute: u32,
    /// Log-ins a minute to one account.
    pub account_per_minute: u32,
    /// Connections of one address at a time.
    pub address_connections: u32,
}

/// What is left of an allowance. It fills up within a minute.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn full(per_minute: u32, now: Instant) -> Self {
        Self { left: f64::from(per_minute), at: now }
    }

    /// Takes one, if there is one.
    ///
    /// # Errors
    /// How long it takes until there is one; nothing was taken.
    pub fn take(&mut self, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let a_second = f64::from(per_minute) / 60.0;
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * a_second).min(f64::from(per_minute));
        self.at = now;
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / a_second));
        }
        self.left -= 1.0;
        Ok(())
    }

    /// A minute after it was used last it is full, and need not be remembered.
    fn is_full(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= Duration::from_secs(60)
    }
}

/// Buckets by whom they are for; `None` is everybody for whom there is no room.
#[derive(Debug)]
struct Buckets<K>(Mutex<HashMap<Option<K>, Bucket>>);

impl<K: Hash + Eq> Buckets<K> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn take(&self, key: K, per_minute: u32, now: Instant) -> Result<(), Duration> {
        if per_minute == 0 {
            return Ok(());
        }
        // Every state of the map is a right one.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(key);
        if buckets.len() >= TOLD_APART_MAX && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= TOLD_APART_MAX {
                key = None;
            }
        }
        buckets.entry(key).or_insert_with(|| Bucket::full(per_minute, now)).take(per_minute, now)
    }
}

/// All limits of a server.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    addresses: Buckets<IpAddr>,
    accounts: Buckets<AccountId>,
    notes: Buckets<IpAddr>,
    all_notes: Buckets<()>,
    connections: Mutex<HashMap<IpAddr, u32>>,
}

impl Limits {
    /// Nobody has asked for anything yet.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            addresses: Buckets::new(),
            accounts: Buckets::new(),
            notes: Buckets::new(),
            all_notes: Buckets::new(),
            connections: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a request from an address.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take_of_address(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.addresses.take(network(address), self.rates.address_per_minute, now)
    }

    /// Counts a log-in to an account.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take_of_account(&self, account: AccountId, now: Instant) -> Result<(), Duration> {
        self.accounts.take(account, self.rates.account_per_minute, now)
    }

    /// Whether a refusal of an address is to be noted.
    pub(super) fn take_note(&self, address: IpAddr, now: Instant) -> bool {
        self.notes.take(network(address), NOTES_PER_MINUTE, now).is_ok()
            && self.all_notes.take((), ALL_NOTES_PER_MINUTE, now).is_ok()
    }

    /// Lets a connection of an address in, unless it has as many as it may have.
    pub fn connect(&self, address: IpAddr) -> Option<Connected<'_>> {
        let network = network(address);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connections.entry(network).or_default();
        let most = self.rates.address_connections;
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(Connected { limits: self, network })
    }
}

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub struct Connected<'l> {
    limits: &'l Limits,
    network: IpAddr,
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        let connections = &self.limits.connections;
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connections.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.network);
            }
        }
    }
}

/// Who has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates =
        Rates { address_per_minute: 6, account_per_minute: 2, address_connections: 2 };

    #[test]
    fn an_allowance_is_used_up_and_comes_back_with_time() {
        let (limits, start) = (Limits::new(RATES), Instant::now());
        let home: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..6 {
            limits.take_of_address(home, start).unwrap();
        }
        let wait = limits.take_of_address(home, start).unwrap_err();
        assert!(wait <= Duration::from_secs(10) && wait > Duration::from_secs(9));
        limits.take_of_address("192.0.2.2".parse().unwrap(), start).unwrap();
        limits.take_of_address(home, start + Duration::from_secs(11)).unwrap();
        assert!(limits.take_of_address(home, start + Duration::from_secs(11)).is_err());
        for nth in 0..3 {
            assert_eq!(limits.take_of_account(AccountId([1; 32]), start).is_ok(), nth < 2);
        }
    }

    #[test]
    fn addresses_of_one_network_share_and_nobody_fills_the_memory() {
        let (limits, now) = (Limits::new(RATES), Instant::now());
        for host in 0..6_u16 {
            limits.take_of_address(format!("2001:db8::{host:x}").parse().unwrap(), now).unwrap();
        }
        assert!(limits.take_of_address("2001:db8::ffff".parse().unwrap(), now).is_err());
        for host in 0..TOLD_APART_MAX as u32 + 100 {
            let _ = limits.take_of_address(IpAddr::from(host.to_be_bytes()), now);
        }
        assert!(limits.addresses.0.lock().unwrap().len() <= TOLD_APART_MAX + 1);
        // Who comes later shares one allowance, and it is used up by now.
        assert!(limits.take_of_address("198.51.100.7".parse().unwrap(), now).is_err());
        let later = now + Duration::from_secs(61);
        limits.take_of_address("198.51.100.7".parse().unwrap(), later).unwrap();
        assert!(limits.addresses.0.lock().unwrap().len() < 10);
    }

    #[test]
    fn neither_one_address_nor_many_have_all_of_their_refusals_noted() {
        let (limits, start) = (Limits::new(RATES), Instant::now());
        let noted = |addresses: std::ops::Range<u32>, times: u32, now| {
            let each =
                addresses.flat_map(|nth| (0..times).map(move |_| IpAddr::from(nth.to_be_bytes())));
            each.filter(|address| limits.take_note(*address, now)).count()
        };
        assert_eq!(noted(0..1, 1000, start), NOTES_PER_MINUTE as usize);
        assert_eq!(noted(1..2, 1000, start), NOTES_PER_MINUTE as usize);
        let all = ALL_NOTES_PER_MINUTE - 2 * NOTES_PER_MINUTE;
        assert_eq!(noted(2..10_000, 1, start), all as usize);
        assert_eq!(noted(0..1, 1000, start + Duration::from_secs(10)), 1);
    }

    #[test]
    fn connections_count_until_they_end() {
        let (limits, home) = (Limits::new(RATES), "192.0.2.1".parse().unwrap());
        let first = limits.connect(home).unwrap();
        let _second = limits.connect(home).unwrap();
        assert!(limits.connect(home).is_none());
        assert!(limits.connect("192.0.2.2".parse().unwrap()).is_some());
        drop(first);
        assert!(limits.connect(home).is_some());
    }
}
