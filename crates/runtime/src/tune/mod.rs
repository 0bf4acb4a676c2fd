//! How many workers a workload bears: a measurement in steps, and a recommendation.
//!
//! ```
//! use std::time::Duration;
//!
//! use pilothouse::Environment;
//! use pilothouse::tune::Tuning;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! // Something that bears four at a time.
//! let places = std::sync::Arc::new(tokio::sync::Semaphore::new(4));
//! let work = move || {
//!     let places = places.clone();
//!     async move {
//!         let _place = places.acquire().await?;
//!         tokio::time::sleep(Duration::from_millis(50)).await;
//!         Ok::<(), tokio::sync::AcquireError>(())
//!     }
//! };
//! let report = Tuning::default().steps([1, 2, 4, 8, 16]).run(&Environment::real(), work).await;
//! println!("{report}");
//! assert_eq!(report.recommendation.workers, 4);
//! # }
//! ```

mod measure;
mod options;
mod recommend;
mod report;
#[cfg(test)]
mod tests;

pub use options::Tuning;
pub use report::{Recommendation, TuningReport, TuningStep};
