//! Tensors in files that users bring.

use std::path::Path;

use crate::error::{Result, request};
use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, read_npy as read};
use tch::Tensor;

/// The array of a NumPy file of 32-bit or 64-bit floats, of any shape.
///
/// # Errors
/// A file that cannot be read, is cut, or holds other numbers; the error names it.
pub fn read_npy(path: &Path) -> Result<Tensor> {
    let array: ArrayD<f64> = match read::<_, ArrayD<f32>>(path) {
        Ok(floats) => floats.mapv(f64::from),
        Err(ReadNpyError::WrongDescriptor(_)) => read(path).map_err(|error| match error {
            ReadNpyError::WrongDescriptor(found) => {
                request!("{}: holds numbers of type {found}; 32-bit or 64-bit floats are read", path.display())
            }
            error => request!("{}: cannot be read: {error}", path.display()),
        })?,
        Err(error) => return Err(request!("{}: cannot be read: {error}", path.display())),
    };
    let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    let values: Vec<f64> = array.iter().copied().collect();
    Ok(Tensor::from_slice(&values).view(shape.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version 1 file of this type and shape, with so many bytes of numbers.
    fn file(descr: &str, shape: &str, fortran: bool, bytes: &[u8]) -> tempfile::NamedTempFile {
        let order = if fortran { "True" } else { "False" };
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
        header.push('\n');
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend((header.len() as u16).to_le_bytes());
        all.extend(header.as_bytes());
        all.extend(bytes);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), all).unwrap();
        file
    }

    #[test]
    fn floats_of_both_sizes_and_orders_are_read() {
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let tensor = read_npy(file("<f4", "(2, 3)", false, &bytes(&[1., 2., 3., 4., 5., 6.])).path()).unwrap();
        assert_eq!((tensor.size(), tensor.double_value(&[1, 0])), (vec![2, 3], 4.));
        let tensor = read_npy(file("<f4", "(2, 3)", true, &bytes(&[1., 2., 3., 4., 5., 6.])).path()).unwrap();
        assert_eq!((tensor.size(), tensor.double_value(&[1, 0])), (vec![2, 3], 2.));
        let tensor = read_npy(file("<f8", "(1,)", false, &7f64.to_le_bytes()).path()).unwrap();
        assert_eq!(tensor.double_value(&[0]), 7.);
    }

    #[test]
    fn a_cut_file_or_other_numbers_are_errors_that_name_the_file() {
        for (descr, shape, bytes) in
            [("<f4", "(112,)", 16), ("<c8", "(2,)", 16), ("<i8", "(2,)", 16), ("<f4", "(2,)", 16)]
        {
            let file = file(descr, shape, false, &vec![0; bytes]);
            let error = read_npy(file.path()).unwrap_err().to_string();
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
    }
}
