//! Several numbers computed at once, and which widths this processor has.

use std::sync::OnceLock;

/// The widest instructions that a processor has, of those that the loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Processor {
    /// One number at a time, or what the compiler makes of it.
    Plain,
    /// Eight numbers: AVX2 with fused multiply-adds.
    Avx2,
    /// Sixteen numbers: AVX-512F.
    Avx512,
}

impl Processor {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Processor::Plain => "plain",
            Processor::Avx2 => "AVX2",
            Processor::Avx512 => "AVX-512",
        }
    }

    /// This one and all narrower ones, which this processor has as well; narrowest first.
    pub fn and_narrower(self) -> impl Iterator<Item = Processor> {
        [Processor::Plain, Processor::Avx2, Processor::Avx512].into_iter().filter(move |&other| other <= self)
    }
}

/// What the processor of this machine has.
pub fn processor() -> Processor {
    static FOUND: OnceLock<Processor> = OnceLock::new();
    *FOUND.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                return Processor::Avx512;
            }
            if avx2 {
                return Processor::Avx2;
            }
        }
        Processor::Plain
    })
}

/// Defines a module of loops once for each kind of processor: `for_each_processor! { loops }` makes `mod avx512`, `mod avx2` and
/// `mod plain` of the macro `loops`, which is given the attribute that its functions need. Every function on the way to the
/// innermost loop must have it: the compiler takes no function apart into one that was compiled for another processor.
macro_rules! for_each_processor {
    ($loops:ident) => {
        #[cfg(target_arch = "x86_64")]
        mod avx512 {
            #[allow(unused_imports, reason = "some loops leave the registers to the compiler")]
            use $crate::lanes::avx512 as lanes;
            $loops! { target_feature(enable = "avx512f,avx2,fma") }
        }
        #[cfg(target_arch = "x86_64")]
        mod avx2 {
            #[allow(unused_imports, reason = "as above")]
            use $crate::lanes::avx2 as lanes;
            $loops! { target_feature(enable = "avx2,fma") }
        }
        mod plain {
            #[allow(unused_imports, reason = "as above")]
            use $crate::lanes::plain as lanes;
            $loops! { allow(unused) }
        }
    };
}

/// Calls a function of the module that [`for_each_processor`] made for a processor, which must be one that this machine has.
macro_rules! on_processor {
    ($processor:expr, $work:ident($($argument:expr),* $(,)?)) => {
        match $processor {
            #[cfg(target_arch = "x86_64")]
            $crate::lanes::Processor::Avx512 => unsafe { avx512::$work($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            $crate::lanes::Processor::Avx2 => unsafe { avx2::$work($($argument),*) },
            _ => unsafe { plain::$work($($argument),*) },
        }
    };
}

pub(crate) use {for_each_processor, on_processor};

/// What is the same for every width.
macro_rules! of_any_width {
    ($attribute:meta) => {
        use crate::bits::{Bits, Mask};

        /// The numbers after the activation function of this derivative; what is not a number becomes 0.
        #[inline]
        #[$attribute]
        pub unsafe fn activated(mask: Mask, numbers: Lanes) -> Lanes {
            unsafe {
                match mask {
                    Mask::Relu => largest(numbers, splat(0.)),
                    Mask::Relu6 => smallest(largest(numbers, splat(0.)), splat(6.)),
                }
            }
        }

        /// As many numbers of a gradient as `into` has, from a position on, those that do not pass being 0.
        #[inline]
        #[$attribute]
        pub unsafe fn copy_passing(
            into: &mut [f32],
            gradient: &[f32],
            position: usize,
            channels: usize,
            bits: Option<&Bits>,
        ) {
            let gradient = &gradient[position * channels..position * channels + into.len()];
            let Some(bits) = bits else { return into.copy_from_slice(gradient) };
            let rows = into.chunks_exact_mut(channels).zip(gradient.chunks_exact(channels));
            for (at, (into, gradient)) in rows.enumerate() {
                let bytes = bits.from(position + at);
                unsafe {
                    for c in (0..channels).step_by(WIDTH) {
                        let count = WIDTH.min(channels - c);
                        let passing = where_bits(load_some(gradient.as_ptr().add(c), count), bytes, c);
                        store_some(into.as_mut_ptr().add(c), passing, count);
                    }
                }
            }
        }
    };
}

/// Eight or sixteen numbers side by side in a register.
///
/// # Safety
/// Every function asks for a processor that has them, and for pointers to as many numbers.
macro_rules! registers {
    (
        $attribute:meta, $vector:ident, $width:literal, $tall:literal, $splat:ident, $load:ident, $store:ident, $product:ident,
        $plus:ident, $largest:ident, $smallest:ident
    ) => {
        use std::arch::x86_64::*;

        of_any_width! { $attribute }

        /// How many numbers a register holds.
        pub const WIDTH: usize = $width;
        /// Rows of a tile of two registers each that leave registers for what is multiplied.
        pub const TALL: usize = $tall;
        pub type Lanes = $vector;

        #[inline]
        #[$attribute]
        pub unsafe fn splat(number: f32) -> Lanes {
            $splat(number)
        }

        #[inline]
        #[$attribute]
        pub unsafe fn load(from: *const f32) -> Lanes {
            unsafe { $load(from) }
        }

        #[inline]
        #[$attribute]
        pub unsafe fn store(to: *mut f32, numbers: Lanes) {
            unsafe { $store(to, numbers) }
        }

        #[inline]
        #[$attribute]
        pub unsafe fn plus(a: Lanes, b: Lanes) -> Lanes {
            $plus(a, b)
        }

        #[inline]
        #[$attribute]
        pub unsafe fn largest(a: Lanes, b: Lanes) -> Lanes {
            $largest(a, b)
        }

        #[inline]
        #[$attribute]
        pub unsafe fn smallest(a: Lanes, b: Lanes) -> Lanes {
            $smallest(a, b)
        }

        /// sum + a b.
        #[inline]
        #[$attribute]
        pub unsafe fn plus_product(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
            $product(a, b, sum)
        }

        /// The sum of all, the second half being added to the first, and so on.
        #[inline]
        #[$attribute]
        pub unsafe fn sum(lanes: Lanes) -> f32 {
            let mut numbers = [0.; WIDTH];
            unsafe { store(numbers.as_mut_ptr(), lanes) };
            let mut half = WIDTH / 2;
            while half > 0 {
                for at in 0..half {
                    numbers[at] += numbers[at + half];
                }
                half /= 2;
            }
            numbers[0]
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512 {
    registers! {
        target_feature(enable = "avx512f,avx2,fma"),
        __m512, 16, 14, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps,
        _mm512_add_ps, _mm512_max_ps, _mm512_min_ps
    }

    /// The first `count` numbers.
    #[inline]
    #[target_feature(enable = "avx512f,avx2,fma")]
    pub unsafe fn load_some(from: *const f32, count: usize) -> Lanes {
        unsafe { if count == WIDTH { load(from) } else { _mm512_maskz_loadu_ps((1 << count) - 1, from) } }
    }

    /// Writes the first `count` numbers.
    #[inline]
    #[target_feature(enable = "avx512f,avx2,fma")]
    pub unsafe fn store_some(to: *mut f32, numbers: Lanes, count: usize) {
        unsafe {
            if count == WIDTH { store(to, numbers) } else { _mm512_mask_storeu_ps(to, (1 << count) - 1, numbers) }
        }
    }

    /// The numbers, 0 where no bit is set; `bytes` are those of a position, of which the channels from `c` on are meant.
    #[inline]
    #[target_feature(enable = "avx512f,avx2,fma")]
    pub unsafe fn where_bits(numbers: Lanes, bytes: *const u8, c: usize) -> Lanes {
        unsafe { _mm512_maskz_mov_ps(bytes.add(c / 8).cast::<u16>().read_unaligned(), numbers) }
    }

    /// Sets the bits of the channels from `c` on by the output of an activation function, of which `count` numbers are meant.
    #[inline]
    #[target_feature(enable = "avx512f,avx2,fma")]
    pub unsafe fn mark(bytes: *mut u8, c: usize, mask: Mask, y: Lanes, count: usize) {
        let below = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(y, _mm512_setzero_ps());
        let blocked = match mask {
            Mask::Relu => below,
            Mask::Relu6 => below | _mm512_cmp_ps_mask::<_CMP_GE_OQ>(y, _mm512_set1_ps(6.)),
        };
        let meant = (((1u32 << count) - 1) & 0xffff) as u16;
        unsafe { bytes.add(c / 8).cast::<u16>().write_unaligned(!blocked & meant) };
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2 {
    registers! {
        target_feature(enable = "avx2,fma"),
        __m256, 8, 6, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps,
        _mm256_add_ps, _mm256_max_ps, _mm256_min_ps
    }

    /// The first `count` numbers.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn load_some(from: *const f32, count: usize) -> Lanes {
        let mut numbers = [0.; WIDTH];
        unsafe {
            if count == WIDTH {
                return load(from);
            }
            std::ptr::copy_nonoverlapping(from, numbers.as_mut_ptr(), count);
            load(numbers.as_ptr())
        }
    }

    /// Writes the first `count` numbers.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn store_some(to: *mut f32, lanes: Lanes, count: usize) {
        let mut numbers = [0.; WIDTH];
        unsafe {
            if count == WIDTH {
                return store(to, lanes);
            }
            store(numbers.as_mut_ptr(), lanes);
            std::ptr::copy_nonoverlapping(numbers.as_ptr(), to, count);
        }
    }

    /// The numbers, 0 where no bit is set; `bytes` are those of a position, of which the channels from `c` on are meant.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn where_bits(numbers: Lanes, bytes: *const u8, c: usize) -> Lanes {
        let each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        let all = _mm256_set1_epi32(i32::from(unsafe { *bytes.add(c / 8) }));
        let set = _mm256_cmpeq_epi32(_mm256_and_si256(all, each), each);
        _mm256_and_ps(_mm256_castsi256_ps(set), numbers)
    }

    /// Sets the bits of the channels from `c` on by the output of an activation function, of which `count` numbers are meant.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn mark(bytes: *mut u8, c: usize, mask: Mask, y: Lanes, count: usize) {
        let below = _mm256_cmp_ps::<_CMP_LE_OQ>(y, _mm256_setzero_ps());
        let blocked = match mask {
            Mask::Relu => below,
            Mask::Relu6 => _mm256_or_ps(below, _mm256_cmp_ps::<_CMP_GE_OQ>(y, _mm256_set1_ps(6.))),
        };
        let passing = !_mm256_movemask_ps(blocked) as u32 & ((1 << count) - 1);
        unsafe { *bytes.add(c / 8) = passing as u8 };
    }
}

/// One number, which is all that a processor without wide instructions has, and what is left over at the end of a row.
pub(crate) mod plain {
    of_any_width! { allow(unused_unsafe) }

    pub const WIDTH: usize = 1;
    pub const TALL: usize = 4;
    pub type Lanes = f32;

    #[inline]
    pub unsafe fn plus(a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline]
    pub unsafe fn largest(a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }

    #[inline]
    pub unsafe fn smallest(a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }

    #[inline]
    pub unsafe fn load_some(from: *const f32, _count: usize) -> f32 {
        unsafe { *from }
    }

    #[inline]
    pub unsafe fn store_some(to: *mut f32, number: f32, _count: usize) {
        unsafe { *to = number }
    }

    #[inline]
    pub unsafe fn splat(number: f32) -> f32 {
        number
    }

    #[inline]
    pub unsafe fn load(from: *const f32) -> f32 {
        unsafe { *from }
    }

    #[inline]
    pub unsafe fn store(to: *mut f32, number: f32) {
        unsafe { *to = number }
    }

    #[inline]
    pub unsafe fn plus_product(sum: f32, a: f32, b: f32) -> f32 {
        sum + a * b
    }

    #[inline]
    pub unsafe fn sum(number: f32) -> f32 {
        number
    }

    #[inline]
    pub unsafe fn where_bits(number: f32, bytes: *const u8, c: usize) -> f32 {
        if unsafe { *bytes.add(c / 8) } >> (c % 8) & 1 == 1 { number } else { 0. }
    }

    #[inline]
    pub unsafe fn mark(bytes: *mut u8, c: usize, mask: Mask, y: f32, _count: usize) {
        unsafe { *bytes.add(c / 8) |= u8::from(mask.passes(y)) << (c % 8) };
    }
}
