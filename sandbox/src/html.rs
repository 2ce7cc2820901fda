//! Markup in which nothing that came from outside can be markup.

use std::fmt::{Display, Write};

/// A page in the making. What is fixed goes in as it is, everything else is escaped.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Appends markup; only what stands in the source can be.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text, safe between tags and inside quoted attributes.
    pub(crate) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing into a string cannot fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    /// Appends text percent-encoded, as one segment of a link.
    pub(crate) fn link(&mut self, segment: &str) -> &mut Self {
        self.0.push_str(&crate::wire::encode(segment));
        self
    }

    pub(crate) fn done(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_text() {
        let mut html = Html::default();
        html.raw("<a href=\"/x/").link("a/b\"").raw("\">").text("<script>'&\"").raw("</a>");
        assert_eq!(html.done(), "<a href=\"/x/a%2Fb%22\">&lt;script&gt;&#39;&amp;&quot;</a>");
    }
}
