//! Memory for keys: one page of its own, locked, out of core dumps, wiped on drop.
#![allow(unsafe_code, reason = "locked pages are not to be had from the global allocator")]

use std::fmt;
use std::ptr;
use std::slice;

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, ProtFlags, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize;

/// Bytes of a [`SecretKey`].
pub const KEY_BYTES: usize = 32;

/// One page is the least that can be locked; every page size in use is a multiple of this.
const PAGE_BYTES: usize = 4096;

/// A 256-bit key in a page of its own, which is kept out of swap and core dumps as far as the
/// system's limits allow, is not inherited by children, and is wiped on drop (I6).
///
/// `Debug` never prints the bytes.
pub struct SecretKey {
    /// Start of a private anonymous mapping of `PAGE_BYTES`, owned by this value alone.
    page: ptr::NonNull<u8>,
}

// SAFETY: the mapping is owned by the value and is only written through `&mut self` or before
// the value is shared; reads through `&self` are plain reads of initialised bytes.
unsafe impl Send for SecretKey {}
// SAFETY: as above; there is no interior mutability.
unsafe impl Sync for SecretKey {}

impl SecretKey {
    /// A key whose bytes `fill` writes straight into the locked page, so that no copy is left
    /// behind elsewhere.
    ///
    /// # Panics
    /// If the system has no page of memory left: there is nothing to continue with.
    pub fn with(fill: impl FnOnce(&mut [u8; KEY_BYTES])) -> Self {
        // SAFETY: a fresh private anonymous mapping at an address of the kernel's choice aliases
        // nothing.
        let mapped = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                PAGE_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        let page = mapped.ok().and_then(|p| ptr::NonNull::new(p.cast::<u8>()));
        let Some(page) = page else { panic!("out of memory: no page for a key") };
        // SAFETY: both calls name exactly the page just mapped. They may be refused
        // (RLIMIT_MEMLOCK, an old kernel); the key then works as before, only less protected.
        unsafe {
            let _ = mlock(page.as_ptr().cast(), PAGE_BYTES);
            #[cfg(target_os = "linux")]
            let _ = madvise(page.as_ptr().cast(), PAGE_BYTES, Advice::LinuxDontDump);
        }
        let mut key = Self { page };
        fill(key.bytes_mut());
        key
    }

    /// A key of 256 bits from the system's random source.
    pub fn random() -> Self {
        Self::with(|bytes| super::random::fill_random(bytes))
    }

    /// The key's bytes; copy them nowhere that outlives the call.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        // SAFETY: the page is mapped, readable, initialised (zeroes from the kernel, then
        // `fill`), at least KEY_BYTES long, and lives as long as `self`.
        unsafe { &*self.page.as_ptr().cast::<[u8; KEY_BYTES]>() }
    }

    fn bytes_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        // SAFETY: as in `bytes`; `&mut self` makes the borrow unique.
        unsafe { &mut *self.page.as_ptr().cast::<[u8; KEY_BYTES]>() }
    }
}

impl Clone for SecretKey {
    /// The same key in a locked page of its own.
    fn clone(&self) -> Self {
        Self::with(|bytes| bytes.copy_from_slice(self.bytes()))
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        // SAFETY: the page is mapped and owned by `self`, and nothing borrows it any more.
        unsafe {
            slice::from_raw_parts_mut(self.page.as_ptr(), PAGE_BYTES).zeroize();
            let _ = munmap(self.page.as_ptr().cast(), PAGE_BYTES);
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_does_not_print_its_bytes() {
        let key = SecretKey::with(|b| b.fill(0xAB));
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
        assert_eq!(key.bytes(), &[0xAB; KEY_BYTES]);
    }

    #[test]
    fn two_random_keys_differ() {
        assert_ne!(SecretKey::random().bytes(), SecretKey::random().bytes());
    }
}
