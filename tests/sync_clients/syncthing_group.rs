//! Several Syncthing instances, each of which knows all others.

use super::service::wait_for;
use super::site::{Listing, Site};
use super::syncthing_pair::Syncthing;

/// They have the vault as the folder between them.
pub struct Group<'a> {
    all: Vec<Syncthing<'a>>,
}

impl<'a> Group<'a> {
    /// Starts all of them, and waits until everybody has what is at the first.
    pub fn start(sites: &'a [Site<'a>]) -> Self {
        let mut all: Vec<Syncthing> = sites.iter().map(Syncthing::new).collect();
        let ids: Vec<String> = all.iter().map(|one| one.id().to_owned()).collect();
        let mut addresses: Vec<String> = Vec::new();
        for (nth, one) in all.iter_mut().enumerate() {
            // Those that run already are called; later ones come by themselves.
            let address = |other: usize| addresses.get(other).map_or("dynamic", String::as_str);
            let others = (0..ids.len()).filter(|other| *other != nth);
            let others: Vec<_> = others.map(|other| (&*ids[other], address(other))).collect();
            one.start(&others, "");
            addresses.push(one.address());
        }
        let group = Self { all };
        group.sync();
        group
    }

    /// Waits until everybody has the same, which stays so.
    pub fn sync(&self) {
        for (nth, one) in self.all.iter().enumerate() {
            let others = self.all.iter().enumerate().filter(|(other, _)| *other != nth);
            let ids: Vec<&str> = others.map(|(_, other)| other.id()).collect();
            wait_for(|| {
                let told = one.ask("GET", "/rest/system/connections")?;
                let is_met = |id: &&str| told["connections"][id]["connected"] == true;
                ids.iter().all(is_met).then_some(()).ok_or(format!("all to be connected: {told}"))
            });
            one.ask("POST", "/rest/db/scan?folder=vault").unwrap();
        }
        wait_for(|| {
            self.all.iter().try_for_each(Syncthing::at_rest)?;
            let listings: Vec<Listing> = self.all.iter().map(|one| one.site().listing()).collect();
            let are_same = listings.iter().all(|listing| *listing == listings[0]);
            are_same.then_some(()).ok_or("the same objects at all machines".to_owned())
        });
    }

    /// Cuts one off from all others.
    pub fn cut_off(&self, nth: usize) {
        self.all[nth].ask("POST", "/rest/system/pause").unwrap();
    }

    /// Lets it connect again.
    pub fn join(&self, nth: usize) {
        self.all[nth].ask("POST", "/rest/system/resume").unwrap();
    }
}
