//! Which language a request wants.

use super::{Words, chinese, english};

/// A language the portal speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

impl Language {
    /// The language with this tag, as `en` or `zh-CN`.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header, by its weights, that the portal speaks.
    pub(crate) fn from_accept_language(header: &str) -> Option<Self> {
        let weighted = header.split(',').filter_map(|entry| {
            let mut parts = entry.split(';');
            let language = Self::from_tag(parts.next()?.trim())?;
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
            Some((language, weight.unwrap_or(1.0)))
        });
        let mut best: Option<(Self, f32)> = None;
        for (language, weight) in weighted {
            if weight > 0.0 && best.is_none_or(|(_, heaviest)| weight > heaviest) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// The tag for `lang` attributes and URLs.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language's strings.
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::Chinese => &chinese::WORDS,
        }
    }

    /// The other language and its name for itself.
    pub(crate) const fn other(self) -> (Self, &'static str) {
        match self {
            Self::English => (Self::Chinese, "中文"),
            Self::Chinese => (Self::English, "English"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_known_language_is_chosen() {
        let chosen = Language::from_accept_language;
        assert_eq!(chosen("fr-FR, zh-CN;q=0.8, en;q=0.9"), Some(Language::English));
        assert_eq!(chosen("zh-TW,zh;q=0.9,en;q=0.8"), Some(Language::Chinese));
        assert_eq!(chosen("de, fr;q=0.3"), None);
        assert_eq!(chosen("zh;q=0, en;q=0.1"), Some(Language::English));
    }
}
