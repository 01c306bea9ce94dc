//! What stands for the standard library's locks, threads and clock in `src/fs` under
//! `--cfg shuttle`: a scheduler decides who goes on, and the order in which locks are taken is
//! watched, so that a wrong one is found also where it happens to end well.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut, Sub};
use std::panic::Location;
use std::sync::PoisonError;
use std::time::Duration;

pub use shuttle::thread;

/// A lock, by where it is made and what it guards: alike in every file system.
type Place = (&'static str, u32, &'static str);

thread_local! {
    /// What each thread holds. All of them are one for the system.
    static HELD: RefCell<BTreeMap<String, Vec<Place>>> = const { RefCell::new(BTreeMap::new()) };
    /// What was taken while something else was held, in all schedules so far.
    static TAKEN: RefCell<BTreeMap<Place, BTreeSet<Place>>> = const { RefCell::new(BTreeMap::new()) };
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn me() -> String {
    format!("{:?}", thread::current().id())
}

fn comes_after(taken: &BTreeMap<Place, BTreeSet<Place>>, first: Place, last: Place) -> bool {
    let mut waiting = vec![first];
    let mut seen = BTreeSet::new();
    while let Some(place) = waiting.pop() {
        if place == last {
            return true;
        }
        if seen.insert(place) {
            waiting.extend(taken.get(&place).into_iter().flatten());
        }
    }
    false
}

/// A lock that is held; taking it and giving it back are noted.
#[derive(Debug)]
struct Held(Place);

impl Held {
    /// Notes a lock about to be taken.
    ///
    /// # Panics
    /// If the order is another than it was before.
    fn waits_for(place: Place) {
        let held = HELD.with_borrow(|held| held.get(&me()).cloned().unwrap_or_default());
        TAKEN.with_borrow_mut(|taken| {
            for before in held {
                let is_inverted = comes_after(taken, place, before);
                assert!(!is_inverted, "lock order: {place:?} is taken while {before:?} is held");
                taken.entry(before).or_default().insert(place);
            }
        });
    }

    fn new(place: Place) -> Self {
        HELD.with_borrow_mut(|held| held.entry(me()).or_default().push(place));
        Self(place)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| {
            let mine = held.entry(me()).or_default();
            if let Some(at) = mine.iter().rposition(|place| *place == self.0) {
                mine.remove(at);
            }
            if mine.is_empty() {
                held.remove(&me());
            }
        });
    }
}

/// A guard of any lock.
#[derive(Debug)]
pub struct Guard<G> {
    guard: G,
    _held: Held,
}

impl<G> Guard<G> {
    fn of(result: Result<G, PoisonError<G>>, place: Place) -> Result<Self, PoisonError<Self>> {
        let of = |guard| Self { guard, _held: Held::new(place) };
        result.map(of).map_err(|poisoned| PoisonError::new(of(poisoned.into_inner())))
    }
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

pub type RwLockReadGuard<'a, T> = Guard<shuttle::sync::RwLockReadGuard<'a, T>>;
pub type RwLockWriteGuard<'a, T> = Guard<shuttle::sync::RwLockWriteGuard<'a, T>>;
type Locked<G> = Result<G, PoisonError<G>>;

#[track_caller]
fn place_of<T>() -> Place {
    let made = Location::caller();
    (made.file(), made.line(), type_name::<T>())
}

#[derive(Debug)]
pub struct Mutex<T> {
    place: Place,
    lock: shuttle::sync::Mutex<T>,
}

impl<T> Mutex<T> {
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self { place: place_of::<T>(), lock: shuttle::sync::Mutex::new(value) }
    }

    pub fn lock(&self) -> Locked<MutexGuard<'_, T>> {
        Held::waits_for(self.place);
        let of = |guard| MutexGuard { guard, mutex: self };
        let locked = Guard::of(self.lock.lock(), self.place);
        locked.map(of).map_err(|poisoned| PoisonError::new(of(poisoned.into_inner())))
    }

    /// Waits for nobody, so no order is wrong.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, ()> {
        let guard = self.lock.try_lock().map_err(|_| ())?;
        Ok(MutexGuard { guard: Guard { guard, _held: Held::new(self.place) }, mutex: self })
    }
}

/// A guard that can be given back for a while.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    guard: Guard<shuttle::sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

#[derive(Debug)]
pub struct RwLock<T> {
    place: Place,
    lock: shuttle::sync::RwLock<T>,
}

impl<T> RwLock<T> {
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self { place: place_of::<T>(), lock: shuttle::sync::RwLock::new(value) }
    }

    pub fn read(&self) -> Locked<RwLockReadGuard<'_, T>> {
        Held::waits_for(self.place);
        Guard::of(self.lock.read(), self.place)
    }

    pub fn write(&self) -> Locked<RwLockWriteGuard<'_, T>> {
        Held::waits_for(self.place);
        Guard::of(self.lock.write(), self.place)
    }
}

/// Waits for a time that may be over at any moment.
#[derive(Debug, Default)]
pub struct Condvar;

impl Condvar {
    pub fn notify_all(&self) {}

    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        _time: Duration,
        mut waits: impl FnMut(&mut T) -> bool,
    ) -> Locked<(MutexGuard<'a, T>, ())> {
        if waits(&mut guard) {
            let mutex = guard.mutex;
            drop(guard);
            thread::yield_now();
            guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        }
        Ok((guard, ()))
    }
}

/// A clock of which nobody knows how far it is on: some time passes whenever it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Self {
        NOW.set(NOW.get() + Duration::from_millis(200));
        Self(NOW.get())
    }

    pub fn elapsed(&self) -> Duration {
        Self::now() - *self
    }

    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        *self - earlier
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
