//! How far a rollout may go in one step. No I/O.

use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What a deployment allows while it rolls out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) replicas: i32,
    /// Pods beyond `replicas` that may exist.
    pub(crate) surge: i32,
    /// Pods short of `replicas` that may be available.
    pub(crate) unavailable: i32,
    /// Old pods go before new ones come.
    pub(crate) recreates: bool,
}

impl Limits {
    /// Percentages of surge round up, those of unavailability down; they are not both zero.
    pub(crate) fn of(spec: &DeploymentSpec) -> Self {
        let replicas = spec.replicas.unwrap_or(1).max(0);
        let strategy = spec.strategy.as_ref();
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
            return Self { replicas, surge: 0, unavailable: replicas, recreates: true };
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let quarter = IntOrString::String("25%".to_owned());
        let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).unwrap_or(&quarter);
        let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).unwrap_or(&quarter);
        let (surge, unavailable) = (share(surge, replicas, 99), share(unavailable, replicas, 0));
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        Self { replicas, surge, unavailable: unavailable.min(replicas), recreates: false }
    }
}

fn share(amount: &IntOrString, of: i32, round: i32) -> i32 {
    match amount {
        IntOrString::Int(number) => (*number).max(0),
        IntOrString::String(text) => {
            let percent = text.trim_end_matches('%').parse::<i32>().unwrap_or(0).clamp(0, 1000);
            of.saturating_mul(percent).saturating_add(round) / 100
        }
    }
}

/// Wanted and available pods of the replica sets of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    pub(crate) limits: Limits,
    pub(crate) new: (i32, i32),
    pub(crate) old: Vec<(i32, i32)>,
    /// Pods of old sets that still exist.
    pub(crate) lingering: i32,
}

impl Sizes {
    /// The next wanted sizes of the new set and of the old ones.
    pub(crate) fn next(&self) -> (i32, Vec<i32>) {
        let Limits { replicas, surge, unavailable, recreates } = self.limits;
        let (old_wanted, old_available) =
            self.old.iter().fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        if recreates {
            let is_clear = old_wanted == 0 && self.lingering == 0;
            return (if is_clear { replicas } else { self.new.0.min(replicas) }, vec![0; self.old.len()]);
        }
        let (wanted, available) = self.new;
        let room = (replicas + surge - old_wanted - wanted).max(0);
        let grown = if wanted >= replicas { replicas } else { replicas.min(wanted + room) };
        let least = replicas - unavailable;
        let unavailable_new = (wanted - available).max(0);
        let mut removable = (old_wanted + wanted - least - unavailable_new).max(0);
        // Pods that are not available protect nothing: they go first.
        let mut shrunk: Vec<i32> = self.old.iter().map(|size| size.0).collect();
        for (wanted, size) in shrunk.iter_mut().zip(&self.old) {
            let broken = (size.0 - size.1).clamp(0, removable);
            *wanted -= broken;
            removable -= broken;
        }
        let mut spare = (old_available + available - least).clamp(0, removable);
        for wanted in &mut shrunk {
            let gone = spare.min(*wanted);
            *wanted -= gone;
            spare -= gone;
        }
        (grown, shrunk)
    }

    /// While paused only the number of replicas is followed, by the newest set that has pods.
    pub(crate) fn paused(&self) -> (i32, Vec<i32>) {
        let old_wanted: i32 = self.old.iter().map(|size| size.0).sum();
        let shrunk = self.old.iter().map(|size| size.0).collect();
        let own = self.new.0 > 0 || old_wanted == 0;
        (if own { (self.limits.replicas - old_wanted).max(0) } else { self.new.0 }, shrunk)
    }
}
