//! Log objects and checkpoints: any bytes, and any body under a good seal.
#![no_main]

use hushfs::format::{
    DeviceId, FrontierEntry, LogDraft, LogHash, LogKind, OpenedLog, UnverifiedLog, parse_log_name,
};
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;

/// The places of the sample's log objects, and some more.
fn place(input: &mut Input<'_>) -> (LogKind, DeviceId, u64) {
    let names = sample::OBJECTS.iter().filter_map(|(path, _)| path.strip_prefix("log/"));
    let nth = input.choice(10);
    names.filter_map(parse_log_name).nth(nth).unwrap_or_else(|| {
        let kind = if input.coin() { LogKind::Increment } else { LogKind::Checkpoint };
        (kind, DeviceId(input.u64()), input.u64())
    })
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let is_sealed = input.coin();
    let (kind, device, seq) = place(&mut input);
    let bytes = match is_sealed {
        true => seal::log(kind, device, seq, input.rest()),
        false => input.rest().to_vec(),
    };
    let opened =
        UnverifiedLog::parse(kind, bytes).and_then(|log| log.open(sample::keys(), device, seq));
    match opened {
        Ok(log) => look_at(&log),
        Err(error) => drop(error.to_string()),
    }
});

fn look_at(log: &OpenedLog) {
    assert!(log.published.nanos < 1_000_000_000);
    assert!(log.operations_bytes() <= log.object_bytes);
    let mut frontier = log.frontier.clone();
    for entry in log.frontier.iter() {
        assert_eq!(log.frontier.get(entry.device), Some(entry));
        frontier.advance(FrontierEntry { hash: LogHash::NONE, ..*entry });
    }
    assert_eq!(frontier.iter().count(), log.frontier.iter().count());
    frontier.advance(log.entry());
    assert_eq!(frontier.seq(log.device), log.seq);

    let mut operations = Vec::new();
    for operation in log.operations() {
        match operation {
            Ok(operation) => hushfs::format::encode_operation(&operation, &mut operations),
            Err(error) => drop(error.to_string()),
        }
    }
    let draft = LogDraft {
        device: log.device,
        seq: log.seq,
        previous: log.previous,
        frontier: log.frontier.clone(),
        clock: log.clock,
        kind: log.kind,
        published: log.published,
        device_name: log.device_name.clone(),
        operations,
    };
    let again = UnverifiedLog::parse(log.kind, draft.seal(sample::keys()))
        .and_then(|again| again.open(sample::keys(), log.device, log.seq))
        .unwrap();
    assert_eq!(
        (&again.previous, &again.frontier, again.clock, again.published, &again.device_name),
        (&log.previous, &log.frontier, log.clock, log.published, &log.device_name)
    );
    assert_eq!(again.operations().flatten().count(), log.operations().flatten().count());
}
