//! Random histories, paces and subscribers.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::cache::fixture::World;
use crate::cache::{
    CachedObject, Change, ChangeKind, LosslessEvent, LosslessOptions, LosslessSubscription, Subscription,
    SubscriptionOptions, WhenFull,
};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// An object is created, changed or deleted, as the coin says, in one batch with what follows it.
    Touch {
        name: u8,
        coin: u8,
        red: bool,
    },
    /// The batch is told.
    Tell,
    /// The watch is lost, the batch with it, and a list shows the state.
    Relist,
    /// A subscriber takes some.
    Take {
        who: u8,
        count: u8,
    },
    /// A late subscriber comes, another goes.
    Join,
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    let touch = (0..12_u8, 0..4_u8, any::<bool>());
    prop_oneof![
        12 => touch.prop_map(|(name, coin, red)| Step::Touch { name, coin, red }),
        5 => Just(Step::Tell),
        1 => Just(Step::Relist),
        8 => (0..8_u8, 0..9_u8).prop_map(|(who, count)| Step::Take { who, count }),
        1 => Just(Step::Join),
        1 => Just(Step::Leave),
    ]
}

type State = BTreeMap<String, (u64, bool)>;

/// The server, and every version that the informer was told, with those it must have concluded from a list.
struct Server {
    world: World,
    state: State,
    /// What the informer knows.
    told: State,
    batch: Vec<(String, String)>,
    history: Vec<(ChangeKind, String, u64)>,
    version: u64,
}

impl Server {
    fn touch(&mut self, name: u8, coin: u8, red: bool) {
        let name = format!("o{name:02}");
        self.version += 1;
        let version = self.version;
        let colour = if red { "red" } else { "blue" };
        let sign = match (self.state.contains_key(&name), coin) {
            (true, 0) => "-",
            (true, _) => "~",
            (false, _) => "+",
        };
        if sign == "-" {
            self.state.remove(&name);
        } else {
            self.state.insert(name.clone(), (version, red));
        }
        self.batch.push((name.clone(), format!("{sign}{name}@{version}:{colour}")));
    }

    fn tell(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for (name, word) in &batch {
            let (sign, rest) = word.split_at(1);
            let version = rest.split(['@', ':']).nth(1).and_then(|text| text.parse().ok()).unwrap();
            let kind = match sign {
                "+" => ChangeKind::Added,
                "~" => ChangeKind::Updated,
                _ => ChangeKind::Deleted,
            };
            self.history.push((kind, name.clone(), version));
            match kind {
                ChangeKind::Deleted => self.told.remove(name),
                _ => self.told.insert(name.clone(), (version, rest.ends_with("red"))),
            };
        }
        let words: Vec<_> = batch.into_iter().map(|(_, word)| word).collect();
        self.world.watch(&words.join(" "));
    }

    fn relist(&mut self) {
        self.batch.clear();
        let mut history = Vec::new();
        for (name, (version, _)) in &self.told {
            if !self.state.contains_key(name) {
                history.push((ChangeKind::Deleted, name.clone(), *version));
            }
        }
        for (name, (version, _)) in &self.state {
            match self.told.get(name) {
                Some((known, _)) if known == version => {}
                Some(_) => history.push((ChangeKind::Updated, name.clone(), *version)),
                None => history.push((ChangeKind::Added, name.clone(), *version)),
            }
        }
        self.history.extend(history);
        self.told = self.state.clone();
        let colour = |red: bool| if red { "red" } else { "blue" };
        let words: Vec<_> = self
            .state
            .iter()
            .map(|(name, (version, red))| format!("{name}@{version}:{}", colour(*red)))
            .collect();
        self.world.list(&words.join(" "));
    }
}

/// A coalescing subscriber and what it makes of what it is told.
struct Viewer {
    subscription: Subscription,
    only_red: bool,
    view: BTreeMap<String, u64>,
    saw_later: bool,
}

fn number(object: &CachedObject) -> u64 {
    object.resource_version().number().unwrap()
}

impl Viewer {
    fn new(world: &World, only_red: bool) -> Self {
        let options = SubscriptionOptions::default();
        let red = |object: &CachedObject| object.labels().get("colour") == Some("red");
        let options = if only_red { options.filter(red) } else { options };
        let subscription = world.informer.subscribe_with(options);
        Self { subscription, only_red, view: BTreeMap::new(), saw_later: false }
    }

    fn take(&mut self, count: usize) {
        for _ in 0..count {
            let Some(change) = self.subscription.try_next() else {
                assert!(
                    self.subscription.has_synced() || !self.subscription.is_empty() || self.view.is_empty()
                );
                return;
            };
            self.check(&change);
        }
    }

    /// The life of an object is legal, and initial changes come first.
    fn check(&mut self, change: &Change) {
        let name = change.key().name.to_string();
        let known = self.view.get(&name).copied();
        assert!(!(change.initial && self.saw_later), "an initial change after others");
        self.saw_later |= !change.initial;
        if self.only_red {
            assert_eq!(change.object.labels().get("colour"), Some("red"), "what the filter hides is shown");
        }
        match change.kind {
            ChangeKind::Added => {
                assert_eq!(known, None, "{name} is added twice");
                self.view.insert(name, number(&change.object));
            }
            ChangeKind::Updated => {
                let previous = change.previous.as_deref().map(number);
                assert!(
                    known.is_some() && known == previous,
                    "{name} changes from {known:?}, not {previous:?}"
                );
                self.view.insert(name, number(&change.object));
            }
            ChangeKind::Deleted => {
                let previous = change.previous.as_deref().map(number);
                assert!(known.is_none() || known == previous, "{name} goes from {known:?}, not {previous:?}");
                assert!(known.is_some() || !change.initial);
                self.view.remove(&name);
            }
            ChangeKind::Resync => panic!("nobody asked for it"),
        }
    }
}

/// A lossless subscriber and the part of the history it was told.
struct Recorder {
    subscription: LosslessSubscription,
    /// Length of the history when it came.
    from: usize,
    start: State,
    initial: BTreeMap<String, u64>,
    told: Vec<LosslessEvent>,
}

impl Recorder {
    fn new(server: &Server, options: LosslessOptions) -> Self {
        let subscription = server.world.informer.subscribe_lossless(options);
        let (from, start) = (server.history.len(), server.told.clone());
        Self { subscription, from, start, initial: BTreeMap::new(), told: Vec::new() }
    }

    fn take(&mut self, count: usize) {
        for event in std::iter::from_fn(|| self.subscription.try_next()).take(count) {
            match event {
                LosslessEvent::Change(change) if change.initial => {
                    assert!(self.told.is_empty(), "an initial change after others");
                    let before = self.initial.insert(change.key().name.to_string(), number(&change.object));
                    assert_eq!(before, None, "an object is initial twice");
                }
                event => self.told.push(event),
            }
        }
    }

    /// What was told is the history since the start; gaps account for every version that is missing.
    fn check(mut self, history: &[(ChangeKind, String, u64)], may_lose: bool) {
        self.take(usize::MAX);
        if !may_lose {
            let start = self.start.iter().map(|(name, (version, _))| (name.clone(), *version));
            assert_eq!(self.initial, start.collect());
        }
        let mut rest = history[self.from..].iter();
        for event in &self.told {
            match event {
                LosslessEvent::Change(change) => {
                    let told = (change.kind, change.key().name.to_string(), number(&change.object));
                    assert_eq!(Some(&told), rest.next());
                }
                LosslessEvent::Gap(gap) => {
                    assert!(may_lose && gap.lost > 0);
                    assert!(gap.until.is_at_least(&gap.after));
                    (0..gap.lost).for_each(|_| assert!(rest.next().is_some()));
                }
            }
        }
        assert_eq!(rest.next(), None, "the end is missing");
    }
}

fn play(steps: Vec<Step>) {
    let mut server = Server {
        world: World::new(),
        state: State::new(),
        told: State::new(),
        batch: Vec::new(),
        history: Vec::new(),
        version: 100,
    };
    let mut viewers = vec![Viewer::new(&server.world, false), Viewer::new(&server.world, true)];
    let tight = LosslessOptions::default().limit(3000).when_full(WhenFull::RecordGap);
    (0..4).for_each(|name| server.touch(name, 1, name % 2 == 0));
    server.relist();
    // The first list is what these start from.
    server.history.clear();
    let mut recorders = vec![Recorder::new(&server, LosslessOptions::default())];
    let mut lossy = vec![Recorder::new(&server, tight.clone())];
    for step in steps {
        match step {
            Step::Touch { name, coin, red } => server.touch(name, coin, red),
            Step::Tell => server.tell(),
            Step::Relist => server.relist(),
            Step::Take { who, count } => {
                let (who, count) = (usize::from(who), usize::from(count));
                viewers.iter_mut().skip(who % 4).step_by(3).for_each(|viewer| viewer.take(count));
                recorders
                    .iter_mut()
                    .chain(&mut lossy)
                    .skip(who % 3)
                    .step_by(2)
                    .for_each(|one| one.take(count));
            }
            Step::Join => {
                viewers.push(Viewer::new(&server.world, viewers.len() % 2 == 0));
                recorders.push(Recorder::new(&server, LosslessOptions::default()));
                lossy.push(Recorder::new(&server, tight.clone()));
            }
            Step::Leave => drop((viewers.pop(), recorders.pop(), lossy.pop())),
        }
    }
    server.tell();
    for mut viewer in viewers {
        viewer.take(usize::MAX);
        assert!(viewer.subscription.has_synced() && viewer.subscription.is_empty());
        let red = server.state.iter().filter(|(_, (_, red))| !viewer.only_red || *red);
        assert_eq!(viewer.view, red.map(|(name, (version, _))| (name.clone(), *version)).collect());
    }
    for recorder in recorders {
        recorder.check(&server.history, false);
    }
    for recorder in lossy {
        recorder.check(&server.history, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn s17_s19_f9_whatever_happens_views_end_as_the_state_versions_are_all_there_and_lives_are_legal(
        steps in vec(step(), 0..120),
    ) {
        play(steps);
    }
}
