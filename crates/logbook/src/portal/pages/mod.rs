//! The pages.

mod answer;
mod documents;
mod head;
mod history;
mod icons;
mod job;
mod labels;
mod list;
mod pods;
mod row;
mod shell;

pub(crate) use answer::{Answer, Trouble, answer};
pub(crate) use documents::{difference, document};
pub(crate) use icons::{icon, pill, tone};
pub(crate) use job::{JobHistory, job, sections};
pub(crate) use list::{Figures, figures, list};
pub(crate) use row::row;
pub(crate) use shell::{Place, shell};
