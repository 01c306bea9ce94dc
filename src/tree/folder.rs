//! The entries of one folder: found by name, listed in a stable order.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// An inode, as a place in the tree's table of inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct InodeSlot(pub(super) u32);

/// Where in a listing an entry stands. It stays the same as long as the entry does, whatever
/// else comes and goes, so a listing in progress sees each unchanged entry exactly once.
pub(super) type Cookie = u32;

#[derive(Debug)]
struct Entry {
    /// Empty where the entry is gone.
    name: Box<[u8]>,
    child: InodeSlot,
    cookie: Cookie,
}

/// The entries of one folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// The folder it is in; the root is in itself.
    pub(super) parent: InodeSlot,
    /// How many of its entries are folders.
    pub(super) subfolders: u32,
    /// By ascending cookie; entries that are gone leave a gap until there are many.
    entries: Vec<Entry>,
    gaps: u32,
    next_cookie: Cookie,
    /// Places in `entries`, by hash of the name.
    index: HashTable<u32>,
}

/// Entries that are gone are swept out when there are more than this many, and more than others.
const GAPS_KEPT: u32 = 32;

impl Folder {
    /// An empty folder in `parent`.
    pub(super) fn new(parent: InodeSlot) -> Self {
        Self {
            parent,
            subfolders: 0,
            entries: Vec::new(),
            gaps: 0,
            next_cookie: 0,
            index: HashTable::new(),
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The entry called `name`.
    pub(super) fn find(&self, hasher: &DefaultHashBuilder, name: &[u8]) -> Option<InodeSlot> {
        self.place(hasher, name).map(|place| self.entries[place as usize].child)
    }

    /// Adds an entry whose name is not taken; gives its cookie. `moved` is told the new cookie
    /// of every entry in the rare case (once in 2^32 entries) that all are numbered anew.
    pub(super) fn add(
        &mut self,
        hasher: &DefaultHashBuilder,
        name: &[u8],
        child: InodeSlot,
        moved: &mut impl FnMut(InodeSlot, Cookie),
    ) -> Cookie {
        if self.next_cookie == Cookie::MAX {
            self.sweep(hasher);
            for (place, entry) in self.entries.iter_mut().enumerate() {
                entry.cookie = place as Cookie;
                moved(entry.child, entry.cookie);
            }
            self.next_cookie = self.entries.len() as Cookie;
        }
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let place = self.entries.len() as u32;
        if self.entries.len() == self.entries.capacity() {
            // A quarter more, not double: folders are most of what a large vault takes in memory.
            self.entries.reserve_exact(self.entries.len() / 4 + 4);
        }
        self.entries.push(Entry { name: name.into(), child, cookie });
        let entries = &self.entries;
        self.index.insert_unique(hasher.hash_one(name), place, |place| {
            hasher.hash_one(&*entries[*place as usize].name)
        });
        cookie
    }

    /// Points the entry called `name` at another inode; gives the entry's cookie.
    pub(super) fn replace(
        &mut self,
        hasher: &DefaultHashBuilder,
        name: &[u8],
        child: InodeSlot,
    ) -> Option<Cookie> {
        let place = self.place(hasher, name)?;
        let entry = &mut self.entries[place as usize];
        entry.child = child;
        Some(entry.cookie)
    }

    /// Takes the entry called `name` away.
    pub(super) fn remove(&mut self, hasher: &DefaultHashBuilder, name: &[u8]) -> Option<InodeSlot> {
        let entries = &self.entries;
        let found = self
            .index
            .find_entry(hasher.hash_one(name), |place| &*entries[*place as usize].name == name);
        let (place, _) = found.ok()?.remove();
        let entry = &mut self.entries[place as usize];
        entry.name = Box::default();
        let child = entry.child;
        self.gaps += 1;
        if self.gaps > GAPS_KEPT && self.gaps as usize > self.index.len() {
            self.sweep(hasher);
        }
        Some(child)
    }

    /// Entries whose cookie is at least `from`, in order: cookie, name, inode.
    pub(super) fn list_from(
        &self,
        from: Cookie,
    ) -> impl Iterator<Item = (Cookie, &[u8], InodeSlot)> {
        let start = self.entries.partition_point(|entry| entry.cookie < from);
        self.entries[start..]
            .iter()
            .filter(|entry| !entry.name.is_empty())
            .map(|entry| (entry.cookie, &*entry.name, entry.child))
    }

    /// The cookie that the next new entry gets.
    pub(super) fn next_cookie(&self) -> Cookie {
        self.next_cookie
    }

    /// The name of the entry with that cookie.
    pub(super) fn name_at(&self, cookie: Cookie) -> Option<&[u8]> {
        let place = self.entries.binary_search_by_key(&cookie, |entry| entry.cookie).ok()?;
        Some(&*self.entries[place].name).filter(|name| !name.is_empty())
    }

    fn place(&self, hasher: &DefaultHashBuilder, name: &[u8]) -> Option<u32> {
        let is_it = |place: &u32| &*self.entries[*place as usize].name == name;
        self.index.find(hasher.hash_one(name), is_it).copied()
    }

    /// Closes the gaps. Cookies stay.
    fn sweep(&mut self, hasher: &DefaultHashBuilder) {
        self.entries.retain(|entry| !entry.name.is_empty());
        self.entries.shrink_to(self.entries.len() + self.entries.len() / 4 + 4);
        self.gaps = 0;
        self.index = HashTable::with_capacity(self.entries.len());
        let entries = &self.entries;
        for (place, entry) in entries.iter().enumerate() {
            self.index.insert_unique(hasher.hash_one(&*entry.name), place as u32, |place| {
                hasher.hash_one(&*entries[*place as usize].name)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_sees_each_unchanged_entry_once_while_others_come_and_go() {
        let hasher = DefaultHashBuilder::default();
        let mut folder = Folder::new(InodeSlot(0));
        let mut unmoved = |_: InodeSlot, _: Cookie| panic!("nothing is numbered anew");
        for i in 0..1000u32 {
            let name = format!("keep-{i}");
            folder.add(&hasher, name.as_bytes(), InodeSlot(i), &mut unmoved);
            folder.add(&hasher, format!("drop-{i}").as_bytes(), InodeSlot(i), &mut unmoved);
        }
        let mut seen = Vec::new();
        let mut from = 0;
        let mut round = 0;
        let after = |folder: &Folder, from| {
            let mut rest = folder.list_from(from);
            rest.next().map(|(cookie, name, _)| (cookie, name.to_vec()))
        };
        while let Some((cookie, name)) = after(&folder, from) {
            if name.starts_with(b"keep") {
                seen.push(name);
            }
            from = cookie + 1;
            let gone = format!("drop-{}", (round * 37) % 1000);
            folder.remove(&hasher, gone.as_bytes());
            if round < 1000 {
                let name = format!("new-{round}");
                folder.add(&hasher, name.as_bytes(), InodeSlot(1), &mut unmoved);
            }
            round += 1;
        }
        let kept: Vec<_> = (0..1000).map(|i| format!("keep-{i}").into_bytes()).collect();
        assert_eq!(seen, kept);
    }

    #[test]
    fn cookies_that_run_out_are_numbered_anew() {
        let hasher = DefaultHashBuilder::default();
        let mut folder = Folder::new(InodeSlot(0));
        folder.next_cookie = Cookie::MAX - 1;
        let mut told = Vec::new();
        folder.add(&hasher, b"a", InodeSlot(1), &mut |_, _| {});
        let cookie = folder.add(&hasher, b"b", InodeSlot(2), &mut |slot, c| told.push((slot, c)));
        assert_eq!((cookie, told), (1, vec![(InodeSlot(1), 0)]));
        assert_eq!(folder.name_at(1), Some(&b"b"[..]));
    }
}
