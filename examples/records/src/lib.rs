//! A batch reconciler in Pilothouse: any number of `Record`s is published in a DNS zone with one call for a hundred.
//!
//! [`record`] is the type, [`zone`] where records are published, [`zone_file`] that as a file for a name server,
//! [`reconciler`] what happens to a batch; `main.rs` runs it as a process with the rights in `deploy/rbac.yaml`.

mod reconciler;
mod record;
mod zone;
mod zone_file;

pub use reconciler::{FINALIZER, Records, operator};
pub use record::{Record, RecordSpec, RecordStatus};
pub use zone::{Change, Entry, Refusal, Zone, ZoneError, ZoneState};
pub use zone_file::ZoneFile;
