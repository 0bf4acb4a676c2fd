//! What the commands do.

use pilothouse::Environment;
use pilothouse::ledger::Verb;
use serde_json::json;

use super::arguments::{Change, DeadlettersArguments, DeadlettersCommand, Format, Which};
use super::source::Source;
use super::{DeadlettersError, print};

/// Does what was asked for, and prints it.
pub(crate) async fn run(arguments: DeadlettersArguments) -> Result<(), DeadlettersError> {
    let text = match &arguments.command {
        DeadlettersCommand::List { which, output } => list(&arguments, which, output.output).await?,
        DeadlettersCommand::Show { which, output } => show(&arguments, which, output.output).await?,
        DeadlettersCommand::Replay(change) => act(&arguments, Verb::Replay, change).await?,
        DeadlettersCommand::Drop(change) => act(&arguments, Verb::Drop, change).await?,
    };
    print!("{text}");
    Ok(())
}

async fn list(
    arguments: &DeadlettersArguments,
    which: &Which,
    format: Format,
) -> Result<String, DeadlettersError> {
    let selector = which.selector()?;
    let records = Source::of(arguments).await?.list(&selector).await?;
    match format {
        Format::Json => in_json(&json!({"items": records})),
        Format::Table => Ok(print::list(&records, Environment::real().now())),
    }
}

async fn show(
    arguments: &DeadlettersArguments,
    which: &Which,
    format: Format,
) -> Result<String, DeadlettersError> {
    let Some(name) = which.object.clone() else { return Err(DeadlettersError::NothingToShow) };
    let selector = which.selector()?;
    let source = Source::of(arguments).await?;
    let mut items = Vec::new();
    let mut text = String::new();
    for record in source.list(&selector).await? {
        let history = source.history(&record).await?;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&print::show(&record, &history, Environment::real().now()));
        items.push(json!({"record": record, "history": history}));
    }
    match format {
        _ if items.is_empty() => Err(DeadlettersError::NotFound { name }),
        Format::Json => in_json(&json!({"items": items})),
        Format::Table => Ok(text),
    }
}

async fn act(
    arguments: &DeadlettersArguments,
    verb: Verb,
    change: &Change,
) -> Result<String, DeadlettersError> {
    let selector = change.which.selector()?;
    if selector.is_all() && !change.all {
        return Err(DeadlettersError::NothingSelected);
    }
    let changed = Source::of(arguments).await?.change(verb, &selector, &change.by).await?;
    match change.output.output {
        Format::Json => in_json(&json!({"count": changed.count, "done": changed.is_done})),
        Format::Table => Ok(print::changed(verb, changed)),
    }
}

fn in_json(document: &serde_json::Value) -> Result<String, DeadlettersError> {
    let text = serde_json::to_string_pretty(document);
    text.map(|text| text + "\n").map_err(|source| DeadlettersError::Print { source })
}
