//! The pages show what is on record and nothing of what it could do to them.

use http::StatusCode;

use super::fixture::Portal;

#[tokio::test]
async fn the_list_shows_jobs_counts_and_filters() {
    let portal = Portal::new().await;
    portal.add("alpha", &["Submitted", "Running"]).await;
    portal.add("beta", &["Submitted", "Failed"]).await;
    let all = portal.get("/").await;
    assert_eq!(all.status, StatusCode::OK);
    assert!(all.text.contains(">alpha</a>") && all.text.contains(">beta</a>"));
    assert!(all.text.contains("exit 127") && all.text.contains("data-events=\"/events?after=4\""));
    let failed = portal.get("/?state=failed").await.text;
    assert!(!failed.contains(">alpha</a>") && failed.contains(">beta</a>"));
    let named = portal.get("/?q=ALP").await.text;
    assert!(named.contains(">alpha</a>") && !named.contains(">beta</a>"));
    assert!(named.contains(r#"value="ALP""#), "the search field keeps what was typed");
    assert!(portal.get("/?namespace=other").await.text.contains("No job matches"));
}

#[tokio::test]
async fn pages_of_the_list_follow_each_other_without_loss_or_repetition() {
    let portal = Portal::new().await;
    for number in 0..150 {
        portal.add(&format!("job-{number:03}"), &["Submitted"]).await;
    }
    let first = portal.get("/").await.text;
    let (_, rest) = first.split_once(r#"rel="next" href=""#).unwrap();
    let second = portal.get(rest.split('"').next().unwrap()).await.text;
    let on = |page: &str, number: usize| page.contains(&format!(">job-{number:03}</a>"));
    assert!((0..150).all(|number| on(&first, number) != on(&second, number)));
    assert!(second.contains(r#"data-live="no""#), "new jobs belong to the first page only");
}

#[tokio::test]
async fn an_empty_logbook_says_what_to_do() {
    let portal = Portal::new().await;
    let page = portal.get("/").await.text;
    assert!(page.contains("kubectl create job hello --image=busybox -- echo hi"));
    assert!(page.contains(r#"id="rows""#), "the first job has a table to appear in");
}

#[tokio::test]
async fn hostile_names_and_messages_are_shown_as_text() {
    let portal = Portal::new().await;
    let uid = portal.add("<script>alert(1)</script>", &["Submitted", "Failed"]).await;
    let pages = ["/".to_owned(), format!("/jobs/{uid}"), "/?q=<script>&namespace=\"><script>".to_owned()];
    for address in pages {
        let address = address.replace(['<', '>', '"'], "%3C");
        let page = portal.get(&address).await.text;
        assert!(!page.contains("<script>alert") && !page.contains("<b>Job</b>"), "{address}");
    }
    let page = portal.get(&format!("/jobs/{uid}")).await.text;
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;b&gt;Job&lt;/b&gt;")
    );
}

#[tokio::test]
async fn a_job_page_tells_its_fate_and_its_history() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted", "Pending", "Starting", "Running", "Failed"]).await;
    let page = portal.get(&format!("/jobs/{uid}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let fate = "Failed at the only attempt: the last container exited with code 127 because \
                the command was not found (BackoffLimitExceeded).";
    assert!(page.text.contains(fate), "why, in plain words");
    for section in ["head", "timeline", "transitions", "pods", "revisions", "notifications", "labels"] {
        assert!(page.text.contains(&format!("id=\"{section}\"")), "{section}");
    }
    assert!(page.text.contains("step=4"), "labels of the newest version");
    let chinese = portal.get(&format!("/jobs/{uid}?lang=zh")).await.text;
    assert!(chinese.contains("lang=\"zh\"") && chinese.contains("最后一个容器以退出码 127 结束"));
}

#[tokio::test]
async fn stored_versions_are_shown_and_compared() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted", "Running"]).await;
    let yaml = portal.get(&format!("/jobs/{uid}/revisions/2")).await.text;
    assert!(
        yaml.contains(r#"<span class="key">step</span>: <span class="text">&quot;1&quot;</span>"#),
        "{yaml}"
    );
    let json = portal.get(&format!("/jobs/{uid}/revisions/2?format=json")).await.text;
    assert!(json.contains("&quot;step&quot;: &quot;1&quot;"));
    let changes = portal.get(&format!("/jobs/{uid}/revisions/2/difference")).await.text;
    assert_eq!((changes.matches("row removed").count(), changes.matches("row added").count()), (1, 1));
    assert!(
        portal
            .get(&format!("/jobs/{uid}/revisions/1/difference"))
            .await
            .text
            .contains("first stored version")
    );
}

#[tokio::test]
async fn what_is_not_on_record_is_not_found() {
    let portal = Portal::new().await;
    let uid = portal.add("web", &["Submitted"]).await;
    let other = portal.add("other", &["Submitted"]).await;
    let addresses = [
        "/jobs/none".to_owned(),
        "/nothing/here".to_owned(),
        "/?page=nonsense".to_owned(),
        "/assets/portal.0000000000000000.css".to_owned(),
        format!("/jobs/{uid}/revisions/99"),
        format!("/jobs/{uid}/revisions/x"),
        // A revision of another job.
        format!("/jobs/{other}/revisions/1"),
    ];
    for address in addresses {
        assert_eq!(portal.get(&address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test]
async fn every_string_of_both_languages_has_the_same_places_to_fill() {
    let portal = Portal::new().await;
    portal.add("web", &["Submitted", "Succeeded"]).await;
    let (english, chinese) = (portal.get("/?lang=en").await.text, portal.get("/?lang=zh").await.text);
    assert!(english.contains("100 % of those that ended") && chinese.contains("占已结束的 100 %"));
    assert!(english.contains(r#"data-ago="{} ago""#) && chinese.contains(r#"data-ago="{}前""#));
}
