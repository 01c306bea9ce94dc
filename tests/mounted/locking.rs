//! `hushfs lock`: in a namespace of its own, since it takes every mount there is.

use super::bench::Bench;
use super::namespace;

#[test]
fn all_mounts_are_locked_but_those_in_use_whose_users_are_named() {
    let Some(bench) = Bench::empty() else { return };
    if !namespace::is_possible() {
        return;
    }
    let script = r#"
    cd "$1"
    export XDG_STATE_HOME=$1/state
    for vault in one two three; do
        hushfs init --yes --key-file $vault.key $vault
        mkdir -p mnt-$vault
        hushfs mount --key-file $vault.key $vault mnt-$vault
        echo text >mnt-$vault/file
    done
    # One is mounted within another.
    mkdir mnt-one/inner
    hushfs unmount mnt-three
    hushfs mount --key-file three.key three mnt-one/inner
    sleep 1000 <mnt-two/file &
    holder=$!
    code=0
    hushfs lock >out 2>err || code=$?
    test $code = 13
    grep "process $holder): $1/mnt-two/file" err
    grep "1 of 3 are not locked" err
    grep "^locked $1/mnt-one$" out
    grep "^locked $1/mnt-one/inner$" out
    test "$(findmnt --types fuse.hushfs --noheadings --output TARGET)" = "$1/mnt-two"
    kill $holder
    wait $holder || true
    test "$(hushfs lock)" = "locked $1/mnt-two"
    test "$(hushfs lock)" = "no vault is mounted"
    hushfs cat --key-file three.key three file | grep text
    hushfs cat --key-file two.key two file | grep text
    "#;
    namespace::assert_runs(script, &[&bench.folder()]);
}
