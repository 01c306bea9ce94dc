//! A key's QR code: its 64 digits, in capitals, for which QR codes have a denser form.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::format::{KEY_GROUPS, RecoveryKey};

/// Light modules that have to be around a QR code.
pub(super) const QUIET_MODULES: usize = 4;

/// The dark and light modules of a square.
pub(super) struct Modules {
    side: usize,
    dark: Zeroizing<Vec<bool>>,
}

impl Modules {
    /// Of a key. A quarter of the modules may be stained or torn.
    ///
    /// # Panics
    /// Never: 64 digits fit into a QR code of any kind.
    pub(super) fn of(key: &RecoveryKey) -> Self {
        let mut digits = Zeroizing::new(String::with_capacity(64));
        for group in 0..KEY_GROUPS {
            digits.push_str(&key.group(group));
        }
        digits.make_ascii_uppercase();
        let code = QrCode::with_error_correction_level(digits.as_bytes(), EcLevel::Q)
            .expect("64 digits are far less than a QR code holds");
        let side = code.width();
        let dark = code.into_colors().into_iter().map(|module| module == Color::Dark).collect();
        Self { side, dark: Zeroizing::new(dark) }
    }

    /// Modules along each side.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// Whether a module is dark; those outside are light.
    pub(super) fn is_dark(&self, column: usize, row: usize) -> bool {
        column < self.side && row < self.side && self.dark[row * self.side + column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_reads_back_as_the_key_even_if_a_part_of_it_is_lost() {
        let key = RecoveryKey::random();
        let modules = Modules::of(&key);
        let read = |is_lost: &dyn Fn(usize, usize) -> bool| {
            let grid = rqrr::SimpleGrid::from_func(modules.side(), |column, row| {
                modules.is_dark(column, row) && !is_lost(column, row)
            });
            rqrr::Grid::new(grid).decode().unwrap().1
        };
        for text in
            [read(&|_, _| false), read(&|x, y| (14..19).contains(&x) && (14..19).contains(&y))]
        {
            let back = RecoveryKey::parse(&text).unwrap();
            assert_eq!(back.secret().bytes(), key.secret().bytes());
        }
    }
}
