#!/bin/sh
# The pictures and figures of "Pixel space" in README.md: about three quarters of an hour on two cores. Run it from the project's root after
# `make build`; what is there already is not computed again.
set -e
metapicture=target/debug/metapicture
witnesses="--witness efficientnet-lite1 efficientnet-lite2"
out=${1:-out/pixel-space}

# Ten classes, three seeds: what the witnesses believe.
$metapicture visualize --classifier efficientnet-lite0 --method naive lucid-2017 regularized --seeds 3 --batch 10 $witnesses \
    --unit banana sunglass wig violin 'chainlink fence' 'bow tie' 'tennis ball' 'picket fence' mask goldfish --out $out/legibility

# Every preset, four classes. The paper's own recipe takes 2000 steps an octave there; here 200.
units="--unit banana violin sunglass"
$metapicture visualize --classifier efficientnet-lite0 $units 'chainlink fence' --batch 4 $witnesses --out $out/presets \
    --method naive erhan-2009 deepdream-2015 mahendran-2015 yosinski-2015 yosinski-2015-sparse tyka-2016 lapnorm-2016 \
    lucid-2017 maco-2023 regularized
$metapicture visualize --classifier efficientnet-lite0 $units 'chainlink fence' --batch 4 $witnesses --out $out/offert-bell \
    --method offert-bell-2020 --steps 200

# Four facets of one class, and the path from the prior to free pixels.
$metapicture visualize --classifier efficientnet-lite0 --unit violin $witnesses --method diversity-2017 --out $out/facets
$metapicture visualize --classifier efficientnet-lite0 --generator face-dcgan $units 'chainlink fence' $witnesses \
    --method latent blend --out $out/blend
