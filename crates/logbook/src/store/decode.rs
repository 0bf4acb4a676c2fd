//! Reading rows back into the model.

use std::str::FromStr;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::model::{DeliveryRow, Gap, JobRow, NotificationRow, PodRow, Revision, StreamPosition, Transition};

type Decoded<T> = Result<T, sqlx::Error>;

pub(super) fn words<T>(text: &str) -> Decoded<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn word<T>(row: &SqliteRow, column: &str) -> Decoded<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    words(row.try_get(column)?)
}

pub(super) fn moment(milliseconds: i64) -> Decoded<Timestamp> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn time(row: &SqliteRow, column: &str) -> Decoded<Timestamp> {
    moment(row.try_get(column)?)
}

fn optional_time(row: &SqliteRow, column: &str) -> Decoded<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(column)?.map(moment).transpose()
}

pub(super) fn job(row: &SqliteRow) -> Decoded<JobRow> {
    Ok(JobRow {
        id: row.try_get("id")?,
        cluster: row.try_get("cluster")?,
        uid: row.try_get("uid")?,
        kind: row.try_get("kind")?,
        namespace: row.try_get("namespace")?,
        name: row.try_get("name")?,
        owner_kind: row.try_get("owner_kind")?,
        owner_name: row.try_get("owner_name")?,
        submitter: row.try_get("submitter")?,
        channel: row.try_get("channel")?,
        state: word(row, "state")?,
        reason: row.try_get("reason")?,
        message: row.try_get("message")?,
        attempt: row.try_get("attempt")?,
        exit_code: row.try_get("exit_code")?,
        resource_version: row.try_get("resource_version")?,
        parallelism: row.try_get("parallelism")?,
        completions: row.try_get("completions")?,
        active: row.try_get("active")?,
        ready: row.try_get("ready")?,
        succeeded: row.try_get("succeeded")?,
        failed: row.try_get("failed")?,
        created_at: time(row, "created_at")?,
        started_at: optional_time(row, "started_at")?,
        ended_at: optional_time(row, "ended_at")?,
        state_since: time(row, "state_since")?,
        deleted_at: optional_time(row, "deleted_at")?,
        coverage: word(row, "coverage")?,
    })
}

pub(super) fn pod(row: &SqliteRow) -> Decoded<PodRow> {
    Ok(PodRow {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        uid: row.try_get("uid")?,
        namespace: row.try_get("namespace")?,
        name: row.try_get("name")?,
        node: row.try_get("node")?,
        completion_index: row.try_get("completion_index")?,
        phase: row.try_get("phase")?,
        reason: row.try_get("reason")?,
        message: row.try_get("message")?,
        exit_code: row.try_get("exit_code")?,
        restarts: row.try_get("restarts")?,
        created_at: time(row, "created_at")?,
        scheduled_at: optional_time(row, "scheduled_at")?,
        started_at: optional_time(row, "started_at")?,
        ended_at: optional_time(row, "ended_at")?,
        deleted_at: optional_time(row, "deleted_at")?,
        resource_version: row.try_get("resource_version")?,
    })
}

pub(super) fn transition(row: &SqliteRow) -> Decoded<Transition> {
    Ok(Transition {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        sequence: row.try_get("sequence")?,
        resource_version: row.try_get("resource_version")?,
        from: row.try_get::<Option<String>, _>("from_state")?.as_deref().map(words).transpose()?,
        to: word(row, "to_state")?,
        reason: row.try_get("reason")?,
        message: row.try_get("message")?,
        attempt: row.try_get("attempt")?,
        exit_code: row.try_get("exit_code")?,
        observed_at: time(row, "observed_at")?,
        effective_at: time(row, "effective_at")?,
        effective_source: row.try_get("effective_source")?,
        provenance: word(row, "provenance")?,
        gap_id: row.try_get("gap_id")?,
    })
}

pub(super) fn revision(row: &SqliteRow) -> Decoded<Revision> {
    Ok(Revision {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        resource: row.try_get("resource")?,
        uid: row.try_get("uid")?,
        name: row.try_get("name")?,
        resource_version: row.try_get("resource_version")?,
        event: word(row, "event")?,
        observed_at: time(row, "observed_at")?,
        provenance: word(row, "provenance")?,
        document_length: row.try_get("length")?,
        gap_id: row.try_get("gap_id")?,
    })
}

pub(super) fn gap(row: &SqliteRow) -> Decoded<Gap> {
    Ok(Gap {
        id: row.try_get("id")?,
        resource: row.try_get("resource")?,
        from_version: row.try_get("from_version")?,
        to_version: row.try_get("to_version")?,
        from_at: time(row, "from_at")?,
        to_at: time(row, "to_at")?,
        cause: row.try_get("cause")?,
        changed: row.try_get("changed")?,
        vanished: row.try_get("vanished")?,
        new: row.try_get("new")?,
    })
}

pub(super) fn notification(row: &SqliteRow) -> Decoded<NotificationRow> {
    Ok(NotificationRow {
        id: row.try_get("id")?,
        message_id: row.try_get("message_id")?,
        job_id: row.try_get("job_id")?,
        transition_id: row.try_get("transition_id")?,
        destination: row.try_get("destination")?,
        kind: row.try_get("kind")?,
        state: word(row, "state")?,
        attempts: row.try_get("attempts")?,
        next_at: time(row, "next_at")?,
        created_at: time(row, "created_at")?,
        finished_at: optional_time(row, "finished_at")?,
        last_code: row.try_get("last_code")?,
        last_error: row.try_get("last_error")?,
    })
}

pub(super) fn delivery(row: &SqliteRow) -> Decoded<DeliveryRow> {
    Ok(DeliveryRow {
        notification_id: row.try_get("outbox_id")?,
        attempt: row.try_get("attempt")?,
        at: time(row, "at")?,
        duration_ms: row.try_get("duration_ms")?,
        code: row.try_get("code")?,
        error: row.try_get("error")?,
    })
}

pub(super) fn stream(row: &SqliteRow) -> Decoded<StreamPosition> {
    Ok(StreamPosition {
        cluster: row.try_get("cluster")?,
        resource: row.try_get("resource")?,
        resource_version: row.try_get("resource_version")?,
        updated_at: time(row, "updated_at")?,
    })
}
