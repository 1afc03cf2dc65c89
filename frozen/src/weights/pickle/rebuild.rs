//! The few calls that a pickle may make, and the storages that it refers to.

use std::io::BufRead;

use tch::Kind;

use super::Machine;
use super::tables::{Id, NONE, Node, StorageReference, TensorReference, View, number};
use crate::weights::contents::{HIGHEST_RANK, check_view};
use crate::weights::error::{Fault, shown};

impl<R: BufRead> Machine<'_, R> {
    /// The outcome of a call: a tensor or a dictionary by the few that are known, else an opaque object.
    pub(super) fn call(&mut self, callable: Id, arguments: Id) -> Result<Id, Fault> {
        let Node::Global(name) = self.pickled.node(callable) else {
            return Err(self.misused("calls", callable));
        };
        let Node::Tuple(arguments) = self.pickled.node(arguments) else {
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
                if matches!(self.pickled.node(tensor), Node::Tensor(_)) =>
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
            // Nothing is called. What stands beside the tensors (a path, a configuration) does not matter; what stands in the place of
            // one is not among the tensors.
            _ => self.pickled.add(Node::Uncalled(name)),
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
            let pair = match self.pickled.node(pair) {
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
    pub(super) fn persistent(&mut self, id: Id) -> Result<Id, Fault> {
        let at = self.source.position();
        let strange = || Fault::damaged(format!("a persistent id is not that of a storage, at byte {at}"));
        let Node::Tuple(parts) = self.pickled.node(id) else { return Err(strange()) };
        let parts = self.pickled.tuple(parts);
        let what = parts.first().and_then(|&part| self.pickled.text(part));
        let (class, key, count, view) = match (what, parts) {
            (Some("storage"), &[_, class, key, _location, count]) => (class, key, count, NONE),
            (Some("storage"), &[_, class, key, _location, count, view]) => (class, key, count, view),
            (Some("module"), &[_, class, _, _]) => return Ok(class),
            _ => return Err(strange()),
        };
        let Node::Global(class) = self.pickled.node(class) else { return Err(strange()) };
        let (element, kind) = storage_class(self.pickled.span(class))?;
        let (Node::Text(key), Some(count)) = (self.pickled.node(key), self.pickled.int(count)) else {
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
            let Node::Tuple(parts) = self.pickled.node(view) else { return Err(strange()) };
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
        let Node::View(view) = self.pickled.node(view) else { return Err(strange(self, "storage")) };
        let view = self.pickled.views[view as usize];
        // Marks tensors whose values have yet to be negated or conjugated.
        if metadata != NONE && self.pickled.dict(metadata).is_none_or(|dict| !dict.is_empty()) {
            return Err(Fault::unsupported(
                "has a tensor with metadata (a conjugate or negative view); clone it first",
            ));
        }
        let kind = match dtype {
            None => self.pickled.storages[view.storage as usize].kind(),
            Some(dtype) => match self.pickled.node(dtype) {
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
        let Node::Tuple(shape) = self.pickled.node(shape) else { return Err(strange(self, "shape")) };
        let Node::Tuple(stride) = self.pickled.node(stride) else { return Err(strange(self, "stride")) };
        let all_integers = |span| self.pickled.tuple(span).iter().all(|&item| self.pickled.int(item).is_some());
        if shape.length > HIGHEST_RANK || stride.length != shape.length {
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
