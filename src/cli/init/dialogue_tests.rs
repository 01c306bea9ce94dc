//! Tests of `dialogue.rs`, with a person who knows how to answer.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::*;
use crate::cli::ask::AskError;

const STRONG: &str = "marmot brazier lectern oxbow";

/// Answers questions in order; where a group of the key is asked for, from the page shown last.
#[derive(Default)]
struct Person {
    answers: VecDeque<&'static str>,
    /// How many groups to get wrong.
    wrong_groups: usize,
    pages: Vec<String>,
    said: String,
    groups_asked: Vec<usize>,
}

impl Person {
    fn answering(answers: &[&'static str]) -> Self {
        Self { answers: answers.iter().copied().collect(), ..Self::default() }
    }

    fn next(&mut self) -> Result<Zeroizing<Vec<u8>>, AskError> {
        let answer = self.answers.pop_front().ok_or(AskError::Ended)?;
        Ok(Zeroizing::new(answer.as_bytes().to_vec()))
    }

    /// The groups on the page shown last.
    fn groups(&self) -> Vec<String> {
        let page = self.pages.last().expect("a page was shown");
        page.lines()
            .filter(|line| line.contains("groups "))
            .flat_map(|line| line.split_whitespace().skip(4).map(str::to_owned))
            .collect()
    }
}

impl Ask for Person {
    fn say(&mut self, text: &str) -> Result<(), AskError> {
        self.said.push_str(text);
        self.said.push('\n');
        Ok(())
    }

    fn line(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        let Some(rest) = prompt.strip_prefix("Group ") else {
            return self.next();
        };
        let number: usize = rest.split(' ').next().unwrap().parse().unwrap();
        self.groups_asked.push(number);
        let mut group = self.groups()[number - 1].clone();
        if self.wrong_groups > 0 {
            self.wrong_groups -= 1;
            group.insert(0, 'x');
        }
        Ok(Zeroizing::new(format!(" {} ", group.to_uppercase()).into_bytes()))
    }

    fn secret(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.next()
    }

    fn show_until_enter(&mut self, text: &str) -> Result<(), AskError> {
        self.pages.push(text.to_owned());
        Ok(())
    }
}

#[test]
fn a_key_counts_once_groups_of_it_were_typed_back() {
    let mut person = Person::answering(&["4", "two", "2"]);
    person.wrong_groups = 2;
    let ways = choose_ways(&mut person).unwrap();
    let key = ways.key.unwrap();
    assert!(ways.password.is_none());
    assert_eq!(person.groups().join(" "), *key.one_line());
    assert_eq!(person.pages.len(), 3, "shown again after each wrong group");
    assert_eq!(person.groups_asked.len(), 2 + GROUPS_ASKED);
    let last: std::collections::BTreeSet<_> = person.groups_asked[2..].iter().copied().collect();
    assert_eq!(last.len(), GROUPS_ASKED, "three different ones");
    assert!(person.said.contains("Please type 1, 2 or 3."));
}

#[test]
fn a_password_is_typed_twice_and_a_weak_one_can_be_replaced() {
    let mut person = Person::answering(&["1", "", "secret", "", STRONG, "other", STRONG, STRONG]);
    let ways = choose_ways(&mut person).unwrap();
    assert_eq!(ways.password.unwrap().bytes(), STRONG.as_bytes());
    assert!(ways.key.is_none());
    for said in ["empty password", "This password is weak", "not the same"] {
        assert!(person.said.contains(said), "{said}");
    }
    assert!(person.answers.is_empty());
}

#[test]
fn a_weak_password_is_taken_from_whoever_insists() {
    let mut person = Person::answering(&["1", "secret", "no", "secret"]);
    let ways = choose_ways(&mut person).unwrap();
    assert_eq!(ways.password.unwrap().bytes(), b"secret");
}

#[test]
fn nothing_but_yes_in_full_is_a_yes() {
    let ways = Ways { key: Some(RecoveryKey::random()), ..Ways::default() };
    let mut person = Person::answering(&["y", "", "sure", "yes"]);
    affirm_saved(&mut person, &ways).unwrap();
    assert!(person.answers.is_empty());
    assert!(person.said.contains("nobody can restore it"));
    let refused = affirm_saved(&mut Person::answering(&["no"]), &ways);
    assert!(matches!(refused, Err(Error::Init(InitError::Declined))));
    let ended = affirm_saved(&mut Person::answering(&["y"]), &ways);
    assert!(matches!(ended, Err(Error::Ask(AskError::Ended))));
}

#[test]
fn the_loss_is_named_at_the_start_and_for_each_way_at_the_end() {
    let mut person = Person::default();
    introduce(&mut person, Path::new("/v")).unwrap();
    assert!(person.said.contains("Nobody can restore"));
    let (password, key) =
        (|| Password::new(Zeroizing::new(b"x".to_vec())).ok(), || Some(RecoveryKey::random()));
    for (password, key, expected) in [
        (password(), None, "the password is lost"),
        (None, key(), "the key is lost"),
        (password(), key(), "both the password and the key are lost"),
    ] {
        let ways = Ways { password, key, key_file: None };
        assert!(words::warning(&ways).contains(expected));
        assert!(words::last_words(Path::new("/v"), &ways).contains("lost the backup"));
    }
}
