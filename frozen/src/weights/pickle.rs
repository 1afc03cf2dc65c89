//! A pickle machine that can rebuild tensors and nothing else.
//!
//! A pickle is a program for a stack machine that names Python functions and calls them. Here no name is ever looked
//! up: the few calls by which PyTorch rebuilds tensors are interpreted, a few more that only describe data (a set, a
//! NumPy number, `argparse.Namespace`) leave an opaque object, every other call ends the reading with its name. Objects
//! that are made without a call (`NEWOBJ`, `BUILD`) are opaque too.
//!
//! Everything the pickle makes lies in a few flat tables, and refers to other things by number: nothing is followed
//! recursively, self-references are harmless, and each byte is charged to a [`budget`] that grows with the file.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use tch::Kind;

use super::check_view;
use super::error::{Fault, shown};

/// Calls whose outcome is kept as an opaque object: what PyTorch's own weights-only loader lets through, and what
/// training scripts like to store beside the weights.
const HARMLESS: &[&str] = &[
    "__builtin__.bytearray",
    "__builtin__.frozenset",
    "__builtin__.set",
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.bytearray",
    "builtins.frozenset",
    "builtins.set",
    "collections.Counter",
    "collections.defaultdict",
    "copy_reg._reconstructor",
    "copyreg._reconstructor",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "torch.device",
];

/// How many bytes the tables made from a file of this length may take.
///
/// The worst honest files are legacy ones of many single numbers, where a tensor takes 120 bytes and its part of the
/// tables 1000; the constant lets tens of thousands of such tensors pass.
pub(super) fn budget(file_length: u64) -> u64 {
    file_length.saturating_mul(4).saturating_add(16 << 20)
}

/// A table that grows holds up to twice its contents.
const GROWTH: u64 = 2;

/// The part of a file that pickles are read from.
pub(super) struct Source<R> {
    reader: R,
    position: u64,
    end: u64,
}

impl<R: BufRead> Source<R> {
    /// `reader` stands at byte `position` of the file; the part ends before byte `end`.
    pub(super) fn new(reader: R, position: u64, end: u64) -> Source<R> {
        Source { reader, position, end }
    }

    /// The place in the file of the byte that is read next.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether that many bytes are left.
    fn require(&self, count: u64) -> Result<(), Fault> {
        if count > self.end - self.position {
            return Err(Fault::damaged(format!("its pickle is cut short at byte {}", self.end)));
        }
        Ok(())
    }

    fn advance(&mut self, count: u64) -> Result<(), Fault> {
        self.require(count)?;
        self.position += count;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next `count` bytes, appended to `bytes`. The caller has charged them.
    fn append(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        self.advance(count)?;
        let copied = self.reader.by_ref().take(count).read_to_end(bytes)?;
        if copied as u64 == count { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }

    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.advance(count)?;
        let mut left = count;
        while left > 0 {
            let buffered = self.reader.fill_buf()?.len();
            if buffered == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let step = left.min(buffered as u64);
            self.reader.consume(step as usize);
            left -= step;
        }
        Ok(())
    }

    /// The bytes up to the next newline.
    fn line(&mut self) -> Result<Vec<u8>, Fault> {
        const LONGEST: usize = 1024;
        let mut line = Vec::new();
        loop {
            match self.u8()? {
                b'\n' => return Ok(line),
                _ if line.len() == LONGEST => {
                    return Err(Fault::damaged(format!(
                        "a name of more than {LONGEST} bytes ends at {}",
                        self.position
                    )));
                }
                byte => line.push(byte),
            }
        }
    }
}

/// A thing that the pickle made, by its number.
pub(super) type Id = u32;

const NONE: Id = 0;
const TRUE: Id = 1;
const FALSE: Id = 2;
/// Numbers and bytes whose value no tensor needs.
const PLAIN: Id = 3;
const EMPTY_TUPLE: Id = 4;
/// The integers 0 to 255 follow.
const ZERO: Id = 5;

/// A part of one of the tables.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

#[derive(Clone, Copy)]
enum Node {
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
    View(u32),
    Tensor(u32),
}

/// A storage that the pickle refers to.
pub(super) struct StorageReference {
    /// Its key, a part of the text.
    pub(super) key: Span,
    /// Its size.
    pub(super) bytes: u64,
    /// The bytes of an element, as the storage's class says: 1 for an untyped one.
    pub(super) element: u64,
    kind: Option<Kind>,
}

impl StorageReference {
    /// What its elements are.
    pub(super) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Uint8)
    }
}

/// A storage or a part of it, in bytes.
#[derive(Clone, Copy)]
struct View {
    storage: u32,
    start: u64,
    bytes: u64,
}

/// A tensor, which is known to lie within its storage.
#[derive(Clone, Copy)]
pub(super) struct TensorReference {
    /// The number of its storage.
    pub(super) storage: u32,
    /// What its elements are.
    pub(super) kind: Kind,
    /// Its first element's place in the storage, in elements.
    pub(super) offset: i64,
    shape: Span,
    stride: Span,
}

/// All that a pickle has made.
pub(super) struct Pickled {
    nodes: Vec<Node>,
    text: Vec<u8>,
    items: Vec<Id>,
    lists: Vec<Vec<Id>>,
    dicts: Vec<Vec<(Id, Id)>>,
    storages: Vec<StorageReference>,
    views: Vec<View>,
    tensors: Vec<TensorReference>,
    root: Id,
    left: u64,
}

impl Pickled {
    /// The pickled object itself.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// A part of the text.
    pub(super) fn span(&self, span: Span) -> &str {
        let bytes = &self.text[span.start as usize..][..span.length as usize];
        // Only whole strings are appended to the text, each checked when it was.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn tuple(&self, span: Span) -> &[Id] {
        &self.items[span.start as usize..][..span.length as usize]
    }

    /// The value, if it is a string.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.nodes[id as usize] {
            Node::Text(span) => Some(self.span(span)),
            _ => None,
        }
    }

    /// The value, if it is an integer of at most 64 bits.
    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.nodes[id as usize] {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        match self.nodes[id as usize] {
            Node::List(list) => Some(&self.lists[list as usize]),
            _ => None,
        }
    }

    /// Keys and values in the order of the file, if it is a dictionary.
    pub(super) fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.nodes[id as usize] {
            Node::Dict(dict) => Some(&self.dicts[dict as usize]),
            _ => None,
        }
    }

    /// The value for a string key, if it is a dictionary that has it.
    pub(super) fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.dict(id)?.iter().find(|(name, _)| self.text(*name) == Some(key)).map(|&(_, value)| value)
    }

    /// Whether it is the value True.
    pub(super) fn is_true(&self, id: Id) -> bool {
        id == TRUE
    }

    /// The tensor, if it is one.
    pub(super) fn tensor(&self, id: Id) -> Option<TensorReference> {
        match self.nodes[id as usize] {
            Node::Tensor(tensor) => Some(self.tensors[tensor as usize]),
            _ => None,
        }
    }

    /// A tensor's sizes.
    pub(super) fn shape(&self, tensor: &TensorReference) -> Vec<i64> {
        self.integers(tensor.shape)
    }

    /// A tensor's strides, in elements.
    pub(super) fn stride(&self, tensor: &TensorReference) -> Vec<i64> {
        self.integers(tensor.stride)
    }

    fn integers(&self, span: Span) -> Vec<i64> {
        self.tuple(span).iter().filter_map(|&item| self.int(item)).collect()
    }

    /// Every storage that the pickle names; a tensor's `storage` counts in these.
    pub(super) fn storages(&self) -> &[StorageReference] {
        &self.storages
    }

    /// What it is, for a message.
    pub(super) fn describe(&self, id: Id) -> String {
        match self.nodes[id as usize] {
            Node::None => "None".into(),
            Node::Bool | Node::Int(_) | Node::Plain => "a plain value".into(),
            Node::Text(_) => "a string".into(),
            Node::Tuple(_) => "a tuple".into(),
            Node::List(_) => "a list".into(),
            Node::Dict(_) => "a dictionary".into(),
            Node::Global(name) => format!("the name '{}'", shown(self.span(name))),
            Node::Object(class) => format!("an object of the class '{}'", shown(self.span(class))),
            Node::View(_) => "a storage".into(),
            Node::Tensor(_) => "a tensor".into(),
        }
    }

    /// Charges `bytes` to the budget.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Fault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| Fault::damaged("its pickle unfolds into far more than the file's size"))?;
        Ok(())
    }

    fn charge_items<T>(&mut self, count: usize) -> Result<(), Fault> {
        self.charge((count as u64).saturating_mul(GROWTH * size_of::<T>() as u64))
    }

    fn add(&mut self, node: Node) -> Result<Id, Fault> {
        self.charge_items::<Node>(1)?;
        let id = number(self.nodes.len())?;
        self.nodes.push(node);
        Ok(id)
    }

    fn add_dict(&mut self, pairs: Vec<(Id, Id)>) -> Result<Id, Fault> {
        self.charge_items::<Vec<(Id, Id)>>(1)?;
        let dict = number(self.dicts.len())?;
        self.dicts.push(pairs);
        self.add(Node::Dict(dict))
    }

    /// Appends to the text what `append` reads, `count` bytes; none where they are not UTF-8.
    fn add_text(
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
fn number(count: usize) -> Result<u32, Fault> {
    u32::try_from(count).map_err(|_| Fault::unsupported("its pickle has more than 4 thousand million parts"))
}

/// Reads one pickle, which may make tables of at most `budget` bytes.
pub(super) fn unpickle<R: BufRead>(source: &mut Source<R>, budget: u64) -> Result<Pickled, Fault> {
    let mut nodes = vec![Node::None, Node::Bool, Node::Bool, Node::Plain, Node::Tuple(Span { start: 0, length: 0 })];
    nodes.extend((0..=255).map(Node::Int));
    let pickled = Pickled {
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
    };
    let mut machine = Machine {
        source,
        pickled,
        stack: Vec::new(),
        deepest: 0,
        marks: Vec::new(),
        memo: Vec::new(),
        keys: HashMap::new(),
    };
    let root = loop {
        if let Some(root) = machine.step()? {
            break root;
        }
    };
    machine.pickled.root = root;
    Ok(machine.pickled)
}

struct Machine<'a, R> {
    source: &'a mut Source<R>,
    pickled: Pickled,
    stack: Vec<Id>,
    /// The most that the stack has held.
    deepest: usize,
    /// The stack's heights where a MARK stands.
    marks: Vec<u32>,
    memo: Vec<Id>,
    /// Storages by key.
    keys: HashMap<Box<str>, u32>,
}

impl<R: BufRead> Machine<'_, R> {
    /// Carries out the next instruction; the pickled object, if that was STOP.
    fn step(&mut self) -> Result<Option<Id>, Fault> {
        let at = self.source.position();
        match self.source.u8()? {
            // PROTO, FRAME: the version, and how far to read ahead.
            0x80 => self.source.skip(1)?,
            0x95 => self.source.skip(8)?,
            b'.' => return self.pop().map(Some),

            b'N' => self.push(NONE)?,
            0x88 => self.push(TRUE)?,
            0x89 => self.push(FALSE)?,
            // BININT1, BININT2, BININT, LONG1, LONG4
            b'K' => {
                let value = self.source.u8()?;
                self.push(ZERO + Id::from(value))?;
            }
            b'M' => {
                let value = self.source.u16()?;
                self.push_int(i64::from(value))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.source.array()?);
                self.push_int(i64::from(value))?;
            }
            0x8A => {
                let count = self.source.u8()?;
                self.push_long(u64::from(count))?;
            }
            0x8B => {
                let count = self.source.u32()?;
                self.push_long(u64::from(count))?;
            }
            // BINFLOAT
            b'G' => self.push_plain(8)?,
            // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
            b'B' => {
                let count = self.source.u32()?;
                self.push_plain(u64::from(count))?;
            }
            b'C' => {
                let count = self.source.u8()?;
                self.push_plain(u64::from(count))?;
            }
            0x8E | 0x96 => {
                let count = self.source.u64()?;
                self.push_plain(count)?;
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, and the BINSTRING and SHORT_BINSTRING of Python 2
            b'X' | b'T' => {
                let count = self.source.u32()?;
                self.push_text(u64::from(count))?;
            }
            0x8C | b'U' => {
                let count = self.source.u8()?;
                self.push_text(u64::from(count))?;
            }
            0x8D => {
                let count = self.source.u64()?;
                self.push_text(count)?;
            }

            // MARK, POP, POP_MARK, DUP
            b'(' => {
                self.pickled.charge_items::<u32>(1)?;
                self.marks.push(number(self.stack.len())?);
            }
            b'0' => {
                if self.marks.last().is_some_and(|&mark| mark as usize == self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                let bottom = self.pop_mark()?;
                self.stack.truncate(bottom);
            }
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => {
                let number = self.source.u8()?;
                self.put(usize::from(number))?;
            }
            b'r' => {
                let number = self.source.u32()?;
                self.put(number as usize)?;
            }
            0x94 => self.put(self.memo.len())?,
            b'h' => {
                let number = self.source.u8()?;
                self.get(u32::from(number))?;
            }
            b'j' => {
                let number = self.source.u32()?;
                self.get(number)?;
            }

            // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
            b')' => self.push(EMPTY_TUPLE)?,
            b't' => {
                let bottom = self.pop_mark()?;
                self.tuple(bottom)?;
            }
            size @ 0x85..=0x87 => {
                let bottom = self.below(usize::from(size - 0x84))?;
                self.tuple(bottom)?;
            }
            // EMPTY_LIST, APPEND, APPENDS
            b']' => {
                self.pickled.charge_items::<Vec<Id>>(1)?;
                let list = number(self.pickled.lists.len())?;
                self.pickled.lists.push(Vec::new());
                let id = self.pickled.add(Node::List(list))?;
                self.push(id)?;
            }
            b'a' => {
                let bottom = self.below(1)?;
                self.extend_list(bottom)?;
            }
            b'e' => {
                let bottom = self.pop_mark()?;
                self.extend_list(bottom)?;
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => {
                let id = self.pickled.add_dict(Vec::new())?;
                self.push(id)?;
            }
            b's' => {
                let bottom = self.below(2)?;
                self.extend_dict(bottom)?;
            }
            b'u' => {
                let bottom = self.pop_mark()?;
                self.extend_dict(bottom)?;
            }
            // EMPTY_SET, ADDITEMS, FROZENSET
            0x8F => self.push(PLAIN)?,
            0x90 => {
                let bottom = self.pop_mark()?;
                self.stack.truncate(bottom);
                self.top()?;
            }
            0x91 => {
                let bottom = self.pop_mark()?;
                self.stack.truncate(bottom);
                self.push(PLAIN)?;
            }

            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let mut name = self.source.line()?;
                name.push(b'.');
                name.extend(self.source.line()?);
                self.push_global(&name)?;
            }
            0x93 => {
                let (module, name) = (self.stack_text(1)?, self.stack_text(0)?);
                self.pickled.charge(u64::from(module.length) + u64::from(name.length))?;
                let name = [self.pickled.span(module), self.pickled.span(name)].join(".");
                let bottom = self.below(2)?;
                self.stack.truncate(bottom);
                self.push_global(name.as_bytes())?;
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                let referent = self.persistent(id)?;
                self.push(referent)?;
            }
            // REDUCE
            b'R' => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                let result = self.call(callable, arguments)?;
                self.push(result)?;
            }
            // NEWOBJ, NEWOBJ_EX
            0x81 => self.object(2)?,
            0x92 => self.object(3)?,
            // BUILD: attributes, which no tensor and no dictionary of tensors needs
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            // INST, OBJ: calls in the manner of Python 1
            b'i' => {
                let mut name = self.source.line()?;
                name.push(b'.');
                name.extend(self.source.line()?);
                return Err(Fault::Refused(shown(&String::from_utf8_lossy(&name))));
            }
            b'o' => {
                let bottom = self.pop_mark()?;
                let callable = self.stack.get(bottom).copied().unwrap_or(NONE);
                return Err(match self.pickled.nodes[callable as usize] {
                    Node::Global(name) => Fault::Refused(shown(self.pickled.span(name))),
                    _ => Fault::damaged(format!("its pickle calls {} at byte {at}", self.pickled.describe(callable))),
                });
            }
            code => {
                return Err(Fault::damaged(format!("unknown pickle instruction {code:#04x} at byte {at}")));
            }
        }
        Ok(None)
    }

    fn push(&mut self, id: Id) -> Result<(), Fault> {
        if self.stack.len() == self.deepest {
            self.pickled.charge_items::<Id>(1)?;
            self.deepest += 1;
        }
        self.stack.push(id);
        Ok(())
    }

    fn push_int(&mut self, value: i64) -> Result<(), Fault> {
        let id = match value {
            0..=255 => ZERO + value as Id,
            _ => self.pickled.add(Node::Int(value))?,
        };
        self.push(id)
    }

    /// A little-endian integer in two's complement; those of more than 64 bits are of no use to a tensor.
    fn push_long(&mut self, count: u64) -> Result<(), Fault> {
        if count > 8 {
            return self.push_plain(count);
        }
        let mut value = 0;
        for place in 0..count {
            value |= i64::from(self.source.u8()?) << (8 * place);
        }
        let unused = 64 - 8 * count as u32;
        self.push_int(if count == 0 { 0 } else { value << unused >> unused })
    }

    fn push_plain(&mut self, count: u64) -> Result<(), Fault> {
        self.source.skip(count)?;
        self.push(PLAIN)
    }

    fn push_text(&mut self, count: u64) -> Result<(), Fault> {
        let source = &mut *self.source;
        source.require(count)?;
        let span = self.pickled.add_text(count, |text| source.append(count, text))?;
        let id = match span {
            Some(span) => self.pickled.add(Node::Text(span))?,
            // Python 2 keeps bytes in the same type.
            None => PLAIN,
        };
        self.push(id)
    }

    fn push_global(&mut self, name: &[u8]) -> Result<(), Fault> {
        let span = self.pickled.add_text(name.len() as u64, |text| {
            text.extend_from_slice(name);
            Ok(())
        })?;
        let span = span.ok_or_else(|| Fault::damaged("its pickle names a function that is not UTF-8"))?;
        let id = self.pickled.add(Node::Global(span))?;
        self.push(id)
    }

    /// The height of the stack without its last `count` values, which all lie above the last mark.
    fn below(&self, count: usize) -> Result<usize, Fault> {
        let floor = self.marks.last().map_or(0, |&mark| mark as usize);
        self.stack.len().checked_sub(count).filter(|&bottom| bottom >= floor).ok_or_else(|| {
            Fault::damaged(format!(
                "its pickle takes more from the stack than is there, at byte {}",
                self.source.position()
            ))
        })
    }

    fn pop(&mut self) -> Result<Id, Fault> {
        let bottom = self.below(1)?;
        let id = self.stack[bottom];
        self.stack.truncate(bottom);
        Ok(id)
    }

    fn top(&self) -> Result<Id, Fault> {
        self.below(1).map(|bottom| self.stack[bottom])
    }

    fn pop_mark(&mut self) -> Result<usize, Fault> {
        // The stack never gets shorter than its last mark.
        self.marks.pop().map(|mark| mark as usize).ok_or_else(|| {
            Fault::damaged(format!("its pickle wants a mark that is not there, at byte {}", self.source.position()))
        })
    }

    /// The string that lies `depth` under the stack's top.
    fn stack_text(&self, depth: usize) -> Result<Span, Fault> {
        let bottom = self.below(depth + 1)?;
        match self.pickled.nodes[self.stack[bottom] as usize] {
            Node::Text(span) => Ok(span),
            _ => Err(Fault::damaged(format!("a function's name is not a string, at byte {}", self.source.position()))),
        }
    }

    fn put(&mut self, number: usize) -> Result<(), Fault> {
        /// Python's picklers number from 0 or 1, without gaps.
        const WIDEST_GAP: usize = 255;
        let top = self.top()?;
        if number > self.memo.len() + WIDEST_GAP {
            return Err(Fault::damaged(format!("memo {number} is out of order, at byte {}", self.source.position())));
        }
        if number >= self.memo.len() {
            self.pickled.charge_items::<Id>(number + 1 - self.memo.len())?;
            self.memo.resize(number + 1, NONE);
        }
        self.memo[number] = top;
        Ok(())
    }

    fn get(&mut self, number: u32) -> Result<(), Fault> {
        let Some(&id) = self.memo.get(number as usize) else {
            return Err(Fault::damaged(format!("memo {number} does not exist, at byte {}", self.source.position())));
        };
        self.push(id)
    }

    /// Makes a tuple of all values from `bottom` up.
    fn tuple(&mut self, bottom: usize) -> Result<(), Fault> {
        let values = &self.stack[bottom..];
        self.pickled.charge_items::<Id>(values.len())?;
        let span = Span { start: number(self.pickled.items.len())?, length: number(values.len())? };
        self.pickled.items.extend_from_slice(values);
        self.stack.truncate(bottom);
        let id = self.pickled.add(Node::Tuple(span))?;
        self.push(id)
    }

    /// Appends all values from `bottom` up to the list under them.
    fn extend_list(&mut self, bottom: usize) -> Result<(), Fault> {
        let values = self.stack.split_off(bottom);
        self.pickled.charge_items::<Id>(values.len())?;
        let list = self.top()?;
        match self.pickled.nodes[list as usize] {
            Node::List(list) => self.pickled.lists[list as usize].extend(values),
            Node::Object(_) | Node::Plain => {}
            _ => return Err(self.misused("appends to", list)),
        }
        Ok(())
    }

    /// Adds the keys and values from `bottom` up to the dictionary under them.
    fn extend_dict(&mut self, bottom: usize) -> Result<(), Fault> {
        let values = self.stack.split_off(bottom);
        self.pickled.charge_items::<Id>(values.len())?;
        let dict = self.top()?;
        match self.pickled.nodes[dict as usize] {
            Node::Dict(dict) if values.len().is_multiple_of(2) => {
                let pairs = values.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.pickled.dicts[dict as usize].extend(pairs);
            }
            Node::Object(_) => {}
            _ => return Err(self.misused("sets items of", dict)),
        }
        Ok(())
    }

    fn misused(&self, what: &str, id: Id) -> Fault {
        Fault::damaged(format!("its pickle {what} {}, at byte {}", self.pickled.describe(id), self.source.position()))
    }

    /// An object without a call of its class, whose last argument lies on the stack's top and the class `count` deep.
    fn object(&mut self, count: usize) -> Result<(), Fault> {
        let bottom = self.below(count)?;
        let class = self.stack[bottom];
        self.stack.truncate(bottom);
        let Node::Global(class) = self.pickled.nodes[class as usize] else {
            return Err(self.misused("makes an object of", class));
        };
        let id = self.pickled.add(Node::Object(class))?;
        self.push(id)
    }

    fn call(&mut self, callable: Id, arguments: Id) -> Result<Id, Fault> {
        let Node::Global(name) = self.pickled.nodes[callable as usize] else {
            return Err(self.misused("calls", callable));
        };
        let Node::Tuple(arguments) = self.pickled.nodes[arguments as usize] else {
            return Err(self.misused("calls a function with", arguments));
        };
        let name_text = self.pickled.span(name);
        let arguments = self.pickled.tuple(arguments);
        match (name_text, arguments) {
            ("collections.OrderedDict", []) => self.pickled.add_dict(Vec::new()),
            ("collections.OrderedDict", &[pairs]) => self.ordered_dict(pairs),
            ("torch.Size", &[sizes]) => Ok(sizes),
            ("torch._utils._rebuild_parameter", &[tensor, _, _])
            | ("torch._utils._rebuild_parameter_with_state", &[tensor, _, _, _])
                if matches!(self.pickled.nodes[tensor as usize], Node::Tensor(_)) =>
            {
                Ok(tensor)
            }
            ("torch._utils._rebuild_tensor", &[storage, offset, shape, stride]) => {
                self.tensor(storage, [offset, shape, stride], None, NONE)
            }
            ("torch._utils._rebuild_tensor_v2", &[storage, offset, shape, stride, _, _]) => {
                self.tensor(storage, [offset, shape, stride], None, NONE)
            }
            ("torch._utils._rebuild_tensor_v2", &[storage, offset, shape, stride, _, _, metadata]) => {
                self.tensor(storage, [offset, shape, stride], None, metadata)
            }
            ("torch._utils._rebuild_tensor_v3", &[storage, offset, shape, stride, _, _, dtype]) => {
                self.tensor(storage, [offset, shape, stride], Some(dtype), NONE)
            }
            ("torch._utils._rebuild_tensor_v3", &[storage, offset, shape, stride, _, _, dtype, metadata]) => {
                self.tensor(storage, [offset, shape, stride], Some(dtype), metadata)
            }
            (
                "collections.OrderedDict"
                | "torch.Size"
                | "torch._utils._rebuild_parameter"
                | "torch._utils._rebuild_parameter_with_state"
                | "torch._utils._rebuild_tensor"
                | "torch._utils._rebuild_tensor_v2"
                | "torch._utils._rebuild_tensor_v3",
                _,
            ) => Err(Fault::damaged(format!(
                "'{name_text}' is called with the wrong arguments, at byte {}",
                self.source.position()
            ))),
            (harmless, _) if HARMLESS.binary_search(&harmless).is_ok() => self.pickled.add(Node::Object(name)),
            (refused, _) => Err(Fault::Refused(shown(refused))),
        }
    }

    /// A dictionary from the list of its pairs, as Python 2 pickles it.
    fn ordered_dict(&mut self, pairs: Id) -> Result<Id, Fault> {
        let Some(list) = self.pickled.list(pairs) else {
            return Err(self.misused("makes a dictionary of", pairs));
        };
        let count = list.len();
        self.pickled.charge_items::<(Id, Id)>(count)?;
        let mut dict = Vec::with_capacity(count);
        for &pair in self.pickled.list(pairs).unwrap_or_default() {
            let pair = match self.pickled.nodes[pair as usize] {
                Node::Tuple(items) => self.pickled.tuple(items),
                _ => self.pickled.list(pair).unwrap_or_default(),
            };
            let &[key, value] = pair else {
                return Err(Fault::damaged(format!(
                    "a dictionary's item is not a pair, at byte {}",
                    self.source.position()
                )));
            };
            dict.push((key, value));
        }
        self.pickled.add_dict(dict)
    }

    /// What a persistent id stands for: a storage outside of the pickle or, in files of whole modules, a class.
    fn persistent(&mut self, id: Id) -> Result<Id, Fault> {
        let at = self.source.position();
        let strange = || Fault::damaged(format!("a persistent id is not that of a storage, at byte {at}"));
        let Node::Tuple(parts) = self.pickled.nodes[id as usize] else { return Err(strange()) };
        let parts = self.pickled.tuple(parts);
        let what = parts.first().and_then(|&part| self.pickled.text(part));
        let (class, key, count, view) = match (what, parts) {
            (Some("storage"), &[_, class, key, _location, count]) => (class, key, count, NONE),
            (Some("storage"), &[_, class, key, _location, count, view]) => (class, key, count, view),
            (Some("module"), &[_, class, _, _]) => return Ok(class),
            _ => return Err(strange()),
        };
        let Node::Global(class) = self.pickled.nodes[class as usize] else { return Err(strange()) };
        let (element, kind) = storage_class(self.pickled.span(class))?;
        let (Node::Text(key), Some(count)) = (self.pickled.nodes[key as usize], self.pickled.int(count)) else {
            return Err(strange());
        };
        let in_bytes = |count: i64| u64::try_from(count).ok()?.checked_mul(element);
        let impossible = |this: &Self| {
            Fault::damaged(format!("storage '{}' is given an impossible size", shown(this.pickled.span(key))))
        };
        let bytes = in_bytes(count).ok_or_else(|| impossible(self))?;
        let storage = self.storage(StorageReference { key, bytes, element, kind })?;

        let (start, bytes) = if view == NONE {
            (0, bytes)
        } else {
            // (key of the view, its offset, its size), the two latter in elements; written by early versions only.
            let Node::Tuple(parts) = self.pickled.nodes[view as usize] else { return Err(strange()) };
            let &[_, start, count] = self.pickled.tuple(parts) else { return Err(strange()) };
            let part = |id| self.pickled.int(id).and_then(in_bytes);
            let (Some(start), Some(count)) = (part(start), part(count)) else { return Err(impossible(self)) };
            if start.checked_add(count).is_none_or(|end| end > bytes) {
                return Err(impossible(self));
            }
            (start, count)
        };
        self.pickled.charge_items::<View>(1)?;
        let view = number(self.pickled.views.len())?;
        self.pickled.views.push(View { storage, start, bytes });
        self.pickled.add(Node::View(view))
    }

    /// The number of this storage, which is the same at each mention of its key.
    fn storage(&mut self, reference: StorageReference) -> Result<u32, Fault> {
        let key = self.pickled.span(reference.key);
        if let Some(&storage) = self.keys.get(key) {
            let known = &self.pickled.storages[storage as usize];
            let same_kind = reference.kind.is_none() || known.kind == reference.kind;
            if known.bytes != reference.bytes || known.element != reference.element || !same_kind {
                return Err(Fault::damaged(format!("storage '{}' is said to be of two kinds or sizes", shown(key))));
            }
            return Ok(storage);
        }
        let key: Box<str> = key.into();
        let storage = number(self.pickled.storages.len())?;
        self.pickled.charge(key.len() as u64)?;
        self.pickled.charge_items::<(Box<str>, u32, StorageReference)>(1)?;
        self.pickled.storages.push(reference);
        self.keys.insert(key, storage);
        Ok(storage)
    }

    /// A tensor from `view`, with [offset, shape, stride] in elements.
    fn tensor(&mut self, view: Id, layout: [Id; 3], dtype: Option<Id>, metadata: Id) -> Result<Id, Fault> {
        let strange = |this: &Self, what: &str| {
            Fault::damaged(format!("a tensor's {what} is of the wrong type, at byte {}", this.source.position()))
        };
        let Node::View(view) = self.pickled.nodes[view as usize] else { return Err(strange(self, "storage")) };
        let view = self.pickled.views[view as usize];
        // Marks tensors whose values have yet to be negated or conjugated.
        if metadata != NONE && self.pickled.dict(metadata).is_none_or(|dict| !dict.is_empty()) {
            return Err(Fault::unsupported(
                "has a tensor with metadata (a conjugate or negative view); clone it first",
            ));
        }
        let kind = match dtype {
            None => self.pickled.storages[view.storage as usize].kind(),
            Some(dtype) => match self.pickled.nodes[dtype as usize] {
                Node::Global(name) => dtype_kind(self.pickled.span(name))?,
                _ => return Err(strange(self, "dtype")),
            },
        };
        let element = kind.elt_size_in_bytes() as u64;
        let storage = &mut self.pickled.storages[view.storage as usize];
        if *storage.kind.get_or_insert(kind) != kind || !storage.bytes.is_multiple_of(element) {
            let key = shown(self.pickled.span(self.pickled.storages[view.storage as usize].key));
            return Err(Fault::unsupported(format!("reads storage '{key}' as two kinds of numbers")));
        }

        let [offset, shape, stride] = layout;
        let offset = self.pickled.int(offset).ok_or_else(|| strange(self, "offset"))?;
        let Node::Tuple(shape) = self.pickled.nodes[shape as usize] else { return Err(strange(self, "shape")) };
        let Node::Tuple(stride) = self.pickled.nodes[stride as usize] else { return Err(strange(self, "stride")) };
        let all_integers = |span| self.pickled.tuple(span).iter().all(|&item| self.pickled.int(item).is_some());
        if shape.length > super::HIGHEST_RANK || stride.length != shape.length {
            return Err(strange(self, "shape or stride"));
        }
        if !all_integers(shape) || !all_integers(stride) {
            return Err(strange(self, "size or stride"));
        }
        let key = || shown(self.pickled.span(self.pickled.storages[view.storage as usize].key));
        check_view(
            &self.pickled.integers(shape),
            &self.pickled.integers(stride),
            offset,
            (view.bytes / element) as i64,
        )
        .map_err(|reason| Fault::damaged(format!("a tensor of storage '{}' {reason}", key())))?;
        if !view.start.is_multiple_of(element) {
            return Err(Fault::damaged(format!("a view of storage '{}' starts within a number", key())));
        }
        let offset = (view.start / element) as i64 + offset;

        self.pickled.charge_items::<TensorReference>(1)?;
        let tensor = number(self.pickled.tensors.len())?;
        self.pickled.tensors.push(TensorReference { storage: view.storage, kind, offset, shape, stride });
        self.pickled.add(Node::Tensor(tensor))
    }
}

/// Bytes of an element of a storage of that class, and what they are; none for bytes of any meaning.
fn storage_class(class: &str) -> Result<(u64, Option<Kind>), Fault> {
    let kind = match class.strip_prefix("torch.storage.").or(class.strip_prefix("torch.")).unwrap_or(class) {
        "UntypedStorage" => return Ok((1, None)),
        "FloatStorage" => Kind::Float,
        "HalfStorage" => Kind::Half,
        "BFloat16Storage" => Kind::BFloat16,
        "DoubleStorage" => Kind::Double,
        "LongStorage" => Kind::Int64,
        "IntStorage" => Kind::Int,
        "ShortStorage" => Kind::Int16,
        "CharStorage" => Kind::Int8,
        "ByteStorage" => Kind::Uint8,
        "BoolStorage" => Kind::Bool,
        _ => return Err(Fault::unsupported(format!("has a storage of the unknown class '{}'", shown(class)))),
    };
    Ok((kind.elt_size_in_bytes() as u64, Some(kind)))
}

fn dtype_kind(dtype: &str) -> Result<Kind, Fault> {
    Ok(match dtype.strip_prefix("torch.").unwrap_or(dtype) {
        "float32" => Kind::Float,
        "float16" => Kind::Half,
        "bfloat16" => Kind::BFloat16,
        "float64" => Kind::Double,
        "int64" => Kind::Int64,
        "int32" => Kind::Int,
        "int16" => Kind::Int16,
        "int8" => Kind::Int8,
        "uint8" => Kind::Uint8,
        "bool" => Kind::Bool,
        "float8_e4m3fn" => Kind::Float8e4m3fn,
        "float8_e5m2" => Kind::Float8e5m2,
        _ => return Err(Fault::unsupported(format!("has a tensor of the unknown dtype '{}'", shown(dtype)))),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn harmless_calls_are_sorted_for_the_binary_search() {
        assert!(super::HARMLESS.is_sorted());
    }
}
