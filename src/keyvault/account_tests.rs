//! Random histories of one account against a plain count of what was guessed.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::crypto::{MasterKey, VaultId};

/// What can happen; indices are into what the history has made so far.
#[derive(Clone, Debug)]
enum Step {
    Register,
    /// The same record again, as a client does that got no answer.
    RegisterAgain(usize),
    Commit(usize),
    Unregister,
    Take(usize),
    /// The client of a guess shows that it was right.
    Right(usize),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Register),
        1 => any::<usize>().prop_map(Step::RegisterAgain),
        2 => any::<usize>().prop_map(Step::Commit),
        1 => Just(Step::Unregister),
        12 => any::<usize>().prop_map(Step::Take),
        2 => any::<usize>().prop_map(Step::Right),
        1 => Just(Step::Restore),
    ]
}

fn record(nth: usize) -> Record {
    let byte = u8::try_from(nth % 251).unwrap();
    Record { registration: RegistrationId([byte; 16]), upload: [byte; RECORD_BYTES] }
}

fn account() -> Account {
    Account::new(MasterKey::random().account_key(&VaultId::random()).public_key())
}

fn with_active(record: &Record) -> Account {
    let account = account().register(record.clone()).unwrap();
    account.commit(record.registration).unwrap().unwrap()
}

fn records_in(account: &Account) -> Vec<RegistrationId> {
    let pending = account.pending.iter().map(|pending| &pending.record);
    account.active.iter().chain(pending).map(|record| record.registration).collect()
}

/// What is remembered beside the account, without looking into it.
#[derive(Default)]
struct Watcher {
    /// Guesses at each registration since the last right one of the account.
    guessed: BTreeMap<RegistrationId, u32>,
}

impl Watcher {
    /// Every guess counts for every record that was there: which one the guesser means shows to nobody.
    fn take(&mut self, registration: RegistrationId) {
        *self.guessed.entry(registration).or_default() += 1;
    }
}

fn check(before: &Account, after: &Account) {
    assert!(after.can_follow(&before.moment()));
    assert!(after.is_possible(), "{after:?}");
    assert_eq!(Account::from_bytes(&after.to_bytes()).as_ref(), Some(after));
    assert!(after.to_bytes().len() <= ACCOUNT_BYTES_MAX);
}

proptest! {
    #[test]
    fn no_history_gives_a_guess_too_many(steps in proptest::collection::vec(step(), 1..120)) {
        let mut account = account();
        let mut registered: Vec<Record> = Vec::new();
        let mut guesses: Vec<Guess> = Vec::new();
        let mut watcher = Watcher::default();
        for step in steps {
            let before = account.clone();
            let pick = |nth: usize, count: usize| (count > 0).then(|| nth % count.max(1));
            match step {
                Step::Register => {
                    let record = record(registered.len());
                    registered.push(record.clone());
                    account = account.register(record.clone()).unwrap();
                    prop_assert_eq!(account.standing(record.registration), Standing::Pending);
                    // What could be opened before can be opened still.
                    if let Some(active) = &before.active {
                        let standing = account.standing(active.registration);
                        prop_assert_eq!(standing, Standing::Registered);
                        prop_assert_eq!(account.guesses_left, before.guesses_left);
                    }
                }
                Step::RegisterAgain(nth) => {
                    let Some(nth) = pick(nth, registered.len()) else { continue };
                    let record = registered[nth].clone();
                    if let Some(next) = account.register(record.clone()) {
                        // Not there any more: it counts as another one from here on.
                        prop_assert!(!records_in(&before).contains(&record.registration));
                        watcher.guessed.remove(&record.registration);
                        account = next;
                    }
                }
                Step::Commit(nth) => {
                    let Some(nth) = pick(nth, registered.len()) else { continue };
                    let registration = registered[nth].registration;
                    match account.commit(registration) {
                        Ok(Some(next)) => {
                            prop_assert_eq!(records_in(&next), [registration]);
                            account = next;
                        }
                        Ok(None) => {
                            prop_assert_eq!(account.standing(registration), Standing::Registered);
                        }
                        Err(_) => prop_assert!(!records_in(&account).contains(&registration)),
                    }
                }
                Step::Unregister => {
                    if let Some(next) = account.unregister() {
                        account = next;
                    }
                    prop_assert!(records_in(&account).is_empty() && !account.destroyed);
                }
                Step::Take(nth) => {
                    let Some(nth) = pick(nth, registered.len()) else { continue };
                    let registration = registered[nth].registration;
                    match account.take_guess(registration) {
                        Ok((next, guess)) => {
                            prop_assert_eq!(&guess.record, &registered[nth]);
                            prop_assert_eq!(next.guesses_left + 1, before.guesses_left);
                            prop_assert_eq!(next.destroyed, next.guesses_left == 0);
                            watcher.take(registration);
                            guesses.push(guess);
                            account = next;
                        }
                        Err(_) => prop_assert!(!records_in(&account).contains(&registration)),
                    }
                }
                Step::Right(nth) => {
                    let Some(nth) = pick(nth, guesses.len()) else { continue };
                    let guess = guesses.swap_remove(nth);
                    if let Ok(next) = account.guessed_right(&guess) {
                        prop_assert_eq!(next.guesses_left, GUESSES);
                        prop_assert_eq!(
                            next.standing(guess.record.registration),
                            Standing::Registered
                        );
                        watcher.guessed.clear();
                        account = next;
                    }
                }
                Step::Restore => {
                    account = account.restored();
                    prop_assert!(account.guesses_left <= before.guesses_left);
                    prop_assert!(account.guesses_left <= RESTORED_GUESSES);
                }
            }
            if account != before {
                check(&before, &account);
            }
            for (registration, count) in &watcher.guessed {
                prop_assert!(*count <= u32::from(GUESSES), "{registration}: {count} guesses");
            }
            // The count goes up by a right password, or once what was guessed at is gone.
            if account.guesses_left > before.guesses_left {
                let now = records_in(&account);
                let stays = records_in(&before).iter().any(|before| now.contains(before));
                let is_earned = matches!(step, Step::Right(_));
                let spent = now.iter().filter_map(|registration| watcher.guessed.get(registration));
                let spent = spent.copied().max().unwrap_or_default();
                prop_assert!(
                    is_earned || !stays || u32::from(account.guesses_left) + spent
                        <= u32::from(GUESSES)
                );
            }
        }
    }

    #[test]
    fn any_bytes_are_an_account_that_can_be_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Some(account) = Account::from_bytes(&bytes) {
            prop_assert!(account.is_possible());
        }
    }
}

#[test]
fn ten_wrong_guesses_erase_the_record_in_the_step_that_takes_the_last() {
    let record = record(1);
    let mut account = with_active(&record);
    for left in (0..GUESSES).rev() {
        let (next, guess) = account.take_guess(record.registration).unwrap();
        assert_eq!((guess.guesses_left, next.guesses_left()), (left, left));
        account = next;
    }
    assert!(account.is_destroyed());
    let is_in = |needle: &[u8]| account.to_bytes().windows(needle.len()).any(|it| it == needle);
    assert!(!is_in(&record.upload[..8]));
    assert_eq!(account.take_guess(record.registration).unwrap_err(), Refusal::Destroyed);
    assert_eq!(account.commit(record.registration).unwrap_err(), Refusal::Destroyed);
}

#[test]
fn a_right_last_guess_brings_the_record_back_and_no_other_one_does() {
    let record = record(1);
    let mut account = with_active(&record);
    let mut guesses = Vec::new();
    while !account.is_destroyed() {
        let (next, guess) = account.take_guess(record.registration).unwrap();
        account = next;
        guesses.push(guess);
    }
    let last = guesses.pop().unwrap();
    for guess in &guesses {
        assert_eq!(account.guessed_right(guess), Err(Refusal::Destroyed));
    }
    let back = account.guessed_right(&last).unwrap();
    assert_eq!(back.standing(record.registration), Standing::Registered);
    assert_eq!(back.guesses_left(), GUESSES);
    let moved_on = account.restored();
    assert_eq!(moved_on.guessed_right(&last), Err(Refusal::Destroyed));
}

#[test]
fn a_log_in_with_the_pending_record_commits_it_and_one_with_the_old_one_does_not() {
    let (old, new) = (record(1), record(2));
    let mut account = with_active(&old);
    account = account.register(new.clone()).unwrap();
    let (taken, guess) = account.take_guess(old.registration).unwrap();
    let by_old = taken.guessed_right(&guess).unwrap();
    assert_eq!(records_in(&by_old), [old.registration, new.registration]);
    let (taken, guess) = by_old.take_guess(new.registration).unwrap();
    let by_new = taken.guessed_right(&guess).unwrap();
    assert_eq!(records_in(&by_new), [new.registration]);
    assert_eq!(by_new.take_guess(old.registration).unwrap_err(), Refusal::Gone);
}

#[test]
fn registering_often_gives_no_more_guesses_at_what_is_there() {
    let first = record(1);
    let mut account = with_active(&first);
    let mut taken = 0;
    for nth in 2.. {
        account = account.register(record(nth)).unwrap();
        let Ok((next, _)) = account.take_guess(first.registration) else { break };
        account = next;
        taken += 1;
        if account.is_destroyed() {
            break;
        }
    }
    assert_eq!(taken, GUESSES);
}

#[test]
fn a_pending_record_that_was_guessed_at_starts_with_what_that_left() {
    let (old, new) = (record(1), record(2));
    let mut account = with_active(&old);
    for _ in 0..6 {
        account = account.take_guess(old.registration).unwrap().0;
    }
    account = account.register(new.clone()).unwrap();
    for _ in 0..3 {
        account = account.take_guess(new.registration).unwrap().0;
    }
    account = account.commit(new.registration).unwrap().unwrap();
    assert_eq!(account.guesses_left(), GUESSES - 3);
}

#[test]
fn an_account_that_lost_or_gained_a_byte_is_none() {
    let bytes = account().register(record(1)).unwrap().to_bytes();
    assert!(Account::from_bytes(&bytes).is_some());
    assert!(Account::from_bytes(&bytes[..bytes.len() - 1]).is_none());
    assert!(Account::from_bytes(&[&bytes[..], &[0]].concat()).is_none());
    assert!(Account::from_bytes(&[&[2], &bytes[1..]].concat()).is_none());
}
