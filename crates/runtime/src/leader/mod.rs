//! Leader election on Leases: at no instant do two processes believe they lead.
//!
//! **Flow.** Candidates watch one `Lease`. Whoever finds it free (absent, without a holder, or not renewed for as long
//! as it says) writes its name there; the server lets one of them win, because each write names the version it was
//! based on. The leader renews it. A leader that stops gives it up, and the watch tells the others within
//! milliseconds; one that dies is followed when the lease runs out.
//!
//! **Guarantees.**
//! - E-I1: a term ends by the leader's own monotonic clock before any other candidate may take the lease by its own:
//!   the term lasts for the renew deadline from *before* a renewal was sent, the lease for the (longer) lease duration
//!   from *after* it was seen. Wall clocks are written for people and never read (E4).
//! - E-I2: a [fenced client](crate::Client::fenced) sends no write outside of its term. It looks before a request is
//!   queued, and again at the socket, in the same poll as the system call that hands over its bytes. What the kernel
//!   holds of a write then is discarded when the term ends (the connection is reset), and on Linux, also while the
//!   process is paused, repeated for no longer than the lease outlives the term (`TCP_USER_TIMEOUT`). Reads always
//!   pass.
//! - E-I3: the lease is given up only after the work of the leader has ended.
//!
//! **Assumptions.** Clocks of processes may differ by any amount but run at about the same speed: within the ratio of
//! lease duration to renew deadline. The monotonic clock goes on while the process is paused (it does on SIGSTOP and
//! in a frozen container; a suspended virtual machine may stop it, and a write may go out late then).
//!
//! **What no client can rule out, and what to do about it.** A process can be stopped between the last look at the
//! clock and the system call (microseconds, but it can), a proxy can hold a request up, and a server can take its time
//! before it stores one. Kubernetes has no transaction over the Lease and another object, so no header and no
//! annotation makes a server refuse such a write for its term alone. What it does check is the version of the object:
//!
//! | write | arrives after a later term has written the object |
//! |---|---|
//! | `update`, `update_status` of what was read; patch or apply with `metadata.resourceVersion` | refused: 409 |
//! | `delete` with a `resource_version` | refused: 409 |
//! | `create` under a given name | refused: 409, where that term has created it |
//! | patch, apply or update that names no version; `delete` by uid or name; `generateName` | accepted |
//!
//! The version was read before the term was looked at for the last time, so within the old term; whatever a later term
//! wrote has changed it. So per object the terms of accepted writes never go back, as long as these name their version.
//! This needs no more requests and no field in the object; the price is conflicts with others who write the object. A
//! late write that comes *before* the new term's first is accepted: to the new leader, whose own write is then refused
//! or reads it, it is one that came in time. Term annotations and managers per term would refuse no more than that, and
//! cost a field in each object. For systems outside of the cluster, pass [`Leadership::term`] along.
//!
//! **What follows client-go** (`tools/leaderelection`): the record, the defaults of 15, 10 and 2 seconds, judging by
//! local observation, the optimistic renewal. What does not: candidates watch instead of polling; the term is counted
//! from before the request; writes are fenced; leader work ends before the lease is given up. Locks in `ConfigMap`s and
//! `Endpoints` are history and not supported, here or there.

mod campaign;
mod candidate;
mod elector;
mod error;
mod leadership;
mod lock;
mod metrics;
mod observation;
mod options;
mod record;
mod reign;
mod tenure;
mod timing;
mod watch;

pub use elector::Elector;
pub use error::{ElectionError, NotLeading};
pub use leadership::{End, Leadership};
pub use options::{Coordination, Election};
pub(crate) use tenure::Tenure;
pub use timing::Timing;
