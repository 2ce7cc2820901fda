//! From a batch of rows to what each record wants: keys, JSON, hashes, memberships, fingerprints. Pure.
//!
//! This is the hot path: no row allocates unless it holds lists, objects or expressions.

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::data::{Cell, KeyProblem, RowBatch, canonical_key};

use super::decide::{Address, Membership, Role, Row, Wanted};
use super::expression::{self, Expression, Fault, Input, Output};
use super::kinds::Met;
use super::object::Value;
use super::parcel::{Candidate, Found, ValueSpan};
use super::program::{AttributeSource, MembershipRule, Program, ValueOrigin, Wanting};
use super::value::{self, Code, JsonKind, Prop, PropertyType, Warning, json};

/// A batch of rows as records; its buffers are used again.
#[derive(Default)]
pub struct Records {
    /// One a row.
    pub rows: Vec<Evaluated>,
    /// Values that cannot be sent: row, attribute rule, why.
    pub drops: Vec<(usize, usize, Code)>,
    /// Group rules that could not be evaluated: row, index of the group read, why.
    pub rule_errors: Vec<(usize, usize)>,
    /// Values that are sent although something is odd: attribute rule, what; one an occurrence.
    pub warnings: Vec<(usize, Warning)>,
    /// Values of targets whose JSON kind is not settled: row, attribute rule, kind; in the order of rows.
    pub open: Vec<(usize, usize, JsonKind)>,
    keys: Vec<u8>,
    json: Vec<u8>,
    values: Vec<ValueSpan>,
    wanted: Vec<Wanted>,
    memberships: Vec<Membership>,
    attributes: usize,
    groups: usize,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Evaluated {
    /// Where its key stands, or why it names no record.
    pub key: Result<(u32, u32), KeyProblem>,
    /// Keyed hash of the key.
    pub key_hash: u64,
    /// Hash of everything that is wanted, to be compared with the remembered one: [`NEVER_EQUAL`] for a record that
    /// is not wanted, and for all in a full resync.
    pub fingerprint: u64,
    /// Hash of everything that is wanted, to be remembered.
    pub remember: u64,
    /// Whether the record is in the collection.
    pub wanted: Membership,
    /// The e-mail address.
    pub email: Address,
    /// The phone number.
    pub phone: Address,
}

/// A fingerprint that is never remembered, so that a known record is always looked at.
pub const NEVER_EQUAL: u64 = 1;

impl Records {
    /// The canonical key of a row.
    pub fn key(&self, row: usize) -> &[u8] {
        match self.rows[row].key {
            Ok((start, end)) => &self.keys[start as usize..end as usize],
            Err(_) => &[],
        }
    }

    /// A row as decisions see it.
    pub fn row(&self, row: usize) -> Row<'_> {
        Row {
            key: self.key(row),
            attributes: &self.wanted[row * self.attributes..(row + 1) * self.attributes],
            memberships: self.memberships(row),
            email: self.rows[row].email,
            phone: self.rows[row].phone,
        }
    }

    /// Memberships of a row, one a group rule.
    pub fn memberships(&self, row: usize) -> &[Membership] {
        &self.memberships[row * self.groups..(row + 1) * self.groups]
    }

    /// The JSON of a value of a row.
    pub fn value(&self, row: usize, attribute: usize) -> Value<'_> {
        let span = self.values[row * self.attributes + attribute];
        Value { json: &self.json[span.start as usize..span.end as usize], data_points: span.data_points }
    }

    /// A row that outlives the batch.
    pub fn candidate(&self, index: usize) -> Candidate {
        let evaluated = &self.rows[index];
        let mut json = Vec::new();
        let values = self.values[index * self.attributes..(index + 1) * self.attributes]
            .iter()
            .map(|span| {
                let start = json.len() as u32;
                json.extend_from_slice(&self.json[span.start as usize..span.end as usize]);
                ValueSpan { start, end: json.len() as u32, data_points: span.data_points }
            })
            .collect();
        let row = self.row(index);
        Candidate {
            key: row.key.to_vec(),
            key_hash: evaluated.key_hash,
            fingerprint: evaluated.remember,
            before: None,
            wanted: row.attributes.to_vec(),
            memberships: row.memberships.to_vec(),
            email: row.email,
            phone: row.phone,
            json,
            values,
            kinds: self.open_kinds(index),
            look_up: false,
            found: Found::default(),
        }
    }

    /// Kinds of a row that are not settled.
    pub fn open_kinds(&self, row: usize) -> Vec<Met> {
        let first = self.open.partition_point(|open| open.0 < row);
        let of_row = self.open[first..].iter().take_while(|open| open.0 == row);
        of_row.map(|&(_, attribute, kind)| (attribute, kind)).collect()
    }

    /// Takes a value back: it cannot be sent. The row is looked at again by the next run.
    pub fn drop_value(&mut self, row: usize, attribute: usize) {
        self.wanted[row * self.attributes + attribute] = Wanted::Dropped;
        self.rows[row].remember = NEVER_EQUAL;
    }

    fn clear(&mut self, program: &Program) {
        self.rows.clear();
        self.drops.clear();
        self.rule_errors.clear();
        self.warnings.clear();
        self.open.clear();
        self.keys.clear();
        self.json.clear();
        self.values.clear();
        self.wanted.clear();
        self.memberships.clear();
        self.attributes = program.sources.len();
        self.groups = program.mapped.len();
    }
}

/// Evaluates rows by a program.
pub struct Evaluator<'p> {
    program: &'p Program,
    /// JSON kind of each target, where it is settled: a value of another one is dropped.
    pub kinds: Vec<Option<JsonKind>>,
    now: Timestamp,
}

type Converted<'b> = Result<Prop<'b>, Code>;

impl<'p> Evaluator<'p> {
    /// An evaluator for one run.
    pub fn new(program: &'p Program) -> Self {
        let kinds = program.sources.iter().map(|source| source.kind).collect();
        Self { program, kinds, now: program.rules.now }
    }

    /// Evaluates all rows of a batch into `out`.
    pub fn evaluate(&self, batch: &RowBatch, out: &mut Records) {
        out.clear(self.program);
        let mut props: Vec<Converted<'_>> = Vec::with_capacity(self.program.properties.len());
        let mut groups = Vec::with_capacity(self.program.memberships.len());
        for index in 0..batch.rows() {
            let cells = batch.row(index);
            let key = self.key(cells, batch, out);
            props.clear();
            props.extend(self.program.properties.iter().map(|property| {
                value::property(cells[property.cell], batch, property.property_type, &self.program.settings)
            }));
            let input = |property: usize| match &props[property] {
                Ok(prop) => Input::from(prop),
                Err(_) => Input::Failed,
            };
            groups.clear();
            for group in &self.program.memberships {
                groups.push(self.membership(&group.rule, cells, batch, &input));
            }
            let wanted = match self.program.collection {
                Wanting::All => Membership::Member,
                Wanting::Group(group) => groups[group],
                Wanting::None => Membership::NotMember,
            };
            let first = out.wanted.len();
            if wanted == Membership::Member && key.is_ok() {
                for (attribute, source) in self.program.sources.iter().enumerate() {
                    let of_row = (&props[..], &groups[..]);
                    self.attribute(index, attribute, source, of_row, &input, out);
                }
                let failed = groups.iter().enumerate().filter(|(_, m)| **m == Membership::Unknown);
                out.rule_errors.extend(failed.map(|(group, _)| (index, group)));
                out.memberships.extend(self.program.mapped.iter().map(|&group| groups[group]));
            } else {
                // Whatever its values are, nothing of it is sent, and a record outside is a member of nothing.
                if let (Membership::Unknown, Wanting::Group(group)) = (wanted, self.program.collection) {
                    out.rule_errors.push((index, group));
                }
                let end = out.json.len() as u32;
                let nothing = ValueSpan { start: end, end, data_points: 0 };
                out.values.extend(std::iter::repeat_n(nothing, self.program.sources.len()));
                out.wanted.extend(std::iter::repeat_n(Wanted::Dropped, self.program.sources.len()));
                let outside = std::iter::repeat_n(Membership::NotMember, self.program.mapped.len());
                out.memberships.extend(outside);
            }
            self.finish(first, key, wanted, out);
        }
    }

    /// Takes the first kind met of each target as the one that a sync will send, and drops the others.
    pub fn assume_kinds(&mut self, records: &mut Records) {
        for (row, attribute, kind) in std::mem::take(&mut records.open) {
            if *self.kinds[attribute].get_or_insert(kind) != kind {
                records.drop_value(row, attribute);
                records.drops.push((row, attribute, Code::KindMismatch));
            }
        }
    }

    fn key(&self, cells: &[Cell], batch: &RowBatch, out: &mut Records) -> Result<(u32, u32), KeyProblem> {
        let start = out.keys.len();
        canonical_key(cells[0], batch, self.program.key_kind, &mut out.keys)?;
        Ok((start as u32, out.keys.len() as u32))
    }

    fn membership<'a>(
        &self,
        rule: &'a MembershipRule,
        cells: &[Cell],
        batch: &RowBatch,
        input: &dyn Fn(usize) -> Input<'a>,
    ) -> Membership {
        match rule {
            MembershipRule::When(expression) => match expression.membership(input, self.now) {
                expression::Membership::Member => Membership::Member,
                expression::Membership::NotMember => Membership::NotMember,
                expression::Membership::Unknown(_) => Membership::Unknown,
            },
            MembershipRule::Column(cell) => {
                match value::property(cells[*cell], batch, PropertyType::Boolean, &self.program.settings) {
                    Ok(Prop::Bool(true)) => Membership::Member,
                    Ok(_) => Membership::NotMember,
                    Err(_) => Membership::Unknown,
                }
            }
        }
    }

    fn attribute<'a>(
        &self,
        row: usize,
        attribute: usize,
        source: &'a AttributeSource,
        (props, groups): (&[Converted<'_>], &[Membership]),
        input: &dyn Fn(usize) -> Input<'a>,
        out: &mut Records,
    ) {
        let result = match &source.origin {
            ValueOrigin::Property(property) => match &props[*property] {
                Ok(prop) => write(source, prop, None, out),
                Err(code) => Err(*code),
            },
            ValueOrigin::Constant(text) => write(source, &Prop::Text(text.as_str().into()), None, out),
            ValueOrigin::Expression(expression) => self.expression(source, expression, input, out),
            ValueOrigin::Flag(group) => match groups[*group] {
                Membership::Member => write(source, &Prop::Bool(true), None, out),
                Membership::NotMember => write(source, &Prop::Bool(false), None, out),
                Membership::Unknown => Err(Code::ExpressionError),
            },
            ValueOrigin::Unread => Ok(None),
        };
        let kind = self.kinds[attribute];
        let start = out.values.last().map_or(0, |span| span.end);
        let wanted = match result {
            Ok(Some(written)) if kind.is_some_and(|first| first != written.kind) => Err(Code::KindMismatch),
            Ok(Some(written)) => {
                if kind.is_none() {
                    out.open.push((row, attribute, written.kind));
                }
                if let Some(warning) = written.warned {
                    out.warnings.push((attribute, warning));
                }
                Ok(Some(written))
            }
            other => other,
        };
        let (wanted, data_points) = match wanted {
            Ok(Some(written)) => {
                let json = &out.json[start as usize..];
                let hash = value::hash(json, &self.program.hash_key);
                let opt_in = source.consent && source.writer.any().is_opt_in(json);
                (Wanted::Value { hash, opt_in }, written.data_points)
            }
            Ok(None) => (Wanted::Null, 0),
            Err(code) => {
                out.json.truncate(start as usize);
                out.drops.push((row, attribute, code));
                (Wanted::Dropped, 0)
            }
        };
        out.values.push(ValueSpan { start, end: out.json.len() as u32, data_points });
        out.wanted.push(wanted);
    }

    fn expression<'a>(
        &self,
        source: &AttributeSource,
        expression: &'a Expression,
        input: &dyn Fn(usize) -> Input<'a>,
        out: &mut Records,
    ) -> Result<Option<value::Written>, Code> {
        let output = expression.value(input).map_err(|_: Fault| Code::ExpressionError)?;
        let property_type = output.property_type();
        let prop = match &output {
            Output::Null => Prop::Null,
            Output::Bool(b) => Prop::Bool(*b),
            Output::Int(n) => Prop::Int(*n),
            Output::UInt(n) => Prop::UInt(*n),
            Output::Double(n) => Prop::Float64(*n),
            Output::Text(text) => Prop::Text(text.as_str().into()),
            Output::Instant(at) => Prop::Instant(at.as_microsecond()),
            Output::Json(text) => Prop::Json(json::parse(text).ok_or(Code::NestedInvalid)?),
        };
        write(source, &prop, property_type, out)
    }

    fn finish(
        &self,
        first: usize,
        key: Result<(u32, u32), KeyProblem>,
        wanted: Membership,
        out: &mut Records,
    ) {
        let program = self.program;
        let mut evaluated = Evaluated {
            key,
            key_hash: 0,
            fingerprint: NEVER_EQUAL,
            remember: NEVER_EQUAL,
            wanted,
            email: Address::Unmapped,
            phone: Address::Unmapped,
        };
        for (attribute, rule) in program.rules.attributes.iter().enumerate() {
            if rule.role == Role::Plain {
                continue;
            }
            let address = match out.wanted[first + attribute] {
                Wanted::Value { .. } => Address::Known(self.address(out, first + attribute)),
                Wanted::Null if rule.clear_on_null => Address::Missing,
                Wanted::Null | Wanted::Dropped => Address::Dropped,
            };
            match rule.role {
                Role::Email => evaluated.email = address,
                _ => evaluated.phone = address,
            }
        }
        if let Ok((start, end)) = key {
            let key = &out.keys[start as usize..end as usize];
            evaluated.key_hash = program.hash_key.hash(key);
            if wanted == Membership::Member {
                evaluated.remember = self.fingerprint(key, first, out);
                if !program.rules.full {
                    evaluated.fingerprint = evaluated.remember;
                }
            }
        }
        out.rows.push(evaluated);
    }

    /// Keyed hash of an address in lower case.
    fn address(&self, out: &Records, value: usize) -> u64 {
        let span = out.values[value];
        // Without the quotes around it: an address needs no escapes.
        let text = &out.json[span.start as usize + 1..span.end as usize - 1];
        let mut small = [0_u8; 256];
        if let Some(lower) = small.get_mut(..text.len()).filter(|_| text.is_ascii()) {
            lower.copy_from_slice(text);
            lower.make_ascii_lowercase();
            return self.program.address_key.hash(lower);
        }
        let text = std::str::from_utf8(text).expect("JSON is text");
        self.program.address_key.hash(text.to_lowercase().as_bytes())
    }

    fn fingerprint(&self, key: &[u8], first: usize, out: &Records) -> u64 {
        let mut hasher = self.program.hash_key.hasher();
        hasher.number(self.program.digest);
        for wanted in &out.wanted[first..] {
            hasher.number(match wanted {
                Wanted::Value { hash, .. } => *hash,
                Wanted::Null => 2,
                Wanted::Dropped => 3,
            });
        }
        let groups = out.memberships.len() - self.program.mapped.len();
        let mut bits = 1_u64;
        for member in &out.memberships[groups..] {
            bits = (bits << 2) | *member as u64;
            if bits >> 62 != 0 {
                hasher.number(bits);
                bits = 1;
            }
        }
        hasher.number(bits);
        hasher.bytes(key);
        // 0 and 1 have a meaning of their own.
        hasher.finish().max(2)
    }
}

/// Writes a value behind those of the rows before it; `None`: it is null.
fn write(
    source: &AttributeSource,
    prop: &Prop<'_>,
    property_type: Option<PropertyType>,
    out: &mut Records,
) -> Result<Option<value::Written>, Code> {
    let Some(target) = source.writer.of(property_type) else {
        return if prop.is_null() { Ok(None) } else { Err(Code::KindMismatch) };
    };
    if target.is_null(prop) {
        return Ok(None);
    }
    target.write(prop, &mut out.json).map(Some)
}
