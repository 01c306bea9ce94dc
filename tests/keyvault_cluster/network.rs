//! A network of a test's own: hosts that are network namespaces, on a switch that can be cut in two. It is in
//! a namespace that goes with the process that a test runs in it, whatever ends that.

use std::process::Command;

/// Where namespaces go by name: seen by nobody else.
const NAMES: &str = "/run/netns";
/// What `unshare` is to give: a process that no namespace, mount or other process outlives.
const OWN: [&str; 5] = ["--net", "--mount", "--pid", "--fork", "--kill-child"];
/// Without root's rights one has them in a namespace of one's own.
const AS_ROOT: &str = "--map-root-user";

/// A program in a namespace of its own with those rights that are to be had; `None` if there are none.
pub fn own_namespace() -> Option<Command> {
    let rights = [&[][..], &[AS_ROOT]];
    let command = |rights: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(OWN).args(rights).arg("--");
        command
    };
    let works = |rights: &&&[&str]| {
        let mut command = command(rights);
        command.args(["ip", "link", "add", "switch", "type", "bridge"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    let found = rights.iter().find(works).map(|rights| command(rights));
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no network namespaces here");
        eprintln!("skipped: no network namespaces are to be had here");
    }
    found
}

/// The switches: the network, what is cut off from it, and the one that clients have with servers, which
/// is never cut.
const SWITCHES: [&str; 3] = ["whole", "apart", "clients"];

/// Hosts and switches.
pub struct Network(());

impl Network {
    /// Only in a process of [`own_namespace`].
    pub fn new() -> Self {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        for switch in SWITCHES {
            ip(&["link", "add", switch, "type", "bridge"]);
            ip(&["link", "set", switch, "up"]);
        }
        // This process is at the whole network, and among the clients.
        ip(&["addr", "add", "10.0.0.254/24", "dev", "whole"]);
        ip(&["addr", "add", "10.1.0.254/24", "dev", "clients"]);
        Self(())
    }

    /// A host at 10.0.0.`number`, and for clients at 10.1.0.`number`.
    pub fn host(&self, name: &str, number: usize) -> Host {
        let host = Host { name: name.to_owned(), number };
        ip(&["netns", "add", name]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        for (cable, end, switch, address) in [
            (name.to_owned(), "eth0", "whole", host.address()),
            (format!("{name}-c"), "eth1", "clients", host.client_address()),
        ] {
            ip(&["link", "add", &cable, "type", "veth", "peer", "name", end, "netns", name]);
            ip(&["link", "set", &cable, "master", switch, "up"]);
            ip(&["-n", name, "addr", "add", &format!("{address}/24"), "dev", end]);
            ip(&["-n", name, "link", "set", end, "up"]);
        }
        host
    }

    /// Puts hosts on a switch of their own: they have one another, and nobody else.
    pub fn cut_off(&self, hosts: &[&Host]) {
        hosts.iter().for_each(|host| ip(&["link", "set", &host.name, "master", "apart"]));
    }

    /// Puts them back.
    pub fn heal(&self, hosts: &[&Host]) {
        hosts.iter().for_each(|host| ip(&["link", "set", &host.name, "master", "whole"]));
    }
}

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    number: usize,
}

impl Host {
    pub fn address(&self) -> String {
        format!("10.0.0.{}", self.number)
    }

    pub fn client_address(&self) -> String {
        format!("10.1.0.{}", self.number)
    }

    /// The same program, on this host.
    pub fn running(&self, command: &Command) -> Command {
        let mut there = Command::new("nsenter");
        there.arg(format!("--net={NAMES}/{}", self.name));
        there.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => there.env(name, value),
                None => there.env_remove(name),
            };
        }
        there
    }
}

fn ip(words: &[&str]) {
    run("ip", words);
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}
