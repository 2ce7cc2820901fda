//! A job held against the columns that its relation really has: what to read, how to convert it, what to send.
//!
//! Everything that can be wrong with the two together is found here, before the first request
//! (`InvalidSpec`, with a sentence each).

use jiff::Timestamp;

use crate::data::{Column, ColumnKind, HashKey, KeyKind};
use crate::source::Relation;

use super::decide::{AttributeRule, GroupKind, GroupRule, Role, Rules};
use super::expression::{Expression, Purpose, ResultType};
use super::job::{
    Channel, Collection, GroupMapping, GroupRule as Membership, GroupTarget, Job, OnUnmap, Origin, Property,
    PropertyMapping, SyncMode, TargetKind,
};
use super::object::{Field, GroupField, Shape};
use super::schema::{Alignment, AttributeStyle, GroupColumnTarget, Schema, Use, WantedColumn};
use super::value::{self, JsonKind, PropertyType, Settings, Target};

/// What a run does with each row, ready to be carried out.
pub struct Program {
    /// Columns to read, in this order; the first is the key's.
    pub columns: Vec<String>,
    /// Column behind the primary key.
    pub key_column: String,
    /// Family of the key.
    pub key_kind: KeyKind,
    /// Properties that something uses.
    pub properties: Vec<PropertyRead>,
    /// How values are read.
    pub settings: Settings,
    /// Where each attribute's value comes from; one an attribute rule.
    pub sources: Vec<AttributeSource>,
    /// Who is a member; one a rule that anything uses (mapped groups, Flags, the collection).
    pub memberships: Vec<GroupRead>,
    /// For each mapped group (one a group rule): the index in `memberships`.
    pub mapped: Vec<usize>,
    /// The collection's group: the index in `memberships`.
    pub collection: Wanting,
    /// What a record gets.
    pub rules: Rules,
    /// How objects look.
    pub shape: Shape,
    /// Columns of the state, aligned with the job.
    pub schema: Schema,
    /// What the alignment found.
    pub alignment: Alignment,
    /// Hash of everything that decides what is sent for the same values.
    pub digest: u64,
    /// Modes.
    pub mode: SyncMode,
    /// Key of the hashes of keys, values and fingerprints.
    pub hash_key: HashKey,
    /// Key of the hashes of addresses: that of the app, so that opt-outs can be told to its other Destinations.
    pub address_key: HashKey,
    /// Names of the mapped groups' groups, in the order of the report.
    pub group_names: Vec<String>,
}

/// Which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanting {
    /// All.
    All,
    /// Members of the group of this index.
    Group(usize),
    /// None.
    None,
}

/// A property that is read.
#[derive(Clone, Debug)]
pub struct PropertyRead {
    /// Its name.
    pub name: String,
    /// Index of its column among those read.
    pub cell: usize,
    /// Its type.
    pub property_type: PropertyType,
}

/// Where an attribute's value comes from.
pub struct AttributeSource {
    /// Origin.
    pub origin: ValueOrigin,
    /// How it is written.
    pub writer: Writer,
    /// Whether null means something other than nothing: what [`AttributeRule::clear_on_null`] says.
    pub clear_on_null: bool,
    /// Consent target: an opt-in is special.
    pub consent: bool,
    /// JSON kind first sent, where it is fixed.
    pub kind: Option<JsonKind>,
}

/// Origin of a value.
pub enum ValueOrigin {
    /// The property of this index.
    Property(usize),
    /// A constant.
    Constant(String),
    /// An expression over properties of these indices.
    Expression(Expression),
    /// Whether the record is a member of the group of this index.
    Flag(usize),
}

/// How a value becomes JSON.
pub enum Writer {
    /// The type is known.
    Fixed(Box<Target>),
    /// Only the row tells the type: one target a type that fits.
    ByType(Vec<(PropertyType, Target)>),
}

impl Writer {
    /// A target to ask about names and rules: the same for all types.
    pub fn any(&self) -> &Target {
        match self {
            Self::Fixed(target) => target,
            Self::ByType(targets) => &targets[0].1,
        }
    }

    /// The target for values of a type; `None` when they do not fit.
    pub fn of(&self, property_type: Option<PropertyType>) -> Option<&Target> {
        match self {
            Self::Fixed(target) => Some(target),
            Self::ByType(targets) => {
                targets.iter().find(|(t, _)| Some(*t) == property_type).map(|(_, target)| target)
            }
        }
    }
}

/// Who is a member of a group.
pub struct GroupRead {
    /// Its name.
    pub name: String,
    /// The rule.
    pub rule: MembershipRule,
}

/// How membership is found.
pub enum MembershipRule {
    /// By expression.
    When(Expression),
    /// By the Boolean column of this index among those read.
    Column(usize),
}

/// What a program is made of besides the job.
pub struct Surroundings<'a> {
    /// Columns that the relation has.
    pub columns: &'a [Column],
    /// Columns of the state as remembered.
    pub schema: Schema,
    /// Key of all hashes of the state.
    pub hash_key: HashKey,
    /// Key of the hashes of addresses: that of the app.
    pub address_key: HashKey,
    /// Start of the run.
    pub now: Timestamp,
    /// A full resync.
    pub full: bool,
    /// Everything is taken as delivered.
    pub adopt: bool,
    /// Whether a sibling Destination of the app maps a target.
    pub elsewhere: &'a dyn Fn(&str) -> bool,
}

/// Holds a job against its columns. All problems at once, each a sentence that names the place.
pub fn build(job: &Job, around: Surroundings<'_>) -> Result<Program, Vec<String>> {
    let model = &job.model;
    let settings = Settings::new(&model.time_zone, model.default_country.as_deref(), model.keep_empty_text)
        .map_err(|problem| vec![format!("Model {}: {problem}", model.name)])?;
    let builder = Builder {
        job,
        around: &around,
        settings,
        reads: Vec::new(),
        properties: Vec::new(),
        groups: Vec::new(),
        problems: Vec::new(),
    };
    builder.build(&around)
}

struct Builder<'a> {
    job: &'a Job,
    around: &'a Surroundings<'a>,
    settings: Settings,
    reads: Vec<String>,
    properties: Vec<PropertyRead>,
    groups: Vec<GroupRead>,
    problems: Vec<String>,
}

impl Builder<'_> {
    fn build(mut self, around: &Surroundings<'_>) -> Result<Program, Vec<String>> {
        let key = self.key();
        let attributes = self.attributes();
        let flags = self.flags();
        let groups = self.group_rules();
        let collection = self.collection();
        let targets: Vec<Target> =
            attributes.iter().chain(&flags).map(|part| part.source.writer.any().clone()).collect();
        if let Some(problem) = value::conflict(&targets) {
            self.problems.push(format!("spec.propertyMappings: {problem}"));
        }
        let Some((key_column, key_kind)) = key else { return Err(self.problems) };
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mapped: Vec<usize> = groups.iter().map(|(_, index)| *index).collect();
        let mut parts: Vec<AttributePart> = attributes.into_iter().chain(flags).collect();
        let mut schema = around.schema.clone();
        let wanted: Vec<WantedColumn> =
            parts.iter().map(|part| part.column(self.job, &around.hash_key)).collect();
        let targets: Vec<GroupColumnTarget> =
            groups.iter().map(|(mapping, _)| group_column(mapping)).collect();
        let clear = self.job.on_unmap == OnUnmap::Clear;
        let alignment = schema.align(&wanted, &targets, clear, around.elsewhere);
        for (part, number) in parts.iter_mut().zip(&alignment.attributes) {
            part.source.kind = schema.attributes[usize::from(*number)].kind;
        }
        let rules = self.rules(&parts, &groups, &alignment, &schema);
        let shape = Shape {
            fields: parts.iter().map(|part| part.field.clone()).collect(),
            groups: groups.iter().map(|(mapping, _)| group_field(mapping)).collect(),
        };
        let digest = digest(self.job, &schema, &around.hash_key, &rules);
        Ok(Program {
            columns: self.reads,
            key_column,
            key_kind,
            properties: self.properties,
            settings: self.settings,
            group_names: groups.iter().map(|(mapping, _)| mapping.group.clone()).collect(),
            sources: parts.into_iter().map(|part| part.source).collect(),
            memberships: self.groups,
            mapped,
            collection,
            rules,
            shape,
            schema,
            alignment,
            digest,
            mode: self.job.mode,
            hash_key: around.hash_key.clone(),
            address_key: around.address_key.clone(),
        })
    }

    /// The key's column is the first that is read.
    fn key(&mut self) -> Option<(String, KeyKind)> {
        let name = self.job.model.primary_key.clone();
        let index = self.property(&name, "spec.primaryKey")?;
        let property = &self.properties[index];
        let column = self.reads[property.cell].clone();
        match value::key_kind(property.property_type) {
            Some(kind) => Some((column, kind)),
            None => {
                self.problems.push(format!(
                    "Model {}: spec.primaryKey: {name} is of type {:?}; a key must be String, Integer, Decimal, \
                     Email or Url",
                    self.job.model.name, property.property_type
                ));
                None
            }
        }
    }

    /// The index of a property among those read; it is read from now on.
    fn property(&mut self, name: &str, place: &str) -> Option<usize> {
        if let Some(index) = self.properties.iter().position(|p| p.name == name) {
            return Some(index);
        }
        let model = &self.job.model;
        let listed = model.properties.iter().find(|property| property.name == name);
        let spec = match listed {
            Some(property) => property.clone(),
            None if model.properties.is_empty() => {
                Property { name: name.to_owned(), column: name.to_owned(), property_type: None }
            }
            None => {
                self.problems.push(format!("{place}: the Model {} has no property {name:?}", model.name));
                return None;
            }
        };
        let Some(column) = self.around.columns.iter().find(|column| column.name == spec.column) else {
            self.problems.push(self.column_missing(&spec.column, place));
            return None;
        };
        let property_type = self.property_type(&spec, column)?;
        let cell = self.read(&spec.column);
        self.properties.push(PropertyRead { name: name.to_owned(), cell, property_type });
        Some(self.properties.len() - 1)
    }

    fn column_missing(&self, column: &str, place: &str) -> String {
        let names: Vec<&str> = self.around.columns.iter().map(|c| c.name.as_str()).collect();
        let relation = match &self.job.model.relation {
            Relation::Table(table) => format!("table {table}"),
            Relation::Query(_) => "the query".to_owned(),
        };
        let listed = if names.len() > 20 {
            format!("{}, … ({} in all)", names[..20].join(", "), names.len())
        } else {
            names.join(", ")
        };
        format!(
            "{place}: Model {}: {relation} has no column {column:?}; it has {listed}",
            self.job.model.name
        )
    }

    fn property_type(&mut self, spec: &Property, column: &Column) -> Option<PropertyType> {
        let unfit = |what: &str| {
            format!(
                "Model {}: property {:?}: column {:?} of type {} {what}",
                self.job.model.name, spec.name, spec.column, column.source_type
            )
        };
        let problem = match spec.property_type {
            Some(declared) if value::fits(&column.kind, declared) => return Some(declared),
            Some(declared) => unfit(&format!("cannot be {declared:?}")),
            None => match value::infer(&column.kind) {
                Some(inferred) => return Some(inferred),
                None => unfit("cannot be sent; cast it in a query"),
            },
        };
        self.problems.push(problem);
        None
    }

    fn read(&mut self, column: &str) -> usize {
        self.reads.iter().position(|name| name == column).unwrap_or_else(|| {
            self.reads.push(column.to_owned());
            self.reads.len() - 1
        })
    }

    fn attributes(&mut self) -> Vec<AttributePart> {
        let mappings = &self.job.properties;
        let mut parts = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.to != "external_id") {
            let place = format!("spec.propertyMappings[to={}]", mapping.to);
            if let Some(part) = self.attribute(mapping, &place) {
                parts.push(part);
            }
        }
        parts
    }

    fn attribute(&mut self, mapping: &PropertyMapping, place: &str) -> Option<AttributePart> {
        let (origin, gives) = match &mapping.origin {
            Origin::From(name) => {
                let index = self.property(name, place)?;
                (ValueOrigin::Property(index), ResultType::Known(self.properties[index].property_type))
            }
            Origin::Value(text) => {
                (ValueOrigin::Constant(text.clone()), ResultType::Known(PropertyType::String))
            }
            Origin::Expression(source) => {
                let expression = self.expression(source, Purpose::Mapping, place)?;
                let gives = expression.result_type();
                (ValueOrigin::Expression(expression), gives)
            }
        };
        let (writer, target) = self.writer(mapping, gives, place)?;
        let clears = target.clears_on_null();
        let source = AttributeSource {
            origin,
            writer,
            clear_on_null: clears,
            consent: target.is_consent(),
            kind: None,
        };
        let role = match mapping.to.as_str() {
            "email" => Role::Email,
            "phone" => Role::Phone,
            _ => Role::Plain,
        };
        let style = match () {
            () if target.is_consent() || role != Role::Plain => AttributeStyle::Kept,
            () if target.is_nested() => AttributeStyle::Nested,
            () => AttributeStyle::Field,
        };
        Some(AttributePart {
            source,
            field: Field {
                name: target.name().to_owned(),
                path: target
                    .is_nested()
                    .then(|| target.path().iter().map(|part| part.name().to_owned()).collect()),
                costs: target.costs_data_points(),
            },
            kind: target.json_kind(),
            role,
            style,
            guarded_consent: target.is_consent() && !mapping.always_opt_in,
            mapping: Some(mapping.clone()),
        })
    }

    /// The writer, and a target to ask about names and rules (for a dynamic type: the first that fits).
    fn writer(
        &mut self,
        mapping: &PropertyMapping,
        gives: ResultType,
        place: &str,
    ) -> Option<(Writer, Target)> {
        const DYNAMIC: [PropertyType; 7] = [
            PropertyType::String,
            PropertyType::Integer,
            PropertyType::Float,
            PropertyType::Boolean,
            PropertyType::Timestamp,
            PropertyType::Array,
            PropertyType::Object,
        ];
        match gives {
            ResultType::Known(property_type) => match Target::compile(mapping, property_type, &self.settings)
            {
                Ok(target) => Some((Writer::Fixed(Box::new(target.clone())), target)),
                Err(problem) => {
                    self.problems.push(format!("{place}: {problem}"));
                    None
                }
            },
            ResultType::Dynamic => {
                let mut targets = Vec::new();
                let mut first_problem = None;
                for property_type in DYNAMIC {
                    match Target::compile(mapping, property_type, &self.settings) {
                        Ok(target) => targets.push((property_type, target)),
                        Err(problem) => first_problem = first_problem.or(Some(problem)),
                    }
                }
                let Some((_, target)) = targets.first().cloned() else {
                    let problem = first_problem.map(|p| p.to_string()).unwrap_or_default();
                    self.problems.push(format!("{place}: {problem}"));
                    return None;
                };
                Some((Writer::ByType(targets), target))
            }
        }
    }

    /// Compiles an expression; its inputs are then indices into `self.properties`.
    fn expression(&mut self, source: &str, purpose: Purpose, place: &str) -> Option<Expression> {
        let known = self.known_properties();
        let trial = match Expression::compile(source, purpose, &known) {
            Ok(trial) => trial,
            Err(problem) => {
                self.problems.push(format!("{place}: {problem}"));
                return None;
            }
        };
        // What it names is read from now on; compiled again, it counts in what is read.
        let names: Vec<String> = trial.inputs().iter().map(|&index| known[index].0.clone()).collect();
        for name in names {
            self.property(&name, place)?;
        }
        let read: Vec<(String, PropertyType)> =
            self.properties.iter().map(|p| (p.name.clone(), p.property_type)).collect();
        Expression::compile(source, purpose, &read).ok()
    }

    /// Every property that the Model has, read or not.
    fn known_properties(&self) -> Vec<(String, PropertyType)> {
        let model = &self.job.model;
        let columns = self.around.columns;
        if model.properties.is_empty() {
            return columns
                .iter()
                .filter_map(|column| value::infer(&column.kind).map(|t| (column.name.clone(), t)))
                .collect();
        }
        model
            .properties
            .iter()
            .filter_map(|property| {
                let column = columns.iter().find(|column| column.name == property.column)?;
                let property_type = property.property_type.or_else(|| value::infer(&column.kind))?;
                Some((property.name.clone(), property_type))
            })
            .collect()
    }

    fn group(&mut self, name: &str, place: &str) -> Option<usize> {
        if let Some(index) = self.groups.iter().position(|group| group.name == name) {
            return Some(index);
        }
        let model = &self.job.model;
        let Some(group) = model.groups.iter().find(|group| group.name == name) else {
            self.problems.push(format!("{place}: the Model {} has no group {name:?}", model.name));
            return None;
        };
        let place = format!("Model {}: spec.groups[name={name}]", model.name);
        let rule = match &group.rule {
            Membership::When(source) => {
                MembershipRule::When(self.expression(source, Purpose::Group, &format!("{place}.when"))?)
            }
            Membership::Column(column) => {
                MembershipRule::Column(self.boolean_column(column, &format!("{place}.column"))?)
            }
        };
        self.groups.push(GroupRead { name: name.to_owned(), rule });
        Some(self.groups.len() - 1)
    }

    fn boolean_column(&mut self, name: &str, place: &str) -> Option<usize> {
        let Some(column) = self.around.columns.iter().find(|column| column.name == name) else {
            self.problems.push(self.column_missing(name, place));
            return None;
        };
        if !matches!(column.kind, ColumnKind::Bool | ColumnKind::Dynamic) {
            self.problems.push(format!(
                "{place}: column {name:?} is of type {}, not Boolean; write a rule with 'when' instead",
                column.source_type
            ));
            return None;
        }
        Some(self.read(name))
    }

    fn flags(&mut self) -> Vec<AttributePart> {
        let mut parts = Vec::new();
        for (index, mapping) in self.job.groups.iter().enumerate() {
            let GroupTarget::Flag { attribute } = &mapping.target else { continue };
            let place = format!("spec.groupMappings[{index}]");
            let Some(group) = self.group(&mapping.group, &place) else { continue };
            let property = PropertyMapping {
                origin: Origin::From(mapping.group.clone()),
                to: attribute.clone(),
                target_kind: Some(TargetKind::Custom),
                clear_on_null: true,
                as_kind: None,
                truncate: false,
                check: true,
                always_opt_in: false,
            };
            let Some((writer, target)) =
                self.writer(&property, ResultType::Known(PropertyType::Boolean), &place)
            else {
                continue;
            };
            parts.push(AttributePart {
                source: AttributeSource {
                    origin: ValueOrigin::Flag(group),
                    writer,
                    clear_on_null: true,
                    consent: false,
                    kind: None,
                },
                field: Field { name: attribute.clone(), path: None, costs: true },
                kind: target.json_kind(),
                role: Role::Plain,
                style: AttributeStyle::Flag,
                guarded_consent: false,
                mapping: None,
            });
        }
        parts
    }

    fn group_rules(&mut self) -> Vec<(GroupMapping, usize)> {
        let mut rules = Vec::new();
        for (index, mapping) in self.job.groups.iter().enumerate() {
            if matches!(mapping.target, GroupTarget::Flag { .. }) {
                continue;
            }
            if let Some(group) = self.group(&mapping.group, &format!("spec.groupMappings[{index}]")) {
                rules.push((mapping.clone(), group));
            }
        }
        rules
    }

    fn collection(&mut self) -> Wanting {
        match &self.job.collection {
            Collection::All => Wanting::All,
            Collection::None => Wanting::None,
            Collection::Group(name) => {
                let name = name.clone();
                self.group(&name, "spec.collection.group").map_or(Wanting::None, Wanting::Group)
            }
        }
    }

    fn rules(
        &self,
        parts: &[AttributePart],
        groups: &[(GroupMapping, usize)],
        alignment: &Alignment,
        schema: &Schema,
    ) -> Rules {
        let attributes = parts
            .iter()
            .zip(&alignment.attributes)
            .map(|(part, &column)| AttributeRule {
                column,
                clear_on_null: part.source.clear_on_null,
                guarded_consent: part.guarded_consent,
                role: part.role,
                flag: part.style == AttributeStyle::Flag,
            })
            .collect();
        let groups = groups
            .iter()
            .zip(&alignment.groups)
            .map(|((mapping, _), &column)| GroupRule {
                column,
                kind: group_kind(mapping),
                remove_non_members: mapping.remove_non_members,
            })
            .collect();
        let clearing = |uses: &mut dyn Iterator<Item = Use>| -> Vec<u16> {
            (0u16..).zip(uses).filter(|(_, use_now)| *use_now == Use::Clearing).map(|(n, _)| n).collect()
        };
        Rules {
            attributes,
            groups,
            clearing_attributes: clearing(&mut schema.attributes.iter().map(|c| c.use_now)),
            clearing_elements: clearing(&mut schema.groups.iter().map(|c| c.use_now)),
            full: self.around.full,
            adopt: self.around.adopt,
            now: self.around.now,
        }
    }
}

/// An attribute under construction.
struct AttributePart {
    source: AttributeSource,
    field: Field,
    kind: Option<JsonKind>,
    role: Role,
    style: AttributeStyle,
    guarded_consent: bool,
    mapping: Option<PropertyMapping>,
}

impl AttributePart {
    fn column(&self, job: &Job, key: &HashKey) -> WantedColumn {
        let digest = match &self.mapping {
            // An edit of the mapping, its property or the Model counts as first sight.
            Some(mapping) if self.guarded_consent => consent_digest(job, mapping, key),
            _ => 0,
        };
        WantedColumn { target: self.field.name.clone(), kind: self.kind, digest, style: self.style }
    }
}

fn consent_digest(job: &Job, mapping: &PropertyMapping, key: &HashKey) -> u64 {
    let model = &job.model;
    let text = format!(
        "{:?}{:?}{:?}{:?}{}{:?}",
        mapping.origin,
        mapping.as_kind,
        model.relation,
        model.properties,
        model.primary_key,
        model.keep_empty_text
    );
    key.hash(text.as_bytes()).max(1)
}

fn group_kind(mapping: &GroupMapping) -> GroupKind {
    match &mapping.target {
        GroupTarget::Subscription { channel, subscribe_on_join, unsubscribe_on_leave, always, .. } => {
            GroupKind::Subscription {
                address: if *channel == Channel::Email { Role::Email } else { Role::Phone },
                on_join: *subscribe_on_join,
                on_leave: *unsubscribe_on_leave,
                always: *always,
            }
        }
        GroupTarget::Element { .. } | GroupTarget::Flag { .. } => GroupKind::Element,
    }
}

fn group_column(mapping: &GroupMapping) -> GroupColumnTarget {
    match group_field(mapping) {
        GroupField::Subscription(id) => GroupColumnTarget::Subscription(id),
        GroupField::Element { attribute, value } => GroupColumnTarget::Element { attribute, value },
    }
}

fn group_field(mapping: &GroupMapping) -> GroupField {
    match &mapping.target {
        GroupTarget::Subscription { id, .. } => GroupField::Subscription(id.clone()),
        GroupTarget::Element { attribute, value } => {
            GroupField::Element { attribute: attribute.clone(), value: value.clone() }
        }
        GroupTarget::Flag { attribute } => {
            GroupField::Element { attribute: attribute.clone(), value: mapping.group.clone() }
        }
    }
}

/// Everything that decides what is sent for the same wanted values: a change makes every record be compared entry by
/// entry once.
fn digest(job: &Job, schema: &Schema, key: &HashKey, rules: &Rules) -> u64 {
    let text = format!(
        "1 {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        job.mode,
        job.properties,
        job.groups,
        job.model.properties,
        job.model.groups,
        rules.attributes,
        schema
            .groups
            .iter()
            .map(|c| c.use_now)
            .chain(schema.attributes.iter().map(|c| c.use_now))
            .collect::<Vec<_>>(),
    );
    key.hash(text.as_bytes())
}

impl Program {
    /// Hash of an object, bound to the configuration: an object that Braze refused is sent again after an edit.
    pub fn object_hash(&self, object: &[u8]) -> u64 {
        let mut hasher = self.hash_key.hasher();
        hasher.number(self.digest);
        hasher.bytes(object);
        hasher.finish()
    }
}
