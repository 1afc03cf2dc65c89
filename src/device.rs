//! Where tensors are computed: `cpu`, `cuda` or `cuda:N`, and libtorch's threads.

use tch::Device;

use crate::error::{Result, bail, request};

/// The device of this name: `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// # Errors
/// A request, where the name is none of these, or there is no such GPU here.
pub fn parse(name: &str) -> Result<Device> {
    let unknown = || request!("'{name}' is not cpu, cuda or cuda:N");
    match name.split_once(':').unwrap_or((name, "0")) {
        ("cpu", "0") => Ok(Device::Cpu),
        ("cuda", index) => {
            let index = index.parse::<usize>().map_err(|_| unknown())?;
            let there = if tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 };
            if there == 0 {
                bail!(
                    "CUDA is not available here (no GPU, or libtorch without CUDA; `make setup DEVICE=cuda` brings it)"
                );
            }
            if index as i64 >= there {
                bail!("there is no cuda:{index}; there are cuda:0 to cuda:{}", there - 1);
            }
            Ok(Device::Cuda(index))
        }
        _ => Err(unknown()),
    }
}

/// The name of a device, as [`parse`] takes it.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// How many threads libtorch is to use on the CPU in this process, from here on; as many as there are cores unless told. Returns their
/// number.
pub fn set_threads(threads: Option<u16>) -> i32 {
    let threads = threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, |cores| cores.get() as i32),
        |threads| i32::from(threads.max(1)),
    );
    tch::set_num_threads(threads);
    threads
}
