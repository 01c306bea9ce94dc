//! All accounts in an etcd cluster, which any number of servers share. A change is one transaction that
//! compares and replaces, and is durable at a majority of the machines when etcd answers.
//!
//! Every answer says which cluster gives it and how many changes (revisions) that has had. A server
//! refuses what is older than anything it has seen (`seen`): an etcd that was put back to an older state
//! would count guesses again that were taken. docs/model/guesses.pml shows what each rule of it is for.

mod address;
mod seen;
mod tls;
mod unanswered;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{
    Client, Compare, CompareOp, ConnectOptions, KeyValue, ResponseHeader, Txn, TxnOp,
    TxnOpResponse, TxnResponse,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::crypto::AccountId;
use crate::keyvault::account::Account;

use super::{Store, StoreError, Stored, Swap, Version, account_of};

pub use address::{EtcdAddress, EtcdAddressError};
use seen::Seen;
pub use tls::{CertificateFiles, EtcdTls, EtcdTlsError};
use unanswered::unanswered;

/// Until another machine of the cluster is asked. Choosing a new leader takes one or two seconds.
const MACHINE_TIMEOUT: Duration = Duration::from_secs(3);
/// Until no machine is asked any more.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a server looks what the others have done, so as to know it should the store go back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Accounts are under this, then 32 bytes of id.
const ACCOUNTS: &str = "account/";
/// What all servers share.
const IDENTITY: &str = "identity";

/// A store in an etcd cluster.
pub struct EtcdStore {
    cluster: Arc<Cluster>,
    looking: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for EtcdStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EtcdStore({:?})", self.cluster.prefix)
    }
}

impl EtcdStore {
    /// Opens the store of a cluster, by TLS where its URLs say so. `seen_file` is where this server, and no other one, keeps what it has seen
    /// of it; it is made if it is not there. With `accept_rollback` that is forgotten, and what the
    /// cluster holds now is taken to be right: for somebody who has restored it and knows why.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`] if the cluster is older than what was seen, or another one;
    /// [`StoreError::Unavailable`] if no majority answers or the file cannot be written; [`StoreError::InUse`] or
    /// [`StoreError::Damaged`] for the file.
    pub async fn open(
        address: &EtcdAddress,
        tls: Option<EtcdTls>,
        seen_file: &Path,
        accept_rollback: bool,
    ) -> Result<Self, StoreError> {
        let seen = Seen::open(seen_file, accept_rollback)?;
        let mut options = ConnectOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(MACHINE_TIMEOUT)
            .with_keep_alive(Duration::from_secs(10), MACHINE_TIMEOUT);
        if let Some(tls) = &tls {
            options = options.with_tls(tls.options.clone());
        }
        let mut machines = Vec::with_capacity(address.endpoints.len());
        for url in &address.endpoints {
            // Connects when it is asked first.
            let client = Client::connect([url], Some(options.clone())).await;
            let client = client.map_err(|error| unanswered(url, &error))?;
            machines.push(Machine { url: url.clone(), client });
        }
        let prefix = address.prefix.clone();
        let preferred = AtomicUsize::new(0);
        let cluster = Arc::new(Cluster { machines, preferred, prefix, seen });
        if let Err(error) = cluster.look().await {
            return Err(match (error, &tls) {
                (StoreError::Unavailable(said), Some(tls)) => {
                    StoreError::Unavailable(cluster.refusal(tls).await.unwrap_or(said))
                }
                (error, _) => error,
            });
        }
        let looking = tokio::spawn(look_again_and_again(Arc::clone(&cluster)));
        Ok(Self { cluster, looking })
    }
}

impl Drop for EtcdStore {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look_again_and_again(cluster: Arc<Cluster>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match cluster.look().await {
            Ok(()) => {}
            Err(StoreError::RolledBack(_)) => return,
            Err(error) => log::warn!("{error}"),
        }
    }
}

impl Store for EtcdStore {
    async fn read(&self, id: AccountId) -> Result<Option<Stored>, StoreError> {
        let found = self.cluster.get(self.cluster.account_key(id)).await?;
        found.map(|pair| stored(id, &pair)).transpose()
    }

    async fn swap(
        &self,
        id: AccountId,
        expected: Option<Version>,
        account: &Account,
    ) -> Result<Swap, StoreError> {
        let key = self.cluster.account_key(id);
        let is_expected = match expected {
            None => Compare::create_revision(key.clone(), CompareOp::Equal, 0),
            Some(Version(version)) => {
                let Ok(revision) = i64::try_from(version) else { return Ok(Swap::Conflict) };
                Compare::mod_revision(key.clone(), CompareOp::Equal, revision)
            }
        };
        let swap =
            Txn::new().when([is_expected]).and_then([TxnOp::put(key, account.to_bytes(), None)]);
        Ok(match self.cluster.change(swap).await?.succeeded() {
            true => Swap::Done,
            false => Swap::Conflict,
        })
    }

    async fn identity(&self, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = [self.cluster.prefix.as_bytes(), IDENTITY.as_bytes()].concat();
        let put_or_get = Txn::new()
            .when([Compare::create_revision(key.clone(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(key.clone(), fresh, None)])
            .or_else([TxnOp::get(key, None)]);
        let done = self.cluster.change(put_or_get).await?;
        if done.succeeded() {
            return Ok(fresh.to_vec());
        }
        let found = done.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().first().map(|pair| pair.value().to_vec()),
            _ => None,
        });
        found.ok_or_else(|| StoreError::Damaged("etcd says neither yes nor no".into()))
    }
}

/// One machine of a cluster.
struct Machine {
    url: String,
    client: Client,
}

/// The machines of an etcd cluster, and what was seen of it.
struct Cluster {
    machines: Vec<Machine>,
    /// Index of the machine that has answered last.
    preferred: AtomicUsize,
    prefix: String,
    seen: Seen,
}

impl Cluster {
    fn account_key(&self, id: AccountId) -> Vec<u8> {
        [self.prefix.as_bytes(), ACCOUNTS.as_bytes(), &id.0].concat()
    }

    /// What keeps one of the machines and this server apart, if it is TLS.
    async fn refusal(&self, tls: &EtcdTls) -> Option<String> {
        for machine in &self.machines {
            // A machine that has nothing against it waits for what is never said.
            if let Ok(Some(said)) = timeout(CONNECT_TIMEOUT, tls.refusal(&machine.url)).await {
                return Some(said);
            }
        }
        None
    }

    /// Notes how many changes the cluster has had.
    async fn look(&self) -> Result<(), StoreError> {
        self.get(self.prefix.as_bytes().to_vec()).await?;
        self.seen.keep().await
    }

    /// What a majority agrees on now (etcd's reads are linearizable).
    async fn get(&self, key: Vec<u8>) -> Result<Option<KeyValue>, StoreError> {
        let before = self.seen.before()?;
        let (got, _) = self
            .ask(|mut machine| {
                let key = key.clone();
                async move { machine.get(key, None).await }
            })
            .await?;
        self.seen.note(origin(got.header())?, before).await?;
        Ok(got.kvs().first().cloned())
    }

    /// Carries a transaction out. What it says is also noted durably, so that it is still refused to
    /// go back behind it when this server is killed.
    async fn change(&self, change: Txn) -> Result<TxnResponse, StoreError> {
        let before = self.seen.before()?;
        let (done, is_first) = self
            .ask(|mut machine| {
                let change = change.clone();
                async move { machine.txn(change).await }
            })
            .await?;
        let (cluster, revision) = origin(done.header())?;
        if done.succeeded() && revision == before.revision {
            // A change counts the revisions up: this one was made to an older state.
            return Err(self.seen.refuse(cluster, revision).await);
        }
        self.seen.note((cluster, revision), before).await?;
        if !done.succeeded() && !is_first {
            // It may have been this very change, of which another machine had not told.
            return Err(StoreError::Unavailable(
                "it is not known whether the change was made".into(),
            ));
        }
        self.seen.keep().await?;
        Ok(done)
    }

    /// Asks one machine after the other until one answers; says with it whether that was the first.
    async fn ask<T, F>(&self, request: impl Fn(Client) -> F) -> Result<(T, bool), StoreError>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let asking = async {
            let preferred = self.preferred.load(Ordering::Relaxed);
            let mut outcome = Err(StoreError::Unavailable("no machine is named".into()));
            for nth in 0..self.machines.len() {
                let index = (preferred + nth) % self.machines.len();
                let Machine { url, client } = &self.machines[index];
                match timeout(MACHINE_TIMEOUT, request(client.clone())).await {
                    Ok(Ok(answer)) => {
                        self.preferred.store(index, Ordering::Relaxed);
                        return Ok((answer, nth == 0));
                    }
                    Ok(Err(error)) => outcome = Err(unanswered(url, &error)),
                    Err(_) => {
                        let said = format!("etcd at {url} takes too long");
                        outcome = Err(StoreError::Unavailable(said));
                    }
                }
            }
            outcome
        };
        let too_long = |_| StoreError::Unavailable("no majority of etcd answers".into());
        timeout(ANSWER_TIMEOUT, asking).await.map_err(too_long)?
    }
}

/// Cluster id and revision.
fn origin(header: Option<&ResponseHeader>) -> Result<(u64, u64), StoreError> {
    let header = header.ok_or_else(|| StoreError::Damaged("an answer has no header".into()))?;
    let revision = u64::try_from(header.revision());
    let revision = revision.map_err(|_| StoreError::Damaged("a revision is negative".into()))?;
    Ok((header.cluster_id(), revision))
}

fn stored(id: AccountId, pair: &KeyValue) -> Result<Stored, StoreError> {
    let account = account_of(id, pair.value())?;
    let negative = |_| StoreError::Damaged(format!("account {id} has a negative revision"));
    let version = u64::try_from(pair.mod_revision()).map_err(negative)?;
    Ok(Stored { account, version: Version(version) })
}
