//! Pictures and their Fourier spectra: orthonormal transforms, the adjoint of the way back, and resampling.
//!
//! A spectrum of a real picture is half of one: `[N,C,H,W/2+1,2]`, real and imaginary part last.

use std::f64::consts::PI;

use tch::{Device, Kind, Tensor};

/// Cycles per pixel at each place `[H, W/2+1]` of a spectrum, row by row.
pub fn frequencies([height, width]: [i64; 2]) -> Vec<f64> {
    let of_row = |row: i64| row.min(height - row) as f64 / height as f64;
    (0..height)
        .flat_map(|row| (0..=width / 2).map(move |column| of_row(row).hypot(column as f64 / width as f64)))
        .collect()
}

/// A tensor `[1,1,H,W/2+1]` of one number for each frequency.
pub fn by_frequency(size: [i64; 2], kind: Kind, device: Device, number: impl Fn(f64) -> f64) -> Tensor {
    let numbers: Vec<f64> = frequencies(size).into_iter().map(number).collect();
    Tensor::from_slice(&numbers).view([1, 1, size[0], size[1] / 2 + 1]).to_kind(kind).to_device(device)
}

/// The picture `[N,C,H,W]` of a spectrum. Imaginary parts that no real picture has are not looked at.
///
/// One dimension after the other: what is done to such parts in two at once is left to the library, and differs.
pub fn to_picture(spectrum: &Tensor, [_, width]: [i64; 2]) -> Tensor {
    spectrum.view_as_complex().fft_ifft(None::<i64>, -2, "ortho").fft_irfft(width, -1, "ortho")
}

/// The spectrum of a picture.
pub fn of_picture(picture: &Tensor) -> Tensor {
    picture.fft_rfft2(None::<&[i64]>, [-2i64, -1], "ortho").view_as_real()
}

/// Carries the gradient with respect to a picture back to the spectrum that it was made of by [`to_picture`].
///
/// What a column without a mirror image (the first; of an even width the last) adds to the picture is adjoint to the
/// transform; every other one stands for its mirror image too, and counts twice.
pub fn pullback(gradient: &Tensor) -> Tensor {
    let width = gradient.size()[3];
    let spectrum = of_picture(gradient);
    let _ = spectrum.narrow(3, 1, (width - 1) / 2).g_mul_scalar_(2.);
    spectrum
}

/// How many coefficients of the whole spectrum each column of a half one stands for: `[1,1,1,W/2+1]`.
pub fn multiplicities([_, width]: [i64; 2], kind: Kind, device: Device) -> Tensor {
    let counts = Tensor::ones([1, 1, 1, width / 2 + 1], (kind, device));
    let _ = counts.narrow(3, 1, (width - 1) / 2).fill_(2.);
    counts
}

/// The standard deviations `[1,1,H,W/2+1,2]` that independent numbers of a spectrum need to make white noise of deviation 1.
///
/// Where a half spectrum holds a coefficient and its mirror image (the first column; of an even width the last), a picture
/// is made of the mean of the two; coefficients that are their own mirror image have no imaginary part.
pub fn of_white_noise([height, width]: [i64; 2], kind: Kind, device: Device) -> Tensor {
    let own_mirror = |place: i64, size: i64| place == 0 || 2 * place == size;
    let deviations: Vec<f64> = (0..height)
        .flat_map(|row| (0..=width / 2).map(move |column| (own_mirror(row, height), own_mirror(column, width))))
        .flat_map(|place| match place {
            (true, true) => [1., 0.],
            (false, true) => [1., 1.],
            (_, false) => [0.5f64.sqrt(); 2],
        })
        .collect();
    Tensor::from_slice(&deviations).view([1, 1, height, width / 2 + 1, 2]).to_kind(kind).to_device(device)
}

/// The picture `[N,C,H,W]` at another size through its spectrum: zeros for the frequencies that are new, none of those that
/// no longer fit. Centres of pixels lie where a resize of the picture would have them.
pub fn resample(picture: &Tensor, [height, width]: [i64; 2]) -> Tensor {
    let (from_height, from_width) = (picture.size()[2], picture.size()[3]);
    let axis = |from: i64, to: i64| axis_matrix(from, to).to_kind(picture.kind()).to_device(picture.device());
    axis(from_height, height).matmul(picture).matmul(&axis(from_width, width).transpose(0, 1))
}

/// `[to, from]`: trigonometric interpolation at the centres of `to` pixels. Enlarged and shrunk again, an axis is what it
/// was.
fn axis_matrix(from: i64, to: i64) -> Tensor {
    let common = from.min(to) as f64;
    // The sum of cos(2 pi k distance) over the common frequencies, k from -common / 2 to common / 2, in closed form. Of an
    // even number of pixels the highest is its own mirror image: one, of which an enlarged axis has two halves.
    let kernel = |distance: f64| {
        let angle = PI * distance;
        if angle.sin().abs() < 1e-12 {
            return if common % 2. == 0. && to < from { common + 1. } else { common };
        }
        match (common % 2. == 0., to < from) {
            (false, _) => (common * angle).sin() / angle.sin(),
            (true, false) => (common * angle).sin() / angle.tan(),
            (true, true) => ((common + 1.) * angle).sin() / angle.sin(),
        }
    };
    let centre = |i: i64, size: i64| (i as f64 + 0.5) / size as f64;
    let weights: Vec<f64> = (0..to)
        .flat_map(|o| (0..from).map(move |i| centre(o, to) - centre(i, from)))
        .map(|distance| kernel(distance) / from as f64)
        .collect();
    Tensor::from_slice(&weights).view([to, from])
}
