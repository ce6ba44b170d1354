//! Blanks comments and literals, so that a rule never trips over a word inside one.

/// The text with comments and the insides of literals turned into spaces; lines stay where they are.
pub(crate) fn blank(text: &str) -> String {
    let mut blanker = Blanker {
        chars: text.chars().collect(),
        at: 0,
        out: String::with_capacity(text.len()),
    };
    while let Some(c) = blanker.peek(0) {
        match (c, blanker.peek(1)) {
            ('/', Some('/')) => blanker.hide_while(|rest| !rest.starts_with(&['\n'])),
            ('/', Some('*')) => blanker.hide_while(|rest| !rest.starts_with(&['*', '/'])),
            ('"', _) => blanker.hide_string(),
            ('r', Some('#' | '"')) => blanker.hide_raw_string(),
            ('\'', Some('\\')) => blanker.hide_character(3),
            ('\'', Some(_)) if blanker.peek(2) == Some('\'') => blanker.hide_character(2),
            _ => blanker.keep(),
        }
    }
    blanker.out
}

struct Blanker {
    chars: Vec<char>,
    at: usize,
    out: String,
}

impl Blanker {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.out.extend(self.peek(0));
        self.at += 1;
    }

    fn hide(&mut self) {
        self.out
            .extend(self.peek(0).map(|c| if c == '\n' { c } else { ' ' }));
        self.at += 1;
    }

    fn hide_while(&mut self, goes_on: impl Fn(&[char]) -> bool) {
        while self
            .chars
            .get(self.at..)
            .is_some_and(|rest| !rest.is_empty() && goes_on(rest))
        {
            self.hide();
        }
    }

    fn hide_string(&mut self) {
        self.keep();
        while self.peek(0).is_some_and(|c| c != '"') {
            if self.peek(0) == Some('\\') {
                self.hide();
            }
            self.hide();
        }
        self.keep();
    }

    /// `r"…"` and `r#"…"#`; a raw identifier is kept.
    fn hide_raw_string(&mut self) {
        self.keep();
        let hashes = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|c| **c == '#')
            .count();
        if self.peek(hashes) != Some('"') {
            return;
        }
        let close: Vec<char> = std::iter::once('"')
            .chain(std::iter::repeat_n('#', hashes))
            .collect();
        self.at += hashes + 1;
        self.hide_while(|rest| !rest.starts_with(&close));
        self.at += close.len();
    }

    /// A character literal whose closing quote is `least` or more characters away.
    fn hide_character(&mut self, least: usize) {
        for _ in 0..least {
            self.hide();
        }
        self.hide_while(|rest| !rest.starts_with(&['\'']));
        self.hide();
    }
}

#[test]
fn comments_and_literals_are_blanked_and_lines_stay() {
    let text = "a /* { */ \"}\\\"}\" b // {\nr#\"\"}\"# 'x' '\\n' '{' &'life c\n";
    let blanked = blank(text);
    assert_eq!(blanked.matches(['{', '}']).count(), 0, "{blanked}");
    assert_eq!(blanked.lines().count(), text.lines().count());
    let words: Vec<&str> = blanked
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    assert_eq!(words, ["a", "b", "r", "life", "c"]);
}
