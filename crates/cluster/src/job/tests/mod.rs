//! The decision about a job by table, then as a state machine.

mod cases;
mod machine;
mod world;
