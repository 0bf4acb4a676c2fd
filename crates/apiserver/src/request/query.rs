//! The query of a request.

use pilothouse_machinery::Status;

/// Names and values of a query, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`, with percent and plus escapes.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// Turns the query into one of a watch, of the one object `name` unless that is empty.
    pub(crate) fn set_old_watch(&mut self, name: &str) {
        self.0.push(("watch".into(), "1".into()));
        if !name.is_empty() {
            self.0.retain(|(known, _)| known != "fieldSelector");
            self.0.push(("fieldSelector".into(), format!("metadata.name={name}")));
        }
    }

    /// The first value of `name`; `None` when absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let known = |(known, value): &&(String, String)| known == name && !value.is_empty();
        self.0.iter().find(known).map(|(_, value)| value.as_str())
    }

    /// All values of `name`.
    pub(crate) fn all<'query>(&'query self, name: &'query str) -> impl Iterator<Item = &'query str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A yes or no; absent, `0` and `false` are no.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// A yes or no, or `None` when absent.
    pub(crate) fn optional_flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(!(value == "0" || value.eq_ignore_ascii_case("false")))
    }

    /// A number, or `None` when absent.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let parse = |value: &str| {
            value.parse().map_err(|_| {
                Status::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax"))
            })
        };
        self.get(name).map(parse).transpose()
    }
}

/// Decodes `%41` in one segment of a path.
pub(crate) fn percent_decode_path(text: &str) -> String {
    percent_decode(text, false)
}

/// Decodes `%41`, and `+` as a blank if asked; what is not an escape stays as it is.
fn percent_decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let digits = bytes.get(index + 1..index + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let escape = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escape) {
            (b'%', Some(letter)) => {
                decoded.push(letter);
                index += 2;
            }
            (b'+', _) if plus_is_blank => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_the_last_of_empty_values_does_not_count() {
        let query = Query::parse("labelSelector=x+in+(1%2C2)&limit=&limit=5&watch=1&no=false&%zz=%4");
        assert_eq!(query.get("labelSelector"), Some("x in (1,2)"));
        assert_eq!(query.number("limit"), Ok(Some(5)));
        assert!(query.flag("watch") && !query.flag("no") && !query.flag("absent"));
        assert_eq!(query.get("%zz"), Some("%4"));
        assert!(Query::parse("limit=x").number("limit").is_err());
    }
}
