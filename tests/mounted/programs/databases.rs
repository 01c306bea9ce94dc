//! SQLite, killed and with many writers.

use std::io::Write;
use std::process::{Command, Stdio};

use super::super::bench::Bench;
use super::{is_there, run};

#[test]
fn sqlite_keeps_what_it_committed_over_killed_daemons_in_every_journal_mode() {
    if !is_there("sqlite3") {
        return;
    }
    for mode in ["WAL", "DELETE", "TRUNCATE", "PERSIST"] {
        let Some(bench) = Bench::mounted() else { return };
        let sqlite =
            |statements: &str| run(&bench.mount_point(), "sqlite3", &["chats.db", statements]);
        let set = sqlite(&format!("PRAGMA journal_mode={mode};"));
        assert_eq!(set.trim().to_uppercase(), mode);
        sqlite("CREATE TABLE message (id INTEGER PRIMARY KEY, round INT, text BLOB);");
        for round in 1..=3 {
            sqlite(&format!(
                "PRAGMA synchronous=FULL; BEGIN; \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300) \
                 INSERT INTO message (round, text) SELECT {round}, randomblob(700) FROM n; COMMIT;"
            ));
            bench.kill();
            bench.mount();
            assert_eq!(sqlite("PRAGMA integrity_check;").trim(), "ok", "{mode}, round {round}");
            let count = sqlite("SELECT count(*), max(round) FROM message;");
            assert_eq!(count.trim(), format!("{}|{round}", 300 * round), "{mode}");
        }
        sqlite("DELETE FROM message WHERE id % 2; VACUUM;");
        bench.unmount();
        bench.mount_elsewhere();
        assert_eq!(sqlite("PRAGMA integrity_check;").trim(), "ok", "{mode}");
        assert_eq!(sqlite("SELECT count(*) FROM message;").trim(), "450");
    }
}

#[test]
fn sqlite_serves_several_processes_that_write_at_once() {
    const WRITERS: usize = 4;
    const TRANSACTIONS: usize = 30;
    if !is_there("sqlite3") {
        return;
    }
    for mode in ["WAL", "DELETE"] {
        let Some(bench) = Bench::mounted() else { return };
        let sqlite =
            |statements: &str| run(&bench.mount_point(), "sqlite3", &["chats.db", statements]);
        sqlite(&format!(
            "PRAGMA journal_mode={mode}; CREATE TABLE message (writer INT, nth INT, text BLOB); \
             CREATE TABLE total (count INT); INSERT INTO total VALUES (0);"
        ));
        let start = |statements: String| {
            let mut process = Command::new("sqlite3")
                .args(["-bail", "-cmd", ".timeout 250000", "chats.db"])
                .current_dir(bench.mount_point())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            process.stdin.take().unwrap().write_all(statements.as_bytes()).unwrap();
            process
        };
        let writers = (0..WRITERS).map(|writer| {
            let transactions = (0..TRANSACTIONS).map(|nth| {
                format!(
                    "BEGIN IMMEDIATE; INSERT INTO message VALUES ({writer}, {nth}, \
                     randomblob(900)); UPDATE total SET count = count + 1; COMMIT;\n"
                )
            });
            start(transactions.collect())
        });
        let writers: Vec<_> = writers.collect();
        // Every reader sees whole transactions.
        let asked = "SELECT (SELECT count(*) FROM message) = (SELECT count FROM total);\n";
        let reader = start(asked.repeat(TRANSACTIONS)).wait_with_output().unwrap();
        assert!(reader.status.success());
        assert_eq!(reader.stdout, "1\n".repeat(TRANSACTIONS).into_bytes(), "{mode}");
        for mut writer in writers {
            assert!(writer.wait().unwrap().success(), "{mode}");
        }
        for _ in 0..2 {
            assert_eq!(sqlite("PRAGMA integrity_check;").trim(), "ok", "{mode}");
            let count = sqlite(
                "SELECT count(*), count(DISTINCT writer * 1000 + nth), (SELECT count FROM total) \
                 FROM message;",
            );
            let all = WRITERS * TRANSACTIONS;
            assert_eq!(count.trim(), format!("{all}|{all}|{all}"), "{mode}");
            bench.remount();
        }
    }
}
