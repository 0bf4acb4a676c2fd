//! Validation of compact JSON text, block by block.

use super::block::{
    Block, Masks, StringMasks, Strings, bits_below, block_at, details, is_beyond_ascii, masks,
};
use super::lexical::{is_escape, is_scalar};

/// Checks compact JSON text, and tells where the outer containers are.
///
/// Servers write objects without white space. For such text, whether it is valid follows from which kinds of bytes
/// stand beside each other, plus the kind of container around each comma; both are questions to bit masks. Text with
/// white space, with numbers in exponent form or of many digits, or with halves of surrogate pairs is left to a parser.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    spans: Vec<Span>,
}

/// Where a container begins and ends: the offsets of its brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Of the opening bracket.
    pub(crate) open: usize,
    /// Of the closing bracket.
    pub(crate) close: usize,
}

/// One container in another, as deep as `serde_json` follows.
const MAX_DEPTH: usize = 127;
/// To this depth, spans are kept: the object, its members, and theirs.
const SPAN_DEPTH: usize = 3;
/// The same in `managedFields`, counted from there: the list, its entries, and theirs.
const MANAGED_SPAN_DEPTH: usize = 3;

impl Outline {
    /// Whether `json` surely is one valid object, in UTF-8, that `serde_json` can read into any type its values fit.
    ///
    /// Of `metadata.managedFields` only brackets, strings and encoding are looked at. `false` says nothing but that a
    /// parser has to look.
    pub(crate) fn read(&mut self, json: &[u8]) -> bool {
        self.spans.clear();
        let starts = json.first() == Some(&b'{');
        starts && Pass::new(json, &mut self.spans).run().unwrap_or(false)
    }

    /// The outer containers, in the order in which they begin, after a [`read`](Self::read) that said so.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }
}

/// What the last block was, for the first byte of the next.
#[derive(Clone, Copy, Debug, Default)]
struct Kinds {
    /// Closing quotes.
    end: u64,
    /// Bytes of numbers and literals.
    scalar: u64,
    open: u64,
    close: u64,
    /// `{`
    brace: u64,
    colon: u64,
    comma: u64,
    /// Opening quotes.
    start: u64,
}

/// Whether the next operator of the following blocks comes after one of these.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    comma: u64,
    brace: u64,
    /// A colon or `[`.
    no_colon: u64,
}

struct Pass<'a> {
    json: &'a [u8],
    spans: &'a mut Vec<Span>,
    strings: Strings,
    last: Kinds,
    pending: Pending,
    /// The kinds of the containers around, the innermost in the lowest bit; 1 is an object.
    objects: u128,
    depth: usize,
    /// How deep in `managedFields`; 0 outside.
    managed: usize,
    /// The spans of the containers around.
    around: [usize; SPAN_DEPTH + MANAGED_SPAN_DEPTH],
    beyond_ascii: Option<(usize, usize)>,
}

impl<'a> Pass<'a> {
    fn new(json: &'a [u8], spans: &'a mut Vec<Span>) -> Self {
        Self {
            json,
            spans,
            strings: Strings::default(),
            // A value may come first.
            last: Kinds { comma: 1 << 63, ..Kinds::default() },
            pending: Pending::default(),
            objects: 0,
            depth: 0,
            managed: 0,
            around: Default::default(),
            beyond_ascii: None,
        }
    }

    /// `None` as soon as anything is wrong.
    fn run(mut self) -> Option<bool> {
        let mut at = 0;
        while at < self.json.len() {
            let block = block_at(self.json, at);
            if is_beyond_ascii(&block) {
                let first = self.beyond_ascii.map_or(at, |(first, _)| first);
                self.beyond_ascii = Some((first, (at + 64).min(self.json.len())));
            }
            let found = masks(&block);
            let strings = self.strings.next(&found);
            let mut ignored = 0;
            if self.managed > 0 {
                let Some(end) = self.in_managed(at, &found, &strings) else {
                    at += 64;
                    continue;
                };
                ignored = bits_below(end + 1);
            }
            self.block(at, &block, &found, &strings, ignored)?;
            at += 64;
        }
        let (first, end) = self.beyond_ascii.unwrap_or_default();
        Some(self.depth == 0 && std::str::from_utf8(&self.json[first..end]).is_ok())
    }

    /// Takes a block that begins in `managedFields`; where in it that ends.
    fn in_managed(&mut self, at: usize, found: &Masks, strings: &StringMasks) -> Option<usize> {
        let (open, close) = (found.open & !strings.inside, found.close & !strings.inside);
        let (opened, closed) = (open.count_ones() as usize, close.count_ones() as usize);
        if self.managed > MANAGED_SPAN_DEPTH + closed {
            self.managed = self.managed + opened - closed;
            return None;
        }
        self.walk_managed(at, open, open | close)
    }

    fn walk_managed(&mut self, at: usize, open: u64, mut brackets: u64) -> Option<usize> {
        while brackets != 0 {
            let bit = brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            if open >> bit & 1 == 1 {
                self.managed += 1;
                if self.managed <= MANAGED_SPAN_DEPTH {
                    self.open_span(SPAN_DEPTH + self.managed - 2, at + bit);
                }
                continue;
            }
            if self.managed <= MANAGED_SPAN_DEPTH {
                self.close_span(SPAN_DEPTH + self.managed - 2, at + bit);
            }
            self.managed -= 1;
            if self.managed == 0 {
                self.depth -= 1;
                self.objects >>= 1;
                return Some(bit);
            }
        }
        None
    }

    fn open_span(&mut self, level: usize, open: usize) {
        self.around[level] = self.spans.len();
        self.spans.push(Span { open, close: open });
    }

    fn close_span(&mut self, level: usize, close: usize) {
        if let Some(span) = self.spans.get_mut(self.around[level]) {
            span.close = close;
        }
    }

    /// Takes one block, of which the `ignored` bits belong to `managedFields`.
    fn block(
        &mut self,
        at: usize,
        block: &Block,
        found: &Masks,
        strings: &StringMasks,
        mut ignored: u64,
    ) -> Option<()> {
        let details = details(block);
        if details.control {
            return None;
        }
        let valid = bits_below(self.json.len() - at);
        let quotes = found.quote & !strings.escaped;
        let outside = !(strings.inside | quotes) & valid;
        let mut kinds = Kinds {
            start: quotes & strings.inside,
            end: quotes & !strings.inside,
            open: found.open & outside,
            close: found.close & outside,
            brace: details.brace & outside,
            colon: details.colon & outside,
            comma: details.comma & outside,
            scalar: 0,
        };
        kinds.scalar = outside & !(kinds.open | kinds.close | kinds.colon | kinds.comma);
        let mut wrong = kinds.wrong_neighbours(&self.last);
        let operators = kinds.open | kinds.close | kinds.colon | kinds.comma;
        let after_brace = next_of(kinds.brace, operators, &mut self.pending.brace);
        let after_others =
            next_of(kinds.colon | (kinds.open & !kinds.brace), operators, &mut self.pending.no_colon);
        let after_comma = next_of(kinds.comma, operators, &mut self.pending.comma);
        let empty = kinds.close & follows(kinds.brace, self.last.brace);
        wrong |= after_brace & !kinds.colon & !empty | after_others & kinds.colon;
        wrong |= self.brackets(at, &kinds, after_comma, &mut ignored)?;
        let judged = valid & !ignored;
        let scalars = kinds.scalar & !follows(kinds.scalar, self.last.scalar) & judged;
        let escapes = strings.escaped & !found.quote & !found.backslash & judged;
        self.last = kinds;
        let fine = wrong & judged == 0
            && bits(scalars).all(|bit| is_scalar(&self.json[at + bit..]))
            && bits(escapes).all(|bit| is_escape(&self.json[at + bit..]));
        fine.then_some(())
    }

    /// Takes the brackets of one block; the places where the kind of the container around does not fit.
    fn brackets(&mut self, at: usize, kinds: &Kinds, after_comma: u64, ignored: &mut u64) -> Option<u64> {
        let (in_object, in_array) = (after_comma & kinds.colon, after_comma & !kinds.colon);
        let misfits = |objects: u128| if objects & 1 == 1 { in_array } else { in_object };
        let (mut wrong, mut done) = (0, *ignored);
        let mut brackets = (kinds.open | kinds.close) & !*ignored;
        while brackets != 0 {
            let bit = brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            let through = u64::MAX >> (63 - bit);
            wrong |= misfits(self.objects) & through & !done;
            done = through;
            if kinds.open >> bit & 1 == 0 {
                let is_object = self.json[at + bit] == b'}';
                if is_object != (self.objects & 1 == 1) {
                    return None;
                }
                self.objects >>= 1;
                if self.depth <= SPAN_DEPTH {
                    self.close_span(self.depth - 1, at + bit);
                }
                self.depth -= 1;
                if self.depth == 0 && at + bit + 1 != self.json.len() {
                    return None;
                }
                continue;
            }
            self.objects = self.objects << 1 | u128::from(kinds.brace >> bit & 1);
            self.depth += 1;
            if self.depth <= SPAN_DEPTH {
                self.open_span(self.depth - 1, at + bit);
                if self.depth == SPAN_DEPTH && self.is_managed_fields(at + bit) {
                    self.managed = 1;
                    let end = self.walk_managed(at, kinds.open, brackets);
                    let through = end.map_or(u64::MAX, |end| bits_below(end + 1));
                    *ignored |= through & !done;
                    done = through;
                    brackets &= !through;
                }
            } else if self.depth > MAX_DEPTH {
                return None;
            }
        }
        Some(wrong | misfits(self.objects) & !done)
    }

    /// Whether the container of depth 3 that begins at `open` is `metadata.managedFields`.
    fn is_managed_fields(&self, open: usize) -> bool {
        let is_value_of = |open: usize, key: &[u8]| {
            let before = self.json[..open].strip_suffix(b"\":").and_then(|before| before.strip_suffix(key));
            before.is_some_and(|before| before.ends_with(b"{\"") || before.ends_with(b",\""))
        };
        is_value_of(open, b"managedFields")
            && self.spans.get(self.around[1]).is_some_and(|span| is_value_of(span.open, b"metadata"))
    }
}

impl Kinds {
    /// The bytes that cannot stand where they do, judging by the byte before.
    #[inline]
    fn wrong_neighbours(&self, last: &Self) -> u64 {
        let scalar_start = self.scalar & !follows(self.scalar, last.scalar);
        let value = self.start | self.open | scalar_start;
        let after_open = follows(self.open, last.open);
        let after_end = follows(self.end, last.end);
        let after_mark = follows(self.colon | self.comma, last.colon | last.comma);
        let after_value = after_end | follows(self.scalar | self.close, last.scalar | last.close);
        // Whatever is no part of a string or scalar is asked what it comes after.
        value & !(after_open | after_mark)
            | follows(self.brace, last.brace) & !(self.start | self.close)
            | self.colon & !after_end
            | self.comma & !after_value
            | self.close & !(after_value | after_open)
    }
}

/// The bytes after these.
#[inline]
fn follows(kind: u64, last: u64) -> u64 {
    kind << 1 | last >> 63
}

/// The first operator after each of `kind`, which are operators. `pending` says whether the last of the block before
/// waits for one, and then whether the last of this one does.
#[inline]
fn next_of(kind: u64, operators: u64, pending: &mut u64) -> u64 {
    // Adding a bit to the gap behind it carries through the gap to the operator at its end.
    let (sum, overflow) = (kind << 1 | *pending).overflowing_add(!operators);
    *pending = kind >> 63 | u64::from(overflow);
    sum & operators
}

/// The numbers of the bits that are set.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        let some = mask != 0;
        mask &= mask.wrapping_sub(1);
        some.then_some(bit)
    })
}
