//! The recorder: what the journals of jobs and pods bring, written down.
//!
//! **Flow.** A journal hands a batch to its [`RecorderSink`]; the recorder unpacks and compresses it, then takes the
//! database's one writer and stores in one transaction: each revision, what it changes of its job or pod, the
//! transitions that follow from that, the notifications these call for, and the stream's position.
//!
//! **Guarantees.** Batches may come again, whole or in part.
//!
//! - **J-I1** a position is committed in one transaction with the rows it covers;
//! - **J-I2** a version is one row, however often it arrives (J2): (cluster, uid, resource version, event class) is
//!   unique in the schema.
//!
//! Jobs and pods come on separate streams and in any order against each other. What was not observed is on record as
//! a gap, as a lost job or as an inferred transition, never papered over.

mod commit;
mod context;
mod jobs;
mod pods;
mod prepare;
mod sink;
#[cfg(test)]
mod tests;
mod transitions;

pub use commit::Recorder;
pub use sink::RecorderSink;
