//! A key vault of a test's own: the real program, on a free port, in a temporary folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use hushfs::format::ServerPin;
use hushfs::keyvault::client::ServerAddress;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::hushfs;

/// A server, and its store and audit log in a folder that goes with it.
pub struct Server {
    folder: tempfile::TempDir,
    flags: Vec<String>,
    /// The same over every start, for slots name it.
    port: u16,
    running: Option<Running>,
}

struct Running {
    child: Child,
    pin: ServerPin,
    metrics: SocketAddr,
}

impl Server {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further flags.
    pub fn start_with(flags: &[&str]) -> Self {
        // Nobody else gets it so soon: the system gives out other free ports first.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, flags, port, running: None };
        server.start_again();
        server
    }

    /// Starts one on a copy of a store and of the mark beside it.
    pub fn start_on(store: &Path) -> Self {
        let mut server = Self::start();
        server.kill();
        for end in ["", ".mark"] {
            let from = format!("{}{end}", store.display());
            fs::copy(from, server.place(&format!("accounts{end}"))).unwrap();
        }
        server.start_again();
        server
    }

    /// Starts it on the store that is there, at the same port.
    pub fn start_again(&mut self) {
        let mut child = self.command().stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |before: &str| {
            let line = lines.next().expect("the server says where it listens").unwrap();
            line.strip_prefix(before).unwrap().to_owned()
        };
        told("listening at ");
        let pin = ServerPin::parse(&told("pin ")).unwrap();
        let metrics = told("metrics at ").parse().unwrap();
        self.running = Some(Running { child, pin, metrics });
    }

    /// The command that runs it.
    pub fn command(&self) -> std::process::Command {
        let (store, audit) = (self.store(), self.place("audit"));
        let mut command = hushfs(&["keyvault", "serve", "--metrics", "127.0.0.1:0", "--store"]);
        command.arg(store).arg("--audit-log").arg(audit).args(&self.flags);
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.place("accounts")
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn client_address(&self) -> ServerAddress {
        ServerAddress::parse(&self.address().to_string()).unwrap()
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }

    pub fn pin(&self) -> ServerPin {
        self.running().pin
    }

    pub fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// What the audit log says, a line for each event.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.place("audit")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The audit log's events by name.
    pub fn events(&self) -> Vec<String> {
        let event = |line: &serde_json::Value| line["event"].as_str().unwrap().to_owned();
        self.audit().iter().map(event).collect()
    }

    /// What plain HTTP gives for a path: status line and text.
    pub fn http(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.running().metrics).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    /// One of the metrics.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.http("/metrics");
        let start = format!("hushfs_keyvault_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// KiB of memory that the server has in use.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("the server runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Ends it as systemd does; returns its exit code.
    pub fn stop(&mut self) -> i32 {
        let mut running = self.running.take().expect("the server runs");
        let pid = Pid::from_child(&running.child);
        kill_process(pid, Signal::TERM).unwrap();
        running.child.wait().unwrap().code().expect("no signal ends it")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}
