use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::{Barrier, mpsc};
use std::thread::{self, JoinHandle};

use proptest::prelude::*;

use super::*;

/// A device whose requests are single bytes: each says how it is to be answered.
struct Device {
    listening: Arc<Listening>,
    requests: Arc<PipeReader>,
    /// Threads that sleep in the device, or are about to.
    inside: Arc<AtomicUsize>,
    /// The most there were at a time.
    most: Arc<AtomicUsize>,
}

impl Device {
    fn new() -> (Self, PipeWriter) {
        let (requests, client) = std::io::pipe().expect("pipes are to be had");
        let polled = requests.try_clone().expect("so are descriptors");
        let listening = Listening::new(polled.into());
        let requests = Arc::new(requests);
        (Self { listening, requests, inside: Arc::default(), most: Arc::default() }, client)
    }

    /// A thread that answers requests until the device is gone, and how many it was given.
    fn serve(
        &self,
        mut answer: impl FnMut(u8) -> Pace + Send + 'static,
        after: impl Fn(u8) + Send + 'static,
    ) -> JoinHandle<usize> {
        let (listening, requests) = (self.listening.clone(), self.requests.clone());
        let (inside, most) = (self.inside.clone(), self.most.clone());
        thread::spawn(move || {
            let mut answered = 0;
            loop {
                let mut request = [0];
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let read = (&*requests).read(&mut request).expect("a pipe can be read");
                inside.fetch_sub(1, Ordering::SeqCst);
                if read == 0 {
                    return answered;
                }
                let answering = listening.begin(answer(request[0]));
                after(request[0]);
                drop(answering);
                answered += 1;
            }
        })
    }
}

fn total(threads: Vec<JoinHandle<usize>>) -> usize {
    threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
}

#[test]
fn once_each_has_answered_only_one_thread_waits_in_the_kernel() {
    let (device, mut client) = Device::new();
    let all_answer = Arc::new(Barrier::new(4));
    let (tell, told) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (tell, all_answer) = (tell.clone(), all_answer.clone());
            device.serve(
                |request| if request == 1 { Pace::Long } else { Pace::Quick },
                move |request| {
                    if request == 1 {
                        all_answer.wait();
                    }
                    tell.send(()).expect("heard");
                },
            )
        })
        .collect();
    client.write_all(&[1; 4]).expect("threads read");
    (0..4).for_each(|_| told.recv().expect("an answer"));
    device.most.store(0, Ordering::SeqCst);
    for _ in 0..1_000 {
        client.write_all(&[0]).expect("threads read");
        told.recv().expect("an answer");
    }
    assert_eq!(device.most.load(Ordering::SeqCst), 1);
    drop(client);
    assert_eq!(total(threads), 1_004);
}

#[test]
fn a_request_that_takes_long_lets_another_thread_listen() {
    waits_for_the_next_request(Pace::Long);
}

#[test]
fn a_request_that_takes_longer_than_was_thought_is_overtaken() {
    waits_for_the_next_request(Pace::Quick);
    waits_for_the_next_request(Pace::Reads);
    waits_for_the_next_request(Pace::Syncs);
}

/// Request 1, of this pace, is answered only when request 2 has been.
fn waits_for_the_next_request(pace: Pace) {
    let (device, mut client) = Device::new();
    let (answered, next) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let next = Arc::new(Mutex::new(next));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (next, answered, tell) = (next.clone(), answered.clone(), tell.clone());
            device.serve(
                move |request| if request == 1 { pace } else { Pace::Quick },
                move |request| {
                    if request == 1 {
                        next.lock().expect("no panic").recv().expect("an answer");
                    }
                    tell.send(request).expect("heard");
                    if request == 2 {
                        answered.send(()).expect("heard");
                    }
                },
            )
        })
        .collect();
    for round in 0..20 {
        // Until threads are parked, and then from both a sleeping listener and one that looks.
        for _ in 0..round {
            client.write_all(&[0]).expect("threads read");
            told.recv().expect("an answer");
        }
        client.write_all(&[1, 2]).expect("threads read");
        assert_eq!([told.recv(), told.recv()].map(|told| told.expect("an answer")), [2, 1]);
    }
    drop(client);
    assert_eq!(total(threads), (0..20).sum::<usize>() + 40);
}

#[test]
fn when_the_device_goes_all_threads_end() {
    for parked in [false, true] {
        let (device, mut client) = Device::new();
        let (tell, told) = mpsc::channel();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let tell = tell.clone();
                device.serve(|_| Pace::Quick, move |_| tell.send(()).expect("heard"))
            })
            .collect();
        for _ in 0..if parked { 1_000 } else { 0 } {
            client.write_all(&[0]).expect("threads read");
            told.recv().expect("an answer");
        }
        drop(client);
        total(threads);
    }
}

#[test]
fn a_thread_that_panics_leaves_listening_to_another() {
    let (device, mut client) = Device::new();
    let (tell, told) = mpsc::channel();
    let mut threads: Vec<_> = (0..2)
        .map(|_| {
            let tell = tell.clone();
            device.serve(
                |_| Pace::Quick,
                move |request| {
                    tell.send(()).expect("heard");
                    assert_eq!(request, 0, "on purpose");
                },
            )
        })
        .collect();
    for request in [0, 0, 0, 0, 1, 0, 0] {
        client.write_all(&[request]).expect("threads read");
        told.recv().expect("an answer");
    }
    drop(client);
    let ended: Vec<_> = threads.drain(..).map(JoinHandle::join).collect();
    assert_eq!(ended.iter().filter(|ended| ended.is_err()).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_request_is_answered_once(
        requests in prop::collection::vec(0..8_u8, 1..2_000),
        threads in 1..5_usize,
        together in 1..6_usize,
    ) {
        let (device, mut client) = Device::new();
        let answer = |request| match request {
            0..4 => Pace::Quick,
            4..6 => Pace::Reads,
            6 => Pace::Syncs,
            _ => Pace::Long,
        };
        let (tell, told) = mpsc::channel();
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                let tell = tell.clone();
                let after = move |request| {
                    if request % 2 == 1 {
                        thread::yield_now();
                    }
                    tell.send(request).expect("heard");
                };
                device.serve(answer, after)
            })
            .collect();
        let mut answered = vec![];
        for some in requests.chunks(together) {
            client.write_all(some).expect("threads read");
            answered.extend(some.iter().map(|_| told.recv().expect("an answer")));
        }
        drop(client);
        prop_assert_eq!(total(threads), requests.len());
        let (mut asked, mut answered) = (requests, answered);
        asked.sort_unstable();
        answered.sort_unstable();
        prop_assert_eq!(asked, answered);
    }
}
