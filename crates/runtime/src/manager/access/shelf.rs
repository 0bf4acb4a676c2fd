//! Answers that are used again for a while.

use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::token::Fingerprint;

/// Answers of one kind, each for the same time, and at most so many: the oldest makes way.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    lifetime: Duration,
    at_most: usize,
    /// In the order of the answers, and so of their ends.
    answers: Mutex<IndexMap<Fingerprint, (Instant, T)>>,
}

impl<T: Clone> Shelf<T> {
    pub(super) fn new(lifetime: Duration, at_most: usize) -> Self {
        Self { lifetime, at_most, answers: Mutex::default() }
    }

    pub(super) fn get(&self, key: &Fingerprint) -> Option<T> {
        let answers = self.answers.lock();
        let (end, answer) = answers.get(key)?;
        (Instant::now() < *end).then(|| answer.clone())
    }

    pub(super) fn put(&self, key: Fingerprint, answer: T) {
        let now = Instant::now();
        let mut answers = self.answers.lock();
        answers.shift_remove(&key);
        let over = answers.values().take_while(|(end, _)| *end <= now).count();
        let surplus = (answers.len() + 1).saturating_sub(self.at_most);
        answers.drain(..over.max(surplus));
        answers.insert(key, (now + self.lifetime, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn z2_answers_are_kept_for_their_time_and_the_oldest_makes_way() {
        let shelf = Shelf::new(Duration::from_secs(10), 3);
        let key = |number: u8| [number; 32];
        for number in 0..5 {
            shelf.put(key(number), number);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let there = || (0..9).filter_map(|number| shelf.get(&key(number))).collect::<Vec<_>>();
        assert_eq!(there(), [2, 3, 4]);
        shelf.put(key(2), 2);
        tokio::time::sleep(Duration::from_millis(8500)).await;
        assert_eq!(there(), [2, 4], "asked anew is kept anew; the end of the others is where it was");
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(there(), Vec::<u8>::new());
        shelf.put(key(8), 8);
        assert_eq!(shelf.answers.lock().len(), 1, "what is over takes no room");
    }
}
