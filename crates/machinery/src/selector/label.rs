//! Label selectors.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::label_parser::Parser;
use super::{SelectorError, check_label_key, check_label_value};

/// How a [`Requirement`] compares a label with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `key=value`: present and equal.
    Equals,
    /// `key==value`: the same as `Equals`, kept for printing.
    DoubleEquals,
    /// `key!=value`: absent, or different.
    NotEquals,
    /// `key in (a,b)`: present and one of the values.
    In,
    /// `key notin (a,b)`: absent, or none of the values.
    NotIn,
    /// `key`: present.
    Exists,
    /// `!key`: absent.
    DoesNotExist,
    /// `key>5`: present, an integer, and greater.
    GreaterThan,
    /// `key<5`: present, an integer, and less.
    LessThan,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// A conjunction of requirements on labels; without requirements it matches everything.
///
/// Reads and prints the text form of `labelSelector` (requirements sorted by key, values sorted), and reads
/// `metav1.LabelSelector`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

impl Requirement {
    /// A checked requirement: the number of values must fit the operator, key and values the rules of labels.
    pub fn new(
        key: impl Into<String>,
        operator: Operator,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, SelectorError> {
        let key = key.into();
        check_label_key(&key)
            .map_err(|cause| SelectorError(format!("key: Invalid value: {key:?}: {cause}")))?;
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort();
        values.dedup();
        Self::check_count(operator, &values)?;
        for (index, value) in values.iter().enumerate() {
            check_label_value(value).map_err(|cause| {
                SelectorError(format!("values[{index}][{key}]: Invalid value: {value:?}: {cause}"))
            })?;
        }
        Ok(Self { key, operator, values })
    }

    fn check_count(operator: Operator, values: &[String]) -> Result<(), SelectorError> {
        let list = || format!("[{}]", values.join(" "));
        let wrong = |rule: &str| Err(SelectorError(format!("values: Invalid value: {}: {rule}", list())));
        match operator {
            Operator::In | Operator::NotIn if values.is_empty() => {
                wrong("for 'in', 'notin' operators, values set can't be empty")
            }
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
                wrong("exact-match compatibility requires one single value")
            }
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                wrong("values set must be empty for exists and does not exist")
            }
            Operator::GreaterThan | Operator::LessThan => match values {
                [one] if one.parse::<i64>().is_ok() => Ok(()),
                [one] => Err(SelectorError(format!(
                    "values[0]: Invalid value: {one:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                ))),
                _ => wrong("for 'Gt', 'Lt' operators, exactly one value is required"),
            },
            _ => Ok(()),
        }
    }

    /// The label's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The comparison.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values, sorted.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether a label of this value (`None`: absent) fulfils the requirement.
    #[must_use]
    pub fn matches(&self, label: Option<&str>) -> bool {
        let listed = |label: &str| self.values.iter().any(|value| value == label);
        let compared = |accept: fn(i64, i64) -> bool| {
            let number = label.and_then(|label| label.parse().ok());
            let bound = self.values.first().and_then(|value| value.parse().ok());
            number.zip(bound).is_some_and(|(number, bound)| accept(number, bound))
        };
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => label.is_some_and(listed),
            Operator::NotEquals | Operator::NotIn => !label.is_some_and(listed),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => compared(|number, bound| number > bound),
            Operator::LessThan => compared(|number, bound| number < bound),
        }
    }
}

impl LabelSelector {
    /// The selector that matches everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// All of `requirements` together.
    pub fn from_requirements(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort_by(|one, two| one.key.cmp(&two.key));
        Self { requirements }
    }

    /// Reads the text form, as in the `labelSelector` query parameter.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Parser::new(text).parse().map(Self::from_requirements)
    }

    /// Reads `metav1.LabelSelector`: `{matchLabels, matchExpressions}`. Absent parts require nothing.
    pub fn from_json(value: &Value) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, label) in value["matchLabels"].as_object().into_iter().flatten() {
            let label = label
                .as_str()
                .ok_or_else(|| SelectorError(format!("matchLabels[{key}]: must be a string")))?;
            requirements.push(Requirement::new(key, Operator::In, [label.to_owned()])?);
        }
        for expression in value["matchExpressions"].as_array().into_iter().flatten() {
            let operator = match expression["operator"].as_str().unwrap_or_default() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(SelectorError(format!("{other:?} is not a valid label selector operator")));
                }
            };
            let values = expression["values"].as_array().into_iter().flatten();
            let values = values.filter_map(|value| value.as_str().map(str::to_owned));
            let key = expression["key"].as_str().unwrap_or_default();
            requirements.push(Requirement::new(key, operator, values)?);
        }
        Ok(Self::from_requirements(requirements))
    }

    /// The requirements, sorted by key.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether this matches everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object matches whose labels `label` looks up.
    #[must_use]
    pub fn matches<'label>(&self, label: impl Fn(&str) -> Option<&'label str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(label(&requirement.key)))
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(formatter, "{key}={values}"),
            Operator::DoubleEquals => write!(formatter, "{key}=={values}"),
            Operator::NotEquals => write!(formatter, "{key}!={values}"),
            Operator::In => write!(formatter, "{key} in ({values})"),
            Operator::NotIn => write!(formatter, "{key} notin ({values})"),
            Operator::Exists => write!(formatter, "{key}"),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
            Operator::GreaterThan => write!(formatter, "{key}>{values}"),
            Operator::LessThan => write!(formatter, "{key}<{values}"),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            requirement.fmt(formatter)?;
        }
        Ok(())
    }
}
