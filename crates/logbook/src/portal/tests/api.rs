//! The JSON API.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::fixture::Portal;

async fn json(portal: &Portal, address: &str) -> Value {
    let answer = portal.get(address).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let portal = Portal::new().await;
    for number in 0..5 {
        portal.add(&format!("job-{number}"), &["Submitted", "Running"]).await;
    }
    let mut names = Vec::new();
    let mut address = "/api/v1/jobs?limit=2&state=active".to_owned();
    loop {
        let page = json(&portal, &address).await;
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|job| job["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        address = format!("/api/v1/jobs?limit=2&state=active&cursor={next}");
    }
    assert_eq!(names, ["job-4", "job-3", "job-2", "job-1", "job-0"]);
    assert!(json(&portal, "/api/v1/jobs?state=Failed,waiting").await["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_job_is_told_with_its_history() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted", "Running", "Failed"]).await;
    let job = json(&portal, &format!("/api/v1/jobs/{uid}")).await;
    assert_eq!((job["job"]["state"].as_str(), job["job"]["exitCode"].as_i64()), (Some("Failed"), Some(127)));
    let first = json(&portal, &format!("/api/v1/jobs/{uid}/transitions?limit=2")).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let rest = json(&portal, &format!("/api/v1/jobs/{uid}/transitions?cursor={next}")).await;
    assert_eq!((rest["items"][0]["to"].as_str(), rest["next"].as_str()), (Some("Failed"), None));
    let revisions = json(&portal, &format!("/api/v1/jobs/{uid}/revisions")).await;
    let id = revisions["items"][2]["id"].as_i64().unwrap();
    let document = json(&portal, &format!("/api/v1/jobs/{uid}/revisions/{id}")).await;
    assert_eq!(document["metadata"]["labels"]["step"], "2");
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let portal = Portal::new().await;
    let cases = [
        ("/api/v1/jobs/none", 404, "NotFound"),
        ("/api/v1/none", 404, "NotFound"),
        ("/api/v1/jobs?cursor=x", 400, "InvalidCursor"),
        ("/api/v1/jobs?state=flying", 400, "InvalidParameter"),
        ("/api/v1/jobs?limit=0", 400, "InvalidParameter"),
    ];
    for (address, status, reason) in cases {
        let answer = portal.get(address).await;
        assert_eq!(answer.status.as_u16(), status, "{address}");
        assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json", "{address}");
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(
            (problem["status"].as_u64(), problem["reason"].as_str()),
            (Some(status.into()), Some(reason))
        );
    }
}

#[tokio::test]
async fn health_is_that_the_database_answers() {
    let portal = Portal::new().await;
    let health = portal.get("/healthz").await;
    assert_eq!((health.status, health.text.as_str()), (StatusCode::OK, "ok\n"));
}
