//! A key sheet as a PDF of one page, with fonts that every viewer has.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use zeroize::Zeroizing;

use super::content::{Sheet, wrapped};
use super::qr::Modules;

/// A4, in points; on US Letter viewers scale it down a little.
const PAGE: (f32, f32) = (595.0, 842.0);
const LEFT: f32 = 62.0;
const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
const DIGITS: Name<'static> = Name(b"F3");
/// Letters of the body's size that fit into a line for sure.
const LETTERS_IN_LINE: usize = 92;
/// The side of the QR code.
const CODE_POINTS: f32 = 150.0;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const ONLY_PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FONTS: [(Name<'static>, Ref, Name<'static>); 3] = [
    (PLAIN, Ref::new(5), Name(b"Helvetica")),
    (BOLD, Ref::new(6), Name(b"Helvetica-Bold")),
    (DIGITS, Ref::new(7), Name(b"Courier-Bold")),
];

/// The sheet.
pub(super) fn bytes(sheet: &Sheet<'_>) -> Zeroizing<Vec<u8>> {
    let content = Zeroizing::new(content(sheet).into_vec());
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([ONLY_PAGE]).count(1);
    let mut page = pdf.page(ONLY_PAGE);
    page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for (name, id, _) in FONTS {
        fonts.pair(name, id);
    }
    fonts.finish();
    resources.finish();
    page.finish();
    for (_, id, base) in FONTS {
        pdf.type1_font(id).base_font(base).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(CONTENT, &content);
    Zeroizing::new(pdf.finish())
}

fn content(sheet: &Sheet<'_>) -> pdf_writer::Buf {
    let mut page = Page { content: Content::new(), top: PAGE.1 - 70.0 };
    page.line(BOLD, 20.0, LEFT, "hushfs key sheet");
    page.skip(10.0);
    for (head, what) in sheet.heads() {
        page.put(BOLD, 10.0, LEFT, head);
        page.line(PLAIN, 10.0, LEFT + 62.0, &what);
    }
    page.skip(16.0);
    page.line(BOLD, 12.0, LEFT, "The 64-digit key, and the same as a QR code");
    page.skip(8.0);
    let code_top = page.top;
    page.skip(36.0);
    for (line, digits) in sheet.key.four_lines().lines().enumerate() {
        let first = line * 4 + 1;
        page.put(PLAIN, 8.0, LEFT, &format!("groups {first} to {}", first + 3));
        page.line(DIGITS, 15.0, LEFT + 70.0, digits);
        page.skip(9.0);
    }
    let modules = Modules::of(sheet.key);
    page.code(&modules, PAGE.0 - LEFT - CODE_POINTS, code_top);
    page.top = code_top - CODE_POINTS - 34.0;
    page.line(BOLD, 12.0, LEFT, "How to get the files back");
    page.skip(4.0);
    for (nth, step) in (1..).zip(sheet.steps()) {
        page.put(BOLD, 10.0, LEFT, &format!("{nth}."));
        for line in wrapped(&step.what, LETTERS_IN_LINE) {
            page.line(PLAIN, 10.0, LEFT + 16.0, &line);
        }
        if let Some(command) = &step.command {
            page.line(DIGITS, 10.0, LEFT + 30.0, command);
        }
        page.skip(5.0);
    }
    page.skip(10.0);
    for line in wrapped(&sheet.warning(), LETTERS_IN_LINE) {
        page.line(PLAIN, 10.0, LEFT, &line);
    }
    page.content.finish()
}

/// A page that is filled from the top.
struct Page {
    content: Content,
    /// Where the next line's letters stand.
    top: f32,
}

impl Page {
    fn put(&mut self, font: Name<'_>, size: f32, left: f32, text: &str) {
        self.content.begin_text().set_font(font, size).next_line(left, self.top);
        self.content.show(Str(&win_ansi(text))).end_text();
    }

    fn line(&mut self, font: Name<'_>, size: f32, left: f32, text: &str) {
        self.put(font, size, left, text);
        self.skip(size * 1.35);
    }

    fn skip(&mut self, points: f32) {
        self.top -= points;
    }

    fn code(&mut self, modules: &Modules, left: f32, top: f32) {
        let side = modules.side();
        // A QR code has at most 177 modules along a side.
        let step = CODE_POINTS / f32::from(u16::try_from(side).unwrap_or(u16::MAX));
        let at = |nth: usize| f32::from(u16::try_from(nth).unwrap_or(u16::MAX)) * step;
        for row in 0..side {
            for column in (0..side).filter(|column| modules.is_dark(*column, row)) {
                self.content.rect(left + at(column), top - at(row + 1), step, step);
            }
        }
        self.content.fill_nonzero();
    }
}

/// A text in the encoding of the fonts; letters that it does not have become question marks.
fn win_ansi(text: &str) -> Zeroizing<Vec<u8>> {
    let byte = |letter: char| match letter {
        ' '..='~' => u8::try_from(letter).unwrap_or(b'?'),
        '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '\u{20ac}' => 0x80,
        '\u{2026}' => 0x85,
        '\u{2018}' => 0x91,
        '\u{2019}' => 0x92,
        '\u{201c}' => 0x93,
        '\u{201d}' => 0x94,
        '\u{2013}' => 0x96,
        '\u{2014}' => 0x97,
        _ => b'?',
    };
    Zeroizing::new(text.chars().map(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::RecoveryKey;

    #[test]
    fn a_pdf_sheet_is_one_page_with_the_key_its_code_and_the_steps() {
        let key = RecoveryKey::random();
        let sheet = Sheet {
            vault_name: "caf\u{e9} \u{2764}".to_owned(),
            vault_id: "ab".repeat(16),
            slot: None,
            date: "2026-11-24".to_owned(),
            key: &key,
        };
        let bytes = bytes(&sheet);
        assert!(bytes.starts_with(b"%PDF-") && bytes.trim_ascii_end().ends_with(b"%%EOF"));
        let text = String::from_utf8_lossy(&bytes);
        for part in ["2026-11-24", "How to get the files back", "hushfs restore", "/Count 1"] {
            assert!(text.contains(part), "{part}");
        }
        for line in key.four_lines().lines() {
            assert!(text.contains(line));
        }
        let dark: usize = {
            let modules = Modules::of(&key);
            let side = modules.side();
            (0..side * side).filter(|at| modules.is_dark(at % side, at / side)).count()
        };
        assert_eq!(text.matches(" re\n").count(), dark);
        assert_eq!(*win_ansi("caf\u{e9} \u{2764}"), *b"caf\xE9 ?");
    }
}
