//! Built-in types whose rules fit in a few tables: [`Rules`](rules::Rules) instead of a strategy of their own.
//!
//! Nothing acts on them but what a simulated cluster runs: no packet is filtered by a network policy, no volume is
//! made for a claim, no webhook is called. They are there so that clients and controllers can write and watch them.

mod admission;
mod autoscaling;
mod autoscaling_v1;
mod certificates;
mod endpoints;
mod networking;
mod policy;
mod replication;
mod rules;
mod storage;

use crate::kind::Kind;

/// All of them.
pub(super) fn kinds() -> Vec<Kind> {
    let families = [
        replication::kinds(),
        endpoints::kinds(),
        storage::kinds(),
        networking::kinds(),
        policy::kinds(),
        autoscaling::kinds(),
        admission::kinds(),
        certificates::kinds(),
    ];
    families.into_iter().flatten().collect()
}
