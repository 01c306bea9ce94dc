//! Counts for whoever watches a server, in Prometheus's text format. Nothing tells accounts apart.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $kind:literal, $help:literal;)*) => {
        /// What is counted since the server started.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* #[doc = $help] pub(super) $name: AtomicU64,)*
        }

        impl Metrics {
            /// As Prometheus reads it.
            pub fn text(&self) -> String {
                let mut text = String::new();
                $(
                    let name = concat!("hushfs_keyvault_", stringify!($name));
                    let value = self.$name.load(Ordering::Relaxed);
                    let _ = writeln!(
                        text,
                        "# HELP {name} {}\n# TYPE {name} {}\n{name} {value}",
                        $help, $kind
                    );
                )*
                text
            }
        }
    };
}

counts! {
    connections: "gauge", "Connections that are open.";
    connections_total: "counter", "Connections that were let in.";
    connections_refused_total: "counter", "Connections that were not, since there were too many.";
    handshakes_failed_total: "counter", "Connections that came to no TLS session of this protocol.";
    malformed_total: "counter", "Messages that were none.";
    attempts_total: "counter", "Guesses that were taken.";
    right_total: "counter", "Guesses that were right.";
    destroyed_total: "counter", "Accounts whose records were destroyed by the last guess.";
    registered_total: "counter", "Records that were registered.";
    bad_signatures_total: "counter", "Orders without the owner's signature.";
    too_often_total: "counter", "Requests that were refused because there were too many.";
    store_errors_total: "counter", "Requests that the store or the seed did not carry out.";
}

impl Metrics {
    /// One more.
    pub(super) fn count(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}
