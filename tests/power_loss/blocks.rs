//! A file's bytes, shared between copies of the disk until one of them changes.

use std::sync::Arc;

const PAGE_BYTES: usize = 4096;

/// Bytes in pages; a page of zeroes takes no room.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    pages: Vec<Option<Arc<[u8]>>>,
    bytes: usize,
}

impl Blocks {
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Reads from `at` on until `out` is full or the file ends.
    pub fn read(&self, out: &mut [u8], at: usize) -> usize {
        let count = self.bytes.saturating_sub(at).min(out.len());
        let mut done = 0;
        while done < count {
            let (page, within) = ((at + done) / PAGE_BYTES, (at + done) % PAGE_BYTES);
            let piece = (PAGE_BYTES - within).min(count - done);
            let out = &mut out[done..done + piece];
            match &self.pages[page] {
                Some(bytes) => out.copy_from_slice(&bytes[within..within + piece]),
                None => out.fill(0),
            }
            done += piece;
        }
        count
    }

    /// Writes, past the end too.
    pub fn write(&mut self, bytes: &[u8], at: usize) {
        self.set_len(self.bytes.max(at + bytes.len()));
        let mut done = 0;
        while done < bytes.len() {
            let (page, within) = ((at + done) / PAGE_BYTES, (at + done) % PAGE_BYTES);
            let piece = (PAGE_BYTES - within).min(bytes.len() - done);
            let now = &bytes[done..done + piece];
            let slot = &mut self.pages[page];
            if slot.is_some() || now.iter().any(|byte| *byte != 0) {
                let shared = slot.get_or_insert_with(|| Arc::from([0; PAGE_BYTES].as_slice()));
                Arc::make_mut(shared)[within..within + piece].copy_from_slice(now);
            }
            done += piece;
        }
    }

    /// Cuts, or extends with zeroes.
    pub fn set_len(&mut self, bytes: usize) {
        if bytes < self.bytes {
            let within = bytes % PAGE_BYTES;
            if let Some(Some(last)) = self.pages.get_mut(bytes / PAGE_BYTES) {
                Arc::make_mut(last)[within..].fill(0);
            }
        }
        self.pages.resize(bytes.div_ceil(PAGE_BYTES), None);
        self.bytes = bytes;
    }

    /// Pages that are not all zeroes, each with the first bytes of the next one behind it.
    pub fn windows(&self, overlap: usize) -> impl Iterator<Item = Vec<u8>> {
        self.pages.iter().enumerate().filter_map(move |(nth, page)| {
            let mut window = page.as_ref()?.to_vec();
            if let Some(Some(next)) = self.pages.get(nth + 1) {
                window.extend_from_slice(&next[..overlap]);
            }
            Some(window)
        })
    }
}
