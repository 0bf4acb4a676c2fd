//! From times to positions, and where the ticks are.

use jiff::{SignedDuration, Timestamp};

/// Tick distances to choose from, in seconds.
const STEPS: [i64; 18] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];

/// Maps `from..=to` to `left..=left + width`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: i64,
    length: i64,
    left: f64,
    width: f64,
}

impl Scale {
    /// A scale over at least one second.
    pub(super) fn new(from: Timestamp, to: Timestamp, left: f64, width: f64) -> Self {
        let from = from.as_millisecond();
        Self { from, length: (to.as_millisecond() - from).max(1000), left, width }
    }

    /// The position of a time; times outside are moved to the nearer end.
    #[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than 53 bits of milliseconds")]
    pub(super) fn position(&self, at: Timestamp) -> f64 {
        let offset = (at.as_millisecond() - self.from).clamp(0, self.length);
        self.left + self.width * offset as f64 / self.length as f64
    }

    /// Times at a round distance, at most about nine.
    pub(super) fn ticks(&self) -> Vec<Timestamp> {
        let seconds = self.length / 1000;
        let step = STEPS.into_iter().find(|step| seconds / step <= 8).unwrap_or(seconds / 8);
        let first = (self.from / 1000).div_euclid(step) * step + step;
        let last = (self.from + self.length) / 1000;
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= last && ticks.len() < 12 {
            ticks.extend(Timestamp::from_second(at));
            at += step;
        }
        ticks
    }

    /// How long the whole is.
    pub(super) fn length(&self) -> SignedDuration {
        SignedDuration::from_millis(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few_whatever_the_length() {
        for seconds in [1, 7, 59, 61, 3000, 86_400, 31_536_000] {
            let from = Timestamp::from_second(1_000_003).unwrap();
            let scale = Scale::new(from, from + SignedDuration::from_secs(seconds), 0.0, 100.0);
            let ticks = scale.ticks();
            assert!((1..=9).contains(&ticks.len()) || seconds > 5_000_000, "{seconds}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&scale.position(*tick))));
        }
    }
}
