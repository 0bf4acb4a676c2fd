//! The decisions of this module, by table and as a state machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use proptest::prelude::*;

use super::decision::{Decision, decide};
use super::graph::Graph;
use super::node::{FOREGROUND, Node, ORPHAN, Owner};

const THINGS: ResourceType = ResourceType::namespaced("example.com", "v1", "things", "Thing");

fn owner(uid: &str, is_blocking: bool) -> Owner {
    Owner {
        api_version: "example.com/v1".into(),
        kind: "Thing".into(),
        name: uid.into(),
        uid: uid.into(),
        block_owner_deletion: is_blocking.then_some(true),
        controller: None,
    }
}

fn node(uid: &str, owners: &[Owner]) -> Node {
    Node {
        resource: THINGS,
        key: ObjectKey::new("default", uid),
        uid: uid.into(),
        version: ResourceVersion::from_number(1),
        owners: owners.to_vec(),
        finalizers: Vec::new(),
        is_deleting: false,
    }
}

fn uids(uids: &[&str]) -> Vec<Arc<str>> {
    uids.iter().map(|uid| Arc::from(*uid)).collect()
}

/// The server's side: objects, deletion rules, and a collector that works until nothing is left to do.
#[derive(Default)]
struct Cluster {
    objects: BTreeMap<String, Node>,
    graph: Graph,
    queue: VecDeque<Arc<str>>,
}

impl Cluster {
    fn put(&mut self, node: Node) {
        let attend = self.graph.observe(&node);
        self.objects.insert(node.uid.to_string(), node);
        self.queue.extend(attend);
    }

    fn delete(&mut self, uid: &str, finalizer: Option<&str>) {
        let Some(mut node) = self.objects.get(uid).cloned() else { return };
        if !node.is_deleting {
            node.is_deleting = true;
            node.finalizers.extend(finalizer.map(str::to_owned));
        }
        self.put_or_remove(node);
    }

    fn put_or_remove(&mut self, node: Node) {
        if node.is_deleting && node.finalizers.is_empty() {
            self.objects.remove(&*node.uid);
            let attend = self.graph.forget(&node.resource, &node.key);
            self.queue.extend(attend);
        } else {
            self.put(node);
        }
    }

    fn edit(&mut self, uid: &str, edit: impl Fn(&mut Node)) {
        if let Some(mut node) = self.objects.get(uid).cloned() {
            edit(&mut node);
            self.put_or_remove(node);
        }
    }

    fn collect(&mut self) {
        let mut rounds = 0;
        while let Some(uid) = self.queue.pop_front() {
            rounds += 1;
            assert!(rounds < 5000, "the collector does not come to rest");
            match decide(&self.graph, &uid) {
                Decision::Nothing => {}
                Decision::Verify(owners) => {
                    for owner in owners {
                        assert!(!self.objects.contains_key(&*owner.uid));
                        self.graph.note_absent(&owner, &self.objects[&*uid].key.namespace);
                    }
                    self.queue.push_back(uid);
                }
                Decision::Delete { foreground } => self.delete(&uid, foreground.then_some(FOREGROUND)),
                Decision::DropReferences(gone) => {
                    self.edit(&uid, |node| node.owners.retain(|owner| !gone.contains(&owner.uid)));
                }
                Decision::Unblock => {
                    self.edit(&uid, |node| {
                        node.owners.iter_mut().for_each(|owner| owner.block_owner_deletion = None);
                    });
                    self.queue.push_back(uid);
                }
                Decision::Await(dependents) => self.queue.extend(dependents),
                Decision::Release(finalizer) => {
                    self.edit(&uid, |node| node.finalizers.retain(|name| name != finalizer));
                }
                Decision::Orphan(dependents) => {
                    for dependent in dependents {
                        self.edit(&dependent, |node| node.owners.retain(|owner| owner.uid != uid));
                    }
                    self.edit(&uid, |node| node.finalizers.retain(|name| name != ORPHAN));
                }
            }
        }
    }

    fn left(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }
}

fn family() -> Cluster {
    let mut cluster = Cluster::default();
    cluster.put(node("a", &[]));
    cluster.put(node("b", &[owner("a", true)]));
    cluster.put(node("c", &[owner("b", true)]));
    cluster.put(node("x", &[]));
    cluster.put(node("shared", &[owner("a", false), owner("x", false)]));
    cluster.collect();
    cluster
}

#[test]
fn dependents_follow_their_last_owner_and_shared_ones_lose_a_reference() {
    let mut cluster = family();
    cluster.delete("a", None);
    cluster.collect();
    assert_eq!(cluster.left(), ["shared", "x"]);
    assert_eq!(cluster.objects["shared"].owners.len(), 1);
}

#[test]
fn a_foreground_deletion_takes_the_dependents_first() {
    let mut cluster = family();
    cluster.delete("a", Some(FOREGROUND));
    assert_eq!(decide(&cluster.graph, "a"), Decision::Await(uids(&["b", "shared"])));
    assert_eq!(decide(&cluster.graph, "b"), Decision::Delete { foreground: true });
    cluster.collect();
    assert_eq!(cluster.left(), ["shared", "x"]);
    let mut cluster = family();
    cluster.put(Node { finalizers: vec!["example.com/hold".into()], ..node("c", &[owner("b", true)]) });
    cluster.delete("a", Some(FOREGROUND));
    cluster.collect();
    assert_eq!(cluster.left(), ["a", "b", "c", "shared", "x"], "held from below");
    cluster.edit("c", |node| node.finalizers.clear());
    cluster.collect();
    assert_eq!(cluster.left(), ["shared", "x"]);
}

#[test]
fn an_orphaning_deletion_leaves_the_dependents_without_a_reference() {
    let mut cluster = family();
    cluster.delete("a", Some(ORPHAN));
    cluster.collect();
    assert_eq!(cluster.left(), ["b", "c", "shared", "x"]);
    assert!(cluster.objects["b"].owners.is_empty());
}

#[test]
fn circles_do_not_block_a_foreground_deletion() {
    let mut cluster = Cluster::default();
    cluster.put(node("a", &[owner("c", true)]));
    cluster.put(node("b", &[owner("a", true)]));
    cluster.put(node("c", &[owner("b", true)]));
    cluster.delete("a", Some(FOREGROUND));
    cluster.queue.extend(uids(&["a"]));
    // An owner that comes later than its dependent is not absent: the server knows it.
    cluster.collect();
    assert_eq!(cluster.left(), Vec::<&str>::new());
}

#[test]
fn owners_elsewhere_or_of_another_kind_count_as_absent_and_unknown_ones_are_looked_up() {
    let mut graph = Graph::default();
    graph.observe(&Node { key: ObjectKey::new("other", "far"), ..node("far", &[]) });
    graph.observe(&node("near", &[owner("far", false)]));
    assert_eq!(decide(&graph, "near"), Decision::Delete { foreground: false });
    graph.observe(&node("posing", &[Owner { kind: "Other".into(), ..owner("near", false) }]));
    assert_eq!(decide(&graph, "posing"), Decision::Delete { foreground: false });
    graph.observe(&node("waif", &[owner("never-seen", false)]));
    assert_eq!(decide(&graph, "waif"), Decision::Verify(vec![owner("never-seen", false)]));
    graph.note_absent(&owner("never-seen", false), &Arc::from("default"));
    assert_eq!(decide(&graph, "waif"), Decision::Delete { foreground: false });
}

#[test]
fn a_reference_that_leads_nowhere_says_nothing_about_others_to_the_same_uid() {
    let mut graph = Graph::default();
    let stranger =
        Node { key: ObjectKey::new("other", "stranger"), ..node("stranger", &[owner("late", false)]) };
    graph.observe(&stranger);
    graph.observe(&node("child", &[owner("late", false)]));
    graph.note_absent(&owner("late", false), &Arc::from("other"));
    assert_eq!(decide(&graph, "stranger"), Decision::Delete { foreground: false });
    assert_eq!(
        decide(&graph, "child"),
        Decision::Verify(vec![owner("late", false)]),
        "not seen yet, not absent"
    );
}

#[test]
fn a_cluster_scoped_object_with_a_namespaced_owner_is_never_collected() {
    let mut graph = Graph::default();
    let resource = ResourceType::cluster("example.com", "v1", "worlds", "World");
    let world = Node { resource, key: ObjectKey::cluster("world"), ..node("world", &[owner("a", false)]) };
    graph.observe(&node("a", &[]));
    graph.observe(&world);
    assert_eq!(decide(&graph, "world"), Decision::Nothing);
}

#[test]
fn a_new_object_under_an_old_name_does_not_keep_the_old_ones_dependents() {
    let mut graph = Graph::default();
    graph.observe(&node("old", &[]));
    graph.observe(&node("child", &[owner("old", false)]));
    let successor = Node { uid: "new".into(), ..node("old", &[]) };
    assert_eq!(graph.observe(&successor), uids(&["child"]));
    assert_eq!(decide(&graph, "child"), Decision::Delete { foreground: false });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_deleted_exactly_the_reachable_from_a_root_stays(
        edges in prop::collection::vec((0..8_usize, 0..8_usize, any::<bool>()), 0..16),
        deletions in prop::collection::vec((0..8_usize, any::<bool>()), 1..4),
    ) {
        let mut cluster = Cluster::default();
        let mut owners = BTreeMap::<usize, BTreeMap<usize, bool>>::new();
        // Owners have smaller numbers: no circles here, they have a test of their own.
        for (one, two, blocking) in edges.into_iter().filter(|(one, two, _)| one != two) {
            owners.entry(one.max(two)).or_default().insert(one.min(two), blocking);
        }
        for number in 0..8 {
            let references: Vec<Owner> = owners.get(&number).into_iter().flatten()
                .map(|(owner_number, blocking)| owner(&owner_number.to_string(), *blocking)).collect();
            cluster.put(node(&number.to_string(), &references));
        }
        cluster.collect();
        let mut deleted = BTreeSet::new();
        for (number, foreground) in deletions {
            cluster.delete(&number.to_string(), foreground.then_some(FOREGROUND));
            cluster.collect();
            deleted.insert(number);
        }
        let mut expected = BTreeSet::new();
        for number in 0..8 {
            let has_owners = owners.get(&number).is_some_and(|owners| !owners.is_empty());
            let is_kept = !has_owners || owners[&number].keys().any(|owner| expected.contains(owner));
            if is_kept && !deleted.contains(&number) {
                expected.insert(number);
            }
        }
        let left: BTreeSet<usize> = cluster.left().iter().map(|uid| uid.parse().unwrap()).collect();
        prop_assert_eq!(left, expected);
    }
}
