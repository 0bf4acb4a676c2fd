//! What surrounds every page: head, bar, help.

use maud::{DOCTYPE, Markup, html};

use super::icon;
use super::icons::sprite;
use crate::portal::assets::ASSETS;
use crate::portal::{RequestContext, Words};

/// Where a page is in the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The list and what hangs off it.
    Jobs,
    /// The form.
    Submit,
    /// Nowhere in particular.
    Elsewhere,
}

/// A whole page around `content`. `events` is the address of its live updates.
pub(crate) fn shell(
    context: &RequestContext,
    title: &str,
    place: Place,
    events: Option<&str>,
    content: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(context.language.tag()) data-theme=[context.theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Pilothouse" }
                link rel="icon" type="image/svg+xml" href=(ASSETS.logo.address());
                link rel="stylesheet" href=(ASSETS.style.address());
                script type="module" src=(ASSETS.script.address()) {}
            }
            body data-now=(context.now.as_millisecond()) data-events=[events] {
                a.skip href="#content" { (context.words.skip) }
                (sprite())
                (bar(context, place, events.is_some()))
                main #content { (content) }
                (help(context.words))
                (strings(context.words))
            }
        }
    }
}

fn bar(context: &RequestContext, place: Place, is_live: bool) -> Markup {
    let words = context.words;
    let current = |here: Place| (place == here).then_some("page");
    let (other, name) = context.language.other();
    let opposite = if context.theme == Some("dark") { "light" } else { "dark" };
    html! {
        header.bar {
            a.brand href="/" { (icon("helm")) span { "Pilothouse" } small { (words.brand) } }
            nav {
                a #jobs-link href="/" aria-current=[current(Place::Jobs)] { (words.jobs) }
                @if context.is_writable {
                    a #submit-link href="/submit" aria-current=[current(Place::Submit)] { (words.submit) }
                }
            }
            div.push {
                @if !context.cluster.is_empty() {
                    span.cluster { (icon("cluster")) (context.cluster) }
                }
                @if is_live {
                    span.badge #connection role="status" data-state="static" { (words.static_page) }
                }
                a.tool.language href=(context.with_parameter("lang", other.tag())) lang=(other.tag()) { (name) }
                a.tool.help #help-button href="#help" title=(words.help) aria-label=(words.help) {
                    (icon("keyboard"))
                }
                a.tool #theme href=(context.with_parameter("theme", opposite)) title=(words.theme)
                    aria-label=(words.theme) { (icon("theme")) }
            }
        }
    }
}

fn help(words: &Words) -> Markup {
    let lines: [(&[&str], &str); 7] = [
        (&["/"], words.key_search),
        (&["j", "k"], words.key_move),
        (&["Enter"], words.key_open),
        (&["g"], words.key_jobs),
        (&["n"], words.submit),
        (&["t"], words.theme),
        (&["?"], words.help),
    ];
    html! {
        dialog #help {
            h2 { (words.help) }
            dl {
                @for (keys, text) in lines {
                    dt { @for key in keys { kbd { (key) } " " } }
                    dd { (text) }
                }
            }
            form method="dialog" { button.button { (words.close) } }
        }
    }
}

/// What the script says, in the page's language.
fn strings(words: &Words) -> Markup {
    html! {
        div.strings #strings data-live=(words.live) data-reconnecting=(words.reconnecting)
            data-newer=(words.newer) data-just-now=(words.just_now) data-ago=(words.ago)
            data-units=(words.units.join(",")) {}
    }
}
