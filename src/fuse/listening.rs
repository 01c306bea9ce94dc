//! Which thread waits for the kernel's next request.
//!
//! One at a time does: the listener. After each answer it looks for the next request again and
//! again for a moment before it sleeps in the kernel, since waking a thread can cost several times
//! what most requests do. All others are parked here: a thread that sleeps in the kernel would be
//! woken for every request, the listener's too. A request that takes long lets another one listen.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long the listener looks before it sleeps: some times what a client needs between two
/// requests, and little where nobody asks for anything.
const LOOKING: Duration = Duration::from_micros(50);
/// A request that takes as long as this has another thread listen, whatever it was thought to be.
const LONG: Duration = Duration::from_millis(2);
/// After a request that came while a disk was waited for, there are several clients for so many more:
/// then all threads sleep in the kernel, which is quicker than to park and wake them in turn.
const CROWD: u32 = 64;

/// What is expected of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Memory alone is needed: over before another thread would be awake.
    Quick,
    /// May read from a disk: another thread listens if there is more than one client.
    Reads,
    /// Waits for a disk: the same, and what the disk has to do is not kept waiting.
    Syncs,
    /// Takes its time.
    Long,
}

impl Pace {
    fn is_of_disks(self) -> bool {
        matches!(self, Self::Reads | Self::Syncs)
    }
}

/// What the threads of one session share.
pub(super) struct Listening {
    device: OwnedFd,
    state: Mutex<State>,
    changed: Condvar,
    /// Odd while the listener answers a request without letting another one listen.
    answering: AtomicU64,
    /// Whether the watch over the listener is suspended: to be woken at its next request.
    unwatched: AtomicBool,
    /// For how many more requests there are likely to be several clients.
    crowd: AtomicU32,
    looking: Duration,
}

#[derive(Default)]
struct State {
    /// Some thread listens, or has been asked to.
    listens: bool,
    /// One of those that are parked is to listen.
    asked: bool,
    parked: usize,
    /// One of those that are parked minds how long the listener takes.
    watched: bool,
}

thread_local! {
    static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) };
}

/// A thread that has answered a request. If it ends while it is the listener, whoever is parked
/// listens, and finds out why.
struct Seat {
    listening: Arc<Listening>,
    listens: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.listens {
            self.listening.hand_on();
        }
    }
}

/// A request that is being answered; to be dropped after its reply.
pub(super) struct Answering<'a> {
    listening: &'a Arc<Listening>,
    pace: Pace,
    /// The listener's number of this request, unless another thread listens.
    number: Option<u64>,
}

impl Listening {
    /// Over the requests of `device`, a FUSE device or anything that can be polled.
    pub(super) fn new(device: OwnedFd) -> Arc<Self> {
        let alone = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
        Arc::new(Self {
            device,
            state: Mutex::default(),
            changed: Condvar::new(),
            answering: AtomicU64::new(0),
            unwatched: AtomicBool::new(false),
            crowd: AtomicU32::new(0),
            // Who looks for what a client does would keep the client from it.
            looking: if alone { Duration::ZERO } else { LOOKING },
        })
    }

    /// To be called first for each request, on the thread that has read it.
    pub(super) fn begin(self: &Arc<Self>, pace: Pace) -> Answering<'_> {
        let listens = SEAT.with_borrow(|seat| seat.as_ref().is_some_and(|seat| seat.listens));
        let stays = match pace {
            Pace::Quick => true,
            Pace::Reads | Pace::Syncs => self.crowd.load(Ordering::Relaxed) == 0,
            Pace::Long => false,
        };
        let mut number = None;
        if listens && stays {
            number = Some(self.answering.fetch_add(1, Ordering::SeqCst) + 1);
            if self.unwatched.swap(false, Ordering::SeqCst) {
                // Who suspends the watch holds the lock until it waits.
                drop(self.lock());
                self.changed.notify_one();
            }
        } else if listens {
            self.set_listens(false);
            self.hand_on();
        }
        Answering { listening: self, pace, number }
    }

    fn set_listens(self: &Arc<Self>, listens: bool) {
        SEAT.with_borrow_mut(|seat| {
            seat.get_or_insert_with(|| Seat { listening: self.clone(), listens }).listens = listens;
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment, or two that no panic can part.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has another thread listen, or the next one that is done.
    fn hand_on(&self) {
        let mut state = self.lock();
        state.asked = state.parked > 0;
        state.listens = state.asked;
        if state.asked {
            self.changed.notify_one();
        }
    }

    /// Returns once this thread is the listener.
    fn await_turn(&self) {
        let mut state = self.lock();
        if !state.listens {
            state.listens = true;
            return;
        }
        state.parked += 1;
        while !state.asked {
            if state.watched || self.unwatched.load(Ordering::SeqCst) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.watched = true;
            let before = self.answering.load(Ordering::SeqCst);
            let waited = self.changed.wait_timeout(state, LONG);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.watched = false;
            if state.asked || self.answering.load(Ordering::SeqCst) != before {
                continue;
            }
            if before % 2 == 1 {
                // Overtakes the listener, unless it is done after all.
                if self.end(before) {
                    break;
                }
            } else {
                self.unwatched.store(true, Ordering::SeqCst);
                if self.answering.load(Ordering::SeqCst) != before {
                    self.unwatched.store(false, Ordering::SeqCst);
                }
            }
        }
        state.asked = false;
        state.parked -= 1;
        if state.parked > 0 {
            // To watch in place of this one.
            self.changed.notify_one();
        }
    }

    /// Ends the listener's request of that number, unless somebody has.
    fn end(&self, number: u64) -> bool {
        let (order, failed) = (Ordering::SeqCst, Ordering::SeqCst);
        self.answering.compare_exchange(number, number + 1, order, failed).is_ok()
    }

    /// Whether there is a request to be read, or the device is gone.
    fn is_waited_for(&self) -> bool {
        let mut asked = [PollFd::new(&self.device, PollFlags::IN)];
        // What cannot be polled is found out by reading.
        poll(&mut asked, Some(&Timespec::default())) != Ok(0)
    }

    fn look(&self) {
        let until = Instant::now() + self.looking;
        while !self.is_waited_for() && Instant::now() < until {
            thread::yield_now();
        }
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let listening = self.listening;
        if self.pace.is_of_disks() && listening.is_waited_for() {
            listening.crowd.store(CROWD, Ordering::Relaxed);
        }
        if !self.number.is_some_and(|number| listening.end(number)) {
            listening.set_listens(false);
            let (order, fewer) = (Ordering::Relaxed, |crowd: u32| crowd.checked_sub(1));
            if listening.crowd.fetch_update(order, order, fewer).is_ok() {
                return;
            }
            listening.await_turn();
            listening.set_listens(true);
        }
        // After a sync the disk and its kernel threads may still be at it.
        if matches!(self.pace, Pace::Quick | Pace::Reads) {
            listening.look();
        }
    }
}

#[cfg(test)]
#[path = "listening_tests.rs"]
mod tests;
