//! A YAML text as a tree of places.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use serde_json::{Map, Value};

use super::super::path::{Step, at, step};
use super::super::{Refusal, spaces};

/// Deeper than anybody writes.
const DEEPEST: usize = 100;

/// What stands in one place.
pub(super) struct Node {
    /// Without comments behind it.
    pub(super) span: Range<usize>,
    /// In brackets or braces.
    pub(super) flow: bool,
    /// An alias, or something that has an anchor: it stands elsewhere, too.
    pub(super) shared: bool,
    pub(super) what: What,
}

pub(super) enum What {
    Scalar(Value),
    Map(Vec<Child>),
    List(Vec<Child>),
}

/// A member or an element.
pub(super) struct Child {
    pub(super) name: String,
    /// Where its name begins, or its dash; or itself, in brackets.
    pub(super) from: usize,
    /// Behind its colon or dash.
    pub(super) after: usize,
    pub(super) node: Node,
}

/// The one document of a text, if anything is in it.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Refusal> {
    let mut reader = Reader { text, parser: Parser::new_from_str(text) };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Refusal::at(
                    start(&span),
                    "a second document begins here, and which one is meant is not clear",
                ));
            }
            event if event.is_node() => root = Some(reader.node(event, &span, start(&span), 0)?),
            _ => {}
        }
    }
    let is_said = |root: &Node| !root.span.is_empty() || root.shared;
    Ok(root.filter(is_said))
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Refusal> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                Err(Refusal::at(at, format!("this is no YAML: {}", error.kind())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// What begins with this event. If nothing is written there, its place is behind what leads to it.
    fn node(&mut self, event: Event<'a>, span: &Span, after: usize, depth: usize) -> Result<Node, Refusal> {
        let from = start(span);
        if depth > DEEPEST {
            return Err(Refusal::at(from, "this is too deep"));
        }
        let shared = event.anchor_id().is_some() || event.is_alias();
        let mut node = Node { span: from..end(span), flow: false, shared, what: What::Scalar(Value::Null) };
        match event {
            Event::Scalar(word, style, _, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    node.span.end = from + self.text[node.span.clone()].trim_end().len();
                }
                if node.span.is_empty() {
                    // A tag may stand there.
                    let written = self.text[after..from.max(after)].trim_end();
                    let written = if tag.is_some() || shared { written.len() } else { 0 };
                    node.span = after..after + written;
                } else {
                    let is_word = !is_plain || tag.is_some();
                    let word = word.into_owned();
                    node.what = What::Scalar(if is_word { Value::String(word) } else { plain(word) });
                }
            }
            Event::Alias(_) => {
                node.what = What::Scalar(Value::String(self.text[node.span.clone()].to_owned()));
            }
            Event::MappingStart(style, ..) => {
                node.flow = style == StructureStyle::Flow;
                let (children, end) = self.members(depth)?;
                node.span.end = end.filter(|_| node.flow).or(last(&children)).unwrap_or(from);
                node.what = What::Map(children);
            }
            Event::SequenceStart(style, ..) => {
                node.flow = style == StructureStyle::Flow;
                let (children, end) = self.elements(self.first_dash(after, from), node.flow, depth)?;
                node.span.end = end.filter(|_| node.flow).or(last(&children)).unwrap_or(from);
                node.span.start = children.first().filter(|_| !node.flow).map_or(from, |first| first.from);
                node.what = What::List(children);
            }
            _ => return Err(Refusal::at(from, "this is not understood")),
        }
        Ok(node)
    }

    fn members(&mut self, depth: usize) -> Result<(Vec<Child>, Option<usize>), Refusal> {
        let (mut children, mut names) = (Vec::<Child>::new(), HashSet::new());
        loop {
            let (event, span) = self.next()?;
            let from = start(&span);
            let name = match event {
                Event::MappingEnd => return Ok((children, Some(end(&span)))),
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(Refusal::at(from, "a name is expected here")),
            };
            if !names.insert(name.clone()) {
                return Err(Refusal::at(from, format!("{name} stands here a second time")));
            }
            let behind = end(&span);
            let gap = skip(self.text, behind);
            let after = if self.text[gap..].starts_with(':') { gap + 1 } else { behind };
            let (event, span) = self.next()?;
            children.push(Child { name, from, after, node: self.node(event, &span, after, depth + 1)? });
        }
    }

    /// The parser's place is behind it, where a list is no deeper than its name. A tag may stand in front of it.
    fn first_dash(&self, after: usize, from: usize) -> usize {
        let dash = skip(self.text, after);
        if self.text[dash..].starts_with('-') { dash } else { from }
    }

    fn elements(
        &mut self,
        from: usize,
        flow: bool,
        depth: usize,
    ) -> Result<(Vec<Child>, Option<usize>), Refusal> {
        let mut children = Vec::<Child>::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((children, Some(end(&span))));
            }
            let (from, after) = if flow {
                (start(&span), start(&span))
            } else {
                let dash = skip(self.text, last(&children).unwrap_or(from));
                if !self.text[dash..].starts_with('-') {
                    return Err(Refusal::at(start(&span), "the dash of this element cannot be found"));
                }
                (dash, dash + 1)
            };
            let node = self.node(event, &span, after, depth + 1)?;
            children.push(Child { name: String::new(), from, after, node });
        }
    }
}

fn start(span: &Span) -> usize {
    span.start.byte_offset().unwrap_or_default()
}

fn end(span: &Span) -> usize {
    span.end.byte_offset().unwrap_or_default()
}

fn last(children: &[Child]) -> Option<usize> {
    children.last().map(|child| child.node.span.end)
}

/// The next place that holds something, over spaces and comments.
pub(super) fn skip(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at = text[at..].find('\n').map_or(text.len(), |end| at + end);
    }
}

/// A word without quotes. Whatever else an older reader takes for a number or a flag is compared as it is written.
fn plain(word: String) -> Value {
    match &*word {
        "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if !word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        || !word.contains(|c: char| c.is_ascii_digit())
    {
        return Value::String(word);
    }
    let whole = word.parse::<i64>().map(Value::from);
    let number = whole.or_else(|_| word.parse::<f64>().map(Value::from));
    number.ok().filter(|number| !number.is_null()).unwrap_or(Value::String(word))
}

impl Node {
    pub(super) fn value(&self) -> Value {
        match &self.what {
            What::Scalar(value) => value.clone(),
            What::Map(children) => {
                let members = children.iter().map(|child| (child.name.clone(), child.node.value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
            What::List(children) => Value::Array(children.iter().map(|child| child.node.value()).collect()),
        }
    }

    pub(super) fn children(&self) -> &[Child] {
        match &self.what {
            What::Scalar(_) => &[],
            What::Map(children) | What::List(children) => children,
        }
    }

    pub(super) fn is_block(&self) -> bool {
        !self.flow && !matches!(self.what, What::Scalar(_))
    }

    /// The member or element that a segment means.
    pub(super) fn child(&self, segment: &str) -> Option<usize> {
        match (step(segment), &self.what) {
            (Step::Member(name), What::Map(children)) => children.iter().position(|child| child.name == name),
            (Step::Element { .. }, What::List(children)) => children.iter().position(|child| {
                at(&Value::Array(vec![child.node.value()]), &[segment.to_owned()]).is_some()
            }),
            _ => None,
        }
    }

    /// Nothing is changed in what stands elsewhere, too.
    pub(super) fn own(&self) -> Result<(), Refusal> {
        let merges =
            matches!(&self.what, What::Map(children) if children.iter().any(|child| child.name == "<<"));
        if self.shared || merges {
            return Err(Refusal::at(self.span.start, "anchors, aliases and what is merged are not changed"));
        }
        Ok(())
    }

    /// The same for all that is in it.
    pub(super) fn own_all(&self) -> Result<(), Refusal> {
        self.own()?;
        self.children().iter().try_for_each(|child| child.node.own_all())
    }
}

impl Child {
    /// What stands behind its colon or dash: from its first character, or with the line end if it begins below.
    pub(super) fn raw(&self, text: &str) -> Range<usize> {
        let end = self.node.span.end.max(self.after);
        let rest = &text[self.after..end];
        let blank = spaces(rest);
        let is_below = rest[blank..].starts_with(['\n', '\r', '#']);
        if is_below { self.after..end } else { self.after + blank..end }
    }
}
