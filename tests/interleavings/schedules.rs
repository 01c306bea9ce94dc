//! Runs a scenario in as many orders as are asked for.

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Sealing and folding take more stack than a scheduler gives by itself.
const STACK_BYTES: usize = 1 << 20;
/// Switches at the places that matter most, for the second half of the orders.
const PCT_DEPTH: usize = 3;

/// How many orders: `ITERATIONS`, else few.
fn iterations() -> usize {
    let asked = std::env::var("ITERATIONS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(100)
}

/// Half of the orders at random, half with few switches at random places (PCT: Burckhardt et al.,
/// "A randomized scheduler with probabilistic guarantees of finding bugs", 2010).
pub fn explore(scenario: impl Fn() + Clone + Send + Sync + 'static) {
    let half = iterations().div_ceil(2);
    let started = std::time::Instant::now();
    run(RandomScheduler::new(half), scenario.clone());
    run(PctScheduler::new(PCT_DEPTH, half), scenario);
    println!("{} schedules in {:.1} s", 2 * half, started.elapsed().as_secs_f64());
}

fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    Runner::new(scheduler, config).run(scenario);
}
