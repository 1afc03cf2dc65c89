#!/bin/sh
# All of it, from the project's root: `sh experiments/planted-bias/run.sh`. Needs Python with torch (2.8 or later), numpy and pillow, and the program
# metapicture, which $METAPICTURE names unless it is target/debug/metapicture. One core, about 25 minutes; a second time it trains and draws nothing again.
set -eu
program=${METAPICTURE:-target/debug/metapicture}
python=${PYTHON:-python3}
here=experiments/planted-bias
out=out/planted-bias
export OMP_NUM_THREADS=1

# Fashion-MNIST (MIT), unpacked and not installed; FASHION_MNIST names a folder of the four files where there is one.
if [ -z "${FASHION_MNIST:-}" ] && [ ! -d $out/data/usr ]; then
    mkdir -p $out/data
    (cd $out/data && apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)
fi
"$python" $here/train.py                                                             # networks, generators, encoder, probe.csv
for name in clean own seen; do "$program" models check ./$out/generators/vae-$name.yaml; done
"$program" sweep $here/tuning.yaml --out $out/tuning --threads 1
"$program" sweep $here/pictures.yaml --out $out/pictures --threads 1
"$python" $here/judge.py                                                             # the other tables, curve.svg, pictures.jpg
# Two more priors of each kind: about ten minutes.
"$python" $here/priors.py train
"$program" sweep $here/priors.yaml --out $out/priors --threads 1
"$program" sweep $here/priors-tuning.yaml --out $out/priors-tuning --threads 1
"$python" $here/priors.py judge                                                      # priors.csv
