//! The comprehensions `all`, `exists`, `exists_one`, `filter` and `map`, read back from what the parser made of them.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, operators};

use super::check::{Checked, Checker};
use super::kind::Kind;
use super::node::{Loop, Node};

/// The shape of a comprehension.
enum Shape<'t> {
    All(&'t IdedExpr),
    Exists(&'t IdedExpr),
    ExistsOne(&'t IdedExpr),
    Collect { filter: Option<&'t IdedExpr>, transform: &'t IdedExpr },
}

fn shape(comprehension: &ComprehensionExpr) -> Option<Shape<'_>> {
    let Expr::Call(CallExpr { func_name, args, .. }) = &comprehension.loop_step.expr else { return None };
    match (&comprehension.accu_init.expr, func_name.as_str(), args.as_slice()) {
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND, [_, body]) => {
            Some(Shape::All(body))
        }
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR, [_, body]) => {
            Some(Shape::Exists(body))
        }
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL, [body, ..]) => {
            Some(Shape::ExistsOne(body))
        }
        (Expr::List(_), operators::ADD, [_, added]) => {
            Some(Shape::Collect { filter: None, transform: only_element(added)? })
        }
        (Expr::List(_), operators::CONDITIONAL, [filter, step, _]) => {
            let Expr::Call(CallExpr { args, .. }) = &step.expr else { return None };
            Some(Shape::Collect { filter: Some(filter), transform: only_element(args.get(1)?)? })
        }
        _ => None,
    }
}

fn only_element(list: &IdedExpr) -> Option<&IdedExpr> {
    match &list.expr {
        Expr::List(ListExpr { elements, .. }) => elements.first(),
        _ => None,
    }
}

fn is_name(expression: &IdedExpr, name: &str) -> bool {
    matches!(&expression.expr, Expr::Ident(ident) if ident == name)
}

/// Checks a comprehension. One may follow another, but not stand inside it (semantics 5.6).
pub(super) fn comprehension(
    checker: &mut Checker<'_>,
    comprehension: &ComprehensionExpr,
) -> Result<Checked, String> {
    let Some(shape) = shape(comprehension) else {
        return Err("the expression cannot be read as CEL".to_owned());
    };
    let range = checker.walk(&comprehension.iter_range)?;
    let variable = comprehension.iter_var.as_str();
    let (names, gives_list): (&[&str], _) = match &shape {
        Shape::All(_) => (&["all"], false),
        Shape::Exists(_) => (&["exists"], false),
        Shape::ExistsOne(_) => (&["exists_one", "existsOne"], false),
        Shape::Collect { filter: Some(_), transform } if is_name(transform, variable) => {
            (&["filter", "map"], true)
        }
        Shape::Collect { .. } => (&["map"], true),
    };
    let at = checker.cursor.word(names);
    if checker.element.is_some() {
        let what = format!(
            "'{}' stands inside another comprehension, and its cost would multiply; move one of them into the query",
            names[0]
        );
        return checker.refuse(at, &what);
    }
    if !range.kind.fits(&[Kind::List, Kind::Map]) {
        let what =
            format!("'{}' goes through a list or a map, not through a {}", names[0], range.kind.word());
        return checker.refuse(at, &what);
    }
    let place = checker.cursor.word(&[variable]);
    if matches!(variable, "record" | "now") {
        return checker
            .refuse(place, &format!("'{variable}' has a meaning already; give the element another name"));
    }
    let kind = if range.kind == Kind::Map { Kind::Text } else { Kind::Any };
    checker.element = Some((variable.to_owned(), kind));
    let body = body(checker, shape, variable, names[0]);
    checker.element = None;
    let kind = if gives_list { Kind::List } else { Kind::Bool };
    Ok(Checked { node: Node::Comprehension(Box::new((range.node, body?))), kind, at })
}

fn body(checker: &mut Checker<'_>, shape: Shape<'_>, variable: &str, name: &str) -> Result<Loop, String> {
    Ok(match shape {
        Shape::All(body) => Loop::All(checker.truth(body, name)?),
        Shape::Exists(body) => Loop::Exists(checker.truth(body, name)?),
        Shape::ExistsOne(body) => Loop::ExistsOne(checker.truth(body, name)?),
        Shape::Collect { filter, transform } => {
            let filter = filter.map(|filter| checker.truth(filter, "filter")).transpose()?;
            let transform = match is_name(transform, variable) {
                true => Node::Element,
                false => checker.walk(transform)?.node,
            };
            Loop::Collect { filter, transform }
        }
    })
}
