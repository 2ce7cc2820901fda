//! The job held against its columns, all problems at once.

use crate::data::{Column, KeyKind};
use crate::source::Relation;

use super::super::decide::{AttributeRule, GroupRule, Rules};
use super::super::expression::{Expression, Purpose};
use super::super::job::{GroupMapping, Job, OnUnmap, Origin, Property};
use super::super::object::Shape;
use super::super::schema::{Alignment, AttributeStyle, GroupColumnTarget, Schema, Use, WantedColumn};
use super::super::value::{self, PropertyType, Settings, Target};
use super::groups::{group_column, group_field, group_kind};
use super::values::AttributePart;
use super::{GroupRead, Program, PropertyRead, Surroundings, digest};

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

pub(super) struct Builder<'a> {
    pub(super) job: &'a Job,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) settings: Settings,
    reads: Vec<String>,
    pub(super) properties: Vec<PropertyRead>,
    pub(super) groups: Vec<GroupRead>,
    pub(super) problems: Vec<String>,
}

impl<'a> Builder<'a> {
    fn build(mut self, around: &Surroundings<'_>) -> Result<Program, Vec<String>> {
        let key = self.key();
        let attributes = self.attributes();
        let flags = self.flags();
        let groups = self.group_rules();
        let collection = self.collection();
        let whole = |part: &AttributePart| match self.reads_nothing() {
            // Nothing is written, so nothing may turn out to be a whole object.
            true => part.source.writer.any().clone(),
            false => part.source.writer.widest().clone(),
        };
        let targets: Vec<Target> = attributes.iter().chain(&flags).map(whole).collect();
        if let Some(problem) = value::conflict(&targets) {
            self.problems.push(format!("spec.propertyMappings: {problem}"));
        }
        self.check_external_id();
        self.check_groups(&targets);
        let Some((key_column, key_kind)) = key else { return Err(self.problems) };
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mapped: Vec<usize> = groups.iter().map(|(_, index)| *index).collect();
        let mut parts: Vec<AttributePart> = attributes.into_iter().chain(flags).collect();
        let mut schema = around.schema.clone();
        if self.reads_nothing() {
            // No value is sent, so none has another kind than before.
            parts.iter_mut().for_each(|part| part.kind = None);
        }
        let wanted: Vec<WantedColumn> =
            parts.iter().map(|part| part.column(self.job, &around.hash_key)).collect();
        let targets: Vec<GroupColumnTarget> =
            groups.iter().map(|(mapping, _)| group_column(mapping)).collect();
        let clear = self.job.on_unmap == OnUnmap::Clear;
        let alignment = schema.align(&wanted, &targets, clear, around.elsewhere);
        for (part, number) in parts.iter_mut().zip(&alignment.attributes) {
            // Of two kinds the mapping's own counts: the run goes on only when a person let it change.
            part.source.kind = part.kind.or(schema.attributes[usize::from(*number)].kind);
        }
        let rules = self.rules(&parts, &groups, &alignment, &schema);
        let shape = Shape {
            fields: parts.iter().map(|part| part.field.clone()).collect(),
            groups: groups.iter().map(|(mapping, _)| group_field(mapping)).collect(),
        };
        let digest = digest::of_rules(&rules, &around.hash_key);
        let edition = digest::of_configuration(self.job, &around.hash_key);
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
            edition,
            mode: self.job.mode,
            hash_key: around.hash_key.clone(),
            address_key: around.address_key.clone(),
        })
    }

    /// The key's column is the first that is read.
    fn key(&mut self) -> Option<(String, KeyKind)> {
        let name = self.job.model.primary_key.clone();
        if self.reads_nothing() {
            let listed = self.job.model.properties.iter().find(|property| property.name == name);
            let kind = listed.and_then(|property| value::key_kind(property.property_type?));
            let column = listed.map_or(name.clone(), |property| property.column.clone());
            return Some((column, kind.unwrap_or(KeyKind::Text)));
        }
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

    /// The record's key is its `external_id`, and nothing else is.
    fn check_external_id(&mut self) {
        let key = &self.job.model.primary_key;
        let mut mappings = self.job.properties.iter().filter(|mapping| mapping.to == "external_id");
        let good = match (mappings.next(), mappings.next()) {
            (Some(mapping), None) => mapping.origin == Origin::From(key.clone()) && mapping.as_kind.is_none(),
            _ => false,
        };
        if !good {
            self.problems.push(format!(
                "spec.propertyMappings: exactly one must send the primary key as it is: \
                 {{from: {key}, to: external_id}}"
            ));
        }
    }

    /// The index of a property among those read; it is read from now on.
    pub(super) fn property(&mut self, name: &str, place: &str) -> Option<usize> {
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
        let column = self.column(&spec.column, place)?;
        let property_type = self.property_type(&spec, column)?;
        let cell = self.read(&spec.column);
        self.properties.push(PropertyRead { name: name.to_owned(), cell, property_type });
        Some(self.properties.len() - 1)
    }

    /// Whether there are no rows, nor anything that would tell how to read them.
    pub(super) fn reads_nothing(&self) -> bool {
        self.around.columns.is_none()
    }

    fn columns(&self) -> &'a [Column] {
        self.around.columns.unwrap_or_default()
    }

    /// The only column of that name.
    pub(super) fn column(&mut self, name: &str, place: &str) -> Option<&'a Column> {
        let mut found = self.columns().iter().filter(|column| column.name == name);
        let problem = match (found.next(), found.next()) {
            (Some(column), None) => return Some(column),
            (Some(_), Some(_)) => format!(
                "{place}: Model {}: {} returns more than one column {name:?}; give them different names",
                self.job.model.name,
                self.relation()
            ),
            (None, _) => self.column_missing(name, place),
        };
        self.problems.push(problem);
        None
    }

    fn relation(&self) -> String {
        match &self.job.model.relation {
            Relation::Table(table) => format!("table {table}"),
            Relation::Query(_) => "the query".to_owned(),
        }
    }

    fn column_missing(&self, column: &str, place: &str) -> String {
        let names: Vec<&str> = self.columns().iter().map(|c| c.name.as_str()).collect();
        let listed = if names.len() > 20 {
            format!("{}, … ({} in all)", names[..20].join(", "), names.len())
        } else {
            names.join(", ")
        };
        format!(
            "{place}: Model {}: {} has no column {column:?}; it has {listed}",
            self.job.model.name,
            self.relation()
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

    pub(super) fn read(&mut self, column: &str) -> usize {
        self.reads.iter().position(|name| name == column).unwrap_or_else(|| {
            self.reads.push(column.to_owned());
            self.reads.len() - 1
        })
    }

    /// Compiles an expression; its inputs are then indices into `self.properties`.
    pub(super) fn expression(&mut self, source: &str, purpose: Purpose, place: &str) -> Option<Expression> {
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
        let columns = self.columns();
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
                keeps_on_null: part.keeps_on_null,
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
            clearing_flags: clearing(&mut schema.attributes.iter().map(|c| match c.style {
                AttributeStyle::Flag => c.use_now,
                _ => Use::Left,
            })),
            clearing_attributes: clearing(&mut schema.attributes.iter().map(|c| c.use_now)),
            clearing_elements: clearing(&mut schema.groups.iter().map(|c| c.use_now)),
            full: self.around.full,
            adopt: self.around.adopt,
            now: self.around.now,
        }
    }
}
