//! The key vault: a small server that gives a key out only for the right password, learns nothing of
//! it, and destroys it after ten wrong guesses (`docs/keyvault.md`).
//!
//! Stands beside `fs`, and knows `format` and `crypto` alone.

#![forbid(unsafe_code)]

pub mod account;
#[cfg(feature = "keyvault-server")]
pub mod accounts;
pub mod client;
#[cfg(feature = "keyvault-server")]
mod newest;
#[cfg(feature = "keyvault-server")]
mod pem;
pub mod protocol;
#[cfg(feature = "keyvault-server")]
pub mod seed;
#[cfg(feature = "keyvault-server")]
pub mod server;
#[cfg(feature = "keyvault-server")]
pub mod store;
