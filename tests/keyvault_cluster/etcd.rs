//! An etcd cluster of a test's own: real processes on free ports of this machine, in a temporary folder.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::network::Host;
use hushfs::keyvault::accounts::Accounts;
use hushfs::keyvault::store::{EtcdAddress, EtcdStore, EtcdTls, StoreError};
use rustix::process::{Pid, Signal, kill_process};

/// Machines of one cluster.
pub struct Etcd {
    folder: tempfile::TempDir,
    places: Vec<Place>,
    running: Vec<Option<Child>>,
    /// What its machines show, and whom they ask for a certificate; `None`: plain HTTP.
    tls: Option<ServerTls>,
}

/// Where a machine runs.
struct Place {
    /// `None`: on this host.
    host: Option<Host>,
    /// Port for clients.
    clients: u16,
    /// Port for one another.
    peers: u16,
}

impl Place {
    fn address(&self) -> String {
        self.host.as_ref().map_or_else(|| "127.0.0.1".to_owned(), Host::address)
    }
}

/// How machines speak TLS to clients: files in PEM.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authority that clients' certificates have to be by.
    pub clients: PathBuf,
    /// How a client speaks to them whom they take.
    pub as_client: EtcdTls,
}

impl Etcd {
    /// Starts a cluster; `None` if there is no etcd here.
    pub fn start(machines: usize) -> Option<Self> {
        Self::start_with(machines, None)
    }

    /// Starts one that speaks TLS to clients, and wants to see their certificates.
    pub fn start_with(machines: usize, tls: Option<ServerTls>) -> Option<Self> {
        if !super::is_there("etcd") {
            return None;
        }
        // Held until all are known, so that all differ.
        let free: Vec<_> =
            (0..machines * 2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |nth: usize| free[nth].local_addr().unwrap().port();
        let place =
            |nth: usize| Place { host: None, clients: port(nth * 2), peers: port(nth * 2 + 1) };
        let places = (0..machines).map(place).collect();
        drop(free);
        Some(Self::start_all(places, tls))
    }

    /// Starts a cluster with one machine on each host.
    pub fn start_at(hosts: &[Host]) -> Self {
        let place = |host: &Host| Place { host: Some(host.clone()), clients: 2379, peers: 2380 };
        Self::start_all(hosts.iter().map(place).collect(), None)
    }

    fn start_all(places: Vec<Place>, tls: Option<ServerTls>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = places.iter().map(|_| None).collect();
        let mut etcd = Self { folder, places, running, tls };
        (0..etcd.places.len()).for_each(|nth| etcd.start_machine(nth));
        etcd
    }

    /// Starts a machine that does not run, with the data it has.
    pub fn start_machine(&mut self, nth: usize) {
        let place = &self.places[nth];
        let peer_url = |place: &Place| format!("http://{}:{}", place.address(), place.peers);
        let (client_url, own_url) = (self.client_url(place), peer_url(place));
        let all = self.places.iter().enumerate();
        let all = all.map(|(nth, place)| format!("m{nth}={}", peer_url(place)));
        let log = File::options().create(true).append(true).open(self.place("log")).unwrap();
        let mut command = Command::new("etcd");
        command
            .args(["--name", &format!("m{nth}"), "--log-level", "error"])
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &own_url, "--initial-advertise-peer-urls", &own_url])
            .args(["--initial-cluster", &all.collect::<Vec<_>>().join(",")])
            .arg("--data-dir")
            .arg(self.data(nth));
        if let Some(ServerTls { certificate, key, clients, .. }) = &self.tls {
            command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(clients);
            command.arg("--cert-file").arg(certificate).arg("--key-file").arg(key);
        }
        if let Some(host) = &place.host {
            command = host.running(&command);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.running[nth] = Some(command.spawn().unwrap());
    }

    /// kill -9.
    pub fn kill(&mut self, nth: usize) {
        if let Some(mut child) = self.running[nth].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops the machine's clock, as it were: its connections stay, and it answers nobody.
    pub fn freeze(&self, nth: usize) {
        self.signal(nth, Signal::STOP);
    }

    /// Lets it go on where it was, whatever the others have done meanwhile.
    pub fn thaw(&self, nth: usize) {
        self.signal(nth, Signal::CONT);
    }

    fn signal(&self, nth: usize, signal: Signal) {
        let child = self.running[nth].as_ref().expect("the machine runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self, nth: usize) -> PathBuf {
        self.place(&format!("m{nth}"))
    }

    /// What `--store` takes.
    pub fn name(&self) -> String {
        format!("etcd:{}", self.client_urls().collect::<Vec<_>>().join(","))
    }

    /// Where its machines listen.
    pub fn client_urls(&self) -> impl Iterator<Item = String> {
        self.places.iter().map(|place| self.client_url(place))
    }

    fn client_url(&self, place: &Place) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}", place.address(), place.clients)
    }

    /// What a server opens that keeps what it has seen under this name.
    pub async fn open(&self, seen: &str, accept: bool) -> Result<EtcdStore, StoreError> {
        let address = EtcdAddress::parse(&self.name()).unwrap().unwrap();
        let tls = self.tls.as_ref().map(|tls| tls.as_client.clone());
        EtcdStore::open(&address, tls, &self.place(seen), accept).await
    }

    /// The accounts in it, as a server has them, once there is a majority.
    pub async fn accounts(&self, seen: &str) -> Accounts<EtcdStore> {
        loop {
            match self.open(seen, false).await {
                Ok(store) => return Accounts::new(store),
                Err(StoreError::Unavailable(_)) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            // Of a frozen one as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        match item.file_type().unwrap().is_dir() {
            true => copy_folder(&item.path(), &to.join(item.file_name())),
            false => drop(fs::copy(item.path(), to.join(item.file_name())).unwrap()),
        }
    }
}
