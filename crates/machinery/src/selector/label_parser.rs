//! The text form of label selectors.

use super::{Operator, Requirement, SelectorError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'text> {
    Word(&'text str),
    Symbol(&'text str),
    End,
}

impl<'text> Token<'text> {
    fn text(self) -> &'text str {
        match self {
            Self::Word(text) | Self::Symbol(text) => text,
            Self::End => "",
        }
    }
}

/// Reads requirements separated by commas. A word is anything between blanks and symbols, so `in` and `notin` are
/// operators only where an operator may stand.
pub(super) struct Parser<'text> {
    rest: &'text str,
    next: Token<'text>,
}

impl<'text> Parser<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        let mut parser = Self { rest: text, next: Token::End };
        parser.take();
        parser
    }

    /// All requirements, in the order of the text.
    pub(super) fn parse(mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut requirements = Vec::new();
        loop {
            match self.next {
                Token::End => return Ok(requirements),
                Token::Word(_) | Token::Symbol("!") => {}
                Token::Symbol(_) => {
                    return Err(expected(self.next, "!, identifier, or 'end of string'"));
                }
            }
            let requirement = self.requirement();
            requirements.push(
                requirement
                    .map_err(|cause| SelectorError(format!("unable to parse requirement: {cause}")))?,
            );
            match self.take() {
                Token::End => return Ok(requirements),
                Token::Symbol(",") if matches!(self.next, Token::Word(_) | Token::Symbol("!")) => {}
                Token::Symbol(",") => return Err(expected(self.next, "identifier after ','")),
                other => return Err(expected(other, "',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let negated = self.next == Token::Symbol("!");
        if negated {
            self.take();
        }
        let Token::Word(key) = self.next else { return Err(expected(self.next, "identifier")) };
        super::check_label_key(key)
            .map_err(|cause| SelectorError(format!("<nil>: Invalid value: {key:?}: {cause}")))?;
        self.take();
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, []);
        }
        if matches!(self.next, Token::End | Token::Symbol(",")) {
            return Requirement::new(key, Operator::Exists, []);
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.set()?,
            _ => vec![self.exact_value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        Ok(match self.take() {
            Token::Word("in") => Operator::In,
            Token::Word("notin") => Operator::NotIn,
            Token::Symbol("=") => Operator::Equals,
            Token::Symbol("==") => Operator::DoubleEquals,
            Token::Symbol("!=") => Operator::NotEquals,
            Token::Symbol(">") => Operator::GreaterThan,
            Token::Symbol("<") => Operator::LessThan,
            other => return Err(expected(other, "in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        match self.next {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(value) => {
                self.take();
                Ok(value.to_owned())
            }
            Token::Symbol(_) => Err(expected(self.next, "identifier")),
        }
    }

    /// `(a,b)`; a missing word between parentheses and commas is an empty value.
    fn set(&mut self) -> Result<Vec<String>, SelectorError> {
        match self.take() {
            Token::Symbol("(") => {}
            other => return Err(SelectorError(format!("found '{}' expected: '('", other.text()))),
        }
        let mut values = Vec::new();
        loop {
            let value = match self.next {
                Token::Word(word) => {
                    self.take();
                    word
                }
                Token::Symbol("," | ")") => "",
                Token::Symbol(_) | Token::End => return Err(expected(self.next, "',', ')' or identifier")),
            };
            values.push(value.to_owned());
            match self.take() {
                Token::Symbol(",") => {}
                Token::Symbol(")") => return Ok(values),
                other => return Err(expected(other, "',' or ')'")),
            }
        }
    }

    /// Takes the next token and reads the one after it.
    fn take(&mut self) -> Token<'text> {
        let taken = self.next;
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let symbols = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
        let symbol = symbols.into_iter().find(|symbol| self.rest.starts_with(symbol));
        let length = match symbol {
            Some(symbol) => symbol.len(),
            None => self
                .rest
                .find(|letter: char| letter.is_ascii_whitespace() || "=!(),><".contains(letter))
                .unwrap_or(self.rest.len()),
        };
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.next = match symbol {
            _ if token.is_empty() => Token::End,
            Some(_) => Token::Symbol(token),
            None => Token::Word(token),
        };
        taken
    }
}

fn expected(found: Token<'_>, what: &str) -> SelectorError {
    SelectorError(format!("found '{}', expected: {what}", found.text()))
}
