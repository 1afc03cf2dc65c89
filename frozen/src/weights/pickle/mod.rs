//! A pickle machine that can rebuild tensors and nothing else.
//!
//! A pickle is a program for a stack machine that names Python functions and calls them. Here no name is ever looked
//! up: the few calls by which PyTorch rebuilds tensors are interpreted, every other one is not made and leaves an opaque object that
//! nobody needs, unless there is nothing else: then the error tells its name. Objects that are made without a call (`NEWOBJ`,
//! `BUILD`) are opaque too.
//!
//! Everything the pickle makes lies in a few flat tables, and refers to other things by number: nothing is followed
//! recursively, self-references are harmless, and each byte is charged to a [`budget`] that grows with the file.

use std::collections::HashMap;
use std::io::BufRead;

use crate::weights::error::{Fault, shown};

mod rebuild;
mod source;
mod tables;

pub(super) use source::Source;
use tables::{EMPTY_TUPLE, FALSE, NONE, Node, PLAIN, Span, TRUE, ZERO, number};
pub(super) use tables::{Id, Pickled, TensorReference};

/// How many bytes the tables made from a file of this length may take.
///
/// The worst honest files are legacy ones of many single numbers, where a tensor takes 120 bytes and its part of the
/// tables 1000; the constant lets tens of thousands of such tensors pass.
pub(super) fn budget(file_length: u64) -> u64 {
    file_length.saturating_mul(4).saturating_add(16 << 20)
}

/// Reads one pickle, which may make tables of at most `budget` bytes.
pub(super) fn unpickle<R: BufRead>(source: &mut Source<R>, budget: u64) -> Result<Pickled, Fault> {
    let pickled = Pickled::new(budget);
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
    Ok(machine.pickled.with_root(root))
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
        match self.source.byte()? {
            // PROTO, FRAME: the version, and how far to read ahead.
            0x80 => self.source.skip(1)?,
            0x95 => self.source.skip(8)?,
            b'.' => return self.pop().map(Some),

            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(NONE)?,
            0x88 => self.push(TRUE)?,
            0x89 => self.push(FALSE)?,
            // BININT1, BININT2, BININT, LONG1, LONG4, BINFLOAT
            b'K' => self.push_unsigned(1)?,
            b'M' => self.push_unsigned(2)?,
            b'J' => self.push_signed(4)?,
            0x8A => self.push_long(1)?,
            0x8B => self.push_long(4)?,
            b'G' => self.push_plain(8)?,
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => self.push_bytes(1)?,
            b'B' => self.push_bytes(4)?,
            0x8E | 0x96 => self.push_bytes(8)?,
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, and the SHORT_BINSTRING and BINSTRING of Python 2
            0x8C | b'U' => self.push_text(1)?,
            b'X' | b'T' => self.push_text(4)?,
            0x8D => self.push_text(8)?,

            // MARK, POP, POP_MARK, DUP
            b'(' => {
                self.pickled.charge_items::<u32>(1)?;
                self.marks.push(number(self.stack.len())?);
            }
            b'0' if self.marks.last().is_some_and(|&mark| mark as usize == self.stack.len()) => {
                self.marks.pop();
            }
            b'0' => {
                self.pop()?;
            }
            b'1' => self.drop_to_mark()?,
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            0x94 => self.memorize(self.memo.len())?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,

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
                let list = self.pickled.add_list()?;
                self.push(list)?;
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
                let dict = self.pickled.add_dict(Vec::new())?;
                self.push(dict)?;
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
                self.drop_to_mark()?;
                self.top()?;
            }
            0x91 => {
                self.drop_to_mark()?;
                self.push(PLAIN)?;
            }

            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let name = self.dotted_lines()?;
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
            // BINPERSID, REDUCE
            b'Q' => {
                let id = self.pop()?;
                let referent = self.persistent(id)?;
                self.push(referent)?;
            }
            b'R' => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let result = self.call(callable, arguments)?;
                self.push(result)?;
            }
            // NEWOBJ, NEWOBJ_EX, and BUILD, which sets attributes that no tensor and no dictionary of tensors needs
            0x81 => self.object(2)?,
            0x92 => self.object(3)?,
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            // INST, OBJ: calls in the manner of Python 1
            b'i' => {
                let name = self.dotted_lines()?;
                return Err(Fault::Refused(shown(&String::from_utf8_lossy(&name))));
            }
            b'o' => {
                let bottom = self.pop_mark()?;
                let callable = self.stack.get(bottom).copied().unwrap_or(NONE);
                return Err(match self.pickled.node(callable) {
                    Node::Global(name) => Fault::Refused(shown(self.pickled.span(name))),
                    _ => self.misused("calls", callable),
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

    fn push_unsigned(&mut self, width: u64) -> Result<(), Fault> {
        let value = self.source.number(width)?;
        self.push_int(value as i64)
    }

    /// An integer in two's complement.
    fn push_signed(&mut self, width: u64) -> Result<(), Fault> {
        let value = self.source.number(width)? as i64;
        let unused = 64 - 8 * width as u32;
        self.push_int(if width == 0 { 0 } else { value << unused >> unused })
    }

    /// An integer after its length in bytes; those of more than 64 bits are of no use to a tensor.
    fn push_long(&mut self, width: u64) -> Result<(), Fault> {
        let count = self.source.number(width)?;
        if count > 8 { self.push_plain(count) } else { self.push_signed(count) }
    }

    /// A value of `count` bytes that is not looked at.
    fn push_plain(&mut self, count: u64) -> Result<(), Fault> {
        self.source.skip(count)?;
        self.push(PLAIN)
    }

    fn push_bytes(&mut self, width: u64) -> Result<(), Fault> {
        let count = self.source.number(width)?;
        self.push_plain(count)
    }

    fn push_text(&mut self, width: u64) -> Result<(), Fault> {
        let count = self.source.number(width)?;
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

    /// Two lines, a module and a name, with a dot between.
    fn dotted_lines(&mut self) -> Result<Vec<u8>, Fault> {
        let mut name = self.source.line()?;
        name.push(b'.');
        name.extend(self.source.line()?);
        Ok(name)
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

    fn drop_to_mark(&mut self) -> Result<(), Fault> {
        let bottom = self.pop_mark()?;
        self.stack.truncate(bottom);
        Ok(())
    }

    /// The string that lies `depth` under the stack's top.
    fn stack_text(&self, depth: usize) -> Result<Span, Fault> {
        let bottom = self.below(depth + 1)?;
        match self.pickled.node(self.stack[bottom]) {
            Node::Text(span) => Ok(span),
            _ => Err(Fault::damaged(format!("a function's name is not a string, at byte {}", self.source.position()))),
        }
    }

    fn put(&mut self, width: u64) -> Result<(), Fault> {
        let number = self.source.number(width)?;
        self.memorize(number as usize)
    }

    fn memorize(&mut self, number: usize) -> Result<(), Fault> {
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

    fn get(&mut self, width: u64) -> Result<(), Fault> {
        let number = self.source.number(width)?;
        let Some(&id) = self.memo.get(number as usize) else {
            return Err(Fault::damaged(format!("memo {number} does not exist, at byte {}", self.source.position())));
        };
        self.push(id)
    }

    /// Makes a tuple of all values from `bottom` up.
    fn tuple(&mut self, bottom: usize) -> Result<(), Fault> {
        let tuple = self.pickled.add_tuple(&self.stack[bottom..])?;
        self.stack.truncate(bottom);
        self.push(tuple)
    }

    /// Appends all values from `bottom` up to the list under them.
    fn extend_list(&mut self, bottom: usize) -> Result<(), Fault> {
        let values = self.stack.split_off(bottom);
        self.pickled.charge_items::<Id>(values.len())?;
        let list = self.top()?;
        match self.pickled.node(list) {
            Node::List(list) => self.pickled.lists[list as usize].extend(values),
            Node::Object(_) | Node::Uncalled(_) | Node::Plain => {}
            _ => return Err(self.misused("appends to", list)),
        }
        Ok(())
    }

    /// Adds the keys and values from `bottom` up to the dictionary under them.
    fn extend_dict(&mut self, bottom: usize) -> Result<(), Fault> {
        let values = self.stack.split_off(bottom);
        self.pickled.charge_items::<Id>(values.len())?;
        let dict = self.top()?;
        match self.pickled.node(dict) {
            Node::Dict(dict) if values.len().is_multiple_of(2) => {
                let pairs = values.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.pickled.dicts[dict as usize].extend(pairs);
            }
            Node::Object(_) | Node::Uncalled(_) => {}
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
        let Node::Global(class) = self.pickled.node(class) else {
            return Err(self.misused("makes an object of", class));
        };
        let id = self.pickled.add(Node::Object(class))?;
        self.push(id)
    }
}
