//! Whole conversations with a key vault: any requests in any order, orders under good signatures among
//! them, on two connections at once. No record is ever guessed at too often.
#![no_main]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{LazyLock, Mutex};

use hushfs::crypto::{AccountId, RegistrationId};
use hushfs::keyvault::account::{Account, GUESSES};
use hushfs::keyvault::protocol::{Order, Reply, Request, SignedOrder, decode};
use hushfs::keyvault::server::{Audit, Identity, Rates, Service, Session};
use hushfs::keyvault::store::{Store, StoreError, Stored, Swap, Version};
use hushfs_fuzz::input::Input;
use hushfs_fuzz::sample;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
});
static IDENTITY: LazyLock<Vec<u8>> = LazyLock::new(|| Identity::fresh(None).unwrap().to_vec());

#[derive(Default)]
struct InMemory(Mutex<BTreeMap<AccountId, Account>>);

impl Store for InMemory {
    async fn read(&self, id: AccountId) -> Result<Option<Stored>, StoreError> {
        let accounts = self.0.lock().unwrap();
        Ok(accounts.get(&id).map(|account| Stored {
            version: Version(account.generation()),
            account: account.clone(),
        }))
    }

    async fn swap(
        &self,
        id: AccountId,
        expected: Option<Version>,
        account: &Account,
    ) -> Result<Swap, StoreError> {
        let mut accounts = self.0.lock().unwrap();
        if accounts.get(&id).map(|account| Version(account.generation())) != expected {
            return Ok(Swap::Conflict);
        }
        accounts.insert(id, account.clone());
        Ok(Swap::Done)
    }

    async fn identity(&self, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(fresh.to_vec())
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let identity = Identity::open(&IDENTITY, None).unwrap();
    let rates = Rates { address_per_minute: 0, account_per_minute: 0, address_connections: 0 };
    let service = Service::new(InMemory::default(), identity, rates, Audit::off()).unwrap();
    let key = sample::keys().master().account_key(sample::keys().vault());
    let account = key.public_key().id();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let exporters = [[1; 32], [2; 32]];
    let mut sessions = exporters.map(|exporter| Session::new(&service, address, exporter));
    // Guesses at a registration since it was put there; nobody here has the right password.
    let mut guessed: BTreeMap<RegistrationId, u32> = BTreeMap::new();
    while !input.is_empty() {
        let nth = input.choice(2);
        let registration = RegistrationId([input.u8() % 4; 16]);
        let order = |order| Request::Order(SignedOrder::sign(&key, &exporters[nth], order));
        let request = match input.choice(8) {
            0 => order(Order::RegisterStart { registration, request: input.array() }),
            1 => {
                // A record that OPAQUE takes starts with a point of the group.
                let mut upload: [u8; 192] = input.array();
                upload[..32].copy_from_slice(&POINT);
                order(Order::RegisterFinish { registration, upload })
            }
            2 => order(Order::Commit { registration }),
            3 => order(Order::Unregister),
            4 => {
                let mut ke1: [u8; 96] = input.array();
                ke1[..32].copy_from_slice(&POINT);
                ke1[64..].copy_from_slice(&POINT);
                Request::LoginStart { account, registration, ke1 }
            }
            5 => Request::LoginFinish { ke3: input.array() },
            6 => Request::Status { account, registration },
            _ => match decode(input.bytes()) {
                Ok(request) => request,
                Err(_) => continue,
            },
        };
        let asked = request.clone();
        match (RUNTIME.block_on(sessions[nth].answer(request)), asked) {
            (Reply::LoginStarted { guesses_left, .. }, Request::LoginStart { registration, .. }) => {
                assert!(guesses_left < GUESSES);
                let count = guessed.entry(registration).or_default();
                *count += 1;
                assert!(*count <= u32::from(GUESSES));
            }
            // Another record under the same name is another one.
            (Reply::Done { .. }, Request::Order(signed)) => match signed.order {
                Order::RegisterFinish { registration, .. } => drop(guessed.remove(&registration)),
                Order::Unregister => guessed.clear(),
                _ => {}
            },
            (Reply::LoggedIn { .. }, _) => panic!("a log-in without the password"),
            (Reply::Status(told), _) => assert!(told.guesses_left <= GUESSES),
            _ => {}
        }
    }
});

/// The base point of ristretto255.
const POINT: [u8; 32] = [
    0xE2, 0xF2, 0xAE, 0x0A, 0x6A, 0xBC, 0x4E, 0x71, 0xA8, 0x84, 0xA9, 0x61, 0xC5, 0x00, 0x51, 0x5F,
    0x58, 0xE3, 0x0B, 0x6A, 0xA5, 0x82, 0xDD, 0x8D, 0xB6, 0xA6, 0x59, 0x45, 0xE0, 0x8D, 0x2D, 0x76,
];
