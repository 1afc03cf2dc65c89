#!/bin/sh
# The figures of "Searches for a code" in README.md: hours on two cores. Run it from the project's root after `make build`;
# what is there already is not computed again, and a part of it can be summed up at any time: experiments/searches.py OUT.
#
# Every search of a generator gets the same number of forward passes. Seeds are the outer loop, so that whatever is done
# holds every class and every search equally often.
set -e
metapicture=${METAPICTURE:-target/debug/metapicture}
out=${1:-out/searches}
seeds=${SEEDS:-0 1 2 3 4}

# run FOLDER GENERATOR SEED METHOD STEPS, the steps by which the method comes to the generator's number of passes.
run() {
    folder=$1 generator=$2 seed=$3 method=$4 steps=$5
    shift 5
    $metapicture visualize --quiet --classifier efficientnet-lite0 --generator "$generator" --method "$method" --steps "$steps" \
        --seed "$seed" --batch 10 --witness efficientnet-lite1 efficientnet-lite2 --out "$out/$folder-$method" "$@" \
        --unit banana sunglass wig violin 'chainlink fence' 'bow tie' 'tennis ball' 'picket fence' mask goldfish
}

# all FOLDER GENERATOR PASSES: `latent` screens 96 codes and takes 80 steps on trial, of which 20 count; a generation is 40.
all() {
    for seed in $seeds; do
        run "$1" "$2" "$seed" latent $(($3 - 157))
        run "$1" "$2" "$seed" dgn-am $(($3 - 1))
        for method in cma-es cma-es-cholesky cma-es-spherical ga; do
            run "$1" "$2" "$seed" $method $(($3 / 40))
        done
    done
}

case ${PART:-all} in
all | face) all face-600 face-dcgan 600 ;;
esac
case ${PART:-all} in
all | eye) all eye-400 eye-cdcgan 400 ;;
esac
