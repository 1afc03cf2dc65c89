#!/usr/bin/env bash
# A Slurm cluster of two one-core nodes, n1 and n2, on loopback: a controller, a node daemon each, and munge with a key of its own.
# All that it makes is in DIR; nothing of the machine's own Slurm is touched. The nodes run as whoever starts it.
#
#   cluster.sh start DIR PORT     PORT to PORT + 2 are used; then export SLURM_CONF=DIR/slurm.conf
#   cluster.sh stop DIR
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
command=$1 dir=$(realpath -m "$2")
export SLURM_CONF=$dir/slurm.conf

stop() {
    for file in "$dir"/pid/*; do
        [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
    done
    # Those that do not listen.
    for _ in $(seq 20); do
        alive=0
        for file in "$dir"/pid/*; do
            [ -s "$file" ] && kill -0 "$(cat "$file")" 2>/dev/null && alive=1
        done
        [ $alive = 0 ] && return
        sleep 0.2
    done
    for file in "$dir"/pid/*; do
        [ -s "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null || true
    done
}

start() {
    local port=$1 host user
    host=$(hostname -s) user=$(id -un)
    mkdir -p "$dir"/{state,log,pid,munge,spool.n1,spool.n2}
    chmod 755 "$dir" "$dir/munge" && chmod 700 "$dir/log"
    head -c 128 /dev/urandom >"$dir/munge/key" && chmod 600 "$dir/munge/key"
    cat >"$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/pid/slurmctld
SlurmdPidFile=$dir/pid/slurmd.%n
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
KillWait=2
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
CONF
    # --force: the folder may be closed to others, which munge warns of.
    munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/pid/munged" \
        --log-file="$dir/log/munged" --seed-file="$dir/munge/seed" </dev/null >/dev/null 2>&1
    slurmctld </dev/null >/dev/null 2>&1
    slurmd -N n1 </dev/null >/dev/null 2>&1
    slurmd -N n2 </dev/null >/dev/null 2>&1
    for _ in $(seq 60); do
        [ "$(timeout 5 sinfo --noheader --Node --format=%t 2>/dev/null | sort | uniq -c | tr -s ' ')" = " 2 idle" ] && return
        sleep 0.5
    done
    echo "the nodes did not come up:" >&2
    timeout 5 sinfo >&2 || true
    tail -n 5 "$dir"/log/* >&2 || true
    stop
    exit 1
}

case $command in
start) start "$3" ;;
stop) stop ;;
*)
    echo "usage: cluster.sh start DIR PORT | stop DIR" >&2
    exit 2
    ;;
esac
