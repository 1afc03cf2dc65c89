#!/bin/sh
# The pictures of "From a picture, towards a picture" in README.md: metapicture and GoogLeNet's Caffe file in the zoo, three photographs of the set `photos` as
# files here (china.jpg, chelsea.png, flower.jpg). About ten minutes on two cores.
set -e
of() { metapicture visualize --classifier bvlc_googlenet "$@"; }
for layer in inception_3b inception_4c; do
    of --unit "layer:$layer/output" --method deepdream-2015 --steps 10 --from china.jpg --size 448 --out out/dream-$layer
done
of --unit 'guide(inception_4c/output, flower.jpg)' --method deepdream-2015 --steps 10 --from china.jpg --size 448 --out out/guided
for layer in conv2/3x3 inception_3b/output inception_4c/output inception_4e/output inception_5b/output; do
    of --unit "inversion($layer, china.jpg)" --method inversion-2015 inversion-spectrum --out "out/inverted-${layer%%/*}"
done
of --unit 'tiger cat' lynx 'red fox' --method accentuation-2024 --from chelsea.png --witness squeezenet-caffe efficientnet-lite0 --out out/accented
of --unit 'caricature(inception_4c/output, chelsea.png)' 'style(conv2/3x3, china.jpg)' 'pair(inception_4c/output:442)' banana \
    'banana - banana @ efficientnet-lite0' --method lucid-2017 --steps 160 --witness squeezenet-caffe --out out/seen
metapicture visualize --classifier efficientnet-lite0 --unit 'tennis ball' violin goldfish \
    --method direct-ascent-2025 alpha-2018 cppn-2018 --witness squeezenet-caffe bvlc_googlenet --out out/peers
# Held against photographs of your own, a thousand ordinary ones here.
metapicture visualize --classifier efficientnet-lite0 --unit 'tennis ball' violin goldfish --method vital-2025 --reference "${PHOTOGRAPHS:-photos}" \
    --witness squeezenet-caffe bvlc_googlenet --out out/vital
# The same by another network.
lite0() { metapicture visualize --classifier efficientnet-lite0 "$@"; }
for layer in _blocks.4 _blocks.10; do lite0 --unit "layer:$layer" --method deepdream-2015 --steps 10 --from china.jpg --size 448 --out out/lite0-dream; done
lite0 --unit 'guide(_blocks.10, flower.jpg)' --method deepdream-2015 --steps 10 --from china.jpg --size 448 --out out/lite0-dream
lite0 --unit 'tiger cat' lynx 'red fox' --method accentuation-2024 --from chelsea.png --witness squeezenet-caffe bvlc_googlenet --out out/lite0-accented
for layer in _blocks.0 _blocks.4 _blocks.10 _blocks.14; do lite0 --unit "inversion($layer, china.jpg)" --method inversion-2015 --out out/lite0-inverted; done
