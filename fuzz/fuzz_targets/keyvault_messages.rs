//! Everything that a key vault, its client and its store read: requests, replies, frames, accounts,
//! server's keys, addresses and pins.
#![no_main]

use hushfs::format::ServerPin;
use hushfs::keyvault::account::Account;
use hushfs::keyvault::client::ServerAddress;
use hushfs::keyvault::protocol::{
    FRAME_BYTES_MAX, LENGTH_BYTES, Reply, Request, body_bytes, decode, encode,
};
use hushfs::keyvault::server::Identity;
use hushfs_fuzz::input::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    match input.choice(6) {
        0 => {
            let Ok(request) = decode::<Request>(input.rest()) else { return };
            let frame = encode(&request).unwrap();
            assert_eq!(decode(&frame[LENGTH_BYTES..]), Ok(request.clone()));
            if let Request::Order(order) = request {
                let _ = order.verify(&[0; 32]);
            }
        }
        1 => {
            let Ok(reply) = decode::<Reply>(input.rest()) else { return };
            let frame = encode(&reply).unwrap();
            assert_eq!(decode(&frame[LENGTH_BYTES..]), Ok(reply));
        }
        2 => {
            if let Ok(bytes) = body_bytes(input.array()) {
                assert!(bytes <= FRAME_BYTES_MAX);
            }
        }
        3 => {
            let bytes = input.rest();
            let Some(account) = Account::from_bytes(bytes) else { return };
            assert_eq!(Account::from_bytes(&account.to_bytes()), Some(account.clone()));
            let _ = account.restored();
        }
        4 => drop(Identity::open(input.rest(), None)),
        _ => {
            let text = String::from_utf8_lossy(input.rest());
            if let Some(address) = ServerAddress::parse(&text) {
                assert_eq!(ServerAddress::parse(&address.to_string()), Some(address));
            }
            if let Some(pin) = ServerPin::parse(&text) {
                assert_eq!(ServerPin::parse(&pin.to_string()), Some(pin));
            }
        }
    }
});
