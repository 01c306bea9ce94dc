//! A key sheet as plain text.

use zeroize::Zeroizing;

use super::content::{Sheet, wrapped};
use super::qr::{Modules, QUIET_MODULES};

const LETTERS_IN_LINE: usize = 76;
/// Enough for a whole sheet: a text that grew would leave a copy of the key behind.
const TEXT_BYTES: usize = 32 * 1024;

/// The sheet; its lines fit on a page of plain text.
pub(super) fn text(sheet: &Sheet<'_>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(TEXT_BYTES));
    out.push_str("HUSHFS KEY SHEET\n\n");
    for (head, what) in sheet.heads() {
        out.push_str(&format!("  {head:<9} {what}\n"));
    }
    out.push_str("\nThe 64-digit key:\n\n");
    for (line, digits) in sheet.key.four_lines().lines().enumerate() {
        let first = line * 4 + 1;
        out.push_str(&format!("    groups {first:>2} to {:>2}    ", first + 3));
        out.push_str(digits);
        out.push('\n');
    }
    out.push_str("\nHow to get the files back:\n\n");
    for (nth, step) in (1..).zip(sheet.steps()) {
        for (at, line) in wrapped(&step.what, LETTERS_IN_LINE - 5).iter().enumerate() {
            let head = if at == 0 { format!("  {nth}. ") } else { "     ".to_owned() };
            out.push_str(&format!("{head}{line}\n"));
        }
        if let Some(command) = &step.command {
            out.push_str(&format!("         {command}\n"));
        }
    }
    out.push('\n');
    for line in wrapped(&sheet.warning(), LETTERS_IN_LINE) {
        out.push_str(&format!("{line}\n"));
    }
    out.push_str("\nThe same 64 digits as a QR code:\n\n");
    put_code(&Modules::of(sheet.key), &mut out);
    out
}

/// Two rows of modules in each line; dark modules are what is printed.
fn put_code(modules: &Modules, out: &mut Zeroizing<String>) {
    let end = modules.side() + 2 * QUIET_MODULES;
    let is_dark = |column: usize, row: usize| match (
        column.checked_sub(QUIET_MODULES),
        row.checked_sub(QUIET_MODULES),
    ) {
        (Some(column), Some(row)) => modules.is_dark(column, row),
        _ => false,
    };
    for row in (0..end).step_by(2) {
        for column in 0..end {
            out.push(match (is_dark(column, row), is_dark(column, row + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::RecoveryKey;

    #[test]
    fn a_text_sheet_has_all_that_is_needed_and_its_code_reads_back() {
        let key = RecoveryKey::random();
        let sheet = Sheet {
            vault_name: "chats.vault".to_owned(),
            vault_id: "ab".repeat(16),
            slot: Some("12345678".to_owned()),
            date: "2026-11-24".to_owned(),
            key: &key,
        };
        let text = text(&sheet);
        assert!(text.len() < TEXT_BYTES && text.capacity() == TEXT_BYTES);
        for part in ["chats.vault", "abab", "2026-11-24", "12345678", "hushfs restore chats.vault"]
        {
            assert!(text.contains(part), "{part}: {}", *text);
        }
        for group in 0..16 {
            assert!(text.contains(&*key.group(group)));
        }
        assert!(text.lines().all(|line| line.chars().count() <= LETTERS_IN_LINE));
        let code: Vec<Vec<char>> = text
            .lines()
            .rev()
            .take_while(|line| !line.contains(':'))
            .map(|l| l.chars().collect())
            .collect();
        let code: Vec<Vec<char>> = code.into_iter().rev().skip(1).collect();
        let side = code[0].len() - 2 * QUIET_MODULES;
        let is_dark = |column: usize, row: usize| {
            let (column, row) = (column + QUIET_MODULES, row + QUIET_MODULES);
            match code[row / 2][column] {
                '\u{2588}' => true,
                '\u{2580}' => row % 2 == 0,
                '\u{2584}' => row % 2 == 1,
                _ => false,
            }
        };
        let grid = rqrr::Grid::new(rqrr::SimpleGrid::from_func(side, is_dark));
        let back = RecoveryKey::parse(&grid.decode().unwrap().1).unwrap();
        assert_eq!(back.secret().bytes(), key.secret().bytes());
    }
}
