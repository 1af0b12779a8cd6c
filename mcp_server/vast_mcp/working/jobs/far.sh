# The far side of jobs: what is done in the machine. It is sent whole to `sh` by stdin, so that nothing of it is an
# argument of a process; its last line calls main, and a script that was cut on the way calls nothing.
#
#   ~/.vast-mcp/jobs/JOB.TICKET/  what was made ready for the job: command, running; by.PID.START of each shell that
#                                 tries to start it, and of its keeper
#   ~/.vast-mcp/jobs/JOB/         the job: making this folder is the claim, and only who has the ticket's command runs it
#       command                   what is run: by its shebang, else by bash, or sh where there is none
#       pid                       PID START BOOT FIRST BEGAN UPTIME of its process: its start and that of the machine's
#                                 first process in ticks, the boot's id, the time, and the seconds since the boot
#       keeper                    PID START of the shell that waits for its end
#       out, err                  what it says
#       running                   renamed as it ends to exit.STATUS.UPTIME, for which a full disk has room; to unstarted
#                                 where it never began
#       stopped                   somebody stopped it
#
# POSIX sh with coreutils or busybox. Nothing after the claim needs the connection.

say() { printf '%s\n' "$mark $*"; }

nap() { sleep 0.1 2>/dev/null || sleep 1; }

# Sets `when`: the start of the process $1. One that is dead and not buried is none.
born() {
    when=''
    line=''
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*\) }
    case $1 in Z | X) return 1 ;; esac
    when=${20}
}

lives() { born "$1" && [ "$when" = "$2" ]; }

# Sets `me` and `when`, of the shell that asks: $$ is not a subshell's own.
myself() {
    me=''
    { read -r me rest </proc/self/stat; } 2>/dev/null
    born "${me:-none}"
}

# Sets `up` and `epoch`.
now() {
    up=''
    { read -r up rest </proc/uptime; } 2>/dev/null
    epoch=$(date +%s 2>/dev/null)
}

# Sets `boot` and `first`.
machine() {
    boot=''
    { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
    born 1
    first=${when:--}
    boot=${boot:--}
}

write() {
    { printf '%s\n' "$2" >"$1.new"; } 2>/dev/null && mv "$1.new" "$1" 2>/dev/null
}

# ── making ready, and starting ─────────────────────────────────────────────────────────────────

prepare() {
    if [ -d "$job" ]; then
        was=there
    elif mkdir -p "$base" && chmod 700 "$base" && mkdir "$claim" && words >"$claim/command" &&
        true >"$claim/running" && born $$; then
        was=ready
    else
        rm -rf "$claim"
        was=unwritable
    fi 2>/dev/null
    say was $was
    say end
}

start() {
    born $$
    if ! { true >"$claim/by.$$.$when"; } 2>/dev/null; then
        was=lost
        [ -d "$claim" ] && was=unwritable
        [ -d "$job" ] && was=followed
    elif mkdir "$job" 2>/dev/null; then
        if mv "$claim/command" "$job/command" 2>/dev/null; then
            mv "$claim/running" "$job/running" 2>/dev/null
            launch
            was=started
        else
            rm -r "$job"
            was=lost
        fi
    else
        was=unwritable
        [ -d "$job" ] && was=followed
    fi
    look
}

launch() {
    leader=$(command -v setsid)
    shell=$(command -v bash || command -v sh)
    { read -r line <"$job/command"; } 2>/dev/null
    case $line in '#!'*)
        chmod u+x "$job/command"
        shell=''
        ;;
    esac
    machine
    keep &
    until [ -e "$job/pid" ] || [ ! -e "$job/running" ] || ! kill -0 $! 2>/dev/null; do nap; done
}

# Waits for the job, and keeps how it ended. By exec, for dash keeps the streams of a function that is redirected, and
# the channel is open as long as somebody has them.
keep() {
    exec </dev/null >/dev/null 2>&1
    myself
    true >"$claim/by.$me.$when"
    write "$job/keeper" "$me $when"
    begin </dev/null >"$job/out" 2>"$job/err" &
    wait $!
    code=$?
    now
    if [ -e "$job/pid" ]; then
        mv "$job/running" "$job/exit.$code.$up"
    else
        mv "$job/running" "$job/unstarted"
    fi
}

# Becomes the job. Its values are given to no process but it, and whatever their names are, what is run is what was
# meant before they were set.
begin() {
    myself && now && [ -n "$when" ] &&
        write "$job/pid" "$me $when $boot $first ${epoch:--} ${up:--}" || exit 1
    rm -rf "$claim"
    trap - PIPE
    umask "$mask"
    set -- "$key" $leader $shell "$job/command"
    values
    JOB_OF_VAST_MCP=$1
    export JOB_OF_VAST_MCP
    shift
    exec "$@"
}

# ── looking ────────────────────────────────────────────────────────────────────────────────────

# Sets `state`: running, ended, stopped, unstarted, interrupted or lost; `code` and `done_at` of one that ended.
judge() {
    code='' done_at='' pid='' why='' began='' began_up=''
    { read -r pid born_at booted began_first began began_up <"$job/pid"; } 2>/dev/null
    over && return
    state=running
    if [ -n "$pid" ] && [ "$booted" = "$boot" ] && lives "$pid" "$born_at"; then return; fi
    if kept || claimed; then return; fi
    over && return
    if [ -z "$pid" ] && [ -e "$job/pid" ]; then return; fi # it came meanwhile: the next look reads it
    state=interrupted
    [ -d "$job" ] || state=lost
    if [ -n "$pid" ] && { [ "$booted" != "$boot" ] || [ "$began_first" != "$first" ]; }; then why=restarted; fi
}

# Whether its end is kept.
over() {
    for end in "$job"/exit.*; do
        if [ -e "$end" ]; then
            end=${end##*/exit.}
            code=${end%%.*} done_at=${end#*.} state=ended
            [ -e "$job/stopped" ] && state=stopped
            return 0
        fi
    done
    [ -e "$job/unstarted" ] && state=unstarted
}

# Whether the shell lives that waits for its end.
kept() {
    keeper='' keeper_born=''
    { read -r keeper keeper_born <"$job/keeper"; } 2>/dev/null
    [ -n "$keeper" ] && lives "$keeper" "$keeper_born"
}

# Whether a shell lives that is about to begin it.
claimed() {
    [ -n "$pid" ] && return 1
    for one in "$job".*/by.*; do
        one=${one##*/by.}
        lives "${one%%.*}" "${one#*.}" && return 0
    done
    return 1
}

size() {
    bytes=''
    [ -e "$1" ] && bytes=$(wc -c <"$1" 2>/dev/null)
    bytes=$((${bytes:-0}))
}

# Looks until it is over, $wait seconds at most.
look() {
    [ "$was" = lost ] || [ "$was" = unwritable ] || await "$wait"
    report
}

# Looks until it is over or has said more than was read of it, and says what is new, so many bytes of each stream. Whether
# it is over is known before that is read: what it says is whole then.
hear() {
    now
    late=$((${up%%.*} + wait))
    judge
    until [ "$state" != running ] || news || [ "${up%%.*}" -ge "$late" ]; do
        nap
        now
        judge
    done
    facts
    say out
    since "$job/out" "$from_out"
    printf '\n%s\n' "$mark end"
    {
        say err
        since "$job/err" "$from_err"
        printf '\n%s\n' "$mark end"
    } >&2
}

news() {
    size "$job/out"
    [ "$bytes" -gt "$from_out" ] && return
    size "$job/err"
    [ "$bytes" -gt "$from_err" ]
}

since() { tail -c "+$(($2 + 1))" "$1" 2>/dev/null | head -c "$most"; }

await() {
    now
    late=$((${up%%.*} + $1))
    judge
    while [ "$state" = running ] && [ "${up%%.*}" -lt "$late" ]; do
        nap
        now
        judge
    done
}

report() {
    facts
    say out
    tail -c "$most" "$job/out" 2>/dev/null
    printf '\n%s\n' "$mark end"
    {
        say err
        tail -c "$most" "$job/err" 2>/dev/null
        printf '\n%s\n' "$mark end"
    } >&2
}

facts() {
    say was "$was"
    say state "${state:-unknown}"
    say code "$code"
    say why "$why"
    say began "${began:-}"
    say span "${began_up:-}" "${done_at:-$up}"
    size "$job/out"
    say out_bytes $bytes
    size "$job/err"
    say err_bytes $bytes
}

# The jobs of this machine, the newest first: so many in full, and all that run; of the rest, how they stand. No program
# is started for those, which may be thousands.
all() {
    now
    for key in $(ls -t "$base" 2>/dev/null); do
        case $key in *.*) continue ;; esac
        job=$base/$key
        judge
        say job "$key"
        most=$((most - 1))
        if [ "$state" = running ] || [ "$most" -ge 0 ]; then
            facts
            say command "$(head -c 300 "$job/command" 2>/dev/null | tr '\n\r\000' '   ')"
        else
            say state "$state"
            say code "$code"
        fi
    done
    say end
}

# ── stopping ───────────────────────────────────────────────────────────────────────────────────

# Ends the job with all that came of it, and where it is over, what it left running.
stop() {
    await 0
    leads=''
    case $state in
    running)
        leads=yes
        true >"$job/stopped"
        finish
        await 5
        ;;
    ended | stopped | interrupted)
        if family; then
            finish
            family || why=left
        fi
        ;;
    esac
    report
}

# Ends the family: asked first, and after $wait seconds without asking.
finish() {
    now
    late=$((${up%%.*} + wait)) give_up=$((${up%%.*} + wait + 5)) how=TERM asked=' '
    while family && [ "${up%%.*}" -lt "$give_up" ]; do
        for one in $family; do
            case "$how $asked" in TERM*" $one "*) continue ;; esac
            kill -s $how "$one"
            asked="$asked$one "
        done
        nap
        now
        [ "${up%%.*}" -lt "$late" ] || how=KILL
    done 2>/dev/null
}

# Sets `family`: every process of the job, known by what it inherited, by who started it, or, as long as the job $leads
# it, by its session, whose number may later be another's.
family() {
    family=' '
    { read -r pid born_at rest <"$job/pid"; } 2>/dev/null
    if [ -n "$pid" ] && lives "$pid" "$born_at"; then family=" $pid "; fi
    [ -n "$leads" ] || pid=''
    for one in $(grep -ls "JOB_OF_VAST_MCP=$key" /proc/[0-9]*/environ 2>/dev/null); do
        one=${one#/proc/}
        one=${one%/environ}
        born "$one" && add "$one"
    done
    more=yes
    while [ -n "$more" ]; do
        more=''
        for one in /proc/[0-9]*; do descends "${one#/proc/}"; done
    done
    [ "$family" != ' ' ]
}

add() {
    case $family in *" $1 "*) return ;; esac
    family="$family$1 "
    more=yes
}

descends() {
    line='' of=$1
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return
    set -- ${line##*\) }
    case $1 in Z | X) return ;; esac
    case $of in 1 | $$) return ;; esac
    if [ "$4" = "${pid:-none}" ]; then add "$of"; fi
    case $family in *" $2 "*) add "$of" ;; esac
}

# ───────────────────────────────────────────────────────────────────────────────────────────────

# main ACT JOB TICKET MARK WAIT MOST whole
main() {
    [ "$7" = whole ] || return
    trap '' HUP PIPE
    mask=$(umask)
    umask 077
    act=$1 key=$2 mark=$4 wait=$5 most=$6 was=followed
    base=${HOME:-/root}/.vast-mcp/jobs
    job=$base/$key
    claim=$base/$key.$3
    machine
    $act
}
