//! Random renamings by random clients of random objects.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::clients::{FOLDER_RENAMES, RENAMES, renamed};
use crate::files::files_below;
use crate::subject::Subject;

/// What a client does to one object.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Rename,
    Duplicate,
    /// It leaves a whole copy, and of the object a part.
    Spoil,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![Just(Deed::Rename), Just(Deed::Duplicate), Just(Deed::Spoil)]
}

#[test]
fn whatever_clients_do_to_names_the_files_are_the_same() {
    let subject = Subject::new();
    let objects = subject.objects("", "");
    let objects: Vec<&String> = objects.iter().filter(|path| *path != "README.txt").collect();
    let deeds =
        prop::collection::vec((any::<prop::sample::Index>(), 0..RENAMES.len(), deed()), 1..9);
    let folder = prop::option::of((0..3_usize, 0..FOLDER_RENAMES.len()));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let run = runner.run(&(deeds, folder), |(deeds, folder)| {
        let mut done = BTreeSet::new();
        for (object, client, deed) in &deeds {
            let object = object.get(&objects);
            let copy = renamed(object, RENAMES[*client].1);
            if !done.insert(object) || copy == ***object || subject.path(&copy).exists() {
                continue;
            }
            let bytes = subject.pristine(object);
            match deed {
                Deed::Rename => subject.rename(object, &copy),
                Deed::Duplicate => subject.write(&copy, bytes),
                Deed::Spoil => {
                    subject.write(&copy, bytes);
                    // A slot that is damaged is told, and the only one.
                    if !object.starts_with("keys/") {
                        subject.write(object, &bytes[..bytes.len() / 3]);
                    }
                }
            }
        }
        if let Some((nth, client)) = folder {
            let folder = ["keys", "log", "data"][nth];
            subject.rename(folder, &FOLDER_RENAMES[client].1(folder));
        }
        let before = files_below(&subject.bench.vault());
        subject.expect_all_well();
        prop_assert!(before.keys().all(|path| subject.path(path).exists()));
        subject.reset();
        subject.forget();
        Ok(())
    });
    run.unwrap();
}
