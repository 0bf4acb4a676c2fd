//! Plays one scenario against a fresh server.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use pilothouse_apiserver::{ApiServer, Authorization, ResponseBody, User};
use pilothouse_machinery::{Environment, patch};
use serde_json::{Value, json};
use tower::Service as _;

use super::compare::{Bindings, compare};
use super::newer;
use super::scenario::{Adaptation, Compare, Scenario, Step};

const NAMESPACE: &str = "scenario";

struct Player {
    server: ApiServer,
    captured: Vec<(String, String)>,
    bindings: Bindings,
    rules: Compare,
}

/// Plays `scenario`; the first step that differs, with all its differences.
pub(crate) async fn play(scenario: &Scenario, adaptations: &[Adaptation]) -> Result<(), String> {
    let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
    let builder = ApiServer::builder().environment(Environment::simulated(7, epoch));
    let server = builder.authorization(Authorization::Rbac).build();
    let mut player = Player {
        server,
        captured: Vec::new(),
        bindings: Bindings::default(),
        rules: scenario.compare.clone(),
    };
    let namespace = json!({"method": "POST", "path": "/api/v1/namespaces",
        "body": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}});
    let made = player.send(None, &namespace).await;
    assert_eq!(made.status(), 201, "cannot create the scenario's namespace");
    for step in &scenario.steps {
        let mut step = step.clone();
        for adaptation in adaptations {
            if adaptation.scenario == scenario.name && adaptation.steps.contains(&step.id) {
                patch::json_patch(&mut step.expect, &adaptation.patch)
                    .map_err(|error| format!("{}: cannot adapt ({}): {error}", step.id, adaptation.why))?;
            }
        }
        newer::adapt(&mut step.expect);
        player
            .step(&step)
            .await
            .map_err(|differences| format!("{}: {}", step.id, differences.join("\n      ")))?;
    }
    player.bindings.check_order()
}

impl Player {
    async fn step(&mut self, step: &Step) -> Result<(), Vec<String>> {
        if let Some(poll) = &step.poll {
            return self.poll(step, poll).await.map_err(|text| vec![text]);
        }
        if let Some(watch) = &step.watch {
            return self.watch(step, watch).await;
        }
        let request = step.request.as_ref().expect("a step is a request, a watch or a poll");
        let response = self.send(step.user.as_deref(), request).await;
        let expect = self.fill(&step.expect);
        let mut differences = check_head(&response, &expect);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(expected) = expect.get("body") {
            let actual = serde_json::from_str(&text).unwrap_or_else(|_| text.clone().into());
            let rules = [&self.rules, &step.compare];
            differences.extend(compare(expected, &actual, &rules, &mut self.bindings));
            for (name, pointer) in step.capture.as_object().into_iter().flatten() {
                let found = actual.pointer(pointer.as_str().unwrap()).cloned().unwrap_or_default();
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                self.captured.push((name.clone(), found));
            }
        }
        if let Some(expected) = expect.get("text").and_then(Value::as_str)
            && expected != text
        {
            differences.push(format!("expected the text {expected:?}, got {text:?}"));
        }
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    }

    async fn watch(&mut self, step: &Step, watch: &Value) -> Result<(), Vec<String>> {
        let mut request = watch.clone();
        request["method"] = "GET".into();
        let response = self.send(step.user.as_deref(), &request).await;
        let expect = self.fill(&step.expect);
        let differences = check_head(&response, &expect);
        if !differences.is_empty() {
            return Err(differences);
        }
        if expect.get("events").is_none() {
            return Ok(());
        }
        let count = watch["read_events"].as_u64().unwrap_or(0);
        let idle = Duration::from_millis(watch["then_idle_ms"].as_u64().unwrap_or(0));
        let (mut body, mut buffer, mut events) = (response.into_body(), Vec::new(), Vec::new());
        loop {
            let enough = events.len() as u64 >= count;
            let patience = if enough { idle } else { Duration::from_secs(10) };
            let Ok(Some(frame)) = tokio::time::timeout(patience, body.frame()).await else { break };
            buffer.extend_from_slice(frame.unwrap().data_ref().map_or(&[][..], |data| data));
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                events.push(serde_json::from_slice::<Value>(&line).unwrap());
            }
        }
        let rules = [&self.rules, &step.compare];
        let differences = compare(&expect["events"], &events.into(), &rules, &mut self.bindings);
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    }

    async fn poll(&mut self, step: &Step, poll: &Value) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..50 {
            let mut request = poll.clone();
            request["method"] = "GET".into();
            let response = self.send(step.user.as_deref(), &request).await;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            let found = poll.get("pointer").and_then(Value::as_str).map(|pointer| body.pointer(pointer));
            let wanted = poll["status"].as_u64().unwrap_or(200);
            if u64::from(status) == wanted && found.is_none_or(|found| found == poll.get("equals")) {
                return Ok(());
            }
            last = format!("{status} {body}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("polled in vain: {last}"))
    }

    /// Replaces the namespace and what earlier steps captured, in every text.
    fn fill(&self, value: &Value) -> Value {
        let mut text = value.to_string().replace("{{ns}}", NAMESPACE);
        for (name, captured) in &self.captured {
            text = text.replace(&format!("${{{name}}}"), captured);
        }
        serde_json::from_str(&text).unwrap()
    }

    async fn send(&mut self, user: Option<&str>, request: &Value) -> Response<ResponseBody> {
        let request = self.fill(request);
        let mut builder = Request::builder()
            .method(request["method"].as_str().unwrap())
            .uri(request["path"].as_str().unwrap())
            .header("user-agent", "transcripts/1.0");
        let mut headers = json!({"Accept": "application/json"});
        let body = match (request.get("body"), request.get("raw")) {
            (Some(body), _) => {
                headers["Content-Type"] = "application/json".into();
                body.to_string()
            }
            (None, Some(raw)) => raw.as_str().unwrap().to_owned(),
            (None, None) => String::new(),
        };
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            headers[name] = value.clone();
        }
        for (name, value) in headers.as_object().into_iter().flatten() {
            builder = builder.header(name.as_str(), value.as_str().unwrap());
        }
        let request = builder.body(Full::new(Bytes::from(body))).unwrap();
        match user {
            None | Some("admin") => self.server.call(request).await.unwrap(),
            Some("bob") => {
                self.server.as_user(User::new("bob").with_group("dev")).call(request).await.unwrap()
            }
            Some("anonymous") => self.server.as_user(User::anonymous()).call(request).await.unwrap(),
            Some(other) => panic!("nobody knows who {other} is"),
        }
    }
}

fn check_head(response: &Response<ResponseBody>, expect: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    if Some(u64::from(response.status().as_u16())) != expect["status"].as_u64() {
        differences.push(format!("status {} instead of {}", response.status(), expect["status"]));
    }
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    if let Some(expected) = expect.get("content_type").and_then(Value::as_str)
        && !header("content-type").starts_with(expected)
    {
        differences.push(format!("content type {:?} instead of {expected:?}", header("content-type")));
    }
    for (name, expected) in expect["headers"].as_object().into_iter().flatten() {
        if Some(header(name)) != expected.as_str() {
            differences.push(format!("header {name} {:?} instead of {expected}", header(name)));
        }
    }
    differences
}
