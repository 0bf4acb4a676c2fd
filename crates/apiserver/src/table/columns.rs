//! Which columns a Table of each built-in type has.

use crate::kind::Column;

/// Name, type, format, priority (1 is shown with `-o wide` only), description.
pub(crate) type Row = (&'static str, &'static str, &'static str, u32, &'static str);

pub(crate) const NAME: Row = ("Name", "string", "name", 0, "Name of the object.");
pub(crate) const AGE: Row = ("Age", "string", "", 0, "Time since the object was created.");
pub(crate) const CONTAINERS: Row =
    ("Containers", "string", "", 1, "Names of the containers in the template.");
pub(crate) const IMAGES: Row = ("Images", "string", "", 1, "Images of the containers in the template.");
pub(crate) const SELECTOR: Row = ("Selector", "string", "", 1, "Labels of the pods that belong to it.");

const POD: &[Row] = &[
    NAME,
    ("Ready", "string", "", 0, "Containers that are ready, of all."),
    ("Status", "string", "", 0, "What the pod's containers are doing, in one word."),
    ("Restarts", "string", "", 0, "How often containers were restarted, and when last."),
    AGE,
    ("IP", "string", "", 1, "Address of the pod."),
    ("Node", "string", "", 1, "Node that the pod is bound to."),
    ("Nominated Node", "string", "", 1, "Node on which room is being made for the pod."),
    ("Readiness Gates", "string", "", 1, "Readiness gates that are true, of all."),
];

const JOB: &[Row] = &[
    NAME,
    ("Status", "string", "", 0, "What the job is doing, in one word."),
    ("Completions", "string", "", 0, "Pods that succeeded, of those wanted."),
    ("Duration", "string", "", 0, "Time from start to completion, or until now."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const CRON_JOB: &[Row] = &[
    NAME,
    ("Schedule", "string", "", 0, "When jobs are created, in cron format."),
    ("Timezone", "string", "", 0, "Time zone of the schedule."),
    ("Suspend", "boolean", "", 0, "Whether no further jobs are created."),
    ("Active", "integer", "", 0, "Jobs running now."),
    ("Last Schedule", "string", "", 0, "Time since the last job was created."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const DEPLOYMENT: &[Row] = &[
    NAME,
    ("Ready", "string", "", 0, "Ready pods, of those wanted."),
    ("Up-to-date", "string", "", 0, "Pods made from the present template."),
    ("Available", "string", "", 0, "Pods that have been ready long enough."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const REPLICA_SET: &[Row] = &[
    NAME,
    ("Desired", "integer", "", 0, "Pods wanted."),
    ("Current", "integer", "", 0, "Pods that exist."),
    ("Ready", "integer", "", 0, "Pods that are ready."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const STATEFUL_SET: &[Row] =
    &[NAME, ("Ready", "string", "", 0, "Ready pods, of those wanted."), AGE, CONTAINERS, IMAGES];

const DAEMON_SET: &[Row] = &[
    NAME,
    ("Desired", "integer", "", 0, "Nodes that should run a pod."),
    ("Current", "integer", "", 0, "Nodes that should run a pod and do."),
    ("Ready", "integer", "", 0, "Nodes whose pod is ready."),
    ("Up-to-date", "integer", "", 0, "Nodes whose pod is made from the present template."),
    ("Available", "integer", "", 0, "Nodes whose pod has been ready long enough."),
    ("Node Selector", "string", "", 0, "Labels of the nodes."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const CONTROLLER_REVISION: &[Row] = &[
    NAME,
    ("Controller", "string", "", 0, "Whose revision it is."),
    ("Revision", "string", "", 0, "Its number."),
    AGE,
];

const SERVICE: &[Row] = &[
    NAME,
    ("Type", "string", "", 0, "How the service is reached."),
    ("Cluster-IP", "string", "", 0, "Address inside the cluster."),
    ("External-IP", "string", "", 0, "Addresses outside the cluster."),
    ("Port(s)", "string", "", 0, "Ports, with node ports after a colon."),
    AGE,
    SELECTOR,
];

const NODE: &[Row] = &[
    NAME,
    ("Status", "string", "", 0, "Whether the node is ready and takes pods."),
    ("Roles", "string", "", 0, "Roles, from the node's labels."),
    AGE,
    ("Version", "string", "", 0, "Version of the node's agent."),
    ("Internal-IP", "string", "", 1, "Address inside the cluster."),
    ("External-IP", "string", "", 1, "Address outside the cluster."),
    ("OS-Image", "string", "", 1, "Operating system."),
    ("Kernel-Version", "string", "", 1, "Kernel."),
    ("Container-Runtime", "string", "", 1, "Container runtime."),
];

const EVENT: &[Row] = &[
    ("Last Seen", "string", "", 0, "Time since it last happened."),
    ("Type", "string", "", 0, "Normal or Warning."),
    ("Reason", "string", "", 0, "What happened, in one word."),
    ("Object", "string", "", 0, "The object it happened to."),
    ("Subobject", "string", "", 1, "The part of the object."),
    ("Source", "string", "", 1, "Who reports it."),
    ("Message", "string", "", 0, "What happened, for people."),
    ("First Seen", "string", "", 1, "Time since it first happened."),
    ("Count", "string", "", 1, "How often it happened."),
    ("Name", "string", "name", 1, "Name of the event."),
];

const SCALE: &[Row] = &[
    NAME,
    ("Desired", "integer", "", 0, "Replicas wanted."),
    ("Available", "integer", "", 0, "Replicas that exist."),
    AGE,
];
const LEASE: &[Row] = &[NAME, ("Holder", "string", "", 0, "Who holds the lease."), AGE];
const NAMESPACE: &[Row] = &[NAME, ("Status", "string", "", 0, "Active or Terminating."), AGE];
const CONFIG_MAP: &[Row] = &[NAME, ("Data", "string", "", 0, "Number of entries."), AGE];
const SECRET: &[Row] = &[
    NAME,
    ("Type", "string", "", 0, "What it holds."),
    ("Data", "string", "", 0, "Number of entries."),
    AGE,
];
const SERVICE_ACCOUNT: &[Row] =
    &[NAME, ("Secrets", "string", "", 0, "Number of secrets that pods of the account may use."), AGE];
const DEFINITION: &[Row] = &[NAME, ("Created At", "date", "", 0, "When the definition was created.")];
const ROLE: &[Row] = &[NAME, ("Created At", "date", "", 0, "When the role was created.")];
const BINDING: &[Row] = &[NAME, ("Role", "string", "", 0, "The role that is given."), AGE];
const GENERIC: &[Row] = &[NAME, ("Age", "date", "", 0, "Time since the object was created.")];

/// The columns of the built-in type `plural` of `group`; name and age for types without columns of their own.
pub(crate) fn of(group: &str, plural: &str) -> Vec<Column> {
    let rows = match (group, plural) {
        ("", "pods") => POD,
        ("batch", "jobs") => JOB,
        ("batch", "cronjobs") => CRON_JOB,
        ("apps", "deployments") => DEPLOYMENT,
        ("apps", "replicasets") => REPLICA_SET,
        ("apps", "statefulsets") => STATEFUL_SET,
        ("apps", "daemonsets") => DAEMON_SET,
        ("apps", "controllerrevisions") => CONTROLLER_REVISION,
        ("", "services") => SERVICE,
        ("", "nodes") => NODE,
        ("" | "events.k8s.io", "events") => EVENT,
        ("coordination.k8s.io", "leases") => LEASE,
        ("autoscaling", "scales") => SCALE,
        ("", "namespaces") => NAMESPACE,
        ("", "configmaps") => CONFIG_MAP,
        ("", "secrets") => SECRET,
        ("", "serviceaccounts") => SERVICE_ACCOUNT,
        ("apiextensions.k8s.io", "customresourcedefinitions") => DEFINITION,
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => ROLE,
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => BINDING,
        _ => GENERIC,
    };
    columns(rows)
}

/// Columns from their rows.
pub(crate) fn columns(rows: &[Row]) -> Vec<Column> {
    let column = |(name, type_name, format, priority, description): &Row| Column {
        name: (*name).into(),
        type_name: (*type_name).into(),
        format: (*format).into(),
        description: (*description).into(),
        priority: *priority,
    };
    rows.iter().map(column).collect()
}
