//! What a pickle has made, in flat tables whose entries refer to each other by number.

use tch::Kind;

use crate::weights::error::{Fault, shown};

/// A table that grows holds up to twice its contents.
const GROWTH: u64 = 2;

/// A thing that the pickle made, by its number.
pub type Id = u32;

pub(super) const NONE: Id = 0;
pub(super) const TRUE: Id = 1;
pub(super) const FALSE: Id = 2;
/// Numbers and bytes whose value no tensor needs.
pub(super) const PLAIN: Id = 3;
pub(super) const EMPTY_TUPLE: Id = 4;
/// The integers 0 to 255 follow.
pub(super) const ZERO: Id = 5;

/// A part of one of the tables.
#[derive(Clone, Copy)]
pub struct Span {
    start: u32,
    pub(super) length: u32,
}

#[derive(Clone, Copy)]
pub(super) enum Node {
    None,
    Bool,
    Plain,
    Int(i64),
    /// A part of the text.
    Text(Span),
    /// A part of the items.
    Tuple(Span),
    List(u32),
    Dict(u32),
    /// A part of the text: module, dot, name.
    Global(Span),
    /// An object of the class of that name.
    Object(Span),
    /// What a call would give that is not made: the function's name.
    Uncalled(Span),
    View(u32),
    Tensor(u32),
}

/// A storage that the pickle refers to.
pub struct StorageReference {
    /// Its key, a part of the text.
    pub key: Span,
    /// Its size.
    pub bytes: u64,
    /// The bytes of an element, as the storage's class says: 1 for an untyped one.
    pub element: u64,
    pub(super) kind: Option<Kind>,
}

impl StorageReference {
    /// What its elements are.
    pub fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Uint8)
    }
}

/// A storage or a part of it, in bytes.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) storage: u32,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

/// A tensor, which is known to lie within its storage.
#[derive(Clone, Copy)]
pub struct TensorReference {
    /// The number of its storage.
    pub storage: u32,
    /// What its elements are.
    pub kind: Kind,
    /// Its first element's place in the storage, in elements.
    pub offset: i64,
    pub(super) shape: Span,
    pub(super) stride: Span,
}

/// All that a pickle has made.
pub struct Pickled {
    nodes: Vec<Node>,
    text: Vec<u8>,
    items: Vec<Id>,
    pub(super) lists: Vec<Vec<Id>>,
    pub(super) dicts: Vec<Vec<(Id, Id)>>,
    pub(super) storages: Vec<StorageReference>,
    pub(super) views: Vec<View>,
    pub(super) tensors: Vec<TensorReference>,
    root: Id,
    left: u64,
}

impl Pickled {
    pub(super) fn new(budget: u64) -> Pickled {
        let empty = Span { start: 0, length: 0 };
        // In the order of the constants NONE to ZERO.
        let mut nodes = vec![Node::None, Node::Bool, Node::Bool, Node::Plain, Node::Tuple(empty)];
        nodes.extend((0..=255).map(Node::Int));
        Pickled {
            nodes,
            text: Vec::new(),
            items: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            views: Vec::new(),
            tensors: Vec::new(),
            root: NONE,
            left: budget,
        }
    }

    pub(super) fn with_root(self, root: Id) -> Pickled {
        Pickled { root, ..self }
    }

    pub(super) fn node(&self, id: Id) -> Node {
        self.nodes[id as usize]
    }

    /// The pickled object itself.
    pub fn root(&self) -> Id {
        self.root
    }

    /// A part of the text.
    pub fn span(&self, span: Span) -> &str {
        let bytes = &self.text[span.start as usize..][..span.length as usize];
        // Only whole strings are appended to the text, each checked when it was.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(super) fn tuple(&self, span: Span) -> &[Id] {
        &self.items[span.start as usize..][..span.length as usize]
    }

    /// The value, if it is a string.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(span) => Some(self.span(span)),
            _ => None,
        }
    }

    /// The value, if it is an integer of at most 64 bits.
    pub fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn list(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::List(list) => Some(&self.lists[list as usize]),
            _ => None,
        }
    }

    /// Keys and values in the order of the file, if it is a dictionary.
    pub fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(dict) => Some(&self.dicts[dict as usize]),
            _ => None,
        }
    }

    /// The value for a string key, if it is a dictionary that has it.
    pub fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.dict(id)?.iter().find(|(name, _)| self.text(*name) == Some(key)).map(|&(_, value)| value)
    }

    /// Whether it is the value True.
    pub fn is_true(&self, id: Id) -> bool {
        id == TRUE
    }

    /// The tensor, if it is one.
    pub fn tensor(&self, id: Id) -> Option<TensorReference> {
        match self.node(id) {
            Node::Tensor(tensor) => Some(self.tensors[tensor as usize]),
            _ => None,
        }
    }

    /// A tensor's sizes.
    pub fn shape(&self, tensor: &TensorReference) -> Vec<i64> {
        self.integers(tensor.shape)
    }

    /// A tensor's strides, in elements.
    pub fn stride(&self, tensor: &TensorReference) -> Vec<i64> {
        self.integers(tensor.stride)
    }

    pub(super) fn integers(&self, span: Span) -> Vec<i64> {
        self.tuple(span).iter().filter_map(|&item| self.int(item)).collect()
    }

    /// Every storage that the pickle names; a tensor's `storage` counts in these.
    pub fn storages(&self) -> &[StorageReference] {
        &self.storages
    }

    /// What it is, for a message.
    pub fn describe(&self, id: Id) -> String {
        match self.node(id) {
            Node::None => "None".into(),
            Node::Bool | Node::Int(_) | Node::Plain => "a plain value".into(),
            Node::Text(_) => "a string".into(),
            Node::Tuple(_) => "a tuple".into(),
            Node::List(_) => "a list".into(),
            Node::Dict(_) => "a dictionary".into(),
            Node::Global(name) => format!("the name '{}'", shown(self.span(name))),
            Node::Uncalled(name) => format!("what the function '{}' gives", shown(self.span(name))),
            Node::Object(class) => format!("an object of the class '{}'", shown(self.span(class))),
            Node::View(_) => "a storage".into(),
            Node::Tensor(_) => "a tensor".into(),
        }
    }

    /// The function whose result this would be, had it been called.
    pub fn uncalled(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Uncalled(name) => Some(self.span(name)),
            _ => None,
        }
    }

    /// Charges `bytes` to the budget.
    pub fn charge(&mut self, bytes: u64) -> Result<(), Fault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| Fault::unsupported("has a pickle that unfolds into far more than the file's size"))?;
        Ok(())
    }

    pub(super) fn charge_items<T>(&mut self, count: usize) -> Result<(), Fault> {
        self.charge((count as u64).saturating_mul(GROWTH * size_of::<T>() as u64))
    }

    pub(super) fn add(&mut self, node: Node) -> Result<Id, Fault> {
        self.charge_items::<Node>(1)?;
        let id = number(self.nodes.len())?;
        self.nodes.push(node);
        Ok(id)
    }

    pub(super) fn add_tuple(&mut self, items: &[Id]) -> Result<Id, Fault> {
        self.charge_items::<Id>(items.len())?;
        let span = Span { start: number(self.items.len())?, length: number(items.len())? };
        self.items.extend_from_slice(items);
        self.add(Node::Tuple(span))
    }

    pub(super) fn add_list(&mut self) -> Result<Id, Fault> {
        self.charge_items::<Vec<Id>>(1)?;
        let list = number(self.lists.len())?;
        self.lists.push(Vec::new());
        self.add(Node::List(list))
    }

    pub(super) fn add_dict(&mut self, pairs: Vec<(Id, Id)>) -> Result<Id, Fault> {
        self.charge_items::<Vec<(Id, Id)>>(1)?;
        let dict = number(self.dicts.len())?;
        self.dicts.push(pairs);
        self.add(Node::Dict(dict))
    }

    /// Appends to the text what `append` reads, `count` bytes; none where they are not UTF-8.
    pub(super) fn add_text(
        &mut self,
        count: u64,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<Option<Span>, Fault> {
        self.charge(count.saturating_mul(GROWTH))?;
        let start = self.text.len();
        append(&mut self.text)?;
        let span = Span { start: number(start)?, length: number(self.text.len() - start)? };
        if std::str::from_utf8(&self.text[start..]).is_err() {
            self.text.truncate(start);
            return Ok(None);
        }
        Ok(Some(span))
    }
}

/// Tables are numbered by 32 bits.
pub(super) fn number(count: usize) -> Result<u32, Fault> {
    u32::try_from(count).map_err(|_| Fault::unsupported("its pickle has more than 4 thousand million parts"))
}
