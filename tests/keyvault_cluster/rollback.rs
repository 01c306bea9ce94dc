//! An etcd that is put back to an older state, or replaced: guesses would count again.

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::accounts::{AccountError, Accounts};
use hushfs::keyvault::store::StoreError;

use crate::account::{Outcome, guess, left, register};
use crate::etcd::{Etcd, copy_folder};

fn is_rolled_back<T>(outcome: &Result<T, AccountError>) -> bool {
    matches!(outcome, Err(AccountError::Store(StoreError::RolledBack(_))))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_is_refused_until_somebody_takes_it_to_be_right() {
    let Some(mut etcd) = Etcd::start(1) else { return };
    let (server, other) = (etcd.accounts("seen").await, etcd.accounts("other").await);
    let account = register(&server).await;
    etcd.kill(0);
    copy_folder(&etcd.data(0), &etcd.place("copy"));
    etcd.start_machine(0);
    assert_eq!(left(&server, account).await, GUESSES);
    for left in (4..GUESSES).rev() {
        assert_eq!(guess(&server, account).await, Outcome::Taken(left));
    }
    // The other server does nothing, but looks.
    assert_eq!(left(&other, account).await, 4);

    etcd.kill(0);
    std::fs::remove_dir_all(etcd.data(0)).unwrap();
    copy_folder(&etcd.place("copy"), &etcd.data(0));
    etcd.start_machine(0);
    for server in [&server, &other] {
        let refused = loop {
            let told = server.tell(account.id, account.registration).await;
            if !matches!(told, Err(AccountError::Store(StoreError::Unavailable(_)))) {
                break told;
            }
        };
        assert!(is_rolled_back(&refused), "{refused:?}");
        assert!(is_rolled_back(&server.take_guess(account.id, account.registration).await));
    }

    // Also a server that was killed, and although the old copy has gone on meanwhile.
    drop((server, other));
    let newcomer = etcd.accounts("newcomer").await;
    for _ in 0..8 {
        assert!(matches!(guess(&newcomer, account).await, Outcome::Taken(_)));
    }
    drop(newcomer);
    let refused = etcd.open("seen", false).await;
    assert!(matches!(refused, Err(StoreError::RolledBack(_))), "{refused:?}");

    let accepted = Accounts::new(etcd.open("seen", true).await.unwrap());
    assert_eq!(left(&accepted, account).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_is_refused() {
    let Some(etcd) = Etcd::start(1) else { return };
    let Some(other) = Etcd::start(1) else { return };
    let server = etcd.accounts("seen").await;
    register(&server).await;
    drop((server, other.accounts("there").await));
    std::fs::copy(etcd.place("seen"), other.place("seen")).unwrap();
    let refused = other.open("seen", false).await;
    assert!(matches!(refused, Err(StoreError::RolledBack(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_somebody_puts_back_in_etcd_is_refused_by_who_has_seen_it() {
    use hushfs::keyvault::store::{Store, Swap};
    let Some(etcd) = Etcd::start(1) else { return };
    let (server, writer) = (etcd.accounts("seen").await, etcd.accounts("writer").await);
    let account = register(&server).await;
    let old = writer.store().read(account.id).await.unwrap().unwrap().account;
    for left in (7..GUESSES).rev() {
        assert_eq!(guess(&server, account).await, Outcome::Taken(left));
    }
    let now = writer.store().read(account.id).await.unwrap().unwrap();
    let put = writer.store().swap(account.id, Some(now.version), &old).await.unwrap();
    assert_eq!(put, Swap::Done);
    let told = server.tell(account.id, account.registration).await;
    assert!(is_rolled_back(&told), "{told:?}");
    assert!(is_rolled_back(&server.take_guess(account.id, account.registration).await));
    // Others go on.
    let other = register(&server).await;
    assert_eq!(guess(&server, other).await, Outcome::Taken(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_in_etcds_history_until_that_is_compacted() {
    use etcd_client::{Client, GetOptions};
    use hushfs::keyvault::store::EtcdAddress;
    let Some(etcd) = Etcd::start(1) else { return };
    let server = etcd.accounts("seen").await;
    let account = register(&server).await;
    for left in (0..GUESSES).rev() {
        assert_eq!(guess(&server, account).await, Outcome::Taken(left));
    }
    let mut client = Client::connect(etcd.client_urls().collect::<Vec<_>>(), None).await.unwrap();
    let prefix = EtcdAddress::parse(&etcd.name()).unwrap().unwrap().prefix;
    let key = [prefix.as_bytes(), b"account/", &account.id.0].concat();
    let got = client.get(key.clone(), None).await.unwrap();
    let (now, revision) = (got.kvs()[0].value().to_vec(), got.header().unwrap().revision());
    let record = [7; 192];
    let has_record = |bytes: &[u8]| bytes.windows(192).any(|part| part == record);
    assert!(!has_record(&now));
    let before = GetOptions::new().with_revision(revision - 1);
    let got = client.get(key.clone(), Some(before.clone())).await.unwrap();
    assert!(has_record(got.kvs()[0].value()));
    client.compact(revision, None).await.unwrap();
    assert!(client.get(key, Some(before)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_gets_the_same_identity() {
    use hushfs::keyvault::store::Store;
    let Some(etcd) = Etcd::start(3) else { return };
    let (first, second) = (etcd.accounts("first").await, etcd.accounts("second").await);
    let put = first.store().identity(b"first").await.unwrap();
    assert_eq!(put, b"first");
    assert_eq!(second.store().identity(b"second").await.unwrap(), b"first");
}
