//! What the form and the buttons post.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use pilothouse::{Client, ClientError};
use serde::Deserialize;

use super::fields::{Fields, Problems};
use super::page::{Outcome, page};
use super::parse::parse;
use super::{act, causes};
use crate::model::JobRow;
use crate::portal::{PortalState, RequestContext, Trouble, address, answer, cut, encode};

/// Characters of the server's message that an address may carry.
const MESSAGE: usize = 300;

/// `GET /submit`.
pub(crate) async fn submit_page(context: RequestContext) -> Response {
    if !context.is_writable {
        return answer(&context, Err(Trouble::NotFound));
    }
    shown(&context, StatusCode::OK, &Fields::default(), &Problems::new(), &Outcome::Fresh)
}

/// `POST /submit`: creates the job and goes to its page, or shows the form again with what is wrong.
pub(crate) async fn submit(
    State(state): State<PortalState>,
    context: RequestContext,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let Ok(Form(fields)) = fields else { return answer(&context, Err(Trouble::Unreadable)) };
    let client = match admitted(&state, &context, &fields.token) {
        Ok(client) => client,
        Err(trouble) => return answer(&context, Err(trouble)),
    };
    let request = match parse(&fields) {
        Ok(request) => request,
        Err(problems) => {
            return shown(&context, StatusCode::UNPROCESSABLE_ENTITY, &fields, &problems, &Outcome::Wrong);
        }
    };
    let refused = if fields.intent == "check" {
        match act::check(&client, &request).await {
            Ok(()) => return shown(&context, StatusCode::OK, &fields, &Problems::new(), &Outcome::Checked),
            Err(error) => error,
        }
    } else {
        match act::create(&client, &request).await {
            Ok(job) => {
                let uid = job.metadata.uid.unwrap_or_default();
                return Redirect::to(&format!("/jobs/{}?submitted=1", encode(&uid))).into_response();
            }
            Err(error) => error,
        }
    };
    tracing::info!(
        reason = refused.reason(),
        error = &refused as &dyn std::error::Error,
        "job not submitted"
    );
    let (problems, message) = (causes::problems(&refused), causes::message(&refused));
    match refused.status() {
        Some(_) => {
            let outcome = Outcome::Refused(message);
            shown(&context, StatusCode::UNPROCESSABLE_ENTITY, &fields, &problems, &outcome)
        }
        None => shown(&context, StatusCode::BAD_GATEWAY, &fields, &problems, &Outcome::Unreachable(message)),
    }
}

fn shown(
    context: &RequestContext,
    status: StatusCode,
    fields: &Fields,
    problems: &Problems,
    outcome: &Outcome,
) -> Response {
    (status, Html(page(context, fields, problems, outcome).into_string())).into_response()
}

/// What an action's form holds.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ActionForm {
    token: String,
}

/// `POST /jobs/{uid}/delete`.
pub(crate) async fn delete(
    State(state): State<PortalState>,
    context: RequestContext,
    Path(uid): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    action(&state, &context, &uid, &form, async |client, job| act::delete(client, job).await).await
}

/// `POST /jobs/{uid}/suspend`.
pub(crate) async fn suspend(
    State(state): State<PortalState>,
    context: RequestContext,
    Path(uid): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    action(&state, &context, &uid, &form, async |client, job| act::set_suspended(client, job, true).await)
        .await
}

/// `POST /jobs/{uid}/resume`.
pub(crate) async fn resume(
    State(state): State<PortalState>,
    context: RequestContext,
    Path(uid): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    action(&state, &context, &uid, &form, async |client, job| act::set_suspended(client, job, false).await)
        .await
}

/// Does it and goes back to the job's page, with the server's message if it refused.
async fn action(
    state: &PortalState,
    context: &RequestContext,
    uid: &str,
    form: &ActionForm,
    act: impl AsyncFnOnce(&Client, &JobRow) -> Result<(), ClientError>,
) -> Response {
    let client = match admitted(state, context, &form.token) {
        Ok(client) => client,
        Err(trouble) => return answer(context, Err(trouble)),
    };
    let job = match state.store().job_by_uid(uid).await {
        Ok(Some(job)) => job,
        Ok(None) => return answer(context, Err(Trouble::NotFound)),
        Err(error) => return answer(context, Err(error.into())),
    };
    let page = format!("/jobs/{}", encode(uid));
    if let Err(error) = act(&client, &job).await {
        let problem = cut(&causes::message(&error), MESSAGE);
        let parameters = [("problem", problem.as_str()), ("proof", &context.proof(state, &problem))];
        return Redirect::to(&address(&page, &parameters)).into_response();
    }
    Redirect::to(&page).into_response()
}

/// The client, for a form that carries this session's token.
fn admitted(state: &PortalState, context: &RequestContext, token: &str) -> Result<Client, Trouble> {
    let client = state.client().ok_or(Trouble::NotFound)?;
    if context.admits(state, token) { Ok(client.clone()) } else { Err(Trouble::Refused) }
}
