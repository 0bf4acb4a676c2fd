//! What is said from outside, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_apiserver::ApiServer;
use pilothouse_machinery::Environment;
use proptest::prelude::*;
use tokio::time::sleep;

use super::settings::ManagerSettings;
use super::times::Finite;
use super::value::Value;
use super::*;
use crate::controller::{Context, Controller, ControllerOptions, Reconciler};
use crate::leader::{Election, ElectionError};
use crate::queue::{Bucket, Retry};
use crate::testing::{Script, list, object, shown, stream};
use crate::{Action, Client, Error, Manager, Metrics, MetricsAccess, ReconcileError};

struct Idle;

impl Reconciler for Idle {
    type Object = ConfigMap;

    async fn reconcile(&self, _: Arc<ConfigMap>, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        Err(ReconcileError::retryable("not yet"))
    }
}

/// A manager with the controllers `websites` and `website-sync`.
fn manager() -> Manager {
    let websites = Controller::of::<ConfigMap>().named("websites").workers(2..=8);
    let slow = Retry::fast_then_slow(Duration::from_secs(1), Duration::from_mins(1), 3);
    let sync = Controller::of::<ConfigMap>().named("website-sync").retry(slow);
    Manager::new("operator").controller(websites, Idle).controller(sync, Idle)
}

fn file(text: &str) -> Configuration {
    Configuration::new().yaml("config.yaml", text).unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Key, value and origin of each setting.
fn effective(manager: &Manager) -> BTreeMap<String, (String, String)> {
    let settings = manager.settings().unwrap();
    let pair = |one: &EffectiveSetting| (one.key.join("."), (one.value.clone(), one.origin.to_string()));
    settings.all().iter().map(pair).collect()
}

fn problems(manager: &Manager) -> Vec<String> {
    match manager.settings() {
        Err(ConfigurationError::Problems { problems }) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_code() {
    let text =
        "gracePeriod: 45s\nmetrics:\n  address: 127.0.0.1:1\ncontrollers:\n  website-sync:\n    workers: 3\n";
    let configuration = file(text).yaml("second.yaml", "metrics: {address: ':9'}").unwrap();
    let environment = variables(&[
        ("OPERATOR__CONTROLLERS__WEBSITE_SYNC__WORKERS", "2-5"),
        ("OPERATOR__METRICS__ACCESS", "delegated"),
        ("OTHER__METRICS__ACCESS", "nonsense"),
    ]);
    let configuration = configuration.environment("OPERATOR", environment).unwrap();
    let found = effective(&manager().grace_period(Duration::from_secs(7)).configuration(configuration));
    for (key, value, origin) in [
        ("gracePeriod", "45s", "config.yaml:1"),
        ("metrics.address", "[::]:9", "second.yaml:1"),
        ("metrics.access", "delegated", "$OPERATOR__METRICS__ACCESS"),
        ("probes.address", "off", "code"),
        ("controllers.websites.workers", "2-8", "code"),
        ("controllers.website-sync.workers", "2-5", "$OPERATOR__CONTROLLERS__WEBSITE_SYNC__WORKERS"),
        ("controllers.website-sync.timeout", "2m", "code"),
    ] {
        assert_eq!(found[key], (value.to_owned(), origin.to_owned()), "{key}");
    }
    assert!(!found.contains_key("controllers.website-sync.retry.first"), "its policy is not exponential");
}

#[test]
fn mistakes_are_told_with_their_place_and_the_remedy_all_at_once() {
    let text = "\
gracePeriod: soon
metrics:
  adress: 127.0.0.1:1
  access: everybody
  certificate: /tls.crt
controllers:
  website:
    workers: 3
  websites:
    workers: 8-2
    retry: {giveUpAfter: 0}
    timeout: 60
";
    let environment = variables(&[("O__METRICS__PORT", "1"), ("O__CONTROLLERS__WEBSITES__TIMEOUT", "1y")]);
    let configuration = file(text).environment("O", environment).unwrap();
    let manager = manager().configuration(configuration);
    let found = problems(&manager);
    let time = "write a time such as 500ms, 30s or 1m30s, or never";
    let expected = [
        format!("config.yaml:1: \"soon\" is nothing that gracePeriod can be: {time}"),
        "config.yaml:4: \"everybody\" is nothing that metrics.access can be: write loopback, delegated or \
         unprotected"
            .to_owned(),
        "config.yaml:5: metrics.certificate alone says nothing: it needs metrics.key beside it".to_owned(),
        "config.yaml:10: \"8-2\" is nothing that controllers.websites.workers can be: write a number from 1 such as 4, \
         or a range such as 1-16"
            .to_owned(),
        format!("config.yaml:12: \"60\" is nothing that controllers.websites.timeout can be: {time}"),
        format!(
            "$O__CONTROLLERS__WEBSITES__TIMEOUT: \"1y\" is nothing that controllers.websites.timeout can be: {time}"
        ),
        "config.yaml:11: \"0\" is nothing that controllers.websites.retry.giveUpAfter can be: write a number from 1, \
         or never"
            .to_owned(),
        "config.yaml:8: controllers.website.workers is about a controller that is not there; there are: websites, \
         website-sync"
            .to_owned(),
        "config.yaml:3: metrics.adress is no setting; there are: metrics.access, metrics.address, \
         metrics.certificate, metrics.key, metrics.remoteDeadLetterChanges"
            .to_owned(),
        "$O__METRICS__PORT: METRICS__PORT is no setting; there are: METRICS__ACCESS, METRICS__ADDRESS, \
         METRICS__CERTIFICATE, METRICS__KEY, METRICS__REMOTE_DEAD_LETTER_CHANGES"
            .to_owned(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_file_that_is_no_configuration_is_told_with_its_place() {
    let error = Configuration::new().file("/nowhere/config.yaml").unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/config.yaml");
    assert_eq!(error.reason(), "ConfigurationNotReadable");
    let error = Configuration::new().yaml("c.yaml", "a: 1\nb: [\n").unwrap_err();
    assert!(error.to_string().starts_with("cannot read c.yaml:"), "{error}");
    assert_eq!(error.reason(), "ConfigurationNotYaml");
    let twice = Configuration::new().yaml("c.yaml", "gracePeriod: 1s\ngracePeriod: 2s\n").unwrap_err();
    assert!(twice.to_string().contains("c.yaml:2"), "{twice}");
    let error =
        Configuration::new().yaml("c.yaml", "gracePeriod: 1s\nmetrics:\n  address: [a]\n").unwrap_err();
    assert!(error.to_string().contains("c.yaml:3: \"metrics.address\" must be keys and values"), "{error}");
    assert!(Configuration::new().yaml("c.yaml", "just a text").is_err());
    for empty in ["", "# nothing yet\n", "metrics:\n", "{}"] {
        let configuration = Configuration::new().yaml("c.yaml", empty).unwrap();
        assert!(manager().configuration(configuration).settings().is_ok(), "{empty:?}");
    }
}

#[test]
fn what_kubernetes_puts_into_the_environment_of_pods_is_not_taken_for_settings() {
    let service = variables(&[
        ("OPERATOR_METRICS_SERVICE_HOST", "10.0.0.1"),
        ("OPERATOR_METRICS_PORT_8443_TCP", "tcp://10.0.0.1:8443"),
        ("OPERATOR_PORT", "tcp://10.0.0.1:80"),
    ]);
    let configuration = Configuration::new().environment("OPERATOR", service).unwrap();
    assert!(manager().configuration(configuration).settings().is_ok());
}

#[tokio::test]
async fn a_client_of_the_programs_own_cannot_be_configured() {
    let configuration = file("client:\n  burst: 7\n");
    let own = manager().client(Script::default().client()).configuration(configuration.clone());
    assert_eq!(
        problems(&own),
        [
            "config.yaml:2: client.burst cannot be set: the program brings a client of its own, and its options"
        ]
    );
    let made = manager().configuration(configuration);
    assert_eq!(effective(&made)["client.burst"].0, "7");
    let mut settled = made;
    settled.settle().unwrap();
    assert_eq!(settled.client_options.rate, crate::client::Rate::Limited { per_second: 50.0, burst: 7 });
}

#[test]
fn what_is_printed_can_be_read_again_and_says_the_same() {
    let text = "metrics: {address: '[::1]:9', certificate: '/a b.crt', key: '/k: #'}\nleaderElection: {enabled: true}\n\
                controllers: {websites: {retry: {perSecond: 0.5}}}\n";
    let first = manager().configuration(file(text));
    let printed = first.settings().unwrap().to_string();
    assert!(printed.contains("\n  access: loopback"), "{printed}");
    assert!(printed.lines().all(|line| line.ends_with(':') || line.contains(" # ")), "{printed}");
    let second = manager().configuration(file(&printed));
    let values = |manager: &Manager| -> Vec<(String, String)> {
        effective(manager).into_iter().map(|(key, (value, _))| (key, value)).collect()
    };
    assert_eq!(values(&first), values(&second), "{printed}");
    assert!(effective(&second).values().all(|(_, origin)| origin.starts_with("config.yaml:")));
}

#[test]
fn everything_that_is_set_reaches_the_manager() {
    let text = "\
gracePeriod: never
metrics: {address: ':1', access: unprotected, certificate: c, key: k, remoteDeadLetterChanges: true}
probes: {address: ':2'}
leaderElection: {enabled: true, namespace: there, leaseDuration: 60s, renewDeadline: 40s, retryPeriod: 5s}
client: {requestsPerSecond: unlimited, requestTimeout: 9s}
";
    let mut manager = manager().configuration(file(text));
    manager.settle().unwrap();
    assert_eq!(manager.grace_period, Duration::MAX);
    let serving = &manager.serving;
    assert_eq!(serving.address.unwrap().to_string(), "[::]:1");
    assert_eq!(serving.probes.unwrap().to_string(), "[::]:2");
    assert_eq!(serving.access, MetricsAccess::Unprotected);
    assert_eq!(serving.certificate.as_ref().unwrap().key.to_str(), Some("k"));
    assert!(serving.remote_dead_letter_changes);
    let election = manager.election.as_ref().unwrap();
    assert_eq!(election.lease().to_string(), "there/operator");
    assert_eq!(election.chosen_timing().renew_deadline, Duration::from_secs(40));
    assert_eq!(manager.client_options.rate, crate::client::Rate::Unlimited);
    assert_eq!(manager.client_options.request_timeout, Duration::from_secs(9));
    // Nothing that was set is lost when it is read back.
    let mut again = ManagerSettings::of(&manager);
    let shown: Vec<_> = again.all().into_iter().map(|setting| setting.value.show()).collect();
    let mut expected = ManagerSettings::of(&manager);
    let resolved = file(text).resolve(&mut expected, &mut []).unwrap();
    assert_eq!(shown, resolved.all().iter().map(|one| one.value.clone()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_configured_controller_runs_with_what_was_said_and_others_as_the_code_says() {
    let text =
        "controllers:\n  websites:\n    workers: 5\n    retry: {first: 1s, longest: 1s, giveUpAfter: 3}\n";
    let (_feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
    let metrics = script.metrics.clone();
    let manager = manager()
        .client(script.client())
        .environment(Script::environment())
        .metrics(metrics.clone())
        .configuration(file(text));
    manager.run_until(sleep(Duration::from_secs(30))).await.unwrap();
    let of = |name, controller| shown(&metrics, name, &[("controller", controller)]);
    assert_eq!(of("controller_runtime_max_concurrent_reconciles", "websites"), Some(5.0));
    assert_eq!(of("controller_runtime_max_concurrent_reconciles", "website-sync"), Some(1.0));
    assert_eq!(of("pilothouse_dead_letters_parked_total", "websites"), Some(1.0));
    assert_eq!(of("controller_runtime_reconcile_errors_total", "websites"), Some(3.0));
}

#[tokio::test(start_paused = true)]
async fn a_manager_with_a_configuration_that_means_nothing_does_not_start() {
    let manager = manager().configuration(file("nonsense: 1\n"));
    let error = manager.run_until(std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert_eq!(error.reason(), "ConfigurationInvalid");
    let said = crate::controller::chain(&error);
    assert!(said.contains("config.yaml:1: nonsense is no setting; there are:"), "{said}");
}

#[test]
fn the_page_names_each_setting_with_its_form_and_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let manager = Manager::new("operator").controller(Controller::of::<ConfigMap>().named("NAME"), Idle);
    let mut settings = ManagerSettings::of(&manager);
    let mut controller = manager.runnables[0].settings().unwrap();
    let of_manager = settings.all().into_iter().map(|setting| (String::new(), setting));
    let of_controller = controller.all().into_iter().map(|setting| ("controllers.NAME.".to_owned(), setting));
    let expected: Vec<String> = of_manager
        .chain(of_controller)
        .map(|(section, setting)| {
            let (key, form, value) = (setting.key, setting.value.form(), setting.value.show());
            format!("| `{section}{key}` | {} | {form} | `{value}` |", setting.meaning)
        })
        .collect();
    assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
}

/// The text of a file that says this about one key.
fn one(key: &str, value: &str) -> String {
    key.rsplit('.').fold(value.to_owned(), |inner, part| format!("{{{part}: {inner}}}"))
}

/// Runs a manager for a while with what a configuration says, the client's part of it too; `None` where it says what
/// cannot be.
async fn run_with(configuration: Configuration) -> Option<Result<(), Error>> {
    let environment = Environment::simulated(5, Timestamp::UNIX_EPOCH);
    let server = ApiServer::builder().environment(environment.clone()).build();
    let mut manager = manager().configuration(configuration);
    manager.settle().ok()?;
    let inner = kube::Client::new(server, "default");
    let client = Client::new(inner, manager.client_options.clone(), &environment, &Metrics::new());
    let mut map = ConfigMap::default();
    map.metadata.name = Some("one".to_owned());
    client.create(&map).await.unwrap();
    let manager = manager.configuration(Configuration::new()).client(client).environment(environment);
    Some(manager.run_until(sleep(Duration::from_secs(30))).await)
}

/// Each key whose value is a time.
fn keys_of_times() -> impl Iterator<Item = String> {
    let is_time = |key: &String| manager().configuration(file(&one(key, "1m"))).settings().is_ok();
    let no_time = ["leaderElection.namespace", "metrics.certificate", "metrics.key"];
    effective(&manager()).into_keys().filter(move |key| is_time(key) && !no_time.contains(&&**key))
}

#[tokio::test(start_paused = true)]
async fn a_manager_runs_with_each_time_that_can_be_written() {
    let (mut endless, mut bounded) = (Configuration::new(), Vec::new());
    for key in keys_of_times() {
        if let Some(ended) = run_with(file(&one(&key, "never"))).await {
            ended.unwrap();
            endless = endless.yaml("endless.yaml", &one(&key, "never")).unwrap();
        } else {
            bounded.push(key.clone());
        }
        // The longest that there is.
        let elects = file("leaderElection: {enabled: true}");
        let configuration = if key.starts_with("leaderElection.") { elects } else { Configuration::new() };
        let configuration = configuration.yaml("long.yaml", &one(&key, "5124095576030431h15s")).unwrap();
        let ended = run_with(configuration).await.expect("a time");
        let refused = matches!(ended, Err(Error::Election { source: ElectionError::Timing { .. } }));
        assert_eq!(refused, key.starts_with("leaderElection."), "{key}: {ended:?}");
    }
    run_with(endless).await.expect("all together").unwrap();
    let elections =
        ["leaseDuration", "renewDeadline", "retryPeriod"].map(|time| format!("leaderElection.{time}"));
    assert_eq!(bounded[0], "client.requestTimeout");
    assert_eq!(bounded[1..], elections);
}

#[test]
fn a_namespace_may_have_any_name() {
    for name in ["default", "off", "null", "true", "007", "1e3", "0x10"] {
        let coded = || Manager::new("operator").election(Election::new("operator").in_namespace(name));
        let printed = coded().settings().unwrap().to_string();
        let mut read = Manager::new("operator").configuration(file(&printed));
        read.settle().unwrap();
        assert_eq!(read.election.unwrap().lease().to_string(), format!("{name}/operator"), "{printed}");
    }
    let mut unset = Manager::new("operator")
        .leader_election()
        .configuration(file(&one("leaderElection.namespace", "client.default")));
    unset.settle().unwrap();
    assert_eq!(unset.election.unwrap().lease().namespace.as_ref(), "");
}

/// A manager with one controller, `one`.
fn with_controller(
    edit: impl FnOnce(crate::ControllerBuilder<ConfigMap>) -> crate::ControllerBuilder<ConfigMap>,
) -> Manager {
    let builder = edit(Controller::of::<ConfigMap>().named("one"));
    Manager::new("operator").controller(builder, Idle)
}

/// What a manager uses, of its own and of its controllers.
fn used(manager: &Manager) -> (ManagerSettings, Vec<Option<ControllerSettings>>) {
    (ManagerSettings::of(manager), manager.runnables.iter().map(|one| one.settings()).collect())
}

proptest! {
    #[test]
    fn a_time_is_read_as_it_is_shown(seconds in any::<u64>(), nanoseconds in 0_u32..1_000_000_000) {
        for time in [Duration::new(seconds, nanoseconds), Duration::from_nanos(seconds), Duration::from_secs(seconds)] {
            let (mut read, mut finite) = (Duration::MAX, Finite(Duration::MAX));
            prop_assert!(read.read(&time.show()), "{}", time.show());
            prop_assert!(finite.read(&Finite(time).show()), "{}", Finite(time).show());
            prop_assert_eq!((read, finite), (time, Finite(time)));
        }
    }

    #[test]
    fn what_code_says_survives_being_settled_and_being_printed_and_read(
        rates in prop::array::uniform2(prop_oneof![any::<f64>(), 0.001..1e12, Just(1e10), Just(3.0)]),
        bursts in any::<[u32; 2]>(),
        times in any::<[u64; 3]>(),
        path in "[ -~]{1,12}",
        namespace in "[a-f0-9x][a-f0-9x.-]{0,8}",
    ) {
        let times = times.map(Duration::from_nanos);
        let options = crate::ClientOptions { request_timeout: times[0], ..crate::ClientOptions::default() };
        let mut coded = with_controller(|builder| {
            let builder = builder.retry_bucket(Bucket::new(rates[0], bursts[0]).at_most(times[1]));
            builder.debounce(times[1]).minimum_interval(times[2]).timeout(Duration::MAX)
        });
        coded = coded.election(Election::new("operator").in_namespace(namespace)).grace_period(times[2]);
        coded = coded.client_options(options.with_rate(rates[1], bursts[1])).metrics_certificate(path.clone(), path);
        let before = used(&coded);
        let printed = coded.settings().unwrap().to_string();
        coded.settle().unwrap();
        prop_assert_eq!(&used(&coded), &before);
        let mut read = with_controller(|builder| builder).configuration(file(&printed));
        read.settle().unwrap();
        prop_assert_eq!(used(&read), before, "{}", printed);
    }

    #[test]
    fn a_bucket_survives_being_settled(rate in any::<f64>(), burst in any::<u32>(), longest in any::<u64>()) {
        let bucket = Bucket::new(rate, burst).at_most(Duration::from_nanos(longest));
        let mut options = ControllerOptions::default();
        options.queue.bucket = Some(bucket);
        ControllerSettings::of(&options).apply(&mut options);
        prop_assert_eq!(options.queue.bucket, Some(bucket));
    }

    #[test]
    fn nothing_that_is_read_panics(text in "[0-9a-z.:-]{0,12}|[0-9]{1,18}(ns|us|ms|s|m|h)", wild in ".{0,20}") {
        for text in [text, wild] {
            let coded = || with_controller(|builder| builder.retry_bucket(Bucket::new(1e10, 5)));
            let mut manager = coded();
            let mut controller = manager.runnables[0].settings().unwrap();
            let mut settings = ManagerSettings::of(&manager);
            for setting in settings.all().into_iter().chain(controller.all()) {
                let before = setting.value.show();
                if setting.value.read(&text) {
                    let shown = setting.value.show();
                    prop_assert!(setting.value.read(&shown), "{shown} of {text} for {}", setting.key);
                    prop_assert_eq!(setting.value.show(), shown);
                } else {
                    prop_assert!(text.is_empty() || setting.value.show() == before, "{} changed", setting.key);
                }
            }
            settings.clone().apply(&mut manager);
            manager.runnables[0].configure(controller.clone());
            // Without an election, what was said about it means nothing.
            let used = used(&manager.election(Election::new("operator")));
            prop_assert_eq!(used.1, [Some(controller)]);
        }
    }
}
