//! How fast a server is asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A bucket of turns: it fills evenly, and holds as many as may be taken at once.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    burst: f64,
    /// Turns that are left, fewer than none if some are promised, and when they were counted.
    left: Mutex<(f64, Instant)>,
}

impl Pace {
    /// A full bucket.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let (per_second, burst) = (f64::from(per_second.max(1)), f64::from(burst.max(1)));
        Self { per_second, burst, left: Mutex::new((burst, Instant::now())) }
    }

    /// Waits for the next turn.
    pub(super) async fn turn(&self) {
        let wait = self.take();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn take(&self) -> Duration {
        let now = Instant::now();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = left.0 + now.duration_since(left.1).as_secs_f64() * self.per_second;
        *left = (filled.min(self.burst) - 1.0, now);
        Duration::from_secs_f64((-left.0 / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_turns_come_evenly() {
        let pace = Pace::new(10, 3);
        let waits: Vec<u128> = (0..5).map(|_| pace.take().as_millis()).collect();
        assert_eq!(waits[..3], [0, 0, 0]);
        assert!((50..=100).contains(&waits[3]) && (150..=200).contains(&waits[4]), "{waits:?}");
    }
}
