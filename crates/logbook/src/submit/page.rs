//! The form.

use maud::{Markup, html};

use super::fields::{Field, Fields, Problems};
use crate::portal::{Place, RequestContext, icon, shell};

/// What happened to the form before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing: it is shown for the first time.
    Fresh,
    /// The server would accept it.
    Checked,
    /// Some field is wrong.
    Wrong,
    /// The server said no; its message.
    Refused(String),
    /// The server could not be asked; why.
    Unreachable(String),
}

/// The page with the form, filled as typed.
pub(crate) fn page(
    context: &RequestContext,
    fields: &Fields,
    problems: &Problems,
    outcome: &Outcome,
) -> Markup {
    let words = &context.words.form;
    let form = Form { context, fields, problems };
    let content = html! {
        div.form {
            h1.page-title { (context.words.submit) }
            p.lead { (words.lead) }
            (form.notice(outcome))
            form.sheet method="post" action="/submit" {
                input type="hidden" name="token" value=(context.token);
                div.grid { (form.what()) (form.how_much()) (form.rest()) }
                footer {
                    button.button.primary name="intent" value="create" { (icon("plus")) (context.words.submit) }
                    button.button name="intent" value="check" { (words.check) }
                }
            }
        }
    };
    shell(context, context.words.submit, Place::Submit, None, &content)
}

struct Form<'a> {
    context: &'a RequestContext,
    fields: &'a Fields,
    problems: &'a Problems,
}

/// How wide a field is.
const WHOLE: &str = "field";
const HALF: &str = "field half";
const QUARTER: &str = "field quarter";

impl Form<'_> {
    fn notice(&self, outcome: &Outcome) -> Markup {
        let words = &self.context.words.form;
        let (class, text) = match outcome {
            Outcome::Fresh => return html! {},
            Outcome::Checked => ("alert calm", words.checked.to_owned()),
            Outcome::Wrong => ("alert", words.look.to_owned()),
            Outcome::Refused(message) => ("alert", crate::portal::fill(words.refused, &[message])),
            Outcome::Unreachable(cause) => ("alert", crate::portal::fill(words.unreachable, &[cause])),
        };
        let image = if *outcome == Outcome::Checked { "succeeded" } else { "alert" };
        html! { div class=(class) role="alert" { (icon(image)) (text) } }
    }

    fn what(&self) -> Markup {
        let (words, fields) = (&self.context.words.form, self.fields);
        html! {
            (self.line(HALF, Field::Name, "name", words.name, Some(words.name_hint), &fields.name))
            (self.line(HALF, Field::Namespace, "namespace", words.namespace, None, &fields.namespace))
            (self.line(WHOLE, Field::Image, "image", words.image, None, &fields.image))
            (self.area(Field::Command, "command", words.command, words.command_hint, &fields.command, 2))
        }
    }

    fn how_much(&self) -> Markup {
        let (words, fields) = (&self.context.words.form, self.fields);
        html! {
            (self.line(QUARTER, Field::Parallelism, "parallelism", words.parallelism, None, &fields.parallelism))
            (self.line(QUARTER, Field::Completions, "completions", words.completions, None, &fields.completions))
            (self.line(QUARTER, Field::BackoffLimit, "backoff_limit", words.backoff_limit, None, &fields.backoff_limit))
            (self.line(QUARTER, Field::Deadline, "deadline", words.deadline, Some(words.deadline_hint),
                &fields.deadline))
        }
    }

    fn rest(&self) -> Markup {
        let (words, fields) = (&self.context.words.form, self.fields);
        html! {
            (self.area(Field::Annotations, "annotations", words.annotations, words.annotations_hint,
                &fields.annotations, 3))
            div.field { label.check {
                input type="checkbox" name="suspend" value="yes" checked[!fields.suspend.is_empty()];
                (words.suspend)
            } }
        }
    }

    fn line(
        &self,
        class: &str,
        field: Field,
        name: &str,
        label: &str,
        hint: Option<&str>,
        value: &str,
    ) -> Markup {
        let is_wrong = self.problems.contains_key(&field);
        html! {
            div class=(class) data-problem[is_wrong] {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) autocomplete="off" spellcheck="false"
                    aria-invalid=[is_wrong.then_some("true")]
                    aria-describedby=[(is_wrong || hint.is_some()).then(|| format!("{name}-note"))];
                (self.below(field, name, hint))
            }
        }
    }

    fn area(&self, field: Field, name: &str, label: &str, hint: &str, value: &str, rows: u8) -> Markup {
        let is_wrong = self.problems.contains_key(&field);
        html! {
            div class=(WHOLE) data-problem[is_wrong] {
                label for=(name) { (label) }
                // The line end after the tag is the browser's to drop: a value may begin with one of its own.
                textarea id=(name) name=(name) rows=(rows) spellcheck="false"
                    aria-invalid=[is_wrong.then_some("true")] aria-describedby={ (name) "-note" } { "\n" (value) }
                (self.below(field, name, Some(hint)))
            }
        }
    }

    fn below(&self, field: Field, name: &str, hint: Option<&str>) -> Markup {
        html! {
            @if let Some(problem) = self.problems.get(&field) {
                span.problem id={ (name) "-note" } { (icon("alert")) (problem.text(&self.context.words.form)) }
            } @else if let Some(hint) = hint {
                span.hint id={ (name) "-note" } { (hint) }
            }
        }
    }
}
