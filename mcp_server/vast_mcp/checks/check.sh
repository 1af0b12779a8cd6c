# What a machine is: prints one line, `vast-mcp: check ` and JSON, which reading.py reads.
#
#   sh check.sh [URL]
#
# URL  what is downloaded to see how fast that is; without it nothing is
#
# POSIX sh, with cat, date, dd, df, grep, head, nproc, rm, sed, tr and wc of coreutils or busybox, timeout where there
# is one, and nvidia-smi, rocm-smi, dmesg, curl and wget where they are. script.py packs it, without comment lines and
# indentation; every character counts there. Nothing is judged here: each field holds the exit status of a command and what
# it printed, so that a machine without it is told apart from one where it fails (127, and any other). Of that only letters
# that need no escape in JSON are kept, with `;` for the end of a line.
#
# Variables: U the URL, H what bounds a command that may hang, k a field, o what it holds, s its status, n how much, b since
# when, in hundredths of a second of /proc/uptime, whose clock nobody sets.
U=$1
H=$(timeout 12 echo timeout 12)

# f NAME COMMAND...
f() {
    k=$1
    shift
    o=$("$@" 2>&1)
    s=$?
    printf '"%s":"%s %s",' $k $s "$(printf %s "$o"|tr '\n' ';'|tr -cd 'A-Za-z0-9 ;,.:/%()_-'|head -c 6000)"
}

t() {
    read a b </proc/uptime
    echo ${a%.*}${a#*.}
}

q() {
    $H nvidia-smi --format=csv,noheader,nounits --query-gpu=$1
}

cuda() {
    $H nvidia-smi|sed -n 's/.*CUDA Version: *//p'
}

# The kernel's log has other cards of the computer too.
xid() {
    dmesg|sed -n 's/.*NVRM: Xid (PCI:\([^)]*\)): \([0-9]*\).*/\1 \2/p'
}

# At most 256 MiB and 8 seconds, each block of 16 on the disk before the next, into a file of root's home that has lost its
# name: it is gone whatever becomes of this shell. Only where a gigabyte is free.
disk() {
    cd||cd /
    df -Pk .|(
        read a
        read a a a a b
        [ $a -gt 999999 ]||exit
        exec >.mcp-$$
        rm .mcp-$$
        n=0
        b=$(t)
        while [ $n -lt 256 ]&&[ $(($(t)-b)) -lt 800 ]&&dd if=/dev/zero bs=1M count=16 conv=fsync 2>/dev/null; do
            n=$((n+16))
        done
        echo $n $(($(t)-b)) >&2
    )
}

# At most 256 MB and 8 seconds.
down() {
    b=$(t)
    n=$(
        {
            curl -qgsfm8 "$U"
            [ $? = 127 ]&&timeout 8 wget -qO- "$U"
        }|head -c 256000000|wc -c
    )
    echo $n $(($(t)-b))
}

look() {
    f gpu q pci.bus_id,name,memory.total,driver_version,pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current,pcie.link.width.max,power.limit,power.default_limit,ecc.mode.current,ecc.errors.uncorrected.volatile.total,utilization.gpu
    if [ $s = 0 ]; then
        f cuda cuda
        f cap q compute_cap,mig.mode.current
        f why q clocks_event_reasons.active
        [ $s = 0 ]||f why q clocks_throttle_reasons.active
    else
        f amd $H rocm-smi --showproductname --showmeminfo vram --csv
        f dev ls /dev/nvidia[0-9]* /dev/kfd
    fi
    f xid xid
    f cpu nproc
    cd /sys/fs/cgroup
    f sys grep -sE '^([-0-9]|max|MemTotal)' cpu.max cpu/cpu.cfs_[pq]* memory.max memory/memory.limit_in_bytes /proc/meminfo
    f df df -Pk /
    f disk disk
    [ "$U" ]&&f down down
    f at date +%s
}

echo "vast-mcp: check {$(look)\"v\":1}"
