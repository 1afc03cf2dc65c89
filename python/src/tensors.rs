//! Tensors of Python as tensors of Rust and back: both are counted pointers to the same C++ tensor, of the same libtorch, so that nothing is
//! copied on any device.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use pyo3::exceptions::{PyImportError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use tch::Tensor;

/// `PyObject* THPVariable_Wrap(const at::TensorBase&)`, which makes the Python object of a tensor, or finds the one that it has.
type Wrap = unsafe extern "C" fn(*const c_void) -> *mut ffi::PyObject;

/// Its name, as the Itanium ABI mangles it, in the library of torch that Python has loaded.
const WRAP: &std::ffi::CStr = c"_Z16THPVariable_WrapRKN2at10TensorBaseE";
const LIBRARY: &std::ffi::CStr = c"libtorch_python.so";

/// A tensor of Python, `torch.Tensor`, on the same memory and with the same way back.
///
/// # Errors
/// What is no tensor.
pub fn of_python(tensor: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    if !tensor.is_instance(&tensor.py().import("torch")?.getattr("Tensor")?)? {
        return Err(PyTypeError::new_err(format!("{} is no torch.Tensor", tensor.get_type().name()?)));
    }
    // The address of the `c10::TensorImpl`, which the object holds.
    let implementation: usize = tensor.getattr("_cdata")?.extract()?;
    if implementation == 0 {
        return Err(PyTypeError::new_err("the tensor is empty"));
    }
    let held = implementation as *mut c_void;
    // SAFETY: an `at::Tensor` is one pointer to its implementation and nothing else. `held` is read as one and counted up in the copy; it is
    // never dropped itself, and the object of Python lives meanwhile.
    Ok(unsafe { Tensor::clone_from_ptr((&raw const held).cast_mut().cast()) })
}

/// The tensor as an object of Python.
///
/// # Errors
/// If torch's library does not have what makes it.
pub fn to_python<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    static FOUND: OnceLock<Option<Wrap>> = OnceLock::new();
    let wrap = FOUND.get_or_init(found).ok_or_else(|| {
        PyImportError::new_err("this torch has another THPVariable_Wrap, by which networks of PyTorch are called")
    })?;
    // SAFETY: the pointer is to an `at::Tensor`, which is an `at::TensorBase`; the interpreter is held, and the result is a new reference, or
    // none with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, wrap(tensor.as_ptr().cast())) }
}

#[cfg(unix)]
fn found() -> Option<Wrap> {
    unsafe extern "C" {
        fn dlopen(file: *const std::ffi::c_char, flags: c_int) -> *mut c_void;
        fn dlsym(library: *mut c_void, name: *const std::ffi::c_char) -> *mut c_void;
    }
    // `RTLD_LAZY | RTLD_NOLOAD`: the one that is in the process, whose symbols Python keeps to itself.
    // SAFETY: both are given texts that end in 0. What is found under that name has that type, which is part of the name.
    unsafe {
        let library = dlopen(LIBRARY.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        let address = if library.is_null() { library } else { dlsym(library, WRAP.as_ptr()) };
        (!address.is_null()).then(|| std::mem::transmute::<*mut c_void, Wrap>(address))
    }
}

#[cfg(not(unix))]
fn found() -> Option<Wrap> {
    None
}
