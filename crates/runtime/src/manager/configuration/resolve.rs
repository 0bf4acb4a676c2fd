//! What was said, applied to what can be set.

use std::collections::BTreeSet;
use std::fmt;

use super::given::{Configuration, Origin, Said};
use super::settings::{ControllerSettings, ManagerSettings, Setting};
use super::tree::leaves;
use super::{ConfigurationError, Problem};

/// The section that has one section for each controller.
const CONTROLLERS: &str = "controllers";

/// A setting as a manager will use it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveSetting {
    /// The key, in parts.
    pub key: Vec<String>,
    /// What it is set to.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
    /// Where the value comes from.
    pub origin: Origin,
}

/// All settings of a manager, those of its controllers last. `Display` writes them as YAML that a manager can be given,
/// each with where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveSettings {
    settings: Vec<EffectiveSetting>,
}

impl EffectiveSettings {
    /// Each of them, in the order of the documentation.
    #[must_use]
    pub fn all(&self) -> &[EffectiveSetting] {
        &self.settings
    }
}

/// What a resolution has found so far.
struct Resolution<'a> {
    configuration: &'a Configuration,
    settings: Vec<EffectiveSetting>,
    known: BTreeSet<Vec<String>>,
    used: BTreeSet<Vec<String>>,
    problems: Vec<Problem>,
}

impl Configuration {
    /// Puts what was said in place of what the code has, in these settings, and tells where each comes from. All
    /// problems are found before any is told.
    pub(in crate::manager) fn resolve(
        &self,
        manager: &mut ManagerSettings,
        controllers: &mut [(String, ControllerSettings)],
    ) -> Result<EffectiveSettings, ConfigurationError> {
        let (settings, known, used, problems) = Default::default();
        let mut resolution = Resolution { configuration: self, settings, known, used, problems };
        for setting in manager.all() {
            resolution.take(&[], setting);
        }
        if let Some((key, remedy)) = manager.conflict() {
            resolution.conflict(key, remedy);
        }
        let mut names = Vec::new();
        for (name, settings) in controllers {
            names.push(name.clone());
            for setting in settings.all() {
                resolution.take(&[CONTROLLERS, name], setting);
            }
        }
        resolution.finish(&names)
    }
}

impl Resolution<'_> {
    fn take(&mut self, section: &[&str], setting: Setting<'_>) {
        let Setting { key, meaning, value, fixed } = setting;
        let path: Vec<String> = section.iter().copied().chain(key.split('.')).map(str::to_owned).collect();
        let variable: Vec<String> = path.iter().map(|part| shouted(part)).collect();
        let mut origin = Origin::Code;
        // The stronger last. Both are looked at: what is wrong in the file is wrong also where it is overruled.
        let said = [self.configuration.files.get(&path), self.configuration.variables.get(&variable)];
        for Said { text, origin: said_at } in said.into_iter().flatten() {
            let problem = match fixed {
                Some(why) => Some(format!("{} cannot be set: {why}", path.join("."))),
                None if value.read(text) => None,
                None => Some(format!(
                    "{text:?} is nothing that {} can be: write {}",
                    path.join("."),
                    value.form()
                )),
            };
            match problem {
                None => origin = said_at.clone(),
                Some(message) => self.problems.push(Problem { origin: said_at.clone(), message }),
            }
        }
        self.used.insert(variable);
        self.known.insert(path.clone());
        self.settings.push(EffectiveSetting { key: path, value: value.show(), meaning, origin });
    }

    fn conflict(&mut self, key: &str, remedy: &str) {
        let one = self.settings.iter().find(|setting| setting.key.join(".") == key);
        let origin = one.map_or(Origin::Code, |setting| setting.origin.clone());
        self.problems.push(Problem { origin, message: format!("{key} alone says nothing: {remedy}") });
    }

    fn finish(mut self, controllers: &[String]) -> Result<EffectiveSettings, ConfigurationError> {
        for (path, said) in &self.configuration.files {
            if !self.known.contains(path) {
                let message = self.unknown(path, controllers, str::to_owned, ".");
                self.problems.push(Problem { origin: said.origin.clone(), message });
            }
        }
        for (path, said) in &self.configuration.variables {
            if !self.used.contains(path) {
                let message = self.unknown(path, controllers, shouted, "__");
                self.problems.push(Problem { origin: said.origin.clone(), message });
            }
        }
        match self.problems {
            problems if !problems.is_empty() => Err(ConfigurationError::Problems { problems }),
            _ => Ok(EffectiveSettings { settings: self.settings }),
        }
    }

    /// What is wrong with a key that is none, and which there are in its place.
    fn unknown(
        &self,
        path: &[String],
        controllers: &[String],
        written: impl Fn(&str) -> String,
        between: &str,
    ) -> String {
        let told = path.join(between);
        if path.first().is_some_and(|first| *first == written(CONTROLLERS)) {
            let names: Vec<String> = controllers.iter().map(|name| written(name)).collect();
            let name = path.get(1).map(String::as_str).unwrap_or_default();
            if !names.iter().any(|known| known == name) {
                let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return format!("{told} is about a controller that is not there; there are: {there_are}");
            }
        }
        // Those that begin alike: with as many parts as there can be in common.
        let keys: Vec<Vec<String>> =
            self.known.iter().map(|key| key.iter().map(|part| written(part)).collect()).collect();
        let common = |key: &Vec<String>| key.iter().zip(path).take_while(|(one, other)| one == other).count();
        let most = keys.iter().map(common).max().unwrap_or_default();
        let alike = keys.iter().filter(|key| common(key) == most).map(|key| key.join(between));
        format!("{told} is no setting; there are: {}", alike.collect::<Vec<_>>().join(", "))
    }
}

/// A part of a key as it is in the name of a variable: `gracePeriod` is `GRACE_PERIOD`, `website-sync` `WEBSITE_SYNC`.
fn shouted(part: &str) -> String {
    let mut text = String::new();
    let mut before = None::<char>;
    for one in part.chars() {
        if one.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase()) {
            text.push('_');
        }
        text.push(if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' });
        before = Some(one);
    }
    text
}

impl fmt::Display for EffectiveSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut open: &[String] = &[];
        for setting in &self.settings {
            let (section, key) = setting.key.split_at(setting.key.len() - 1);
            let shared = open.iter().zip(section).take_while(|(one, other)| one == other).count();
            for (depth, part) in section.iter().enumerate().skip(shared) {
                writeln!(formatter, "{}{}:", "  ".repeat(depth), plain(part))?;
            }
            let (indent, key) = ("  ".repeat(section.len()), key.concat());
            let line = format!("{indent}{}: {}", plain(&key), plain(&setting.value));
            writeln!(formatter, "{line:<50} # {}", setting.origin)?;
            open = section;
        }
        Ok(())
    }
}

/// A text as YAML: quoted where it might be taken for something else, a number for example.
fn plain(text: &str) -> String {
    let is_plain = text.starts_with(|one: char| one.is_ascii_alphanumeric() || one == '/')
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_./:".contains(one))
        && leaves(&format!("{text}: {text}")).is_ok_and(|found| {
            found.len() == 1 && found[0].path == [text] && found[0].text.as_deref() == Some(text)
        });
    // A text of JSON is one of YAML too.
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
