//! The walk over the syntax tree: names, types and bounds, and the tree that is evaluated.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators};

use super::Purpose;
use super::calls;
use super::kind::Kind;
use super::macros;
use super::node::{Literal, Node};
use super::operations;
use super::suggest::did_you_mean;
use super::tokens::{Cursor, TokenKind, sentence};
use crate::sync::value::PropertyType;

/// Most parts of one expression (semantics 5.6).
const MAX_NODES: usize = 500;
/// Deepest tree. It bounds the stack of the evaluation.
const MAX_DEPTH: usize = 64;

/// A part that passed, with what it gives and where it stands.
pub(super) struct Checked {
    pub node: Node,
    pub kind: Kind,
    pub at: usize,
}

/// The walk and what it has found so far.
pub(super) struct Checker<'s> {
    pub source: &'s str,
    pub cursor: Cursor<'s>,
    pub properties: &'s [(String, PropertyType)],
    pub purpose: Purpose,
    pub inputs: BTreeSet<usize>,
    pub uses_now: bool,
    /// Name and kind of the comprehension's element, inside of one.
    pub element: Option<(String, Kind)>,
    pub nodes: usize,
    pub depth: usize,
}

impl<'s> Checker<'s> {
    /// A refusal at a place of the text.
    pub fn refuse<T>(&self, at: usize, what: &str) -> Result<T, String> {
        Err(sentence(self.source, at, what))
    }

    pub fn walk(&mut self, expression: &IdedExpr) -> Result<Checked, String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("the expression has more than {MAX_NODES} parts; move work into the query"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let chain = "the expression nests more than 64 deep; put brackets around parts of a long chain";
            return Err(chain.to_owned());
        }
        let checked = self.part(&expression.expr);
        self.depth -= 1;
        checked
    }

    fn part(&mut self, part: &Expr) -> Result<Checked, String> {
        match part {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let at = self.cursor.word(&["["]);
                let nodes =
                    list.elements.iter().map(|e| Ok(self.walk(e)?.node)).collect::<Result<_, String>>()?;
                Ok(Checked { node: Node::List(nodes), kind: Kind::List, at })
            }
            Expr::Map(map) => {
                let at = self.cursor.word(&["{"]);
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return self.refuse(at, "messages are not supported; write a map {'key': value}");
                    };
                    let key = self.walk(&entry.key)?;
                    if !key.kind.fits(&[Kind::Text]) {
                        let what = format!("a map's keys are strings, not {}", key.kind.word());
                        return self.refuse(key.at, &what);
                    }
                    entries.push((key.node, self.walk(&entry.value)?.node));
                }
                Ok(Checked { node: Node::Map(entries), kind: Kind::Map, at })
            }
            Expr::Comprehension(comprehension) => macros::comprehension(self, comprehension),
            Expr::Struct(message) => {
                let at = self.cursor.word(&[message.type_name.as_str()]);
                self.refuse(at, "messages are not supported; write a map {'key': value}")
            }
            Expr::Unspecified => Err("the expression cannot be read as CEL".to_owned()),
        }
    }

    fn literal(&mut self, literal: &LiteralValue) -> Result<Checked, String> {
        let (literal, kind, at) = match literal {
            LiteralValue::Null => (Literal::Null, Kind::Null, self.cursor.word(&["null"])),
            LiteralValue::Boolean(b) => {
                (Literal::Bool(*b.inner()), Kind::Bool, self.cursor.word(&["true", "false"]))
            }
            LiteralValue::Int(i) => {
                (Literal::Int(*i.inner()), Kind::Int, self.cursor.kind(TokenKind::Number))
            }
            LiteralValue::UInt(u) => {
                (Literal::UInt(*u.inner()), Kind::UInt, self.cursor.kind(TokenKind::Number))
            }
            LiteralValue::Double(d) => {
                (Literal::Double(*d.inner()), Kind::Double, self.cursor.kind(TokenKind::Number))
            }
            LiteralValue::String(s) => {
                (Literal::Text(s.inner().into()), Kind::Text, self.cursor.kind(TokenKind::Text))
            }
            LiteralValue::Bytes(_) => {
                let at = self.cursor.kind(TokenKind::Text);
                return self.refuse(at, "bytes cannot be sent; write a string without the b before it");
            }
        };
        Ok(Checked { node: Node::Literal(literal), kind, at })
    }

    fn name(&mut self, name: &str) -> Result<Checked, String> {
        let at = self.cursor.word(&[name]);
        if let Some((element, kind)) = &self.element
            && element == name
        {
            return Ok(Checked { node: Node::Element, kind: *kind, at });
        }
        match name {
            "now" if self.purpose == Purpose::Group => {
                self.uses_now = true;
                Ok(Checked { node: Node::Now, kind: Kind::Time, at })
            }
            "now" => self.refuse(
                at,
                "now is not available in a mapping, since the value would change with every run; use it in a \
                 group's rule and map the group",
            ),
            "record" => self
                .refuse(at, "record stands for the whole row; name one of its properties, such as record.id"),
            _ if self.properties.iter().any(|(property, _)| property == name) => {
                self.refuse(at, &format!("a property is written with record before it: record.{name}"))
            }
            _ => self.refuse(
                at,
                &format!("there is no '{name}' here; an expression speaks of record.<property> and literals"),
            ),
        }
    }

    /// A property by its name: `record.name`, `record["name"]`.
    fn property(&mut self, name: &str, at: usize) -> Result<(usize, Kind), String> {
        let name = name.trim_matches('`');
        match self.properties.iter().position(|(property, _)| property == name) {
            Some(index) => {
                self.inputs.insert(index);
                Ok((index, Kind::of(self.properties[index].1)))
            }
            None => {
                let hint = did_you_mean(name, self.properties.iter().map(|(property, _)| property.as_str()));
                self.refuse(at, &format!("the model has no property '{name}'{hint}"))
            }
        }
    }

    fn is_record(&self, operand: &IdedExpr) -> bool {
        matches!(&operand.expr, Expr::Ident(name) if name == "record")
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Checked, String> {
        let field = select.field.trim_matches('`');
        if self.is_record(&select.operand) {
            self.cursor.word(&["record"]);
            let at = self.cursor.word(&[field]);
            let (index, kind) = self.property(field, at)?;
            return Ok(match select.test {
                true => Checked { node: Node::HasProperty(index), kind: Kind::Bool, at },
                false => Checked { node: Node::Property(index), kind, at },
            });
        }
        let operand = self.walk(&select.operand)?;
        let at = self.cursor.word(&[field]);
        if !operand.kind.fits(&[Kind::Map]) {
            let what = format!("a {} has no members, so '.{field}' finds nothing", operand.kind.word());
            return self.refuse(at, &what);
        }
        let (operand, field) = (Box::new(operand.node), field.into());
        Ok(match select.test {
            true => Checked { node: Node::Has(operand, field), kind: Kind::Bool, at },
            false => Checked { node: Node::Select(operand, field), kind: Kind::Any, at },
        })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Checked, String> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::INDEX, None, [operand, index]) => self.index(operand, index),
            (operators::CONDITIONAL, None, [condition, yes, no]) => self.conditional(condition, yes, no),
            (operators::LOGICAL_NOT, None, [operand]) => {
                let at = self.cursor.word(&["!"]);
                let operand = self.truth(operand, "!")?;
                Ok(Checked { node: Node::Not(Box::new(operand)), kind: Kind::Bool, at })
            }
            (operators::NEGATE, None, [operand]) => {
                let at = self.cursor.word(&["-"]);
                let operand = self.walk(operand)?;
                operations::negate(self, operand, at)
            }
            (operators::LOGICAL_AND, None, [left, right]) => {
                let left = self.truth(left, "&&")?;
                let at = self.cursor.word(&["&&"]);
                let right = self.truth(right, "&&")?;
                Ok(Checked { node: Node::And(Box::new([left, right])), kind: Kind::Bool, at })
            }
            (operators::LOGICAL_OR, None, [left, right]) => {
                let left = self.truth(left, "||")?;
                let at = self.cursor.word(&["||"]);
                let right = self.truth(right, "||")?;
                Ok(Checked { node: Node::Or(Box::new([left, right])), kind: Kind::Bool, at })
            }
            (name, None, [left, right]) if operations::sign(name).is_some() => {
                operations::binary(self, name, left, right)
            }
            (name, target, arguments) => calls::call(self, name, target, arguments),
        }
    }

    /// A part that must be true or false.
    pub fn truth(&mut self, part: &IdedExpr, what: &str) -> Result<Node, String> {
        let part = self.walk(part)?;
        if part.kind.fits(&[Kind::Bool]) {
            return Ok(part.node);
        }
        let kind = part.kind.word();
        self.refuse(part.at, &format!("'{what}' needs true or false here, not a {kind}; write a comparison"))
    }

    fn index(&mut self, operand: &IdedExpr, index: &IdedExpr) -> Result<Checked, String> {
        if self.is_record(operand) {
            let at = self.cursor.word(&["record"]);
            let Expr::Literal(LiteralValue::String(name)) = &index.expr else {
                return self
                    .refuse(at, "the name in record[…] must be a written string, such as record['id']");
            };
            let at = self.cursor.kind(TokenKind::Text);
            let (index, kind) = self.property(name.inner(), at)?;
            return Ok(Checked { node: Node::Property(index), kind, at });
        }
        let operand = self.walk(operand)?;
        let at = self.cursor.word(&["["]);
        let index = self.walk(index)?;
        let wanted: &[Kind] = match operand.kind {
            Kind::List => &[Kind::Int, Kind::UInt],
            Kind::Map => &[Kind::Text],
            Kind::Object | Kind::Any => &[Kind::Int, Kind::UInt, Kind::Text],
            kind => {
                return self.refuse(at, &format!("a {} has no elements, so […] finds nothing", kind.word()));
            }
        };
        if !index.kind.fits(wanted) {
            let what = format!("a {} cannot be looked up by {}", operand.kind.word(), index.kind.word());
            return self.refuse(index.at, &what);
        }
        Ok(Checked { node: Node::Index(Box::new([operand.node, index.node])), kind: Kind::Any, at })
    }

    fn conditional(
        &mut self,
        condition: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
    ) -> Result<Checked, String> {
        let condition = self.truth(condition, "?")?;
        let at = self.cursor.word(&["?"]);
        let yes = self.walk(yes)?;
        let no = self.walk(no)?;
        let Some(kind) = yes.kind.or(no.kind) else {
            let hint = match yes.kind.is_number() && no.kind.is_number() {
                true => "write 1.0 for 1, or use double(…)",
                false => "make them one type, such as with string(…)",
            };
            let what = format!(
                "the two sides of ':' give {} and {}, but a field has one type; {hint}",
                yes.kind.word(),
                no.kind.word()
            );
            return self.refuse(no.at, &what);
        };
        Ok(Checked { node: Node::Conditional(Box::new([condition, yes.node, no.node])), kind, at })
    }
}
