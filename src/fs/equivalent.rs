//! Names in the forms that Unicode calls canonically equivalent (UAX #15): “é” is one code point to
//! Linux and Windows (NFC), and two to some programs of macOS (NFD).

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use unicode_normalization::{UnicodeNormalization, is_nfc, is_nfd};

use crate::format::Ino;

use super::file_system::FileSystem;
use super::live::Live;

/// Whether a name that is not there is looked for in its other forms.
#[derive(Debug, Default)]
pub(super) struct NameForms(AtomicBool);

impl FileSystem {
    /// From now on a name stands for an entry that has it in another form, where no entry has it
    /// as it is: composed (NFC) and decomposed (NFD). What is stored stays as it was given.
    pub fn equate_name_forms(&self) {
        self.name_forms.0.store(true, Ordering::Relaxed);
    }

    /// Whether one entry may go by several names: what a name stands for can then change by way of
    /// another one, and whoever remembers it must ask again each time.
    pub fn equates_name_forms(&self) -> bool {
        self.name_forms.0.load(Ordering::Relaxed)
    }

    /// The name of the entry of `folder` that `name` stands for; `name` itself if there is none.
    pub(super) fn entry_name<'a>(&self, live: &Live, folder: Ino, name: &'a [u8]) -> Cow<'a, [u8]> {
        if self.equates_name_forms()
            && !name.is_ascii()
            && let Ok(text) = str::from_utf8(name)
            && live.tree.lookup(folder, name).is_err()
        {
            let forms = [
                (!is_nfc(text)).then(|| text.nfc().collect::<String>()),
                (!is_nfd(text)).then(|| text.nfd().collect::<String>()),
            ];
            let mut forms = forms.into_iter().flatten();
            let there = forms.find(|form| live.tree.lookup(folder, form.as_bytes()).is_ok());
            if let Some(form) = there {
                return Cow::Owned(form.into_bytes());
            }
        }
        Cow::Borrowed(name)
    }
}
