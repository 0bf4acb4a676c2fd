//! Submitting jobs and acting on them, against a real API server in the same process.

use axum::body::Body;
use http::header::{COOKIE, LOCATION};
use http::{Method, StatusCode};
use k8s_openapi::api::batch::v1::Job;
use pilothouse::kube;

use crate::model::CHANNEL_ANNOTATION;

use super::fixture::{Answer, Portal, form, request, uid_of};

async fn post(portal: &Portal, fields: &str) -> Answer {
    let page = portal.get("/submit").await;
    portal.ask(form("/submit", &page.cookie(), format!("token={}&{fields}", page.token()))).await
}

async fn job(portal: &Portal, name: &str) -> Option<Job> {
    let client = kube::Client::new(portal.server.clone(), "default");
    kube::Api::<Job>::default_namespaced(client).get_opt(name).await.unwrap()
}

const HELLO: &str = "name=hello&namespace=default&image=busybox&command=sh+-c+'echo+hi'&parallelism=2\
                     &completions=3&backoff_limit=1&deadline=60&annotations=team:+ml";

#[tokio::test]
async fn a_submitted_job_is_created_as_described_and_its_page_is_next() {
    let portal = Portal::new().await;
    let answer = post(&portal, &format!("{HELLO}&intent=create")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let job = job(&portal, "hello").await.unwrap();
    let uid = job.metadata.uid.unwrap();
    assert_eq!(answer.headers[LOCATION], format!("/jobs/{uid}?submitted=1"));
    let annotations = job.metadata.annotations.unwrap();
    assert_eq!((annotations["team"].as_str(), annotations[CHANNEL_ANNOTATION].as_str()), ("ml", "portal"));
    let spec = job.spec.unwrap();
    assert_eq!((spec.parallelism, spec.completions, spec.backoff_limit), (Some(2), Some(3), Some(1)));
    assert_eq!(spec.active_deadline_seconds, Some(60));
    let container = &spec.template.spec.unwrap().containers[0];
    assert_eq!(container.command.as_deref().unwrap(), ["sh", "-c", "echo hi"]);
}

#[tokio::test]
async fn a_check_asks_the_server_and_creates_nothing() {
    let portal = Portal::new().await;
    let answer = post(&portal, &format!("{HELLO}&intent=check")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("Nothing was created."));
    assert!(answer.text.contains(r#"value="hello""#), "the form keeps what was typed");
    assert!(!portal.server.request_log().is_empty() && job(&portal, "hello").await.is_none());
}

#[tokio::test]
async fn wrong_fields_are_marked_and_nothing_is_sent() {
    let portal = Portal::new().await;
    let answer = post(&portal, "name=No+Name&image=&command='&namespace=default&backoff_limit=<b>").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.text.matches("data-problem").count(), 4);
    assert!(answer.text.contains(r#"value="No Name""#) && answer.text.contains("&lt;b&gt;"));
    assert!(portal.server.request_log().is_empty());
}

#[tokio::test]
async fn what_the_server_refuses_is_shown_at_the_field() {
    let portal = Portal::new().await;
    assert_eq!(post(&portal, HELLO).await.status, StatusCode::SEE_OTHER);
    let taken = post(&portal, HELLO).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.text.contains("A job of this name exists already."));
    let nowhere = post(&portal, &HELLO.replace("namespace=default", "namespace=nowhere")).await;
    assert!(nowhere.text.contains("There is no such namespace."), "{}", nowhere.text);
}

#[tokio::test]
async fn an_unreachable_server_is_no_fault_of_the_form() {
    let portal = Portal::new().await;
    portal.server.set_available(false);
    let answer = post(&portal, HELLO).await;
    assert!(answer.status == StatusCode::BAD_GATEWAY || answer.status == StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains(r#"role="alert""#) && !answer.text.contains("data-problem"));
}

#[tokio::test]
async fn a_job_that_is_not_recorded_yet_has_a_page_that_waits() {
    let portal = Portal::new().await;
    assert_eq!(portal.get("/jobs/new").await.status, StatusCode::NOT_FOUND);
    let waiting = portal.get("/jobs/new?submitted=1").await;
    assert_eq!(waiting.status, StatusCode::OK);
    assert!(waiting.text.contains(r#"http-equiv="refresh""#));
    let address = format!("/jobs/{}?submitted=1", uid_of("late"));
    let (page, _) = tokio::join!(portal.get(&address), portal.add("late", &["Submitted"]));
    assert!(page.text.contains("<h1>late</h1>"), "the first version shows at once");
}

#[tokio::test]
async fn an_action_meets_the_recorded_job_only() {
    let portal = Portal::new().await;
    assert_eq!(post(&portal, HELLO).await.status, StatusCode::SEE_OTHER);
    // The recorded job of this name has another uid than the one in the cluster.
    let uid = portal.add("hello", &["Submitted"]).await;
    let page = portal.get(&format!("/jobs/{uid}")).await;
    let body = format!("token={}", page.token());
    let answer = portal.ask(form(&format!("/jobs/{uid}/delete"), &page.cookie(), body)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let back = answer.headers[LOCATION].to_str().unwrap();
    assert!(back.contains("?problem="), "{back}");
    let returned = request(Method::GET, back).header(COOKIE, page.cookie()).body(Body::empty()).unwrap();
    assert!(portal.ask(returned).await.text.contains("The API server refused"));
    let elsewhere = portal.get(back).await.text;
    assert!(
        !elsewhere.contains("The API server refused"),
        "an address puts no words on somebody else's page"
    );
    assert!(job(&portal, "hello").await.is_some());
}

#[tokio::test]
async fn a_read_only_portal_offers_and_takes_no_change() {
    let portal = Portal::new().await.read_only();
    let uid = portal.add("web", &["Submitted"]).await;
    let page = portal.get(&format!("/jobs/{uid}")).await;
    assert!(!page.text.contains("<form method=\"post\"") && !page.text.contains("/submit"));
    assert_eq!(portal.get("/submit").await.status, StatusCode::NOT_FOUND);
    let delete = form(&format!("/jobs/{uid}/delete"), &page.cookie(), "token=x".to_owned());
    assert_eq!(portal.ask(delete).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_too_large_is_refused_on_a_page() {
    let portal = Portal::new().await;
    let answer = post(&portal, &format!("annotations={}", "a".repeat(2 << 20))).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text.contains("larger than one megabyte"));
    assert!(portal.server.request_log().is_empty());
}
