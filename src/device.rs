//! Where tensors are computed: `cpu`, `cuda` or `cuda:N`, and libtorch's threads.

use tch::Device;

use crate::error::{Result, bail, request};

/// The device of this name: `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// # Errors
/// A request, where the name is none of these, or there is no such GPU here.
pub fn parse(name: &str) -> Result<Device> {
    let device = named(name).ok_or_else(|| request!("'{name}' is not cpu, cuda or cuda:N"))?;
    if let Device::Cuda(index) = device {
        let there = if tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 };
        if there == 0 {
            bail!("CUDA is not available here (no GPU, or libtorch without CUDA; `make setup DEVICE=cuda` brings it)");
        }
        if index as i64 >= there {
            bail!("there is no cuda:{index}; there are cuda:0 to cuda:{}", there - 1);
        }
        exact_and_repeatable();
    }
    Ok(device)
}

/// The device of this name, on this machine or another.
pub fn named(name: &str) -> Option<Device> {
    match name.split_once(':').unwrap_or((name, "0")) {
        ("cpu", "0") => Some(Device::Cpu),
        ("cuda", index) => index.parse().ok().map(Device::Cuda),
        _ => None,
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

/// Does work on one thread of libtorch, after which there are as many as before: thousands of small resizes would spend more time on waiting
/// for each other.
pub fn on_one_thread<T>(work: impl FnOnce() -> T) -> T {
    struct Before(i32);
    impl Drop for Before {
        fn drop(&mut self) {
            tch::set_num_threads(self.0);
        }
    }
    let _before = Before(tch::get_num_threads());
    tch::set_num_threads(1);
    work()
}

/// Makes CUDA compute in full single precision, and convolutions the same way each time: cuDNN rounds to TF32's 10 bits unless told, and
/// takes kernels whose sums come in any order.
fn exact_and_repeatable() {
    // tch binds none of these. The names are those of libtorch's public C++ API (ATen/Context.h) as the Itanium ABI mangles them.
    #[cfg(unix)]
    unsafe extern "C" {
        #[link_name = "_ZN2at13globalContextEv"]
        fn global_context() -> *mut std::ffi::c_void;
        #[link_name = "_ZN2at7Context17setAllowTF32CuDNNEb"]
        fn allow_tf32_in_cudnn(context: *mut std::ffi::c_void, allow: bool);
        #[link_name = "_ZN2at7Context18setAllowTF32CuBLASEb"]
        fn allow_tf32_in_cublas(context: *mut std::ffi::c_void, allow: bool);
        #[link_name = "_ZN2at7Context21setDeterministicCuDNNEb"]
        fn cudnn_is_deterministic(context: *mut std::ffi::c_void, deterministic: bool);
    }
    // SAFETY: a reference to libtorch's one context, which lives as long as the process, and its setters of a flag each.
    #[cfg(unix)]
    unsafe {
        let context = global_context();
        allow_tf32_in_cudnn(context, false);
        allow_tf32_in_cublas(context, false);
        cudnn_is_deterministic(context, true);
    }
}
