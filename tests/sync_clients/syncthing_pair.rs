//! Syncthing instances that know nobody but each other.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::service::{Service, client, wait_for};
use super::site::Site;

/// Lets a test in; the socket is in a folder of its own.
const API_KEY: &str = "of this test";

/// One instance: it is told what to do by its REST interface, on a socket that is no port.
pub struct Syncthing<'a> {
    site: &'a Site<'a>,
    home: PathBuf,
    id: String,
    service: Option<Service>,
}

/// Two of them, with the vault as the folder between them.
pub struct Pair<'a> {
    first: Syncthing<'a>,
    second: Syncthing<'a>,
}

impl<'a> Syncthing<'a> {
    pub(super) fn new(site: &'a Site<'a>) -> Self {
        let home = site.bench().folder().join(format!("syncthing of {}", site.name()));
        let generate = |arguments: &[&str]| {
            let mut command = client(site.bench(), "syncthing");
            let output = command.args(arguments).arg("--home").arg(&home).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        generate(&["generate", "--no-default-folder", "--skip-port-probing"]);
        let id = generate(&["serve", "--device-id"]);
        Self { site, home, id, service: None }
    }

    /// The machine that it runs on.
    pub(super) fn site(&self) -> &'a Site<'a> {
        self.site
    }

    /// What the others know it by.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn socket(&self) -> PathBuf {
        self.home.join("rest")
    }

    /// Starts it with devices that are found at these addresses, or that come by themselves.
    pub(super) fn start(&mut self, others: &[(&str, &str)], versioning: &str) {
        let shared = others.iter().map(|(other, _)| format!("<device id=\"{other}\"/>"));
        let shared: String = shared.collect();
        let others = others.iter().map(|(other, address)| {
            format!("<device id=\"{other}\"><address>{address}</address></device>")
        });
        let others: String = others.collect();
        let config = format!(
            "<configuration version=\"36\">
               <folder id=\"vault\" path=\"{vault}\" type=\"sendreceive\" fsWatcherDelayS=\"1\">
                 <device id=\"{id}\"/>{shared}
                 <versioning type=\"{versioning}\"/>
               </folder>
               <device id=\"{id}\"><address>dynamic</address></device>
               {others}
               <gui enabled=\"true\" tls=\"false\">
                 <address>{socket}</address><apikey>{API_KEY}</apikey>
               </gui>
               <options>
                 <listenAddress>tcp://127.0.0.1:0</listenAddress>
                 <globalAnnounceEnabled>false</globalAnnounceEnabled>
                 <localAnnounceEnabled>false</localAnnounceEnabled>
                 <relaysEnabled>false</relaysEnabled>
                 <natEnabled>false</natEnabled>
                 <urAccepted>-1</urAccepted>
                 <crashReportingEnabled>false</crashReportingEnabled>
                 <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
                 <startBrowser>false</startBrowser>
                 <setLowPriority>false</setLowPriority>
                 <reconnectionIntervalS>1</reconnectionIntervalS>
               </options>
             </configuration>",
            vault = self.site.vault().display(),
            id = self.id,
            socket = self.socket().display(),
        );
        fs::write(self.home.join("config.xml"), config).unwrap();
        let mut command = client(self.site.bench(), "syncthing");
        // One process alone, in the group that it is started in: nobody else could end it.
        command.env("STMONITORED", "yes");
        command.args(["serve", "--no-browser", "--no-restart", "--no-upgrade"]);
        command.arg("--home").arg(&self.home);
        self.service = Some(Service::start(&command, &self.home.join("said")));
        wait_for(|| self.ask("GET", "/rest/system/ping").map(|_| ()));
    }

    /// Where it listens.
    pub(super) fn address(&self) -> String {
        let said = self.service.as_ref().unwrap().told("TCP listener (", ") starting");
        format!("tcp://{said}")
    }

    /// What its REST interface answers.
    pub(super) fn ask(&self, method: &str, path: &str) -> Result<Value, String> {
        self.ask_with(method, path, "")
    }

    fn ask_with(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let asked = || -> std::io::Result<String> {
            let mut stream = UnixStream::connect(self.socket())?;
            let length = body.len();
            write!(
                stream,
                "{method} {path} HTTP/1.0\r\nHost: localhost\r\nX-API-Key: {API_KEY}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = asked().map_err(|error| format!("{path}: {error}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(format!("{path}: {answer}"))?;
        if head.split(' ').nth(1) != Some("200") {
            return Err(format!("{path}: {answer}"));
        }
        Ok(serde_json::from_str(body).unwrap_or_default())
    }

    /// Whether nothing is left to be done here; if so, `Ok`.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        let status = self.ask("GET", "/rest/db/status?folder=vault")?;
        let is_at_rest = status["state"] == "idle"
            && ["needTotalItems", "pullErrors"].iter().all(|count| status[count] == 0);
        is_at_rest.then_some(()).ok_or(format!("{} to be at rest: {status}", self.site.name()))
    }
}

impl<'a> Pair<'a> {
    /// Starts both, and waits until the second has what is at the first. The second keeps what the
    /// first deletes by this way of versioning; empty: not at all.
    pub fn start(sites: [&'a Site<'a>; 2], versioning: &str) -> Self {
        let [mut first, mut second] = sites.map(Syncthing::new);
        first.start(&[(&second.id, "dynamic")], "");
        second.start(&[(&first.id, &first.address())], versioning);
        let pair = Self { first, second };
        pair.sync();
        pair
    }

    /// Waits until all that one has is at the other, which stays so.
    pub fn sync(&self) {
        self.wait_for_connection(true);
        let both = [&self.first, &self.second];
        for one in both {
            one.ask("POST", "/rest/db/scan?folder=vault").unwrap();
        }
        wait_for(|| {
            both.iter().try_for_each(|one| one.at_rest())?;
            let [one, other] = both.map(|one| one.site.listing());
            let is_one_alone = |path: &PathBuf| one.get(path) != other.get(path);
            let paths: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            let different: Vec<_> = paths.into_iter().filter(|path| is_one_alone(path)).collect();
            different.is_empty().then_some(()).ok_or(format!("{different:?} to be on both"))
        });
    }

    /// Cuts the connection; nobody tries to make a new one.
    pub fn cut_off(&self) {
        self.second.ask("POST", &format!("/rest/system/pause?device={}", self.first.id)).unwrap();
        self.wait_for_connection(false);
    }

    /// Lets them connect again: the one that knows where the other is does so at once.
    pub fn join(&self) {
        self.second.ask("POST", &format!("/rest/system/resume?device={}", self.first.id)).unwrap();
    }

    fn wait_for_connection(&self, wanted: bool) {
        for (one, other) in [(&self.first, &self.second), (&self.second, &self.first)] {
            wait_for(|| {
                let told = one.ask("GET", "/rest/system/connections")?;
                let connected = &told["connections"][&other.id]["connected"];
                let is_so = connected == wanted;
                is_so.then_some(()).ok_or(format!("a connection ({wanted}): {told}"))
            });
        }
    }

    /// Lets the first one send no more than this; 0: as much as it can.
    pub fn limit_sending(&self, kilobytes_per_second: u32) {
        let options = json!({
            "maxSendKbps": kilobytes_per_second,
            "limitBandwidthInLan": kilobytes_per_second > 0,
        });
        self.first.ask_with("PATCH", "/rest/config/options", &options.to_string()).unwrap();
    }

    /// Asks the first one to look for what is new.
    pub fn look(&self) {
        self.first.ask("POST", "/rest/db/scan?folder=vault").unwrap();
    }
}
