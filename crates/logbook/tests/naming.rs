//! What the cluster is called: by the database, and by the pages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use pilothouse::{Client, ClientOptions, Environment, Metrics};
use pilothouse_apiserver::ApiServer;
use pilothouse_logbook::{Logbook, LogbookError, LogbookOptions};
use tower::ServiceExt as _;

const IDENTITY: &str = "4d2f9c1e-8d55-4a1c-9f3e-0a1b2c3d4e5f";

async fn open(options: LogbookOptions) -> Result<Logbook, LogbookError> {
    let environment = Environment::seeded(1);
    let server = ApiServer::builder().environment(environment.clone()).build();
    let inner = pilothouse::kube::Client::new(server, "default");
    let client = Client::new(inner, ClientOptions::default(), &environment, &Metrics::new());
    Logbook::open(options, client, environment).await
}

async fn front_page(options: LogbookOptions) -> String {
    let logbook = open(options).await.unwrap();
    let request = Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
    let answer = logbook.router().oneshot(request).await.unwrap();
    String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn pages_show_the_clusters_name_the_one_it_had_or_the_beginning_of_its_identity() {
    let folder = tempfile::tempdir().unwrap();
    let options = || LogbookOptions::new(folder.path().join("logbook.sqlite")).cluster(IDENTITY);
    let unnamed = front_page(options()).await;
    assert!(unnamed.contains("4d2f9c1e") && !unnamed.contains(IDENTITY));
    assert!(front_page(options().cluster_name("production")).await.contains("production"));
    assert!(front_page(options()).await.contains("production"), "the database remembers it");
}

#[tokio::test]
async fn two_destinations_of_one_name_are_refused_because_one_would_get_the_messages_of_the_other() {
    let hooks = ["https://hooks.example.com/a", "https://hooks.example.com/b"];
    let options = hooks.iter().fold(LogbookOptions::in_memory(), |o, hook| o.notify_webhook(hook, None));
    let Err(error) = open(options).await else { panic!("opened") };
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("give each its own name"));
}
